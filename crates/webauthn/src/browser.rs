//! What a browser sends, and what it says of the page that asked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use crate::{Error, RelyingParty};

/// The most bytes that a part may have: an attestation with the certificates of its maker has a few thousand.
pub const PART_BYTES_MAX: usize = 32_768;

/// A new credential: `RegistrationResponseJSON`.
#[derive(Clone, Debug)]
pub struct Registration {
    pub id: Vec<u8>,
    pub client_data: Vec<u8>,
    pub attestation: Vec<u8>,
    /// How the authenticator is reached (`internal`, `usb`), as the browser says.
    pub transports: Vec<String>,
    /// `platform` or `cross-platform`.
    pub attachment: Option<String>,
}

/// A signature: `AuthenticationResponseJSON`.
#[derive(Clone, Debug)]
pub struct Assertion {
    pub id: Vec<u8>,
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
    /// Whom the authenticator takes its user for.
    pub user_handle: Option<Vec<u8>>,
}

/// Members that are told once, and short: more of them than any browser knows are left out.
const TRANSPORTS_MAX: usize = 8;
const WORD_CHARACTERS_MAX: usize = 32;

fn text<'a>(value: &'a Value, name: &'static str) -> Result<&'a str, Error> {
    value.get(name).and_then(Value::as_str).ok_or(Error::Malformed(name))
}

/// A part in base64url.
fn part(value: &Value, name: &'static str) -> Result<Vec<u8>, Error> {
    let text = text(value, name)?.trim_end_matches('=');
    if text.len() / 4 * 3 > PART_BYTES_MAX {
        return Err(Error::TooLarge);
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::Malformed(name))
}

/// What both have: the id, twice, and what was answered.
fn parts(credential: &Value) -> Result<(Vec<u8>, &Value), Error> {
    if text(credential, "type")? != "public-key" {
        return Err(Error::Malformed("type"));
    }
    let id = part(credential, "id")?;
    if credential.get("rawId").is_some() && part(credential, "rawId")? != id {
        return Err(Error::Malformed("rawId"));
    }
    Ok((id, credential.get("response").ok_or(Error::Malformed("response"))?))
}

impl Registration {
    /// # Errors
    /// When a part is not there, too large, or not in base64url.
    ///
    /// Source: <https://www.w3.org/TR/webauthn-3/#dictdef-registrationresponsejson>
    pub fn read(credential: &Value) -> Result<Registration, Error> {
        let (id, response) = parts(credential)?;
        let is_short = |word: &&str| word.len() <= WORD_CHARACTERS_MAX;
        let words = response.get("transports").and_then(Value::as_array).into_iter().flatten();
        let words = words.filter_map(Value::as_str).filter(is_short).take(TRANSPORTS_MAX);
        let attachment = credential.get("authenticatorAttachment").and_then(Value::as_str);
        Ok(Registration {
            id,
            client_data: part(response, "clientDataJSON")?,
            attestation: part(response, "attestationObject")?,
            transports: words.map(str::to_owned).collect(),
            attachment: attachment.filter(is_short).map(str::to_owned),
        })
    }

    /// The challenge that it says it was made for, of which nothing is known yet.
    pub fn challenge(&self) -> Result<Vec<u8>, Error> {
        Ok(ClientData::read(&self.client_data)?.challenge)
    }
}

impl Assertion {
    /// # Errors
    /// When a part is not there, too large, or not in base64url.
    ///
    /// Source: <https://www.w3.org/TR/webauthn-3/#dictdef-authenticationresponsejson>
    pub fn read(credential: &Value) -> Result<Assertion, Error> {
        let (id, response) = parts(credential)?;
        let has_handle = response.get("userHandle").is_some_and(|handle| !handle.is_null() && handle != "");
        Ok(Assertion {
            id,
            client_data: part(response, "clientDataJSON")?,
            authenticator_data: part(response, "authenticatorData")?,
            signature: part(response, "signature")?,
            user_handle: has_handle.then(|| part(response, "userHandle")).transpose()?,
        })
    }
}

/// What a page wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    Create,
    Get,
}

/// What the browser says of that: it is signed with the rest.
///
/// Source: section 5.8.1.
pub struct ClientData {
    kind: String,
    challenge: Vec<u8>,
    origin: String,
    is_cross_origin: bool,
}

impl ClientData {
    pub fn read(bytes: &[u8]) -> Result<ClientData, Error> {
        let malformed = |_| Error::Malformed("clientDataJSON");
        let data: Value = serde_json::from_slice(bytes).map_err(malformed)?;
        Ok(ClientData {
            kind: text(&data, "type")?.to_owned(),
            challenge: part(&data, "challenge")?,
            origin: text(&data, "origin")?.to_owned(),
            is_cross_origin: data.get("crossOrigin").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// # Errors
    /// When it was for something else, for another challenge, or on a page that is not the party's own.
    pub fn check(&self, ceremony: Ceremony, challenge: &[u8], party: RelyingParty<'_>) -> Result<(), Error> {
        let kind = match ceremony {
            Ceremony::Create => "webauthn.create",
            Ceremony::Get => "webauthn.get",
        };
        if self.kind != kind {
            return Err(Error::Ceremony);
        }
        if challenge.is_empty() || !bool::from(self.challenge.ct_eq(challenge)) {
            return Err(Error::Challenge);
        }
        // In a frame on somebody else's page, the user cannot see whom they sign in to.
        let is_home = party.home.is_none_or(|home| home == self.origin);
        if self.is_cross_origin || !is_home || !is_own(&self.origin, party.id) {
            return Err(Error::Origin);
        }
        Ok(())
    }
}

/// Whether a page is of a party: on its domain or below it, over TLS or on this machine.
///
/// Source: section 5.1.3, step 8, and <https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy>.
fn is_own(origin: &str, party: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let is_local = host == "localhost" || host.ends_with(".localhost");
    let is_secure = scheme == "https" || (scheme == "http" && is_local);
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    let is_below = host.strip_suffix(party).is_some_and(|above| above.is_empty() || above.ends_with('.'));
    is_secure && is_name && is_below && !party.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_party_are_told_from_others() {
        for (origin, party) in [
            ("https://example.com", "example.com"),
            ("https://login.example.com:8443", "example.com"),
            ("http://localhost:5173", "localhost"),
            ("http://app.localhost", "localhost"),
        ] {
            assert!(is_own(origin, party), "{origin} {party}");
        }
        for (origin, party) in [
            ("http://example.com", "example.com"),
            ("https://notexample.com", "example.com"),
            ("https://example.com.evil.example", "example.com"),
            ("https://example.com", "login.example.com"),
            ("https://evil.example:1@example.com", "example.com"),
            ("https://evil.example/.example.com", "example.com"),
            ("https://com", "example.com"),
            ("https://", ""),
            ("null", "null"),
            ("android:apk-key-hash:x", "example.com"),
        ] {
            assert!(!is_own(origin, party), "{origin} {party}");
        }
    }
}
