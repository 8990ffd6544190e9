//! Custom domains as requests meet them: found by their hosts, and the mapping that a path falls under.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mappings.html>

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use http::header::HOST;
use http::request::Parts;
use kv::{Db, Order, Read};
use service::hosts;

use crate::error::Error;
use crate::keys::DOMAINS;
use crate::model::domain;
use crate::routes::{decoded, segments};
use crate::types::domain::Mapping;

/// What users of APIs sign their requests for.
const SIGNING_NAME: &str = "execute-api";

/// All custom domains, by name, each with its mappings, the longest path first.
#[derive(Default)]
pub struct Domains {
    all: RwLock<HashMap<String, Vec<Mapping>>>,
    /// Names that the server itself has, and so no domain any more.
    own: hosts::Own,
}

/// Where a request to a custom domain goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    pub api: String,
    pub stage: Option<String>,
    /// The path below that of the mapping, still percent-encoded.
    pub path: String,
}

impl Domains {
    /// # Errors
    /// When the store cannot be read.
    pub fn load(read: &impl Read, own: hosts::Own) -> Result<Domains, Error> {
        let mut all = HashMap::new();
        for name in DOMAINS.scan(read, Order::Forward)?.keys() {
            let name = name?;
            if own.still_leaves(&name, "a custom domain") {
                all.insert(name.clone(), longest_first(read, &name)?);
            }
        }
        Ok(Domains { all: RwLock::new(all), own })
    }

    /// The names that there are.
    pub fn names(&self) -> Vec<String> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// A domain or its mappings have changed: they are read again, in the order of the changes.
    pub fn refresh(&self, db: &Db, name: &str) -> Result<(), Error> {
        let mut all: RwLockWriteGuard<'_, _> = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let read = db.read()?;
        match DOMAINS.contains(&read, name)? && self.own.leaves(name) {
            true => all.insert(name.to_owned(), longest_first(&read, name)?),
            false => all.remove(name),
        };
        Ok(())
    }

    /// Whether a request is for a custom domain. Calls of AWS's are not, whatever their host.
    pub fn has(&self, head: &Parts) -> bool {
        self.with(head, |_| ()).is_some()
    }

    /// Where a request to a custom domain goes; `Some(None)` where none of the domain's mappings takes it.
    pub fn find(&self, head: &Parts) -> Option<Option<Mapped>> {
        self.with(head, |mappings| mappings.iter().find_map(|mapping| mapped(mapping, head.uri.path())))
    }

    fn with<T>(&self, head: &Parts, look: impl FnOnce(&[Mapping]) -> T) -> Option<T> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return None;
        }
        let host = head.headers.get(HOST)?.to_str().ok()?;
        if hosts::is_ours(host) || hosts::is_signed(head, Some(SIGNING_NAME)) {
            return None;
        }
        let name = hosts::plain(host);
        let wild = || all.get(&format!("*.{}", name.split_once('.')?.1));
        all.get(&name).or_else(wild).map(|mappings| look(mappings))
    }
}

fn longest_first(read: &impl Read, name: &str) -> Result<Vec<Mapping>, Error> {
    let mut mappings = domain::mappings(read, name)?;
    mappings.sort_by_key(|mapping| std::cmp::Reverse(parts(&mapping.path).count()));
    Ok(mappings)
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

/// Where a request goes whose path falls under that of a mapping.
fn mapped(mapping: &Mapping, path: &str) -> Option<Mapped> {
    let given = segments(path);
    let own: Vec<&str> = parts(&mapping.path).collect();
    let below = given.get(own.len()..)?;
    let falls_under = own.iter().zip(&given).all(|(own, given)| decoded(given) == **own);
    falls_under.then(|| Mapped {
        api: mapping.api.clone(),
        stage: mapping.stage.clone(),
        path: format!("/{}", below.join("/")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(name: &str, mappings: &[(&str, &str)]) -> Domains {
        let mut all: Vec<Mapping> = mappings
            .iter()
            .map(|(path, api)| Mapping {
                id: "m".into(),
                path: (*path).into(),
                api: (*api).into(),
                stage: Some("s".into()),
            })
            .collect();
        all.sort_by_key(|mapping| std::cmp::Reverse(parts(&mapping.path).count()));
        Domains { all: RwLock::new(HashMap::from([(name.to_owned(), all)])), own: hosts::Own::default() }
    }

    fn find(domains: &Domains, host: &str, path: &str) -> Option<Option<(String, String)>> {
        let request = http::Request::builder().uri(path).header(HOST, host).body(()).unwrap();
        let found = domains.find(&request.into_parts().0)?;
        Some(found.map(|mapped| (mapped.api, mapped.path)))
    }

    /// The example of AWS's page, and what it leaves out.
    #[test]
    fn the_longest_path_answers() {
        let mappings =
            [("", "1"), ("orders/v1/items", "2"), ("orders/v2/items", "3"), ("orders/v2/items/categories", "4")];
        let domains = domains("api.example.com", &mappings);
        for (path, api, below) in [
            ("/orders/v1/items", "2", "/"),
            ("/orders/v2/items", "3", "/"),
            ("/orders/v1/items/123", "2", "/123"),
            ("/orders/v2/items/categories/5", "4", "/5"),
            ("/customers", "1", "/customers"),
            ("/orders/v1", "1", "/orders/v1"),
            ("/orders/v1/itemsx", "1", "/orders/v1/itemsx"),
            ("/orders/%76%31/items/a%2Fb/", "2", "/a%2Fb/"),
            ("/", "1", "/"),
        ] {
            let expected = Some(Some((api.to_owned(), below.to_owned())));
            assert_eq!(find(&domains, "Api.Example.com:8443", path), expected, "{path}");
        }
        assert_eq!(find(&domains, "www.example.com", "/"), None);
    }

    #[test]
    fn stars_stand_for_one_label_and_paths_that_nobody_takes_are_known() {
        let domains = domains("*.example.com", &[("v1", "1")]);
        assert_eq!(find(&domains, "a.example.com", "/v1/x"), Some(Some(("1".into(), "/x".into()))));
        assert_eq!(find(&domains, "a.example.com", "/v2"), Some(None));
        assert_eq!(find(&domains, "a.b.example.com", "/v1"), None);
        assert_eq!(find(&domains, "example.com", "/v1"), None);
    }
}
