//! How fast an endpoint is sent to.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base::{Arn, Timestamp};

/// When each endpoint may be sent to next. Only in memory: after a start, the count begins anew.
#[derive(Default)]
pub struct Pace(Mutex<HashMap<Arn, Timestamp>>);

/// Endpoints that are remembered; beyond, those that may be sent to are forgotten.
const REMEMBERED_MAX: usize = 1_000;

impl Pace {
    /// Waits for the next turn of an endpoint that takes so many requests a second. The outbox has few deliveries of an
    /// endpoint under way, so the wait is short, and holds up nobody else.
    pub async fn wait(&self, endpoint: &Arn, now: Timestamp, per_second: u32) {
        tokio::time::sleep(self.turn(endpoint, now, per_second).since(now)).await;
    }

    /// Takes the next turn, and tells when it is.
    fn turn(&self, endpoint: &Arn, now: Timestamp, per_second: u32) -> Timestamp {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= REMEMBERED_MAX {
            turns.retain(|_, next| *next > now);
        }
        let turn = turns.get(endpoint).copied().unwrap_or(now).max(now);
        turns.insert(endpoint.clone(), turn + Duration::from_secs(1) / per_second.max(1));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_waits_for_its_turn_and_others_do_not() {
        let (pace, now) = (Pace::default(), Timestamp::from_secs(1));
        let [one, two] = ["one", "two"].map(|name| format!("arn:aws:sns:r:0:t:{name}").parse::<Arn>().unwrap());
        assert_eq!(pace.turn(&one, now, 4), now);
        assert_eq!(pace.turn(&one, now, 4), Timestamp(1_250));
        assert_eq!(pace.turn(&two, now, 4), now);
        assert_eq!(pace.turn(&one, Timestamp(1_500), 4), Timestamp(1_500));
    }
}
