//! DescribeStream, DescribeStreamSummary.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::{OfStream, StreamInput, of_stream, page_size};
use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::{consumer, shard, stream};
use crate::sequence::{LAST, Sequence, shard_id, shard_index};
use crate::types::{Shard, Stream};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub limit: Option<i64>,
    pub exclusive_start_shard_id: Option<String>,
}
of_stream!(DescribeInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    pub stream_description: Description,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Description {
    #[serde(flatten)]
    pub common: Common,
    pub shards: Vec<ShardOutput>,
    pub has_more_shards: bool,
}

/// What both descriptions of a stream say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Common {
    pub stream_name: String,
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    pub stream_status: &'static str,
    pub stream_mode_details: ModeOutput,
    pub retention_period_hours: u32,
    pub stream_creation_timestamp: DateTime,
    pub enhanced_monitoring: [Monitoring; 1],
    pub encryption_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModeOutput {
    pub stream_mode: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Monitoring {
    pub shard_level_metrics: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShardOutput {
    pub shard_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_shard_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjacent_parent_shard_id: Option<String>,
    pub hash_key_range: HashKeyRange,
    pub sequence_number_range: SequenceNumberRange,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HashKeyRange {
    pub starting_hash_key: String,
    pub ending_hash_key: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SequenceNumberRange {
    pub starting_sequence_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending_sequence_number: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SummaryOutput {
    pub stream_description_summary: Summary,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Summary {
    #[serde(flatten)]
    pub common: Common,
    pub open_shard_count: u64,
    pub consumer_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_throughput: Option<WarmThroughput>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    pub max_record_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_distribution_strategy: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub struct WarmThroughput {
    #[serde(rename = "TargetMiBps")]
    pub target: u32,
    #[serde(rename = "CurrentMiBps")]
    pub current: u32,
}

impl WarmThroughput {
    pub fn of(stream: &Stream) -> Option<WarmThroughput> {
        stream.warm_mibps.map(|target| WarmThroughput { target, current: target })
    }
}

/// As what a stream's state is told. Nothing but a scaling of many shards lasts.
pub fn status(stream: &Stream) -> &'static str {
    if stream.scaling.is_some() { "UPDATING" } else { "ACTIVE" }
}

pub fn mode(stream: &Stream) -> ModeOutput {
    ModeOutput { stream_mode: if stream.on_demand { "ON_DEMAND" } else { "PROVISIONED" } }
}

fn common(stream: Stream) -> Common {
    Common {
        stream_status: status(&stream),
        stream_mode_details: mode(&stream),
        stream_arn: stream.arn.to_string(),
        stream_name: stream.name,
        retention_period_hours: stream.retention_hours,
        stream_creation_timestamp: stream.created.into(),
        enhanced_monitoring: [Monitoring { shard_level_metrics: stream.metrics.into_iter().collect() }],
        encryption_type: if stream.key.is_some() { "KMS" } else { "NONE" },
        key_id: stream.key,
    }
}

pub fn hash_key_range(shard: &Shard) -> HashKeyRange {
    HashKeyRange { starting_hash_key: shard.first_hash.to_string(), ending_hash_key: shard.last_hash.to_string() }
}

pub fn shard_output(shard: &Shard) -> ShardOutput {
    let mut parents = shard.parents.iter().copied().map(shard_id);
    let sequence = |number, at| Sequence::new(shard.epoch, shard.index, number, at).to_string();
    let beginning = base::Timestamp::from_secs(shard.epoch);
    ShardOutput {
        shard_id: shard_id(shard.index),
        parent_shard_id: parents.next(),
        adjacent_parent_shard_id: parents.next(),
        hash_key_range: hash_key_range(shard),
        sequence_number_range: SequenceNumberRange {
            starting_sequence_number: sequence(0, beginning),
            ending_sequence_number: shard.closed.map(|closed| sequence(LAST, closed)),
        },
    }
}

pub async fn describe(_: Arc<Kinesis>, cx: Cx, input: DescribeInput) -> Result<DescribeOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.range(input.limit, "limit", &limits::PAGE_SIZE_RANGE);
    constraints.name(input.exclusive_start_shard_id.as_deref(), "exclusiveStartShardId");
    input.check_stream(&mut constraints);
    constraints.check()?;
    let read = cx.db().read()?;
    let stream = stream::find(&read, &input.arn(&cx)?)?;
    let after = input
        .exclusive_start_shard_id
        .as_deref()
        .map(|id| shard_index(id).ok_or_else(|| shard::unknown(&stream.name, &stream.arn.account, id)));
    let limit = page_size(input.limit, limits::SHARDS_DESCRIBED_MAX);
    let shards = shard::list(&read, stream.id, after.transpose()?)?.take(limit + 1).collect::<Result<Vec<_>, _>>()?;
    Ok(DescribeOutput {
        stream_description: Description {
            has_more_shards: shards.len() > limit,
            shards: shards.iter().take(limit).map(shard_output).collect(),
            common: common(stream),
        },
    })
}

pub async fn summary(_: Arc<Kinesis>, cx: Cx, input: StreamInput) -> Result<SummaryOutput, Error> {
    let mut constraints = Constraints::default();
    input.check_stream(&mut constraints);
    constraints.check()?;
    let read = cx.db().read()?;
    let stream = stream::find(&read, &input.arn(&cx)?)?;
    let strategy = if stream.spread { "AUTO" } else { "USER_PARTITION_KEY" };
    Ok(SummaryOutput {
        stream_description_summary: Summary {
            open_shard_count: stream.open_shards,
            consumer_count: consumer::count(&read, &stream)?,
            warm_throughput: WarmThroughput::of(&stream),
            max_record_size: stream.record_kib_max,
            record_distribution_strategy: stream.on_demand.then_some(strategy),
            common: common(stream),
        },
    })
}
