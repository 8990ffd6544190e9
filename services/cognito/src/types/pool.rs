//! User pools, and what their tokens are signed with.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// `us-east-1_AbCdEfGhI`.
    pub id: String,
    pub arn: Arn,
    pub name: String,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// What users may be called by beside their names: `email`, `phone_number`, `preferred_username`.
    pub alias_attributes: Vec<String>,
    /// What users are called by instead of a name: `email`, `phone_number`.
    pub username_attributes: Vec<String>,
    pub case_sensitive: bool,
    /// Attributes beside the standard ones, and standard ones that are required.
    pub schema: Vec<SchemaAttribute>,
    pub settings: Settings,
    pub tags: BTreeMap<String, String>,
    /// From this, what is told of users that do not exist is made: the same each time.
    pub decoy: Bytes,
}
kv::stored!(Pool, version = 1);

/// The region of a pool's id; nothing where it is none.
pub fn region_of(id: &str) -> &str {
    id.split_once('_').map_or("", |(region, _)| region)
}

/// The key of the pool with this id.
pub fn key_of(id: &str) -> (&str, &str) {
    (region_of(id), id)
}

impl Pool {
    /// The part of its id that clients of SRP hash.
    pub fn short_name(&self) -> &str {
        self.id.split_once('_').map_or("", |(_, name)| name)
    }
}

/// What UpdateUserPool sets anew, all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub password: PasswordPolicy,
    pub deletion_protection: bool,
    /// What is verified when a user signs up: `email`.
    pub auto_verified: Vec<String>,
    /// What keeps its old value until the new one is verified.
    pub verified_before_update: Vec<String>,
    /// Functions by the names of their triggers.
    pub triggers: BTreeMap<String, String>,
    /// The version of the event of `PreTokenGeneration`: 1 or 2.
    pub token_event: u32,
    pub verification: Template,
    pub invitation: Template,
    pub admin_creates_only: bool,
    pub email: Email,
    /// How a password is recovered, first choice first: `verified_email`, `admin_only`.
    pub recovery: Vec<String>,
    pub mfa: Mfa,
    pub software_token_mfa: bool,
    /// The mail of `EMAIL_OTP`, where that is in use.
    pub email_mfa: Option<Template>,
    /// Where devices are remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<DeviceSettings>,
    /// What a choice-based sign-in may begin with beside a password: `EMAIL_OTP`, `WEB_AUTHN`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_factors: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkeys: Option<PasskeySettings>,
}

/// How devices are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSettings {
    /// Whether a device that is remembered stands for the second factor.
    pub challenge_new: bool,
    /// Whether a device is remembered only when the user says so.
    pub on_prompt: bool,
}

/// How passkeys are made and asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeySettings {
    /// The relying party; the pool's domain where there is none.
    pub party: Option<String>,
    /// Whether authenticators have to know their user.
    pub verifies_users: bool,
    /// Whether a passkey whose authenticator knew its user is two factors in one.
    pub is_second_factor: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    pub minimum_length: u32,
    pub uppercase: bool,
    pub lowercase: bool,
    pub numbers: bool,
    pub symbols: bool,
    pub temporary_days: u32,
}

impl Default for PasswordPolicy {
    fn default() -> PasswordPolicy {
        let (minimum_length, temporary_days) = (8, 7);
        PasswordPolicy {
            minimum_length,
            uppercase: true,
            lowercase: true,
            numbers: true,
            symbols: true,
            temporary_days,
        }
    }
}

/// A mail with places to be filled: `{####}` for a code, `{username}` for a name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Template {
    pub subject: Option<String>,
    pub message: Option<String>,
}

/// Whom mail is from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Email {
    pub source: Option<String>,
    pub from: Option<String>,
    pub reply_to: Option<String>,
    /// `COGNITO_DEFAULT` or `DEVELOPER`.
    pub account: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mfa {
    #[default]
    Off,
    Optional,
    On,
}

impl Mfa {
    pub const WORDS: [&str; 3] = ["OFF", "ON", "OPTIONAL"];

    pub fn word(self) -> &'static str {
        match self {
            Mfa::Off => "OFF",
            Mfa::Optional => "OPTIONAL",
            Mfa::On => "ON",
        }
    }

    /// `Off` for any other word.
    pub fn read(word: Option<&str>) -> Mfa {
        match word {
            Some("ON") => Mfa::On,
            Some("OPTIONAL") => Mfa::Optional,
            _ => Mfa::Off,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchemaAttribute {
    /// With its prefix: `custom:plan`.
    pub name: String,
    pub kind: AttributeKind,
    pub mutable: bool,
    pub required: bool,
    /// Of texts the fewest and the most characters, of numbers the least and the greatest value; as they were written.
    pub min: Option<String>,
    pub max: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeKind {
    Text,
    Number,
    Boolean,
    DateTime,
}

impl AttributeKind {
    pub const WORDS: [&str; 4] = ["String", "Number", "Boolean", "DateTime"];

    pub fn word(self) -> &'static str {
        match self {
            AttributeKind::Text => "String",
            AttributeKind::Number => "Number",
            AttributeKind::Boolean => "Boolean",
            AttributeKind::DateTime => "DateTime",
        }
    }

    pub fn read(word: &str) -> Option<AttributeKind> {
        use AttributeKind::{Boolean, DateTime, Number, Text};
        [Text, Number, Boolean, DateTime].into_iter().find(|kind| kind.word() == word)
    }
}

/// A private key of RSA, and when it began to sign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SigningKey {
    pub id: String,
    /// In PKCS #8, sealed.
    pub sealed: Bytes,
    pub made: Timestamp,
    /// The public half as JSON, as the set of keys has it.
    pub public: String,
}
kv::stored!(SigningKey, version = 1);
