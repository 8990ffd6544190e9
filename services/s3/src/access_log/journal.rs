//! Lines on their way into logs: in memory, for a few seconds, and not more than there is room for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base::Timestamp;
use tokio::sync::Notify;

use crate::keys::BucketId;
use crate::limits;

/// What a bucket's log is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When the request came.
    pub at: Timestamp,
    pub text: String,
}

#[derive(Default)]
pub struct Journal {
    lines: Mutex<Lines>,
    /// Rung by the first line, and once there are many.
    pub(super) begun: Notify,
    pub(super) many: Notify,
}

#[derive(Default)]
struct Lines {
    bytes: usize,
    of: BTreeMap<BucketId, Vec<Line>>,
    /// Those that there was no room for.
    lost: u64,
}

impl Journal {
    fn locked(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a line of a bucket's log.
    pub fn note(&self, bucket: BucketId, at: Timestamp, text: String) {
        let mut lines = self.locked();
        if lines.bytes + text.len() > limits::LOG_LINES_BYTES_MAX {
            lines.lost += 1;
            return;
        }
        lines.bytes += text.len();
        lines.of.entry(bucket).or_default().push(Line { at, text });
        let is_many = lines.bytes > limits::LOG_LINES_BYTES_MAX / 2;
        drop(lines);
        self.begun.notify_one();
        if is_many {
            self.many.notify_one();
        }
    }

    /// All lines, by the bucket whose requests they tell of, and how many were lost since the last time.
    pub(super) fn take(&self) -> (BTreeMap<BucketId, Vec<Line>>, u64) {
        let Lines { of, lost, .. } = std::mem::take(&mut *self.locked());
        (of, lost)
    }

    /// Puts lines back that cannot be delivered yet.
    pub(super) fn put_back(&self, bucket: BucketId, lines: Vec<Line>) {
        for Line { at, text } in lines {
            self.note(bucket, at, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_while_there_is_room() {
        let journal = Journal::default();
        let half = "x".repeat(limits::LOG_LINES_BYTES_MAX / 2);
        for bucket in [1, 2, 1] {
            journal.note(bucket, Timestamp(bucket), half.clone());
        }
        let (of, lost) = journal.take();
        assert_eq!((of.keys().copied().collect::<Vec<_>>(), lost), (vec![1, 2], 1));
        journal.put_back(1, vec![Line { at: Timestamp(0), text: "y".into() }]);
        let (of, lost) = journal.take();
        assert_eq!((of[&1][0].text.as_str(), lost, journal.take().0.len()), ("y", 0, 0));
    }
}
