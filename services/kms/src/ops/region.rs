//! ReplicateKey, UpdatePrimaryRegion.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Error as ServiceError, Permission};

use super::key::Metadata;
use super::tag::{self, Tag, check as check_tags};
use super::{Empty, find_by_id, moved, of_key, policy};
use crate::Kms;
use crate::access::{on_key, on_related};
use crate::error::Error;
use crate::limits;
use crate::model::{key, material, region};
use crate::types::Key;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReplicateInput {
    pub key_id: String,
    pub replica_region: String,
    pub policy: Option<String>,
    pub bypass_policy_lockout_safety_check: bool,
    pub description: Option<String>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PrimaryInput {
    pub key_id: String,
    pub primary_region: String,
}
of_key!(ReplicateInput, PrimaryInput);

impl ReplicateInput {
    /// Permission for the primary key, and for making one.
    pub fn permissions(&self, cx: &Cx) -> Result<Vec<Permission>, ServiceError> {
        let region = [("kms:ReplicaRegion", vec![self.replica_region.clone()])];
        let mut all = on_key(cx, "kms:ReplicateKey", &self.key_id, None, &region)?;
        all.push(Permission::new("kms:CreateKey", "*"));
        all.extend((!self.tags.is_empty()).then(|| Permission::new("kms:TagResource", "*")));
        Ok(all)
    }
}

impl PrimaryInput {
    /// Permission for both keys.
    pub fn permissions(&self, cx: &Cx) -> Result<Vec<Permission>, ServiceError> {
        let (action, region) = ("kms:UpdatePrimaryRegion", [("kms:PrimaryRegion", vec![self.primary_region.clone()])]);
        let mut all = on_key(cx, action, &self.key_id, None, &region)?;
        all.extend(on_related(cx, action, &self.key_id, &self.primary_region)?);
        Ok(all)
    }
}

fn check_region(region: &str, member: &str) -> Result<(), Error> {
    let is_region = |text: &str| {
        let mut parts = text.split('-');
        let last = parts.next_back().unwrap_or_default();
        let words: Vec<_> = parts.collect();
        (2..=3).contains(&words.len())
            && words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
            && !last.is_empty()
            && last.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut constraints = Constraints::default();
    constraints.length(Some(region), member, limits::REGION_CHARACTERS_MAX);
    constraints.pattern(Some(region), member, r"^([a-z]+-){2,3}\d+$", is_region);
    Ok(constraints.check()?)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReplicateOutput {
    pub replica_key_metadata: Metadata,
    pub replica_policy: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replica_tags: Vec<Tag>,
}

/// The replica is there when it is answered: AWS's takes seconds.
pub async fn replicate(kms: Arc<Kms>, cx: Cx, input: ReplicateInput) -> Result<ReplicateOutput, Error> {
    check_region(&input.replica_region, "replicaRegion")?;
    let mut constraints = Constraints::default();
    constraints.length(input.description.as_deref(), "description", limits::DESCRIPTION_CHARACTERS_MAX);
    constraints.check()?;
    let primary = find_by_id(&cx, &input.key_id)?;
    key::check_usable(&primary)?;
    region::check_replicable(&primary)?;
    let tags = check_tags(&input.tags)?;
    let replica_policy = match input.policy {
        None => policy::default(&cx),
        Some(policy) => policy::checked(&cx, policy, input.bypass_policy_lockout_safety_check)?,
    };
    let replica = Key {
        arn: primary.arn_in(&input.replica_region),
        created: cx.now(),
        description: input.description.unwrap_or_default(),
        enabled: true,
        policy: replica_policy.clone(),
        tags,
        ..primary.clone()
    };
    let mut materials = Vec::new();
    for (number, material) in material::all(&cx.db().read()?, &primary)? {
        materials.push((number, moved(&kms, &primary, &replica, number, &material)?));
    }
    let (of, told) = (primary.arn, tag::shown(&replica.tags));
    let kept = cx.db().write(move |tx| region::replicate(tx, &of, &replica, &materials)).await?;
    let replica_key_metadata = Metadata::new(&kept, None);
    Ok(ReplicateOutput { replica_key_metadata, replica_policy, replica_tags: told })
}

pub async fn update_primary(_: Arc<Kms>, cx: Cx, input: PrimaryInput) -> Result<Empty, Error> {
    check_region(&input.primary_region, "primaryRegion")?;
    let primary = find_by_id(&cx, &input.key_id)?;
    region::check_replicable(&primary)?;
    cx.db().write(move |tx| region::make_primary(tx, &primary.arn, &input.primary_region)).await?;
    Ok(Empty {})
}
