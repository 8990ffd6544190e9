//! `cloudlet deploy` and `cloudlet remove`.

use std::process::ExitCode;

use crate::cli::{Deploy, Remove};
use crate::client::Client;
use crate::output;
use crate::project::{Deployer, Reporter, folder, print_outcome};

pub async fn deploy(options: Deploy) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let mut deployer =
        Deployer::new(&folder(&options.dir)?, options.project, options.connection.region, client, false).await?;
    let project = deployer.load().await?;
    let outcome = deployer.deploy(&project, &mut Reporter::default()).await?;
    if options.json {
        output::json(&outcome)?;
        return Ok(ExitCode::SUCCESS);
    }
    match outcome.changed {
        0 => output::line(format_args!("{} is up to date", outcome.stack)),
        changed => output::line(format_args!("{} is deployed: {changed} resources changed", outcome.stack)),
    }
    print_outcome(&outcome);
    Ok(ExitCode::SUCCESS)
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
