//! Consumers of enhanced fan-out: registering, finding and removing them.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};

use super::{policy, stream};
use crate::error::Error;
use crate::keys::CONSUMERS;
use crate::limits::CONSUMERS_MAX;
use crate::types::{Consumer, Stream};

/// The ARN of the stream and the name of the consumer, of a consumer's ARN.
pub fn parse(arn: &Arn) -> Option<(Arn, &str)> {
    let (stream, rest) = arn.resource.split_once("/consumer/")?;
    let (name, created) = rest.rsplit_once(':')?;
    created.parse::<u64>().ok()?;
    Some((Arn { resource: stream.to_owned(), ..arn.clone() }, name))
}

pub fn missing(name: &str, account: &str) -> Error {
    Error::ResourceNotFound(format!("Consumer {name}, account {account} not found."))
}

/// # Errors
/// `ResourceNotFound`.
pub fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<(Stream, Consumer), Error> {
    let unknown = || missing(&arn.to_string(), &arn.account);
    let (stream_arn, name) = parse(arn).ok_or_else(unknown)?;
    let stream = match stream::find(read, &stream_arn) {
        Err(Error::ResourceNotFound(_)) => return Err(unknown()),
        found => found?,
    };
    let consumer = CONSUMERS.get(read, (stream.id, name))?.filter(|consumer| consumer.arn == *arn);
    Ok((stream, consumer.ok_or_else(unknown)?))
}

/// # Errors
/// `ResourceNotFound`.
pub fn find_by_name(read: &(impl Read + ?Sized), stream: &Arn, name: &str) -> Result<(Stream, Consumer), Error> {
    let stream = stream::find(read, stream)?;
    let consumer = CONSUMERS.get(read, (stream.id, name))?;
    let consumer = consumer.ok_or_else(|| missing(name, &stream.arn.account))?;
    Ok((stream, consumer))
}

pub fn count(read: &(impl Read + ?Sized), stream: &Stream) -> Result<usize, Error> {
    Ok(CONSUMERS.scan_prefix(read, stream.id, Order::Forward)?.count())
}

/// # Errors
/// `ResourceInUse` when there is one of that name; `LimitExceeded`.
pub fn register(
    tx: &mut Tx,
    now: Timestamp,
    stream: &Arn,
    name: &str,
    tags: &BTreeMap<String, String>,
) -> Result<Consumer, Error> {
    let stream = stream::find(tx, stream)?;
    if CONSUMERS.contains(tx, (stream.id, name))? {
        return Err(Error::ResourceInUse(format!(
            "Consumer {name} under stream {}, account {} already exists.",
            stream.name, stream.arn.account
        )));
    }
    if count(tx, &stream)? >= CONSUMERS_MAX {
        return Err(Error::LimitExceeded(format!(
            "Stream {} under account {} has {CONSUMERS_MAX} consumers, which is the most that is allowed.",
            stream.name, stream.arn.account
        )));
    }
    let resource = format!("{}/consumer/{name}:{}", stream.arn.resource, now.as_secs());
    let arn = Arn { resource, ..stream.arn.clone() };
    let consumer = Consumer { name: name.to_owned(), arn, created: now, tags: tags.clone() };
    put(tx, &stream, &consumer)?;
    Ok(consumer)
}

/// Stores a consumer that has changed.
pub fn put(tx: &mut Tx, stream: &Stream, consumer: &Consumer) -> Result<(), Error> {
    Ok(CONSUMERS.put(tx, (stream.id, &*consumer.name), consumer)?)
}

pub fn deregister(tx: &mut Tx, stream: &Stream, consumer: &Consumer) -> Result<(), Error> {
    policy::forget(tx, &consumer.arn)?;
    Ok(CONSUMERS.delete(tx, (stream.id, &*consumer.name))?)
}

/// Removes all of a stream's.
pub fn delete_all(tx: &mut Tx, stream: &Stream) -> Result<(), Error> {
    let all = CONSUMERS.scan_prefix(&*tx, stream.id, Order::Forward)?.values().collect::<Result<Vec<_>, _>>()?;
    all.iter().try_for_each(|consumer| deregister(tx, stream, consumer))
}

/// A page of a stream's consumers after the one of the name `after`, and whether there are more.
pub fn list(
    read: &(impl Read + ?Sized),
    stream: &Stream,
    after: &str,
    limit: usize,
) -> Result<(Vec<Consumer>, bool), Error> {
    let rows = CONSUMERS.scan_after(read, stream.id, (stream.id, after), Order::Forward)?;
    let mut consumers = rows.values().take(limit + 1).collect::<Result<Vec<_>, _>>()?;
    let more = consumers.len() > limit;
    consumers.truncate(limit);
    Ok((consumers, more))
}
