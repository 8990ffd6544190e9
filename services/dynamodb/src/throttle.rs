//! Throughput that is limited as AWS limits it, where the server is asked to: by what is provisioned for tables and global
//! indexes, with a burst of what was not used lately, and by what one partition key can take.
//!
//! Each limit is a bucket that fills at its rate. A request is admitted when no bucket that it draws from is empty, and may
//! draw more than is there: the next ones wait until that is made up for. Buckets are kept in memory alone.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::Timestamp;
use serde::Serialize;

use crate::encoding::StoredItem;
use crate::error::Error;
use crate::key::KeySchema;
use crate::keys::Digest;
use crate::limits::{BURST, KEY_READ_UNITS_MAX, KEY_WRITE_UNITS_MAX, KEYS_WATCHED_MAX};
use crate::model::capacity::Usage;
use crate::model::item::Written;
use crate::types::{Index, OnDemandThroughput, Table, Throughput};
use crate::used::Used;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    Read,
    Write,
}

/// What is limited: a table or global index by its number, as a whole or in one partition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    id: u64,
    key: Option<Digest>,
    direction: Direction,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    units: f64,
    filled: Timestamp,
}

/// Units that a request takes from one place.
#[derive(Clone, Debug)]
struct Draw {
    place: Place,
    units: f64,
    /// Units a second, and the most that there can be.
    rate: f64,
    most: f64,
    /// When the place was made: it has saved up nothing before.
    since: Timestamp,
    refusal: Refusal,
}

/// Why a request is refused, as `ThrottlingReasons` says it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refusal {
    pub reason: String,
    /// The ARN of the table or index.
    pub resource: String,
    #[serde(skip)]
    pub cause: Cause,
    #[serde(skip)]
    pub index: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// What is provisioned, or a partition key of a provisioned table.
    Provisioned,
    /// A partition key of an on-demand table.
    OnDemand,
    /// The most that an on-demand table is set to.
    OnDemandMost,
}

impl Refusal {
    pub fn code(&self) -> &'static str {
        match self.cause {
            Cause::Provisioned => "ProvisionedThroughputExceededException",
            Cause::OnDemand | Cause::OnDemandMost => "ThrottlingException",
        }
    }

    /// The code of a cancelled transaction's reason.
    pub fn transaction_code(&self) -> &'static str {
        match self.cause {
            Cause::Provisioned => "ProvisionedThroughputExceeded",
            Cause::OnDemand | Cause::OnDemandMost => "ThrottlingError",
        }
    }

    /// What the member with the reasons is called in the error.
    pub fn member(&self) -> &'static str {
        match self.cause {
            Cause::Provisioned => "ThrottlingReasons",
            Cause::OnDemand | Cause::OnDemandMost => "throttlingReasons",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.cause, self.index) {
            (Cause::Provisioned, false) => {
                "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."
            }
            (Cause::Provisioned, true) => {
                "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API."
            }
            (Cause::OnDemand, false) => {
                "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly. If exceptions persist, check if you have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"
            }
            (Cause::OnDemand, true) => {
                "Throughput exceeds the current capacity for one or more global secondary indexes. DynamoDB is automatically scaling your index so please try again shortly."
            }
            (Cause::OnDemandMost, _) => "Throughput exceeds the maximum OnDemandThroughput configured on table or index",
        })
    }
}

/// The buckets of all places, and what was used lately of provisioned ones.
#[derive(Debug)]
pub struct Throttle {
    /// Whether anybody is refused anything.
    limits: bool,
    buckets: Mutex<HashMap<Place, Bucket>>,
    used: Used,
}

impl Throttle {
    pub fn new(limits: bool) -> Throttle {
        Throttle { limits, buckets: Mutex::default(), used: Used::default() }
    }

    /// The part of the provisioned throughput that was used in the last whole minute, in percent; `None` where none is
    /// provisioned.
    pub fn utilization(
        &self,
        table: &Table,
        index: Option<&Index>,
        direction: Direction,
        now: Timestamp,
    ) -> Option<f64> {
        let (id, throughput) = index.map_or((table.id, &table.throughput), |index| (index.id, &index.throughput));
        let rate = provisioned(throughput, direction).filter(|_| !table.billing.on_demand)?;
        Some(100.0 * self.used.last_minute(id, direction, now) / (60.0 * rate))
    }

    /// Draws all of it, or nothing.
    fn draw(&self, draws: &[Draw], now: Timestamp) -> Result<(), Error> {
        if self.limits {
            self.take(draws, now)?;
        }
        self.note(draws, 1.0, now);
        Ok(())
    }

    fn note(&self, draws: &[Draw], times: f64, now: Timestamp) {
        let whole = draws.iter().filter(|draw| draw.place.key.is_none());
        whole.for_each(|draw| self.used.add(draw.place.id, draw.place.direction, draw.units * times, now));
    }

    fn take(&self, draws: &[Draw], now: Timestamp) -> Result<(), Error> {
        let mut buckets = self.lock();
        for draw in draws {
            let bucket = filled(buckets.get(&draw.place), draw, now);
            if bucket.units <= 0.0 {
                return Err(Error::Throttled(draw.refusal.clone()));
            }
            buckets.insert(draw.place, bucket);
        }
        for draw in draws {
            if let Some(bucket) = buckets.get_mut(&draw.place) {
                bucket.units -= draw.units;
            }
        }
        forget(&mut buckets, now);
        Ok(())
    }

    fn give_back(&self, draws: &[Draw], now: Timestamp) {
        self.note(draws, -1.0, now);
        let mut buckets = self.lock();
        for draw in draws {
            if let Some(bucket) = buckets.get_mut(&draw.place) {
                bucket.units += draw.units;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bucket as it is now. What nobody has drawn from yet has saved up since it was made.
fn filled(bucket: Option<&Bucket>, draw: &Draw, now: Timestamp) -> Bucket {
    match bucket {
        // Requests run in another order than they began.
        Some(bucket) => {
            let units = bucket.units + draw.rate * now.since(bucket.filled).as_secs_f64();
            Bucket { units: units.min(draw.most), filled: now.max(bucket.filled) }
        }
        None => {
            let saved = draw.rate * now.since(draw.since).as_secs_f64();
            Bucket { units: saved.clamp(draw.rate.min(draw.most), draw.most), filled: now }
        }
    }
}

/// Forgets the keys whose buckets are full again by now, once there are many.
fn forget(buckets: &mut HashMap<Place, Bucket>, now: Timestamp) {
    if buckets.len() > KEYS_WATCHED_MAX {
        buckets.retain(|place, bucket| {
            place.key.is_none() || bucket.units < 0.0 || now.since(bucket.filled).as_secs() < 1
        });
    }
}

/// What one request has drawn. Cheap to clone: a transaction has one and its caller the other.
#[derive(Clone, Debug)]
pub struct Drawn(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    throttle: Arc<Throttle>,
    now: Timestamp,
    draws: Mutex<Vec<Draw>>,
}

impl Drawn {
    /// Nothing yet.
    pub fn new(throttle: &Arc<Throttle>, now: Timestamp) -> Drawn {
        Drawn(Arc::new(Inner { throttle: throttle.clone(), now, draws: Mutex::default() }))
    }

    /// Gives back what was drawn so far: a transaction begins once more, or has failed.
    pub fn give_back(&self) {
        let draws = std::mem::take(&mut *self.0.lock());
        if !draws.is_empty() {
            self.0.throttle.give_back(&draws, self.0.now);
        }
    }

    /// Draws what a write used, which counts `times`.
    ///
    /// # Errors
    /// `Throttled`: nothing was drawn.
    pub fn written(&self, written: &Written, times: f64) -> Result<(), Error> {
        let table = &written.table;
        if !self.0.concerns(table) {
            return Ok(());
        }
        let item = written.after.as_ref().or(written.before.as_ref()).map(StoredItem::view);
        let key = |schema: &KeySchema| item.and_then(|item| schema.locate(item)).map(|key| key.partition);
        let local: u64 = written.units.local.iter().map(|(_, units)| units).sum();
        let mut draws =
            of(table, None, Direction::Write, (written.units.table + local) as f64 * times, key(&table.key));
        for (name, units) in &written.units.global {
            if let Some((index, _)) = table.index(name) {
                draws.append(&mut of(table, Some(index), Direction::Write, *units as f64 * times, key(&index.key)));
            }
        }
        self.0.draw(draws)
    }

    /// Draws what a read used, of one partition key or of many.
    ///
    /// # Errors
    /// `Throttled`: nothing was drawn.
    pub fn read(&self, table: &Table, usage: &Usage, key: Option<Digest>) -> Result<(), Error> {
        if !self.0.concerns(table) {
            return Ok(());
        }
        let mut draws = Vec::new();
        if usage.of_table() > 0.0 {
            draws.append(&mut of(table, None, Direction::Read, usage.of_table(), key));
        }
        for (name, units) in usage.of_global_indexes() {
            if let Some((index, _)) = table.index(name) {
                draws.append(&mut of(table, Some(index), Direction::Read, units, key));
            }
        }
        self.0.draw(draws)
    }
}

impl Inner {
    /// Whether what a table gives is limited, or looked at.
    fn concerns(&self, table: &Table) -> bool {
        self.throttle.limits || !table.billing.on_demand
    }

    fn draw(&self, draws: Vec<Draw>) -> Result<(), Error> {
        self.throttle.draw(&draws, self.now)?;
        self.lock().extend(draws);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Draw>> {
        self.draws.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is drawn for units of a table or of one of its global indexes: from the whole of it, and from a partition key.
fn of(table: &Table, index: Option<&Index>, direction: Direction, units: f64, key: Option<Digest>) -> Vec<Draw> {
    let (id, throughput, on_demand) = match index {
        Some(index) => (index.id, &index.throughput, index.on_demand),
        None => (table.id, &table.throughput, table.on_demand),
    };
    let draw = |key: Option<Digest>, (rate, most): (f64, f64), cause: Cause, limit: &str| Draw {
        place: Place { id, key, direction },
        units,
        rate,
        most,
        since: table.created,
        refusal: Refusal {
            reason: format!("{}{direction:?}{limit}", if index.is_some() { "Index" } else { "Table" }),
            resource: index
                .map_or_else(|| table.arn.to_string(), |index| format!("{}/index/{}", table.arn, index.name)),
            cause,
            index: index.is_some(),
        },
    };
    let mut draws = Vec::new();
    let whole = match table.billing.on_demand {
        false => (provisioned(throughput, direction), BURST, Cause::Provisioned, "ProvisionedThroughputExceeded"),
        true => (set_most(on_demand, direction), 1.0, Cause::OnDemandMost, "MaxOnDemandThroughputExceeded"),
    };
    if let (Some(rate), burst, cause, limit) = whole {
        draws.push(draw(None, (rate, rate * burst), cause, limit));
    }
    if key.is_some() {
        let rate = match direction {
            Direction::Read => KEY_READ_UNITS_MAX,
            Direction::Write => KEY_WRITE_UNITS_MAX,
        };
        let cause = if table.billing.on_demand { Cause::OnDemand } else { Cause::Provisioned };
        draws.push(draw(key, (rate, rate), cause, "KeyRangeThroughputExceeded"));
    }
    draws
}

/// Units a second; `None` for an index that has been given none, which is not limited.
fn provisioned(throughput: &Throughput, direction: Direction) -> Option<f64> {
    let units = match direction {
        Direction::Read => throughput.read,
        Direction::Write => throughput.write,
    };
    (units > 0).then_some(units as f64)
}

fn set_most(on_demand: Option<OnDemandThroughput>, direction: Direction) -> Option<f64> {
    let units = match direction {
        Direction::Read => on_demand?.max_read_request_units,
        Direction::Write => on_demand?.max_write_request_units,
    };
    units.filter(|units| *units > 0).map(|units| units as f64)
}
