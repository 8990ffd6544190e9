//! What a pool signs its tokens with: a key of RSA for a while, then another, and the old one is shown until its tokens are gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base::Arn;
use bytes::Bytes;
use kv::Read;
use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};
use service::{Cx, PoolKeys, UserPools};
use vault::Randomness;

use crate::error::Error;
use crate::limits::{DAY, SIGNING_KEY_LIFETIME};
use crate::model::pool;
use crate::types::SigningKey;
use crate::{Cognito, tokens};

const BITS: usize = 2_048;
/// Keys that are kept ready; with more, all are read again.
const READY_MAX: usize = 1_000;

/// Keys that were read, by id.
pub type Ready = Mutex<HashMap<String, Arc<jwt::SigningKey>>>;

/// Where the vault has a key.
fn place(pool: &str, id: &str) -> Vec<u8> {
    format!("cognito signing key {pool} {id}").into_bytes()
}

/// A new key for a pool, not kept yet. Takes from tenths of a second to seconds.
pub async fn make(cognito: &Arc<Cognito>, cx: &Cx, pool: &str) -> Result<SigningKey, Error> {
    let (vault, cx, pool) = (cognito.vault.clone(), cx.clone(), pool.to_owned());
    cognito
        .heavy(move || {
            let key = PrivateKey::new(&mut Randomness(cx.env()), BITS).map_err(Error::internal)?;
            let der = key.to_pkcs8_der().map_err(Error::internal)?;
            let id = crate::crypto::random_token(cx.env());
            let public = jwt::SigningKey::from_pkcs8(&*id, der.as_bytes()).map_err(Error::internal)?.jwk().to_string();
            let sealed = vault.seal(&place(&pool, &id), der.as_bytes())?;
            Ok(SigningKey { id, sealed, made: cx.now(), public })
        })
        .await
}

/// The key that signs now; another than before, where that has done so for long enough.
pub async fn current(cognito: &Arc<Cognito>, cx: &Cx, pool: &str) -> Result<Arc<jwt::SigningKey>, Error> {
    let newest = pool::signing_keys(&cx.db().read()?, pool)?.into_iter().next();
    let (number, key) = newest.ok_or_else(|| Error::internal("a pool has no signing key"))?;
    if cx.now().since(key.made) < SIGNING_KEY_LIFETIME {
        return ready(cognito, pool, &key);
    }
    let next = make(cognito, cx, pool).await?;
    let id = pool.to_owned();
    cx.db().write(move |tx| pool::add_signing_key(tx, &id, number, &next)).await?;
    let newest = pool::signing_keys(&cx.db().read()?, pool)?.into_iter().next();
    ready(cognito, pool, &newest.map_or(key, |(_, newest)| newest))
}

fn ready(cognito: &Cognito, pool: &str, key: &SigningKey) -> Result<Arc<jwt::SigningKey>, Error> {
    let keys = || cognito.signing.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = keys().get(&key.id) {
        return Ok(key.clone());
    }
    let der = cognito.vault.open(&place(pool, &key.id), &key.sealed)?;
    let read = Arc::new(jwt::SigningKey::from_pkcs8(&*key.id, &der).map_err(Error::internal)?);
    let mut keys = keys();
    if keys.len() >= READY_MAX {
        keys.clear();
    }
    keys.insert(key.id.clone(), read.clone());
    Ok(read)
}

/// The public keys of a pool: those whose tokens may still be good, the newest first.
pub fn key_set(read: &(impl Read + ?Sized), cx: &Cx, pool: &str) -> Result<Value, Error> {
    pool::get(read, pool)?;
    let (mut keys, mut replaced) = (Vec::new(), None);
    for (_, key) in pool::signing_keys(read, pool)? {
        // A token lives for a day at most after the last moment that its key signed.
        if replaced.is_some_and(|replaced| cx.now().since(replaced) > DAY) {
            break;
        }
        replaced = Some(key.made);
        keys.push(serde_json::from_str::<Value>(&key.public).map_err(Error::internal)?);
    }
    Ok(json!({"keys": keys}))
}

/// What other services let a pool's users in with.
pub struct Keys(pub Arc<Cognito>);

impl UserPools for Keys {
    fn keys(&self, cx: &Cx, arn: &Arn) -> Result<Option<PoolKeys>, service::Error> {
        let Some(id) = arn.resource.strip_prefix("userpool/") else { return Ok(None) };
        match key_set(&cx.db().read()?, cx, id) {
            Ok(keys) => {
                let (issuer, keys) = (tokens::issuer(&self.0, id), Bytes::from(keys.to_string()));
                Ok(Some(PoolKeys { issuer, keys }))
            }
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
