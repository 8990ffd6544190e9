//! PutBucketNotificationConfiguration and GetBucketNotificationConfiguration.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Cx, outbox};

use super::bucket::{BucketInput, Empty};
use super::destination;
use super::setting::{Document, keep, kept};
use crate::S3;
use crate::error::Error;
use crate::model::bucket;
use crate::model::setting::{self, Kind};

/// Who is told of what becomes of objects.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Notifications {
    pub topic_configurations: Vec<Told>,
    pub queue_configurations: Vec<Told>,
    pub lambda_function_configurations: Vec<Told>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_bridge_configuration: Option<EventBridge>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct EventBridge {}

/// One who is told, and of what. Each kind has its own name for whom.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Told {
    pub id: String,
    #[serde(alias = "TopicArn", skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(alias = "QueueArn", skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    #[serde(alias = "LambdaFunctionArn", skip_serializing_if = "Option::is_none")]
    pub cloud_function: Option<String>,
    pub events: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Filter {
    #[serde(rename = "S3Key", alias = "Key")]
    pub key: FilterKey,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FilterKey {
    pub filter_rules: Vec<FilterRule>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FilterRule {
    pub name: String,
    pub value: String,
}

/// Events that can be asked for and come to be here.
const EVENTS: [&str; 15] = [
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    "s3:ObjectAcl:Put",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
];

/// Events of what there is not here: storage classes, replication.
const OTHERS: [&str; 5] = [
    "s3:ObjectRestore:",
    "s3:ReducedRedundancyLostObject",
    "s3:Replication:",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
];

impl Told {
    /// Whom.
    pub fn target(&self) -> &str {
        self.topic.as_ref().or(self.queue.as_ref()).or(self.cloud_function.as_ref()).map_or("", String::as_str)
    }

    /// Whether it wants to hear of this (`ObjectCreated:Put`).
    pub fn wants(&self, event: &str, key: &str) -> bool {
        let named =
            self.events.iter().filter_map(|wanted| wanted.strip_prefix("s3:")).any(|wanted| {
                wanted == event || wanted.strip_suffix('*').is_some_and(|start| event.starts_with(start))
            });
        let rules = self.filter.iter().flat_map(|filter| &filter.key.filter_rules);
        named
            && rules.into_iter().all(|rule| match rule.name.to_ascii_lowercase().as_str() {
                "prefix" => key.starts_with(&rule.value),
                _ => key.ends_with(&rule.value),
            })
    }

    /// Whether both would be told of the same event of the same key.
    fn overlaps(&self, other: &Told) -> bool {
        let both = |one: &str, other: &str| {
            let covers = |one: &str, other: &str| one.strip_suffix('*').is_some_and(|start| other.starts_with(start));
            one == other || covers(one, other) || covers(other, one)
        };
        let rule = |told: &Told, name: &str| {
            let mut rules = told.filter.iter().flat_map(|filter| &filter.key.filter_rules);
            rules.find(|rule| rule.name.eq_ignore_ascii_case(name)).map(|rule| rule.value.clone()).unwrap_or_default()
        };
        let (prefixes, suffixes) =
            ((rule(self, "prefix"), rule(other, "prefix")), (rule(self, "suffix"), rule(other, "suffix")));
        self.events.iter().any(|event| other.events.iter().any(|another| both(event, another)))
            && (prefixes.0.starts_with(&prefixes.1) || prefixes.1.starts_with(&prefixes.0))
            && (suffixes.0.ends_with(&suffixes.1) || suffixes.1.ends_with(&suffixes.0))
    }

    fn check(&self, service: &str) -> Result<(), Error> {
        let whom = self.target();
        let invalid = |reason: String| Err(Error::argument("Configuration", whom, reason));
        let kind = match service {
            "sns" => "Topic",
            "sqs" => "Queue",
            _ => "CloudFunction",
        };
        let arn: Arn = whom.parse().map_err(|_| Error::argument(kind, whom, "The ARN could not be parsed"))?;
        if arn.service != service {
            return invalid("The ARN is not well formed".into());
        }
        if self.events.is_empty() {
            return Err(Error::MalformedXml);
        }
        for event in &self.events {
            if OTHERS.iter().any(|other| event.starts_with(other)) {
                return Err(Error::NotImplemented("a notification of restores, replication or transitions"));
            }
            if !EVENTS.contains(&event.as_str()) {
                return invalid("The event is not supported for notifications".into());
            }
        }
        let rules = self.filter.iter().flat_map(|filter| &filter.key.filter_rules);
        let mut seen = Vec::new();
        for rule in rules {
            let name = rule.name.to_ascii_lowercase();
            if !["prefix", "suffix"].contains(&name.as_str()) || seen.contains(&name) {
                return invalid("filter rule name must be either prefix or suffix, and each at most once".into());
            }
            seen.push(name);
        }
        Ok(())
    }
}

impl Notifications {
    /// All who are told.
    pub fn all(&self) -> impl Iterator<Item = &Told> {
        self.topic_configurations.iter().chain(&self.queue_configurations).chain(&self.lambda_function_configurations)
    }
}

impl Document for Notifications {
    const KIND: Kind = Kind::Notifications;

    fn missing(_: &str) -> Result<Notifications, Error> {
        Ok(Notifications::default())
    }

    fn check(&self) -> Result<(), Error> {
        self.topic_configurations.iter().try_for_each(|told| told.check("sns"))?;
        self.queue_configurations.iter().try_for_each(|told| told.check("sqs"))?;
        self.lambda_function_configurations.iter().try_for_each(|told| told.check("lambda"))?;
        let all: Vec<&Told> = self.all().collect();
        for (number, told) in all.iter().enumerate() {
            if all.iter().skip(number + 1).any(|other| told.overlaps(other)) {
                let reason = "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.";
                return Err(Error::argument("Configuration", told.target(), reason));
            }
        }
        Ok(())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutNotificationsInput {
    pub bucket: String,
    pub notification_configuration: Notifications,
    pub skip_destination_validation: bool,
}

pub async fn put(_: Arc<S3>, cx: Cx, input: PutNotificationsInput) -> Result<Empty, Error> {
    let mut document = input.notification_configuration;
    let lists = [
        &mut document.topic_configurations,
        &mut document.queue_configurations,
        &mut document.lambda_function_configurations,
    ];
    for told in lists.into_iter().flatten().filter(|told| told.id.is_empty()) {
        told.id = cx.env().uuid();
    }
    document.check()?;
    if input.skip_destination_validation {
        return keep(&cx, input.bucket, &document).await;
    }
    let bucket = bucket::find(&cx.db().read()?, &input.bucket)?;
    let tests = destination::checked(&cx, &bucket, &document)?;
    let text = serde_json::to_string(&document).map_err(service::Error::internal)?;
    let sender = cx.clone();
    let kept = cx.db().write(move |tx| {
        setting::put(tx, &input.bucket, Kind::Notifications, &text)?;
        tests.iter().try_for_each(|test| outbox::send(tx, &sender, test.clone(), None))?;
        Ok::<_, Error>(Empty {})
    });
    kept.await
}

pub async fn get(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Notifications, Error> {
    kept(&cx, &input.bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_told_says_of_what() {
        let rule = |name: &str, value: &str| FilterRule { name: name.into(), value: value.into() };
        let key = FilterKey { filter_rules: vec![rule("Prefix", "in/"), rule("suffix", ".jpg")] };
        let told = Told {
            queue: Some("arn:aws:sqs:us-east-1:000000000000:q".into()),
            events: vec!["s3:ObjectCreated:*".into(), "s3:ObjectRemoved:Delete".into()],
            filter: Some(Filter { key }),
            ..Told::default()
        };
        assert!(told.wants("ObjectCreated:Put", "in/a.jpg") && told.wants("ObjectRemoved:Delete", "in/a.jpg"));
        assert!(!told.wants("ObjectRemoved:DeleteMarkerCreated", "in/a.jpg"));
        assert!(!told.wants("ObjectCreated:Put", "a.jpg") && !told.wants("ObjectCreated:Put", "in/a.png"));
        let other = |events: &str, rules: Vec<FilterRule>| Told {
            events: vec![events.into()],
            filter: Some(Filter { key: FilterKey { filter_rules: rules } }),
            ..told.clone()
        };
        assert!(told.overlaps(&other("s3:ObjectCreated:Put", vec![rule("prefix", "in/deep/")])));
        assert!(told.overlaps(&other("s3:ObjectCreated:*", Vec::new())));
        assert!(!told.overlaps(&other("s3:ObjectCreated:Put", vec![rule("suffix", ".png")])));
        assert!(!told.overlaps(&other("s3:ObjectRemoved:DeleteMarkerCreated", Vec::new())));
        assert!(told.check("sqs").is_ok() && told.check("sns").is_err());
        assert!(Told { events: vec!["s3:Other".into()], ..told.clone() }.check("sqs").is_err());
        assert!(Told { queue: Some("q".into()), ..told }.check("sqs").is_err());
    }
}
