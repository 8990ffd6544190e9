//! Distributions as requests meet them: found by their hosts, and made ready once for many requests.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use base::{AccountId, Arn};
use http::header::HOST;
use http::request::Parts;
use kv::{Db, Order, Read};
use service::hosts;

use super::headers::text;
use super::rule::Rule;
use super::{address, images};
use crate::documents::Document;
use crate::documents::access::OriginAccessControlConfig;
use crate::documents::distribution::{DistributionConfig, Origin};
use crate::error::Error;
use crate::keys::ALIASES;
use crate::model::{distribution, entity};

/// A distribution that requests can be made to.
pub struct Site {
    pub id: String,
    pub arn: Arn,
    pub root_object: String,
    /// In the order in which they are asked; the last is the default one.
    pub rules: Vec<Arc<Rule>>,
    pub origins: BTreeMap<String, Source>,
    /// Those of a group, and the statuses after which the second is asked.
    pub groups: BTreeMap<String, (Vec<String>, Vec<u16>)>,
    pub errors: BTreeMap<u16, ErrorPage>,
    /// The beginnings of paths beneath which images are made by the parameters of URLs.
    pub images: Vec<String>,
}

/// An origin, with what its owner says of it.
pub struct Source {
    pub origin: Origin,
    pub access: Access,
}

/// As whom a bucket is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    Nobody,
    /// As CloudFront, for the distribution.
    Service,
    /// As the origin access identity with this id.
    Identity(String),
}

/// What viewers get in place of an error.
#[derive(Clone, Debug, Default)]
pub struct ErrorPage {
    /// Empty where they get the error as it is.
    pub path: String,
    pub status: Option<u16>,
    /// Seconds.
    pub ttl: Option<u64>,
}

impl Site {
    fn new(read: &impl Read, id: &str) -> Result<Option<Site>, Error> {
        let stored = distribution::find(read, id)?;
        let config = distribution::config(&stored)?;
        if !config.enabled {
            return Ok(None);
        }
        let mut rules = Vec::new();
        for behavior in config.cache_behaviors.items.iter().chain([&config.default_cache_behavior]) {
            rules.push(Arc::new(Rule::new(read, behavior)?));
        }
        let account = AccountId::new(stored.account.as_str());
        Ok(Some(Site {
            id: id.to_owned(),
            arn: Arn::global("cloudfront", &account, format!("distribution/{id}")),
            root_object: config.default_root_object.clone(),
            rules,
            groups: groups(&config),
            errors: errors(&config),
            // What was a tag like any other before it meant something is still one.
            images: images::declared(&stored.tags).unwrap_or_default(),
            origins: sources(read, config)?,
        }))
    }

    pub fn rule(&self, normal_path: &str) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| rule.matches(normal_path))
    }

    /// The origins of a behaviour, in the order in which they are asked, and the statuses after which the next one is.
    pub fn sources<'s>(&'s self, rule: &'s Rule) -> (Vec<&'s Source>, &'s [u16]) {
        match self.groups.get(&rule.target) {
            Some((members, statuses)) => {
                (members.iter().filter_map(|id| self.origins.get(id)).collect(), statuses.as_slice())
            }
            None => (self.origins.get(&rule.target).into_iter().collect(), &[]),
        }
    }
}

fn groups(config: &DistributionConfig) -> BTreeMap<String, (Vec<String>, Vec<u16>)> {
    let groups = config.origin_groups.items.iter().map(|group| {
        let members = group.members.items.iter().map(|member| member.origin_id.clone()).collect();
        (group.id.clone(), (members, group.failover_criteria.status_codes.items.clone()))
    });
    groups.collect()
}

fn errors(config: &DistributionConfig) -> BTreeMap<u16, ErrorPage> {
    let pages = config.custom_error_responses.items.iter().map(|response| {
        let (path, status) = (response.response_page_path.clone(), response.response_code.parse().ok());
        (response.error_code, ErrorPage { path, status, ttl: response.error_caching_min_ttl })
    });
    pages.collect()
}

fn sources(read: &impl Read, config: DistributionConfig) -> Result<BTreeMap<String, Source>, Error> {
    let mut sources = BTreeMap::new();
    for origin in config.origins.items {
        let control = &origin.origin_access_control_id;
        let access = match origin.identity() {
            Some(identity) => Access::Identity(identity.to_owned()),
            None if control.is_empty() => Access::Nobody,
            None => {
                let stored = entity::find(read, &OriginAccessControlConfig::KIND, control)?;
                let signs = OriginAccessControlConfig::of(&stored)?.signing_behavior != "never";
                if signs { Access::Service } else { Access::Nobody }
            }
        };
        sources.insert(origin.id.clone(), Source { origin, access });
    }
    Ok(sources)
}

/// All distributions that somebody asked for, and all hosts' names.
pub struct Sites {
    /// By names in lower case; those with a star have only what comes after it.
    aliases: RwLock<HashMap<String, String>>,
    ready: RwLock<HashMap<String, Option<Arc<Site>>>>,
    /// Counts what was changed: what was made ready before is not kept.
    changes: AtomicU64,
}

impl Sites {
    /// # Errors
    /// When the store cannot be read.
    pub fn load(read: &impl Read, own: &hosts::Own) -> Result<Sites, Error> {
        let mut aliases = HashMap::new();
        for row in ALIASES.scan(read, Order::Forward)? {
            let (alias, id) = row?;
            if own.still_leaves(&alias, "a distribution") {
                aliases.insert(alias, id);
            }
        }
        Ok(Sites { aliases: RwLock::new(aliases), ready: RwLock::default(), changes: AtomicU64::new(0) })
    }

    /// All names that distributions have.
    pub fn names(&self) -> Vec<String> {
        self.aliases.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Something that distributions depend on has changed.
    pub fn forget(&self) {
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        self.changes.fetch_add(1, Ordering::SeqCst);
        ready.clear();
    }

    /// A distribution has changed, and has these names.
    pub fn rename(&self, id: &str, names: &[String]) {
        let mut aliases = self.aliases.write().unwrap_or_else(PoisonError::into_inner);
        aliases.retain(|_, of| of != id);
        aliases.extend(names.iter().map(|name| (name.to_ascii_lowercase(), id.to_owned())));
        drop(aliases);
        self.forget();
    }

    /// The distribution that has a host as one of its names.
    fn named(&self, host: &str) -> Option<String> {
        let aliases = self.aliases.read().unwrap_or_else(PoisonError::into_inner);
        if aliases.is_empty() || hosts::is_ours(host) {
            return None;
        }
        let name = hosts::plain(host);
        if let Some(id) = aliases.get(&name) {
            return Some(id.clone());
        }
        let mut rest = name.as_str();
        while let Some((_, after)) = rest.split_once('.') {
            if let Some(id) = aliases.get(&format!("*.{after}")) {
                return Some(id.clone());
            }
            rest = after;
        }
        None
    }

    /// The distribution that a request is for, and the path within it.
    pub fn address(&self, head: &Parts) -> Option<(String, String)> {
        let named = || Some((self.named(text(&head.headers, HOST)?)?, head.uri.path().to_owned()));
        address::of(head).or_else(|| named().filter(|_| !hosts::is_signed(head, None)))
    }

    /// A distribution, unless there is none or it is not enabled.
    ///
    /// # Errors
    /// When what is kept cannot be read.
    pub fn get(&self, db: &Db, id: &str) -> Result<Option<Arc<Site>>, Error> {
        if let Some(site) = self.ready.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(site.clone());
        }
        let changes = self.changes.load(Ordering::SeqCst);
        let site = match Site::new(&db.read()?, id) {
            Ok(site) => site.map(Arc::new),
            // Nothing is remembered of what anybody can make up.
            Err(Error::Refused { code: "NoSuchDistribution", .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        if self.changes.load(Ordering::SeqCst) == changes {
            ready.insert(id.to_owned(), site.clone());
        }
        Ok(site)
    }
}
