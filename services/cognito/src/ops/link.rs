//! AdminLinkProviderForUser, AdminDisableProviderForUser.

use std::sync::Arc;

use serde::Deserialize;
use service::{Constraints, Cx};

use super::{Empty, find_pool, of_pool};
use crate::Cognito;
use crate::error::Error;
use crate::model::{grant, provider as providers, user as users};
use crate::types::{Pool, User};

/// What the pool itself is called among providers.
const OWN: &str = "Cognito";
/// What a user is known by at a provider.
const SUBJECT: &str = "Cognito_Subject";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LinkInput {
    pub user_pool_id: String,
    pub destination_user: ProviderUser,
    pub source_user: ProviderUser,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DisableInput {
    pub user_pool_id: String,
    pub user: ProviderUser,
}
of_pool!(LinkInput, DisableInput);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProviderUser {
    pub provider_name: Option<String>,
    pub provider_attribute_name: Option<String>,
    pub provider_attribute_value: Option<String>,
}

impl ProviderUser {
    /// The provider, and what it knows the user by.
    fn read(&self, member: &str) -> Result<(&str, &str), Error> {
        let mut constraints = Constraints::default();
        let value = self.provider_attribute_value.as_deref().filter(|value| !value.is_empty());
        constraints.required(self.provider_name.as_deref(), &format!("{member}.providerName"));
        constraints.required(value, &format!("{member}.providerAttributeValue"));
        constraints.check()?;
        Ok((self.provider_name.as_deref().unwrap_or_default(), value.unwrap_or_default()))
    }

    fn check_subject(&self) -> Result<(), Error> {
        match self.provider_attribute_name.as_deref() {
            None | Some("" | SUBJECT) => Ok(()),
            Some(other) => Err(Error::NotImplemented(format!("Linking by the attribute {other} (only {SUBJECT})"))),
        }
    }
}

/// The user of the pool whom a provider, or the pool itself, knows by this.
fn find_user(cx: &Cx, pool: &Pool, provider: &str, value: &str) -> Result<User, Error> {
    let read = cx.db().read()?;
    if provider == OWN {
        return users::get(&read, pool, value);
    }
    if let Some(user) = providers::linked(&read, &pool.id, provider, value)? {
        return Ok(user);
    }
    users::by_key(&read, &pool.id, &users::fold(pool, &providers::user_name(provider, value)))
}

pub async fn link(_: Arc<Cognito>, cx: Cx, input: LinkInput) -> Result<Empty, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let (provider, value) = input.destination_user.read("destinationUser")?;
    let user = find_user(&cx, &pool, provider, value)?;
    let (provider, subject) = input.source_user.read("sourceUser")?;
    input.source_user.check_subject()?;
    let (provider, subject, now) = (provider.to_owned(), subject.to_owned(), cx.now());
    let put = move |tx: &mut kv::Tx| {
        let found = providers::find(tx, &pool.id, &provider)?;
        let told = || Error::parameter(format!("The provider {provider} does not exist for User Pool {}.", pool.id));
        providers::link(tx, &pool, &user.key, &found.ok_or_else(told)?, &subject, now)
    };
    cx.db().write(put).await?;
    Ok(Empty {})
}

/// Takes a linked account away. Who has no link keeps the account here, and cannot sign in with it: neither with a password nor with a
/// provider.
pub async fn disable(_: Arc<Cognito>, cx: Cx, input: DisableInput) -> Result<Empty, Error> {
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let (provider, value) = input.user.read("user")?;
    if provider != OWN {
        input.user.check_subject()?;
    }
    let user = find_user(&cx, &pool, provider, value)?;
    let (provider, subject, now) = (provider.to_owned(), value.to_owned(), cx.now());
    let change = move |tx: &mut kv::Tx| {
        if provider != OWN && providers::unlink(tx, &pool, &provider, &subject, now)? {
            return Ok(());
        }
        let changed = users::change(tx, &pool, &user.key, |user| {
            match provider == OWN {
                true => user.password = None,
                false => user.enabled = false,
            }
            // A code that is on its way would bring the password back.
            user.codes.clear();
            (user.signed_out, user.modified) = (Some(now), now);
            Ok(user.clone())
        })?;
        grant::revoke_all(tx, &changed)
    };
    cx.db().write(change).await?;
    Ok(Empty {})
}
