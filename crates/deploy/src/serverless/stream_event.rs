//! A `stream` event: a stream of Kinesis, or the stream of a table.

use serde_json::Value as Json;

use super::config::{Destination, Stream, StreamConsumer};
use super::event::{reader_function, reports_failures};
use super::function::destination;
use super::keys;
use super::read::Reader;
use crate::yaml::Node;

pub fn read(item: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<Stream> {
    let mut stream = Stream {
        arn: Json::Null,
        of_table: false,
        consumer: None,
        batch_size: 10,
        starting_position: "TRIM_HORIZON".into(),
        enabled: true,
        batch_window: None,
        parallelization_factor: 1,
        maximum_retry_attempts: None,
        maximum_record_age: None,
        bisect: None,
        tumbling_window: None,
        report_batch_item_failures: false,
        filter_patterns: Vec::new(),
        on_failure: None,
    };
    if node.as_scalar().is_some() || node.get("arn").is_none() && reader_function(node) {
        stream.arn = reader.arn(item, "stream")?;
        stream.of_table = is_of_table(&stream.arn, item, reader)?;
        return Some(stream);
    }
    reader.keys(node, "a `stream` event", keys::STREAM_EVENT);
    if node.get("arn").is_none() {
        reader.error(&item.at, "a `stream` event has the `arn` of its stream");
        return None;
    }
    stream.arn = reader.arn(node, "arn")?;
    stream.of_table = match reader.word(node, "type").as_deref() {
        Some("dynamodb") => true,
        Some("kinesis") => false,
        Some(other) => {
            let message = format!("a stream has the type `dynamodb` or `kinesis`, not `{other}`");
            reader.error(&node.get("type").unwrap_or(node).at, message);
            return None;
        }
        None => is_of_table(&stream.arn, node, reader)?,
    };
    if let Some(position) = reader.word(node, "startingPosition") {
        if !matches!(position.as_str(), "TRIM_HORIZON" | "LATEST") {
            let at = &node.get("startingPosition").unwrap_or(node).at;
            reader.error(at, format!("`startingPosition` is TRIM_HORIZON or LATEST, not `{position}`"));
        }
        stream.starting_position = position;
    }
    stream.consumer = consumer(node, stream.of_table, reader);
    stream.batch_size = reader.integer(node, "batchSize", 1, 10_000).unwrap_or(10);
    stream.enabled = reader.boolean(node, "enabled").unwrap_or(true);
    stream.batch_window = reader.integer(node, "batchWindow", 0, 300);
    stream.parallelization_factor = reader.integer(node, "parallelizationFactor", 1, 10).unwrap_or(1);
    stream.maximum_retry_attempts = reader.integer(node, "maximumRetryAttempts", -1, 10_000);
    stream.maximum_record_age = reader.integer(node, "maximumRecordAgeInSeconds", -1, 604_800);
    stream.bisect = reader.boolean(node, "bisectBatchOnFunctionError");
    stream.tumbling_window = reader.integer(node, "tumblingWindowInSeconds", 0, 900);
    stream.filter_patterns = reader.list(node, "filterPatterns").unwrap_or_default().iter().map(Node::json).collect();
    stream.report_batch_item_failures = reports_failures(node, reader);
    stream.on_failure = on_failure(node, reader);
    Some(stream)
}

/// The type of a stream that does not say it is told by its ARN, or by the attribute that is its ARN.
fn is_of_table(arn: &Json, node: &Node, reader: &mut Reader<'_>) -> Option<bool> {
    let attribute = arn.pointer("/Fn::GetAtt/1").and_then(Json::as_str);
    match (arn.as_str().and_then(|arn| arn.split(':').nth(2)), attribute) {
        (Some("dynamodb"), _) | (None, Some("StreamArn")) => Some(true),
        (Some("kinesis"), _) => Some(false),
        _ => {
            reader.error(&node.at, "a `stream` event has the ARN of a stream, or a `type`: `dynamodb` or `kinesis`");
            None
        }
    }
}

fn consumer(node: &Node, of_table: bool, reader: &mut Reader<'_>) -> Option<StreamConsumer> {
    let consumer = node.get("consumer")?;
    if of_table {
        reader.error(&consumer.at, "the stream of a table has no consumers");
        return None;
    }
    if consumer.as_scalar().is_some_and(|scalar| matches!(scalar.text.as_str(), "true" | "false")) {
        return reader.boolean(node, "consumer").filter(|own| *own).map(|_| StreamConsumer::Own);
    }
    reader.arn(node, "consumer").map(StreamConsumer::Given)
}

fn on_failure(node: &Node, reader: &mut Reader<'_>) -> Option<Destination> {
    let destinations = node.get("destinations")?;
    reader.keys(destinations, "`destinations` of a stream", keys::STREAM_DESTINATIONS);
    let node = destinations.get("onFailure")?;
    match destination(node, "onFailure", reader)? {
        Destination::Function(name) => {
            reader.error(&node.at, format!("`{name}` is not the ARN of a queue or a topic"));
            None
        }
        destination => Some(destination),
    }
}
