//! TagResource, UntagResource, ListTagsOfResource.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::Empty;
use crate::DynamoDb;
use crate::error::Error;
use crate::limits::TAGS_MAX;
use crate::model::table;
use crate::types::Table;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub resource_arn: Option<String>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UntagInput {
    pub resource_arn: Option<String>,
    pub tag_keys: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListTagsInput {
    pub resource_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsOutput {
    pub tags: Vec<Tag>,
}

pub async fn tag(_: Arc<DynamoDb>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let arn = table_arn(&cx, input.resource_arn.as_deref(), "TagResource")?;
    if input.tags.is_empty() {
        return Err(Error::validation("Atleast one Tag needs to be provided as Input."));
    }
    let change = move |table: &mut Table| {
        table.tags.extend(input.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())));
        match table.tags.len() > TAGS_MAX {
            true => Err(Error::LimitExceeded(format!("Too many tags: at most {TAGS_MAX} are allowed for a table"))),
            false => Ok(()),
        }
    };
    cx.db().write(move |tx| table::update(tx, &arn.region, &arn.to_string(), &change)).await?;
    Ok(Empty {})
}

pub async fn untag(_: Arc<DynamoDb>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    let arn = table_arn(&cx, input.resource_arn.as_deref(), "UntagResource")?;
    if input.tag_keys.is_empty() {
        return Err(Error::validation("Atleast one Tag Key needs to be provided as Input."));
    }
    let change = move |table: &mut Table| {
        table.tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(())
    };
    cx.db().write(move |tx| table::update(tx, &arn.region, &arn.to_string(), &change)).await?;
    Ok(Empty {})
}

pub async fn list(_: Arc<DynamoDb>, cx: Cx, input: ListTagsInput) -> Result<ListTagsOutput, Error> {
    let arn = table_arn(&cx, input.resource_arn.as_deref(), "ListTagsOfResource")?;
    let table = table::describe(&cx.db().read()?, &arn.region, &arn.to_string())?;
    let tags = table.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
    Ok(ListTagsOutput { tags })
}

/// The table that an ARN names, when it is one of the caller's account and there is one.
fn table_arn(cx: &Cx, arn: Option<&str>, operation: &str) -> Result<Arn, Error> {
    let Some(text) = arn else { return Err(Error::validation("Invalid TableArn")) };
    let invalid = || Error::Validation(format!("Invalid TableArn: Invalid ResourceArn provided as input {text}"));
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    let name = arn.resource.strip_prefix("table/").filter(|name| !name.contains('/')).ok_or_else(invalid)?;
    if arn.service != "dynamodb" {
        return Err(invalid());
    }
    if arn.account != cx.account().as_str() {
        return Err(Error::AccessDenied(format!(
            "User: {} is not authorized to perform: dynamodb:{operation} on resource: {text}",
            cx.caller().arn
        )));
    }
    match table::find(&cx.db().read()?, &arn.region, name) {
        Ok(_) => Ok(arn),
        Err(Error::ResourceNotFound(_)) => {
            Err(Error::ResourceNotFound(format!("Requested resource not found: ResourcArn: {text} not found")))
        }
        Err(error) => Err(error),
    }
}
