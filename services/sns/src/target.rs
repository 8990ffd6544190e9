//! SNS as a target: other services publish to topics, and subscriptions stand for endpoints outside.

use std::sync::Arc;

use base::Arn;
use kv::Tx;
use mail::Mail;
use service::{BoxFuture, Cx, Delivery, Error as ServiceError, Failure, Outcome, Permission, Prepared, Target};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::model::fan_out::FanOut;
use crate::model::{publish, subscription, topic};
use crate::notification::{Kind, Letter};
use crate::ops::topic_permission;
use crate::types::{Content, Message, Protocol, Topic};
use crate::{Sns, http_endpoint};

pub struct SnsTarget(pub Arc<Sns>);

impl Target for SnsTarget {
    /// Topics are; a subscription's endpoint is outside the store.
    fn is_layer(&self, to: &Arn) -> bool {
        subscription::key(to).is_none()
    }

    /// Signs what another service publishes: it takes milliseconds.
    fn prepare(&self, cx: &Cx, delivery: &Delivery) -> BoxFuture<Option<Prepared>> {
        if delivery.from == delivery.to || !self.is_layer(&delivery.to) {
            return Box::pin(std::future::ready(None));
        }
        let (sns, cx, delivery) = (self.0.clone(), cx.clone(), delivery.clone());
        let signed = tokio::task::spawn_blocking(move || signed(&sns, &cx, &delivery));
        Box::pin(async move { Some(Arc::new(signed.await.ok()?.ok()?) as Prepared) })
    }

    fn accept(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery) -> Result<(), ServiceError> {
        let topic = topic::find(tx, &delivery.to)?;
        let signer = self.0.signer(tx)?;
        let sender = self.0.sender(&signer);
        if delivery.from == delivery.to {
            let fan_out: FanOut = serde_json::from_slice(&delivery.event).map_err(ServiceError::internal)?;
            return Ok(sender.go_on(tx, cx, &topic, fan_out)?);
        }
        cx.authorize_delivery(publish_permission(&topic, &delivery.from))?;
        let fan_out = FanOut::new(message(cx, &topic, delivery)?).signed_as(cx.prepared());
        publish::publish(tx, cx, &sender, &topic, fan_out)?;
        Ok(())
    }

    fn admits(&self, cx: &Cx, to: &Arn) -> Result<(), ServiceError> {
        let topic = topic::find(&cx.db().read()?, to)?;
        cx.authorize_delivery(publish_permission(&topic, &cx.caller().arn))
    }

    fn deliver(&self, cx: Cx, delivery: Delivery) -> BoxFuture<Outcome> {
        let sns = self.0.clone();
        Box::pin(async move {
            match post(&sns, &cx, &delivery).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::Failed(Failure { may_pass: true, ..failure("InternalError", error) }),
            }
        })
    }
}

fn signed(sns: &Sns, cx: &Cx, delivery: &Delivery) -> Result<FanOut, Error> {
    let read = cx.db().read()?;
    let topic = topic::find(&read, &delivery.to)?;
    let mut fan_out = FanOut::new(message(cx, &topic, delivery)?);
    let signer = sns.signer(&read)?;
    sns.sender(&signer).sign(&read, &topic, &mut fan_out)?;
    Ok(fan_out)
}

/// What another service publishes: its event is the message.
fn message(cx: &Cx, topic: &Topic, delivery: &Delivery) -> Result<Message, Error> {
    let text = std::str::from_utf8(&delivery.event).map_err(|_| Error::parameter("Message is not UTF-8"))?;
    let bytes = text.len() as u64;
    if text.is_empty() || bytes > publish::bytes_max(topic) {
        let reason = if text.is_empty() { "Empty message" } else { "Message too long" };
        return Err(Error::parameter(reason));
    }
    let id = publish::delivered_id(cx.request_id(), topic, delivery.accepted);
    let properties = &delivery.message;
    let mut message = Message {
        content: Content::Text(text.to_owned()),
        subject: subject(delivery),
        attributes: properties.attributes.clone(),
        published: cx.now(),
        group: properties.group.clone(),
        deduplication_id: properties.deduplication_id.clone().or_else(|| topic.is_fifo().then(|| id.clone())),
        sequence_number: None,
        id,
    };
    publish::fit(topic, &mut message)?;
    Ok(message)
}

/// Permission to publish. SES acts for the account that owns its resource, as the default policy of topics asks.
fn publish_permission(topic: &Topic, from: &Arn) -> Permission {
    let mut permission = topic_permission("sns:Publish", topic);
    if from.service == "ses" {
        permission.context.push(("AWS:SourceOwner".into(), vec![from.account.clone()]));
    }
    permission
}

/// What senders have as the subject of their messages.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ways-to-add-notification-config-to-bucket.html>, and
/// <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>
fn subject(delivery: &Delivery) -> Option<String> {
    match delivery.from.service.as_str() {
        "s3" => Some("Amazon S3 Notification".to_owned()),
        // An event; what tells that a destination was made has none.
        "ses" if delivery.from.resource.starts_with("configuration-set/") && delivery.event.starts_with(b"{") => {
            Some("Amazon SES Email Event Notification".to_owned())
        }
        _ => None,
    }
}

fn failure(code: &str, message: impl ToString) -> Failure {
    Failure::new(code, message.to_string(), false)
}

/// Brings a letter to its endpoint.
async fn post(sns: &Sns, cx: &Cx, delivery: &Delivery) -> Result<Outcome, Error> {
    let letter: Letter = serde_json::from_slice(&delivery.event).map_err(ServiceError::internal)?;
    let (topic, subscription) = {
        let read = cx.db().read()?;
        let topic = match topic::find(&read, &letter.topic) {
            Err(Error::NoSuchTopic) => return Ok(Outcome::GivenUp { reason: "the topic has been deleted".into() }),
            topic => topic?,
        };
        match subscription::find(&read, &delivery.to) {
            Ok(subscription) => (topic, Some(subscription)),
            // Who has unsubscribed is told that, and nothing more.
            Err(Error::NoSuchSubscription) if letter.kind == Kind::UnsubscribeConfirmation => (topic, None),
            Err(Error::NoSuchSubscription) => {
                return Ok(Outcome::GivenUp { reason: "the subscription has ended".into() });
            }
            Err(error) => return Err(error),
        }
    };
    if letter.protocol.is_mail() {
        return Ok(send_mail(sns, cx, &topic, &letter).await);
    }
    Ok(http_endpoint::post(sns, cx, &topic, subscription.as_ref(), &letter, &delivery.to).await)
}

async fn send_mail(sns: &Sns, cx: &Cx, topic: &Topic, letter: &Letter) -> Outcome {
    let name = match letter.kind {
        Kind::Notification if !topic.attributes.display_name.is_empty() => topic.attributes.display_name.clone(),
        _ => "AWS Notifications".to_owned(),
    };
    let id = hex::encode(Sha256::digest(format!("{} {}", letter.message_id, letter.endpoint))).split_off(32);
    let mail = Mail {
        id,
        sent: letter.sent,
        from: sns.mailer().sender(&name),
        to: vec![letter.endpoint.clone()],
        subject: letter.subject.clone().unwrap_or_else(|| "AWS Notification Message".to_owned()),
        text: letter.body.clone(),
        ..Mail::default()
    };
    match sns.mailer().send(cx.db(), mail).await {
        Ok(()) => Outcome::Delivered,
        Err(error) => Outcome::Failed(Failure { may_pass: error.may_pass(), ..failure("MailFailed", error) }),
    }
}

/// Whether an endpoint is one that this protocol can have, in AWS's words.
pub fn check_endpoint(protocol: Protocol, endpoint: &str, topic: &Arn) -> Result<(), Error> {
    let arn = |service: &str| endpoint.parse::<Arn>().ok().filter(|arn| arn.service == service);
    match protocol {
        Protocol::Http | Protocol::Https => {
            let scheme = format!("{}://", protocol.name());
            if !endpoint.starts_with(&scheme) {
                return Err(Error::parameter("Endpoint must match the specified protocol"));
            }
            outbound::check(endpoint).map_err(|error| Error::reason("Endpoint", error))
        }
        Protocol::Email | Protocol::EmailJson => {
            mail::check_address(endpoint).map_err(|_| Error::parameter("Email address"))
        }
        Protocol::Sqs => {
            let queue = arn("sqs").ok_or_else(|| Error::parameter("SQS endpoint ARN"))?;
            if queue.resource.ends_with(".fifo") && !topic.resource.ends_with(".fifo") {
                return Err(Error::parameter(
                    "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
                ));
            }
            Ok(())
        }
        Protocol::Lambda => arn("lambda").map(drop).ok_or_else(|| Error::parameter("Lambda endpoint ARN")),
    }
}
