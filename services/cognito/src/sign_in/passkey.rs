//! Passkeys: what is asked of a browser, and what its answer shows.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html#amazon-cognito-user-pools-authentication-flow-methods-passkey>

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kv::Read;
use serde_json::{Value, json};
use webauthn::{Assertion, Credential, RelyingParty, Verified};

use super::{Answer, Parameters, SignIn, required};
use crate::Cognito;
use crate::crypto::mac;
use crate::error::Error;
use crate::limits::PASSKEY_TIME;
use crate::model::{domain, grant, passkey as passkeys, user as users};
use crate::session::{Challenge, Session};
use crate::tokens::Moment;
use crate::types::{Domain, Passkey, Pool, Status, User};

/// Whom passkeys of a pool are made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub id: String,
    /// The only origin whose pages may ask for them, where the pool does not say whom they are for: below the server's own name, and
    /// beside it, there are pages of others.
    pub home: Option<String>,
}

impl Party {
    pub fn of(&self, pool: &Pool) -> RelyingParty<'_> {
        let verifies_users = user_verification(pool) == "required";
        RelyingParty { id: &self.id, home: self.home.as_deref(), verifies_users }
    }
}

/// Whom passkeys of a pool are made for: what it says, or its domain. A domain on a path has the server's own.
///
/// # Errors
/// When there is neither.
pub fn relying_party(cognito: &Cognito, read: &(impl Read + ?Sized), pool: &Pool) -> Result<Party, Error> {
    if let Some(id) = pool.settings.passkeys.as_ref().and_then(|passkeys| passkeys.party.clone()) {
        return Ok(Party { id, home: None });
    }
    default_party(&cognito.base, &domain::all_of(read, &pool.id)?).ok_or(Error::WebAuthnConfigurationMissing)
}

/// The party of a pool that names none, on a server with this public URL.
fn default_party(base: &str, domains: &[Domain]) -> Option<Party> {
    domains.first()?;
    let (scheme, rest) = base.split_once("://")?;
    let authority = rest.split('/').next()?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let (scheme, host, port) = match domains.iter().find(|domain| domain.certificate.is_some()) {
        // Such a host has TLS, if only in front of the server.
        Some(own) => ("https", own.name.as_str(), if scheme == "https" { port } else { "" }),
        None => (scheme, host, port),
    };
    // An address of IPv6 may have letters, too.
    if host.starts_with('[') || !host.contains(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    // As browsers write origins.
    let id = host.to_ascii_lowercase();
    let home = match (scheme, port) {
        (_, "") | ("https", "443") | ("http", "80") => format!("{scheme}://{id}"),
        _ => format!("{scheme}://{id}:{port}"),
    };
    Some(Party { id, home: Some(home) })
}

/// How browsers are told whether the user has to be known.
pub fn user_verification(pool: &Pool) -> &'static str {
    let verifies = pool.settings.passkeys.as_ref().is_some_and(|passkeys| passkeys.verifies_users);
    if verifies { "required" } else { "preferred" }
}

/// A credential as browsers are told of it.
pub fn descriptor(passkey: &Passkey) -> Value {
    json!({"type": "public-key", "id": URL_SAFE_NO_PAD.encode(&passkey.id), "transports": passkey.transports})
}

pub fn time_millis() -> u64 {
    PASSKEY_TIME.as_secs() * 1_000
}

fn refused() -> Error {
    Error::not_authorized("Incorrect username or passkey.")
}

impl SignIn {
    /// Asks for the signature of a passkey.
    pub fn ask_for_passkey(&self, user: &User) -> Result<Answer, Error> {
        let read = self.cx.db().read()?;
        let party = relying_party(&self.cognito, &read, &self.pool)?;
        let own = passkeys::of_user(&read, user)?;
        let mut allowed: Vec<Value> = own.iter().filter(|own| own.party == party.id).map(descriptor).collect();
        if allowed.is_empty() && self.client.settings.hides_users {
            allowed = self.pretended_passkeys(user);
        }
        let mut challenge = vec![0; 32];
        self.cx.env().random(&mut challenge);
        let options = json!({
            "challenge": URL_SAFE_NO_PAD.encode(&challenge),
            "timeout": time_millis(),
            "rpId": party.id,
            "allowCredentials": allowed,
            "userVerification": user_verification(&self.pool),
        });
        let session = Session::new(&self.cx, &self.client, user, Challenge::WebAuthn, &self.metadata);
        let parameters = [("CREDENTIAL_REQUEST_OPTIONS", options.to_string()), ("USERNAME", user.name.clone())];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
        let expires = session.expires.min(self.cx.now() + PASSKEY_TIME);
        self.challenge(&Session { passkey: Some(challenge), expires, ..session }, parameters)
    }

    /// Passkeys of somebody who has none: the same each time, one or sometimes two, with the ids and the ways that authenticators have.
    fn pretended_passkeys(&self, user: &User) -> Vec<Value> {
        let pretended = |number: u8| {
            let part = |what: &[u8]| mac(&self.pool.decoy, &[what, &[number], user.key.as_bytes()]);
            let [kind, ..] = part(b"passkey kind");
            let (length, transports): (usize, &[&str]) = match kind % 8 {
                0 => (20, &["internal"]),
                1..=3 => (20, &["internal", "hybrid"]),
                4..=5 => (16, &["internal", "hybrid"]),
                6 => (32, &["internal"]),
                _ => (32, &["usb"]),
            };
            let id = URL_SAFE_NO_PAD.encode(part(b"passkey id").get(..length).unwrap_or_default());
            json!({"type": "public-key", "id": id, "transports": transports})
        };
        let [more, ..] = mac(&self.pool.decoy, &[b"passkeys", user.key.as_bytes()]);
        let count = if more % 4 == 0 { 2 } else { 1 };
        (0..count).map(pretended).collect()
    }

    pub async fn verify_passkey(&self, session: &Session, responses: &Parameters) -> Result<Answer, Error> {
        let text = required(responses, "CREDENTIAL")?;
        let malformed = |error: webauthn::Error| Error::parameter(format!("Invalid CREDENTIAL: {error}."));
        let credential =
            serde_json::from_str(text).map_err(|_| Error::parameter("Invalid CREDENTIAL: it is not JSON."))?;
        let signed = Assertion::read(&credential).map_err(malformed)?;
        let challenge = session.passkey.clone().ok_or_else(refused)?;
        let user = self.user_of(session).map_err(|error| match error {
            Error::NotAuthorized(_) => refused(),
            error => error,
        })?;
        // Where the client hides who has one, everybody is asked.
        if !self.has_factor(&user, Challenge::WebAuthn)? {
            return Err(refused());
        }
        if signed.user_handle.as_ref().is_some_and(|handle| *handle != user.sub.as_bytes()) {
            return Err(refused());
        }
        let (party, kept) = {
            let read = self.cx.db().read()?;
            let party = relying_party(&self.cognito, &read, &self.pool)?;
            // One that was made for another party counts no more.
            let kept = passkeys::find(&read, &user, &signed.id)?.filter(|kept| kept.party == party.id);
            (party, kept.ok_or_else(refused)?)
        };
        let verified = self.is_signed(party, challenge, &kept, signed).await?;
        self.spend_on(session, &user, kept, verified).await?;
        let is_two = self.pool.settings.passkeys.as_ref().is_some_and(|passkeys| passkeys.is_second_factor);
        if user.status == Status::Confirmed && verified.knew_user && is_two {
            return self.finish(user, None, Moment::Authentication).await;
        }
        self.proven(user, None).await
    }

    /// Whether a passkey has signed this. It takes a core, and is looked at when it is its turn, like a password. Wrong ones are not
    /// counted, and whoever is locked out for wrong passwords gets in: nobody guesses a signature, and to be locked out by others
    /// is worse.
    async fn is_signed(
        &self,
        party: Party,
        challenge: Vec<u8>,
        kept: &Passkey,
        signed: Assertion,
    ) -> Result<Verified, Error> {
        let (pool, id, key) = (self.pool.clone(), kept.id.to_vec(), kept.key.to_vec());
        let kept = Credential { id, key, counter: kept.counter, may_be_copied: false };
        let check = move || {
            webauthn::verify(party.of(&pool), &challenge, &kept, &signed).map_err(|error| {
                tracing::debug!(%error, "a passkey was refused");
                refused()
            })
        };
        self.cognito.heavy(check).await
    }

    /// Uses the challenge up, and notes the count of the passkey that signed it: of answers that come at once, and of copies of an
    /// authenticator that sign at once, one gets in.
    async fn spend_on(&self, session: &Session, user: &User, kept: Passkey, verified: Verified) -> Result<(), Error> {
        let (session, own) = (session.clone(), user.clone());
        let note = move |tx: &mut kv::Tx| {
            if !session.is_of(&users::by_key(tx, &own.pool, &own.key)?) {
                return Err(refused());
            }
            grant::spend(tx, &own.pool, &session.id, session.expires)?;
            let found = passkeys::find(tx, &own, &kept.id)?.ok_or_else(refused)?;
            // Many authenticators do not count.
            let counts = verified.counter != 0 || found.counter != 0;
            if found.key != kept.key || found.party != kept.party || (counts && verified.counter <= found.counter) {
                return Err(refused());
            }
            passkeys::change(tx, &own, &kept.id, |passkey| {
                passkey.counter = verified.counter;
                Ok(())
            })
        };
        self.cx.db().write(note).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_that_is_not_named_is_one_origin() {
        let domain = |name: &str, certificate: Option<&str>| Domain {
            name: name.into(),
            pool: "us-east-1_P".into(),
            certificate: certificate.map(str::to_owned),
            version: 1,
            created: base::Timestamp(1),
        };
        let on_path = [domain("my-app", None)];
        let own = [
            domain("my-app", None),
            domain("login.example.com", Some("arn:aws:acm:us-east-1:000000000000:certificate/c")),
        ];
        for (base, domains, id, home) in [
            ("https://cloud.example.com", &on_path[..], "cloud.example.com", "https://cloud.example.com"),
            ("https://Cloud.example.com:443/", &on_path[..], "cloud.example.com", "https://cloud.example.com"),
            ("http://localhost:4566", &on_path[..], "localhost", "http://localhost:4566"),
            ("https://cloud.example.com:8443", &own[..], "login.example.com", "https://login.example.com:8443"),
            ("http://localhost:4566", &own[..], "login.example.com", "https://login.example.com"),
        ] {
            let expected = Party { id: id.into(), home: Some(home.into()) };
            assert_eq!(default_party(base, domains), Some(expected), "{base}");
        }
        assert_eq!(default_party("https://cloud.example.com", &[]), None);
        assert_eq!(default_party("http://127.0.0.1:4566", &on_path), None, "passkeys are for names");
        assert_eq!(default_party("http://[fe80::1]:4566", &on_path), None);
    }
}
