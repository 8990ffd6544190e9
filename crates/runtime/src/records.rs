//! What Lambda itself writes into a function's log, in the format that the log has: text, or one JSON object a line.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html> and, for the records,
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>

use std::time::Duration;

use serde_json::{Value, json};

use crate::extensions::Standing;
use crate::function::{Initialization, SystemLevel};
use crate::output::Log;
use crate::report::{self, Failure, Report};

impl Log {
    /// An instance begins to be initialised. `version` is the interpreter's, with the runtime's name.
    pub fn init_start(&mut self, version: &str) {
        let record = json!({
            "initializationType": "on-demand",
            "phase": "init",
            "runtimeVersion": version,
            "functionName": self.spec().name,
            "functionVersion": self.spec().version,
        });
        let text = || format!("INIT_START Runtime Version: {version}\n");
        self.system(SystemLevel::Info, "platform.initStart", record, text);
    }

    /// Initialisation failed.
    pub fn init_report(&mut self, took: Duration, error_type: &str) {
        let record = json!({
            "initializationType": "on-demand",
            "phase": "init",
            "status": report::status_of(error_type),
            "errorType": error_type,
            "metrics": {"durationMs": report::millis(took)},
        });
        self.system(SystemLevel::Warn, "platform.initReport", record, || report::init_report(took, error_type));
    }

    /// An instance begins to be made of what is initialised already.
    pub fn extension(&mut self, extension: &Standing) {
        let Standing { name, state, events, error_type } = extension;
        let mut record = json!({"name": name, "state": state, "events": events});
        if let (Some(error_type), Some(record)) = (error_type, record.as_object_mut()) {
            record.insert("errorType".into(), error_type.clone().into());
        }
        self.system(SystemLevel::Info, "platform.extension", record, || report::extension(extension));
    }

    pub fn restore_start(&mut self) {
        let spec = self.spec();
        let runtime = spec.runtime.clone();
        let record = json!({"runtimeVersion": runtime, "functionName": spec.name, "functionVersion": spec.version});
        self.system(SystemLevel::Info, "platform.restoreStart", record, || report::restore_start(&runtime));
    }

    pub fn restore_report(&mut self, took: Duration) {
        let record = json!({"status": "success", "metrics": {"durationMs": report::millis(took)}});
        self.system(SystemLevel::Info, "platform.restoreReport", record, || report::restore_report(took));
    }

    pub fn start(&mut self, request_id: &str) {
        let version = self.spec().version.clone();
        let record = json!({"requestId": request_id, "version": version});
        self.system(SystemLevel::Info, "platform.start", record, || report::start(request_id, &version));
    }

    /// The end of an invocation. `failed`: its answer is an error, of the function's or of Lambda's own.
    pub fn end(&mut self, report: &Report<'_>, failed: bool) {
        if self.spec().json_logs.is_none() {
            if let Some(failure) = report.failure {
                let text = self.failure_text(report.request_id, failure);
                self.write(text);
            }
            self.write(report::end(report.request_id));
            return self.write(report.line());
        }
        let status = report.failure.map_or(if failed { "error" } else { "success" }, Failure::status);
        let level = if failed { SystemLevel::Warn } else { SystemLevel::Info };
        let done = if failed { SystemLevel::Warn } else { SystemLevel::Debug };
        let mut metrics = json!({"durationMs": report::millis(report.duration)});
        let mut record = json!({"requestId": report.request_id, "status": status, "metrics": metrics});
        if let Some(failure) = report.failure {
            record["errorType"] = failure.error_type.into();
        }
        self.system(done, "platform.runtimeDone", record.clone(), String::new);
        metrics["billedDurationMs"] = json!(u64::try_from(report.billed().as_millis()).unwrap_or(u64::MAX));
        metrics["memorySizeMB"] = report.memory_mb.into();
        metrics["maxMemoryUsedMB"] = report.used_mb.into();
        if let Some((how, took)) = report.init {
            let name = if how == Initialization::SnapStart { "restoreDurationMs" } else { "initDurationMs" };
            metrics[name] = json!(report::millis(took));
        }
        record["metrics"] = metrics;
        self.system(level, "platform.report", record, String::new);
    }

    fn failure_text(&self, request_id: &str, failure: &Failure) -> String {
        match failure.error_type {
            "Sandbox.Timedout" => report::timeout_line(self.now(), request_id, self.spec().timeout),
            error_type => format!("{}\n{error_type}\n", failure.message),
        }
    }

    /// Writes a record where the log is JSON and takes its level; otherwise the text.
    fn system(&mut self, level: SystemLevel, kind: &str, record: Value, text: impl FnOnce() -> String) {
        let line = match &self.spec().json_logs {
            None => text(),
            Some(logs) if level < logs.system_level => return,
            Some(_) => {
                let time = self.now().iso8601();
                format!("{}\n", json!({"time": time, "type": kind, "record": record}))
            }
        };
        self.write(line);
    }
}
