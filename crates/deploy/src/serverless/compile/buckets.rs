//! `s3` events: the bucket where it is to be made, what it tells, and the permission for it to invoke the function. Of a bucket
//! that is there, what it tells is a resource of its own.

use serde_json::{Map, Value, json};

use super::{Compiler, invoked, without_nulls};
use crate::diagnostic::At;
use crate::serverless::config::{EventBucket, EventSource, Function, ProviderBucket, S3};
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn buckets(&mut self) {
        let events = self.events(|source| match source {
            EventSource::S3(s3) => Some(s3),
            _ => None,
        });
        for (function, at, s3) in events {
            match &s3.bucket {
                EventBucket::Made(called) => self.made_bucket(function, at, s3, called),
                EventBucket::Existing(bucket) => self.existing_bucket(function, at, s3, bucket),
            }
        }
    }

    /// One bucket tells all functions that name it.
    fn made_bucket(&mut self, function: &Function, at: &At, s3: &S3, called: &str) {
        let configured = self.service.provider.buckets.iter().find(|bucket| bucket.key == called);
        let name = configured.and_then(|bucket| bucket.name.as_deref()).unwrap_or(called);
        if !is_bucket_name(name) {
            let message =
                format!("`{name}` cannot be a bucket's name: it has 3 to 63 small letters, digits, dots and hyphens");
            self.diagnostics.error(at, message);
            return;
        }
        let permission = naming::bucket_permission(&function.key, called);
        let filter = (!s3.rules.is_empty()).then(|| json!({"S3Key": {"Rules": s3.rules}}));
        let told = without_nulls(json!({"Event": s3.event, "Function": invoked(function), "Filter": filter}));
        let id = naming::bucket(called);
        if !self.template.resources.contains_key(&id) {
            let resource = json!({"Type": "AWS::S3::Bucket", "Properties": bucket(name, configured), "DependsOn": []});
            self.add(&id, resource, at);
        }
        if let Some(resource) = self.template.resources.get_mut(&id) {
            push(resource.pointer_mut("/Properties/NotificationConfiguration/LambdaConfigurations"), told);
            push(resource.get_mut("DependsOn"), json!(permission));
            if let Some(alias) = function.alias() {
                push(resource.get_mut("DependsOn"), json!(naming::alias(&function.key, alias)));
            }
        }
        let properties = json!({
            "FunctionName": invoked(function),
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
            "SourceArn": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, format!(":s3:::{name}")]]},
            "SourceAccount": {"Ref": "AWS::AccountId"},
        });
        self.add(&permission, json!({"Type": "AWS::Lambda::Permission", "Properties": properties}), at);
    }

    fn existing_bucket(&mut self, function: &Function, at: &At, s3: &S3, bucket: &Value) {
        let id = naming::existing_bucket(&function.key);
        let rules = (!s3.rules.is_empty()).then_some(&s3.rules);
        let told = without_nulls(json!({"Event": s3.event, "Rules": rules}));
        if let Some(properties) = self.template.properties_mut(&id) {
            if properties.get("BucketName") == Some(bucket) {
                push(properties.get_mut("BucketConfigs"), told);
            } else {
                let message = "a function takes the events of one existing bucket only, and these are of another";
                self.diagnostics.error(at, message);
            }
            return;
        }
        let properties = json!({
            "FunctionName": function.name,
            "FunctionArn": invoked(function),
            "BucketName": bucket,
            "BucketConfigs": [told],
        });
        self.add(&id, json!({"Type": "Custom::S3", "Properties": properties}), at);
    }
}

/// The properties of a bucket: those of the provider over the event's.
fn bucket(name: &str, configured: Option<&ProviderBucket>) -> Map<String, Value> {
    let mut properties = Map::new();
    properties.insert("BucketName".into(), json!(name));
    let mut notifications = json!({"LambdaConfigurations": []});
    for (property, value) in configured.iter().flat_map(|bucket| &bucket.properties) {
        match (property.as_str(), value) {
            ("NotificationConfiguration", Value::Object(own)) => {
                own.iter().for_each(|(kind, told)| notifications[kind] = told.clone());
            }
            _ => {
                properties.insert(property.clone(), value.clone());
            }
        }
    }
    properties.insert("NotificationConfiguration".into(), notifications);
    properties
}

fn push(list: Option<&mut Value>, item: Value) {
    let Some(items) = list.and_then(Value::as_array_mut) else { return };
    if !items.contains(&item) {
        items.push(item);
    }
}

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn is_bucket_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(fits) && !label.starts_with('-') && !label.ends_with('-')
    };
    (3..=63).contains(&name.len()) && name.split('.').all(is_label) && name.parse::<std::net::Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_have_names_of_their_own_kind() {
        assert!(is_bucket_name("shop-dev.uploads") && is_bucket_name("abc"));
        for name in ["ab", "Shop", "shop_dev", "-shop", "shop-", "shop..dev", "10.0.0.1", &"a".repeat(64)] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }
}
