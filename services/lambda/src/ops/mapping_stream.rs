//! What is asked of event source mappings whose source is a stream.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html>

use base::Arn;
use serde::Serialize;
use service::{Caller, Cx};
use sources::stream::{self, Reader, Unreadable};
use sources::{Checkpoint, StreamSettings};
use wire::DateTime;

use super::event_config::{Destination, destination};
use super::mapping::MappingInput;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::function::{self, Resolved};
use crate::name::FunctionRef;
use crate::types::Mapping;

/// Members of a mapping that only streams have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamOutput {
    starting_position: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_position_timestamp: Option<DateTime>,
    parallelization_factor: u32,
    maximum_retry_attempts: i64,
    maximum_record_age_in_seconds: i64,
    bisect_batch_on_function_error: bool,
    tumbling_window_in_seconds: u32,
    destination_config: DestinationOutput,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationOutput {
    on_failure: Destination,
}

pub fn output(settings: StreamSettings) -> StreamOutput {
    let forever = |limit: Option<u32>| limit.map_or(-1, i64::from);
    StreamOutput {
        starting_position: settings.start,
        starting_position_timestamp: settings.from.map(DateTime),
        parallelization_factor: settings.lanes,
        maximum_retry_attempts: forever(settings.retries),
        maximum_record_age_in_seconds: forever(settings.age_seconds),
        bisect_batch_on_function_error: settings.bisect,
        tumbling_window_in_seconds: settings.tumbling_seconds.unwrap_or_default(),
        destination_config: DestinationOutput {
            on_failure: Destination { destination: settings.on_failure.map(|arn| arn.to_string()) },
        },
    }
}

pub fn is_stream(source: &Arn) -> bool {
    matches!(source.service.as_str(), "dynamodb" | "kinesis")
}

pub fn check(input: &MappingInput, constraints: &mut Constraints) {
    let positions = ["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"];
    constraints.one_of(input.starting_position.as_deref(), "startingPosition", &positions);
    let ranges = [
        (input.parallelization_factor, "parallelizationFactor", &limits::PARALLELIZATION_RANGE),
        (input.maximum_retry_attempts, "maximumRetryAttempts", &limits::STREAM_RETRIES_RANGE),
        (input.maximum_record_age_in_seconds, "maximumRecordAgeInSeconds", &limits::RECORD_AGE_SECONDS_RANGE),
        (input.tumbling_window_in_seconds, "tumblingWindowInSeconds", &limits::TUMBLING_SECONDS_RANGE),
    ];
    for (value, member, range) in ranges {
        constraints.range(value, member, range);
    }
}

/// What a new mapping of a stream begins with.
///
/// # Errors
/// When it does not say where.
pub fn settings(input: &MappingInput) -> Result<StreamSettings, Error> {
    let source = input.event_source_arn.as_deref().unwrap_or_default();
    let (of_kinesis, from) = (source.contains(":kinesis:"), input.starting_position_timestamp);
    let start = match input.starting_position.as_deref() {
        Some("AT_TIMESTAMP") if of_kinesis && from.is_none() => {
            return Err(Error::invalid("StartingPositionTimestamp is required for starting position AT_TIMESTAMP."));
        }
        Some(start) if start != "AT_TIMESTAMP" && from.is_some() => {
            return Err(Error::invalid("StartingPositionTimestamp is only valid for starting position AT_TIMESTAMP."));
        }
        Some(start @ ("TRIM_HORIZON" | "LATEST")) => start,
        Some(start) if of_kinesis => start,
        Some(_) => return Err(Error::invalid(format!("Unsupported starting position for arn type: {source}"))),
        None => {
            return Err(Error::invalid(
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
            ));
        }
    };
    Ok(StreamSettings::starting(start, from.map(|moment| moment.0)))
}

/// The settings with what the request states.
pub fn apply(input: &MappingInput, before: StreamSettings) -> Result<StreamSettings, Error> {
    let age = input.maximum_record_age_in_seconds;
    if age.is_some_and(|age| (0..limits::RECORD_AGE_SECONDS_MIN).contains(&age)) {
        return Err(Error::invalid(format!(
            "Maximum record age in seconds must be -1, or at least {}",
            limits::RECORD_AGE_SECONDS_MIN
        )));
    }
    if input.scaling_config.as_ref().is_some_and(|scaling| scaling.maximum_concurrency.is_some()) {
        return Err(Error::invalid("Unsupported ScalingConfig parameter for given event source mapping type."));
    }
    // Less than nothing is forever.
    let limit = |value: Option<i64>, before: Option<u32>| value.map_or(before, |value| u32::try_from(value).ok());
    let number = |value: Option<i64>, before: u32| value.and_then(|value| u32::try_from(value).ok()).unwrap_or(before);
    let mut settings = StreamSettings {
        lanes: number(input.parallelization_factor, before.lanes),
        retries: limit(input.maximum_retry_attempts, before.retries),
        age_seconds: limit(age, before.age_seconds),
        bisect: input.bisect_batch_on_function_error.unwrap_or(before.bisect),
        tumbling_seconds: limit(input.tumbling_window_in_seconds, before.tumbling_seconds).filter(|length| *length > 0),
        ..before
    };
    if let Some(config) = &input.destination_config {
        if config.on_success.destination.is_some() {
            return Err(Error::invalid(
                "Unsupported DestinationConfig.OnSuccess parameter for given event source mapping type.",
            ));
        }
        settings.on_failure = destination(&config.on_failure, false)?;
        if let Some(function) = settings.on_failure.as_ref().filter(|arn| arn.service == "lambda") {
            return Err(Error::invalid(format!(
                "The provided destination config DestinationConfig({function}) is invalid."
            )));
        }
    }
    Ok(settings)
}

/// Whether the stream is there and the role may read it; and where a new mapping begins in each of its shards.
pub async fn starts(cx: &Cx, mapping: &Mapping, function: &FunctionRef) -> Result<Vec<(String, Checkpoint)>, Error> {
    let reader = reader(cx, &mapping.source, function)?;
    let Some(settings) = &mapping.stream else { return Ok(Vec::new()) };
    stream::starts(&reader, settings, mapping.modified).await.map_err(|reason| unreadable(&reader, reason))
}

/// # Errors
/// When the stream is not there, or the role may not read it.
pub async fn check_source(cx: &Cx, stream: &Arn, function: &FunctionRef) -> Result<(), Error> {
    let reader = reader(cx, stream, function)?;
    reader.check().await.map(|_| ()).map_err(|reason| unreadable(&reader, reason))
}

fn unreadable(reader: &Reader, reason: Unreadable) -> Error {
    let source = &reader.source;
    match reason {
        Unreadable::Denied => {
            let place = if source.service == "kinesis" { "IAM" } else { "DynamoDB" };
            Error::invalid(format!(
                "Cannot access stream {source}. Please ensure the role can perform the GetRecords, GetShardIterator, DescribeStream, and ListStreams Actions on your stream in {place}."
            ))
        }
        Unreadable::Missing => {
            let what = if reader.is_consumer() { "Stream consumer" } else { "Stream" };
            Error::invalid(format!("{what} not found: {source}"))
        }
        Unreadable::Failed(error) => error.into(),
    }
}

fn reader(cx: &Cx, source: &Arn, function: &FunctionRef) -> Result<Reader, Error> {
    let Resolved { version, .. } = function::resolve(&cx.db().read()?, function, 1.0)?;
    let caller = Caller::role_session(&version.settings.role, &function.name);
    Ok(Reader::new(cx.with_caller(caller), source))
}
