//! What goes along with a delivery for the sender to know later: what it was for, how long to try, and where it goes then.

use base::{Arn, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::{Delivery, RetryPolicy};

use crate::attributes::Attempt;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// As the schedule has it: a delivery to an operation goes to the schedule itself.
    pub target: Arn,
    pub due: Timestamp,
    pub seed: u64,
    pub retries_max: u32,
    pub age_seconds_max: u64,
    pub dead_letter: Option<Arn>,
    /// The input, where it is filled anew for each attempt.
    pub input: Option<String>,
}

impl Note {
    pub fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// `None` for a dead letter, which has none.
    pub fn of(delivery: &Delivery) -> Option<Note> {
        serde_json::from_slice(&delivery.note).ok()
    }

    pub fn retry(&self) -> RetryPolicy {
        RetryPolicy { retries_max: self.retries_max, age_seconds_max: self.age_seconds_max }
    }

    pub fn attempt<'a>(&self, schedule: &'a Arn, number: u32) -> Attempt<'a> {
        Attempt { schedule, due: self.due, seed: self.seed, number }
    }
}
