//! CreateStream, DeleteStream, UpdateStreamMode.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use service::{Cx, Error as ServiceError, Permission};

use super::{Empty, OfStream, of_stream, tag};
use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::{scaling, stream};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub stream_name: Option<String>,
    pub shard_count: Option<i64>,
    pub stream_mode_details: Option<ModeDetails>,
    pub tags: BTreeMap<String, String>,
    #[serde(rename = "WarmThroughputMiBps")]
    pub warm_throughput: Option<i64>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    pub max_record_size: Option<i64>,
    pub record_distribution_strategy: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ModeDetails {
    pub stream_mode: Option<String>,
}

pub const MODES: [&str; 2] = ["PROVISIONED", "ON_DEMAND"];
pub const STRATEGIES: [&str; 2] = ["AUTO", "USER_PARTITION_KEY"];

/// With tags, also for tagging.
pub fn create_permissions(_: &Kinesis, cx: &Cx, input: &CreateInput) -> Result<Vec<Permission>, ServiceError> {
    let arn = cx.arn("kinesis", format!("stream/{}", input.stream_name.as_deref().unwrap_or_default())).to_string();
    let tagging = (!input.tags.is_empty()).then_some("kinesis:AddTagsToStream");
    let actions = std::iter::once("kinesis:CreateStream").chain(tagging);
    Ok(actions.map(|action| Permission::new(action, &arn)).collect())
}

/// The mode, as the model constrains it; provisioned when it is not given.
fn is_on_demand(details: Option<&ModeDetails>, constraints: &mut Constraints) -> bool {
    let mode = details.and_then(|details| details.stream_mode.as_deref());
    if let Some(details) = details {
        constraints.required(&details.stream_mode, "streamModeDetails.streamMode");
    }
    constraints.one_of(mode, "streamModeDetails.streamMode", &MODES);
    mode == Some("ON_DEMAND")
}

pub async fn create(_: Arc<Kinesis>, cx: Cx, input: CreateInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    let on_demand = is_on_demand(input.stream_mode_details.as_ref(), &mut constraints);
    constraints.range(input.shard_count, "shardCount", &(1..=limits::SHARDS_PER_REQUEST_MAX));
    constraints.range(input.max_record_size, "maxRecordSizeInKiB", &limits::RECORD_KIB_RANGE);
    constraints.range(input.warm_throughput, "warmThroughputMiBps", &(0..=limits::WARM_MIBPS_MAX));
    constraints.one_of(input.record_distribution_strategy.as_deref(), "recordDistributionStrategy", &STRATEGIES);
    constraints.required(&input.stream_name, "streamName");
    constraints.name(input.stream_name.as_deref(), "streamName");
    tag::constrain(&input.tags, &mut constraints);
    // Older clients know no modes; those that do may leave the number of shards out when they ask for none.
    let has_mode = input.stream_mode_details.is_some();
    if !on_demand && (has_mode || input.stream_name.is_none()) {
        constraints.required(&input.shard_count, "shardCount");
    }
    constraints.check()?;
    let invalid = |text: &str| Err(Error::InvalidArgument(text.into()));
    if on_demand && input.shard_count.is_some() {
        return invalid("ShardCount cannot be set for a stream in ON_DEMAND mode.");
    }
    let on_demand = on_demand || input.shard_count.is_none();
    let spread = input.record_distribution_strategy.as_deref() == Some("AUTO");
    if spread && !on_demand {
        return invalid("RecordDistributionStrategy AUTO is only supported for streams in ON_DEMAND mode.");
    }
    let arn = cx.arn("kinesis", format!("stream/{}", input.stream_name.unwrap_or_default()));
    tag::check(&arn, &input.tags)?;
    if input.warm_throughput.is_some() {
        super::account::check_warm(&cx, on_demand)?;
    }
    let settings = stream::Settings {
        shards: input.shard_count.and_then(|count| u64::try_from(count).ok()),
        record_kib_max: number(input.max_record_size).unwrap_or(*limits::RECORD_KIB_RANGE.start() as u32),
        spread,
        warm_mibps: number(input.warm_throughput),
        tags: input.tags,
    };
    let now = cx.now();
    cx.db().write(move |tx| stream::create(tx, now, &arn, settings.clone())).await?;
    Ok(Empty {})
}

/// A number whose range was checked.
pub fn number(value: Option<i64>) -> Option<u32> {
    value.and_then(|value| u32::try_from(value).ok())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub enforce_consumer_deletion: Option<bool>,
}
of_stream!(DeleteInput);

pub async fn delete(kinesis: Arc<Kinesis>, cx: Cx, input: DeleteInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    input.check_stream(&mut constraints);
    constraints.check()?;
    let arn = input.arn(&cx)?;
    let with_consumers = input.enforce_consumer_deletion.unwrap_or_default();
    cx.db()
        .write({
            let arn = arn.clone();
            move |tx| stream::delete(tx, &arn, with_consumers)
        })
        .await?;
    kinesis.subscriptions.end_all(&arn);
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ModeInput {
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    #[serde(skip)]
    stream_name: Option<String>,
    pub stream_mode_details: Option<ModeDetails>,
    #[serde(rename = "WarmThroughputMiBps")]
    pub warm_throughput: Option<i64>,
}
of_stream!(ModeInput);

pub async fn update_mode(_: Arc<Kinesis>, cx: Cx, input: ModeInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.stream_arn, "streamARN");
    constraints.required(&input.stream_mode_details, "streamModeDetails");
    let on_demand = is_on_demand(input.stream_mode_details.as_ref(), &mut constraints);
    constraints.range(input.warm_throughput, "warmThroughputMiBps", &(0..=limits::WARM_MIBPS_MAX));
    constraints.arn(input.stream_arn(), "streamARN");
    constraints.check()?;
    let arn = input.arn(&cx)?;
    if input.warm_throughput.is_some() {
        super::account::check_warm(&cx, on_demand)?;
    }
    let (now, warm) = (cx.now(), number(input.warm_throughput));
    cx.db().write(move |tx| scaling::set_mode(tx, &arn, on_demand, warm, now)).await?;
    Ok(Empty {})
}
