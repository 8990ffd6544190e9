//! Client tokens: the same request, sent again because its answer was lost, has the same answer and no other effect.

use base::Timestamp;
use kv::{Order, Tx};
use serde::Serialize;
use service::Cx;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::keys::{ANSWERED, ANSWERED_UNTIL};
use crate::limits::CLIENT_TOKEN_LIFE;
use crate::types::Answered;

/// Rows that each request forgets, at most: more than it adds, so that they go in time.
const FORGOTTEN_PER_REQUEST: usize = 2;

/// A request with its client token, where it has one.
#[derive(Clone, Debug)]
pub struct Request {
    token: Option<String>,
    region: String,
    digest: String,
}

impl Request {
    pub fn new(cx: &Cx, token: Option<&str>, operation: &str, input: &impl Serialize) -> Result<Request, Error> {
        let input = serde_json::to_vec(input).map_err(service::Error::internal)?;
        let digest = Sha256::new().chain_update(operation).chain_update([0]).chain_update(input).finalize();
        let (token, region) = (token.map(str::to_owned), cx.region().to_string());
        Ok(Request { token, region, digest: hex::encode(digest) })
    }

    /// Does the work, unless it was done before and `stands` still.
    ///
    /// # Errors
    /// Those of the work; and a conflict for a token that another request had.
    pub fn once(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        stands: impl FnOnce(&Tx) -> Result<bool, Error>,
        work: impl FnOnce(&mut Tx) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(token) = &self.token else { return work(tx) };
        let key = (&*self.region, &**token);
        if let Some(answered) = ANSWERED.get(tx, key)?.filter(|answered| answered.until > now) {
            if answered.request != self.digest {
                return Err(Error::Conflict(format!("Client token {token} was used for another request.")));
            }
            if stands(tx)? {
                return Ok(());
            }
        }
        work(tx)?;
        forget(tx, now)?;
        let until = now + CLIENT_TOKEN_LIFE;
        ANSWERED.put(tx, key, &Answered { request: self.digest.clone(), until })?;
        Ok(ANSWERED_UNTIL.put(tx, (until, &*self.region, &**token), &())?)
    }
}

fn forget(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    let rows = ANSWERED_UNTIL.scan(tx, Order::Forward)?.keys().take(FORGOTTEN_PER_REQUEST);
    let rows: Vec<(Timestamp, String, String)> = rows.collect::<Result<_, _>>()?;
    for (until, region, token) in rows.into_iter().filter(|(until, ..)| *until <= now) {
        ANSWERED_UNTIL.delete(tx, (until, &*region, &*token))?;
        // The token may have been used again since.
        if ANSWERED.get(tx, (&*region, &*token))?.is_some_and(|answered| answered.until == until) {
            ANSWERED.delete(tx, (&*region, &*token))?;
        }
    }
    Ok(())
}
