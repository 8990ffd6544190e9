//! Where a rule sends its events.

use std::collections::BTreeMap;

use base::Arn;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub id: String,
    pub arn: Arn,
    pub role: Option<Arn>,
    pub input: Input,
    /// The message group, for a queue.
    pub group: Option<String>,
    /// Where in the event the partition key is, for a stream.
    pub partition_key_path: Option<String>,
    pub retry: Option<RetryPolicy>,
    pub dead_letter: Option<Arn>,
    pub http: Option<TargetHttp>,
}
kv::stored!(Target, version = 1);

/// What the target gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    Event,
    /// This JSON text, whatever the event is.
    Constant(String),
    /// A part of the event.
    Path(String),
    /// A template, filled with parts of the event.
    Template {
        paths: BTreeMap<String, String>,
        template: String,
    },
}

/// As it was asked for: what is not set is as in [`crate::limits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    pub attempts: Option<u32>,
    pub age_seconds: Option<u64>,
}

/// What goes into the request to an API destination; values may be paths into the event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetHttp {
    pub path_values: Vec<String>,
    pub headers: BTreeMap<String, String>,
    pub query: BTreeMap<String, String>,
}
