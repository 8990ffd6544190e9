//! TagResource, UntagResource.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::{Empty, find_usable, of_secret, own};
use crate::SecretsManager;
use crate::error::Error;
use crate::limits;
use crate::model::secret;
use crate::types::Secret;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// What tags may be.
pub fn check(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    let mut constraints = Constraints::default();
    for (index, tag) in (1..).zip(&tags) {
        let place = |member| format!("tags.{index}.member.{member}");
        constraints.length(Some(&tag.key), &place("key"), limits::TAG_KEY_CHARACTERS_MAX);
        constraints.length(Some(&tag.value), &place("value"), limits::TAG_VALUE_CHARACTERS_MAX);
        if tag.key.is_empty() {
            constraints.fail("", &place("key"), "have length greater than or equal to 1");
        }
    }
    constraints.check()?;
    if tags.iter().any(|tag| tag.key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))) {
        return Err(Error::InvalidParameter("Tag keys that begin with aws: are reserved.".into()));
    }
    let count = tags.len();
    let all: BTreeMap<_, _> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    if all.len() < count {
        return Err(Error::InvalidParameter("Duplicate tag keys are not allowed.".into()));
    }
    check_count(&all)?;
    Ok(all)
}

fn check_count(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    if tags.len() > limits::TAGS_MAX {
        return Err(Error::InvalidParameter(format!("A secret has at most {} tags.", limits::TAGS_MAX)));
    }
    Ok(())
}

pub fn shown(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub secret_id: String,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UntagInput {
    pub secret_id: String,
    pub tag_keys: Vec<String>,
}
of_secret!(TagInput, UntagInput);

async fn change(
    cx: &Cx,
    text: String,
    set: impl Fn(&mut Secret) -> Result<(), Error> + Send + 'static,
) -> Result<Empty, Error> {
    find_usable(cx, &text)?;
    let own = own(cx);
    let change = move |tx: &mut kv::Tx| {
        let mut secret = secret::find_usable(tx, &own, &text)?;
        set(&mut secret)?;
        secret::put(tx, &secret)
    };
    cx.db().write(change).await?;
    Ok(Empty {})
}

pub async fn tag(_: Arc<SecretsManager>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let tags = check(input.tags)?;
    let set = move |secret: &mut Secret| {
        secret.tags.extend(tags.clone());
        check_count(&secret.tags)
    };
    change(&cx, input.secret_id, set).await
}

pub async fn untag(_: Arc<SecretsManager>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    let UntagInput { secret_id, tag_keys } = input;
    let set = move |secret: &mut Secret| {
        let had = !secret.tags.is_empty();
        secret.tags.retain(|name, _| !tag_keys.contains(name));
        secret.untagged |= had && secret.tags.is_empty();
        Ok(())
    };
    change(&cx, secret_id, set).await
}
