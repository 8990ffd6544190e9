//! TagQueue, UntagQueue, ListQueueTags.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::queue::QueueInput;
use super::{Empty, queue_arn};
use crate::Sqs;
use crate::error::Error;
use crate::model::queue;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub queue_url: String,
    pub tags: BTreeMap<String, String>,
}

pub async fn tag(_: Arc<Sqs>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let arn = queue_arn(&cx, &input.queue_url)?;
    cx.db().write(move |tx| queue::tag(tx, &arn, &input.tags)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UntagInput {
    pub queue_url: String,
    pub tag_keys: Vec<String>,
}

pub async fn untag(_: Arc<Sqs>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    let arn = queue_arn(&cx, &input.queue_url)?;
    cx.db().write(move |tx| queue::untag(tx, &arn, &input.tag_keys)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

pub async fn list(_: Arc<Sqs>, cx: Cx, input: QueueInput) -> Result<ListOutput, Error> {
    let queue = queue::find(&cx.db().read()?, &queue_arn(&cx, &input.queue_url)?)?;
    Ok(ListOutput { tags: queue.tags })
}
