//! What topics and buses are told of a message.
//!
//! Source: <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html> and
//! <https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html>

use base::{Arn, Region, Timestamp};
use bytes::Bytes;
use kv::Tx;
use serde_json::{Map, Value, json};
use service::{Cx, Delivery, events, outbox};
use sha2::{Digest, Sha256};

use super::configuration_set;
use crate::error::Error;
use crate::keys::IDENTITIES;
use crate::types::{Feedback, Message};

/// What happened to a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: Kind,
    /// What there is to say of it, beside the message.
    pub detail: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Send,
    Delivery,
    Bounce,
    Complaint,
    Delay,
    RenderingFailure,
}

impl Kind {
    /// What event destinations, events, and events on a bus call it, and the member with its details.
    fn names(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Kind::Send => ("SEND", "Send", "Email Sent", "send"),
            Kind::Delivery => ("DELIVERY", "Delivery", "Email Delivered", "delivery"),
            Kind::Bounce => ("BOUNCE", "Bounce", "Email Bounced", "bounce"),
            Kind::Complaint => ("COMPLAINT", "Complaint", "Email Complaint Received", "complaint"),
            Kind::Delay => ("DELIVERY_DELAY", "DeliveryDelay", "Email Delivery Delayed", "deliveryDelay"),
            Kind::RenderingFailure => ("RENDERING_FAILURE", "Rendering Failure", "Email Rendering Failed", "failure"),
        }
    }

    fn feedback(self) -> Option<Feedback> {
        match self {
            Kind::Bounce => Some(Feedback::Bounce),
            Kind::Complaint => Some(Feedback::Complaint),
            Kind::Delivery => Some(Feedback::Delivery),
            _ => None,
        }
    }
}

/// Why a message did not reach a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// Whether it never will: then the address may get onto the suppression list.
    pub permanent: bool,
    pub subtype: &'static str,
    /// `5.1.1`
    pub status: String,
    pub diagnostic: String,
}

impl Event {
    pub fn send() -> Event {
        Event { kind: Kind::Send, detail: json!({}) }
    }

    pub fn delivery(now: Timestamp, message: &Message, recipient: &str, answer: &str) -> Event {
        let took = u64::try_from(now.since(message.accepted).as_millis()).unwrap_or(u64::MAX);
        let detail = json!({
            "timestamp": now.iso8601(),
            "processingTimeMillis": took,
            "recipients": [recipient],
            "smtpResponse": answer,
            "reportingMTA": "localhost",
        });
        Event { kind: Kind::Delivery, detail }
    }

    pub fn bounce(now: Timestamp, message: &Message, recipient: &str, bounce: &Bounce) -> Event {
        let detail = json!({
            "feedbackId": feedback_id(message, recipient),
            "bounceType": if bounce.permanent { "Permanent" } else { "Transient" },
            "bounceSubType": bounce.subtype,
            "bouncedRecipients": [{
                "emailAddress": recipient,
                "action": "failed",
                "status": bounce.status,
                "diagnosticCode": bounce.diagnostic,
            }],
            "timestamp": now.iso8601(),
            "reportingMTA": "dns; localhost",
        });
        Event { kind: Kind::Bounce, detail }
    }

    pub fn complaint(now: Timestamp, message: &Message, recipient: &str) -> Event {
        let detail = json!({
            "feedbackId": feedback_id(message, recipient),
            "complaintSubType": null,
            "complainedRecipients": [{"emailAddress": recipient}],
            "timestamp": now.iso8601(),
            "userAgent": "Amazon SES Mailbox Simulator",
            "complaintFeedbackType": "abuse",
            "arrivalDate": now.iso8601(),
        });
        Event { kind: Kind::Complaint, detail }
    }

    pub fn delay(now: Timestamp, until: Timestamp, recipient: &str, status: &str, diagnostic: &str) -> Event {
        let detail = json!({
            "timestamp": now.iso8601(),
            "delayType": "General",
            "expirationTime": until.iso8601(),
            "delayedRecipients": [{"emailAddress": recipient, "status": status, "diagnosticCode": diagnostic}],
        });
        Event { kind: Kind::Delay, detail }
    }

    pub fn rendering_failure(template: &str, error: &str) -> Event {
        Event { kind: Kind::RenderingFailure, detail: json!({"templateName": template, "errorMessage": error}) }
    }
}

/// The id of a bounce or complaint: of one message and recipient always the same.
pub fn feedback_id(message: &Message, recipient: &str) -> String {
    format!("0100{}-000000", uuid_of(&[&message.id, recipient]))
}

fn uuid_of(parts: &[&str]) -> String {
    let digest = hex::encode(Sha256::digest(parts.join("\n")));
    let part = |range| digest.get(range).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32))
}

/// Tells those who want to know of it, and says whether there are any.
pub fn publish(tx: &mut Tx, cx: &Cx, message: &Message, event: &Event) -> Result<bool, Error> {
    let by_set = publish_to_destinations(tx, cx, message, event)?;
    Ok(publish_to_topic(tx, cx, message, event)? || by_set)
}

fn publish_to_destinations(tx: &mut Tx, cx: &Cx, message: &Message, event: &Event) -> Result<bool, Error> {
    let Some(name) = &message.configuration_set else { return Ok(false) };
    let Some(set) = configuration_set::get(tx, &message.identity.region, name)? else { return Ok(false) };
    let (wanted, event_type, detail_type, member) = event.kind.names();
    let from = Arn { resource: format!("configuration-set/{name}"), ..message.identity.clone() };
    let mut told = false;
    for destination in &set.destinations {
        if !destination.enabled || !destination.events.iter().any(|known| known == wanted) {
            continue;
        }
        told = true;
        let mut body = Map::new();
        body.insert("eventType".into(), json!(event_type));
        body.insert("mail".into(), mail(message, Some(event.kind)));
        body.insert(member.into(), event.detail.clone());
        if destination.to.service == "sns" {
            tell(tx, cx, &from, &destination.to, &Value::Object(body))?;
        } else {
            let cx = in_region(cx, &message.identity.region);
            events::emit(tx, &cx, "aws.ses", detail_type, &[from.to_string()], || Value::Object(body))?;
        }
    }
    Ok(told)
}

/// What the outbox decides, it decides in the server's own region.
fn in_region(cx: &Cx, region: &str) -> Cx {
    match cx.region().as_str() == region {
        true => cx.clone(),
        false => cx.cloud().cx(cx.caller().clone(), Region::new(region), None),
    }
}

fn publish_to_topic(tx: &mut Tx, cx: &Cx, message: &Message, event: &Event) -> Result<bool, Error> {
    let Some(feedback) = event.kind.feedback() else { return Ok(false) };
    let name = message.identity.resource.strip_prefix("identity/").unwrap_or_default();
    let identity = IDENTITIES.get(tx, (&*message.identity.region, name))?;
    let topic = identity.and_then(|identity| identity.topics.get(&feedback).cloned());
    let Some((topic, with_headers)) = topic.and_then(|found| Some((found.topic?, found.with_headers))) else {
        return Ok(false);
    };
    let (_, kind, _, member) = event.kind.names();
    let mut mail = mail(message, None);
    if let (false, Value::Object(mail)) = (with_headers, &mut mail) {
        for name in ["headers", "headersTruncated", "commonHeaders"] {
            mail.shift_remove(name);
        }
    }
    let told = json!({"notificationType": kind, member: event.detail, "mail": mail});
    tell(tx, cx, &message.identity, &topic, &told)?;
    Ok(true)
}

/// Sends a text, or a document, to a topic.
pub fn tell(tx: &mut Tx, cx: &Cx, from: &Arn, to: &Arn, told: &Value) -> Result<(), Error> {
    let text = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
    Ok(outbox::send(tx, cx, Delivery::new(cx, from.clone(), to.clone(), Bytes::from(text)), None)?)
}

/// What there is to say of the message itself; with its tags where it is an event that tells of it.
fn mail(message: &Message, event: Option<Kind>) -> Value {
    let headers = message.headers.iter().map(|(name, value)| json!({"name": name, "value": value}));
    let mut mail = json!({
        "timestamp": message.accepted.iso8601(),
        "source": message.source,
        "sourceArn": message.identity.to_string(),
        "sendingAccountId": message.identity.account,
        "messageId": message.id,
        "destination": message.destination,
        "headersTruncated": message.headers_truncated,
        "headers": headers.collect::<Vec<_>>(),
        "commonHeaders": serde_json::from_str::<Value>(&message.common_headers).unwrap_or_default(),
    });
    match event {
        Some(_) => mail["tags"] = json!(message.tags),
        None => mail["callerIdentity"] = json!(message.caller),
    }
    mail
}
