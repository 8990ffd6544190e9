//! What an `http` event has behind it, where that is not simply its function: `integration`, `request` and `response`.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/events/apigateway#lambda-integration>

use serde_json::{Map, Value as Json};

use super::keys;
use super::read::Reader;
use crate::yaml::Node;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpKind {
    Function,
    Http,
    HttpProxy,
    Mock,
}

impl HttpKind {
    /// As API Gateway calls it.
    pub fn word(self) -> &'static str {
        match self {
            HttpKind::Function => "AWS",
            HttpKind::Http => "HTTP",
            HttpKind::HttpProxy => "HTTP_PROXY",
            HttpKind::Mock => "MOCK",
        }
    }
}

/// What an `http` event has behind it, with what becomes of requests and answers on the way.
#[derive(Clone, Debug)]
pub struct HttpIntegration {
    pub kind: HttpKind,
    pub uri: Option<Json>,
    pub method: Option<String>,
    /// Of requests, by media type.
    pub templates: Map<String, Json>,
    pub pass_through: Option<String>,
    pub content_handling: Option<String>,
    /// Whether nobody waits for the function.
    pub is_async: bool,
    /// Of all answers.
    pub headers: Map<String, Json>,
    pub template: Map<String, Json>,
    pub statuses: Vec<HttpStatus>,
}

impl HttpIntegration {
    pub fn new(kind: HttpKind) -> HttpIntegration {
        HttpIntegration {
            kind,
            uri: None,
            method: None,
            templates: Map::new(),
            pass_through: None,
            content_handling: None,
            is_async: false,
            headers: Map::new(),
            template: Map::new(),
            statuses: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct HttpStatus {
    pub code: String,
    /// Empty for what is answered where no other fits.
    pub pattern: String,
    pub headers: Map<String, Json>,
    pub templates: Map<String, Json>,
}

/// A model of a body.
#[derive(Clone, Debug)]
pub struct HttpSchema {
    pub content_type: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub schema: Json,
}

/// The integration of an event; `None` for a function that is told the request as it is.
pub fn of(event: &Node, reader: &mut Reader<'_>) -> Option<HttpIntegration> {
    let word = reader.word(event, "integration");
    let kind = match word.as_deref().map(|word| word.to_uppercase().replace('-', "_")).as_deref() {
        None | Some("LAMBDA_PROXY" | "AWS_PROXY") => return None,
        Some("LAMBDA" | "AWS") => HttpKind::Function,
        Some("HTTP") => HttpKind::Http,
        Some("HTTP_PROXY") => HttpKind::HttpProxy,
        Some("MOCK") => HttpKind::Mock,
        Some(_) => {
            let at = &event.get("integration").unwrap_or(event).at;
            let known = "`lambda-proxy`, `lambda`, `http-proxy`, `http` and `mock`";
            reader.error(at, format!("the integration `{}` is none: there are {known}", word.unwrap_or_default()));
            return None;
        }
    };
    let mut integration = HttpIntegration::new(kind);
    if let Some(request) = event.get("request") {
        integration.uri = request.get("uri").map(Node::json);
        integration.method = reader.word(request, "method");
        integration.templates = reader.text_map(request, "template");
        integration.content_handling = reader.word(request, "contentHandling");
        integration.pass_through = pass_through(request, reader);
    }
    let is_http = matches!(kind, HttpKind::Http | HttpKind::HttpProxy);
    if is_http && integration.uri.is_none() {
        reader.error(&event.at, "an `http` or `http-proxy` integration has a `request` with a `uri`");
    }
    integration.is_async = reader.boolean(event, "async").unwrap_or(false);
    if let Some(response) = event.get("response") {
        reader.keys(response, "`response`", keys::HTTP_RESPONSE);
        integration.headers = reader.text_map(response, "headers");
        integration.template = templates(response, reader);
        integration.statuses = reader
            .mapping(response, "statusCodes")
            .unwrap_or_default()
            .iter()
            .map(|entry| status(&entry.key, &entry.value, reader))
            .collect();
    }
    Some(integration)
}

fn pass_through(request: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let word = reader.word(request, "passThrough")?;
    if !matches!(word.as_str(), "NEVER" | "WHEN_NO_MATCH" | "WHEN_NO_TEMPLATES") {
        let at = &request.get("passThrough").unwrap_or(request).at;
        reader.error(at, format!("`passThrough` is `NEVER`, `WHEN_NO_MATCH` or `WHEN_NO_TEMPLATES`, not `{word}`"));
    }
    Some(word)
}

fn status(code: &str, node: &Node, reader: &mut Reader<'_>) -> HttpStatus {
    reader.keys(node, "a status code", keys::HTTP_STATUS);
    if code.len() != 3 || code.parse::<u16>().is_err() {
        reader.error(&node.at, format!("`{code}` is no status code"));
    }
    HttpStatus {
        code: code.to_string(),
        pattern: reader.text(node, "pattern").unwrap_or_default(),
        headers: reader.text_map(node, "headers"),
        templates: templates(node, reader),
    }
}

/// A template for JSON, or one for each media type.
fn templates(node: &Node, reader: &mut Reader<'_>) -> Map<String, Json> {
    match node.get("template") {
        Some(template) if template.as_mapping().is_some() => reader.text_map(node, "template"),
        _ => reader
            .text(node, "template")
            .map(|text| ("application/json".to_string(), Json::String(text)))
            .into_iter()
            .collect(),
    }
}

/// `request.schemas`: models of bodies, by media type.
pub fn schemas(event: &Node, reader: &mut Reader<'_>) -> Vec<HttpSchema> {
    let Some(request) = event.get("request") else { return Vec::new() };
    let name = if request.get("schemas").is_some() { "schemas" } else { "schema" };
    let entries = reader.mapping(request, name).unwrap_or_default();
    entries.iter().map(|entry| schema(&entry.key, &entry.value.json())).collect()
}

fn schema(content_type: &str, value: &Json) -> HttpSchema {
    let text = |member: &str| value.get(member).and_then(Json::as_str).map(str::to_string);
    // With a name, the schema is a member beside it.
    let named = value.get("schema").is_some() && value.get("type").is_none() && value.get("properties").is_none();
    HttpSchema {
        content_type: content_type.to_string(),
        name: text("name").filter(|_| named),
        description: text("description").filter(|_| named),
        schema: if named { value.get("schema").cloned().unwrap_or_default() } else { value.clone() },
    }
}
