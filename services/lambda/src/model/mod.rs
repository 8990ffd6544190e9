//! Every state transition of Lambda, as plain functions over a transaction.

pub mod alias;
pub mod event_config;
pub mod function;
pub mod layer;
pub mod mapping;
pub mod policy;
pub mod provisioned;
pub mod url;
pub mod version;

use crate::error::Error;

/// A page of a list, and the marker of the next one.
pub type Page<T> = (Vec<T>, Option<String>);

/// Takes `limit` rows, and the name of the last one when there are more.
pub fn page<T, E: Into<Error>>(
    rows: impl Iterator<Item = Result<T, E>>,
    limit: usize,
    keep: impl Fn(&T) -> bool,
    name: impl Fn(&T) -> String,
) -> Result<Page<T>, Error> {
    let mut page = Vec::new();
    for row in rows {
        let row = row.map_err(Into::into)?;
        if !keep(&row) {
            continue;
        }
        if page.len() == limit {
            let marker = page.last().map(name);
            return Ok((page, marker));
        }
        page.push(row);
    }
    Ok((page, None))
}

/// Refuses a change that was made for another revision. `source` is the operation that tells the current one.
pub fn check_revision(expected: Option<&str>, current: &str, source: &'static str) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != current => Err(Error::PreconditionFailed(source)),
        _ => Ok(()),
    }
}
