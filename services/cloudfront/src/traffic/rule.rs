//! A behaviour, ready for requests: what is part of an object's key, and what an origin learns.

use std::collections::BTreeMap;

use http::Method;
use http::header::{ACCEPT_ENCODING, COOKIE, HeaderMap, HeaderValue};
use kv::Read;
use rsa::PublicKey;
use sha2::{Digest, Sha256};

use super::freshness::Ttl;
use super::headers::text;
use super::path;
use super::viewer::Viewer;
use crate::cache::Key;
use crate::documents::distribution::{Behavior, ForwardedValues};
use crate::documents::headers::ResponseHeadersPolicyConfig;
use crate::documents::keys::{KeyGroupConfig, PublicKeyConfig};
use crate::documents::policies::{
    CachePolicyConfig, CookiesConfig, HeadersConfig, OriginRequestPolicyConfig, QueryStringsConfig,
};
use crate::documents::{Document, List};
use crate::error::Error;
use crate::limits;
use crate::model::entity;

/// Which headers, cookies or query parameters are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selected {
    #[default]
    None,
    All,
    Only(Vec<String>),
    Except(Vec<String>),
}

impl Selected {
    fn of(behavior: &str, names: Option<&List<String>>) -> Selected {
        let names = || names.map(|names| names.items.clone()).unwrap_or_default();
        match behavior {
            "all" | "allViewer" => Selected::All,
            "whitelist" => Selected::Only(names()),
            "allExcept" => Selected::Except(names()),
            _ => Selected::None,
        }
    }

    pub fn takes(&self, name: &str) -> bool {
        match self {
            Selected::None => false,
            Selected::All => true,
            Selected::Only(names) => names.iter().any(|known| known == name),
            Selected::Except(names) => !names.iter().any(|known| known == name),
        }
    }

    fn in_lower_case(self) -> Selected {
        let lower = |names: Vec<String>| names.iter().map(|name| name.to_ascii_lowercase()).collect();
        match self {
            Selected::Only(names) => Selected::Only(lower(names)),
            Selected::Except(names) => Selected::Except(lower(names)),
            other => other,
        }
    }
}

/// What of a request is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Names in lower case.
    pub headers: Selected,
    pub cookies: Selected,
    pub query: Selected,
}

impl Parts {
    fn of(headers: &HeadersConfig, cookies: &CookiesConfig, query: &QueryStringsConfig) -> Parts {
        Parts {
            headers: Selected::of(&headers.header_behavior, headers.headers.as_ref()).in_lower_case(),
            cookies: Selected::of(&cookies.cookie_behavior, cookies.cookies.as_ref()),
            query: Selected::of(&query.query_string_behavior, query.query_strings.as_ref()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Any,
    SecureOnly,
    Redirect,
}

pub struct Rule {
    /// `None` for the default one.
    pub pattern: Option<String>,
    /// The id of an origin, or of a group of them.
    pub target: String,
    pub protocol: Protocol,
    pub methods: Vec<Method>,
    pub compress: bool,
    pub keyed: Parts,
    /// Whether there are keys for what is compressed so.
    pub gzip: bool,
    pub brotli: bool,
    /// What origins learn beside it.
    pub forwarded: Parts,
    /// CloudFront's own headers that origins get.
    pub added: Vec<String>,
    pub ttl: Ttl,
    pub response: Option<ResponseHeadersPolicyConfig>,
    /// Who may sign, by the id of the key, where only what is signed is answered.
    pub signers: Option<BTreeMap<String, PublicKey>>,
    /// The cache policy, as far as it is part of keys.
    policy: String,
}

impl Rule {
    /// # Errors
    /// When what is kept cannot be read.
    pub fn new(read: &impl Read, behavior: &Behavior) -> Result<Rule, Error> {
        let protocol = match behavior.viewer_protocol_policy.as_str() {
            "https-only" => Protocol::SecureOnly,
            "redirect-to-https" => Protocol::Redirect,
            _ => Protocol::Any,
        };
        let methods = &behavior.allowed_methods.items;
        let mut rule = Rule {
            pattern: (!behavior.path_pattern.is_empty()).then(|| behavior.path_pattern.clone()),
            target: behavior.target_origin_id.clone(),
            protocol,
            methods: methods.iter().filter_map(|method| method.parse().ok()).collect(),
            compress: behavior.compress,
            keyed: Parts::default(),
            gzip: false,
            brotli: false,
            forwarded: Parts::default(),
            added: Vec::new(),
            ttl: Ttl { min: 0, default: 0, max: 0 },
            response: None,
            signers: None,
            policy: behavior.cache_policy_id.clone().unwrap_or_default(),
        };
        match (&behavior.cache_policy_id, &behavior.forwarded_values) {
            (Some(id), _) => rule.keep_by(&document::<CachePolicyConfig>(read, id)?),
            (None, Some(forwarded)) => rule.keep_as_of_old(behavior, forwarded),
            (None, None) => {}
        }
        if let Some(id) = behavior.origin_request_policy_id.as_deref().filter(|id| !id.is_empty()) {
            rule.forward_by(&document::<OriginRequestPolicyConfig>(read, id)?);
        }
        if let Some(id) = behavior.response_headers_policy_id.as_deref().filter(|id| !id.is_empty()) {
            rule.response = Some(document(read, id)?);
        }
        if behavior.trusted_key_groups.enabled {
            rule.signers = Some(signers(read, &behavior.trusted_key_groups.items)?);
        }
        Ok(rule)
    }

    fn keep_by(&mut self, policy: &CachePolicyConfig) {
        let parameters = &policy.parameters_in_cache_key_and_forwarded_to_origin;
        self.keyed =
            Parts::of(&parameters.headers_config, &parameters.cookies_config, &parameters.query_strings_config);
        (self.gzip, self.brotli) = (parameters.enable_accept_encoding_gzip, parameters.enable_accept_encoding_brotli);
        self.ttl = ttl(policy.min_ttl, policy.default_ttl, policy.max_ttl);
    }

    fn keep_as_of_old(&mut self, behavior: &Behavior, forwarded: &ForwardedValues) {
        let names = &forwarded.query_string_cache_keys;
        let (keyed, passed) = match (forwarded.query_string, names.items.is_empty()) {
            (false, _) => (Selected::None, Selected::None),
            (true, true) => (Selected::All, Selected::None),
            (true, false) => (Selected::Only(names.items.clone()), Selected::All),
        };
        let all_headers = forwarded.headers.items.iter().any(|name| name == "*");
        let headers = if all_headers { Selected::All } else { Selected::Only(forwarded.headers.items.clone()) };
        let cookies = Selected::of(&forwarded.cookies.forward, forwarded.cookies.whitelisted_names.as_ref());
        self.keyed = Parts { headers: headers.in_lower_case(), cookies, query: keyed };
        self.forwarded.query = passed;
        self.gzip = true;
        self.ttl = ttl(behavior.min_ttl.unwrap_or(0), behavior.default_ttl, behavior.max_ttl);
        // What depends on every header is nobody else's.
        if all_headers {
            self.ttl = Ttl { min: 0, default: 0, max: 0 };
        }
    }

    fn forward_by(&mut self, policy: &OriginRequestPolicyConfig) {
        let OriginRequestPolicyConfig { headers_config, cookies_config, query_strings_config, .. } = policy;
        self.forwarded = Parts::of(headers_config, cookies_config, query_strings_config);
        let names = headers_config.headers.as_ref().map(|names| names.items.as_slice()).unwrap_or_default();
        let names = names.iter().map(|name| name.to_ascii_lowercase());
        self.added = names.filter(|name| name.starts_with("cloudfront-")).collect();
        if headers_config.header_behavior == "allViewerAndWhitelistCloudFront" {
            self.forwarded.headers = Selected::All;
        }
    }

    pub fn matches(&self, normal_path: &str) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| path::matches(pattern, normal_path))
    }

    /// Whether anything of this behaviour is kept.
    pub fn caches(&self) -> bool {
        self.ttl.max > 0
    }

    pub fn takes_cookies(&self) -> bool {
        self.keyed.cookies != Selected::None || self.forwarded.cookies != Selected::None
    }

    /// The codings of what is given to a viewer, best first, as keys and origins have them: `br,gzip`.
    pub fn codings(&self, headers: &HeaderMap) -> &'static str {
        let accepts = |coding: &str| {
            let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).any(|element| {
                let (name, parameters) = element.split_once(';').unwrap_or((element, ""));
                let quality = parameters.trim().strip_prefix("q=").and_then(|quality| quality.parse::<f32>().ok());
                name.trim().eq_ignore_ascii_case(coding) && quality.is_none_or(|quality| quality > 0.0)
            })
        };
        match (self.brotli && accepts("br"), self.gzip && accepts("gzip")) {
            (true, true) => "br,gzip",
            (true, false) => "br",
            (false, true) => "gzip",
            (false, false) => "",
        }
    }

    /// What of a query origins get: parameters in their order, still encoded.
    pub fn origin_query(&self, query: &str) -> String {
        filtered(query, |name| self.keyed.query.takes(name) || self.forwarded.query.takes(name))
    }

    /// The cookies that origins get.
    pub fn origin_cookies(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let takes = |name: &str| self.keyed.cookies.takes(name) || self.forwarded.cookies.takes(name);
        HeaderValue::from_str(&cookies(headers, takes)).ok().filter(|value| !value.is_empty())
    }

    /// The key of what a viewer asks for. `made` says what is made of it, for images.
    pub fn key(&self, distribution: &str, viewer: &Viewer, codings: &str, made: Option<&str>) -> Key {
        let Viewer { path, query, headers, .. } = viewer;
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        [distribution, &self.target, &self.policy, path].iter().for_each(|part| add(part.as_bytes()));
        add(filtered(query, |name| self.keyed.query.takes(name)).as_bytes());
        add(cookies(headers, |name| self.keyed.cookies.takes(name)).as_bytes());
        add(codings.as_bytes());
        if let Selected::Only(names) = &self.keyed.headers {
            for name in names {
                add(name.as_bytes());
                headers.get_all(name).iter().for_each(|value| add(value.as_bytes()));
            }
        }
        if let Some(made) = made {
            add(b"image");
            add(made.as_bytes());
        }
        hash.finalize().into()
    }
}

fn ttl(min: u64, default: Option<u64>, max: Option<u64>) -> Ttl {
    let max = max.unwrap_or(limits::MAX_TTL_SECONDS.max(min));
    let default = default.unwrap_or(limits::DEFAULT_TTL_SECONDS.clamp(min.min(max), max));
    Ttl { min, default, max }
}

fn document<D: Document>(read: &impl Read, id: &str) -> Result<D, Error> {
    D::of(&entity::get::<D>(read, id)?)
}

fn signers(read: &impl Read, groups: &[String]) -> Result<BTreeMap<String, PublicKey>, Error> {
    let mut keys = BTreeMap::new();
    for group in groups {
        for id in document::<KeyGroupConfig>(read, group)?.items {
            if let Some(key) = document::<PublicKeyConfig>(read, &id)?.key() {
                keys.insert(id, key);
            }
        }
    }
    Ok(keys)
}

/// The parameters of a query whose names are meant.
pub fn filtered(query: &str, takes: impl Fn(&str) -> bool) -> String {
    let name = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        takes(&percent_encoding::percent_decode_str(name).decode_utf8_lossy())
    };
    query.split('&').filter(|pair| !pair.is_empty()).filter(name).collect::<Vec<_>>().join("&")
}

fn cookies(headers: &HeaderMap, takes: impl Fn(&str) -> bool) -> String {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).map(str::trim).filter(|pair| !pair.is_empty());
    pairs.filter(|pair| takes(pair.split('=').next().unwrap_or_default().trim())).collect::<Vec<_>>().join("; ")
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = text(headers, COOKIE)?.split(';').map(str::trim);
    pairs.filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::managed;

    fn rule(policy: usize) -> Rule {
        let db = kv::Db::open(kv::Memory::default());
        let behavior =
            Behavior { cache_policy_id: Some(managed::CACHE_POLICIES[policy].0.into()), ..Behavior::default() };
        Rule::new(&db.read().unwrap(), &behavior).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    fn viewer(path: &str, query: &str, pairs: &[(&'static str, &'static str)]) -> Viewer {
        let mut request = http::Request::get(format!("{path}?{query}"));
        request.headers_mut().unwrap().extend(headers(pairs));
        let (head, ()) = request.body(()).unwrap().into_parts();
        Viewer::new(&head, path.to_owned(), "r", base::Timestamp(0))
    }

    #[test]
    fn what_is_not_keyed_makes_no_other_key() {
        let rule = rule(0);
        let key = |path, query, pairs: &[_], codings| rule.key("E1", &viewer(path, query, pairs), codings, None);
        let plain = key("/a", "", &[], "");
        assert_eq!(plain, key("/a", "x=1", &[("cookie", "a=1"), ("x-forwarded-host", "evil")], ""));
        assert_ne!(plain, key("/b", "", &[], ""));
        assert_ne!(plain, key("/a", "", &[], "gzip"));
        assert_ne!(plain, rule.key("E1", &viewer("/a", "", &[]), "", Some("")));
        assert_eq!(rule.origin_query("x=1&y"), "");
        assert_eq!(rule.origin_cookies(&headers(&[("cookie", "a=1")])), None);
    }

    #[test]
    fn what_is_keyed_does() {
        let by_origin = rule(6);
        let key = |query, pairs: &[_]| by_origin.key("E1", &viewer("/a", query, pairs), "", None);
        assert_ne!(key("", &[]), key("x=1", &[]));
        assert_ne!(key("", &[]), key("", &[("cookie", "a=1")]));
        assert_ne!(key("", &[("host", "a")]), key("", &[("host", "b")]));
        assert_eq!(key("", &[("accept", "a")]), key("", &[("accept", "b")]));
        let some = rule(3);
        assert_eq!(some.origin_query("m=1&x=2&aws%2Emanifestfilter=3"), "m=1&aws%2Emanifestfilter=3");
    }

    #[test]
    fn codings_are_told_in_one_form() {
        let accept = |text| headers(&[("accept-encoding", text)]);
        let (both, gzip, none) = (rule(0), rule(3), rule(1));
        assert_eq!(both.codings(&accept("gzip, deflate, br;q=0.5")), "br,gzip");
        assert_eq!(both.codings(&accept("gzip;q=0, br")), "br");
        assert_eq!(gzip.codings(&accept("br, GZIP")), "gzip");
        assert_eq!((none.codings(&accept("br, gzip")), both.codings(&accept("*"))), ("", ""));
    }
}
