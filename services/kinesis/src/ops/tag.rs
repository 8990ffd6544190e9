//! AddTagsToStream, RemoveTagsFromStream, ListTagsForStream, TagResource, UntagResource, ListTagsForResource.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use kv::{Read, Tx};
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::{Empty, OfStream, of_stream, own, page_size, permission};
use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::{consumer, stream};

type Tags = BTreeMap<String, String>;

/// How the model's message about elements' lengths goes on.
fn lengths(most: usize, least: usize) -> String {
    format!(
        "[Member must have length less than or equal to {most}, Member must have length greater than or equal to {least}]"
    )
}

pub fn constrain(tags: &Tags, constraints: &mut Constraints) {
    let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let shown = format!("{{{}}}", pairs.join(", "));
    let (key_max, value_max) = (limits::TAG_KEY_CHARACTERS_MAX, limits::TAG_VALUE_CHARACTERS_MAX);
    constraints.size(&shown, tags.len(), "tags", 0..=limits::TAGS_PER_REQUEST_MAX);
    if tags.keys().any(|key| !(1..=key_max).contains(&key.chars().count())) {
        constraints.break_rule(
            &shown,
            "tags",
            format_args!("Map keys must satisfy constraint: {}", lengths(key_max, 1)),
        );
    }
    if tags.values().any(|value| value.chars().count() > value_max) {
        constraints.break_rule(
            &shown,
            "tags",
            format_args!("Map value must satisfy constraint: {}", lengths(value_max, 0)),
        );
    }
}

/// # Errors
/// For characters that tags may not have, and for too many of them.
pub fn check(resource: &Arn, tags: &Tags) -> Result<(), Error> {
    check_characters(resource, "add tags to", tags.iter().flat_map(|(key, value)| [key, value]))?;
    if tags.len() > limits::TAGS_MAX {
        let why = format!("a given stream cannot have more than {} tags associated with it", limits::TAGS_MAX);
        return Err(failed(resource, "add tags to", &why));
    }
    Ok(())
}

fn failed(resource: &Arn, what: &str, why: &str) -> Error {
    let (named, account) = (resource.resource.replacen('/', " ", 1), &resource.account);
    Error::InvalidArgument(format!("Failed to {what} {named} under account {account} because {why}."))
}

fn check_characters<'t>(
    resource: &Arn,
    what: &str,
    texts: impl Iterator<Item = &'t String> + Clone,
) -> Result<(), Error> {
    let is_allowed = |character: char| character.is_alphanumeric() || " _./=+-:@%".contains(character);
    if !texts.clone().all(|text| text.chars().all(is_allowed)) {
        return Err(Error::InvalidArgument(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.".into(),
        ));
    }
    // AWS names the percent sign among what is valid, and then refuses it.
    if texts.clone().any(|text| text.contains('%')) {
        let why = "some tags contained illegal characters. The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'";
        return Err(failed(resource, what, why));
    }
    Ok(())
}

/// The tags of a stream or consumer.
fn find(read: &(impl Read + ?Sized), resource: &Arn) -> Result<Tags, Error> {
    if consumer::parse(resource).is_some() {
        return Ok(consumer::find(read, resource)?.1.tags);
    }
    Ok(stream::find(read, resource)?.tags)
}

fn update(tx: &mut Tx, resource: &Arn, change: impl Fn(&mut Tags) -> Result<(), Error>) -> Result<(), Error> {
    if consumer::parse(resource).is_some() {
        let (stream, mut consumer) = consumer::find(tx, resource)?;
        change(&mut consumer.tags)?;
        return consumer::put(tx, &stream, &consumer);
    }
    stream::update(tx, resource, |stream| change(&mut stream.tags)).map(|_| ())
}

async fn add(cx: &Cx, resource: Arn, tags: Tags) -> Result<Empty, Error> {
    cx.db()
        .write(move |tx| {
            update(tx, &resource, |all| {
                all.extend(tags.clone());
                check(&resource, all)
            })
        })
        .await?;
    Ok(Empty {})
}

async fn remove(cx: &Cx, resource: Arn, keys: Vec<String>) -> Result<Empty, Error> {
    cx.db()
        .write(move |tx| {
            update(tx, &resource, |all| {
                check_characters(&resource, "remove tags from", keys.iter())?;
                all.retain(|key, _| !keys.contains(key));
                Ok(())
            })
        })
        .await?;
    Ok(Empty {})
}

fn constrain_keys(keys: Option<&Vec<String>>, constraints: &mut Constraints) {
    let Some(keys) = keys else { return };
    let (shown, most) = (format!("[{}]", keys.join(", ")), limits::TAG_KEY_CHARACTERS_MAX);
    constraints.size(&shown, keys.len(), "tagKeys", 1..=limits::TAGS_MAX);
    if keys.iter().any(|key| !(1..=most).contains(&key.chars().count())) {
        constraints.fail(&shown, "tagKeys", format_args!("satisfy constraint: {}", lengths(most, 1)));
    }
}

fn constrain_given(tags: Option<&Tags>, constraints: &mut Constraints) {
    let Some(tags) = tags else { return };
    if tags.is_empty() {
        constraints.size("{}", 0, "tags", 1..=limits::TAGS_PER_REQUEST_MAX);
    }
    constrain(tags, constraints);
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AddInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub tags: Option<Tags>,
}
of_stream!(AddInput);

pub async fn add_to_stream(_: Arc<Kinesis>, cx: Cx, input: AddInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.tags, "tags");
    constrain_given(input.tags.as_ref(), &mut constraints);
    input.check_stream(&mut constraints);
    constraints.check()?;
    add(&cx, input.arn(&cx)?, input.tags.unwrap_or_default()).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RemoveInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub tag_keys: Option<Vec<String>>,
}
of_stream!(RemoveInput);

pub async fn remove_from_stream(_: Arc<Kinesis>, cx: Cx, input: RemoveInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.tag_keys, "tagKeys");
    constrain_keys(input.tag_keys.as_ref(), &mut constraints);
    input.check_stream(&mut constraints);
    constraints.check()?;
    remove(&cx, input.arn(&cx)?, input.tag_keys.unwrap_or_default()).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub exclusive_start_tag_key: Option<String>,
    pub limit: Option<i64>,
}
of_stream!(ListInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_more_tags: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

pub async fn list_for_stream(_: Arc<Kinesis>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.range(input.limit, "limit", &(1..=limits::TAGS_LISTED_MAX as i64));
    if let Some(key) = &input.exclusive_start_tag_key {
        constraints.length(key, "exclusiveStartTagKey", 1..=limits::TAG_KEY_CHARACTERS_MAX);
    }
    input.check_stream(&mut constraints);
    constraints.check()?;
    let tags = find(&cx.db().read()?, &input.arn(&cx)?)?;
    let after = input.exclusive_start_tag_key.unwrap_or_default();
    let limit = page_size(input.limit, limits::TAGS_LISTED_MAX);
    let mut rest = tags.into_iter().filter(|(key, _)| *key > after).map(|(key, value)| Tag { key, value });
    let tags = rest.by_ref().take(limit).collect();
    Ok(ListOutput { tags, has_more_tags: Some(rest.next().is_some()) })
}

/// A request that names a stream or a consumer by its ARN.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ResourceInput {
    #[serde(rename = "ResourceARN")]
    pub resource_arn: Option<String>,
    pub tags: Option<Tags>,
    pub tag_keys: Option<Vec<String>>,
}

pub fn resource_permissions(
    action: &'static str,
) -> impl Fn(&Kinesis, &Cx, &ResourceInput) -> Result<Vec<Permission>, ServiceError> {
    move |_, cx, input| Ok(vec![permission(cx, action, input.resource_arn.clone().unwrap_or_else(|| "*".into()))?])
}

fn constrain_resource(input: &ResourceInput, constraints: &mut Constraints) {
    constraints.required(&input.resource_arn, "resourceARN");
    constraints.arn(input.resource_arn.as_deref(), "resourceARN");
}

pub async fn tag(_: Arc<Kinesis>, cx: Cx, input: ResourceInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constrain_resource(&input, &mut constraints);
    constraints.required(&input.tags, "tags");
    constrain_given(input.tags.as_ref(), &mut constraints);
    constraints.check()?;
    let arn = own(&cx, &input.resource_arn.unwrap_or_default())?;
    add(&cx, arn, input.tags.unwrap_or_default()).await
}

pub async fn untag(_: Arc<Kinesis>, cx: Cx, input: ResourceInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constrain_resource(&input, &mut constraints);
    constraints.required(&input.tag_keys, "tagKeys");
    constrain_keys(input.tag_keys.as_ref(), &mut constraints);
    constraints.check()?;
    let arn = own(&cx, &input.resource_arn.unwrap_or_default())?;
    remove(&cx, arn, input.tag_keys.unwrap_or_default()).await
}

pub async fn list(_: Arc<Kinesis>, cx: Cx, input: ResourceInput) -> Result<ListOutput, Error> {
    let mut constraints = Constraints::default();
    constrain_resource(&input, &mut constraints);
    constraints.check()?;
    let tags = find(&cx.db().read()?, &own(&cx, &input.resource_arn.unwrap_or_default())?)?;
    Ok(ListOutput { tags: tags.into_iter().map(|(key, value)| Tag { key, value }).collect(), has_more_tags: None })
}
