//! Ciphertexts of symmetric keys: which key made them, bound to it and to the encryption context.
//!
//! ```text
//! version 1 | key id 16 | number of its material 4 | what vault::Key seals
//! ```

use std::collections::BTreeMap;

use base::Env;
use uuid::Uuid;
use vault::{Key, Zeroizing};

use crate::error::Error;

const VERSION: u8 = 1;

/// What a ciphertext says of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub key: Uuid,
    pub material: u32,
}

impl Header {
    /// # Errors
    /// `InvalidCiphertextException` for what no key here has made.
    pub fn read(ciphertext: &[u8]) -> Result<(Header, &[u8]), Error> {
        let read = || {
            let (version, rest) = ciphertext.split_first()?;
            let (key, rest) = rest.split_first_chunk()?;
            let (material, rest) = rest.split_first_chunk()?;
            let header = Header { key: Uuid::from_bytes(*key), material: u32::from_be_bytes(*material) };
            (*version == VERSION).then_some((header, rest))
        };
        read().ok_or(Error::InvalidCiphertext)
    }

    fn write(self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(self.key.as_bytes());
        bytes.extend_from_slice(&self.material.to_be_bytes());
        bytes
    }

    /// What a ciphertext is bound to: itself, and the context in order, each text behind its length.
    fn place(self, context: &BTreeMap<String, String>) -> Vec<u8> {
        let mut place = self.write();
        for text in context.iter().flat_map(|(name, value)| [name, value]) {
            place.extend_from_slice(&(text.len() as u64).to_be_bytes());
            place.extend_from_slice(text.as_bytes());
        }
        place
    }
}

pub fn seal(
    header: Header,
    material: &[u8],
    context: &BTreeMap<String, String>,
    plaintext: &[u8],
    env: &Env,
) -> Result<Vec<u8>, Error> {
    let key = Key::from_bytes(material).ok_or_else(|| super::damaged(&"its length"))?;
    let mut ciphertext = header.write();
    ciphertext.extend_from_slice(&key.seal(env, &header.place(context), plaintext)?);
    Ok(ciphertext)
}

/// # Errors
/// `InvalidCiphertextException` where key or context are others, or the ciphertext was changed.
pub fn open(
    header: Header,
    material: &[u8],
    context: &BTreeMap<String, String>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let key = Key::from_bytes(material).ok_or_else(|| super::damaged(&"its length"))?;
    key.open(&header.place(context), sealed).map_err(|_| Error::InvalidCiphertext)
}
