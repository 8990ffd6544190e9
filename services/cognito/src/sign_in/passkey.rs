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
use crate::model::{domain, passkey as passkeys};
use crate::session::{Challenge, Session};
use crate::tokens::Moment;
use crate::types::{Passkey, Pool, Status, User};

/// Whom passkeys of a pool are made for: what it says, or its domain. A domain on a path has the server's own.
///
/// # Errors
/// When there is neither.
pub fn relying_party(cognito: &Cognito, read: &(impl Read + ?Sized), pool: &Pool) -> Result<String, Error> {
    if let Some(party) = pool.settings.passkeys.as_ref().and_then(|passkeys| passkeys.party.clone()) {
        return Ok(party);
    }
    let domains = domain::all_of(read, &pool.id)?;
    if let Some(own) = domains.iter().find(|domain| domain.certificate.is_some()) {
        return Ok(own.name.clone());
    }
    let host = cognito.base.split_once("://").map_or("", |(_, rest)| rest).split(['/', ':']).next();
    let is_name = |host: &&str| host.contains(|c: char| c.is_ascii_alphabetic());
    host.filter(|host| !domains.is_empty() && is_name(host))
        .map(str::to_owned)
        .ok_or(Error::WebAuthnConfigurationMissing)
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
    pub fn ask_for_passkey(&self, user: &User, exists: bool) -> Result<Answer, Error> {
        let read = self.cx.db().read()?;
        let party = relying_party(&self.cognito, &read, &self.pool)?;
        let own = passkeys::of_user(&read, user)?;
        let mut allowed: Vec<Value> = own.iter().filter(|own| own.party == party).map(descriptor).collect();
        if !exists {
            allowed.push(self.pretended_passkey(user));
        }
        let mut challenge = vec![0; 32];
        self.cx.env().random(&mut challenge);
        let options = json!({
            "challenge": URL_SAFE_NO_PAD.encode(&challenge),
            "timeout": time_millis(),
            "rpId": party,
            "allowCredentials": allowed,
            "userVerification": user_verification(&self.pool),
        });
        let session = Session::new(&self.cx, &self.client, user, Challenge::WebAuthn, &self.metadata);
        let parameters = [("CREDENTIAL_REQUEST_OPTIONS", options.to_string()), ("USERNAME", user.name.clone())];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
        self.challenge(&Session { passkey: Some(challenge), ..session }, parameters)
    }

    /// A passkey of somebody who does not exist: the same each time.
    fn pretended_passkey(&self, user: &User) -> Value {
        let id = mac(&self.pool.decoy, &[b"passkey id", user.key.as_bytes()]);
        let length = if id.first().is_some_and(|first| first % 2 == 0) { 16 } else { 20 };
        let id = URL_SAFE_NO_PAD.encode(id.get(..length).unwrap_or_default());
        json!({"type": "public-key", "id": id, "transports": ["internal", "hybrid"]})
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
        if signed.user_handle.as_ref().is_some_and(|handle| *handle != user.sub.as_bytes()) {
            return Err(refused());
        }
        let verifies_users = user_verification(&self.pool) == "required";
        let own = user.clone();
        // It counts in the transaction that notes its count: of copies of an authenticator that sign at once, one gets in.
        let verify = move |tx: &mut kv::Tx| {
            passkeys::change(tx, &own, &signed.id, |passkey| {
                let kept = Credential {
                    id: passkey.id.to_vec(),
                    key: passkey.key.to_vec(),
                    counter: passkey.counter,
                    may_be_copied: false,
                };
                let party = RelyingParty { id: &passkey.party, verifies_users };
                let verified = webauthn::verify(party, &challenge, &kept, &signed).map_err(|error| {
                    tracing::debug!(%error, "a passkey was refused");
                    refused()
                })?;
                passkey.counter = verified.counter;
                Ok(verified)
            })
        };
        let Verified { knew_user, .. } = self.cx.db().write(verify).await.map_err(|error| match error {
            Error::NotAuthorized(_) => refused(),
            error => error,
        })?;
        let is_two = self.pool.settings.passkeys.as_ref().is_some_and(|passkeys| passkeys.is_second_factor);
        if user.status == Status::Confirmed && knew_user && is_two {
            return self.finish(user, Some(session), Moment::Authentication).await;
        }
        self.proven(user, Some(session)).await
    }
}
