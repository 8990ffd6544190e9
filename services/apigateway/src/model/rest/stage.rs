//! Stages of a REST API: names under which a deployment is served.

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::STAGES;
use crate::limits;
use crate::model::domain;
use crate::model::rest::{api, deployment, documentation_version};
use crate::types::rest::Stage;

pub fn find(read: &(impl Read + ?Sized), api: &str, name: &str) -> Result<Stage, Error> {
    STAGES.get(read, (api, name))?.ok_or_else(|| Error::invalid("stage"))
}

/// An API's stages, in order of their names.
pub fn list(read: &(impl Read + ?Sized), api: &str) -> Result<Vec<Stage>, Error> {
    Ok(STAGES.scan_prefix(read, api, Order::Forward)?.values().collect::<Result<_, _>>()?)
}

pub fn create(tx: &mut Tx, region: &str, api: &str, stage: &Stage) -> Result<(), Error> {
    api::find(tx, region, api)?;
    deployment::find(tx, api, &stage.deployment)?;
    check_canary(tx, api, stage)?;
    check_documentation(tx, api, stage)?;
    if STAGES.contains(tx, (api, &stage.name))? {
        return Err(Error::Conflict("Stage already exists".into()));
    }
    if list(tx, api)?.len() >= limits::STAGES_PER_API_MAX {
        return Err(Error::LimitExceeded(format!("An API can have {} stages at most", limits::STAGES_PER_API_MAX)));
    }
    Ok(STAGES.put(tx, (api, &stage.name), stage)?)
}

fn check_canary(tx: &Tx, api: &str, stage: &Stage) -> Result<(), Error> {
    match &stage.canary {
        Some(canary) => deployment::find(tx, api, &canary.deployment).map(drop).map_err(|error| match error {
            Error::NotFound(_) => Error::bad("Deployment id does not exist"),
            other => other,
        }),
        None => Ok(()),
    }
}

fn check_documentation(tx: &Tx, api: &str, stage: &Stage) -> Result<(), Error> {
    let version = stage.documentation.as_ref();
    version.map_or(Ok(()), |name| documentation_version::find(tx, api, name).map(drop))
}

/// Lets a stage serve another deployment; a stage that is not there is made.
pub fn point(tx: &mut Tx, region: &str, api: &str, stage: &Stage) -> Result<(), Error> {
    let Some(existing) = STAGES.get(tx, (api, &stage.name))? else { return create(tx, region, api, stage) };
    let mut variables = existing.variables.clone();
    variables.extend(stage.variables.clone());
    let cache = stage.cache.clone().or(existing.cache);
    let tracing = stage.tracing || existing.tracing;
    let (deployment, updated) = (stage.deployment.clone(), stage.updated);
    let moved = Stage { deployment, variables, cache, tracing, updated, ..existing };
    Ok(STAGES.put(tx, (api, &moved.name), &moved)?)
}

/// Changes a stage by `change`.
pub fn update(
    tx: &mut Tx,
    now: Timestamp,
    region: &str,
    (api, name): (&str, &str),
    change: impl FnOnce(&mut Stage) -> Result<(), Error>,
) -> Result<Stage, Error> {
    api::find(tx, region, api)?;
    let mut stage = find(tx, api, name)?;
    change(&mut stage)?;
    stage.updated = now;
    deployment::find(tx, api, &stage.deployment)?;
    check_canary(tx, api, &stage)?;
    check_documentation(tx, api, &stage)?;
    STAGES.put(tx, (api, name), &stage)?;
    Ok(stage)
}

pub fn delete(tx: &mut Tx, region: &str, api: &str, name: &str) -> Result<(), Error> {
    api::find(tx, region, api)?;
    find(tx, api, name)?;
    domain::check_unmapped(tx, api, Some(name), "stage")?;
    Ok(STAGES.delete(tx, (api, name))?)
}
