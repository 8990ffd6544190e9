//! `cloudlet doctor`.

use std::process::ExitCode;

use sandbox::Capabilities;
use serde_json::json;

use crate::cli::Doctor;
use crate::output;
use crate::server::{fork_obstacle, isolation};

pub async fn run(options: Doctor) -> anyhow::Result<ExitCode> {
    let found = isolation().await?;
    let no_forks = if found.obstacle.is_none() { fork_obstacle().await? } else { None };
    if options.json {
        output::json(&machine(&found, no_forks.as_deref()))?;
    } else {
        people(&found);
        if let Some(reason) = no_forks {
            output::line(format_args!(
                "Python functions start slowly: each instance loads the code itself, instead of being a fork, as {reason}."
            ));
        }
    }
    Ok(if found.obstacle.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `no_forks` is why instances of Python functions are not forked.
fn machine(found: &Capabilities, no_forks: Option<&str>) -> serde_json::Value {
    let aspects = found
        .aspects
        .iter()
        .map(|aspect| json!({"Name": aspect.name, "Isolated": aspect.isolated, "Detail": aspect.detail, "Remedy": aspect.remedy}));
    let obstacle = found.obstacle.as_ref();
    json!({
        "Isolated": obstacle.is_none(),
        "Reason": obstacle.map(|obstacle| &obstacle.reason),
        "Remedy": obstacle.map(|obstacle| &obstacle.remedy),
        "NoForks": no_forks,
        "Aspects": aspects.collect::<Vec<_>>(),
    })
}

fn people(found: &Capabilities) {
    match &found.obstacle {
        None => output::line("Functions are isolated on this host:"),
        Some(obstacle) => {
            output::line(format_args!("Functions cannot be isolated on this host: {}.", obstacle.reason));
            output::line(&obstacle.remedy);
            output::line("What is missing:");
        }
    }
    for aspect in &found.aspects {
        let mark = if aspect.isolated { "yes" } else { "no " };
        output::line(format_args!("  {mark}  {}: {}", aspect.name, aspect.detail));
        if let Some(remedy) = aspect.remedy {
            output::line(format_args!("       {remedy}"));
        }
    }
}
