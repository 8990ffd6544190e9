//! Streams: making, finding, changing and removing them.

use std::collections::{BTreeMap, BTreeSet};

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};

use super::{consumer, hash, policy, shard, trim};
use crate::error::Error;
use crate::keys::{BLOCKS, NEXT_STREAM, OPEN, SHARDS, STREAMS, TAILS};
use crate::limits;
use crate::types::{Shard, Stream};

/// The name in a stream's ARN.
pub fn name(arn: &Arn) -> &str {
    arn.resource.strip_prefix("stream/").unwrap_or_default()
}

pub fn missing(arn: &Arn) -> Error {
    Error::ResourceNotFound(format!("Stream {} under account {} not found.", name(arn), arn.account))
}

/// # Errors
/// `ResourceNotFound`.
pub fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Stream, Error> {
    STREAMS.get(read, (&*arn.region, name(arn)))?.ok_or_else(|| missing(arn))
}

/// # Errors
/// `ResourceInUse` while the stream gets another number of shards.
pub fn check_active(stream: &Stream) -> Result<(), Error> {
    if stream.scaling.is_none() {
        return Ok(());
    }
    Err(Error::ResourceInUse(format!(
        "Stream {} under account {} not ACTIVE, instead in state UPDATING",
        stream.name, stream.arn.account
    )))
}

/// Stores a stream that has changed.
pub fn put(tx: &mut Tx, stream: &Stream) -> Result<(), Error> {
    Ok(STREAMS.put(tx, (&*stream.arn.region, &*stream.name), stream)?)
}

/// Changes a stream by `change`, which sees the one in force.
pub fn update(tx: &mut Tx, arn: &Arn, change: impl FnOnce(&mut Stream) -> Result<(), Error>) -> Result<Stream, Error> {
    let mut stream = find(tx, arn)?;
    change(&mut stream)?;
    put(tx, &stream)?;
    Ok(stream)
}

/// What can be said about a stream as it is made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Without a number, on demand.
    pub shards: Option<u64>,
    pub record_kib_max: u32,
    pub spread: bool,
    pub warm_mibps: Option<u32>,
    pub tags: BTreeMap<String, String>,
}

/// # Errors
/// `ResourceInUse` when there is one of that name; `LimitExceeded`.
pub fn create(tx: &mut Tx, now: Timestamp, arn: &Arn, settings: Settings) -> Result<(), Error> {
    if STREAMS.contains(tx, (&*arn.region, name(arn)))? {
        return Err(Error::ResourceInUse(format!(
            "Stream {} under account {} already exists.",
            name(arn),
            arn.account
        )));
    }
    if settings.shards.is_none() {
        check_on_demand(tx, arn)?;
    }
    let shards = settings.shards.unwrap_or(limits::ON_DEMAND_SHARDS);
    check_shards(tx, arn, shards)?;
    let id = NEXT_STREAM.get(tx, ())?.unwrap_or(1);
    NEXT_STREAM.put(tx, (), &(id + 1))?;
    let mut stream = Stream {
        id,
        name: name(arn).to_owned(),
        arn: arn.clone(),
        created: now,
        on_demand: settings.shards.is_none(),
        retention_hours: limits::RETENTION_HOURS_MIN,
        gone: Timestamp(0),
        next_shard: 0,
        open_shards: 0,
        key: None,
        metrics: BTreeSet::new(),
        tags: settings.tags,
        record_kib_max: settings.record_kib_max,
        spread: settings.spread,
        warm_mibps: settings.warm_mibps,
        mode_changes: Vec::new(),
        scalings: Vec::new(),
        scaling: None,
    };
    for (first_hash, last_hash) in (0..shards).map(|index| hash::uniform(shards, index)) {
        let opened = Shard {
            index: 0,
            epoch: now.as_secs(),
            opened: now,
            first_hash,
            last_hash,
            parents: Vec::new(),
            closed: None,
        };
        shard::open(tx, &mut stream, opened)?;
    }
    put(tx, &stream)?;
    trim::schedule(tx, &stream, now + limits::TRIM_INTERVAL, 0)
}

/// # Errors
/// `LimitExceeded` when the account would have too many shards with `more` of them.
pub fn check_shards(read: &(impl Read + ?Sized), arn: &Arn, more: u64) -> Result<(), Error> {
    let open: u64 = usage(read, &arn.region)?.shards;
    if open + more <= limits::SHARDS_MAX {
        return Ok(());
    }
    Err(Error::LimitExceeded(format!(
        "This request would exceed the shard limit for the account {} in {}. Current shard count for the account: {open}. Limit: {}. Number of additional shards that would have resulted from this request: {more}. Refer to the AWS Service Limits page (http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to request higher limits.",
        arn.account,
        arn.region,
        limits::SHARDS_MAX
    )))
}

/// # Errors
/// `LimitExceeded` when the account has as many on-demand streams as it may.
pub fn check_on_demand(read: &(impl Read + ?Sized), arn: &Arn) -> Result<(), Error> {
    if usage(read, &arn.region)?.on_demand < limits::ON_DEMAND_STREAMS_MAX {
        return Ok(());
    }
    Err(Error::LimitExceeded(format!(
        "Account {} has reached the limit of {} on-demand streams in {}.",
        arn.account,
        limits::ON_DEMAND_STREAMS_MAX,
        arn.region
    )))
}

/// How much of its limits an account uses in a region.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub shards: u64,
    pub on_demand: u64,
}

pub fn usage(read: &(impl Read + ?Sized), region: &str) -> Result<Usage, Error> {
    let mut usage = Usage::default();
    for stream in STREAMS.scan_prefix(read, region, Order::Forward)?.values() {
        let stream = stream?;
        usage.shards += stream.open_shards;
        usage.on_demand += u64::from(stream.on_demand);
    }
    Ok(usage)
}

/// Removes a stream with all that it has.
///
/// # Errors
/// `ResourceInUse` when it has consumers, unless they are to go with it.
pub fn delete(tx: &mut Tx, arn: &Arn, with_consumers: bool) -> Result<(), Error> {
    let stream = find(tx, arn)?;
    if !with_consumers && consumer::count(tx, &stream)? > 0 {
        return Err(Error::ResourceInUse(format!(
            "Stream {} under account {} has active consumers. EnforceConsumerDeletion must be set to true to delete it.",
            stream.name, stream.arn.account
        )));
    }
    for shard in shard::open_ones(tx, stream.id)? {
        service::streams::wake(tx, &crate::keys::shard_arn(&stream.arn, shard));
    }
    consumer::delete_all(tx, &stream)?;
    policy::forget(tx, &stream.arn)?;
    STREAMS.delete(tx, (&*arn.region, name(arn)))?;
    SHARDS.delete_prefix(tx, stream.id)?;
    TAILS.delete_prefix(tx, stream.id)?;
    OPEN.delete_prefix(tx, stream.id)?;
    Ok(BLOCKS.delete_prefix(tx, stream.id)?)
}

/// A page of a region's streams after the one of the name `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<Stream>, bool), Error> {
    let rows = match after {
        Some(after) => STREAMS.scan_after(read, region, (region, after), Order::Forward)?,
        None => STREAMS.scan_prefix(read, region, Order::Forward)?,
    };
    let mut streams = rows.values().take(limit + 1).collect::<Result<Vec<_>, _>>()?;
    let more = streams.len() > limit;
    streams.truncate(limit);
    Ok((streams, more))
}
