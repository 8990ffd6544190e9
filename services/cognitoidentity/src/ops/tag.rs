//! TagResource, UntagResource, ListTagsForResource.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Empty, Texts, find_pool};
use crate::Identities;
use crate::error::Error;
use crate::limits::TAGS_MAX;
use crate::model::pool as pools;
use crate::types::Pool;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    pub resource_arn: String,
    pub tags: Texts,
    pub tag_keys: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tags: Texts,
}

/// # Errors
/// For tags that cannot be kept.
pub fn check(tags: &Texts) -> Result<(), Error> {
    let fits =
        |(key, value): (&String, &String)| (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
    if tags.len() > TAGS_MAX || !tags.iter().all(fits) {
        let told = "A resource has at most 50 tags, with keys of 1 to 128 characters and values of at most 256.";
        return Err(Error::parameter(told));
    }
    Ok(())
}

fn find(cx: &Cx, arn: &str) -> Result<Pool, Error> {
    let parsed = arn.parse::<base::Arn>().ok();
    let id = parsed.and_then(|arn| arn.resource.strip_prefix("identitypool/").map(str::to_owned));
    find_pool(cx, &id.ok_or_else(|| Error::parameter(format!("{arn} is not the ARN of an identity pool.")))?)
}

async fn change(cx: &Cx, arn: &str, set: impl Fn(&mut Texts) + Send + 'static) -> Result<Empty, Error> {
    let found = find(cx, arn)?;
    let change = move |pool: &mut Pool| {
        set(&mut pool.tags);
        check(&pool.tags)
    };
    cx.db().write(move |tx| pools::change(tx, &found.id, &change)).await?;
    Ok(Empty {})
}

pub async fn tag(_: Arc<Identities>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let tags = input.tags;
    change(&cx, &input.resource_arn, move |all| all.extend(tags.clone())).await
}

pub async fn untag(_: Arc<Identities>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let keys = input.tag_keys;
    change(&cx, &input.resource_arn, move |all| all.retain(|key, _| !keys.contains(key))).await
}

pub async fn list(_: Arc<Identities>, cx: Cx, input: Input) -> Result<ListOutput, Error> {
    Ok(ListOutput { tags: find(&cx, &input.resource_arn)?.tags })
}
