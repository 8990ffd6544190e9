//! Signing in: from the first proof of who somebody is, over what is asked of them further, to tokens.
//!
//! ```text
//! password, SRP        -> proven -> a new password? -> a second factor? -> finish -> a device? -> complete
//! choice: code, passkey -> proven
//! custom               -> DefineAuthChallenge, as often as it wants      -> finish
//!                                                                           complete: tokens, PostAuthentication
//! ```
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html>

pub mod choice;
pub mod custom;
pub mod device;
pub mod factors;
pub mod passkey;
pub mod password;
pub mod srp;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use service::Cx;

use crate::Cognito;
use crate::crypto::mac;
use crate::error::Error;
use crate::model::user as users;
use crate::ops::Metadata;
use crate::session::{Challenge, Session};
use crate::tokens::{self, AuthenticationResult, Ended, Moment, Of};
use crate::triggers::{self, Event};
use crate::types::{Client, MfaSettings, Pool, Status, User};

pub type Parameters = BTreeMap<String, String>;

/// Somebody who signs in.
pub struct SignIn {
    pub cognito: Arc<Cognito>,
    pub cx: Cx,
    pub pool: Pool,
    pub client: Client,
    pub metadata: Metadata,
    pub goal: Goal,
    /// The key of the device that the caller has, as it says.
    pub device: Option<String>,
}

/// What somebody gets who has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Tokens,
    /// Nothing yet: a page goes on with whom it was.
    Page,
}

/// What comes of a step.
pub enum Answer {
    Challenge {
        challenge: Challenge,
        session: Option<String>,
        parameters: Parameters,
        /// What may be chosen from.
        available: Vec<&'static str>,
    },
    Tokens(AuthenticationResult),
    /// For [`Goal::Page`].
    Known(Box<User>),
}

impl Answer {
    /// A step of SRP, whose session is a parameter.
    fn exchange(challenge: Challenge, parameters: Parameters) -> Answer {
        Answer::Challenge { challenge, session: None, parameters, available: Vec::new() }
    }
}

/// # Errors
/// When a parameter is missing.
pub fn required<'a>(parameters: &'a Parameters, name: &str) -> Result<&'a str, Error> {
    let found = parameters.get(name).map(String::as_str).filter(|value| !value.is_empty());
    found.ok_or_else(|| Error::parameter(format!("Missing required parameter {name}")))
}

impl SignIn {
    pub fn of<'a>(&'a self, user: &'a User) -> Of<'a> {
        Of { pool: &self.pool, client: &self.client, user }
    }

    pub fn find(&self, name: &str) -> Result<Option<User>, Error> {
        users::find(&self.cx.db().read()?, &self.pool, name)
    }

    /// What is told where there is no such user.
    pub fn no_user(&self) -> Error {
        if self.client.settings.hides_users { Error::wrong_password() } else { Error::UserNotFound }
    }

    /// The user of a session, as it is now.
    ///
    /// # Errors
    /// When there is none, or another one by that name, or a sign-out from everywhere or a new password has ended it.
    pub fn user_of(&self, session: &Session) -> Result<User, Error> {
        let found = users::by_key(&self.cx.db().read()?, &self.pool.id, &session.user);
        match found {
            Ok(user) if session.is_of(&user) => Ok(user),
            Ok(_) | Err(Error::UserNotFound) => Err(Error::wrong_password()),
            Err(error) => Err(error),
        }
    }

    /// Somebody who does not exist, and looks the same each time: who asks learns nothing of who does.
    pub fn decoy(&self, name: &str) -> User {
        let key = users::fold(&self.pool, name);
        let hash = hex::encode(mac(&self.pool.decoy, &[b"sub", key.as_bytes()]));
        let sub = [&hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..32]].join("-");
        let name = if self.pool.username_attributes.is_empty() { name.to_owned() } else { sub.clone() };
        User {
            pool: self.pool.id.clone(),
            // No user has it: it is longer than names may be.
            key: format!("{key} {hash}{hash}"),
            name,
            sub,
            created: self.pool.created,
            modified: self.pool.created,
            status: Status::Confirmed,
            enabled: true,
            attributes: BTreeMap::new(),
            password: None,
            temporary_until: None,
            codes: BTreeMap::new(),
            failures: 0,
            locked_until: None,
            mfa: MfaSettings::default(),
            signed_out: None,
        }
    }

    /// Lets the pool's function refuse.
    pub async fn pre_authentication(&self, user: &User, exists: bool) -> Result<(), Error> {
        let mut request = triggers::about(user, &Metadata::new());
        request["validationData"] = json!(self.metadata);
        request["userNotFound"] = json!(!exists);
        self.ask("PreAuthentication", "PreAuthentication_Authentication", user, request).await.map(drop)
    }

    async fn ask(
        &self,
        trigger: &str,
        source: &str,
        user: &User,
        request: serde_json::Value,
    ) -> Result<Option<serde_json::Map<String, serde_json::Value>>, Error> {
        let (client, response) = (Some(self.client.id.as_str()), json!({}));
        let event = Event { pool: &self.pool, client, user: &user.name, source, request, response };
        triggers::ask(&self.cx, trigger, event).await
    }

    /// Notes a wrong password or code.
    pub async fn count_failure(&self, user: &User) -> Result<(), Error> {
        let (pool, key, now) = (self.pool.clone(), user.key.clone(), self.cx.env().now());
        let count = move |tx: &mut kv::Tx| {
            users::change(tx, &pool, &key, |user| {
                users::count_failure(user, now);
                Ok(())
            })
        };
        self.cx.db().write(count).await
    }

    /// Lets `check` compare a code, in the transaction that counts it where it is wrong: of those that are sent at once, none is looked
    /// at that is one too many. Returns the user as it is then.
    ///
    /// # Errors
    /// When the code is wrong, or the user is locked out.
    async fn check_code(
        &self,
        user: &User,
        check: impl Fn(&mut User) -> Result<bool, Error> + Send + 'static,
    ) -> Result<User, Error> {
        let (pool, key, sub, now) = (self.pool.clone(), user.key.clone(), user.sub.clone(), self.cx.env().now());
        let take = move |tx: &mut kv::Tx| {
            users::change(tx, &pool, &key, |user| {
                if user.sub != sub {
                    return Err(Error::wrong_password());
                }
                users::check_unlocked(user, now)?;
                if check(user)? {
                    return Ok(Some(user.clone()));
                }
                users::count_failure(user, now);
                Ok(None)
            })
        };
        self.cx.db().write(take).await?.ok_or(Error::CodeMismatch)
    }

    pub fn challenge(&self, session: &Session, parameters: Parameters) -> Result<Answer, Error> {
        let page = self.goal == Goal::Page;
        let sealed = Session { page, device: self.device.clone(), ..session.clone() }.seal(&self.cognito)?;
        let (challenge, session, available) = (session.challenge, Some(sealed), Vec::new());
        Ok(Answer::Challenge { challenge, session, parameters, available })
    }

    /// Goes on with somebody who knows the password.
    pub async fn proven(&self, user: User, session: Option<&Session>) -> Result<Answer, Error> {
        tokens::check_may_sign_in(&user)?;
        match user.status {
            Status::Unconfirmed => Err(Error::UserNotConfirmed),
            Status::ResetRequired => Err(Error::PasswordResetRequired),
            Status::ForceChangePassword => self.ask_for_new_password(&user),
            Status::ExternalProvider => Err(Error::wrong_password()),
            Status::Confirmed => self.second_factor(user, session, Moment::Authentication).await,
        }
    }

    fn ask_for_new_password(&self, user: &User) -> Result<Answer, Error> {
        if user.temporary_until.is_some_and(|until| until <= self.cx.now()) {
            let told = "Temporary password has expired and must be reset by an administrator.";
            return Err(Error::not_authorized(told));
        }
        let session = Session::new(&self.cx, &self.client, user, Challenge::NewPasswordRequired, &self.metadata);
        let is_missing = |attribute: &&crate::types::SchemaAttribute| {
            attribute.required && !user.attributes.contains_key(&attribute.name)
        };
        let missing = self.pool.schema.iter().filter(is_missing);
        let missing: Vec<String> = missing.map(|attribute| format!("userAttributes.{}", attribute.name)).collect();
        let parameters = [
            ("USER_ID_FOR_SRP", user.name.clone()),
            ("requiredAttributes", json!(missing).to_string()),
            ("userAttributes", json!(user.attributes).to_string()),
        ];
        self.challenge(&session, parameters.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// Goes on with somebody of whom nothing more is asked, but what a device that is remembered has to show.
    pub async fn finish(&self, user: User, session: Option<&Session>, moment: Moment) -> Result<Answer, Error> {
        tokens::check_may_sign_in(&user)?;
        if self.goal == Goal::Page {
            let (ended, pool, own) = (Ended::new(&self.cx, session), self.pool.clone(), user.clone());
            self.cx.db().write(move |tx| ended.keep(tx, &pool, &own)).await?;
            self.post_authentication(&user, false).await?;
            return Ok(Answer::Known(Box::new(user)));
        }
        match self.remembered(&user)? {
            Some(device) => self.ask_for_device(&user, &device).await,
            None => self.complete(user, session, moment, None).await,
        }
    }

    /// Gives tokens. They name a device that has proved itself, or a new one: one that is called by its key alone may be anybody's.
    async fn complete(
        &self,
        user: User,
        session: Option<&Session>,
        moment: Moment,
        proved: Option<&str>,
    ) -> Result<Answer, Error> {
        tokens::check_may_sign_in(&user)?;
        let new = self.new_device(&user);
        let device = new.as_ref().map(|new| new.device_key.as_str()).or(proved);
        let (of, is_new) = (self.of(&user), new.is_some());
        let tokens = tokens::first(&self.cognito, &self.cx, of, session, device, moment, &self.metadata).await?;
        self.post_authentication(&user, is_new).await?;
        Ok(Answer::Tokens(AuthenticationResult { new_device_metadata: new, ..tokens }))
    }

    /// Tells the pool's function that somebody has signed in.
    pub async fn post_authentication(&self, user: &User, new_device: bool) -> Result<(), Error> {
        let mut request = triggers::about(user, &self.metadata);
        request["newDeviceUsed"] = json!(new_device);
        self.ask("PostAuthentication", "PostAuthentication_Authentication", user, request).await.map(drop)
    }

    /// Goes on with what was answered to a challenge.
    ///
    /// # Errors
    /// Also when a page's session comes to an API, or an API's to a page.
    pub async fn answered(&self, session: &Session, responses: &Parameters) -> Result<Answer, Error> {
        if session.page != (self.goal == Goal::Page) {
            return Err(Error::not_authorized("Invalid session for the user."));
        }
        match session.challenge {
            Challenge::NewPasswordRequired => self.new_password(session, responses).await,
            Challenge::SoftwareTokenMfa => self.verify_software_token(session, responses).await,
            Challenge::EmailOtp => self.verify_email_code(session, responses).await,
            Challenge::SelectMfaType => self.select_factor(session, responses).await,
            Challenge::MfaSetup => self.verify_set_up(session).await,
            Challenge::Custom => self.verify_custom(session, responses).await,
            Challenge::DeviceSrp => self.begin_device(session, responses).await,
            Challenge::Choice => self.select_challenge(session, responses).await,
            Challenge::Password => self.by_password(responses).await,
            Challenge::PasswordSrp => self.by_srp(responses).await,
            Challenge::WebAuthn => self.verify_passkey(session, responses).await,
            Challenge::PasswordVerifier | Challenge::DevicePasswordVerifier => {
                Err(Error::not_authorized("Invalid session for the user."))
            }
        }
    }
}
