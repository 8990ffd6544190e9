//! Reading the objects of an import, one after the other, into its table.

use base::{Arn, Timestamp};
use bytes::Bytes;
use serde_json::json;
use service::{Cx, Permission};

use super::objects::{Objects, Sink};
use super::records::{Batch, Form};
use super::{Halt, as_caller, check_owner};
use crate::error::Error;
use crate::limits::{COPY_PAUSE, IMPORT_ERRORS_LOGGED_MAX};
use crate::model::transfer::Kind;
use crate::model::{import as imports, table};
use crate::types::{Failure, Import, ReadSoFar};

/// The log group of all imports.
pub const LOG_GROUP: &str = "/aws-dynamodb/imports";

/// Brings in what there is to bring in.
pub async fn run(cx: &Cx, arn: &Arn) -> Result<(), Halt> {
    let import = imports::find(&cx.db().read()?, arn)?;
    check_owner(cx, import.asked.owner.as_deref())?;
    let into = table::same(&cx.db().read()?, &import.table, import.id)?;
    let into = into.ok_or_else(|| Halt::failed("TableNotFound", format!("Table not found: {}", import.table)))?;
    let importer = Importer { cx: as_caller(cx, &import.caller, arn), import: &import };
    let objects = Objects {
        cx: &importer.cx,
        bucket: &import.asked.bucket,
        prefix: import.asked.prefix.as_deref().unwrap_or_default(),
        compression: import.asked.compression.as_deref(),
        form: Form::new(&import.asked, &into),
        sink: &importer,
    };
    objects.read(import.read.clone()).await?;
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

/// Brings records into the table of an import.
struct Importer<'i> {
    /// Of the caller who asked for it.
    cx: Cx,
    import: &'i Import,
}

impl Sink for Importer<'_> {
    async fn take(&self, from: &ReadSoFar, batch: Batch, _size: u64) -> Result<ReadSoFar, Halt> {
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
        // Clients write, too.
        tokio::time::sleep(COPY_PAUSE).await;
        Ok(read)
    }
}

impl Importer<'_> {
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
