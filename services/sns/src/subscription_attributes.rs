//! Subscription attributes between their form on the wire (text by name) and the stored one.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html>

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::delivery_policy::{Effective, SubscriptionPolicy};
use crate::error::Error;
use crate::filter;
use crate::types::{Protocol, Redrive, Replay, ReplayStatus, Subscription, SubscriptionAttributes, Topic};

/// Whom attributes are for, as far as their rules ask.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub topic: &'a Arn,
    pub protocol: Protocol,
    pub endpoint: &'a str,
}

impl Subject<'_> {
    fn is_fifo(&self) -> bool {
        self.topic.resource.ends_with(".fifo")
    }
}

/// Applies what a request states to a new subscription's attributes.
pub fn apply(stated: &BTreeMap<String, String>, subject: Subject) -> Result<SubscriptionAttributes, Error> {
    let mut attributes = SubscriptionAttributes::default();
    // The scope decides what a filter may be.
    let (first, rest): (Vec<_>, Vec<_>) = stated.iter().partition(|(name, _)| *name == "FilterPolicyScope");
    for (name, value) in first.into_iter().chain(rest) {
        set(&mut attributes, name, value, subject).map_err(|error| match error {
            // Words of a request with several attributes.
            Error::InvalidParameter(reason) => Error::reason("Attributes", reason),
            other => other,
        })?;
    }
    Ok(attributes)
}

/// Sets one attribute.
pub fn set(attributes: &mut SubscriptionAttributes, name: &str, value: &str, subject: Subject) -> Result<(), Error> {
    match name {
        "RawMessageDelivery" => attributes.raw = raw(value)?,
        "FilterPolicy" => attributes.filter = filter::check(value, attributes.filters_body)?,
        "FilterPolicyScope" => {
            attributes.filters_body = match value {
                "MessageBody" => true,
                "MessageAttributes" => false,
                _ => {
                    return Err(Error::parameter(format!(
                        "FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
                    )));
                }
            }
        }
        "RedrivePolicy" => attributes.redrive = redrive(value, subject)?,
        "DeliveryPolicy" if subject.protocol.is_http() => {
            attributes.delivery_policy = SubscriptionPolicy::parse(value)?
        }
        "DeliveryPolicy" => {
            return Err(Error::parameter("DeliveryPolicy: only http and https subscriptions have one"));
        }
        "SubscriptionRoleArn" => attributes.role = Some(value.to_owned()).filter(|role| !role.is_empty()),
        "ReplayPolicy" if subject.is_fifo() => attributes.replay = replay(value)?,
        _ => return Err(Error::parameter("AttributeName")),
    }
    Ok(())
}

fn raw(value: &str) -> Result<bool, Error> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Ok(true),
        _ if value.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Error::parameter(format!("RawMessageDelivery: Invalid value [{value}]. Must be true or false."))),
    }
}

fn redrive(value: &str, subject: Subject) -> Result<Option<Redrive>, Error> {
    if value.is_empty() || value.trim() == "{}" {
        return Ok(None);
    }
    let invalid = |reason: &str| Error::parameter(format!("RedrivePolicy: {reason}"));
    let document: Value = serde_json::from_str(value)
        .map_err(|error| Error::parameter(format!("RedrivePolicy: failed to parse JSON. {error}")))?;
    let target = document["deadLetterTargetArn"].as_str().and_then(|arn| arn.parse::<Arn>().ok());
    let target = target
        .filter(|arn| {
            arn.service == "sqs" && arn.account == subject.topic.account && arn.region == subject.topic.region
        })
        .ok_or_else(|| invalid("deadLetterTargetArn is an invalid arn"))?;
    if subject.is_fifo() && subject.endpoint.ends_with(".fifo") && !target.resource.ends_with(".fifo") {
        return Err(invalid("must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."));
    }
    Ok(Some(Redrive { target, document: value.to_owned() }))
}

fn replay(value: &str) -> Result<Option<Replay>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Wire {
        point_type: String,
        starting_point: String,
        ending_point: Option<String>,
    }
    if value.is_empty() || value.trim() == "{}" {
        return Ok(None);
    }
    let invalid = |reason: &str| Error::parameter(format!("ReplayPolicy: {reason}"));
    let wire: Wire = serde_json::from_str(value).map_err(|_| invalid("failed to parse JSON."))?;
    if wire.point_type != "Timestamp" {
        return Err(invalid("PointType must be Timestamp."));
    }
    let moment = |text: &str| Timestamp::parse_iso8601(text).ok_or_else(|| invalid("Points must be in ISO 8601."));
    let (from, until) = (moment(&wire.starting_point)?, wire.ending_point.as_deref().map(moment).transpose()?);
    if until.is_some_and(|until| until < from) {
        return Err(invalid("EndingPoint must not be before StartingPoint."));
    }
    Ok(Some(Replay { document: value.to_owned(), status: ReplayStatus::Pending, next: (from, 0), until }))
}

/// The attributes that can be set, as clients see them. Unset ones are left out.
pub fn settable(subscription: &Subscription) -> BTreeMap<&'static str, String> {
    let attributes = &subscription.attributes;
    let mut shown = BTreeMap::from([("RawMessageDelivery", attributes.raw.to_string())]);
    if let Some(filter) = &attributes.filter {
        shown.insert("FilterPolicy", filter.clone());
        let scope = if attributes.filters_body { "MessageBody" } else { "MessageAttributes" };
        shown.insert("FilterPolicyScope", scope.into());
    }
    if let Some(redrive) = &attributes.redrive {
        shown.insert("RedrivePolicy", redrive.document.clone());
    }
    if let Some(policy) = &attributes.delivery_policy {
        shown.insert("DeliveryPolicy", json!(policy).to_string());
    }
    if let Some(role) = &attributes.role {
        shown.insert("SubscriptionRoleArn", role.clone());
    }
    if let Some(replay) = &attributes.replay {
        shown.insert("ReplayPolicy", replay.document.clone());
    }
    shown
}

/// Every attribute, as `GetSubscriptionAttributes` shows it.
pub fn shown(topic: &Topic, subscription: &Subscription) -> BTreeMap<&'static str, String> {
    let mut shown = settable(subscription);
    shown.extend([
        ("ConfirmationWasAuthenticated", subscription.confirmed_with_signature.to_string()),
        ("Endpoint", subscription.endpoint.clone()),
        ("Owner", subscription.topic.account.clone()),
        ("PendingConfirmation", subscription.pending.to_string()),
        ("Protocol", subscription.protocol.name().to_owned()),
        ("SubscriptionArn", subscription.arn().to_string()),
        ("SubscriptionPrincipal", subscription.principal.clone()),
        ("TopicArn", subscription.topic.to_string()),
    ]);
    if subscription.protocol.is_http() {
        let effective = Effective::of(topic, Some(subscription));
        shown.insert("EffectiveDeliveryPolicy", effective.subscription_document());
    }
    if let Some(replay) = &subscription.attributes.replay {
        let status = match replay.status {
            ReplayStatus::Pending => "Pending",
            ReplayStatus::InProgress => "In progress",
            ReplayStatus::Completed => "Completed",
            ReplayStatus::Failed => "Failed",
        };
        shown.insert("ReplayStatus", status.into());
    }
    shown
}
