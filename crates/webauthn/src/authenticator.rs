//! What an authenticator says of itself, and what it signs.

use ciborium::Value;
use subtle::ConstantTimeEq as _;

use crate::{Error, RelyingParty, cbor};

/// The longest id that a credential may have.
///
/// Source: section 7.1, step 17, of Level 3.
pub const CREDENTIAL_ID_BYTES_MAX: usize = 1_023;

/// Source: section 6.1, and section 6.1 of Level 3 for the two about copies.
pub const USER_PRESENT: u8 = 1;
pub const USER_VERIFIED: u8 = 1 << 2;
pub const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

pub struct AuthenticatorData {
    party: [u8; 32],
    pub flags: u8,
    pub counter: u32,
    /// The id and the key of a new credential.
    pub credential: Option<(Vec<u8>, Vec<u8>)>,
}

/// The authenticator data of an attestation, whose statement is left alone.
///
/// Source: section 6.5.4.
pub fn attested(attestation: &[u8]) -> Result<Vec<u8>, Error> {
    let object = cbor::whole(attestation)?;
    let has_form = cbor::named(&object, "fmt").is_some_and(Value::is_text);
    let data = cbor::named(&object, "authData").and_then(Value::as_bytes).filter(|_| has_form);
    data.cloned().ok_or(Error::Malformed("it is no attestation"))
}

impl AuthenticatorData {
    /// Source: section 6.1, figure 5.
    pub fn read(bytes: &[u8]) -> Result<AuthenticatorData, Error> {
        let short = || Error::Malformed("its authenticator data is cut off");
        let (party, rest) = bytes.split_first_chunk::<32>().ok_or_else(short)?;
        let ([flags, counter @ ..], rest) = rest.split_first_chunk::<5>().ok_or_else(short)?;
        let (credential, rest) = match flags & HAS_CREDENTIAL {
            0 => (None, rest),
            _ => credential(rest).map(|(credential, rest)| (Some(credential), rest))?,
        };
        match (flags & HAS_EXTENSIONS, rest) {
            (0, []) => {}
            (0, _) => return Err(Error::Malformed("bytes follow its authenticator data")),
            _ if cbor::whole(rest)?.is_map() => {}
            _ => return Err(Error::Malformed("its extensions are no map")),
        }
        Ok(AuthenticatorData { party: *party, flags: *flags, counter: u32::from_be_bytes(*counter), credential })
    }

    /// # Errors
    /// When it is for another party, or the user did not do what has to be done.
    pub fn check(&self, party: RelyingParty<'_>) -> Result<(), Error> {
        let hash = ring::digest::digest(&ring::digest::SHA256, party.id.as_bytes());
        if !bool::from(hash.as_ref().ct_eq(&self.party)) {
            return Err(Error::RelyingParty);
        }
        if self.flags & USER_PRESENT == 0 {
            return Err(Error::NotPresent);
        }
        if party.verifies_users && self.flags & USER_VERIFIED == 0 {
            return Err(Error::NotVerified);
        }
        if self.flags & BACKED_UP != 0 && self.flags & BACKUP_ELIGIBLE == 0 {
            return Err(Error::Malformed("it is a copy of what cannot be copied"));
        }
        Ok(())
    }
}

type IdAndKey = (Vec<u8>, Vec<u8>);

/// Source: section 6.5.1.
fn credential(bytes: &[u8]) -> Result<(IdAndKey, &[u8]), Error> {
    let short = || Error::Malformed("its authenticator data is cut off");
    // The model of the authenticator says nothing that is used.
    let (_, rest) = bytes.split_at_checked(16).ok_or_else(short)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > CREDENTIAL_ID_BYTES_MAX {
        return Err(Error::Malformed("its id is too long, or empty"));
    }
    let (id, rest) = rest.split_at_checked(length).ok_or_else(short)?;
    let (_, key) = cbor::first(rest)?;
    let (key, rest) = rest.split_at_checked(key).ok_or_else(short)?;
    Ok(((id.to_vec(), key.to_vec()), rest))
}
