//! Which certificate is shown to whom.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use base::Timestamp;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::pair::Pair;
use crate::{ACME_PROTOCOL, Authority};

/// Where a pair is from. Where several have a name, the first of them is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The number among those that were given.
    File(usize),
    /// The name it was ordered for.
    Acme(String),
}

#[derive(Debug, Default)]
pub struct Table(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    pairs: BTreeMap<Source, Pair>,
    by_name: HashMap<String, Arc<CertifiedKey>>,
    /// What those see who ask for no name, or for one that is not here.
    first: Option<Arc<CertifiedKey>>,
    authority: Option<Authority>,
    /// What those see who come to check that a name leads here, by name.
    proofs: HashMap<String, Arc<CertifiedKey>>,
    /// The same over HTTP, by token.
    answers: HashMap<String, String>,
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
        let mut state = self.write();
        state.pairs.insert(source, pair);
        let mut by_name = HashMap::new();
        for pair in state.pairs.values() {
            for name in &pair.names {
                by_name.entry(name.clone()).or_insert_with(|| pair.key.clone());
            }
        }
        state.by_name = by_name;
        state.first = state.pairs.values().next().map(|pair| pair.key.clone());
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
        let known = name.as_ref().and_then(|name| {
            let above = || state.by_name.get(&format!("*.{}", name.split_once('.')?.1));
            state.by_name.get(name).or_else(above)
        });
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
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rustls::pki_types::PrivateKeyDer;

    use super::*;
    use crate::pair::Origin;

    fn pair(names: &[&str]) -> Pair {
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
