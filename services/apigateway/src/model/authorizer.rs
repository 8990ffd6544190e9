//! Authorizers of APIs of both kinds, each kind in a table of its own.

use kv::{Order, Read, Table, Tx};

use crate::error::Error;
use crate::keys::{ApiId, Id};
use crate::limits;
use crate::types::authorizer::{Authorization, AuthorizationKind, Authorizer};

pub type Authorizers = Table<(ApiId, Id), Authorizer>;

pub fn find(read: &(impl Read + ?Sized), table: &Authorizers, api: &str, id: &str) -> Result<Authorizer, Error> {
    table.get(read, (api, id))?.ok_or_else(|| Error::invalid("Authorizer"))
}

pub fn list(read: &(impl Read + ?Sized), table: &Authorizers, api: &str) -> Result<Vec<Authorizer>, Error> {
    Ok(table.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// Stores an authorizer, new or changed. Its name belongs to no other of the API's.
pub fn put(tx: &mut Tx, table: &Authorizers, api: &str, authorizer: &Authorizer) -> Result<(), Error> {
    let all = list(tx, table, api)?;
    if all.iter().any(|other| other.name == authorizer.name && other.id != authorizer.id) {
        return Err(Error::Conflict(format!(
            "Authorizer name must be unique. Authorizer {} already exists in this API.",
            authorizer.name
        )));
    }
    if all.len() >= limits::AUTHORIZERS_PER_API_MAX && all.iter().all(|other| other.id != authorizer.id) {
        return Err(Error::LimitExceeded(format!(
            "An API can have {} authorizers at most",
            limits::AUTHORIZERS_PER_API_MAX
        )));
    }
    Ok(table.put(tx, (api, &authorizer.id), authorizer)?)
}

/// Changes an authorizer by `change`.
pub fn update(
    tx: &mut Tx,
    table: &Authorizers,
    api: &str,
    id: &str,
    change: impl FnOnce(Authorizer) -> Result<Authorizer, Error>,
) -> Result<Authorizer, Error> {
    let changed = change(find(tx, table, api, id)?)?;
    put(tx, table, api, &changed)?;
    Ok(changed)
}

/// Removes an authorizer that nothing of the API's asks for: `user` names what does.
pub fn delete(tx: &mut Tx, table: &Authorizers, api: &str, id: &str, user: Option<String>) -> Result<(), Error> {
    find(tx, table, api, id)?;
    match user {
        Some(user) => Err(Error::Conflict(format!("Cannot delete authorizer '{id}', is referenced in {user}"))),
        None => Ok(table.delete(tx, (api, id))?),
    }
}

/// Whether the authorizer that is asked for is there, and of the kind that is asked for.
pub fn check(
    read: &(impl Read + ?Sized),
    table: &Authorizers,
    api: &str,
    authorization: &Authorization,
) -> Result<(), Error> {
    let found = match &authorization.authorizer {
        Some(id) => table.get(read, (api, id))?,
        None => None,
    };
    let fits = match authorization.kind {
        AuthorizationKind::None | AuthorizationKind::Iam => authorization.authorizer.is_none(),
        kind => found.is_some_and(|authorizer| kind.fits(&authorizer.kind)),
    };
    if fits {
        return Ok(());
    }
    let kind = match authorization.kind {
        AuthorizationKind::Custom | AuthorizationKind::Pools => "CUSTOM or COGNITO_USER_POOLS",
        kind => kind.word(),
    };
    Err(Error::bad(format!(
        "Invalid authorizer ID specified. Setting the authorization type to {kind} requires a valid authorizer."
    )))
}
