//! CreateApi, GetApi, GetApis, UpdateApi, DeleteApi, DeleteCorsConfiguration: of HTTP and WebSocket APIs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::{ApiInput, Items, ListInput};
use crate::ApiGateway;
use crate::error::Error;
use crate::front::address;
use crate::integration::{check_uri, check_url};
use crate::limits;
use crate::model::http::{api, route, stage};
use crate::ops::websocket::settings::{self, SettingsInput};
use crate::ops::{self, Empty, validate_length};
use crate::route_key;
use crate::types::Texts;
use crate::types::http::{Api, Cors, Integration, IntegrationKind, Payload, Route, Stage};
use crate::types::websocket::Settings;

/// The only way in which HTTP APIs select routes.
const SELECTION: &str = "$request.method $request.path";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub name: String,
    pub protocol_type: String,
    pub description: Option<String>,
    pub version: Option<String>,
    pub cors_configuration: Option<CorsShape>,
    pub disable_execute_api_endpoint: bool,
    pub route_selection_expression: Option<String>,
    pub api_key_selection_expression: Option<String>,
    pub disable_schema_validation: Option<bool>,
    pub credentials_arn: Option<String>,
    /// Quick create: a function's ARN or a URL, and the key of its route.
    pub target: Option<String>,
    pub route_key: Option<String>,
    pub tags: Texts,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsShape {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_credentials: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_headers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_methods: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origins: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i32>,
}

impl From<Cors> for CorsShape {
    fn from(cors: Cors) -> CorsShape {
        CorsShape {
            allow_credentials: cors.allow_credentials,
            allow_headers: cors.allow_headers,
            allow_methods: cors.allow_methods,
            allow_origins: cors.allow_origins,
            expose_headers: cors.expose_headers,
            max_age: cors.max_age,
        }
    }
}

/// Checked, and with header names in lower case, as API Gateway shows them.
fn cors(shape: CorsShape) -> Result<Cors, Error> {
    let any = |list: &[String]| list.iter().any(|entry| entry == "*");
    if shape.allow_credentials && any(&shape.allow_origins) {
        return Err(Error::bad("allowCredentials is not supported for allowOrigins *"));
    }
    if shape.max_age.is_some_and(|age| !(-1..=86_400).contains(&age)) {
        return Err(Error::bad("maxAge must be between -1 and 86400"));
    }
    let every = [&shape.allow_headers, &shape.allow_methods, &shape.allow_origins, &shape.expose_headers];
    let printable = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if let Some(odd) = every.into_iter().flatten().find(|text| !printable(text)) {
        return Err(Error::bad(format!("Invalid value in corsConfiguration: '{odd}'")));
    }
    let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "*"];
    if let Some(odd) = shape.allow_methods.iter().find(|method| !methods.contains(&method.as_str())) {
        return Err(Error::bad(format!("Invalid method in allowMethods: {odd}")));
    }
    let origin = |origin: &&String| *origin != "*" && !origin.contains("://");
    if let Some(odd) = shape.allow_origins.iter().find(origin) {
        return Err(Error::bad(format!("Invalid format for origin {odd}: a scheme and a host are expected")));
    }
    let lower = |names: Vec<String>| names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
    Ok(Cors {
        allow_credentials: shape.allow_credentials,
        allow_headers: lower(shape.allow_headers),
        allow_methods: shape.allow_methods,
        allow_origins: shape.allow_origins,
        expose_headers: lower(shape.expose_headers),
        max_age: shape.max_age,
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiOutput {
    pub api_endpoint: String,
    pub api_id: String,
    pub api_key_selection_expression: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_configuration: Option<CorsShape>,
    pub created_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub disable_execute_api_endpoint: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_schema_validation: Option<bool>,
    pub name: String,
    pub protocol_type: &'static str,
    pub route_selection_expression: String,
    pub tags: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl ApiOutput {
    pub fn new(cx: &Cx, api: Api) -> ApiOutput {
        // A path rather than a host of its own: it can be opened wherever this server can be reached.
        let url = address::url(cx.endpoint(), &api.id);
        let websocket = api.websocket.as_ref();
        ApiOutput {
            api_endpoint: if websocket.is_some() { url.replacen("http", "ws", 1) } else { url },
            api_id: api.id,
            api_key_selection_expression: settings::api_key_selection(websocket),
            cors_configuration: api.cors.map(CorsShape::from),
            created_date: api.created.iso8601(),
            description: api.description,
            disable_execute_api_endpoint: api.disable_execute_api,
            disable_schema_validation: websocket.map(|settings| settings.disable_schema_validation),
            name: api.name,
            protocol_type: if websocket.is_some() { "WEBSOCKET" } else { "HTTP" },
            route_selection_expression: websocket
                .map_or(SELECTION, |settings| settings.route_selection.as_str())
                .to_owned(),
            tags: api.tags,
            version: api.version,
        }
    }
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<ApiOutput, Error> {
    match input.protocol_type.as_str() {
        "HTTP" => create_api(cx, input, None).await,
        "WEBSOCKET" => {
            let settings = settings::checked(SettingsInput::of_creation(&input), None)?;
            create_api(cx, input, Some(settings)).await
        }
        other => Err(Error::bad(format!("Invalid protocol type specified: {other}"))),
    }
}

async fn create_api(cx: Cx, input: CreateInput, websocket: Option<Settings>) -> Result<ApiOutput, Error> {
    if input.credentials_arn.is_some() {
        return Err(Error::not_implemented("credentialsArn of CreateApi"));
    }
    match &websocket {
        None => check_selection(input.route_selection_expression.as_deref())?,
        Some(_) if input.cors_configuration.is_some() || input.target.is_some() || input.route_key.is_some() => {
            return Err(Error::bad("corsConfiguration, target and routeKey are supported for HTTP APIs alone"));
        }
        Some(_) => {}
    }
    let mut api = Api {
        id: ops::api_id(&cx),
        region: cx.region().to_string(),
        account: cx.account().to_string(),
        name: input.name,
        description: input.description,
        version: input.version,
        created: cx.now(),
        cors: input.cors_configuration.map(cors).transpose()?,
        disable_execute_api: input.disable_execute_api_endpoint,
        tags: Texts::new(),
        websocket,
    };
    validate(&api)?;
    crate::model::tag(&mut api.tags, &input.tags)?;
    let quick = input.target.map(|target| Quick::new(&cx, target, input.route_key)).transpose()?;
    let (stored, now, deployment) = (api.clone(), cx.now(), ops::part_id(&cx));
    cx.db()
        .write(move |tx| {
            api::create(tx, &stored)?;
            if let Some(quick) = &quick {
                route::put_integration(tx, &stored.id, &quick.integration)?;
                route::put(tx, &stored.id, &quick.route)?;
                stage::create(tx, now, &stored, &quick.stage, &deployment)?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(ApiOutput::new(&cx, api))
}

fn check_selection(expression: Option<&str>) -> Result<(), Error> {
    match expression.map(|expression| expression.replace("${", "$").replace('}', "")) {
        Some(other) if other != SELECTION => {
            Err(Error::bad(format!("HTTP APIs select routes by \"{SELECTION}\" only, not by {other}")))
        }
        _ => Ok(()),
    }
}

fn validate(api: &Api) -> Result<(), Error> {
    if api.name.is_empty() {
        return Err(Error::bad("Invalid API name specified: it must not be empty"));
    }
    validate_length("name", Some(&api.name), limits::HTTP_NAME_CHARACTERS_MAX)?;
    validate_length("description", api.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)?;
    validate_length("version", api.version.as_deref(), limits::VARIABLE_NAME_CHARACTERS_MAX)
}

/// What quick create makes besides the API.
struct Quick {
    integration: Integration,
    route: Route,
    stage: Stage,
}

impl Quick {
    fn new(cx: &Cx, target: String, key: Option<String>) -> Result<Quick, Error> {
        let is_url = !target.starts_with("arn:");
        if is_url {
            check_url(&target)?
        } else {
            check_uri(&target)?
        };
        let key = key.unwrap_or_else(|| route_key::DEFAULT.into());
        route_key::validate(&key)?;
        let integration = Integration {
            id: ops::part_id(cx),
            kind: if is_url { IntegrationKind::Url } else { IntegrationKind::Function },
            uri: target,
            payload: if is_url { Payload::V1 } else { Payload::V2 },
            timeout_millis: *limits::HTTP_TIMEOUT_RANGE.end(),
            description: None,
            method: Some(if is_url { "ANY" } else { "POST" }.into()),
            managed: true,
            credentials: None,
            request_parameters: Texts::new(),
            response_parameters: Default::default(),
        };
        let route = Route {
            id: ops::part_id(cx),
            key,
            integration: Some(integration.id.clone()),
            operation_name: None,
            authorization: Default::default(),
            managed: true,
            api_key_required: false,
            response_selection: None,
        };
        let stage = Stage { auto_deploy: true, managed: true, ..Stage::new("$default".into(), cx.now()) };
        Ok(Quick { integration, route, stage })
    }
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: ApiInput) -> Result<ApiOutput, Error> {
    let api = api::find(&cx.db().read()?, cx.region().as_str(), &input.api_id)?;
    Ok(ApiOutput::new(&cx, api))
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<ApiOutput>, Error> {
    let all: Vec<_> = api::list(&cx.db().read()?, cx.region().as_str())?;
    let all: Vec<_> = all.into_iter().map(|api| ApiOutput::new(&cx, api)).collect();
    Items::page(all, input.next_token.as_deref(), input.max_results.as_deref())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub api_id: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub version: Option<String>,
    pub cors_configuration: Option<CorsShape>,
    pub disable_execute_api_endpoint: Option<bool>,
    pub route_selection_expression: Option<String>,
    pub api_key_selection_expression: Option<String>,
    pub disable_schema_validation: Option<bool>,
    pub credentials_arn: Option<String>,
    pub target: Option<String>,
    pub route_key: Option<String>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<ApiOutput, Error> {
    if input.credentials_arn.is_some() || input.target.is_some() || input.route_key.is_some() {
        return Err(Error::not_implemented("credentialsArn, target and routeKey of UpdateApi"));
    }
    let asked = SettingsInput::of_update(&input);
    let cors = input.cors_configuration.map(cors).transpose()?;
    let change = move |api: &mut Api| {
        match &api.websocket {
            Some(_) if cors.is_some() => return Err(Error::bad("corsConfiguration is supported for HTTP APIs alone")),
            Some(before) => api.websocket = Some(settings::checked(asked.clone(), Some(before))?),
            None => check_selection(asked.route_selection.as_deref())?,
        }
        api.name = input.name.clone().unwrap_or_else(|| api.name.clone());
        api.description = input.description.clone().or(api.description.take());
        api.version = input.version.clone().or(api.version.take());
        api.cors = cors.clone().or(api.cors.take());
        api.disable_execute_api = input.disable_execute_api_endpoint.unwrap_or(api.disable_execute_api);
        Ok(())
    };
    let (now, region, deployment, id) = (cx.now(), cx.region().to_string(), ops::part_id(&cx), input.api_id);
    let api = cx.db().write(move |tx| {
        let api = api::update(tx, now, &region, &id, &deployment, &change)?;
        validate(&api).map(|()| api)
    });
    Ok(ApiOutput::new(&cx, api.await?))
}

pub async fn delete(state: Arc<ApiGateway>, cx: Cx, input: ApiInput) -> Result<Empty, Error> {
    let (region, id) = (cx.region().to_string(), input.api_id.clone());
    cx.db().write(move |tx| api::delete(tx, &region, &input.api_id)).await?;
    state.connections.end_all(&id, None);
    Ok(Empty {})
}

pub async fn delete_cors(_: Arc<ApiGateway>, cx: Cx, input: ApiInput) -> Result<Empty, Error> {
    let (now, region, deployment) = (cx.now(), cx.region().to_string(), ops::part_id(&cx));
    let without = |api: &mut Api| {
        api.cors = None;
        Ok(())
    };
    cx.db().write(move |tx| api::update(tx, now, &region, &input.api_id, &deployment, without)).await?;
    Ok(Empty {})
}
