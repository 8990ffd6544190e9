//! What comes due: tokens, codes, revocations and sessions end.

use bytes::Bytes;
use kv::Tx;
use serde::{Deserialize, Serialize};
use service::{Cx, timers};

use crate::Cognito;
use crate::keys::{REVOKED, SPENT};
use crate::model::{authorization, grant};

/// What a timer is of; its key in JSON.
#[derive(Debug, Serialize, Deserialize)]
pub enum Due {
    Grant { pool: String, hash: Bytes },
    Revoked { pool: String, origin: String },
    Spent { pool: String, session: String },
    Authorization { pool: String, hash: Bytes },
}

impl Due {
    pub fn key(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

pub fn fire(_: &Cognito, _: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), service::Error> {
    match serde_json::from_slice(&timer.key).map_err(service::Error::internal)? {
        Due::Grant { pool, hash } => grant::remove(tx, &pool, &hash).map(drop)?,
        Due::Revoked { pool, origin } => REVOKED.delete(tx, (&*pool, &*origin))?,
        Due::Spent { pool, session } => SPENT.delete(tx, (&*pool, &*session))?,
        Due::Authorization { pool, hash } => authorization::remove(tx, &pool, &hash)?,
    }
    Ok(())
}
