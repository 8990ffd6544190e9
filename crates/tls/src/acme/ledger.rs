//! What has been ordered lately, so that the limits of ACME servers are kept to, also by a server that is started again and again.
//!
//! The limits are Let's Encrypt's, which other servers hardly undercut: <https://letsencrypt.org/docs/rate-limits/>

use std::collections::VecDeque;
use std::time::Duration;

use base::Timestamp;
use serde::{Deserialize, Serialize};

/// Of an account in [`ORDERS_TIME`], 300 are allowed. Names that users have chosen leave some for the server's own.
const ORDERS_MAX: usize = 280;
const CUSTOM_ORDERS_MAX: usize = 240;
/// Names that fail leave some for those that nobody has tried yet.
const RETRIES_MAX: usize = 120;
const ORDERS_TIME: Duration = Duration::from_secs(3 * HOUR);
/// Of a name in an hour: five may fail.
const NAME_ORDERS_MAX: usize = 4;
const NAME_ORDERS_TIME: Duration = Duration::from_secs(HOUR);
/// Certificates for the same name in [`WEEK`], of five.
const NAME_CERTIFICATES_MAX: usize = 4;
/// New certificates in [`WEEK`] for names below the same domain, of 50. Renewals are free.
const DOMAIN_CERTIFICATES_MAX: usize = 45;
const HOUR: u64 = 60 * 60;
const WEEK: Duration = Duration::from_secs(7 * 24 * HOUR);

/// Second labels below a country's that anybody's names are below, as in `shop.co.uk`.
const SHARED_LABELS: [&str; 12] = ["ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ne", "net", "or", "org"];

/// Orders, the oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    orders: VecDeque<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    at: Timestamp,
    name: String,
    /// Whether a certificate came of it, for a name that had none.
    is_new: bool,
}

/// What is to be ordered.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'n> {
    pub name: &'n str,
    /// Whether the name is one that a user has chosen.
    pub is_custom: bool,
    /// Whether there is no certificate for it yet.
    pub is_new: bool,
    /// Whether the last order failed.
    pub is_retry: bool,
}

impl Ledger {
    /// # Errors
    /// The moment before which it is not to be ordered.
    pub fn admit(&self, wish: Wish<'_>, now: Timestamp) -> Result<(), Timestamp> {
        let most = match wish {
            Wish { is_custom: false, .. } => ORDERS_MAX,
            Wish { is_retry: true, .. } => RETRIES_MAX,
            Wish { .. } => CUSTOM_ORDERS_MAX,
        };
        let domain = domain(wish.name);
        let limits = [
            self.free(most, ORDERS_TIME, now, |_| true),
            self.free(NAME_ORDERS_MAX, NAME_ORDERS_TIME, now, |entry| entry.name == wish.name),
            self.free(NAME_CERTIFICATES_MAX, WEEK, now, |entry| wish.is_new && entry.is_new && entry.name == wish.name),
            self.free(DOMAIN_CERTIFICATES_MAX, WEEK, now, |entry| {
                wish.is_custom && wish.is_new && entry.is_new && self::domain(&entry.name) == domain
            }),
        ];
        limits.into_iter().flatten().max().map_or(Ok(()), Err)
    }

    /// When there is room below `most` in `time` again, if there is none.
    fn free(
        &self,
        most: usize,
        time: Duration,
        now: Timestamp,
        is_counted: impl Fn(&Entry) -> bool,
    ) -> Option<Timestamp> {
        let recent = |entry: &&Entry| entry.at + time > now && is_counted(entry);
        // With the newest of so many gone, there is room: it is `most` places from the end.
        self.orders.iter().rev().filter(recent).nth(most.saturating_sub(1)).map(|entry| entry.at + time)
    }

    /// An order is made.
    pub fn begin(&mut self, name: &str, now: Timestamp) {
        self.orders.retain(|entry| entry.at + if entry.is_new { WEEK } else { ORDERS_TIME } > now);
        self.orders.push_back(Entry { at: now, name: name.to_owned(), is_new: false });
    }

    /// The last order of a name has come to a certificate, the first for it.
    pub fn came(&mut self, name: &str) {
        if let Some(entry) = self.orders.iter_mut().rev().find(|entry| entry.name == name) {
            entry.is_new = true;
        }
    }
}

/// The domain that somebody has registered, as far as that can be told without a list of all that are for everybody.
fn domain(name: &str) -> &str {
    let labels: Vec<&str> = name.rsplit('.').take(3).collect();
    let count = match labels.as_slice() {
        [country, shared, _] if country.len() == 2 && SHARED_LABELS.contains(shared) => 3,
        _ => 2,
    };
    let length = labels.iter().take(count).map(|label| label.len() + 1).sum::<usize>().saturating_sub(1);
    name.get(name.len().saturating_sub(length)..).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(10_000_000_000);

    fn later(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    fn wish(name: &str) -> Wish<'_> {
        Wish { name, is_custom: true, is_new: true, is_retry: false }
    }

    #[test]
    fn a_name_is_not_ordered_more_often_than_it_may_fail() {
        let mut ledger = Ledger::default();
        for minute in 0..4 {
            assert_eq!(ledger.admit(wish("a.example"), later(minute * 60)), Ok(()));
            ledger.begin("a.example", later(minute * 60));
        }
        assert_eq!(ledger.admit(wish("a.example"), later(240)), Err(later(HOUR)));
        assert_eq!(ledger.admit(wish("b.example"), later(240)), Ok(()));
        assert_eq!(ledger.admit(wish("a.example"), later(HOUR)), Ok(()));
    }

    #[test]
    fn new_certificates_are_counted_by_domain_and_renewals_are_not() {
        let mut ledger = Ledger::default();
        for number in 0..45_u64 {
            let name = format!("n{number}.example.com");
            assert_eq!(ledger.admit(wish(&name), later(number * HOUR)), Ok(()), "{name}");
            ledger.begin(&name, later(number * HOUR));
            ledger.came(&name);
        }
        let now = later(45 * HOUR);
        assert_eq!(ledger.admit(wish("more.example.com"), now), Err(later(7 * 24 * HOUR)));
        assert_eq!(ledger.admit(Wish { is_new: false, ..wish("n1.example.com") }, now), Ok(()));
        assert_eq!(ledger.admit(Wish { is_custom: false, ..wish("own.example.com") }, now), Ok(()));
        assert_eq!(ledger.admit(wish("more.example.org"), now), Ok(()));
    }

    #[test]
    fn who_makes_and_removes_a_name_all_the_time_waits() {
        let mut ledger = Ledger::default();
        for number in 0..4_u64 {
            ledger.begin("a.example", later(number * 24 * HOUR));
            ledger.came("a.example");
        }
        assert_eq!(ledger.admit(wish("a.example"), later(4 * 24 * HOUR)), Err(later(7 * 24 * HOUR)));
    }

    #[test]
    fn an_account_has_so_many_orders_and_the_servers_own_are_among_them() {
        let mut ledger = Ledger::default();
        let retry = Wish { is_retry: true, ..wish("failing.example") };
        for number in 0..240 {
            assert_eq!(ledger.admit(retry, later(240)).is_ok(), number < 120, "{number}");
            ledger.begin(&format!("a.n{number}.example"), later(number));
        }
        assert_eq!(ledger.admit(wish("a.example"), later(300)), Err(later(3 * HOUR)));
        let own = Wish { is_custom: false, ..wish("own.example") };
        assert_eq!(ledger.admit(own, later(300)), Ok(()));
        assert_eq!(ledger.admit(wish("a.example"), later(3 * HOUR)), Ok(()));
        // What is old and came to nothing is forgotten.
        ledger.begin("b.example", later(9 * HOUR));
        assert_eq!(ledger.orders.len(), 1);
    }

    #[test]
    fn domains_are_what_somebody_has_registered() {
        for (name, expected) in [
            ("a.b.example.com", "example.com"),
            ("example.com", "example.com"),
            ("shop.example.co.uk", "example.co.uk"),
            ("example.co.uk", "example.co.uk"),
            ("a.abc.de", "abc.de"),
            ("com", "com"),
        ] {
            assert_eq!(domain(name), expected, "{name}");
        }
    }
}
