//! Copies of a table as it was at a moment, made in steps while the table goes on changing: a backup, or a table that is
//! brought back.
//!
//! A step first takes back the changes since the moment that it has not seen yet: of each item, the first one says what the
//! copy has of it. When none are left, it copies some of the other items, which are as they were. A backup has no changes,
//! so that what is made of it is only copied. An incremental export is a copy of what changed in a period: which items these
//! are is looked for first.

use std::time::Duration;

use base::{Arn, Timestamp};
use kv::{Read, Tx};

use super::item::{self, Transition, add_volume};
use super::stream::Occasion;
use super::table::{clear_range, same};
use super::transfer::Kind as Transfer;
use super::{backup, changed, export, table, undo};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::key::ItemKey;
use crate::keys::{ABSENT, COPIES, ITEMS, TABLES};
use crate::limits::{COPIES_MAX, COPY_PAUSE, COPY_SIGHT, COPY_STEP, STEP};
use crate::size::item_size;
use crate::types::{Copy, Failure, Moment, SharedTable, Table};
use crate::workers::{self, Kind};

/// Begins a copy of a table as it was at `at`, or as it is.
pub fn of_table(
    tx: &mut Tx,
    source: &Table,
    at: Option<Timestamp>,
    now: Timestamp,
    target: u64,
    into: &Arn,
) -> Result<(), Error> {
    let after = match at {
        Some(at) => undo::moment(tx, source.id, at)?,
        None => undo::present(tx, source.id, now)?,
    };
    table::put(tx, &Table { copies: source.copies + 1, ..source.clone() })?;
    begin(tx, (&source.arn, source.id), (after, None), now, target, into)
}

/// Begins a copy of those items of a table that change in a period, as they are at its end. The first moment is a part of the
/// period, and the last is not.
pub fn of_changes(
    tx: &mut Tx,
    source: &Table,
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
    target: u64,
    into: &Arn,
) -> Result<(), Error> {
    let mut before = |at: Timestamp| undo::moment(tx, source.id, Timestamp(at.0.saturating_sub(1)));
    let (after, until) = (before(from)?, before(to)?);
    table::put(tx, &Table { copies: source.copies + 1, ..source.clone() })?;
    begin(tx, (&source.arn, source.id), (after, Some(until)), now, target, into)
}

/// Begins a copy of the items of a backup.
pub fn of_backup(tx: &mut Tx, table: &Arn, id: u64, now: Timestamp, target: u64, into: &Arn) -> Result<(), Error> {
    begin(tx, (table, id), (Moment { at: Timestamp(u64::MAX), number: u64::MAX }, None), now, target, into)
}

fn begin(
    tx: &mut Tx,
    (table, source): (&Arn, u64),
    (after, until): (Moment, Option<Moment>),
    now: Timestamp,
    target: u64,
    into: &Arn,
) -> Result<(), Error> {
    if COPIES.scan(tx, kv::Order::Forward)?.take(COPIES_MAX).count() == COPIES_MAX {
        return Err(Error::LimitExceeded(format!(
            "Too many operations for a given subscriber: {COPIES_MAX} backups, restores and exports are under way. Try again when some are done"
        )));
    }
    let copy = Copy { into: into.clone(), after, undone: false, cursor: None, whole: false, until };
    COPIES.put(tx, (source, target), &copy)?;
    workers::start(tx, now, table, source, Kind::Copy(target))
}

/// Whether a copy is being made of the table or backup with this number.
pub fn is_source(read: &(impl Read + ?Sized), id: u64) -> Result<bool, Error> {
    Ok(COPIES.scan_prefix(read, id, kv::Order::Forward)?.next().transpose()?.is_some())
}

/// The time since when the changes of a table are needed for copies of it, if there are any.
pub fn needs(read: &(impl Read + ?Sized), id: u64) -> Result<Option<Timestamp>, Error> {
    let mut needed: Option<Timestamp> = None;
    for copy in COPIES.scan_prefix(read, id, kv::Order::Forward)?.values() {
        let copy = copy?;
        if !copy.whole {
            needed = Some(needed.map_or(copy.after.at, |needed| needed.min(copy.after.at)));
        }
    }
    Ok(needed)
}

/// Takes a copy one step on; how long clients have until the next, where there is one.
pub fn step(tx: &mut Tx, table: &Arn, source: u64, target: u64, now: Timestamp) -> Result<Option<Duration>, Error> {
    step_of(tx, table, source, target, now, COPY_STEP)
}

fn step_of(
    tx: &mut Tx,
    table: &Arn,
    source: u64,
    target: u64,
    now: Timestamp,
    most: (usize, usize),
) -> Result<Option<Duration>, Error> {
    let Some(mut copy) = COPIES.get(tx, (source, target))? else { return Ok(None) };
    if copy.whole {
        return Ok(tidy(tx, table, source, target, &copy, now)?.then_some(COPY_PAUSE));
    }
    let place = Place { id: target, table: made(tx, &copy.into)? };
    let present = match copy.until {
        Some(until) if copy.after < until => {
            copy.after = changed::gather(tx, source, target, copy.after, until, STEP)?;
            false
        }
        until => take_on(tx, source, &place, &mut copy, until.is_some(), now, most)?,
    };
    COPIES.put(tx, (source, target), &copy)?;
    forget(tx, table, source)?;
    // Clients may make changes as fast as they are taken back, unless they are not waited for.
    Ok(Some(if present { COPY_PAUSE } else { Duration::ZERO }))
}

/// Takes changes back, and copies some of what is as it was once there are none; whether that is so.
fn take_on(
    tx: &mut Tx,
    source: u64,
    place: &Place,
    copy: &mut Copy,
    only_changed: bool,
    now: Timestamp,
    most: (usize, usize),
) -> Result<bool, Error> {
    let is_done = |tx: &Tx, key: &ItemKey| -> Result<bool, Error> {
        Ok(place.is_settled(tx, key)? || only_changed && !changed::has(tx, place.id, key)?)
    };
    let (undos, reached, present) = undo::read(tx, source, copy.after, COPY_SIGHT, most, |key| is_done(tx, key))?;
    (copy.after, copy.undone) = (reached, copy.undone || reached != copy.after);
    for undo in undos {
        if !is_done(tx, &undo.key)? {
            place.settle(tx, &undo.key, undo.before.as_ref(), now)?;
        }
    }
    if !present {
        return Ok(false);
    }
    copy.cursor = if only_changed {
        changed::walk(tx, place.id, copy.cursor.as_deref(), most, |tx, key| {
            if place.is_settled(tx, key)? {
                return Ok(0);
            }
            let item = ITEMS.get(tx, (source, key.partition, &key.sort))?;
            place.settle(tx, key, item.as_ref(), now)?;
            Ok(item.map_or(0, |item| item_size(item.view())))
        })?
    } else {
        let undone = copy.undone;
        item::walk(tx, source, copy.cursor.as_deref(), most, |tx, key, item| {
            match undone && place.is_settled(tx, key)? {
                true => Ok(()),
                false => place.settle(tx, key, Some(item), now),
            }
        })?
    };
    copy.whole = copy.cursor.is_none();
    Ok(true)
}

/// Forgets some of the changes that all copies have taken back, where recovery does not need them.
fn forget(tx: &mut Tx, table: &Arn, source: u64) -> Result<(), Error> {
    let Some(table) = same(tx, table, source)?.filter(|table| table.recovery.is_none()) else { return Ok(()) };
    if let Some(needed) = needs(tx, table.id)? {
        undo::trim(tx, table.id, needed)?;
    }
    Ok(())
}

/// Where a copy is put.
struct Place {
    id: u64,
    /// Where it becomes a table.
    table: Option<SharedTable>,
}

impl Place {
    /// Whether it has been decided what the copy has of an item.
    fn is_settled(&self, tx: &Tx, key: &ItemKey) -> Result<bool, Error> {
        let place = (self.id, key.partition, &key.sort);
        Ok(ITEMS.contains(tx, place)? || ABSENT.contains(tx, place)?)
    }

    fn settle(&self, tx: &mut Tx, key: &ItemKey, item: Option<&StoredItem>, now: Timestamp) -> Result<(), Error> {
        let place = (self.id, key.partition, &key.sort);
        let Some(item) = item else { return Ok(ABSENT.put(tx, place, &())?) };
        match &self.table {
            Some(table) => {
                let (after, occasion) = (Some(item), Occasion::request(now));
                item::store(tx, &Transition { table, key, before: None, after, occasion }).map(drop)
            }
            None => {
                ITEMS.put(tx, place, item)?;
                add_volume(tx, self.id, 1, 0, item_size(item.view()))
            }
        }
    }
}

/// The table that a copy becomes, unless it becomes a backup.
fn made(read: &impl Read, into: &Arn) -> Result<Option<SharedTable>, Error> {
    let name = into.resource.strip_prefix("table/").unwrap_or_default();
    Ok(TABLES.get(read, (&*into.region, name))?)
}

/// Forgets some of what only the copying needed, and in the end hands the copy over.
fn tidy(tx: &mut Tx, table: &Arn, source: u64, target: u64, copy: &Copy, now: Timestamp) -> Result<bool, Error> {
    if clear_range(tx, ABSENT.prefix_range(target))? {
        return Ok(true);
    }
    match made(tx, &copy.into)? {
        Some(made) => table::put(tx, &Table { restore: None, ..(*made).clone() })?,
        None if Transfer::of(&copy.into).is_some() => export::note_copied(tx, &copy.into)?,
        None => backup::complete(tx, &copy.into)?,
    }
    end(tx, table, source, target, now)?;
    Ok(false)
}

/// Lets go of the source of a copy.
fn end(tx: &mut Tx, table: &Arn, source: u64, target: u64, now: Timestamp) -> Result<(), Error> {
    COPIES.delete(tx, (source, target))?;
    let Some(source) = same(tx, table, source)? else { return Ok(()) };
    let source = Table { copies: source.copies.saturating_sub(1), ..(*source).clone() };
    table::put(tx, &source)?;
    if source.is_journaled() { Ok(()) } else { workers::schedule(tx, now, &source, Kind::ForgetChanges, None) }
}

/// Ends a copy that is not needed any more, if it is being made. What there is of it is still to be cleared away.
pub fn cancel(tx: &mut Tx, table: &Arn, source: u64, target: u64, now: Timestamp) -> Result<(), Error> {
    if COPIES.contains(tx, (source, target))? { end(tx, table, source, target, now) } else { Ok(()) }
}

/// Gives a copy up that cannot be made, and removes what there is of it: as it is, nobody could use or delete it.
pub fn abandon(tx: &mut Tx, table: &Arn, source: u64, target: u64, now: Timestamp, cause: &Error) -> Result<(), Error> {
    let Some(copy) = COPIES.get(tx, (source, target))? else { return Ok(()) };
    tracing::error!(from = %table, into = %copy.into, %cause, "a copy cannot be made; what there is of it is removed");
    end(tx, table, source, target, now)?;
    match made(tx, &copy.into)? {
        Some(made) => {
            table::remove(tx, &made)?;
            made.index_ids().try_for_each(|id| workers::clear(tx, now, &made.arn, id))?;
        }
        None if Transfer::of(&copy.into).is_some() => {
            let (code, message) = ("InternalServerError".into(), cause.to_string());
            return export::fail(tx, &copy.into, &Failure { code, message }, now);
        }
        None => backup::forget(tx, &copy.into)?,
    }
    workers::clear(tx, now, table, target)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kv::{Db, Memory, Order};
    use proptest::prelude::*;
    use proptest::test_runner::TestCaseError;

    use super::*;
    use crate::key::KeySchema;
    use crate::keys::{CHANGED, ENTRIES, UNDOS};
    use crate::model::recovery;
    use crate::types::{Index, Projected, Recovery, Restore, Throughput};
    use crate::value::{Item, Value};

    fn item(key: u8, value: u8) -> StoredItem {
        let text = |byte: u8| Value::S(byte.to_string());
        let item: Item = [("k".to_string(), text(key)), ("v".to_string(), text(value))].into();
        StoredItem::new(&item)
    }

    /// Puts the value, or deletes where there is none.
    fn write(tx: &mut Tx, key: u8, value: Option<u8>, now: Timestamp) -> Result<(), Error> {
        let table = table::find(tx, "r", "source")?;
        let place = table.key.locate(item(key, 0).view()).unwrap();
        let (before, after) = (item::get(tx, &table, &place)?, value.map(|value| item(key, value)));
        let (before, after, occasion) = (before.as_ref(), after.as_ref(), Occasion::request(now));
        item::store(tx, &Transition { table: &table, key: &place, before, after, occasion }).map(drop)
    }

    /// What is kept under a number, in its order.
    fn items(tx: &Tx, id: u64) -> Vec<StoredItem> {
        ITEMS.scan_prefix(tx, id, Order::Forward).unwrap().values().map(Result::unwrap).collect()
    }

    fn wanted() -> Table {
        let arn: Arn = "arn:aws:dynamodb:r:0:table/source".parse().unwrap();
        Table {
            global_indexes: vec![Index {
                id: 0,
                name: "by-v".into(),
                key: KeySchema::sample("v"),
                projection: Projected::KeysOnly,
                throughput: Throughput::default(),
                on_demand: None,
                backfilling: false,
                warm: None,
            }],
            restore: Some(Restore { backup: None, table: arn, at: Timestamp(0) }),
            ..Table::sample("target", "k")
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Write(u8, Option<u8>),
        Step,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => (0u8..8, proptest::option::weighted(0.7, any::<u8>())).prop_map(|(key, value)| Act::Write(key, value)),
            2 => Just(Act::Step),
        ]
    }

    proptest! {
        /// A backup and a restored table are the table at their moment, whatever is written while they are made, and also
        /// where their table is deleted meanwhile.
        #[test]
        fn copies_are_of_one_moment(
            before in proptest::collection::vec(act(), 0..20),
            moment in 0usize..20,
            after in proptest::collection::vec(act(), 0..30),
            delete in any::<bool>(),
            disable in any::<bool>(),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let db = Db::open(Memory::default());
            let run = move |tx: &mut Tx| {
                let recovery = Some(Recovery { days: 35, ..Recovery::default() });
                let source = table::create(tx, &Table { recovery, ..Table::sample("source", "k") })?;
                let mut states = vec![items(tx, source.id)];
                let mut now = Timestamp(1);
                for one in &before {
                    now = Timestamp(states.len() as u64);
                    if let Act::Write(key, value) = *one {
                        write(tx, key, value, now)?;
                        // A request that began before the last one, and took longer, counts as one that began with it.
                        let changed = Some(&items(tx, source.id)) != states.last();
                        let began = if changed { Timestamp(0) } else { now };
                        write(tx, key.wrapping_add(1) % 8, value, began)?;
                    }
                    states.push(items(tx, source.id));
                }
                let moment = moment.min(states.len() - 1);
                let source = table::find(tx, "r", "source")?;
                let target = backup::restore_moment(tx, &source, &wanted(), Some(Timestamp(moment as u64)), now)?;
                let backup = backup::create(tx, "r", "source", "name", "id", now)?;
                if disable {
                    // What both have taken back is forgotten in each step then.
                    recovery::disable(tx, "r", "source", now)?;
                }
                for one in &after {
                    match *one {
                        Act::Write(key, value) => write(tx, key, value, now)?,
                        Act::Step => {
                            step_of(tx, &source.arn, source.id, target.id, now, (2, usize::MAX))?;
                            step_of(tx, &source.arn, source.id, backup.id, now, (3, usize::MAX))?;
                        }
                    }
                }
                if delete {
                    table::delete(tx, "r", "source")?;
                }
                while step_of(tx, &source.arn, source.id, target.id, now, (2, usize::MAX))?.is_some() {}
                while step_of(tx, &source.arn, source.id, backup.id, now, (3, usize::MAX))?.is_some() {}
                Ok::<_, Error>(outcome(tx, &source, &target, backup.id, &states, moment, delete))
            };
            runtime.block_on(db.write(run)).unwrap()?;
        }
    }

    proptest! {
        /// An incremental export has, of each item that changed in its period, what it was before and after, whatever is
        /// written while that is found.
        #[test]
        fn copies_of_changes_are_of_their_period(
            before in proptest::collection::vec(act(), 2..20),
            from in 1usize..18,
            length in 1usize..10,
            after in proptest::collection::vec(act(), 0..30),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let run = move |tx: &mut Tx| {
                let recovery = Some(Recovery { days: 35, ..Recovery::default() });
                let source = table::create(tx, &Table { recovery, ..Table::sample("source", "k") })?;
                let mut states = vec![Vec::new()];
                let mut now = Timestamp(0);
                for one in &before {
                    now = Timestamp(states.len() as u64);
                    if let Act::Write(key, value) = *one {
                        write(tx, key, value, now)?;
                    }
                    states.push(items(tx, source.id));
                }
                let from = from.min(before.len());
                let to = (from + length).min(before.len() + 1);
                let source = table::find(tx, "r", "source")?;
                let (target, into) = (table::next_id(tx)?, "arn:aws:dynamodb:r:0:table/target".parse().unwrap());
                let period = (Timestamp(from as u64), Timestamp(to as u64));
                of_changes(tx, &source, period, now, target, &into)?;
                // There is neither a table nor a backup that it becomes: what it comes to is looked at before.
                let step = |tx: &mut Tx| -> Result<bool, Error> {
                    if COPIES.get(tx, (source.id, target))?.is_some_and(|copy| copy.whole) {
                        return Ok(false);
                    }
                    Ok(step_of(tx, &source.arn, source.id, target, now, (2, usize::MAX))?.is_some())
                };
                for one in &after {
                    match *one {
                        Act::Write(key, value) => write(tx, key, value, now)?,
                        Act::Step => {
                            step(tx)?;
                        }
                    }
                }
                while step(tx)? {}
                let rows = CHANGED.scan_prefix(tx, target, Order::Forward)?.collect::<Result<Vec<_>, _>>()?;
                let mut changed = BTreeMap::new();
                for ((_, partition, sort), row) in rows {
                    changed.insert((partition, sort.clone()), (row.before, ITEMS.get(tx, (target, partition, &sort))?));
                }
                let place = |item: &StoredItem| source.key.locate(item.view()).map(|key| (key.partition, key.sort));
                let state = |at: usize| {
                    let items = states.get(at - 1).into_iter().flatten();
                    items.map(|item| (place(item), item.clone())).collect::<BTreeMap<_, _>>()
                };
                Ok::<_, Error>((changed, state(from), state(to)))
            };
            let (changed, was, is) = runtime.block_on(Db::open(Memory::default()).write(run)).unwrap();
            for place in was.keys().chain(is.keys()) {
                let (was, is) = (was.get(place).cloned(), is.get(place).cloned());
                match place.as_ref().and_then(|place| changed.get(place)) {
                    Some(changed) => prop_assert_eq!(changed, &(was, is)),
                    None => prop_assert_eq!(was, is),
                }
            }
            let was_there = |place: &(_, _)| [&was, &is].iter().any(|state| state.contains_key(&Some(place.clone())));
            let mut passed = changed.iter().filter(|(place, _)| !was_there(place));
            prop_assert!(passed.all(|(_, images)| *images == (None, None)));
        }
    }

    /// Runs on a table with point-in-time recovery and these items.
    fn on_source<T: Send + 'static>(
        keys: std::ops::Range<u8>,
        test: impl Fn(&mut Tx, &Table) -> Result<T, Error> + Send + 'static,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let run = move |tx: &mut Tx| {
            let recovery = Some(Recovery { days: 1, ..Recovery::default() });
            let source = table::create(tx, &Table { recovery, ..Table::sample("source", "k") })?;
            keys.clone().try_for_each(|key| write(tx, key, Some(0), Timestamp(5000)))?;
            test(tx, &source)
        };
        runtime.block_on(Db::open(Memory::default()).write(run)).unwrap()
    }

    fn finish(tx: &mut Tx, source: &Table, target: u64, now: Timestamp) -> Result<(), Error> {
        while step(tx, &source.arn, source.id, target, now)?.is_some() {}
        Ok(())
    }

    #[test]
    fn the_present_has_all_writes_also_where_the_clock_is_set_back() {
        on_source(0..4, |tx, source| {
            let now = Timestamp(2000);
            let backup = backup::create(tx, "r", "source", "name", "id", now)?;
            let target = backup::restore_moment(tx, source, &wanted(), None, now)?;
            write(tx, 4, Some(0), now)?;
            for target in [backup.id, target.id] {
                finish(tx, source, target, now)?;
                assert_eq!(items(tx, target).len(), 4);
            }
            Ok(())
        });
    }

    #[test]
    fn what_was_forgotten_while_the_clock_was_ahead_is_not_restored() {
        on_source(0..4, |tx, source| {
            let recovery = source.recovery.as_ref().unwrap();
            let ahead = Timestamp::from_secs(1_000_000);
            assert!(recovery::look(tx, source, recovery, ahead)?.is_some_and(|next| next > ahead));
            assert_eq!(UNDOS.scan(tx, Order::Forward)?.count(), 0);
            let now = Timestamp(7000);
            write(tx, 0, Some(1), now)?;
            let looked = table::find(tx, "r", "source")?.recovery.as_ref().map(|recovery| recovery.looked);
            assert_eq!(looked, Some(now), "a change after it was set back has the next look come in time");
            let set = recovery::enable(tx, "r", "source", None, now)?.recovery;
            assert_eq!(set.map(|recovery| recovery.enabled), Some(now), "the look that is put off is replaced");
            let refused = backup::restore_moment(tx, source, &wanted(), Some(Timestamp(3000)), now);
            assert!(matches!(refused, Err(Error::InvalidRestoreTime(_))), "{refused:?}");
            let target = backup::restore_moment(tx, source, &wanted(), None, now)?;
            finish(tx, source, target.id, now)?;
            assert_eq!(items(tx, target.id).len(), 4);
            Ok(())
        });
    }

    #[test]
    fn changes_that_no_copy_needs_are_forgotten_while_copies_are_made() {
        let undos = |tx: &Tx| UNDOS.scan(tx, Order::Forward).unwrap().count();
        on_source(0..4, move |tx, source| {
            let day = Timestamp::from_secs(24 * 3600);
            let target = backup::restore_moment(tx, source, &wanted(), Some(Timestamp(6000)), Timestamp(7000))?;
            write(tx, 0, Some(1), Timestamp(8000))?;
            let table = table::find(tx, "r", "source")?;
            // All lie too far back, but the last one is to be taken back still.
            let later = day + Duration::from_secs(60);
            recovery::trim(tx, &table, table.recovery.as_ref().unwrap(), later)?;
            assert_eq!(undos(tx), 1);
            // Without recovery, a step forgets what it has taken back.
            recovery::disable(tx, "r", "source", later)?;
            write(tx, 1, Some(1), later)?;
            for left in [2, 1] {
                step_of(tx, &source.arn, source.id, target.id, later, (1, usize::MAX))?;
                assert_eq!(undos(tx), left);
            }
            finish(tx, source, target.id, later)?;
            assert_eq!(items(tx, target.id).len(), 4);
            let value = item(0, 0);
            assert!(items(tx, target.id).iter().all(|stored| stored.view().get("v") == value.view().get("v")));
            Ok(())
        });
    }

    #[test]
    fn a_copy_ends_though_more_is_written_in_each_step_than_it_copies() {
        on_source(0..20, |tx, source| {
            let backup = backup::create(tx, "r", "source", "name", "id", Timestamp(6000))?;
            let (mut steps, mut hurried) = (0, 0);
            loop {
                for _ in 0..5 {
                    write(tx, (steps * 7 % 25) as u8, Some(1), Timestamp(6000))?;
                    steps += 1;
                }
                match step_of(tx, &source.arn, source.id, backup.id, Timestamp(6000), (2, usize::MAX))? {
                    Some(pause) => hurried += usize::from(pause.is_zero()),
                    None => break,
                }
                assert!(steps < 5 * 100, "it does not end");
            }
            assert!(hurried > 0);
            let value = item(0, 0);
            let values = items(tx, backup.id);
            assert!(values.iter().all(|stored| stored.view().get("v") == value.view().get("v")));
            assert_eq!(values.len(), 20);
            Ok(())
        });
    }

    fn outcome(
        tx: &Tx,
        source: &Table,
        target: &Table,
        backup: u64,
        states: &[Vec<StoredItem>],
        moment: usize,
        deleted: bool,
    ) -> Result<(), TestCaseError> {
        prop_assert_eq!(Some(&items(tx, target.id)), states.get(moment));
        prop_assert_eq!(Some(&items(tx, backup)), states.last());
        let arn: Arn = "arn:aws:dynamodb:r:0:table/source/backup/id".parse().unwrap();
        let stored = backup::find(tx, "r", &arn).unwrap();
        prop_assert!(stored.available);
        prop_assert_eq!(table::volume(tx, backup).unwrap(), stored.volume);
        prop_assert_eq!(table::volume(tx, target.id).unwrap().items as usize, items(tx, target.id).len());
        let index = target.global_indexes.first().unwrap();
        let entries = ENTRIES.scan_prefix(tx, index.id, Order::Forward).unwrap().count();
        prop_assert_eq!(entries, items(tx, target.id).len());
        prop_assert!(table::find(tx, "r", "target").unwrap().restore.is_none());
        prop_assert_eq!(ABSENT.scan(tx, Order::Forward).unwrap().count(), 0);
        prop_assert!(!is_source(tx, source.id).unwrap());
        if !deleted {
            prop_assert_eq!(table::find(tx, "r", "source").unwrap().copies, 0);
            prop_assert!(UNDOS.scan_prefix(tx, source.id, Order::Forward).is_ok());
        }
        Ok(())
    }
}
