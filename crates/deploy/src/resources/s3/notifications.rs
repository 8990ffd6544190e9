//! `NotificationConfiguration` of a bucket, in the words of templates and of S3.

use serde_json::{Map, Value, json};

use super::super::shape::Shape;
use super::settings::each;

const FILTER: Shape = Shape::Struct(&[(
    "S3Key",
    Shape::Struct(&[("Rules", Shape::List(&Shape::Struct(&[("Name", Shape::Text), ("Value", Shape::Text)])))]),
)]);
pub const SHAPE: Shape = Shape::Struct(&[
    ("EventBridgeConfiguration", Shape::Struct(&[("EventBridgeEnabled", Shape::Boolean)])),
    (
        "LambdaConfigurations",
        Shape::List(&Shape::Struct(&[("Event", Shape::Text), ("Filter", FILTER), ("Function", Shape::Text)])),
    ),
    (
        "QueueConfigurations",
        Shape::List(&Shape::Struct(&[("Event", Shape::Text), ("Filter", FILTER), ("Queue", Shape::Text)])),
    ),
    (
        "TopicConfigurations",
        Shape::List(&Shape::Struct(&[("Event", Shape::Text), ("Filter", FILTER), ("Topic", Shape::Text)])),
    ),
]);

/// Lists of those who are told: the template's name and its member for whom, and S3's.
const LISTS: [(&str, &str, &str, &str); 3] = [
    ("LambdaConfigurations", "Function", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
    ("QueueConfigurations", "Queue", "QueueConfigurations", "QueueArn"),
    ("TopicConfigurations", "Topic", "TopicConfigurations", "TopicArn"),
];

/// What S3 is to be told.
pub fn configuration(value: &Value) -> Value {
    let mut configuration = Map::new();
    for (from, whom, to, arn) in LISTS {
        let told = each(value, from, |given| {
            let mut told = json!({"Events": [given.get("Event")], arn: given.get(whom)});
            if let Some(rules) = given.pointer("/Filter/S3Key/Rules") {
                told["Filter"] = json!({"Key": {"FilterRules": rules}});
            }
            told
        });
        if !told.is_empty() {
            configuration.insert(to.into(), told.into());
        }
    }
    // Enabled, unless it says otherwise.
    let bridge = value.get("EventBridgeConfiguration");
    if bridge.is_some_and(|bridge| bridge.get("EventBridgeEnabled") != Some(&json!(false))) {
        configuration.insert("EventBridgeConfiguration".into(), json!({}));
    }
    configuration.into()
}
