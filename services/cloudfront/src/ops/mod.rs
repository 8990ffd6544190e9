//! One file for each kind of resource: validate, then model, then output. Answers are documents, made member by member.

pub mod distribution;
pub mod entity;
pub mod invalidation;
pub mod tag;

use base::Arn;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::Cx;

use crate::limits;

/// An answer: what travels in headers, and the document.
pub type Answer = Map<String, Value>;

/// The version of the API, with which paths begin.
const VERSION: &str = "2020-05-31";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const ID_LETTERS: usize = 13;

/// A new id as CloudFront makes them: `E2EXAMPLE12345`.
pub fn new_id(cx: &Cx, prefix: char) -> String {
    format!("{prefix}{}", cx.env().random_text(LETTERS, ID_LETTERS))
}

/// A new version of something, as callers name it.
pub fn new_etag(cx: &Cx) -> String {
    new_id(cx, 'E')
}

/// The ARN of a `distribution`, a `cache-policy`, ...
pub fn arn(cx: &Cx, resource: &str, id: &str) -> Arn {
    Arn::global("cloudfront", cx.account(), format!("{resource}/{id}"))
}

fn location(cx: &Cx, path: &str) -> Value {
    json!(format!("{}/{VERSION}/{path}", cx.endpoint()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IdInput {
    pub id: String,
    pub if_match: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PageInput {
    pub marker: Option<String>,
    pub max_items: Option<usize>,
    /// Of policies: `managed` or `custom`.
    pub r#type: Option<String>,
}

impl PageInput {
    pub fn most(&self) -> usize {
        self.max_items.unwrap_or(limits::PAGE_MAX).clamp(1, limits::PAGE_MAX)
    }

    /// A list as an answer has it. `found` may have one item more than it shows: then there is a next page, which begins
    /// after the item that `mark` names. `marked` says whether it tells where it begins.
    pub fn list<T>(
        &self,
        mut found: Vec<T>,
        marked: bool,
        mark: impl Fn(&T) -> String,
        show: impl FnMut(T) -> Value,
    ) -> Value {
        let more = found.len() > self.most();
        found.truncate(self.most());
        let next = found.last().map(mark).filter(|_| more);
        let mut list = Map::new();
        if marked {
            list.insert("Marker".into(), json!(self.marker.clone().unwrap_or_default()));
            list.insert("IsTruncated".into(), json!(more));
        }
        if let Some(next) = next {
            list.insert("NextMarker".into(), json!(next));
        }
        list.insert("MaxItems".into(), json!(self.max_items.unwrap_or(limits::PAGE_MAX)));
        list.insert("Quantity".into(), json!(found.len()));
        if !found.is_empty() {
            list.insert("Items".into(), found.into_iter().map(show).collect());
        }
        Value::Object(list)
    }
}
