//! `AWS::SNS::Topic`, `AWS::SNS::Subscription` and `AWS::SNS::TopicPolicy`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::shape::{Property, Shape, TAGS, TEXTS, fixed, ignored, property};
use super::{Cx, Made, Properties, Resource, Result, deleted, tags, text, text_of};
use crate::state::Deployed;

pub struct Topic;

/// Properties that are attributes of the topic under the same name, with what a topic has where they are not set.
const TOPIC_ATTRIBUTES: &[(&str, &str)] = &[
    ("DisplayName", ""),
    ("ContentBasedDeduplication", "false"),
    ("FifoThroughputScope", "Topic"),
    ("KmsMasterKeyId", ""),
    ("SignatureVersion", "1"),
    ("TracingConfig", "PassThrough"),
    ("ArchivePolicy", "{}"),
];

#[async_trait]
impl Resource for Topic {
    fn kind(&self) -> &'static str {
        "AWS::SNS::Topic"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("TopicName", Shape::Text),
                fixed("FifoTopic", Shape::Boolean),
                property("DisplayName", Shape::Text),
                property("ContentBasedDeduplication", Shape::Boolean),
                property("FifoThroughputScope", Shape::Text),
                property("KmsMasterKeyId", Shape::Text),
                property("SignatureVersion", Shape::Text),
                property("TracingConfig", Shape::Text),
                property("ArchivePolicy", Shape::Document),
                property("DataProtectionPolicy", Shape::Document),
                property(
                    "Subscription",
                    Shape::List(&Shape::Struct(&[("Endpoint", Shape::Text), ("Protocol", Shape::Text)])),
                ),
                property("Tags", TAGS),
                ignored("DeliveryStatusLogging"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["TopicArn", "TopicName"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("TopicName")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let fifo = wanted.get("FifoTopic") == Some(&Value::Bool(true));
        let suffix = if fifo { ".fifo" } else { "" };
        let name = match wanted.get("TopicName").and_then(Value::as_str) {
            Some(name) => name.to_string(),
            None => format!("{}{suffix}", cx.generated_name(256 - suffix.len())),
        };
        let mut attributes = attributes(wanted, TOPIC_ATTRIBUTES);
        if fifo {
            attributes.insert("FifoTopic".into(), json!("true"));
        }
        let mut input = json!({"Name": name, "Attributes": attributes, "Tags": tags::list(&tags::map(wanted))});
        if let Some(policy) = wanted.get("DataProtectionPolicy") {
            input["DataProtectionPolicy"] = policy.to_string().into();
        }
        let made = cx.call("sns", "CreateTopic", input).await?;
        let arn = text(&made, "TopicArn")?;
        for subscription in subscriptions(wanted) {
            subscribe(cx, arn, subscription, Map::new()).await?;
        }
        Ok(Made::new(arn, [("TopicArn", json!(arn)), ("TopicName", json!(name))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let arn = &old.physical_id;
        let changed = changes(&old.properties, wanted, TOPIC_ATTRIBUTES);
        for (name, value) in changed {
            let input = json!({"TopicArn": arn, "AttributeName": name, "AttributeValue": value});
            cx.call("sns", "SetTopicAttributes", input).await?;
        }
        let policy = wanted.get("DataProtectionPolicy").map(Value::to_string).unwrap_or_default();
        if old.properties.get("DataProtectionPolicy") != wanted.get("DataProtectionPolicy") {
            let input = json!({"ResourceArn": arn, "DataProtectionPolicy": policy});
            cx.call("sns", "PutDataProtectionPolicy", input).await?;
        }
        self.update_subscriptions(cx, old, wanted).await?;
        let (set, gone) = tags::changes(&tags::map(&old.properties), &tags::map(wanted));
        if !set.is_empty() {
            cx.call("sns", "TagResource", json!({"ResourceArn": arn, "Tags": tags::list(&set)})).await?;
        }
        if !gone.is_empty() {
            cx.call("sns", "UntagResource", json!({"ResourceArn": arn, "TagKeys": gone})).await?;
        }
        Ok(Made { physical_id: arn.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let arn = &old.physical_id;
        if old.properties.contains_key("ArchivePolicy") {
            // A topic with an archive cannot be deleted.
            let input = json!({"TopicArn": arn, "AttributeName": "ArchivePolicy", "AttributeValue": "{}"});
            deleted(cx.call("sns", "SetTopicAttributes", input).await)?;
        }
        deleted(cx.call("sns", "DeleteTopic", json!({"TopicArn": arn})).await)
    }
}

impl Topic {
    async fn update_subscriptions(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<()> {
        let arn = &old.physical_id;
        let (before, after) = (subscriptions(&old.properties), subscriptions(wanted));
        for subscription in after.iter().filter(|subscription| !before.contains(subscription)) {
            subscribe(cx, arn, subscription, Map::new()).await?;
        }
        for gone in before.iter().filter(|subscription| !after.contains(subscription)) {
            // Whoever is subscribed is found, and not subscribed a second time.
            let made = subscribe(cx, arn, gone, Map::new()).await?;
            unsubscribe(cx, &made).await?;
        }
        Ok(())
    }
}

fn subscriptions(properties: &Properties) -> &[Value] {
    properties.get("Subscription").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Subscribes, and returns the subscription's ARN.
async fn subscribe(cx: &Cx<'_>, topic: &str, subscription: &Value, attributes: Map<String, Value>) -> Result<String> {
    let input = json!({
        "TopicArn": topic,
        "Protocol": subscription["Protocol"],
        "Endpoint": subscription["Endpoint"],
        "Attributes": attributes,
        "ReturnSubscriptionArn": true,
    });
    let made = cx.call("sns", "Subscribe", input).await?;
    Ok(text(&made, "SubscriptionArn")?.to_string())
}

async fn unsubscribe(cx: &Cx<'_>, arn: &str) -> Result<()> {
    deleted(cx.call("sns", "Unsubscribe", json!({"SubscriptionArn": arn})).await)
}

/// The properties that are attributes: texts all, documents as JSON text.
fn attributes(properties: &Properties, names: &[(&str, &str)]) -> Map<String, Value> {
    let set = names.iter().filter_map(|(name, _)| properties.get(*name).map(|value| (name, value)));
    set.map(|(name, value)| {
        (name.to_string(), value.as_str().map_or_else(|| json!(value.to_string()), |text| json!(text)))
    })
    .collect()
}

/// The attributes to set for the new properties to be there in place of the old.
fn changes(old: &Properties, wanted: &Properties, names: &[(&str, &str)]) -> Map<String, Value> {
    let (before, after) = (attributes(old, names), attributes(wanted, names));
    let gone = names.iter().filter(|(name, _)| before.contains_key(*name) && !after.contains_key(*name));
    let defaults: Vec<_> = gone.map(|(name, value)| (name.to_string(), json!(value))).collect();
    after.into_iter().filter(|(name, value)| before.get(name) != Some(value)).chain(defaults).collect()
}

pub struct Subscription;

/// The same for subscriptions.
const SUBSCRIPTION_ATTRIBUTES: &[(&str, &str)] = &[
    ("FilterPolicyScope", "MessageAttributes"),
    ("FilterPolicy", "{}"),
    ("RawMessageDelivery", "false"),
    ("RedrivePolicy", "{}"),
    ("DeliveryPolicy", ""),
    ("SubscriptionRoleArn", ""),
    ("ReplayPolicy", "{}"),
];

#[async_trait]
impl Resource for Subscription {
    fn kind(&self) -> &'static str {
        "AWS::SNS::Subscription"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("TopicArn", Shape::Text).required(),
                fixed("Protocol", Shape::Text).required(),
                fixed("Endpoint", Shape::Text),
                property("FilterPolicy", Shape::Document),
                property("FilterPolicyScope", Shape::Text),
                property("RawMessageDelivery", Shape::Boolean),
                property("RedrivePolicy", Shape::Document),
                property("DeliveryPolicy", Shape::Document),
                property("SubscriptionRoleArn", Shape::Text),
                property("ReplayPolicy", Shape::Document),
                ignored("Region"),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Arn"]
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let topic = text_of(wanted, "TopicArn")?;
        let subscription = json!({"Protocol": wanted.get("Protocol"), "Endpoint": wanted.get("Endpoint")});
        let arn = subscribe(cx, topic, &subscription, attributes(wanted, SUBSCRIPTION_ATTRIBUTES)).await?;
        Ok(Made::new(arn.clone(), [("Arn", json!(arn))]))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let arn = &old.physical_id;
        let changed = changes(&old.properties, wanted, SUBSCRIPTION_ATTRIBUTES);
        // The scope decides what a filter may be: it comes first.
        let (scope, rest): (Vec<_>, Vec<_>) = changed.into_iter().partition(|(name, _)| name == "FilterPolicyScope");
        for (name, value) in scope.into_iter().chain(rest) {
            let input = json!({"SubscriptionArn": arn, "AttributeName": name, "AttributeValue": value});
            cx.call("sns", "SetSubscriptionAttributes", input).await?;
        }
        Ok(Made { physical_id: arn.clone(), attributes: old.attributes.clone() })
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        unsubscribe(cx, &old.physical_id).await
    }
}

pub struct TopicPolicy;

#[async_trait]
impl Resource for TopicPolicy {
    fn kind(&self) -> &'static str {
        "AWS::SNS::TopicPolicy"
    }

    fn properties(&self) -> &'static [Property] {
        const { &[property("PolicyDocument", Shape::Document).required(), property("Topics", TEXTS).required()] }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        set_policy(cx, wanted).await?;
        Ok(Made::new(cx.generated_name(128), []))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        set_policy(cx, wanted).await?;
        for topic in topics(&old.properties).filter(|topic| topics(wanted).all(|kept| kept != *topic)) {
            clear_policy(cx, topic).await?;
        }
        Ok(Made::new(old.physical_id.clone(), []))
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        for topic in topics(&old.properties) {
            clear_policy(cx, topic).await?;
        }
        Ok(())
    }
}

fn topics(properties: &Properties) -> impl Iterator<Item = &str> {
    properties.get("Topics").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

async fn set_policy(cx: &Cx<'_>, wanted: &Properties) -> Result<()> {
    let policy = wanted.get("PolicyDocument").map(Value::to_string).unwrap_or_default();
    for topic in topics(wanted) {
        let input = json!({"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy});
        cx.call("sns", "SetTopicAttributes", input).await?;
    }
    Ok(())
}

/// Without a policy of its own, a topic has AWS's default one.
async fn clear_policy(cx: &Cx<'_>, topic: &str) -> Result<()> {
    let input = json!({"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": ""});
    deleted(cx.call("sns", "SetTopicAttributes", input).await)
}
