//! TestInvokeMethod: a method as it is now, deployed or not, answers a request that is described.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use proxy::Incoming;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::method::MethodInput;
use crate::ApiGateway;
use crate::error::Error;
use crate::front::backend::{Detail, Log};
use crate::front::rest::{self, Served};
use crate::keys::AUTHORIZERS;
use crate::model::authorizer;
use crate::model::rest::{api, gateway_response, model, resource, validator};
use crate::routes::rest::Routes;
use crate::types::Texts;
use crate::types::rest::Stage;

/// The stage that tests are in.
pub const STAGE: &str = "test-invoke-stage";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Input {
    #[serde(flatten)]
    pub method: MethodInput,
    pub path_with_query_string: Option<String>,
    pub body: Option<String>,
    pub headers: Texts,
    pub multi_value_headers: BTreeMap<String, Vec<String>>,
    pub client_certificate_id: Option<String>,
    pub stage_variables: Texts,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    pub status: u16,
    pub body: String,
    pub headers: Texts,
    pub multi_value_headers: BTreeMap<String, Vec<String>>,
    pub log: String,
    /// Milliseconds.
    pub latency: u64,
}

pub async fn test_invoke(state: Arc<ApiGateway>, cx: Cx, input: Input) -> Result<Output, Error> {
    if input.client_certificate_id.is_some() {
        return Err(Error::not_implemented("clientCertificateId of TestInvokeMethod"));
    }
    let MethodInput { rest_api_id, resource_id, http_method } = &input.method;
    let (api, routes, method) = {
        let read = cx.db().read()?;
        let api = api::find(&read, cx.region().as_str(), rest_api_id)?;
        let found = resource::find(&read, &api.id, resource_id)?;
        let method = resource::method(&found, http_method).or_else(|_| resource::method(&found, "ANY"))?.clone();
        let resources = resource::list(&read, &api.id)?.into_iter().map(|(_, resource)| resource).collect();
        let authorizers = authorizer::list(&read, &AUTHORIZERS, &api.id)?;
        let routes = Routes::new(resources, authorizers, api.binary_media_types.clone());
        let (models, validators) = (model::list(&read, &api.id)?, validator::list(&read, &api.id)?);
        let routes = routes.with(models, validators, gateway_response::list(&read, &api.id)?);
        (api, routes, method)
    };
    let sent = input.path_with_query_string.as_deref().filter(|path| !path.is_empty());
    let whole = routes.resource(resource_id, "/").ok_or_else(|| Error::invalid("Resource"))?.path.to_owned();
    let verb = if http_method == "ANY" { "GET" } else { http_method };
    let incoming =
        incoming(&cx, verb, sent.unwrap_or(&whole), (&input.headers, &input.multi_value_headers), &input.body)?;
    let found = routes.resource(resource_id, &incoming.path).ok_or_else(|| Error::invalid("Resource"))?;
    let stage = stage(&cx, &api.id, input.stage_variables);
    let log = Log::new(Detail::Everything);
    log.begin(&incoming, &incoming.path, &found.parameters);
    let request = rest::Request {
        state: &state,
        cx: &cx,
        api: &api,
        stage: &stage,
        served: Served::whole(&stage),
        routes: &routes,
        path: &incoming.path,
        told_path: &incoming.path,
        full_path: &incoming.path,
        incoming: &incoming,
        log: Some(&log),
    };
    let began = Instant::now();
    let response = request.tested(&found, &method).await;
    let latency = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    log.add(Detail::Steps, || format!("Method completed with status: {}", response.status().as_u16()));
    let mut multi_value_headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in response.headers() {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        multi_value_headers.entry(cased(name)).or_default().push(text);
    }
    let last = |(name, values): (&String, &Vec<String>)| (name.clone(), values.last().cloned().unwrap_or_default());
    Ok(Output {
        status: response.status().as_u16(),
        body: String::from_utf8_lossy(response.body()).into_owned(),
        headers: multi_value_headers.iter().map(last).collect(),
        multi_value_headers,
        log: log.text(cx.request_id(), cx.now()),
        latency,
    })
}

/// Names as AWS writes the few that it sets itself.
fn cased(name: &HeaderName) -> String {
    match name.as_str() {
        "content-type" => "Content-Type".into(),
        "x-amzn-errortype" => "x-amzn-ErrorType".into(),
        "x-amzn-trace-id" => "X-Amzn-Trace-Id".into(),
        other => other.into(),
    }
}

fn stage(cx: &Cx, api: &str, variables: Texts) -> Stage {
    Stage { variables, ..Stage::new(STAGE.into(), api.into(), cx.now()) }
}

/// The request that a test describes.
pub fn incoming(
    cx: &Cx,
    method: &str,
    path: &str,
    (headers, many): (&Texts, &BTreeMap<String, Vec<String>>),
    body: &Option<String>,
) -> Result<Incoming, Error> {
    let body = Bytes::from(body.clone().unwrap_or_default());
    let request = Request::builder().method(method).uri(path).body(());
    let (mut head, ()) = request.map_err(|_| Error::bad("Invalid pathWithQueryString"))?.into_parts();
    let many = many.iter().flat_map(|(name, all)| all.iter().map(move |value| (name, value)));
    for (name, value) in headers.iter().chain(many) {
        let invalid = || Error::bad(format!("Invalid header: {name}"));
        let header: HeaderName = name.parse().map_err(|_| invalid())?;
        head.headers.append(header, HeaderValue::from_str(value).map_err(|_| invalid())?);
    }
    Ok(Incoming::new(cx, head, body))
}
