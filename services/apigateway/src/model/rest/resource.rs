//! The resources of a REST API: a tree of path parts, with the methods that each answers.

use std::collections::HashMap;

use kv::{Order, Read, Stored, Tx};

use crate::error::Error;
use crate::keys::RESOURCES;
use crate::limits;
use crate::model::rest::api;
use crate::types::rest::{Integration, Method, Resource};

pub fn find(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Resource, Error> {
    RESOURCES.get(read, (api, id))?.ok_or_else(|| Error::invalid("Resource"))
}

/// All resources of an API, with their paths, in order of the paths.
pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<(String, Resource)>, Error> {
    let all = RESOURCES.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    let mut paths = with_paths(all);
    paths.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(paths)
}

/// Finds out each resource's path: `/` for the root, `/users/{id}` below it.
pub fn with_paths(all: Vec<Resource>) -> Vec<(String, Resource)> {
    let by_id: HashMap<&str, &Resource> = all.iter().map(|resource| (resource.id.as_str(), resource)).collect();
    let path = |resource: &Resource| {
        let mut parts = Vec::new();
        let mut next = Some(resource);
        // A tree is not deeper than it is large.
        for _ in 0..all.len() {
            let Some(resource) = next else { break };
            parts.push(resource.part.as_str());
            next = resource.parent.as_ref().and_then(|parent| by_id.get(parent.as_str()).copied());
        }
        parts.reverse();
        if parts.len() == 1 { "/".to_owned() } else { parts.join("/") }
    };
    let paths: Vec<_> = all.iter().map(path).collect();
    paths.into_iter().zip(all).collect()
}

/// Makes a resource below `parent`.
pub fn create(tx: &mut Tx, api: &str, parent: &str, part: &str, id: &str) -> Result<Resource, Error> {
    let all = RESOURCES.scan_prefix(tx, api, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    if all.len() >= limits::PARTS_PER_API_MAX {
        return Err(Error::LimitExceeded(format!("An API can have {} resources at most", limits::PARTS_PER_API_MAX)));
    }
    let parent = all.iter().find(|resource| resource.id == parent).ok_or_else(|| Error::invalid("Resource"))?;
    check_place(&all, parent, part, None)?;
    let resource = Resource {
        id: id.to_owned(),
        parent: Some(parent.id.clone()),
        part: part.to_owned(),
        methods: Default::default(),
    };
    put(tx, api, &resource)?;
    Ok(resource)
}

/// Whether `part` can stand below `parent`, among its siblings; `own` is the resource that is to stand there.
fn check_place(all: &[Resource], parent: &Resource, part: &str, own: Option<&str>) -> Result<(), Error> {
    if parent.part.ends_with("+}") {
        return Err(Error::bad(format!(
            "Cannot create a child of a resource with a greedy path variable: {}",
            parent.part
        )));
    }
    let is_sibling = |resource: &&Resource| resource.parent.as_ref() == Some(&parent.id) && own != Some(&resource.id);
    for sibling in all.iter().filter(is_sibling) {
        if sibling.part == part {
            return Err(Error::Conflict(format!(
                "Another resource with the same parent already has this name: {part}"
            )));
        }
        if part.starts_with('{') && sibling.part.starts_with('{') {
            return Err(Error::bad(format!(
                "A sibling ({}) of this resource already has a variable path part -- only one is allowed",
                sibling.part
            )));
        }
    }
    Ok(())
}

/// Renames a resource.
pub fn rename(tx: &mut Tx, api: &str, id: &str, part: &str) -> Result<Resource, Error> {
    let all = RESOURCES.scan_prefix(tx, api, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    let mut resource = find(tx, api, id)?;
    let parent = resource.parent.as_ref().and_then(|parent| all.iter().find(|other| other.id == *parent));
    let parent = parent.ok_or_else(|| Error::bad("Root resource cannot update its pathPart."))?;
    check_place(&all, parent, part, Some(id))?;
    resource.part = part.to_owned();
    put(tx, api, &resource)?;
    Ok(resource)
}

/// Puts a resource, with everything below it, below another.
pub fn move_below(tx: &mut Tx, api: &str, id: &str, parent: &str) -> Result<Resource, Error> {
    let all = RESOURCES.scan_prefix(tx, api, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    let mut resource = find(tx, api, id)?;
    if resource.parent.is_none() {
        return Err(Error::bad("Root resource cannot update its parentId."));
    }
    let of_id = |wanted: &str| all.iter().find(|other| other.id == wanted);
    let parent = of_id(parent).ok_or_else(|| Error::invalid("Resource"))?;
    let mut above = Some(parent);
    // A tree is not deeper than it is large.
    for _ in 0..all.len() {
        let Some(ancestor) = above else { break };
        if ancestor.id == id {
            return Err(Error::bad("Resources cannot be cyclical."));
        }
        above = ancestor.parent.as_deref().and_then(of_id);
    }
    check_place(&all, parent, &resource.part, Some(id))?;
    resource.parent = Some(parent.id.clone());
    put(tx, api, &resource)?;
    Ok(resource)
}

/// Removes a resource with everything below it.
pub fn delete(tx: &mut Tx, api: &str, id: &str) -> Result<(), Error> {
    if find(tx, api, id)?.parent.is_none() {
        return Err(Error::bad("Root resource cannot be deleted"));
    }
    let all = RESOURCES.scan_prefix(tx, api, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    let mut gone = vec![id.to_owned()];
    let mut next = 0;
    while let Some(parent) = gone.get(next).cloned() {
        gone.extend(all.iter().filter(|child| child.parent.as_ref() == Some(&parent)).map(|child| child.id.clone()));
        RESOURCES.delete(tx, (api, &parent))?;
        next += 1;
    }
    Ok(())
}

/// Stores a resource that has changed.
fn put(tx: &mut Tx, api: &str, resource: &Resource) -> Result<(), Error> {
    Ok(RESOURCES.put(tx, (api, &resource.id), resource)?)
}

pub fn method<'r>(resource: &'r Resource, http_method: &str) -> Result<&'r Method, Error> {
    resource.methods.get(http_method).ok_or_else(|| Error::invalid("Method"))
}

pub fn integration(method: &Method) -> Result<&Integration, Error> {
    method.integration.as_ref().ok_or_else(|| Error::invalid("Integration"))
}

/// Adds a method that is not there yet.
pub fn add_method(
    tx: &mut Tx,
    region: &str,
    api: &str,
    resource: &str,
    http_method: &str,
    method: &Method,
) -> Result<(), Error> {
    api::find(tx, region, api)?;
    let mut resource = find(tx, api, resource)?;
    if resource.methods.contains_key(http_method) {
        return Err(Error::Conflict("Method already exists for this resource".into()));
    }
    check_size(&resource)?;
    resource.methods.insert(http_method.to_owned(), method.clone());
    put(tx, api, &resource)
}

/// Changes a method by `change`, and answers what that says.
pub fn change_method<T>(
    tx: &mut Tx,
    region: &str,
    (api, resource, http_method): (&str, &str, &str),
    change: impl FnOnce(&mut Method) -> Result<T, Error>,
) -> Result<T, Error> {
    api::find(tx, region, api)?;
    let mut resource = find(tx, api, resource)?;
    let method = resource.methods.get_mut(http_method).ok_or_else(|| Error::invalid("Method"))?;
    let answer = change(method)?;
    check_size(&resource)?;
    put(tx, api, &resource)?;
    Ok(answer)
}

/// The maps of a method have no limits of their own; together they must stay small enough to be deployed.
fn check_size(resource: &Resource) -> Result<(), Error> {
    let max = limits::METHOD_BYTES_MAX * resource.methods.len().max(1);
    if resource.to_bytes()?.len() > max {
        return Err(Error::LimitExceeded(format!(
            "A method can have {} bytes at most, with its integration and responses",
            limits::METHOD_BYTES_MAX
        )));
    }
    Ok(())
}

pub fn delete_method(tx: &mut Tx, region: &str, api: &str, resource: &str, http_method: &str) -> Result<(), Error> {
    api::find(tx, region, api)?;
    let mut resource = find(tx, api, resource)?;
    resource.methods.remove(http_method).ok_or_else(|| Error::invalid("Method"))?;
    put(tx, api, &resource)
}
