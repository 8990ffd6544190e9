//! What Lambda stores. Times are moments in milliseconds, durations are seconds, as in the API.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blob::BlobId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What all versions of a function have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    pub name: String,
    pub arn: Arn,
    /// The number that the next published version gets. Never goes back.
    pub next_version: u64,
    pub tags: BTreeMap<String, String>,
    /// Executions that are set aside for this function, and that it cannot exceed.
    pub reserved_concurrency: Option<u32>,
}
kv::stored!(Function, version = 1);

/// One version: `$LATEST`, which changes, or a published one, which does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Zero for `$LATEST`.
    pub number: u64,
    pub description: String,
    pub settings: Settings,
    pub code: Code,
    /// In the order in which they are laid over each other.
    pub layers: Vec<LayerUse>,
    pub modified: Timestamp,
    pub revision: String,
}
kv::stored!(Version, version = 1);

/// What can be set on a function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Lambda's identifier: `python3.12`.
    pub runtime: String,
    pub handler: String,
    pub role: Arn,
    pub timeout_seconds: u32,
    pub memory_mb: u32,
    pub ephemeral_storage_mb: u32,
    pub environment: BTreeMap<String, String>,
    /// The queue for asynchronous events that failed.
    pub dead_letter: Option<Arn>,
    pub architecture: String,
    /// `TracingConfig` `Active`.
    pub tracing: bool,
    /// Where it is not `/aws/lambda/` and the name.
    pub log_group: Option<String>,
}

/// A deployment package: its zip file is the blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    pub blob: BlobId,
    pub bytes: u64,
    pub unpacked_bytes: u64,
}

impl Code {
    /// The hash of the zip file, as the API shows it.
    pub fn sha256(&self) -> String {
        STANDARD.encode(self.blob.as_bytes())
    }
}

/// A layer as a function uses it. It keeps its code even when the layer version is deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerUse {
    /// Of the layer version.
    pub arn: Arn,
    pub code: Code,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    pub name: String,
    /// Zero for `$LATEST`.
    pub version: u64,
    /// A second version, and the share of invocations that it takes, from 0 to 1.
    pub weighted: Option<(u64, f64)>,
    pub description: String,
    pub revision: String,
}
kv::stored!(Alias, version = 1);

/// The resource policy of a function, or of one of its versions or aliases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// By statement id; each is a statement's JSON.
    pub statements: BTreeMap<String, String>,
    pub revision: String,
}
kv::stored!(Policy, version = 1);

/// How asynchronous events are treated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EventConfig {
    pub retry_attempts: Option<u32>,
    pub age_seconds: Option<u32>,
    pub on_success: Option<Arn>,
    pub on_failure: Option<Arn>,
    pub modified: Timestamp,
}
kv::stored!(EventConfig, version = 1);

/// An asynchronous event on its way to its function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The same for every attempt.
    pub request_id: String,
    pub payload: Bytes,
    pub client_context: Option<String>,
    pub accepted: Timestamp,
    /// How often the function has failed on it.
    pub failures: u32,
}
kv::stored!(Event, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerVersion {
    pub name: String,
    pub number: u64,
    /// Of the version.
    pub arn: Arn,
    pub description: String,
    pub license: Option<String>,
    pub runtimes: Vec<String>,
    pub architectures: Vec<String>,
    pub code: Code,
    pub created: Timestamp,
}
kv::stored!(LayerVersion, version = 1);

/// An event source mapping: a queue whose messages a function gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    pub id: String,
    pub source: Arn,
    /// As it was given: without a qualifier, or with one.
    pub function: Arn,
    pub enabled: bool,
    pub batch_size: u32,
    pub window_seconds: u32,
    /// Whether the function tells which messages of a batch failed.
    pub reports_failures: bool,
    /// Patterns, one of which a message must match; without any, all do.
    pub filters: Vec<String>,
    pub concurrency: Option<u32>,
    pub modified: Timestamp,
    pub tags: BTreeMap<String, String>,
}
kv::stored!(Mapping, version = 1);
