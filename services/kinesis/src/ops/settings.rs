//! What is set on streams: retention, encryption, enhanced monitoring, the size of records, and how they are spread.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::describe::WarmThroughput;
use super::stream::{STRATEGIES, number};
use super::{Empty, OfStream, StreamInput, account, of_stream};
use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::stream;
use crate::types::Stream;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RetentionInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub retention_period_hours: Option<i64>,
}
of_stream!(RetentionInput);

pub async fn increase_retention(_: Arc<Kinesis>, cx: Cx, input: RetentionInput) -> Result<Empty, Error> {
    let now = cx.now();
    set_retention(&cx, input, move |stream, hours| {
        if hours < stream.retention_hours {
            return Err(Error::InvalidArgument(format!(
                "Requested retention period ({hours} hours) for stream {} can not be shorter than existing retention period ({} hours). Use DecreaseRetentionPeriod API.",
                stream.name, stream.retention_hours
            )));
        }
        // What was past its retention before does not come back.
        stream.gone = stream.cutoff(now);
        Ok(())
    })
    .await
}

pub async fn decrease_retention(_: Arc<Kinesis>, cx: Cx, input: RetentionInput) -> Result<Empty, Error> {
    set_retention(&cx, input, |stream, hours| {
        if hours > stream.retention_hours {
            return Err(Error::InvalidArgument(format!(
                "Requested retention period ({hours} hours) for stream {} can not be longer than existing retention period ({} hours). Use IncreaseRetentionPeriod API.",
                stream.name, stream.retention_hours
            )));
        }
        Ok(())
    })
    .await
}

async fn set_retention(
    cx: &Cx,
    input: RetentionInput,
    check: impl Fn(&mut Stream, u32) -> Result<(), Error> + Send + 'static,
) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.retention_period_hours, "retentionPeriodHours");
    constraints.range(input.retention_period_hours, "retentionPeriodHours", &(1..=i64::from(u32::MAX)));
    input.check_stream(&mut constraints);
    constraints.check()?;
    let arn = input.arn(cx)?;
    let hours = number(input.retention_period_hours).unwrap_or_default();
    cx.db()
        .write(move |tx| {
            stream::update(tx, &arn, |stream| {
                check_hours(hours)?;
                check(stream, hours)?;
                stream.retention_hours = hours;
                Ok(())
            })
        })
        .await?;
    Ok(Empty {})
}

fn check_hours(hours: u32) -> Result<(), Error> {
    let (least, most) = (limits::RETENTION_HOURS_MIN, limits::RETENTION_HOURS_MAX);
    let refuse = |bound: &str, limit: u32, is: &str| {
        Err(Error::InvalidArgument(format!(
            "{bound} allowed retention period is {limit} hours. Requested retention period ({hours} hours) is too {is}."
        )))
    };
    match hours {
        hours if hours < least => refuse("Minimum", least, "short"),
        hours if hours > most => refuse("Maximum", most, "long"),
        _ => Ok(()),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EncryptionInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub encryption_type: Option<String>,
    pub key_id: Option<String>,
}
of_stream!(EncryptionInput);

impl EncryptionInput {
    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        constraints.required(&self.encryption_type, "encryptionType");
        constraints.one_of(self.encryption_type.as_deref(), "encryptionType", &["NONE", "KMS"]);
        constraints.required(&self.key_id, "keyId");
        if let Some(key) = &self.key_id {
            constraints.length(key, "keyId", 1..=limits::ARN_CHARACTERS_MAX);
        }
        self.check_stream(&mut constraints);
        constraints.check()
    }
}

/// The key that AWS manages, by its alias or the ARN of that.
const MANAGED_KEY: &str = "alias/aws/kinesis";

pub async fn start_encryption(_: Arc<Kinesis>, cx: Cx, input: EncryptionInput) -> Result<Empty, Error> {
    input.check()?;
    let key = input.key_id.clone().unwrap_or_default();
    if input.encryption_type.as_deref() != Some("KMS") {
        return Err(Error::InvalidArgument("Encryption is started with the type KMS.".into()));
    }
    if key.rsplit_once(':').map_or(key.as_str(), |(_, alias)| alias) != MANAGED_KEY {
        return Err(Error::NotImplemented(format!(
            "Encryption of a stream with a key of one's own ({key}); the key {MANAGED_KEY} is taken, and shown, but"
        )));
    }
    set(&cx, &input, move |stream| {
        stream.key = Some(key.clone());
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

pub async fn stop_encryption(_: Arc<Kinesis>, cx: Cx, input: EncryptionInput) -> Result<Empty, Error> {
    input.check()?;
    set(&cx, &input, |stream| {
        stream.key = None;
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

/// Changes the stream that a request names.
async fn set(
    cx: &Cx,
    input: &impl OfStream,
    change: impl Fn(&mut Stream) -> Result<(), Error> + Send + 'static,
) -> Result<Stream, Error> {
    let arn = input.arn(cx)?;
    cx.db().write(move |tx| stream::update(tx, &arn, &change)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MonitoringInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    pub shard_level_metrics: Option<Vec<String>>,
}
of_stream!(MonitoringInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MonitoringOutput {
    pub stream_name: String,
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    pub current_shard_level_metrics: BTreeSet<String>,
    pub desired_shard_level_metrics: BTreeSet<String>,
}

const METRICS: [&str; 8] = [
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
    ALL,
];
/// Stands for all the others.
const ALL: &str = "ALL";

pub async fn enable_monitoring(_: Arc<Kinesis>, cx: Cx, input: MonitoringInput) -> Result<MonitoringOutput, Error> {
    set_monitoring(&cx, &input, |metrics, stated| metrics.extend(stated)).await
}

pub async fn disable_monitoring(_: Arc<Kinesis>, cx: Cx, input: MonitoringInput) -> Result<MonitoringOutput, Error> {
    set_monitoring(&cx, &input, |metrics, stated| metrics.retain(|metric| !stated.contains(metric))).await
}

async fn set_monitoring(
    cx: &Cx,
    input: &MonitoringInput,
    change: fn(&mut BTreeSet<String>, BTreeSet<String>),
) -> Result<MonitoringOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.shard_level_metrics, "shardLevelMetrics");
    let stated = input.shard_level_metrics.as_deref().unwrap_or_default();
    if input.shard_level_metrics.is_some() {
        constraints.size(format_args!("[{}]", stated.join(", ")), stated.len(), "shardLevelMetrics", 1..=7);
    }
    for metric in stated {
        constraints.one_of(Some(metric), "shardLevelMetrics", &METRICS);
    }
    input.check_stream(&mut constraints);
    constraints.check()?;
    let each = METRICS.iter().filter(|metric| **metric != ALL);
    let stated: BTreeSet<String> = match stated.iter().any(|metric| metric == ALL) {
        true => each.map(|metric| (*metric).to_owned()).collect(),
        false => stated.iter().cloned().collect(),
    };
    let arn = input.arn(cx)?;
    let (stream, before) = cx
        .db()
        .write(move |tx| {
            let before = stream::find(tx, &arn)?.metrics;
            let stream = stream::update(tx, &arn, |stream| {
                change(&mut stream.metrics, stated.clone());
                Ok(())
            })?;
            Ok::<_, Error>((stream, before))
        })
        .await?;
    Ok(MonitoringOutput {
        stream_arn: stream.arn.to_string(),
        stream_name: stream.name,
        current_shard_level_metrics: before,
        desired_shard_level_metrics: stream.metrics,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RecordSizeInput {
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    #[serde(skip)]
    stream_name: Option<String>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    pub max_record_size: Option<i64>,
}
of_stream!(RecordSizeInput);

pub async fn set_record_size(_: Arc<Kinesis>, cx: Cx, input: RecordSizeInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.max_record_size, "maxRecordSizeInKiB");
    constraints.range(input.max_record_size, "maxRecordSizeInKiB", &limits::RECORD_KIB_RANGE);
    constraints.required(&input.stream_arn, "streamARN");
    constraints.arn(input.stream_arn(), "streamARN");
    constraints.check()?;
    let kib = number(input.max_record_size);
    set(&cx, &input, move |stream| {
        stream.record_kib_max = kib.unwrap_or(stream.record_kib_max);
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DistributionInput {
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    #[serde(skip)]
    stream_name: Option<String>,
    pub record_distribution_strategy: Option<String>,
}
of_stream!(DistributionInput);

pub async fn set_distribution(_: Arc<Kinesis>, cx: Cx, input: DistributionInput) -> Result<Empty, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.stream_arn, "streamARN");
    constraints.arn(input.stream_arn(), "streamARN");
    constraints.required(&input.record_distribution_strategy, "recordDistributionStrategy");
    constraints.one_of(input.record_distribution_strategy.as_deref(), "recordDistributionStrategy", &STRATEGIES);
    constraints.check()?;
    let spread = input.record_distribution_strategy.as_deref() == Some("AUTO");
    set(&cx, &input, move |stream| {
        if !stream.on_demand {
            return Err(Error::InvalidArgument(
                "RecordDistributionStrategy is only supported for streams in ON_DEMAND mode.".into(),
            ));
        }
        stream.spread = spread;
        Ok(())
    })
    .await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WarmInput {
    pub stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    pub stream_arn: Option<String>,
    #[serde(rename = "WarmThroughputMiBps")]
    pub warm_throughput: Option<i64>,
}
of_stream!(WarmInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct WarmOutput {
    pub stream_name: String,
    #[serde(rename = "StreamARN")]
    pub stream_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_throughput: Option<WarmThroughput>,
}

pub async fn set_warm_throughput(_: Arc<Kinesis>, cx: Cx, input: WarmInput) -> Result<WarmOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.warm_throughput, "warmThroughputMiBps");
    constraints.range(input.warm_throughput, "warmThroughputMiBps", &(0..=limits::WARM_MIBPS_MAX));
    input.check_stream(&mut constraints);
    constraints.check()?;
    let stream = stream::find(&cx.db().read()?, &input.arn(&cx)?)?;
    account::check_warm(&cx, stream.on_demand)?;
    let warm = number(input.warm_throughput);
    let named = StreamInput { stream_name: input.stream_name, stream_arn: input.stream_arn };
    let stream = set(&cx, &named, move |stream| {
        stream.warm_mibps = warm;
        Ok(())
    })
    .await?;
    Ok(WarmOutput {
        warm_throughput: WarmThroughput::of(&stream),
        stream_arn: stream.arn.to_string(),
        stream_name: stream.name,
    })
}
