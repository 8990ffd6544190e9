//! What the rest of the server says about a function, and what it hears back about an invocation.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::limits::PAYLOAD_BYTES_MAX;

/// One immutable version of a function's configuration. Equal keys share instances.
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    /// Names this code and configuration and no other: ARN, version and revision.
    pub key: String,
    pub name: String,
    /// `$LATEST` or a number.
    pub version: String,
    pub handler: String,
    /// Lambda's identifier: `python3.12`, `nodejs20.x`, `provided.al2023`.
    pub runtime: String,
    /// The folder with the unpacked code.
    pub code: PathBuf,
    /// The folders with the unpacked layers, first the one that was named first; later ones win.
    pub layers: Vec<PathBuf>,
    pub environment: BTreeMap<String, String>,
    pub timeout: Duration,
    pub memory_mb: u32,
    /// What /tmp may hold, where functions are isolated.
    pub ephemeral_storage_mb: u32,
    pub region: String,
    pub account: String,
    /// The ARN of the execution role, for [`Host::credentials`].
    pub role: String,
    /// Usually `/aws/lambda/` and the name.
    pub log_group: String,
    /// Where this cloud answers: becomes `AWS_ENDPOINT_URL`, unless the function's own environment sets it.
    pub endpoint_url: String,
    /// Instances that may exist at once for this key (its reserved concurrency); `None` for no own limit.
    pub instances_max: Option<usize>,
    /// Whether starts are to be reported as SnapStart's are: the version is published, and its configuration says so.
    pub snap_start: bool,
    /// Where the log is not text.
    pub json_logs: Option<JsonLogs>,
}

/// A log in which every line is a JSON object, and what of it is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonLogs {
    /// The least that the function's own logging writes: `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`.
    pub application_level: String,
    pub system_level: SystemLevel,
}

/// The least that Lambda itself writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SystemLevel {
    Debug,
    Info,
    Warn,
}

/// Why and how an instance came to be. Source of the names:
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initialization {
    /// A request was waiting for it.
    OnDemand,
    /// It is kept ready.
    ProvisionedConcurrency,
    /// As on demand, of a version with SnapStart.
    SnapStart,
}

impl Initialization {
    /// The value of `AWS_LAMBDA_INITIALIZATION_TYPE`.
    pub fn name(self) -> &'static str {
        match self {
            Initialization::OnDemand => "on-demand",
            Initialization::ProvisionedConcurrency => "provisioned-concurrency",
            Initialization::SnapStart => "snap-start",
        }
    }
}

/// Keys that a function signs its calls with.
#[derive(Clone)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    /// An instance is not given another request that these could not outlast.
    pub expires: Timestamp,
}

/// One event for the function's log stream. The message ends with a line feed, as Lambda's do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub timestamp: Timestamp,
    pub message: String,
}

/// What the runtime asks of the server it is part of.
pub trait Host: Send + Sync + 'static {
    /// Credentials of the function's role. The error's text becomes part of [`InvokeError::Credentials`].
    fn credentials<'a>(&'a self, spec: &'a FunctionSpec) -> BoxFuture<'a, Result<Credentials, String>>;

    /// Takes lines, oldest first, for `stream` of `spec.log_group`. Must not block.
    fn log(&self, spec: &FunctionSpec, stream: &str, lines: Vec<LogLine>);
}

/// One request to a function.
#[derive(Clone, Debug)]
pub struct Invocation {
    pub request_id: String,
    /// JSON.
    pub payload: Bytes,
    /// The ARN the caller used, with its qualifier.
    pub invoked_function_arn: String,
    /// The JSON of `X-Amz-Client-Context`, decoded from base64.
    pub client_context: Option<String>,
    /// The JSON of a Cognito identity: `cognitoIdentityId`, `cognitoIdentityPoolId`.
    pub identity: Option<String>,
    /// The X-Ray header's value.
    pub trace_id: Option<String>,
}

/// How an invocation ended, with or without an error of the function.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The function's answer, or the JSON that describes its error.
    pub payload: Bytes,
    /// The value of `X-Amz-Function-Error`. Current runtimes only ever give `Unhandled`.
    pub function_error: Option<&'static str>,
    /// The last 4 KB of the log.
    pub log_tail: String,
    pub log_stream: String,
    pub duration: Duration,
    pub billed: Duration,
    /// Set when this invocation was the first of its instance.
    pub init_duration: Option<Duration>,
    pub max_memory_used_mb: u64,
}

/// Why a function did not get to run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// Every instance that may exist is busy.
    #[error("Rate Exceeded.")]
    Throttled,
    #[error("Request must be smaller than {PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation")]
    PayloadTooLarge,
    /// No interpreter for the function on this host. The message says what to install.
    #[error("{0}")]
    RuntimeMissing(String),
    #[error("{0}")]
    CodeMissing(String),
    /// The function's role gave no credentials.
    #[error("no credentials for the function's role: {0}")]
    Credentials(String),
    /// The host could not start a process.
    #[error("{0}")]
    Start(String),
    #[error("the server is shutting down")]
    ShuttingDown,
}
