//! A sign-in under way. All of it is in the session that the client carries, sealed: whoever begins sign-ins leaves nothing in the
//! store. One that ends in tokens is noted there, so that it does so once; so is one whose answer a function is asked about.

use std::collections::BTreeMap;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::Cx;

use crate::Cognito;
use crate::error::Error;
use crate::ops::Metadata;
use crate::types::{Client, User};

/// What is asked of the user next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Challenge {
    PasswordVerifier,
    NewPasswordRequired,
    SoftwareTokenMfa,
    EmailOtp,
    SelectMfaType,
    MfaSetup,
    Custom,
    DeviceSrp,
    DevicePasswordVerifier,
    SelectChallenge,
    Password,
    PasswordSrp,
    WebAuthn,
}

impl Challenge {
    pub fn word(self) -> &'static str {
        match self {
            Challenge::PasswordVerifier => "PASSWORD_VERIFIER",
            Challenge::NewPasswordRequired => "NEW_PASSWORD_REQUIRED",
            Challenge::SoftwareTokenMfa => "SOFTWARE_TOKEN_MFA",
            Challenge::EmailOtp => "EMAIL_OTP",
            Challenge::SelectMfaType => "SELECT_MFA_TYPE",
            Challenge::MfaSetup => "MFA_SETUP",
            Challenge::Custom => "CUSTOM_CHALLENGE",
            Challenge::DeviceSrp => "DEVICE_SRP_AUTH",
            Challenge::DevicePasswordVerifier => "DEVICE_PASSWORD_VERIFIER",
            Challenge::SelectChallenge => "SELECT_CHALLENGE",
            Challenge::Password => "PASSWORD",
            Challenge::PasswordSrp => "PASSWORD_SRP",
            Challenge::WebAuthn => "WEB_AUTHN",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Unique.
    pub id: String,
    pub client: String,
    /// The user's key and id; those of nobody, where one is asked for who does not exist.
    pub user: String,
    pub sub: String,
    pub challenge: Challenge,
    #[serde(default)]
    pub began: Timestamp,
    pub expires: Timestamp,
    /// The salt of the user's password when it began, which each password has of its own.
    #[serde(default)]
    pub salt: Option<Bytes>,
    /// The exchange of SRP: the client's number, and the secret of ours.
    #[serde(default)]
    pub srp: Option<(Vec<u8>, [u8; 32])>,
    /// Of a custom flow.
    #[serde(default)]
    pub custom: Option<Custom>,
    /// The code that was sent, for `EMAIL_OTP`.
    #[serde(default)]
    pub code: Option<String>,
    /// Whether the code is what it began with: then it is kept with the user.
    #[serde(default)]
    pub first: bool,
    /// What a passkey has to sign.
    #[serde(default)]
    pub passkey: Option<Vec<u8>>,
    /// The key of the device that the caller has.
    #[serde(default)]
    pub device: Option<String>,
    /// Whether an authenticator was set up in it.
    #[serde(default)]
    pub set_up: bool,
    /// Whether a page asks: what it leads to is the page's alone, for scopes and flows are limited there.
    #[serde(default)]
    pub page: bool,
    /// What the caller handed over when it began.
    #[serde(default)]
    pub metadata: Metadata,
}

/// The rounds of a custom flow until now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Custom {
    pub rounds: Vec<Round>,
    /// What the answer is checked against: functions know it, clients do not.
    pub private: BTreeMap<String, String>,
    pub metadata: Option<String>,
}

/// As functions see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    pub challenge_name: String,
    pub challenge_result: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub challenge_metadata: Option<String>,
}

impl Session {
    pub fn new(cx: &Cx, client: &Client, user: &User, challenge: Challenge, metadata: &Metadata) -> Session {
        Session {
            id: cx.env().uuid(),
            client: client.id.clone(),
            user: user.key.clone(),
            sub: user.sub.clone(),
            challenge,
            began: cx.now(),
            expires: cx.now() + client.settings.session_time(),
            salt: user.password.as_ref().map(|password| password.salt.clone()),
            srp: None,
            custom: None,
            code: None,
            first: false,
            passkey: None,
            device: None,
            set_up: false,
            page: false,
            metadata: metadata.clone(),
        }
    }

    /// Whether it is of this user, who has neither been signed out everywhere since nor got another password.
    pub fn is_of(&self, user: &User) -> bool {
        let has_password = self.salt.as_ref() == user.password.as_ref().map(|password| &password.salt);
        self.sub == user.sub && has_password && !user.is_signed_out_since(self.began)
    }

    /// As the client carries it.
    pub fn seal(&self, cognito: &Cognito) -> Result<String, Error> {
        Ok(URL_SAFE_NO_PAD.encode(self.seal_bytes(cognito)?))
    }

    pub fn seal_bytes(&self, cognito: &Cognito) -> Result<Bytes, Error> {
        let session = serde_json::to_vec(self).map_err(Error::internal)?;
        Ok(cognito.vault.seal(PLACE, &session)?)
    }

    /// # Errors
    /// When it is none of this client's, or has ended.
    pub fn open(cognito: &Cognito, cx: &Cx, client: &str, text: &str) -> Result<Session, Error> {
        let sealed =
            URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::not_authorized("Invalid session for the user."))?;
        Session::open_bytes(cognito, cx, client, &sealed)
    }

    pub fn open_bytes(cognito: &Cognito, cx: &Cx, client: &str, sealed: &[u8]) -> Result<Session, Error> {
        let session = Session::read(cognito, cx, sealed)?;
        if session.client == client { Ok(session) } else { Err(Error::not_authorized("Invalid session for the user.")) }
    }

    /// The same for a request that names no client.
    pub fn of_any_client(cognito: &Cognito, cx: &Cx, text: &str) -> Result<Session, Error> {
        let sealed =
            URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::not_authorized("Invalid session for the user."))?;
        Session::read(cognito, cx, &sealed)
    }

    fn read(cognito: &Cognito, cx: &Cx, sealed: &[u8]) -> Result<Session, Error> {
        let opened = cognito.vault.open(PLACE, sealed);
        let opened = opened.map_err(|_| Error::not_authorized("Invalid session for the user."))?;
        let session: Session = serde_json::from_slice(&opened).map_err(Error::internal)?;
        if session.expires <= cx.now() {
            return Err(Error::not_authorized("Invalid session for the user, session is expired."));
        }
        Ok(session)
    }
}

/// Where the vault has sessions.
const PLACE: &[u8] = b"cognito session";
