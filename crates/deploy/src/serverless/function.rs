//! One entry of `functions`, read into [`Function`].

use serde_json::Value as Json;

use super::config::{Destination, Function, FunctionUrl, Service};
use super::read::Reader;
use super::{event, keys, service};
use crate::diagnostic::{At, Diagnostic};
use crate::yaml::{Entry, Node};

/// MiB. Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MEMORY_MIN: i64 = 128;
pub const MEMORY_MAX: i64 = 10_240;
/// Seconds.
pub const TIMEOUT_MAX: i64 = 900;
/// Characters of a function's name on AWS.
const NAME_MAX: usize = 64;

/// The framework's own defaults.
const MEMORY_DEFAULT: i64 = 1024;
const TIMEOUT_DEFAULT: i64 = 6;

/// Reads a function; `service` has everything but its functions.
pub fn read(entry: &Entry, service: &Service, reader: &mut Reader<'_>) -> Option<Function> {
    let (node, key) = (&entry.value, &entry.key);
    if !key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        reader.error(
            &entry.at,
            format!("the function's name `{key}` may have letters, digits, hyphens and underscores only"),
        );
        return None;
    }
    reader.keys(node, "a function", keys::FUNCTION);
    let provider = &service.provider;
    let name = reader.word(node, "name").unwrap_or_else(|| format!("{}-{}-{key}", service.name, service.stage));
    if name.len() > NAME_MAX {
        let help = "shorten the service's or the function's name, or set `name`";
        reader.report(
            Diagnostic::error(format!("`{name}` is longer than the {NAME_MAX} characters of a function's name"))
                .at(&entry.at)
                .help(help),
        );
    }
    let Some(handler) = reader.word(node, "handler") else {
        if node.get("image").is_none() && node.get("handler").is_none() {
            reader.error(&entry.at, format!("the function `{key}` has no `handler`"));
        }
        return None;
    };
    let [on_success_destination, on_failure_destination] = destinations(node, reader);
    Some(Function {
        runtime: runtime(node, service, &entry.at, reader)?,
        description: reader.text(node, "description"),
        timeout: reader.integer(node, "timeout", 1, TIMEOUT_MAX).or(provider.timeout).unwrap_or(TIMEOUT_DEFAULT),
        memory_size: reader
            .integer(node, "memorySize", MEMORY_MIN, MEMORY_MAX)
            .or(provider.memory_size)
            .unwrap_or(MEMORY_DEFAULT),
        environment: service::with(&provider.environment, reader.text_map(node, "environment")),
        environment_at: [provider.environment_at.clone(), Reader::places(node, "environment")].concat(),
        role: node.get("role").and_then(|role| reader.text_value(role, "role")),
        layers: layer_arns(node, reader).or_else(|| provider.layers.clone()),
        tags: service::with(&provider.tags, reader.text_map(node, "tags")),
        reserved_concurrency: reader.integer(node, "reservedConcurrency", 0, 100_000),
        // As in the framework, none is the same as nothing.
        provisioned_concurrency: reader.integer(node, "provisionedConcurrency", 0, 100_000).filter(|ready| *ready > 0),
        snap_start: snap_start(node, reader),
        update_runtime_on: service::update_runtime_on(node, reader).or(provider.update_runtime_on),
        on_error: reader.arn(node, "onError"),
        on_success_destination,
        on_failure_destination,
        maximum_event_age: reader.integer(node, "maximumEventAge", 60, 21_600),
        maximum_retry_attempts: reader.integer(node, "maximumRetryAttempts", 0, 2),
        condition: reader.word(node, "condition"),
        depends_on: reader.texts(node, "dependsOn").unwrap_or_default(),
        disable_logs: reader.boolean(node, "disableLogs").unwrap_or(false),
        log_retention: reader.integer(node, "logRetentionInDays", 1, 3653).or(provider.log_retention),
        ephemeral_storage: reader.integer(node, "ephemeralStorageSize", 512, 10_240),
        version: reader.boolean(node, "versionFunction"),
        http_api_payload: node.get("httpApi").and_then(|http_api| {
            reader.keys(http_api, "`httpApi` of a function", keys::FUNCTION_HTTP_API);
            service::payload(http_api, reader)
        }),
        url: node.get("url").and_then(|url| function_url(node, url, reader)),
        package: service::package(node, reader),
        events: event::read_all(node, reader),
        key: key.clone(),
        at: entry.at.clone(),
        name,
        handler,
    })
}

/// `snapStart: true`, which rules out instances that are ready anyway.
fn snap_start(node: &Node, reader: &mut Reader<'_>) -> bool {
    let wanted = reader.boolean(node, "snapStart").unwrap_or(false);
    if let (true, Some(provisioned)) = (wanted, node.get("provisionedConcurrency")) {
        reader.error(
            &provisioned.at,
            "a function with `snapStart` cannot have `provisionedConcurrency`: take one of them",
        );
    }
    wanted
}

/// `url: true`, or its settings.
fn function_url(parent: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<FunctionUrl> {
    if node.as_mapping().is_none() {
        return reader.boolean(parent, "url")?.then(FunctionUrl::default);
    }
    reader.keys(node, "`url`", keys::FUNCTION_URL);
    let authorizer = reader.word(node, "authorizer");
    if let Some(other) = authorizer.as_deref().filter(|kind| *kind != "aws_iam") {
        reader.error(&node.at, format!("`authorizer` of `url` is aws_iam, or left out, not `{other}`"));
    }
    let invoke_mode = reader.word(node, "invokeMode");
    if let Some(other) = invoke_mode.as_deref().filter(|mode| !matches!(*mode, "BUFFERED" | "RESPONSE_STREAM")) {
        reader.error(&node.at, format!("`invokeMode` is BUFFERED or RESPONSE_STREAM, not `{other}`"));
    }
    Some(FunctionUrl {
        signed: authorizer.is_some(),
        cors: node.get("cors").and_then(|cors| service::http_api_cors(node, cors, reader)),
        invoke_mode,
    })
}

/// The function's runtime or the provider's, one of the kinds that are run here.
fn runtime(node: &Node, service: &Service, at: &At, reader: &mut Reader<'_>) -> Option<String> {
    let own = reader.word(node, "runtime");
    let Some(runtime) = own.or_else(|| service.provider.runtime.clone()) else {
        let help = "set `runtime` of the provider or the function, for example `python3.12` or `nodejs20.x`";
        reader.report(Diagnostic::error("the function has no runtime").at(at).help(help));
        return None;
    };
    let supported = ["python3.", "nodejs", "provided"].iter().any(|kind| runtime.starts_with(kind));
    if !supported {
        let at = node.get("runtime").map_or(at, |node| &node.at);
        let help = "supported: python3.9 and later, nodejs18.x and later, provided.al2 and provided.al2023 (any compiled language)";
        reader.report(Diagnostic::error(format!("the runtime `{runtime}` is not supported")).at(at).help(help));
        return None;
    }
    Some(runtime)
}

/// `layers` of a function or the provider.
pub fn layer_arns(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<Json>> {
    let items = reader.list(node, "layers")?;
    Some(items.iter().filter_map(|item| reader.arn_value(item, "layers")).collect())
}

fn destinations(node: &Node, reader: &mut Reader<'_>) -> [Option<Destination>; 2] {
    let Some(node) = node.get("destinations") else { return [None, None] };
    reader.keys(node, "`destinations`", keys::DESTINATIONS);
    ["onSuccess", "onFailure"].map(|key| node.get(key).and_then(|node| destination(node, key, reader)))
}

/// `onSuccess` or `onFailure`.
pub fn destination(node: &Node, key: &str, reader: &mut Reader<'_>) -> Option<Destination> {
    if let Some(scalar) = node.as_scalar() {
        let arn = scalar.text.starts_with("arn:");
        return Some(if arn { Destination::Arn(node.json()) } else { Destination::Function(scalar.text.clone()) });
    }
    reader.keys(node, &format!("`{key}`"), keys::DESTINATION);
    let kind = reader.word(node, "type")?;
    if !matches!(kind.as_str(), "function" | "sqs" | "sns" | "eventBus") {
        reader.error(&node.at, format!("`type` is function, sqs, sns or eventBus, not `{kind}`"));
        return None;
    }
    Some(Destination::Typed { kind, arn: reader.arn(node, "arn")? })
}
