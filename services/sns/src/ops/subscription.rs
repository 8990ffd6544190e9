//! Subscribe, ConfirmSubscription, Unsubscribe, ListSubscriptions, ListSubscriptionsByTopic, GetSubscriptionAttributes,
//! SetSubscriptionAttributes; and the links that stand for some of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::{Cx, Delivery, Permission, outbox};

use super::publish;
use super::{decode_token, encode_token, parse_arn, permissions, topic_arn};
use crate::error::Error;
use crate::model::subscription::Subscribed;
use crate::model::{subscription, topic};
use crate::notification::{Confirmation, Kind};
use crate::subscription_attributes::{self, Subject};
use crate::types::{Protocol, Subscription, Topic};
use crate::{Sns, limits, target};

/// Of a token, in bytes.
const TOKEN_BYTES: usize = 144;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SubscribeInput {
    pub topic_arn: String,
    pub protocol: String,
    pub endpoint: String,
    pub attributes: BTreeMap<String, String>,
    pub return_subscription_arn: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SubscriptionArn {
    pub subscription_arn: String,
}

pub async fn subscribe(sns: Arc<Sns>, cx: Cx, input: SubscribeInput) -> Result<SubscriptionArn, Error> {
    let topic = topic_arn(&cx, &input.topic_arn)?;
    topic::find(&cx.db().read()?, &topic)?;
    let Some(protocol) = protocol(&input.protocol)? else { return Err(absent(&input, &topic)) };
    if input.endpoint.is_empty() {
        return Err(Error::missing("Endpoint"));
    }
    if input.endpoint.len() > limits::ENDPOINT_BYTES_MAX {
        return Err(Error::reason("Endpoint", format_args!("must be at most {} bytes", limits::ENDPOINT_BYTES_MAX)));
    }
    target::check_endpoint(protocol, &input.endpoint, &topic)?;
    if topic.resource.ends_with(".fifo") && protocol != Protocol::Sqs {
        // Source: <https://docs.aws.amazon.com/sns/latest/dg/fifo-message-delivery.html>
        return Err(Error::reason("Protocol", "FIFO topics deliver to sqs endpoints only"));
    }
    let subject = Subject { topic: &topic, protocol, endpoint: &input.endpoint };
    let wanted = Subscription {
        id: cx.env().uuid(),
        attributes: subscription_attributes::apply(&input.attributes, subject)?,
        topic,
        protocol,
        endpoint: input.endpoint,
        principal: cx.caller().arn.to_string(),
        created: cx.now(),
        // Queues and functions of this account need no confirmation: their own policies say whether they want messages.
        pending: protocol.is_http() || protocol.is_mail(),
        confirmed_with_signature: !(protocol.is_http() || protocol.is_mail()),
        unsubscribe_with_signature: false,
    };
    let stated: Vec<String> = input.attributes.into_keys().collect();
    let done = cx.db().write(move |tx| subscription::subscribe(tx, &wanted, &stated)).await?;
    let arn = done.subscription.arn().to_string();
    let pending = done.subscription.pending;
    if pending {
        ask(&sns, &cx, Kind::SubscriptionConfirmation, done).await?;
    }
    let shown = if pending && !input.return_subscription_arn { "pending confirmation".into() } else { arn };
    Ok(SubscriptionArn { subscription_arn: shown })
}

/// Why a subscription of a protocol that is not built is refused: what is wrong with it on AWS too comes first.
fn absent(input: &SubscribeInput, topic: &Arn) -> Error {
    if input.protocol == "sms" && !publish::is_phone_number(&input.endpoint) {
        return Error::Invalid(format!("Invalid SMS endpoint: {}", input.endpoint));
    }
    // Its attributes have the rules of all that are not sent to over HTTP.
    let subject = Subject { topic, protocol: Protocol::Lambda, endpoint: &input.endpoint };
    match subscription_attributes::apply(&input.attributes, subject) {
        Err(error) => error,
        Ok(_) => Error::NotImplemented(format!("sns:Subscribe with the protocol {}", input.protocol)),
    }
}

/// `None` for one that AWS has and this service does not.
fn protocol(name: &str) -> Result<Option<Protocol>, Error> {
    Ok(Some(match name {
        "http" => Protocol::Http,
        "https" => Protocol::Https,
        "email" => Protocol::Email,
        "email-json" => Protocol::EmailJson,
        "sqs" => Protocol::Sqs,
        "lambda" => Protocol::Lambda,
        "" => return Err(Error::missing("Protocol")),
        "sms" | "application" | "firehose" => return Ok(None),
        _ => return Err(Error::parameter(format!("Amazon SNS does not support this protocol string: {name}"))),
    }))
}

/// Asks an endpoint to confirm, with a token of its own.
async fn ask(sns: &Sns, cx: &Cx, kind: Kind, Subscribed { topic, subscription }: Subscribed) -> Result<(), Error> {
    let signer = sns.signer(&cx.db().read()?)?;
    let (message_id, token, now) = (cx.env().uuid(), token(cx), cx.now());
    let letter = Confirmation {
        kind,
        topic: &topic,
        subscription: &subscription,
        message_id: &message_id,
        token: &token,
        sent: now,
    }
    .letter(sns.base(), &signer);
    let event = serde_json::to_vec(&letter).map_err(service::Error::internal)?;
    let arn = subscription.arn();
    let delivery = Delivery { note: Bytes::from(arn.to_string()), ..Delivery::new(cx, topic.arn, arn, event.into()) };
    let cx = cx.clone();
    let db = cx.db().clone();
    db.write(move |tx| {
        subscription::remember_token(tx, now, &token, &subscription)?;
        Ok(outbox::send(tx, &cx, delivery.clone(), None)?)
    })
    .await
}

fn token(cx: &Cx) -> String {
    let mut bytes = [0; TOKEN_BYTES];
    cx.env().random(&mut bytes);
    hex::encode(bytes)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfirmInput {
    pub topic_arn: String,
    pub token: String,
    pub authenticate_on_unsubscribe: Option<String>,
}

pub async fn confirm(_: Arc<Sns>, cx: Cx, input: ConfirmInput) -> Result<SubscriptionArn, Error> {
    confirm_as(&cx, &input, true).await
}

/// Who follows the link has the token, and needs no more.
pub async fn confirm_by_link(cx: &Cx, input: &ConfirmInput) -> Result<SubscriptionArn, Error> {
    confirm_as(cx, input, false).await
}

async fn confirm_as(cx: &Cx, input: &ConfirmInput, signed: bool) -> Result<SubscriptionArn, Error> {
    let arn = input.topic_arn.parse::<Arn>().map_err(|_| Error::parameter("Topic"))?;
    if input.token.is_empty() {
        return Err(Error::missing("Token"));
    }
    if !input.token.bytes().all(|byte| byte.is_ascii_hexdigit()) || input.token.len() > TOKEN_BYTES * 2 {
        return Err(Error::Invalid("Invalid token".into()));
    }
    let stay = signed && input.authenticate_on_unsubscribe.as_deref() == Some("true");
    let (token, now) = (input.token.clone(), cx.now());
    let confirmed = cx.db().write(move |tx| subscription::confirm(tx, now, &arn, &token, signed, stay)).await?;
    Ok(SubscriptionArn { subscription_arn: confirmed.to_string() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UnsubscribeInput {
    pub subscription_arn: String,
}

pub async fn unsubscribe(_: Arc<Sns>, cx: Cx, input: UnsubscribeInput) -> Result<(), Error> {
    end(&cx, &input.subscription_arn, true).await.map(drop)
}

/// Who follows the link may be anybody: the endpoint is told, and can take it back.
pub async fn unsubscribe_by_link(sns: &Sns, cx: &Cx, input: &UnsubscribeInput) -> Result<(), Error> {
    let Some(subscription) = end(cx, &input.subscription_arn, false).await? else { return Ok(()) };
    if !(subscription.protocol.is_http() || subscription.protocol.is_mail()) || subscription.pending {
        return Ok(());
    }
    let topic = topic::find(&cx.db().read()?, &subscription.topic)?;
    ask(sns, cx, Kind::UnsubscribeConfirmation, Subscribed { topic, subscription }).await
}

async fn end(cx: &Cx, arn: &str, signed: bool) -> Result<Option<Subscription>, Error> {
    if arn.is_empty() {
        return Err(Error::missing("SubscriptionArn"));
    }
    let parsed = parse_arn(arn, "SubscriptionArn")?;
    if subscription::key(&parsed).is_none() || parsed.region != cx.region().as_str() {
        return Err(Error::parameter("SubscriptionId"));
    }
    cx.db().write(move |tx| subscription::unsubscribe(tx, &parsed, signed)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub topic_arn: Option<String>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub subscriptions: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub subscription_arn: String,
    pub owner: String,
    pub protocol: &'static str,
    pub endpoint: String,
    pub topic_arn: String,
}

impl From<Subscription> for Listed {
    fn from(subscription: Subscription) -> Listed {
        // Who has not confirmed may not be unsubscribed by its ARN: it is not shown.
        let arn = if subscription.pending { "PendingConfirmation".into() } else { subscription.arn().to_string() };
        Listed {
            subscription_arn: arn,
            owner: subscription.topic.account.clone(),
            protocol: subscription.protocol.name(),
            endpoint: subscription.endpoint,
            topic_arn: subscription.topic.to_string(),
        }
    }
}

pub async fn list(_: Arc<Sns>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    page(&cx, None, input.next_token.as_deref())
}

pub async fn list_by_topic(_: Arc<Sns>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let arn = topic_arn(&cx, &input.topic_arn.unwrap_or_default())?;
    let topic = topic::find(&cx.db().read()?, &arn)?;
    page(&cx, Some(&topic.name), input.next_token.as_deref())
}

fn page(cx: &Cx, topic: Option<&str>, token: Option<&str>) -> Result<ListOutput, Error> {
    let region = cx.region().as_str();
    let place = |token: String| {
        let (topic, id) = token.split_once(' ').ok_or_else(|| Error::reason("NextToken", "Invalid token"))?;
        Ok::<_, Error>((region.to_owned(), topic.to_owned(), id.to_owned()))
    };
    let after = decode_token(token)?.map(place).transpose()?;
    let (subscriptions, more) = subscription::list(&cx.db().read()?, region, topic, after.as_ref())?;
    let key = |last: &Subscription| encode_token(&format!("{} {}", last.topic.resource, last.id));
    let next_token = subscriptions.last().filter(|_| more).map(key);
    Ok(ListOutput { subscriptions: subscriptions.into_iter().map(Listed::from).collect(), next_token })
}

/// A request that names nothing but a subscription.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SubscriptionInput {
    pub subscription_arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributesOutput {
    pub attributes: BTreeMap<&'static str, String>,
}

pub async fn get_attributes(_: Arc<Sns>, cx: Cx, input: SubscriptionInput) -> Result<AttributesOutput, Error> {
    let arn = subscription_arn(&cx, &input.subscription_arn)?;
    let read = cx.db().read()?;
    let found = subscription::find(&read, &arn)?;
    let topic = topic::find(&read, &found.topic)?;
    Ok(AttributesOutput { attributes: subscription_attributes::shown(&topic, &found) })
}

fn subscription_arn(cx: &Cx, arn: &str) -> Result<Arn, Error> {
    let arn = parse_arn(arn, "SubscriptionArn")?;
    let here = arn.service == "sns" && arn.region == cx.region().as_str();
    if here { Ok(arn) } else { Err(Error::parameter("SubscriptionArn")) }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SetAttributesInput {
    pub subscription_arn: String,
    pub attribute_name: String,
    pub attribute_value: String,
}

pub async fn set_attributes(_: Arc<Sns>, cx: Cx, input: SetAttributesInput) -> Result<(), Error> {
    let (arn, now) = (subscription_arn(&cx, &input.subscription_arn)?, cx.now());
    let change = move |_: &Topic, subscription: &Subscription| {
        let Subscription { topic, protocol, endpoint, .. } = subscription;
        let mut attributes = subscription.attributes.clone();
        let subject = Subject { topic, protocol: *protocol, endpoint };
        subscription_attributes::set(&mut attributes, &input.attribute_name, &input.attribute_value, subject)?;
        Ok(attributes)
    };
    cx.db().write(move |tx| subscription::update(tx, now, &arn, &change)).await
}

/// Condition keys of their own tell policies who is to be subscribed.
/// Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html#sns-policy-keys>
pub fn subscribe_permissions(cx: &Cx, input: &SubscribeInput) -> Result<Vec<Permission>, service::Error> {
    let mut all = permissions(cx, "sns:Subscribe", &input.topic_arn)?;
    for permission in &mut all {
        permission.context.push(("sns:Endpoint".into(), vec![input.endpoint.clone()]));
        permission.context.push(("sns:Protocol".into(), vec![input.protocol.clone()]));
    }
    Ok(all)
}
