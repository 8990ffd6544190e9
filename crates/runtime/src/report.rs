//! Lambda's own words: the lines it writes around an invocation, and the errors it answers when the function could not.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html> and the answers of the service.

use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use sandbox::Exit;
use serde_json::{Value, json};

use crate::extensions::Standing;
use crate::function::Initialization;
use crate::telemetry::Subscribed;

/// The figures of the REPORT line.
pub(crate) struct Report<'a> {
    pub request_id: &'a str,
    pub duration: Duration,
    /// How the instance was initialised and how long that took, when this was its first invocation.
    pub init: Option<(Initialization, Duration)>,
    pub memory_mb: u32,
    pub used_mb: u64,
    /// Bytes of the answer.
    pub produced_bytes: usize,
    pub failure: Option<&'a Failure>,
}

/// An invocation that Lambda itself ended, or whose instance was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub error_type: &'static str,
    pub message: String,
}

impl Failure {
    pub fn timeout(request_id: &str, timeout: Duration) -> Failure {
        Failure { error_type: "Sandbox.Timedout", message: timed_out(timeout) }.of_request(request_id)
    }

    pub fn exit(request_id: &str, exit: Exit) -> Failure {
        Failure { error_type: "Runtime.ExitError", message: describe(exit) }.of_request(request_id)
    }

    /// The request's identifier is put in front when it is known.
    pub fn extension(error_type: &'static str, message: &str) -> Failure {
        Failure { error_type, message: message.into() }
    }

    /// The same for the invocation that it failed.
    pub fn of_request(mut self, request_id: &str) -> Failure {
        self.message = format!("RequestId: {request_id} Error: {}", self.message);
        self
    }

    pub fn too_large() -> Failure {
        let limit = crate::limits::RESPONSE_BYTES_MAX;
        let message = format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
        Failure { error_type: "Function.ResponseSizeTooLarge", message }
    }

    pub fn payload(&self) -> Bytes {
        json!({"errorType": self.error_type, "errorMessage": self.message}).to_string().into()
    }

    pub fn status(&self) -> &'static str {
        status_of(self.error_type)
    }
}

pub(crate) fn start(request_id: &str, version: &str) -> String {
    format!("START RequestId: {request_id} Version: {version}\n")
}

pub(crate) fn end(request_id: &str) -> String {
    format!("END RequestId: {request_id}\n")
}

/// What the log says when time is up; the answer to the caller has its own form.
pub(crate) fn timeout_line(now: Timestamp, request_id: &str, timeout: Duration) -> String {
    format!("{} {request_id} {}\n\n", now.iso8601(), timed_out(timeout))
}

pub(crate) fn init_report(init: Duration, error_type: &str) -> String {
    let status = status_of(error_type);
    format!(
        "INIT_REPORT Init Duration: {:.2} ms\tPhase: init\tStatus: {status}\tError Type: {error_type}\n",
        millis(init)
    )
}

impl Report<'_> {
    /// Whole milliseconds, with the initialisation that the request waited for.
    /// Source: <https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/>
    pub fn billed(&self) -> Duration {
        let waited = self.init.filter(|(how, _)| *how != Initialization::ProvisionedConcurrency);
        whole_millis(self.duration + waited.map(|(_, took)| took).unwrap_or_default())
    }

    /// The figures as a record has them.
    pub fn metrics(&self) -> Value {
        let mut metrics = json!({
            "durationMs": millis(self.duration),
            "billedDurationMs": u64::try_from(self.billed().as_millis()).unwrap_or(u64::MAX),
            "memorySizeMB": self.memory_mb,
            "maxMemoryUsedMB": self.used_mb,
        });
        if let Some((how, took)) = self.init {
            let name = if how == Initialization::SnapStart { "restoreDurationMs" } else { "initDurationMs" };
            metrics[name] = json!(millis(took));
        }
        metrics
    }

    pub fn line(&self) -> String {
        let (duration, billed) = (millis(self.duration), self.billed().as_millis());
        let mut line = format!(
            "REPORT RequestId: {}\tDuration: {duration:.2} ms\tBilled Duration: {billed} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t",
            self.request_id, self.memory_mb, self.used_mb
        );
        match self.init {
            Some((Initialization::SnapStart, took)) => line.push_str(&format!(
                "Restore Duration: {:.2} ms\tBilled Restore Duration: {} ms\t",
                millis(took),
                whole_millis(took).as_millis()
            )),
            Some((_, took)) => line.push_str(&format!("Init Duration: {:.2} ms\t", millis(took))),
            None => {}
        }
        if let Some(failure) = self.failure {
            line.push_str(&format!("Status: {}", failure.status()));
            if failure.status() == "error" {
                line.push_str(&format!("\tError Type: {}", failure.error_type));
            }
        }
        line.push('\n');
        line
    }
}

/// What a log says about an extension when the initialisation is over.
pub(crate) fn extension(extension: &Standing) -> String {
    let Standing { name, state, events, error_type } = extension;
    let error = error_type.as_ref().map(|error| format!("\tError Type: {error}")).unwrap_or_default();
    format!("EXTENSION\tName: {name}\tState: {state}\tEvents: [{}]{error}\n", events.join(","))
}

/// What a log says about an extension that has subscribed to what happens.
pub(crate) fn subscribed(Subscribed { name, api, types }: &Subscribed) -> String {
    let mut types: Vec<String> = types.iter().map(|name| (*name).into()).collect();
    types.iter_mut().for_each(|name| name.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase));
    format!("{}\tName: {name}\tState: Subscribed\tTypes: [{}]\n", api.name().to_uppercase(), types.join(", "))
}

/// What a log says when an instance is made of a snapshot.
pub(crate) fn restore_start(runtime: &str) -> String {
    format!("RESTORE_START Runtime Version: {runtime}\n")
}

pub(crate) fn restore_report(took: Duration) -> String {
    format!("RESTORE_REPORT Restore Duration: {:.2} ms\n", millis(took))
}

fn timed_out(timeout: Duration) -> String {
    format!("Task timed out after {:.2} seconds", timeout.as_secs_f64())
}

/// How an invocation or an initialisation ended that did not succeed.
pub(crate) fn status_of(error_type: &str) -> &'static str {
    if error_type == "Sandbox.Timedout" { "timeout" } else { "error" }
}

fn whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(millis(duration).ceil() as u64)
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// As Go's `os.ProcessState` words it, which is what Lambda shows.
fn describe(exit: Exit) -> String {
    match exit {
        Exit::Status(0) => "Runtime exited without providing a reason".into(),
        exit => format!("Runtime exited with error: {}", exit_status(exit)),
    }
}

pub(crate) fn exit_status(exit: Exit) -> String {
    match exit {
        Exit::Status(status) => format!("exit status {status}"),
        Exit::Signal(signal) => format!("signal: {}", signal_name(signal)),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_read_as_lambdas_do() {
        let failure = Failure::exit("id", Exit::Status(1));
        let mut report = Report {
            request_id: "id",
            duration: Duration::from_micros(1230),
            init: Some((Initialization::OnDemand, Duration::from_micros(100_500))),
            memory_mb: 128,
            used_mb: 30,
            produced_bytes: 2,
            failure: Some(&failure),
        };
        assert_eq!(
            report.line(),
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 102 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\tInit Duration: 100.50 ms\tStatus: error\tError Type: Runtime.ExitError\n"
        );
        report.failure = None;
        report.init = Some((Initialization::SnapStart, Duration::from_micros(2500)));
        assert_eq!(
            report.line(),
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\tRestore Duration: 2.50 ms\tBilled Restore Duration: 3 ms\t\n"
        );
        // Nobody waited for it.
        report.init = Some((Initialization::ProvisionedConcurrency, Duration::from_millis(300)));
        assert_eq!(report.billed(), Duration::from_millis(2));
        report.init = None;
        assert_eq!(
            report.line(),
            "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\t\n"
        );
    }

    #[test]
    fn failures_read_as_lambdas_do() {
        let message = |exit| Failure::exit("id", exit).message;
        assert_eq!(message(Exit::Status(0)), "RequestId: id Error: Runtime exited without providing a reason");
        assert_eq!(
            message(Exit::Signal(11)),
            "RequestId: id Error: Runtime exited with error: signal: segmentation fault"
        );
        assert_eq!(
            Failure::timeout("id", Duration::from_secs(3)).payload(),
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}"#
        );
        let line = timeout_line(Timestamp(0), "id", Duration::from_millis(1500));
        assert_eq!(line, "1970-01-01T00:00:00.000Z id Task timed out after 1.50 seconds\n\n");
    }
}
