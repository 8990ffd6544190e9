//! SplitShard, MergeShards, UpdateShardCount.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Empty, OfStream, of_stream};
use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::{scaling, shard, stream};
use crate::sequence::shard_index;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SplitInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub shard_to_split: Option<String>,
    pub new_starting_hash_key: Option<String>,
}
of_stream!(SplitInput);

pub async fn split(_: Arc<Kinesis>, cx: Cx, input: SplitInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.new_starting_hash_key, "newStartingHashKey");
    constraints.hash_key(input.new_starting_hash_key.as_deref(), "newStartingHashKey");
    constraints.required(&input.shard_to_split, "shardToSplit");
    constraints.name(input.shard_to_split.as_deref(), "shardToSplit");
    input.check_stream(&mut constraints);
    constraints.check()?;
    let (arn, now) = (input.arn(&cx)?, cx.now());
    let (id, hash) = (input.shard_to_split.unwrap_or_default(), input.new_starting_hash_key.unwrap_or_default());
    check_id(&arn, &id)?;
    cx.db().write(move |tx| scaling::split(tx, &arn, &id, &hash, now)).await?;
    Ok(Empty {})
}

/// What no shard can be called is told before whether there is such a stream.
fn check_id(stream: &base::Arn, id: &str) -> Result<(), Error> {
    match shard_index(id) {
        Some(_) => Ok(()),
        None => Err(shard::unknown(stream::name(stream), &stream.account, id)),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MergeInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub shard_to_merge: Option<String>,
    pub adjacent_shard_to_merge: Option<String>,
}
of_stream!(MergeInput);

pub async fn merge(_: Arc<Kinesis>, cx: Cx, input: MergeInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.shard_to_merge, "shardToMerge");
    constraints.name(input.shard_to_merge.as_deref(), "shardToMerge");
    constraints.required(&input.adjacent_shard_to_merge, "adjacentShardToMerge");
    constraints.name(input.adjacent_shard_to_merge.as_deref(), "adjacentShardToMerge");
    input.check_stream(&mut constraints);
    constraints.check()?;
    let (arn, now) = (input.arn(&cx)?, cx.now());
    let ids = [input.shard_to_merge, input.adjacent_shard_to_merge].map(Option::unwrap_or_default);
    ids.iter().try_for_each(|id| check_id(&arn, id))?;
    let [one, other] = ids;
    cx.db().write(move |tx| scaling::merge(tx, &arn, &one, &other, now)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ScaleInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub target_shard_count: Option<i64>,
    pub scaling_type: Option<String>,
}
of_stream!(ScaleInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScaleOutput {
    pub stream_name: String,
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    pub current_shard_count: u64,
    pub target_shard_count: u64,
}

pub async fn scale(_: Arc<Kinesis>, cx: Cx, input: ScaleInput) -> Result<ScaleOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.target_shard_count, "targetShardCount");
    constraints.range(input.target_shard_count, "targetShardCount", &(1..=limits::SHARDS_PER_REQUEST_MAX));
    constraints.required(&input.scaling_type, "scalingType");
    constraints.one_of(input.scaling_type.as_deref(), "scalingType", &["UNIFORM_SCALING"]);
    input.check_stream(&mut constraints);
    constraints.check()?;
    let (arn, now) = (input.arn(&cx)?, cx.now());
    let target = input.target_shard_count.and_then(|count| u64::try_from(count).ok()).unwrap_or(1);
    let (stream, current) = cx.db().write(move |tx| scaling::scale(tx, &arn, target, now)).await?;
    Ok(ScaleOutput {
        stream_arn: stream.arn.to_string(),
        stream_name: stream.name,
        current_shard_count: current,
        target_shard_count: target,
    })
}
