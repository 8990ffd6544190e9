//! Providers of OpenID Connect: finding, keeping and removing them.

use base::{AccountId, Arn};
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::OPENID_PROVIDERS;
use crate::limits::OPENID_PROVIDERS_MAX;
use crate::types::{OpenIdProvider, Tags};

/// The ARN of the provider with this name.
pub fn arn(account: &AccountId, name: &str) -> Arn {
    Arn::global("iam", account, format!("oidc-provider/{name}"))
}

/// By its name: see [`OpenIdProvider::name_of`].
pub fn by_name(read: &impl Read, name: &str) -> Result<Option<OpenIdProvider>, Error> {
    Ok(OPENID_PROVIDERS.get(read, name)?)
}

pub fn find(read: &impl Read, account: &AccountId, text: &str) -> Result<OpenIdProvider, Error> {
    let not_found = || Error::NoSuchEntity(format!("OpenIDConnect Provider not found for arn {text}"));
    let parsed: Arn = text.parse().map_err(|_| Error::Validation(format!("{text} is invalid")))?;
    let name = parsed.resource.strip_prefix("oidc-provider/").ok_or_else(not_found)?;
    by_name(read, name)?.filter(|_| arn(account, name) == parsed).ok_or_else(not_found)
}

pub fn all(read: &impl Read) -> Result<Vec<OpenIdProvider>, Error> {
    Ok(OPENID_PROVIDERS.scan(read, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

pub fn create(tx: &mut Tx, provider: &OpenIdProvider) -> Result<(), Error> {
    if OPENID_PROVIDERS.contains(&*tx, provider.name())? {
        let told = format!("Provider with url {} already exists.", provider.url);
        return Err(Error::EntityAlreadyExists(told));
    }
    if all(&*tx)?.len() >= OPENID_PROVIDERS_MAX {
        return Err(Error::LimitExceeded { quota: "OpenIdConnectProvidersPerAccount", limit: OPENID_PROVIDERS_MAX });
    }
    put(tx, provider)
}

pub fn put(tx: &mut Tx, provider: &OpenIdProvider) -> Result<(), Error> {
    Ok(OPENID_PROVIDERS.put(tx, provider.name(), provider)?)
}

/// Changes a provider, if `change` does not refuse.
pub fn change(
    tx: &mut Tx,
    account: &AccountId,
    arn: &str,
    change: impl FnOnce(&mut OpenIdProvider) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut provider = find(&*tx, account, arn)?;
    change(&mut provider)?;
    put(tx, &provider)
}

/// Changes the tags of the provider with this name.
pub fn change_tags(tx: &mut Tx, name: &str, change: impl FnOnce(&mut Tags) -> Result<(), Error>) -> Result<(), Error> {
    let gone = || Error::NoSuchEntity(format!("OpenIDConnect Provider not found for {name}"));
    let mut provider = by_name(&*tx, name)?.ok_or_else(gone)?;
    change(&mut provider.tags)?;
    put(tx, &provider)
}

/// Removes a provider, which need not be there.
pub fn delete(tx: &mut Tx, account: &AccountId, arn: &str) -> Result<(), Error> {
    match find(&*tx, account, arn) {
        Ok(provider) => Ok(OPENID_PROVIDERS.delete(tx, provider.name())?),
        Err(Error::NoSuchEntity(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
