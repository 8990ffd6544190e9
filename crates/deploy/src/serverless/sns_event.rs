//! `sns` events: a topic by its name, which is then made, or by its ARN.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/events/sns>

use serde_json::{Value as Json, json};

use super::config::{Sns, SnsRedrive};
use super::event::reader_function;
use super::keys;
use super::read::Reader;
use crate::yaml::Node;

pub fn read(item: &Node, node: &Node, reader: &mut Reader<'_>) -> Option<Sns> {
    if let Some(scalar) = node.as_scalar() {
        return of_text(&scalar.text);
    }
    if node.get("arn").is_none() && node.get("topicName").is_none() && reader_function(node) {
        reader.error(&node.at, "a topic whose ARN is computed needs its name too: `arn` and `topicName`");
        return None;
    }
    reader.keys(node, "an `sns` event", keys::SNS_EVENT);
    let arn = match node.get("arn") {
        Some(_) => Some(reader.arn(node, "arn")?),
        None => None,
    };
    let named = reader.word(node, "topicName");
    let of_arn = || arn.as_ref().and_then(Json::as_str).and_then(|arn| arn.rsplit(':').next()).map(str::to_string);
    let Some(topic_name) = named.or_else(of_arn) else {
        reader.error(&item.at, "an `sns` event has the `topicName` of its topic, or its `arn` as text");
        return None;
    };
    Some(Sns {
        topic_name,
        arn,
        display_name: reader.text(node, "displayName"),
        kms_master_key: node.get("kmsMasterKeyId").and_then(|key| reader.text_value(key, "kmsMasterKeyId")),
        filter_policy: node.get("filterPolicy").map(Node::json),
        filter_policy_scope: reader.word(node, "filterPolicyScope"),
        redrive: match node.get("redrivePolicy") {
            Some(policy) => Some(redrive(policy, reader)?),
            None => None,
        },
    })
}

/// A name, or an ARN.
fn of_text(text: &str) -> Option<Sns> {
    if text.starts_with("arn:") {
        let topic_name = text.rsplit(':').next()?.to_string();
        return Some(Sns { topic_name, arn: Some(text.into()), ..Sns::default() });
    }
    Some(Sns { topic_name: text.to_string(), ..Sns::default() })
}

fn redrive(node: &Node, reader: &mut Reader<'_>) -> Option<SnsRedrive> {
    reader.keys(node, "`redrivePolicy`", keys::SNS_REDRIVE);
    if node.get("deadLetterTargetArn").is_some() {
        return Some(SnsRedrive { arn: reader.arn(node, "deadLetterTargetArn")?, url: None });
    }
    if let Some(queue) = reader.word(node, "deadLetterTargetRef") {
        let (arn, url) = (json!({"Fn::GetAtt": [queue, "Arn"]}), json!({"Ref": queue}));
        return Some(SnsRedrive { arn, url: Some(url) });
    }
    let Some(import) = node.get("deadLetterTargetImport") else {
        let names = "`deadLetterTargetArn`, `deadLetterTargetRef` or `deadLetterTargetImport`";
        reader.error(&node.at, format!("`redrivePolicy` has {names}"));
        return None;
    };
    reader.keys(import, "`deadLetterTargetImport`", keys::SNS_REDRIVE_IMPORT);
    let value = |name: &str, reader: &mut Reader<'_>| {
        let name = reader.word(import, name)?;
        Some(json!({"Fn::ImportValue": name}))
    };
    let arn = value("arn", reader);
    let url = value("url", reader);
    if arn.is_none() {
        reader.error(&import.at, "`deadLetterTargetImport` has the `arn` of the queue, as another stack exports it");
    }
    Some(SnsRedrive { arn: arn?, url })
}
