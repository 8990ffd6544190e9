//! VerifyEmailIdentity, VerifyEmailAddress, VerifyDomainIdentity, VerifyDomainDkim, DeleteIdentity, ListIdentities and what is
//! told of identities and set on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, outbox};

use super::super::{Empty, check_identity, dkim_tokens, new_identity, page, v2};
use crate::error::{Error, OfV1};
use crate::keys::IDENTITIES;
use crate::model::identity;
use crate::ops::v2::identity::set_mail_from;
use crate::types::{Identity, Verification};
use crate::{Ses, limits};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AddressInput {
    pub email_address: String,
}

pub async fn verify_email(ses: Arc<Ses>, cx: Cx, input: AddressInput) -> Result<Empty, OfV1> {
    if !input.email_address.contains('@') {
        return Err(Error::invalid(format!("Invalid email address<{}>.", input.email_address)).into());
    }
    verify(&ses, &cx, &input.email_address).await?;
    Ok(Empty {})
}

/// The oldest of the operations: it answers nothing.
pub async fn verify_address(ses: Arc<Ses>, cx: Cx, input: AddressInput) -> Result<(), OfV1> {
    verify_email(ses, cx, input).await.map(drop)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DomainInput {
    pub domain: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DomainOutput {
    verification_token: String,
}

pub async fn verify_domain(ses: Arc<Ses>, cx: Cx, input: DomainInput) -> Result<DomainOutput, OfV1> {
    if input.domain.contains('@') {
        return Err(Error::invalid(format!("Invalid domain name {}.", input.domain)).into());
    }
    let identity = verify(&ses, &cx, &input.domain).await?;
    Ok(DomainOutput { verification_token: identity.token })
}

/// Makes an identity, or asks once more for one that is there and not verified.
async fn verify(ses: &Ses, cx: &Cx, name: &str) -> Result<Identity, Error> {
    let (identity, request) = new_identity(ses, cx, name)?;
    let (now, region, cx) = (cx.now(), cx.region().to_string(), cx.clone());
    cx.clone()
        .db()
        .write(move |tx| {
            let token = request.as_ref().map_or("", |(token, _)| token);
            let made = match IDENTITIES.get(tx, (&*region, &*identity.name))? {
                Some(found) if found.is_verified() => return Ok(found),
                Some(found) => {
                    let again = Identity { verification: identity.verification, verified: identity.verified, ..found };
                    identity::put(tx, &region, &again)?;
                    if !again.is_verified() {
                        identity::await_link(tx, now, &region, &again.name, token)?;
                    }
                    again
                }
                None => {
                    identity::create(tx, now, &region, &identity, token)?;
                    identity.clone()
                }
            };
            if let Some((_, mail)) = &request {
                outbox::send(tx, &cx, mail.clone(), None)?;
            }
            Ok::<_, Error>(made)
        })
        .await
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TokensOutput {
    dkim_tokens: Vec<String>,
}

pub async fn verify_dkim(ses: Arc<Ses>, cx: Cx, input: DomainInput) -> Result<TokensOutput, OfV1> {
    let domain = verify_domain_or_find(&ses, &cx, &input.domain).await?;
    Ok(TokensOutput { dkim_tokens: domain.dkim.tokens })
}

/// A domain gets its tokens whether it was an identity before or not, as on AWS.
async fn verify_domain_or_find(ses: &Ses, cx: &Cx, domain: &str) -> Result<Identity, Error> {
    if domain.contains('@') {
        return Err(Error::invalid(format!("Invalid domain name {domain}.")));
    }
    let found = verify(ses, cx, domain).await?;
    if !found.dkim.tokens.is_empty() {
        return Ok(found);
    }
    let (region, name, tokens) = (cx.region().to_string(), found.name.clone(), dkim_tokens(cx));
    let set = move |identity: &mut Identity| {
        identity.dkim.tokens.clone_from(&tokens);
        Ok(())
    };
    cx.db().write(move |tx| identity::change(tx, &region, &name, &set)).await?;
    identity::find(&cx.db().read()?, cx.region().as_str(), &found.name)
}

/// A request that names nothing but an identity.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IdentityInput {
    pub identity: String,
}

/// What is not there is deleted, too.
async fn delete_named(cx: &Cx, name: String) -> Result<(), Error> {
    check_identity(&name)?;
    let region = cx.region().to_string();
    match cx.db().write(move |tx| identity::delete(tx, &region, &name)).await {
        Ok(()) | Err(Error::NoIdentity(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

pub async fn delete(_: Arc<Ses>, cx: Cx, input: IdentityInput) -> Result<Empty, OfV1> {
    delete_named(&cx, input.identity).await?;
    Ok(Empty {})
}

pub async fn delete_address(_: Arc<Ses>, cx: Cx, input: AddressInput) -> Result<(), OfV1> {
    Ok(delete_named(&cx, input.email_address).await?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    identity_type: Option<String>,
    next_token: Option<String>,
    max_items: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    identities: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub async fn list(_: Arc<Ses>, cx: Cx, input: ListInput) -> Result<ListOutput, OfV1> {
    let wanted = match input.identity_type.as_deref() {
        None | Some("") => None,
        Some("EmailAddress") => Some(true),
        Some("Domain") => Some(false),
        Some(other) => return Err(Error::invalid(format!("Invalid IdentityType: {other}.")).into()),
    };
    let is_wanted = |identity: &Identity| wanted.is_none_or(|addresses| identity.is_address() == addresses);
    let (token, items) = (input.next_token.as_deref(), input.max_items);
    let (found, next_token) = page(&IDENTITIES, &cx.db().read()?, cx.region().as_str(), token, items, is_wanted)?;
    Ok(ListOutput { identities: found.into_iter().map(|identity| identity.name).collect(), next_token })
}

#[derive(Debug, Default, Deserialize)]
pub struct NoInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddressesOutput {
    verified_email_addresses: Vec<String>,
}

pub async fn list_addresses(_: Arc<Ses>, cx: Cx, _: NoInput) -> Result<AddressesOutput, OfV1> {
    let is_wanted = |identity: &Identity| identity.is_address() && identity.is_verified();
    let read = cx.db().read()?;
    let (found, _) =
        crate::model::page(&IDENTITIES, &read, cx.region().as_str(), None, limits::IDENTITIES_MAX, is_wanted)?;
    Ok(AddressesOutput { verified_email_addresses: found.into_iter().map(|(name, _)| name).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IdentitiesInput {
    identities: Vec<String>,
}

impl IdentitiesInput {
    /// What is to be told of those that are there, under the names by which they were asked for.
    pub fn told<T>(&self, cx: &Cx, tell: impl Fn(&Identity) -> T) -> Result<BTreeMap<String, T>, Error> {
        let read = cx.db().read()?;
        let mut told = BTreeMap::new();
        for name in &self.identities {
            match identity::find(&read, cx.region().as_str(), name) {
                Ok(found) => {
                    told.insert(name.clone(), tell(&found));
                }
                Err(Error::NoIdentity(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(told)
    }
}

fn status(verification: Verification) -> &'static str {
    match verification {
        Verification::Pending => "Pending",
        Verification::Success => "Success",
        Verification::Failed => "Failed",
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerificationOutput {
    verification_attributes: BTreeMap<String, VerificationAttributes>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct VerificationAttributes {
    verification_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_token: Option<String>,
}

pub async fn verification(_: Arc<Ses>, cx: Cx, input: IdentitiesInput) -> Result<VerificationOutput, OfV1> {
    let told = input.told(&cx, |found| VerificationAttributes {
        verification_status: status(found.verification),
        verification_token: (!found.is_address()).then(|| found.token.clone()),
    })?;
    Ok(VerificationOutput { verification_attributes: told })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DkimOutput {
    dkim_attributes: BTreeMap<String, DkimAttributes>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DkimAttributes {
    dkim_enabled: bool,
    dkim_verification_status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dkim_tokens: Vec<String>,
}

pub async fn dkim(_: Arc<Ses>, cx: Cx, input: IdentitiesInput) -> Result<DkimOutput, OfV1> {
    let told = input.told(&cx, |found| DkimAttributes {
        dkim_enabled: found.dkim.enabled,
        dkim_verification_status: match found.dkim.tokens.is_empty() {
            true => "NotStarted",
            false => status(found.verification),
        },
        dkim_tokens: found.dkim.tokens.clone(),
    })?;
    Ok(DkimOutput { dkim_attributes: told })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DkimInput {
    pub identity: String,
    dkim_enabled: bool,
}

/// Changes an identity that has to be there, in the words of version 1 where it is not.
pub async fn change(
    cx: &Cx,
    name: String,
    change: impl Fn(&mut Identity) -> Result<(), Error> + Send + Sync + 'static,
) -> Result<Empty, Error> {
    v2::identity::change(cx, name, change).await.map_err(|error| match error {
        Error::NoIdentity(name) => Error::invalid(format!("Identity <{name}> does not exist.")),
        error => error,
    })
}

pub async fn set_dkim(_: Arc<Ses>, cx: Cx, input: DkimInput) -> Result<Empty, OfV1> {
    let enabled = input.dkim_enabled;
    let set = move |identity: &mut Identity| {
        identity.dkim.enabled = enabled;
        Ok(())
    };
    Ok(change(&cx, input.identity, set).await?)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MailFromOutput {
    mail_from_domain_attributes: BTreeMap<String, MailFromAttributes>,
}

#[derive(Debug, Serialize)]
struct MailFromAttributes {
    #[serde(rename = "MailFromDomain", skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    #[serde(rename = "MailFromDomainStatus", skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(rename = "BehaviorOnMXFailure")]
    on_failure: &'static str,
}

pub async fn mail_from(_: Arc<Ses>, cx: Cx, input: IdentitiesInput) -> Result<MailFromOutput, OfV1> {
    let told = input.told(&cx, |found| {
        let rejects = found.mail_from.as_ref().is_some_and(|mail_from| mail_from.rejects_on_failure);
        MailFromAttributes {
            domain: found.mail_from.as_ref().map(|mail_from| mail_from.domain.clone()),
            status: found.mail_from.as_ref().map(|_| "Success"),
            on_failure: if rejects { "RejectMessage" } else { "UseDefaultValue" },
        }
    })?;
    Ok(MailFromOutput { mail_from_domain_attributes: told })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MailFromInput {
    #[serde(rename = "Identity")]
    pub identity: String,
    #[serde(rename = "MailFromDomain")]
    domain: Option<String>,
    #[serde(rename = "BehaviorOnMXFailure")]
    on_failure: Option<String>,
}

pub async fn put_mail_from(_: Arc<Ses>, cx: Cx, input: MailFromInput) -> Result<Empty, OfV1> {
    let rejects = match input.on_failure.as_deref() {
        None | Some("UseDefaultValue") => false,
        Some("RejectMessage") => true,
        Some(other) => return Err(Error::invalid(format!("Invalid BehaviorOnMXFailure: {other}.")).into()),
    };
    let domain = input.domain.filter(|domain| !domain.is_empty());
    Ok(change(&cx, input.identity, move |identity| set_mail_from(identity, domain.as_deref(), rejects)).await?)
}
