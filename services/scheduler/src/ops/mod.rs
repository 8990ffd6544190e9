//! The operations, a file for each kind of thing they work on.

pub mod definition;
pub mod group;
pub mod schedule;
pub mod tag;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Constraints;

use crate::limits::{NAME_CHARACTERS_MAX, PAGE_MAX};
use crate::name::{NAME_PATTERN, is_name};
use crate::types::Tags;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// Notes what is wrong with a name.
pub fn check_name(constraints: &mut Constraints, name: Option<&str>, member: &str) {
    constraints.pattern(name, member, NAME_PATTERN, is_name);
    constraints.length(name, member, NAME_CHARACTERS_MAX);
}

/// Notes what is wrong with a client token.
pub fn check_token(constraints: &mut Constraints, token: Option<&str>) {
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    constraints.pattern(token, "clientToken", "[a-zA-Z0-9-_]+", is_token);
    constraints.length(token, "clientToken", 64);
}

/// How many a page has that is asked for with `max`.
pub fn page_size(constraints: &mut Constraints, max: Option<i64>) -> usize {
    constraints.range(max, "maxResults", &(1..=100));
    max.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE_MAX)
}

/// A moment as the protocol has it; nothing for one that nobody knows.
pub fn shown(moment: Timestamp) -> Option<f64> {
    (moment != Timestamp::ZERO).then(|| moment.as_secs_f64())
}

/// An answer without the members that are not set.
pub fn answer(mut members: Value) -> Value {
    if let Some(members) = members.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    members
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// The tags of a list, and what is wrong with them.
pub fn tags(constraints: &mut Constraints, list: Vec<Tag>) -> Tags {
    for (number, tag) in (1..).zip(&list) {
        for (text, name, max) in [(&tag.key, "key", 128), (&tag.value, "value", 256)] {
            let member = format!("tags.{number}.member.{name}");
            if text.is_empty() {
                constraints.fail(text, &member, "have length greater than or equal to 1");
            }
            constraints.length(Some(text), &member, max);
        }
    }
    list.into_iter().map(|tag| (tag.key, tag.value)).collect()
}
