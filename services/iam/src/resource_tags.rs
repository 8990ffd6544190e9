//! The tags of what IAM's own operations are about, for conditions on them.

use base::Arn;
use kv::Read;

use crate::Identity;
use crate::error::Error;
use crate::model::entity::Entity;
use crate::model::{managed, mfa, openid_provider, owner, profile};
use crate::types::{Role, Tags, User};

impl Identity {
    /// `aws:ResourceTag/...` and `iam:ResourceTag/...` of a resource of IAM. What cannot be read has none.
    pub fn resource_tags(&self, action: &str, resource: &str) -> Vec<(String, String)> {
        if !action.starts_with("iam:") && !action.starts_with("sts:") {
            return Vec::new();
        }
        let found = resource.parse::<Arn>().ok().zip(self.db.read().ok());
        let tags = found.and_then(|(arn, snap)| tags_of(&snap, &arn).ok()).unwrap_or_default();
        let pairs = tags.into_iter().flat_map(|(key, value)| {
            ["aws", "iam"].map(|vendor| (format!("{vendor}:ResourceTag/{key}"), value.clone()))
        });
        pairs.collect()
    }
}

fn tags_of(read: &impl Read, arn: &Arn) -> Result<Tags, Error> {
    let (kind, path_and_name) = arn.resource.split_once('/').unwrap_or_default();
    let name = path_and_name.rsplit('/').next().unwrap_or_default();
    match kind {
        "user" => tags_of_entity::<User>(read, name),
        "role" => tags_of_entity::<Role>(read, name),
        "policy" => Ok(managed::find(read, &arn.to_string())?.tags),
        "instance-profile" => Ok(profile::find(read, name)?.tags),
        "mfa" => Ok(mfa::find(read, name)?.tags),
        "oidc-provider" => {
            Ok(openid_provider::by_name(read, path_and_name)?.map(|found| found.tags).unwrap_or_default())
        }
        _ => Ok(Tags::new()),
    }
}

fn tags_of_entity<E: Entity>(read: &impl Read, name: &str) -> Result<Tags, Error> {
    let mut entity: E = owner::find(read, name)?;
    Ok(std::mem::take(entity.tags()))
}
