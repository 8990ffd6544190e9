//! Which instance serves which request: a plain state machine over all functions, without clocks, processes or waiting.
//!
//! Instances are reused last-in first-out, so that the rest grow idle and can leave. A request that finds none asks
//! for a new one, within the limits; whichever is free first, the new one or one that finishes, serves it.

use std::collections::{HashMap, VecDeque};
use std::fmt::Display;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::function::{FunctionSpec, Initialization};

/// Instances besides the others, as a part of them, that are kept for functions which have none.
const FIRSTS_PART: usize = 20;

/// What the pools know about an instance.
pub(crate) trait Member {
    fn pid(&self) -> u32;
    /// Whether it can serve another request.
    fn is_fit(&self) -> bool;
    /// Stops it where it is, until it serves a request again.
    fn rest(&mut self);
}

pub(crate) struct Pools<I, E> {
    pools: HashMap<String, Pool<I, E>>,
    /// Instances that exist or are being started, and how many may.
    alive: usize,
    alive_max: usize,
    next_ticket: u64,
}

struct Pool<I, E> {
    spec: Arc<FunctionSpec>,
    /// The one used last is at the end.
    idle: Vec<Idle<I>>,
    busy: Vec<u32>,
    starting: usize,
    waiting: VecDeque<Waiting<I, E>>,
    /// Instances that are kept ready, used or not.
    provisioned: usize,
    /// Why the last one that was to be kept did not get ready. No other is tried until that is asked for again.
    failure: Option<String>,
    /// Superseded: serves who is already waiting, and keeps nothing.
    retired: bool,
}

struct Idle<I> {
    since: Instant,
    instance: I,
}

struct Waiting<I, E> {
    ticket: u64,
    sender: oneshot::Sender<Result<I, E>>,
}

/// What the caller has to do after a change.
pub(crate) struct Effects<I> {
    /// Instances to start; [`Pools::started`] tells how it went.
    pub start: Vec<Start>,
    /// Instances to end.
    pub end: Vec<I>,
}

/// An instance to start, and why.
pub(crate) struct Start {
    pub spec: Arc<FunctionSpec>,
    pub initialization: Initialization,
    /// Whether the function has no other instance, not even one that is being started.
    pub is_first: bool,
}

/// How many instances of a version are kept ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisioned {
    pub requested: usize,
    /// How many of them are there, idle or busy.
    pub ready: usize,
    /// How many of those that are there serve a request.
    pub busy: usize,
    /// Why no more are being started, when one did not get ready.
    pub failure: Option<String>,
}

/// A request's place in the line.
pub(crate) struct Ticket<I, E> {
    pub number: u64,
    pub instance: oneshot::Receiver<Result<I, E>>,
}

/// The instances of one function version.
#[derive(Clone, Debug)]
pub struct PoolStatus {
    pub spec: Arc<FunctionSpec>,
    pub idle: Vec<u32>,
    pub busy: Vec<u32>,
    pub starting: usize,
    pub waiting: usize,
}

impl<I> Default for Effects<I> {
    fn default() -> Effects<I> {
        Effects { start: Vec::new(), end: Vec::new() }
    }
}

impl<I: Member, E: Display> Pools<I, E> {
    pub fn new(alive_max: usize) -> Pools<I, E> {
        Pools { pools: HashMap::new(), alive: 0, alive_max, next_ticket: 0 }
    }

    /// Asks for an instance.
    pub fn acquire(&mut self, spec: &Arc<FunctionSpec>) -> (Ticket<I, E>, Effects<I>) {
        let (sender, instance) = oneshot::channel();
        let number = self.next_ticket;
        self.next_ticket += 1;
        let pool = self.pools.entry(spec.key.clone()).or_insert_with(|| Pool::new(spec.clone()));
        pool.waiting.push_back(Waiting { ticket: number, sender });
        let mut effects = Effects::default();
        self.serve(&spec.key, &mut effects);
        self.balance(&mut effects);
        (Ticket { number, instance }, effects)
    }

    /// Keeps so many instances ready from now on.
    pub fn provision(&mut self, spec: &Arc<FunctionSpec>, count: usize) -> Effects<I> {
        let pool = self.pools.entry(spec.key.clone()).or_insert_with(|| Pool::new(spec.clone()));
        // A version that is being let go keeps nothing.
        (pool.provisioned, pool.failure) = (if pool.retired { 0 } else { count }, None);
        let mut effects = Effects::default();
        self.settle(&spec.key, &mut effects);
        effects
    }

    /// `None` when none of this version are kept.
    pub fn provisioned(&self, key: &str) -> Option<Provisioned> {
        let pool = self.pools.get(key).filter(|pool| pool.provisioned > 0)?;
        let ready = (pool.idle.len() + pool.busy.len()).min(pool.provisioned);
        let busy = pool.busy.len().min(pool.provisioned);
        Some(Provisioned { requested: pool.provisioned, ready, busy, failure: pool.failure.clone() })
    }

    /// Gives up waiting, unless an instance is being started for this request. True when the request has left the line.
    pub fn give_up(&mut self, key: &str, ticket: u64) -> bool {
        let Some(pool) = self.pools.get_mut(key) else { return false };
        match pool.waiting.iter().position(|waiting| waiting.ticket == ticket) {
            Some(place) if place >= pool.starting => pool.waiting.remove(place).is_some(),
            _ => false,
        }
    }

    /// Whether a start that [`Effects::start`] asked for, and that had to wait for its turn, is still needed. When others have
    /// served meanwhile who waited for it, it is taken back, and [`Pools::started`] has nothing to tell of it.
    pub fn is_needed(&mut self, key: &str) -> (bool, Effects<I>) {
        let mut effects = Effects::default();
        let Some(pool) = self.pools.get_mut(key) else { return (true, effects) };
        let needed = pool.starting <= pool.waiting.len() || pool.members() <= pool.kept();
        if !needed {
            pool.starting -= 1;
            self.alive = self.alive.saturating_sub(1);
            self.settle(key, &mut effects);
        }
        (needed, effects)
    }

    /// A start that [`Effects::start`] asked for has ended.
    pub fn started(&mut self, key: &str, result: Result<I, E>, now: Instant) -> Effects<I> {
        let mut effects = Effects::default();
        if let Some(pool) = self.pools.get_mut(key) {
            pool.starting = pool.starting.saturating_sub(1);
            match result {
                Ok(instance) => {
                    pool.failure = None;
                    pool.idle.push(Idle { since: now, instance });
                }
                Err(error) => {
                    pool.failure = Some(error.to_string());
                    self.alive = self.alive.saturating_sub(1);
                    pool.fail(error);
                }
            }
        }
        self.settle(key, &mut effects);
        effects
    }

    /// An instance has finished an invocation and can take another.
    pub fn released(&mut self, key: &str, instance: I, now: Instant) -> Effects<I> {
        let mut effects = Effects::default();
        if let Some(pool) = self.pools.get_mut(key) {
            pool.not_busy(instance.pid());
            pool.idle.push(Idle { since: now, instance });
        }
        self.settle(key, &mut effects);
        effects
    }

    /// An instance ended during an invocation.
    pub fn lost(&mut self, key: &str, pid: u32) -> Effects<I> {
        let mut effects = Effects::default();
        self.alive = self.alive.saturating_sub(1);
        if let Some(pool) = self.pools.get_mut(key) {
            pool.not_busy(pid);
        }
        self.settle(key, &mut effects);
        effects
    }

    /// Superseded by a new version: idle instances leave now, the others after what they are doing.
    pub fn retire(&mut self, key: &str) -> Effects<I> {
        let mut effects = Effects::default();
        if let Some(pool) = self.pools.get_mut(key) {
            pool.retire();
        }
        self.settle(key, &mut effects);
        effects
    }

    /// Instances that have been idle since before `before`, or have died meanwhile, leave. Those that are kept ready are
    /// replaced when they have died, and otherwise stay.
    pub fn expire(&mut self, before: Instant) -> Effects<I> {
        let mut effects = Effects::default();
        for pool in self.pools.values_mut() {
            let leave = pool.expire(before);
            self.alive = self.alive.saturating_sub(leave.len());
            effects.end.extend(leave);
        }
        self.pools.retain(|_, pool| !pool.is_empty());
        self.balance(&mut effects);
        effects
    }

    /// Instances that have been idle since before `before` rest. Tells whether others are idle and do not.
    pub fn rest(&mut self, before: Instant) -> bool {
        let mut others = false;
        for idle in self.pools.values_mut().flat_map(|pool| &mut pool.idle) {
            if idle.since < before { idle.instance.rest() } else { others = true }
        }
        others
    }

    /// Ends the instance that has been idle longest.
    pub fn evict(&mut self) -> Effects<I> {
        let end = self.take_oldest().into_iter().collect();
        Effects { start: Vec::new(), end }
    }

    /// Every idle instance, to be ended.
    pub fn clear(&mut self) -> Effects<I> {
        self.pools.values_mut().for_each(Pool::retire);
        let keys: Vec<String> = self.pools.keys().cloned().collect();
        let mut effects = Effects::default();
        keys.iter().for_each(|key| self.settle(key, &mut effects));
        effects
    }

    pub fn alive(&self) -> usize {
        self.alive
    }

    pub fn status(&self) -> Vec<PoolStatus> {
        let mut status: Vec<PoolStatus> = self.pools.values().map(Pool::status).collect();
        status.sort_by(|a, b| (&a.spec.name, &a.spec.version).cmp(&(&b.spec.name, &b.spec.version)));
        status
    }

    /// Puts things right after a change to one pool.
    fn settle(&mut self, key: &str, effects: &mut Effects<I>) {
        self.serve(key, effects);
        if let Some(pool) = self.pools.get_mut(key) {
            if pool.retired {
                self.alive = self.alive.saturating_sub(pool.idle.len());
                effects.end.extend(pool.idle.drain(..).map(|idle| idle.instance));
            }
            if pool.is_empty() {
                self.pools.remove(key);
            }
        }
        self.balance(effects);
    }

    /// Gives idle instances to who waits longest.
    fn serve(&mut self, key: &str, effects: &mut Effects<I>) {
        let Some(pool) = self.pools.get_mut(key) else { return };
        while !pool.waiting.is_empty() {
            let Some(Idle { since, instance }) = pool.idle.pop() else { return };
            if !instance.is_fit() {
                self.alive = self.alive.saturating_sub(1);
                effects.end.push(instance);
                continue;
            }
            let Some(waiting) = pool.waiting.pop_front() else { return };
            let pid = instance.pid();
            match waiting.sender.send(Ok(instance)) {
                Ok(()) => pool.busy.push(pid),
                // This request is gone; the instance is for the next one.
                Err(Ok(instance)) => pool.idle.push(Idle { since, instance }),
                Err(Err(_)) => {}
            }
        }
    }

    /// Starts instances for requests that none is being started for, and those that are kept ready, as far as the limits allow.
    fn balance(&mut self, effects: &mut Effects<I>) {
        let wanting: Vec<String> = self
            .pools
            .iter()
            .filter(|(_, pool)| pool.wants_more() || pool.lacks())
            .map(|(key, _)| key.clone())
            .collect();
        for key in wanting {
            while self.pools.get(&key).is_some_and(|pool| pool.wants_more() || pool.lacks())
                && self.make_room(&key, effects)
            {
                if let Some(pool) = self.pools.get_mut(&key) {
                    let (initialization, is_first) = (pool.next_initialization(), pool.members() == 0);
                    pool.starting += 1;
                    self.alive += 1;
                    effects.start.push(Start { spec: pool.spec.clone(), initialization, is_first });
                }
            }
        }
    }

    /// Whether one more may exist; the instance that has been idle longest leaves for it. A few are kept for functions
    /// that have none: however slow another is, they answer.
    fn make_room(&mut self, key: &str, effects: &mut Effects<I>) -> bool {
        let is_first = self.pools.get(key).is_some_and(|pool| pool.members() == 0);
        let kept = if is_first { self.alive_max / FIRSTS_PART } else { 0 };
        if self.alive < self.alive_max + kept {
            return true;
        }
        let oldest = self.take_oldest();
        let found = oldest.is_some();
        effects.end.extend(oldest);
        found
    }

    /// Takes out the instance that has been idle longest, to be ended.
    fn take_oldest(&mut self) -> Option<I> {
        let pools = self.pools.values_mut().filter(|pool| !pool.idle.is_empty() && pool.spare() > 0);
        let pool = pools.min_by_key(|pool| pool.idle.first().map(|idle| idle.since))?;
        let oldest = pool.idle.remove(0).instance;
        self.alive = self.alive.saturating_sub(1);
        Some(oldest)
    }
}

impl<I: Member, E> Pool<I, E> {
    fn new(spec: Arc<FunctionSpec>) -> Pool<I, E> {
        let (idle, busy, waiting) = (Vec::new(), Vec::new(), VecDeque::new());
        Pool { spec, idle, busy, starting: 0, waiting, provisioned: 0, failure: None, retired: false }
    }

    fn members(&self) -> usize {
        self.idle.len() + self.busy.len() + self.starting
    }

    fn wants_more(&self) -> bool {
        self.waiting.len() > self.starting && self.spec.instances_max.is_none_or(|max| self.members() < max)
    }

    /// Whether fewer are there than are to be kept ready.
    fn lacks(&self) -> bool {
        self.failure.is_none() && self.members() < self.kept()
    }

    /// How many are to be kept ready.
    fn kept(&self) -> usize {
        self.provisioned.min(self.spec.instances_max.unwrap_or(usize::MAX))
    }

    /// How many are there beyond those that are kept ready.
    fn spare(&self) -> usize {
        self.members().saturating_sub(self.provisioned)
    }

    fn next_initialization(&self) -> Initialization {
        match self.lacks() {
            true => Initialization::ProvisionedConcurrency,
            false if self.spec.snap_start => Initialization::SnapStart,
            false => Initialization::OnDemand,
        }
    }

    fn retire(&mut self) {
        (self.retired, self.provisioned) = (true, 0);
    }

    fn expire(&mut self, before: Instant) -> Vec<I> {
        let (fit, mut leave): (Vec<Idle<I>>, Vec<Idle<I>>) =
            std::mem::take(&mut self.idle).into_iter().partition(|idle| idle.instance.is_fit());
        self.idle = fit;
        let old = self.idle.iter().take(self.spare()).take_while(|idle| idle.since < before).count();
        leave.extend(self.idle.drain(..old));
        leave.into_iter().map(|idle| idle.instance).collect()
    }

    fn not_busy(&mut self, pid: u32) {
        if let Some(place) = self.busy.iter().position(|busy| *busy == pid) {
            self.busy.swap_remove(place);
        }
    }

    /// Tells who waits longest that a start failed.
    fn fail(&mut self, mut error: E) {
        while let Some(waiting) = self.waiting.pop_front() {
            match waiting.sender.send(Err(error)) {
                Err(Err(returned)) => error = returned,
                _ => return,
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.members() == 0 && self.waiting.is_empty() && self.provisioned == 0
    }

    fn status(&self) -> PoolStatus {
        let idle = self.idle.iter().map(|idle| idle.instance.pid()).collect();
        let (starting, waiting) = (self.starting, self.waiting.len());
        PoolStatus { spec: self.spec.clone(), idle, busy: self.busy.clone(), starting, waiting }
    }
}

#[cfg(test)]
pub(crate) mod tests;
