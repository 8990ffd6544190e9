//! Writing what was copied for an export into its bucket: files of lines, each compressed, and two manifests.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html>

use std::io::Write as _;

use base::{Arn, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use kv::{Db, Order, Read};
use md5::{Digest as _, Md5};
use serde::Serialize;
use serde_json::json;
use service::objects::{self, Address, Properties};
use service::{Cx, Error as ServiceError, Upload};

use super::{Halt, as_caller, pipe};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::key::{digest, hex};
use crate::keys::{CHANGED, EXPORT_FILES, ITEMS};
use crate::limits::{BILLED_CHANGES_BYTES_MIN, EXPORT_FILE_BYTES, EXPORT_PIECE_BYTES};
use crate::model::{export as exports, table};
use crate::types::{Changed, Ended, Export, ExportFile, Written};

/// Writes what there is to write of an export.
pub async fn run(cx: &Cx, arn: &Arn) -> Result<(), Halt> {
    let export = exports::find(&cx.db().read()?, arn)?;
    let bucket = Bucket { cx: as_caller(cx, &export.caller, arn), export: &export };
    if export.asked.owner.as_ref().is_some_and(|owner| owner != cx.account().as_str()) {
        return Err(Halt::bucket(&ServiceError::new(403, "AccessDenied", "Access Denied")));
    }
    if !export.begun {
        bucket.put(format!("{}/_started", export.folder()), Bytes::new()).await?;
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
        written = bucket.write_file(written).await?;
    }
    bucket.finish(&written).await
}

/// Where an export goes.
struct Bucket<'e> {
    /// Of the caller who asked for it.
    cx: Cx,
    export: &'e Export,
}

impl Bucket<'_> {
    fn address(&self, key: String) -> Address {
        Address::new(self.export.asked.bucket.clone(), key)
    }

    fn properties(&self) -> Properties {
        let encryption = self.export.asked.encryption.as_deref();
        Properties {
            content_type: None,
            server_side_encryption: encryption.map(|asked| if asked == "KMS" { "aws:kms" } else { asked }.to_owned()),
            encryption_key: self.export.asked.encryption_key.clone(),
        }
    }

    async fn put(&self, key: String, bytes: Bytes) -> Result<(), Halt> {
        let put = objects::put(&self.cx, &self.address(key), &self.properties(), Upload::whole(bytes)).await;
        put.map(drop).map_err(|error| Halt::bucket(&error))
    }

    /// A file, and its digest in another.
    async fn put_with_digest(&self, name: &str, text: String) -> Result<(), Halt> {
        let folder = self.export.folder();
        let digest = BASE64.encode(Md5::digest(&text));
        self.put(format!("{folder}/{name}.json"), text.into()).await?;
        self.put(format!("{folder}/{name}.md5"), digest.into()).await
    }

    /// Writes the next file, and notes how far that is.
    async fn write_file(&self, written: Written) -> Result<Written, Halt> {
        let number = written.files + 1;
        // The same name when it is written again.
        let name = hex(&digest(&[self.export.arn.to_string().as_bytes(), &number.to_be_bytes()]));
        let key = format!("{}/{name}.json.gz", self.export.data_folder());
        let (sender, body) = pipe::upload();
        let making = make(self.cx.db().clone(), self.export.clone(), written.cursor.clone(), sender);
        let (address, properties) = (self.address(key.clone()), self.properties());
        let (made, put) = tokio::join!(making, objects::put(&self.cx, &address, &properties, body));
        let made = made?;
        let etag = put.map_err(|error| Halt::bucket(&error))?;
        let (items, md5) = (made.items, BASE64.encode(made.md5.finalize()));
        let file = ExportFile { key, items, md5, etag: etag.trim_matches('"').to_owned() };
        let written = Written { cursor: made.cursor, files: number, items: written.items + items, whole: made.whole };
        let (arn, noted) = (self.export.arn.clone(), written.clone());
        self.cx.db().write(move |tx| exports::note_file(tx, &arn, &file, &noted)).await?;
        Ok(written)
    }

    async fn finish(&self, written: &Written) -> Result<(), Halt> {
        let Export { id, arn, asked, .. } = self.export;
        let (volume, files) = {
            let read = self.cx.db().read()?;
            (table::volume(&read, *id)?, manifest(&read, *id)?)
        };
        self.put_with_digest("manifest-files", files).await?;
        let bytes = match asked.period {
            Some(_) => volume.bytes.max(BILLED_CHANGES_BYTES_MIN),
            None => volume.bytes,
        };
        let now = self.cx.env().now();
        self.put_with_digest("manifest-summary", self.export.summary(written, bytes, now).to_string()).await?;
        let (arn, ended) = (arn.clone(), Ended { at: now, failure: None, bytes });
        Ok(self.cx.db().write(move |tx| exports::end(tx, &arn, &ended, now)).await?)
    }
}

/// A line for each file.
fn manifest(read: &impl Read, id: u64) -> Result<String, Error> {
    let mut lines = String::new();
    for file in EXPORT_FILES.scan_prefix(read, id, Order::Forward)?.values() {
        let ExportFile { key, items, md5, etag } = file?;
        let line = json!({"itemCount": items, "md5Checksum": md5, "etag": etag, "dataFileS3Key": key});
        lines.push_str(&format!("{line}\n"));
    }
    Ok(lines)
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

/// A file on its way.
struct File {
    encoder: GzEncoder<Vec<u8>>,
    md5: Md5,
    /// The last item in it.
    cursor: Option<Vec<u8>>,
    items: u64,
    /// Bytes before they were compressed.
    bytes: usize,
    /// Whether there are no more items.
    whole: bool,
}

/// Makes the next file, piece by piece. Where nobody takes the pieces any more, whoever did knows why.
async fn make(db: Db, export: Export, cursor: Option<Vec<u8>>, sender: pipe::Sender) -> Result<File, Halt> {
    let encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut file = File { encoder, md5: Md5::new(), cursor, items: 0, bytes: 0, whole: false };
    loop {
        let (db, export) = (db.clone(), export.clone());
        let (made, piece) = match tokio::task::spawn_blocking(move || file.more(&db, &export)).await {
            Ok(Ok(more)) => more,
            Ok(Err(error)) => return Err(broken(&sender, error).await),
            Err(panicked) => return Err(broken(&sender, kv::Error::Panicked(panicked.to_string()).into()).await),
        };
        file = made;
        if sender.send(Ok(piece)).await.is_err() || file.is_full() {
            return Ok(file);
        }
    }
}

/// What was begun must not look as if it were whole.
async fn broken(sender: &pipe::Sender, error: Error) -> Halt {
    let told = ServiceError::new(500, "InternalError", error.to_string());
    drop(sender.send(Err(told)).await);
    error.into()
}

impl File {
    fn is_full(&self) -> bool {
        self.whole || self.bytes >= EXPORT_FILE_BYTES
    }

    /// Adds some items; with the last of them, the file is closed.
    fn more(mut self, db: &Db, export: &Export) -> Result<(File, Bytes), Error> {
        let read = db.read()?;
        let (from, mut lines) = (self.cursor.take(), Lines::default());
        self.whole = match &export.asked.period {
            None => lines.add_items(&read, export, from.as_deref())?,
            Some(period) => lines.add_changes(&read, export, from.as_deref(), period.shows_old())?,
        };
        self.cursor = lines.cursor.or(from);
        (self.items, self.bytes) = (self.items + lines.items, self.bytes + lines.text.len());
        let failed = |error: std::io::Error| Error::from(kv::Error::Engine(error.to_string()));
        self.encoder.write_all(&lines.text).map_err(failed)?;
        if self.is_full() {
            self.encoder.try_finish().map_err(failed)?;
        }
        let piece = Bytes::from(std::mem::take(self.encoder.get_mut()));
        self.md5.update(&piece);
        Ok((self, piece))
    }
}

/// Lines of a file, each an item.
#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    items: u64,
    cursor: Option<Vec<u8>>,
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

impl Lines {
    fn add(&mut self, line: &impl Serialize) -> Result<(), Error> {
        serde_json::to_writer(&mut self.text, line)
            .map_err(|error| kv::Error::corrupt("an item", error.to_string()))?;
        self.text.push(b'\n');
        self.items += 1;
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.text.len() >= EXPORT_PIECE_BYTES
    }

    /// Adds items behind `cursor`; whether these were the last.
    fn add_items(&mut self, read: &impl Read, export: &Export, cursor: Option<&[u8]>) -> Result<bool, Error> {
        let range = ITEMS.prefix_range(export.id);
        let range = cursor.map_or_else(|| range.clone(), |cursor| range.clone().after(cursor, Order::Forward));
        for row in ITEMS.scan_bytes(read, range, Order::Forward)? {
            let ((_, partition, sort), item) = row?;
            self.add(&Item { item: &item })?;
            self.cursor = Some(ITEMS.key_bytes((export.id, partition, sort)));
            if self.is_full() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same of items that changed. Those that came and went within the period are left out.
    fn add_changes(
        &mut self,
        read: &impl Read,
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
                self.add(&Change { metadata, keys, new_image, old_image: before.filter(|_| shows_old) })?;
            }
            self.cursor = Some(CHANGED.key_bytes((export.id, partition, sort)));
            if self.is_full() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
