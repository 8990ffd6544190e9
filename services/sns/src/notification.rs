//! What subscribers get: the same message in the forms of the protocols.
//!
//! Sources: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html> and
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>

use base::{Arn, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use service::{Attribute, AttributeValue};

use crate::signature::Signer;
use crate::types::{Message, Protocol, Subscription, Topic};

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Notification => "Notification",
            Kind::SubscriptionConfirmation => "SubscriptionConfirmation",
            Kind::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// On its way to an endpoint outside: what the outbox keeps of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    pub kind: Kind,
    pub message_id: String,
    pub topic: Arn,
    pub protocol: Protocol,
    pub endpoint: String,
    pub subject: Option<String>,
    /// What is sent: the body of a request or of a mail.
    pub body: String,
    pub raw: bool,
    pub sent: Timestamp,
}

/// A signature, and what it was made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub version: u8,
    pub base64: String,
    pub certificate_url: String,
}

/// The URL of this server's certificate.
pub fn certificate_url(base: &str, signer: &Signer) -> String {
    format!("{base}/_aws/sns/{}", signer.certificate_file())
}

pub fn unsubscribe_url(base: &str, subscription: &Subscription) -> String {
    format!("{base}/?Action=Unsubscribe&SubscriptionArn={}", subscription.arn())
}

fn subscribe_url(base: &str, topic: &Arn, token: &str) -> String {
    format!("{base}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}")
}

/// What is signed of a message: some of its members in the order of their names, each on two lines.
fn signed_text<'a>(members: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let stated = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
    stated.map(|(name, value)| format!("{name}\n{value}\n")).collect()
}

/// Signs what subscribers of `topic` with this protocol get.
pub fn sign(signer: &Signer, base: &str, topic: &Topic, message: &Message, protocol: Protocol) -> Signature {
    let version = topic.attributes.signature_version.unwrap_or(1);
    let text = signed_text([
        ("Message", Some(message.content.of(protocol))),
        ("MessageId", Some(&message.id)),
        ("Subject", message.subject.as_deref()),
        ("Timestamp", Some(&message.published.iso8601())),
        ("TopicArn", Some(&topic.arn.to_string())),
        ("Type", Some(Kind::Notification.name())),
    ]);
    Signature { version, base64: signer.sign(version, &text), certificate_url: certificate_url(base, signer) }
}

/// The body for queues, HTTP endpoints and mail for programs.
pub fn body(
    base: &str,
    message: &Message,
    subscription: &Subscription,
    signature: Option<&Signature>,
    replayed: bool,
) -> String {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| _ = body.insert(name.to_owned(), value);
    put("Type", Kind::Notification.name().into());
    put("MessageId", message.id.as_str().into());
    if let Some(number) = &message.sequence_number {
        put("SequenceNumber", number.as_str().into());
    }
    put("TopicArn", json!(subscription.topic));
    if let Some(subject) = &message.subject {
        put("Subject", subject.as_str().into());
    }
    put("Message", message.content.of(subscription.protocol).into());
    put("Timestamp", message.published.iso8601().into());
    if replayed {
        put("Replayed", true.into());
    }
    if let Some(signature) = signature {
        put("SignatureVersion", signature.version.to_string().into());
        put("Signature", signature.base64.as_str().into());
        put("SigningCertURL", signature.certificate_url.as_str().into());
    }
    put("UnsubscribeURL", unsubscribe_url(base, subscription).into());
    if !message.attributes.is_empty() {
        put("MessageAttributes", attributes(message));
    }
    Value::Object(body).to_string()
}

/// The event for functions.
pub fn event(base: &str, message: &Message, subscription: &Subscription, signature: Option<&Signature>) -> String {
    let sns = json!({
        "Type": Kind::Notification.name(),
        "MessageId": message.id,
        "TopicArn": subscription.topic,
        "Subject": message.subject,
        "Message": message.content.of(subscription.protocol),
        "Timestamp": message.published.iso8601(),
        "SignatureVersion": signature.map(|signature| signature.version.to_string()),
        "Signature": signature.map(|signature| &signature.base64),
        "SigningCertUrl": signature.map(|signature| &signature.certificate_url),
        "UnsubscribeUrl": unsubscribe_url(base, subscription),
        "MessageAttributes": attributes(message),
    });
    let record = json!({
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn(),
        "Sns": sns,
    });
    json!({"Records": [record]}).to_string()
}

/// The notification in a function's event, as queues get it: some names differ, and nothing is there without a value.
pub fn of_event(event: &Value) -> String {
    let notification = event["Records"][0]["Sns"].as_object().cloned().unwrap_or_default();
    let name = |name: String| match name.as_str() {
        "SigningCertUrl" => "SigningCertURL".to_owned(),
        "UnsubscribeUrl" => "UnsubscribeURL".to_owned(),
        _ => name,
    };
    let is_there = |value: &Value| !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty());
    let members = notification.into_iter().filter(|(_, value)| is_there(value));
    Value::Object(members.map(|(key, value)| (name(key), value)).collect()).to_string()
}

fn attributes(message: &Message) -> Value {
    let shown = |Attribute { data_type, value }: &Attribute| {
        let value = match value {
            AttributeValue::Text(text) => text.clone(),
            AttributeValue::Binary(bytes) => STANDARD.encode(bytes),
        };
        json!({"Type": data_type, "Value": value})
    };
    message.attributes.iter().map(|(name, attribute)| (name.clone(), shown(attribute))).collect::<Map<_, _>>().into()
}

/// The text of a notification for people.
pub fn mail_text(base: &str, message: &Message, subscription: &Subscription) -> String {
    format!(
        "{}\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to \
         unsubscribe:\n{}\n",
        message.content.of(subscription.protocol),
        unsubscribe_url(base, subscription),
    )
}

/// What asks an endpoint whether it wants a subscription, or whether one that ended is to go on.
pub struct Confirmation<'a> {
    pub kind: Kind,
    pub topic: &'a Topic,
    pub subscription: &'a Subscription,
    pub message_id: &'a str,
    pub token: &'a str,
    pub sent: Timestamp,
}

impl Confirmation<'_> {
    fn text(&self) -> String {
        match self.kind {
            Kind::UnsubscribeConfirmation => format!(
                "You have chosen to deactivate subscription {}.\nTo cancel this operation and restore the subscription, \
                 visit the SubscribeURL included in this message.",
                self.subscription.arn()
            ),
            _ => format!(
                "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL \
                 included in this message.",
                self.topic.arn
            ),
        }
    }

    pub fn letter(&self, base: &str, signer: &Signer) -> Letter {
        let (body, subject) = match self.subscription.protocol {
            Protocol::Email => (self.mail(base), Some(self.mail_subject().to_owned())),
            Protocol::EmailJson => (self.json(base, signer), Some(self.mail_subject().to_owned())),
            _ => (self.json(base, signer), None),
        };
        Letter {
            kind: self.kind,
            message_id: self.message_id.to_owned(),
            topic: self.topic.arn.clone(),
            protocol: self.subscription.protocol,
            endpoint: self.subscription.endpoint.clone(),
            subject,
            body,
            raw: false,
            sent: self.sent,
        }
    }

    fn mail_subject(&self) -> &'static str {
        match self.kind {
            Kind::UnsubscribeConfirmation => "AWS Notification - Unsubscribe Confirmation",
            _ => "AWS Notification - Subscription Confirmation",
        }
    }

    fn mail(&self, base: &str) -> String {
        let (topic, url) = (&self.topic.arn, subscribe_url(base, &self.topic.arn, self.token));
        match self.kind {
            Kind::UnsubscribeConfirmation => format!(
                "Your subscription to the topic below has been deactivated:\n{topic}\n\nIf this was in error, click or visit \
                 the link below to subscribe again:\n{url}\n"
            ),
            _ => format!(
                "You have chosen to subscribe to the topic:\n{topic}\n\nTo confirm this subscription, click or visit the link \
                 below (If this was in error no action is necessary):\n{url}\n"
            ),
        }
    }

    fn json(&self, base: &str, signer: &Signer) -> String {
        let version = self.topic.attributes.signature_version.unwrap_or(1);
        let (text, topic, sent) = (self.text(), self.topic.arn.to_string(), self.sent.iso8601());
        let url = subscribe_url(base, &self.topic.arn, self.token);
        let signed = signed_text([
            ("Message", Some(text.as_str())),
            ("MessageId", Some(self.message_id)),
            ("SubscribeURL", Some(&url)),
            ("Timestamp", Some(&sent)),
            ("Token", Some(self.token)),
            ("TopicArn", Some(&topic)),
            ("Type", Some(self.kind.name())),
        ]);
        json!({
            "Type": self.kind.name(),
            "MessageId": self.message_id,
            "Token": self.token,
            "TopicArn": topic,
            "Message": text,
            "SubscribeURL": url,
            "Timestamp": sent,
            "SignatureVersion": version.to_string(),
            "Signature": signer.sign(version, &signed),
            "SigningCertURL": certificate_url(base, signer),
        })
        .to_string()
    }
}
