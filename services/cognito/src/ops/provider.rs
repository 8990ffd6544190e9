//! CreateIdentityProvider, DescribeIdentityProvider, UpdateIdentityProvider, DeleteIdentityProvider, ListIdentityProviders,
//! GetIdentityProviderByIdentifier.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use wire::DateTime;

use super::{Empty, after, find_pool, of_pool, page_size, token};
use crate::error::Error;
use crate::model::provider as providers;
use crate::types::{Pool, Provider, ProviderKind};
use crate::{Cognito, limits, schema};

type Texts = BTreeMap<String, String>;

const KINDS: [&str; 6] = ["SAML", "Facebook", "Google", "LoginWithAmazon", "SignInWithApple", "OIDC"];
const SECRET: &str = "client_secret";
/// What an attribute mapping calls what users are told apart by.
pub const USERNAME: &str = "username";
/// What may be said of a provider; the first are needed.
const OIDC_DETAILS: (&[&str], &[&str]) = (
    &["client_id", "attributes_request_method", "oidc_issuer", "authorize_scopes"],
    &[SECRET, "authorize_url", "token_url", "attributes_url", "jwks_uri", "attributes_url_add_attributes"],
);
const SOCIAL_DETAILS: (&[&str], &[&str]) = (
    &["client_id", SECRET, "authorize_scopes"],
    &[
        "api_version",
        "attributes_url",
        "attributes_url_add_attributes",
        "authorize_url",
        "oidc_issuer",
        "token_request_method",
        "token_url",
        "jwks_uri",
    ],
);
const URLS: [&str; 5] = ["oidc_issuer", "authorize_url", "token_url", "attributes_url", "jwks_uri"];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub user_pool_id: String,
    pub provider_name: String,
    pub provider_type: String,
    pub provider_details: Texts,
    pub attribute_mapping: Texts,
    pub idp_identifiers: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub user_pool_id: String,
    pub provider_name: String,
    pub provider_details: Option<Texts>,
    pub attribute_mapping: Option<Texts>,
    pub idp_identifiers: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NamedInput {
    pub user_pool_id: String,
    pub provider_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IdentifierInput {
    pub user_pool_id: String,
    pub idp_identifier: String,
}
of_pool!(CreateInput, UpdateInput, NamedInput, IdentifierInput, ListInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProviderOutput {
    pub identity_provider: Described,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    pub user_pool_id: String,
    pub provider_name: String,
    pub provider_type: &'static str,
    pub provider_details: Texts,
    pub attribute_mapping: Texts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub idp_identifiers: Vec<String>,
    pub last_modified_date: DateTime,
    pub creation_date: DateTime,
}

impl Described {
    fn new(cognito: &Cognito, provider: Provider) -> Result<Described, Error> {
        let secret = secret_of(cognito, &provider)?;
        let mut provider_details = provider.details;
        provider_details.extend(secret.map(|secret| (SECRET.to_owned(), secret)));
        Ok(Described {
            user_pool_id: provider.pool,
            provider_name: provider.name,
            provider_type: provider.kind.word(),
            provider_details,
            attribute_mapping: provider.mapping,
            idp_identifiers: provider.identifiers,
            last_modified_date: provider.modified.into(),
            creation_date: provider.created.into(),
        })
    }
}

/// Where the vault has what a pool proves to a provider with who it is.
fn place(pool: &str, name: &str) -> Vec<u8> {
    format!("cognito provider {pool} {name}").into_bytes()
}

pub fn secret_of(cognito: &Cognito, provider: &Provider) -> Result<Option<String>, Error> {
    let Some(sealed) = &provider.secret else { return Ok(None) };
    let secret = cognito.vault.open(&place(&provider.pool, &provider.name), sealed)?;
    Ok(Some(String::from_utf8_lossy(&secret).into_owned()))
}

/// The details without the secret, and that sealed.
fn parted(cognito: &Cognito, pool: &str, name: &str, mut details: Texts) -> Result<(Texts, Option<Bytes>), Error> {
    let secret = details.remove(SECRET).filter(|secret| !secret.is_empty());
    let sealed = secret.map(|secret| cognito.vault.seal(&place(pool, name), secret.as_bytes())).transpose()?;
    Ok((details, sealed))
}

/// # Errors
/// For what is missing, unknown, or no address to send to.
fn check_details(kind: ProviderKind, details: &Texts) -> Result<(), Error> {
    let (needed, others) = if kind == ProviderKind::Oidc { OIDC_DETAILS } else { SOCIAL_DETAILS };
    if let Some(name) = needed.iter().find(|name| details.get(**name).is_none_or(String::is_empty)) {
        return Err(Error::parameter(format!("{name} is missing in ProviderDetails.")));
    }
    if let Some(name) = details.keys().find(|name| !needed.contains(&name.as_str()) && !others.contains(&name.as_str()))
    {
        return Err(Error::parameter(format!("{name} is no key that ProviderDetails of this type have.")));
    }
    if let Some(method) =
        details.get("attributes_request_method").filter(|method| !["GET", "POST"].contains(&method.as_str()))
    {
        return Err(Error::parameter(format!("{method} is no attributes_request_method: it is GET or POST.")));
    }
    for (name, url) in URLS.iter().filter_map(|name| Some((name, details.get(*name)?))) {
        outbound::check(url).map_err(|error| Error::parameter(format!("{name}: {error}.")))?;
    }
    Ok(())
}

fn check_mapping(pool: &Pool, mapping: &Texts) -> Result<(), Error> {
    let is_unknown = |name: &&String| *name != USERNAME && schema::find(pool, name).is_none();
    match mapping.keys().find(is_unknown) {
        Some(name) => {
            Err(Error::parameter(format!("Invalid AttributeMapping: {name} is no attribute of the user pool.")))
        }
        None => Ok(()),
    }
}

fn check_identifiers(identifiers: &[String]) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    if identifiers.len() > limits::PROVIDER_IDENTIFIERS_MAX {
        constraints.fail_unseen("idpIdentifiers", "have length less than or equal to 50");
    }
    for identifier in identifiers {
        constraints.length(Some(identifier), "idpIdentifiers", limits::PROVIDER_IDENTIFIER_CHARACTERS_MAX);
        let fits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_+=.@- ".contains(c));
        constraints.pattern(Some(identifier), "idpIdentifiers", r"[\w\s+=.@-]+", fits);
    }
    Ok(constraints.check()?)
}

/// # Errors
/// For a name that cannot be one, and for kinds that are not built.
fn check_new(input: &CreateInput) -> Result<ProviderKind, Error> {
    let mut constraints = Constraints::default();
    constraints.one_of(Some(&input.provider_type), "providerType", &KINDS);
    constraints.length(Some(&input.provider_name), "providerName", limits::PROVIDER_NAME_CHARACTERS_MAX);
    let fits = |name: &str| {
        !name.is_empty() && !name.starts_with('_') && !name.chars().any(|c| c.is_whitespace() || c.is_control())
    };
    constraints.pattern(
        Some(&input.provider_name),
        "providerName",
        r"[^_\p{Z}][\p{L}\p{M}\p{S}\p{N}\p{P}][^_\p{Z}]+",
        fits,
    );
    constraints.check()?;
    let Some(kind) = ProviderKind::read(&input.provider_type) else {
        return Err(Error::NotImplemented(format!("Cognito's identity provider type {}", input.provider_type)));
    };
    if kind != ProviderKind::Oidc && input.provider_name != kind.word() {
        return Err(Error::parameter(format!("A provider of the type {0} has the name {0}.", kind.word())));
    }
    let is_reserved = KINDS.contains(&input.provider_name.as_str()) || input.provider_name == "COGNITO";
    if kind == ProviderKind::Oidc && is_reserved {
        return Err(Error::parameter(format!("{} is the name of another provider.", input.provider_name)));
    }
    Ok(kind)
}

/// What is mapped though nobody says so: who it is.
fn with_subject(kind: ProviderKind, mut mapping: Texts) -> Texts {
    let subject = match kind {
        ProviderKind::Oidc | ProviderKind::Google => "sub",
        ProviderKind::Facebook => "id",
        ProviderKind::Amazon => "user_id",
    };
    mapping.entry(USERNAME.into()).or_insert_with(|| subject.into());
    mapping
}

pub async fn create(cognito: Arc<Cognito>, cx: Cx, input: CreateInput) -> Result<ProviderOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let kind = check_new(&input)?;
    check_details(kind, &input.provider_details)?;
    check_mapping(&pool, &input.attribute_mapping)?;
    check_identifiers(&input.idp_identifiers)?;
    let (details, secret) = parted(&cognito, &pool.id, &input.provider_name, input.provider_details)?;
    let new = Provider {
        pool: pool.id,
        name: input.provider_name,
        kind,
        details,
        secret,
        mapping: with_subject(kind, input.attribute_mapping),
        identifiers: input.idp_identifiers,
        created: cx.now(),
        modified: cx.now(),
    };
    let kept = new.clone();
    cx.db().write(move |tx| providers::create(tx, &kept)).await?;
    Ok(ProviderOutput { identity_provider: Described::new(&cognito, new)? })
}

pub async fn describe(cognito: Arc<Cognito>, cx: Cx, input: NamedInput) -> Result<ProviderOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let found = providers::get(&cx.db().read()?, &pool.id, &input.provider_name)?;
    Ok(ProviderOutput { identity_provider: Described::new(&cognito, found)? })
}

pub async fn by_identifier(cognito: Arc<Cognito>, cx: Cx, input: IdentifierInput) -> Result<ProviderOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let found = providers::by_identifier(&cx.db().read()?, &pool.id, &input.idp_identifier)?;
    let told = || Error::NotFound(format!("No identity provider has the identifier {}.", input.idp_identifier));
    Ok(ProviderOutput { identity_provider: Described::new(&cognito, found.ok_or_else(told)?)? })
}

pub async fn update(cognito: Arc<Cognito>, cx: Cx, input: UpdateInput) -> Result<ProviderOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let mut changed = providers::get(&cx.db().read()?, &pool.id, &input.provider_name)?;
    if let Some(details) = input.provider_details {
        check_details(changed.kind, &details)?;
        (changed.details, changed.secret) = parted(&cognito, &pool.id, &changed.name, details)?;
    }
    if let Some(mapping) = input.attribute_mapping {
        check_mapping(&pool, &mapping)?;
        changed.mapping = with_subject(changed.kind, mapping);
    }
    if let Some(identifiers) = input.idp_identifiers {
        check_identifiers(&identifiers)?;
        changed.identifiers = identifiers;
    }
    changed.modified = cx.now();
    let kept = changed.clone();
    let put = move |tx: &mut kv::Tx| {
        providers::get(tx, &kept.pool, &kept.name)?;
        providers::put(tx, &kept)
    };
    cx.db().write(put).await?;
    Ok(ProviderOutput { identity_provider: Described::new(&cognito, changed)? })
}

pub async fn delete(_: Arc<Cognito>, cx: Cx, input: NamedInput) -> Result<Empty, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    cx.db().write(move |tx| providers::delete(tx, &pool.id, &input.provider_name)).await?;
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
    pub providers: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub provider_name: String,
    pub provider_type: &'static str,
    pub last_modified_date: DateTime,
    pub creation_date: DateTime,
}

pub async fn list(_: Arc<Cognito>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let (limit, after) = (page_size(input.max_results, "maxResults")?, after(input.next_token.as_deref())?);
    let (found, more) = providers::list(&cx.db().read()?, &pool.id, &after, limit)?;
    let next_token = token(more, found.last().map(|provider| provider.name.as_str()));
    let listed = |provider: Provider| Listed {
        provider_name: provider.name,
        provider_type: provider.kind.word(),
        last_modified_date: provider.modified.into(),
        creation_date: provider.created.into(),
    };
    Ok(ListOutput { providers: found.into_iter().map(listed).collect(), next_token })
}
