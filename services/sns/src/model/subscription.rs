//! Subscriptions: making, confirming, changing and ending them.

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Read, Tx};
use service::timers;

use crate::error::Error;
use crate::keys::{ENDPOINTS, SUBSCRIPTIONS, TOKENS};
use crate::limits;
use crate::model::{replay, topic};
use crate::subscription_attributes;
use crate::types::{Protocol, Subscription, SubscriptionAttributes, Token, Topic};

/// A subscription's place: its topic's region and name, and its own id.
pub type Key = (String, String, String);

/// The key that an ARN stands for; `None` for the ARN of anything else.
pub fn key(arn: &Arn) -> Option<Key> {
    let (topic, id) = arn.resource.split_once(':')?;
    Some((arn.region.clone(), topic.to_owned(), id.to_owned()))
}

fn key_of(subscription: &Subscription) -> Key {
    (subscription.topic.region.clone(), subscription.topic.resource.clone(), subscription.id.clone())
}

pub fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Subscription, Error> {
    let (region, topic, id) = key(arn).ok_or(Error::NoSuchSubscription)?;
    let found: Option<Subscription> = SUBSCRIPTIONS.get(read, (&*region, &*topic, &*id))?;
    found.filter(|subscription| subscription.topic.account == arn.account).ok_or(Error::NoSuchSubscription)
}

fn put(tx: &mut Tx, subscription: &Subscription) -> Result<(), Error> {
    let (region, topic, id) = key_of(subscription);
    SUBSCRIPTIONS.put(tx, (&*region, &*topic, &*id), subscription)?;
    Ok(())
}

/// What became of a wish to subscribe.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribed {
    pub topic: Topic,
    pub subscription: Subscription,
}

/// Subscribes an endpoint, or finds the subscription that it has. `stated` are the attributes that the request names.
pub fn subscribe(tx: &mut Tx, wanted: &Subscription, stated: &[String]) -> Result<Subscribed, Error> {
    let topic = topic::find(tx, &wanted.topic)?;
    if let Some(existing) = existing(tx, wanted)? {
        let (shown, asked) = (subscription_attributes::settable(&existing), subscription_attributes::settable(wanted));
        if stated.iter().any(|name| shown.get(name.as_str()) != asked.get(name.as_str())) {
            return Err(Error::reason("Attributes", "Subscription already exists with different attributes"));
        }
        return Ok(Subscribed { topic, subscription: existing });
    }
    let mut subscription = wanted.clone();
    replay::start(tx, &topic, &mut subscription.attributes)?;
    insert(tx, &topic, &subscription)?;
    Ok(Subscribed { topic, subscription })
}

/// The subscription that the endpoint has already.
fn existing(read: &(impl Read + ?Sized), wanted: &Subscription) -> Result<Option<Subscription>, Error> {
    let (region, topic, _) = key_of(wanted);
    let id = ENDPOINTS.get(read, (&*region, &*topic, wanted.protocol.name(), &*wanted.endpoint))?;
    id.map_or(Ok(None), |id| Ok(SUBSCRIPTIONS.get(read, (&*region, &*topic, &*id))?))
}

fn insert(tx: &mut Tx, topic: &Topic, subscription: &Subscription) -> Result<(), Error> {
    let before = topic::counters(tx, topic.id)?;
    let limited = topic.is_fifo() || takes_large_messages(topic);
    if limited && before.confirmed + before.pending >= limits::FIFO_SUBSCRIPTIONS_MAX {
        return Err(Error::TooManySubscriptions);
    }
    check_large(topic, subscription.protocol)?;
    let filtered = subscription.attributes.filter.is_some();
    if filtered && before.filtered >= limits::FILTER_POLICIES_MAX {
        return Err(Error::TooManyFilters);
    }
    put(tx, subscription)?;
    let (region, name, id) = key_of(subscription);
    ENDPOINTS.put(tx, (&*region, &*name, subscription.protocol.name(), &*subscription.endpoint), &id)?;
    let pending = subscription.pending;
    topic::count(tx, topic.id, |counters| {
        *(if pending { &mut counters.pending } else { &mut counters.confirmed }) += 1;
        counters.filtered += u64::from(filtered);
    })?;
    if pending {
        let due = subscription.created + limits::CONFIRMATION_TIME;
        timers::set(tx, "sns", due, pending_key(subscription).as_bytes(), &Bytes::new())?;
    }
    if subscription.attributes.replay.is_some() {
        replay::schedule(tx, subscription.created, subscription)?;
    }
    Ok(())
}

/// Whether the topic takes messages that only some protocols can carry.
pub fn takes_large_messages(topic: &Topic) -> bool {
    topic.attributes.maximum_message_bytes.is_some_and(|bytes| bytes > limits::MESSAGE_BYTES_MAX)
}

/// Source: <https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html>, `MaximumMessageSize`.
pub fn check_large(topic: &Topic, protocol: Protocol) -> Result<(), Error> {
    if takes_large_messages(topic) && !matches!(protocol, Protocol::Sqs | Protocol::Lambda) {
        return Err(Error::reason(
            "MaximumMessageSize",
            "A topic with messages of more than 256 KiB delivers to sqs and lambda only",
        ));
    }
    Ok(())
}

const PENDING: &str = "pending ";

/// The key of the timer that ends a subscription which nobody confirmed.
fn pending_key(subscription: &Subscription) -> String {
    format!("{PENDING}{}", subscription.arn())
}

/// The subscription that such a timer is for.
pub fn of_pending_key(key: &[u8]) -> Option<Arn> {
    std::str::from_utf8(key).ok()?.strip_prefix(PENDING)?.parse().ok()
}

/// Ends a subscription that nobody confirmed.
pub fn expire(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    match find(tx, arn) {
        Ok(subscription) if subscription.pending => remove(tx, &subscription, false),
        Ok(_) | Err(Error::NoSuchSubscription) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Lets `token` confirm a subscription.
pub fn remember_token(tx: &mut Tx, now: Timestamp, token: &str, subscription: &Subscription) -> Result<(), Error> {
    let expires = now + limits::CONFIRMATION_TIME;
    let topic = Some(topic::find(tx, &subscription.topic)?.id);
    TOKENS.put(tx, token, &Token { subscription: subscription.clone(), expires, topic })?;
    timers::set(tx, "sns", expires, format!("{TOKEN}{token}").as_bytes(), &Bytes::new())?;
    Ok(())
}

const TOKEN: &str = "token ";

/// The token that a timer forgets.
pub fn of_token_key(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key).ok()?.strip_prefix(TOKEN)
}

pub fn forget_token(tx: &mut Tx, token: &str) -> Result<(), Error> {
    Ok(TOKENS.delete(tx, token)?)
}

/// Confirms what the token is for: a subscription that waits for it, or one that ended and is to go on. Confirming again
/// changes nothing. The topic's name in the request is of no interest, as on AWS; its region has to be right.
pub fn confirm(
    tx: &mut Tx,
    now: Timestamp,
    topic_arn: &Arn,
    token: &str,
    signed: bool,
    unsubscribe_with_signature: bool,
) -> Result<Arn, Error> {
    let known: Option<Token> = TOKENS.get(tx, token)?;
    let known = known.filter(|token| token.expires > now).ok_or_else(|| Error::parameter("Token"))?;
    if known.subscription.topic.region != topic_arn.region {
        return Err(Error::parameter("Topic"));
    }
    let arn = known.subscription.arn();
    let mut subscription = match find(tx, &arn) {
        Ok(current) if !current.pending => return Ok(arn),
        Ok(current) => current,
        Err(Error::NoSuchSubscription) => return restore(tx, token, known),
        Err(error) => return Err(error),
    };
    subscription.pending = false;
    subscription.confirmed_with_signature = signed;
    subscription.unsubscribe_with_signature = unsubscribe_with_signature;
    put(tx, &subscription)?;
    let topic = topic::find(tx, &subscription.topic)?;
    topic::count(tx, topic.id, |counters| {
        counters.pending = counters.pending.saturating_sub(1);
        counters.confirmed += 1;
    })?;
    Ok(arn)
}

/// Lets a subscription go on that was ended by its unsubscribe link: once, or whoever keeps the link could undo every
/// later wish to end it.
fn restore(tx: &mut Tx, token: &str, known: Token) -> Result<Arn, Error> {
    let subscription = known.subscription;
    // One that nobody confirmed in time, or whose topic is gone, is not there to go on.
    if subscription.pending {
        return Err(Error::parameter("Token"));
    }
    let topic = topic::find(tx, &subscription.topic).ok().filter(|topic| known.topic == Some(topic.id));
    let topic = topic.ok_or_else(|| Error::parameter("Token"))?;
    TOKENS.delete(tx, token)?;
    if let Some(another) = existing(tx, &subscription)? {
        return Ok(another.arn());
    }
    insert(tx, &topic, &subscription)?;
    Ok(subscription.arn())
}

/// Changes attributes by `change`, which sees the ones in force.
pub fn update(
    tx: &mut Tx,
    now: Timestamp,
    arn: &Arn,
    change: impl Fn(&Topic, &Subscription) -> Result<SubscriptionAttributes, Error>,
) -> Result<(), Error> {
    let before = find(tx, arn)?;
    let topic = topic::find(tx, &before.topic)?;
    let mut after = Subscription { attributes: change(&topic, &before)?, ..before.clone() };
    let (had, has) = (before.attributes.filter.is_some(), after.attributes.filter.is_some());
    if has && !had && topic::counters(tx, topic.id)?.filtered >= limits::FILTER_POLICIES_MAX {
        return Err(Error::TooManyFilters);
    }
    if had != has {
        topic::count(tx, topic.id, |counters| {
            counters.filtered = if has { counters.filtered + 1 } else { counters.filtered.saturating_sub(1) };
        })?;
    }
    let document =
        |attributes: &SubscriptionAttributes| attributes.replay.as_ref().map(|replay| replay.document.clone());
    if document(&before.attributes) != document(&after.attributes) {
        replay::start(tx, &topic, &mut after.attributes)?;
        replay::schedule(tx, now, &after)?;
    }
    put(tx, &after)
}

/// Stores how far a replay is.
pub fn put_replay(tx: &mut Tx, subscription: &Subscription) -> Result<(), Error> {
    put(tx, subscription)
}

/// Ends a subscription, and returns it; one that is not there has ended already. `signed` says whether the wish was.
pub fn unsubscribe(tx: &mut Tx, arn: &Arn, signed: bool) -> Result<Option<Subscription>, Error> {
    let subscription = match find(tx, arn) {
        Ok(subscription) => subscription,
        Err(Error::NoSuchSubscription) => return Ok(None),
        Err(error) => return Err(error),
    };
    if subscription.unsubscribe_with_signature && !signed {
        return Err(Error::Authorization(
            "Unsubscribe needs a signed request: the subscription was confirmed so".into(),
        ));
    }
    remove(tx, &subscription, true)?;
    Ok(Some(subscription))
}

fn remove(tx: &mut Tx, subscription: &Subscription, deleted: bool) -> Result<(), Error> {
    let (region, name, id) = key_of(subscription);
    SUBSCRIPTIONS.delete(tx, (&*region, &*name, &*id))?;
    ENDPOINTS.delete(tx, (&*region, &*name, subscription.protocol.name(), &*subscription.endpoint))?;
    let topic = topic::find(tx, &subscription.topic)?;
    topic::count(tx, topic.id, |counters| {
        let count = if subscription.pending { &mut counters.pending } else { &mut counters.confirmed };
        *count = count.saturating_sub(1);
        counters.filtered -= u64::from(subscription.attributes.filter.is_some()).min(counters.filtered);
        counters.deleted += u64::from(deleted);
    })?;
    Ok(())
}

/// A page of subscriptions, after the one with the key `after`, and whether there are more: of a region, or of one of its
/// topics.
pub fn list(
    read: &(impl Read + ?Sized),
    region: &str,
    topic: Option<&str>,
    after: Option<&Key>,
) -> Result<(Vec<Subscription>, bool), Error> {
    let start = (region.to_owned(), topic.unwrap_or_default().to_owned(), String::new());
    let (r, t, i) = after.unwrap_or(&start);
    let after = (r.as_str(), t.as_str(), i.as_str());
    let rows = match topic {
        Some(topic) => SUBSCRIPTIONS.scan_after(read, (region, topic), after, Order::Forward)?,
        None => SUBSCRIPTIONS.scan_after(read, region, after, Order::Forward)?,
    };
    let mut page = rows.values().take(limits::PAGE_ITEMS + 1).collect::<Result<Vec<_>, _>>()?;
    let more = page.len() > limits::PAGE_ITEMS;
    page.truncate(limits::PAGE_ITEMS);
    Ok((page, more))
}
