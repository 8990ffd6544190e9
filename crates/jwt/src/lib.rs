//! JSON Web Tokens: keys of issuers, and what is signed and verified with them.
//!
//! Signatures are asymmetric alone, so that nobody who can verify a token can make one, and a key decides for itself which
//! algorithms are meant for it: what a token claims of its algorithm only picks among those. On ring, which the tree has
//! anyway: `jsonwebtoken` would bring aws-lc beside it, or an older generation of RustCrypto.
//!
//! ```text
//! text -> Token::parse     bounded, well formed: nothing of it is trusted yet
//!      -> Token::verify    signed by one of the issuer's keys
//!      -> Claims::check    at this time, by this issuer, for one of these audiences
//! ```
//!
//! Source: RFC 7515 (signatures), RFC 7517 (keys), RFC 7518 (algorithms), RFC 7519 (claims), RFC 8037 (Ed25519), and RFC 8725
//! for what goes wrong with them.

mod algorithm;
mod claims;
mod json;
mod key_set;
mod sign;
mod token;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use key_set::{KEY_SET_BYTES_MAX, KEYS_MAX, KeySet};
pub use sign::{SigningKey, sign};
pub use token::{TOKEN_BYTES_MAX, Token};

/// Why a token or a set of keys is not accepted, or a token cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More bytes, or more keys, than are read.
    #[error("too large")]
    TooLarge,
    /// Not of three parts in base64url, or a part is not the JSON object that it has to be.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// No algorithm that is known, or none that is allowed here, or none that the key is for.
    #[error("the algorithm is not allowed")]
    Algorithm,
    /// The header asks that extensions are understood (`crit`): none are.
    #[error("an extension that must be understood is not")]
    Critical,
    /// The token names no key, or none of the set.
    #[error("the key is not known")]
    UnknownKey,
    #[error("the signature is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
    /// Its `nbf` or its `iat` is still to come.
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the issuer is another one")]
    Issuer,
    #[error("the audience is another one")]
    Audience,
    /// A private key that cannot be read or used.
    #[error("the signing key cannot be used")]
    SigningKey,
}
