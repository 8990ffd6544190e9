//! The least policy that allows what a role or user did, and what theirs allow beyond that.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use serde_json::{Value, json};

use super::Row;
use super::generalise::{covers, parent};
use crate::access::Source;

/// Objects under one prefix that are named one by one: more are `prefix*`.
const OBJECTS_NAMED_MAX: usize = 3;

pub struct Suggestion {
    /// A policy document; `None` where nothing was done.
    pub policy: Option<Value>,
    /// The first call that is known of.
    pub since: Option<Timestamp>,
    pub calls: u64,
    pub unused: Vec<Unused>,
}

/// Actions that a statement allows, of which none was used.
pub struct Unused {
    /// As simulations call it.
    pub policy: String,
    /// Its `Sid`, or its number from 0.
    pub statement: String,
    pub actions: Vec<String>,
}

/// What the least policy for these deeds is, and what of `policies` they do not need.
pub fn suggestion(deeds: &[(String, Vec<Row>)], policies: &[Source]) -> Suggestion {
    let rows = || deeds.iter().flat_map(|(_, rows)| rows);
    let used: Vec<(&str, &str)> = deeds
        .iter()
        .flat_map(|(action, rows)| rows.iter().map(move |row| (action.as_str(), row.resource.as_str())))
        .collect();
    let unused = policies.iter().flat_map(|source| {
        let of_statement = move |(statement, actions)| Unused { policy: source.id.clone(), statement, actions };
        source.policy.unused(&used).into_iter().map(of_statement)
    });
    let statements = statements(deeds);
    Suggestion {
        policy: (!statements.is_empty()).then(|| json!({"Version": "2012-10-17", "Statement": statements})),
        since: rows().map(|row| row.first).min(),
        calls: rows().map(|row| row.count).sum(),
        unused: unused.collect(),
    }
}

/// Actions of one service on the same resources share a statement.
fn statements(deeds: &[(String, Vec<Row>)]) -> Vec<Value> {
    let mut actions: BTreeMap<(&str, BTreeSet<String>), Vec<&str>> = BTreeMap::new();
    for (action, rows) in deeds {
        let service = action.split(':').next().unwrap_or_default();
        let resources = sensible(rows.iter().map(|row| row.resource.as_str()));
        if !resources.is_empty() {
            actions.entry((service, resources)).or_default().push(action);
        }
    }
    let statement = |((_, resources), actions): ((&str, BTreeSet<String>), Vec<&str>)| json!({"Effect": "Allow", "Action": one_or_all(actions), "Resource": one_or_all(resources.into_iter().collect())});
    actions.into_iter().map(statement).collect()
}

fn one_or_all<T: serde::Serialize>(mut values: Vec<T>) -> Value {
    match values.len() {
        1 => json!(values.pop()),
        _ => json!(values),
    }
}

/// Resources as an author would name them: what has a name of the moment (an object, a stream, a shard of a log) by what it is
/// in, everything else by its name.
fn sensible<'a>(resources: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = resources.map(place).collect();
    while let Some(prefix) = crowded(&all) {
        let pattern = format!("{prefix}*");
        all.retain(|resource| !covers(&pattern, resource));
        all.insert(pattern);
    }
    let patterns: Vec<String> = all.iter().filter(|resource| resource.ends_with('*')).cloned().collect();
    all.retain(|resource| !patterns.iter().any(|pattern| pattern != resource && covers(pattern, resource)));
    all
}

/// Source: the resource types in <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
fn place(resource: &str) -> String {
    let until = |part: &str| resource.find(part).map(|at| at + part.len()).and_then(|end| resource.get(..end));
    let service = resource.split(':').nth(2).unwrap_or_default();
    match service {
        "dynamodb" if resource.contains("/index/") => until("/index/").map(|prefix| format!("{prefix}*")),
        "dynamodb" if resource.contains("/stream/") => until("/stream/").map(|prefix| format!("{prefix}*")),
        "logs" if resource.contains(":log-stream:") => {
            until(":log-stream:").map(|prefix| prefix.trim_end_matches("log-stream:").to_owned() + "*")
        }
        // What objects' names have in common by chance is nothing to rely on.
        "s3" if resource.ends_with('*') && resource.contains('/') => {
            let folder = resource.rfind('/').and_then(|at| resource.get(..=at));
            folder.map(|folder| format!("{folder}*"))
        }
        _ => None,
    }
    .unwrap_or_else(|| resource.to_owned())
}

/// A folder of a bucket in which too many objects are named, the deepest first.
fn crowded(resources: &BTreeSet<String>) -> Option<String> {
    let mut inside: BTreeMap<&str, usize> = BTreeMap::new();
    for resource in resources.iter().filter(|resource| resource.starts_with("arn:aws:s3:::")) {
        let folder = parent(resource);
        if folder.contains('/') {
            *inside.entry(folder).or_default() += 1;
        }
    }
    let crowded = inside.into_iter().filter(|(_, count)| *count > OBJECTS_NAMED_MAX);
    crowded.map(|(folder, _)| folder.to_owned()).max_by_key(String::len)
}

#[cfg(test)]
mod tests {
    use auth::policy::Policy;

    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/t";

    fn deeds(all: &[(&str, &[&str])]) -> Vec<(String, Vec<Row>)> {
        let row = |resource: &&str| Row {
            resource: (*resource).into(),
            count: 2,
            first: Timestamp(5),
            last: Timestamp(9),
            why: None,
        };
        all.iter().map(|(action, resources)| ((*action).into(), resources.iter().map(row).collect())).collect()
    }

    #[test]
    fn actions_on_the_same_resources_share_a_statement() {
        let index = format!("{TABLE}/index/by-name");
        let deeds = deeds(&[
            ("dynamodb:GetItem", &[TABLE]),
            ("dynamodb:PutItem", &[TABLE]),
            ("dynamodb:Query", &[TABLE, &index]),
            ("sqs:ListQueues", &["*"]),
        ]);
        let found = suggestion(&deeds, &[]);
        let expected = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:PutItem"], "Resource": TABLE},
            {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": [TABLE, format!("{TABLE}/index/*")]},
            {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"},
        ]});
        assert_eq!(found.policy, Some(expected));
        assert_eq!((found.since, found.calls), (Some(Timestamp(5)), 10));
        assert!(suggestion(&[], &[]).policy.is_none());
    }

    #[test]
    fn objects_are_named_by_their_folder_when_there_are_many() {
        let named = |keys: &[&str]| {
            let keys: Vec<String> = keys.iter().map(|key| format!("arn:aws:s3:::b{key}")).collect();
            let all = sensible(keys.iter().map(String::as_str));
            all.into_iter().map(|resource| resource.replace("arn:aws:s3:::b", "")).collect::<Vec<_>>()
        };
        assert_eq!(named(&["/a", "/b", "/c"]), ["/a", "/b", "/c"]);
        assert_eq!(named(&["/a", "/b", "/c", "/d"]), ["/*"]);
        assert_eq!(named(&["", "/in/1", "/in/2", "/in/3", "/in/4", "/x"]), ["", "/in/*", "/x"]);
        assert_eq!(named(&["/1/x", "/1/y", "/1/z", "/1/a", "/2/*", "/3/*", "/4/*"]), ["/*"]);
        assert_eq!(named(&["/in/2026-11-*", "/in/1"]), ["/in/*"]);
        let log = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/f";
        assert_eq!(place(&format!("{log}:log-stream:2026/11/30/x")), format!("{log}:*"));
    }

    #[test]
    fn what_is_allowed_and_not_used_is_named() {
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Sid":"Items","Effect":"Allow","Action":["dynamodb:*Item","dynamodb:Scan"],"Resource":"arn:aws:dynamodb:*:*:table/t"},
            {"Effect":"Allow","Action":"sqs:*","Resource":"*"},
            {"Effect":"Deny","Action":"sns:*","Resource":"*"}]}"#;
        let source = Source { id: "role_r_p".into(), policy: Policy::parse(text).unwrap() };
        let found = suggestion(&deeds(&[("dynamodb:GetItem", &[TABLE])]), &[source]);
        let unused: Vec<_> = found.unused.iter().map(|unused| (&*unused.statement, unused.actions.clone())).collect();
        assert_eq!(unused, [("Items", vec!["dynamodb:Scan".to_owned()]), ("1", vec!["sqs:*".to_owned()])]);
    }
}
