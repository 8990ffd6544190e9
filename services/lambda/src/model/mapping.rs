//! Event source mappings: making, changing and removing them.

use base::Arn;
use kv::{Order, Read, Tx};
use sources::Checkpoint;

use crate::error::Error;
use crate::keys::{CHECKPOINTS, MAPPINGS, MAPPINGS_CHANNEL};
use crate::model::{self, Page};
use crate::types::Mapping;

pub fn find(read: &(impl Read + ?Sized), region: &str, id: &str) -> Result<Mapping, Error> {
    MAPPINGS.get(read, (region, id))?.ok_or_else(Error::resource_not_found)
}

/// Stores a new mapping, unless the function has one of that source; of a stream, with where it begins in each shard.
pub fn create(tx: &mut Tx, mapping: &Mapping, starts: &[(String, Checkpoint)]) -> Result<(), Error> {
    for existing in MAPPINGS.scan_prefix(&*tx, &*mapping.function.region, Order::Forward)?.values() {
        let existing = existing?;
        if (&existing.source, &existing.function) == (&mapping.source, &mapping.function) {
            let resource = mapping.function.resource.as_str();
            let function = resource.strip_prefix("function:").unwrap_or(resource);
            if mapping.stream.is_some() {
                return Err(Error::ResourceConflict(format!(
                    "The event source arn (\" {} \") and function (\" {} \") provided mapping already exists. Please update or delete the existing mapping with UUID {}",
                    mapping.source, function, existing.id
                )));
            }
            return Err(Error::ResourceConflict(format!(
                "An event source mapping with SQS arn (\" {} \") and function (\" {} \") already exists. Please update or delete the existing mapping with UUID {}",
                mapping.source, function, existing.id
            )));
        }
    }
    for (shard, start) in starts {
        CHECKPOINTS.put(tx, (&*mapping.function.region, &*mapping.id, &**shard), start)?;
    }
    put(tx, mapping)
}

fn put(tx: &mut Tx, mapping: &Mapping) -> Result<(), Error> {
    MAPPINGS.put(tx, (&*mapping.function.region, &*mapping.id), mapping)?;
    tx.wake(MAPPINGS_CHANNEL);
    Ok(())
}

/// Changes a mapping by `change`, which sees the one in force.
pub fn update(
    tx: &mut Tx,
    region: &str,
    id: &str,
    change: impl Fn(Mapping) -> Result<Mapping, Error>,
) -> Result<Mapping, Error> {
    let mapping = change(find(tx, region, id)?)?;
    put(tx, &mapping)?;
    Ok(mapping)
}

pub fn delete(tx: &mut Tx, region: &str, id: &str) -> Result<Mapping, Error> {
    let mapping = find(tx, region, id)?;
    MAPPINGS.delete(tx, (region, id))?;
    CHECKPOINTS.delete_prefix(tx, (region, id))?;
    tx.wake(MAPPINGS_CHANNEL);
    Ok(mapping)
}

/// How far a mapping has come in a shard.
pub fn checkpoint(read: &(impl Read + ?Sized), mapping: &Mapping, shard: &str) -> Result<Checkpoint, kv::Error> {
    let key = (&*mapping.function.region, &*mapping.id, shard);
    Ok(CHECKPOINTS.get(read, key)?.unwrap_or_default())
}

/// Stores how far a mapping has come, unless it has been deleted meanwhile.
pub fn check(tx: &mut Tx, mapping: &Mapping, shard: &str, checkpoint: &Checkpoint) -> Result<(), kv::Error> {
    let (region, id) = (&*mapping.function.region, &*mapping.id);
    if MAPPINGS.contains(tx, (region, id))? {
        CHECKPOINTS.put(tx, (region, id, shard), checkpoint)?;
    }
    Ok(())
}

/// A page of a region's mappings in order of their ids.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<&str>,
    limit: usize,
    source: Option<&Arn>,
    function: Option<&Arn>,
) -> Result<Page<Mapping>, Error> {
    let keep = |mapping: &Mapping| {
        source.is_none_or(|source| mapping.source == *source)
            && function.is_none_or(|function| mapping.function == *function)
    };
    let rows = MAPPINGS.scan_after(read, region, (region, after.unwrap_or_default()), Order::Forward)?.values();
    model::page(rows, limit, keep, |mapping| mapping.id.clone())
}
