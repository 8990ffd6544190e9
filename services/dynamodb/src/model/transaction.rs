//! Transactions over several items: all of it or nothing, once per client token.

use std::collections::BTreeSet;
use std::ops::Bound;

use base::Timestamp;
use kv::{Order, Read, Tx};

use super::item::{self, Change, Transition, Write, WriteUnits, Written};
use super::stream::Occasion;
use super::table;
use crate::encoding::StoredItem;
use crate::error::{Error, Reason};
use crate::key::ItemKey;
use crate::keys::{Digest, TOKENS, TOKENS_EXPIRY};
use crate::limits::TOKEN_LIFETIME;
use crate::throttle::Drawn;
use crate::types::{SharedTable, Token};

/// The client's name for a transaction, and what it asked for under it.
#[derive(Clone, Debug)]
pub struct Request {
    pub account: String,
    pub token: String,
    pub digest: Digest,
}

#[derive(Debug)]
pub enum Outcome {
    Done(Vec<Written>),
    /// A request with this token was done before.
    Repeated,
}

/// Tokens that one transaction forgets when their time is over.
const TOKENS_FORGOTTEN_MAX: usize = 10;

/// # Errors
/// `TransactionCanceled`, with a reason for each action; or what is wrong with the request as a whole.
pub fn write(
    tx: &mut Tx,
    region: &str,
    now: Timestamp,
    request: Option<&Request>,
    writes: &[Write],
) -> Result<Outcome, Error> {
    if let Some(request) = request
        && is_repeated(tx, now, request)?
    {
        return Ok(Outcome::Repeated);
    }
    let tables = writes.iter().map(|write| table::find(tx, region, &write.table)).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<Result<ItemKey, Error>> =
        writes.iter().zip(&tables).map(|(write, table)| item::locate(table, &write.change)).collect();
    check_distinct(&tables, &keys)?;
    let keys = all_located(keys)?;
    let mut prepared = Vec::with_capacity(writes.len());
    let mut reasons = Vec::with_capacity(writes.len());
    for ((write, table), key) in writes.iter().zip(tables).zip(keys) {
        match prepare(tx, table, key, write) {
            Ok(one) => {
                prepared.push(one);
                reasons.push(Reason::FINE);
            }
            Err(error) => reasons.push(reason(error)?),
        }
    }
    if reasons.iter().any(|reason| !reason.is_fine()) {
        return Err(Error::TransactionCanceled(reasons));
    }
    let mut done = Vec::with_capacity(prepared.len());
    for Prepared { table, key, before, after, writes } in prepared {
        let units = if writes {
            let (before, after, occasion) = (before.as_ref(), after.as_ref(), Occasion::request(now));
            match item::store(tx, &Transition { table: &table, key: &key, before, after, occasion }) {
                Ok(units) => units,
                Err(error) => {
                    if let Some(place) = reasons.get_mut(done.len()) {
                        *place = reason(error)?;
                    }
                    return Err(Error::TransactionCanceled(reasons));
                }
            }
        } else {
            WriteUnits { table: item::units(before.as_ref(), None), ..WriteUnits::default() }
        };
        done.push(Written { table, before, after, units });
    }
    if let Some(request) = request {
        remember(tx, now, request)?;
    }
    Ok(Outcome::Done(done))
}

/// Draws what a transaction used: each write counts twice.
///
/// # Errors
/// `TransactionCanceled`, with the reasons of those actions for which there is no throughput left.
pub fn draw(drawn: &Drawn, done: &[Written]) -> Result<(), Error> {
    let reasons = done.iter().map(|written| match drawn.written(written, COST) {
        Ok(()) => Ok(Reason::FINE),
        Err(error) => reason(error),
    });
    let reasons = reasons.collect::<Result<Vec<_>, _>>()?;
    if reasons.iter().all(Reason::is_fine) { Ok(()) } else { Err(Error::TransactionCanceled(reasons)) }
}

/// What an action of a transaction costs, of what it would alone.
pub const COST: f64 = 2.0;

/// One action, judged but not yet done.
struct Prepared {
    table: SharedTable,
    key: ItemKey,
    before: Option<StoredItem>,
    after: Option<StoredItem>,
    writes: bool,
}

fn check_distinct(tables: &[SharedTable], keys: &[Result<ItemKey, Error>]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for (table, key) in tables.iter().zip(keys) {
        if let Ok(key) = key
            && !seen.insert((table.id, key))
        {
            return Err(Error::validation("Transaction request cannot include multiple operations on one item"));
        }
    }
    Ok(())
}

/// # Errors
/// `TransactionCanceled` for the first action whose key is not valid: the others are not looked at then.
fn all_located(keys: Vec<Result<ItemKey, Error>>) -> Result<Vec<ItemKey>, Error> {
    let mut reasons = vec![Reason::FINE; keys.len()];
    let mut located = Vec::with_capacity(keys.len());
    for (key, place) in keys.into_iter().zip(&mut reasons) {
        match key {
            Ok(key) => located.push(key),
            Err(error) => {
                *place = reason(error)?;
                return Err(Error::TransactionCanceled(reasons));
            }
        }
    }
    Ok(located)
}

fn prepare(read: &impl Read, table: SharedTable, key: ItemKey, write: &Write) -> Result<Prepared, Error> {
    let before = item::get(read, &table, &key)?;
    item::check(write, before.as_ref())?;
    let after = item::outcome(&table, &write.change, before.as_ref())?;
    Ok(Prepared { table, key, before, after, writes: !matches!(write.change, Change::Check(_)) })
}

/// What a failed action's reason is; errors that are not about the action fail the whole.
pub fn reason(error: Error) -> Result<Reason, Error> {
    match error {
        Error::ConditionalCheckFailed(item) => {
            Ok(Reason { code: "ConditionalCheckFailed", message: Some("The conditional request failed".into()), item })
        }
        Error::Validation(message) => Ok(Reason { code: "ValidationError", message: Some(message), item: None }),
        Error::DuplicateItem => {
            Ok(Reason { code: "DuplicateItem", message: Some(Error::DuplicateItem.to_string()), item: None })
        }
        Error::CollectionTooLarge => {
            let message = Some(Error::CollectionTooLarge.to_string());
            Ok(Reason { code: "ItemCollectionSizeLimitExceeded", message, item: None })
        }
        Error::Throttled(refusal) => {
            Ok(Reason { code: refusal.transaction_code(), message: Some(refusal.to_string()), item: None })
        }
        other => Err(other),
    }
}

fn is_repeated(tx: &Tx, now: Timestamp, request: &Request) -> Result<bool, Error> {
    match TOKENS.get(tx, (&*request.account, &*request.token))? {
        Some(token) if token.expires > now => match token.request == request.digest {
            true => Ok(true),
            false => Err(Error::IdempotentParameterMismatch(
                "The provided client token is already in use by another request with different parameters",
            )),
        },
        _ => Ok(false),
    }
}

fn remember(tx: &mut Tx, now: Timestamp, request: &Request) -> Result<(), Error> {
    let over = TOKENS_EXPIRY.scan_range(tx, (), Bound::Unbounded::<()>, Bound::Included(now), Order::Forward)?;
    let over = over.keys().take(TOKENS_FORGOTTEN_MAX).collect::<Result<Vec<_>, _>>()?;
    for (expires, account, token) in over {
        TOKENS_EXPIRY.delete(tx, (expires, &*account, &*token))?;
        // It may have been used again since.
        if TOKENS.get(tx, (&*account, &*token))?.is_some_and(|token| token.expires <= now) {
            TOKENS.delete(tx, (account, token))?;
        }
    }
    let expires = now + TOKEN_LIFETIME;
    TOKENS.put(tx, (&*request.account, &*request.token), &Token { request: request.digest, expires })?;
    Ok(TOKENS_EXPIRY.put(tx, (expires, &*request.account, &*request.token), &())?)
}
