//! TagResource, UntagResource, ListTagsForResource: of identities, configuration sets and templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use kv::{Read, Tx};
use serde::{Deserialize, Serialize};
use service::Cx;

use super::super::{Empty, Tag, check_tag_count, checked_tags, shown_tags};
use crate::Ses;
use crate::error::Error;
use crate::model::{configuration_set, identity, template};

type Tags = BTreeMap<String, String>;

fn resource(cx: &Cx, text: &str) -> Result<Arn, Error> {
    let is_here =
        |arn: &Arn| arn.service == "ses" && arn.region == cx.region().as_str() && arn.account == cx.account().as_str();
    let arn = text.parse().ok().filter(is_here);
    arn.ok_or_else(|| Error::invalid(format!("Invalid resource ARN <{text}>.")))
}

fn tags_of(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Tags, Error> {
    let region = &arn.region;
    match arn.resource.split_once('/') {
        Some(("identity", name)) => Ok(identity::find(read, region, name)?.tags),
        Some(("configuration-set", name)) => Ok(configuration_set::find(read, region, name)?.tags),
        Some(("template", name)) => Ok(template::find(read, region, name)?.tags),
        _ => Err(Error::NoResource(arn.to_string())),
    }
}

fn put(tx: &mut Tx, arn: &Arn, tags: Tags) -> Result<(), Error> {
    let region = &arn.region;
    match arn.resource.split_once('/') {
        Some(("identity", name)) => identity::change(tx, region, name, &|found| {
            found.tags.clone_from(&tags);
            Ok(())
        }),
        Some(("configuration-set", name)) => configuration_set::change(tx, region, name, &|found| {
            found.tags.clone_from(&tags);
            Ok(())
        }),
        Some(("template", name)) => {
            let found = template::find(tx, region, name)?;
            template::put(tx, region, &crate::types::Template { tags, ..found })
        }
        _ => Err(Error::NoResource(arn.to_string())),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub resource_arn: String,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
}

pub async fn tag(_: Arc<Ses>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let (arn, new) = (resource(&cx, &input.resource_arn)?, checked_tags(input.tags)?);
    cx.db()
        .write(move |tx| {
            let mut tags = tags_of(tx, &arn)?;
            tags.extend(new.clone());
            check_tag_count(&tags)?;
            put(tx, &arn, tags)
        })
        .await?;
    Ok(Empty {})
}

pub async fn untag(_: Arc<Ses>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let (arn, keys) = (resource(&cx, &input.resource_arn)?, input.tag_keys);
    cx.db()
        .write(move |tx| {
            let mut tags = tags_of(tx, &arn)?;
            tags.retain(|key, _| !keys.contains(key));
            put(tx, &arn, tags)
        })
        .await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    tags: Vec<Tag>,
}

pub async fn list(_: Arc<Ses>, cx: Cx, input: TagInput) -> Result<ListOutput, Error> {
    let tags = tags_of(&cx.db().read()?, &resource(&cx, &input.resource_arn)?)?;
    Ok(ListOutput { tags: shown_tags(tags) })
}
