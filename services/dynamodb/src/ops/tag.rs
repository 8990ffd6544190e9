//! TagResource, UntagResource, ListTagsOfResource.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Cx, Nothing};

use crate::DynamoDb;
use crate::error::Error;
use crate::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use crate::model::table;
use crate::types::Table;
use crate::validation::Constraints;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// A tag as a request gives it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagElement {
    pub key: Option<String>,
    pub value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub resource_arn: Option<String>,
    pub tags: Vec<TagElement>,
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

pub async fn tag(_: Arc<DynamoDb>, cx: Cx, input: TagInput) -> Result<Nothing, Error> {
    let arn = table_arn(&cx, input.resource_arn.as_deref(), "TagResource")?;
    if input.tags.is_empty() {
        return Err(Error::validation("Atleast one Tag needs to be provided as Input."));
    }
    let tags = checked(&input.tags)?;
    let change = move |table: &mut Table| {
        table.tags.extend(tags.clone());
        check_count(&table.tags)
    };
    cx.db().write(move |tx| table::update(tx, &arn.region, &arn.to_string(), &change)).await?;
    Ok(Nothing)
}

pub async fn untag(_: Arc<DynamoDb>, cx: Cx, input: UntagInput) -> Result<Nothing, Error> {
    let arn = table_arn(&cx, input.resource_arn.as_deref(), "UntagResource")?;
    if input.tag_keys.is_empty() {
        return Err(Error::validation("Atleast one Tag Key needs to be provided as Input."));
    }
    let change = move |table: &mut Table| {
        table.tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(())
    };
    cx.db().write(move |tx| table::update(tx, &arn.region, &arn.to_string(), &change)).await?;
    Ok(Nothing)
}

pub async fn list(_: Arc<DynamoDb>, cx: Cx, input: ListTagsInput) -> Result<ListTagsOutput, Error> {
    let arn = table_arn(&cx, input.resource_arn.as_deref(), "ListTagsOfResource")?;
    let table = table::describe(&cx.db().read()?, &arn.region, &arn.to_string())?;
    let tags = table.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
    Ok(ListTagsOutput { tags })
}

/// The tags that a request gives.
///
/// # Errors
/// When one breaks the rules for tags.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Tagging.html>
pub fn checked(tags: &[TagElement]) -> Result<BTreeMap<String, String>, Error> {
    let mut constraints = Constraints::default();
    for (number, tag) in tags.iter().enumerate() {
        for (text, member, least, most) in
            [(&tag.key, "key", 1, TAG_KEY_CHARS_MAX), (&tag.value, "value", 0, TAG_VALUE_CHARS_MAX)]
        {
            let at = format!("tags.{}.member.{member}", number + 1);
            constraints.present(text, &at);
            let Some(text) = text else { continue };
            constraints.length(text, text.chars().count(), &at, least, most);
            let allowed = |char: char| char.is_alphanumeric() || char.is_whitespace() || "+-=._:/@".contains(char);
            if !text.chars().all(allowed) {
                constraints.fail(
                    Some(text),
                    &at,
                    r"Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$",
                );
            }
        }
    }
    constraints.check()?;
    let tags = tags.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone()?))).collect();
    check_count(&tags)?;
    Ok(tags)
}

fn check_count(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    match tags.len() > TAGS_MAX {
        true => Err(Error::invalid(format_args!("Too many tags: a table has at most {TAGS_MAX}"))),
        false => Ok(()),
    }
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
