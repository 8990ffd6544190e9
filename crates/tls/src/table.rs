//! Which certificate is shown to whom.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use base::Timestamp;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::acme::check_name;
use crate::pair::Pair;
use crate::{ACME_PROTOCOL, Authority};

/// Where a pair is from. Where several have a name, the first of them is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The number among those that were given.
    File(usize),
    /// The name it was ordered for: the server's own, as its operator has named it.
    Acme(String),
    /// The same, of a name that a user of the server has chosen. Nobody sees it who does not ask for that name.
    Custom(String),
}

/// How it stands with the certificate of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When the one ends that is shown for the name, if there is one.
    pub until: Option<Timestamp>,
    /// Whether one is ordered by itself.
    pub is_ordered: bool,
    /// What is in the way of that, or was when it was ordered last.
    pub trouble: Option<String>,
}

/// What is known of the orders for a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    pub will_come: bool,
    pub trouble: Option<String>,
}

#[derive(Debug, Default)]
pub struct Table(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    pairs: BTreeMap<Source, Pair>,
    by_name: HashMap<String, Shown>,
    /// What is known of orders, by name.
    orders: HashMap<String, Orders>,
    /// Whether names that users choose are ordered: those of which nothing is known yet will be, too.
    orders_chosen: bool,
    /// What those see who ask for no name, or for one that is not here.
    first: Option<Arc<CertifiedKey>>,
    authority: Option<Authority>,
    /// What those see who come to check that a name leads here, by name.
    proofs: HashMap<String, Arc<CertifiedKey>>,
    /// The same over HTTP, by token.
    answers: HashMap<String, String>,
}

/// What is shown for a name.
#[derive(Clone, Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    until: Timestamp,
    is_of_file: bool,
}

impl State {
    /// Finds out anew which pair is shown for which name.
    fn sort(&mut self) {
        self.by_name.clear();
        for (source, pair) in &self.pairs {
            let is_of_file = matches!(source, Source::File(_));
            for name in &pair.names {
                let shown = || Shown { key: pair.key.clone(), until: pair.validity.until, is_of_file };
                self.by_name.entry(name.clone()).or_insert_with(shown);
            }
        }
        let mut own = self.pairs.iter().filter(|(source, _)| !matches!(source, Source::Custom(_)));
        self.first = own.next().map(|(_, pair)| pair.key.clone());
    }

    fn shown(&self, name: &str) -> Option<&Shown> {
        let above = || self.by_name.get(&format!("*.{}", name.split_once('.')?.1));
        self.by_name.get(name).or_else(above)
    }
}

impl Table {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows a pair from now on, in the place of the one that was from there before.
    pub fn put(&self, source: Source, pair: Pair) {
        self.put_all([(source, pair)]);
    }

    pub fn put_all(&self, pairs: impl IntoIterator<Item = (Source, Pair)>) {
        let mut state = self.write();
        state.pairs.extend(pairs);
        state.sort();
    }

    /// Shows what is from there no more.
    pub fn remove(&self, source: &Source) {
        let mut state = self.write();
        if state.pairs.remove(source).is_some() {
            state.sort();
        }
    }

    /// Whether a file has a certificate for a name, which then needs no other.
    pub fn is_in_files(&self, name: &str) -> bool {
        self.read().shown(name).is_some_and(|shown| shown.is_of_file)
    }

    /// Notes what is known of the orders for a name; nothing, where nobody makes any.
    pub fn tell(&self, name: &str, orders: Option<Orders>) {
        let mut state = self.write();
        match orders {
            Some(orders) => drop(state.orders.insert(name.to_owned(), orders)),
            None => drop(state.orders.remove(name)),
        }
    }

    /// From now on, names that users choose are ordered.
    pub fn order_chosen(&self) {
        self.write().orders_chosen = true;
    }

    /// How it stands with the certificate for a name, in lower case, that somebody has chosen.
    pub fn standing(&self, name: &str) -> Standing {
        let state = self.read();
        let shown = state.shown(name);
        let needs_order = state.orders_chosen && !shown.is_some_and(|shown| shown.is_of_file);
        // Whoever orders has not seen it yet.
        let new = || match needs_order.then(|| check_name(name.trim_end_matches('.'))) {
            None => Orders::default(),
            Some(Ok(())) => Orders { will_come: true, trouble: None },
            Some(Err(error)) => Orders { will_come: false, trouble: Some(error.to_string()) },
        };
        let Orders { will_come, trouble } = state.orders.get(name).cloned().unwrap_or_else(new);
        Standing { until: shown.map(|shown| shown.until), is_ordered: will_come, trouble }
    }

    pub fn use_authority(&self, authority: Authority) {
        self.write().authority = Some(authority);
    }

    pub fn prove(&self, name: &str, certificate: Arc<CertifiedKey>) {
        self.write().proofs.insert(name.to_owned(), certificate);
    }

    pub fn answer_with(&self, token: &str, answer: &str) {
        self.write().answers.insert(token.to_owned(), answer.to_owned());
    }

    /// Takes back what was shown to prove something: the name's, and the token's answer.
    pub fn withdraw(&self, name: &str, token: &str) {
        let mut state = self.write();
        state.proofs.remove(name);
        state.answers.remove(token);
    }

    pub fn answer(&self, token: &str) -> Option<String> {
        self.read().answers.get(token).cloned()
    }

    /// How many pairs there are, and the end of the one that ends first.
    pub fn ends(&self) -> (usize, Option<Timestamp>) {
        let state = self.read();
        (state.pairs.len(), state.pairs.values().map(|pair| pair.validity.until).min())
    }

    fn find(&self, name: Option<&str>, is_check: bool) -> Option<Arc<CertifiedKey>> {
        let name = name.map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        let state = self.read();
        if is_check {
            return state.proofs.get(&name?).cloned();
        }
        let known = name.as_ref().and_then(|name| state.shown(name)).map(|shown| &shown.key);
        let known = known.or(state.first.as_ref()).cloned();
        known.or_else(|| state.authority.as_ref()?.certificate(name.as_deref()))
    }
}

impl ResolvesServerCert for Table {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_check = hello.alpn().is_some_and(|mut protocols| {
            protocols.next().is_some_and(|first| first == ACME_PROTOCOL) && protocols.next().is_none()
        });
        self.find(hello.server_name(), is_check)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rustls::pki_types::PrivateKeyDer;

    use super::*;
    use crate::pair::Origin;

    pub(crate) fn pair(names: &[&str]) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Pair::new(vec![certificate.der().clone()], key, Origin { certificate: "c", key: "k" }).unwrap()
    }

    #[test]
    fn names_choose_and_wildcards_stand_for_one_label() {
        let table = Table::default();
        assert!(table.find(Some("a.example"), false).is_none());
        let (one, two) = (pair(&["a.example", "*.Wild.example"]), pair(&["b.example", "a.example"]));
        let (first, second) = (one.key.clone(), two.key.clone());
        table.put(Source::Acme("b.example".into()), two);
        table.put(Source::File(0), one);
        let shown = |name| table.find(name, false).unwrap();
        for name in ["a.example", "A.Example.", "x.wild.example"] {
            assert!(Arc::ptr_eq(&shown(Some(name)), &first), "{name}");
        }
        assert!(Arc::ptr_eq(&shown(Some("b.example")), &second));
        for other in [None, Some("y.x.wild.example"), Some("elsewhere.example"), Some("wild.example")] {
            assert!(Arc::ptr_eq(&shown(other), &first), "{other:?}");
        }
    }

    #[test]
    fn a_new_pair_takes_the_place_of_the_old_one() {
        let table = Table::default();
        let (old, new) = (pair(&["a.example", "old.example"]), pair(&["a.example"]));
        let shown = new.key.clone();
        table.put(Source::File(0), old);
        table.put(Source::File(0), new);
        assert!(Arc::ptr_eq(&table.find(Some("a.example"), false).unwrap(), &shown));
        assert_eq!(table.read().by_name.len(), 1);
    }

    #[test]
    fn names_of_users_are_shown_to_those_who_ask_for_them_alone() {
        let table = Table::default();
        let (custom, own) = (pair(&["shop.example"]), pair(&["z.example", "*.z.example"]));
        let (of_shop, of_own) = (custom.key.clone(), own.key.clone());
        table.put(Source::Custom("shop.example".into()), custom);
        assert!(Arc::ptr_eq(&table.find(Some("Shop.example"), false).unwrap(), &of_shop));
        for other in [None, Some("other.example")] {
            assert!(table.find(other, false).is_none(), "{other:?}");
        }
        table.put(Source::File(0), own);
        assert!(Arc::ptr_eq(&table.find(None, false).unwrap(), &of_own));
        assert!(table.is_in_files("a.z.example") && !table.is_in_files("shop.example"));
        table.tell("shop.example", Some(Orders { will_come: true, trouble: Some("why".into()) }));
        let standing = table.standing("shop.example");
        assert!(standing.until.is_some() && standing.is_ordered && standing.trouble.as_deref() == Some("why"));
        table.remove(&Source::Custom("shop.example".into()));
        table.tell("shop.example", None);
        assert_eq!(table.standing("shop.example"), Standing::default());
        assert!(Arc::ptr_eq(&table.find(Some("shop.example"), false).unwrap(), &of_own));
    }

    #[test]
    fn names_that_are_new_are_ordered_where_any_are() {
        let table = Table::default();
        table.put(Source::File(0), pair(&["a.example", "*.wild.example"]));
        assert_eq!(table.standing("new.example"), Standing::default());
        table.order_chosen();
        let of = |name: &str| (table.standing(name).is_ordered, table.standing(name).trouble.is_some());
        assert_eq!([of("new.example"), of("x.wild.example")], [(true, false), (false, false)]);
        assert_eq!([of("*.other.example"), of("localhost")], [(false, true); 2]);
        table.tell("new.example", Some(Orders { will_come: false, trouble: Some("why".into()) }));
        assert_eq!(of("new.example"), (false, true), "what is known counts");
    }

    #[test]
    fn checks_see_proofs_alone_and_nobody_else_does() {
        let table = Table::default();
        let (usual, proof) = (pair(&["a.example"]), pair(&["a.example"]).key);
        table.put(Source::File(0), usual);
        assert!(table.find(Some("a.example"), true).is_none());
        table.prove("a.example", proof.clone());
        assert!(Arc::ptr_eq(&table.find(Some("a.example"), true).unwrap(), &proof));
        assert!(!Arc::ptr_eq(&table.find(Some("a.example"), false).unwrap(), &proof));
        table.answer_with("token", "answer");
        table.withdraw("a.example", "token");
        assert!(table.find(Some("a.example"), true).is_none() && table.answer("token").is_none());
    }
}
