//! What a target gets of an event: all of it, a part, a constant, or a template that is filled.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html>

use std::collections::BTreeMap;

use base::Timestamp;
use serde_json::{Map, Value, json};
pub use template::NotJson;
use template::{Filling, Path, fill, placeholders};

use crate::name::is_name;
use crate::types::{Input, Rule};

/// What fills a template besides the event.
pub struct Setting<'a> {
    pub rule: &'a Rule,
    pub ingested: Timestamp,
}

/// Placeholders that are there without a path.
const RULE_ARN: &str = "aws.events.rule-arn";
const RULE_NAME: &str = "aws.events.rule-name";
const INGESTION_TIME: &str = "aws.events.event.ingestion-time";
const EVENT: &str = "aws.events.event";
const EVENT_JSON: &str = "aws.events.event.json";
const PREDEFINED: [&str; 5] = [RULE_ARN, RULE_NAME, INGESTION_TIME, EVENT, EVENT_JSON];

/// The text that the target gets.
pub fn apply(input: &Input, event: &Value, setting: &Setting<'_>) -> Result<String, NotJson> {
    match input {
        Input::Event => Ok(event.to_string()),
        Input::Constant(text) => Ok(text.clone()),
        Input::Path(path) => {
            let found = Path::parse(path).and_then(|path| path.find(event));
            Ok(found.unwrap_or_else(|| Value::Object(Map::new())).to_string())
        }
        Input::Template { paths, template } => {
            fill(template, is_name, |name| Filling::Json(value(name, paths, event, setting)))
        }
    }
}

/// The first placeholder that neither a path nor EventBridge fills.
pub fn unknown_placeholder<'t>(paths: &BTreeMap<String, String>, template: &'t str) -> Option<&'t str> {
    let mut placeholders = placeholders(template, is_name);
    placeholders.find(|name| !paths.contains_key(*name) && !PREDEFINED.contains(name))
}

fn value(name: &str, paths: &BTreeMap<String, String>, event: &Value, setting: &Setting<'_>) -> Value {
    match name {
        RULE_ARN => json!(setting.rule.arn),
        RULE_NAME => json!(setting.rule.name),
        INGESTION_TIME => json!(setting.ingested.iso8601()),
        EVENT_JSON => event.clone(),
        EVENT => without_detail(event),
        name => {
            let path = paths.get(name).and_then(|path| Path::parse(path));
            // What is not there is an empty text.
            path.and_then(|path| path.find(event)).unwrap_or_else(|| json!(""))
        }
    }
}

/// The event without its detail, its members named as Java would.
fn without_detail(event: &Value) -> Value {
    let members = event.as_object().into_iter().flatten().filter(|(name, _)| *name != "detail");
    let renamed = members.map(|(name, value)| {
        let name = if name == "detail-type" { "detailType" } else { name };
        (name.to_owned(), value.clone())
    });
    Value::Object(renamed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{RuleState, Tags};

    fn rule() -> Rule {
        Rule {
            arn: "arn:aws:events:us-east-1:000000000000:rule/r".parse().unwrap(),
            bus: "default".into(),
            name: "r".into(),
            pattern: None,
            schedule: None,
            state: RuleState::Enabled,
            description: None,
            role: None,
            managed_by: None,
            created_by: "000000000000".into(),
            tags: Tags::new(),
            scheduled: Timestamp(0),
            next: None,
            archive: None,
        }
    }

    fn filled(template: &str) -> Result<String, NotJson> {
        let event = json!({"id": "i", "detail-type": "t", "detail": {"payload": {"id": "0a", "sf": "baz"}, "one": ["HIGH"], "two": ["A", "B"], "valid": true, "quoted": "a \"b\""}});
        let names = [
            ("user", "$.detail.payload.id"),
            ("payload", "$.detail.payload"),
            ("none", "$.detail.none"),
            ("one", "$.detail.one"),
            ("two", "$.detail.two"),
            ("valid", "$.detail.valid"),
            ("quoted", "$.detail.quoted"),
        ];
        let paths = names.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
        let input = Input::Template { paths, template: template.into() };
        apply(&input, &event, &Setting { rule: &rule(), ingested: Timestamp(0) })
    }

    /// The cases are those that LocalStack has validated against AWS.
    #[test]
    fn templates_are_filled_by_their_rules_of_quoting() {
        let cases = [
            (r#"{"path": "u/<user>", "body": <payload>}"#, r#"{"path": "u/0a", "body": {"id":"0a","sf":"baz"}}"#),
            (r#""Of <payload> with u/<user> and <user>""#, r#""Of {id:0a,sf:baz} with u/0a and 0a""#),
            (r#"{"id" : <user>}"#, r#"{"id" : "0a"}"#),
            (r#"{"id" : "<user>"}"#, r#"{"id" : "0a"}"#),
            (r#"{"list": [<user>, "hard"]}"#, r#"{"list": ["0a", "hard"]}"#),
            (r#""<one> single""#, r#""[HIGH] single""#),
            (r#""<two> multiple""#, r#""[A,B] multiple""#),
            (r#"{"one": <one>}"#, r#"{"one": ["HIGH"]}"#),
            (r#""<none> account""#, r#"" account""#),
            (r#"{"none": <none>}"#, r#"{"none": ""}"#),
            (r#""Command is <valid>!""#, r#""Command is true!""#),
            ("\"<user> a\"\n\"<two> b\"", "\"0a a\"\n\"[A,B] b\""),
            (r#""{[/Check <user>""#, r#""{[/Check 0a""#),
            (r#"{"q": "<quoted>", "lt": "1 < 2"}"#, r#"{"q": "a \"b\"", "lt": "1 < 2"}"#),
            (r#"{"e": <aws.events.event>}"#, r#"{"e": {"id":"i","detailType":"t"}}"#),
            (
                r#""<aws.events.rule-arn> <aws.events.rule-name> <aws.events.event.ingestion-time>""#,
                r#""arn:aws:events:us-east-1:000000000000:rule/r r 1970-01-01T00:00:00.000Z""#,
            ),
        ];
        for (template, expected) in cases {
            assert_eq!(filled(template).as_deref(), Ok(expected), "{template}");
        }
        for template in [r#"{"v": "u/<payload>"}"#, r#"{"payload": "<payload>"}"#, r#"{"one": "<one>"}"#] {
            assert_eq!(filled(template), Err(NotJson), "{template}");
        }
    }

    #[test]
    fn placeholders_must_be_known() {
        let paths = BTreeMap::from([("known".to_owned(), "$".to_owned())]);
        assert_eq!(unknown_placeholder(&paths, r#""<known> <aws.events.rule-name> 1 < 2 > 1""#), None);
        assert_eq!(unknown_placeholder(&paths, r#""<known> <other>""#), Some("other"));
    }
}
