//! `AWS::S3::Bucket`.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html>

use async_trait::async_trait;
use serde_json::json;

use super::super::shape::{Property, Shape, TAGS, fixed, property};
use super::super::{Cx, Made, Properties, Resource, ResourceError, Result, deleted, or_delete};
use super::{notifications, settings};
use crate::state::{Deployed, names_of};

pub struct Bucket;

/// Characters of a bucket's name.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
const NAME_CHARACTERS_MAX: usize = 63;
const LOCK: &str = "ObjectLockEnabled";
/// Where a bucket is made that says nothing of its region. In all others, S3 wants to be told.
const FIRST_REGION: &str = "us-east-1";

#[async_trait]
impl Resource for Bucket {
    fn kind(&self) -> &'static str {
        "AWS::S3::Bucket"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("BucketName", Shape::Text),
                property("AccessControl", Shape::Text),
                property("BucketEncryption", settings::ENCRYPTION),
                property("CorsConfiguration", settings::CORS),
                property("LifecycleConfiguration", settings::LIFECYCLE),
                property("LoggingConfiguration", settings::LOGGING),
                property("NotificationConfiguration", notifications::SHAPE),
                property("ObjectLockConfiguration", settings::OBJECT_LOCK),
                property(LOCK, Shape::Boolean),
                property("OwnershipControls", settings::OWNERSHIP),
                property("PublicAccessBlockConfiguration", settings::PUBLIC_ACCESS),
                property("Tags", TAGS),
                property("VersioningConfiguration", settings::VERSIONING),
                property("WebsiteConfiguration", settings::WEBSITE),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("BucketName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let name = cx.name_or_generated(wanted, "BucketName", NAME_CHARACTERS_MAX);
        // Generated names have capitals, and buckets' have none.
        let name = if wanted.contains_key("BucketName") { name } else { name.to_lowercase() };
        refuse_existing(cx, &name).await?;
        let mut input = json!({"Bucket": name});
        if cx.cloud.region() != FIRST_REGION {
            input["CreateBucketConfiguration"] = json!({"LocationConstraint": cx.cloud.region()});
        }
        if let Some(locked) = wanted.get(LOCK) {
            input["ObjectLockEnabledForBucket"] = locked.clone();
        }
        // Said at once, because ACLs of a bucket that has none cannot be put.
        if let Some(ownership) = wanted.get("OwnershipControls").and_then(|controls| controls.pointer("/Rules/0")) {
            input["ObjectOwnership"] = ownership["ObjectOwnership"].clone();
        }
        cx.call("s3", "CreateBucket", input).await?;
        let set = settings::change(cx, &name, &Properties::default(), wanted).await;
        or_delete(set, cx.call("s3", "DeleteBucket", json!({"Bucket": name}))).await?;
        Ok(made(cx, &name))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let locked = |properties: &Properties| properties.get(LOCK) == Some(&json!(true));
        if locked(&old.properties) && !locked(wanted) {
            return Err(ResourceError::Unfit("object lock cannot be taken from a bucket that has it".into()));
        }
        let name = &old.physical_id;
        settings::change(cx, name, &old.properties, wanted).await?;
        // A bucket that gets a configuration of its locks gets them with it.
        if locked(wanted) && !locked(&old.properties) && !wanted.contains_key("ObjectLockConfiguration") {
            let input = json!({"Bucket": name, "ObjectLockConfiguration": {LOCK: "Enabled"}});
            cx.call("s3", "PutObjectLockConfiguration", input).await?;
        }
        Ok(made(cx, name))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("s3", "DeleteBucket", json!({"Bucket": old.physical_id})).await)
    }
}

/// Of the account's own bucket, S3 may say that it was made just now: nobody would know that it was there before, and a
/// rollback would delete it.
async fn refuse_existing(cx: &Cx<'_>, name: &str) -> Result<()> {
    match cx.call("s3", "HeadBucket", json!({"Bucket": name})).await {
        Err(error) if error.is_absent() => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(ResourceError::Unfit(format!("the bucket {name} already exists"))),
    }
}

fn made(cx: &Cx<'_>, name: &str) -> Made {
    let host = names_of(cx.cloud.endpoint());
    let domain = json!(format!("{name}.s3.{host}"));
    let website = json!(format!("http://{name}.s3-website-{}.{host}", cx.cloud.region()));
    Made::new(
        name,
        [
            ("Arn", json!(format!("arn:aws:s3:::{name}"))),
            ("DomainName", domain.clone()),
            ("DualStackDomainName", domain.clone()),
            ("RegionalDomainName", domain),
            ("WebsiteURL", website),
        ],
    )
}
