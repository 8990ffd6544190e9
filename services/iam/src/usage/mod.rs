//! What callers did and what policies kept them from, counted in memory and written down soon: for least policies, for
//! `cloudlet iam denied`, and for when something was last used.

mod generalise;
mod ledger;
mod suggest;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base::Timestamp;
use kv::{Db, Order, Read};
use service::Cx;
use tokio_util::sync::CancellationToken;

pub use ledger::Row;
pub use suggest::{Suggestion, Unused, suggestion};

use crate::Identity;
use crate::keys::{DENIED, KEYS_USED, LAST_USED, USED};
use crate::limits::{USAGE_COUNTS_INTERVAL, USAGE_INTERVAL, USAGE_PRINCIPALS_MAX};
use crate::types::LastUsed;
use ledger::Ledger;

pub struct Usage {
    /// What was allowed.
    used: Ledger,
    /// What was not, or would not have been.
    denied: Ledger,
    /// By the ARN of a user or role.
    last: Mutex<HashMap<String, Recent>>,
    /// By access key.
    keys: Mutex<HashMap<String, Recent>>,
    denials: AtomicU64,
    let_through: AtomicU64,
}

/// When something was last used, and whether that is written down.
#[derive(Clone)]
struct Recent {
    at: LastUsed,
    changed: bool,
}

/// One call that policies were asked about.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The ARN of the user or role, or the name of a service.
    pub who: &'a str,
    pub action: &'a str,
    pub resource: &'a str,
    pub region: &'a str,
    pub now: Timestamp,
}

impl Usage {
    /// What is written down.
    pub fn load(read: &impl Read) -> Result<Usage, kv::Error> {
        let recent =
            |row: Result<(String, LastUsed), kv::Error>| row.map(|(name, at)| (name, Recent { at, changed: false }));
        Ok(Usage {
            used: Ledger::load(&USED, read)?,
            denied: Ledger::load(&DENIED, read)?,
            last: Mutex::new(LAST_USED.scan(read, Order::Forward)?.map(recent).collect::<Result<_, _>>()?),
            keys: Mutex::new(KEYS_USED.scan(read, Order::Forward)?.map(recent).collect::<Result<_, _>>()?),
            denials: AtomicU64::new(0),
            let_through: AtomicU64::new(0),
        })
    }

    /// A call was allowed.
    pub fn allowed(&self, call: Call<'_>) {
        self.used.note(call, None);
        let service = call.action.split(':').next().unwrap_or_default();
        let same = |at: &LastUsed| at.service == service && at.region == call.region;
        let fresh = || LastUsed { at: call.now, service: service.into(), region: call.region.into() };
        mark(&self.last, call.who, call.now, same, fresh);
    }

    /// A call was denied, or let through although policies deny it. Returns how often that was so.
    pub fn denied(&self, call: Call<'_>, why: &str, let_through: bool) -> u64 {
        self.denials.fetch_add(1, Ordering::Relaxed);
        self.let_through.fetch_add(u64::from(let_through), Ordering::Relaxed);
        self.denied.note(call, Some(why))
    }

    /// An access key was looked up for a request.
    pub fn key(&self, id: &str, now: Timestamp) {
        mark(&self.keys, id, now, |_| true, || LastUsed { at: now, service: String::new(), region: String::new() });
    }

    pub fn key_last_used(&self, id: &str) -> Option<LastUsed> {
        lock(&self.keys).get(id).map(|recent| recent.at.clone())
    }

    pub fn last_used(&self, who: &str) -> Option<LastUsed> {
        lock(&self.last).get(who).map(|recent| recent.at.clone())
    }

    /// What a user or role did, by action.
    pub fn of(&self, who: &str) -> Vec<(String, Vec<Row>)> {
        self.used.of(who)
    }

    /// What was denied to whom, by principal and action.
    pub fn denials(&self) -> Vec<(String, String, Vec<Row>)> {
        self.denied.all()
    }

    /// Calls that policies denied, and those of them that were let through, since the start.
    pub fn counts(&self) -> (u64, u64) {
        (self.denials.load(Ordering::Relaxed), self.let_through.load(Ordering::Relaxed))
    }

    /// Who is deleted leaves nothing for a namesake.
    pub fn forget(&self, who: &str) {
        self.used.forget(who);
        self.denied.forget(who);
        lock(&self.last).remove(who);
    }

    /// Writes down what is new, and with `counts` also how often things were done.
    pub async fn flush(&self, db: &Db, counts: bool) -> Result<(), kv::Error> {
        let (used, denied) = (self.used.changes(counts), self.denied.changes(counts));
        let (last, keys) = if counts { (changed(&self.last), changed(&self.keys)) } else { (Vec::new(), Vec::new()) };
        let gone = used.gone.clone();
        used.write(db, &USED).await?;
        denied.write(db, &DENIED).await?;
        if gone.is_empty() && last.is_empty() && keys.is_empty() {
            return Ok(());
        }
        db.write(move |tx| {
            gone.iter().try_for_each(|who| LAST_USED.delete(tx, who))?;
            last.iter().try_for_each(|(who, at)| LAST_USED.put(tx, who, at))?;
            keys.iter().try_for_each(|(id, at)| KEYS_USED.put(tx, id, at))
        })
        .await
    }
}

type Recents = Mutex<HashMap<String, Recent>>;

fn lock(recents: &Recents) -> std::sync::MutexGuard<'_, HashMap<String, Recent>> {
    recents.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets when `name` was last used. Where all else is `same`, that takes no memory.
fn mark(recents: &Recents, name: &str, now: Timestamp, same: impl Fn(&LastUsed) -> bool, fresh: impl Fn() -> LastUsed) {
    let mut all = lock(recents);
    let is_full = all.len() >= USAGE_PRINCIPALS_MAX;
    match all.get_mut(name) {
        Some(recent) if same(&recent.at) => (recent.at.at, recent.changed) = (now, true),
        Some(recent) => *recent = Recent { at: fresh(), changed: true },
        // Others than these are not counted until some are gone: what is asked about is there by then.
        None if is_full => {}
        None => drop(all.insert(name.to_owned(), Recent { at: fresh(), changed: true })),
    }
}

fn changed(recents: &Recents) -> Vec<(String, LastUsed)> {
    let mut all = lock(recents);
    let changed = all
        .iter_mut()
        .filter_map(|(name, recent)| std::mem::take(&mut recent.changed).then(|| (name.clone(), recent.at.clone())));
    changed.collect()
}

/// Writes down what happened, soon after it did and when the server ends.
pub async fn run(identity: Arc<Identity>, cx: Cx, stop: CancellationToken) {
    let mut since_counts = std::time::Duration::ZERO;
    loop {
        let running = stop.run_until_cancelled(tokio::time::sleep(USAGE_INTERVAL)).await.is_some();
        since_counts += USAGE_INTERVAL;
        let counts = !running || since_counts >= USAGE_COUNTS_INTERVAL;
        if counts {
            since_counts = std::time::Duration::ZERO;
        }
        if let Err(error) = identity.usage.flush(cx.db(), counts).await {
            tracing::error!(%error, "what callers did cannot be written down");
        }
        if !running {
            return;
        }
    }
}
