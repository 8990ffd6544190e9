//! Access logs: what becomes of requests to a bucket, which another bucket is told of from time to time.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html>. As there, a line that is lost is no error: those of
//! the last seconds go with a process that is killed, and so do those that nobody has room for.

mod delivery;
mod line;

pub use delivery::deliver;

use http::request::Parts;
use service::{Cloud, Witness};
use wire::rest_xml::Target;

use crate::S3;
use crate::keys::{BUCKETS, BucketId};
use crate::model::setting::{self, Kind};
use crate::name;
use crate::ops::copy::Source;
use line::{Door, Request};

/// The lines of buckets' logs.
pub type Journal = service::journal::Journal<BucketId>;

/// Who writes logs, in policies.
pub const PRINCIPAL: &str = "logging.s3.amazonaws.com";

/// Who notes what becomes of a request to a bucket, if that, or what a copy is made of, has a log.
pub fn watch(state: &S3, cloud: &Cloud, head: &Parts, of: &Target<'_>) -> Option<Witness> {
    watch_door(state, cloud, head, of, Door::Rest)
}

/// The same of a website.
pub fn watch_website(state: &S3, cloud: &Cloud, head: &Parts, of: &Target<'_>) -> Option<Witness> {
    watch_door(state, cloud, head, of, Door::Website)
}

fn watch_door(state: &S3, cloud: &Cloud, head: &Parts, of: &Target<'_>, door: Door) -> Option<Witness> {
    let bucket = logged(cloud, of.bucket.as_deref()?);
    let copied = head.headers.get("x-amz-copy-source").and_then(|source| Source::parse(source.to_str().ok()?).ok());
    let copied = copied.and_then(|source| Some((logged(cloud, &source.bucket)?, source)));
    if bucket.is_none() && copied.is_none() {
        return None;
    }
    let owner = name::canonical_id(cloud.account());
    let request = Request::new(head, of.key, owner, cloud.env().now(), door);
    let journal = state.journal.clone();
    Some(Box::new(move |answered| {
        if let Some((id, name)) = bucket {
            journal.note(id, request.came, request.line(&name, &answered));
        }
        if let Some(((id, name), source)) = copied {
            let line = request.of_source(&source).line(&name, &answered);
            journal.note(id, request.came, line);
        }
    }))
}

/// A bucket that has a log. Where the store cannot say so, nothing is noted.
fn logged(cloud: &Cloud, name: &str) -> Option<(BucketId, String)> {
    let read = cloud.db().read().ok()?;
    let bucket = BUCKETS.get(&read, name).ok()??;
    setting::get(&read, bucket.id, Kind::Logging).ok()?.map(|_| (bucket.id, bucket.name))
}
