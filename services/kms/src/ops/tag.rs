//! TagResource, UntagResource, ListResourceTags.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::{Empty, More, Page, find_by_id, of_key, resolve_id};
use crate::Kms;
use crate::error::Error;
use crate::limits;
use crate::model::key;
use crate::types::Key;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub tag_key: String,
    pub tag_value: String,
}

/// What tags may be.
///
/// # Errors
/// For names that are reserved or come twice, and for what is too long or too many.
pub fn check(tags: &[Tag]) -> Result<BTreeMap<String, String>, Error> {
    let mut constraints = Constraints::default();
    for (index, tag) in (1..).zip(tags) {
        let place = |member| format!("tags.{index}.member.{member}");
        constraints.length(Some(&tag.tag_key), &place("tagKey"), limits::TAG_KEY_CHARACTERS_MAX);
        constraints.length(Some(&tag.tag_value), &place("tagValue"), limits::TAG_VALUE_CHARACTERS_MAX);
        if tag.tag_key.is_empty() {
            constraints.fail("", &place("tagKey"), "have length greater than or equal to 1");
        }
    }
    constraints.check()?;
    let reserved = |tag: &Tag| tag.tag_key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    if tags.iter().any(reserved) {
        return Err(Error::Tag("Tags beginning with aws: are reserved"));
    }
    let all: BTreeMap<_, _> = tags.iter().map(|tag| (tag.tag_key.clone(), tag.tag_value.clone())).collect();
    if all.len() < tags.len() {
        return Err(Error::Tag("Duplicate tag keys"));
    }
    check_count(all.len())?;
    Ok(all)
}

pub fn shown(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { tag_key: key.clone(), tag_value: value.clone() }).collect()
}

fn check_count(count: usize) -> Result<(), Error> {
    if count > limits::TAGS_MAX { Err(Error::Tag("Too many tags")) } else { Ok(()) }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub key_id: String,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UntagInput {
    pub key_id: String,
    pub tag_keys: Vec<String>,
}
of_key!(TagInput, UntagInput, ListInput);

async fn change(
    cx: Cx,
    text: &str,
    set: impl Fn(&mut Key) -> Result<(), Error> + Send + 'static,
) -> Result<Empty, Error> {
    let arn = resolve_id(&cx.db().read()?, &cx, text)?;
    let checked = move |key: &mut Key| {
        key::check_own(key)?;
        key::check_stays(key)?;
        set(key)
    };
    cx.db().write(move |tx| key::change(tx, &arn, &checked)).await?;
    Ok(Empty {})
}

pub async fn tag(_: Arc<Kms>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let tags = check(&input.tags)?;
    let set = move |key: &mut Key| {
        key.tags.extend(tags.clone());
        check_count(key.tags.len())
    };
    change(cx, &input.key_id, set).await
}

pub async fn untag(_: Arc<Kms>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    let UntagInput { key_id, tag_keys } = input;
    let set = move |key: &mut Key| {
        key.tags.retain(|name, _| !tag_keys.contains(name));
        Ok(())
    };
    change(cx, &key_id, set).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub key_id: String,
    #[serde(flatten)]
    pub page: Page,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tags: Vec<Tag>,
    #[serde(flatten)]
    pub more: More,
}

pub async fn list(_: Arc<Kms>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let (limit, after) = input.page.read_within(limits::TAGS_PAGE, &(1..=50))?;
    let mut rest = find_by_id(&cx, &input.key_id)?
        .tags
        .into_iter()
        .filter(|(name, _)| after.is_none_or(|after| name.as_str() > after));
    let tags: Vec<Tag> = rest.by_ref().take(limit).map(|(tag_key, tag_value)| Tag { tag_key, tag_value }).collect();
    let more = More::new(rest.next().is_some(), tags.last().map(|tag| tag.tag_key.clone()));
    Ok(ListOutput { tags, more })
}
