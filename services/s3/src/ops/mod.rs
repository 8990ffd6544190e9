//! One file for each kind of resource: validate, then model, then output.

pub mod acl;
pub mod attributes;
pub mod bucket;
pub mod copy;
pub mod cors;
pub mod delete;
pub mod get;
pub mod list;
pub mod meta;
pub mod notification;
pub mod part;
pub mod policy;
pub mod put;
pub mod setting;
pub mod tag;
pub mod upload;
pub mod version;

use service::{Cx, Error, Permission};

use crate::name;

/// Permission for an action on a bucket, whose policy has a say.
pub fn bucket_permission(cx: &Cx, action: &str, bucket: &str) -> Result<Permission, Error> {
    let resource_policy = policy::in_force(cx, bucket)?;
    Ok(Permission { resource_policy, ..Permission::new(action, name::arn(bucket)) })
}

/// Permission for an action on an object, where its bucket's policy has a say.
pub fn object_permission(cx: &Cx, action: &str, bucket: &str, key: &str) -> Result<Permission, Error> {
    let resource_policy = policy::in_force(cx, bucket)?;
    Ok(Permission { resource_policy, ..Permission::new(action, name::arn(format!("{bucket}/{key}"))) })
}

pub fn on_bucket(cx: &Cx, action: &str, bucket: &str) -> Result<Vec<Permission>, Error> {
    Ok(vec![bucket_permission(cx, action, bucket)?])
}

pub fn on_object(cx: &Cx, action: &str, bucket: &str, key: &str) -> Result<Vec<Permission>, Error> {
    Ok(vec![object_permission(cx, action, bucket, key)?])
}

/// Permission for an action on an object, or another where one version of it is meant.
pub fn on_version(
    cx: &Cx,
    (action, of_version): (&str, &str),
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<Vec<Permission>, Error> {
    on_object(cx, if version.is_some() { of_version } else { action }, bucket, key)
}
