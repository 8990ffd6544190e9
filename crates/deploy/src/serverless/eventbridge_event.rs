//! `eventBridge` events: a rule, of a bus that is there or of one that the service makes.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/events/event-bridge>

use serde_json::{Value as Json, json};

use super::config::{Bus, EventBridge};
use super::event::check_expression;
use super::keys;
use super::read::Reader;
use crate::yaml::Node;

/// The keys of a pattern that the framework lets through: the ones that every event has.
const PATTERN: &[&str] =
    &["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"];

pub fn read(node: &Node, number: usize, reader: &mut Reader<'_>) -> Option<EventBridge> {
    reader.keys(node, "an `eventBridge` event", keys::EVENT_BRIDGE_EVENT);
    if node.get("pattern").is_none() && node.get("schedule").is_none() {
        reader.error(&node.at, "an `eventBridge` event has a `pattern` or a `schedule`");
        return None;
    }
    let inputs = ["input", "inputPath", "inputTransformer"];
    if inputs.iter().filter(|key| node.get(key).is_some()).count() > 1 {
        reader.error(&node.at, "an `eventBridge` event has one of `input`, `inputPath` and `inputTransformer`");
        return None;
    }
    let schedule = reader.text(node, "schedule");
    if let (Some(schedule), Some(written)) = (&schedule, node.get("schedule")) {
        check_expression(schedule, &written.at, reader);
    }
    Some(EventBridge {
        number,
        bus: bus(node, reader),
        pattern: pattern(node, reader),
        schedule,
        enabled: reader.boolean(node, "enabled").unwrap_or(true),
        name: reader.word(node, "name"),
        description: reader.text(node, "description"),
        input: reader.mapping(node, "input").and(node.get("input")).map(|input| input.json().to_string()),
        input_path: reader.text(node, "inputPath"),
        input_transformer: node.get("inputTransformer").and_then(|node| transformer(node, reader)),
        retry_policy: node.get("retryPolicy").map(|node| retry_policy(node, reader)),
        dead_letter_queue: reader.arn(node, "deadLetterQueueArn"),
    })
}

/// A name, an ARN, or an intrinsic function that gives the name.
fn bus(node: &Node, reader: &mut Reader<'_>) -> Option<Bus> {
    let value = reader.text_value(node.get("eventBus")?, "eventBus")?;
    let Some(name) = value.as_str() else { return Some(Bus::Given(value)) };
    if name == "default" {
        return None;
    }
    // Of an ARN the rule takes the name, so that a rule on `…:event-bus/default` is one of the default bus.
    if name.starts_with("arn:") {
        let name = name.split_once('/').map_or(name, |(_, name)| name);
        return (name != "default").then(|| Bus::Given(name.into()));
    }
    Some(Bus::Made(reader.word(node, "eventBus")?))
}

fn pattern(node: &Node, reader: &mut Reader<'_>) -> Option<Json> {
    for entry in reader.mapping(node, "pattern")? {
        if !PATTERN.contains(&entry.key.as_str()) {
            let names = PATTERN.join(", ");
            reader.error(&entry.at, format!("`{}` is not a part of an event: there are {names}", entry.key));
        }
    }
    node.get("pattern").map(Node::json)
}

fn transformer(node: &Node, reader: &mut Reader<'_>) -> Option<Json> {
    reader.keys(node, "`inputTransformer`", keys::INPUT_TRANSFORMER);
    let Some(template) = reader.text(node, "inputTemplate") else {
        reader.error(&node.at, "`inputTransformer` has an `inputTemplate`");
        return None;
    };
    let mut transformer = json!({"InputTemplate": template});
    if node.get("inputPathsMap").is_some() {
        transformer["InputPathsMap"] = Json::Object(reader.text_map(node, "inputPathsMap"));
    }
    Some(transformer)
}

fn retry_policy(node: &Node, reader: &mut Reader<'_>) -> Json {
    reader.keys(node, "`retryPolicy`", keys::RETRY_POLICY);
    let mut policy = json!({});
    if let Some(age) = reader.integer(node, "maximumEventAge", 60, 86_400) {
        policy["MaximumEventAgeInSeconds"] = json!(age);
    }
    if let Some(attempts) = reader.integer(node, "maximumRetryAttempts", 0, 185) {
        policy["MaximumRetryAttempts"] = json!(attempts);
    }
    policy
}
