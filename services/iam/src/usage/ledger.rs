//! Who did what with which resources how often, within bounds.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kv::{Db, Order, Read, Table};

use super::Call;
use super::generalise::{bounded, covers, generalise};
use crate::limits::{USAGE_ACTIONS_MAX, USAGE_PRINCIPALS_MAX, USAGE_RESOURCES_MAX};
use crate::types::{Deeds, Done};

pub type Row = Done;

/// By principal and action.
pub type Rows = Table<(String, String), Deeds>;

const SHARDS: usize = 16;
/// Rows of the store that one transaction writes: they are long at most.
const WRITTEN_AT_ONCE: usize = 256;

pub struct Ledger {
    /// Principals are spread over these, so that callers seldom wait for each other.
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    principals: HashMap<String, HashMap<String, Entry>>,
    /// Principals whose rows are to be deleted.
    gone: Vec<String>,
}

#[derive(Default)]
struct Entry {
    rows: Vec<Done>,
    change: Change,
}

#[derive(Clone, Copy, Default, PartialEq, PartialOrd)]
enum Change {
    #[default]
    None,
    /// The same as before, once more.
    Counted,
    /// Something that was not there.
    New,
}

/// What is to be written.
#[derive(Default)]
pub struct Changes {
    rows: Vec<((String, String), Deeds)>,
    pub gone: Vec<String>,
}

impl Ledger {
    pub fn load(table: &Rows, read: &impl Read) -> Result<Ledger, kv::Error> {
        let ledger = Ledger { shards: Default::default(), hasher: RandomState::new() };
        for row in table.scan(read, Order::Forward)? {
            let ((who, action), Deeds { rows }) = row?;
            let entry = Entry { rows, change: Change::None };
            ledger.shard(&who).principals.entry(who).or_default().insert(action, entry);
        }
        Ok(ledger)
    }

    fn shard(&self, who: &str) -> MutexGuard<'_, Shard> {
        let index = usize::try_from(self.hasher.hash_one(who) % SHARDS as u64).unwrap_or_default();
        let shard = self.shards.get(index).unwrap_or(&self.shards[0]);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call, and returns how often it is in here now; 0 where there is no more room.
    pub fn note(&self, call: Call<'_>, why: Option<&str>) -> u64 {
        let mut shard = self.shard(call.who);
        let known = shard.principals.get_mut(call.who).and_then(|actions| actions.get_mut(call.action));
        if let Some(entry) = known {
            return entry.note(call, why);
        }
        shard.make_room(call.who);
        let actions = shard.principals.entry(call.who.to_owned()).or_default();
        if actions.len() >= USAGE_ACTIONS_MAX {
            return 0;
        }
        actions.entry(call.action.to_owned()).or_default().note(call, why)
    }

    pub fn of(&self, who: &str) -> Vec<(String, Vec<Row>)> {
        let shard = self.shard(who);
        let actions = shard.principals.get(who).into_iter().flatten();
        let sorted: BTreeMap<_, _> = actions.map(|(action, entry)| (action.clone(), entry.rows.clone())).collect();
        sorted.into_iter().collect()
    }

    pub fn all(&self) -> Vec<(String, String, Vec<Row>)> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for (who, actions) in &shard.principals {
                all.extend(actions.iter().map(|(action, entry)| (who.clone(), action.clone(), entry.rows.clone())));
            }
        }
        all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        all
    }

    pub fn forget(&self, who: &str) {
        self.shard(who).drop_principal(who);
    }

    /// What is new since the last time, and with `counts` also what was only repeated.
    pub fn changes(&self, counts: bool) -> Changes {
        let least = if counts { Change::Counted } else { Change::New };
        let mut changes = Changes::default();
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            changes.gone.append(&mut shard.gone);
            for (who, actions) in &mut shard.principals {
                for (action, entry) in actions.iter_mut().filter(|(_, entry)| entry.change >= least) {
                    entry.change = Change::None;
                    changes.rows.push(((who.clone(), action.clone()), Deeds { rows: entry.rows.clone() }));
                }
            }
        }
        changes
    }
}

impl Shard {
    /// Where another principal would be too many, the one that did nothing for longest goes.
    fn make_room(&mut self, who: &str) {
        if self.principals.contains_key(who) || self.principals.len() < USAGE_PRINCIPALS_MAX / SHARDS {
            return;
        }
        let last = |actions: &HashMap<String, Entry>| {
            actions.values().flat_map(|entry| &entry.rows).map(|row| row.last).max().unwrap_or_default()
        };
        let stalest = self.principals.iter().min_by_key(|(_, actions)| last(actions)).map(|(who, _)| who.clone());
        if let Some(stalest) = stalest {
            self.drop_principal(&stalest);
        }
    }

    fn drop_principal(&mut self, who: &str) {
        self.principals.remove(who);
        self.gone.push(who.to_owned());
    }
}

impl Entry {
    fn note(&mut self, call: Call<'_>, why: Option<&str>) -> u64 {
        if let Some(row) = self.rows.iter_mut().find(|row| covers(&row.resource, call.resource)) {
            (row.count, row.last) = (row.count + 1, call.now);
            if self.change == Change::None {
                self.change = Change::Counted;
            }
            if row.why.as_deref() != why {
                (row.why, self.change) = (why.map(str::to_owned), Change::New);
            }
            return row.count;
        }
        let resource = bounded(call.resource);
        self.rows.push(Done { resource, count: 1, first: call.now, last: call.now, why: why.map(str::to_owned) });
        generalise(&mut self.rows, USAGE_RESOURCES_MAX);
        self.change = Change::New;
        1
    }
}

impl Changes {
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.gone.is_empty()
    }

    /// Writes them into the table.
    pub async fn write(self, db: &Db, table: &'static Rows) -> Result<(), kv::Error> {
        let gone = self.gone;
        if !gone.is_empty() {
            db.write(move |tx| gone.iter().try_for_each(|who| table.delete_prefix(tx, (who,)))).await?;
        }
        let mut rows = self.rows;
        while !rows.is_empty() {
            let some = rows.split_off(rows.len().saturating_sub(WRITTEN_AT_ONCE));
            let put = move |tx: &mut kv::Tx| some.iter().try_for_each(|(key, deeds)| table.put(tx, key, deeds));
            db.write(put).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use kv::{Db, Memory};

    use super::*;
    use crate::keys::USED;

    fn call<'a>(who: &'a str, resource: &'a str, now: u64) -> Call<'a> {
        Call { who, action: "s3:GetObject", resource, region: "us-east-1", now: Timestamp::from_secs(now) }
    }

    #[tokio::test]
    async fn what_is_written_is_read_again() {
        let db = Db::open(Memory::new());
        let ledger = Ledger::load(&USED, &db.read().unwrap()).unwrap();
        let one = "arn:aws:s3:::b/1";
        assert_eq!([1, 2].map(|now| ledger.note(call("r", one, now), None)), [1, 2]);
        let write = |changes: Changes| changes.write(&db, &USED);
        write(ledger.changes(false)).await.unwrap();
        assert!(ledger.changes(true).is_empty());
        ledger.note(call("r", one, 3), None);
        assert!(ledger.changes(false).is_empty(), "nothing is new");
        write(ledger.changes(true)).await.unwrap();
        let again = Ledger::load(&USED, &db.read().unwrap()).unwrap();
        assert_eq!((again.of("r"), again.of("s")), (ledger.of("r"), Vec::new()));
        assert_eq!(again.of("r")[0].1[0].count, 3);
        again.forget("r");
        write(again.changes(false)).await.unwrap();
        assert!(Ledger::load(&USED, &db.read().unwrap()).unwrap().all().is_empty());
    }

    /// A tenth of it without a debug build; a request of DynamoDB's takes some fifty.
    #[test]
    fn what_is_known_is_counted_in_a_few_microseconds() {
        let ledger = Ledger { shards: Default::default(), hasher: RandomState::new() };
        let resources: Vec<String> = (0..USAGE_RESOURCES_MAX).map(|n| format!("arn:aws:s3:::bucket-{n}/key")).collect();
        let rounds = 2_000_u32;
        let began = std::time::Instant::now();
        for resource in std::iter::repeat_n(&resources, rounds as usize).flatten() {
            ledger.note(call("arn:aws:iam::000000000000:role/worker", resource, 1), None);
        }
        let each = began.elapsed() / (rounds * resources.len() as u32);
        assert!(each < std::time::Duration::from_micros(30), "{each:?}");
    }

    #[test]
    fn nobody_takes_more_than_their_share() {
        let ledger = Ledger { shards: Default::default(), hasher: RandomState::new() };
        for number in 0..10_000 {
            ledger.note(call(&format!("role-{number}"), "*", number), None);
            ledger.note(call("one", &format!("arn:aws:s3:::b/{number}/x"), number), None);
        }
        assert!(ledger.all().len() <= USAGE_PRINCIPALS_MAX);
        let rows = &ledger.of("one")[0].1;
        assert!(rows.len() <= USAGE_RESOURCES_MAX, "{rows:?}");
        assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), 10_000);
        for number in 0..1_000 {
            let action = format!("s3:Made{number}");
            ledger.note(Call { action: &action, ..call("one", "*", 20_000) }, None);
        }
        assert_eq!(ledger.of("one").len(), USAGE_ACTIONS_MAX);
    }
}
