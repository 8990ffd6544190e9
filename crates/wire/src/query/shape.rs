//! Lists and maps as the Query protocol spells them: members named by their index.

use std::borrow::Cow;

use crate::error::Fault;
use crate::query::Flat;
use crate::value::{Members, Value};

/// The elements of `member.1`, `member.2`, ... or of a flattened `1`, `2`, ..., in the order of their numbers, which
/// may have gaps. `None` when a member is not a number.
pub(crate) fn elements(entries: Members<'_>) -> Option<Vec<Value<'_>>> {
    let mut elements = Vec::with_capacity(entries.len());
    for (name, value) in unwrap(entries, "member") {
        elements.push((name.parse::<u64>().ok()?, value));
    }
    elements.sort_by_key(|(index, _)| *index);
    Some(elements.into_iter().map(|(_, value)| value).collect())
}

/// The entries of `entry.1.key`, `entry.1.value`, ... or of a flattened map.
pub(crate) fn entries<'a>(entries: Members<'a>, flat: Option<&Flat>) -> Result<Members<'a>, Fault> {
    let entries = unwrap(entries, "entry");
    if !entries.iter().all(|(name, _)| name.parse::<u64>().is_ok()) {
        return Ok(entries);
    }
    let (key_name, value_name) = match flat {
        Some(Flat::Map { key, value, .. }) => (*key, *value),
        _ => ("key", "value"),
    };
    let numbered = elements(entries).unwrap_or_default();
    numbered.into_iter().map(|entry| pair(entry, key_name, value_name)).collect()
}

fn pair<'a>(entry: Value<'a>, key_name: &str, value_name: &str) -> Result<(Cow<'a, str>, Value<'a>), Fault> {
    let (mut key, mut value) = (None, None);
    if let Value::Map(parts) = entry {
        for (name, part) in parts {
            // SNS names the parts of some wrapped maps Name and Value.
            match &*name {
                name if name == key_name || name == "Name" => key = Some(part),
                name if name == value_name || name == "Value" => value = Some(part),
                _ => {}
            }
        }
    }
    match (key, value) {
        (Some(Value::Loose(key)), Some(value)) => Ok((key, value)),
        _ => Err(Fault::mismatch(format!("an entry with {key_name} and {value_name}"), "an incomplete entry")),
    }
}

/// The entries below `wrapper`, when that is all there is.
fn unwrap<'a>(mut entries: Members<'a>, wrapper: &str) -> Members<'a> {
    match entries.pop() {
        Some((name, Value::Map(inner))) if entries.is_empty() && name == wrapper => inner,
        Some(last) => {
            entries.push(last);
            entries
        }
        None => entries,
    }
}
