//! GetBucketAcl, GetObjectAcl, PutBucketAcl, PutObjectAcl: buckets have no access control lists, as S3 makes them since 2023. What
//! says the same as having none is taken.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::bucket::{BucketInput, Empty, Owner, owner};
use super::meta::check_acl;
use super::tag::ObjectInput;
use crate::S3;
use crate::error::Error;
use crate::model::{bucket, object};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AclOutput {
    pub owner: Owner,
    #[serde(rename = "AccessControlList")]
    pub grants: Vec<Grant>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Grant {
    pub grantee: Grantee,
    pub permission: &'static str,
}

#[derive(Debug, Serialize)]
pub struct Grantee {
    #[serde(rename = "xsi:type")]
    pub kind: &'static str,
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "DisplayName")]
    pub display_name: String,
}

fn owners(cx: &Cx) -> AclOutput {
    let owner = owner(cx);
    let grantee = Grantee { kind: "CanonicalUser", id: owner.id.clone(), display_name: owner.display_name.clone() };
    AclOutput { owner, grants: vec![Grant { grantee, permission: "FULL_CONTROL" }] }
}

pub async fn of_bucket(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<AclOutput, Error> {
    bucket::find(&cx.db().read()?, &input.bucket)?;
    Ok(owners(&cx))
}

pub async fn of_object(_: Arc<S3>, cx: Cx, input: ObjectInput) -> Result<AclOutput, Error> {
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    object::find(&read, &bucket, &input.key, input.version_id.as_deref())?;
    Ok(owners(&cx))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutAclInput {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    #[serde(rename = "ACL")]
    pub acl: Option<String>,
    pub access_control_policy: Option<Policy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Policy {
    #[serde(rename = "AccessControlList", alias = "Grants")]
    pub grants: Vec<GivenGrant>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GivenGrant {
    pub grantee: GivenGrantee,
    pub permission: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GivenGrantee {
    #[serde(rename = "ID")]
    pub id: Option<String>,
}

fn check(cx: &Cx, input: &PutAclInput) -> Result<(), Error> {
    check_acl(input.acl.as_deref())?;
    let own = owner(cx).id;
    let is_owners = |grant: &GivenGrant| grant.permission == "FULL_CONTROL" && grant.grantee.id.as_ref() == Some(&own);
    match &input.access_control_policy {
        Some(policy) if !policy.grants.iter().all(is_owners) => check_acl(Some("other")),
        _ => Ok(()),
    }
}

pub async fn put_of_bucket(_: Arc<S3>, cx: Cx, input: PutAclInput) -> Result<Empty, Error> {
    bucket::find(&cx.db().read()?, &input.bucket)?;
    check(&cx, &input)?;
    Ok(Empty {})
}

pub async fn put_of_object(_: Arc<S3>, cx: Cx, input: PutAclInput) -> Result<Empty, Error> {
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    object::find(&read, &bucket, &input.key, input.version_id.as_deref())?;
    check(&cx, &input)?;
    Ok(Empty {})
}
