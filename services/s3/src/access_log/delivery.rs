//! Brings lines to the buckets that their logs are in: as objects, written as `logging.s3.amazonaws.com`, which the bucket's policy has to
//! let in, or its access control list.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use service::journal::{Line, Round};
use service::{Cx, Upload};
use tokio_util::sync::CancellationToken;

use super::PRINCIPAL;
use crate::S3;
use crate::error::Error;
use crate::keys::{BUCKETS, BucketId};
use crate::limits;
use crate::model::content::bucket_names;
use crate::model::setting::{self, Kind};
use crate::model::{acl, bucket};
use crate::name;
use crate::ops::logging::{EVENT_TIME, Log, Logging};
use crate::ops::object_permission;
use crate::ops::put::{self, Order, PutObjectInput};
use crate::types::{Bucket, Grantee, Right};

const MEDIA_TYPE: &str = "text/plain";
/// What the end of a key is made of, and how much of it.
const UNIQUE: (&[u8], usize) = (b"0123456789ABCDEF", 16);

/// Delivers lines a while after the first of them has come, and those that are left at the end.
pub async fn deliver(state: Arc<S3>, cx: Cx, stop: CancellationToken) {
    let round = || async { Round::of(&cx, state.deliver_lines(&cx.renew()).await) };
    state.journal.rounds(limits::LOG_PACE, &stop, round).await;
}

impl S3 {
    /// Delivers all lines that have come. Those that could be delivered later stay; returns whether there are any.
    pub(super) async fn deliver_lines(&self, cx: &Cx) -> bool {
        let (of, lost) = self.journal.take();
        if lost > 0 {
            tracing::warn!(lines = lost, "access logs miss lines: there was no room for them in memory");
        }
        let mut some_stay = false;
        for (id, lines) in of {
            some_stay |= self.deliver_of(cx, id, lines).await;
        }
        some_stay
    }

    async fn deliver_of(&self, cx: &Cx, id: BucketId, lines: Vec<Line>) -> bool {
        let (source, log) = match log_of(cx, id) {
            Ok(Some(found)) => found,
            // There is no log any more.
            Ok(None) => return false,
            Err(error) => {
                tracing::error!(%error, "where an access log is kept cannot be read");
                self.journal.put_back(&id, lines);
                return true;
            }
        };
        let mut some_stay = false;
        for (key, lines) in objects(cx, &source, &log, lines) {
            let (from, to) = (&source.name, &log.target_bucket);
            let put = self.put_lines(cx, &source, &log, key, &lines).await;
            let Err(error) = put.map_err(service::Error::from) else { continue };
            if error.status >= 500 {
                tracing::warn!(bucket = %from, target = %to, %error, "an access log is delivered later");
                self.journal.put_back(&id, lines);
                some_stay = true;
            } else {
                let lines = lines.len();
                tracing::warn!(bucket = %from, target = %to, %error, lines, "an access log was not delivered");
            }
        }
        some_stay
    }

    async fn put_lines(&self, cx: &Cx, source: &Bucket, log: &Log, key: String, lines: &[Line]) -> Result<(), Error> {
        let acting = cx.acting_for(&name::arn(source.name.as_str()), PRINCIPAL).in_region(&source.region);
        let target = bucket::find(&cx.db().read()?, &log.target_bucket)?;
        let has_lists = acl::has_lists(&cx.db().read()?, target.id)?;
        if !(has_lists && is_let_in(cx, &target)?) {
            let permission = object_permission(&acting, "s3:PutObject", &target.name, &key);
            permission.and_then(|permission| acting.authorize(&permission)).map_err(Error::Told)?;
        }
        let input = PutObjectInput {
            bucket: target.name,
            key,
            content_type: Some(MEDIA_TYPE.to_owned()),
            acl: if has_lists { log.grants(cx)? } else { Default::default() },
            ..PutObjectInput::default()
        };
        let sizes = 0..=limits::PUT_BYTES_MAX;
        let order = Order { input, tags: BTreeMap::new(), event: "ObjectCreated:Put", sizes };
        let text = lines.iter().map(|line| line.text.as_str()).collect::<String>();
        put::store(self, &acting, order, Upload::whole(text.into())).await.map(drop)
    }
}

/// Whether a bucket's list lets in who delivers logs.
fn is_let_in(cx: &Cx, target: &Bucket) -> Result<bool, Error> {
    let grants = acl::of_bucket(&cx.db().read()?, target.id)?.unwrap_or_default();
    Ok(grants.iter().any(|grant| grant.grantee == Grantee::LogDelivery && grant.right.includes(Right::Write)))
}

/// A bucket that is still there, and where its log is kept.
fn log_of(cx: &Cx, id: BucketId) -> Result<Option<(Bucket, Log)>, Error> {
    let read = cx.db().read()?;
    let Some(name) = bucket_names(&read)?.remove(&id) else { return Ok(None) };
    let Some(bucket) = BUCKETS.get(&read, &name)? else { return Ok(None) };
    let Some(text) = setting::get(&read, id, Kind::Logging)? else { return Ok(None) };
    let logging: Logging = serde_json::from_str(&text).map_err(service::Error::internal)?;
    Ok(logging.logging_enabled.map(|log| (bucket, log)))
}

/// The objects that lines become, by their keys: one, or one for each day where keys tell that of requests.
fn objects(cx: &Cx, source: &Bucket, log: &Log, lines: Vec<Line>) -> Vec<(String, Vec<Line>)> {
    let format = log.target_object_key_format.as_ref();
    let partitioned = format.and_then(|format| format.partitioned_prefix.as_ref());
    let by_event = partitioned.is_some_and(|prefix| prefix.partition_date_source.as_deref() == Some(EVENT_TIME));
    let now = cx.env().now();
    let mut of: BTreeMap<Timestamp, Vec<Line>> = BTreeMap::new();
    for line in lines {
        let at = if by_event { day(line.at) } else { now };
        of.entry(at).or_default().push(line);
    }
    let place = |at: Timestamp| {
        let days = at.utc().strftime("%Y/%m/%d").to_string();
        format!("{}/{}/{}/{days}/", cx.account(), source.region, source.name)
    };
    let key = |at: Timestamp| {
        let place = partitioned.map(|_| place(at)).unwrap_or_default();
        let time = at.utc().strftime("%Y-%m-%d-%H-%M-%S").to_string();
        format!("{}{place}{time}-{}", log.target_prefix, cx.env().random_text(UNIQUE.0, UNIQUE.1))
    };
    of.into_iter().map(|(at, lines)| (key(at), lines)).collect()
}

/// When the day began that a moment is in.
fn day(at: Timestamp) -> Timestamp {
    const SECONDS: u64 = 24 * 60 * 60;
    Timestamp::from_secs(at.as_secs() / SECONDS * SECONDS)
}
