//! Tags: lists of `Key` and `Value` in templates; maps or lists in operations.

use serde_json::{Map, Value};

use super::Properties;

/// `Tags` as a map.
pub fn map(properties: &Properties) -> Map<String, Value> {
    let tags = properties.get("Tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let pairs = tags
        .iter()
        .filter_map(|tag| Some((tag.get("Key")?.as_str()?.to_string(), tag.get("Value").cloned().unwrap_or_default())));
    pairs.collect()
}

/// What to set and what to take away for the new tags to be there in place of the old.
pub fn changes(old: &Map<String, Value>, new: &Map<String, Value>) -> (Map<String, Value>, Vec<String>) {
    let set = new
        .iter()
        .filter(|(key, value)| old.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let gone = old.keys().filter(|key| !new.contains_key(*key)).cloned().collect();
    (set, gone)
}

/// A map as a list of `Key` and `Value`.
pub fn list(map: &Map<String, Value>) -> Value {
    Value::Array(map.iter().map(|(key, value)| serde_json::json!({"Key": key, "Value": value})).collect())
}
