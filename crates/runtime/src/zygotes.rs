//! The zygotes of all functions: made when first needed, shared by starts that come together, renewed before their
//! credentials end, and the last to leave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Timestamp;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::Instant;

use crate::function::FunctionSpec;
use crate::instance::Instance;
use crate::start::StartError;
use crate::zygote::Zygote;

/// Where instances of a function come from.
pub(crate) enum Source {
    Zygote(Arc<Zygote>),
    /// It cannot be forked: every instance is a process of its own.
    Alone {
        reason: Option<String>,
        /// The process in which that was found out, which is a good instance.
        first: Mutex<Option<Box<Instance>>>,
    },
}

/// Makes a source. Polled to its end by a task of its own: who waits for it may leave.
pub(crate) type Making = BoxFuture<'static, Result<Arc<Source>, StartError>>;

type Slots = HashMap<String, Slot>;

pub(crate) struct Zygotes {
    slots: Arc<Mutex<Slots>>,
    idle_timeout: Duration,
    zygotes_max: usize,
}

/// One function version.
struct Slot {
    spec: Arc<FunctionSpec>,
    source: Shared<Making>,
    /// Another one is being made, which takes this one's place.
    renewing: bool,
}

impl Source {
    fn zygote(&self) -> Option<&Arc<Zygote>> {
        if let Source::Zygote(zygote) = self { Some(zygote) } else { None }
    }

    /// Whether an instance made now would outlast an invocation.
    fn is_fit(&self, spec: &FunctionSpec, now: Timestamp) -> bool {
        self.zygote().is_none_or(|zygote| zygote.is_alive() && now + spec.timeout < zygote.credentials_expire())
    }
}

impl Slot {
    fn made(&self) -> Option<&Arc<Source>> {
        self.source.peek()?.as_ref().ok()
    }

    fn zygote(&self) -> Option<&Arc<Zygote>> {
        self.made()?.zygote()
    }

    /// No instances are made of it any more.
    fn close(&self) {
        self.zygote().iter().for_each(|zygote| zygote.spares.close());
    }

    /// One that is being made is good for who comes now, too; one that failed is not.
    fn is_fit(&self, now: Timestamp) -> bool {
        match self.source.peek() {
            Some(Ok(source)) => source.is_fit(&self.spec, now),
            Some(Err(_)) => false,
            None => true,
        }
    }
}

impl Zygotes {
    pub fn new(idle_timeout: Duration, zygotes_max: usize) -> Zygotes {
        Zygotes { slots: Arc::default(), idle_timeout, zygotes_max }
    }

    /// The source of `spec`'s instances; `make` is called when there is none to use, or one that should be renewed.
    pub async fn source(
        &self,
        spec: &Arc<FunctionSpec>,
        now: Timestamp,
        make: impl Fn() -> Making,
    ) -> Result<Arc<Source>, StartError> {
        self.slot(spec, now, make).await
    }

    fn slot(&self, spec: &Arc<FunctionSpec>, now: Timestamp, make: impl Fn() -> Making) -> Shared<Making> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get_mut(&spec.key).filter(|slot| slot.is_fit(now)) {
            if !slot.renewing && slot.zygote().is_some_and(|zygote| zygote.is_aging(now)) {
                slot.renewing = true;
                tokio::spawn(renew(self.slots.clone(), spec.key.clone(), make().shared()));
            }
            return slot.source.clone();
        }
        let source = make().shared();
        tokio::spawn(source.clone().map(drop));
        slots.insert(spec.key.clone(), Slot { spec: spec.clone(), source: source.clone(), renewing: false });
        source
    }

    /// Lets a version's zygote leave, after the instances it has.
    pub fn retire(&self, key: &str) {
        let slot = lock(&self.slots).remove(key);
        slot.iter().for_each(Slot::close);
    }

    pub fn clear(&self) {
        let slots = std::mem::take(&mut *lock(&self.slots));
        slots.values().for_each(Slot::close);
    }

    /// Zygotes without instances leave: those not used for long, and the least recently used ones while there are too many.
    pub fn expire(&self, now: Instant) {
        let mut slots = lock(&self.slots);
        let mut idle: Vec<(Instant, String)> = Vec::new();
        slots.retain(|key, slot| {
            let Some(zygote) = slot.zygote() else { return !matches!(slot.source.peek(), Some(Err(_))) };
            zygote.spares.expire(now);
            // Only this slot refers to it: it has no fork, and is not being asked for one.
            let is_idle = Arc::strong_count(zygote) == 1;
            if is_idle {
                idle.push((zygote.used(), key.clone()));
            }
            zygote.is_alive() && !(is_idle && now.duration_since(zygote.used()) > self.idle_timeout)
        });
        let over = slots.values().filter(|slot| slot.zygote().is_some()).count().saturating_sub(self.zygotes_max);
        idle.retain(|(_, key)| slots.contains_key(key));
        idle.sort();
        for (_, key) in idle.into_iter().take(over) {
            slots.remove(&key);
        }
    }

    /// The fork leaves that has waited longest, for its memory. False when there was none.
    pub fn evict(&self) -> bool {
        let slots = lock(&self.slots);
        let zygotes = slots.values().filter_map(Slot::zygote);
        let oldest =
            zygotes.filter_map(|zygote| Some((zygote.spares.oldest()?, zygote))).min_by_key(|(since, _)| *since);
        oldest.inspect(|(_, zygote)| zygote.spares.evict()).is_some()
    }

    /// The zygotes that exist: of which function, their process, and the forks that wait.
    pub fn status(&self) -> Vec<(Arc<FunctionSpec>, u32, Vec<u32>)> {
        let slots = lock(&self.slots);
        let about = |slot: &Slot| {
            let zygote = slot.zygote()?;
            Some((slot.spec.clone(), zygote.pid(), zygote.spares.pids()))
        };
        slots.values().filter_map(about).collect()
    }

    /// Which functions cannot be forked, and why.
    pub fn notes(&self) -> Vec<String> {
        let slots = lock(&self.slots);
        let note = |slot: &Slot| match &**slot.made()? {
            Source::Alone { reason: Some(reason), .. } => Some(format!("{}: {}", slot.spec.name, explain(reason))),
            _ => None,
        };
        let mut notes: Vec<String> = slots.values().filter_map(note).collect();
        notes.sort();
        notes
    }
}

/// What keeps a function from fast starts, for its author.
pub(crate) fn explain(reason: &str) -> String {
    format!("Each instance loads the code itself, and so starts more slowly, instead of being a fork: {reason}.")
}

/// Puts a new source in the place of the old one once it is made. When it cannot be made, the next start tries again.
async fn renew(slots: Arc<Mutex<Slots>>, key: String, source: Shared<Making>) {
    let made = source.clone().await;
    // A version that was retired meanwhile needs none.
    if let Some(slot) = lock(&slots).get_mut(&key) {
        slot.renewing = false;
        if made.is_ok() {
            slot.close();
            slot.source = source;
        }
    }
}

fn lock(slots: &Mutex<Slots>) -> MutexGuard<'_, Slots> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}
