//! The shape in which an enrichment or a target gets an event: templates with paths into it and variables of the pipe, and
//! parameters that are paths.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html>

use base::Timestamp;
use serde_json::{Value, json};
use template::{Filling, Path, fill, placeholders};

use super::Trouble;
use super::event::Event;
use crate::types::Pipe;

const PIPE_ARN: &str = "aws.pipes.pipe-arn";
const PIPE_NAME: &str = "aws.pipes.pipe-name";
const SOURCE_ARN: &str = "aws.pipes.source-arn";
const ENRICHMENT_ARN: &str = "aws.pipes.enrichment-arn";
const TARGET_ARN: &str = "aws.pipes.target-arn";
const INGESTION_TIME: &str = "aws.pipes.event.ingestion-time";
const EVENT: &str = "aws.pipes.event";
const EVENT_JSON: &str = "aws.pipes.event.json";
const VARIABLES: [&str; 8] =
    [PIPE_ARN, PIPE_NAME, SOURCE_ARN, ENRICHMENT_ARN, TARGET_ARN, INGESTION_TIME, EVENT, EVENT_JSON];
const RESERVED: &str = "aws.pipes.";

/// Whether a parameter is a path into the event.
pub fn is_path(text: &str) -> bool {
    text.starts_with('$') && Path::parse(text).is_some()
}

/// The first placeholder that looks like a variable of pipes, and is none.
pub fn unknown_variable(template: &str) -> Option<&str> {
    placeholders(template, |name| name.starts_with(RESERVED)).find(|name| !VARIABLES.contains(name))
}

/// What is sent of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    Json(Value),
    /// What a template has become.
    Text(String),
}

impl Payload {
    /// For what takes text: a text is not in quotes.
    pub fn into_text(self) -> String {
        match self {
            Payload::Json(Value::String(text)) | Payload::Text(text) => text,
            Payload::Json(value) => value.to_string(),
        }
    }

    /// For what takes JSON.
    pub fn into_json(self) -> Result<Value, Trouble> {
        match self {
            Payload::Json(value) => Ok(value),
            Payload::Text(text) => serde_json::from_str(&text)
                .map_err(|_| Trouble::Failed("the input template did not result in valid JSON".into())),
        }
    }
}

/// An event in the shape of a template; as it is, without one.
pub fn apply(template: Option<&str>, pipe: &Pipe, event: &Event, now: Timestamp) -> Result<Payload, Trouble> {
    let Some(template) = template else { return Ok(Payload::Json(event.value.clone())) };
    let decoded = event.for_paths();
    let is_placeholder = |name: &str| VARIABLES.contains(&name) || is_path(name);
    let value = |name: &str| value(name, pipe, event, &decoded, now);
    fill(template, is_placeholder, value)
        .map(Payload::Text)
        .map_err(|_| Trouble::Failed("the input template did not result in valid JSON".into()))
}

fn value(name: &str, pipe: &Pipe, event: &Event, decoded: &Value, now: Timestamp) -> Filling {
    Filling::Json(match name {
        PIPE_ARN => json!(pipe.arn),
        PIPE_NAME => json!(pipe.name),
        SOURCE_ARN => json!(pipe.source),
        ENRICHMENT_ARN => pipe.enrichment.as_ref().map_or_else(|| json!(""), |arn| json!(arn)),
        TARGET_ARN => json!(pipe.target),
        INGESTION_TIME => json!(now.iso8601()),
        EVENT => event.value.clone(),
        EVENT_JSON => decoded.clone(),
        // What is not there is an empty text.
        path => {
            let found = Path::parse(path).and_then(|path| path.find(decoded));
            return Filling::Plain(found.unwrap_or_else(|| json!("")));
        }
    })
}

/// A parameter, or what is in the event where it says.
pub fn parameter(text: &str, event: &Event) -> Result<String, Trouble> {
    if !is_path(text) {
        return Ok(text.to_owned());
    }
    match Path::parse(text).and_then(|path| path.find(&event.for_paths())) {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Null) | None => Err(Trouble::Failed(format!("the event has nothing at {text}"))),
        Some(value) => Ok(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::of_message;
    use super::*;
    use crate::types::tests::pipe;

    fn event(body: &str) -> Event {
        let queue = pipe().source;
        let message = sources::queue::Message { message_id: "m".into(), body: body.into(), ..Default::default() };
        of_message(&queue, &message, 0)
    }

    fn shaped(template: &str, body: &str) -> String {
        apply(Some(template), &pipe(), &event(body), Timestamp(0)).unwrap().into_text()
    }

    #[test]
    fn templates_are_filled_as_aws_documents() {
        let cases = [
            ("Hello, sender", "{}", "Hello, sender"),
            ("<$.messageId>", "{}", r#""m""#),
            (r#""Hello, <$.messageId>""#, "{}", r#""Hello, m""#),
            (r#"{"a": <$.body.key>, "b": "<$.body.key>"}"#, r#"{"key":"v"}"#, r#"{"a": "v", "b": "v"}"#),
            (r#"{"a": <$.body.Records[1].n>}"#, r#"{"Records":[{},{"n":7}]}"#, r#"{"a": 7}"#),
            ("<$.body>", r#"{"key": "value"}"#, "{key:value}"),
            (r#"{"data": <$.body>}"#, r#"{"key": "value"}"#, r#"{"data": {"key":"value"}}"#),
            ("<$.body>", "plain", r#""plain""#),
            (
                r#"{"p": <aws.pipes.pipe-arn>, "n": <aws.pipes.pipe-name>, "s": <aws.pipes.source-arn>, "t": <aws.pipes.target-arn>, "e": <aws.pipes.enrichment-arn>}"#,
                "{}",
                r#"{"p": "arn:aws:pipes:r:0:pipe/p", "n": "p", "s": "arn:aws:sqs:r:0:from", "t": "arn:aws:sqs:r:0:to", "e": ""}"#,
            ),
            (r#"{"at": <aws.pipes.event.ingestion-time>}"#, "{}", r#"{"at": "1970-01-01T00:00:00.000Z"}"#),
            ("1 < 2 > 1 <$.none>", "{}", r#"1 < 2 > 1 """#),
        ];
        for (template, body, expected) in cases {
            assert_eq!(shaped(template, body), expected, "{template}");
        }
        let whole: Value = serde_json::from_str(&shaped("{\"e\": <aws.pipes.event.json>}", "{\"k\":1}")).unwrap();
        assert_eq!(whole["e"]["body"], json!({"k": 1}));
        let whole: Value = serde_json::from_str(&shaped("{\"e\": <aws.pipes.event>}", "{\"k\":1}")).unwrap();
        assert_eq!(whole["e"]["body"], "{\"k\":1}");
        assert!(apply(Some(r#"{"a": "<$.body>"}"#), &pipe(), &event("{\"k\":1}"), Timestamp(0)).is_err());
    }

    #[test]
    fn variables_must_be_known() {
        assert_eq!(unknown_variable("<aws.pipes.pipe-name> <$.aws> <other>"), None);
        assert_eq!(unknown_variable("<aws.pipes.name>"), Some("aws.pipes.name"));
    }

    #[test]
    fn parameters_may_be_paths() {
        let event = event(r#"{"group":"g","n":3}"#);
        let found = |text: &str| parameter(text, &event).map_err(|trouble| trouble.text());
        assert_eq!(found("$.body.group"), Ok("g".into()));
        assert_eq!(found("$.body.n"), Ok("3".into()));
        assert_eq!(found("fixed"), Ok("fixed".into()));
        assert_eq!(found("$.body.none"), Err("the event has nothing at $.body.none".into()));
    }
}
