//! Digests and message authentication codes.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

use crate::error::Error;
use crate::spec::Hash;

pub fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha1 => Sha1::digest(message).to_vec(),
        Hash::Sha224 => Sha224::digest(message).to_vec(),
        Hash::Sha256 => Sha256::digest(message).to_vec(),
        Hash::Sha384 => Sha384::digest(message).to_vec(),
        Hash::Sha512 => Sha512::digest(message).to_vec(),
    }
}

pub fn digest_bytes(hash: Hash) -> usize {
    match hash {
        Hash::Sha1 => 20,
        Hash::Sha224 => 28,
        Hash::Sha256 => 32,
        Hash::Sha384 => 48,
        Hash::Sha512 => 64,
    }
}

/// # Errors
/// None that comes from outside.
pub fn mac(hash: Hash, key: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    macro_rules! of {
        ($hash:ty) => {{
            let mac = Hmac::<$hash>::new_from_slice(key).map_err(|error| super::damaged(&error))?;
            Ok(mac.chain_update(message).finalize().into_bytes().to_vec())
        }};
    }
    match hash {
        Hash::Sha1 => of!(Sha1),
        Hash::Sha224 => of!(Sha224),
        Hash::Sha256 => of!(Sha256),
        Hash::Sha384 => of!(Sha384),
        Hash::Sha512 => of!(Sha512),
    }
}
