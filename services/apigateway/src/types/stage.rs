//! What stages of APIs say besides what they serve: logs, caches, and the settings of single methods.

use serde::{Deserialize, Serialize};

/// Where a stage tells of each of its requests, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLog {
    /// The ARN of a log group.
    pub destination: String,
    /// A line with variables: `$context.requestId $context.status`.
    pub format: String,
    /// Whether whoever named the group may not have it written to themselves: the region's role has to, then.
    #[serde(default)]
    pub needs_role: bool,
}

/// What a stage of a REST API says of one of its methods, or of all: `None` where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodSettings {
    /// Kept and shown.
    pub metrics: Option<bool>,
    pub logging: Option<Logging>,
    /// Whether the execution log has what is sent and answered, too.
    pub data_trace: Option<bool>,
    pub caching: Option<bool>,
    pub cache_seconds: Option<u32>,
    /// Kept and shown: caches are in this process's memory alone.
    pub cache_encrypted: Option<bool>,
    /// Whether clients need permission to ask for what is not from the cache.
    pub guards_cache: Option<bool>,
    pub unauthorized: Option<Unauthorized>,
}

impl MethodSettings {
    /// These, and what `others` say where these say nothing.
    #[must_use]
    pub fn or(self, others: &MethodSettings) -> MethodSettings {
        MethodSettings {
            metrics: self.metrics.or(others.metrics),
            logging: self.logging.or(others.logging),
            data_trace: self.data_trace.or(others.data_trace),
            caching: self.caching.or(others.caching),
            cache_seconds: self.cache_seconds.or(others.cache_seconds),
            cache_encrypted: self.cache_encrypted.or(others.cache_encrypted),
            guards_cache: self.guards_cache.or(others.guards_cache),
            unauthorized: self.unauthorized.or(others.unauthorized),
        }
    }
}

/// How much an execution log tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Logging {
    #[default]
    Off,
    Error,
    Info,
}

impl Logging {
    pub const ALL: [Logging; 3] = [Logging::Off, Logging::Error, Logging::Info];

    pub fn word(self) -> &'static str {
        match self {
            Logging::Off => "OFF",
            Logging::Error => "ERROR",
            Logging::Info => "INFO",
        }
    }
}

/// What becomes of who asks for what is not from the cache, and may not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unauthorized {
    Fail,
    #[default]
    Warn,
    Ignore,
}

impl Unauthorized {
    pub const ALL: [Unauthorized; 3] = [Unauthorized::Fail, Unauthorized::Warn, Unauthorized::Ignore];

    pub fn word(self) -> &'static str {
        match self {
            Unauthorized::Fail => "FAIL_WITH_403",
            Unauthorized::Warn => "SUCCEED_WITH_RESPONSE_HEADER",
            Unauthorized::Ignore => "SUCCEED_WITHOUT_RESPONSE_HEADER",
        }
    }
}

/// A stage's cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheCluster {
    pub enabled: bool,
    /// As it was asked for, in gigabytes: kept and shown.
    pub size: String,
}
