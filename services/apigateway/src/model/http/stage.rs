//! Stages of an HTTP API: names under which a deployment is served; `$default` needs no name in the path.

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::HTTP_STAGES;
use crate::limits;
use crate::model::domain;
use crate::model::http::deployment;
use crate::types::http::{Api, Stage};

pub fn find(read: &(impl Read + ?Sized), api: &str, name: &str) -> Result<Stage, Error> {
    HTTP_STAGES.get(read, (api, name))?.ok_or_else(|| Error::invalid("Stage"))
}

pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Stage>, Error> {
    Ok(HTTP_STAGES.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

/// Makes a stage. `deployment` is the id of the one that this makes when the stage deploys by itself.
pub fn create(tx: &mut Tx, now: Timestamp, api: &Api, stage: &Stage, deployment: &str) -> Result<Stage, Error> {
    if HTTP_STAGES.contains(tx, (&api.id, &stage.name))? {
        return Err(Error::Conflict("Stage already exists".into()));
    }
    if list(tx, &api.id)?.len() >= limits::STAGES_PER_API_MAX {
        return Err(Error::LimitExceeded(format!("An API can have {} stages at most", limits::STAGES_PER_API_MAX)));
    }
    store(tx, now, api, stage, deployment)
}

/// Changes a stage by `change`. `deployment` as for [`create`].
pub fn update(
    tx: &mut Tx,
    now: Timestamp,
    api: &Api,
    name: &str,
    deployment: &str,
    change: impl FnOnce(&mut Stage) -> Result<(), Error>,
) -> Result<Stage, Error> {
    let mut stage = find(tx, &api.id, name)?;
    let deployed_itself = stage.auto_deploy;
    change(&mut stage)?;
    stage.updated = now;
    if stage.auto_deploy && deployed_itself {
        HTTP_STAGES.put(tx, (&api.id, &stage.name), &stage)?;
        return Ok(stage);
    }
    store(tx, now, api, &stage, deployment)
}

fn store(tx: &mut Tx, now: Timestamp, api: &Api, stage: &Stage, deployment: &str) -> Result<Stage, Error> {
    if let Some(id) = &stage.deployment {
        deployment::find(tx, &api.id, id)?;
    }
    HTTP_STAGES.put(tx, (&api.id, &stage.name), stage)?;
    if stage.auto_deploy {
        deployment::automatic(tx, now, api, deployment)?;
    }
    find(tx, &api.id, &stage.name)
}

pub fn delete(tx: &mut Tx, api: &str, name: &str) -> Result<(), Error> {
    find(tx, api, name)?;
    domain::check_unmapped(tx, api, Some(name), "stage")?;
    Ok(HTTP_STAGES.delete(tx, (api, name))?)
}

/// Takes back what a stage says of one route.
pub fn forget_route(tx: &mut Tx, now: Timestamp, api: &str, name: &str, route: &str) -> Result<(), Error> {
    let mut stage = find(tx, api, name)?;
    stage.settings.remove(route).ok_or_else(|| Error::invalid("RouteSettings"))?;
    stage.updated = now;
    Ok(HTTP_STAGES.put(tx, (api, name), &stage)?)
}

/// Takes back where a stage tells of its requests.
pub fn forget_log(tx: &mut Tx, now: Timestamp, api: &str, name: &str) -> Result<(), Error> {
    let stage = Stage { access_log: None, updated: now, ..find(tx, api, name)? };
    Ok(HTTP_STAGES.put(tx, (api, name), &stage)?)
}

/// Changes a stage's tags by `change`.
pub fn retag(
    tx: &mut Tx,
    api: &str,
    name: &str,
    change: impl FnOnce(&mut crate::types::Texts) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut stage = find(tx, api, name)?;
    change(&mut stage.tags)?;
    Ok(HTTP_STAGES.put(tx, (api, name), &stage)?)
}
