//! What a REST API answers by itself: in the words of its owner where there are any, and in AWS's where there are none.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html>

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::mapping::{Mapping, Target, Told};
use super::problem::Problem;
use crate::types::Texts;
use crate::types::gateway::{GatewayResponse, Kind};

/// What an answer says where its owner says nothing else.
pub const DEFAULT_TEMPLATE: &str = "{\"message\":$context.error.messageString}";

/// What an API's owner says of a kind of failure, or of its class.
pub fn own(all: &[(Kind, GatewayResponse)], kind: Kind) -> Option<&GatewayResponse> {
    let of = |wanted: Kind| all.iter().find(|(known, _)| *known == wanted).map(|(_, response)| response);
    of(kind).or_else(|| of(kind.class()?))
}

/// A failure, as the context of a request has it.
pub fn error(problem: &Problem) -> Value {
    json!({
        "message": problem.message,
        "messageString": json!(problem.message).to_string(),
        "responseType": problem.kind.word(),
        // It stands within quotes.
        "validationErrorString": problem.validation.as_ref().map(|wrong| json!(wrong).to_string().trim_matches('"').to_owned()),
    })
}

/// The answer. What is told of the request has the context, in which the failure is written down: see [`error`].
pub fn answer(problem: &Problem, own: Option<&GatewayResponse>, told: &Told<'_>) -> Response<Bytes> {
    let none = GatewayResponse::default();
    let own = own.unwrap_or(&none);
    let (content_type, body) = filled(problem, &own.templates, told);
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = own
        .status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .or(StatusCode::from_u16(problem.status).ok())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(problem.code));
    if let Ok(value) = HeaderValue::from_str(&content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    for (target, source) in &own.parameters {
        let (Some(Target::Header(name)), Ok(mapping)) =
            (Target::gateway_response(target), Mapping::gateway_response(source))
        else {
            continue;
        };
        for value in mapping.values(told).iter().filter_map(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name.clone(), value);
        }
    }
    response
}

/// The media type and the body: by the template that the client accepts, or the one for JSON.
fn filled(problem: &Problem, templates: &Texts, told: &Told<'_>) -> (String, String) {
    let accepted = told.incoming.header(ACCEPT).and_then(|accept| templates.get_key_value(accept));
    let json = || templates.get_key_value("application/json");
    let Some((content_type, template)) = accepted.or_else(json).or_else(|| templates.iter().next()) else {
        return ("application/json".into(), json!({ problem.member: problem.message }).to_string());
    };
    let variables = json!({"context": told.context, "stageVariables": told.variables});
    let variables = if let Value::Object(variables) = variables { variables } else { Map::new() };
    let rendered =
        vtl::Template::parse(template).and_then(|template| template.render(&vtl::Input::default(), &variables));
    match rendered {
        Ok(rendered) => (content_type.clone(), rendered.text),
        Err(error) => {
            tracing::warn!(kind = problem.kind.word(), %error, "the template of a gateway response cannot be filled");
            ("application/json".into(), json!({ "message": problem.message }).to_string())
        }
    }
}
