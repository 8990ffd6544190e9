//! CreateConnection, UpdateConnection, DeleteConnection, DeauthorizeConnection, DescribeConnection, ListConnections.

use std::sync::Arc;

use base::{Arn, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::{Constraints, Cx};

use super::{NameInput, Page, answer, check_name};
use crate::Events;
use crate::error::Error;
use crate::model::connection;
use crate::types::{Authorization, Connection, ConnectionState, HttpParameter, HttpParameters, OAuth};

const NAME_CHARACTERS_MAX: usize = 64;
const KINDS: [&str; 3] = ["BASIC", "OAUTH_CLIENT_CREDENTIALS", "API_KEY"];

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConnectionInput {
    pub name: String,
    pub description: Option<String>,
    pub authorization_type: Option<String>,
    pub auth_parameters: Option<AuthParameters>,
    pub invocation_connectivity_parameters: Option<Value>,
    pub kms_key_identifier: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AuthParameters {
    pub basic_auth_parameters: Option<Basic>,
    #[serde(rename = "OAuthParameters")]
    pub oauth_parameters: Option<OAuthInput>,
    pub api_key_auth_parameters: Option<ApiKey>,
    pub invocation_http_parameters: Option<HttpInput>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Basic {
    pub username: Option<String>,
    pub password: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ApiKey {
    pub api_key_name: Option<String>,
    pub api_key_value: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OAuthInput {
    pub client_parameters: Client,
    pub authorization_endpoint: Option<String>,
    pub http_method: Option<String>,
    #[serde(rename = "OAuthHttpParameters")]
    pub http_parameters: Option<HttpInput>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Client {
    #[serde(rename = "ClientID")]
    pub id: Option<String>,
    #[serde(rename = "ClientSecret")]
    pub secret: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HttpInput {
    pub header_parameters: Vec<Parameter>,
    pub query_string_parameters: Vec<Parameter>,
    pub body_parameters: Vec<Parameter>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Parameter {
    pub key: String,
    pub value: String,
    pub is_value_secret: bool,
}

impl HttpInput {
    fn into_stored(self) -> HttpParameters {
        let stored = |list: Vec<Parameter>| {
            list.into_iter()
                .map(|Parameter { key, value, is_value_secret: secret }| HttpParameter { key, value, secret })
                .collect()
        };
        HttpParameters {
            headers: stored(self.header_parameters),
            query: stored(self.query_string_parameters),
            body: stored(self.body_parameters),
        }
    }
}

/// The resource to ask permission for.
pub fn resource(cx: &Cx, name: &str) -> Arn {
    cx.arn("events", format!("connection/{name}"))
}

fn check(input: &ConnectionInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    check_name(&mut constraints, &input.name, "name", NAME_CHARACTERS_MAX);
    constraints.length(input.description.as_deref(), "description", 512);
    constraints.one_of(input.authorization_type.as_deref(), "authorizationType", &KINDS);
    let oauth = input.auth_parameters.as_ref().and_then(|auth| auth.oauth_parameters.as_ref());
    let method = oauth.and_then(|oauth| oauth.http_method.as_deref());
    constraints.one_of(method, "authParameters.oAuthParameters.httpMethod", &["GET", "POST", "PUT"]);
    constraints.check()?;
    if input.invocation_connectivity_parameters.is_some() {
        return Err(Error::NotImplemented("A connection through VPC Lattice".into()));
    }
    Ok(())
}

/// What is asked for, with what is there already where the request is silent.
fn authorization(kind: &str, auth: &AuthParameters, old: Option<&Authorization>) -> Result<Authorization, Error> {
    let missing = |name: &str| Error::validation(format!("Parameter(s) {name} must be specified for {kind}."));
    // What was taken away with the authorization is empty.
    let or = |new: &Option<String>, old: Option<&String>, name: &str| {
        new.clone().or(old.filter(|old| !old.is_empty()).cloned()).ok_or_else(|| missing(name))
    };
    match kind {
        "BASIC" => {
            let basic = auth.basic_auth_parameters.clone().unwrap_or_default();
            let (username, password) = match old {
                Some(Authorization::Basic { username, password }) => (Some(username), Some(password)),
                _ => (None, None),
            };
            Ok(Authorization::Basic {
                username: or(&basic.username, username, "BasicAuthParameters.Username")?,
                password: or(&basic.password, password, "BasicAuthParameters.Password")?,
            })
        }
        "API_KEY" => {
            let key = auth.api_key_auth_parameters.clone().unwrap_or_default();
            let (name, value) = match old {
                Some(Authorization::ApiKey { name, value }) => (Some(name), Some(value)),
                _ => (None, None),
            };
            Ok(Authorization::ApiKey {
                name: or(&key.api_key_name, name, "ApiKeyAuthParameters.ApiKeyName")?,
                value: or(&key.api_key_value, value, "ApiKeyAuthParameters.ApiKeyValue")?,
            })
        }
        _ => {
            let new = auth.oauth_parameters.clone().unwrap_or_default();
            let old = match old {
                Some(Authorization::OAuth(oauth)) => Some(oauth),
                _ => None,
            };
            Ok(Authorization::OAuth(Box::new(OAuth {
                client_id: or(
                    &new.client_parameters.id,
                    old.map(|old| &old.client_id),
                    "OAuthParameters.ClientParameters.ClientID",
                )?,
                client_secret: or(
                    &new.client_parameters.secret,
                    old.map(|old| &old.client_secret),
                    "OAuthParameters.ClientParameters.ClientSecret",
                )?,
                endpoint: or(
                    &new.authorization_endpoint,
                    old.map(|old| &old.endpoint),
                    "OAuthParameters.AuthorizationEndpoint",
                )?,
                method: or(&new.http_method, old.map(|old| &old.method), "OAuthParameters.HttpMethod")?,
                http: new.http_parameters.map(HttpInput::into_stored).or(old.and_then(|old| old.http.clone())),
            })))
        }
    }
}

/// A token is asked for; everything else is authorized as it is.
fn state_of(authorization: &Authorization) -> ConnectionState {
    match authorization {
        Authorization::OAuth(_) => ConnectionState::Authorizing,
        _ => ConnectionState::Authorized,
    }
}

pub async fn create(_: Arc<Events>, cx: Cx, input: ConnectionInput) -> Result<Value, Error> {
    check(&input)?;
    let auth = input.auth_parameters.unwrap_or_default();
    let authorization = authorization(input.authorization_type.as_deref().unwrap_or("BASIC"), &auth, None)?;
    let (id, secret) = (cx.env().uuid(), cx.env().uuid());
    let suffix = cx.env().random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 6);
    let made = Connection {
        arn: resource(&cx, &format!("{}/{id}", input.name)),
        secret_arn: cx
            .arn("secretsmanager", format!("secret:events!connection/{}/{secret}-{suffix}", input.name))
            .to_string(),
        name: input.name,
        description: input.description,
        kms_key: input.kms_key_identifier,
        state: state_of(&authorization),
        reason: None,
        http: auth.invocation_http_parameters.map(HttpInput::into_stored),
        authorization,
        created: cx.now(),
        modified: cx.now(),
        authorized: Some(cx.now()),
    };
    let (shown, context) = (state(&made, made.state.name()), cx.clone());
    cx.db().write(move |tx| connection::create(tx, &context, &made)).await?;
    Ok(shown)
}

pub async fn update(_: Arc<Events>, cx: Cx, input: ConnectionInput) -> Result<Value, Error> {
    check(&input)?;
    let context = cx.clone();
    let changed = cx.db().write(move |tx| {
        connection::change(tx, &context, &input.name, ("update", "Update Started"), |connection| {
            let auth = input.auth_parameters.clone().unwrap_or_default();
            let kind = input.authorization_type.as_deref().unwrap_or(connection.authorization.kind());
            connection.authorization = authorization(kind, &auth, Some(&connection.authorization))?;
            (connection.state, connection.reason) = (state_of(&connection.authorization), None);
            connection.description = input.description.clone().or(connection.description.take());
            connection.kms_key = input.kms_key_identifier.clone().or(connection.kms_key.take());
            connection.authorized = Some(context.now());
            let http = auth.invocation_http_parameters.map(HttpInput::into_stored);
            connection.http = http.or(connection.http.take());
            Ok(())
        })
    });
    let changed = changed.await?;
    Ok(with_authorized(&changed, state(&changed, changed.state.name())))
}

pub async fn deauthorize(events: Arc<Events>, cx: Cx, input: NameInput) -> Result<Value, Error> {
    let context = cx.clone();
    let changed = cx.db().write(move |tx| {
        connection::change(tx, &context, &input.name, ("deauthorize", "Deauthorization Started"), |connection| {
            connection.deauthorize();
            Ok(())
        })
    });
    let changed = changed.await?;
    events.tokens.forget(&changed.arn);
    Ok(with_authorized(&changed, state(&changed, "DEAUTHORIZING")))
}

pub async fn delete(events: Arc<Events>, cx: Cx, input: NameInput) -> Result<Value, Error> {
    let context = cx.clone();
    let gone = cx.db().write(move |tx| connection::delete(tx, &context, &input.name)).await?;
    events.tokens.forget(&gone.arn);
    Ok(with_authorized(&gone, state(&gone, "DELETING")))
}

pub async fn describe(_: Arc<Events>, cx: Cx, input: NameInput) -> Result<Value, Error> {
    let found = connection::find(&cx.db().read()?, cx.region().as_str(), &input.name, "describe")?;
    let mut shown = summary(&found);
    for (name, value) in [
        ("Description", json!(found.description)),
        ("SecretArn", json!(found.secret_arn)),
        ("KmsKeyIdentifier", json!(found.kms_key)),
        ("AuthParameters", parameters(&found)),
    ] {
        shown[name] = value;
    }
    Ok(answer(shown))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub name_prefix: String,
    pub connection_state: Option<String>,
    pub limit: Option<i64>,
    pub next_token: Option<String>,
}

pub async fn list(_: Arc<Events>, cx: Cx, input: ListInput) -> Result<Value, Error> {
    let mut all = connection::all(&cx.db().read()?, cx.region().as_str())?;
    all.retain(|connection| {
        connection.name.starts_with(&input.name_prefix)
            && input.connection_state.as_deref().is_none_or(|state| state == connection.state.name())
    });
    let (page, next) = Page { limit: input.limit, next_token: input.next_token }.of(all)?;
    let shown: Vec<Value> = page.iter().map(|connection| answer(summary(connection))).collect();
    Ok(answer(json!({"Connections": shown, "NextToken": next})))
}

fn state(connection: &Connection, state: &str) -> Value {
    json!({
        "ConnectionArn": connection.arn,
        "ConnectionState": state,
        "CreationTime": connection.created.as_secs_f64(),
        "LastModifiedTime": connection.modified.as_secs_f64(),
    })
}

fn with_authorized(connection: &Connection, mut shown: Value) -> Value {
    shown["LastAuthorizedTime"] = json!(connection.authorized.map(Timestamp::as_secs_f64));
    answer(shown)
}

fn summary(connection: &Connection) -> Value {
    let mut shown = with_authorized(connection, state(connection, connection.state.name()));
    shown["Name"] = json!(connection.name);
    shown["StateReason"] = json!(connection.reason);
    shown["AuthorizationType"] = json!(connection.authorization.kind());
    shown
}

/// The parameters without their secrets.
fn parameters(connection: &Connection) -> Value {
    let mut shown = match &connection.authorization {
        Authorization::Basic { username, .. } => json!({"BasicAuthParameters": {"Username": username}}),
        Authorization::ApiKey { name, .. } => json!({"ApiKeyAuthParameters": {"ApiKeyName": name}}),
        Authorization::OAuth(oauth) => json!({"OAuthParameters": answer(json!({
            "ClientParameters": {"ClientID": oauth.client_id},
            "AuthorizationEndpoint": oauth.endpoint,
            "HttpMethod": oauth.method,
            "OAuthHttpParameters": oauth.http.as_ref().map(http),
        }))}),
    };
    if let Some(parameters) = &connection.http {
        shown["InvocationHttpParameters"] = http(parameters);
    }
    shown
}

fn http(parameters: &HttpParameters) -> Value {
    let mut shown = Map::new();
    for (name, list) in [
        ("HeaderParameters", &parameters.headers),
        ("QueryStringParameters", &parameters.query),
        ("BodyParameters", &parameters.body),
    ] {
        let one = |parameter: &HttpParameter| {
            let value = Some(&parameter.value).filter(|_| !parameter.secret);
            answer(json!({"Key": parameter.key, "Value": value, "IsValueSecret": parameter.secret}))
        };
        if !list.is_empty() {
            shown.insert(name.into(), list.iter().map(one).collect());
        }
    }
    Value::Object(shown)
}
