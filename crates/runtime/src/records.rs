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
use crate::telemetry::Subscribed;

impl Log {
    /// An instance begins to be initialised. `version` is the interpreter's, with the runtime's name.
    pub fn init_start(&mut self, initialization: Initialization, version: &str) {
        let record = json!({
            "initializationType": initialization.name(),
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

    /// Initialisation has succeeded, which only subscribers are told.
    pub fn initialised(&mut self, initialization: Initialization, took: Duration) {
        let record = json!({"initializationType": initialization.name(), "phase": "init", "status": "success"});
        let mut report = record.clone();
        report["metrics"] = json!({"durationMs": report::millis(took)});
        self.telemetry().platform("platform.initRuntimeDone", || record);
        self.telemetry().platform("platform.initReport", || report);
    }

    /// An extension has subscribed to what happens; it was told already.
    pub fn subscribed(&mut self, subscribed: &Subscribed) {
        let Subscribed { name, api, types } = subscribed;
        let record = json!({"name": name, "state": "Subscribed", "types": types});
        let line = self.line(SystemLevel::Info, api.subscription(), &record, || report::subscribed(subscribed));
        line.into_iter().for_each(|line| self.write(line));
    }

    pub fn extension(&mut self, extension: &Standing) {
        let Standing { name, state, events, error_type } = extension;
        let mut record = json!({"name": name, "state": state, "events": events});
        if let (Some(error_type), Some(record)) = (error_type, record.as_object_mut()) {
            record.insert("errorType".into(), error_type.clone().into());
        }
        self.system(SystemLevel::Info, "platform.extension", record, || report::extension(extension));
    }

    /// An instance begins to be made of what is initialised already.
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
        let status = report.failure.map_or(if failed { "error" } else { "success" }, Failure::status);
        let mut record = json!({"requestId": report.request_id, "status": status});
        if let Some(failure) = report.failure {
            record["errorType"] = failure.error_type.into();
            let text = self.failure_text(report.request_id, failure);
            self.telemetry().platform("platform.fault", || text.trim_end().into());
            self.plain(text);
        }
        let mut done = record.clone();
        done["metrics"] =
            json!({"durationMs": report::millis(report.duration), "producedBytes": report.produced_bytes});
        let level = if failed { SystemLevel::Warn } else { SystemLevel::Debug };
        self.system(level, "platform.runtimeDone", done, String::new);
        let request_id = report.request_id;
        self.telemetry().platform("platform.end", || json!({"requestId": request_id}));
        self.plain(report::end(request_id));
        record["metrics"] = report.metrics();
        let level = if failed { SystemLevel::Warn } else { SystemLevel::Info };
        self.system(level, "platform.report", record, || report.line());
    }

    fn failure_text(&self, request_id: &str, failure: &Failure) -> String {
        match failure.error_type {
            "Sandbox.Timedout" => report::timeout_line(self.now(), request_id, self.spec().timeout),
            error_type => format!("{}\n{error_type}\n", failure.message),
        }
    }

    /// Writes what only a log of text has.
    fn plain(&mut self, text: String) {
        if self.spec().json_logs.is_none() {
            self.write(text);
        }
    }

    /// Tells subscribers, and writes the record where the log is JSON and takes its level; otherwise the text.
    fn system(&mut self, level: SystemLevel, kind: &'static str, record: Value, text: impl FnOnce() -> String) {
        let line = self.line(level, kind, &record, text);
        self.telemetry().platform(kind, || record);
        line.into_iter().for_each(|line| self.write(line));
    }

    fn line(&self, level: SystemLevel, kind: &str, record: &Value, text: impl FnOnce() -> String) -> Option<String> {
        match &self.spec().json_logs {
            None => Some(text()).filter(|text| !text.is_empty()),
            Some(logs) if level < logs.system_level => None,
            Some(_) => {
                let time = self.now().iso8601();
                Some(format!("{}\n", json!({"time": time, "type": kind, "record": record})))
            }
        }
    }
}
