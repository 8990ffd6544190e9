//! How many connections an address has, so that one alone does not take the places of all.

use std::net::IpAddr;

use crate::presence::Presences;
use crate::shares::{Share, Shares};

/// Connections by the address that they are from.
pub(crate) struct Addresses {
    shares: Shares<IpAddr>,
    most: usize,
}

impl Addresses {
    /// Each may have `most` at once.
    pub fn new(most: usize) -> Addresses {
        Addresses { shares: Shares::default(), most }
    }

    /// Lets a connection in; `None` when its address has as many as it may, and uses them all. One that it does not use leaves.
    pub fn enter(&self, address: IpAddr, presences: &Presences) -> Option<Share<IpAddr>> {
        let share = self.shares.take(&address, self.most);
        // The one that leaves is counted for a moment longer.
        share.or_else(|| presences.let_go_of_idle(Some(address)).then(|| self.shares.add(&address)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::presence::IDLE_MIN;

    #[tokio::test(start_paused = true)]
    async fn one_address_has_only_so_many_connections() {
        let (addresses, presences) = (Addresses::new(2), Presences::default());
        let [one, other]: [IpAddr; 2] = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
        let enter = |address| addresses.enter(address, &presences);
        let (idle, used) = (presences.enter(1, Some(one)), presences.enter(2, Some(one)));
        let _running = used.begin();
        let (first, _second) = (enter(one).unwrap(), enter(one).unwrap());
        assert!(enter(one).is_none(), "nothing has been idle for long enough");
        let stranger = enter(other);
        assert!(stranger.is_some(), "others have their own");
        advance(IDLE_MIN).await;
        let third = enter(one);
        assert!(third.is_some());
        // The idle one is told to leave, and gives its share back.
        idle.ended(IDLE_MIN * 100, 0).await;
        presences.leave(1);
        drop(first);
        assert!(enter(one).is_none(), "the count is what it was");
    }
}
