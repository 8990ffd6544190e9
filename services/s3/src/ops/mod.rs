//! One file for each kind of resource: validate, then model, then output.

pub mod access;
pub mod acl;
pub mod attributes;
pub mod bucket;
pub mod copy;
pub mod cors;
pub mod delete;
pub mod destination;
pub mod encryption;
pub mod get;
pub mod lifecycle;
pub mod list;
pub mod lock;
pub mod logging;
pub mod meta;
pub mod notification;
pub mod part;
pub mod policy;
pub mod post;
pub mod put;
pub mod setting;
pub mod tag;
pub mod upload;
pub mod version;
pub mod website;

use service::{Cx, Error, Permission};

pub use access::{bucket_permission, listing_permission, object_permission, read_permission, version_permission};

pub fn on_bucket(cx: &Cx, action: &str, bucket: &str) -> Result<Vec<Permission>, Error> {
    Ok(vec![bucket_permission(cx, action, bucket)?])
}

pub fn on_object(cx: &Cx, action: &str, bucket: &str, key: &str) -> Result<Vec<Permission>, Error> {
    Ok(vec![object_permission(cx, action, bucket, key)?])
}

pub fn to_read(cx: &Cx, bucket: &str, key: &str, version: Option<&str>) -> Result<Vec<Permission>, Error> {
    Ok(vec![read_permission(cx, bucket, key, version)?])
}

/// Permission for an action on an object, or another where one version of it is meant.
pub fn on_version(
    cx: &Cx,
    (action, of_version): (&str, &str),
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<Vec<Permission>, Error> {
    let action = if version.is_some() { of_version } else { action };
    Ok(vec![version_permission(cx, action, bucket, key, version)?])
}
