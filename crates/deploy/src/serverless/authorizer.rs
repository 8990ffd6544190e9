//! Who may use `http` and `httpApi` events: `authorizer` of an event, and `provider.httpApi.authorizers`.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/events/apigateway> and
//! <https://www.serverless.com/framework/docs/providers/aws/events/http-api>

use serde_json::Value;

use super::config::{
    AuthorizerFunction, HttpApiAuthorizer, HttpApiAuthorizerKind, MethodAuthorizer, OwnAuthorizer, RouteAuthorizer,
};
use super::keys;
use super::read::Reader;
use crate::yaml::Node;

/// Where REST APIs have tokens, unless the service says otherwise.
const AUTHORIZATION: &str = "method.request.header.Authorization";
/// Seconds that results are kept, unless the service says otherwise.
const TTL: i64 = 300;
const TTL_MAX: i64 = 3_600;

/// `authorizer` of an `http` event.
pub fn of_method(event: &Node, reader: &mut Reader<'_>) -> Option<MethodAuthorizer> {
    let node = event.get("authorizer")?;
    if let Some(scalar) = node.as_scalar() {
        return of_word(&scalar.text, node, reader);
    }
    if super::event::reader_function(node) {
        reader.error(&node.at, "an `authorizer` with an intrinsic function is a mapping with an `arn` and a `name`");
        return None;
    }
    reader.keys(node, "`authorizer`", keys::HTTP_AUTHORIZER);
    let kind = reader.word(node, "type").map(|kind| kind.to_uppercase());
    if kind.as_deref() == Some("AWS_IAM") {
        return Some(MethodAuthorizer::Iam);
    }
    let scopes = reader.texts(node, "scopes").unwrap_or_default();
    if let Some(id) = node.get("authorizerId").and_then(|id| reader.text_value(id, "authorizerId")) {
        let Some(kind) = kind else {
            reader.error(&node.at, "an `authorizer` with an `authorizerId` has a `type`");
            return None;
        };
        let kind = if matches!(kind.as_str(), "TOKEN" | "REQUEST") { "CUSTOM".into() } else { kind };
        return Some(MethodAuthorizer::Existing { kind, id, scopes });
    }
    let arn = node.get("arn").and_then(|_| reader.arn(node, "arn"));
    let name = reader.word(node, "name");
    let (name, function) = match (name, arn) {
        (Some(name), Some(arn)) => (name, AuthorizerFunction::Arn(arn)),
        (Some(name), None) => (name.clone(), AuthorizerFunction::Key(name)),
        (None, Some(Value::String(arn))) => (name_of(&arn), AuthorizerFunction::Arn(Value::String(arn))),
        (None, _) => {
            reader.error(&node.at, "an `authorizer` has a `name`, an `arn`, or `type: aws_iam`");
            return None;
        }
    };
    let ttl = reader.integer(node, "resultTtlInSeconds", 0, TTL_MAX).unwrap_or(TTL);
    let kind = kind.unwrap_or_else(|| kind_of(&function).into());
    let identity_source = match reader.text(node, "identitySource") {
        None if kind == "REQUEST" && ttl == 0 => None,
        source => Some(source.unwrap_or_else(|| AUTHORIZATION.into())),
    };
    Some(MethodAuthorizer::Own(Box::new(OwnAuthorizer {
        name,
        function,
        kind,
        ttl,
        identity_source,
        validation: reader.text(node, "identityValidationExpression"),
        scopes,
        managed_externally: reader.boolean(node, "managedExternally").unwrap_or(false),
    })))
}

/// `aws_iam`, a function's key, or an ARN.
fn of_word(word: &str, node: &Node, reader: &mut Reader<'_>) -> Option<MethodAuthorizer> {
    if word.eq_ignore_ascii_case("aws_iam") {
        return Some(MethodAuthorizer::Iam);
    }
    if word.is_empty() || word.contains(char::is_whitespace) {
        reader.error(&node.at, "`authorizer` is `aws_iam`, the name of a function, or an ARN");
        return None;
    }
    let (name, function) = match word.contains(':') {
        true => (name_of(word), AuthorizerFunction::Arn(Value::String(word.into()))),
        false => (word.to_owned(), AuthorizerFunction::Key(word.into())),
    };
    let kind = kind_of(&function).into();
    Some(MethodAuthorizer::Own(Box::new(OwnAuthorizer {
        name,
        function,
        kind,
        ttl: TTL,
        identity_source: Some(AUTHORIZATION.into()),
        validation: None,
        scopes: Vec::new(),
        managed_externally: false,
    })))
}

/// The framework's name for an authorizer of which only the ARN is told: what follows the last dash.
fn name_of(arn: &str) -> String {
    let last = arn.rsplit(':').next().unwrap_or_default();
    last.rsplit('-').next().unwrap_or_default().to_owned()
}

fn kind_of(function: &AuthorizerFunction) -> &'static str {
    match function {
        AuthorizerFunction::Arn(Value::String(arn)) if arn.contains(":cognito-idp:") => "COGNITO_USER_POOLS",
        _ => "TOKEN",
    }
}

/// `authorizer` of an `httpApi` event.
pub fn of_route(event: &Node, reader: &mut Reader<'_>) -> Option<RouteAuthorizer> {
    let node = event.get("authorizer")?;
    if node.as_scalar().is_some() {
        let name = reader.word(event, "authorizer")?;
        return Some(RouteAuthorizer::Named { name, scopes: Vec::new() });
    }
    reader.keys(node, "`authorizer`", keys::HTTP_API_EVENT_AUTHORIZER);
    let kind = reader.word(node, "type").map(|kind| kind.to_lowercase());
    if kind.as_deref() == Some("aws_iam") {
        return Some(RouteAuthorizer::Iam);
    }
    let scopes = reader.texts(node, "scopes").unwrap_or_default();
    if let Some(id) = node.get("id").and_then(|id| reader.text_value(id, "id")) {
        let kind = if kind.as_deref() == Some("request") { "CUSTOM" } else { "JWT" };
        return Some(RouteAuthorizer::Existing { kind, id, scopes });
    }
    match reader.word(node, "name") {
        Some(name) => Some(RouteAuthorizer::Named { name, scopes }),
        None => {
            reader.error(&node.at, "an `authorizer` has a `name`, an `id`, or `type: aws_iam`");
            None
        }
    }
}

/// `provider.httpApi.authorizers`.
pub fn of_http_api(http_api: &Node, reader: &mut Reader<'_>) -> Vec<HttpApiAuthorizer> {
    let entries = reader.mapping(http_api, "authorizers").unwrap_or_default();
    let mut authorizers = Vec::new();
    for entry in entries {
        let node = &entry.value;
        reader.keys(node, "an authorizer", keys::HTTP_API_AUTHORIZER);
        let kind = match reader.word(node, "type").as_deref() {
            None | Some("jwt") => jwt(node, reader),
            Some("request") => request(node, reader),
            Some(other) => {
                let message = format!("the type of an authorizer is `jwt` or `request`, not `{other}`");
                reader.error(&node.at, message);
                None
            }
        };
        let Some(kind) = kind else { continue };
        authorizers.push(HttpApiAuthorizer {
            key: entry.key.clone(),
            name: reader.text(node, "name").unwrap_or_else(|| entry.key.clone()),
            at: entry.at.clone(),
            identity_sources: text_or_texts(node, "identitySource", reader),
            kind,
        });
    }
    authorizers
}

fn jwt(node: &Node, reader: &mut Reader<'_>) -> Option<HttpApiAuthorizerKind> {
    let issuer = node.get("issuerUrl").and_then(|issuer| reader.text_value(issuer, "issuerUrl"));
    let audience = match node.get("audience") {
        Some(audience) => match audience.as_sequence() {
            Some(items) => items.iter().filter_map(|item| reader.text_value(item, "audience")).collect(),
            None => reader.text_value(audience, "audience").into_iter().collect(),
        },
        None => Vec::new(),
    };
    let (Some(issuer), false) = (issuer, audience.is_empty()) else {
        reader.error(&node.at, "an authorizer of the type `jwt` has an `issuerUrl` and an `audience`");
        return None;
    };
    Some(HttpApiAuthorizerKind::Jwt { issuer, audience })
}

fn request(node: &Node, reader: &mut Reader<'_>) -> Option<HttpApiAuthorizerKind> {
    let arn = node.get("functionArn").and_then(|_| reader.arn(node, "functionArn"));
    let function = match (arn, reader.word(node, "functionName")) {
        (Some(arn), None) => AuthorizerFunction::Arn(arn),
        (None, Some(key)) => AuthorizerFunction::Key(key),
        _ => {
            reader
                .error(&node.at, "an authorizer of the type `request` has either a `functionName` or a `functionArn`");
            return None;
        }
    };
    let ttl = reader.integer(node, "resultTtlInSeconds", 0, TTL_MAX);
    if ttl.is_some_and(|ttl| ttl > 0) && node.get("identitySource").is_none() {
        reader.error(&node.at, "results are kept by their `identitySource`, which has to be there");
    }
    let payload = reader.text(node, "payloadVersion").unwrap_or_else(|| "2.0".into());
    if !matches!(payload.as_str(), "1.0" | "2.0") {
        reader.error(&node.at, format!("`payloadVersion` is '1.0' or '2.0', not `{payload}`"));
    }
    Some(HttpApiAuthorizerKind::Request {
        function,
        ttl,
        simple: reader.boolean(node, "enableSimpleResponses"),
        payload,
        managed_externally: reader.boolean(node, "managedExternally").unwrap_or(false),
    })
}

fn text_or_texts(node: &Node, key: &str, reader: &mut Reader<'_>) -> Vec<String> {
    match node.get(key).and_then(Node::as_sequence) {
        Some(_) => reader.texts(node, key).unwrap_or_default(),
        None => reader.text(node, key).into_iter().collect(),
    }
}
