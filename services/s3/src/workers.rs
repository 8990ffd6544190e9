//! What S3 does by itself: deleting files that no object refers to any more, and carrying out the rules of buckets' lifecycles.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use blob::BlobId;
use bytes::Bytes;
use kv::{Order, Stored, Tx};
use serde::{Deserialize, Serialize};
use service::{Cx, timers};
use tokio_util::sync::CancellationToken;

use crate::S3;
use crate::error::Error;
use crate::keys::{BUCKETS, BucketId, GARBAGE, REFERENCES, blob_key, garbage_channel};
use crate::limits;
use crate::model::content;
use crate::model::lifecycle::{self, Cursor};
use crate::notify::{News, tell};
use crate::types::Bucket;

/// A round of a bucket's lifecycle: the key of its timer, whose payload is how far the round has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Round {
    bucket: String,
    id: BucketId,
    /// Of the rules that it carries out. With others it is over.
    since: Timestamp,
}
kv::stored!(Round, version = 1);

/// Has rounds begin, of the rules that a bucket has since now.
///
/// # Errors
/// When the store refuses.
pub fn begin_rounds(tx: &mut Tx, bucket: &Bucket, since: Timestamp) -> Result<(), Error> {
    let round = Round { bucket: bucket.name.clone(), id: bucket.id, since };
    Ok(timers::set(tx, "s3", since, &round.to_bytes()?, &Cursor::Start.to_bytes()?)?)
}

/// The next step of a round is due.
pub fn fire(_: &S3, cx: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), service::Error> {
    let round = Round::from_bytes(&Bytes::copy_from_slice(&timer.key))?;
    let cursor = Cursor::from_bytes(&timer.payload)?;
    Ok(step(cx, tx, &timer.key, &round, cursor)?)
}

fn step(cx: &Cx, tx: &mut Tx, key: &[u8], round: &Round, cursor: Cursor) -> Result<(), Error> {
    let Some(bucket) = BUCKETS.get(tx, &round.bucket)?.filter(|bucket| bucket.id == round.id) else { return Ok(()) };
    let rules = lifecycle::kept(tx, bucket.id)?.filter(|kept| kept.since == round.since);
    let Some(rules) = rules.map(|kept| kept.configuration) else { return Ok(()) };
    let now = cx.now();
    let (expired, next) = lifecycle::step(tx, &bucket, &rules, cursor, (now, cx.env().random_u64()))?;
    for expired in &expired {
        tell(tx, cx, &bucket, &News::expired(expired))?;
    }
    match next {
        Some(cursor) => timers::set(tx, "s3", now, key, &cursor.to_bytes()?)?,
        None => {
            let at = lifecycle::next_round(now);
            timers::set_regular(tx, "s3", at, key, &Cursor::Start.to_bytes()?, limits::LIFECYCLE_INTERVAL)?;
        }
    }
    Ok(())
}

/// How long to wait after a round that failed, or that left something to do for later.
const PAUSE: Duration = Duration::from_secs(5);

/// Collects garbage as it comes to be, after what an earlier process left behind.
pub async fn collect(state: Arc<S3>, cx: Cx, stop: CancellationToken) {
    let orphans = state.clone().collect_orphans(cx.clone());
    if let Some(Err(error)) = stop.run_until_cancelled(orphans).await {
        tracing::error!(%error, "files that no object refers to were not looked for");
    }
    loop {
        let mut changed = cx.db().watch(&garbage_channel());
        let round = stop.run_until_cancelled(state.collect_garbage(&cx)).await;
        let left = match round {
            None => return,
            Some(Ok(left)) => left,
            Some(Err(error)) => {
                tracing::error!(%error, "files of deleted objects stay behind for now");
                true
            }
        };
        if cx.db().health().is_err() {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed.changed() => {}
            () = state.contents.suspected() => {}
            () = tokio::time::sleep(PAUSE), if left => {}
        }
    }
}

impl S3 {
    /// One round; whether something is left that could not be deleted yet.
    pub(crate) async fn collect_garbage(&self, cx: &Cx) -> Result<bool, Error> {
        let mut left = false;
        for id in self.contents.suspects() {
            // Whoever holds it looks after it.
            self.contents.collect(cx.db(), id).await?;
        }
        while cx.db().write(content::release_doomed).await? {}
        let mut after = None;
        loop {
            let ids = garbage(cx, after)?;
            let Some(last) = ids.last() else { return Ok(left) };
            after = Some(*last);
            let mut gone = Vec::with_capacity(ids.len());
            for id in ids {
                if self.contents.collect(cx.db(), BlobId::from(id)).await? { gone.push(id) } else { left = true }
            }
            cx.db()
                .write(move |tx| gone.iter().try_for_each(|id| GARBAGE.delete(tx, id)))
                .await
                .map_err(|error: kv::Error| error)?;
        }
    }

    /// Looks through all files for those that nothing refers to: a crash may have left some.
    async fn collect_orphans(self: Arc<S3>, cx: Cx) -> Result<(), Error> {
        let (blobs, db) = (self.contents.blobs().clone(), cx.db().clone());
        let orphans = tokio::task::spawn_blocking(move || {
            let files = blobs.list()?;
            let read = db.read()?;
            let mut orphans = Vec::new();
            for id in files {
                if !REFERENCES.contains(&read, blob_key(&id))? {
                    orphans.push(id);
                }
            }
            Ok::<_, Error>(orphans)
        });
        let orphans = orphans.await.map_err(service::Error::internal)??;
        for id in &orphans {
            self.contents.collect(cx.db(), *id).await?;
        }
        if !orphans.is_empty() {
            tracing::info!(files = orphans.len(), "removed files that no object refers to");
        }
        Ok(())
    }
}

/// Some files that lost their last reference.
fn garbage(cx: &Cx, after: Option<[u8; 32]>) -> Result<Vec<[u8; 32]>, Error> {
    let read = cx.db().read()?;
    let rows = match after {
        None => GARBAGE.scan(&read, Order::Forward)?,
        Some(after) => GARBAGE.scan_after(&read, (), after, Order::Forward)?,
    };
    Ok(rows.keys().take(limits::GARBAGE_PER_ROUND).collect::<Result<_, _>>()?)
}
