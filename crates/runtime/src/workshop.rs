//! Where processes are started: a few at a time, and ahead of need only while there is memory for it.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::memory::Reserve;

/// Processes that are started at the same time, for each processor: a start waits now and then, for the kernel or a disk.
/// More would only take time from each other.
const STARTS_OF_A_PROCESSOR: usize = 2;

/// How long one has its turn at the most: what a function waits for while it initialises is not to hold others up.
const TURN_MAX: Duration = Duration::from_millis(100);

/// Clones are the same.
#[derive(Clone)]
pub(crate) struct Workshop {
    turns: Arc<Semaphore>,
    pub reserve: Reserve,
}

impl Workshop {
    pub fn new(reserve: Reserve) -> Workshop {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Workshop { turns: Arc::new(Semaphore::new(STARTS_OF_A_PROCESSOR * processors)), reserve }
    }

    /// Starts something when it is its turn.
    pub async fn in_turn<T>(&self, start: impl Future<Output = T>) -> T {
        // It is never closed.
        let turn = self.turns.acquire().await;
        tokio::pin!(start);
        match tokio::time::timeout(TURN_MAX, &mut start).await {
            Ok(started) => started,
            Err(_) => {
                drop(turn);
                start.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::{join_all, pending};

    use super::*;

    #[tokio::test]
    async fn who_takes_long_gives_the_turn_away() {
        let workshop = Workshop::new(Reserve::new(0));
        let slow = join_all((0..workshop.turns.available_permits()).map(|_| workshop.in_turn(pending::<()>())));
        tokio::pin!(slow);
        assert!((&mut slow).now_or_never().is_none());
        let next = workshop.in_turn(async { 7 });
        tokio::pin!(next);
        assert!((&mut next).now_or_never().is_none(), "all turns are taken");
        tokio::select! {
            _ = &mut slow => unreachable!("it never ends"),
            seven = next => assert_eq!(seven, 7),
        }
    }
}
