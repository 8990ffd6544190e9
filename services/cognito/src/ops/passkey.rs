//! StartWebAuthnRegistration, CompleteWebAuthnRegistration, ListWebAuthnCredentials, DeleteWebAuthnCredential, GetUserAuthFactors,
//! AdminGetUserAuthFactors.

use std::sync::Arc;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Constraints, Cx};
use webauthn::{ALGORITHMS, Registration};
use wire::DateTime;

use super::auth::TokenInput;
use super::profile::factors;
use super::{Empty, UserInput, find_user};
use crate::Cognito;
use crate::error::Error;
use crate::limits::{PASSKEY_TIME, PASSKEYS_OF_USER_MAX, PASSKEYS_PAGE_RANGE};
use crate::model::{grant, passkey as passkeys};
use crate::sign_in::factors::verified_email;
use crate::sign_in::passkey::{descriptor, relying_party, time_millis, user_verification};
use crate::tokens::{Bearer, bearer};
use crate::types::{Passkey, Pool, User};

/// Where the vault has challenges.
const PLACE: &[u8] = b"cognito passkey challenge";

/// A passkey that is being made. It goes along, sealed, as the challenge itself: nothing is kept until it comes back.
#[derive(Debug, Deserialize, Serialize)]
struct Begun {
    /// Unique.
    id: String,
    client: String,
    sub: String,
    party: String,
    expires: Timestamp,
}

/// # Errors
/// Where nobody signs in with a passkey.
fn check_enabled(pool: &Pool) -> Result<(), Error> {
    match pool.settings.first_factors.iter().any(|factor| factor == "WEB_AUTHN") {
        true => Ok(()),
        false => Err(Error::WebAuthnNotEnabled),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartOutput {
    pub credential_creation_options: Value,
}

pub async fn start(cognito: Arc<Cognito>, cx: Cx, input: TokenInput) -> Result<StartOutput, Error> {
    let Bearer { pool, client, user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    check_enabled(&pool)?;
    let read = cx.db().read()?;
    let party = relying_party(&cognito, &read, &pool)?;
    let others = passkeys::of_user(&read, &user)?;
    if others.len() >= PASSKEYS_OF_USER_MAX {
        return Err(Error::TooMany(format!("A user has {PASSKEYS_OF_USER_MAX} passkeys at most.")));
    }
    let begun = Begun {
        id: cx.env().uuid(),
        client: client.id,
        sub: user.sub.clone(),
        party: party.id.clone(),
        expires: cx.now() + PASSKEY_TIME,
    };
    let challenge = cognito.vault.seal(PLACE, &serde_json::to_vec(&begun).map_err(Error::internal)?)?;
    let algorithms = ALGORITHMS.map(|algorithm| json!({"type": "public-key", "alg": algorithm}));
    let others: Vec<Value> = others.iter().map(descriptor).collect();
    let shown = user.attributes.get("name").or(user.attributes.get("email")).unwrap_or(&user.name);
    let credential_creation_options = json!({
        "rp": {"id": party.id, "name": pool.name},
        "user": {"id": URL_SAFE_NO_PAD.encode(&user.sub), "name": user.name, "displayName": shown},
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "pubKeyCredParams": algorithms,
        "timeout": time_millis(),
        "excludeCredentials": others,
        "authenticatorSelection": {
            "requireResidentKey": true, "residentKey": "required", "userVerification": user_verification(&pool),
        },
        "attestation": "none",
    });
    Ok(StartOutput { credential_creation_options })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CompleteInput {
    pub access_token: String,
    pub credential: Value,
}

/// What a passkey is refused for, as AWS tells it.
fn fault(error: webauthn::Error) -> Error {
    match error {
        webauthn::Error::Origin => Error::WebAuthnOriginNotAllowed,
        webauthn::Error::RelyingParty => Error::WebAuthnRelyingPartyMismatch,
        webauthn::Error::Algorithm => Error::WebAuthnCredentialNotSupported,
        webauthn::Error::Challenge => Error::WebAuthnChallengeNotFound,
        error => Error::parameter(format!("Invalid Credential: {error}.")),
    }
}

/// What was begun with the challenge that a passkey was made for.
fn begun(cognito: &Cognito, cx: &Cx, challenge: &[u8], bearer: &Bearer) -> Result<Begun, Error> {
    let opened = cognito.vault.open(PLACE, challenge).map_err(|_| Error::WebAuthnChallengeNotFound)?;
    let begun: Begun = serde_json::from_slice(&opened).map_err(Error::internal)?;
    if begun.expires <= cx.now() || begun.sub != bearer.user.sub {
        return Err(Error::WebAuthnChallengeNotFound);
    }
    if begun.client != bearer.client.id {
        return Err(Error::WebAuthnClientMismatch);
    }
    Ok(begun)
}

pub async fn complete(cognito: Arc<Cognito>, cx: Cx, input: CompleteInput) -> Result<Empty, Error> {
    let bearer = bearer(&cognito, &cx, &input.access_token)?;
    check_enabled(&bearer.pool)?;
    let made = Registration::read(&input.credential).map_err(fault)?;
    let challenge = made.challenge().map_err(fault)?;
    let begun = begun(&cognito, &cx, &challenge, &bearer)?;
    let party = relying_party(&cognito, &cx.db().read()?, &bearer.pool)?;
    if party.id != begun.party {
        return Err(Error::WebAuthnRelyingPartyMismatch);
    }
    let credential = webauthn::register(party.of(&bearer.pool), &challenge, &made);
    let credential = credential.map_err(fault)?;
    let is_apart = made.attachment.as_deref() == Some("cross-platform");
    let new = Passkey {
        pool: bearer.pool.id,
        user: bearer.user.key,
        sub: bearer.user.sub,
        id: credential.id.into(),
        key: credential.key.into(),
        counter: credential.counter,
        name: if is_apart { "Security key" } else { "Passkey" }.into(),
        party: begun.party,
        attachment: made.attachment,
        transports: made.transports,
        created: cx.now(),
    };
    let keep = move |tx: &mut kv::Tx| {
        if grant::is_spent(tx, &new.pool, &begun.id)? {
            return Err(Error::WebAuthnChallengeNotFound);
        }
        grant::spend(tx, &new.pool, &begun.id, begun.expires)?;
        passkeys::create(tx, &new)
    };
    cx.db().write(keep).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub access_token: String,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub credentials: Vec<Described>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What is told of a passkey.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    pub credential_id: String,
    pub friendly_credential_name: String,
    pub relying_party_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authenticator_attachment: Option<String>,
    pub authenticator_transports: Vec<String>,
    pub created_at: DateTime,
}

impl From<Passkey> for Described {
    fn from(passkey: Passkey) -> Described {
        Described {
            credential_id: URL_SAFE_NO_PAD.encode(&passkey.id),
            friendly_credential_name: passkey.name,
            relying_party_id: passkey.party,
            authenticator_attachment: passkey.attachment,
            authenticator_transports: passkey.transports,
            created_at: passkey.created.into(),
        }
    }
}

pub async fn list(cognito: Arc<Cognito>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let Bearer { user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    let asked = input.max_results.filter(|asked| *asked != 0);
    let mut constraints = Constraints::default();
    constraints.range(asked, "maxResults", &PASSKEYS_PAGE_RANGE);
    constraints.check()?;
    let limit = asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PASSKEYS_OF_USER_MAX);
    let after = URL_SAFE_NO_PAD.decode(input.next_token.unwrap_or_default());
    let after = Bytes::from(after.map_err(|_| Error::parameter("Invalid pagination token"))?);
    let (found, more) = passkeys::list(&cx.db().read()?, &user, &after, limit)?;
    let next_token = found.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(passkeys::place(last)));
    Ok(ListOutput { credentials: found.into_iter().map(Described::from).collect(), next_token })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteInput {
    pub access_token: String,
    pub credential_id: String,
}

pub async fn delete(cognito: Arc<Cognito>, cx: Cx, input: DeleteInput) -> Result<Empty, Error> {
    let Bearer { user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    let missing = || Error::NotFound("The passkey does not exist.".into());
    let id = URL_SAFE_NO_PAD.decode(input.credential_id).map_err(|_| missing())?;
    match cx.db().write(move |tx| passkeys::remove(tx, &user, &id)).await? {
        true => Ok(Empty {}),
        false => Err(missing()),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FactorsOutput {
    pub username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_mfa_setting: Option<String>,
    #[serde(rename = "UserMFASettingList", skip_serializing_if = "Vec::is_empty")]
    pub user_mfa_setting_list: Vec<&'static str>,
    pub configured_user_auth_factors: Vec<&'static str>,
}

fn all_factors(cx: &Cx, user: User) -> Result<FactorsOutput, Error> {
    let has_passkey = !passkeys::of_user(&cx.db().read()?, &user)?.is_empty();
    let configured = [
        ("PASSWORD", user.password.is_some()),
        ("EMAIL_OTP", verified_email(&user).is_some()),
        ("WEB_AUTHN", has_passkey),
        ("SOFTWARE_TOKEN", user.mfa.software_token.is_some()),
    ];
    Ok(FactorsOutput {
        configured_user_auth_factors: configured.iter().filter(|(_, has)| *has).map(|(factor, _)| *factor).collect(),
        user_mfa_setting_list: factors(&user.mfa),
        preferred_mfa_setting: user.mfa.preferred,
        username: user.name,
    })
}

pub async fn get_factors(cognito: Arc<Cognito>, cx: Cx, input: TokenInput) -> Result<FactorsOutput, Error> {
    let Bearer { user, .. } = bearer(&cognito, &cx, &input.access_token)?;
    all_factors(&cx, user)
}

pub async fn admin_get_factors(_: Arc<Cognito>, cx: Cx, input: UserInput) -> Result<FactorsOutput, Error> {
    let (_, user) = find_user(&cx, &input.user_pool_id, &input.username)?;
    all_factors(&cx, user)
}
