//! Custom domains and their mappings: making, finding, changing and removing them, for both kinds of API.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{DOMAINS, HTTP_APIS, HTTP_STAGES, MAPPINGS, REST_APIS, STAGES};
use crate::limits;
use crate::types::domain::{Domain, Mapping};

pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Domain, Error> {
    let domain = DOMAINS.get(read, name.to_ascii_lowercase())?.filter(|domain| domain.region == region);
    domain.ok_or_else(|| Error::invalid("domain name"))
}

/// A region's domains, by name.
pub fn list(read: &(impl Read + ?Sized), region: &str) -> Result<Vec<Domain>, Error> {
    let mut all = DOMAINS.scan(read, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    all.retain(|domain| domain.region == region);
    Ok(all)
}

/// Stores a new domain. A name is one domain's, in whatever region: requests tell no more than it. `taken` is what is said where
/// it is another's.
pub fn create(tx: &mut Tx, domain: &Domain, taken: impl FnOnce() -> Error) -> Result<(), Error> {
    if DOMAINS.contains(tx, &domain.name)? {
        return Err(taken());
    }
    if list(tx, &domain.region)?.len() >= limits::DOMAINS_PER_REGION_MAX {
        return Err(Error::LimitExceeded(format!(
            "There can be {} domain names at most",
            limits::DOMAINS_PER_REGION_MAX
        )));
    }
    Ok(DOMAINS.put(tx, &domain.name, domain)?)
}

/// Changes a domain by `change`.
pub fn update(
    tx: &mut Tx,
    region: &str,
    name: &str,
    change: impl FnOnce(&mut Domain) -> Result<(), Error>,
) -> Result<Domain, Error> {
    let mut domain = find(tx, region, name)?;
    change(&mut domain)?;
    DOMAINS.put(tx, &domain.name, &domain)?;
    Ok(domain)
}

/// Removes a domain with its mappings.
pub fn delete(tx: &mut Tx, region: &str, name: &str) -> Result<(), Error> {
    let domain = find(tx, region, name)?;
    DOMAINS.delete(tx, &domain.name)?;
    Ok(MAPPINGS.delete_prefix(tx, &domain.name)?)
}

/// A domain's mappings, by path.
pub fn mappings(read: &(impl Read + ?Sized), domain: &str) -> Result<Vec<Mapping>, Error> {
    let mut all = MAPPINGS.scan_prefix(read, domain, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

/// The mapping of a path.
pub fn mapping_of(read: &(impl Read + ?Sized), domain: &str, path: &str) -> Result<Mapping, Error> {
    let found = mappings(read, domain)?.into_iter().find(|mapping| mapping.path == path);
    found.ok_or_else(|| Error::invalid("base path mapping"))
}

pub fn mapping(read: &(impl Read + ?Sized), domain: &str, id: &str) -> Result<Mapping, Error> {
    MAPPINGS.get(read, (domain, id))?.ok_or_else(|| Error::NotFound("Invalid API mapping identifier specified".into()))
}

/// Stores a mapping, new or changed: its API and its stage are there, and no other mapping has its path. `taken` is what is said
/// where one has.
pub fn put_mapping(tx: &mut Tx, domain: &Domain, mapping: &Mapping, taken: &'static str) -> Result<(), Error> {
    check_target(tx, domain, mapping)?;
    let all = mappings(tx, &domain.name)?;
    if all.iter().any(|other| other.path == mapping.path && other.id != mapping.id) {
        return Err(Error::Conflict(taken.into()));
    }
    // As on AWS: a connection that stays and requests do not go together under one name.
    let is_websocket = |id: &str| Ok::<_, Error>(HTTP_APIS.get(tx, id)?.is_some_and(|api| api.websocket.is_some()));
    for other in all.iter().filter(|other| other.id != mapping.id) {
        if is_websocket(&other.api)? != is_websocket(&mapping.api)? {
            return Err(Error::bad("A WebSocket API cannot share a domain name with REST and HTTP APIs"));
        }
    }
    if all.len() >= limits::MAPPINGS_PER_DOMAIN_MAX && all.iter().all(|other| other.id != mapping.id) {
        return Err(Error::LimitExceeded(format!(
            "A domain name can have {} mappings at most",
            limits::MAPPINGS_PER_DOMAIN_MAX
        )));
    }
    Ok(MAPPINGS.put(tx, (&domain.name, &mapping.id), mapping)?)
}

fn check_target(tx: &Tx, domain: &Domain, mapping: &Mapping) -> Result<(), Error> {
    let is_rest = REST_APIS.get(tx, &mapping.api)?.is_some_and(|api| api.region == domain.region);
    let is_http = HTTP_APIS.get(tx, &mapping.api)?.is_some_and(|api| api.region == domain.region);
    let has_stage = match &mapping.stage {
        _ if !is_rest && !is_http => {
            return Err(Error::bad(format!("Invalid API identifier specified {}", mapping.api)));
        }
        None => true,
        Some(stage) if is_rest => STAGES.contains(tx, (&mapping.api, stage))?,
        Some(stage) => HTTP_STAGES.contains(tx, (&mapping.api, stage))?,
    };
    if has_stage { Ok(()) } else { Err(Error::bad("Invalid stage identifier specified")) }
}

pub fn delete_mapping(tx: &mut Tx, domain: &str, id: &str) -> Result<(), Error> {
    mapping(tx, domain, id)?;
    Ok(MAPPINGS.delete(tx, (domain, id))?)
}

/// Refuses to remove an API, or one stage of it, that domains lead to. `what` is what the refusal calls it.
pub fn check_unmapped(read: &impl Read, api: &str, stage: Option<&str>, what: &str) -> Result<(), Error> {
    let mut domains = Vec::new();
    for row in MAPPINGS.scan(read, Order::Forward)? {
        let ((domain, _), mapping) = row?;
        let same_stage = stage.is_none() || mapping.stage.as_deref() == stage;
        if mapping.api == api && same_stage && !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    if domains.is_empty() {
        return Ok(());
    }
    let (named, kind) = match stage {
        Some(name) => (format!("stage {name}"), "stage"),
        None => (what.to_owned(), what),
    };
    Err(Error::bad(format!(
        "Deleting {named} failed. Please remove all base path mappings related to the {kind} in your domains: {}",
        domains.join(", ")
    )))
}
