//! `cloudlet deploy` and `cloudlet remove`.

use std::process::ExitCode;

use anyhow::bail;
use deploy::Shift;

use crate::cli::{Deploy, Remove};
use crate::client::Client;
use crate::output;
use crate::project::{Canary, Deployer, Reporter, Verdict, folder, print_outcome};

pub async fn deploy(options: Deploy) -> anyhow::Result<ExitCode> {
    if let Some(alarm) = &options.alarm {
        bail!("the alarm {alarm} cannot be watched: alarms are not built yet. Error rates are watched without --alarm");
    }
    let canary = options.canary.map(|weight| Canary { weight, watch: options.watch });
    let client = Client::connect(&options.connection)?;
    let mut deployer =
        Deployer::new(&folder(&options.dir)?, options.project, options.connection.region, client, false).await?;
    let project = deployer.load().await?;
    let mut reporter = Reporter::default();
    let (outcome, shifts) = deployer.release(&project, canary, &mut reporter).await?;
    let verdict = match canary {
        Some(canary) if !shifts.is_empty() => Some(deployer.watch(&project, &shifts, canary, &reporter).await?),
        _ => None,
    };
    let code = match &verdict {
        Some(verdict) if !verdict.completed => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    };
    if options.json {
        let mut result = serde_json::to_value(&outcome)?;
        if let Some(verdict) = &verdict {
            result["canary"] = serde_json::to_value(verdict)?;
        }
        output::json(&result)?;
        return Ok(code);
    }
    match outcome.changed {
        0 => output::line(format_args!("{} is up to date", outcome.stack)),
        changed => output::line(format_args!("{} is deployed: {changed} resources changed", outcome.stack)),
    }
    print_outcome(&outcome);
    match &verdict {
        Some(verdict) => print_verdict(verdict, &shifts),
        None if canary.is_some() => {
            output::line("canary: nothing to shift: no function has another version than before");
        }
        None => {}
    }
    Ok(code)
}

fn print_verdict(verdict: &Verdict, shifts: &[Shift]) {
    output::line(if verdict.completed { "canary: completed" } else { "canary: rolled back" });
    for reason in &verdict.reasons {
        output::line(format_args!("  {reason}"));
    }
    for Shift { function, old, new, .. } in shifts {
        let version = if verdict.completed { new } else { old };
        output::line(format_args!("  {function}: version {version} has all of the traffic"));
    }
}

pub async fn remove(options: Remove) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let mut deployer =
        Deployer::new(&folder(&options.dir)?, options.project, options.connection.region, client, false).await?;
    let project = deployer.load().await?;
    deployer.remove(&project, &mut Reporter::default()).await?;
    output::line(format_args!("{} is removed", project.stack_name()));
    Ok(ExitCode::SUCCESS)
}
