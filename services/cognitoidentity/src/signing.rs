//! What identities' tokens are signed with: one key of RSA, made when the first token is asked for.

use std::sync::Arc;

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::Tx;
use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};
use service::{Cx, PoolKeys, UserPools};
use vault::Randomness;

use crate::Identities;
use crate::error::Error;
use crate::keys::SIGNING_KEY;
use crate::model::pool;
use crate::types::SigningKey;

/// What tokens of identity pools have as `iss`: AWS's, for policies and STS know them by it.
pub const ISSUER: &str = "https://cognito-identity.amazonaws.com";
/// The same without its scheme, as logins and policies name it.
pub const PROVIDER: &str = "cognito-identity.amazonaws.com";
const BITS: usize = 2_048;
/// Where the vault has the key.
const PLACE: &[u8] = b"cognito-identity signing key";

/// The key, which is made the first time.
pub async fn key(identities: &Arc<Identities>, cx: &Cx) -> Result<Arc<jwt::SigningKey>, Error> {
    let ready = identities.signing.get_or_try_init(|| async {
        let kept = SIGNING_KEY.get(&cx.db().read()?, ())?;
        let kept = match kept {
            Some(kept) => kept,
            None => keep(identities, cx).await?,
        };
        open(identities, &kept).map(Arc::new)
    });
    Ok(ready.await?.clone())
}

fn open(identities: &Identities, kept: &SigningKey) -> Result<jwt::SigningKey, Error> {
    let der = identities.vault.open(PLACE, &kept.sealed)?;
    jwt::SigningKey::from_pkcs8(&*kept.id, &der).map_err(Error::internal)
}

async fn keep(identities: &Arc<Identities>, cx: &Cx) -> Result<SigningKey, Error> {
    let (vault, own) = (identities.vault.clone(), cx.clone());
    let make = move || {
        let key = PrivateKey::new(&mut Randomness(own.env()), BITS).map_err(Error::internal)?;
        let der = key.to_pkcs8_der().map_err(Error::internal)?;
        let sealed = vault.seal(PLACE, der.as_bytes())?;
        Ok::<_, Error>(SigningKey { id: own.env().uuid(), sealed, made: own.now() })
    };
    let made = tokio::task::spawn_blocking(make).await.map_err(Error::internal)??;
    let put = move |tx: &mut Tx| match SIGNING_KEY.get(tx, ())? {
        Some(kept) => Ok::<_, Error>(kept),
        None => {
            SIGNING_KEY.put(tx, (), &made)?;
            Ok(made.clone())
        }
    };
    cx.db().write(put).await
}

/// A token that says who somebody is in a pool, and how that is known.
pub async fn token(
    identities: &Arc<Identities>,
    cx: &Cx,
    pool: &str,
    identity: &str,
    known: &[String],
    until: Timestamp,
) -> Result<String, Error> {
    let key = key(identities, cx).await?;
    let now = cx.now().as_secs();
    let claims = json!({
        "sub": identity, "aud": pool, "amr": known, "iss": ISSUER, "iat": now, "exp": until.as_secs(),
    });
    let sign = move || jwt::sign(&key, &claims).map_err(Error::internal);
    tokio::task::spawn_blocking(sign).await.map_err(Error::internal)?
}

/// The set of keys, where there is a key yet.
pub fn key_set(identities: &Identities, cx: &Cx) -> Result<Value, Error> {
    let kept = SIGNING_KEY.get(&cx.db().read()?, ())?;
    let key = match identities.signing.get() {
        Some(key) => Some(key.jwk()),
        None => kept.map(|kept| Ok::<_, Error>(open(identities, &kept)?.jwk())).transpose()?,
    };
    Ok(json!({"keys": key.into_iter().collect::<Vec<_>>()}))
}

/// What STS lets the owners of tokens in with.
pub struct Keys(pub Arc<Identities>);

impl UserPools for Keys {
    fn keys(&self, cx: &Cx, arn: &Arn) -> Result<Option<PoolKeys>, service::Error> {
        let Some(id) = arn.resource.strip_prefix("identitypool/") else { return Ok(None) };
        match pool::get(&cx.db().read()?, id) {
            Ok(_) => {
                let keys = Bytes::from(key_set(&self.0, cx)?.to_string());
                Ok(Some(PoolKeys { issuer: ISSUER.into(), keys }))
            }
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
