//! Users, their groups, and what they are signed in with.

use std::collections::BTreeMap;

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    pub pool: String,
    pub name: String,
    /// The key in the table: the name, folded where case does not matter.
    pub key: String,
    /// The id that never changes and is never given to another.
    pub sub: String,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub status: Status,
    pub enabled: bool,
    /// Without `sub`.
    pub attributes: BTreeMap<String, String>,
    pub password: Option<Password>,
    /// When a password ends that an administrator gave.
    pub temporary_until: Option<Timestamp>,
    /// Codes under way, by what they are for: see [`crate::model::code::Purpose`].
    pub codes: BTreeMap<String, Code>,
    /// Wrong passwords and codes since the last right one.
    pub failures: u32,
    pub locked_until: Option<Timestamp>,
    pub mfa: MfaSettings,
    /// Tokens that were issued until then are good no more.
    pub signed_out: Option<Timestamp>,
}
kv::stored!(User, version = 1);

impl User {
    /// Whether what began then has been ended with everything that the user is signed in with.
    pub fn is_signed_out_since(&self, began: Timestamp) -> bool {
        self.signed_out.is_some_and(|at| at > began)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Unconfirmed,
    Confirmed,
    ResetRequired,
    ForceChangePassword,
    /// Another provider knows who it is: there is no password here.
    ExternalProvider,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Unconfirmed => "UNCONFIRMED",
            Status::Confirmed => "CONFIRMED",
            Status::ResetRequired => "RESET_REQUIRED",
            Status::ForceChangePassword => "FORCE_CHANGE_PASSWORD",
            Status::ExternalProvider => "EXTERNAL_PROVIDER",
        }
    }
}

/// What proves a password, in both ways that a client can know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Password {
    /// Argon2id of the password.
    pub hash: Bytes,
    pub salt: Bytes,
    pub memory_kib: u32,
    pub passes: u32,
    pub srp_salt: Bytes,
    /// SRP's verifier, sealed: hashed as quickly as SRP has it, it is a way round Argon2 for whoever has it in clear.
    pub verifier: Bytes,
}

/// A code that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Code {
    /// Sealed: the hash of six digits would be no secret. `None` where none is under way.
    pub sealed: Option<Bytes>,
    pub expires: Timestamp,
    pub attempts: u32,
    /// How many were sent since then.
    pub sent: u32,
    pub since: Timestamp,
    /// The value that it verifies, where the attribute does not have it yet.
    pub pending: Option<String>,
    /// The address that it went to: it proves that one and no other. `None` where it was sent before that was noted.
    #[serde(default)]
    pub to: Option<String>,
    /// How often it was wrong in each sign-in, by the id of the session.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tries: BTreeMap<String, u32>,
}

/// The further factors of a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MfaSettings {
    /// The secret of the authenticator, sealed.
    pub software_token: Option<Bytes>,
    /// The same before a code of it was shown.
    pub pending_token: Option<Bytes>,
    /// The last step of time whose code was taken: none is taken twice.
    pub last_step: u64,
    pub software_token_enabled: bool,
    pub email_enabled: bool,
    /// `SOFTWARE_TOKEN_MFA` or `EMAIL_OTP`.
    pub preferred: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub pool: String,
    pub name: String,
    pub description: Option<String>,
    pub role: Option<String>,
    /// The least comes first.
    pub precedence: Option<u32>,
    pub created: Timestamp,
    pub modified: Timestamp,
}
kv::stored!(Group, version = 1);

/// A refresh token, which itself is not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    pub client: String,
    /// The user's key and id: another with the same name is not meant.
    pub user: String,
    pub sub: String,
    /// Names the sign-in in each token of it.
    pub origin: String,
    pub signed_in: Timestamp,
    pub expires: Timestamp,
    /// What access tokens of it are for; `None` where it is not of OAuth 2.0: then they let the user manage themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The key of the device that it was given to, where the pool remembers devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}
kv::stored!(Grant, version = 1);
