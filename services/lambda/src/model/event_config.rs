//! How asynchronous events are treated, for a function, a version or an alias.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::EVENT_CONFIGS;
use crate::model::{self, Page, function};
use crate::name::FunctionRef;
use crate::types::EventConfig;

fn key(function: &FunctionRef) -> (&str, &str, String) {
    (function.region.as_str(), &function.name, function.qualifier_key())
}

/// The one of exactly what the reference names.
pub fn find(read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<EventConfig, Error> {
    in_force(read, function)?.ok_or_else(|| {
        let arn = function.arn_of(function.qualifier.as_ref().unwrap_or(&crate::name::Qualifier::Latest));
        Error::ResourceNotFound(format!("The function {arn} doesn't have an EventInvokeConfig"))
    })
}

/// The one that events for the reference go by, if there is one.
pub fn in_force(read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<Option<EventConfig>, Error> {
    Ok(EVENT_CONFIGS.get(read, key(function))?)
}

/// Changes it by `change`, which sees the one in force, or an empty one.
pub fn put(
    tx: &mut Tx,
    function: &FunctionRef,
    change: impl Fn(Option<EventConfig>) -> Result<EventConfig, Error>,
) -> Result<EventConfig, Error> {
    if !function::exists(tx, function)? {
        return Err(Error::ResourceNotFound("The function doesn't exist.".into()));
    }
    let config = change(in_force(tx, function)?)?;
    EVENT_CONFIGS.put(tx, key(function), &config)?;
    Ok(config)
}

pub fn delete(tx: &mut Tx, function: &FunctionRef) -> Result<(), Error> {
    find(tx, function)?;
    Ok(EVENT_CONFIGS.delete(tx, key(function))?)
}

/// A page of a function's, by qualifier.
pub fn list(
    read: &(impl Read + ?Sized),
    function: &FunctionRef,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<(String, EventConfig)>, Error> {
    function::find(read, function)?;
    let key = (function.region.as_str(), &*function.name);
    let rows = EVENT_CONFIGS.scan_after(read, key, (key.0, key.1, after.unwrap_or_default()), Order::Forward)?;
    let rows = rows.map(|row| row.map(|((_, _, qualifier), config)| (qualifier, config)));
    model::page(rows, limit, |_| true, |(qualifier, _)| qualifier.clone())
}
