//! One file for each kind of resource: validate, then model, then output.

pub mod attributes;
pub mod bucket;
pub mod copy;
pub mod delete;
pub mod get;
pub mod list;
pub mod meta;
pub mod part;
pub mod put;
pub mod upload;
pub mod version;

use service::{Cx, Error, Permission};

use crate::name;

/// Permission for an action on a bucket.
pub fn on_bucket(_: &Cx, action: &str, bucket: &str) -> Result<Vec<Permission>, Error> {
    Ok(vec![Permission::new(action, name::arn(bucket))])
}

/// Permission for an action on an object.
pub fn on_object(_: &Cx, action: &str, bucket: &str, key: &str) -> Result<Vec<Permission>, Error> {
    Ok(vec![object_permission(action, bucket, key)])
}

pub fn object_permission(action: &str, bucket: &str, key: &str) -> Permission {
    Permission::new(action, name::arn(format!("{bucket}/{key}")))
}

/// Permission for an action on an object, or another where one version of it is meant.
pub fn on_version(
    _: &Cx,
    (action, of_version): (&str, &str),
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<Vec<Permission>, Error> {
    let action = if version.is_some() { of_version } else { action };
    Ok(vec![object_permission(action, bucket, key)])
}
