//! Files of lines in a bucket: each is compressed while it is sent, and counted with its digest.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use kv::{Db, Order, Read, Snap};
use md5::{Digest as _, Md5};
use serde::Serialize;
use serde_json::json;
use service::objects::{self, Address, Properties};
use service::{Cx, Error as ServiceError, Upload};

use super::{Halt, pipe};
use crate::error::Error;
use crate::keys::EXPORT_FILES;
use crate::limits::{EXPORT_FILE_BYTES, EXPORT_PIECE_BYTES};
use crate::types::{ExportFile, Written};

/// Where files go.
pub struct Target {
    /// Of the caller who asked for them.
    cx: Cx,
    bucket: String,
    properties: Properties,
}

impl Target {
    /// With the encryption, `AES256` or `KMS`, that was asked for, and its key.
    pub fn new(cx: Cx, bucket: &str, (encryption, key): (Option<&str>, Option<&str>)) -> Target {
        let properties = Properties {
            content_type: None,
            server_side_encryption: encryption.map(|asked| if asked == "KMS" { "aws:kms" } else { asked }.to_owned()),
            encryption_key: key.map(str::to_owned),
        };
        Target { cx, bucket: bucket.to_owned(), properties }
    }

    fn address(&self, key: String) -> Address {
        Address::new(self.bucket.clone(), key)
    }

    pub async fn put(&self, key: String, bytes: Bytes) -> Result<(), Halt> {
        let put = objects::put(&self.cx, &self.address(key), &self.properties, Upload::whole(bytes)).await;
        put.map(drop).map_err(|error| Halt::bucket(&error))
    }

    /// A file, and its digest in another.
    pub async fn put_with_digest(&self, folder: &str, name: &str, text: String) -> Result<(), Halt> {
        let digest = BASE64.encode(Md5::digest(&text));
        self.put(format!("{folder}/{name}.json"), text.into()).await?;
        self.put(format!("{folder}/{name}.md5"), digest.into()).await
    }

    /// Writes the next file: what it is, and how far that is.
    pub async fn write<S: Source>(
        &self,
        key: String,
        source: &S,
        written: Written,
    ) -> Result<(ExportFile, Written), Halt> {
        let (sender, body) = pipe::upload();
        let making = make(self.cx.db().clone(), source.clone(), written.cursor.clone(), sender);
        let address = self.address(key.clone());
        let (made, put) = tokio::join!(making, objects::put(&self.cx, &address, &self.properties, body));
        let made = made?;
        let etag = put.map_err(|error| Halt::bucket(&error))?;
        let (items, md5) = (made.items, BASE64.encode(made.md5.finalize()));
        let file = ExportFile { key, items, md5, etag: etag.trim_matches('"').to_owned() };
        let (files, items) = (written.files + 1, written.items + items);
        Ok((file, Written { cursor: made.cursor, files, items, whole: made.whole }))
    }
}

/// A line for each file that was written under a number.
pub fn manifest(read: &impl Read, id: u64) -> Result<String, Error> {
    let mut lines = String::new();
    for file in EXPORT_FILES.scan_prefix(read, id, Order::Forward)?.values() {
        let ExportFile { key, items, md5, etag } = file?;
        let line = json!({"itemCount": items, "md5Checksum": md5, "etag": etag, "dataFileS3Key": key});
        lines.push_str(&format!("{line}\n"));
    }
    Ok(lines)
}

/// What files are made of.
pub trait Source: Clone + Send + 'static {
    /// Adds lines behind `cursor` until there are enough; whether these were the last.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn add(&self, read: &Snap, cursor: Option<&[u8]>, lines: &mut Lines) -> Result<bool, Error>;
}

/// Some lines of a file.
#[derive(Default)]
pub struct Lines {
    text: Vec<u8>,
    items: u64,
    /// Where the next ones are behind.
    pub cursor: Option<Vec<u8>>,
}

impl Lines {
    pub fn add(&mut self, line: &impl Serialize) -> Result<(), Error> {
        serde_json::to_writer(&mut self.text, line)
            .map_err(|error| kv::Error::corrupt("an item", error.to_string()))?;
        self.end_line();
        Ok(())
    }

    /// Adds what is JSON already.
    pub fn add_text(&mut self, line: &str) {
        self.text.extend_from_slice(line.as_bytes());
        self.end_line();
    }

    fn end_line(&mut self) {
        self.text.push(b'\n');
        self.items += 1;
    }

    pub fn is_full(&self) -> bool {
        self.text.len() >= EXPORT_PIECE_BYTES
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
async fn make<S: Source>(db: Db, source: S, cursor: Option<Vec<u8>>, sender: pipe::Sender) -> Result<File, Halt> {
    let encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut file = File { encoder, md5: Md5::new(), cursor, items: 0, bytes: 0, whole: false };
    loop {
        let (db, source) = (db.clone(), source.clone());
        let (made, piece) = match tokio::task::spawn_blocking(move || file.more(&db, &source)).await {
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
    fn more(mut self, db: &Db, source: &impl Source) -> Result<(File, Bytes), Error> {
        let read = db.read()?;
        let (from, mut lines) = (self.cursor.take(), Lines::default());
        self.whole = source.add(&read, from.as_deref(), &mut lines)?;
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
