//! TagInstanceProfile, UntagInstanceProfile, ListInstanceProfileTags, and the same three for MFA devices.

use std::sync::Arc;

use kv::{Read, Tx};
use serde::Deserialize;
use service::Cx;

use super::page::page;
use super::tag::ListOutput;
use super::{Empty, Tag, check, mfa as devices, tag_list};
use crate::Identity;
use crate::error::Error;
use crate::limits::{PROFILE_NAME_CHARACTERS_MAX, TAGS_MAX};
use crate::model::{mfa, profile};
use crate::types::{InstanceProfile, MfaDevice, Tags};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    #[serde(alias = "InstanceProfileName", alias = "SerialNumber")]
    pub id: String,
    pub tags: Vec<Tag>,
    pub tag_keys: Vec<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

/// What has tags and neither policies nor callers.
pub trait Tagged: Send + 'static {
    const QUOTA: &'static str;

    /// Its name, from what requests call it.
    fn name(cx: &Cx, id: &str) -> Result<String, Error>;
    fn tags(read: &impl Read, name: &str) -> Result<Tags, Error>;
    fn change(tx: &mut Tx, name: &str, change: impl FnOnce(&mut Tags) -> Result<(), Error>) -> Result<(), Error>;
}

impl Tagged for InstanceProfile {
    const QUOTA: &'static str = "TagsPerInstanceProfile";

    fn name(_: &Cx, id: &str) -> Result<String, Error> {
        check::name("instanceProfileName", id, PROFILE_NAME_CHARACTERS_MAX)?;
        Ok(id.to_owned())
    }

    fn tags(read: &impl Read, name: &str) -> Result<Tags, Error> {
        Ok(profile::find(read, name)?.tags)
    }

    fn change(tx: &mut Tx, name: &str, change: impl FnOnce(&mut Tags) -> Result<(), Error>) -> Result<(), Error> {
        profile::change_tags(tx, name, change)
    }
}

impl Tagged for MfaDevice {
    const QUOTA: &'static str = "TagsPerMFADevice";

    fn name(cx: &Cx, id: &str) -> Result<String, Error> {
        devices::name_of(cx, id)
    }

    fn tags(read: &impl Read, name: &str) -> Result<Tags, Error> {
        Ok(mfa::find(read, name)?.tags)
    }

    fn change(tx: &mut Tx, name: &str, change: impl FnOnce(&mut Tags) -> Result<(), Error>) -> Result<(), Error> {
        mfa::change_tags(tx, name, change)
    }
}

pub async fn tag<T: Tagged>(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let (name, tags) = (T::name(&cx, &input.id)?, check::tags(&input.tags)?);
    let add = move |all: &mut Tags| {
        all.extend(tags.clone());
        match all.len() {
            count if count > TAGS_MAX => Err(Error::LimitExceeded { quota: T::QUOTA, limit: TAGS_MAX }),
            _ => Ok(()),
        }
    };
    cx.db().write(move |tx| T::change(tx, &name, &add)).await?;
    Ok(Empty {})
}

pub async fn untag<T: Tagged>(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let (name, keys) = (T::name(&cx, &input.id)?, input.tag_keys);
    let remove = move |all: &mut Tags| {
        all.retain(|key, _| !keys.contains(key));
        Ok(())
    };
    cx.db().write(move |tx| T::change(tx, &name, &remove)).await?;
    Ok(Empty {})
}

pub async fn list<T: Tagged>(_: Arc<Identity>, cx: Cx, input: Input) -> Result<ListOutput, Error> {
    let tags = T::tags(&cx.db().read()?, &T::name(&cx, &input.id)?)?;
    let rows = tag_list(&tags).into_iter().map(|tag| Ok((tag.key.clone(), tag)));
    let page = page(rows, input.marker.as_deref(), input.max_items)?;
    Ok(ListOutput { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
}
