//! CreateOpenIDConnectProvider, GetOpenIDConnectProvider, ListOpenIDConnectProviders, DeleteOpenIDConnectProvider,
//! AddClientIDToOpenIDConnectProvider, RemoveClientIDFromOpenIDConnectProvider, UpdateOpenIDConnectProviderThumbprint.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::session::NoInput;
use super::{Empty, Tag, check, tag_list};
use crate::error::Error;
use crate::model::openid_provider as providers;
use crate::types::OpenIdProvider;
use crate::{Identity, limits};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub url: String,
    #[serde(rename = "ClientIDList")]
    pub client_ids: Vec<String>,
    #[serde(rename = "ThumbprintList")]
    pub thumbprints: Vec<String>,
    pub tags: Vec<Tag>,
}

/// A request that names a provider.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    #[serde(rename = "OpenIDConnectProviderArn")]
    pub arn: String,
    #[serde(rename = "ClientID")]
    pub client_id: String,
    #[serde(rename = "ThumbprintList")]
    pub thumbprints: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateOutput {
    #[serde(rename = "OpenIDConnectProviderArn")]
    pub arn: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    /// Without its scheme.
    pub url: String,
    #[serde(rename = "ClientIDList")]
    pub client_ids: Vec<String>,
    #[serde(rename = "ThumbprintList")]
    pub thumbprints: Vec<String>,
    pub create_date: DateTime,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    #[serde(rename = "OpenIDConnectProviderList")]
    pub providers: Vec<Listed>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub arn: String,
}

/// The ARN that a provider with this URL has.
pub fn arn(cx: &Cx, url: &str) -> Arn {
    providers::arn(cx.account(), OpenIdProvider::name_of(url))
}

/// # Errors
/// For what is no address of an issuer. Plain HTTP is for issuers on this machine.
fn check_url(url: &str) -> Result<(), Error> {
    if url.is_empty() {
        return Err(Error::missing("url"));
    }
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    let is_local = matches!(host, "localhost" | "127.0.0.1") || host.ends_with(".localhost");
    let is_known = scheme == "https" || (scheme == "http" && is_local);
    let fits =
        !host.is_empty() && !url.contains(['?', '#', '@', '*']) && url.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_known || !fits || url.len() > limits::OPENID_URL_CHARACTERS_MAX {
        return Err(Error::InvalidInput(format!("Invalid Open ID Connect Provider URL: {url}")));
    }
    Ok(())
}

fn check_clients(ids: &[String]) -> Result<(), Error> {
    if ids.len() > limits::OPENID_CLIENTS_MAX {
        return Err(Error::LimitExceeded {
            quota: "ClientIdsPerOpenIdConnectProvider",
            limit: limits::OPENID_CLIENTS_MAX,
        });
    }
    let fits = |id: &&String| !id.is_empty() && id.chars().count() <= limits::OPENID_CLIENT_CHARACTERS_MAX;
    match ids.iter().find(|id| !fits(id)) {
        Some(id) => {
            Err(Error::constraint("clientID", format_args!("'{id}'"), "Member must have length between 1 and 255"))
        }
        None => Ok(()),
    }
}

fn check_thumbprints(thumbprints: &[String]) -> Result<(), Error> {
    if thumbprints.len() > limits::OPENID_THUMBPRINTS_MAX {
        return Err(Error::InvalidInput("Thumbprint list must contain fewer than 5 entries.".into()));
    }
    let fits = |text: &&String| text.len() == limits::THUMBPRINT_CHARACTERS;
    match thumbprints.iter().find(|text| !fits(text)) {
        Some(text) => {
            let constraint = "Member must have length less than or equal to 40";
            Err(Error::constraint("thumbprintList", format_args!("'{text}'"), constraint))
        }
        None => Ok(()),
    }
}

pub async fn create(_: Arc<Identity>, cx: Cx, input: CreateInput) -> Result<CreateOutput, Error> {
    check_url(&input.url)?;
    check_clients(&input.client_ids)?;
    check_thumbprints(&input.thumbprints)?;
    let tags = check::tags(&input.tags)?;
    let told = CreateOutput { arn: arn(&cx, &input.url).to_string(), tags: tag_list(&tags) };
    let new = OpenIdProvider {
        url: input.url,
        client_ids: input.client_ids,
        thumbprints: input.thumbprints,
        created: cx.now(),
        tags,
    };
    cx.db().write(move |tx| providers::create(tx, &new)).await?;
    Ok(told)
}

pub async fn get(_: Arc<Identity>, cx: Cx, input: Input) -> Result<GetOutput, Error> {
    let found = providers::find(&cx.db().read()?, cx.account(), &input.arn)?;
    Ok(GetOutput {
        url: found.name().to_owned(),
        tags: tag_list(&found.tags),
        client_ids: found.client_ids,
        thumbprints: found.thumbprints,
        create_date: found.created.into(),
    })
}

pub async fn list(_: Arc<Identity>, cx: Cx, _: NoInput) -> Result<ListOutput, Error> {
    let all = providers::all(&cx.db().read()?)?;
    let listed = |provider: &OpenIdProvider| Listed { arn: arn(&cx, &provider.url).to_string() };
    Ok(ListOutput { providers: all.iter().map(listed).collect() })
}

pub async fn delete(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let account = cx.account().clone();
    cx.db().write(move |tx| providers::delete(tx, &account, &input.arn)).await?;
    Ok(Empty {})
}

async fn change(
    cx: &Cx,
    arn: String,
    set: impl Fn(&mut OpenIdProvider) -> Result<(), Error> + Send + 'static,
) -> Result<Empty, Error> {
    let account = cx.account().clone();
    cx.db().write(move |tx| providers::change(tx, &account, &arn, &set)).await?;
    Ok(Empty {})
}

/// Adding one that is there already changes nothing.
pub async fn add_client(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let id = input.client_id;
    let add = move |provider: &mut OpenIdProvider| {
        if !provider.client_ids.contains(&id) {
            provider.client_ids.push(id.clone());
        }
        check_clients(&provider.client_ids)
    };
    change(&cx, input.arn, add).await
}

pub async fn remove_client(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    let id = input.client_id;
    let remove = move |provider: &mut OpenIdProvider| {
        provider.client_ids.retain(|own| *own != id);
        Ok(())
    };
    change(&cx, input.arn, remove).await
}

pub async fn set_thumbprints(_: Arc<Identity>, cx: Cx, input: Input) -> Result<Empty, Error> {
    check_thumbprints(&input.thumbprints)?;
    let thumbprints = input.thumbprints;
    let set = move |provider: &mut OpenIdProvider| {
        provider.thumbprints.clone_from(&thumbprints);
        Ok(())
    };
    change(&cx, input.arn, set).await
}
