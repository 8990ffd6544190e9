//! What users have beside their passwords: devices that they trust, and passkeys.

use base::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A device that a user has confirmed: it knows a secret, of which SRP's verifier is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Device {
    pub pool: String,
    /// The user's key.
    pub user: String,
    /// `us-east-1_` and a UUID.
    pub key: String,
    pub name: Option<String>,
    pub salt: Bytes,
    /// Sealed.
    pub verifier: Bytes,
    /// Whether it proves itself at sign-ins, and may stand for a second factor.
    pub remembered: bool,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub authenticated: Timestamp,
    /// The session of the sign-in that waits for it, for clients that do not bring it back.
    pub waiting: Option<String>,
}
kv::stored!(Device, version = 1);

/// A passkey: its private half is with the user's authenticator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passkey {
    pub pool: String,
    /// The user's key and id.
    pub user: String,
    pub sub: String,
    pub id: Bytes,
    /// The public key, as COSE has it.
    pub key: Bytes,
    /// How often it has signed, where it counts.
    pub counter: u32,
    pub name: String,
    /// The relying party that it was made for.
    pub party: String,
    pub attachment: Option<String>,
    pub transports: Vec<String>,
    pub created: Timestamp,
}
kv::stored!(Passkey, version = 1);
