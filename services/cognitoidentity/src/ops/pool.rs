//! CreateIdentityPool, DescribeIdentityPool, ListIdentityPools, UpdateIdentityPool, DeleteIdentityPool.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::tag::check as check_tags;
use super::{Empty, PoolInput, Texts, find_pool, new_id, of_pool, page_size, pool_arn, token};
use crate::error::Error;
use crate::model::pool as pools;
use crate::types::{Pool, Settings, UserPool};
use crate::{Identities, limits};

/// What CreateIdentityPool and UpdateIdentityPool take alike, and answers have.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SettingsType {
    pub identity_pool_name: String,
    pub allow_unauthenticated_identities: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_classic_flow: Option<bool>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub supported_login_providers: Texts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub developer_provider_name: Option<String>,
    #[serde(rename = "OpenIdConnectProviderARNs", skip_serializing_if = "Vec::is_empty")]
    pub openid: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cognito_identity_providers: Vec<UserPoolType>,
    #[serde(rename = "SamlProviderARNs", skip_serializing)]
    pub saml: Vec<String>,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub identity_pool_tags: Texts,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UserPoolType {
    pub provider_name: String,
    pub client_id: String,
    pub server_side_token_check: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub identity_pool_id: String,
    #[serde(flatten)]
    pub settings: SettingsType,
}
of_pool!(UpdateInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    pub identity_pool_id: String,
    #[serde(flatten)]
    pub settings: SettingsType,
}

impl SettingsType {
    fn read(self) -> Result<Settings, Error> {
        self.check()?;
        let user_pool = |given: UserPoolType| UserPool { provider: given.provider_name, client: given.client_id };
        Ok(Settings {
            name: self.identity_pool_name,
            unauthenticated: self.allow_unauthenticated_identities,
            classic: self.allow_classic_flow.unwrap_or(false),
            login_providers: self.supported_login_providers,
            developer: self.developer_provider_name.filter(|name| !name.is_empty()),
            openid: self.openid,
            user_pools: self.cognito_identity_providers.into_iter().map(user_pool).collect(),
        })
    }

    fn check(&self) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        let name = &self.identity_pool_name;
        if name.is_empty() {
            constraints.fail(name, "identityPoolName", "have length greater than or equal to 1");
        }
        constraints.length(Some(name), "identityPoolName", limits::NAME_CHARACTERS_MAX);
        let fits = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_+=,.@-".contains(c));
        constraints.pattern(Some(name), "identityPoolName", r"[\w\s+=,.@-]+", fits);
        let developer = self.developer_provider_name.as_deref();
        constraints.length(developer, "developerProviderName", 100);
        let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c));
        constraints.pattern(developer, "developerProviderName", r"[\w._-]+", is_name);
        let lengths = [self.supported_login_providers.len(), self.openid.len(), self.cognito_identity_providers.len()];
        if lengths.iter().any(|length| *length > limits::PROVIDERS_MAX) {
            constraints.fail_unseen("cognitoIdentityProviders", "have length less than or equal to 50");
        }
        constraints.check()?;
        if !self.saml.is_empty() {
            return Err(Error::NotImplemented("SamlProviderARNs of identity pools".into()));
        }
        let user_pools = &self.cognito_identity_providers;
        if user_pools.iter().any(|pool| pool.server_side_token_check) {
            return Err(Error::NotImplemented("ServerSideTokenCheck of identity pools".into()));
        }
        if user_pools.iter().any(|pool| pool.provider_name.is_empty() || pool.client_id.is_empty()) {
            return Err(Error::parameter("A user pool of an identity pool has a ProviderName and a ClientId."));
        }
        Ok(())
    }
}

impl Described {
    fn new(pool: Pool) -> Described {
        let settings = pool.settings;
        let user_pool = |own: UserPool| UserPoolType {
            provider_name: own.provider,
            client_id: own.client,
            server_side_token_check: false,
        };
        Described {
            identity_pool_id: pool.id,
            settings: SettingsType {
                identity_pool_name: settings.name,
                allow_unauthenticated_identities: settings.unauthenticated,
                allow_classic_flow: Some(settings.classic),
                supported_login_providers: settings.login_providers,
                developer_provider_name: settings.developer,
                openid: settings.openid,
                cognito_identity_providers: settings.user_pools.into_iter().map(user_pool).collect(),
                saml: Vec::new(),
                identity_pool_tags: pool.tags,
            },
        }
    }
}

pub async fn create(_: Arc<Identities>, cx: Cx, input: SettingsType) -> Result<Described, Error> {
    let (tags, id) = (input.identity_pool_tags.clone(), new_id(&cx));
    check_tags(&tags)?;
    let (roles, mappings) = Default::default();
    let new = Pool { arn: pool_arn(&cx, &id), id, settings: input.read()?, roles, mappings, tags };
    let kept = new.clone();
    cx.db().write(move |tx| pools::put(tx, &kept)).await?;
    Ok(Described::new(new))
}

pub async fn describe(_: Arc<Identities>, cx: Cx, input: PoolInput) -> Result<Described, Error> {
    Ok(Described::new(find_pool(&cx, &input.identity_pool_id)?))
}

/// What the owner's own sign-in is called stays, once it is called something.
pub async fn update(_: Arc<Identities>, cx: Cx, input: UpdateInput) -> Result<Described, Error> {
    let found = find_pool(&cx, &input.identity_pool_id)?;
    let tags = input.settings.identity_pool_tags.clone();
    check_tags(&tags)?;
    let settings = input.settings.read()?;
    let change = move |pool: &mut Pool| {
        let before = &pool.settings.developer;
        if before.is_some() && *before != settings.developer {
            return Err(Error::parameter("Developer provider name cannot be changed once it is set."));
        }
        pool.settings = settings.clone();
        if !tags.is_empty() {
            pool.tags = tags.clone();
        }
        Ok(pool.clone())
    };
    Ok(Described::new(cx.db().write(move |tx| pools::change(tx, &found.id, &change)).await?))
}

pub async fn delete(_: Arc<Identities>, cx: Cx, input: PoolInput) -> Result<Empty, Error> {
    let found = find_pool(&cx, &input.identity_pool_id)?;
    cx.db().write(move |tx| pools::delete(tx, &found.id)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub identity_pools: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub identity_pool_id: String,
    pub identity_pool_name: String,
}

pub async fn list(_: Arc<Identities>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let (limit, after) = (page_size(input.max_results)?, input.next_token.unwrap_or_default());
    let (found, more) = pools::list(&cx.db().read()?, cx.region().as_str(), &after, limit)?;
    let next_token = token(more, found.last().map(|pool| pool.id.as_str()));
    let listed = |pool: Pool| Listed { identity_pool_id: pool.id, identity_pool_name: pool.settings.name };
    Ok(ListOutput { identity_pools: found.into_iter().map(listed).collect(), next_token })
}
