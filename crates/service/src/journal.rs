//! Lines on their way into logs that tell of requests: in memory, for a few seconds, and not more than there is room for. Noting one
//! waits for nobody.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::Cx;

/// What a log is to tell of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When the request came.
    pub at: Timestamp,
    pub text: String,
}

/// The lines of many logs, by what names a log.
pub struct Journal<K> {
    lines: Mutex<Lines<K>>,
    /// Bytes of all lines.
    room: usize,
    /// Rung by the first line, and once there are many.
    begun: Notify,
    many: Notify,
}

struct Lines<K> {
    bytes: usize,
    of: BTreeMap<K, Vec<Line>>,
    /// Those that there was no room for.
    lost: u64,
}

/// How long lines are waited for, and those that cannot be delivered yet.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// After the first line, for more of them.
    pub gather: Duration,
    /// Before what could not be delivered is tried again.
    pub retry: Duration,
}

/// What has become of a round of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    Done,
    SomeStay,
    /// Nothing can be delivered any more.
    Last,
}

impl Round {
    /// A round after which lines stay or not, and the last one where the store takes no more.
    pub fn of(cx: &Cx, some_stay: bool) -> Round {
        match some_stay {
            _ if cx.db().health().is_err() => Round::Last,
            true => Round::SomeStay,
            false => Round::Done,
        }
    }
}

impl<K> Default for Lines<K> {
    fn default() -> Lines<K> {
        Lines { bytes: 0, of: BTreeMap::new(), lost: 0 }
    }
}

impl<K: Ord + Clone> Journal<K> {
    /// One that keeps `room` bytes at most.
    pub fn new(room: usize) -> Journal<K> {
        Journal { lines: Mutex::default(), room, begun: Notify::new(), many: Notify::new() }
    }

    fn locked(&self) -> MutexGuard<'_, Lines<K>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a line of a log, or counts it as lost.
    pub fn note(&self, of: K, at: Timestamp, text: String) {
        let mut lines = self.locked();
        if lines.bytes + text.len() > self.room {
            lines.lost += 1;
            return;
        }
        lines.bytes += text.len();
        lines.of.entry(of).or_default().push(Line { at, text });
        let is_many = lines.bytes > self.room / 2;
        drop(lines);
        self.begun.notify_one();
        if is_many {
            self.many.notify_one();
        }
    }

    /// All lines, by their log, and how many were lost since the last time.
    pub fn take(&self) -> (BTreeMap<K, Vec<Line>>, u64) {
        let Lines { of, lost, .. } = std::mem::take(&mut *self.locked());
        (of, lost)
    }

    /// Puts lines back that cannot be delivered yet.
    pub fn put_back(&self, of: &K, lines: Vec<Line>) {
        for Line { at, text } in lines {
            self.note(of.clone(), at, text);
        }
    }

    /// Makes a `round` of deliveries a while after the first line has come, or once there are many; after `stop`, a last one.
    pub async fn rounds<F: Future<Output = Round>>(&self, pace: Pace, stop: &CancellationToken, round: impl Fn() -> F) {
        loop {
            self.ripe(pace.gather, stop).await;
            let is_last = stop.is_cancelled();
            let done = round().await;
            if is_last || done == Round::Last {
                return;
            }
            // Many that are put back ring for the next round at once.
            if done == Round::SomeStay {
                stop.run_until_cancelled(tokio::time::sleep(pace.retry)).await;
            }
        }
    }

    /// Waits until lines are to be delivered: for `pause` after the first of them, or until they are many, or `stop`.
    async fn ripe(&self, pause: Duration, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.begun.notified() => tokio::select! {
                () = stop.cancelled() => {}
                () = self.many.notified() => {}
                () = tokio::time::sleep(pause) => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 1_000;

    #[test]
    fn lines_are_kept_while_there_is_room() {
        let journal = Journal::new(ROOM);
        let half = "x".repeat(ROOM / 2);
        for bucket in [1, 2, 1] {
            journal.note(bucket, Timestamp(bucket), half.clone());
        }
        let (of, lost) = journal.take();
        assert_eq!((of.keys().copied().collect::<Vec<_>>(), lost), (vec![1, 2], 1));
        journal.put_back(&1, vec![Line { at: Timestamp(0), text: "y".into() }]);
        let (of, lost) = journal.take();
        assert_eq!((of[&1][0].text.as_str(), lost, journal.take().0.len()), ("y", 0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn many_lines_wait_for_nothing() {
        let (journal, stop) = (Journal::new(ROOM), CancellationToken::new());
        let pause = Duration::from_secs(10);
        let began = tokio::time::Instant::now();
        journal.note(1, Timestamp(1), "x".into());
        journal.ripe(pause, &stop).await;
        assert_eq!(began.elapsed(), pause);
        journal.note(1, Timestamp(1), "x".repeat(ROOM / 2 + 1));
        journal.ripe(pause, &stop).await;
        assert_eq!(began.elapsed(), pause);
        stop.cancel();
        journal.ripe(pause, &stop).await;
        assert_eq!(began.elapsed(), pause);
    }

    const PACE: Pace = Pace { gather: Duration::from_secs(2), retry: Duration::from_secs(15) };
    const END: Duration = Duration::from_secs(100);

    /// When rounds are made, in seconds, in which some lines stay as often as is said; with so many bytes of a line before each.
    async fn times(stays: usize, bytes: usize) -> Vec<u64> {
        let (journal, stop, began) = (Journal::new(ROOM), CancellationToken::new(), tokio::time::Instant::now());
        let made = Mutex::new(Vec::new());
        journal.note(1, Timestamp(0), "x".repeat(bytes));
        let round = || {
            let mut made = made.lock().unwrap();
            made.push(began.elapsed().as_secs());
            let (of, _) = journal.take();
            std::future::ready(if made.len() > stays {
                Round::Done
            } else {
                of.into_iter().for_each(|(log, lines)| journal.put_back(&log, lines));
                Round::SomeStay
            })
        };
        let ended = async {
            tokio::time::sleep(END).await;
            stop.cancel();
        };
        tokio::join!(journal.rounds(PACE, &stop, round), ended);
        made.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn lines_wait_for_others_and_what_stays_waits_longer() {
        let (gather, retry, last) = (PACE.gather.as_secs(), PACE.retry.as_secs(), END.as_secs());
        assert_eq!(times(0, 1).await, [gather, last]);
        assert_eq!(times(2, 1).await, [gather, gather + retry + gather, gather + 2 * (retry + gather), last]);
        // Many do not wait for more, but for what is in the way: else they would be tried again without a pause.
        assert_eq!(times(2, ROOM / 2 + 1).await, [0, retry, 2 * retry, last]);
    }
}
