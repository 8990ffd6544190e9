//! Where a function's response goes when the function streams it: gathered, or to whoever reads along.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::limits::{RESPONSE_BYTES_MAX, STREAM_BYTES_MAX};

/// A part of a response that a function streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Comes first, and once: the content type that the function has given.
    Begin(Option<String>),
    Bytes(Bytes),
}

/// Takes the parts. One that takes its time slows the function down; nothing is kept for it.
pub(crate) struct Sink {
    form: Form,
    bytes: usize,
}

enum Form {
    Whole(BytesMut),
    /// `None` when nobody reads any more. The function runs on, as on Lambda, and what it says is dropped.
    Stream(Option<mpsc::Sender<Part>>),
}

impl Sink {
    /// For a caller that waits for all of it.
    pub fn whole() -> Sink {
        Sink { form: Form::Whole(BytesMut::new()), bytes: 0 }
    }

    pub fn stream(parts: mpsc::Sender<Part>) -> Sink {
        Sink { form: Form::Stream(Some(parts)), bytes: 0 }
    }

    fn limit(&self) -> usize {
        if matches!(self.form, Form::Whole(_)) { RESPONSE_BYTES_MAX } else { STREAM_BYTES_MAX }
    }

    pub async fn begin(&mut self, content_type: Option<String>) {
        self.send(Part::Begin(content_type)).await;
    }

    /// Takes bytes, as far as the limit allows.
    pub async fn push(&mut self, bytes: Bytes) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes <= self.limit() && !bytes.is_empty() {
            self.send(Part::Bytes(bytes)).await;
        }
    }

    async fn send(&mut self, part: Part) {
        match (&mut self.form, part) {
            (Form::Whole(all), Part::Bytes(bytes)) => all.extend_from_slice(&bytes),
            (Form::Stream(reader @ Some(_)), part) => {
                if let Some(parts) = reader
                    && parts.send(part).await.is_err()
                {
                    *reader = None;
                }
            }
            _ => {}
        }
    }

    /// What was gathered, which is nothing where it was passed on; `None` when it was more than may be.
    pub fn end(self) -> Option<Bytes> {
        let fits = self.bytes <= self.limit();
        let gathered = match self.form {
            Form::Whole(all) => all.freeze(),
            Form::Stream(_) => Bytes::new(),
        };
        fits.then_some(gathered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_are_gathered_up_to_the_limit() {
        let mut sink = Sink::whole();
        sink.begin(None).await;
        for part in ["a", "", "b"] {
            sink.push(part.into()).await;
        }
        assert_eq!(sink.end(), Some("ab".into()));
        let mut sink = Sink::whole();
        sink.push(vec![0; RESPONSE_BYTES_MAX].into()).await;
        sink.push("x".into()).await;
        assert_eq!(sink.end(), None);
    }

    #[tokio::test]
    async fn parts_go_to_the_reader_as_long_as_there_is_one() {
        let (parts, mut reader) = mpsc::channel(4);
        let mut sink = Sink::stream(parts);
        sink.begin(Some("text/plain".into())).await;
        sink.push("a".into()).await;
        assert_eq!(reader.recv().await, Some(Part::Begin(Some("text/plain".into()))));
        assert_eq!(reader.recv().await, Some(Part::Bytes("a".into())));
        drop(reader);
        sink.push("b".into()).await;
        assert_eq!(sink.end(), Some(Bytes::new()));
    }
}
