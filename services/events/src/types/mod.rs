//! What EventBridge stores.

mod archive;
mod connection;
mod target;

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

pub use archive::{Archive, Replay, ReplayState};
pub use connection::{
    ApiDestination, Authorization, Connection, ConnectionState, HttpParameter, HttpParameters, OAuth,
};
pub use target::{Input, RetryPolicy, Target, TargetHttp};

pub type Tags = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bus {
    pub arn: Arn,
    pub name: String,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub description: Option<String>,
    pub kms_key: Option<String>,
    pub dead_letter: Option<String>,
    /// `IncludeDetail` and `Level`.
    pub log: Option<(Option<String>, Option<String>)>,
    /// The policy document, as JSON text.
    pub policy: Option<String>,
    pub tags: Tags,
}
kv::stored!(Bus, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub arn: Arn,
    pub bus: String,
    pub name: String,
    pub pattern: Option<String>,
    pub schedule: Option<String>,
    pub state: RuleState,
    pub description: Option<String>,
    pub role: Option<String>,
    /// The service that made it for itself; nobody else may change it.
    pub managed_by: Option<String>,
    pub created_by: String,
    pub tags: Tags,
    /// Since when its rate counts.
    pub scheduled: Timestamp,
    /// When its schedule comes due next: a timer is set for just then.
    pub next: Option<Timestamp>,
    /// The archive that it fills.
    pub archive: Option<u64>,
}
kv::stored!(Rule, version = 1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleState {
    Enabled,
    Disabled,
    /// As enabled: there are no CloudTrail events.
    EnabledWithCloudTrail,
}

impl RuleState {
    pub const ALL: [RuleState; 3] = [RuleState::Enabled, RuleState::Disabled, RuleState::EnabledWithCloudTrail];

    pub fn name(self) -> &'static str {
        match self {
            RuleState::Enabled => "ENABLED",
            RuleState::Disabled => "DISABLED",
            RuleState::EnabledWithCloudTrail => "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
        }
    }
}

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    const GOLDEN_TARGET: &[u8] = b"\x01\x89\xa2id\xa1i\xa3arn\xb1arn:aws:sqs:r:0:q\xa4role\xc0\xa5input\x81\xa4Path\xa1$\
        \xa5group\xa1g\xb2partition_key_path\xc0\xa5retry\x82\xa8attempts\x01\xabage_seconds\xc0\xabdead_letter\xc0\xa4http\xc0";

    /// What version 1 looks like on disk. These bytes are in users' files: a change here needs a new version and a
    /// migration, not new bytes.
    #[test]
    fn stored_forms_do_not_drift() {
        let retry = RetryPolicy { attempts: Some(1), age_seconds: None };
        let target = Target {
            id: "i".into(),
            arn: "arn:aws:sqs:r:0:q".parse().unwrap(),
            role: None,
            input: Input::Path("$".into()),
            group: Some("g".into()),
            partition_key_path: None,
            retry: Some(retry),
            dead_letter: None,
            http: None,
        };
        let bytes = target.to_bytes().unwrap();
        assert_eq!(bytes, GOLDEN_TARGET);
        assert_eq!(Target::from_bytes(&bytes).unwrap(), target);
    }
}
