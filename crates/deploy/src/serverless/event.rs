//! One entry of a function's `events`, read into [`Event`].

use serde_json::{Map, Value as Json, json};

use super::config::{Event, EventSource, Http, HttpCors, Schedule, Scheduler, Sqs};
use super::keys;
use super::read::Reader;
use crate::diagnostic::{At, Diagnostic};
use crate::yaml::Node;

/// The methods an event can name. `any` and `*` are every method.
const METHODS: &[&str] = &["get", "post", "put", "patch", "options", "head", "delete", "any"];

pub fn read_all(function: &Node, reader: &mut Reader<'_>) -> Vec<Event> {
    let items = reader.list(function, "events").unwrap_or_default();
    items.iter().zip(1..).filter_map(|(item, number)| read(item, number, reader)).collect()
}

/// `number` is the place among the function's events, from 1.
fn read(item: &Node, number: usize, reader: &mut Reader<'_>) -> Option<Event> {
    reader.keys(item, "an event", keys::EVENTS);
    let Some([entry]) = item.as_mapping() else {
        reader.error(&item.at, "an event is a mapping with one key, for example `- httpApi: GET /users`");
        return None;
    };
    let source = match entry.key.as_str() {
        "http" => EventSource::Http(Box::new(http(item, &entry.value, reader)?)),
        "httpApi" => http_api(item, &entry.value, reader)?,
        "websocket" => EventSource::WebSocket(super::websocket_event::read(item, &entry.value, reader)?),
        "sqs" => EventSource::Sqs(sqs(item, &entry.value, reader)?),
        "s3" => EventSource::S3(super::s3_event::read(item, &entry.value, reader)?),
        "sns" => EventSource::Sns(super::sns_event::read(item, &entry.value, reader)?),
        "cognitoUserPool" => EventSource::UserPool(super::user_pool_event::read(item, &entry.value, reader)?),
        "stream" => EventSource::Stream(super::stream_event::read(item, &entry.value, reader)?),
        "schedule" => EventSource::Schedule(schedule(item, &entry.value, reader)?),
        "eventBridge" => EventSource::EventBridge(super::eventbridge_event::read(&entry.value, number, reader)?),
        _ => return None,
    };
    Some(Event { at: entry.at.clone(), source })
}

/// `GET /users` in its two words.
fn method_and_path(text: &str, at: &At, reader: &mut Reader<'_>) -> Option<(String, String)> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(method), Some(path), None) => Some((method.into(), path.into())),
        _ => {
            reader.error(at, format!("a method and a path are expected, for example `GET /users`, not `{text}`"));
            None
        }
    }
}

fn method(method: &str, at: &At, reader: &mut Reader<'_>) -> Option<String> {
    let lower = method.to_lowercase();
    let lower = if lower == "*" { "any".to_string() } else { lower };
    if METHODS.contains(&lower.as_str()) {
        return Some(lower);
    }
    let names = METHODS.join(", ").to_uppercase();
    reader.error(at, format!("`{method}` is not a method: there are {names}"));
    None
}

fn http(item: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<Http> {
    let trimmed = |path: &str| path.trim_start_matches('/').trim_end_matches('/').to_string();
    if let Some(scalar) = node.as_scalar() {
        let (verb, path) = method_and_path(&scalar.text, &node.at, reader)?;
        let method = method(&verb, &node.at, reader)?;
        let (cors, authorizer, operation) = (None, None, None);
        let private = false;
        return Some(Http {
            method,
            path: trimmed(&path),
            cors,
            authorizer,
            private,
            operation,
            parameters: Map::new(),
            integration: None,
            schemas: Vec::new(),
            caching: None,
        });
    }
    reader.keys(node, "an `http` event", keys::HTTP_EVENT);
    let (Some(verb), Some(path)) = (reader.word(node, "method"), reader.word(node, "path")) else {
        reader.error(&item.at, "an `http` event has a `method` and a `path`");
        return None;
    };
    let method = method(&verb, &node.get("method").unwrap_or(node).at, reader)?;
    Some(Http {
        cors: node.get("cors").and_then(|cors| http_cors(node, cors, &method, reader)),
        authorizer: super::authorizer::of_method(node, reader),
        private: reader.boolean(node, "private").unwrap_or(false),
        operation: reader.text(node, "operationId"),
        parameters: parameters(node, reader),
        integration: super::integration::of(node, reader),
        schemas: super::integration::schemas(node, reader),
        caching: super::api_cache::of_event(node, reader),
        path: trimmed(&path),
        method,
    })
}

/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-cors.html>
pub const CORS_HEADERS: &[&str] = &[
    "Content-Type",
    "X-Amz-Date",
    "Authorization",
    "X-Api-Key",
    "X-Amz-Security-Token",
    "X-Amz-User-Agent",
    "X-Amzn-Trace-Id",
];

fn http_cors(event: &Node, node: &Node, method: &str, reader: &mut Reader<'_>) -> Option<HttpCors> {
    let default_headers = || CORS_HEADERS.iter().map(|header| header.to_string()).collect();
    let method = method.to_uppercase();
    if node.as_mapping().is_none() {
        let wanted = reader.boolean(event, "cors")?;
        let methods = vec!["OPTIONS".into(), method];
        return wanted.then(|| HttpCors {
            origin: Some("*".into()),
            headers: default_headers(),
            methods,
            ..HttpCors::default()
        });
    }
    reader.keys(node, "`cors`", keys::HTTP_CORS);
    let mut methods = reader.texts(node, "methods").unwrap_or_default();
    for needed in ["OPTIONS".to_string(), method] {
        if !methods.contains(&needed) {
            methods.push(needed);
        }
    }
    let origins = match reader.texts(node, "origins") {
        Some(origins) => origins,
        None => reader
            .text(node, "origin")
            .map(|origin| origin.split(',').map(|part| part.trim().to_string()).collect())
            .unwrap_or_default(),
    };
    let mut origins = origins.into_iter();
    Some(HttpCors {
        origin: Some(origins.next().unwrap_or_else(|| "*".into())),
        more_origins: origins.collect(),
        headers: reader.texts(node, "headers").unwrap_or_else(default_headers),
        methods,
        credentials: reader.boolean(node, "allowCredentials").unwrap_or(false),
        max_age: reader.integer(node, "maxAge", 1, 86_400),
        cache_control: reader.text(node, "cacheControl"),
    })
}

/// `request.parameters`: names by place, with whether each is required.
fn parameters(event: &Node, reader: &mut Reader<'_>) -> Map<String, Json> {
    let mut parameters = Map::new();
    let Some(request) = event.get("request") else { return parameters };
    reader.keys(request, "`request`", keys::HTTP_REQUEST);
    let Some(node) = request.get("parameters") else { return parameters };
    for (group, place) in [("querystrings", "querystring"), ("paths", "path"), ("headers", "header")] {
        for entry in reader.mapping(node, group).unwrap_or_default() {
            let required = match entry.value.get("required") {
                Some(_) => reader.boolean(&entry.value, "required").unwrap_or(true),
                None => entry.value.json() != Json::Bool(false),
            };
            parameters.insert(format!("method.request.{place}.{}", entry.key), json!(required));
        }
    }
    parameters
}

fn http_api(item: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<EventSource> {
    let (verb, path) = match node.as_scalar() {
        Some(scalar) if scalar.text.trim() == "*" => ("*".into(), "*".into()),
        Some(scalar) => method_and_path(&scalar.text, &node.at, reader)?,
        None => {
            reader.keys(node, "an `httpApi` event", keys::HTTP_API_EVENT);
            let path = reader.word(node, "path");
            let verb =
                reader.word(node, "method").or_else(|| path.as_deref().filter(|path| *path == "*").map(Into::into));
            let (Some(verb), Some(path)) = (verb, path) else {
                reader.error(&item.at, "an `httpApi` event has a `method` and a `path`");
                return None;
            };
            (verb, path)
        }
    };
    let method = method(&verb, &node.get("method").unwrap_or(node).at, reader)?.to_uppercase();
    if path == "*" && method != "ANY" {
        reader.error(&node.at, "the path `*` takes every method: leave the method out");
        return None;
    }
    if path != "*" && !path.starts_with('/') {
        reader.error(&node.at, format!("the path of an `httpApi` event starts with `/`: `/{path}`"));
        return None;
    }
    let authorizer = super::authorizer::of_route(node, reader);
    Some(EventSource::HttpApi { method, path, authorizer })
}

fn sqs(item: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<Sqs> {
    let mut sqs = Sqs {
        arn: Json::Null,
        batch_size: 10,
        batching_window: None,
        report_batch_item_failures: false,
        enabled: true,
        filter_patterns: Vec::new(),
        maximum_concurrency: None,
    };
    let short = node.as_scalar().is_some() || node.get("arn").is_none() && reader_function(node);
    if short {
        sqs.arn = reader.arn(item, "sqs")?;
        return Some(sqs);
    }
    reader.keys(node, "an `sqs` event", keys::SQS_EVENT);
    if node.get("arn").is_none() {
        reader.error(&item.at, "an `sqs` event has the `arn` of its queue");
        return None;
    }
    sqs.arn = reader.arn(node, "arn")?;
    sqs.batch_size = reader.integer(node, "batchSize", 1, 10_000).unwrap_or(10);
    sqs.batching_window = reader.integer(node, "maximumBatchingWindow", 0, 300);
    sqs.enabled = reader.boolean(node, "enabled").unwrap_or(true);
    sqs.maximum_concurrency = reader.integer(node, "maximumConcurrency", 2, 1000);
    sqs.filter_patterns = reader.list(node, "filterPatterns").unwrap_or_default().iter().map(Node::json).collect();
    sqs.report_batch_item_failures = reports_failures(node, reader);
    Some(sqs)
}

/// Whether `functionResponseType` says that the function tells which records failed.
pub fn reports_failures(node: &Node, reader: &mut Reader<'_>) -> bool {
    let Some(response) = reader.word(node, "functionResponseType") else { return false };
    let reports = response == "ReportBatchItemFailures";
    if !reports {
        reader.error(&node.at, format!("`functionResponseType` is `ReportBatchItemFailures`, not `{response}`"));
    }
    reports
}

/// Whether a mapping is an intrinsic function.
pub fn reader_function(node: &Node) -> bool {
    node.as_mapping().is_some_and(|entries| entries.iter().any(|entry| entry.key.starts_with("Fn::")))
}

fn schedule(item: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<Schedule> {
    let mut schedule = Schedule {
        expressions: Vec::new(),
        enabled: true,
        name: None,
        description: None,
        input: None,
        input_path: None,
        input_transformer: None,
        scheduler: None,
    };
    if let Some(scalar) = node.as_scalar() {
        check_expression(&scalar.text, &node.at, reader);
        schedule.expressions.push(Json::String(scalar.text.clone()));
        return Some(schedule);
    }
    reader.keys(node, "a `schedule` event", keys::SCHEDULE_EVENT);
    let Some(rate) = node.get("rate") else {
        reader.error(&item.at, "a `schedule` event has a `rate`");
        return None;
    };
    for expression in rate.as_sequence().unwrap_or(std::slice::from_ref(rate)) {
        if let Some(scalar) = expression.as_scalar() {
            check_expression(&scalar.text, &expression.at, reader);
        }
        schedule.expressions.extend(reader.text_value(expression, "rate"));
    }
    schedule.enabled = reader.boolean(node, "enabled").unwrap_or(true);
    schedule.name = reader.word(node, "name");
    schedule.description = reader.text(node, "description");
    schedule.input = node.get("input").map(input);
    schedule.input_path = reader.text(node, "inputPath");
    schedule.input_transformer = node.get("inputTransformer").map(|transformer| {
        let template = transformer.get("inputTemplate").map(Node::json);
        let paths = transformer.get("inputPathsMap").map(Node::json);
        json!({"InputTemplate": template.unwrap_or_default(), "InputPathsMap": paths.unwrap_or_else(|| json!({}))})
    });
    schedule.scheduler = scheduler(node, reader);
    Some(schedule)
}

/// What makes a schedule one of EventBridge Scheduler's.
fn scheduler(node: &Node, reader: &mut Reader<'_>) -> Option<Scheduler> {
    let is_scheduler = match reader.word(node, "method").as_deref() {
        None | Some("eventBus") => false,
        Some("scheduler") => true,
        Some(other) => {
            let at = &node.get("method").unwrap_or(node).at;
            reader.error(at, format!("the method of a schedule is `eventBus` or `scheduler`, not `{other}`"));
            return None;
        }
    };
    let others = if is_scheduler { ["inputPath", "inputTransformer"].as_slice() } else { &["timezone"] };
    for unfit in others.iter().filter_map(|name| Some((name, node.get(name)?))) {
        let (name, value) = unfit;
        let (not, with) = if is_scheduler { ("not ", "") } else { ("", "only ") };
        reader.error(&value.at, format!("`{name}` is {not}supported {with}with the method `scheduler`"));
    }
    is_scheduler.then(|| Scheduler { timezone: reader.word(node, "timezone") })
}

/// The event's JSON text. A text is taken to be JSON already; in a mapping, a `body` that is JSON text is unwrapped.
fn input(node: &Node) -> String {
    let mut value = node.json();
    if let Json::String(text) = value {
        return text;
    }
    if let Some(body) = value.get_mut("body")
        && let Some(parsed) = body.as_str().and_then(|text| serde_json::from_str(text).ok())
    {
        *body = parsed;
    }
    value.to_string()
}

/// `rate(5 minutes)` or `cron(0 12 * * ? *)`.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
pub fn check_expression(text: &str, at: &At, reader: &mut Reader<'_>) {
    let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
    let right = match (inside("rate"), inside("cron")) {
        (Some(rate), _) => match rate.split_once(' ') {
            Some(("1", unit)) => matches!(unit, "minute" | "hour" | "day"),
            Some((count, unit)) => {
                count.parse::<u32>().is_ok_and(|count| count > 1) && matches!(unit, "minutes" | "hours" | "days")
            }
            None => false,
        },
        (_, Some(cron)) => cron.split_whitespace().count() == 6,
        _ => false,
    };
    if !right {
        let help = "`rate(1 minute)`, `rate(5 minutes)`, or `cron(minutes hours day-of-month month day-of-week year)`";
        reader.report(Diagnostic::error(format!("`{text}` is not a schedule")).at(at).help(help));
    }
}
