//! Certificates by ACME (RFC 8555): an account, orders, and renewal in time.

mod client;
mod ledger;
mod order;
mod renewal;
mod store;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::{Env, Timestamp};
use instant_acme::ChallengeType;
use outbound::Outbound;
use tokio::sync::Mutex;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::pair::Pair;
use crate::table::{Orders, Source};
use crate::{Certificates, Error};
use ledger::{Ledger, Wish};
use renewal::Schedule;
use store::Store;

/// How long one order may take, all of it.
const ORDER_WAIT: Duration = Duration::from_secs(5 * 60);
/// How often it is looked what is due, and which names users of the server have chosen.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for keys that nobody needs.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
/// Orders under way at once. One place is for the server's own names.
const ORDERS_AT_ONCE: usize = 4;
/// Names that users choose and get certificates for.
const CUSTOM_NAMES_MAX: usize = 5_000;
/// A file may have 255, and while it is written it is called `NAME.pem.new`.
const NAME_CHARACTERS_MAX: usize = 247;
/// How long a key is kept whose name nobody has any more: names come back, and certificates for the same one are few
/// ([`ledger`]).
const KEPT_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The names that users of the server have chosen at this moment.
pub type Names = Box<dyn Fn() -> Vec<String> + Send + Sync>;

/// How it is shown that a name leads here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// On the port of HTTPS, in the handshake (RFC 8737).
    TlsAlpn01,
    /// On the port of HTTP.
    Http01,
}

impl Challenge {
    fn kind(self) -> ChallengeType {
        match self {
            Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
            Challenge::Http01 => ChallengeType::Http01,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Challenge::TlsAlpn01 => "tls-alpn-01",
            Challenge::Http01 => "http-01",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Options {
    /// The URL of the server's directory.
    pub directory: String,
    /// Whom the server writes to when something is wrong with certificates.
    pub email: Option<String>,
    /// The server's own. Users may choose others.
    pub names: Vec<String>,
    pub challenge: Challenge,
    /// Where the account and the certificates are kept.
    pub folder: PathBuf,
}

/// Orders certificates, and orders them again before they end.
pub struct Acme {
    clerk: Arc<Clerk>,
    figures: Arc<Figures>,
    known: HashMap<String, Known>,
    /// Names that users have chosen, and that get none.
    left_out: HashSet<String>,
    ledger: Ledger,
    /// Orders under way, and the names that they are for.
    orders: JoinSet<Result<Pair, Error>>,
    ordering: HashMap<Id, UnderWay>,
    /// Names with a key that nobody has any more, and since when.
    absent: HashMap<String, Timestamp>,
    swept: Option<Timestamp>,
}

/// What makes an order.
struct Clerk {
    options: Options,
    certificates: Certificates,
    env: Env,
    outbound: Outbound,
    store: Store,
    /// Held while the account is looked for or made.
    account: Mutex<()>,
}

/// What an order is for.
struct UnderWay {
    name: String,
    /// Whether there was no certificate for it.
    is_new: bool,
}

/// A name that certificates are ordered for.
struct Known {
    source: Source,
    schedule: Schedule,
    /// Whether there is a certificate for it.
    is_renewal: bool,
}

impl Known {
    fn is_custom(&self) -> bool {
        matches!(self.source, Source::Custom(_))
    }
}

/// What has come of orders since the start.
#[derive(Debug, Default)]
pub struct Figures {
    orders: AtomicUsize,
    failures: AtomicUsize,
    /// Names whose last order failed.
    failing: AtomicUsize,
}

impl Figures {
    /// For metrics.
    pub fn gauges(&self) -> Vec<(&'static str, &'static str, f64)> {
        let figure = |number: &AtomicUsize| number.load(Ordering::Relaxed) as f64;
        vec![
            ("cloudlet_acme_orders", "Certificates that were ordered by ACME and came.", figure(&self.orders)),
            ("cloudlet_acme_failures", "Orders by ACME that failed.", figure(&self.failures)),
            ("cloudlet_acme_failing", "Names whose last order by ACME failed.", figure(&self.failing)),
        ]
    }
}

impl Acme {
    /// Shows the certificates that are kept already of the server's own names.
    ///
    /// # Errors
    /// When a name is none to have a certificate for, or the folder cannot be read.
    pub fn open(mut options: Options, certificates: Certificates, env: Env, outbound: Outbound) -> Result<Acme, Error> {
        check_directory(&options.directory)?;
        for name in &mut options.names {
            *name = name.trim_end_matches('.').to_ascii_lowercase();
            check_name(name)?;
        }
        let store = Store::open(&options.folder, &options.directory)?;
        let (ledger, names) = (store.ledger()?, options.names.clone());
        certificates.0.order_chosen();
        let clerk = Arc::new(Clerk { options, certificates, env, outbound, store, account: Mutex::default() });
        let (figures, known, left_out, orders, ordering, absent, swept) = Default::default();
        let mut acme = Acme { clerk, figures, known, left_out, ledger, orders, ordering, absent, swept };
        let own = names.into_iter().map(Source::Acme).collect();
        acme.add(own)?;
        Ok(acme)
    }

    pub fn figures(&self) -> Arc<Figures> {
        self.figures.clone()
    }

    /// Orders what is due, until `stop`: for the server's own names and for those that users have chosen by then.
    pub async fn run(mut self, names: Names, stop: CancellationToken) {
        while stop.run_until_cancelled(self.step(&names)).await.is_some() {}
    }

    /// Waits until there is something to do, and does it.
    async fn step(&mut self, names: &Names) {
        self.meet(names());
        self.begin();
        let failing = self.known.values().filter(|known| known.schedule.failures > 0).count();
        self.figures.failing.store(failing, Ordering::Relaxed);
        tokio::select! {
            Some(done) = self.orders.join_next_with_id() => self.done(done),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }

    fn is_ordering(&self, name: &str) -> bool {
        self.ordering.values().any(|under_way| under_way.name == name)
    }

    /// Orders certificates for names from now on, and shows those that are kept.
    fn add(&mut self, sources: Vec<Source>) -> Result<(), Error> {
        let now = self.clerk.env.now();
        let mut kept = Vec::new();
        for source in sources {
            let (Source::Acme(name) | Source::Custom(name)) = &source else { continue };
            let name = name.clone();
            let pair = match self.clerk.store.certificate(&source) {
                Ok(pair) => pair.filter(|pair| pair.validity.until > now),
                // Who runs the server is told of those that it needs.
                Err(error) if matches!(source, Source::Acme(_)) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "another certificate is ordered");
                    None
                }
            };
            let schedule = Schedule::of(pair.as_ref().map(|pair| pair.validity), now);
            self.known.insert(name.clone(), Known { source: source.clone(), schedule, is_renewal: pair.is_some() });
            self.tell(&name, None);
            kept.extend(pair.map(|pair| (source, pair)));
        }
        if !kept.is_empty() {
            self.clerk.certificates.0.put_all(kept);
        }
        Ok(())
    }

    fn tell(&self, name: &str, trouble: Option<String>) {
        self.clerk.certificates.0.tell(name, Some(Orders { will_come: true, trouble }));
    }

    /// Takes notice of names that have come and gone.
    fn meet(&mut self, names: Vec<String>) {
        let table = &self.clerk.certificates.0;
        let names = names.into_iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        // What a file has needs no order.
        let chosen: HashSet<String> = names.filter(|name| !table.is_in_files(name)).collect();
        let is_gone = |(name, known): &(&String, &Known)| known.is_custom() && !chosen.contains(*name);
        let gone: Vec<String> = self.known.iter().filter(is_gone).map(|(name, _)| name.clone()).collect();
        for name in gone {
            if let Some(known) = self.known.remove(&name) {
                table.remove(&known.source);
                table.tell(&name, None);
            }
        }
        let mut room = CUSTOM_NAMES_MAX.saturating_sub(self.known.len());
        let (mut new, mut left_out) = (Vec::new(), HashSet::new());
        for name in chosen.into_iter().filter(|name| !self.known.contains_key(name)) {
            let trouble = match check_name(&name) {
                Err(error) => Some(error.to_string()),
                Ok(()) if room == 0 => Some(format!("{CUSTOM_NAMES_MAX} names get certificates by ACME, not more")),
                Ok(()) => None,
            };
            if let Some(trouble) = trouble {
                table.tell(&name, Some(Orders { will_come: false, trouble: Some(trouble) }));
                left_out.insert(name);
            } else {
                room -= 1;
                new.push(Source::Custom(name));
            }
        }
        for name in self.left_out.difference(&left_out).filter(|name| !self.known.contains_key(*name)) {
            table.tell(name, None);
        }
        self.left_out = left_out;
        if let Err(error) = self.add(new) {
            tracing::error!(%error, "a certificate cannot be ordered");
        }
        self.sweep();
    }

    /// Removes keys whose names nobody has had for a while.
    fn sweep(&mut self) {
        let now = self.clerk.env.now();
        if self.swept.is_some_and(|swept| swept + SWEEP_EVERY > now) {
            return;
        }
        self.swept = Some(now);
        let kept = self.clerk.store.customs();
        let absent = std::mem::take(&mut self.absent);
        for name in kept.into_iter().filter(|name| !self.known.contains_key(name)) {
            let since = absent.get(&name).copied().unwrap_or(now);
            if since + KEPT_AFTER <= now {
                self.clerk.store.remove_custom(&name);
            } else {
                self.absent.insert(name, since);
            }
        }
    }

    /// Begins the orders that are due: first for the server's own names, then renewals, then names that have not failed, and those that
    /// have waited longest.
    fn begin(&mut self) {
        let now = self.clerk.env.now();
        let due = self.known.iter().filter(|(name, known)| known.schedule.due <= now && !self.is_ordering(name));
        let mut due: Vec<_> =
            due.map(|(name, known)| (known.is_custom(), !known.is_renewal, known.schedule, name.clone())).collect();
        due.sort_by_key(|(is_custom, is_new, schedule, _)| (*is_custom, *is_new, schedule.failures > 0, schedule.due));
        for (is_custom, is_new, schedule, name) in due {
            let room = if is_custom { ORDERS_AT_ONCE - 1 } else { ORDERS_AT_ONCE };
            if self.orders.len() >= room {
                return;
            }
            let Some(known) = self.known.get_mut(&name) else { continue };
            if let Err(again) =
                self.ledger.admit(Wish { name: &name, is_custom, is_new, is_retry: schedule.failures > 0 }, now)
            {
                known.schedule.due = again;
                let why = "as many certificates were ordered as an ACME server gives in this time";
                self.tell(&name, Some(format!("{why}; the next order is at {}", again.iso8601())));
                tracing::warn!(name, again = again.iso8601(), "{why}");
                continue;
            }
            self.ledger.begin(&name, now);
            self.keep_ledger();
            self.spawn(name);
        }
    }

    fn spawn(&mut self, name: String) {
        let Some(known) = self.known.get(&name) else { return };
        let (source, is_new) = (known.source.clone(), !known.is_renewal);
        let (clerk, ordered) = (self.clerk.clone(), name.clone());
        let task = self.orders.spawn(async move {
            let order = tokio::time::timeout(ORDER_WAIT, clerk.order(&ordered, &source));
            order.await.unwrap_or_else(|_| {
                let seconds = ORDER_WAIT.as_secs();
                Err(Error::Refused(format!("the order for {ordered} did not come to an end in {seconds} s")))
            })
        });
        self.ordering.insert(task.id(), UnderWay { name, is_new });
    }

    fn keep_ledger(&self) {
        if let Err(error) = self.clerk.store.keep_ledger(&self.ledger) {
            tracing::warn!(%error, "orders of certificates are not noted");
        }
    }

    /// Notes what has become of an order.
    fn done(&mut self, done: Result<(Id, Result<Pair, Error>), JoinError>) {
        let (id, result) = match done {
            Ok(done) => done,
            Err(error) => (error.id(), Err(Error::Refused(format!("the order broke off: {error}")))),
        };
        let Some(UnderWay { name, is_new }) = self.ordering.remove(&id) else { return };
        let now = self.clerk.env.now();
        if result.is_ok() && is_new {
            // Whoever made it counts it, also where nobody has the name any more.
            self.ledger.came(&name);
            self.keep_ledger();
        }
        // A name that is gone by now needs none.
        let Some(known) = self.known.get_mut(&name) else { return };
        match result {
            Ok(pair) => {
                self.figures.orders.fetch_add(1, Ordering::Relaxed);
                known.schedule = Schedule::of(Some(pair.validity), now);
                known.is_renewal = true;
                tracing::info!(name, until = pair.validity.until.iso8601(), "a certificate has come by ACME");
                self.clerk.certificates.0.put(known.source.clone(), pair);
                self.tell(&name, None);
            }
            Err(error) => {
                self.figures.failures.fetch_add(1, Ordering::Relaxed);
                known.schedule.failed(error.is_of_rate(), now);
                let again = known.schedule.due.iso8601();
                tracing::warn!(name, %error, again, "no certificate by ACME: it is tried again");
                self.tell(&name, Some(format!("{error}; it is tried again at {again}")));
            }
        }
    }
}

fn check_directory(url: &str) -> Result<(), Error> {
    let parsed: Option<http::Uri> = url.parse().ok();
    let host = parsed.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let is_here = matches!(host, "127.0.0.1" | "[::1]" | "localhost");
    let is_fine = match parsed.as_ref().and_then(http::Uri::scheme_str) {
        Some("https") => !host.is_empty(),
        Some("http") => is_here,
        _ => false,
    };
    if is_fine { Ok(()) } else { Err(Error::Directory(url.to_owned())) }
}

/// Names of hosts only: what these challenges can show.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let refuse = |why| Err(Error::Name(name.to_owned(), why));
    if name.starts_with("*.") {
        return refuse("a wildcard needs the challenge dns-01, which is not built: name each host, or use --tls-cert");
    }
    let is_label = |label: &str| {
        let inside = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && inside && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() > 253 || !name.contains('.') || !name.split('.').all(is_label) {
        return refuse("a host's name such as api.example.com is expected");
    }
    if name.len() > NAME_CHARACTERS_MAX {
        return refuse("names of more than 247 characters are not built: a file with the certificate has the name");
    }
    if name.parse::<std::net::IpAddr>().is_ok() {
        return refuse("addresses are not built");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use outbound::{Loopback, Reach};

    use super::*;
    use crate::table::tests::pair;

    #[tokio::test]
    async fn a_certificate_counts_also_where_nobody_has_its_name_any_more() {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            directory: "https://acme.example/directory".into(),
            email: None,
            names: Vec::new(),
            challenge: Challenge::Http01,
            folder: folder.path().to_owned(),
        };
        let outbound = Outbound::new(Reach { loopback: Loopback::All });
        let env = Env::simulated(1, Timestamp::ZERO);
        let mut acme = Acme::open(options, Certificates::default(), env, outbound).unwrap();
        let wish = Wish { name: "gone.example", is_custom: true, is_new: true, is_retry: false };
        let mut now = Timestamp::ZERO;
        for _ in 0..4 {
            assert_eq!(acme.ledger.admit(wish, now), Ok(()));
            acme.ledger.begin(wish.name, now);
            let pair = pair(&[wish.name]);
            let task = acme.orders.spawn(async move { Ok(pair) });
            acme.ordering.insert(task.id(), UnderWay { name: wish.name.to_owned(), is_new: true });
            let done = acme.orders.join_next_with_id().await.unwrap();
            acme.done(done);
            now = now + DAY;
        }
        assert!(acme.ledger.admit(wish, now).is_err());
        assert!(acme.clerk.store.ledger().unwrap().admit(wish, now).is_err(), "the next start knows, too");
    }

    #[test]
    fn names_have_room_for_their_files() {
        let name = |characters: usize| {
            let label = "a".repeat(60);
            format!("{label}.{label}.{label}.{label}.{}", "b".repeat(characters - 244))
        };
        assert_eq!((name(247).len(), name(248).len()), (247, 248));
        assert!(check_name(&name(247)).is_ok());
        assert!(check_name(&name(248)).unwrap_err().to_string().contains("more than 247 characters"));
    }

    #[test]
    fn names_and_directories_are_checked() {
        for name in ["api.example.com", "a-b.c9.example", "xn--bcher-kva.example"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in
            ["", "localhost", "*.example.com", "10.0.0.1", "a..b", "-a.example", "a_b.example", "a.example/", "a b.c"]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
        for url in ["https://acme.example/directory", "http://127.0.0.1:14000/dir", "https://localhost/"] {
            assert!(check_directory(url).is_ok(), "{url}");
        }
        for url in ["http://acme.example/directory", "ftp://acme.example", "acme.example", ""] {
            assert!(check_directory(url).is_err(), "{url}");
        }
    }
}
