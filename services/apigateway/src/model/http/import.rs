//! HTTP APIs that documents make: they are made aside, where nobody sees them, and then are there at once.

use base::Timestamp;
use kv::Tx;

use crate::error::Error;
use crate::keys::{HTTP_APIS, HTTP_AUTHORIZERS, INTEGRATIONS, ROUTES};
use crate::limits;
use crate::model::authorizer;
use crate::model::http::{api, deployment, route};
use crate::types::http::Api;

/// Lets an API that was made aside be one of `region`.
pub fn publish(tx: &mut Tx, aside: &str, id: &str, region: &str) -> Result<Api, Error> {
    let made = Api { region: region.to_owned(), ..api::find(tx, aside, id)? };
    HTTP_APIS.delete(tx, id)?;
    api::create(tx, &made)?;
    Ok(made)
}

/// Puts what was made aside in place of what an API has. Its stages stay, and those that deploy by themselves serve it.
/// `deployment` is the id of the deployment that this may make.
pub fn replace(
    tx: &mut Tx,
    now: Timestamp,
    (aside, made): (&str, &str),
    (region, id): (&str, &str),
    deployment: &str,
) -> Result<Api, Error> {
    let (made, before) = (api::find(tx, aside, made)?, api::find(tx, region, id)?);
    ROUTES.delete_prefix(tx, id)?;
    INTEGRATIONS.delete_prefix(tx, id)?;
    HTTP_AUTHORIZERS.delete_prefix(tx, id)?;
    for integration in route::integrations(tx, &made.id)? {
        INTEGRATIONS.put(tx, (id, &integration.id), &integration)?;
    }
    for authorizer in authorizer::list(tx, &HTTP_AUTHORIZERS, &made.id)? {
        HTTP_AUTHORIZERS.put(tx, (id, &authorizer.id), &authorizer)?;
    }
    for route in route::list(tx, &made.id)? {
        ROUTES.put(tx, (id, &route.id), &route)?;
    }
    let changed = Api {
        name: made.name.clone(),
        description: made.description.clone(),
        version: made.version.clone(),
        cors: made.cors.clone(),
        disable_execute_api: made.disable_execute_api,
        tags: if made.tags.is_empty() { before.tags.clone() } else { made.tags.clone() },
        ..before
    };
    api::put(tx, &changed)?;
    api::delete(tx, aside, &made.id)?;
    deployment::automatic(tx, now, &changed, deployment)?;
    Ok(changed)
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
