//! Policies, keys and access controls: made, changed and deleted alike.

use kv::{Order, Read, Tx};

use super::{is_full, set_uses};
use crate::documents::{Document, Kind};
use crate::error::Error;
use crate::keys::{ENTITIES, NAMES, USES};
use crate::managed;
use crate::types::Entity;

/// # Errors
/// When there is none.
pub fn find(read: &(impl Read + ?Sized), kind: &Kind, id: &str) -> Result<Entity, Error> {
    ENTITIES.get(read, (kind.number, id))?.ok_or_else(|| kind.missing())
}

/// What is stored under an id, or there from the start.
///
/// # Errors
/// When there is none.
pub fn get<D: Document>(read: &(impl Read + ?Sized), id: &str) -> Result<Entity, Error> {
    match D::managed().iter().find(|(known, _)| *known == id) {
        Some((id, document)) => of_managed(id, document),
        None => find(read, &D::KIND, id),
    }
}

/// # Errors
/// When it cannot be written down.
pub fn of_managed<D: Document>(id: &str, document: &D) -> Result<Entity, Error> {
    Ok(Entity {
        id: id.into(),
        etag: "E23ZP02F085DFQ".into(),
        created: base::Timestamp::ZERO,
        modified: base::Timestamp::ZERO,
        name: document.name().into(),
        document: text(document)?,
    })
}

/// # Errors
/// When it cannot be written down.
pub fn text(document: &impl serde::Serialize) -> Result<String, Error> {
    Ok(serde_json::to_string(document).map_err(service::Error::internal)?)
}

/// Makes one, unless another has its name.
///
/// # Errors
/// What is wrong with it.
pub fn create<D: Document>(tx: &mut Tx, entity: &Entity, document: &D) -> Result<(), Error> {
    let kind = D::KIND;
    document.check(tx)?;
    if is_taken::<D>(tx, document.name(), None)? {
        return Err(Error::new(409, kind.exists, format!("A {} with the same name exists.", kind.resource)));
    }
    if is_full(tx, &ENTITIES, (kind.number,), kind.too_many.1)? {
        let message = format!("There are as many of {} as there can be.", kind.resource);
        return Err(Error::new(400, kind.too_many.0, message));
    }
    set_uses(tx, (kind.number, &entity.id), &[], &document.uses())?;
    NAMES.put(tx, (kind.number, document.name()), &entity.id)?;
    Ok(ENTITIES.put(tx, (kind.number, &entity.id), entity)?)
}

fn is_taken<D: Document>(read: &(impl Read + ?Sized), name: &str, by: Option<&str>) -> Result<bool, Error> {
    let managed = D::managed().iter().any(|(_, document)| document.name() == name);
    let taken = NAMES.get(read, (D::KIND.number, name))?;
    Ok(managed || taken.is_some_and(|taken| by != Some(&taken)))
}

/// The newest version of one, which `if_match` has to be.
fn matching(tx: &Tx, kind: &Kind, id: &str, if_match: Option<&str>) -> Result<Entity, Error> {
    if managed::is(kind.number, id) {
        return Err(Error::new(400, "IllegalUpdate", "A managed policy stays as it is."));
    }
    let entity = find(tx, kind, id)?;
    match if_match {
        None | Some("") => Err(Error::no_version()),
        Some(version) if version != entity.etag => Err(Error::stale_version()),
        Some(_) => Ok(entity),
    }
}

/// Gives one another document.
///
/// # Errors
/// What is wrong with that, or that another version than the newest is meant.
pub fn update<D: Document>(
    tx: &mut Tx,
    id: &str,
    if_match: Option<&str>,
    document: &D,
    (etag, now): (&str, base::Timestamp),
) -> Result<Entity, Error> {
    let kind = D::KIND;
    let before = matching(tx, &kind, id, if_match)?;
    document.check(tx)?;
    let old = D::of(&before)?;
    document.check_change(&old)?;
    if is_taken::<D>(tx, document.name(), Some(id))? {
        return Err(Error::new(409, kind.exists, format!("A {} with the same name exists.", kind.resource)));
    }
    set_uses(tx, (kind.number, id), &old.uses(), &document.uses())?;
    NAMES.delete(tx, (kind.number, &before.name))?;
    NAMES.put(tx, (kind.number, document.name()), &before.id)?;
    let name = document.name().to_owned();
    let entity = Entity { etag: etag.into(), modified: now, name, document: text(document)?, ..before };
    ENTITIES.put(tx, (kind.number, id), &entity)?;
    Ok(entity)
}

/// # Errors
/// When something names it, or another version than the newest is meant.
pub fn delete<D: Document>(tx: &mut Tx, id: &str, if_match: Option<&str>) -> Result<(), Error> {
    let kind = D::KIND;
    if managed::is(kind.number, id) {
        return Err(Error::new(400, "IllegalDelete", "You cannot delete a managed policy."));
    }
    let entity = matching(tx, &kind, id, if_match)?;
    if USES.scan_prefix(tx, (kind.number, id), Order::Forward)?.next().is_some() {
        let message = format!("The {} cannot be deleted: it is in use.", kind.resource);
        return Err(Error::new(409, kind.in_use, message));
    }
    set_uses(tx, (kind.number, id), &D::of(&entity)?.uses(), &[])?;
    NAMES.delete(tx, (kind.number, &entity.name))?;
    Ok(ENTITIES.delete(tx, (kind.number, id))?)
}
