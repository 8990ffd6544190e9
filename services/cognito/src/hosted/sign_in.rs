//! The pages on which somebody signs in: a name and a password, and what is asked further.

use std::collections::BTreeMap;

use super::authorize::Asked;
use super::federation;
use super::html::Notice;
use super::page_session::PageSession;
use super::pages::{Page, Step, shown, shown_again};
use super::passkey;
use super::reply::{Halt, Reply};
use super::visit::Visit;
use crate::error::Error;
use crate::ops::{Metadata, check_name, mfa};
use crate::session::{Challenge, Session};
use crate::sign_in::{Answer, Goal, Parameters, SignIn};
use crate::types::{Client, User};

pub fn sign_in(visit: &Visit, client: &Client) -> SignIn {
    let (cognito, cx, pool) = (visit.cognito.clone(), visit.cx.clone(), visit.pool.clone());
    SignIn { cognito, cx, pool, client: client.clone(), metadata: Metadata::new(), goal: Goal::Page, device: None }
}

/// What a page says of an error that the user can do something about; other errors end the request.
pub fn failure(error: Error) -> Result<Notice, Halt> {
    let told = match error {
        Error::UserNotFound => Error::wrong_password().to_string(),
        Error::Vault(_) | Error::Store(_) | Error::Other(_) | Error::NotImplemented(_) => return Err(error.into()),
        error => error.to_string(),
    };
    Ok(Notice::Failed(told))
}

/// `GET /login`. Who is signed in, `/oauth2/authorize` does not send here.
pub fn page(visit: &Visit) -> Result<Reply, Halt> {
    let asked = Asked::read(visit)?;
    let notice = match visit.query.text("notice") {
        "confirmed" => Notice::Told("Your account is confirmed. You can sign in now.".into()),
        "reset" => Notice::Told("Your password is changed. You can sign in with it now.".into()),
        _ => Notice::None,
    };
    login(visit, &asked, &notice, visit.query.text("login_hint"))
}

/// The page to sign in on, with all ways that the client offers.
pub fn login(visit: &Visit, asked: &Asked, notice: &Notice, username: &str) -> Result<Reply, Halt> {
    let (providers, passkeys) = (federation::offered(visit, asked)?, passkey::is_offered(visit, asked)?);
    Ok(Page { visit, asked }.sign_in(notice, username, &providers, passkeys))
}

/// What a form about passwords leads to where the client takes none.
pub fn no_password(visit: &Visit, asked: &Asked) -> Result<Reply, Halt> {
    login(visit, asked, &Notice::Failed("The application has no sign-in with a password.".into()), "")
}

/// `POST /login`.
pub async fn submit(visit: &Visit) -> Result<Reply, Halt> {
    visit.check_form()?;
    let asked = Asked::read(visit)?;
    let page = Page { visit, asked: &asked };
    let (name, password) = (visit.form.text("username").trim(), visit.form.text("password"));
    if !asked.is_local() {
        return no_password(visit, &asked);
    }
    match by_password(visit, &asked, name, password).await {
        Ok(answer) => go_on(visit, &asked, answer).await,
        Err(Error::UserNotConfirmed) => Ok(page
            .confirm(&Notice::Told("Your account waits to be confirmed with the code that we sent you.".into()), name)),
        Err(Error::PasswordResetRequired) => {
            Ok(page.forgot(&Notice::Failed("Your password has to be changed before you can sign in.".into()), name))
        }
        Err(error) => login(visit, &asked, &failure(error)?, name),
    }
}

pub async fn by_password(visit: &Visit, asked: &Asked, name: &str, password: &str) -> Result<Answer, Error> {
    check_name(name, "username")?;
    let pairs = [("USERNAME", name), ("PASSWORD", password)];
    let parameters: Parameters = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    sign_in(visit, &asked.client).by_password(&parameters).await
}

/// What comes after a step: the next one, or the application.
pub async fn go_on(visit: &Visit, asked: &Asked, answer: Answer) -> Result<Reply, Halt> {
    match answer {
        Answer::Known(user) => signed_in(visit, asked, &user, None).await,
        Answer::Challenge { challenge, session, parameters, .. } => {
            let step = Step { challenge, session: session.unwrap_or_default(), shown: shown(&parameters) };
            let step = if challenge == Challenge::MfaSetup { begin_set_up(visit, step).await? } else { step };
            Ok(Page { visit, asked }.step(&Notice::None, &step))
        }
        Answer::Tokens(_) => Err(Error::internal("a page asked for tokens").into()),
    }
}

/// Goes on with somebody who has signed in, with another provider or with a password: the browser remembers it.
pub async fn signed_in(visit: &Visit, asked: &Asked, user: &User, provider: Option<&str>) -> Result<Reply, Halt> {
    let session = PageSession::new(visit, user, provider);
    let reply = asked.grant(visit, user, session.began).await?;
    Ok(session.give(visit, reply)?)
}

async fn begin_set_up(visit: &Visit, step: Step) -> Result<Step, Halt> {
    let input = mfa::AssociateInput { access_token: None, session: Some(step.session.clone()) };
    let made = mfa::associate(visit.cognito.clone(), visit.cx.clone(), input).await?;
    let shown = [("secret", made.secret_code), ("user", visit.form.text("username").to_owned())];
    let shown: BTreeMap<_, _> = shown.map(|(name, value)| (name.to_owned(), value)).into();
    Ok(Step { session: made.session.unwrap_or(step.session), shown, ..step })
}

/// `POST /challenge`.
pub async fn answered(visit: &Visit) -> Result<Reply, Halt> {
    visit.check_form()?;
    let asked = Asked::read(visit)?;
    let page = Page { visit, asked: &asked };
    let text = visit.form.text("session");
    let session = match Session::open(&visit.cognito, &visit.cx, &asked.client.id, text) {
        Ok(session) => session,
        Err(_) => {
            let told = "The sign-in took too long. Start again.";
            return login(visit, &asked, &Notice::Failed(told.into()), "");
        }
    };
    match answer(visit, &asked, &session).await {
        Ok(answer) => go_on(visit, &asked, answer).await,
        Err(error @ (Error::CodeMismatch | Error::EnableSoftwareTokenMfa)) => {
            let told = "The code is not right. Enter the newest one.";
            tracing::debug!(%error, "a code on a page was refused");
            Ok(page.step(&Notice::Failed(told.into()), &again(visit, &session)))
        }
        Err(error @ (Error::InvalidPassword(_) | Error::InvalidParameter(_) | Error::Constraints(_))) => {
            Ok(page.step(&failure(error)?, &again(visit, &session)))
        }
        Err(error) => login(visit, &asked, &failure(error)?, ""),
    }
}

/// The same step once more.
fn again(visit: &Visit, session: &Session) -> Step {
    Step {
        challenge: session.challenge,
        session: visit.form.text("session").to_owned(),
        shown: shown_again(visit.form.text("shown")),
    }
}

async fn answer(visit: &Visit, asked: &Asked, session: &Session) -> Result<Answer, Error> {
    let sign_in = sign_in(visit, &asked.client);
    let code: String = visit.form.text("code").chars().filter(|c| !c.is_whitespace()).collect();
    let mut responses = Parameters::new();
    let mut set = |name: &str, value: &str| drop(responses.insert(name.to_owned(), value.to_owned()));
    match session.challenge {
        Challenge::SoftwareTokenMfa => set("SOFTWARE_TOKEN_MFA_CODE", &code),
        Challenge::EmailOtp => set("EMAIL_OTP_CODE", &code),
        Challenge::SelectMfaType => set("ANSWER", visit.form.text("answer")),
        Challenge::WebAuthn => set("CREDENTIAL", visit.form.text("credential")),
        Challenge::NewPasswordRequired => {
            set("NEW_PASSWORD", visit.form.text("password"));
            for (name, value) in visit.form.below("attribute.") {
                set(&format!("userAttributes.{name}"), value);
            }
        }
        Challenge::MfaSetup => {
            let session = Some(visit.form.text("session").to_owned());
            let input = mfa::VerifyInput { access_token: None, session, user_code: code };
            let verified = mfa::verify(visit.cognito.clone(), visit.cx.clone(), input).await?;
            let text = verified.session.unwrap_or_default();
            let set_up = Session::open(&visit.cognito, &visit.cx, &asked.client.id, &text)?;
            return sign_in.answered(&set_up, &responses).await;
        }
        Challenge::PasswordVerifier
        | Challenge::Custom
        | Challenge::DeviceSrp
        | Challenge::DevicePasswordVerifier
        | Challenge::Choice
        | Challenge::Password
        | Challenge::PasswordSrp => return Err(Error::wrong_password()),
    }
    sign_in.answered(session, &responses).await
}
