//! SetIdentityNotificationTopic, SetIdentityHeadersInNotificationsEnabled, SetIdentityFeedbackForwardingEnabled,
//! GetIdentityNotificationAttributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use service::Cx;

use super::super::{Empty, check_topic};
use super::identity::IdentitiesInput;
use crate::Ses;
use crate::error::{Error, OfV1};
use crate::model::{event, identity};
use crate::types::{Feedback, Identity};

fn feedback(kind: &str) -> Result<Feedback, Error> {
    match kind {
        "Bounce" => Ok(Feedback::Bounce),
        "Complaint" => Ok(Feedback::Complaint),
        "Delivery" => Ok(Feedback::Delivery),
        other => Err(Error::invalid(format!(
            "Invalid notification type: {other}. Valid values are: Bounce, Complaint, Delivery."
        ))),
    }
}

/// An identity that is there, in these operations' own words for one that is not.
fn find(cx: &Cx, name: &str) -> Result<Identity, Error> {
    identity::find(&cx.db().read()?, cx.region().as_str(), name).map_err(|error| match error {
        Error::NoIdentity(name) => Error::Rejected(format!("Identity {name} is not verified or does not exist.")),
        error => error,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TopicInput {
    pub identity: String,
    notification_type: String,
    sns_topic: Option<String>,
}

pub async fn set_topic(_: Arc<Ses>, cx: Cx, input: TopicInput) -> Result<Empty, OfV1> {
    let kind = feedback(&input.notification_type)?;
    find(&cx, &input.identity)?;
    let topic = match input.sns_topic.as_deref().filter(|topic| !topic.is_empty()) {
        Some(topic) => Some(check_topic(&cx, topic).await.map_err(|error| match error {
            Error::NoTopic(topic) => Error::invalid(format!("Invalid SNS topic <{topic}>.")),
            error => error,
        })?),
        None => None,
    };
    let (region, name, cx) = (cx.region().to_string(), input.identity, cx.clone());
    cx.clone()
        .db()
        .write(move |tx| {
            identity::change(tx, &region, &name, &|identity| {
                identity.topics.entry(kind).or_default().topic.clone_from(&topic);
                Ok(())
            })?;
            let Some(topic) = &topic else { return Ok::<_, Error>(()) };
            let kind = &input.notification_type;
            let message = format!(
                "You have successfully subscribed your Amazon SNS topic '{topic}' to receive '{kind}' notifications from Amazon SES for identity '{name}'."
            );
            let told = json!({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": message});
            event::tell(tx, &cx, &identity::arn(&cx, &name), topic, &told)
        })
        .await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HeadersInput {
    pub identity: String,
    notification_type: String,
    enabled: bool,
}

pub async fn set_headers(_: Arc<Ses>, cx: Cx, input: HeadersInput) -> Result<Empty, OfV1> {
    let (kind, enabled) = (feedback(&input.notification_type)?, input.enabled);
    find(&cx, &input.identity)?;
    let set = move |identity: &mut Identity| {
        identity.topics.entry(kind).or_default().with_headers = enabled;
        Ok(())
    };
    Ok(super::identity::change(&cx, input.identity, set).await?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ForwardingInput {
    pub identity: String,
    forwarding_enabled: bool,
}

pub async fn set_forwarding(_: Arc<Ses>, cx: Cx, input: ForwardingInput) -> Result<Empty, OfV1> {
    find(&cx, &input.identity)?;
    let forwards = input.forwarding_enabled;
    let set = move |identity: &mut Identity| {
        let told = |kind: Feedback| identity.topics.get(&kind).is_some_and(|topic| topic.topic.is_some());
        if !(forwards || told(Feedback::Bounce) && told(Feedback::Complaint)) {
            let name = &identity.name;
            return Err(Error::invalid(format!(
                "Invalid notification configuration for <{name}>: topics for bounces and complaints must be set before forwarding is disabled."
            )));
        }
        identity.forwards_feedback = forwards;
        Ok(())
    };
    Ok(super::identity::change(&cx, input.identity, set).await?)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    notification_attributes: BTreeMap<String, Attributes>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    bounce_topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complaint_topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_topic: Option<String>,
    forwarding_enabled: bool,
    headers_in_bounce_notifications_enabled: bool,
    headers_in_complaint_notifications_enabled: bool,
    headers_in_delivery_notifications_enabled: bool,
}

pub async fn get(_: Arc<Ses>, cx: Cx, input: IdentitiesInput) -> Result<GetOutput, OfV1> {
    let told = input.told(&cx, |found| {
        let topic = |kind| found.topics.get(&kind)?.topic.as_ref().map(ToString::to_string);
        let headers = |kind| found.topics.get(&kind).is_some_and(|topic| topic.with_headers);
        Attributes {
            bounce_topic: topic(Feedback::Bounce),
            complaint_topic: topic(Feedback::Complaint),
            delivery_topic: topic(Feedback::Delivery),
            forwarding_enabled: found.forwards_feedback,
            headers_in_bounce_notifications_enabled: headers(Feedback::Bounce),
            headers_in_complaint_notifications_enabled: headers(Feedback::Complaint),
            headers_in_delivery_notifications_enabled: headers(Feedback::Delivery),
        }
    })?;
    Ok(GetOutput { notification_attributes: told })
}
