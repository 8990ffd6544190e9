//! CreateEventSourceMapping, GetEventSourceMapping, UpdateEventSourceMapping, DeleteEventSourceMapping,
//! ListEventSourceMappings.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Caller, Cx, Permission};
use sources::queue;
use wire::DateTime;

use super::event_config::DestinationConfig;
use super::mapping_stream::{self, StreamOutput};
use super::{marker, next_marker, page_size};
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::event_sources;
use crate::limits;
use crate::model::function::{self, Resolved};
use crate::model::mapping;
use crate::name::FunctionRef;
use crate::types::Mapping;

/// The input of create and update.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MappingInput {
    #[serde(rename = "UUID")]
    pub uuid: String,
    pub event_source_arn: Option<String>,
    pub function_name: Option<String>,
    pub enabled: Option<bool>,
    pub batch_size: Option<i64>,
    pub maximum_batching_window_in_seconds: Option<i64>,
    pub function_response_types: Option<Vec<String>>,
    pub filter_criteria: Option<FilterCriteria>,
    pub scaling_config: Option<ScalingConfig>,
    pub tags: BTreeMap<String, String>,
    pub self_managed_event_source: Option<Value>,
    pub destination_config: Option<DestinationConfig>,
    pub starting_position: Option<String>,
    pub starting_position_timestamp: Option<DateTime>,
    pub parallelization_factor: Option<i64>,
    pub maximum_retry_attempts: Option<i64>,
    pub maximum_record_age_in_seconds: Option<i64>,
    pub bisect_batch_on_function_error: Option<bool>,
    pub tumbling_window_in_seconds: Option<i64>,
    pub provisioned_poller_config: Option<Value>,
    #[serde(rename = "KMSKeyArn")]
    pub kms_key_arn: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FilterCriteria {
    pub filters: Vec<FilterInput>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FilterInput {
    pub pattern: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ScalingConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_concurrency: Option<i64>,
}

/// A mapping as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MappingOutput {
    #[serde(rename = "UUID")]
    pub uuid: String,
    pub batch_size: u32,
    pub maximum_batching_window_in_seconds: u32,
    pub event_source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_criteria: Option<FilterCriteria>,
    pub function_arn: String,
    pub last_modified: DateTime,
    /// Of queues AWS tells none: here one that there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_processing_result: Option<String>,
    pub state: &'static str,
    pub state_transition_reason: &'static str,
    pub function_response_types: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling_config: Option<ScalingConfig>,
    pub event_source_mapping_arn: String,
    #[serde(flatten)]
    pub stream: Option<StreamOutput>,
}

/// The ARN of a mapping.
pub fn mapping_resource(cx: &Cx, id: &str) -> String {
    cx.arn("lambda", format!("event-source-mapping:{id}")).to_string()
}

fn output(lambda: &Lambda, cx: &Cx, mapping: Mapping) -> MappingOutput {
    let filters = mapping.filters.into_iter().map(|pattern| FilterInput { pattern }).collect::<Vec<_>>();
    MappingOutput {
        batch_size: mapping.batch_size,
        maximum_batching_window_in_seconds: mapping.window_seconds,
        event_source_arn: mapping.source.to_string(),
        filter_criteria: (!filters.is_empty()).then_some(FilterCriteria { filters }),
        function_arn: mapping.function.to_string(),
        last_modified: mapping.modified.into(),
        last_processing_result: match mapping.stream {
            Some(_) => Some(lambda.sources.result(&mapping.id)),
            None => lambda.sources.latest(&mapping.id),
        },
        state: if mapping.enabled { "Enabled" } else { "Disabled" },
        state_transition_reason: if mapping.stream.is_some() { "User action" } else { "USER_INITIATED" },
        function_response_types: if mapping.reports_failures { vec![REPORT_FAILURES] } else { Vec::new() },
        scaling_config: mapping
            .concurrency
            .map(|concurrency| ScalingConfig { maximum_concurrency: Some(concurrency.into()) }),
        event_source_mapping_arn: mapping_resource(cx, &mapping.id),
        stream: mapping.stream.map(mapping_stream::output),
        uuid: mapping.id,
    }
}

const REPORT_FAILURES: &str = "ReportBatchItemFailures";

impl MappingInput {
    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        constraints.range(self.batch_size, "batchSize", &limits::BATCH_SIZE_RANGE);
        let window = self.maximum_batching_window_in_seconds;
        constraints.range(window, "maximumBatchingWindowInSeconds", &limits::BATCHING_WINDOW_SECONDS_RANGE);
        for kind in self.function_response_types.iter().flatten() {
            constraints.one_of(Some(kind), "functionResponseTypes", &[REPORT_FAILURES]);
        }
        let concurrency = self.scaling_config.as_ref().and_then(|scaling| scaling.maximum_concurrency);
        constraints.range(concurrency, "scalingConfig.maximumConcurrency", &limits::MAXIMUM_CONCURRENCY_RANGE);
        let filters = self.filter_criteria.as_ref().map(|criteria| criteria.filters.as_slice()).unwrap_or_default();
        for filter in filters {
            constraints.length(Some(&filter.pattern), "filterCriteria.filters", limits::FILTER_CHARACTERS_MAX);
        }
        mapping_stream::check(self, &mut constraints);
        constraints.check()?;
        if filters.len() > limits::FILTERS_MAX {
            return Err(Error::invalid(format!("A filter may have up to {} patterns.", limits::FILTERS_MAX)));
        }
        filters.iter().try_for_each(|filter| event_sources::filter(&filter.pattern).map(|_| ()))?;
        function::check_tags(&self.tags)?;
        self.check_built()
    }

    /// What belongs to streams, where the source is a queue.
    fn check_queue(&self) -> Result<(), Error> {
        let for_streams = [
            (self.parallelization_factor.is_some(), "ParallelizationFactor"),
            (self.maximum_retry_attempts.is_some(), "MaximumRetryAttempts"),
            (self.maximum_record_age_in_seconds.is_some(), "MaximumRecordAgeInSeconds"),
            (self.bisect_batch_on_function_error.is_some(), "BisectBatchOnFunctionError"),
            (self.tumbling_window_in_seconds.is_some(), "TumblingWindowInSeconds"),
            (self.destination_config.is_some(), "DestinationConfig"),
            (self.starting_position.is_some(), "StartingPosition"),
        ];
        match for_streams.iter().find(|(asked, _)| *asked) {
            Some((_, member)) => {
                Err(Error::invalid(format!("Unsupported {member} parameter for given event source mapping type.")))
            }
            None => Ok(()),
        }
    }

    fn check_built(&self) -> Result<(), Error> {
        let not_built = [
            (self.self_managed_event_source.is_some(), "SelfManagedEventSource"),
            (self.provisioned_poller_config.is_some(), "ProvisionedPollerConfig"),
            (self.kms_key_arn.is_some(), "KMSKeyArn"),
        ];
        match not_built.iter().find(|(asked, _)| *asked) {
            Some((_, member)) => Err(Error::NotImplemented((*member).into())),
            None => Ok(()),
        }
    }

    /// The mapping with what the request states.
    fn apply(&self, base: Mapping) -> Result<Mapping, Error> {
        let number = |value: Option<i64>, before| value.and_then(|value| u32::try_from(value).ok()).unwrap_or(before);
        let mut mapping = Mapping {
            enabled: self.enabled.unwrap_or(base.enabled),
            batch_size: number(self.batch_size, base.batch_size),
            window_seconds: number(self.maximum_batching_window_in_seconds, base.window_seconds),
            ..base
        };
        if let Some(kinds) = &self.function_response_types {
            mapping.reports_failures = !kinds.is_empty();
        }
        if let Some(criteria) = &self.filter_criteria {
            mapping.filters = criteria.filters.iter().map(|filter| filter.pattern.clone()).collect();
        }
        if let Some(scaling) = &self.scaling_config {
            mapping.concurrency = scaling.maximum_concurrency.and_then(|maximum| u32::try_from(maximum).ok());
        }
        if let Some(settings) = mapping.stream.take() {
            return Ok(Mapping { stream: Some(mapping_stream::apply(self, settings)?), ..mapping });
        }
        self.check_queue()?;
        let fifo = mapping.source.resource.ends_with(".fifo");
        if fifo && mapping.batch_size > limits::FIFO_BATCH_SIZE_MAX {
            return Err(Error::invalid("Batch size must be 10 or less for FIFO queues."));
        }
        if fifo && mapping.window_seconds > 0 {
            return Err(Error::invalid("Batching window is not supported for FIFO queues"));
        }
        if mapping.batch_size > limits::BATCH_SIZE_DEFAULT && mapping.window_seconds == 0 {
            return Err(Error::invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
            ));
        }
        Ok(mapping)
    }
}

pub async fn create(lambda: Arc<Lambda>, cx: Cx, input: MappingInput) -> Result<MappingOutput, Error> {
    let source = source(&input)?;
    input.check()?;
    let name = input.function_name.as_deref().ok_or_else(|| Error::invalid("FunctionName is required."))?;
    let reference = FunctionRef::parse(&cx, name, None)?;
    if !function::exists(&cx.db().read()?, &reference)? {
        return Err(Error::invalid("Function does not exist"));
    }
    let of_stream = mapping_stream::is_stream(&source);
    let base = Mapping {
        id: cx.env().uuid(),
        source,
        function: reference.qualified_arn(),
        enabled: true,
        batch_size: if of_stream { limits::STREAM_BATCH_SIZE_DEFAULT } else { limits::BATCH_SIZE_DEFAULT },
        window_seconds: 0,
        reports_failures: false,
        filters: Vec::new(),
        concurrency: None,
        modified: cx.now(),
        tags: input.tags.clone(),
        stream: of_stream.then(|| mapping_stream::settings(&input)).transpose()?,
    };
    let mapping = input.apply(base)?;
    let starts = if of_stream {
        mapping_stream::starts(&cx, &mapping, &reference).await?
    } else {
        check_source(&cx, &mapping.source, &reference).await?;
        Vec::new()
    };
    let stored = mapping.clone();
    cx.db().write(move |tx| mapping::create(tx, &stored, &starts)).await?;
    // What the answers to changes say, as on AWS; who asks afterwards is told what has come of it already.
    let state = if mapping.enabled || mapping.stream.is_some() { "Creating" } else { "Disabled" };
    Ok(MappingOutput { state, ..output(&lambda, &cx, mapping) })
}

fn source(input: &MappingInput) -> Result<Arn, Error> {
    let text = input.event_source_arn.as_deref().ok_or_else(|| Error::invalid("Unrecognized event source."))?;
    let arn: Arn = text.parse().map_err(|_| Error::invalid(format!("Unrecognized event source: {text}")))?;
    match arn.service.as_str() {
        "sqs" => Ok(arn),
        "dynamodb" if arn.resource.contains("/stream/") => Ok(arn),
        "kinesis" if arn.resource.starts_with("stream/") => Ok(arn),
        "kafka" | "mq" | "rds" => Err(Error::NotImplemented(format!(
            "An event source mapping of {} (SQS, DynamoDB and Kinesis are)",
            arn.service
        ))),
        _ => Err(Error::invalid(format!("Unrecognized event source: {text}"))),
    }
}

/// Whether the queue is there, the role may read it, and its messages stay hidden for as long as the function works.
async fn check_source(cx: &Cx, queue: &Arn, function: &FunctionRef) -> Result<(), Error> {
    let Resolved { version, .. } = function::resolve(&cx.db().read()?, function, 1.0)?;
    let role = cx.with_caller(Caller::role_session(&version.settings.role, &function.name));
    for action in queue::ACTIONS {
        role.authorize(&Permission::new(format!("sqs:{action}"), queue)).map_err(|_| {
            Error::invalid(format!("The provided execution role does not have permissions to call {action} on SQS"))
        })?;
    }
    let visibility = queue::visibility_seconds(&role, queue).await.map_err(|error| {
        let code = error.query_code.as_ref().unwrap_or(&error.code);
        Error::invalid(format!(
            "Error occurred while ReceiveMessage. SQS Error Code: {code}. SQS Error Message: {}",
            error.message
        ))
    })?;
    let timeout = u64::from(version.settings.timeout_seconds);
    if visibility < timeout {
        return Err(Error::invalid(format!(
            "Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
        )));
    }
    Ok(())
}

/// A request that names a mapping.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct IdInput {
    #[serde(rename = "UUID")]
    pub uuid: String,
}

pub async fn get(lambda: Arc<Lambda>, cx: Cx, input: IdInput) -> Result<MappingOutput, Error> {
    let mapping = mapping::find(&cx.db().read()?, cx.region().as_str(), &input.uuid)?;
    Ok(output(&lambda, &cx, mapping))
}

pub async fn update(lambda: Arc<Lambda>, cx: Cx, input: MappingInput) -> Result<MappingOutput, Error> {
    input.check()?;
    let current = mapping::find(&cx.db().read()?, cx.region().as_str(), &input.uuid)?;
    let function = match &input.function_name {
        Some(name) => FunctionRef::parse(&cx, name, None)?,
        None => FunctionRef::of_arn(&current.function).ok_or_else(Error::resource_not_found)?,
    };
    match input.enabled {
        Some(false) => {}
        _ if current.stream.is_some() => mapping_stream::check_source(&cx, &current.source, &function).await?,
        _ => check_source(&cx, &current.source, &function).await?,
    }
    let state = match input.enabled.filter(|enabled| *enabled != current.enabled) {
        Some(true) => "Enabling",
        Some(false) => "Disabling",
        None => "Updating",
    };
    let (region, now, function) = (cx.region().clone(), cx.now(), function.qualified_arn());
    let change = move |before: Mapping, input: &MappingInput| {
        input.apply(Mapping { function: function.clone(), modified: now, ..before })
    };
    let mapping = cx
        .db()
        .write(move |tx| mapping::update(tx, region.as_str(), &input.uuid, |before| change(before, &input)))
        .await?;
    Ok(MappingOutput { state, ..output(&lambda, &cx, mapping) })
}

pub async fn delete(lambda: Arc<Lambda>, cx: Cx, input: IdInput) -> Result<MappingOutput, Error> {
    let region = cx.region().clone();
    let mapping = cx.db().write(move |tx| mapping::delete(tx, region.as_str(), &input.uuid)).await?;
    Ok(MappingOutput { state: "Deleting", ..output(&lambda, &cx, mapping) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub event_source_arn: Option<String>,
    pub function_name: Option<String>,
    pub marker: Option<String>,
    pub max_items: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub event_source_mappings: Vec<MappingOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

pub async fn list(lambda: Arc<Lambda>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let (limit, after) = (page_size(input.max_items)?, marker(input.marker.as_deref())?);
    let source = input.event_source_arn.as_deref().filter(|text| !text.is_empty());
    let source = source
        .map(|text| text.parse::<Arn>().map_err(|_| Error::invalid(format!("Unrecognized event source: {text}"))))
        .transpose()?;
    let function = input.function_name.as_deref().filter(|text| !text.is_empty());
    let function = function
        .map(|name| FunctionRef::parse(&cx, name, None).map(|function| function.qualified_arn()))
        .transpose()?;
    let (mappings, next) = mapping::list(
        &cx.db().read()?,
        cx.region().as_str(),
        after.as_deref(),
        limit,
        source.as_ref(),
        function.as_ref(),
    )?;
    Ok(ListOutput {
        event_source_mappings: mappings.into_iter().map(|mapping| output(&lambda, &cx, mapping)).collect(),
        next_marker: next_marker(next),
    })
}
