//! `sns` events: a topic where it is to be made, the subscription of the function, and the permission for the topic to invoke it.

use serde_json::{Value, json};

use super::{Compiler, arn, invoked, without_nulls};
use crate::diagnostic::At;
use crate::serverless::config::{EventSource, Function, Sns, SnsRedrive};
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn topics(&mut self) {
        let events = self.events(|source| match source {
            EventSource::Sns(sns) => Some(sns),
            _ => None,
        });
        for (function, at, sns) in events {
            self.topic(at, sns);
            self.subscription(function, at, sns);
            let permission = json!({
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": invoked(function),
                    "Action": "lambda:InvokeFunction",
                    "Principal": "sns.amazonaws.com",
                    "SourceArn": topic_arn(sns),
                },
            });
            self.add(&naming::topic_permission(&function.key, &sns.topic_name), permission, at);
        }
    }

    /// The topic, where it has no ARN. Several functions may subscribe to it; any may name what it is shown as.
    fn topic(&mut self, at: &At, sns: &Sns) {
        if sns.arn.is_some() {
            return;
        }
        let id = naming::topic(&sns.topic_name);
        let more = without_nulls(json!({"DisplayName": sns.display_name, "KmsMasterKeyId": sns.kms_master_key}));
        if let Some(properties) = self.template.properties_mut(&id) {
            properties.extend(more.as_object().cloned().unwrap_or_default());
            return;
        }
        let mut properties = json!({"TopicName": sns.topic_name});
        if let (Some(properties), Some(more)) = (properties.as_object_mut(), more.as_object()) {
            properties.extend(more.clone());
        }
        self.add(&id, json!({"Type": "AWS::SNS::Topic", "Properties": properties}), at);
    }

    fn subscription(&mut self, function: &Function, at: &At, sns: &Sns) {
        let topic = sns.arn.clone().unwrap_or_else(|| json!({"Ref": naming::topic(&sns.topic_name)}));
        let redrive = sns.redrive.as_ref().map(|redrive| json!({"deadLetterTargetArn": redrive.arn}));
        let properties = without_nulls(json!({
            "TopicArn": topic,
            "Protocol": "lambda",
            "Endpoint": invoked(function),
            "FilterPolicy": sns.filter_policy,
            "FilterPolicyScope": sns.filter_policy_scope,
            "RedrivePolicy": redrive,
        }));
        let resource = json!({"Type": "AWS::SNS::Subscription", "Properties": properties});
        self.add(&naming::topic_subscription(&function.key, &sns.topic_name), resource, at);
        if let Some(SnsRedrive { arn, url: Some(url) }) = &sns.redrive {
            let policy = json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn(sns)}},
                }],
            });
            let resource = json!({
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {"PolicyDocument": policy, "Queues": [url]},
            });
            self.add(&naming::topic_dead_letter_policy(&function.key, &sns.topic_name), resource, at);
        }
    }
}

/// The ARN of a topic, whether it is made here or not.
fn topic_arn(sns: &Sns) -> Value {
    sns.arn.clone().unwrap_or_else(|| arn("sns", &[json!(sns.topic_name)]))
}
