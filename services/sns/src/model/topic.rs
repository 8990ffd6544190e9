//! Topics: making, finding, changing and removing them.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use kv::{Order, Read, Tx};

use crate::error::Error;
use crate::keys::{
    ARCHIVE, COUNTERS, DUPLICATES, DUPLICATES_EXPIRY, ENDPOINTS, NEXT_TOPIC, SUBSCRIPTIONS, TOPICS, TopicId,
};
use crate::limits;
use crate::topic_attributes;
use crate::types::{Counters, Topic, TopicAttributes};

/// The topic of that ARN.
pub fn find(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Topic, Error> {
    let topic: Option<Topic> = TOPICS.get(read, (&*arn.region, &*arn.resource))?;
    topic.filter(|topic| topic.arn == *arn).ok_or(Error::NoSuchTopic)
}

/// What a request wants a topic to be.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub arn: Arn,
    /// As the request states them, and as they are with the defaults.
    pub stated: BTreeMap<String, String>,
    pub attributes: TopicAttributes,
    pub tags: BTreeMap<String, String>,
    pub data_protection_policy: Option<String>,
}

/// Makes a topic, or finds the one that is as wanted.
pub fn create(tx: &mut Tx, now: Timestamp, wanted: &Wanted) -> Result<(), Error> {
    let arn = &wanted.arn;
    if let Some(existing) = TOPICS.get(tx, (&*arn.region, &*arn.resource))? {
        return repeat(&existing, wanted);
    }
    let id = NEXT_TOPIC.get(tx, ())?.unwrap_or(1);
    NEXT_TOPIC.put(tx, (), &(id + 1))?;
    put(
        tx,
        &Topic {
            id,
            name: arn.resource.clone(),
            arn: arn.clone(),
            created: now,
            attributes: wanted.attributes.clone(),
            tags: wanted.tags.clone(),
            data_protection_policy: wanted.data_protection_policy.clone(),
        },
    )
}

/// Only what a request states is compared: a repeated, shorter request finds the topic too.
fn repeat(existing: &Topic, wanted: &Wanted) -> Result<(), Error> {
    let shown = topic_attributes::settable(existing);
    let wished = Topic { attributes: wanted.attributes.clone(), ..existing.clone() };
    let asked = topic_attributes::settable(&wished);
    if wanted.stated.keys().any(|name| shown.get(name.as_str()) != asked.get(name.as_str())) {
        return Err(Error::reason("Attributes", "Topic already exists with different attributes"));
    }
    if wanted.tags.iter().any(|(name, value)| existing.tags.get(name) != Some(value)) {
        return Err(Error::reason("Tags", "Topic already exists with different tags"));
    }
    Ok(())
}

/// Stores a topic that has changed.
pub fn put(tx: &mut Tx, topic: &Topic) -> Result<(), Error> {
    TOPICS.put(tx, (&*topic.arn.region, &*topic.name), topic)?;
    Ok(())
}

/// Changes a topic by `change`, which sees it as it is.
pub fn update(tx: &mut Tx, arn: &Arn, change: impl Fn(&mut Topic) -> Result<(), Error>) -> Result<(), Error> {
    let mut topic = find(tx, arn)?;
    change(&mut topic)?;
    put(tx, &topic)
}

/// Removes a topic with everything of it. One that is not there is removed already.
pub fn delete(tx: &mut Tx, arn: &Arn) -> Result<(), Error> {
    let topic = match find(tx, arn) {
        Ok(topic) => topic,
        Err(Error::NoSuchTopic) => return Ok(()),
        Err(error) => return Err(error),
    };
    if topic.attributes.archive.is_some() {
        // Source: <https://docs.aws.amazon.com/sns/latest/dg/message-archiving-and-replay-topic-owner.html>
        return Err(Error::parameter("Topic has an archive policy: remove it before you delete the topic"));
    }
    let key = (&*arn.region, &*arn.resource);
    TOPICS.delete(tx, key)?;
    SUBSCRIPTIONS.delete_prefix(tx, key)?;
    ENDPOINTS.delete_prefix(tx, key)?;
    COUNTERS.delete(tx, topic.id)?;
    DUPLICATES.delete_prefix(tx, topic.id)?;
    DUPLICATES_EXPIRY.delete_prefix(tx, topic.id)?;
    ARCHIVE.delete_prefix(tx, topic.id)?;
    Ok(())
}

/// A page of a region's topics in order of their names, after the one named `after`; and whether there are more.
pub fn list(read: &(impl Read + ?Sized), region: &str, after: Option<&str>) -> Result<(Vec<Topic>, bool), Error> {
    let rows = TOPICS.scan_after(read, region, (region, after.unwrap_or_default()), Order::Forward)?;
    let mut page = rows.values().take(limits::PAGE_ITEMS + 1).collect::<Result<Vec<_>, _>>()?;
    let more = page.len() > limits::PAGE_ITEMS;
    page.truncate(limits::PAGE_ITEMS);
    Ok((page, more))
}

pub fn counters(read: &(impl Read + ?Sized), id: TopicId) -> Result<Counters, Error> {
    Ok(COUNTERS.get(read, id)?.unwrap_or_default())
}

/// Changes a topic's counters.
pub fn count(tx: &mut Tx, id: TopicId, change: impl Fn(&mut Counters)) -> Result<Counters, Error> {
    let mut counters = counters(tx, id)?;
    change(&mut counters);
    COUNTERS.put(tx, id, &counters)?;
    Ok(counters)
}
