//! The source of a pipe and its parameters, as requests say them and as the API shows them.

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Constraints;
use sources::Filter;
use wire::DateTime;

use crate::error::Error;
use crate::limits;
use crate::types::{SourceParameters, StreamParameters};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SourceInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_criteria: Option<FilterCriteria>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqs_queue_parameters: Option<QueueInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinesis_stream_parameters: Option<StreamInput>,
    #[serde(rename = "DynamoDBStreamParameters", skip_serializing_if = "Option::is_none")]
    dynamodb_stream_parameters: Option<StreamInput>,
    #[serde(rename = "ActiveMQBrokerParameters", skip_serializing)]
    active_mq_broker_parameters: Option<Value>,
    #[serde(rename = "RabbitMQBrokerParameters", skip_serializing)]
    rabbit_mq_broker_parameters: Option<Value>,
    #[serde(skip_serializing)]
    managed_streaming_kafka_parameters: Option<Value>,
    #[serde(skip_serializing)]
    self_managed_kafka_parameters: Option<Value>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct FilterCriteria {
    filters: Vec<FilterInput>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct FilterInput {
    pattern: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct QueueInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_batching_window_in_seconds: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct StreamInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_partial_batch_item_failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_batching_window_in_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_record_age_in_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallelization_factor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_position: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_position_timestamp: Option<DateTime>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
}

const BISECT: &str = "AUTOMATIC_BISECT";

/// What can be a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    Queue,
    Kinesis,
    DynamoDb,
}

impl SourceKind {
    pub fn of(source: &Arn) -> Option<SourceKind> {
        match source.service.as_str() {
            "sqs" => Some(SourceKind::Queue),
            "kinesis" if source.resource.starts_with("stream/") => Some(SourceKind::Kinesis),
            "dynamodb" if source.resource.contains("/stream/") => Some(SourceKind::DynamoDb),
            _ => None,
        }
    }

    fn batch_size(self) -> u32 {
        match self {
            SourceKind::Queue => limits::QUEUE_BATCH_SIZE_DEFAULT,
            _ => limits::STREAM_BATCH_SIZE_DEFAULT,
        }
    }

    /// Where reading can begin.
    fn positions(self) -> &'static [&'static str] {
        match self {
            SourceKind::Kinesis => &["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"],
            _ => &["TRIM_HORIZON", "LATEST"],
        }
    }
}

/// The source that a request names.
///
/// # Errors
/// For what is no source, and for sources that AWS has and this server does not.
pub fn source(text: &str) -> Result<Arn, Error> {
    let not_built = "A pipe's source other than a queue, a Kinesis stream or a DynamoDB stream";
    if text.starts_with("smk://") {
        return Err(Error::NotImplemented(format!("{not_built} (self-managed Kafka)")));
    }
    let arn: Arn = text.parse().map_err(|_| Error::validation(format!("Source {text} is not an ARN.")))?;
    if SourceKind::of(&arn).is_some() {
        return Ok(arn);
    }
    match arn.service.as_str() {
        "kafka" | "mq" => Err(Error::NotImplemented(format!("{not_built} ({})", arn.service))),
        _ => Err(Error::validation(format!("Source {text} is not something that a pipe reads from."))),
    }
}

impl SourceInput {
    pub fn check(&self, constraints: &mut Constraints) {
        let filters = self.filter_criteria.as_ref().map(|criteria| criteria.filters.as_slice()).unwrap_or_default();
        let member = "sourceParameters.filterCriteria.filters";
        if filters.len() > limits::FILTERS_MAX {
            let most = limits::FILTERS_MAX;
            constraints.fail(filters.len(), member, format_args!("have length less than or equal to {most}"));
        }
        for filter in filters {
            constraints.length(Some(&filter.pattern), member, limits::FILTER_CHARACTERS_MAX);
        }
        if let Some(queue) = &self.sqs_queue_parameters {
            sizes(constraints, "sqsQueueParameters", queue.batch_size, queue.maximum_batching_window_in_seconds);
        }
        let streams = [
            (&self.kinesis_stream_parameters, "kinesisStreamParameters", SourceKind::Kinesis),
            (&self.dynamodb_stream_parameters, "dynamoDBStreamParameters", SourceKind::DynamoDb),
        ];
        for (stream, name, kind) in streams {
            if let Some(stream) = stream {
                stream.check(constraints, name, kind);
            }
        }
    }

    /// The parameters with what the request states; of a new pipe, without what there was before. `most` is the largest
    /// batch that can go through the pipe.
    pub fn apply(
        self,
        source: &Arn,
        before: Option<&SourceParameters>,
        most: Option<u32>,
    ) -> Result<SourceParameters, Error> {
        let kind = SourceKind::of(source).ok_or_else(|| Error::validation("The pipe's source cannot be read."))?;
        self.check_kind(kind)?;
        let filters = match self.filter_criteria {
            Some(criteria) => criteria.filters.into_iter().map(|filter| filter.pattern).collect(),
            None => before.map(|before| before.filters.clone()).unwrap_or_default(),
        };
        for filter in &filters {
            Filter::parse(filter).map_err(|error| Error::validation(error.to_string()))?;
        }
        let stream = self.kinesis_stream_parameters.or(self.dynamodb_stream_parameters);
        let (batch_size, window) = match (&stream, &self.sqs_queue_parameters) {
            (Some(stream), _) => (stream.batch_size, stream.maximum_batching_window_in_seconds),
            (None, Some(queue)) => (queue.batch_size, queue.maximum_batching_window_in_seconds),
            (None, None) => (
                before.map(|before| before.batch_size.into()),
                before.and_then(|before| before.window_seconds).map(i64::from),
            ),
        };
        let batch_size = fitting(batch_size.and_then(|size| u32::try_from(size).ok()), kind, most)?;
        let window_seconds = window.and_then(|window| u32::try_from(window).ok());
        if kind == SourceKind::Queue {
            check_queue(source, batch_size, window_seconds)?;
            return Ok(SourceParameters { batch_size, window_seconds, filters, stream: None });
        }
        let stream = match (stream, before.and_then(|before| before.stream.as_ref())) {
            (Some(stream), before) => stream.into_stored(kind, before)?,
            (None, Some(before)) => before.clone(),
            (None, None) => return Err(Error::validation("StartingPosition is required for a stream.")),
        };
        Ok(SourceParameters { batch_size, window_seconds, filters, stream: Some(stream) })
    }

    fn check_kind(&self, kind: SourceKind) -> Result<(), Error> {
        let given = [
            (self.sqs_queue_parameters.is_some(), "SqsQueueParameters", Some(SourceKind::Queue)),
            (self.kinesis_stream_parameters.is_some(), "KinesisStreamParameters", Some(SourceKind::Kinesis)),
            (self.dynamodb_stream_parameters.is_some(), "DynamoDBStreamParameters", Some(SourceKind::DynamoDb)),
            (self.active_mq_broker_parameters.is_some(), "ActiveMQBrokerParameters", None),
            (self.rabbit_mq_broker_parameters.is_some(), "RabbitMQBrokerParameters", None),
            (self.managed_streaming_kafka_parameters.is_some(), "ManagedStreamingKafkaParameters", None),
            (self.self_managed_kafka_parameters.is_some(), "SelfManagedKafkaParameters", None),
        ];
        match given.into_iter().find(|(is_given, _, of)| *is_given && *of != Some(kind)) {
            Some((_, name, _)) => Err(Error::validation(format!("{name} are not parameters of the pipe's source."))),
            None => Ok(()),
        }
    }

    pub fn of_stored(source: &Arn, stored: &SourceParameters) -> SourceInput {
        let filters = stored.filters.iter().map(|pattern| FilterInput { pattern: pattern.clone() }).collect::<Vec<_>>();
        let mut shown = SourceInput {
            filter_criteria: (!filters.is_empty()).then_some(FilterCriteria { filters }),
            ..SourceInput::default()
        };
        let stream = stored.stream.as_ref().map(|stream| StreamInput::of_stored(stored, stream));
        match SourceKind::of(source) {
            Some(SourceKind::Kinesis) => shown.kinesis_stream_parameters = stream,
            Some(SourceKind::DynamoDb) => shown.dynamodb_stream_parameters = stream,
            _ => {
                shown.sqs_queue_parameters = Some(QueueInput {
                    batch_size: Some(stored.batch_size.into()),
                    maximum_batching_window_in_seconds: stored.window_seconds.map(i64::from),
                });
            }
        }
        shown
    }
}

fn sizes(constraints: &mut Constraints, name: &str, batch_size: Option<i64>, window: Option<i64>) {
    let member = |member: &str| format!("sourceParameters.{name}.{member}");
    constraints.range(batch_size, &member("batchSize"), &limits::BATCH_SIZE_RANGE);
    constraints.range(window, &member("maximumBatchingWindowInSeconds"), &limits::BATCHING_WINDOW_SECONDS_RANGE);
}

/// A batch size that the whole pipe can take: the one that is asked for, or the source's own where that fits.
fn fitting(asked: Option<u32>, kind: SourceKind, most: Option<u32>) -> Result<u32, Error> {
    let most = most.unwrap_or(u32::MAX);
    match asked {
        Some(asked) if asked > most => Err(Error::validation(format!(
            "BatchSize {asked} is larger than the largest batch that the pipe's enrichment and target take, which is {most}."
        ))),
        Some(asked) => Ok(asked),
        None => Ok(kind.batch_size().min(most)),
    }
}

fn check_queue(queue: &Arn, batch_size: u32, window: Option<u32>) -> Result<(), Error> {
    let (fifo, window) = (queue.resource.ends_with(".fifo"), window.unwrap_or_default());
    if fifo && batch_size > limits::FIFO_BATCH_SIZE_MAX {
        return Err(Error::validation("BatchSize must be 10 or less for FIFO queues."));
    }
    if fifo && window > 0 {
        return Err(Error::validation("MaximumBatchingWindowInSeconds is not supported for FIFO queues."));
    }
    if batch_size > limits::QUEUE_BATCH_SIZE_DEFAULT && window == 0 {
        return Err(Error::validation(
            "MaximumBatchingWindowInSeconds must be greater than 0 if BatchSize is greater than 10.",
        ));
    }
    Ok(())
}

impl StreamInput {
    fn check(&self, constraints: &mut Constraints, name: &str, kind: SourceKind) {
        let member = |member: &str| format!("sourceParameters.{name}.{member}");
        sizes(constraints, name, self.batch_size, self.maximum_batching_window_in_seconds);
        let ranges = [
            (self.maximum_record_age_in_seconds, "maximumRecordAgeInSeconds", &limits::RECORD_AGE_SECONDS_RANGE),
            (self.maximum_retry_attempts, "maximumRetryAttempts", &limits::RETRIES_RANGE),
            (self.parallelization_factor, "parallelizationFactor", &limits::PARALLELIZATION_RANGE),
        ];
        for (value, name, range) in ranges {
            constraints.range(value, &member(name), range);
        }
        let bisect = self.on_partial_batch_item_failure.as_deref();
        constraints.one_of(bisect, &member("onPartialBatchItemFailure"), &[BISECT]);
        constraints.one_of(self.starting_position.as_deref(), &member("startingPosition"), kind.positions());
    }

    /// Where reading begins is said once; all else is what the request says, and nothing more.
    fn into_stored(self, kind: SourceKind, before: Option<&StreamParameters>) -> Result<StreamParameters, Error> {
        let (start, from) = match before {
            Some(before) => (before.start.clone(), before.from),
            None => self.start(kind)?,
        };
        let age = self.maximum_record_age_in_seconds;
        let least = limits::RECORD_AGE_SECONDS_MIN;
        if age.is_some_and(|age| (0..least).contains(&age)) {
            return Err(Error::validation(format!("MaximumRecordAgeInSeconds must be -1, or at least {least}.")));
        }
        let number = |value: Option<i64>| value.and_then(|value| i32::try_from(value).ok());
        Ok(StreamParameters {
            start,
            from,
            lanes: self.parallelization_factor.and_then(|lanes| u32::try_from(lanes).ok()),
            retries: number(self.maximum_retry_attempts),
            age_seconds: number(age),
            bisect: self.on_partial_batch_item_failure.is_some(),
            dead_letter: self
                .dead_letter_config
                .and_then(|config| config.arn)
                .map(|arn| dead_letter(&arn))
                .transpose()?,
        })
    }

    fn start(&self, kind: SourceKind) -> Result<(String, Option<base::Timestamp>), Error> {
        let start = self.starting_position.clone();
        let start = start.ok_or_else(|| Error::validation("StartingPosition is required for a stream."))?;
        let from = self.starting_position_timestamp.map(|moment| moment.0);
        if kind == SourceKind::Kinesis && (start == "AT_TIMESTAMP") != from.is_some() {
            return Err(Error::validation(
                "StartingPositionTimestamp is given with the StartingPosition AT_TIMESTAMP, and with no other.",
            ));
        }
        Ok((start, from))
    }

    fn of_stored(all: &SourceParameters, stream: &StreamParameters) -> StreamInput {
        let dead_letter = stream.dead_letter.as_ref().map(|arn| DeadLetterConfig { arn: Some(arn.to_string()) });
        StreamInput {
            batch_size: Some(all.batch_size.into()),
            dead_letter_config: dead_letter,
            on_partial_batch_item_failure: stream.bisect.then(|| BISECT.to_owned()),
            maximum_batching_window_in_seconds: all.window_seconds.map(i64::from),
            maximum_record_age_in_seconds: stream.age_seconds.map(i64::from),
            maximum_retry_attempts: stream.retries.map(i64::from),
            parallelization_factor: stream.lanes.map(i64::from),
            starting_position: Some(stream.start.clone()),
            starting_position_timestamp: stream.from.map(DateTime),
        }
    }
}

fn dead_letter(text: &str) -> Result<Arn, Error> {
    let arn: Option<Arn> = text.parse().ok();
    arn.filter(|arn| matches!(arn.service.as_str(), "sqs" | "sns"))
        .ok_or_else(|| Error::validation(format!("DeadLetterConfig {text} is not the ARN of a queue or a topic.")))
}
