//! Policies: what is part of an object's cache key, what origins learn of a request, which headers answers get.

use kv::Read;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Document, Kind, List, Moment, check_name, one_of};
use crate::error::Error;
use crate::limits;
use crate::managed;
use crate::types::Entity;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CachePolicyConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    pub name: String,
    /// Seconds.
    #[serde(rename = "DefaultTTL")]
    pub default_ttl: Option<u64>,
    #[serde(rename = "MaxTTL")]
    pub max_ttl: Option<u64>,
    #[serde(rename = "MinTTL")]
    pub min_ttl: u64,
    pub parameters_in_cache_key_and_forwarded_to_origin: KeyParameters,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyParameters {
    pub enable_accept_encoding_gzip: bool,
    pub enable_accept_encoding_brotli: bool,
    pub headers_config: HeadersConfig,
    pub cookies_config: CookiesConfig,
    pub query_strings_config: QueryStringsConfig,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HeadersConfig {
    pub header_behavior: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<List<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CookiesConfig {
    pub cookie_behavior: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookies: Option<List<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueryStringsConfig {
    pub query_string_behavior: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_strings: Option<List<String>>,
}

/// A behaviour that is one of those known, with names where it needs some.
fn check_names(
    member: &str,
    behavior: &str,
    known: &[&str],
    names: Option<&List<String>>,
    too_many: &'static str,
) -> Result<(), Error> {
    one_of(member, behavior, known)?;
    let count = names.map_or(0, |names| names.items.len());
    let is_list = matches!(behavior, "whitelist" | "allExcept" | "allViewerAndWhitelistCloudFront");
    if is_list && count == 0 {
        return Err(Error::argument(format!("The parameter {member} is {behavior}, and names nothing.")));
    }
    if !is_list && count > 0 {
        return Err(Error::argument(format!("The parameter {member} is {behavior}, and takes no names.")));
    }
    if count > limits::POLICY_ITEMS_MAX {
        let message = format!("The policy names more than {} of one kind.", limits::POLICY_ITEMS_MAX);
        return Err(Error::new(400, too_many, message));
    }
    Ok(())
}

fn check_headers(names: Option<&List<String>>) -> Result<(), Error> {
    let is_name = |name: &&String| http::HeaderName::from_bytes(name.as_bytes()).is_ok();
    match names.and_then(|names| names.items.iter().find(|name| !is_name(name))) {
        Some(name) => Err(Error::argument(format!("'{name:.64}' is not a header's name."))),
        None => Ok(()),
    }
}

/// # Errors
/// When the least is more than what is usual, or that than the most.
pub fn check_ttls(min: u64, default: Option<u64>, max: Option<u64>) -> Result<(), Error> {
    let most = max.unwrap_or(limits::MAX_TTL_SECONDS.max(min));
    let usual = default.unwrap_or(limits::DEFAULT_TTL_SECONDS.clamp(min.min(most), most));
    if min <= usual && usual <= most && most <= limits::TTL_SECONDS_MAX {
        return Ok(());
    }
    let message = "The order of the TTL values is not valid: MinTTL, DefaultTTL and MaxTTL must not fall.";
    Err(Error::new(400, "InvalidTTLOrder", message))
}

fn check_comment(comment: Option<&String>) -> Result<(), Error> {
    if comment.is_some_and(|comment| comment.chars().count() > limits::COMMENT_CHARACTERS_MAX) {
        let most = limits::COMMENT_CHARACTERS_MAX;
        return Err(Error::argument(format!("The parameter Comment must have at most {most} characters.")));
    }
    Ok(())
}

/// What lists of policies show.
pub(super) fn listed(kind: &Kind, entity: &Entity, shown: Value) -> Value {
    let origin = if managed::is(kind.number, &entity.id) { "managed" } else { "custom" };
    json!({"Type": origin, (kind.name): shown})
}

impl Document for CachePolicyConfig {
    const KIND: Kind = Kind {
        number: 1,
        name: "CachePolicy",
        config: "CachePolicyConfig",
        list: "CachePolicyList",
        resource: "cache-policy",
        path: "cache-policy",
        id_prefix: None,
        time: Some(("LastModifiedTime", Moment::Modified)),
        marked: false,
        no_such: (404, "NoSuchCachePolicy"),
        exists: "CachePolicyAlreadyExists",
        in_use: "CachePolicyInUse",
        too_many: ("TooManyCachePolicies", limits::POLICIES_MAX),
    };

    fn managed() -> &'static [(&'static str, CachePolicyConfig)] {
        &managed::CACHE_POLICIES
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &dyn Read) -> Result<(), Error> {
        check_name("Name", &self.name, limits::NAME_CHARACTERS_MAX)?;
        check_comment(self.comment.as_ref())?;
        check_ttls(self.min_ttl, self.default_ttl, self.max_ttl)?;
        let KeyParameters { headers_config, cookies_config, query_strings_config, .. } =
            &self.parameters_in_cache_key_and_forwarded_to_origin;
        let HeadersConfig { header_behavior, headers } = headers_config;
        let known = ["none", "whitelist"];
        check_names("HeaderBehavior", header_behavior, &known, headers.as_ref(), "TooManyHeadersInCachePolicy")?;
        check_headers(headers.as_ref())?;
        let known = ["none", "whitelist", "allExcept", "all"];
        let CookiesConfig { cookie_behavior, cookies } = cookies_config;
        check_names("CookieBehavior", cookie_behavior, &known, cookies.as_ref(), "TooManyCookiesInCachePolicy")?;
        let QueryStringsConfig { query_string_behavior, query_strings } = query_strings_config;
        let too_many = "TooManyQueryStringsInCachePolicy";
        check_names("QueryStringBehavior", query_string_behavior, &known, query_strings.as_ref(), too_many)
    }

    fn summary(&self, entity: &Entity, shown: Value) -> Value {
        listed(&Self::KIND, entity, shown)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OriginRequestPolicyConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    pub name: String,
    pub headers_config: HeadersConfig,
    pub cookies_config: CookiesConfig,
    pub query_strings_config: QueryStringsConfig,
}

impl Document for OriginRequestPolicyConfig {
    const KIND: Kind = Kind {
        number: 2,
        name: "OriginRequestPolicy",
        config: "OriginRequestPolicyConfig",
        list: "OriginRequestPolicyList",
        resource: "origin-request-policy",
        path: "origin-request-policy",
        id_prefix: None,
        time: Some(("LastModifiedTime", Moment::Modified)),
        marked: false,
        no_such: (404, "NoSuchOriginRequestPolicy"),
        exists: "OriginRequestPolicyAlreadyExists",
        in_use: "OriginRequestPolicyInUse",
        too_many: ("TooManyOriginRequestPolicies", limits::POLICIES_MAX),
    };

    fn managed() -> &'static [(&'static str, OriginRequestPolicyConfig)] {
        &managed::ORIGIN_REQUEST_POLICIES
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &dyn Read) -> Result<(), Error> {
        check_name("Name", &self.name, limits::NAME_CHARACTERS_MAX)?;
        check_comment(self.comment.as_ref())?;
        let HeadersConfig { header_behavior, headers } = &self.headers_config;
        let known = ["none", "whitelist", "allViewer", "allViewerAndWhitelistCloudFront", "allExcept"];
        let too_many = "TooManyHeadersInOriginRequestPolicy";
        check_names("HeaderBehavior", header_behavior, &known, headers.as_ref(), too_many)?;
        check_headers(headers.as_ref())?;
        let known = ["none", "whitelist", "all", "allExcept"];
        let CookiesConfig { cookie_behavior, cookies } = &self.cookies_config;
        let too_many = "TooManyCookiesInOriginRequestPolicy";
        check_names("CookieBehavior", cookie_behavior, &known, cookies.as_ref(), too_many)?;
        let QueryStringsConfig { query_string_behavior, query_strings } = &self.query_strings_config;
        let too_many = "TooManyQueryStringsInOriginRequestPolicy";
        check_names("QueryStringBehavior", query_string_behavior, &known, query_strings.as_ref(), too_many)
    }

    fn summary(&self, entity: &Entity, shown: Value) -> Value {
        listed(&Self::KIND, entity, shown)
    }
}
