//! `cloudlet operations`.

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::Operations;
use crate::output;
use crate::services;

/// One operation, as programs see it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    service: &'static str,
    /// The folder of the official model that it is in.
    model: &'static str,
    operation: &'static str,
    action: String,
    writes: bool,
    /// Method and path pattern, for REST services.
    http: Option<(&'static str, &'static str)>,
}

pub async fn run(options: Operations) -> anyhow::Result<ExitCode> {
    let (cloud, _folder) = services::catalogue().await?;
    let wanted =
        |model: &str, name: &str| options.service.as_deref().is_none_or(|service| service == model || service == name);
    let mut rows = Vec::new();
    for service in cloud.services().iter().filter(|service| wanted(service.api.model, service.api.name)) {
        rows.extend(service.operations().iter().map(|operation| Row {
            service: service.api.name,
            model: service.api.model,
            operation: operation.name,
            action: operation.action.clone(),
            writes: operation.effect == service::Effect::Write,
            http: operation.rest.map(|binding| (binding.method, binding.uri)),
        }));
    }
    if rows.is_empty() {
        anyhow::bail!(
            "there is no service named {}; without a name, all are listed",
            options.service.unwrap_or_default()
        );
    }
    if options.json {
        output::json(&rows)?;
    } else {
        rows.iter().for_each(|row| output::line(format_args!("{} {}", row.model, row.operation)));
    }
    Ok(ExitCode::SUCCESS)
}
