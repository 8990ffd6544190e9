//! The enrichment and the target of a pipe with their parameters, as requests say them and as the API shows them.

use std::collections::BTreeMap;

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Constraints;

use crate::error::Error;
use crate::flow::{self, Receiver};
use crate::limits;
use crate::types::{Http, Kind, Stage};

/// The parameters of an enrichment, and those of a target.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StageInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    input_template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lambda_function_parameters: Option<FunctionInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqs_queue_parameters: Option<QueueInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinesis_stream_parameters: Option<StreamInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_bridge_event_bus_parameters: Option<BusInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud_watch_logs_parameters: Option<LogsInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_parameters: Option<HttpInput>,
    #[serde(flatten, skip_serializing)]
    others: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct FunctionInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation_type: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct QueueInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_deduplication_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct StreamInput {
    partition_key: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BusInput {
    #[serde(skip_serializing)]
    endpoint_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct LogsInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_stream_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HttpInput {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path_parameter_values: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    header_parameters: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
}

const INVOCATION_TYPES: [&str; 2] = ["REQUEST_RESPONSE", "FIRE_AND_FORGET"];
/// Targets and enrichments that AWS has and this server does not, by the service of their ARNs.
const NOT_BUILT: [&str; 9] =
    ["batch", "ecs", "execute-api", "firehose", "inspector", "redshift", "sagemaker", "states", "timestream"];

/// What a target's ARN names.
///
/// # Errors
/// For what is no target, and for targets that AWS has and this server does not.
pub fn target(text: &str) -> Result<Arn, Error> {
    receiver(text, "Target", |_| true)
}

/// What an enrichment's ARN names.
///
/// # Errors
/// For what is no enrichment, and for enrichments that AWS has and this server does not.
pub fn enrichment(text: &str) -> Result<Arn, Error> {
    receiver(text, "Enrichment", Receiver::is_enrichment)
}

fn receiver(text: &str, member: &str, fits: impl Fn(Receiver) -> bool) -> Result<Arn, Error> {
    let arn: Arn = text.parse().map_err(|_| Error::validation(format!("{member} {text} is not an ARN.")))?;
    if arn.service == "sns" && arn.resource.ends_with(".fifo") {
        return Err(Error::validation(format!("{member} {text} is a FIFO topic, which pipes do not support.")));
    }
    if Receiver::of(&arn).is_some_and(fits) {
        return Ok(arn);
    }
    if NOT_BUILT.contains(&arn.service.as_str()) || Receiver::of(&arn) == Some(Receiver::ApiDestination) {
        return Err(Error::NotImplemented(format!("{member} {text} of a pipe")));
    }
    Err(Error::validation(format!("{member} {text} is not something that a pipe sends to.")))
}

impl StageInput {
    pub fn check(&self, constraints: &mut Constraints, stage: &str) {
        let member = |member: &str| format!("{stage}.{member}");
        let template = self.input_template.as_deref();
        constraints.length(template, &member("inputTemplate"), limits::TEMPLATE_CHARACTERS_MAX);
        if let Some(function) = &self.lambda_function_parameters {
            let kind = function.invocation_type.as_deref();
            constraints.one_of(kind, &member("lambdaFunctionParameters.invocationType"), &INVOCATION_TYPES);
        }
        if let Some(stream) = &self.kinesis_stream_parameters {
            let name = member("kinesisStreamParameters.partitionKey");
            constraints.required(stream.partition_key.as_deref(), &name);
            constraints.length(stream.partition_key.as_deref(), &name, 256);
        }
        if let Some(queue) = &self.sqs_queue_parameters {
            let ids = [
                (&queue.message_group_id, "messageGroupId"),
                (&queue.message_deduplication_id, "messageDeduplicationId"),
            ];
            for (id, name) in ids {
                constraints.length(id.as_deref(), &member(&format!("sqsQueueParameters.{name}")), 100);
            }
        }
        if let Some(bus) = &self.event_bridge_event_bus_parameters {
            let prefix = member("eventBridgeEventBusParameters");
            constraints.length(bus.detail_type.as_deref(), &format!("{prefix}.detailType"), 128);
            constraints.length(bus.source.as_deref(), &format!("{prefix}.source"), 256);
            constraints.pattern(bus.time.as_deref(), &format!("{prefix}.time"), PATH_PATTERN, flow::is_path);
        }
        if let Some(logs) = &self.cloud_watch_logs_parameters {
            let name = member("cloudWatchLogsParameters.timestamp");
            constraints.pattern(logs.timestamp.as_deref(), &name, PATH_PATTERN, flow::is_path);
        }
    }

    /// The parameters with what the request states. An empty template removes the one there is.
    pub fn apply(self, receiver: Option<&Arn>, before: Stage) -> Result<Stage, Error> {
        let kind = self.kind()?;
        let of = receiver.and_then(Receiver::of);
        if let Some((_, name)) = kind.as_ref().filter(|(kind, _)| of.is_none_or(|of| !of.takes(kind))) {
            return Err(Error::validation(format!("{name} are not parameters of what the pipe sends to.")));
        }
        let template = match self.input_template {
            Some(template) if template.is_empty() => None,
            Some(template) => Some(template),
            None => before.template,
        };
        if let Some(unknown) = template.as_deref().and_then(flow::unknown_variable) {
            return Err(Error::validation(format!("InputTemplate has no variable <{unknown}> to refer to.")));
        }
        let before = before.kind.filter(|kind| of.is_some_and(|of| of.takes(kind)));
        let kind = kind.map(|(kind, _)| kind).or(before);
        if of == Some(Receiver::Stream) && kind.is_none() {
            return Err(Error::validation("KinesisStreamParameters with a PartitionKey are required for a stream."));
        }
        Ok(Stage { template, kind })
    }

    /// The parameters that are of one kind of target, and their name.
    fn kind(&self) -> Result<Option<(Kind, &'static str)>, Error> {
        if let Some(name) = self.others.keys().next() {
            return Err(Error::NotImplemented(format!("{name} of a pipe")));
        }
        let mut kinds = Vec::new();
        if let Some(FunctionInput { invocation_type }) = &self.lambda_function_parameters {
            let asynchronous = invocation_type.as_deref() == Some("FIRE_AND_FORGET");
            kinds.push((Kind::Function { asynchronous }, "LambdaFunctionParameters"));
        }
        if let Some(QueueInput { message_group_id, message_deduplication_id }) = self.sqs_queue_parameters.clone() {
            let kind = Kind::Queue { group: message_group_id, deduplication: message_deduplication_id };
            kinds.push((kind, "SqsQueueParameters"));
        }
        if let Some(StreamInput { partition_key }) = self.kinesis_stream_parameters.clone() {
            let kind = Kind::Stream { partition_key: partition_key.unwrap_or_default() };
            kinds.push((kind, "KinesisStreamParameters"));
        }
        if let Some(bus) = self.event_bridge_event_bus_parameters.clone() {
            if bus.endpoint_id.is_some() {
                return Err(Error::NotImplemented("EndpointId of a pipe's event bus".into()));
            }
            let BusInput { detail_type, source, resources, time, .. } = bus;
            kinds.push((Kind::Bus { detail_type, source, resources, time }, "EventBridgeEventBusParameters"));
        }
        if let Some(LogsInput { log_stream_name, timestamp }) = self.cloud_watch_logs_parameters.clone() {
            kinds.push((Kind::Logs { stream: log_stream_name, timestamp }, "CloudWatchLogsParameters"));
        }
        if let Some(http) = self.http_parameters.clone() {
            let (path, headers) = (http.path_parameter_values, http.header_parameters);
            kinds.push((Kind::Http(Http { path, headers, query: http.query_string_parameters }), "HttpParameters"));
        }
        match kinds.len() {
            0 | 1 => Ok(kinds.pop()),
            _ => Err(Error::validation("Parameters of more than one kind of target are given.")),
        }
    }

    pub fn of_stored(stage: &Stage) -> StageInput {
        let mut shown = StageInput { input_template: stage.template.clone(), ..StageInput::default() };
        match stage.kind.clone() {
            None => {}
            Some(Kind::Function { asynchronous }) => {
                let invocation_type = INVOCATION_TYPES.get(usize::from(asynchronous)).map(|kind| (*kind).to_owned());
                shown.lambda_function_parameters = Some(FunctionInput { invocation_type });
            }
            Some(Kind::Queue { group, deduplication }) => {
                let queue = QueueInput { message_group_id: group, message_deduplication_id: deduplication };
                shown.sqs_queue_parameters = Some(queue);
            }
            Some(Kind::Stream { partition_key }) => {
                shown.kinesis_stream_parameters = Some(StreamInput { partition_key: Some(partition_key) });
            }
            Some(Kind::Bus { detail_type, source, resources, time }) => {
                let bus = BusInput { endpoint_id: None, detail_type, source, resources, time };
                shown.event_bridge_event_bus_parameters = Some(bus);
            }
            Some(Kind::Logs { stream, timestamp }) => {
                shown.cloud_watch_logs_parameters = Some(LogsInput { log_stream_name: stream, timestamp });
            }
            Some(Kind::Http(Http { path, headers, query })) => {
                let http = HttpInput {
                    path_parameter_values: path,
                    header_parameters: headers,
                    query_string_parameters: query,
                };
                shown.http_parameters = Some(http);
            }
        }
        shown
    }
}

const PATH_PATTERN: &str = "\\$(\\.[\\w/_-]+(\\[(\\d+|\\*)\\])*)*";
