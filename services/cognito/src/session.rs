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
    Choice,
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
            Challenge::Choice => "SELECT_CHALLENGE",
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
        let session = self.padded().map_err(Error::internal)?;
        Ok(cognito.vault.seal(PLACE, &session)?)
    }

    /// What is sealed, with spaces behind it: what is the user's alone fills whole blocks, so that the length says nothing of it. The rest is
    /// known to who carries the session.
    fn padded(&self) -> serde_json::Result<Vec<u8>> {
        let mut session = serde_json::to_vec(self)?;
        let own = serde_json::to_vec(&(&self.user, &self.sub, &self.salt, &self.code, &self.passkey))?.len();
        session.resize(session.len() + own.next_multiple_of(BLOCK_BYTES) - own, b' ');
        Ok(session)
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
/// What the user's part of a session fills: names and passwords' salts are shorter than that together.
const BLOCK_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_session_does_not_tell_whose_it_is() {
        let session = |user: &str, salt: Option<&'static [u8]>| Session {
            id: "i".repeat(36),
            client: "c".repeat(26),
            user: user.into(),
            sub: "s".repeat(36),
            challenge: Challenge::EmailOtp,
            began: Timestamp(1),
            expires: Timestamp(2),
            salt: salt.map(Bytes::from_static),
            srp: None,
            custom: None,
            code: None,
            first: true,
            passkey: None,
            device: None,
            set_up: false,
            page: false,
            metadata: Metadata::new(),
        };
        let of = |session: &Session| session.padded().unwrap();
        let known = of(&session("ada", Some(&[255; 16])));
        for other in [session("ada", None), session(&"e".repeat(140), None), session("ada", Some(&[1; 16]))] {
            assert_eq!(of(&other).len(), known.len());
        }
        let opened: Session = serde_json::from_slice(&known).unwrap();
        assert_eq!((opened.user.as_str(), opened.salt), ("ada", Some(Bytes::from_static(&[255; 16]))));
        let asked = Session { metadata: [("k".to_owned(), "v".repeat(100))].into(), ..session("ada", None) };
        assert!(of(&asked).len() > known.len(), "what the caller gave is no secret");
    }
}
