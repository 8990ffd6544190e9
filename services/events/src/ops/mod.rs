//! The operations, a file for each kind of thing they work on.

pub mod archive;
pub mod bus;
pub mod connection;
pub mod destination;
pub mod events;
pub mod permission;
pub mod replay;
pub mod rule;
pub mod tag;
pub mod target;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pattern::Pattern;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Constraints;

use crate::error::Error;
use crate::limits::{PAGE_MAX, PATTERN_CHARACTERS_MAX};
use crate::name::is_name;
use crate::types::Tags;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// The input of operations that only need a name.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NameInput {
    pub name: String,
}

const NAME_PATTERN: &str = "[\\.\\-_A-Za-z0-9]+";

/// Notes what is wrong with a name.
pub fn check_name(constraints: &mut Constraints, name: &str, member: &str, characters_max: usize) {
    constraints.pattern(Some(name), member, NAME_PATTERN, is_name);
    constraints.length(Some(name), member, characters_max);
}

/// Refuses what is no pattern.
pub fn pattern(text: Option<&str>) -> Result<(), Error> {
    let Some(text) = text else { return Ok(()) };
    let mut constraints = Constraints::default();
    constraints.length(Some(text), "eventPattern", PATTERN_CHARACTERS_MAX);
    constraints.check()?;
    Pattern::parse(text)?;
    Ok(())
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

pub fn tags(list: Vec<Tag>) -> Tags {
    list.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// Which part of a list is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Page {
    pub limit: Option<i64>,
    pub next_token: Option<String>,
}

impl Page {
    /// Those of `all` that are on this page, and the token of the next. A token says how many there were before, in a form
    /// that nobody takes for a number.
    pub fn of<T>(&self, all: Vec<T>) -> Result<(Vec<T>, Option<String>), Error> {
        let mut constraints = Constraints::default();
        constraints.range(self.limit, "limit", &(1..=100));
        constraints.check()?;
        let size = self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX);
        let start = match &self.next_token {
            Some(token) => place(token).ok_or_else(|| Error::parameter("NextToken", "Invalid token."))?,
            None => 0_usize,
        };
        let end = start.saturating_add(size);
        let next = (end < all.len()).then(|| BASE64.encode(format!("{TOKEN}{end}")));
        Ok((all.into_iter().skip(start).take(size).collect(), next))
    }
}

/// What a token begins with before it is encoded.
const TOKEN: &str = "eventbridge:next:";

fn place(token: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64.decode(token).ok()?).ok()?;
    text.strip_prefix(TOKEN)?.parse().ok()
}

/// An answer without the members that are not set.
pub fn answer(mut members: Value) -> Value {
    if let Some(members) = members.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    members
}
