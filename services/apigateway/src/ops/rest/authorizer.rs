//! CreateAuthorizer, GetAuthorizer, GetAuthorizers, UpdateAuthorizer, DeleteAuthorizer, FlushStageAuthorizersCache.

use std::sync::Arc;

use base::Arn;
use regex_lite::RegexBuilder;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::patch::{self, Op, Patch, PatchOperation};
use super::stage::StageInput;
use super::{Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::identity;
use crate::keys::AUTHORIZERS;
use crate::limits;
use crate::model::authorizer;
use crate::model::rest::{api, resource, stage};
use crate::ops::authorization::{check_function, check_name, check_ttl};
use crate::ops::{self, Empty};
use crate::types::authorizer::{Authorizer, Form, Kind};

/// Where tokens are when nobody says otherwise.
const AUTHORIZATION: &str = "method.request.header.Authorization";

/// An authorizer as operations show it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Shape {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(rename = "providerARNs", skip_serializing_if = "Vec::is_empty")]
    pub provider_arns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_credentials: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_validation_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_result_ttl_in_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
pub struct AuthorizerOutput {
    pub id: String,
    #[serde(flatten)]
    pub shape: Shape,
}

impl From<Authorizer> for AuthorizerOutput {
    fn from(authorizer: Authorizer) -> AuthorizerOutput {
        AuthorizerOutput { id: authorizer.id.clone(), shape: authorizer.into() }
    }
}

impl From<Authorizer> for Shape {
    fn from(authorizer: Authorizer) -> Shape {
        let of_pools = matches!(authorizer.kind, Kind::Pools { .. });
        let default = if of_pools { "cognito_user_pools" } else { "custom" };
        let shape = Shape {
            name: Some(authorizer.name),
            auth_type: authorizer.auth_type.or_else(|| Some(default.into())),
            identity_source: Some(authorizer.identity_sources.join(",")).filter(|sources| !sources.is_empty()),
            // Pools show none that nobody has set.
            authorizer_result_ttl_in_seconds: Some(authorizer.ttl_seconds)
                .filter(|ttl| !of_pools || *ttl != limits::AUTHORIZER_TTL_SECONDS_DEFAULT)
                .map(i64::from),
            ..Shape::default()
        };
        match authorizer.kind {
            Kind::Token { uri, validation } => Shape {
                kind: Some("TOKEN".into()),
                authorizer_uri: Some(uri),
                identity_validation_expression: validation,
                ..shape
            },
            Kind::Request { uri, .. } => Shape { kind: Some("REQUEST".into()), authorizer_uri: Some(uri), ..shape },
            Kind::Pools { arns } => Shape { kind: Some("COGNITO_USER_POOLS".into()), provider_arns: arns, ..shape },
            // REST APIs have none.
            Kind::Jwt { .. } => shape,
        }
    }
}

impl Shape {
    fn checked(self, cx: &Cx, id: String) -> Result<Authorizer, Error> {
        let name = check_name(self.name.clone())?;
        let mut sources: Vec<String> = self
            .identity_source
            .as_deref()
            .unwrap_or_default()
            .split(',')
            .map(|source| source.trim().to_owned())
            .collect();
        sources.retain(|source| !source.is_empty());
        let has_token = matches!(self.kind.as_deref(), Some("TOKEN" | "COGNITO_USER_POOLS"));
        if has_token && sources.is_empty() {
            sources.push(AUTHORIZATION.into());
        }
        sources.iter().try_for_each(|source| identity::rest(source).map(drop))?;
        if has_token
            && (sources.len() > 1 || !sources.iter().all(|source| source.starts_with("method.request.header.")))
        {
            return Err(Error::bad("The identity source of this type of authorizer is one header"));
        }
        let ttl = check_ttl(self.authorizer_result_ttl_in_seconds, limits::AUTHORIZER_TTL_SECONDS_DEFAULT, &sources)?;
        let auth_type = self.auth_type.clone();
        Ok(Authorizer { id, name, identity_sources: sources, ttl_seconds: ttl, auth_type, kind: self.kind(cx)? })
    }

    fn kind(self, cx: &Cx) -> Result<Kind, Error> {
        let credentials = self.authorizer_credentials.as_deref();
        match self.kind.as_deref() {
            Some("TOKEN") => {
                let validation = self.identity_validation_expression.filter(|expression| !expression.is_empty());
                validation.as_deref().map(expression).transpose()?;
                Ok(Kind::Token { uri: check_function(self.authorizer_uri, credentials)?, validation })
            }
            Some("REQUEST") => {
                Ok(Kind::Request { uri: check_function(self.authorizer_uri, credentials)?, form: Form::Rest })
            }
            Some("COGNITO_USER_POOLS") => {
                check_pools(cx, &self.provider_arns)?;
                Ok(Kind::Pools { arns: self.provider_arns })
            }
            Some("JWT") => Err(Error::not_implemented("The authorizer type JWT of a REST API; HTTP APIs have it")),
            _ => Err(Error::bad(
                "Invalid authorizer type specified. Must be one of [TOKEN, REQUEST, COGNITO_USER_POOLS]",
            )),
        }
    }
}

/// What a token has to match. The engine's time grows with the text alone, whatever the expression.
pub fn expression(text: &str) -> Result<regex_lite::Regex, Error> {
    const COMPILED_BYTES_MAX: usize = 256 << 10;
    let made = RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build();
    made.map_err(|error| Error::bad(format!("Invalid identity validation expression: {error}")))
}

fn check_pools(cx: &Cx, arns: &[String]) -> Result<(), Error> {
    if cx.cloud().user_pools().is_none() {
        return Err(Error::not_implemented("Authorizers of user pools, as there is no service that keeps pools"));
    }
    if arns.is_empty() || arns.len() > limits::POOLS_MAX {
        return Err(Error::bad("Invalid ARNs: An authorizer of this type has 1 to 1000 user pools"));
    }
    let is_pool = |arn: &&String| {
        let parsed: Result<Arn, _> = arn.parse();
        parsed.is_ok_and(|arn| arn.service == "cognito-idp" && arn.resource.starts_with("userpool/"))
    };
    match arns.iter().find(|arn| !is_pool(arn)) {
        Some(odd) => Err(Error::bad(format!("Invalid ARN: {odd} is no user pool's"))),
        None => Ok(()),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub rest_api_id: String,
    #[serde(flatten)]
    pub shape: Shape,
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<AuthorizerOutput, Error> {
    let made = input.shape.checked(&cx, ops::part_id(&cx))?;
    let (stored, region) = (made.clone(), cx.region().to_string());
    cx.db()
        .write(move |tx| {
            api::find(tx, &region, &input.rest_api_id)?;
            authorizer::put(tx, &AUTHORIZERS, &input.rest_api_id, &stored)
        })
        .await?;
    Ok(made.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthorizerInput {
    pub rest_api_id: String,
    pub authorizer_id: String,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: AuthorizerInput) -> Result<AuthorizerOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    Ok(authorizer::find(&read, &AUTHORIZERS, &input.rest_api_id, &input.authorizer_id)?.into())
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<AuthorizerOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let all = authorizer::list(&read, &AUTHORIZERS, &input.rest_api_id)?;
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    Ok(Items { position, item: page.into_iter().map(AuthorizerOutput::from).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    #[serde(flatten)]
    pub authorizer: AuthorizerInput,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<AuthorizerOutput, Error> {
    let (patches, region, context) = (patch::parse(input.patch_operations)?, cx.region().to_string(), cx.clone());
    let AuthorizerInput { rest_api_id, authorizer_id } = input.authorizer;
    let change = move |found: Authorizer| {
        let id = found.id.clone();
        let mut shape = Shape::from(found);
        patches.iter().try_for_each(|patch| apply(&mut shape, patch))?;
        shape.checked(&context, id)
    };
    let changed = cx.db().write(move |tx| {
        api::find(tx, &region, &rest_api_id)?;
        let changed = authorizer::update(tx, &AUTHORIZERS, &rest_api_id, &authorizer_id, &change)?;
        for (_, resource) in resource::list(tx, &rest_api_id)? {
            for method in resource.methods.values() {
                authorizer::check(tx, &AUTHORIZERS, &rest_api_id, &method.authorization)?;
            }
        }
        Ok::<_, Error>(changed)
    });
    Ok(changed.await?.into())
}

fn apply(shape: &mut Shape, patch: &Patch) -> Result<(), Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["name"]) => shape.name = patch.text(),
        (Op::Replace, ["type"]) => shape.kind = patch.text(),
        (_, ["authType"]) => shape.auth_type = patch.text(),
        (Op::Replace, ["authorizerUri"]) => shape.authorizer_uri = patch.text(),
        (_, ["identitySource"]) => shape.identity_source = patch.text(),
        (_, ["identityValidationExpression"]) => shape.identity_validation_expression = patch.text(),
        (Op::Replace, ["authorizerResultTtlInSeconds"]) => {
            let ttl = patch.value.parse().map_err(|_| Error::bad("authorizerResultTtlInSeconds must be a number"))?;
            shape.authorizer_result_ttl_in_seconds = Some(ttl);
        }
        (Op::Add, ["providerARNs"]) if !shape.provider_arns.contains(&patch.value) => {
            shape.provider_arns.push(patch.value.clone());
        }
        (Op::Add, ["providerARNs"]) => {}
        (Op::Remove, ["providerARNs"]) => shape.provider_arns.retain(|arn| *arn != patch.value),
        _ => return Err(patch.unsupported()),
    }
    Ok(())
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: AuthorizerInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db()
        .write(move |tx| {
            let AuthorizerInput { rest_api_id, authorizer_id } = &input;
            api::find(tx, &region, rest_api_id)?;
            let user = resource::list(tx, rest_api_id)?.into_iter().find_map(|(path, resource)| {
                let mut methods = resource.methods.into_iter();
                let (name, _) =
                    methods.find(|(_, method)| method.authorization.authorizer.as_ref() == Some(authorizer_id))?;
                Some(format!("method: {name} {path}"))
            });
            authorizer::delete(tx, &AUTHORIZERS, rest_api_id, authorizer_id, user)
        })
        .await?;
    Ok(Empty {})
}

pub async fn flush_cache(state: Arc<ApiGateway>, cx: Cx, input: StageInput) -> Result<Empty, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    stage::find(&read, &input.rest_api_id, &input.stage_name)?;
    state.results.forget(&input.rest_api_id, &input.stage_name);
    Ok(Empty {})
}
