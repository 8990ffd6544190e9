//! What the Scheduler stores.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

pub type Tags = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub arn: Arn,
    pub name: String,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// Its schedules go first, in steps.
    pub deleting: bool,
    pub tags: Tags,
}
kv::stored!(Group, version = 1);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub arn: Arn,
    pub group: String,
    pub name: String,
    pub description: Option<String>,
    pub enabled: bool,
    pub timing: Timing,
    pub window: Window,
    /// Whether it goes once it has fired for the last time.
    pub delete_after: bool,
    pub kms_key: Option<String>,
    pub target: Target,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// Up to which moment everything that came due has been seen to.
    pub done: Option<Timestamp>,
    /// What comes due next: a timer is set for it.
    pub next: Option<Occurrence>,
}
kv::stored!(Schedule, version = 1);

/// When a schedule comes due, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    pub expression: String,
    pub timezone: Option<String>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// Since when it holds: a rate without a start counts from here.
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Whether it fires at a moment within so many minutes, and not at once.
    pub flexible: bool,
    /// Kept as it was asked for, also where it makes no difference.
    pub minutes: Option<u32>,
}

/// One time of many that a schedule comes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The moment that its expression names.
    pub due: Timestamp,
    /// The moment at which it fires, which was drawn when this was stored.
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Of a resource, or of an operation: `arn:aws:scheduler:::aws-sdk:sqs:sendMessage`.
    pub arn: Arn,
    pub role: Arn,
    pub input: Option<String>,
    pub retries_max: u32,
    pub age_seconds_max: u64,
    pub dead_letter: Option<Arn>,
    /// The message group, for a queue.
    pub group: Option<String>,
    /// For a stream.
    pub partition_key: Option<String>,
    /// For a bus.
    pub event: Option<EventParameters>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventParameters {
    pub detail_type: String,
    pub source: String,
}

/// A request that succeeded, by its client token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// A digest of all that was asked for.
    pub request: String,
    pub until: Timestamp,
}
kv::stored!(Answered, version = 1);

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    const GOLDEN_ANSWERED: &[u8] = b"\x01\x82\xa7request\xa1d\xa5until\x05";
    const GOLDEN_GROUP: &[u8] = b"\x01\x86\xa3arn\xd9.arn:aws:scheduler:r:0:schedule-group/reminders\xa4name\xa9reminders\xa7created\x01\xa8modified\x02\xa8deleting\xc2\xa4tags\x81\xa1k\xa1v";

    const GOLDEN_SCHEDULE: &[u8] = b"\x01\x8e\xa3arn\xd9\"arn:aws:scheduler:r:0:schedule/g/s\xa5group\xa1g\xa4name\xa1s\xabdescription\xc0\xa7enabled\xc3\xa6timing\x85\xaaexpression\xabrate(1 day)\xa8timezone\xa3UTC\xa5start\xc0\xa3end\x09\xa5since\x01\xa6window\x82\xa8flexible\xc3\xa7minutes\x05\xacdelete_after\xc2\xa7kms_key\xc0\xa6target\x89\xa3arn\xb1arn:aws:sqs:r:0:q\xa4role\xb5arn:aws:iam::0:role/r\xa5input\xa1i\xabretries_max\x03\xafage_seconds_max<\xabdead_letter\xc0\xa5group\xc0\xadpartition_key\xc0\xa5event\x82\xabdetail_type\xa1t\xa6source\xa1s\xa7created\x01\xa8modified\x02\xa4done\x03\xa4next\x82\xa3due\x04\xa2at\x05";

    /// What version 1 looks like on disk. These bytes are in users' files: a change here needs a new version and a
    /// migration, not new bytes.
    #[test]
    fn stored_forms_do_not_drift() {
        let answered = Answered { request: "d".into(), until: Timestamp(5) };
        assert_eq!(answered.to_bytes().unwrap(), GOLDEN_ANSWERED);
        let group = Group {
            arn: "arn:aws:scheduler:r:0:schedule-group/reminders".parse().unwrap(),
            name: "reminders".into(),
            created: Timestamp(1),
            modified: Timestamp(2),
            deleting: false,
            tags: Tags::from([("k".into(), "v".into())]),
        };
        assert_eq!(group.to_bytes().unwrap(), GOLDEN_GROUP);
        assert_eq!(Group::from_bytes(&group.to_bytes().unwrap()).unwrap(), group);
        let schedule = Schedule {
            arn: "arn:aws:scheduler:r:0:schedule/g/s".parse().unwrap(),
            group: "g".into(),
            name: "s".into(),
            description: None,
            enabled: true,
            timing: Timing {
                expression: "rate(1 day)".into(),
                timezone: Some("UTC".into()),
                start: None,
                end: Some(Timestamp(9)),
                since: Timestamp(1),
            },
            window: Window { flexible: true, minutes: Some(5) },
            delete_after: false,
            kms_key: None,
            target: Target {
                arn: "arn:aws:sqs:r:0:q".parse().unwrap(),
                role: "arn:aws:iam::0:role/r".parse().unwrap(),
                input: Some("i".into()),
                retries_max: 3,
                age_seconds_max: 60,
                dead_letter: None,
                group: None,
                partition_key: None,
                event: Some(EventParameters { detail_type: "t".into(), source: "s".into() }),
            },
            created: Timestamp(1),
            modified: Timestamp(2),
            done: Some(Timestamp(3)),
            next: Some(Occurrence { due: Timestamp(4), at: Timestamp(5) }),
        };
        assert_eq!(schedule.to_bytes().unwrap(), GOLDEN_SCHEDULE);
        assert_eq!(Schedule::from_bytes(&schedule.to_bytes().unwrap()).unwrap(), schedule);
    }
}
