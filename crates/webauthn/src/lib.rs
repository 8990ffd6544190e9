//! Passkeys, from the side of who is signed in to: what browsers send when one is made, and when one signs.
//!
//! ```text
//! JSON of a browser -> Registration::read / Assertion::read   bounded, decoded: nothing of it is trusted yet
//!                   -> register                               made for this challenge and this party: a Credential to keep
//!                   -> verify                                 signed by the credential for this challenge and this party
//! ```
//!
//! Challenges, and that each counts once, are for the caller to keep. No statement of a maker about its authenticator is asked for, and
//! none that comes is relied on. On ring and ciborium, which the tree has anyway.
//!
//! Source: Web Authentication, Level 2 (<https://www.w3.org/TR/webauthn-2/>), sections 6.1, 7.1 and 7.2; RFC 9052 and RFC 9053 for keys.

mod authenticator;
mod browser;
mod cbor;
mod key;

#[cfg(test)]
mod tests;

pub use authenticator::CREDENTIAL_ID_BYTES_MAX;
pub use browser::{Assertion, PART_BYTES_MAX, Registration};
pub use key::ALGORITHMS;

use authenticator::AuthenticatorData;
use browser::{Ceremony, ClientData};

/// Why something that a browser sent is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a part of the credential is too large")]
    TooLarge,
    #[error("the credential is malformed: {0}")]
    Malformed(&'static str),
    /// A registration was sent for a signature, or the other way round.
    #[error("the credential is for something else")]
    Ceremony,
    #[error("the challenge is another one")]
    Challenge,
    /// The page is none of the relying party's.
    #[error("the origin is not allowed")]
    Origin,
    #[error("the relying party is another one")]
    RelyingParty,
    #[error("the user was not present")]
    NotPresent,
    #[error("the user was not verified")]
    NotVerified,
    #[error("the kind of key is not supported")]
    Algorithm,
    #[error("the signature is wrong")]
    Signature,
    /// It does not grow: somebody may have a copy of the key.
    #[error("the authenticator's counter went back")]
    Counter,
}

/// Who is signed in to.
#[derive(Clone, Copy, Debug)]
pub struct RelyingParty<'a> {
    /// A domain: pages of it and of what is below it are its own, unless there is a `home`.
    pub id: &'a str,
    /// The origin whose pages alone are its own, where the domain has others' pages, too: `https://example.com`.
    pub home: Option<&'a str>,
    /// Whether authenticators have to know their user: by a PIN, a finger or a face.
    pub verifies_users: bool,
}

/// A credential that was made: what has to be kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub id: Vec<u8>,
    /// The public key, as COSE has it.
    pub key: Vec<u8>,
    pub counter: u32,
    /// Whether it may be copied to other devices of its user.
    pub may_be_copied: bool,
}

/// What a signature showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// To be kept, for the next one has to be greater.
    pub counter: u32,
    /// Whether the authenticator knew its user.
    pub knew_user: bool,
}

/// Accepts a new credential.
///
/// # Errors
/// When it was not made for this challenge and this party, or has a key that cannot be verified with.
///
/// Source: section 7.1, steps 7 to 21.
pub fn register(party: RelyingParty<'_>, challenge: &[u8], made: &Registration) -> Result<Credential, Error> {
    ClientData::read(&made.client_data)?.check(Ceremony::Create, challenge, party)?;
    let data = AuthenticatorData::read(&authenticator::attested(&made.attestation)?)?;
    data.check(party)?;
    let (id, key) = data.credential.ok_or(Error::Malformed("it has no key"))?;
    if id != made.id {
        return Err(Error::Malformed("its ids differ"));
    }
    key::PublicKey::read(&key)?;
    let may_be_copied = data.flags & authenticator::BACKUP_ELIGIBLE != 0;
    Ok(Credential { id, key, counter: data.counter, may_be_copied })
}

/// Checks a signature of a credential that has been kept.
///
/// # Errors
/// When it is not of this key, this challenge and this party, or is older than one that was seen.
///
/// Source: section 7.2, steps 11 to 21.
pub fn verify(
    party: RelyingParty<'_>,
    challenge: &[u8],
    kept: &Credential,
    signed: &Assertion,
) -> Result<Verified, Error> {
    ClientData::read(&signed.client_data)?.check(Ceremony::Get, challenge, party)?;
    let data = AuthenticatorData::read(&signed.authenticator_data)?;
    data.check(party)?;
    let hash = ring::digest::digest(&ring::digest::SHA256, &signed.client_data);
    let message = [signed.authenticator_data.as_slice(), hash.as_ref()].concat();
    key::PublicKey::read(&kept.key)?.verify(&message, &signed.signature)?;
    // Many authenticators do not count.
    if (data.counter != 0 || kept.counter != 0) && data.counter <= kept.counter {
        return Err(Error::Counter);
    }
    Ok(Verified { counter: data.counter, knew_user: data.flags & authenticator::USER_VERIFIED != 0 })
}
