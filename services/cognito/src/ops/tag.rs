//! TagResource, UntagResource, ListTagsForResource.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Error as ServiceError, Permission};

use super::{Empty, find_pool, on_pool};
use crate::Cognito;
use crate::error::Error;
use crate::limits;
use crate::model::pool;
use crate::types::Pool;

pub type Tags = BTreeMap<String, String>;

/// A request that names what has tags.
pub trait Tagged {
    fn resource_arn(&self) -> &str;
}

macro_rules! tagged {
    ($($input:ty),* $(,)?) => {$(
        impl Tagged for $input {
            fn resource_arn(&self) -> &str {
                &self.resource_arn
            }
        }
    )*};
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub resource_arn: String,
    pub tags: Tags,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UntagInput {
    pub resource_arn: String,
    pub tag_keys: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub resource_arn: String,
}
tagged!(TagInput, UntagInput, ListInput);

/// For rows of the table: permission for `action` on the pool with the ARN that the request names.
pub fn on_resource<I: Tagged + 'static, S: 'static>(
    action: &'static str,
) -> impl Fn(&S, &Cx, &I) -> Result<Vec<Permission>, ServiceError> + Send + Sync + 'static {
    move |_, cx, input| match pool_id(input.resource_arn()) {
        Some(id) => Ok(vec![on_pool(cx, action, &id)?]),
        None => Ok(vec![Permission::new(action, input.resource_arn())]),
    }
}

fn pool_id(text: &str) -> Option<String> {
    let arn: Arn = text.parse().ok()?;
    arn.resource.strip_prefix("userpool/").map(str::to_owned)
}

fn find(cx: &Cx, text: &str) -> Result<Pool, Error> {
    let id = pool_id(text).ok_or_else(|| Error::parameter(format!("Invalid resource ARN: {text}")))?;
    let pool = find_pool(cx, &id)?;
    if pool.arn.to_string() == text {
        Ok(pool)
    } else {
        Err(Error::NotFound(format!("User pool {id} does not exist.")))
    }
}

/// # Errors
/// For tags that are too many or too long.
pub fn check(tags: &Tags) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    for (name, value) in tags {
        if name.is_empty() {
            constraints.fail(name, "tags", "have length greater than or equal to 1");
        }
        constraints.length(Some(name), "tags", limits::TAG_KEY_CHARACTERS_MAX);
        constraints.length(Some(value), "tags", limits::TAG_VALUE_CHARACTERS_MAX);
    }
    constraints.check()?;
    if tags.len() > limits::TAGS_MAX {
        return Err(Error::parameter(format!("A user pool has {} tags at most.", limits::TAGS_MAX)));
    }
    Ok(())
}

pub async fn tag(_: Arc<Cognito>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let id = find(&cx, &input.resource_arn)?.id;
    let set = move |pool: &mut Pool| {
        pool.tags.extend(input.tags.clone());
        check(&pool.tags)
    };
    cx.db().write(move |tx| pool::change(tx, &id, &set)).await?;
    Ok(Empty {})
}

pub async fn untag(_: Arc<Cognito>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    let id = find(&cx, &input.resource_arn)?.id;
    let set = move |pool: &mut Pool| {
        pool.tags.retain(|name, _| !input.tag_keys.contains(name));
        Ok(())
    };
    cx.db().write(move |tx| pool::change(tx, &id, &set)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tags: Tags,
}

pub async fn list(_: Arc<Cognito>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    Ok(ListOutput { tags: find(&cx, &input.resource_arn)?.tags })
}
