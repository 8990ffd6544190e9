//! Making, changing and removing pipes.

use kv::{Order, Read, Tx};
use sources::Checkpoint;

use crate::error::Error;
use crate::keys::{CHECKPOINTS, PIPES, PIPES_CHANNEL};
use crate::limits::PIPES_MAX;
use crate::types::Pipe;

pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Pipe, Error> {
    PIPES.get(read, (region, name))?.ok_or_else(|| Error::NotFound(name.to_owned()))
}

/// Stores a new pipe, of a stream with where it begins in each shard.
pub fn create(tx: &mut Tx, pipe: &Pipe, starts: &[(String, Checkpoint)]) -> Result<(), Error> {
    if PIPES.contains(tx, (&*pipe.arn.region, &*pipe.name))? {
        return Err(Error::AlreadyExists(pipe.name.clone()));
    }
    let others = PIPES.scan_prefix(&*tx, &*pipe.arn.region, Order::Forward)?.keys();
    if others.take(PIPES_MAX).collect::<Result<Vec<_>, _>>()?.len() == PIPES_MAX {
        return Err(Error::TooManyPipes(pipe.name.clone()));
    }
    put(tx, pipe, starts)
}

fn put(tx: &mut Tx, pipe: &Pipe, starts: &[(String, Checkpoint)]) -> Result<(), Error> {
    for (shard, start) in starts {
        CHECKPOINTS.put(tx, (&*pipe.arn.region, &*pipe.id, &**shard), start)?;
    }
    PIPES.put(tx, (&*pipe.arn.region, &*pipe.name), pipe)?;
    tx.wake(PIPES_CHANNEL);
    Ok(())
}

/// Changes a pipe by `change`, which sees the one in force. Where reading begins is set for one that has not begun.
pub fn update(
    tx: &mut Tx,
    region: &str,
    name: &str,
    starts: &[(String, Checkpoint)],
    change: impl Fn(Pipe) -> Result<Pipe, Error>,
) -> Result<Pipe, Error> {
    let pipe = change(find(tx, region, name)?)?;
    let begun = has_begun(tx, &pipe)?;
    put(tx, &pipe, if begun { &[] } else { starts })?;
    Ok(pipe)
}

/// Whether it is known how far a pipe has come in its stream.
pub fn has_begun(read: &(impl Read + ?Sized), pipe: &Pipe) -> Result<bool, Error> {
    let mut known = CHECKPOINTS.scan_prefix(read, (&*pipe.arn.region, &*pipe.id), Order::Forward)?.keys();
    Ok(known.next().transpose()?.is_some())
}

pub fn delete(tx: &mut Tx, region: &str, name: &str) -> Result<Pipe, Error> {
    let pipe = find(tx, region, name)?;
    PIPES.delete(tx, (region, name))?;
    CHECKPOINTS.delete_prefix(tx, (region, &*pipe.id))?;
    tx.wake(PIPES_CHANNEL);
    Ok(pipe)
}

/// A region's pipes whose names come after another, in their order.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    after: Option<&str>,
) -> Result<impl Iterator<Item = Result<Pipe, kv::Error>>, Error> {
    Ok(PIPES.scan_after(read, region, (region, after.unwrap_or_default()), Order::Forward)?.values())
}

/// How far a pipe has come in a shard.
pub fn checkpoint(read: &(impl Read + ?Sized), pipe: &Pipe, shard: &str) -> Result<Checkpoint, kv::Error> {
    Ok(CHECKPOINTS.get(read, (&*pipe.arn.region, &*pipe.id, shard))?.unwrap_or_default())
}

/// Stores how far a pipe has come, unless it has been deleted meanwhile.
pub fn check(tx: &mut Tx, pipe: &Pipe, shard: &str, checkpoint: &Checkpoint) -> Result<(), kv::Error> {
    let (region, name) = (&*pipe.arn.region, &*pipe.name);
    if PIPES.get(tx, (region, name))?.is_some_and(|stored| stored.id == pipe.id) {
        CHECKPOINTS.put(tx, (region, &*pipe.id, shard), checkpoint)?;
    }
    Ok(())
}
