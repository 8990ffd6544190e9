//! Kinds of keys, what they are for, and which algorithms go with them.
//!
//! Source: <https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html>

use serde::{Deserialize, Serialize};

use crate::error::Error;

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $type {
            $(#[serde(rename = $word)] $variant,)*
        }

        impl $type {
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            pub fn word(self) -> &'static str {
                match self {
                    $($type::$variant => $word,)*
                }
            }

            pub fn parse(word: &str) -> Option<$type> {
                match word {
                    $($word => Some($type::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// What a key is made of, in the order in which AWS tells them.
    Spec {
        Rsa2048 = "RSA_2048",
        P384 = "ECC_NIST_P384",
        P256 = "ECC_NIST_P256",
        P521 = "ECC_NIST_P521",
        Hmac384 = "HMAC_384",
        Rsa3072 = "RSA_3072",
        K256 = "ECC_SECG_P256K1",
        Rsa4096 = "RSA_4096",
        Symmetric = "SYMMETRIC_DEFAULT",
        Hmac256 = "HMAC_256",
        Hmac224 = "HMAC_224",
        Hmac512 = "HMAC_512",
    }
}

words! {
    /// What a key may be used for.
    Usage {
        Encrypt = "ENCRYPT_DECRYPT",
        Sign = "SIGN_VERIFY",
        Mac = "GENERATE_VERIFY_MAC",
        Agreement = "KEY_AGREEMENT",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Kinds that the API knows and that are not built.
pub const FOREIGN_SPECS: &[&str] =
    &["SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Symmetric,
    Rsa,
    Curve,
    Hmac,
}

impl Spec {
    pub fn family(self) -> Family {
        match self {
            Spec::Symmetric => Family::Symmetric,
            Spec::Rsa2048 | Spec::Rsa3072 | Spec::Rsa4096 => Family::Rsa,
            Spec::P256 | Spec::P384 | Spec::P521 | Spec::K256 => Family::Curve,
            Spec::Hmac224 | Spec::Hmac256 | Spec::Hmac384 | Spec::Hmac512 => Family::Hmac,
        }
    }

    /// Whether the key has a public half.
    pub fn is_asymmetric(self) -> bool {
        matches!(self.family(), Family::Rsa | Family::Curve)
    }

    /// Of an RSA key.
    pub fn rsa_bits(self) -> Option<usize> {
        match self {
            Spec::Rsa2048 => Some(2048),
            Spec::Rsa3072 => Some(3072),
            Spec::Rsa4096 => Some(4096),
            _ => None,
        }
    }

    /// Of the secret: of a symmetric key, or for MACs.
    pub fn secret_bytes(self) -> Option<usize> {
        match self {
            Spec::Symmetric | Spec::Hmac256 => Some(32),
            Spec::Hmac224 => Some(28),
            Spec::Hmac384 => Some(48),
            Spec::Hmac512 => Some(64),
            _ => None,
        }
    }

    /// What it may be used for.
    pub fn usages(self) -> &'static [Usage] {
        match self {
            Spec::Symmetric => &[Usage::Encrypt],
            Spec::Rsa2048 | Spec::Rsa3072 | Spec::Rsa4096 => &[Usage::Encrypt, Usage::Sign],
            Spec::P256 | Spec::P384 | Spec::P521 => &[Usage::Sign, Usage::Agreement],
            Spec::K256 => &[Usage::Sign],
            Spec::Hmac224 | Spec::Hmac256 | Spec::Hmac384 | Spec::Hmac512 => &[Usage::Mac],
        }
    }

    pub fn encryption_algorithms(self) -> &'static [&'static str] {
        match self.family() {
            Family::Symmetric => &["SYMMETRIC_DEFAULT"],
            Family::Rsa => &["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"],
            Family::Curve | Family::Hmac => &[],
        }
    }

    pub fn signing_algorithms(self) -> &'static [&'static str] {
        match self {
            Spec::Rsa2048 | Spec::Rsa3072 | Spec::Rsa4096 => &[
                "RSASSA_PKCS1_V1_5_SHA_256",
                "RSASSA_PKCS1_V1_5_SHA_384",
                "RSASSA_PKCS1_V1_5_SHA_512",
                "RSASSA_PSS_SHA_256",
                "RSASSA_PSS_SHA_384",
                "RSASSA_PSS_SHA_512",
            ],
            Spec::P256 | Spec::K256 => &["ECDSA_SHA_256"],
            Spec::P384 => &["ECDSA_SHA_384"],
            Spec::P521 => &["ECDSA_SHA_512"],
            _ => &[],
        }
    }

    pub fn mac_algorithms(self) -> &'static [&'static str] {
        match self {
            Spec::Hmac224 => &["HMAC_SHA_224"],
            Spec::Hmac256 => &["HMAC_SHA_256"],
            Spec::Hmac384 => &["HMAC_SHA_384"],
            Spec::Hmac512 => &["HMAC_SHA_512"],
            _ => &[],
        }
    }
}

/// Every word that the API knows for an algorithm of a kind.
pub const ENCRYPTION_ALGORITHMS: &[&str] = &["SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"];
pub const SIGNING_ALGORITHMS: &[&str] = &[
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "ECDSA_SHA_256",
    "ECDSA_SHA_384",
    "ECDSA_SHA_512",
    "SM2DSA",
    "ML_DSA_SHAKE_256",
    "ED25519_SHA_512",
    "ED25519_PH_SHA_512",
];

/// The hash function that an algorithm's name ends with.
///
/// # Errors
/// For names without one.
pub fn hash_of(algorithm: &str) -> Result<Hash, Error> {
    let hashes = [
        ("SHA_1", Hash::Sha1),
        ("SHA_224", Hash::Sha224),
        ("SHA_256", Hash::Sha256),
        ("SHA_384", Hash::Sha384),
        ("SHA_512", Hash::Sha512),
    ];
    let named = hashes.into_iter().find(|(word, _)| algorithm.ends_with(word));
    named.map(|(_, hash)| hash).ok_or_else(|| Error::Unsupported(format!("Algorithm {algorithm} is not supported.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_usage_and_an_algorithm_for_it() {
        for word in Spec::WORDS {
            let spec = Spec::parse(word).unwrap();
            assert_eq!(spec.word(), *word);
            for usage in spec.usages() {
                let algorithms = match usage {
                    Usage::Encrypt => spec.encryption_algorithms(),
                    Usage::Sign => spec.signing_algorithms(),
                    Usage::Mac => spec.mac_algorithms(),
                    Usage::Agreement => &["ECDH"],
                };
                assert!(!algorithms.is_empty(), "{word}");
                assert!(
                    algorithms
                        .iter()
                        .all(|name| matches!(*name, "SYMMETRIC_DEFAULT" | "ECDH") || hash_of(name).is_ok())
                );
            }
        }
    }
}
