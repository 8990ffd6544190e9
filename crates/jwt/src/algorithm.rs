//! The algorithms of signatures: none that needs a shared secret, and not `none`.

use ring::signature::{self, EcdsaVerificationAlgorithm, EdDSAParameters, RsaParameters};

/// How a token is signed.
///
/// Source: RFC 7518, section 3.1; RFC 8037, section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// What checks signatures of an algorithm, and with that the kind of key that it takes.
pub(crate) enum Method {
    Rsa(&'static RsaParameters),
    /// A curve by its name in a key, and the algorithm on it.
    Curve(&'static str, &'static EcdsaVerificationAlgorithm),
    Edwards(&'static EdDSAParameters),
}

impl Algorithm {
    pub const ALL: [Algorithm; 9] = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ];

    /// Its name in headers and keys.
    pub fn word(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Ps256 => "PS256",
            Algorithm::Ps384 => "PS384",
            Algorithm::Ps512 => "PS512",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    pub fn from_word(word: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.word() == word)
    }

    pub(crate) fn method(self) -> Method {
        match self {
            Algorithm::Rs256 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::Ps256 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Algorithm::Ps384 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Algorithm::Ps512 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Algorithm::Es256 => Method::Curve("P-256", &signature::ECDSA_P256_SHA256_FIXED),
            Algorithm::Es384 => Method::Curve("P-384", &signature::ECDSA_P384_SHA384_FIXED),
            Algorithm::EdDsa => Method::Edwards(&signature::ED25519),
        }
    }
}
