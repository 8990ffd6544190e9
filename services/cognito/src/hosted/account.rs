//! The pages on which somebody makes an account, confirms it, and gets a new password. They say the same whether or not there is an
//! account, where a stranger could ask.

use super::authorize::Asked;
use super::html::Notice;
use super::pages::Page;
use super::reply::{Halt, Reply, redirect};
use super::sign_in::{by_password, failure, go_on, login, no_password};
use super::visit::Visit;
use crate::error::Error;
use crate::ops::{Metadata, password, secret_hash, sign_up};
use crate::schema::Attribute;

/// `GET /signup`.
pub fn sign_up_page(visit: &Visit) -> Result<Reply, Halt> {
    let asked = Asked::read(visit)?;
    Ok(Page { visit, asked: &asked }.sign_up(&Notice::None, &|_| String::new()))
}

/// `POST /signup`.
pub async fn sign_up(visit: &Visit) -> Result<Reply, Halt> {
    visit.check_form()?;
    let asked = Asked::read(visit)?;
    if !asked.is_local() {
        return no_password(visit, &asked);
    }
    let page = Page { visit, asked: &asked };
    let (name, text) = (visit.form.text("username").trim(), visit.form.text("password"));
    let attribute = |(name, value): (&str, &str)| Attribute { name: name.to_owned(), value: value.to_owned() };
    let input = sign_up::SignUpInput {
        client_id: asked.client.id.clone(),
        secret_hash: secret_hash(&visit.cognito, &asked.client, name)?,
        username: name.to_owned(),
        password: Some(text.to_owned()),
        user_attributes: visit.form.below("attribute.").map(attribute).collect(),
        validation_data: Vec::new(),
        client_metadata: Metadata::new(),
    };
    let made = match sign_up::sign_up(visit.cognito.clone(), visit.cx.clone(), input).await {
        Ok(made) => made,
        Err(error) => return Ok(page.sign_up(&failure(error)?, &|name| visit.form.text(name).to_owned())),
    };
    if made.user_confirmed {
        return match by_password(visit, &asked, name, text).await {
            Ok(answer) => go_on(visit, &asked, answer).await,
            Err(error) => login(visit, &asked, &failure(error)?, name),
        };
    }
    let notice = match made.code_delivery_details {
        Some(sent) => format!("We sent a code to {}.", sent.destination),
        None => "An administrator has to confirm your account before you can sign in.".to_owned(),
    };
    Ok(page.confirm(&Notice::Told(notice), name))
}

/// `GET /confirm`.
pub fn confirm_page(visit: &Visit) -> Result<Reply, Halt> {
    let asked = Asked::read(visit)?;
    Ok(Page { visit, asked: &asked }.confirm(&Notice::None, visit.query.text("username")))
}

/// `POST /confirm`.
pub async fn confirm(visit: &Visit) -> Result<Reply, Halt> {
    visit.check_form()?;
    let asked = Asked::read(visit)?;
    if !asked.is_local() {
        return no_password(visit, &asked);
    }
    let name = visit.form.text("username").trim();
    let input = sign_up::ConfirmInput {
        client_id: asked.client.id.clone(),
        secret_hash: secret_hash(&visit.cognito, &asked.client, name)?,
        username: name.to_owned(),
        confirmation_code: code(visit),
        force_alias_creation: false,
        client_metadata: Metadata::new(),
    };
    match sign_up::confirm(visit.cognito.clone(), visit.cx.clone(), input).await {
        Ok(_) => Ok(to_sign_in(visit, &asked, "confirmed")),
        Err(Error::NotAuthorized(_)) => Ok(Page { visit, asked: &asked }.confirm(&failure(Error::ExpiredCode)?, name)),
        Err(error) => Ok(Page { visit, asked: &asked }.confirm(&failure(of_code(&asked, error))?, name)),
    }
}

fn code(visit: &Visit) -> String {
    visit.form.text("code").chars().filter(|c| !c.is_whitespace()).collect()
}

/// What is told of a code that was not taken. Only who has an account can have one that is wrong: where the client hides that, the
/// code is an old one, whoever sends it.
fn of_code(asked: &Asked, error: Error) -> Error {
    match error {
        Error::UserNotFound => Error::ExpiredCode,
        Error::CodeMismatch | Error::LimitExceeded if asked.client.settings.hides_users => Error::ExpiredCode,
        error => error,
    }
}

/// The page to sign in on, which says what has been done: loaded anew, it does nothing again.
fn to_sign_in(visit: &Visit, asked: &Asked, notice: &str) -> Reply {
    redirect(&format!("{}/login?{}&notice={notice}", visit.root, asked.query))
}

/// `POST /resendcode`.
pub async fn resend(visit: &Visit) -> Result<Reply, Halt> {
    visit.check_form()?;
    let asked = Asked::read(visit)?;
    if !asked.is_local() {
        return no_password(visit, &asked);
    }
    let name = visit.form.text("username").trim();
    let input = sign_up::ResendInput {
        client_id: asked.client.id.clone(),
        secret_hash: secret_hash(&visit.cognito, &asked.client, name)?,
        username: name.to_owned(),
        client_metadata: Metadata::new(),
    };
    let sent = sign_up::resend(visit.cognito.clone(), visit.cx.clone(), input).await.map(drop);
    let told = "If your account waits for a code, a new one is on its way. We send only a few in an hour.";
    let notice = unless_known(sent, told)?;
    Ok(Page { visit, asked: &asked }.confirm(&notice, name))
}

/// What is told of something that was sent, or not sent for a reason that would tell who has an account.
fn unless_known(sent: Result<(), Error>, told: &str) -> Result<Notice, Halt> {
    match sent {
        Ok(())
        | Err(Error::UserNotFound | Error::InvalidParameter(_) | Error::NotAuthorized(_) | Error::LimitExceeded) => {
            Ok(Notice::Told(told.into()))
        }
        Err(error) => failure(error),
    }
}

/// `GET /forgotPassword`.
pub fn forgot_page(visit: &Visit) -> Result<Reply, Halt> {
    let asked = Asked::read(visit)?;
    Ok(Page { visit, asked: &asked }.forgot(&Notice::None, ""))
}

/// `POST /forgotPassword`.
pub async fn forgot(visit: &Visit) -> Result<Reply, Halt> {
    visit.check_form()?;
    let asked = Asked::read(visit)?;
    if !asked.is_local() {
        return no_password(visit, &asked);
    }
    let page = Page { visit, asked: &asked };
    let name = visit.form.text("username").trim();
    let input = password::ForgotInput {
        client_id: asked.client.id.clone(),
        secret_hash: secret_hash(&visit.cognito, &asked.client, name)?,
        username: name.to_owned(),
        client_metadata: Metadata::new(),
    };
    let sent = password::forgot(visit.cognito.clone(), visit.cx.clone(), input).await.map(drop);
    let told = "If there is an account with this name and a verified address, a code is on its way to it. We send only a \
                few in an hour.";
    match unless_known(sent, told)? {
        failed @ Notice::Failed(_) => Ok(page.forgot(&failed, name)),
        notice => Ok(page.reset(&notice, name)),
    }
}

/// `GET /confirmForgotPassword`.
pub fn reset_page(visit: &Visit) -> Result<Reply, Halt> {
    let asked = Asked::read(visit)?;
    let page = Page { visit, asked: &asked };
    match visit.query.text("username") {
        "" => Ok(page.forgot(&Notice::None, "")),
        name => Ok(page.reset(&Notice::None, name)),
    }
}

/// `POST /confirmForgotPassword`.
pub async fn reset(visit: &Visit) -> Result<Reply, Halt> {
    visit.check_form()?;
    let asked = Asked::read(visit)?;
    if !asked.is_local() {
        return no_password(visit, &asked);
    }
    let name = visit.form.text("username").trim();
    let input = password::ConfirmForgotInput {
        client_id: asked.client.id.clone(),
        secret_hash: secret_hash(&visit.cognito, &asked.client, name)?,
        username: name.to_owned(),
        confirmation_code: code(visit),
        password: visit.form.text("password").to_owned(),
        client_metadata: Metadata::new(),
    };
    match password::confirm_forgot(visit.cognito.clone(), visit.cx.clone(), input).await {
        Ok(_) => Ok(to_sign_in(visit, &asked, "reset")),
        Err(error) => Ok(Page { visit, asked: &asked }.reset(&failure(of_code(&asked, error))?, name)),
    }
}
