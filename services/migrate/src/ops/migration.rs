//! PutMigration, GetMigration, ListMigrations, DeleteMigration.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Cx, FrontAddress, hosts};

use super::{arn, method, percent, share};
use crate::Migrate;
use crate::error::Error;
use crate::front::FRONT;
use crate::limits;
use crate::model;
use crate::route::misfit;
use crate::types::{Condition, Migration, Route, Share};

/// Letters of ids.
const ID_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ID_CHARACTERS: usize = 10;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub name: String,
    pub legacy: String,
    pub hosts: Vec<String>,
    pub routes: Vec<RouteInput>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RouteInput {
    pub path: String,
    pub method: Option<String>,
    pub function_arn: String,
    /// In percent, as shares are.
    pub weight: f64,
    /// Visitors stay where they are, unless it says otherwise.
    pub sticky: Option<bool>,
    pub header: Option<ConditionInput>,
    pub cookie: Option<ConditionInput>,
    pub shadow: f64,
    pub shadow_unsafe: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConditionInput {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

pub async fn put(migrate: Arc<Migrate>, cx: Cx, input: PutInput) -> Result<Value, Error> {
    let wanted = wanted(&cx, input)?;
    let is_own = |host: &&String| !hosts::may_choose(&cx, host);
    if let Some(own) = wanted.hosts.iter().find(is_own) {
        return invalid(format!("Hosts: {own} is this server's own, whose requests are calls of AWS's"));
    }
    migrate.outbound.admits(&wanted.legacy).map_err(|error| Error::Invalid(format!("Legacy: {error}")))?;
    let stored = cx.db().write(move |tx| model::put(tx, &wanted)).await?;
    migrate.reread(cx.db())?;
    migrate.figures.keep(&stored.id, &stored.routes.iter().map(Route::key).collect::<Vec<_>>());
    Ok(show(&migrate, &cx, &stored))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NameInput {
    pub name: String,
}

pub async fn get(migrate: Arc<Migrate>, cx: Cx, input: NameInput) -> Result<Value, Error> {
    let migration = model::find(&cx.db().read()?, cx.region().as_str(), &input.name)?;
    Ok(show(&migrate, &cx, &migration))
}

#[derive(Debug, Default, Deserialize)]
pub struct ListInput {}

pub async fn list(migrate: Arc<Migrate>, cx: Cx, _: ListInput) -> Result<Value, Error> {
    let all = model::all(&cx.db().read()?, cx.region().as_str())?;
    let shown: Vec<Value> = all.iter().map(|migration| show(&migrate, &cx, migration)).collect();
    Ok(json!({"Migrations": shown}))
}

pub async fn delete(migrate: Arc<Migrate>, cx: Cx, input: NameInput) -> Result<Value, Error> {
    let region = cx.region().to_string();
    let gone = cx.db().write(move |tx| model::delete(tx, &region, &input.name)).await?;
    migrate.reread(cx.db())?;
    migrate.figures.keep(&gone.id, &[]);
    Ok(json!({}))
}

/// A migration, and how its routes do.
pub fn show(migrate: &Migrate, cx: &Cx, migration: &Migration) -> Value {
    let condition = |condition: &Condition| json!({"Name": condition.name, "Value": condition.value});
    let routes = migration.routes.iter().map(|route| {
        json!({
            "Method": route.method.as_deref().unwrap_or("ANY"),
            "Path": route.path,
            "FunctionArn": route.function,
            "Weight": percent(route.weight.now),
            "Sticky": route.sticky,
            "Header": route.header.as_ref().map(condition),
            "Cookie": route.cookie.as_ref().map(condition),
            "Shadow": percent(route.shadow.now),
            "ShadowUnsafe": route.shadow_unsafe,
            "Figures": migrate.figures.show(&migration.id, &route.key()),
        })
    });
    json!({
        "Arn": migration.arn,
        "Name": migration.name,
        "Id": migration.id,
        "Url": FrontAddress::url(cx.endpoint(), FRONT, &migration.id),
        "Legacy": migration.legacy,
        "Hosts": migration.hosts,
        "Back": migration.back,
        "Created": migration.created.iso8601(),
        "Modified": migration.modified.iso8601(),
        "Routes": routes.collect::<Vec<_>>(),
    })
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Invalid(message.into()))
}

/// What a definition asks for, once it makes sense.
fn wanted(cx: &Cx, input: PutInput) -> Result<Migration, Error> {
    let PutInput { name, legacy, hosts, routes } = input;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || name.len() > limits::NAME_CHARACTERS_MAX || !name.bytes().all(is_name) {
        let most = limits::NAME_CHARACTERS_MAX;
        return invalid(format!("Name has 1 to {most} letters, digits, hyphens and underscores, unlike {name:.128}"));
    }
    let legacy = legacy.trim_end_matches('/').to_owned();
    check_legacy(&legacy)?;
    if hosts.len() > limits::HOSTS_MAX {
        return invalid(format!("A migration can have {} hosts", limits::HOSTS_MAX));
    }
    let hosts: BTreeSet<String> = hosts.iter().map(|host| self::host(host)).collect::<Result<_, _>>()?;
    if routes.len() > limits::ROUTES_MAX {
        return invalid(format!("A migration can have {} routes", limits::ROUTES_MAX));
    }
    let routes: Vec<Route> = routes.into_iter().map(route).collect::<Result<_, _>>()?;
    let mut keys = BTreeSet::new();
    if let Some(twice) = routes.iter().map(Route::key).find(|key| !keys.insert(key.clone())) {
        return invalid(format!("The route {twice} is there twice"));
    }
    let (arn, now) = (arn(cx, &name), cx.now());
    let id = cx.env().random_text(ID_ALPHABET, ID_CHARACTERS);
    let hosts = hosts.into_iter().collect();
    Ok(Migration { arn, name, id, legacy, hosts, routes, back: false, created: now, modified: now })
}

fn check_legacy(legacy: &str) -> Result<(), Error> {
    let is_plain = legacy.len() <= limits::URL_CHARACTERS_MAX && !legacy.contains(['?', '#', '@']);
    if !is_plain || outbound::check(legacy).is_err() {
        return invalid(format!(
            "Legacy is the URL of the backend, such as http://10.0.0.7:8080, without a query or a user, unlike {legacy:.256}"
        ));
    }
    Ok(())
}

/// A name that only leads here for this migration: not one that AWS's own calls may come by.
fn host(host: &str) -> Result<String, Error> {
    const OWN: [&str; 3] = ["amazonaws.com", "localhost.localstack.cloud", "amazoncognito.com"];
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        let inside = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && inside
    };
    let is_name = name.contains('.') && name.len() <= 253 && name.split('.').all(is_label);
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    let is_own =
        OWN.iter().any(|own| name.strip_suffix(own).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    if !is_name || is_address || is_own {
        return invalid(format!(
            "Hosts are names of your own, such as shop.example.com or shop.localhost, unlike {host:.256}"
        ));
    }
    Ok(name)
}

fn route(input: RouteInput) -> Result<Route, Error> {
    let path = input.path;
    if path.len() > limits::PATH_CHARACTERS_MAX {
        return invalid(format!("Paths of routes have at most {} characters", limits::PATH_CHARACTERS_MAX));
    }
    if let Some(why) = misfit(&path) {
        return invalid(format!("{path} is no path of a route: {why}"));
    }
    let function: Option<Arn> = input.function_arn.parse().ok();
    let function = function.filter(|arn| arn.service == "lambda" && arn.resource.starts_with("function:"));
    let Some(function) = function else {
        return invalid(format!(
            "{:.256} is not the ARN of a function, of an alias or of a version",
            input.function_arn
        ));
    };
    let whole = |percent: f64, member| share(percent, member).map(|share| Share { now: share, defined: share });
    Ok(Route {
        method: method(input.method)?,
        path,
        function,
        weight: whole(input.weight, "Weight")?,
        sticky: input.sticky.unwrap_or(true),
        header: input.header.map(header).transpose()?,
        cookie: input.cookie.map(cookie).transpose()?,
        shadow: whole(input.shadow, "Shadow")?,
        shadow_unsafe: input.shadow_unsafe,
    })
}

fn header(input: ConditionInput) -> Result<Condition, Error> {
    let name = http::HeaderName::from_bytes(input.name.as_bytes());
    let fits = input.value.as_ref().is_none_or(|value| http::HeaderValue::from_str(value).is_ok());
    match name {
        Ok(name) if fits && is_short(&input) => Ok(Condition { name: name.as_str().to_owned(), value: input.value }),
        _ => invalid(format!("{:.256} is no header that requests can be told by", input.name)),
    }
}

fn cookie(input: ConditionInput) -> Result<Condition, Error> {
    let is_token = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"=;,\"".contains(&byte));
    let fits = !input.name.is_empty() && is_token(&input.name) && input.value.as_deref().is_none_or(is_token);
    if !fits || !is_short(&input) {
        return invalid(format!("{:.256} is no cookie that requests can be told by", input.name));
    }
    Ok(Condition { name: input.name, value: input.value })
}

fn is_short(input: &ConditionInput) -> bool {
    let most = limits::CONDITION_CHARACTERS_MAX;
    input.name.len() <= most && input.value.as_ref().is_none_or(|value| value.len() <= most)
}
