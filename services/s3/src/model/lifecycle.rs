//! Lifecycle: what rules say of versions and uploads, and carrying it out in steps that are a transaction each.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>

use std::ops::Bound;
use std::time::Duration;

use base::Timestamp;
use kv::{Desc, Order, Read, Tx};
use serde::{Deserialize, Serialize};
use wire::DateTime;

use super::setting::{self, Kind};
use super::{lock, object, upload};
use crate::error::Error;
use crate::keys::{BucketId, OBJECTS, UPLOADS, VERSIONS};
use crate::limits;
use crate::types::{Bucket, Object, Sequence};

/// The rules of a bucket, as documents have them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Configuration {
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Rule {
    #[serde(rename = "ID", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// As rules had it before there were filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<Expiration>,
    pub transitions: Vec<Transition>,
    pub noncurrent_version_transitions: Vec<Transition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_version_expiration: Option<NoncurrentExpiration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_incomplete_multipart_upload: Option<Abort>,
}

/// What a rule is about: one of these, or several with `And` around them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Filter {
    #[serde(flatten)]
    pub own: Predicates,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub and: Option<Predicates>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Predicates {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// In documents a list whatever their number; a member of its own where there is one.
    #[serde(alias = "Tag", deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number")]
    pub object_size_greater_than: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "number")]
    pub object_size_less_than: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Tag>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Tags {
        Many(Vec<Tag>),
        One(Tag),
    }
    Ok(match Tags::deserialize(deserializer)? {
        Tags::Many(tags) => tags,
        Tags::One(tag) => vec![tag],
    })
}

/// A number that a document has as text.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Number(u64),
        Text(String),
    }
    match Number::deserialize(deserializer)? {
        Number::Number(number) => Ok(Some(number)),
        Number::Text(text) => text.trim().parse().map(Some).map_err(serde::de::Error::custom),
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Expiration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_object_delete_marker: Option<bool>,
}

/// To another storage class: kept and shown, and without effect, since all bytes are on the same disk.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Transition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer_noncurrent_versions: Option<i64>,
    pub storage_class: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NoncurrentExpiration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noncurrent_days: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer_noncurrent_versions: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Abort {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_after_initiation: Option<i64>,
}

/// A bucket's rules, and since when it has them: rounds of earlier ones end.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Kept {
    pub since: Timestamp,
    pub configuration: Configuration,
}

/// The rules of a bucket that has some.
///
/// # Errors
/// When the store cannot be read.
pub fn kept(read: &impl Read, bucket: BucketId) -> Result<Option<Kept>, Error> {
    let Some(text) = setting::get(read, bucket, Kind::Lifecycle)? else { return Ok(None) };
    Ok(Some(serde_json::from_str(&text).map_err(service::Error::internal)?))
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Midnight after so many days, as S3 counts.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>
pub fn midnight_after(from: Timestamp, days: i64) -> Timestamp {
    let days = u32::try_from(days).unwrap_or(u32::MAX).saturating_add(1);
    last_midnight(from) + DAY.saturating_mul(days)
}

fn last_midnight(now: Timestamp) -> Timestamp {
    let day = DAY.as_secs();
    Timestamp::from_secs(now.as_secs() / day * day)
}

/// When the next round begins.
pub fn next_round(now: Timestamp) -> Timestamp {
    midnight_after(now, 0)
}

impl Predicates {
    /// How many there are.
    pub fn count(&self) -> usize {
        usize::from(self.prefix.is_some())
            + self.tags.len()
            + usize::from(self.object_size_greater_than.is_some())
            + usize::from(self.object_size_less_than.is_some())
    }

    fn takes_key(&self, key: &str) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()))
    }

    /// A marker has neither tags nor a size: no rule that asks for them is about one.
    fn takes(&self, key: &str, object: &Object) -> bool {
        let by_content = self.count() > usize::from(self.prefix.is_some());
        self.takes_key(key)
            && !(object.marker && by_content)
            && self.tags.iter().all(|tag| object.tags.get(&tag.key) == Some(&tag.value))
            && self.object_size_greater_than.is_none_or(|size| object.size > size)
            && self.object_size_less_than.is_none_or(|size| object.size < size)
    }
}

impl Rule {
    fn is_enabled(&self) -> bool {
        self.status == "Enabled"
    }

    fn takes(&self, key: &str, object: &Object) -> bool {
        let by_prefix = self.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()));
        let by_filter = self.filter.as_ref().is_none_or(|filter| {
            filter.own.takes(key, object) && filter.and.as_ref().is_none_or(|all| all.takes(key, object))
        });
        self.is_enabled() && by_prefix && by_filter
    }

    /// When it ends a current version.
    fn expires(&self, key: &str, object: &Object) -> Option<Timestamp> {
        let expiration = self.expiration.as_ref().filter(|_| self.takes(key, object))?;
        let by_days = expiration.days.map(|days| midnight_after(object.modified, days));
        by_days.or(expiration.date.map(Timestamp::from))
    }

    /// Whether it ends a version that is not the current one: since when, and with how many newer ones of its kind.
    fn expires_noncurrent(&self, key: &str, object: &Object, since: Timestamp, newer: u64, now: Timestamp) -> bool {
        let Some(rule) = self.noncurrent_version_expiration.as_ref().filter(|_| self.takes(key, object)) else {
            return false;
        };
        let enough = rule.newer_noncurrent_versions.is_none_or(|kept| newer >= u64::try_from(kept).unwrap_or(0));
        enough && rule.noncurrent_days.is_some_and(|days| midnight_after(since, days) <= now)
    }

    /// Whether it ends a marker that nothing is left behind of.
    fn expires_marker(&self, key: &str, marker: &Object, now: Timestamp) -> bool {
        let asked = |expiration: &Expiration| expiration.expired_object_delete_marker == Some(true);
        let said = self.expiration.as_ref().is_some_and(asked) && self.takes(key, marker);
        said || self.expires(key, marker).is_some_and(|at| at <= now)
    }

    fn expires_upload(&self, key: &str, started: Timestamp, now: Timestamp) -> bool {
        let Some(abort) = self.abort_incomplete_multipart_upload.as_ref() else { return false };
        let filters = self.filter.iter().flat_map(|filter| [Some(&filter.own), filter.and.as_ref()]).flatten();
        let by_prefix = self.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()));
        self.is_enabled()
            && by_prefix
            && filters.into_iter().all(|all| all.takes_key(key))
            && abort.days_after_initiation.is_some_and(|days| midnight_after(started, days) <= now)
    }
}

impl Configuration {
    /// When a current version ends, and by which rule: whichever comes first.
    pub fn expiry(&self, key: &str, object: &Object) -> Option<(Timestamp, &str)> {
        let all = self.rules.iter().filter_map(|rule| Some((rule.expires(key, object)?, rule.id.as_str())));
        all.min_by_key(|(at, _)| *at)
    }
}

/// How far a round has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Cursor {
    #[default]
    Start,
    /// Behind this key of the current versions.
    Current(String),
    /// Behind this version of the others.
    Others(Place),
    /// Behind this upload.
    Uploads(String, String),
}
kv::stored!(Cursor, version = 1);

/// A version among a key's that are not current.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    key: String,
    sequence: Sequence,
    /// When the one after it was made: since then it is not the current one.
    since: Timestamp,
    /// How many there are from the current one to it.
    newer: u64,
}

/// What a step has removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    pub key: String,
    /// The one that is gone, or that of the marker.
    pub version: Option<String>,
    /// Whether a marker covers the key now, and nothing is gone.
    pub is_covered: bool,
}

/// One step of a round; where the next begins, if there is one.
///
/// # Errors
/// When the store refuses.
pub fn step(
    tx: &mut Tx,
    bucket: &Bucket,
    rules: &Configuration,
    cursor: Cursor,
    (now, salt): (Timestamp, u64),
) -> Result<(Vec<Expired>, Option<Cursor>), Error> {
    match cursor {
        Cursor::Start => current(tx, bucket, rules, None, (now, salt)),
        Cursor::Current(after) => current(tx, bucket, rules, Some(after), (now, salt)),
        Cursor::Others(place) => others(tx, bucket, rules, place, now),
        Cursor::Uploads(key, id) => Ok((Vec::new(), uploads(tx, bucket, rules, (key, id), now)?)),
    }
}

fn current(
    tx: &mut Tx,
    bucket: &Bucket,
    rules: &Configuration,
    after: Option<String>,
    (now, salt): (Timestamp, u64),
) -> Result<(Vec<Expired>, Option<Cursor>), Error> {
    let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let rows = OBJECTS.scan_range(tx, (bucket.id,), from, Bound::Unbounded::<&str>, Order::Forward)?;
    let (mut due, mut last, mut seen) = (Vec::new(), None, 0);
    for row in rows {
        let ((_, key), object) = row?;
        seen += 1;
        last = Some(key.clone());
        let is_due = rules.expiry(&key, &object).is_some_and(|(at, _)| at <= now);
        if is_due {
            due.push(key);
        }
        if seen == limits::LIFECYCLE_STEP || due.len() == limits::EXPIRED_PER_STEP {
            break;
        }
    }
    let mut expired = Vec::with_capacity(due.len());
    for key in due {
        let deleted = object::delete(tx, bucket, &key, now, salt)?;
        expired.push(Expired { key, version: deleted.version, is_covered: deleted.marker });
    }
    let more = seen == limits::LIFECYCLE_STEP || expired.len() == limits::EXPIRED_PER_STEP;
    let next = last.filter(|_| more).map(Cursor::Current);
    Ok((expired, next.or(Some(Cursor::Others(Place::default())))))
}

fn others(
    tx: &mut Tx,
    bucket: &Bucket,
    rules: &Configuration,
    mut place: Place,
    now: Timestamp,
) -> Result<(Vec<Expired>, Option<Cursor>), Error> {
    let begin = (bucket.id, place.key.as_str(), Desc(place.sequence));
    let rows = match place.key.as_str() {
        "" => VERSIONS.scan_prefix(tx, (bucket.id,), Order::Forward)?,
        _ => VERSIONS.scan_after(tx, (bucket.id,), begin, Order::Forward)?,
    };
    let rows = rows.take(limits::LIFECYCLE_STEP).collect::<Result<Vec<_>, _>>()?;
    let full = rows.len() == limits::LIFECYCLE_STEP;
    let mut expired = Vec::new();
    for ((_, key, Desc(sequence)), object) in rows {
        let is_first = key != place.key;
        let front = if is_first { OBJECTS.get(tx, (bucket.id, &key))? } else { None };
        // Without an object in front, the first of the others is the current version, and a marker.
        let is_front = is_first && front.is_none();
        let (since, newer) = match front {
            Some(front) => (front.modified, 0),
            None if is_first => (object.modified, 0),
            None => (place.since, place.newer),
        };
        let gone = if is_front {
            rules.rules.iter().any(|rule| rule.expires_marker(&key, &object, now)) && is_alone(tx, bucket.id, &key)?
        } else {
            rules.rules.iter().any(|rule| rule.expires_noncurrent(&key, &object, since, newer, now))
                && lock::check_delete(&object, now, false).is_ok()
        };
        // Those that a rule has removed count no less than those that stay: numbers are of how it was.
        place = Place { key, sequence, since: object.modified, newer: if is_front { 0 } else { newer + 1 } };
        if gone {
            let (key, version) = (place.key.clone(), object::shown(&object));
            object::delete_version(tx, bucket, &key, &version, (now, false))?;
            expired.push(Expired { key, version: Some(version), is_covered: false });
        }
        if expired.len() == limits::EXPIRED_PER_STEP {
            return Ok((expired, Some(Cursor::Others(place))));
        }
    }
    let next = if full { Cursor::Others(place) } else { Cursor::Uploads(String::new(), String::new()) };
    Ok((expired, Some(next)))
}

/// Whether a key has one version and no more.
fn is_alone(read: &impl Read, bucket: BucketId, key: &str) -> Result<bool, Error> {
    Ok(VERSIONS.scan_prefix(read, (bucket, key), Order::Forward)?.take(2).count() == 1)
}

fn uploads(
    tx: &mut Tx,
    bucket: &Bucket,
    rules: &Configuration,
    (key, id): (String, String),
    now: Timestamp,
) -> Result<Option<Cursor>, Error> {
    let rows = match key.as_str() {
        "" => UPLOADS.scan_prefix(tx, (bucket.id,), Order::Forward)?,
        key => UPLOADS.scan_after(tx, (bucket.id,), (bucket.id, key, id.as_str()), Order::Forward)?,
    };
    let rows = rows.take(limits::LIFECYCLE_STEP).collect::<Result<Vec<_>, _>>()?;
    let (full, mut aborted) = (rows.len() == limits::LIFECYCLE_STEP, 0);
    let mut last = None;
    for ((_, key, id), upload) in rows {
        if rules.rules.iter().any(|rule| rule.expires_upload(&key, upload.started, now)) {
            upload::abort(tx, bucket.id, &key, &id)?;
            aborted += 1;
        }
        last = Some(Cursor::Uploads(key, id));
        if aborted == limits::ABORTED_PER_STEP {
            return Ok(last);
        }
    }
    Ok(last.filter(|_| full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_end_at_midnight() {
        let at = |text: &str| Timestamp::parse_iso8601(text).unwrap();
        assert_eq!(midnight_after(at("2014-01-15T10:30:00Z"), 3), at("2014-01-19T00:00:00Z"));
        assert_eq!(next_round(at("2014-01-15T23:59:59Z")), at("2014-01-16T00:00:00Z"));
        assert_eq!(next_round(at("2014-01-16T00:00:00Z")), at("2014-01-17T00:00:00Z"));
        assert!(midnight_after(at("2014-01-15T10:30:00Z"), i64::MAX) > at("9999-01-01T00:00:00Z"));
    }

    #[test]
    fn filters_are_of_keys_tags_and_sizes() {
        let object = |size, tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let content = crate::types::Content::Nothing;
            crate::ops::put::new_object(size, String::new(), content, None, Default::default(), tags)
        };
        let takes = |filter: serde_json::Value, object: &Object| {
            let rule = serde_json::json!({"Status": "Enabled", "Filter": filter});
            serde_json::from_value::<Rule>(rule).unwrap().takes("logs/a", object)
        };
        let tagged = object(10, &[("a", "1"), ("b", "2")]);
        assert!(takes(serde_json::json!({}), &tagged));
        assert!(
            takes(serde_json::json!({"Prefix": "logs/"}), &tagged)
                && !takes(serde_json::json!({"Prefix": "l/"}), &tagged)
        );
        assert!(takes(serde_json::json!({"Tag": {"Key": "a", "Value": "1"}}), &tagged));
        assert!(!takes(serde_json::json!({"Tag": {"Key": "a", "Value": "2"}}), &tagged));
        assert!(!takes(serde_json::json!({"ObjectSizeGreaterThan": 10}), &tagged));
        let both = serde_json::json!({"And": {"Prefix": "logs/", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}], "ObjectSizeLessThan": 11}});
        assert!(takes(both.clone(), &tagged) && !takes(both, &object(10, &[("a", "1")])));
        let marker = Object { marker: true, ..object(0, &[]) };
        assert!(takes(serde_json::json!({"Prefix": "logs/"}), &marker));
        assert!(!takes(serde_json::json!({"ObjectSizeLessThan": 1}), &marker));
    }
}
