//! PutMethod, GetMethod, UpdateMethod, DeleteMethod.

use std::collections::BTreeMap;
use std::sync::Arc;

use kv::Tx;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::integration::IntegrationOutput;
use super::method_response::ResponseOutput;
use super::patch::{self, Op, Patch, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::keys::AUTHORIZERS;
use crate::model::authorizer;
use crate::model::rest::{api, model, resource, validator};
use crate::ops::{Empty, authorization};
use crate::types::Texts;
use crate::types::authorizer::{Authorization, AuthorizationKind};
use crate::types::rest::Method;

/// A request that names nothing but a method.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MethodInput {
    pub rest_api_id: String,
    pub resource_id: String,
    pub http_method: String,
}

impl MethodInput {
    pub fn key(&self) -> (&str, &str, &str) {
        (&self.rest_api_id, &self.resource_id, &self.http_method)
    }

    /// The method as it is.
    pub fn find(&self, cx: &Cx) -> Result<Method, Error> {
        let read = cx.db().read()?;
        api::find(&read, cx.region().as_str(), &self.rest_api_id)?;
        let resource = resource::find(&read, &self.rest_api_id, &self.resource_id)?;
        resource::method(&resource, &self.http_method).cloned()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MethodOutput {
    pub http_method: String,
    pub authorization_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorizer_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_scopes: Vec<String>,
    pub api_key_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_validator_id: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_parameters: BTreeMap<String, bool>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub request_models: Texts,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub method_responses: BTreeMap<String, ResponseOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method_integration: Option<IntegrationOutput>,
}

impl MethodOutput {
    pub fn new(http_method: &str, method: Method) -> MethodOutput {
        MethodOutput {
            http_method: http_method.to_owned(),
            authorization_type: method.authorization.kind.word(),
            authorizer_id: method.authorization.authorizer,
            authorization_scopes: method.authorization.scopes,
            api_key_required: method.api_key_required,
            operation_name: method.operation_name,
            request_validator_id: method.request_validator,
            request_parameters: method.request_parameters,
            request_models: method.request_models,
            method_responses: method
                .responses
                .into_iter()
                .map(|(status, response)| (status.clone(), ResponseOutput::new(status, response)))
                .collect(),
            method_integration: method.integration.map(IntegrationOutput::from),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutInput {
    #[serde(flatten)]
    pub method: MethodInput,
    pub authorization_type: String,
    pub authorizer_id: Option<String>,
    pub api_key_required: bool,
    pub operation_name: Option<String>,
    pub request_parameters: BTreeMap<String, bool>,
    pub request_models: Texts,
    pub request_validator_id: Option<String>,
    pub authorization_scopes: Vec<String>,
}

const HTTP_METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "ANY"];

pub async fn put(_: Arc<ApiGateway>, cx: Cx, input: PutInput) -> Result<MethodOutput, Error> {
    let http_method = input.method.http_method.clone();
    if !HTTP_METHODS.contains(&http_method.as_str()) {
        return Err(Error::bad(format!("Invalid HttpMethod specified. Valid options are {}", HTTP_METHODS.join(","))));
    }
    let kind = Some(authorization_kind(&input.authorization_type)?);
    let scopes = Some(input.authorization_scopes);
    let authorization = authorization::changed(Authorization::default(), kind, input.authorizer_id, scopes)?;
    check_parameters(&input.request_parameters)?;
    let method = Method {
        operation_name: input.operation_name,
        authorization,
        api_key_required: input.api_key_required,
        request_parameters: input.request_parameters,
        request_models: input.request_models,
        request_validator: input.request_validator_id.filter(|id| !id.is_empty()),
        ..Method::default()
    };
    let (stored, key, region) = (method.clone(), input.method, cx.region().to_string());
    cx.db()
        .write(move |tx| {
            let (api, resource, http_method) = key.key();
            check(tx, api, &stored)?;
            resource::add_method(tx, &region, api, resource, http_method, &stored)
        })
        .await?;
    Ok(MethodOutput::new(&http_method, method))
}

/// Whether what a method asks for is there.
fn check(tx: &Tx, api: &str, method: &Method) -> Result<(), Error> {
    authorizer::check(tx, &AUTHORIZERS, api, &method.authorization)?;
    validator::check(tx, api, method.request_validator.as_deref())?;
    model::check(tx, api, method.request_models.values())
}

fn check_parameters(parameters: &BTreeMap<String, bool>) -> Result<(), Error> {
    parameters.keys().try_for_each(|name| check_parameter(name))?;
    let mut names: Vec<_> = parameters.keys().filter_map(|name| name.splitn(4, '.').last()).collect();
    names.sort_unstable();
    match names.windows(2).any(|pair| matches!(pair, [one, next] if one == next)) {
        true => Err(Error::bad("Parameter names must be unique across querystring, header and path")),
        false => Ok(()),
    }
}

/// `method.request.header.X-A`, `….querystring.q` or `….path.id`.
fn check_parameter(name: &str) -> Result<(), Error> {
    let place = name.strip_prefix("method.request.").and_then(|rest| rest.split_once('.'));
    match place {
        Some(("header" | "querystring" | "path", name)) if !name.is_empty() => Ok(()),
        _ => Err(Error::bad(format!(
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: {name}]"
        ))),
    }
}

/// How methods of REST APIs are closed.
const AUTHORIZATIONS: [AuthorizationKind; 4] =
    [AuthorizationKind::None, AuthorizationKind::Iam, AuthorizationKind::Custom, AuthorizationKind::Pools];

/// AWS takes these words in any case.
fn authorization_kind(word: &str) -> Result<AuthorizationKind, Error> {
    authorization::kind(&word.to_ascii_uppercase(), &AUTHORIZATIONS)
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: MethodInput) -> Result<MethodOutput, Error> {
    Ok(MethodOutput::new(&input.http_method, input.find(&cx)?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    #[serde(flatten)]
    pub method: MethodInput,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<MethodOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    let (key, http_method) = (input.method.clone(), input.method.http_method);
    let change = move |method: &mut Method| {
        patches.iter().try_for_each(|patch| apply(method, patch))?;
        // An authorizer goes where nobody is to be asked.
        method.authorization = authorization::changed(method.authorization.clone(), None, None, None)?;
        Ok(method.clone())
    };
    let method = cx.db().write(move |tx| {
        let method = resource::change_method(tx, &region, key.key(), &change)?;
        check(tx, &key.rest_api_id, &method).map(|()| method)
    });
    Ok(MethodOutput::new(&http_method, method.await?))
}

/// Source: <https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html#UpdateMethod-Patch>
fn apply(method: &mut Method, patch: &Patch) -> Result<(), Error> {
    // What is no boolean counts as false, as on AWS.
    let flag = || patch.value.eq_ignore_ascii_case("true");
    match (patch.op, patch.path().as_slice()) {
        (_, ["authorizationType" | "authorizerId" | "authorizationScopes"]) => {
            method.authorization = apply_authorization(method.authorization.clone(), patch)?;
        }
        (Op::Replace, ["apiKeyRequired"]) => method.api_key_required = flag(),
        (Op::Replace, ["operationName"]) => method.operation_name = patch.text(),
        (Op::Replace, ["requestValidatorId"]) => method.request_validator = patch.text(),
        (Op::Remove, ["requestParameters", name]) => {
            let missing = || Error::NotFound("Invalid parameter name specified".into());
            method.request_parameters.remove(*name).ok_or_else(missing)?;
        }
        (_, ["requestParameters", name]) => {
            check_parameter(name)?;
            method.request_parameters.insert((*name).to_owned(), flag());
        }
        (Op::Remove, ["requestModels", kind]) => {
            let missing = || Error::NotFound("Content-Type specified was not found".into());
            method.request_models.remove(*kind).ok_or_else(missing)?;
        }
        (_, ["requestModels", kind]) => {
            method.request_models.insert((*kind).to_owned(), patch.value.clone());
        }
        (Op::Add | Op::Remove, ["apiKeyRequired" | "operationName" | "requestValidatorId"]) => {
            return Err(Error::bad("Invalid patch operation specified. Must be one of: [replace]"));
        }
        _ => return Err(patch.invalid()),
    }
    Ok(())
}

fn apply_authorization(before: Authorization, patch: &Patch) -> Result<Authorization, Error> {
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["authorizationType"]) => {
            let kind = authorization_kind(&patch.value)?;
            authorization::changed(before, Some(kind), None, None)
        }
        // The kind may be changed by the next patch.
        (Op::Add | Op::Replace, ["authorizerId"]) => Ok(Authorization { authorizer: patch.text(), ..before }),
        (Op::Remove, ["authorizerId"]) => Ok(Authorization { authorizer: None, ..before }),
        (Op::Add, ["authorizationScopes"]) => {
            let scopes = before.scopes.iter().filter(|scope| **scope != patch.value).cloned();
            let scopes = scopes.chain([patch.value.clone()]).collect();
            authorization::changed(before, None, None, Some(scopes))
        }
        (Op::Remove, ["authorizationScopes"]) => {
            let scopes = before.scopes.iter().filter(|scope| **scope != patch.value).cloned().collect();
            authorization::changed(before, None, None, Some(scopes))
        }
        _ => Err(Error::bad("Invalid patch operation specified. Must be one of: [replace]")),
    }
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: MethodInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db()
        .write(move |tx| {
            let (api, resource, http_method) = input.key();
            resource::delete_method(tx, &region, api, resource, http_method)
        })
        .await?;
    Ok(Empty {})
}

/// A request that names nothing but a response of a method or of its integration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseInput {
    #[serde(flatten)]
    pub method: MethodInput,
    pub status_code: String,
}

impl ResponseInput {
    pub fn validate(&self) -> Result<(), Error> {
        let is_status =
            |text: &str| text.len() == 3 && text.parse::<u16>().is_ok_and(|status| (100..=599).contains(&status));
        let mut constraints = Constraints::default();
        constraints.pattern(Some(self.status_code.as_str()), "statusCode", r"[1-5]\d\d", is_status);
        Ok(constraints.check()?)
    }
}

/// The error for a status that has no response.
pub fn no_response() -> Error {
    Error::NotFound("Invalid Response status code specified".into())
}
