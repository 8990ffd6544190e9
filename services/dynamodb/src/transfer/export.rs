//! Writing what was copied for an export into its bucket: files of lines, each compressed, and two manifests.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html>

use base::{Arn, Timestamp};
use bytes::Bytes;
use kv::{Order, Snap};
use serde::Serialize;
use serde_json::json;
use service::Cx;

use super::files::{Lines, Source, Target, manifest};
use super::filter::Filter;
use super::{Halt, as_caller, check_owner};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::key::{digest, hex};
use crate::keys::{CHANGED, ITEMS};
use crate::limits::BILLED_CHANGES_BYTES_MIN;
use crate::model::{export as exports, table};
use crate::types::{Changed, Ended, Export, Written};

/// Writes what there is to write of an export.
pub async fn run(cx: &Cx, arn: &Arn) -> Result<(), Halt> {
    let export = exports::find(&cx.db().read()?, arn)?;
    check_owner(cx, export.asked.owner.as_deref())?;
    let asked = &export.asked;
    let encryption = (asked.encryption.as_deref(), asked.encryption_key.as_deref());
    let target = Target::new(as_caller(cx, &export.caller, arn), &asked.bucket, encryption);
    if !export.begun {
        target.put(format!("{}/_started", export.folder()), Bytes::new()).await?;
        let arn = arn.clone();
        cx.db().write(move |tx| exports::note_begun(tx, &arn)).await?;
    }
    // It may have been copied meanwhile; otherwise, it is told when it is.
    let export = exports::find(&cx.db().read()?, arn)?;
    if !export.copied {
        return Ok(());
    }
    let mut written = export.written.clone();
    while !written.whole {
        written = write_file(cx, &target, &export, written).await?;
    }
    finish(cx, &target, &export, &written).await
}

/// Writes the next file, and notes how far that is.
async fn write_file(cx: &Cx, target: &Target, export: &Export, written: Written) -> Result<Written, Halt> {
    let number = written.files + 1;
    // The same name when it is written again.
    let name = hex(&digest(&[export.arn.to_string().as_bytes(), &number.to_be_bytes()]));
    let key = format!("{}/{name}.json.gz", export.data_folder());
    let (file, written) = target.write(key, export, written).await?;
    let (arn, noted) = (export.arn.clone(), written.clone());
    cx.db().write(move |tx| exports::note_file(tx, &arn, &file, &noted)).await?;
    Ok(written)
}

async fn finish(cx: &Cx, target: &Target, export: &Export, written: &Written) -> Result<(), Halt> {
    let (volume, files) = {
        let read = cx.db().read()?;
        (table::volume(&read, export.id)?, manifest(&read, export.id)?)
    };
    let folder = export.folder();
    target.put_with_digest(&folder, "manifest-files", files).await?;
    let bytes = match export.asked.period {
        Some(_) => volume.bytes.max(BILLED_CHANGES_BYTES_MIN),
        None => volume.bytes,
    };
    let now = cx.env().now();
    target.put_with_digest(&folder, "manifest-summary", export.summary(written, bytes, now).to_string()).await?;
    let (arn, ended) = (export.arn.clone(), Ended { at: now, failure: None, bytes });
    Ok(cx.db().write(move |tx| exports::end(tx, &arn, &ended, now)).await?)
}

impl Export {
    fn summary(&self, written: &Written, bytes: u64, ended: Timestamp) -> serde_json::Value {
        let asked = &self.asked;
        let mut summary = json!({
            "version": if asked.period.is_some() { "2023-08-01" } else { "2020-06-30" },
            "exportArn": self.arn,
            "startTime": self.started.iso8601(),
            "endTime": ended.iso8601(),
            "tableArn": self.source.table,
            "tableId": self.source.uuid,
        });
        let mut add = |name: &str, value: serde_json::Value| {
            drop(summary.as_object_mut().map(|all| all.insert(name.into(), value)))
        };
        match &asked.period {
            None => add("exportTime", self.at.iso8601().into()),
            Some(period) => {
                add("exportFromTime", period.from.iso8601().into());
                add("exportToTime", self.at.iso8601().into());
            }
        }
        add("s3Bucket", json!(asked.bucket));
        add("s3Prefix", json!(asked.prefix));
        add("s3SseAlgorithm", json!(asked.encryption.as_deref().unwrap_or("AES256")));
        add("s3SseKmsKeyId", json!(asked.encryption_key));
        add("manifestFilesS3Key", format!("{}/manifest-files.json", self.folder()).into());
        add("billedSizeBytes", bytes.into());
        add("itemCount", written.items.into());
        add("outputFormat", "DYNAMODB_JSON".into());
        match &asked.period {
            None => add("exportType", "FULL_EXPORT".into()),
            Some(period) => {
                add("outputView", if period.shows_old() { "NEW_AND_OLD_IMAGES" } else { "NEW_IMAGE" }.into());
                add("exportType", "INCREMENTAL_EXPORT".into());
            }
        }
        summary
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Item<'i> {
    item: &'i StoredItem,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Change {
    metadata: Metadata,
    keys: StoredItem,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_image: Option<StoredItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_image: Option<StoredItem>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    write_timestamp_micros: Number,
}

#[derive(Serialize)]
struct Number {
    #[serde(rename = "N")]
    number: String,
}

impl Source for Export {
    fn add(&self, read: &Snap, cursor: Option<&[u8]>, lines: &mut Lines) -> Result<bool, Error> {
        match &self.asked.period {
            None => add_items(lines, read, self, cursor),
            Some(period) => add_changes(lines, read, self, cursor, period.shows_old()),
        }
    }
}

/// Adds items behind `cursor`; whether these were the last.
fn add_items(lines: &mut Lines, read: &Snap, export: &Export, cursor: Option<&[u8]>) -> Result<bool, Error> {
    let range = ITEMS.prefix_range(export.id);
    let range = cursor.map_or_else(|| range.clone(), |cursor| range.clone().after(cursor, Order::Forward));
    let filter = export.asked.filter.as_deref().map(Filter::parse).transpose()?.unwrap_or_default();
    for row in ITEMS.scan_bytes(read, range, Order::Forward)? {
        let ((_, partition, sort), item) = row?;
        if let Some(item) = filter.apply(item) {
            lines.add(&Item { item: &item })?;
        }
        lines.cursor = Some(ITEMS.key_bytes((export.id, partition, sort)));
        if lines.is_full() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The same of items that changed. Those that came and went within the period are left out.
fn add_changes(
    lines: &mut Lines,
    read: &Snap,
    export: &Export,
    cursor: Option<&[u8]>,
    shows_old: bool,
) -> Result<bool, Error> {
    let range = CHANGED.prefix_range(export.id);
    let range = cursor.map_or_else(|| range.clone(), |cursor| range.clone().after(cursor, Order::Forward));
    let is_key = |name: &str| export.source.key.iter().any(|key| key == name);
    for row in CHANGED.scan_bytes(read, range, Order::Forward)? {
        let ((_, partition, sort), Changed { at, before }) = row?;
        let new_image = ITEMS.get(read, (export.id, partition, &sort))?;
        if let Some(keys) = new_image.as_ref().or(before.as_ref()).map(|item| item.only(is_key)) {
            let number = (u128::from(at.as_millis()) * 1000).to_string();
            let metadata = Metadata { write_timestamp_micros: Number { number } };
            lines.add(&Change { metadata, keys, new_image, old_image: before.filter(|_| shows_old) })?;
        }
        lines.cursor = Some(CHANGED.key_bytes((export.id, partition, sort)));
        if lines.is_full() {
            return Ok(false);
        }
    }
    Ok(true)
}
