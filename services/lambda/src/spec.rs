//! From a version of a function to what the runtime needs to know about it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base::Arn;
use runtime::FunctionSpec;
use service::Cx;

use crate::code::CodeStore;
use crate::error::Error;
use crate::ops::configuration::{default_log_group, version_name};
use crate::types::{Function, Version};

/// Names a version of a function as it is now: every change of it has another key.
pub fn key(function: &Arn, version: &Version) -> String {
    format!("{function}:{}:{}", version_name(version.number), version.revision)
}

/// Specifications by their keys, so that a warm invocation does not look for its code on the disk.
#[derive(Default)]
pub struct Specs(Mutex<HashMap<String, Arc<FunctionSpec>>>);

impl Specs {
    pub async fn of(
        &self,
        cx: &Cx,
        code: &CodeStore,
        function: &Function,
        version: Version,
    ) -> Result<Arc<FunctionSpec>, Error> {
        let key = key(&function.arn, &version);
        if let Some(spec) = self.known().get(&key) {
            return Ok(spec.clone());
        }
        let spec = Arc::new(build(cx, code, function, version, key.clone()).await?);
        self.known().insert(key, spec.clone());
        Ok(spec)
    }

    /// Forgets a version that has changed or gone.
    pub fn forget(&self, key: &str) {
        self.known().remove(key);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<FunctionSpec>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn build(
    cx: &Cx,
    code: &CodeStore,
    function: &Function,
    version: Version,
    key: String,
) -> Result<FunctionSpec, Error> {
    let mut layers = Vec::with_capacity(version.layers.len());
    for layer in &version.layers {
        layers.push(code.folder(&layer.code).await?);
    }
    let settings = version.settings;
    Ok(FunctionSpec {
        key,
        name: function.name.clone(),
        version: version_name(version.number),
        handler: settings.handler,
        runtime: settings.runtime,
        code: code.folder(&version.code).await?,
        layers,
        environment: settings.environment,
        timeout: Duration::from_secs(settings.timeout_seconds.into()),
        memory_mb: settings.memory_mb,
        ephemeral_storage_mb: settings.ephemeral_storage_mb,
        region: function.arn.region.clone(),
        account: function.arn.account.clone(),
        role: settings.role.to_string(),
        log_group: settings.log_group.unwrap_or_else(|| default_log_group(&function.name)),
        endpoint_url: cx.cloud().endpoint().to_owned(),
        instances_max: None,
        json_logs: settings.json_logs.map(|logs| runtime::JsonLogs {
            application_level: logs.application_level,
            system_level: match &*logs.system_level {
                "DEBUG" => runtime::SystemLevel::Debug,
                "WARN" => runtime::SystemLevel::Warn,
                _ => runtime::SystemLevel::Info,
            },
        }),
        snap_start: version.number > 0 && settings.snap_start,
    })
}
