//! Tags of users, roles, policies, providers of OpenID Connect, instance profiles and MFA devices: `Tag...`, `Untag...` and
//! `List...Tags` of each.

use std::sync::Arc;

use kv::{Read, Tx};
use serde::Deserialize;
use service::Cx;

use super::page::{list_output, page};
use super::{Empty, Tag, check, mfa as devices, tag_list};
use crate::Identity;
use crate::error::Error;
use crate::limits::{NAME_CHARACTERS_MAX, PROFILE_NAME_CHARACTERS_MAX, TAGS_MAX};
use crate::model::entity::{self, Entity};
use crate::model::{managed, mfa, openid_provider, owner, profile};
use crate::types::{InstanceProfile, ManagedPolicy, MfaDevice, OpenIdProvider, Role, Tags, User};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    #[serde(
        alias = "UserName",
        alias = "RoleName",
        alias = "PolicyArn",
        alias = "OpenIDConnectProviderArn",
        alias = "InstanceProfileName",
        alias = "SerialNumber"
    )]
    pub id: String,
    pub tags: Vec<Tag>,
    pub tag_keys: Vec<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

/// What has tags.
pub trait Tagged: Send + 'static {
    const QUOTA: &'static str;

    /// What the store has it under, from what requests call it.
    fn name(cx: &Cx, id: &str) -> Result<String, Error>;
    fn tags(read: &impl Read, name: &str) -> Result<Tags, Error>;
    fn change(tx: &mut Tx, name: &str, change: impl FnOnce(&mut Tags) -> Result<(), Error>) -> Result<(), Error>;
}

/// Of users and roles, whose tags decide what they may do.
macro_rules! tagged_entity {
    ($type:ident, $quota:literal) => {
        impl Tagged for $type {
            const QUOTA: &'static str = $quota;

            fn name(_: &Cx, id: &str) -> Result<String, Error> {
                check::name(<$type as owner::Owner>::NAME_MEMBER, id, NAME_CHARACTERS_MAX)?;
                Ok(id.to_owned())
            }

            fn tags(read: &impl Read, name: &str) -> Result<Tags, Error> {
                Ok(owner::find::<$type>(read, name)?.tags)
            }

            fn change(
                tx: &mut Tx,
                name: &str,
                change: impl FnOnce(&mut Tags) -> Result<(), Error>,
            ) -> Result<(), Error> {
                entity::update::<$type>(tx, name, |found| change(found.tags()))
            }
        }
    };
}
tagged_entity!(User, "TagsPerUser");
tagged_entity!(Role, "TagsPerRole");

impl Tagged for ManagedPolicy {
    const QUOTA: &'static str = "TagsPerPolicy";

    fn name(_: &Cx, id: &str) -> Result<String, Error> {
        Ok(id.to_owned())
    }

    fn tags(read: &impl Read, arn: &str) -> Result<Tags, Error> {
        Ok(managed::find(read, arn)?.tags)
    }

    fn change(tx: &mut Tx, arn: &str, change: impl FnOnce(&mut Tags) -> Result<(), Error>) -> Result<(), Error> {
        managed::change_tags(tx, arn, change)
    }
}

impl Tagged for OpenIdProvider {
    const QUOTA: &'static str = "TagsPerOpenIdConnectProvider";

    fn name(cx: &Cx, id: &str) -> Result<String, Error> {
        Ok(openid_provider::find(&cx.db().read()?, cx.account(), id)?.name().to_owned())
    }

    fn tags(read: &impl Read, name: &str) -> Result<Tags, Error> {
        Ok(openid_provider::by_name(read, name)?.map(|found| found.tags).unwrap_or_default())
    }

    fn change(tx: &mut Tx, name: &str, change: impl FnOnce(&mut Tags) -> Result<(), Error>) -> Result<(), Error> {
        openid_provider::change_tags(tx, name, change)
    }
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

/// Takes the tags with these keys away. Case tells no keys apart.
fn remove<'a>(all: &mut Tags, keys: impl Iterator<Item = &'a String> + Clone) {
    all.retain(|key, _| !keys.clone().any(|gone| gone.eq_ignore_ascii_case(key)));
}

pub async fn tag<T: Tagged>(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let (name, tags) = (T::name(&cx, &input.id)?, check::tags(&input.tags)?);
    let add = move |all: &mut Tags| {
        remove(all, tags.keys());
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
    check::tag_keys(&input.tag_keys)?;
    let (name, keys) = (T::name(&cx, &input.id)?, input.tag_keys);
    let untag = move |all: &mut Tags| {
        remove(all, keys.iter());
        Ok(())
    };
    cx.db().write(move |tx| T::change(tx, &name, &untag)).await?;
    Ok(Empty {})
}

list_output!(ListOutput { tags: Tag });

pub async fn list<T: Tagged>(_: Arc<Identity>, cx: Cx, input: Input) -> Result<ListOutput, Error> {
    let tags = T::tags(&cx.db().read()?, &T::name(&cx, &input.id)?)?;
    let rows = tag_list(&tags).into_iter().map(|tag| Ok((tag.key.clone(), tag)));
    Ok(page(rows, input.marker.as_deref(), input.max_items)?.into())
}
