//! Secrets at rest: whatever the store or a file must not show is sealed here first, with AES-256-GCM.
//!
//! ```text
//! master key   32 bytes outside the store: a file, or the environment
//!   keyring    a few keys in the store, sealed with the master key: changing that rewrites nothing else
//!     rows     secrets, key material, the keys of bodies: each sealed with a key of the ring, bound to its place
//!       bodies a key of its own for each, which seals it in chunks
//! ```
//!
//! A place is what a ciphertext belongs to (an ARN with a version, say): moved elsewhere, it does not open.

mod body;
mod envelope;
mod key;
mod keyring;
mod randomness;

pub use body::{BodyKey, CHUNK_OVERHEAD};
pub use envelope::{Envelope, open, seal};
pub use key::{KEY_BYTES, Key, OVERHEAD};
pub use keyring::{Vault, check, is_sealed, rewrap};
pub use randomness::Randomness;
pub use zeroize::Zeroizing;

/// Why something cannot be sealed or opened. None of it says what is inside.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was changed, moved to another place, or sealed with another key.
    #[error("what is sealed does not open: it was changed or moved, or sealed with another key")]
    Unopened,
    #[error("more than a cipher takes at once")]
    TooLong,
    /// None of the given master keys is the one that the store's keys are sealed with.
    #[error(
        "what is kept here was sealed with the master key {wanted}, and {given}. Without it, secrets and keys cannot be read: \
         give that one"
    )]
    OtherMaster { wanted: String, given: String },
    #[error("a master key is needed")]
    NoMaster,
    #[error(transparent)]
    Store(#[from] kv::Error),
}
