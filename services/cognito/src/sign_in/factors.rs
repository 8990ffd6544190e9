//! Second factors: codes of authenticators, and codes by mail.

use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::{Answer, Parameters, SignIn, required};
use crate::crypto::{random_text, totp};
use crate::error::Error;
use crate::messages::{self, CodeDeliveryDetails, Occasion};
use crate::model::user::{EMAIL, EMAIL_VERIFIED};
use crate::session::{Challenge, Session};
use crate::tokens::Moment;
use crate::types::{Mfa, Pool, User};

/// Where the vault has the secret of a user's authenticator.
pub fn token_place(user: &User) -> Vec<u8> {
    format!("cognito software token {} {}", user.pool, user.sub).into_bytes()
}

/// Six digits, as everything that is sent or shown for a moment.
pub fn new_code(env: &base::Env) -> String {
    random_text(env, b"0123456789", 6)
}

/// Where codes may be sent: an address that the user has shown to have.
pub fn verified_email(user: &User) -> Option<&String> {
    let is_verified = user.attributes.get(EMAIL_VERIFIED).is_some_and(|value| value == "true");
    user.attributes.get(EMAIL).filter(|_| is_verified)
}

/// What a user can be asked for, in the pool as it is.
pub fn available(pool: &Pool, user: &User) -> Vec<Challenge> {
    let settings = &pool.settings;
    let has_token = settings.software_token_mfa && user.mfa.software_token_enabled && user.mfa.software_token.is_some();
    let has_email = settings.email_mfa.is_some() && verified_email(user).is_some();
    let asked_email = user.mfa.email_enabled || (settings.mfa == Mfa::On && !has_token);
    let factors = [(Challenge::SoftwareTokenMfa, has_token), (Challenge::EmailOtp, has_email && asked_email)];
    factors.into_iter().filter(|(_, has)| *has && settings.mfa != Mfa::Off).map(|(factor, _)| factor).collect()
}

impl SignIn {
    /// Asks for a second factor, where there has to be one.
    pub async fn second_factor(&self, user: User, session: Option<&Session>, moment: Moment) -> Result<Answer, Error> {
        if let Some(device) = self.remembered(&user)?
            && self.pool.settings.devices.is_some_and(|devices| devices.challenge_new)
        {
            return self.ask_for_device(&user, &device).await;
        }
        let factors = available(&self.pool, &user);
        let is_preferred = |factor: &&Challenge| user.mfa.preferred.as_deref() == Some(factor.word());
        match (factors.as_slice(), factors.iter().find(is_preferred)) {
            ([], _) if self.pool.settings.mfa == Mfa::On => self.ask_to_set_up(&user),
            ([], _) => self.finish(user, session, moment).await,
            (_, Some(factor)) | ([factor], None) => self.ask_for(&user, *factor).await,
            (several, None) => {
                let session = Session::new(&self.cx, &self.client, &user, Challenge::SelectMfaType, &self.metadata);
                let words: Vec<&str> = several.iter().map(|factor| factor.word()).collect();
                let parameters = [("MFAS_CAN_CHOOSE".to_owned(), json!(words).to_string())];
                self.challenge(&session, parameters.into())
            }
        }
    }

    fn ask_to_set_up(&self, user: &User) -> Result<Answer, Error> {
        if !self.pool.settings.software_token_mfa {
            return Err(Error::parameter("MFA cannot be set up: no factor of the pool can be used by this user."));
        }
        let session = Session::new(&self.cx, &self.client, user, Challenge::MfaSetup, &self.metadata);
        let words = json!([Challenge::SoftwareTokenMfa.word()]).to_string();
        self.challenge(&session, [("MFAS_CAN_SETUP".to_owned(), words)].into())
    }

    async fn ask_for(&self, user: &User, factor: Challenge) -> Result<Answer, Error> {
        let mut session = Session::new(&self.cx, &self.client, user, factor, &self.metadata);
        let mut parameters = Parameters::from([("USER_ID_FOR_SRP".to_owned(), user.name.clone())]);
        if factor == Challenge::EmailOtp {
            let address = verified_email(user).ok_or_else(Error::wrong_password)?;
            let code = new_code(self.cx.env());
            let (occasion, client) = (Occasion::Authentication, Some(self.client.id.as_str()));
            let letter = messages::write(
                &self.cognito,
                &self.cx,
                &self.pool,
                client,
                user,
                address,
                occasion,
                &code,
                &self.metadata,
            )
            .await?;
            let cx = self.cx.clone();
            self.cx.db().write(move |tx| letter.send(tx, &cx)).await?;
            session.code = Some(code);
            parameters.insert("CODE_DELIVERY_DELIVERY_MEDIUM".into(), "EMAIL".into());
            let destination = CodeDeliveryDetails::email(address).destination;
            parameters.insert("CODE_DELIVERY_DESTINATION".into(), destination);
        }
        self.challenge(&session, parameters)
    }

    pub async fn select_factor(&self, session: &Session, responses: &Parameters) -> Result<Answer, Error> {
        let (answer, user) = (required(responses, "ANSWER")?, self.user_of(session)?);
        let chosen = available(&self.pool, &user).into_iter().find(|factor| factor.word() == answer);
        let chosen = chosen.ok_or_else(|| Error::MfaMethodNotFound("The user has no such second factor.".into()))?;
        self.ask_for(&user, chosen).await
    }

    pub async fn verify_software_token(&self, session: &Session, responses: &Parameters) -> Result<Answer, Error> {
        let code = required(responses, "SOFTWARE_TOKEN_MFA_CODE")?.to_owned();
        let (cognito, now) = (self.cognito.clone(), self.cx.env().now());
        let check = move |user: &mut User| {
            let sealed = user.mfa.software_token.as_ref().ok_or_else(Error::wrong_password)?;
            let secret = cognito.vault.open(&token_place(user), sealed)?;
            let step = totp::step_of(&secret, &code, now, user.mfa.last_step);
            user.mfa.last_step = step.unwrap_or(user.mfa.last_step);
            Ok(step.is_some())
        };
        let user = self.check_code(&self.user_of(session)?, check).await?;
        self.finish(user, Some(session), Moment::Authentication).await
    }

    pub async fn verify_email_code(&self, session: &Session, responses: &Parameters) -> Result<Answer, Error> {
        let code = required(responses, "EMAIL_OTP_CODE")?;
        if session.first {
            return self.verify_first_code(session, code.to_owned()).await;
        }
        let sent = session.code.as_deref().unwrap_or_default();
        let is_right = !sent.is_empty() && bool::from(sent.as_bytes().ct_eq(code.as_bytes()));
        let user = self.check_code(&self.user_of(session)?, move |_| Ok(is_right)).await?;
        self.finish(user, Some(session), Moment::Authentication).await
    }

    /// Goes on with somebody who has set an authenticator up.
    pub async fn verify_set_up(&self, session: &Session) -> Result<Answer, Error> {
        let user = self.user_of(session)?;
        if !session.set_up {
            return Err(Error::parameter("MFA_SETUP is answered with the session that VerifySoftwareToken gave."));
        }
        self.finish(user, Some(session), Moment::Authentication).await
    }
}
