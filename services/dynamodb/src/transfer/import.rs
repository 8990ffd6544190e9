//! Reading the objects of an import, one after the other, into its table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Arn, Timestamp};
use bytes::Bytes;
use serde_json::json;
use service::objects::{self, Address};
use service::{Body, Cx, Error as ServiceError, Permission};
use tokio::sync::mpsc;

use super::records::{self, Batch, Form};
use super::{Halt, as_caller, pipe};
use crate::error::Error;
use crate::limits::{COPY_PAUSE, IMPORT_ERRORS_LOGGED_MAX};
use crate::model::transfer::Kind;
use crate::model::{import as imports, table};
use crate::types::{Failure, Import, ReadSoFar};

/// The log group of all imports.
pub const LOG_GROUP: &str = "/aws-dynamodb/imports";

/// Batches that wait to be brought in.
const BATCHES_MAX: usize = 2;

/// Brings in what there is to bring in.
pub async fn run(cx: &Cx, arn: &Arn) -> Result<(), Halt> {
    let import = imports::find(&cx.db().read()?, arn)?;
    if import.asked.owner.as_ref().is_some_and(|owner| owner != cx.account().as_str()) {
        return Err(Halt::bucket(&ServiceError::new(403, "AccessDenied", "Access Denied")));
    }
    let into = table::same(&cx.db().read()?, &import.table, import.id)?;
    let into = into.ok_or_else(|| Halt::failed("TableNotFound", format!("Table not found: {}", import.table)))?;
    let form = Form::new(&import.asked, &into);
    let source = Source { cx: as_caller(cx, &import.caller, arn), import: &import, form };
    let mut read = import.read.clone();
    if read.key.is_some() && !read.whole {
        read = source.read_object(read).await?;
    }
    let prefix = import.asked.prefix.as_deref().unwrap_or_default();
    loop {
        let page = objects::list(&source.cx, &import.asked.bucket, prefix, read.key.as_deref()).await;
        let page = page.map_err(|error| Halt::bucket(&error))?;
        for entry in page.contents {
            read = source.read_object(ReadSoFar { key: Some(entry.key), records: 0, whole: false }).await?;
        }
        if !page.is_truncated {
            break;
        }
    }
    finish(cx, arn).await
}

async fn finish(cx: &Cx, arn: &Arn) -> Result<(), Halt> {
    let (now, arn) = (cx.env().now(), arn.clone());
    let ended = cx.db().write(move |tx| {
        let failed = imports::find(tx, &arn)?.tally.errors > 0;
        imports::end(tx, &arn, failed.then(invalid_items).as_ref(), now)
    });
    Ok(ended.await?)
}

fn invalid_items() -> Failure {
    let message = "Some of the items failed validation checks and were not imported. Please check CloudWatch error logs for more details.";
    Failure { code: "ItemValidationError".into(), message: message.into() }
}

/// Where an import comes from.
struct Source<'i> {
    /// Of the caller who asked for it.
    cx: Cx,
    import: &'i Import,
    form: Form,
}

impl Source<'_> {
    /// Brings in the records of an object that are not there yet. How far that is then: to its end.
    async fn read_object(&self, from: ReadSoFar) -> Result<ReadSoFar, Halt> {
        let key = from.key.clone().unwrap_or_default();
        let body = match objects::get(&self.cx, &Address::new(self.import.asked.bucket.clone(), key), None).await {
            Ok((_, body)) => body,
            // It went after it was listed.
            Err(error) if error.code == "NoSuchKey" => {
                let (first, records) = (from.records, vec![Err(error.message)]);
                return self.bring_in(&from, Batch { first, records, bytes: 0, last: true }).await;
            }
            Err(error) => return Err(Halt::bucket(&error)),
        };
        self.read_body(from, body).await
    }

    async fn read_body(&self, from: ReadSoFar, body: Body) -> Result<ReadSoFar, Halt> {
        let broken = Arc::new(AtomicBool::new(false));
        let (feeder, reader) = pipe::reader();
        let (sender, batches) = mpsc::channel(BATCHES_MAX);
        let (compression, form, skip) = (self.import.asked.compression.clone(), self.form.clone(), from.records);
        let is_broken = broken.clone();
        let parsing = tokio::task::spawn_blocking(move || {
            let is_broken = || is_broken.load(Ordering::Acquire);
            records::read(reader, compression.as_deref(), &form, skip, sender, is_broken);
        });
        let (brought_in, ()) = tokio::join!(self.bring_all_in(from, batches), feed(body, feeder, &broken));
        let read = brought_in?;
        parsing.await.map_err(|panicked| Halt::failed("InternalServerError", panicked.to_string()))?;
        if read.whole { Ok(read) } else { Err(Halt::Later("an object did not arrive whole".into())) }
    }

    /// Brings batches in as they come; how far that was.
    async fn bring_all_in(&self, from: ReadSoFar, mut batches: mpsc::Receiver<Batch>) -> Result<ReadSoFar, Halt> {
        let mut read = from;
        while let Some(batch) = batches.recv().await {
            read = self.bring_in(&read, batch).await?;
            // Clients write, too.
            tokio::time::sleep(COPY_PAUSE).await;
        }
        Ok(read)
    }

    async fn bring_in(&self, from: &ReadSoFar, batch: Batch) -> Result<ReadSoFar, Halt> {
        let Batch { first, records, bytes, last } = batch;
        let read = ReadSoFar { key: from.key.clone(), records: first + records.len() as u64, whole: last };
        let (arn, noted, now) = (self.import.arn.clone(), read.clone(), self.cx.env().now());
        let stored = self.cx.db().write(move |tx| {
            let refused = imports::store(tx, &arn, &records, &noted, bytes, now)?;
            Ok::<_, Error>((refused, imports::find(tx, &arn)?.tally.errors))
        });
        let (refused, errors) = stored.await?;
        if !refused.is_empty() && errors - (refused.len() as u64) < IMPORT_ERRORS_LOGGED_MAX {
            self.log(&read, first, &refused, now).await;
        }
        Ok(read)
    }

    /// Tells in the import's log why records were not brought in.
    async fn log(&self, read: &ReadSoFar, first: u64, refused: &[(usize, String)], now: Timestamp) {
        let (_, id) = Kind::Import.place(&self.import.arn).unwrap_or_default();
        let stream = format!("{id}/error");
        let group = self.cx.arn("logs", format!("log-group:{LOG_GROUP}"));
        let lines = refused.iter().map(|(at, reason)| {
            let item = json!({"bucket": self.import.asked.bucket, "key": read.key, "itemIndex": first + *at as u64});
            let line = json!({"itemS3Pointer": item, "importArn": self.import.arn, "errorMessages": [reason]});
            json!({"timestamp": now.as_millis(), "message": line.to_string()})
        });
        let event = json!({"logStream": stream, "events": lines.collect::<Vec<_>>()});
        let permission = Permission::new("logs:PutLogEvents", format!("{group}:log-stream:{stream}"));
        let logged = match self.cx.authorize(&permission) {
            Ok(()) => self.cx.invoke(group, Bytes::from(event.to_string())).await.map(drop),
            Err(refusal) => Err(refusal),
        };
        if let Err(error) = logged {
            tracing::warn!(%error, import = %self.import.arn, "what is wrong with items of an import cannot be logged");
        }
    }
}

/// Hands the bytes of an object on.
async fn feed(mut body: Body, feeder: mpsc::Sender<std::io::Result<Bytes>>, broken: &AtomicBool) {
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| {
            broken.store(true, Ordering::Release);
            std::io::Error::other(error)
        });
        if feeder.send(piece).await.is_err() {
            return;
        }
    }
}
