//! Function URLs: an address for a function or one of its aliases.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{URL_OWNERS, URLS};
use crate::model::{self, Page, function};
use crate::name::FunctionRef;
use crate::types::{FunctionUrl, UrlOwner};

fn key(function: &FunctionRef) -> (&str, &str, String) {
    (function.region.as_str(), &function.name, function.qualifier_key())
}

pub fn find(read: &(impl Read + ?Sized), function: &FunctionRef) -> Result<FunctionUrl, Error> {
    URLS.get(read, key(function))?.ok_or_else(Error::resource_not_found)
}

/// The URL with that id, and what it is of.
pub fn of_id(read: &(impl Read + ?Sized), id: &str) -> Result<Option<(FunctionUrl, UrlOwner)>, Error> {
    let Some(owner) = URL_OWNERS.get(read, id)? else { return Ok(None) };
    let url = URLS.get(read, (&*owner.region, &*owner.function, &*owner.qualifier))?;
    Ok(url.map(|url| (url, owner)))
}

pub fn create(tx: &mut Tx, function: &FunctionRef, url: &FunctionUrl) -> Result<(), Error> {
    function::resolve(tx, function, 1.0)?;
    if URLS.contains(tx, key(function))? {
        return Err(Error::ResourceConflict(format!(
            "Failed to create function url config for [functionArn = {}]. Error message:  FunctionUrlConfig exists for this Lambda function",
            function.qualified_arn()
        )));
    }
    let (region, name, qualifier) = key(function);
    let owner = UrlOwner {
        region: region.to_owned(),
        account: function.account.to_string(),
        function: name.to_owned(),
        qualifier,
    };
    URL_OWNERS.put(tx, &*url.id, &owner)?;
    Ok(URLS.put(tx, key(function), url)?)
}

/// Changes it by `change`, which sees the one in force.
pub fn update(
    tx: &mut Tx,
    function: &FunctionRef,
    change: impl Fn(FunctionUrl) -> FunctionUrl,
) -> Result<FunctionUrl, Error> {
    let url = change(find(tx, function)?);
    URLS.put(tx, key(function), &url)?;
    Ok(url)
}

pub fn delete(tx: &mut Tx, function: &FunctionRef) -> Result<(), Error> {
    find(tx, function)?;
    remove(tx, function)
}

/// Removes the URL of what the reference names, if it has one.
pub fn remove(tx: &mut Tx, function: &FunctionRef) -> Result<(), Error> {
    if let Some(url) = URLS.get(tx, key(function))? {
        URL_OWNERS.delete(tx, &*url.id)?;
        URLS.delete(tx, key(function))?;
    }
    Ok(())
}

/// Removes all of a function's.
pub fn remove_all(tx: &mut Tx, region: &str, function: &str) -> Result<(), Error> {
    let urls = URLS.scan_prefix(&*tx, (region, function), Order::Forward)?.values();
    for url in urls.collect::<Result<Vec<_>, _>>()? {
        URL_OWNERS.delete(tx, &*url.id)?;
    }
    Ok(URLS.delete_prefix(tx, (region, function))?)
}

/// A page of a function's, by qualifier.
pub fn list(
    read: &(impl Read + ?Sized),
    function: &FunctionRef,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<(String, FunctionUrl)>, Error> {
    function::find(read, function)?;
    let key = (function.region.as_str(), &*function.name);
    let rows = URLS.scan_after(read, key, (key.0, key.1, after.unwrap_or_default()), Order::Forward)?;
    let rows = rows.map(|row| row.map(|((_, _, qualifier), url)| (qualifier, url)));
    model::page(rows, limit, |_| true, |(qualifier, _)| qualifier.clone())
}
