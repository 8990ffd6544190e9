//! GetUserPoolMfaConfig, SetUserPoolMfaConfig, AssociateSoftwareToken, VerifySoftwareToken, SetUserMFAPreference,
//! AdminSetUserMFAPreference, AdminDeleteSoftwareToken.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Constraints, Cx};

use super::{Empty, PoolInput, UserInput, find_pool, find_user, of_pool};
use crate::Cognito;
use crate::crypto::totp;
use crate::error::Error;
use crate::limits::RELYING_PARTY_CHARACTERS_MAX;
use crate::model::{client, pool as pools, user as users};
use crate::session::{Challenge, Session};
use crate::sign_in::factors::token_place;
use crate::tokens::bearer;
use crate::types::{Mfa, MfaSettings, PasskeySettings, Pool, Template, User};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SetConfigInput {
    pub user_pool_id: String,
    pub sms_mfa_configuration: Option<Value>,
    pub software_token_mfa_configuration: Option<SoftwareToken>,
    pub email_mfa_configuration: Option<EmailMfa>,
    pub mfa_configuration: Option<String>,
    pub web_authn_configuration: Option<WebAuthn>,
}
of_pool!(SetConfigInput, AdminPreferenceInput);

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SoftwareToken {
    pub enabled: bool,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EmailMfa {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// How passkeys are made and asked for.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WebAuthn {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relying_party_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_verification: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor_configuration: Option<String>,
}

const VERIFICATION: [&str; 2] = ["required", "preferred"];
const FACTOR: [&str; 2] = ["SINGLE_FACTOR", "MULTI_FACTOR_WITH_USER_VERIFICATION"];

impl WebAuthn {
    fn check(&self, constraints: &mut Constraints) {
        let party = self.relying_party_id.as_deref();
        let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        let is_domain = |party: &str| !party.is_empty() && party.bytes().all(is_part) && !party.starts_with('.');
        constraints.length(party, "webAuthnConfiguration.relyingPartyId", RELYING_PARTY_CHARACTERS_MAX);
        constraints.pattern(party, "webAuthnConfiguration.relyingPartyId", "[a-z0-9.-]+", is_domain);
        let member = "webAuthnConfiguration.userVerification";
        constraints.one_of(self.user_verification.as_deref(), member, &VERIFICATION);
        let member = "webAuthnConfiguration.factorConfiguration";
        constraints.one_of(self.factor_configuration.as_deref(), member, &FACTOR);
    }

    fn read(self) -> PasskeySettings {
        PasskeySettings {
            party: self.relying_party_id,
            verifies_users: self.user_verification.as_deref() == Some("required"),
            is_second_factor: self.factor_configuration.as_deref() == Some("MULTI_FACTOR_WITH_USER_VERIFICATION"),
        }
    }

    fn new(settings: &PasskeySettings) -> WebAuthn {
        let ([required, preferred], [single, two]) = (VERIFICATION, FACTOR);
        WebAuthn {
            relying_party_id: settings.party.clone(),
            user_verification: Some(if settings.verifies_users { required } else { preferred }.into()),
            factor_configuration: Some(if settings.is_second_factor { two } else { single }.into()),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConfigOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_token_mfa_configuration: Option<SoftwareToken>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_mfa_configuration: Option<EmailMfa>,
    pub mfa_configuration: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_authn_configuration: Option<WebAuthn>,
}

impl ConfigOutput {
    fn new(pool: &Pool) -> ConfigOutput {
        let email = pool.settings.email_mfa.clone();
        ConfigOutput {
            software_token_mfa_configuration: pool
                .settings
                .software_token_mfa
                .then_some(SoftwareToken { enabled: true }),
            email_mfa_configuration: email.map(|Template { subject, message }| EmailMfa { message, subject }),
            mfa_configuration: pool.settings.mfa.word(),
            web_authn_configuration: pool.settings.passkeys.as_ref().map(WebAuthn::new),
        }
    }
}

pub async fn get_config(_: Arc<Cognito>, cx: Cx, input: PoolInput) -> Result<ConfigOutput, Error> {
    Ok(ConfigOutput::new(&find_pool(&cx, &input.user_pool_id)?))
}

pub async fn set_config(_: Arc<Cognito>, cx: Cx, input: SetConfigInput) -> Result<ConfigOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.one_of(input.mfa_configuration.as_deref(), "mfaConfiguration", &Mfa::WORDS);
    let email = input.email_mfa_configuration;
    if email.as_ref().and_then(|email| email.message.as_ref()).is_some_and(|message| !message.contains("{####}")) {
        constraints.fail_unseen("emailMfaConfiguration.message", "contain {####}");
    }
    let passkeys = input.web_authn_configuration;
    passkeys.iter().for_each(|passkeys| passkeys.check(&mut constraints));
    constraints.check()?;
    if input.sms_mfa_configuration.is_some() {
        return Err(Error::NotImplemented("Cognito's text messages (SmsMfaConfiguration)".into()));
    }
    let pool = find_pool(&cx, &input.user_pool_id)?;
    let mfa = Mfa::read(input.mfa_configuration.as_deref());
    let software_token = input.software_token_mfa_configuration.is_some_and(|token| token.enabled);
    if mfa != Mfa::Off && !software_token && email.is_none() {
        let told = "Invalid MFA configuration given, can't turn on MFA without providing any MFA configuration.";
        return Err(Error::parameter(told));
    }
    let (now, passkeys) = (cx.now(), passkeys.map(WebAuthn::read));
    let set = move |pool: &mut Pool| {
        pool.settings.passkeys = passkeys.clone().or_else(|| pool.settings.passkeys.take());
        pool.settings.mfa = mfa;
        pool.settings.software_token_mfa = software_token;
        pool.settings.email_mfa = email.clone().map(|EmailMfa { message, subject }| Template { subject, message });
        pool.modified = now;
        Ok(pool.clone())
    };
    Ok(ConfigOutput::new(&cx.db().write(move |tx| pools::change(tx, &pool.id, &set)).await?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AssociateInput {
    pub access_token: Option<String>,
    pub session: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssociateOutput {
    pub secret_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// Who sets an authenticator up: somebody signed in, or on the way to that.
fn who(
    cognito: &Cognito,
    cx: &Cx,
    token: Option<&str>,
    session: Option<&str>,
) -> Result<(Pool, User, Option<Session>), Error> {
    let text = match (token, session) {
        (Some(token), _) => {
            let bearer = bearer(cognito, cx, token)?;
            return Ok((bearer.pool, bearer.user, None));
        }
        (None, Some(session)) => session,
        (None, None) => return Err(Error::parameter("Either AccessToken or Session is required.")),
    };
    let session = Session::of_any_client(cognito, cx, text)?;
    if session.challenge != Challenge::MfaSetup {
        return Err(Error::not_authorized("Invalid session for the user."));
    }
    let read = cx.db().read()?;
    let pool = pools::get(&read, &client::get(&read, &session.client)?.pool)?;
    let user = users::by_key(&read, &pool.id, &session.user)?;
    if !session.is_of(&user) {
        return Err(Error::not_authorized("Invalid session for the user."));
    }
    Ok((pool, user, Some(session)))
}

pub async fn associate(cognito: Arc<Cognito>, cx: Cx, input: AssociateInput) -> Result<AssociateOutput, Error> {
    let (pool, user, session) = who(&cognito, &cx, input.access_token.as_deref(), input.session.as_deref())?;
    if !pool.settings.software_token_mfa {
        return Err(Error::SoftwareTokenMfaNotFound("Software Token MFA is not enabled for the userPool.".into()));
    }
    let mut secret = [0; totp::SECRET_BYTES];
    cx.env().random(&mut secret);
    let sealed = cognito.vault.seal(&token_place(&user), &secret)?;
    let set = move |tx: &mut kv::Tx| {
        users::change(tx, &pool, &user.key, |user| {
            user.mfa.pending_token = Some(sealed.clone());
            Ok(())
        })
    };
    cx.db().write(set).await?;
    let session = session.map(|session| session.seal(&cognito)).transpose()?;
    Ok(AssociateOutput { secret_code: totp::base32(&secret), session })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VerifyInput {
    pub access_token: Option<String>,
    pub session: Option<String>,
    pub user_code: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerifyOutput {
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

pub async fn verify(cognito: Arc<Cognito>, cx: Cx, input: VerifyInput) -> Result<VerifyOutput, Error> {
    let (pool, user, session) = who(&cognito, &cx, input.access_token.as_deref(), input.session.as_deref())?;
    let now = cx.now();
    let sealed = user.mfa.pending_token.clone();
    let sealed = sealed.ok_or_else(|| Error::parameter("Software token has not been associated."))?;
    let secret = cognito.vault.open(&token_place(&user), &sealed)?;
    let step = totp::step_of(&secret, &input.user_code, now, 0);
    let has_session = session.is_some();
    let set = move |tx: &mut kv::Tx| {
        users::change(tx, &pool, &user.key, |user| {
            users::check_unlocked(user, now)?;
            let Some(step) = step else {
                users::count_failure(user, now);
                return Ok(false);
            };
            // Another request may have taken it meanwhile, or replaced it: the code was not for what is there now.
            if user.mfa.pending_token.as_ref() != Some(&sealed) {
                return Err(Error::EnableSoftwareTokenMfa);
            }
            user.mfa.software_token = user.mfa.pending_token.take();
            // Who has to set it up to sign in turns it on with that.
            user.mfa.software_token_enabled |= has_session;
            user.mfa.last_step = step;
            Ok(true)
        })
    };
    if !cx.db().write(set).await? {
        return Err(Error::EnableSoftwareTokenMfa);
    }
    let session = session.map(|session| Session { set_up: true, ..session }.seal(&cognito)).transpose()?;
    Ok(VerifyOutput { status: "SUCCESS", session })
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Preference {
    pub enabled: bool,
    pub preferred_mfa: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Preferences {
    #[serde(rename = "SMSMfaSettings")]
    pub sms: Option<Preference>,
    #[serde(rename = "SoftwareTokenMfaSettings")]
    pub software_token: Option<Preference>,
    #[serde(rename = "EmailMfaSettings")]
    pub email: Option<Preference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PreferenceInput {
    pub access_token: String,
    #[serde(flatten)]
    pub preferences: Preferences,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AdminPreferenceInput {
    pub user_pool_id: String,
    pub username: String,
    #[serde(flatten)]
    pub preferences: Preferences,
}

impl Preferences {
    fn set(&self, mfa: &mut MfaSettings) -> Result<(), Error> {
        if self.sms.is_some_and(|sms| sms.enabled) {
            return Err(Error::NotImplemented("Cognito's text messages (SMSMfaSettings)".into()));
        }
        let given = [(self.software_token, "SOFTWARE_TOKEN_MFA"), (self.email, "EMAIL_OTP")];
        let preferred = given.iter().filter(|(given, _)| given.is_some_and(|given| given.preferred_mfa));
        if preferred.count() > 1 {
            return Err(Error::parameter("Only one factor can be set as preferred."));
        }
        if self.software_token.is_some_and(|token| token.enabled) && mfa.software_token.is_none() {
            return Err(Error::parameter("User has not verified software token mfa"));
        }
        for (given, word) in given {
            let Some(Preference { enabled, preferred_mfa }) = given else { continue };
            match word {
                "EMAIL_OTP" => mfa.email_enabled = enabled,
                _ => mfa.software_token_enabled = enabled,
            }
            if enabled && preferred_mfa {
                mfa.preferred = Some(word.into());
            } else if mfa.preferred.as_deref() == Some(word) {
                mfa.preferred = None;
            }
        }
        Ok(())
    }
}

async fn set_preference(cx: Cx, pool: Pool, user: User, preferences: Preferences) -> Result<Empty, Error> {
    let set = move |tx: &mut kv::Tx| users::change(tx, &pool, &user.key, |user| preferences.set(&mut user.mfa));
    cx.db().write(set).await?;
    Ok(Empty {})
}

pub async fn prefer(cognito: Arc<Cognito>, cx: Cx, input: PreferenceInput) -> Result<Empty, Error> {
    let bearer = bearer(&cognito, &cx, &input.access_token)?;
    set_preference(cx, bearer.pool, bearer.user, input.preferences).await
}

pub async fn admin_prefer(_: Arc<Cognito>, cx: Cx, input: AdminPreferenceInput) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    set_preference(cx, pool, user, input.preferences).await
}

/// Takes an authenticator away that a user has lost.
pub async fn admin_delete_token(_: Arc<Cognito>, cx: Cx, input: UserInput) -> Result<Empty, Error> {
    let (pool, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    let remove = move |tx: &mut kv::Tx| {
        users::change(tx, &pool, &user.key, |user| {
            let mfa = &mut user.mfa;
            (mfa.software_token, mfa.pending_token, mfa.software_token_enabled) = (None, None, false);
            mfa.preferred.take_if(|preferred| preferred == Challenge::SoftwareTokenMfa.word());
            Ok(())
        })
    };
    cx.db().write(remove).await?;
    Ok(Empty {})
}
