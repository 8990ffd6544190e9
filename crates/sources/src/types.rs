//! What is stored of a stream that is read. Versions are kept, and earlier ones can be read for ever.

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

/// How the records of a stream are treated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamSettings {
    /// `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`.
    pub start: String,
    /// The moment that `AT_TIMESTAMP` is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Batches of one shard that are under way at once.
    pub lanes: u32,
    /// Without it, for as long as the records are there.
    pub retries: Option<u32>,
    pub age_seconds: Option<u32>,
    pub bisect: bool,
    /// `TumblingWindowInSeconds`, where it is not zero.
    pub tumbling_seconds: Option<u32>,
    pub on_failure: Option<Arn>,
}

impl StreamSettings {
    /// That begin there, with one batch at a time and no end to trying.
    pub fn starting(start: &str, from: Option<Timestamp>) -> StreamSettings {
        StreamSettings {
            start: start.to_owned(),
            from,
            lanes: 1,
            retries: None,
            age_seconds: None,
            bisect: false,
            tumbling_seconds: None,
            on_failure: None,
        }
    }
}

/// How far a consumer has come in a shard of its stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Where reading began, for a consumer that began with the latest record.
    pub latest: Option<Latest>,
    pub lanes: Vec<Lane>,
    /// When the stream was made, where another may get its ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Timestamp>,
}
kv::stored!(Checkpoint, version = 1);

/// The end of a shard at a moment: an iterator while that can be used, and then the time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    pub iterator: String,
    pub since: Timestamp,
}

/// Records with the same partition key are in the same lane, which takes them in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// The sequence number of the last record that is done with; empty before the first.
    pub done: String,
    pub window: Option<Window>,
}

/// A tumbling window that is open, and what the function has made of its records so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    pub start: Timestamp,
    /// JSON.
    pub state: String,
}

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    const CHECKPOINT: &str = "
        0182a66c617465737482a86974657261746f72a169a573696e636509a56c616e65739182a4646f6e65a131a677696e646f7782a5
        737461727408a57374617465a27b7d";

    /// What version 1 looks like on disk. These bytes are in users' files: a change here needs a new version and a
    /// migration, not new bytes.
    #[test]
    fn checkpoints_do_not_drift() {
        let checkpoint = Checkpoint {
            latest: Some(Latest { iterator: "i".into(), since: Timestamp(9) }),
            lanes: vec![Lane { done: "1".into(), window: Some(Window { start: Timestamp(8), state: "{}".into() }) }],
            stream: None,
        };
        let bytes = checkpoint.to_bytes().unwrap();
        assert_eq!(hex::encode(&bytes), CHECKPOINT.split_whitespace().collect::<String>());
        assert_eq!(Checkpoint::from_bytes(&bytes).unwrap(), checkpoint);
    }
}
