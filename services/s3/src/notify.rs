//! What others are told of objects: with the write that made or removed them, through the outbox.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use std::time::Duration;

use base::{Arn, Timestamp};
use kv::Tx;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use service::{Cx, Delivery, Failure, Sender, outbox};

use crate::error::Error;
use crate::model::lifecycle::Expired;
use crate::model::object::Deleted;
use crate::model::setting::{self, Kind};
use crate::name;
use crate::ops::bucket::owner;
use crate::ops::notification::Notifications;
use crate::thumbnails;
use crate::types::{Bucket, Object};

/// What has become of a key.
pub struct News<'a> {
    /// `ObjectCreated:Put`.
    pub event: &'static str,
    pub key: &'a str,
    pub version: Option<String>,
    /// Of an object that is there.
    pub object: Option<&'a Object>,
}

impl News<'_> {
    /// Of an object that came to be by this.
    pub fn created<'a>(event: &'static str, bucket: &Bucket, key: &'a str, object: &'a Object) -> News<'a> {
        let version = crate::ops::put::shown_version(bucket.versioning, object);
        News { event, key, version, object: Some(object) }
    }

    /// Of one that is gone.
    pub fn removed<'a>(key: &'a str, version: Option<&str>, deleted: &Deleted) -> News<'a> {
        let is_marker_made = deleted.marker && version.is_none();
        let event = if is_marker_made { "ObjectRemoved:DeleteMarkerCreated" } else { "ObjectRemoved:Delete" };
        News { event, key, version: deleted.version.clone(), object: None }
    }
}

impl News<'_> {
    /// Of one that a rule of its bucket has removed.
    pub fn expired(expired: &Expired) -> News<'_> {
        let event =
            if expired.is_covered { "LifecycleExpiration:DeleteMarkerCreated" } else { "LifecycleExpiration:Delete" };
        News { event, key: &expired.key, version: expired.version.clone(), object: None }
    }

    /// Whether it is of the bytes of an object, rather than of what is beside them.
    fn is_of_bytes(&self) -> bool {
        !self.event.starts_with("ObjectTagging:") && !self.event.starts_with("ObjectAcl:")
    }

    /// The version of records of its kind: kinds that came later have a later one.
    fn record_version(&self) -> &'static str {
        if self.is_of_bytes() && !self.event.starts_with("LifecycleExpiration:") { "2.1" } else { "2.3" }
    }

    /// The type that EventBridge knows it by, and the operation that it came of.
    fn for_bridge(&self) -> (&'static str, &'static str) {
        match self.event {
            "ObjectCreated:Put" => ("Object Created", "PutObject"),
            "ObjectCreated:Post" => ("Object Created", "PostObject"),
            "ObjectCreated:Copy" => ("Object Created", "CopyObject"),
            "ObjectCreated:CompleteMultipartUpload" => ("Object Created", "CompleteMultipartUpload"),
            "ObjectTagging:Put" => ("Object Tags Added", "PutObjectTagging"),
            "ObjectAcl:Put" => ("Object ACL Updated", "PutObjectAcl"),
            "ObjectTagging:Delete" => ("Object Tags Deleted", "DeleteObjectTagging"),
            "LifecycleExpiration:Delete" | "LifecycleExpiration:DeleteMarkerCreated" => {
                ("Object Deleted", "Lifecycle Expiration")
            }
            _ => ("Object Deleted", "DeleteObject"),
        }
    }
}

/// What stays as it is in keys of events; a space becomes a plus.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');

/// Tells whoever wants to hear of it, once `tx` commits.
///
/// # Errors
/// When the store refuses.
pub fn tell(tx: &mut Tx, cx: &Cx, bucket: &Bucket, news: &News<'_>) -> Result<(), Error> {
    thumbnails::order(tx, cx, bucket, news)?;
    let Some(text) = setting::get(tx, bucket.id, Kind::Notifications)? else { return Ok(()) };
    let wanted: Notifications = serde_json::from_str(&text).map_err(service::Error::internal)?;
    for told in wanted.all().filter(|told| told.wants(news.event, news.key)) {
        // They were looked at when they were kept.
        let Ok(to) = told.target().parse::<Arn>() else { continue };
        let event = json!({ "Records": [record(cx, bucket, news, &told.id)] }).to_string();
        let delivery = Delivery::new(cx, name::arn(bucket.name.as_str()), to, event.into());
        outbox::send(tx, cx, delivery, None)?;
    }
    if wanted.event_bridge_configuration.is_some() {
        let (detail_type, reason) = news.for_bridge();
        let resources = [name::arn(bucket.name.as_str()).to_string()];
        service::events::emit(tx, cx, "aws.s3", detail_type, &resources, || detail(cx, bucket, news, reason))?;
    }
    Ok(())
}

/// What EventBridge's rules and targets see of it.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>
fn detail(cx: &Cx, bucket: &Bucket, news: &News<'_>, reason: &str) -> Value {
    let mut object = json!({ "key": news.key });
    add_object(cx, news, &mut object, ["etag", "version-id"]);
    let mut detail = json!({
        "version": "0",
        "bucket": { "name": bucket.name },
        "object": object,
        "request-id": cx.request_id(),
        "requester": cx.account().as_str(),
        "source-ip-address": "127.0.0.1",
    });
    if news.is_of_bytes() {
        detail["reason"] = json!(reason);
    }
    match news.event {
        "ObjectRemoved:Delete" | "LifecycleExpiration:Delete" => detail["deletion-type"] = json!("Permanently Deleted"),
        "ObjectRemoved:DeleteMarkerCreated" | "LifecycleExpiration:DeleteMarkerCreated" => {
            detail["deletion-type"] = json!("Delete Marker Created")
        }
        _ => {}
    }
    detail
}

/// What is told of an object, under the names that the format has for its entity tag and version.
fn add_object(cx: &Cx, news: &News<'_>, object: &mut Value, [etag, version]: [&str; 2]) {
    if news.is_of_bytes() {
        object["sequencer"] = json!(sequencer(cx, news));
    }
    if let Some(there) = news.object {
        object[etag] = json!(there.etag);
        if news.is_of_bytes() {
            object["size"] = json!(there.size);
        }
    }
    if let Some(id) = &news.version {
        object[version] = json!(id);
    }
}

/// Later events of a key have greater ones.
fn sequencer(cx: &Cx, news: &News<'_>) -> String {
    format!("{:016X}", news.object.map_or(cx.now().as_millis() << 16, |object| object.sequence))
}

fn record(cx: &Cx, bucket: &Bucket, news: &News<'_>, configuration: &str) -> Value {
    let mut object = json!({ "key": utf8_percent_encode(news.key, KEPT).to_string().replace(' ', "+") });
    add_object(cx, news, &mut object, ["eTag", "versionId"]);
    json!({
        "eventVersion": news.record_version(),
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": cx.now().iso8601(),
        "eventName": news.event,
        "userIdentity": { "principalId": format!("AWS:{}", cx.caller().user_id) },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": cx.request_id(), "x-amz-id-2": cx.request_id() },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": { "principalId": owner(cx).id },
                "arn": name::arn(bucket.name.as_str()).to_string(),
            },
            "object": object,
        },
    })
}

/// How long a notification is tried again, and how often.
const AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// What becomes of notifications that fail: they are tried again for a day.
pub struct BucketSender;

impl Sender for BucketSender {
    fn retry_at(&self, cx: &Cx, delivery: &Delivery, _: &Failure) -> Option<Timestamp> {
        let pause = PAUSE_MIN.saturating_mul(1 << delivery.attempts.min(16)).min(PAUSE_MAX);
        let at = cx.env().now() + pause;
        (at.since(delivery.accepted) <= AGE_MAX).then_some(at)
    }

    fn undelivered(&self, cx: &Cx, tx: &mut Tx, delivery: &Delivery, failure: &Failure) -> Result<(), service::Error> {
        if thumbnails::is_order(delivery) {
            return thumbnails::tell_failure(cx, tx, delivery, failure);
        }
        let (to, from) = (&delivery.to, &delivery.from);
        tracing::warn!(%to, %from, code = failure.code, reason = failure.message, "a bucket's notification was given up");
        Ok(())
    }
}
