//! What hosted pages and the endpoints of OAuth 2.0 keep: domains, resource servers, codes under way, other identity providers, and
//! how pages look.

use std::collections::BTreeMap;

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Where a pool's pages and endpoints are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// The first label of a host of Cognito's, or a whole host where it is the pool's own.
    pub name: String,
    pub pool: String,
    /// The certificate of a host of the pool's own: `arn:aws:acm:…`.
    pub certificate: Option<String>,
    /// Which kind of pages was asked for: 1 or 2. Both are the same here.
    pub version: u32,
    pub created: Timestamp,
}
kv::stored!(Domain, version = 1);

/// An API whose scopes clients can be given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceServer {
    pub pool: String,
    /// What its scopes begin with: `https://api.example.com`.
    pub identifier: String,
    pub name: String,
    pub scopes: Vec<Scope>,
}
kv::stored!(ResourceServer, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    pub name: String,
    pub description: String,
}

/// An authorization code, which itself is not kept: what it was given for, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Authorization {
    pub client: String,
    /// The user's key and id: another with the same name is not meant.
    pub user: String,
    pub sub: String,
    pub redirect_uri: String,
    pub scopes: Vec<String>,
    pub nonce: Option<String>,
    /// What the verifier's hash has to be (PKCE).
    pub challenge: Option<String>,
    pub signed_in: Timestamp,
    pub expires: Timestamp,
    /// The hash of the refresh token that it was exchanged for, once it was.
    pub grant: Option<Bytes>,
}
kv::stored!(Authorization, version = 1);

/// How pages look for a client, or for all that have nothing of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customization {
    pub pool: String,
    /// `ALL` for those that have nothing of their own.
    pub client: String,
    pub css: String,
    pub version: String,
    pub created: Timestamp,
    pub modified: Timestamp,
}
kv::stored!(Customization, version = 1);

/// Somebody else who tells who a user is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    pub pool: String,
    pub name: String,
    pub kind: ProviderKind,
    /// As they were written, without the secret.
    pub details: BTreeMap<String, String>,
    /// What this pool proves with who it is: sealed.
    pub secret: Option<Bytes>,
    /// The claim that each attribute is taken from; `username` names the one that users are told apart by.
    pub mapping: BTreeMap<String, String>,
    /// What else it is called by in requests.
    pub identifiers: Vec<String>,
    pub created: Timestamp,
    pub modified: Timestamp,
}
kv::stored!(Provider, version = 1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProviderKind {
    Oidc,
    Google,
    Facebook,
    Amazon,
}

impl ProviderKind {
    pub fn word(self) -> &'static str {
        match self {
            ProviderKind::Oidc => "OIDC",
            ProviderKind::Google => "Google",
            ProviderKind::Facebook => "Facebook",
            ProviderKind::Amazon => "LoginWithAmazon",
        }
    }

    pub fn read(word: &str) -> Option<ProviderKind> {
        use ProviderKind::{Amazon, Facebook, Google, Oidc};
        [Oidc, Google, Facebook, Amazon].into_iter().find(|kind| kind.word() == word)
    }
}
