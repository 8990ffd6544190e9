//! `AWS::S3::BucketPolicy`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Property, Shape, fixed, property};
use super::super::{Cx, Made, Properties, Resource, ResourceError, Result, deleted, text_of};
use crate::state::Deployed;

pub struct BucketPolicy;

#[async_trait]
impl Resource for BucketPolicy {
    fn kind(&self) -> &'static str {
        "AWS::S3::BucketPolicy"
    }

    fn properties(&self) -> &'static [Property] {
        const { &[fixed("Bucket", Shape::Text).required(), property("PolicyDocument", Shape::Document).required()] }
    }

    /// A bucket has one policy: another resource's is not to be replaced unseen.
    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let bucket = text_of(wanted, "Bucket")?;
        match cx.call("s3", "GetBucketPolicy", json!({"Bucket": bucket})).await {
            Err(error) if error.is_absent() => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(ResourceError::Unfit(format!("the bucket {bucket} has a policy already"))),
        }
        put(cx, wanted).await?;
        Ok(Made::new(bucket, []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        put(cx, wanted).await?;
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("s3", "DeleteBucketPolicy", json!({"Bucket": old.physical_id})).await)
    }
}

async fn put(cx: &Cx<'_>, wanted: &Properties) -> Result<()> {
    let policy = wanted.get("PolicyDocument").map(Value::to_string);
    cx.call("s3", "PutBucketPolicy", json!({"Bucket": wanted.get("Bucket"), "Policy": policy})).await.map(drop)
}
