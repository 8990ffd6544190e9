//! What base path mappings and API mappings, which are one thing, have in common: how they are stored and removed.

use kv::Tx;
use service::Cx;

use super::Empty;
use super::domain::refresh;
use crate::ApiGateway;
use crate::error::Error;
use crate::model::domain;
use crate::types::domain::Mapping;

/// Stores the mapping of a domain that `make` makes, which is told the domain's name as it is stored: a new one, or one that is there
/// with changes. `taken` is what is said where another has its path.
pub async fn store(
    state: &ApiGateway,
    cx: &Cx,
    name: String,
    taken: &'static str,
    make: impl Fn(&Tx, &str) -> Result<Mapping, Error> + Send + 'static,
) -> Result<Mapping, Error> {
    let (region, of) = (cx.region().to_string(), name.clone());
    let stored = cx.db().write(move |tx| {
        let domain = domain::find(tx, &region, &of)?;
        let mapping = make(tx, &domain.name)?;
        domain::put_mapping(tx, &domain, &mapping, taken)?;
        Ok::<_, Error>(mapping)
    });
    let stored = stored.await?;
    refresh(state, cx, &name)?;
    Ok(stored)
}

/// Removes the mapping whose id `find` finds.
pub async fn remove(
    state: &ApiGateway,
    cx: &Cx,
    name: String,
    find: impl Fn(&Tx, &str) -> Result<String, Error> + Send + 'static,
) -> Result<Empty, Error> {
    let (region, of) = (cx.region().to_string(), name.clone());
    cx.db()
        .write(move |tx| {
            let domain = domain::find(tx, &region, &of)?;
            let id = find(tx, &domain.name)?;
            domain::delete_mapping(tx, &domain.name, &id)
        })
        .await?;
    refresh(state, cx, &name)?;
    Ok(Empty {})
}
