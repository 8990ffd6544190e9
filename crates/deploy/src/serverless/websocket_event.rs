//! `websocket` events: a route of the service's WebSocket API.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/events/websocket>

use serde_json::{Value, json};

use super::config::{AuthorizerFunction, WebSocket, WebSocketAuthorizer, Websockets};
use super::keys;
use super::read::Reader;
use crate::yaml::Node;

/// Where handshakes have tokens, unless the service says otherwise.
const AUTH: &str = "route.request.header.Auth";
/// Where messages have their route, unless the service says otherwise.
const ACTION: &str = "$request.body.action";
const DESCRIPTION: &str = "Serverless Websockets";
const CONNECT: &str = "$connect";
const DEFAULT: &str = "$default";

/// What the provider says of the API.
pub fn provider(node: &Node, reader: &mut Reader<'_>) -> Websockets {
    Websockets {
        name: reader.text(node, "websocketsApiName"),
        route_selection: reader.text(node, "websocketsApiRouteSelectionExpression").unwrap_or_else(|| ACTION.into()),
        description: reader.text(node, "websocketsDescription").unwrap_or_else(|| DESCRIPTION.into()),
    }
}

pub fn read(item: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<WebSocket> {
    if node.as_scalar().is_some() {
        let route = reader.word(item, "websocket")?;
        return Some(WebSocket { route, answers: false, authorizer: None });
    }
    reader.keys(node, "a `websocket` event", keys::WEBSOCKET_EVENT);
    let Some(route) = reader.word(node, "route") else {
        reader.error(&item.at, "a `websocket` event has a `route`, for example `$connect`");
        return None;
    };
    let answers = match reader.text(node, "routeResponseSelectionExpression").as_deref() {
        None => false,
        Some(DEFAULT) => true,
        Some(other) => {
            let at = &node.get("routeResponseSelectionExpression").unwrap_or(node).at;
            reader.error(at, format!("`routeResponseSelectionExpression` is `{DEFAULT}`, not `{other}`"));
            return None;
        }
    };
    let authorizer = node.get("authorizer").and_then(|authorizer| self::authorizer(node, authorizer, reader));
    if let (Some(_), true) = (&authorizer, route != CONNECT) {
        reader.error(&node.at, format!("only `{CONNECT}` has an `authorizer`: a connection is let in once"));
        return None;
    }
    Some(WebSocket { route, answers, authorizer })
}

fn authorizer(event: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<WebSocketAuthorizer> {
    if node.as_scalar().is_some() {
        let word = reader.word(event, "authorizer")?;
        if word.eq_ignore_ascii_case("aws_iam") {
            return Some(WebSocketAuthorizer::Iam);
        }
        let (name, function) = match word.contains(':') {
            true => (last(&word), AuthorizerFunction::Arn(json!(word))),
            false => (word.clone(), AuthorizerFunction::Key(word)),
        };
        return Some(WebSocketAuthorizer::Own { name, function, identity_sources: vec![AUTH.into()] });
    }
    reader.keys(node, "`authorizer`", keys::WEBSOCKET_AUTHORIZER);
    let arn = node.get("arn").and_then(|_| reader.arn(node, "arn"));
    let (name, function) = match (reader.word(node, "name"), arn) {
        (Some(name), Some(arn)) => (name, AuthorizerFunction::Arn(arn)),
        (Some(name), None) => (name.clone(), AuthorizerFunction::Key(name)),
        (None, Some(Value::String(arn))) => (last(&arn), AuthorizerFunction::Arn(Value::String(arn))),
        (None, _) => {
            reader.error(&node.at, "an `authorizer` has the `name` of a function, or an `arn`");
            return None;
        }
    };
    let identity_sources = match node.get("identitySource").and_then(Node::as_sequence) {
        Some(_) => reader.texts(node, "identitySource"),
        None => reader.text(node, "identitySource").map(|source| vec![source]),
    };
    let identity_sources = identity_sources.unwrap_or_else(|| vec![AUTH.into()]);
    Some(WebSocketAuthorizer::Own { name, function, identity_sources })
}

/// The framework's name for an authorizer of which only the ARN is told.
fn last(arn: &str) -> String {
    arn.rsplit(':').next().unwrap_or_default().to_owned()
}
