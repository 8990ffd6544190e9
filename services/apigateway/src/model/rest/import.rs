//! REST APIs that documents make: they are made aside, where nobody sees them, and then are there at once.

use std::collections::HashMap;

use base::Timestamp;
use kv::Tx;

use crate::error::Error;
use crate::keys::{AUTHORIZERS, DOCUMENTATION_PARTS, GATEWAY_RESPONSES, Id, MODELS, RESOURCES, REST_APIS, VALIDATORS};
use crate::limits;
use crate::model::authorizer;
use crate::model::rest::{api, documentation, gateway_response, model, resource, validator};
use crate::types::rest::{Api, Resource};

/// Lets an API that was made aside be one of `region`.
pub fn publish(tx: &mut Tx, aside: &str, id: &str, region: &str) -> Result<Api, Error> {
    let made = Api { region: region.to_owned(), ..api::find(tx, aside, id)? };
    if api::list(tx, region)?.len() >= limits::APIS_PER_REGION_MAX {
        return Err(Error::LimitExceeded(format!("There can be {} APIs at most", limits::APIS_PER_REGION_MAX)));
    }
    REST_APIS.put(tx, id, &made)?;
    Ok(made)
}

/// Gives what is made aside all that an API has, for what is to be merged into it.
pub fn copy(tx: &mut Tx, (region, id): (&str, &str), (aside, made): (&str, &str)) -> Result<(), Error> {
    let (from, to) = (api::find(tx, region, id)?, api::find(tx, aside, made)?);
    clear(tx, &to.id)?;
    parts(tx, &from.id, &to.id, &HashMap::new())?;
    Ok(REST_APIS.put(tx, made, &Api { root: from.root, ..to })?)
}

/// Puts what was made aside in place of what an API has. Resources that were there, by their paths, keep their ids; deployments
/// and stages stay. `merge` keeps settings that the document says nothing of.
pub fn replace(
    tx: &mut Tx,
    (aside, made): (&str, &str),
    (region, id): (&str, &str),
    merge: bool,
) -> Result<Api, Error> {
    let (made, before) = (api::find(tx, aside, made)?, api::find(tx, region, id)?);
    let known: HashMap<String, Id> =
        resource::list(tx, id)?.into_iter().map(|(path, resource)| (path, resource.id)).collect();
    let same: HashMap<Id, Id> = resource::list(tx, &made.id)?
        .into_iter()
        .filter_map(|(path, resource)| Some((resource.id, known.get(&path)?.clone())))
        .collect();
    clear(tx, id)?;
    parts(tx, &made.id, id, &same)?;
    let changed = Api {
        name: made.name.clone(),
        description: made.description.clone().or_else(|| before.description.clone().filter(|_| merge)),
        version: made.version.clone().or_else(|| before.version.clone().filter(|_| merge)),
        binary_media_types: match merge {
            true => joined(&before.binary_media_types, &made.binary_media_types),
            false => made.binary_media_types.clone(),
        },
        minimum_compression_size: made
            .minimum_compression_size
            .or_else(|| before.minimum_compression_size.filter(|_| merge)),
        api_key_source: made.api_key_source.clone(),
        disable_execute_api: made.disable_execute_api || (merge && before.disable_execute_api),
        tags: if made.tags.is_empty() { before.tags.clone() } else { made.tags.clone() },
        ..before
    };
    api::check_media_types(&changed)?;
    api::put(tx, &changed)?;
    api::delete(tx, aside, &made.id)?;
    Ok(changed)
}

/// What is in either list, once.
fn joined(before: &[String], more: &[String]) -> Vec<String> {
    let new = more.iter().filter(|text| !before.contains(text));
    before.iter().chain(new).cloned().collect()
}

/// Removes what documents say of an API.
fn clear(tx: &mut Tx, api: &str) -> Result<(), Error> {
    RESOURCES.delete_prefix(tx, api)?;
    AUTHORIZERS.delete_prefix(tx, api)?;
    MODELS.delete_prefix(tx, api)?;
    VALIDATORS.delete_prefix(tx, api)?;
    DOCUMENTATION_PARTS.delete_prefix(tx, api)?;
    Ok(GATEWAY_RESPONSES.delete_prefix(tx, api)?)
}

/// Copies what one API has to another one, where some resources have other ids.
fn parts(tx: &mut Tx, from: &str, to: &str, ids: &HashMap<Id, Id>) -> Result<(), Error> {
    let renamed = |id: Id| ids.get(&id).cloned().unwrap_or(id);
    for (_, found) in resource::list(tx, from)? {
        let own = found.id.clone();
        let mut copied = Resource { id: renamed(own.clone()), parent: found.parent.clone().map(renamed), ..found };
        // A cache's namespace is the resource's id where nobody says otherwise.
        let integrations = copied.methods.values_mut().filter_map(|method| method.integration.as_mut());
        for integration in integrations.filter(|integration| integration.cache_namespace == own) {
            integration.cache_namespace.clone_from(&copied.id);
        }
        RESOURCES.put(tx, (to, &copied.id), &copied)?;
    }
    for authorizer in authorizer::list(tx, &AUTHORIZERS, from)? {
        AUTHORIZERS.put(tx, (to, &authorizer.id), &authorizer)?;
    }
    for model in model::list(tx, from)? {
        MODELS.put(tx, (to, &model.name), &model)?;
    }
    for validator in validator::list(tx, from)? {
        VALIDATORS.put(tx, (to, &validator.id), &validator)?;
    }
    for (kind, response) in gateway_response::list(tx, from)? {
        GATEWAY_RESPONSES.put(tx, (to, kind.word()), &response)?;
    }
    said(tx, from, to)
}

/// Copies what is said of one API to another one.
fn said(tx: &mut Tx, from: &str, to: &str) -> Result<(), Error> {
    for part in documentation::list(tx, from)? {
        DOCUMENTATION_PARTS.put(tx, (to, &part.id), &part)?;
    }
    Ok(())
}

/// Gives what is made aside what is said of an API, for a document of which that is ignored.
pub fn copy_documentation(tx: &mut Tx, (region, id): (&str, &str), (aside, made): (&str, &str)) -> Result<(), Error> {
    let (from, to) = (api::find(tx, region, id)?, api::find(tx, aside, made)?);
    said(tx, &from.id, &to.id)
}

/// Removes what was made aside and then left, by a crash.
pub fn sweep(tx: &mut Tx, now: Timestamp, aside: &str) -> Result<(), Error> {
    for left in api::list(tx, aside)? {
        if now.since(left.created) > limits::IMPORT_TIME_MAX {
            api::delete(tx, aside, &left.id)?;
        }
    }
    Ok(())
}
