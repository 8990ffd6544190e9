//! `custom.apiGatewayCaching` and `caching` of `http` events: the keys of the plugin `serverless-api-gateway-caching`.
//!
//! Source: <https://github.com/DianaIonita/serverless-api-gateway-caching#readme>

use super::keys::{Key, ignored, read as key, silent};
use super::read::Reader;
use crate::yaml::Node;

/// The plugin whose configuration this is.
pub const PLUGIN: &str = "serverless-api-gateway-caching";
/// Seconds that an answer can be kept.
const SECONDS_MAX: i64 = 3_600;

const STAGE_CACHE: &[Key] = &[
    key("enabled"),
    key("clusterSize"),
    key("ttlInSeconds"),
    key("dataEncrypted"),
    key("perKeyInvalidation"),
    silent("endpointsInheritCloudWatchSettingsFromStage"),
    ignored("apiGatewayIsShared", "the cache is that of the service's own API"),
    ignored("restApiId", "the cache is that of the service's own API"),
    ignored("basePath", "the cache is that of the service's own API"),
    ignored("additionalEndpoints", "name them as `http` events"),
];

const CACHING: &[Key] = &[
    key("enabled"),
    key("ttlInSeconds"),
    key("dataEncrypted"),
    key("perKeyInvalidation"),
    key("cacheKeyParameters"),
    silent("inheritCloudWatchSettingsFromStage"),
];

const PER_KEY_INVALIDATION: &[Key] = &[key("requireAuthorization"), key("handleUnauthorizedRequests")];

const CACHE_KEY_PARAMETER: &[Key] = &[key("name"), key("mappedFrom")];

/// The cache of the REST API's stage, and what it does where a method says nothing else.
#[derive(Clone, Debug)]
pub struct StageCache {
    pub size: Option<String>,
    pub methods: Caching,
}

/// What is said of a method: `None` where nothing is.
#[derive(Clone, Debug, Default)]
pub struct Caching {
    pub enabled: bool,
    pub seconds: Option<i64>,
    pub encrypted: Option<bool>,
    /// Whether clients need permission to ask for what is not from the cache, and what becomes of those without.
    pub guarded: Option<bool>,
    pub unauthorized: Option<&'static str>,
    /// What tells requests apart, and what of the request it is mapped from: `request.path.id`.
    pub parameters: Vec<(String, Option<String>)>,
}

/// The cache of a service that has the plugin, unless it is turned off.
pub fn read(root: &Node, plugins: &[String], reader: &mut Reader<'_>) -> Option<StageCache> {
    let node =
        root.get("custom").filter(|_| plugins.iter().any(|plugin| plugin == PLUGIN))?.get("apiGatewayCaching")?;
    reader.keys(node, "`custom.apiGatewayCaching`", STAGE_CACHE);
    let methods = caching(node, reader);
    methods.enabled.then(|| StageCache { size: reader.text(node, "clusterSize"), methods })
}

/// What an `http` event says.
pub fn of_event(event: &Node, reader: &mut Reader<'_>) -> Option<Caching> {
    let node = event.get("caching")?;
    reader.keys(node, "`caching`", CACHING);
    Some(caching(node, reader))
}

fn caching(node: &Node, reader: &mut Reader<'_>) -> Caching {
    let per_key = node.get("perKeyInvalidation");
    if let Some(per_key) = per_key {
        reader.keys(per_key, "`perKeyInvalidation`", PER_KEY_INVALIDATION);
    }
    let parameters = reader.list(node, "cacheKeyParameters").unwrap_or_default();
    Caching {
        enabled: reader.boolean(node, "enabled").unwrap_or(false),
        seconds: reader.integer(node, "ttlInSeconds", 0, SECONDS_MAX),
        encrypted: reader.boolean(node, "dataEncrypted"),
        guarded: per_key.and_then(|per_key| reader.boolean(per_key, "requireAuthorization")),
        unauthorized: per_key.and_then(|per_key| unauthorized(per_key, reader)),
        parameters: parameters.iter().filter_map(|one| parameter(one, reader)).collect(),
    }
}

fn unauthorized(per_key: &Node, reader: &mut Reader<'_>) -> Option<&'static str> {
    let word = reader.word(per_key, "handleUnauthorizedRequests")?;
    match word.to_ascii_lowercase().as_str() {
        "fail" => Some("FAIL_WITH_403"),
        "ignorewithwarning" => Some("SUCCEED_WITH_RESPONSE_HEADER"),
        "ignore" => Some("SUCCEED_WITHOUT_RESPONSE_HEADER"),
        _ => {
            let at = &per_key.get("handleUnauthorizedRequests")?.at;
            reader.error(at, format!("there are `Ignore`, `IgnoreWithWarning` and `Fail`, not `{word}`"));
            None
        }
    }
}

fn parameter(node: &Node, reader: &mut Reader<'_>) -> Option<(String, Option<String>)> {
    reader.keys(node, "a cache key parameter", CACHE_KEY_PARAMETER);
    let name = reader.text(node, "name");
    if name.is_none() {
        reader.error(&node.at, "a cache key parameter has a name, for example `request.path.id`");
    }
    Some((name?, reader.text(node, "mappedFrom")))
}
