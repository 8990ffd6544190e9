//! Brings lines to the buckets that their logs are in: as objects, written as `logging.s3.amazonaws.com`, which the bucket's policy has to
//! let in, or its access control list.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use service::journal::Line;
use service::{Cx, Upload};
use tokio_util::sync::CancellationToken;

use super::{Journal, PRINCIPAL};
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
    let (lines_of, cx) = (&state, &cx);
    let round = || async move {
        match lines_of.deliver_lines(&cx.renew()).await {
            _ if cx.db().health().is_err() => Round::Last,
            true => Round::SomeStay,
            false => Round::Done,
        }
    };
    rounds(&state.journal, &stop, round).await;
}

/// What has become of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    Done,
    SomeStay,
    /// Nothing can be delivered any more.
    Last,
}

async fn rounds<F: Future<Output = Round>>(journal: &Journal, stop: &CancellationToken, round: impl Fn() -> F) {
    loop {
        journal.ripe(limits::LOG_PAUSE, stop).await;
        let is_last = stop.is_cancelled();
        let done = round().await;
        if is_last || done == Round::Last {
            return;
        }
        // Many that are put back ring for the next round at once.
        if done == Round::SomeStay {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(limits::LOG_RETRY_PAUSE) => {}
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    const END: Duration = Duration::from_secs(100);

    /// When rounds are made, in seconds, in which some lines stay as often as is said; with so many bytes of a line before each.
    async fn times(stays: usize, bytes: usize) -> Vec<u64> {
        let journal = Journal::new(limits::LOG_LINES_BYTES_MAX);
        let (stop, began) = (CancellationToken::new(), Instant::now());
        let rounds_made = Mutex::new(Vec::new());
        let line = "x".repeat(bytes);
        journal.note(1, Timestamp(0), line.clone());
        let round = || {
            let mut made = rounds_made.lock().unwrap();
            made.push(began.elapsed().as_secs());
            let (of, _) = journal.take();
            std::future::ready(if made.len() > stays {
                Round::Done
            } else {
                of.into_iter().for_each(|(bucket, lines)| journal.put_back(&bucket, lines));
                Round::SomeStay
            })
        };
        let ended = async {
            tokio::time::sleep(END).await;
            stop.cancel();
        };
        tokio::join!(rounds(&journal, &stop, round), ended);
        rounds_made.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn lines_wait_for_others_and_what_stays_waits_longer() {
        let (pause, retry) = (limits::LOG_PAUSE.as_secs(), limits::LOG_RETRY_PAUSE.as_secs());
        let last = END.as_secs();
        assert_eq!(times(0, 1).await, [pause, last]);
        assert_eq!(times(2, 1).await, [pause, pause + retry + pause, pause + 2 * (retry + pause), last]);
        // Many do not wait for more, but for what is in the way: else they would be tried again without a pause.
        let many = limits::LOG_LINES_BYTES_MAX / 2 + 1;
        assert_eq!(times(2, many).await, [0, retry, 2 * retry, last]);
    }
}
