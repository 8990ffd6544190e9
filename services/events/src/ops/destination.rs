//! CreateApiDestination, UpdateApiDestination, DeleteApiDestination, DescribeApiDestination, ListApiDestinations.

use std::sync::Arc;

use base::Arn;
use serde::Deserialize;
use serde_json::{Value, json};
use service::{Constraints, Cx};

use super::{Empty, NameInput, Page, answer, check_name};
use crate::Events;
use crate::error::Error;
use crate::model::destination;
use crate::types::{ApiDestination, ConnectionState};

const NAME_CHARACTERS_MAX: usize = 64;
/// In the order in which AWS's message names them.
const METHODS: [&str; 7] = ["HEAD", "POST", "PATCH", "DELETE", "PUT", "GET", "OPTIONS"];
const CONNECTION_PATTERN: &str =
    "^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:connection\\/[\\.\\-_A-Za-z0-9]+\\/[\\-A-Za-z0-9]+$";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DestinationInput {
    pub name: String,
    pub description: Option<String>,
    pub connection_arn: Option<String>,
    pub invocation_endpoint: Option<String>,
    pub http_method: Option<String>,
    pub invocation_rate_limit_per_second: Option<i64>,
}

/// The resource to ask permission for.
pub fn resource(cx: &Cx, name: &str) -> Arn {
    cx.arn("events", format!("api-destination/{name}"))
}

fn connection(text: &str) -> Option<Arn> {
    let arn: Arn = text.parse().ok()?;
    let names_one = arn.service == "events" && arn.resource.starts_with("connection/");
    names_one.then_some(arn)
}

fn check(input: &DestinationInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    check_name(&mut constraints, &input.name, "name", NAME_CHARACTERS_MAX);
    constraints.length(input.description.as_deref(), "description", 512);
    let is_connection = |text: &str| connection(text).is_some();
    constraints.pattern(input.connection_arn.as_deref(), "connectionArn", CONNECTION_PATTERN, is_connection);
    constraints.one_of(input.http_method.as_deref(), "httpMethod", &METHODS);
    constraints.range(input.invocation_rate_limit_per_second, "invocationRateLimitPerSecond", &(1..=i64::MAX));
    constraints.length(input.invocation_endpoint.as_deref(), "invocationEndpoint", 2_048);
    constraints.check()?;
    let is_web = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    if input.invocation_endpoint.as_deref().is_some_and(|url| !is_web(url)) {
        return Err(Error::parameter("InvocationEndpoint", "The endpoint must be an HTTP or HTTPS URL."));
    }
    Ok(())
}

impl DestinationInput {
    fn rate(&self) -> Option<u32> {
        self.invocation_rate_limit_per_second.map(|rate| u32::try_from(rate).unwrap_or(u32::MAX))
    }
}

pub async fn create(_: Arc<Events>, cx: Cx, input: DestinationInput) -> Result<Value, Error> {
    check(&input)?;
    let missing = |name: &str| Error::validation(format!("Parameter {name} must be specified."));
    let id = cx.env().uuid();
    let made = ApiDestination {
        arn: resource(&cx, &format!("{}/{id}", input.name)),
        connection: input.connection_arn.as_deref().and_then(connection).ok_or_else(|| missing("ConnectionArn"))?,
        rate_per_second: input.rate(),
        endpoint: input.invocation_endpoint.ok_or_else(|| missing("InvocationEndpoint"))?,
        method: input.http_method.ok_or_else(|| missing("HttpMethod"))?,
        name: input.name,
        description: input.description,
        created: cx.now(),
        modified: cx.now(),
    };
    let (context, stored) = (cx.clone(), made.clone());
    cx.db().write(move |tx| destination::create(tx, &context, &stored)).await?;
    state(&cx, &made)
}

pub async fn update(_: Arc<Events>, cx: Cx, input: DestinationInput) -> Result<Value, Error> {
    check(&input)?;
    let (now, region) = (cx.now(), cx.region().to_string());
    let changed = cx.db().write(move |tx| {
        destination::change(tx, now, &region, &input.name, |destination| {
            destination.rate_per_second = input.rate().or(destination.rate_per_second);
            destination.description = input.description.clone().or(destination.description.take());
            if let Some(arn) = input.connection_arn.as_deref().and_then(connection) {
                destination.connection = arn;
            }
            if let Some(endpoint) = &input.invocation_endpoint {
                destination.endpoint.clone_from(endpoint);
            }
            if let Some(method) = &input.http_method {
                destination.method.clone_from(method);
            }
        })
    });
    state(&cx, &changed.await?)
}

pub async fn delete(_: Arc<Events>, cx: Cx, input: NameInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| destination::delete(tx, &region, &input.name)).await?;
    Ok(Empty {})
}

pub async fn describe(_: Arc<Events>, cx: Cx, input: NameInput) -> Result<Value, Error> {
    let found = destination::find(&cx.db().read()?, cx.region().as_str(), &input.name, "describe")?;
    let mut shown = summary(&cx, &found)?;
    shown["Description"] = json!(found.description);
    Ok(answer(shown))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub name_prefix: String,
    pub connection_arn: Option<String>,
    pub limit: Option<i64>,
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<Events>, cx: Cx, input: ListInput) -> Result<Value, Error> {
    let mut all = destination::all(&cx.db().read()?, cx.region().as_str())?;
    all.retain(|destination| {
        destination.name.starts_with(&input.name_prefix)
            && input.connection_arn.as_deref().is_none_or(|arn| arn == destination.connection.to_string())
    });
    let (page, next) = Page { limit: input.limit, next_token: input.next_token }.of(all)?;
    let shown = page.iter().map(|destination| summary(&cx, destination)).collect::<Result<Vec<_>, _>>()?;
    Ok(answer(json!({"ApiDestinations": shown, "NextToken": next})))
}

/// What creating and changing answer. A destination is as active as its connection is authorized.
fn state(cx: &Cx, destination: &ApiDestination) -> Result<Value, Error> {
    let connection = destination::connection(&cx.db().read()?, &destination.connection);
    let is_authorized = connection.is_ok_and(|connection| connection.state == ConnectionState::Authorized);
    Ok(json!({
        "ApiDestinationArn": destination.arn,
        "ApiDestinationState": if is_authorized { "ACTIVE" } else { "INACTIVE" },
        "CreationTime": destination.created.as_secs_f64(),
        "LastModifiedTime": destination.modified.as_secs_f64(),
    }))
}

fn summary(cx: &Cx, destination: &ApiDestination) -> Result<Value, Error> {
    let mut shown = state(cx, destination)?;
    shown["Name"] = json!(destination.name);
    shown["ConnectionArn"] = json!(destination.connection);
    shown["InvocationEndpoint"] = json!(destination.endpoint);
    shown["HttpMethod"] = json!(destination.method);
    shown["InvocationRateLimitPerSecond"] = json!(destination.rate());
    Ok(answer(shown))
}
