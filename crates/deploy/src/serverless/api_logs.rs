//! `provider.logs`: what the service's APIs tell of their requests.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/events/apigateway#logs>,
//! <https://www.serverless.com/framework/docs/providers/aws/events/http-api#access-logs> and
//! <https://www.serverless.com/framework/docs/providers/aws/events/websocket#logs>

use super::config::Value;
use super::keys::{self, Key};
use super::read::Reader;
use crate::yaml::Node;

/// `provider.logs`: what APIs tell of their requests, and how.
#[derive(Clone, Debug, Default)]
pub struct ApiLogs {
    pub rest: Option<RestLog>,
    /// The format of a line.
    pub http: Option<String>,
    pub websocket: Option<String>,
}

#[derive(Clone, Debug)]
pub struct RestLog {
    /// The format of a line for each request, where there is to be one.
    pub format: Option<String>,
    /// `INFO` or `ERROR`, where there is to be an execution log.
    pub level: Option<String>,
    pub full: bool,
    /// As whom API Gateway writes the logs.
    pub role: Option<Value>,
}

/// The variables that a REST API's line has where nobody says others, each behind its name.
const REST: [&str; 10] = [
    "requestId",
    "identity.sourceIp",
    "identity.caller",
    "identity.user",
    "requestTime",
    "httpMethod",
    "resourcePath",
    "status",
    "protocol",
    "responseLength",
];
/// The same of an HTTP API, as JSON.
const HTTP: [&str; 8] =
    ["requestId", "identity.sourceIp", "requestTime", "httpMethod", "routeKey", "status", "protocol", "responseLength"];
const WEBSOCKET: &str = "$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] \"$context.eventType $context.routeKey $context.connectionId\" $context.requestId";

/// What a variable is called in lines: `ip` for an address, and otherwise as its last part is.
fn label(variable: &str) -> &str {
    match variable.rsplit('.').next().unwrap_or(variable) {
        "sourceIp" => "ip",
        name => name,
    }
}

fn rest_format() -> String {
    let all = REST.iter().map(|variable| format!("{}: $context.{variable}", label(variable)));
    all.collect::<Vec<_>>().join(", ")
}

fn http_format() -> String {
    let all = HTTP.iter().map(|variable| format!("\"{}\":\"$context.{variable}\"", label(variable)));
    format!("{{{}}}", all.collect::<Vec<_>>().join(","))
}

pub fn read(provider: &Node, reader: &mut Reader<'_>) -> ApiLogs {
    let Some(node) = provider.get("logs") else { return ApiLogs::default() };
    reader.keys(node, "`provider.logs`", keys::LOGS);
    ApiLogs {
        rest: wanted(node, "restApi", keys::REST_LOGS, reader).and_then(|node| rest(&node, reader)),
        http: wanted(node, "httpApi", keys::HTTP_LOGS, reader)
            .map(|node| reader.text(&node, "format").unwrap_or_else(http_format)),
        websocket: wanted(node, "websocket", keys::WEBSOCKET_LOGS, reader).and_then(|node| {
            let format = reader.text(&node, "format").unwrap_or_else(|| WEBSOCKET.to_owned());
            reader.boolean(&node, "accessLogging").unwrap_or(true).then_some(format)
        }),
    }
}

/// The log of one kind of API: `true`, or what is said of it.
fn wanted(logs: &Node, kind: &str, keys: &'static [Key], reader: &mut Reader<'_>) -> Option<Node> {
    let node = logs.get(kind)?;
    if node.as_mapping().is_none() {
        return reader.boolean(logs, kind)?.then(|| Node::null(&node.at));
    }
    reader.keys(node, &format!("`provider.logs.{kind}`"), keys);
    Some(node.clone())
}

fn rest(node: &Node, reader: &mut Reader<'_>) -> Option<RestLog> {
    let is_on = |key: &str, reader: &mut Reader<'_>| reader.boolean(node, key).unwrap_or(true);
    let level = reader.word(node, "level").unwrap_or_else(|| "INFO".into());
    if !matches!(level.as_str(), "INFO" | "ERROR") {
        reader.error(&node.get("level")?.at, format!("`level` is `INFO` or `ERROR`, not `{level}`"));
        return None;
    }
    let format = reader.text(node, "format").unwrap_or_else(rest_format);
    Some(RestLog {
        format: is_on("accessLogging", reader).then_some(format),
        level: is_on("executionLogging", reader).then_some(level),
        full: is_on("fullExecutionData", reader),
        role: node.get("role").and_then(|role| reader.text_value(role, "role")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_what_they_tell() {
        assert!(rest_format().starts_with("requestId: $context.requestId, ip: $context.identity.sourceIp, caller: "));
        assert!(
            http_format().starts_with("{\"requestId\":\"$context.requestId\",\"ip\":\"$context.identity.sourceIp\",")
        );
        let line: serde_json::Value = serde_json::from_str(&http_format()).unwrap();
        assert_eq!(line.as_object().unwrap().len(), HTTP.len());
    }
}
