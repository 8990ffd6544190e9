//! Reading the objects of a bulk put into a table that others use, and writing what became of those records that were not put.

use std::sync::Arc;
use std::time::Duration;

use base::Arn;
use bytes::Bytes;
use kv::{Order, Snap};
use service::{Cx, objects as buckets};

use super::files::{Lines, Source, Target, manifest};
use super::objects::{Objects, Sink};
use super::records::{Batch, Form};
use super::{Halt, as_caller, check_owner};
use crate::error::Error;
use crate::keys::REPORTS;
use crate::limits::{BULK_OBJECTS_MAX, COPY_PAUSE};
use crate::model::bulk as bulks;
use crate::types::{Bulk, Failure, ReadSoFar};

/// Puts what there is to put.
pub async fn run(cx: &Cx, arn: &Arn) -> Result<(), Halt> {
    let bulk = bulks::find(&cx.db().read()?, arn)?;
    let (asked, output) = (&bulk.asked, &bulk.asked.output);
    let owners = [asked.owner.as_deref(), output.owner.as_deref()];
    owners.into_iter().try_for_each(|owner| check_owner(cx, owner))?;
    let putter = Putter { cx: as_caller(cx, &bulk.caller, arn), bulk: &bulk };
    let encryption = (output.encryption.as_deref(), output.encryption_key.as_deref());
    let target = Target::new(putter.cx.clone(), &output.bucket, encryption);
    let ended = match bulk.cancelled {
        true => Err(Halt::Stopped),
        false => putter.put_all(&target).await,
    };
    match ended {
        Ok(()) | Err(Halt::Stopped) => finish(cx, arn, &target, None).await,
        Err(Halt::Failed(failure)) => finish(cx, arn, &target, Some(failure)).await,
        Err(later) => Err(later),
    }
}

/// Brings items into the table of a bulk put.
struct Putter<'b> {
    /// Of the caller who asked for it.
    cx: Cx,
    bulk: &'b Bulk,
}

impl Putter<'_> {
    async fn put_all(&self, target: &Target) -> Result<(), Halt> {
        let (bulk, asked) = (self.bulk, &self.bulk.asked);
        let prefix = asked.prefix.as_deref().unwrap_or_default();
        if bulk.total.is_none() {
            // Nothing is put where nobody could be told what was not.
            target.put(format!("{}/_started", bulk.folder()), Bytes::new()).await?;
            let (total, arn) = (self.total(prefix).await?, bulk.arn.clone());
            self.cx.db().write(move |tx| bulks::note_total(tx, &arn, total)).await?;
        }
        let objects = Objects {
            cx: &self.cx,
            bucket: &asked.bucket,
            prefix,
            compression: asked.compression.as_deref(),
            form: Form::Puts,
            sink: self,
        };
        objects.read(bulk.read.clone()).await
    }

    /// The bytes of all objects.
    async fn total(&self, prefix: &str) -> Result<u64, Halt> {
        let (mut bytes, mut count, mut after) = (0, 0, None);
        loop {
            let page = buckets::list(&self.cx, &self.bulk.asked.bucket, prefix, after.as_deref()).await;
            let page = page.map_err(|error| Halt::bucket(&error))?;
            bytes += page.contents.iter().map(|entry| entry.size).sum::<u64>();
            count += page.contents.len();
            if count > BULK_OBJECTS_MAX {
                let message = format!("There are more than {BULK_OBJECTS_MAX} objects with this prefix");
                return Err(Halt::failed("TooManyObjects", message));
            }
            if !page.is_truncated {
                return Ok(bytes);
            }
            after = page.contents.into_iter().next_back().map(|entry| entry.key);
        }
    }

    /// What lies between this many units and the next, for the rate that was asked for, and for other writers.
    fn pause(&self, units: u64) -> Duration {
        let asked = &self.bulk.asked;
        let paced =
            asked.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(units as f64 / rate.max(1) as f64));
        let usual = if asked.tier.as_deref() == Some("ACCELERATED") { Duration::ZERO } else { COPY_PAUSE };
        paced.max(usual)
    }
}

impl Sink for Putter<'_> {
    async fn take(&self, from: &ReadSoFar, batch: Batch, size: u64) -> Result<ReadSoFar, Halt> {
        let Batch { first, records, bytes, last } = batch;
        let read = ReadSoFar { key: from.key.clone(), records: first + records.len() as u64, whole: last };
        // How much of a compressed object has been read shows at its end.
        let is_plain = matches!(self.bulk.asked.compression.as_deref(), None | Some("NONE"));
        let bytes = match is_plain {
            true => bytes,
            false if last => size,
            false => 0,
        };
        let (records, mut done) = (Arc::new(records), 0);
        loop {
            let (arn, noted, rest) = (self.bulk.arn.clone(), read.clone(), records.clone());
            let now = self.cx.env().now();
            let stored = self.cx.db().write(move |tx| {
                let rest = rest.get(done..).unwrap_or_default();
                bulks::store(tx, &arn, rest, (&noted, first + done as u64), bytes, now)
            });
            let stored = stored.await.map_err(|error| match error {
                Error::ResourceNotFound(message) => Halt::failed("ResourceNotFoundException", message),
                error => error.into(),
            })?;
            if stored.cancelled {
                return Err(Halt::Stopped);
            }
            done += stored.done;
            tokio::time::sleep(self.pause(stored.units)).await;
            if done >= records.len() {
                return Ok(read);
            }
        }
    }
}

/// Writes the reports that have not been, and then what there are. With a failure, of what was read before.
async fn finish(cx: &Cx, arn: &Arn, target: &Target, failure: Option<Failure>) -> Result<(), Halt> {
    let bulk = bulks::find(&cx.db().read()?, arn)?;
    if bulk.total.is_some() {
        write_reports(cx, target, &bulk, failure.as_ref()).await?;
    }
    let (now, arn) = (cx.env().now(), arn.clone());
    Ok(cx.db().write(move |tx| bulks::end(tx, &arn, failure.as_ref(), now)).await?)
}

async fn write_reports(cx: &Cx, target: &Target, bulk: &Bulk, failure: Option<&Failure>) -> Result<(), Halt> {
    let folder = bulk.folder();
    let mut written = bulk.written.clone();
    while !written.whole && bulk.reports > 0 {
        let key = format!("{folder}/data/{:08}.json.gz", written.files + 1);
        let (file, next) = target.write(key, bulk, written).await?;
        let (arn, noted) = (bulk.arn.clone(), next.clone());
        cx.db().write(move |tx| bulks::note_file(tx, &arn, &file, &noted)).await?;
        written = next;
    }
    let files = manifest(&cx.db().read()?, bulk.id)?;
    target.put_with_digest(&folder, "manifest-files", files).await?;
    let status = bulk.outcome(failure.is_some());
    target.put_with_digest(&folder, "manifest-summary", bulk.summary(status, cx.env().now()).to_string()).await
}

impl Source for Bulk {
    fn add(&self, read: &Snap, cursor: Option<&[u8]>, lines: &mut Lines) -> Result<bool, Error> {
        let range = REPORTS.prefix_range(self.id);
        let range = cursor.map_or_else(|| range.clone(), |cursor| range.clone().after(cursor, Order::Forward));
        for row in REPORTS.scan_bytes(read, range, Order::Forward)? {
            let ((id, number), report) = row?;
            lines.add_text(&report.line);
            lines.cursor = Some(REPORTS.key_bytes((id, number)));
            if lines.is_full() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
