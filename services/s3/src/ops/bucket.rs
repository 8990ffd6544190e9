//! CreateBucket, HeadBucket, DeleteBucket, ListBuckets, GetBucketLocation.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};
use wire::DateTime;

use super::acl::{AclHeaders, Of};
use super::bucket_permission;
use super::lock::ENABLED;
use super::meta::Tagged;
use super::setting::{Document, OwnershipControls, PublicAccess, Tag, Tagging};
use crate::S3;
use crate::conditions::date;
use crate::error::Error;
use crate::limits;
use crate::model::acl::{ENFORCED, OBJECT_WRITER};
use crate::model::setting::{self, Kind};
use crate::model::{acl, bucket, lock, upload};
use crate::name;
use crate::thumbnails;
use crate::types::Versioning;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateBucketInput {
    pub bucket: String,
    #[serde(flatten)]
    pub acl: AclHeaders,
    pub object_lock_enabled_for_bucket: Option<bool>,
    pub object_ownership: Option<String>,
    pub bucket_namespace: Option<String>,
    pub create_bucket_configuration: Configuration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Configuration {
    pub location_constraint: Option<String>,
    /// Where a directory bucket is to be.
    pub location: Option<IgnoredAny>,
    pub tags: Option<Vec<Tag>>,
}

impl Configuration {
    fn tagging(&self) -> Option<Tagging> {
        let tag_set = self.tags.clone().filter(|tags| !tags.is_empty())?;
        Some(Tagging { tag_set })
    }
}

/// What the names of directory buckets end with.
const DIRECTORY: &str = "--x-s3";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateBucketOutput {
    pub location: String,
    pub bucket_arn: String,
}

/// What has to be permitted, with what else is said of the bucket.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
pub fn create_permissions(cx: &Cx, input: &CreateBucketInput) -> Result<Vec<Permission>, service::Error> {
    let locks = input.object_lock_enabled_for_bucket == Some(true);
    let of_lock: &[&str] = if locks { &["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"] } else { &[] };
    let of_ownership = input.object_ownership.is_some().then_some("s3:PutBucketOwnershipControls");
    let of_acl = input.acl.are_given().then_some("s3:PutBucketAcl");
    let tagging = input.create_bucket_configuration.tagging();
    let of_tags = tagging.is_some().then_some("s3:TagResource");
    let actions = ["s3:CreateBucket"].into_iter().chain(of_ownership).chain(of_acl).chain(of_lock.iter().copied());
    let actions = actions.chain(of_tags);
    let mut all = actions.map(|action| bucket_permission(cx, action, &input.bucket)).collect::<Result<Vec<_>, _>>()?;
    let namespace = input.bucket_namespace.clone().map(|name| ("s3:x-amz-bucket-namespace".to_owned(), vec![name]));
    let context: Vec<_> = input.acl.context().into_iter().chain(namespace).collect();
    all.iter_mut().for_each(|permission| permission.context.extend(context.clone()));
    if let Some(tagging) = &tagging {
        all.extend(thumbnails::permissions(cx, &input.bucket, tagging)?);
    }
    Ok(all)
}

pub async fn create(state: Arc<S3>, cx: Cx, input: CreateBucketInput) -> Result<CreateBucketOutput, Error> {
    if input.bucket.ends_with(DIRECTORY) || input.create_bucket_configuration.location.is_some() {
        return Err(Error::Told(service::Error::not_implemented("CreateBucket of a directory bucket")));
    }
    name::check_bucket(&input.bucket)?;
    let grants = input.acl.grants(&cx, Of::Bucket)?.filter(|grants| acl::says_more(grants));
    let legacy = state.legacy_buckets;
    let ownership = if legacy { OBJECT_WRITER } else { ENFORCED };
    let ownership = OwnershipControls::of(input.object_ownership.as_deref().unwrap_or(ownership));
    if ownership.check().is_err() {
        let asked = input.object_ownership.unwrap_or_default();
        return Err(Error::argument("x-amz-object-ownership", asked, "Invalid x-amz-object-ownership header"));
    }
    if grants.is_some() {
        ownership.check_acl()?;
        if !legacy && grants.as_ref().is_some_and(|grants| acl::is_public(grants)) {
            // Public access of a new bucket is blocked.
            let told = "Bucket cannot have public ACLs set with BlockPublicAccess enabled";
            return Err(Error::Told(service::Error::new(400, "InvalidBucketAclWithBlockPublicAccessError", told)));
        }
    }
    let grants = grants.map(|grants| serde_json::to_string(&grants)).transpose().map_err(service::Error::internal)?;
    let tagging = input.create_bucket_configuration.tagging();
    tagging.as_ref().map_or(Ok(()), |tagging| tagging.check_of(Tagged::NewBucket))?;
    let tagging =
        tagging.map(|tagging| serde_json::to_string(&tagging)).transpose().map_err(service::Error::internal)?;
    let region = place(cx.region().as_str(), input.create_bucket_configuration.location_constraint.as_deref())?;
    name::check_namespace(&input.bucket, input.bucket_namespace.as_deref(), cx.account(), &region)?;
    // Buckets of old have none, and lists.
    let has_ownership = !legacy || input.object_ownership.is_some();
    let (name, now) = (input.bucket, cx.now());
    let access = serde_json::to_string(&PublicAccess::BLOCKED).map_err(service::Error::internal)?;
    let ownership = serde_json::to_string(&ownership).map_err(service::Error::internal)?;
    let locking = lock::Configuration { object_lock_enabled: ENABLED.into(), rule: None };
    let locking = serde_json::to_string(&locking).map_err(service::Error::internal)?;
    let locks = input.object_lock_enabled_for_bucket == Some(true);
    let made = cx.db().write(move |tx| {
        let is_new = bucket::find(tx, &name).is_err();
        let bucket = bucket::create(tx, now, &name, &region)?;
        if is_new {
            if !legacy {
                setting::put(tx, &name, Kind::PublicAccess, &access)?;
            }
            if has_ownership {
                setting::put(tx, &name, Kind::Ownership, &ownership)?;
            }
            if let Some(grants) = &grants {
                setting::put(tx, &name, Kind::Acl, grants)?;
            }
            if let Some(tagging) = &tagging {
                setting::put(tx, &name, Kind::Tags, tagging)?;
            }
            if locks {
                bucket::set_versioning(tx, &name, Versioning::Enabled)?;
                lock::configure(tx, &name, &locking)?;
            }
        }
        Ok::<_, Error>(bucket)
    });
    let bucket = made.await?;
    Ok(CreateBucketOutput { location: format!("/{}", bucket.name), bucket_arn: name::arn(bucket.name).to_string() })
}

/// The region of a new bucket, by the one whose endpoint is asked and what the request says.
///
/// That of the first region makes buckets in all others, too; that one is to be in the first goes without saying, and must.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>
fn place(own: &str, constraint: Option<&str>) -> Result<String, Error> {
    // Some clients sign for what is no region, such as `US`, and mean the first.
    let own = if is_region(own) { own } else { bucket::FIRST_REGION };
    let is_first = own == bucket::FIRST_REGION;
    let asked = match constraint {
        None | Some("") => None,
        Some("EU") => Some("eu-west-1"),
        region => region,
    };
    match asked {
        None if is_first => Ok(own.to_owned()),
        Some(region) if is_first && region != own && is_region(region) => Ok(region.to_owned()),
        Some(region) if is_first => Err(Error::InvalidLocationConstraint(region.to_owned())),
        Some(region) if region == own => Ok(own.to_owned()),
        other => Err(Error::IllegalLocationConstraint(other.unwrap_or("unspecified").to_owned())),
    }
}

/// Whether a name has the form of a region's: `eu-west-1`.
fn is_region(name: &str) -> bool {
    let mut parts = name.rsplit('-');
    let number =
        parts.next().is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    let rest: Vec<&str> = parts.collect();
    number
        && rest.len() >= 2
        && rest.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// A request that names nothing but a bucket.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BucketInput {
    pub bucket: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HeadBucketOutput {
    pub bucket_arn: String,
    pub bucket_region: String,
    pub access_point_alias: bool,
    /// Of the body that there would be.
    pub content_type: &'static str,
}

pub async fn head(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<HeadBucketOutput, Error> {
    let bucket = bucket::find(&cx.db().read()?, &input.bucket)?;
    let bucket_arn = name::arn(bucket.name).to_string();
    Ok(HeadBucketOutput {
        bucket_arn,
        bucket_region: bucket.region,
        access_point_alias: false,
        content_type: "application/xml",
    })
}

#[derive(Debug, Serialize)]
pub struct Empty {}

pub async fn delete(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Empty, Error> {
    // Uploads that nobody finished do not keep it, and there may be many.
    loop {
        let name = input.bucket.clone();
        let left = cx.db().write(move |tx| {
            let bucket = bucket::find(tx, &name)?;
            bucket::check_empty(tx, &bucket)?;
            match upload::first(tx, bucket.id)? {
                Some((key, id)) => upload::abort(tx, bucket.id, &key, &id).map(|()| true),
                None => bucket::delete(tx, &name).map(|()| false),
            }
        });
        if !left.await? {
            return Ok(Empty {});
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LocationOutput {
    pub location_constraint: String,
}

/// Of the first region, S3 says nothing.
pub async fn location(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<LocationOutput, Error> {
    let region = bucket::find(&cx.db().read()?, &input.bucket)?.region;
    Ok(LocationOutput { location_constraint: if region == bucket::FIRST_REGION { String::new() } else { region } })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListBucketsInput {
    pub max_buckets: Option<usize>,
    pub continuation_token: Option<String>,
    pub prefix: Option<String>,
    pub bucket_region: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListBucketsOutput {
    pub owner: Owner,
    pub buckets: Vec<BucketEntry>,
    pub continuation_token: Option<String>,
    pub prefix: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BucketEntry {
    pub name: String,
    pub creation_date: DateTime,
    pub bucket_region: String,
    pub bucket_arn: String,
}

/// Whom buckets and objects belong to: the account.
#[derive(Clone, Debug, Serialize)]
pub struct Owner {
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "DisplayName")]
    pub display_name: String,
}

/// The account as S3 names it.
pub fn owner(cx: &Cx) -> Owner {
    Owner { id: name::canonical_id(cx.account()), display_name: cx.account().to_string() }
}

pub async fn list(_: Arc<S3>, cx: Cx, input: ListBucketsInput) -> Result<ListBucketsOutput, Error> {
    let range = 1..=limits::BUCKETS_PER_PAGE_MAX;
    let most = input.max_buckets.unwrap_or(limits::BUCKETS_PER_PAGE_MAX);
    if !range.contains(&most) {
        let reason = "Argument max-buckets must be an integer between 1 and 10000";
        return Err(Error::argument("max-buckets", most.to_string(), reason));
    }
    let after = input.continuation_token.as_deref().map(decode_token).transpose()?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let wanted =
        |bucket: &crate::types::Bucket| input.bucket_region.as_ref().is_none_or(|region| *region == bucket.region);
    let (found, more) = bucket::list(&cx.db().read()?, &prefix, after.as_deref(), most, wanted)?;
    let continuation_token = found.last().filter(|_| more).map(|bucket| URL_SAFE_NO_PAD.encode(&bucket.name));
    let buckets = found.into_iter().map(|bucket| BucketEntry {
        bucket_arn: name::arn(bucket.name.clone()).to_string(),
        name: bucket.name,
        creation_date: date(bucket.created),
        bucket_region: bucket.region,
    });
    Ok(ListBucketsOutput { owner: owner(&cx), buckets: buckets.collect(), continuation_token, prefix: input.prefix })
}

/// What a continuation token stands for.
///
/// # Errors
/// When it was not given by us.
pub fn decode_token(token: &str) -> Result<String, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| Error::argument("continuation-token", token, "The continuation token provided is incorrect"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_made_where_they_are_asked_for_and_from_the_first_region_anywhere() {
        let made = |own, constraint| place(own, constraint).map_err(Error::entry);
        for (own, constraint, region) in [
            ("us-east-1", None, "us-east-1"),
            ("us-east-1", Some(""), "us-east-1"),
            ("us-east-1", Some("us-west-2"), "us-west-2"),
            ("us-east-1", Some("EU"), "eu-west-1"),
            ("us-west-2", Some("us-west-2"), "us-west-2"),
            ("US", None, "us-east-1"),
        ] {
            assert_eq!(made(own, constraint), Ok(region.to_owned()), "{own} {constraint:?}");
        }
        for constraint in ["us-east-1", "nowhere"] {
            assert_eq!(made("us-east-1", Some(constraint)).unwrap_err().0, "InvalidLocationConstraint", "{constraint}");
        }
        for (constraint, told) in [
            (None, "The unspecified location"),
            (Some(""), "The unspecified location"),
            (Some("us-east-1"), "The us-east-1 location"),
            (Some("eu-central-1"), "The eu-central-1 location"),
        ] {
            let (code, message) = made("us-west-2", constraint).unwrap_err();
            assert!(code == "IllegalLocationConstraintException" && message.starts_with(told), "{message}");
        }
    }

    #[test]
    fn regions_have_a_form() {
        for name in ["eu-west-1", "us-gov-west-1", "ap-southeast-12"] {
            assert!(is_region(name), "{name}");
        }
        for name in ["", "west", "eu-west", "eu--1", "EU-west-1", "default", "1-2-3"] {
            assert!(!is_region(name), "{name}");
        }
    }
}
