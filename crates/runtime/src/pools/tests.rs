//! The pools in a world where starts, invocations and deaths happen when a test says so.

use std::cell::Cell;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;

#[derive(Debug)]
struct Fake {
    pid: u32,
    fit: Rc<Cell<bool>>,
    rests: bool,
}

impl Member for Fake {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn is_fit(&self) -> bool {
        self.fit.get()
    }

    fn rest(&mut self) {
        self.rests = true;
    }
}

pub(crate) fn spec(key: &str, instances_max: Option<usize>) -> Arc<FunctionSpec> {
    Arc::new(FunctionSpec {
        key: key.into(),
        name: key.into(),
        version: "$LATEST".into(),
        handler: "index.handler".into(),
        runtime: "python3.12".into(),
        code: "/".into(),
        layers: Vec::new(),
        environment: Default::default(),
        timeout: std::time::Duration::from_secs(3),
        memory_mb: 128,
        ephemeral_storage_mb: 512,
        region: String::new(),
        account: String::new(),
        role: String::new(),
        log_group: String::new(),
        endpoint_url: String::new(),
        instances_max,
        json_logs: None,
        snap_start: false,
    })
}

/// A world in which starts, invocations and deaths happen when a test says so.
struct World {
    pools: Pools<Fake, &'static str>,
    now: Instant,
    next_pid: u32,
    starting: Vec<Arc<FunctionSpec>>,
    requests: Vec<(Arc<FunctionSpec>, Ticket<Fake, &'static str>)>,
    running: Vec<(Arc<FunctionSpec>, Fake)>,
    answered: usize,
    ended: usize,
    started: usize,
}

impl World {
    fn new(alive_max: usize) -> World {
        let (starting, requests, running) = (Vec::new(), Vec::new(), Vec::new());
        let pools = Pools::new(alive_max);
        let (next_pid, answered, ended, started) = (1, 0, 0, 0);
        World { pools, now: Instant::now(), next_pid, starting, requests, running, answered, ended, started }
    }

    fn apply(&mut self, effects: Effects<Fake>) {
        self.starting.extend(effects.start.into_iter().map(|start| start.spec));
        self.ended += effects.end.len();
        // Whoever was given an instance runs it; whoever was given an error is answered.
        for (spec, mut ticket) in std::mem::take(&mut self.requests) {
            match ticket.instance.try_recv() {
                Ok(Ok(instance)) => self.running.push((spec, instance)),
                Ok(Err(_)) => self.answered += 1,
                Err(_) => self.requests.push((spec, ticket)),
            }
        }
    }

    fn request(&mut self, spec: &Arc<FunctionSpec>) {
        let (ticket, effects) = self.pools.acquire(spec);
        self.requests.push((spec.clone(), ticket));
        self.apply(effects);
    }

    /// It is some start's turn.
    fn begin(&mut self, at: usize) {
        if self.starting.is_empty() {
            return;
        }
        let at = at % self.starting.len();
        let (needed, effects) = self.pools.is_needed(&self.starting[at].key);
        if !needed {
            self.starting.swap_remove(at);
        }
        self.apply(effects);
    }

    fn start(&mut self, at: usize, succeeds: bool) {
        if self.starting.is_empty() {
            return;
        }
        let spec = self.starting.swap_remove(at % self.starting.len());
        let fake = Fake { pid: self.next_pid, fit: Rc::new(Cell::new(true)), rests: false };
        self.next_pid += 1;
        self.started += usize::from(succeeds);
        let result = if succeeds { Ok(fake) } else { Err("no") };
        let effects = self.pools.started(&spec.key, result, self.now);
        self.apply(effects);
    }

    fn finish(&mut self, at: usize, survives: bool) {
        if self.running.is_empty() {
            return;
        }
        let (spec, instance) = self.running.swap_remove(at % self.running.len());
        self.answered += 1;
        let effects = match survives {
            true => self.pools.released(&spec.key, instance, self.now),
            false => {
                self.ended += 1;
                self.pools.lost(&spec.key, instance.pid)
            }
        };
        self.apply(effects);
    }

    fn check(&self, alive_max: usize) {
        let status = self.pools.status();
        let sum = |count: fn(&PoolStatus) -> usize| status.iter().map(count).sum::<usize>();
        assert_eq!(sum(|pool| pool.busy.len()), self.running.len());
        assert_eq!(sum(|pool| pool.starting), self.starting.len());
        assert_eq!(sum(|pool| pool.waiting), self.requests.len());
        assert_eq!(self.pools.alive(), sum(|pool| pool.idle.len()) + self.running.len() + self.starting.len());
        assert_eq!(self.started - self.ended, sum(|pool| pool.idle.len()) + self.running.len());
        assert!(self.pools.alive() <= alive_max);
        for pool in &status {
            let members = pool.idle.len() + pool.busy.len() + pool.starting;
            let provisioned = self.pools.provisioned(&pool.spec.key);
            let lacks = provisioned.is_some_and(|p| p.failure.is_none() && members < p.requested);
            let limited = self.pools.alive() == alive_max || Some(members) == pool.spec.instances_max;
            assert!(!lacks || limited, "{pool:?}");
            assert!(pool.spec.instances_max.is_none_or(|max| members <= max));
            assert!(pool.waiting == 0 || pool.idle.is_empty(), "{pool:?}");
        }
    }
}

proptest! {
    /// Whatever happens in whatever order: limits hold, nothing is lost, and every request ends.
    #[test]
    fn every_request_ends(steps in proptest::collection::vec((0..10u8, any::<usize>()), 1..200)) {
        const ALIVE_MAX: usize = 4;
        let specs = [spec("a", None), spec("b", Some(2)), spec("c", None)];
        let mut world = World::new(ALIVE_MAX);
        let mut requested = 0;
        for (step, at) in steps {
            match step {
                0..=2 => { requested += 1; world.request(&specs[at % specs.len()]); }
                3 => world.start(at, true),
                4 => world.start(at, at % 3 != 0),
                5 => world.finish(at, true),
                6 => world.finish(at, false),
                7 => {
                    // Of one only: what is kept ready leaves room for the others.
                    let effects = world.pools.provision(&specs[0], at % 3);
                    world.apply(effects);
                }
                8 => world.begin(at),
                _ => { let effects = world.pools.retire(&specs[at % specs.len()].key); world.apply(effects); }
            }
            world.check(ALIVE_MAX);
        }
        while !(world.requests.is_empty() && world.running.is_empty() && world.starting.is_empty()) {
            world.start(0, true);
            world.finish(0, true);
            world.check(ALIVE_MAX);
        }
        prop_assert_eq!(world.answered, requested);
        let effects = world.pools.clear();
        world.apply(effects);
        prop_assert_eq!((world.pools.alive(), world.ended), (0, world.started));
    }
}

#[test]
fn who_is_covered_by_a_start_does_not_give_up() {
    let mut world = World::new(1);
    let spec = spec("a", None);
    world.request(&spec);
    world.request(&spec);
    let numbers: Vec<u64> = world.requests.iter().map(|(_, ticket)| ticket.number).collect();
    assert!(!world.pools.give_up("a", numbers[0]));
    assert!(world.pools.give_up("a", numbers[1]));
    assert!(!world.pools.give_up("a", numbers[1]));
}

#[test]
fn the_first_start_is_told_apart() {
    let mut pools: Pools<Fake, &str> = Pools::new(9);
    let starts = [0, 1].map(|_| pools.acquire(&spec("a", None)).1.start[0].is_first);
    assert_eq!((starts, pools.acquire(&spec("b", None)).1.start[0].is_first), ([true, false], true));
}

#[test]
fn starts_that_nobody_waits_for_any_more_are_taken_back() {
    let mut world = World::new(9);
    let spec = spec("a", None);
    (0..4).for_each(|_| world.request(&spec));
    world.begin(0);
    assert_eq!(world.starting.len(), 4);
    // The first that is there serves three of them, one after the other.
    world.start(0, true);
    (0..2).for_each(|_| world.finish(0, true));
    (0..9).for_each(|_| world.begin(0));
    assert_eq!((world.starting.len(), world.requests.len(), world.pools.alive()), (1, 1, 2));
    world.finish(0, true);
    world.begin(0);
    assert_eq!((world.starting.len(), world.requests.len(), world.pools.alive()), (0, 0, 1));
    // Those that are kept ready are needed without anybody waiting.
    let effects = world.pools.provision(&spec, 2);
    world.apply(effects);
    world.begin(0);
    assert_eq!(world.starting.len(), 1);
}

#[test]
fn the_unfit_and_the_long_idle_leave() {
    let mut world = World::new(3);
    let spec = spec("a", None);
    for _ in 0..2 {
        world.request(&spec);
    }
    (0..2).for_each(|_| world.start(0, true));
    let fit = world.running[0].1.fit.clone();
    (0..2).for_each(|_| world.finish(0, true));
    fit.set(false);
    let effects = world.pools.expire(world.now);
    assert_eq!(effects.end.len(), 1);
    let effects = world.pools.expire(world.now + std::time::Duration::from_secs(1));
    assert_eq!((effects.end.len(), world.pools.alive()), (1, 0));
    assert!(world.pools.status().is_empty());
}

#[test]
fn the_long_idle_rest_and_the_oldest_is_evicted() {
    let mut world = World::new(3);
    let spec = spec("a", None);
    (0..2).for_each(|_| world.request(&spec));
    (0..2).for_each(|_| world.start(0, true));
    world.finish(0, true);
    let (first, between) = (world.pools.status()[0].idle[0], world.now + std::time::Duration::from_secs(1));
    world.now += std::time::Duration::from_secs(2);
    world.finish(0, true);
    assert!(world.pools.rest(between));
    let effects = world.pools.evict();
    assert_eq!((effects.end[0].pid, effects.end[0].rests), (first, true));
    assert!(!world.pools.evict().end[0].rests);
    assert_eq!((world.pools.evict().end.len(), world.pools.alive()), (0, 0));
}

#[test]
fn the_provisioned_are_there_before_they_are_needed_and_stay() {
    let mut world = World::new(3);
    let spec = spec("a", None);
    let effects = world.pools.provision(&spec, 2);
    assert!(effects.start.iter().all(|start| start.initialization == Initialization::ProvisionedConcurrency));
    world.apply(effects);
    (0..2).for_each(|_| world.start(0, true));
    let later = world.now + std::time::Duration::from_secs(1);
    assert!(world.pools.expire(later).end.is_empty());
    let ready = Provisioned { requested: 2, ready: 2, busy: 0, failure: None };
    assert_eq!(world.pools.provisioned("a"), Some(ready));
    // A third request gets one of its own, which leaves again.
    (0..3).for_each(|_| world.request(&spec));
    assert_eq!((world.running.len(), world.starting.len()), (2, 1));
    world.start(0, true);
    (0..3).for_each(|_| world.finish(0, true));
    assert_eq!(world.pools.expire(later).end.len(), 1);
    let effects = world.pools.provision(&spec, 0);
    world.apply(effects);
    assert_eq!((world.pools.provisioned("a"), world.pools.expire(later).end.len()), (None, 2));
}

#[test]
fn a_provisioned_instance_that_fails_is_not_tried_for_ever() {
    let mut world = World::new(3);
    let spec = spec("a", None);
    let effects = world.pools.provision(&spec, 1);
    world.apply(effects);
    world.start(0, false);
    let failed = Provisioned { requested: 1, ready: 0, busy: 0, failure: Some("no".into()) };
    assert_eq!((world.pools.provisioned("a"), world.starting.len()), (Some(failed), 0));
    let effects = world.pools.provision(&spec, 1);
    world.apply(effects);
    assert_eq!(world.starting.len(), 1);
}

#[test]
fn a_function_that_has_none_gets_one_however_many_another_has() {
    let mut world = World::new(FIRSTS_PART);
    let (slow, other) = (spec("slow", None), spec("other", None));
    (0..FIRSTS_PART + 2).for_each(|_| world.request(&slow));
    assert_eq!(world.pools.alive(), FIRSTS_PART);
    world.request(&other);
    world.request(&other);
    assert_eq!(world.pools.alive(), FIRSTS_PART + 1);
    assert!(world.starting.iter().any(|spec| spec.key == "other"));
}
