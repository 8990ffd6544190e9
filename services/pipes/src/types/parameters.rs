//! The parameters of a pipe's source, enrichment and target. What was not given is not shown, and stored as such.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use sources::StreamSettings;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceParameters {
    pub batch_size: u32,
    pub window_seconds: Option<u32>,
    /// Patterns, one of which an event must match; without any, all do.
    pub filters: Vec<String>,
    /// Where the source is a stream.
    pub stream: Option<StreamParameters>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamParameters {
    /// `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`.
    pub start: String,
    pub from: Option<Timestamp>,
    pub lanes: Option<u32>,
    /// -1: without end.
    pub retries: Option<i32>,
    pub age_seconds: Option<i32>,
    pub bisect: bool,
    pub dead_letter: Option<Arn>,
}

impl StreamParameters {
    /// What the reading of the stream goes by.
    pub fn settings(&self) -> StreamSettings {
        let limit = |limit: Option<i32>| limit.and_then(|limit| u32::try_from(limit).ok());
        StreamSettings {
            lanes: self.lanes.unwrap_or(1),
            retries: limit(self.retries),
            age_seconds: limit(self.age_seconds),
            bisect: self.bisect,
            on_failure: self.dead_letter.clone(),
            ..StreamSettings::starting(&self.start, self.from)
        }
    }
}

/// The parameters of an enrichment or a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub template: Option<String>,
    pub kind: Option<Kind>,
}

/// Parameters of one kind of enrichment or target. Texts may be paths into the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    Function {
        /// `FIRE_AND_FORGET`.
        asynchronous: bool,
    },
    Queue {
        group: Option<String>,
        deduplication: Option<String>,
    },
    Stream {
        partition_key: String,
    },
    Bus {
        detail_type: Option<String>,
        source: Option<String>,
        resources: Vec<String>,
        time: Option<String>,
    },
    Logs {
        stream: Option<String>,
        timestamp: Option<String>,
    },
    Http(Http),
}

/// What goes into a request to an API destination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Http {
    pub path: Vec<String>,
    pub headers: BTreeMap<String, String>,
    pub query: BTreeMap<String, String>,
}
