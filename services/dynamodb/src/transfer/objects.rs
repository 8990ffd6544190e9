//! Reading the records of all objects under a prefix, one object after the other, from where that was left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use service::objects::{self, Address};
use service::{Body, Cx};
use tokio::sync::mpsc;

use super::records::{self, Batch, Form};
use super::{Halt, pipe};
use crate::types::ReadSoFar;

/// Batches that wait to be taken.
const BATCHES_MAX: usize = 2;

/// Who takes the records.
pub trait Sink: Sync {
    /// Takes some records of an object of `size` bytes, behind those of `from`; how far that is then.
    ///
    /// # Errors
    /// When they cannot be taken, or no more shall come.
    fn take(&self, from: &ReadSoFar, batch: Batch, size: u64) -> impl Future<Output = Result<ReadSoFar, Halt>> + Send;
}

/// The objects under a prefix.
pub struct Objects<'o, S> {
    /// Of the caller who asked for them to be read.
    pub cx: &'o Cx,
    pub bucket: &'o str,
    pub prefix: &'o str,
    pub compression: Option<&'o str>,
    pub form: Form,
    pub sink: &'o S,
}

impl<S: Sink> Objects<'_, S> {
    /// Reads all that has not been read.
    ///
    /// # Errors
    /// What the bucket refuses, and what the sink does.
    pub async fn read(&self, mut read: ReadSoFar) -> Result<(), Halt> {
        if read.key.is_some() && !read.whole {
            read = self.read_object(read).await?;
        }
        loop {
            let page = objects::list(self.cx, self.bucket, self.prefix, read.key.as_deref()).await;
            let page = page.map_err(|error| Halt::bucket(&error))?;
            for entry in page.contents {
                read = self.read_object(ReadSoFar { key: Some(entry.key), records: 0, whole: false }).await?;
            }
            if !page.is_truncated {
                return Ok(());
            }
        }
    }

    /// Reads the records of an object that have not been. How far that is then: to its end.
    async fn read_object(&self, from: ReadSoFar) -> Result<ReadSoFar, Halt> {
        let key = from.key.clone().unwrap_or_default();
        match objects::get(self.cx, &Address::new(self.bucket, key), None).await {
            Ok((object, body)) => self.read_body(from, body, object.size).await,
            // It went after it was listed.
            Err(error) if error.code == "NoSuchKey" => {
                let (first, records) = (from.records, vec![Err(error.message)]);
                self.sink.take(&from, Batch { first, records, bytes: 0, last: true }, 0).await
            }
            Err(error) => Err(Halt::bucket(&error)),
        }
    }

    async fn read_body(&self, from: ReadSoFar, body: Body, size: u64) -> Result<ReadSoFar, Halt> {
        let broken = Arc::new(AtomicBool::new(false));
        let (feeder, reader) = pipe::reader();
        let (sender, batches) = mpsc::channel(BATCHES_MAX);
        let (compression, form, skip) = (self.compression.map(str::to_owned), self.form.clone(), from.records);
        let is_broken = broken.clone();
        let parsing = tokio::task::spawn_blocking(move || {
            let is_broken = || is_broken.load(Ordering::Acquire);
            records::read(reader, compression.as_deref(), &form, skip, sender, is_broken);
        });
        let (taken, ()) = tokio::join!(self.take_all(from, batches, size), feed(body, feeder, &broken));
        let read = taken?;
        parsing.await.map_err(|panicked| Halt::failed("InternalServerError", panicked.to_string()))?;
        if read.whole { Ok(read) } else { Err(Halt::Later("an object did not arrive whole".into())) }
    }

    /// Hands batches on as they come; how far that was.
    async fn take_all(
        &self,
        from: ReadSoFar,
        mut batches: mpsc::Receiver<Batch>,
        size: u64,
    ) -> Result<ReadSoFar, Halt> {
        let mut read = from;
        while let Some(batch) = batches.recv().await {
            read = self.sink.take(&read, batch, size).await?;
        }
        Ok(read)
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
