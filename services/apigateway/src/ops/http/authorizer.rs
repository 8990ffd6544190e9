//! CreateAuthorizer, GetAuthorizer, GetAuthorizers, UpdateAuthorizer, DeleteAuthorizer, ResetAuthorizersCache.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::stage::StageName;
use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::identity;
use crate::keys::HTTP_AUTHORIZERS;
use crate::limits;
use crate::model::authorizer;
use crate::model::http::{api, deployment, route, stage};
use crate::ops::authorization::{check_function, check_name, check_ttl};
use crate::ops::{self, Empty};
use crate::types::authorizer::{Authorizer, Form, Kind};
use crate::types::http::Api;

/// An authorizer as operations show it, and as they change it: absent members are left as they are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Shape {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_credentials_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_payload_format_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_result_ttl_in_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_simple_responses: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_source: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_validation_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_configuration: Option<JwtShape>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JwtShape {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerOutput {
    pub authorizer_id: String,
    #[serde(flatten)]
    pub shape: Shape,
}

impl From<Authorizer> for AuthorizerOutput {
    fn from(authorizer: Authorizer) -> AuthorizerOutput {
        AuthorizerOutput { authorizer_id: authorizer.id.clone(), shape: authorizer.into() }
    }
}

impl From<Authorizer> for Shape {
    fn from(authorizer: Authorizer) -> Shape {
        let shape = Shape {
            name: Some(authorizer.name),
            identity_source: Some(authorizer.identity_sources).filter(|sources| !sources.is_empty()),
            ..Shape::default()
        };
        match authorizer.kind {
            Kind::Jwt { issuer, audience } => Shape {
                authorizer_type: Some("JWT".into()),
                jwt_configuration: Some(JwtShape { audience, issuer: Some(issuer) }),
                ..shape
            },
            Kind::Request { uri, form } => Shape {
                authorizer_type: Some("REQUEST".into()),
                authorizer_uri: Some(uri),
                authorizer_payload_format_version: match form {
                    Form::V1 => Some("1.0".into()),
                    Form::V2 { .. } => Some("2.0".into()),
                    Form::Rest | Form::WebSocket => None,
                },
                authorizer_result_ttl_in_seconds: (form != Form::WebSocket).then_some(authorizer.ttl_seconds.into()),
                enable_simple_responses: (form != Form::WebSocket).then_some(form == Form::V2 { simple: true }),
                ..shape
            },
            // HTTP APIs have no others.
            Kind::Token { .. } | Kind::Pools { .. } => shape,
        }
    }
}

impl Shape {
    /// With what is set in `change`.
    fn changed(self, change: Shape) -> Shape {
        Shape {
            name: change.name.or(self.name),
            authorizer_type: change.authorizer_type.or(self.authorizer_type),
            authorizer_uri: change.authorizer_uri.or(self.authorizer_uri),
            authorizer_credentials_arn: change.authorizer_credentials_arn,
            authorizer_payload_format_version: change
                .authorizer_payload_format_version
                .or(self.authorizer_payload_format_version),
            authorizer_result_ttl_in_seconds: change
                .authorizer_result_ttl_in_seconds
                .or(self.authorizer_result_ttl_in_seconds),
            enable_simple_responses: change.enable_simple_responses.or(self.enable_simple_responses),
            identity_source: change.identity_source.or(self.identity_source),
            identity_validation_expression: change.identity_validation_expression,
            jwt_configuration: change.jwt_configuration.or(self.jwt_configuration),
        }
    }

    /// The authorizer that it says, of an API of this kind.
    fn checked(self, id: String, api: &Api) -> Result<Authorizer, Error> {
        if api.websocket.is_some() {
            return self.of_websocket(id);
        }
        if self.identity_validation_expression.as_deref().is_some_and(|expression| !expression.is_empty()) {
            return Err(Error::bad("identityValidationExpression is not supported for HTTP APIs"));
        }
        let name = check_name(self.name)?;
        let identity_sources = self.identity_source.unwrap_or_default();
        identity_sources.iter().try_for_each(|source| identity::http(source).map(drop))?;
        let (kind, ttl_seconds) = match self.authorizer_type.as_deref() {
            Some("JWT") => (jwt(self.jwt_configuration.unwrap_or_default(), &identity_sources)?, 0),
            Some("REQUEST") => {
                let uri = check_function(self.authorizer_uri, self.authorizer_credentials_arn.as_deref())?;
                let form = form(self.authorizer_payload_format_version.as_deref(), self.enable_simple_responses)?;
                let default = if identity_sources.is_empty() { 0 } else { limits::AUTHORIZER_TTL_SECONDS_DEFAULT };
                let ttl = check_ttl(self.authorizer_result_ttl_in_seconds, default, &identity_sources)?;
                (Kind::Request { uri, form }, ttl)
            }
            _ => return Err(Error::bad("Invalid authorizer type specified. Must be one of [REQUEST, JWT]")),
        };
        Ok(Authorizer { id, name, identity_sources, ttl_seconds, auth_type: None, kind })
    }
}

impl Shape {
    /// Of WebSocket APIs: functions that are told the handshake, whose verdicts are good for their connection alone.
    fn of_websocket(self, id: String) -> Result<Authorizer, Error> {
        if self.authorizer_type.as_deref() != Some("REQUEST") {
            return Err(Error::bad("Invalid authorizer type specified. Must be one of [REQUEST]"));
        }
        let format = self.authorizer_payload_format_version.as_deref().is_some_and(|version| version != "1.0");
        if format || self.enable_simple_responses == Some(true) {
            return Err(Error::bad("Payload format versions and simple responses are supported for HTTP APIs alone"));
        }
        if self.authorizer_result_ttl_in_seconds.is_some_and(|ttl| ttl != 0) {
            return Err(Error::bad("authorizerResultTtlInSeconds is supported for HTTP APIs alone"));
        }
        let identity_sources = self.identity_source.unwrap_or_default();
        identity_sources.iter().try_for_each(|source| identity::websocket(source).map(drop))?;
        let uri = check_function(self.authorizer_uri, self.authorizer_credentials_arn.as_deref())?;
        let (name, form) = (check_name(self.name)?, Form::WebSocket);
        let kind = Kind::Request { uri, form };
        Ok(Authorizer { id, name, identity_sources, ttl_seconds: 0, auth_type: None, kind })
    }
}

/// One source of the token, an issuer that can be asked for its keys, and an audience: without any, no token is good.
fn jwt(configuration: JwtShape, sources: &[String]) -> Result<Kind, Error> {
    let JwtShape { audience, issuer } = configuration;
    if sources.len() != 1 {
        return Err(Error::bad("A JWT authorizer has one identity source, such as $request.header.Authorization"));
    }
    let issuer =
        issuer.ok_or_else(|| Error::bad("JwtConfiguration with an Issuer is required for a JWT authorizer"))?;
    outbound::check(&issuer).map_err(|error| Error::bad(format!("Invalid issuer: {error}")))?;
    if audience.is_empty() || audience.len() > limits::AUDIENCES_MAX || audience.iter().any(String::is_empty) {
        return Err(Error::bad(format!("A JWT authorizer has 1 to {} audiences", limits::AUDIENCES_MAX)));
    }
    Ok(Kind::Jwt { issuer, audience })
}

fn form(version: Option<&str>, simple: Option<bool>) -> Result<Form, Error> {
    match (version, simple.unwrap_or(false)) {
        (Some("1.0"), false) => Ok(Form::V1),
        (Some("1.0"), true) => Err(Error::bad("Simple responses need the payload format version 2.0")),
        (Some("2.0"), simple) => Ok(Form::V2 { simple }),
        _ => Err(Error::bad(
            "AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer: 1.0 or 2.0 is expected",
        )),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthorizerInput {
    pub api_id: String,
    pub authorizer_id: String,
    #[serde(flatten)]
    pub shape: Shape,
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: AuthorizerInput) -> Result<AuthorizerOutput, Error> {
    let (id, region) = (ops::part_id(&cx), cx.region().to_string());
    let made = cx.db().write(move |tx| {
        let api = api::find(tx, &region, &input.api_id)?;
        let made = input.shape.clone().checked(id.clone(), &api)?;
        authorizer::put(tx, &HTTP_AUTHORIZERS, &api.id, &made)?;
        Ok::<_, Error>(made)
    });
    Ok(made.await?.into())
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: AuthorizerInput) -> Result<AuthorizerOutput, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    let AuthorizerInput { api_id, authorizer_id, shape } = input;
    let change = move |found: Authorizer, api: &Api| {
        let id = found.id.clone();
        Shape::from(found).changed(shape.clone()).checked(id, api)
    };
    let changed = cx.db().write(move |tx| {
        let api = api::find(tx, &region, &api_id)?;
        let changed = authorizer::update(tx, &HTTP_AUTHORIZERS, &api.id, &authorizer_id, |found| change(found, &api))?;
        for route in route::list(tx, &api.id)? {
            authorizer::check(tx, &HTTP_AUTHORIZERS, &api.id, &route.authorization)?;
        }
        deployment::automatic(tx, now, &api, &deployment)?;
        Ok::<_, Error>(changed)
    });
    Ok(changed.await?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthorizerName {
    pub api_id: String,
    pub authorizer_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: AuthorizerName) -> Result<AuthorizerOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.api_id)?;
    Ok(authorizer::find(&read, &HTTP_AUTHORIZERS, &input.api_id, &input.authorizer_id)?.into())
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<AuthorizerOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.api_id)?;
    let all = authorizer::list(&read, &HTTP_AUTHORIZERS, &input.api_id)?;
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: AuthorizerName) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db()
        .write(move |tx| {
            api::find(tx, &region, &input.api_id)?;
            let asks = |route: &crate::types::http::Route| {
                route.authorization.authorizer.as_ref() == Some(&input.authorizer_id)
            };
            let user =
                route::list(tx, &input.api_id)?.into_iter().find(asks).map(|route| format!("route: {}", route.key));
            authorizer::delete(tx, &HTTP_AUTHORIZERS, &input.api_id, &input.authorizer_id, user)
        })
        .await?;
    Ok(Empty {})
}

pub async fn reset_cache(state: Arc<ApiGateway>, cx: Cx, input: StageName) -> Result<Empty, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.api_id)?;
    stage::find(&read, &input.api_id, &input.stage_name)?;
    state.results.forget(&input.api_id, &input.stage_name);
    Ok(Empty {})
}
