//! What is asked of whoever asks: permission for an action, where a bucket's policy, access control lists and tags have a say.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html>

use kv::Read;
use serde_json::{Value, json};
use service::{CallerKind, Cx, Error, Permission};

use super::policy;
use crate::keys::BUCKETS;
use crate::model::{acl, object};
use crate::name;
use crate::types::{Bucket, Object, Right};

/// Permission for an action on a bucket.
pub fn bucket_permission(cx: &Cx, action: &str, bucket: &str) -> Result<Permission, Error> {
    let resource_policy = policy::in_force(cx, bucket)?;
    let mut permission = Permission { resource_policy, ..Permission::new(action, name::arn(bucket)) };
    let Some((read, bucket)) = looked_at(cx, bucket, acl::of_bucket_for(action) == Some(Right::Read))? else {
        return Ok(permission);
    };
    if bucket_list_allows(cx, &read, &bucket, action)? {
        let_in(&mut permission);
    }
    Ok(permission)
}

/// Permission for an action on an object.
pub fn object_permission(cx: &Cx, action: &str, bucket: &str, key: &str) -> Result<Permission, Error> {
    version_permission(cx, action, bucket, key, None)
}

/// Permission for an action on a version of an object, or on the current one.
pub fn version_permission(
    cx: &Cx,
    action: &str,
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<Permission, Error> {
    let resource_policy = policy::in_force(cx, bucket)?;
    let resource = name::arn(format!("{bucket}/{key}"));
    let mut permission = Permission { resource_policy, ..Permission::new(action, resource) };
    permission.context.extend(version.map(|version| ("s3:VersionId".to_owned(), vec![version.to_owned()])));
    let Some((read, bucket)) = looked_at(cx, bucket, true)? else { return Ok(permission) };
    // What does not exist, or is named wrongly, is told by the operation.
    let there = object::find(&read, &bucket, key, version).ok();
    for (tag, value) in there.iter().flat_map(|object| &object.tags) {
        permission.context.push((format!("s3:ExistingObjectTag/{tag}"), vec![value.clone()]));
    }
    if bucket_list_allows(cx, &read, &bucket, action)? || list_allows(cx, &read, &bucket, there.as_ref(), action)? {
        let_in(&mut permission);
    }
    Ok(permission)
}

/// Permission to learn whether a key is there: that of listing it. Policies that let somebody list some prefixes alone are asked for
/// the key as for a prefix.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
pub fn listing_permission(cx: &Cx, bucket: &str, key: &str) -> Result<Permission, Error> {
    let mut permission = bucket_permission(cx, "s3:ListBucket", bucket)?;
    permission.context.push(("s3:prefix".to_owned(), vec![key.to_owned()]));
    Ok(permission)
}

/// Permission to read an object, or a version of it. What is not there has no list that could let anybody in: whoever may list
/// the bucket learns that it is not there.
pub fn read_permission(cx: &Cx, bucket: &str, key: &str, version: Option<&str>) -> Result<Permission, Error> {
    let action = if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
    let mut permission = version_permission(cx, action, bucket, key, version)?;
    let Some((read, bucket)) = looked_at(cx, bucket, true)? else { return Ok(permission) };
    match object::find(&read, &bucket, key, version) {
        Err(missing) if cx.authorize(&listing_permission(cx, &bucket.name, key)?).is_ok() => {
            let_in(&mut permission);
            cx.authorize(&permission)?;
            Err(missing.into())
        }
        _ => Ok(permission),
    }
}

/// The bucket, where more than its policy has to be looked at: nobody asks those who may everything. That a bucket that
/// `is_needed` is not there is told to strangers as well.
fn looked_at(cx: &Cx, name: &str, is_needed: bool) -> Result<Option<(kv::Snap, Bucket)>, Error> {
    let caller = &cx.caller().kind;
    if matches!(caller, CallerKind::Root | CallerKind::System) {
        return Ok(None);
    }
    let read = cx.db().read()?;
    match BUCKETS.get(&read, name)? {
        None if is_needed && *caller == CallerKind::Anonymous => {
            Err(crate::Error::NoSuchBucket(name.to_owned()).into())
        }
        found => Ok(found.map(|bucket| (read, bucket))),
    }
}

fn bucket_list_allows(cx: &Cx, read: &impl Read, bucket: &Bucket, action: &str) -> Result<bool, Error> {
    let Some(right) = acl::of_bucket_for(action).filter(|_| acl::has_lists(read, bucket.id).unwrap_or(false)) else {
        return Ok(false);
    };
    let grants = acl::of_bucket(read, bucket.id)?.unwrap_or_default();
    Ok(acl::allows(read, bucket.id, &grants, right, &cx.caller().kind)?)
}

fn list_allows(
    cx: &Cx,
    read: &impl Read,
    bucket: &Bucket,
    object: Option<&Object>,
    action: &str,
) -> Result<bool, Error> {
    let grants = object.and_then(|object| object.meta.acl.as_deref());
    match (grants, acl::of_object_for(action)) {
        (Some(grants), Some(right)) if acl::has_lists(read, bucket.id)? => {
            Ok(acl::allows(read, bucket.id, grants, right, &cx.caller().kind)?)
        }
        _ => Ok(false),
    }
}

/// A list that allows something is one more statement of the bucket's policy: others may still deny it.
fn let_in(permission: &mut Permission) {
    let statement = json!({
        "Effect": "Allow",
        "Principal": "*",
        "Action": permission.action,
        "Resource": permission.resource,
    });
    let own = permission.resource_policy.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let mut policy: Value = own.unwrap_or_else(|| json!({ "Version": "2012-10-17" }));
    let statements = match policy["Statement"].take() {
        Value::Array(mut all) => {
            all.push(statement);
            all
        }
        Value::Null => vec![statement],
        one => vec![one, statement],
    };
    policy["Statement"] = Value::Array(statements);
    permission.resource_policy = Some(policy.to_string());
}
