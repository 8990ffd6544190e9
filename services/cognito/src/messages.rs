//! Mail to users: codes and invitations. It is written down, sealed, in the transaction that causes it, and sent by the outbox.

use std::sync::Arc;

use base::Timestamp;
use kv::Tx;
use mail::Mail;
use serde::Serialize;
use serde_json::{Value, json};
use service::{BoxFuture, Cx, Delivery, Error as ServiceError, Failure, Outcome, Sender, Target, backoff, outbox};

use crate::Cognito;
use crate::error::Error;
use crate::limits::{MAIL_PAUSE, MAIL_TIME, SUBJECT_CHARACTERS_MAX};
use crate::model::user::EMAIL;
use crate::ops::Metadata;
use crate::triggers::{self, Event};
use crate::types::{Pool, Template, User};

/// Where a code went, as answers say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CodeDeliveryDetails {
    pub destination: String,
    pub delivery_medium: &'static str,
    pub attribute_name: &'static str,
}

impl CodeDeliveryDetails {
    pub fn email(address: &str) -> CodeDeliveryDetails {
        CodeDeliveryDetails { destination: masked(address), delivery_medium: "EMAIL", attribute_name: EMAIL }
    }
}

/// An address of which only its owner knows all: `a***@e***`.
///
/// Source: CodeDeliveryDetailsType in the API's reference.
pub fn masked(address: &str) -> String {
    let first = |part: &str| part.chars().next().map(String::from).unwrap_or_default();
    let (user, domain) = address.split_once('@').unwrap_or((address, ""));
    format!("{}***@{}***", first(user), first(domain))
}

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    SignUp,
    ResendCode,
    ForgotPassword,
    AdminCreateUser,
    UpdateUserAttribute,
    VerifyUserAttribute,
    Authentication,
}

impl Occasion {
    /// Its name as functions know it.
    fn source(self) -> &'static str {
        match self {
            Occasion::SignUp => "CustomMessage_SignUp",
            Occasion::ResendCode => "CustomMessage_ResendCode",
            Occasion::ForgotPassword => "CustomMessage_ForgotPassword",
            Occasion::AdminCreateUser => "CustomMessage_AdminCreateUser",
            Occasion::UpdateUserAttribute => "CustomMessage_UpdateUserAttribute",
            Occasion::VerifyUserAttribute => "CustomMessage_VerifyUserAttribute",
            Occasion::Authentication => "CustomMessage_Authentication",
        }
    }

    fn template(self, pool: &Pool) -> Template {
        match self {
            Occasion::AdminCreateUser => pool.settings.invitation.clone(),
            Occasion::Authentication => pool.settings.email_mfa.clone().unwrap_or_default(),
            _ => pool.settings.verification.clone(),
        }
    }

    fn standard(self) -> (&'static str, &'static str) {
        match self {
            Occasion::AdminCreateUser => {
                ("Your temporary password", "Your username is {username} and temporary password is {####}.")
            }
            Occasion::ForgotPassword => ("Your verification code", "Your password reset code is {####}."),
            Occasion::Authentication => ("Your authentication code", "Your authentication code is {####}."),
            _ => ("Your verification code", "Your verification code is {####}."),
        }
    }
}

/// A mail on its way into a transaction.
#[derive(Clone)]
pub struct Letter(Delivery);

impl Letter {
    pub fn send(&self, tx: &mut Tx, cx: &Cx) -> Result<(), Error> {
        Ok(outbox::send(tx, cx, self.0.clone(), None)?)
    }
}

/// Writes a mail to `address` with a code or a password in it, as the pool's texts or its function want it.
#[allow(clippy::too_many_arguments, reason = "the parts of one letter")]
pub async fn write(
    cognito: &Cognito,
    cx: &Cx,
    pool: &Pool,
    client: Option<&str>,
    user: &User,
    address: &str,
    occasion: Occasion,
    secret: &str,
    metadata: &Metadata,
) -> Result<Letter, Error> {
    let template = customized(cx, pool, client, user, occasion, metadata).await?;
    let (subject, message) = occasion.standard();
    let fill = |text: String| text.replace("{####}", secret).replace("{username}", &user.name);
    let text = fill(template.message.unwrap_or_else(|| message.into()));
    let is_html = text.contains('<') && text.contains('>');
    let mail = Mail {
        id: cx.env().uuid(),
        sent: cx.now(),
        from: pool.settings.email.from.clone().unwrap_or_else(|| cognito.mailer.sender("Cognito")),
        to: vec![address.to_owned()],
        subject: template.subject.unwrap_or_else(|| subject.into()),
        html: is_html.then(|| text.clone()),
        text,
        ..Mail::default()
    };
    let mail = serde_json::to_vec(&mail).map_err(Error::internal)?;
    let sealed = cognito.vault.seal(&place(&pool.arn.to_string()), &mail)?;
    Ok(Letter(Delivery::new(cx, pool.arn.clone(), pool.arn.clone(), sealed)))
}

fn place(pool: &str) -> Vec<u8> {
    format!("cognito mail {pool}").into_bytes()
}

/// The texts that the pool's function gives, where it gives any, else those of the pool.
async fn customized(
    cx: &Cx,
    pool: &Pool,
    client: Option<&str>,
    user: &User,
    occasion: Occasion,
    metadata: &Metadata,
) -> Result<Template, Error> {
    let mut request: Value = triggers::about(user, metadata);
    request["codeParameter"] = json!("{####}");
    request["usernameParameter"] = json!(if occasion == Occasion::AdminCreateUser { Some("{username}") } else { None });
    let response = json!({"smsMessage": null, "emailMessage": null, "emailSubject": null});
    let event = Event { pool, client, user: &user.name, source: occasion.source(), request, response };
    let answer = triggers::ask(cx, "CustomMessage", event).await?.unwrap_or_default();
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let own = occasion.template(pool);
    let message = text("emailMessage").filter(|message| message.contains("{####}"));
    let subject = text("emailSubject").filter(|subject| subject.chars().count() <= SUBJECT_CHARACTERS_MAX);
    Ok(Template { subject: subject.or(own.subject), message: message.or(own.message) })
}

/// Brings mail to users: from a pool to itself.
pub struct Post(pub Arc<Cognito>);

impl Target for Post {
    fn deliver(&self, cx: Cx, delivery: Delivery) -> BoxFuture<Outcome> {
        let cognito = self.0.clone();
        Box::pin(async move {
            let mail = match opened(&cognito, &delivery) {
                Ok(mail) => mail,
                Err(error) => return Outcome::Failed((&ServiceError::from(error)).into()),
            };
            match cognito.mailer.send(cx.db(), mail).await {
                Ok(()) => Outcome::Delivered,
                Err(error) => Outcome::Failed(Failure::new("MailFailed", error.to_string(), error.may_pass())),
            }
        })
    }
}

/// # Errors
/// When it is nothing that Cognito sent itself.
fn opened(cognito: &Cognito, delivery: &Delivery) -> Result<Mail, Error> {
    let mail = cognito.vault.open(&place(&delivery.from.to_string()), &delivery.event)?;
    serde_json::from_slice(&mail).map_err(Error::internal)
}

/// Says when mail is tried again.
pub struct PostOffice;

impl Sender for PostOffice {
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, _: &Failure) -> Option<Timestamp> {
        let pause = backoff(delivery.attempts, cx.env().random_u64(), *MAIL_PAUSE.start(), *MAIL_PAUSE.end());
        let at = cx.env().now() + pause;
        (at.since(delivery.accepted) <= MAIL_TIME).then_some(at)
    }

    fn undelivered(&self, _: &Cx, _: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), ServiceError> {
        let (pool, reason) = (&delivery.from, &failure.message);
        tracing::warn!(%pool, code = failure.code, reason, "a mail to a user was not delivered");
        Ok(())
    }
}
