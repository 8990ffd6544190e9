//! What goes along with a delivery for its sender to know later: how long to try, and where it goes then.

use base::Arn;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::RetryPolicy;

use crate::limits::AUTHORIZATION_RETRIES;
use crate::types::Target;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub attempts_max: u32,
    pub age_seconds_max: u64,
    pub dead_letter: Option<Arn>,
}

impl Note {
    pub fn of(target: &Target) -> Note {
        let retry = target.retry.unwrap_or_default();
        Note {
            attempts_max: retry.attempts.unwrap_or(RetryPolicy::DEFAULT.retries_max),
            age_seconds_max: retry.age_seconds.unwrap_or(RetryPolicy::DEFAULT.age_seconds_max),
            dead_letter: target.dead_letter.clone(),
        }
    }

    /// Of what is sent for no target of a rule: it is tried as long as anything else.
    pub fn without_target() -> Note {
        let RetryPolicy { retries_max, age_seconds_max } = RetryPolicy::DEFAULT;
        Note { attempts_max: retries_max, age_seconds_max, ..Note::default() }
    }

    pub fn retry(&self) -> RetryPolicy {
        RetryPolicy { retries_max: self.attempts_max, age_seconds_max: self.age_seconds_max }
    }

    /// Of a connection that asks for a token.
    pub fn of_authorization() -> Note {
        Note { attempts_max: AUTHORIZATION_RETRIES, ..Note::without_target() }
    }

    pub fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    pub fn from_bytes(bytes: &[u8]) -> Note {
        if bytes.is_empty() { Note::without_target() } else { serde_json::from_slice(bytes).unwrap_or_default() }
    }
}
