//! The canary of a stage: a second deployment, which gets a part of its requests until it is promoted or given up.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/canary-release.html>

use serde::{Deserialize, Serialize};

use super::patch::{Op, Patch};
use crate::error::Error;
use crate::ops::validate_variables;
use crate::types::Texts;
use crate::types::rest::{Canary, Stage};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    pub percent_traffic: f64,
    #[serde(skip_serializing_if = "Texts::is_empty")]
    pub stage_variable_overrides: Texts,
    pub use_stage_cache: bool,
}

impl From<Canary> for CanaryShape {
    fn from(canary: Canary) -> CanaryShape {
        CanaryShape {
            deployment_id: Some(canary.deployment),
            percent_traffic: canary.percent,
            stage_variable_overrides: canary.variables,
            use_stage_cache: canary.use_stage_cache,
        }
    }
}

impl CanaryShape {
    /// The canary of a stage that serves `deployment` otherwise.
    pub fn canary(self, deployment: &str) -> Result<Canary, Error> {
        validate_variables(&self.stage_variable_overrides)?;
        Ok(Canary {
            deployment: self.deployment_id.unwrap_or_else(|| deployment.to_owned()),
            percent: percent(self.percent_traffic)?,
            variables: self.stage_variable_overrides,
            use_stage_cache: self.use_stage_cache,
        })
    }
}

fn percent(percent: f64) -> Result<f64, Error> {
    match percent {
        0.0..=100.0 => Ok(percent),
        _ => Err(Error::bad(format!("Invalid percent traffic: {percent}. It should be between 0.0 and 100.0"))),
    }
}

/// Applies a patch of `/canarySettings`, of which `rest` is the path behind that.
pub fn apply(stage: &mut Stage, rest: &[&str], patch: &Patch) -> Result<(), Error> {
    match (patch.op, rest) {
        (Op::Remove, []) => stage.canary = None,
        (Op::Remove, ["stageVariableOverrides", name]) => {
            if let Some(canary) = &mut stage.canary {
                canary.variables.remove(*name);
            }
        }
        (Op::Remove, ["stageVariableOverrides"]) if stage.canary.is_some() => {
            stage.canary.iter_mut().for_each(|canary| canary.variables.clear());
        }
        (Op::Remove, _) => return Err(patch.nothing_to_remove()),
        (Op::Add, ["deploymentId"]) => {
            return Err(Error::bad(format!("Invalid add operation with path: {}", patch.path_text())));
        }
        (_, rest) => set(stage, rest, patch)?,
    }
    Ok(())
}

fn set(stage: &mut Stage, rest: &[&str], patch: &Patch) -> Result<(), Error> {
    let known = matches!(rest, ["deploymentId" | "percentTraffic" | "useStageCache"] | ["stageVariableOverrides", _]);
    if !known {
        return Err(Error::bad(format!(
            "Invalid method setting path: {}. Must be one of: [/canarySettings/deploymentId, /canarySettings/percentTraffic, /canarySettings/stageVariableOverrides/{{variable_name}}, /canarySettings/useStageCache]",
            patch.path_text()
        )));
    }
    let new =
        Canary { deployment: stage.deployment.clone(), percent: 0.0, variables: Texts::new(), use_stage_cache: false };
    let canary = stage.canary.get_or_insert(new);
    match rest {
        ["deploymentId"] => canary.deployment = patch.value.clone(),
        ["percentTraffic"] => canary.percent = percent(patch.number()?)?,
        ["useStageCache"] => canary.use_stage_cache = patch.boolean()?,
        [_, name] => {
            canary.variables.insert((*name).to_owned(), patch.value.clone());
            validate_variables(&canary.variables)?;
        }
        _ => {}
    }
    Ok(())
}

/// Gives a stage what its canary has: `copy` of its deployment or of its variables.
pub fn promote(stage: &mut Stage, patch: &Patch) -> Result<(), Error> {
    let (path, from) = (patch.path_text(), patch.from.as_str());
    let valid =
        [("/deploymentId", "/canarySettings/deploymentId"), ("/variables", "/canarySettings/stageVariableOverrides")];
    if !valid.contains(&(path, from)) {
        return Err(Error::bad(format!(
            "Invalid copy operation with path: {path} and from {from}. Valid copy:path are [/deploymentId, /variables] and valid copy:from are [/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"
        )));
    }
    let canary = stage.canary.as_ref();
    let canary = canary.ok_or_else(|| Error::bad("Promotion not available. Canary does not exist."))?;
    match path {
        "/deploymentId" => stage.deployment = canary.deployment.clone(),
        _ => stage.variables.extend(canary.variables.clone()),
    }
    Ok(())
}
