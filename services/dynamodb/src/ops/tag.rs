//! TagResource, UntagResource, ListTagsOfResource.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Cx, Nothing};

use crate::DynamoDb;
use crate::error::Error;
use crate::limits::{NAME_CHARS_MIN, TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
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
    pub tags: Option<Vec<TagElement>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UntagInput {
    pub resource_arn: Option<String>,
    pub tag_keys: Option<Vec<String>>,
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
    let named = Named::of(&cx, input.resource_arn.as_deref(), "TagResource")?;
    let tags = given(input.tags, "tags")?;
    let arn = named.arn()?;
    if tags.is_empty() {
        return Err(Error::validation("Atleast one Tag needs to be provided as Input."));
    }
    let tags = checked(&tags)?;
    named.find(&cx, &arn)?;
    let change = move |table: &mut Table| {
        table.tags.extend(tags.clone());
        check_count(&table.tags)
    };
    cx.db().write(move |tx| table::update(tx, &arn.region, &arn.to_string(), &change)).await?;
    Ok(Nothing)
}

pub async fn untag(_: Arc<DynamoDb>, cx: Cx, input: UntagInput) -> Result<Nothing, Error> {
    let named = Named::of(&cx, input.resource_arn.as_deref(), "UntagResource")?;
    let keys = given(input.tag_keys, "tagKeys")?;
    let arn = named.arn()?;
    if keys.is_empty() {
        return Err(Error::validation("Atleast one Tag Key needs to be provided as Input."));
    }
    named.find(&cx, &arn)?;
    let change = move |table: &mut Table| {
        table.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    };
    cx.db().write(move |tx| table::update(tx, &arn.region, &arn.to_string(), &change)).await?;
    Ok(Nothing)
}

pub async fn list(_: Arc<DynamoDb>, cx: Cx, input: ListTagsInput) -> Result<ListTagsOutput, Error> {
    let named = Named::of(&cx, input.resource_arn.as_deref(), "ListTagsOfResource")?;
    let arn = named.arn()?;
    named.find(&cx, &arn)?;
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

fn given<T>(list: Option<Vec<T>>, member: &str) -> Result<Vec<T>, Error> {
    let mut constraints = Constraints::default();
    constraints.present(&list, member);
    constraints.check()?;
    Ok(list.unwrap_or_default())
}

/// What a request names. AWS judges it in parts, between which it looks at the rest of the request.
struct Named<'i> {
    text: &'i str,
    account: String,
    denied: String,
}

impl<'i> Named<'i> {
    /// # Errors
    /// When the request names nothing.
    fn of(cx: &Cx, arn: Option<&'i str>, operation: &str) -> Result<Named<'i>, Error> {
        let Some(text) = arn else { return Err(Error::validation("Invalid TableArn")) };
        let caller = &cx.caller().arn;
        let denied = format!("User: {caller} is not authorized to perform: dynamodb:{operation} on resource: {text}");
        Ok(Named { text, account: cx.account().to_string(), denied })
    }

    /// # Errors
    /// When it is no table's, or another account's.
    fn arn(&self) -> Result<Arn, Error> {
        let invalid =
            || Error::Validation(format!("Invalid TableArn: Invalid ResourceArn provided as input {}", self.text));
        let arn: Arn = self.text.parse().map_err(|_| invalid())?;
        let name = arn.resource.strip_prefix("table/").filter(|name| !name.contains('/')).ok_or_else(invalid)?;
        if arn.service != "dynamodb" || name.chars().count() < NAME_CHARS_MIN {
            return Err(invalid());
        }
        if arn.account == self.account { Ok(arn) } else { Err(Error::AccessDenied(self.denied.clone())) }
    }

    /// # Errors
    /// When there is no such table.
    fn find(&self, cx: &Cx, arn: &Arn) -> Result<(), Error> {
        let name = arn.resource.strip_prefix("table/").unwrap_or_default();
        match table::find(&cx.db().read()?, &arn.region, name) {
            Ok(_) => Ok(()),
            Err(Error::ResourceNotFound(_)) => Err(Error::ResourceNotFound(format!(
                "Requested resource not found: ResourcArn: {} not found",
                self.text
            ))),
            Err(error) => Err(error),
        }
    }
}
