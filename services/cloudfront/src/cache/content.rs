//! The bytes of an object: read by many while one writes them, in memory or in a file.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use service::{Body, Broken};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::sealed::{Place, Sealed};
use crate::limits::{MEMORY_OBJECT_BYTES_MAX, OBJECT_BYTES_MAX, PIECE_BYTES};

/// Bytes that are there, or on their way. Their file goes with them.
pub struct Content {
    form: Mutex<Form>,
    progress: watch::Sender<Progress>,
}

enum Form {
    /// Pieces, with the places where they begin.
    Memory(Vec<(u64, Bytes)>),
    File(Sealed),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    length: u64,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    Broken,
}

impl Content {
    fn form(&self) -> MutexGuard<'_, Form> {
        self.form.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it, in memory.
    #[cfg(test)]
    pub fn whole(bytes: Bytes) -> Arc<Content> {
        let progress = Progress { length: bytes.len() as u64, end: Some(End::Whole) };
        Arc::new(Content { form: Mutex::new(Form::Memory(vec![(0, bytes)])), progress: watch::Sender::new(progress) })
    }

    /// How long it is, once all of it is there.
    pub fn length(&self) -> Option<u64> {
        let progress = *self.progress.borrow();
        (progress.end == Some(End::Whole)).then_some(progress.length)
    }

    pub fn is_broken(&self) -> bool {
        self.progress.borrow().end == Some(End::Broken)
    }

    pub fn is_file(&self) -> bool {
        matches!(*self.form(), Form::File(_))
    }

    /// The bytes of a range, as an answer's body; without one, all of them. `length` is of what is sent, where it is known.
    pub fn body(self: &Arc<Self>, range: Option<Range<u64>>, length: Option<u64>) -> Body {
        if let (Some(whole), Form::Memory(pieces)) = (self.length(), &*self.form())
            && let [(_, bytes)] = pieces.as_slice()
        {
            let range = range.clone().unwrap_or(0..whole);
            let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            if let Some((start, end)) = bounds.filter(|(start, end)| start <= end && *end <= bytes.len()) {
                return Body::from(bytes.slice(start..end));
            }
        }
        let pieces = self.clone().read(range);
        match length.and_then(|length| usize::try_from(length).ok()) {
            Some(length) => Body::sized(pieces, length),
            None => Body::stream(pieces),
        }
    }

    fn read(self: Arc<Self>, range: Option<Range<u64>>) -> impl Stream<Item = Result<Bytes, Broken>> + Send + 'static {
        let (at, end) = range.map_or((0, None), |range| (range.start, Some(range.end)));
        let reader = Reader { progress: self.progress.subscribe(), content: self, at, end };
        stream::try_unfold(reader, |mut reader| async move { Ok(reader.next().await?.map(|piece| (piece, reader))) })
    }

    /// Moves what is whole from memory into a file.
    ///
    /// # Errors
    /// When it cannot be written; then it stays where it is.
    pub fn move_to_file(&self, place: Place) -> io::Result<()> {
        self.move_out(place, Sealed::finish)
    }

    /// The same of what has come until now.
    fn move_out(&self, place: Place, end: impl FnOnce(Sealed) -> io::Result<Sealed>) -> io::Result<()> {
        let pieces = match &*self.form() {
            Form::Memory(pieces) => pieces.clone(),
            Form::File(_) => return Ok(()),
        };
        let path = place.path.clone();
        let filled = |sealed: Sealed| pieces.iter().try_fold(sealed, |sealed, (_, bytes)| sealed.push(bytes));
        match Sealed::create(place).and_then(filled).and_then(end) {
            Ok(sealed) => *self.form() = Form::File(sealed),
            Err(error) => {
                // What is half there is nobody's.
                let _ = std::fs::remove_file(path);
                return Err(error);
            }
        }
        Ok(())
    }

    /// What is in the file, if there is one.
    fn sealed(&self) -> Option<Sealed> {
        match &*self.form() {
            Form::Memory(_) => None,
            Form::File(sealed) => Some(sealed.clone()),
        }
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        if let Form::File(sealed) = &*self.form()
            && let Err(error) = std::fs::remove_file(&sealed.path)
        {
            tracing::warn!(%error, "a cached file was not removed");
        }
    }
}

struct Reader {
    content: Arc<Content>,
    progress: watch::Receiver<Progress>,
    at: u64,
    end: Option<u64>,
}

/// Where the next piece is.
enum Next {
    Bytes(Bytes),
    File(Sealed),
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            if self.end.is_some_and(|end| self.at >= end) {
                return Ok(None);
            }
            let progress = *self.progress.borrow_and_update();
            if self.at < progress.length {
                let most = progress.length.min(self.end.unwrap_or(u64::MAX)) - self.at;
                let piece = self.piece(usize::try_from(most).unwrap_or(usize::MAX).min(PIECE_BYTES)).await?;
                self.at += piece.len() as u64;
                return Ok(Some(piece));
            }
            match progress.end {
                Some(End::Whole) => return Ok(None),
                Some(End::Broken) => return Err(Broken),
                // Its writer is gone without a word.
                None => self.progress.changed().await.map_err(|_| Broken)?,
            }
        }
    }

    async fn piece(&mut self, most: usize) -> Result<Bytes, Broken> {
        let next = match &*self.content.form() {
            Form::Memory(pieces) => Next::Bytes(slice(pieces, self.at, most).ok_or(Broken)?),
            Form::File(sealed) => match sealed.in_memory(self.at, most) {
                Some(bytes) => Next::Bytes(bytes),
                None => Next::File(sealed.clone()),
            },
        };
        let sealed = match next {
            Next::Bytes(bytes) => return Ok(bytes),
            Next::File(sealed) => sealed,
        };
        let at = self.at;
        match spawn_blocking(move || sealed.read(at, most)).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => {
                tracing::error!(%error, "a cached file cannot be read");
                Err(Broken)
            }
            Err(_) => Err(Broken),
        }
    }
}

/// At most `most` bytes from `at`, out of the piece that has them.
fn slice(pieces: &[(u64, Bytes)], at: u64, most: usize) -> Option<Bytes> {
    let after = pieces.partition_point(|(start, _)| *start <= at);
    let (start, bytes) = pieces.get(after.checked_sub(1)?)?;
    let from = usize::try_from(at - start).ok().filter(|from| *from < bytes.len())?;
    Some(bytes.slice(from..bytes.len().min(from + most)))
}

/// Where the bytes of new content come in. Dropped before its end, it leaves the content broken.
pub struct Writer {
    content: Arc<Content>,
    /// Where the content goes once it is too long for memory.
    place: Option<Place>,
    length: u64,
}

impl Writer {
    pub fn new(place: Place) -> (Arc<Content>, Writer) {
        let form = Mutex::new(Form::Memory(Vec::new()));
        let content = Arc::new(Content { form, progress: watch::Sender::new(Progress::default()) });
        (content.clone(), Writer { content, place: Some(place), length: 0 })
    }

    /// # Errors
    /// When it cannot be written, or is longer than what is cached.
    pub async fn push(&mut self, bytes: Bytes) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let length = self.length + bytes.len() as u64;
        if length > OBJECT_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if length > MEMORY_OBJECT_BYTES_MAX
            && let Some(place) = self.place.take()
        {
            let content = self.content.clone();
            spawn_blocking(move || content.move_out(place, Ok)).await.map_err(io::Error::other)??;
        }
        match self.content.sealed() {
            Some(sealed) => self.replace(move || sealed.push(&bytes)).await?,
            None => {
                if let Form::Memory(pieces) = &mut *self.content.form() {
                    pieces.push((self.length, bytes));
                }
            }
        }
        self.length = length;
        self.content.progress.send_modify(|progress| progress.length = length);
        Ok(())
    }

    /// Has the file go on, which only this writes.
    async fn replace(&self, write: impl FnOnce() -> io::Result<Sealed> + Send + 'static) -> io::Result<()> {
        let sealed = spawn_blocking(write).await.map_err(io::Error::other)??;
        *self.content.form() = Form::File(sealed);
        Ok(())
    }

    /// All of it has come.
    ///
    /// # Errors
    /// When the rest of it cannot be written.
    pub async fn finish(self) -> io::Result<()> {
        if let Some(sealed) = self.content.sealed() {
            self.replace(move || sealed.finish()).await?;
        }
        if let Form::Memory(pieces) = &mut *self.content.form()
            && pieces.len() > 1
        {
            let mut all = BytesMut::with_capacity(usize::try_from(self.length).unwrap_or_default());
            pieces.iter().for_each(|(_, bytes)| all.extend_from_slice(bytes));
            *pieces = vec![(0, all.freeze())];
        }
        self.content.progress.send_modify(|progress| progress.end = Some(End::Whole));
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.content.progress.send_modify(|progress| {
            progress.end.get_or_insert(End::Broken);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;

    async fn all(content: &Arc<Content>, range: Option<Range<u64>>) -> Result<Bytes, Broken> {
        content.body(range, None).collect().await
    }

    #[tokio::test]
    async fn content_is_read_while_it_comes_and_after() {
        let folder = tempfile::tempdir().unwrap();
        let piece = Bytes::from(vec![7; 300_000]);
        // The second is too long for memory.
        for pieces in [2, 9] {
            let cache = Cache::open(folder.path().join(pieces.to_string())).unwrap();
            let place = cache.new_place().unwrap();
            let path = place.path.clone();
            let (content, mut writer) = Writer::new(place);
            let early = tokio::spawn({
                let content = content.clone();
                async move { all(&content, None).await }
            });
            for _ in 0..pieces {
                writer.push(piece.clone()).await.unwrap();
            }
            assert_eq!(content.length(), None);
            writer.finish().await.unwrap();
            let length = pieces as u64 * 300_000;
            assert_eq!(content.length(), Some(length));
            assert_eq!(early.await.unwrap().unwrap().len() as u64, length);
            assert_eq!(all(&content, Some(299_999..300_002)).await.unwrap(), Bytes::from(vec![7; 3]));
            assert_eq!(path.exists(), pieces == 9);
            drop(content);
            assert!(!path.exists());
        }
    }

    #[tokio::test]
    async fn what_breaks_off_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        let (content, mut writer) = Writer::new(cache.new_place().unwrap());
        writer.push("abc".into()).await.unwrap();
        let mut body = content.body(None, None);
        assert_eq!(body.next().await, Some(Ok("abc".into())));
        drop(writer);
        assert_eq!(body.next().await, Some(Err(Broken)));
        assert!(content.is_broken());
    }

    #[tokio::test]
    async fn memory_moves_to_a_file_under_its_readers() {
        let folder = tempfile::tempdir().unwrap();
        let content = Content::whole("abcdef".into());
        assert_eq!(all(&content, Some(1..3)).await, Ok("bc".into()));
        let reader = content.clone().read(None);
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        content.move_to_file(cache.new_place().unwrap()).unwrap();
        assert!(content.is_file());
        assert_eq!(Body::stream(reader).collect().await, Ok("abcdef".into()));
    }
}
