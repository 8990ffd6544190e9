//! What is done for nobody in particular: what is idle is frozen, later ended, and earlier when the host is short of memory.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::FREEZE_AFTER;
use crate::manager::Inner;

/// What leaves together when the host is short of memory: what has ended is not free at once.
const EVICTED_AT_ONCE: usize = 8;

impl Inner {
    /// Ends a process when the host is short of memory: one that has no function yet, or else the fork that has waited longest
    /// to be an instance, or else the instance that has been idle longest. True when one was ended.
    pub(crate) fn make_memory(self: &Arc<Inner>) -> bool {
        if !self.starter.workshop.reserve.is_touched() {
            return false;
        }
        if self.starter.prebooted.evict() || self.starter.zygotes.evict() {
            return true;
        }
        let evicted = self.state().pools.evict().end;
        let found = !evicted.is_empty();
        evicted.into_iter().for_each(|instance| self.end(instance));
        found
    }
}

/// Ends instances that have been idle for too long, until the runtime is gone.
pub(crate) async fn expire_idle(inner: Weak<Inner>) {
    let Some(idle_timeout) = inner.upgrade().map(|inner| inner.config.idle_timeout) else { return };
    let every = (idle_timeout / 4).clamp(Duration::from_millis(10), Duration::from_secs(5));
    loop {
        tokio::time::sleep(every).await;
        let Some(inner) = inner.upgrade() else { return };
        let Some(before) = Instant::now().checked_sub(idle_timeout) else { continue };
        let effects = inner.state().pools.expire(before);
        inner.apply(effects);
        inner.starter.zygotes.expire(Instant::now());
        inner.starter.prebooted.expire(Instant::now());
        let _ = (0..EVICTED_AT_ONCE).all(|_| inner.make_memory());
    }
}

/// Freezes instances that have been idle for a moment, until the runtime is gone.
pub(crate) async fn freeze_idle(idled: Arc<Notify>, inner: Weak<Inner>) {
    loop {
        idled.notified().await;
        loop {
            tokio::time::sleep(FREEZE_AFTER).await;
            let Some(inner) = inner.upgrade() else { return };
            let Some(before) = Instant::now().checked_sub(FREEZE_AFTER) else { continue };
            if !inner.state().pools.rest(before) {
                break;
            }
        }
    }
}
