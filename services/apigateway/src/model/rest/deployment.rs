//! Deployments of a REST API: its resources as they were at one moment, which is what stages serve.

use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{
    AUTHORIZERS, DEPLOYED, DEPLOYED_AUTHORIZERS, DEPLOYED_GATEWAY_RESPONSES, DEPLOYED_MODELS, DEPLOYED_VALIDATORS,
    DEPLOYMENTS, RESOURCES,
};
use crate::model::authorizer;
use crate::model::rest::{api, gateway_response, model, stage, validator};
use crate::types::authorizer::Authorizer;
use crate::types::gateway::{GatewayResponse, Kind};
use crate::types::model::{Model, Validator};
use crate::types::rest::{Deployment, Resource, Stage};

pub fn find(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Deployment, Error> {
    DEPLOYMENTS.get(read, (api, id))?.ok_or_else(|| Error::invalid("Deployment"))
}

/// An API's deployments, oldest first.
pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Deployment>, Error> {
    let mut all = DEPLOYMENTS.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(all)
}

/// Deploys the API as it is now.
pub fn create(tx: &mut Tx, region: &str, api: &str, deployment: &Deployment) -> Result<Deployment, Error> {
    let api = api::find(tx, region, api)?;
    let resources = RESOURCES.scan_prefix(tx, &api.id, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    check_complete(&resources)?;
    for resource in &resources {
        DEPLOYED.put(tx, (&api.id, &deployment.id, &resource.id), resource).map_err(too_large)?;
    }
    for authorizer in authorizer::list(tx, &AUTHORIZERS, &api.id)? {
        DEPLOYED_AUTHORIZERS.put(tx, (&api.id, &deployment.id, &authorizer.id), &authorizer)?;
    }
    for model in model::list(tx, &api.id)? {
        DEPLOYED_MODELS.put(tx, (&api.id, &deployment.id, &model.name), &model).map_err(too_large)?;
    }
    for validator in validator::list(tx, &api.id)? {
        DEPLOYED_VALIDATORS.put(tx, (&api.id, &deployment.id, &validator.id), &validator)?;
    }
    for (kind, response) in gateway_response::list(tx, &api.id)? {
        DEPLOYED_GATEWAY_RESPONSES.put(tx, (&api.id, &deployment.id, kind.word()), &response).map_err(too_large)?;
    }
    let deployment = Deployment { binary_media_types: api.binary_media_types, ..deployment.clone() };
    DEPLOYMENTS.put(tx, (&api.id, &deployment.id), &deployment)?;
    Ok(deployment)
}

fn too_large(error: kv::Error) -> Error {
    match error {
        kv::Error::TransactionTooLarge { bytes } => {
            Error::LimitExceeded(format!("The API has {bytes} bytes, which is too large to be deployed"))
        }
        other => other.into(),
    }
}

fn check_complete(resources: &[Resource]) -> Result<(), Error> {
    let mut methods = resources.iter().flat_map(|resource| resource.methods.values()).peekable();
    if methods.peek().is_none() {
        return Err(Error::bad("The REST API doesn't contain any methods"));
    }
    if methods.any(|method| method.integration.is_none()) {
        return Err(Error::bad("No integration defined for method"));
    }
    Ok(())
}

/// Removes a deployment that no stage serves.
pub fn delete(tx: &mut Tx, region: &str, api: &str, id: &str) -> Result<(), Error> {
    api::find(tx, region, api)?;
    find(tx, api, id)?;
    let serves =
        |stage: &Stage| stage.deployment == id || stage.canary.as_ref().is_some_and(|canary| canary.deployment == id);
    if stage::list(tx, api)?.iter().any(serves) {
        return Err(Error::bad("Active stages pointing to this deployment must be moved or deleted"));
    }
    DEPLOYMENTS.delete(tx, (api, id))?;
    DEPLOYED.delete_prefix(tx, (api, id))?;
    DEPLOYED_AUTHORIZERS.delete_prefix(tx, (api, id))?;
    DEPLOYED_MODELS.delete_prefix(tx, (api, id))?;
    DEPLOYED_VALIDATORS.delete_prefix(tx, (api, id))?;
    DEPLOYED_GATEWAY_RESPONSES.delete_prefix(tx, (api, id))?;
    Ok(())
}

/// Changes a deployment by `change`.
pub fn update(
    tx: &mut Tx,
    region: &str,
    api: &str,
    id: &str,
    change: impl FnOnce(&mut Deployment) -> Result<(), Error>,
) -> Result<Deployment, Error> {
    api::find(tx, region, api)?;
    let mut deployment = find(tx, api, id)?;
    change(&mut deployment)?;
    DEPLOYMENTS.put(tx, (api, id), &deployment)?;
    Ok(deployment)
}

/// What a deployment serves.
pub fn resources(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Vec<Resource>, Error> {
    Ok(DEPLOYED.scan_prefix(read, (api, id), Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// The authorizers of what a deployment serves.
pub fn authorizers(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Vec<Authorizer>, Error> {
    Ok(DEPLOYED_AUTHORIZERS.scan_prefix(read, (api, id), Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// The models of what a deployment serves.
pub fn models(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Vec<Model>, Error> {
    Ok(DEPLOYED_MODELS.scan_prefix(read, (api, id), Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// The validators of what a deployment serves.
pub fn validators(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Vec<Validator>, Error> {
    Ok(DEPLOYED_VALIDATORS.scan_prefix(read, (api, id), Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// The gateway responses of what a deployment serves.
pub fn gateway_responses(
    read: &(impl Read + ?Sized),
    api: &str,
    id: &str,
) -> Result<Vec<(Kind, GatewayResponse)>, Error> {
    let rows = DEPLOYED_GATEWAY_RESPONSES.scan_prefix(read, (api, id), Order::Forward)?;
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().filter_map(|((.., kind), response)| Some((Kind::of(&kind)?, response))).collect())
}
