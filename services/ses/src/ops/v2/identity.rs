//! CreateEmailIdentity, GetEmailIdentity, DeleteEmailIdentity, ListEmailIdentities, and what can be set on one.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, outbox};
use wire::DateTime;

use super::super::{Empty, PageInput, Tag, checked_tags, dkim_tokens, new_identity, shown_tags};
use crate::Ses;
use crate::error::Error;
use crate::keys::IDENTITIES;
use crate::model::{configuration_set, identity};
use crate::types::{Dkim, Identity, MailFrom, Verification};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateInput {
    pub email_identity: String,
    tags: Vec<Tag>,
    dkim_signing_attributes: Option<SigningAttributes>,
    configuration_set_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SigningAttributes {
    domain_signing_selector: Option<String>,
    domain_signing_private_key: Option<String>,
    next_signing_key_length: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateOutput {
    identity_type: &'static str,
    verified_for_sending_status: bool,
    dkim_attributes: DkimOutput,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DkimOutput {
    signing_enabled: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<String>,
    signing_attributes_origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_signing_key_length: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_signing_key_length: Option<String>,
}

impl From<&Identity> for DkimOutput {
    fn from(identity: &Identity) -> DkimOutput {
        let Dkim { enabled, tokens, selector, key_length } = &identity.dkim;
        let length = Some(key_length.clone()).filter(|length| !length.is_empty() && selector.is_none());
        DkimOutput {
            signing_enabled: *enabled,
            status: dkim_status(identity),
            tokens: selector.clone().map_or_else(|| tokens.clone(), |selector| vec![selector]),
            signing_attributes_origin: if selector.is_some() { "EXTERNAL" } else { "AWS_SES" },
            next_signing_key_length: length.clone(),
            current_signing_key_length: length,
        }
    }
}

/// Of what has tokens: as of the identity itself.
fn dkim_status(identity: &Identity) -> &'static str {
    let Dkim { tokens, selector, .. } = &identity.dkim;
    if tokens.is_empty() && selector.is_none() { "NOT_STARTED" } else { status(identity.verification) }
}

fn status(verification: Verification) -> &'static str {
    match verification {
        Verification::Pending => "PENDING",
        Verification::Success => "SUCCESS",
        Verification::Failed => "FAILED",
    }
}

fn kind(identity: &Identity) -> &'static str {
    if identity.is_address() { "EMAIL_ADDRESS" } else { "DOMAIN" }
}

fn sign_with(dkim: &mut Dkim, attributes: SigningAttributes) -> Result<(), Error> {
    let is_length = |length: &String| ["RSA_1024_BIT", "RSA_2048_BIT"].contains(&length.as_str());
    match (attributes.domain_signing_selector, attributes.domain_signing_private_key) {
        (Some(selector), Some(_)) => dkim.selector = Some(selector),
        (None, None) => dkim.selector = None,
        _ => {
            return Err(Error::invalid(
                "DomainSigningSelector and DomainSigningPrivateKey must be specified together.",
            ));
        }
    }
    if let Some(length) = attributes.next_signing_key_length {
        if !is_length(&length) {
            return Err(Error::invalid(format!("Invalid NextSigningKeyLength: {length}.")));
        }
        dkim.key_length = length;
    }
    Ok(())
}

pub async fn create(ses: Arc<Ses>, cx: Cx, input: CreateInput) -> Result<CreateOutput, Error> {
    let (mut identity, request) = new_identity(&ses, &cx, &input.email_identity)?;
    identity.tags = checked_tags(input.tags)?;
    if let Some(attributes) = input.dkim_signing_attributes {
        if identity.is_address() {
            return Err(Error::invalid("DkimSigningAttributes are for domains alone."));
        }
        sign_with(&mut identity.dkim, attributes)?;
    }
    identity.configuration_set = input.configuration_set_name.filter(|name| !name.is_empty());
    let output = CreateOutput {
        identity_type: kind(&identity),
        verified_for_sending_status: identity.is_verified(),
        dkim_attributes: DkimOutput::from(&identity),
    };
    let (now, region, cx) = (cx.now(), cx.region().to_string(), cx.clone());
    cx.clone()
        .db()
        .write(move |tx| {
            if let Some(name) = &identity.configuration_set {
                configuration_set::find(tx, &region, name)?;
            }
            let token = request.as_ref().map_or("", |(token, _)| token);
            identity::create(tx, now, &region, &identity, token)?;
            match &request {
                Some((_, mail)) => Ok(outbox::send(tx, &cx, mail.clone(), None)?),
                None => Ok::<_, Error>(()),
            }
        })
        .await?;
    Ok(output)
}

/// A request that names nothing but an identity.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct IdentityInput {
    pub email_identity: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    identity_type: &'static str,
    feedback_forwarding_status: bool,
    verified_for_sending_status: bool,
    dkim_attributes: DkimOutput,
    mail_from_attributes: MailFromOutput,
    policies: BTreeMap<String, String>,
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_set_name: Option<String>,
    verification_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_info: Option<VerificationInfo>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MailFromOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    mail_from_domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mail_from_domain_status: Option<&'static str>,
    behavior_on_mx_failure: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct VerificationInfo {
    last_checked_timestamp: DateTime,
    last_success_timestamp: DateTime,
}

pub async fn get(_: Arc<Ses>, cx: Cx, input: IdentityInput) -> Result<GetOutput, Error> {
    let found = identity::find(&cx.db().read()?, cx.region().as_str(), &input.email_identity)?;
    let rejects = found.mail_from.as_ref().is_some_and(|mail_from| mail_from.rejects_on_failure);
    Ok(GetOutput {
        identity_type: kind(&found),
        feedback_forwarding_status: found.forwards_feedback,
        verified_for_sending_status: found.is_verified(),
        dkim_attributes: DkimOutput::from(&found),
        mail_from_attributes: MailFromOutput {
            mail_from_domain_status: found.mail_from.as_ref().map(|_| "SUCCESS"),
            mail_from_domain: found.mail_from.as_ref().map(|mail_from| mail_from.domain.clone()),
            behavior_on_mx_failure: if rejects { "REJECT_MESSAGE" } else { "USE_DEFAULT_VALUE" },
        },
        verification_status: status(found.verification),
        verification_info: found
            .verified
            .map(|at| VerificationInfo { last_checked_timestamp: at.into(), last_success_timestamp: at.into() }),
        policies: found.policies,
        tags: shown_tags(found.tags),
        configuration_set_name: found.configuration_set,
    })
}

pub async fn delete(_: Arc<Ses>, cx: Cx, input: IdentityInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| identity::delete(tx, &region, &input.email_identity)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    email_identities: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    identity_type: &'static str,
    identity_name: String,
    sending_enabled: bool,
    verification_status: &'static str,
}

pub async fn list(_: Arc<Ses>, cx: Cx, input: PageInput) -> Result<ListOutput, Error> {
    let (found, next_token) = input.of(&cx, &IDENTITIES)?;
    let listed = found.into_iter().map(|identity| Listed {
        identity_type: kind(&identity),
        sending_enabled: identity.is_verified(),
        verification_status: status(identity.verification),
        identity_name: identity.name,
    });
    Ok(ListOutput { email_identities: listed.collect(), next_token })
}

/// Changes an identity that has to be there.
pub async fn change(
    cx: &Cx,
    name: String,
    change: impl Fn(&mut Identity) -> Result<(), Error> + Send + Sync + 'static,
) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db().write(move |tx| identity::change(tx, &region, &name, &change)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DkimInput {
    pub email_identity: String,
    signing_enabled: bool,
}

pub async fn put_dkim(_: Arc<Ses>, cx: Cx, input: DkimInput) -> Result<Empty, Error> {
    let enabled = input.signing_enabled;
    change(&cx, input.email_identity, move |identity| {
        identity.dkim.enabled = enabled;
        Ok(())
    })
    .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SigningInput {
    pub email_identity: String,
    signing_attributes_origin: String,
    signing_attributes: Option<SigningAttributes>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SigningOutput {
    dkim_status: &'static str,
    dkim_tokens: Vec<String>,
}

pub async fn put_dkim_signing(_: Arc<Ses>, cx: Cx, input: SigningInput) -> Result<SigningOutput, Error> {
    let attributes = input.signing_attributes.unwrap_or_default();
    match (input.signing_attributes_origin.as_str(), &attributes.domain_signing_selector) {
        ("AWS_SES", None) | ("EXTERNAL", Some(_)) => {}
        ("AWS_SES" | "EXTERNAL", _) => {
            return Err(Error::invalid("SigningAttributes do not fit SigningAttributesOrigin."));
        }
        (other, _) => return Err(Error::invalid(format!("Invalid SigningAttributesOrigin: {other}."))),
    }
    let (region, name, tokens) = (cx.region().to_string(), input.email_identity.clone(), dkim_tokens(&cx));
    let set = move |identity: &mut Identity| {
        if identity.dkim.tokens.is_empty() {
            identity.dkim.tokens.clone_from(&tokens);
        }
        sign_with(&mut identity.dkim, attributes.clone())
    };
    cx.db().write(move |tx| identity::change(tx, &region, &name, &set)).await?;
    let found = identity::find(&cx.db().read()?, cx.region().as_str(), &input.email_identity)?;
    let shown = DkimOutput::from(&found);
    Ok(SigningOutput { dkim_status: shown.status, dkim_tokens: shown.tokens })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MailFromInput {
    pub email_identity: String,
    mail_from_domain: Option<String>,
    behavior_on_mx_failure: Option<String>,
}

pub async fn put_mail_from(_: Arc<Ses>, cx: Cx, input: MailFromInput) -> Result<Empty, Error> {
    let rejects_on_failure = match input.behavior_on_mx_failure.as_deref() {
        None | Some("USE_DEFAULT_VALUE") => false,
        Some("REJECT_MESSAGE") => true,
        Some(other) => return Err(Error::invalid(format!("Invalid BehaviorOnMxFailure: {other}."))),
    };
    let domain = input.mail_from_domain.filter(|domain| !domain.is_empty());
    change(&cx, input.email_identity, move |identity| set_mail_from(identity, domain.as_deref(), rejects_on_failure))
        .await
}

/// A MAIL FROM domain is one below the identity's own.
pub fn set_mail_from(identity: &mut Identity, domain: Option<&str>, rejects_on_failure: bool) -> Result<(), Error> {
    let own = identity.name.rsplit_once('@').map_or(identity.name.as_str(), |(_, domain)| domain);
    if let Some(domain) = domain.filter(|domain| !domain.to_ascii_lowercase().ends_with(&format!(".{own}"))) {
        return Err(Error::invalid(format!(
            "Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the identity <{own}>."
        )));
    }
    identity.mail_from = domain.map(|domain| MailFrom { domain: domain.to_owned(), rejects_on_failure });
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FeedbackInput {
    pub email_identity: String,
    email_forwarding_enabled: bool,
}

pub async fn put_feedback(_: Arc<Ses>, cx: Cx, input: FeedbackInput) -> Result<Empty, Error> {
    let forwards = input.email_forwarding_enabled;
    change(&cx, input.email_identity, move |identity| {
        identity.forwards_feedback = forwards;
        Ok(())
    })
    .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfigurationSetInput {
    pub email_identity: String,
    configuration_set_name: Option<String>,
}

pub async fn put_configuration_set(_: Arc<Ses>, cx: Cx, input: ConfigurationSetInput) -> Result<Empty, Error> {
    let (region, name) = (cx.region().to_string(), input.email_identity);
    let set = input.configuration_set_name.filter(|name| !name.is_empty());
    cx.db()
        .write(move |tx| {
            if let Some(set) = &set {
                configuration_set::find(tx, &region, set)?;
            }
            identity::change(tx, &region, &name, &|identity| {
                identity.configuration_set.clone_from(&set);
                Ok(())
            })
        })
        .await?;
    Ok(Empty {})
}
