//! Signing in on a page with a passkey: a name, and what the browser asks its user for. That page alone has a script, and no password is
//! typed on it.

use super::authorize::Asked;
use super::html::Notice;
use super::pages::Page;
use super::reply::{Halt, Reply};
use super::sign_in::{failure, go_on, login, sign_in};
use super::visit::Visit;
use crate::error::Error;
use crate::ops::check_name;
use crate::session::Challenge;
use crate::sign_in::passkey::relying_party;
use crate::sign_in::{Answer, Parameters};

pub const SCRIPT: &str = include_str!("passkey.js");

/// Whether the client's users may sign in with passkeys here.
pub fn is_offered(visit: &Visit, asked: &Asked) -> Result<bool, Error> {
    let is_allowed = visit.pool.settings.first_factors.iter().any(|factor| factor == "WEB_AUTHN")
        && asked.client.settings.allows(&["ALLOW_USER_AUTH"]);
    if !is_allowed || !asked.is_local() {
        return Ok(false);
    }
    match relying_party(&visit.cognito, &visit.cx.db().read()?, &visit.pool) {
        Ok(_) => Ok(true),
        Err(Error::WebAuthnConfigurationMissing) => Ok(false),
        Err(error) => Err(error),
    }
}

/// `GET /passkey`.
pub fn page(visit: &Visit) -> Result<Reply, Halt> {
    let asked = Asked::read(visit)?;
    Ok(Page { visit, asked: &asked }.passkey_name(visit.query.text("login_hint")))
}

/// `POST /passkey`.
pub async fn submit(visit: &Visit) -> Result<Reply, Halt> {
    visit.check_form()?;
    let asked = Asked::read(visit)?;
    let name = visit.form.text("username").trim();
    if !is_offered(visit, &asked)? {
        return login(visit, &asked, &Notice::Failed("The application has no sign-in with passkeys.".into()), name);
    }
    match begun(visit, &asked, name).await {
        Ok(answer @ Answer::Challenge { challenge: Challenge::WebAuthn, .. }) => go_on(visit, &asked, answer).await,
        Ok(_) | Err(Error::UserNotFound) => {
            let told = "No passkey can be used for this name. Sign in with your password.";
            login(visit, &asked, &Notice::Failed(told.into()), name)
        }
        Err(error) => login(visit, &asked, &failure(error)?, name),
    }
}

async fn begun(visit: &Visit, asked: &Asked, name: &str) -> Result<Answer, Error> {
    check_name(name, "username")?;
    let pairs = [("USERNAME", name), ("PREFERRED_CHALLENGE", Challenge::WebAuthn.word())];
    let parameters: Parameters = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    sign_in(visit, &asked.client).by_choice(&parameters).await
}
