//! `cloudlet rollback`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use deploy::{CallError, Cloud as _, LIVE};
use serde_json::{Value, json};

use crate::cli::Rollback;
use crate::client::Client;
use crate::output;
use crate::project::Remote;

pub async fn run(options: Rollback) -> anyhow::Result<ExitCode> {
    let cloud = Remote::connect(Client::connect(&options.connection)?).await?;
    let function = &options.function;
    let alias = cloud.call("lambda", "GetAlias", json!({"FunctionName": function, "Name": LIVE})).await;
    let alias = alias.map_err(|error| no_alias(function, error))?;
    let current = alias["FunctionVersion"].as_str().context("the alias has no version")?.to_owned();
    let shift = deploy::shift(function, &alias);
    let to = match (options.to, &shift) {
        (Some(version), _) => version.to_string(),
        // A canary is under way: what it began from is the version before.
        (None, Some(shift)) => shift.old.clone(),
        (None, None) => version_before(&cloud, function, &current).await?,
    };
    if shift.is_none() && to == current {
        output::line(format_args!("{function} is at version {current} already"));
        return Ok(ExitCode::SUCCESS);
    }
    deploy::point(&cloud, function, &to).await?;
    output::line(match shift {
        Some(shift) => format!(
            "{function}: from version {} with {:.0}% of the traffic and version {current} with the rest, to version {to}",
            shift.new,
            shift.weight * 100.0
        ),
        None => format!("{function}: from version {current} to version {to}"),
    });
    Ok(ExitCode::SUCCESS)
}

fn no_alias(function: &str, error: CallError) -> anyhow::Error {
    if !error.is_absent() {
        return error.into();
    }
    anyhow::anyhow!(
        "{error}\n`rollback` turns a function's alias `{LIVE}`, which `cloudlet deploy --canary` makes: {function} has none"
    )
}

/// The greatest number below that of the current version.
async fn version_before(cloud: &Remote, function: &str, current: &str) -> anyhow::Result<String> {
    let number: u64 = current.parse().with_context(|| format!("{function} is at {current}, which has no number"))?;
    let mut before = None;
    let mut marker = Value::Null;
    loop {
        let input = json!({"FunctionName": function, "Marker": marker});
        let page = cloud.call("lambda", "ListVersionsByFunction", input).await?;
        let versions = page["Versions"].as_array().into_iter().flatten();
        let numbers = versions.filter_map(|version| version["Version"].as_str()?.parse::<u64>().ok());
        before = numbers.filter(|version| *version < number).chain(before).max();
        marker = page["NextMarker"].clone();
        if marker.is_null() {
            break;
        }
    }
    match before {
        Some(version) => Ok(version.to_string()),
        None => bail!("{function} is at version {current}, and there is none before it"),
    }
}
