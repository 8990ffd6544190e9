//! What stages of REST APIs say besides what they serve, and `Custom::CloudletStageSettings`, which says it of a stage that a
//! deployment has made.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::shape::{Field, Property, Shape, fixed, property, text as scalar_text};
use super::super::{Cx, Made, Properties, Resource, Result, deleted, text_of};
use super::replace;
use crate::state::Deployed;

pub const ACCESS_LOG: &[Field] = &[("DestinationArn", Shape::Text), ("Format", Shape::Text)];

/// Members of `MethodSettings`, and their places in changes. The last two are ours: the plugin for caches sets them.
const MEMBERS: [(&str, &str); 10] = [
    ("ThrottlingBurstLimit", "throttling/burstLimit"),
    ("ThrottlingRateLimit", "throttling/rateLimit"),
    ("LoggingLevel", "logging/loglevel"),
    ("DataTraceEnabled", "logging/dataTrace"),
    ("MetricsEnabled", "metrics/enabled"),
    ("CachingEnabled", "caching/enabled"),
    ("CacheTtlInSeconds", "caching/ttlInSeconds"),
    ("CacheDataEncrypted", "caching/dataEncrypted"),
    ("RequireAuthorizationForCacheControl", "caching/requireAuthorizationForCacheControl"),
    ("UnauthorizedCacheControlHeaderStrategy", "caching/unauthorizedCacheControlHeaderStrategy"),
];

/// What turns what a stage says into what it is to say.
pub fn changes(before: &Properties, after: &Properties) -> Vec<Value> {
    let mut changes = Vec::new();
    let (old, new) = (methods(before), methods(after));
    for (method, settings) in &old {
        let has_all = new.get(method).is_some_and(|new| settings.keys().all(|name| new.contains_key(name)));
        if !has_all {
            changes.push(json!({"op": "remove", "path": method}));
        }
    }
    for (method, settings) in &new {
        // What was taken back as a whole is said anew as a whole.
        let known = old.get(method).filter(|old| old.keys().all(|name| settings.contains_key(name)));
        let differs = |name: &&str, value: &String| known.and_then(|known| known.get(*name)) != Some(value);
        let changed = settings.iter().filter(|(name, value)| differs(name, value));
        changes.extend(changed.map(|(name, value)| replace(&format!("{method}/{name}"), value.clone())));
    }
    changes.extend(cache_changes(before, after));
    changes.extend(log_changes(before, after));
    changes
}

fn cache_changes(before: &Properties, after: &Properties) -> Vec<Value> {
    let of = |properties: &Properties, name: &str| properties.get(name).and_then(scalar_text);
    let mut changes = Vec::new();
    // A size comes first, so that a cache is made with it.
    for (name, path, nothing) in [
        ("CacheClusterSize", "/cacheClusterSize", None),
        ("CacheClusterEnabled", "/cacheClusterEnabled", Some("false")),
    ] {
        let (old, new) = (of(before, name), of(after, name));
        let value = new.clone().or_else(|| nothing.map(str::to_owned));
        if let (true, Some(value)) = (old != new, value) {
            changes.push(replace(path, value));
        }
    }
    changes
}

fn log_changes(before: &Properties, after: &Properties) -> Vec<Value> {
    let (before, after) = (before.get("AccessLogSetting"), after.get("AccessLogSetting"));
    match after {
        _ if before == after => Vec::new(),
        None => vec![json!({"op": "remove", "path": "/accessLogSettings"})],
        Some(log) => {
            let of = |name: &str| log.get(name).and_then(scalar_text).unwrap_or_default();
            vec![
                replace("/accessLogSettings/destinationArn", of("DestinationArn")),
                replace("/accessLogSettings/format", of("Format")),
            ]
        }
    }
}

/// What is said of each method, by its path in changes: `/*/*`, `/~1users/GET`.
fn methods(properties: &Properties) -> BTreeMap<String, BTreeMap<&'static str, String>> {
    let mut all: BTreeMap<String, BTreeMap<_, _>> = BTreeMap::new();
    for setting in properties.get("MethodSettings").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| setting.get(name).and_then(scalar_text);
        let (Some(path), Some(method)) = (text("ResourcePath"), text("HttpMethod")) else { continue };
        let path = if path == "/*" { "*".into() } else { path.replace('~', "~0").replace('/', "~1") };
        let said = MEMBERS.iter().filter_map(|(name, place)| Some((*place, text(name)?)));
        all.entry(format!("/{path}/{method}")).or_default().extend(said);
    }
    all.retain(|_, settings| !settings.is_empty());
    all
}

pub struct StageSettings;

async fn change(cx: &Cx<'_>, of: &Properties, changes: Vec<Value>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let (api, stage) = (text_of(of, "RestApiId")?, text_of(of, "StageName")?);
    let input = json!({"restApiId": api, "stageName": stage, "patchOperations": changes});
    cx.call("apigateway", "UpdateStage", input).await.map(drop)
}

#[async_trait]
impl Resource for StageSettings {
    fn kind(&self) -> &'static str {
        "Custom::CloudletStageSettings"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("RestApiId", Shape::Text).required(),
                fixed("StageName", Shape::Text).required(),
                property("AccessLogSetting", Shape::Struct(ACCESS_LOG)),
                property("CacheClusterEnabled", Shape::Boolean),
                property("CacheClusterSize", Shape::Text),
                property("MethodSettings", Shape::List(&Shape::Json)),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        change(cx, wanted, changes(&Properties::new(), wanted)).await?;
        Ok(Made::new(format!("{}/{}", text_of(wanted, "RestApiId")?, text_of(wanted, "StageName")?), []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        change(cx, wanted, changes(&old.properties, wanted)).await?;
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let changes = changes(&old.properties, &Properties::new());
        deleted(change(cx, &old.properties, changes).await.map(|()| Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(value: Value) -> Properties {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn changes_say_what_is_new_and_take_back_what_is_gone() {
        let before = properties(json!({
            "MethodSettings": [
                {"ResourcePath": "/*", "HttpMethod": "*", "CachingEnabled": true, "CacheTtlInSeconds": 60},
                {"ResourcePath": "/a", "HttpMethod": "GET", "ThrottlingBurstLimit": "5", "LoggingLevel": "INFO"},
            ],
            "AccessLogSetting": {"DestinationArn": "d", "Format": "f"},
            "CacheClusterEnabled": "true", "CacheClusterSize": "0.5",
        }));
        let after = properties(json!({
            "MethodSettings": [
                {"ResourcePath": "/*", "HttpMethod": "*", "CachingEnabled": true, "CacheTtlInSeconds": 30},
                {"ResourcePath": "/a", "HttpMethod": "GET", "LoggingLevel": "INFO"},
            ],
        }));
        let expected = [
            json!({"op": "remove", "path": "/~1a/GET"}),
            replace("/*/*/caching/ttlInSeconds", "30"),
            replace("/~1a/GET/logging/loglevel", "INFO"),
            replace("/cacheClusterEnabled", "false"),
            json!({"op": "remove", "path": "/accessLogSettings"}),
        ];
        assert_eq!(changes(&before, &after), expected);
        assert!(changes(&after, &after).is_empty());
        let back = changes(&after, &before);
        assert!(
            back.contains(&replace("/cacheClusterSize", "0.5"))
                && back.contains(&replace("/accessLogSettings/format", "f"))
        );
        assert!(!back.iter().any(|change| change["op"] == "remove"), "{back:?}");
    }
}
