//! PutProvisionedConcurrencyConfig, GetProvisionedConcurrencyConfig, DeleteProvisionedConcurrencyConfig,
//! ListProvisionedConcurrencyConfigs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::configuration::timestamp;
use super::{Empty, FunctionInput, PageInput, marker, next_marker, page_size};
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::provisioned;
use crate::name::{FunctionRef, Qualifier};
use crate::provisioning::Progress;
use crate::types::Provisioned;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub function_name: String,
    pub qualifier: Option<String>,
    pub provisioned_concurrent_executions: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProvisionedOutput {
    /// Only in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_arn: Option<String>,
    pub requested_provisioned_concurrent_executions: u32,
    pub available_provisioned_concurrent_executions: u32,
    pub allocated_provisioned_concurrent_executions: u32,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    pub last_modified: String,
}

fn output(config: &Provisioned, progress: Progress) -> ProvisionedOutput {
    let status = match &progress.failure {
        Some(_) => "FAILED",
        None if progress.ready >= config.requested => "READY",
        None => "IN_PROGRESS",
    };
    ProvisionedOutput {
        function_arn: None,
        requested_provisioned_concurrent_executions: config.requested,
        available_provisioned_concurrent_executions: progress.ready,
        allocated_provisioned_concurrent_executions: progress.ready,
        status,
        status_reason: progress.failure,
        last_modified: timestamp(config.modified),
    }
}

pub async fn put(lambda: Arc<Lambda>, cx: Cx, input: PutInput) -> Result<ProvisionedOutput, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    let wanted = input.provisioned_concurrent_executions;
    let mut constraints = Constraints::default();
    constraints.required(wanted.map(|_| ""), "provisionedConcurrentExecutions");
    constraints.range(wanted, "provisionedConcurrentExecutions", &limits::PROVISIONED_RANGE);
    constraints.check()?;
    let requested = wanted.and_then(|wanted| u32::try_from(wanted).ok()).unwrap_or_default();
    let config = Provisioned { requested, modified: cx.now() };
    let (stored, server_max) = (config.clone(), lambda.provisioned_max);
    cx.db().write(move |tx| provisioned::put(tx, &reference, &stored, server_max)).await?;
    // As on AWS, nothing is ready when this answers.
    Ok(output(&config, Progress::default()))
}

pub async fn get(lambda: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<ProvisionedOutput, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    let read = cx.db().read()?;
    let config = provisioned::find(&read, &reference)?;
    Ok(output(&config, Progress::of(&lambda, &read, &reference, config.requested)?))
}

pub async fn delete(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<Empty, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    cx.db().write(move |tx| provisioned::delete(tx, &reference)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub provisioned_concurrency_configs: Vec<ProvisionedOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

pub async fn list(lambda: Arc<Lambda>, cx: Cx, input: PageInput) -> Result<ListOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    let (limit, after) = (page_size(input.max_items)?, marker(input.marker.as_deref())?);
    let read = cx.db().read()?;
    let (configs, next) = provisioned::list(&read, &reference, after.as_deref(), limit)?;
    let mut listed = Vec::with_capacity(configs.len());
    for (qualifier, config) in configs {
        let reference = FunctionRef { qualifier: Qualifier::parse(&qualifier), ..reference.clone() };
        let progress = Progress::of(&lambda, &read, &reference, config.requested)?;
        let function_arn = Some(reference.qualified_arn().to_string());
        listed.push(ProvisionedOutput { function_arn, ..output(&config, progress) });
    }
    Ok(ListOutput { provisioned_concurrency_configs: listed, next_marker: next_marker(next) })
}
