//! CreateInvalidation, GetInvalidation, ListInvalidations.

use std::sync::Arc;

use kv::{Desc, Order};
use serde::Deserialize;
use serde_json::{Value, json};
use service::Cx;

use super::{Answer, PageInput, location, new_id};
use crate::CloudFront;
use crate::documents::{List, check_name};
use crate::error::Error;
use crate::keys::{INVALIDATION_NUMBERS, INVALIDATIONS};
use crate::limits;
use crate::model::{distribution, invalidation};
use crate::types::Invalidation;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub distribution_id: String,
    pub invalidation_batch: Batch,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Batch {
    pub paths: List<String>,
    pub caller_reference: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OneInput {
    pub distribution_id: String,
    pub id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub distribution_id: String,
    pub marker: Option<String>,
    pub max_items: Option<usize>,
}

impl Batch {
    fn check(&self) -> Result<(), Error> {
        check_name("CallerReference", &self.caller_reference, limits::NAME_CHARACTERS_MAX)?;
        let paths = &self.paths.items;
        if self.paths.quantity != paths.len() as u64 {
            let message = "The value of Quantity and the size of Items don't match.";
            return Err(Error::new(400, "InconsistentQuantities", message));
        }
        if paths.is_empty() {
            return Err(Error::argument("Your request must name at least one path."));
        }
        if paths.len() > limits::INVALIDATION_PATHS_MAX {
            let message = "Invalidation batch specified is too large.";
            return Err(Error::new(413, "BatchTooLarge", message));
        }
        let fits = |path: &String| {
            path.starts_with('/') && path.len() <= limits::INVALIDATION_PATH_CHARACTERS_MAX && path.is_ascii()
        };
        match paths.iter().find(|path| !fits(path)) {
            Some(path) => Err(Error::argument(format!(
                "Your request contains the invalid invalidation path {path:.128}: it begins with a slash, and is URL-encoded."
            ))),
            None => Ok(()),
        }
    }
}

fn shown(of: &Invalidation) -> Value {
    json!({
        "Id": of.id, "Status": "Completed", "CreateTime": of.created.iso8601(),
        "InvalidationBatch": {"Paths": List::from(of.paths.clone()), "CallerReference": of.caller_reference},
    })
}

/// Takes effect before it answers: what is fetched from now on is not what was there.
pub async fn create(state: Arc<CloudFront>, cx: Cx, input: CreateInput) -> Result<Answer, Error> {
    let CreateInput { distribution_id, invalidation_batch: batch } = input;
    batch.check()?;
    let new = Invalidation {
        id: new_id(&cx, 'I'),
        created: cx.now(),
        caller_reference: batch.caller_reference,
        paths: batch.paths.items,
    };
    let id = distribution_id.clone();
    let made = cx.db().write(move |tx| invalidation::create(tx, &id, &new)).await?;
    state.cache.purge(&distribution_id, &made.paths);
    Ok(Answer::from_iter([
        ("Location".to_owned(), location(&cx, &format!("distribution/{distribution_id}/invalidation/{}", made.id))),
        ("Invalidation".to_owned(), shown(&made)),
    ]))
}

pub async fn get(_: Arc<CloudFront>, cx: Cx, input: OneInput) -> Result<Answer, Error> {
    let found = invalidation::find(&cx.db().read()?, &input.distribution_id, &input.id)?;
    Ok(Answer::from_iter([("Invalidation".to_owned(), shown(&found))]))
}

pub async fn list(_: Arc<CloudFront>, cx: Cx, input: ListInput) -> Result<Answer, Error> {
    let read = cx.db().read()?;
    let ListInput { distribution_id: of, marker, max_items } = input;
    distribution::find(&read, &of)?;
    let page = PageInput { marker, max_items, r#type: None };
    let marked = page.marker.as_deref().unwrap_or_default();
    let rows = match INVALIDATION_NUMBERS.get(&read, (&of, marked))? {
        Some(number) => INVALIDATIONS.scan_after(&read, (&of,), (&of, Desc(number)), Order::Forward)?,
        None if marked.is_empty() => INVALIDATIONS.scan_prefix(&read, (&of,), Order::Forward)?,
        None => return Err(Error::argument("The marker names no invalidation.")),
    };
    let found = rows.values().take(page.most() + 1).collect::<Result<Vec<_>, _>>()?;
    let summary = |of: Invalidation| json!({"Id": of.id, "CreateTime": of.created.iso8601(), "Status": "Completed"});
    let list = page.list(found, true, |of| of.id.clone(), summary);
    Ok(Answer::from_iter([("InvalidationList".to_owned(), list)]))
}
