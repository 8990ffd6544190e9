//! What was sent, in quarters of an hour, for two weeks.

use std::ops::Bound;
use std::time::Duration;

use base::Timestamp;
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::STATISTICS;
use crate::limits::{STATISTICS_INTERVAL, STATISTICS_TIME};
use crate::types::Counts;

/// Old rows that are removed with each that is written: more than one, so that the table does not grow.
const FORGOTTEN_PER_COUNT: usize = 4;
const DAY: Duration = Duration::from_secs(86_400);

pub fn count(tx: &mut Tx, now: Timestamp, region: &str, count: impl Fn(&mut Counts)) -> Result<(), Error> {
    let interval = u64::try_from(STATISTICS_INTERVAL.as_millis()).unwrap_or(1);
    let begin = Timestamp(now.0 - now.0 % interval);
    let mut counts = STATISTICS.get(tx, (region, begin))?.unwrap_or_default();
    count(&mut counts);
    STATISTICS.put(tx, (region, begin), &counts)?;
    let rows = STATISTICS.scan_prefix(&*tx, (region,), Order::Forward)?.keys().take(FORGOTTEN_PER_COUNT);
    let kept_from = now - STATISTICS_TIME;
    let old: Vec<Timestamp> = rows.map(|key| key.map(|(_, begin)| begin)).collect::<Result<_, _>>()?;
    for begin in old.into_iter().filter(|begin| *begin < kept_from) {
        STATISTICS.delete(tx, (region, begin))?;
    }
    Ok(())
}

/// The rows of the last two weeks, oldest first.
pub fn list(read: &impl Read, now: Timestamp, region: &str) -> Result<Vec<(Timestamp, Counts)>, Error> {
    since(read, now - STATISTICS_TIME, region)
}

/// Recipients of the last day.
pub fn sent_in_a_day(read: &impl Read, now: Timestamp, region: &str) -> Result<u64, Error> {
    Ok(since(read, now - DAY, region)?.into_iter().map(|(_, counts)| counts.attempts).sum())
}

fn since(read: &impl Read, from: Timestamp, region: &str) -> Result<Vec<(Timestamp, Counts)>, Error> {
    let rows =
        STATISTICS.scan_range(read, (region,), Bound::Included(from), Bound::Unbounded::<Timestamp>, Order::Forward)?;
    let rows: Result<Vec<_>, kv::Error> = rows.map(|row| row.map(|((_, begin), counts)| (begin, counts))).collect();
    Ok(rows?)
}
