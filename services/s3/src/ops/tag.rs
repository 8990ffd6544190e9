//! PutObjectTagging, GetObjectTagging, DeleteObjectTagging.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Permission};

use super::meta::{Tagged, check_tags, tag_context};
use super::on_version;
use super::put::shown_version;
use super::setting::{Tag, Tagging};
use crate::S3;
use crate::error::Error;
use crate::model::{bucket, object};
use crate::notify::{News, tell};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutTagsInput {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    pub tagging: Tagging,
}

/// A request that names nothing but an object, or a version of one.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ObjectInput {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VersionOutput {
    pub version_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetTagsOutput {
    pub version_id: Option<String>,
    pub tag_set: Vec<Tag>,
}

pub fn put_permissions(cx: &Cx, input: &PutTagsInput) -> Result<Vec<Permission>, service::Error> {
    let actions = ("s3:PutObjectTagging", "s3:PutObjectVersionTagging");
    let mut all = on_version(cx, actions, &input.bucket, &input.key, input.version_id.as_deref())?;
    // What is wrong with them is told by the operation.
    let context = tag_context(&input.tagging.map().unwrap_or_default());
    all.iter_mut().for_each(|permission| permission.context.extend(context.clone()));
    Ok(all)
}

async fn set(
    cx: &Cx,
    of: ObjectInput,
    tags: BTreeMap<String, String>,
    (event, method): (&'static str, &'static str),
) -> Result<VersionOutput, Error> {
    let request = cx.clone();
    let stored = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &of.bucket)?;
        let object = object::find_unmarked(tx, &bucket, &of.key, of.version_id.as_deref(), method)?;
        let object = object::Object { tags: tags.clone(), ..object };
        object::replace(tx, bucket.id, &of.key, &object)?;
        tell(tx, &request, &bucket, &News::created(event, &bucket, &of.key, &object))?;
        Ok::<_, Error>(shown_version(bucket.versioning, &object))
    });
    Ok(VersionOutput { version_id: stored.await? })
}

pub async fn put(_: Arc<S3>, cx: Cx, input: PutTagsInput) -> Result<VersionOutput, Error> {
    let tags = input.tagging.map()?;
    check_tags(&tags, Tagged::Object)?;
    set(
        &cx,
        ObjectInput { bucket: input.bucket, key: input.key, version_id: input.version_id },
        tags,
        ("ObjectTagging:Put", "PUT"),
    )
    .await
}

pub async fn delete(_: Arc<S3>, cx: Cx, input: ObjectInput) -> Result<VersionOutput, Error> {
    set(&cx, input, BTreeMap::new(), ("ObjectTagging:Delete", "DELETE")).await
}

pub async fn get(_: Arc<S3>, cx: Cx, input: ObjectInput) -> Result<GetTagsOutput, Error> {
    let read = cx.db().read()?;
    let bucket = bucket::find(&read, &input.bucket)?;
    let object = object::find_unmarked(&read, &bucket, &input.key, input.version_id.as_deref(), "GET")?;
    let version_id = shown_version(bucket.versioning, &object);
    Ok(GetTagsOutput { version_id, tag_set: Tagging::from(&object.tags).tag_set })
}
