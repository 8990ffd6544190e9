//! CreateUserPoolClient, DescribeUserPoolClient, UpdateUserPoolClient, DeleteUserPoolClient, ListUserPoolClients.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Constraints, Cx};
use wire::DateTime;

use super::{Empty, after, client_place, find_pool, of_pool, page_size, secret_of, token};
use crate::error::Error;
use crate::model::{client, provider, resource_server};
use crate::types::{Client, ClientSettings, Pool, Unit, Validity};
use crate::{Cognito, crypto, limits, schema, tokens};

const ID_ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const ID_CHARACTERS: usize = 26;
const SECRET_CHARACTERS: usize = 51;
const FLOWS: [&str; 9] = [
    "ADMIN_NO_SRP_AUTH",
    "CUSTOM_AUTH_FLOW_ONLY",
    "USER_PASSWORD_AUTH",
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ALLOW_CUSTOM_AUTH",
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
    "ALLOW_USER_AUTH",
];
/// What a client allows that does not say. Source: ExplicitAuthFlows in CreateUserPoolClient.
const DEFAULT_FLOWS: [&str; 3] = ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"];
const OAUTH_FLOWS: [&str; 3] = ["code", "implicit", "client_credentials"];

/// What CreateUserPoolClient and UpdateUserPoolClient take alike, and answers have.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    pub refresh_token_validity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token_validity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_validity: Option<i64>,
    pub token_validity_units: Units,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_attributes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_attributes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explicit_auth_flows: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_identity_providers: Vec<String>,
    #[serde(rename = "CallbackURLs", skip_serializing_if = "Vec::is_empty")]
    pub callback_urls: Vec<String>,
    #[serde(rename = "LogoutURLs", skip_serializing_if = "Vec::is_empty")]
    pub logout_urls: Vec<String>,
    #[serde(rename = "DefaultRedirectURI", skip_serializing_if = "Option::is_none")]
    pub default_redirect_uri: Option<String>,
    #[serde(rename = "AllowedOAuthFlows", skip_serializing_if = "Vec::is_empty")]
    pub allowed_oauth_flows: Vec<String>,
    #[serde(rename = "AllowedOAuthScopes", skip_serializing_if = "Vec::is_empty")]
    pub allowed_oauth_scopes: Vec<String>,
    #[serde(rename = "AllowedOAuthFlowsUserPoolClient")]
    pub allowed_oauth_flows_user_pool_client: bool,
    #[serde(skip_serializing)]
    pub analytics_configuration: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevent_user_existence_errors: Option<String>,
    pub enable_token_revocation: Option<bool>,
    pub enable_propagate_additional_user_context_data: bool,
    pub auth_session_validity: Option<i64>,
    #[serde(skip_serializing)]
    pub refresh_token_rotation: Option<Rotation>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Units {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Rotation {
    pub feature: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub user_pool_id: String,
    pub generate_secret: bool,
    #[serde(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub user_pool_id: String,
    pub client_id: String,
    #[serde(flatten)]
    pub settings: Settings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ClientInput {
    pub user_pool_id: String,
    pub client_id: String,
}
of_pool!(CreateInput, UpdateInput, ClientInput, ListInput);

impl Settings {
    fn read(self, cx: &Cx, pool: &Pool, has_secret: bool) -> Result<ClientSettings, Error> {
        self.check(pool)?;
        self.check_oauth(cx, pool, has_secret)?;
        let units = &self.token_validity_units;
        let validity = |number: Option<i64>, unit: &Option<String>, default: Unit| {
            let number = u32::try_from(number.filter(|number| *number != 0)?).ok()?;
            Some(Validity { number, unit: unit.as_deref().and_then(Unit::read).unwrap_or(default) })
        };
        let flows = match self.explicit_auth_flows {
            flows if flows.is_empty() => DEFAULT_FLOWS.map(str::to_owned).to_vec(),
            flows => flows,
        };
        let settings = ClientSettings {
            name: self.client_name.unwrap_or_default(),
            flows,
            access: validity(self.access_token_validity, &units.access_token, Unit::Hours),
            id: validity(self.id_token_validity, &units.id_token, Unit::Hours),
            refresh: validity(self.refresh_token_validity, &units.refresh_token, Unit::Days),
            readable: self.read_attributes,
            writable: self.write_attributes,
            callback_urls: self.callback_urls,
            logout_urls: self.logout_urls,
            default_redirect: self.default_redirect_uri,
            oauth_flows: self.allowed_oauth_flows,
            oauth_scopes: self.allowed_oauth_scopes,
            oauth: self.allowed_oauth_flows_user_pool_client,
            identity_providers: self.supported_identity_providers,
            hides_users: self.prevent_user_existence_errors.as_deref() == Some("ENABLED"),
            revocable: self.enable_token_revocation.unwrap_or(true),
            session_minutes: u32::try_from(self.auth_session_validity.unwrap_or(limits::SESSION_MINUTES)).unwrap_or(3),
        };
        check_time("accessTokenValidity", settings.access, &limits::ACCESS_VALIDITY)?;
        check_time("idTokenValidity", settings.id, &limits::ACCESS_VALIDITY)?;
        check_time("refreshTokenValidity", settings.refresh, &limits::REFRESH_VALIDITY)?;
        if settings.refresh_time() < settings.access_time().max(settings.id_time()) {
            let told = "Invalid range for token validity. Refresh token must be at least as long as the other tokens.";
            return Err(Error::parameter(told));
        }
        Ok(settings)
    }

    fn check(&self, pool: &Pool) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        constraints.length(self.client_name.as_deref(), "clientName", limits::NAME_CHARACTERS_MAX);
        for flow in &self.explicit_auth_flows {
            constraints.one_of(Some(flow), "explicitAuthFlows", &FLOWS);
        }
        for flow in &self.allowed_oauth_flows {
            constraints.one_of(Some(flow), "allowedOAuthFlows", &OAUTH_FLOWS);
        }
        let units = &self.token_validity_units;
        for unit in [&units.access_token, &units.id_token, &units.refresh_token].into_iter().flatten() {
            constraints.one_of(Some(unit), "tokenValidityUnits", &Unit::WORDS);
        }
        let existence = self.prevent_user_existence_errors.as_deref();
        constraints.one_of(existence, "preventUserExistenceErrors", &["LEGACY", "ENABLED"]);
        constraints.range(self.auth_session_validity, "authSessionValidity", &limits::SESSION_MINUTES_RANGE);
        if self.allowed_oauth_scopes.len() > limits::SCOPES_OF_CLIENT_MAX {
            constraints.fail_unseen("allowedOAuthScopes", "have length less than or equal to 50");
        }
        if self.callback_urls.len() > limits::URLS_MAX || self.logout_urls.len() > limits::URLS_MAX {
            constraints.fail_unseen("callbackURLs", "have length less than or equal to 100");
        }
        constraints.check()?;
        self.check_flows()?;
        let mut names = self.read_attributes.iter().chain(&self.write_attributes).flatten();
        if let Some(name) = names.find(|name| schema::find(pool, name).is_none()) {
            return Err(Error::parameter(format!("Invalid attribute specified in the client: {name}")));
        }
        if self.refresh_token_rotation.as_ref().is_some_and(|rotation| rotation.feature == "ENABLED") {
            return Err(Error::NotImplemented("Cognito's RefreshTokenRotation".into()));
        }
        if self.analytics_configuration.is_some() {
            return Err(Error::NotImplemented("Cognito's AnalyticsConfiguration".into()));
        }
        Ok(())
    }

    /// # Errors
    /// For flows that do not go together.
    fn check_flows(&self) -> Result<(), Error> {
        let is_new = |flow: &&String| flow.starts_with("ALLOW_");
        let new = self.explicit_auth_flows.iter().filter(is_new).count();
        if new > 0 && new < self.explicit_auth_flows.len() {
            return Err(Error::parameter(
                "Invalid ExplicitAuthFlows: the values with the prefix ALLOW_ cannot be used with those without it.",
            ));
        }
        if self.allowed_oauth_flows_user_pool_client
            && (self.allowed_oauth_flows.is_empty() || self.allowed_oauth_scopes.is_empty())
        {
            return Err(Error::parameter(
                "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.",
            ));
        }
        Ok(())
    }

    /// # Errors
    /// For flows that a client cannot have, scopes and providers that are not there, and addresses that tokens must not go to.
    fn check_oauth(&self, cx: &Cx, pool: &Pool, has_secret: bool) -> Result<(), Error> {
        let has = |flow: &str| self.allowed_oauth_flows.iter().any(|own| own == flow);
        if has("client_credentials") && (has("code") || has("implicit")) {
            let told = "client_credentials flow can not be selected along with code flow or implicit flow.";
            return Err(Error::InvalidOAuthFlow(told));
        }
        if has("client_credentials") && !has_secret {
            let told = "client_credentials flow can not be selected if client does not have a client secret.";
            return Err(Error::InvalidOAuthFlow(told));
        }
        let read = cx.db().read()?;
        for scope in &self.allowed_oauth_scopes {
            let is_known = tokens::STANDARD_SCOPES.contains(&scope.as_str());
            if !is_known && !resource_server::has_scope(&read, &pool.id, scope)? {
                return Err(Error::ScopeDoesNotExist(format!("Invalid scope requested: {scope}")));
            }
            if is_known && has("client_credentials") {
                let told = format!("{scope} is not supported with client_credentials flow.");
                return Err(Error::ScopeDoesNotExist(told));
            }
        }
        for name in &self.supported_identity_providers {
            if name != "COGNITO" && provider::find(&read, &pool.id, name)?.is_none() {
                return Err(Error::parameter(format!("The provider {name} does not exist for User Pool {}.", pool.id)));
            }
        }
        for url in self.callback_urls.iter().chain(&self.logout_urls) {
            check_url(url)?;
        }
        let default = self.default_redirect_uri.as_ref();
        match default.filter(|default| !self.callback_urls.contains(default)) {
            Some(_) => Err(Error::parameter("The defaultRedirectURI is not part of callbackURLs.")),
            None => Ok(()),
        }
    }
}

/// An address that browsers are sent to with what others must not see. Plain HTTP is for applications on the user's own machine.
///
/// Source: CallbackURLs in <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html>
fn check_url(url: &str) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    constraints.length(Some(url), "callbackURLs", limits::URL_CHARACTERS_MAX);
    let fits = |url: &str| !url.is_empty() && !url.contains(|c: char| c.is_whitespace() || c.is_control());
    constraints.pattern(Some(url), "callbackURLs", r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+", fits);
    constraints.check()?;
    let refused = |why: &str| Err(Error::parameter(format!("{url} {why}")));
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
    };
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
    else {
        return refused("is not an absolute URL: it has to begin with a scheme, such as https://.");
    };
    if url.contains('#') {
        return refused("must not have a fragment.");
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(authority, |(host, _)| host);
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]") || host.ends_with(".localhost");
    match scheme.to_ascii_lowercase().as_str() {
        "http" if !is_local => refused("cannot use the HTTP protocol."),
        "javascript" | "data" | "vbscript" | "file" | "blob" => {
            refused("has a scheme that browsers do not leave a page for.")
        }
        _ => Ok(()),
    }
}

fn check_time(member: &str, validity: Option<Validity>, range: &RangeInclusive<Duration>) -> Result<(), Error> {
    match validity {
        Some(validity) if !range.contains(&validity.time()) => {
            let (start, end) = (range.start().as_secs(), range.end().as_secs());
            Err(Error::parameter(format!(
                "Invalid range for {member}: it has to be between {start} and {end} seconds."
            )))
        }
        _ => Ok(()),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClientOutput {
    pub user_pool_client: Described,
}

/// What is told of a client.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    pub user_pool_id: String,
    pub client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    pub last_modified_date: DateTime,
    pub creation_date: DateTime,
    #[serde(flatten)]
    pub settings: Settings,
}

impl Described {
    fn new(client: &Client, client_secret: Option<String>) -> Described {
        let settings = client.settings.clone();
        let number = |validity: Option<Validity>| validity.map(|validity| i64::from(validity.number));
        let unit = |validity: Option<Validity>| validity.map(|validity| validity.unit.word().to_owned());
        Described {
            user_pool_id: client.pool.clone(),
            client_id: client.id.clone(),
            client_secret,
            last_modified_date: client.modified.into(),
            creation_date: client.created.into(),
            settings: Settings {
                client_name: Some(settings.name),
                refresh_token_validity: number(settings.refresh).or(Some(30)),
                access_token_validity: number(settings.access),
                id_token_validity: number(settings.id),
                token_validity_units: Units {
                    access_token: unit(settings.access),
                    id_token: unit(settings.id),
                    refresh_token: unit(settings.refresh),
                },
                read_attributes: settings.readable,
                write_attributes: settings.writable,
                explicit_auth_flows: settings.flows,
                supported_identity_providers: settings.identity_providers,
                callback_urls: settings.callback_urls,
                logout_urls: settings.logout_urls,
                default_redirect_uri: settings.default_redirect,
                allowed_oauth_flows: settings.oauth_flows,
                allowed_oauth_scopes: settings.oauth_scopes,
                allowed_oauth_flows_user_pool_client: settings.oauth,
                prevent_user_existence_errors: Some(if settings.hides_users { "ENABLED" } else { "LEGACY" }.into()),
                enable_token_revocation: Some(settings.revocable),
                auth_session_validity: Some(settings.session_minutes.into()),
                ..Settings::default()
            },
        }
    }
}

pub async fn create(cognito: Arc<Cognito>, cx: Cx, input: CreateInput) -> Result<ClientOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    if input.settings.client_name.as_deref().is_none_or(str::is_empty) {
        let mut constraints = Constraints::default();
        constraints.required(None, "clientName");
        constraints.check()?;
    }
    let id = crypto::random_text(cx.env(), ID_ALPHABET, ID_CHARACTERS);
    let secret = input.generate_secret.then(|| crypto::random_text(cx.env(), ID_ALPHABET, SECRET_CHARACTERS));
    let sealed = secret.as_ref().map(|secret| cognito.vault.seal(&client_place(&id), secret.as_bytes())).transpose()?;
    let new = Client {
        id,
        pool: pool.id.clone(),
        created: cx.now(),
        modified: cx.now(),
        secret: sealed,
        settings: input.settings.read(&cx, &pool, input.generate_secret)?,
    };
    let described = Described::new(&new, secret);
    let put = move |tx: &mut kv::Tx| {
        crate::model::pool::get(tx, &new.pool)?;
        client::put(tx, &new)
    };
    cx.db().write(put).await?;
    Ok(ClientOutput { user_pool_client: described })
}

fn find(cx: &Cx, pool: &str, id: &str) -> Result<(Pool, Client), Error> {
    let pool = find_pool(cx, pool)?;
    let client = client::of_pool(&cx.db().read()?, &pool.id, id)?;
    Ok((pool, client))
}

pub async fn describe(cognito: Arc<Cognito>, cx: Cx, input: ClientInput) -> Result<ClientOutput, Error> {
    let (_, client) = find(&cx, &input.user_pool_id, &input.client_id)?;
    let secret = secret_of(&cognito, &client)?;
    Ok(ClientOutput { user_pool_client: Described::new(&client, secret) })
}

pub async fn update(cognito: Arc<Cognito>, cx: Cx, input: UpdateInput) -> Result<ClientOutput, Error> {
    let (pool, found) = find(&cx, &input.user_pool_id, &input.client_id)?;
    let name = input.settings.client_name.clone().unwrap_or_else(|| found.settings.name.clone());
    let settings = ClientSettings { name, ..input.settings.read(&cx, &pool, found.secret.is_some())? };
    let changed = Client { modified: cx.now(), settings, ..found };
    let described = Described::new(&changed, secret_of(&cognito, &changed)?);
    let put = move |tx: &mut kv::Tx| {
        client::of_pool(tx, &changed.pool, &changed.id)?;
        client::put(tx, &changed)
    };
    cx.db().write(put).await?;
    Ok(ClientOutput { user_pool_client: described })
}

pub async fn delete(_: Arc<Cognito>, cx: Cx, input: ClientInput) -> Result<Empty, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    cx.db().write(move |tx| client::delete(tx, &pool.id, &input.client_id)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub user_pool_id: String,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub user_pool_clients: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub client_id: String,
    pub user_pool_id: String,
    pub client_name: String,
}

pub async fn list(_: Arc<Cognito>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let (limit, after) = (page_size(input.max_results, "maxResults")?, after(input.next_token.as_deref())?);
    let (clients, more) = client::list(&cx.db().read()?, &pool.id, &after, limit)?;
    let next_token = token(more, clients.last().map(|client| client.id.as_str()));
    let listed = |client: Client| {
        let Client { id, pool, settings, .. } = client;
        Listed { client_id: id, user_pool_id: pool, client_name: settings.name }
    };
    Ok(ListOutput { user_pool_clients: clients.into_iter().map(listed).collect(), next_token })
}
