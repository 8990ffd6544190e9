//! Deployments of an HTTP or WebSocket API: its routes as they were at one moment, which is what stages serve.

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{HTTP_AUTHORIZERS, HTTP_DEPLOYED, HTTP_DEPLOYMENTS, HTTP_STAGES, INTEGRATIONS, WEBSOCKET_DEPLOYED};
use crate::model::authorizer;
use crate::model::http::{route, stage};
use crate::model::websocket;
use crate::types::http::{Api, Deployed, DeployedRoute, Deployment};

pub fn find(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Deployment, Error> {
    HTTP_DEPLOYMENTS.get(read, (api, id))?.ok_or_else(|| Error::invalid("Deployment"))
}

/// An API's deployments, newest first.
pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Deployment>, Error> {
    let mut all = HTTP_DEPLOYMENTS.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
    Ok(all)
}

/// Deploys the API as it is now.
pub fn create(tx: &mut Tx, api: &Api, deployment: &Deployment) -> Result<(), Error> {
    match &api.websocket {
        Some(settings) => websocket::deployment::create(tx, api, settings, &deployment.id)?,
        None => keep(tx, api, &deployment.id)?,
    }
    Ok(HTTP_DEPLOYMENTS.put(tx, (&api.id, &deployment.id), deployment)?)
}

/// Keeps an HTTP API as it is now under the id of a deployment.
fn keep(tx: &mut Tx, api: &Api, id: &str) -> Result<(), Error> {
    let mut routes = Vec::new();
    for route in route::list(tx, &api.id)? {
        let integration = match &route.integration {
            Some(id) => INTEGRATIONS.get(tx, (&api.id, id))?,
            None => None,
        };
        let authorizer = match &route.authorization.authorizer {
            Some(id) => Some(authorizer::find(tx, &HTTP_AUTHORIZERS, &api.id, id)?),
            None => None,
        };
        routes.push(DeployedRoute { key: route.key, integration, authorization: route.authorization, authorizer });
    }
    Ok(HTTP_DEPLOYED.put(tx, (&api.id, id), &Deployed { cors: api.cors.clone(), routes })?)
}

/// The API has changed: its stages with `autoDeploy` serve it as it is now, and the automatic deployments that they
/// served before go.
pub fn automatic(tx: &mut Tx, now: Timestamp, api: &Api, id: &str) -> Result<(), Error> {
    let stages = stage::list(tx, &api.id)?;
    if !stages.iter().any(|stage| stage.auto_deploy) {
        return Ok(());
    }
    create(tx, api, &Deployment { id: id.to_owned(), description: None, created: now, auto: true })?;
    for mut stage in stages.into_iter().filter(|stage| stage.auto_deploy) {
        let before = stage.deployment.replace(id.to_owned());
        stage.updated = now;
        HTTP_STAGES.put(tx, (&api.id, &stage.name), &stage)?;
        if let Some(before) = before {
            drop_automatic(tx, &api.id, &before)?;
        }
    }
    Ok(())
}

/// Removes a deployment that was made automatically, unless a stage serves it.
fn drop_automatic(tx: &mut Tx, api: &str, id: &str) -> Result<(), Error> {
    let is_served = stage::list(tx, api)?.iter().any(|stage| stage.deployment.as_deref() == Some(id));
    match HTTP_DEPLOYMENTS.get(tx, (api, id))? {
        Some(deployment) if deployment.auto && !is_served => remove(tx, api, id),
        _ => Ok(()),
    }
}

fn remove(tx: &mut Tx, api: &str, id: &str) -> Result<(), Error> {
    HTTP_DEPLOYMENTS.delete(tx, (api, id))?;
    HTTP_DEPLOYED.delete(tx, (api, id))?;
    WEBSOCKET_DEPLOYED.delete(tx, (api, id))?;
    Ok(())
}

/// Removes a deployment that no stage serves.
pub fn delete(tx: &mut Tx, api: &str, id: &str) -> Result<(), Error> {
    find(tx, api, id)?;
    if stage::list(tx, api)?.iter().any(|stage| stage.deployment.as_deref() == Some(id)) {
        return Err(Error::bad("Active stages pointing to this deployment must be moved or deleted"));
    }
    remove(tx, api, id)
}

/// Changes what is said of a deployment.
pub fn describe(tx: &mut Tx, api: &str, id: &str, description: Option<String>) -> Result<Deployment, Error> {
    let mut deployment = find(tx, api, id)?;
    deployment.description = description.or(deployment.description);
    HTTP_DEPLOYMENTS.put(tx, (api, id), &deployment)?;
    Ok(deployment)
}

/// What a deployment serves.
pub fn deployed(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Deployed, Error> {
    Ok(HTTP_DEPLOYED.get(read, (api, id))?.unwrap_or_default())
}
