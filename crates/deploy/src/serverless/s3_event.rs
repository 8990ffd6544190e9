//! `s3` events: a bucket by its name, which is then made, or one that is there.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/events/s3>

use serde_json::{Value as Json, json};

use super::config::{EventBucket, ProviderBucket, S3};
use super::keys;
use super::naming::upper_first;
use super::read::Reader;
use crate::yaml::Node;

/// What a function is told of, unless the event says otherwise.
const EVENT_DEFAULT: &str = "s3:ObjectCreated:*";

pub fn read(item: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<S3> {
    if let Some(scalar) = node.as_scalar() {
        let bucket = EventBucket::Made(scalar.text.clone());
        return Some(S3 { bucket, event: EVENT_DEFAULT.into(), rules: Vec::new() });
    }
    reader.keys(node, "an `s3` event", keys::S3_EVENT);
    let Some(bucket) = node.get("bucket") else {
        reader.error(&item.at, "an `s3` event has the `bucket` it is about");
        return None;
    };
    let bucket = if reader.boolean(node, "existing").unwrap_or(false) {
        EventBucket::Existing(reader.text_value(bucket, "bucket")?)
    } else if bucket.as_mapping().is_some() {
        reader.error(&bucket.at, "a bucket whose name is computed is one that is there: set `existing: true`");
        return None;
    } else {
        EventBucket::Made(reader.word(node, "bucket")?)
    };
    Some(S3 { bucket, event: event(node, reader)?, rules: rules(node, reader) })
}

fn event(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let Some(value) = node.get("event") else { return Some(EVENT_DEFAULT.into()) };
    let event = reader.word(node, "event")?;
    if !event.starts_with("s3:") {
        reader.error(&value.at, format!("`event` is one of S3's, for example `{EVENT_DEFAULT}`, not `{event}`"));
        return None;
    }
    Some(event)
}

/// Each is a mapping with one key.
fn rules(node: &Node, reader: &mut Reader<'_>) -> Vec<Json> {
    let mut rules = Vec::new();
    for rule in reader.list(node, "rules").unwrap_or_default() {
        reader.keys(rule, "a rule of an `s3` event", keys::S3_RULE);
        let Some([entry]) = rule.as_mapping() else {
            reader.error(&rule.at, "a rule is a mapping with one key, for example `- prefix: uploads/`");
            continue;
        };
        if let Some(value) = reader.text_value(&entry.value, &entry.key) {
            rules.push(json!({"Name": entry.key, "Value": value}));
        }
    }
    rules
}

/// `provider.s3`: what buckets of events have besides.
pub fn provider_buckets(provider: &Node, reader: &mut Reader<'_>) -> Vec<ProviderBucket> {
    let mut buckets = Vec::new();
    for entry in reader.mapping(provider, "s3").unwrap_or_default() {
        reader.keys(&entry.value, "a bucket of `provider.s3`", keys::S3_BUCKET);
        let entries = entry.value.as_mapping().unwrap_or_default().iter().filter(|property| property.key != "name");
        let properties = entries.map(|property| (upper_first(&property.key), property.value.json()));
        let (name, properties) = (reader.word(&entry.value, "name"), properties.collect());
        buckets.push(ProviderBucket { key: entry.key.clone(), name, properties });
    }
    buckets
}
