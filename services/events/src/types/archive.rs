//! Archives, and replays of what is in them.

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

use crate::keys::ArchiveId;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Archive {
    pub id: ArchiveId,
    pub arn: Arn,
    pub name: String,
    /// The bus.
    pub source: Arn,
    pub description: Option<String>,
    pub pattern: Option<String>,
    pub kms_key: Option<String>,
    /// Zero: for ever.
    pub retention_days: u64,
    pub created: Timestamp,
    pub events: u64,
    pub bytes: u64,
}
kv::stored!(Archive, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    pub arn: Arn,
    pub name: String,
    pub description: Option<String>,
    pub archive: Arn,
    pub destination: Arn,
    /// The only rules that get its events; all of the bus, where there are none.
    pub filters: Vec<String>,
    pub from: Timestamp,
    pub to: Timestamp,
    pub state: ReplayState,
    pub reason: Option<String>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// The last event that was sent: its time and its id.
    pub last: Option<(Timestamp, String)>,
}
kv::stored!(Replay, version = 1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplayState {
    Starting,
    Running,
    Cancelling,
    Completed,
    Cancelled,
    Failed,
}

impl ReplayState {
    pub fn name(self) -> &'static str {
        match self {
            ReplayState::Starting => "STARTING",
            ReplayState::Running => "RUNNING",
            ReplayState::Cancelling => "CANCELLING",
            ReplayState::Completed => "COMPLETED",
            ReplayState::Cancelled => "CANCELLED",
            ReplayState::Failed => "FAILED",
        }
    }

    pub fn is_active(self) -> bool {
        matches!(self, ReplayState::Starting | ReplayState::Running | ReplayState::Cancelling)
    }
}
