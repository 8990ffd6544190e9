//! The cache of the REST API's stage, and what tells its methods' requests apart.

use serde_json::{Map, Value, json};

use super::{Compiler, without_nulls};
use crate::serverless::api_cache::Caching;
use crate::serverless::config::{EventSource, Http};
use crate::serverless::naming;

impl Compiler<'_> {
    /// What the stage says of each method's caching: nothing, where the service has no cache.
    pub(super) fn cached_methods(&self) -> Vec<Value> {
        let Some(cache) = &self.service.cache else { return Vec::new() };
        let events = self.events(|source| match source {
            EventSource::Http(http) => Some(http.as_ref()),
            _ => None,
        });
        let one = |http: &Http| {
            let own = http.caching.clone().unwrap_or_default();
            let all = &cache.methods;
            without_nulls(json!({
                "ResourcePath": format!("/{}", http.path),
                "HttpMethod": http.method.to_uppercase(),
                "CachingEnabled": own.enabled,
                "CacheTtlInSeconds": own.seconds.or(all.seconds),
                "CacheDataEncrypted": own.encrypted.or(all.encrypted),
                "RequireAuthorizationForCacheControl": own.guarded.or(all.guarded),
                "UnauthorizedCacheControlHeaderStrategy": own.unauthorized.or(all.unauthorized),
            }))
        };
        events.into_iter().map(|(_, _, http)| one(http)).collect()
    }

    /// Adds to an integration what tells its requests apart, and to a method's parameters what that needs.
    pub(super) fn cache_key(&self, http: &Http, integration: &mut Value, declared: &mut Map<String, Value>) {
        let Some(caching) = self.service.cache.as_ref().and(http.caching.as_ref()).filter(|caching| caching.enabled)
        else {
            return;
        };
        let Caching { parameters, .. } = caching;
        let mut names = Vec::new();
        for (name, mapped) in parameters {
            match mapped {
                Some(source) => {
                    integration["RequestParameters"][name.as_str()] = json!(source);
                    names.push(name.clone());
                    declared.entry(source.clone()).or_insert(json!(false));
                }
                None => {
                    let name = format!("method.{name}");
                    declared.entry(name.clone()).or_insert(json!(false));
                    names.push(name);
                }
            }
        }
        integration["CacheKeyParameters"] = json!(names);
        integration["CacheNamespace"] = json!(naming::cache_namespace(&http.path, &http.method));
    }
}
