//! What operations take: a value that is there as a whole, or one beside a body that is still on its way.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http_body::{Frame, SizeHint};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::codec::{self, Codec};
use crate::{Error, WireRequest};

/// How an operation takes the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// Once it is there.
    Whole,
    /// As it comes.
    Streamed,
    /// As a form with a file, which is taken as it comes.
    Form,
}

/// What a handler is given, on its way from the wire.
pub trait Input: Sized {
    /// How the body is taken, which is not part of the value unless it is whole.
    #[doc(hidden)]
    const INTAKE: Intake;

    #[doc(hidden)]
    fn decode(codec: &Codec, request: &mut WireRequest) -> Result<Self, Error>;

    /// From a caller inside the server, with the body where there is one.
    #[doc(hidden)]
    fn from_json(input: &Value, body: Option<Upload>) -> Result<Self, Error>;
}

impl<I: DeserializeOwned> Input for I {
    const INTAKE: Intake = Intake::Whole;

    fn decode(codec: &Codec, request: &mut WireRequest) -> Result<I, Error> {
        codec.decode(request)
    }

    fn from_json(input: &Value, _: Option<Upload>) -> Result<I, Error> {
        codec::from_json(input)
    }
}

/// The input of an operation whose body is taken as it comes.
pub struct Uploaded<I> {
    pub input: I,
    pub body: Upload,
}

impl<I: DeserializeOwned> Input for Uploaded<I> {
    const INTAKE: Intake = Intake::Streamed;

    fn decode(codec: &Codec, request: &mut WireRequest) -> Result<Uploaded<I>, Error> {
        let body = request.upload.take().unwrap_or_else(|| Upload::whole(std::mem::take(&mut request.body)));
        Ok(Uploaded { input: codec.decode(request)?, body })
    }

    fn from_json(input: &Value, body: Option<Upload>) -> Result<Uploaded<I>, Error> {
        let text = || input.get("Body").and_then(Value::as_str).unwrap_or_default().to_owned();
        let body = body.unwrap_or_else(|| Upload::whole(text().into()));
        Ok(Uploaded { input: codec::from_json(input)?, body })
    }
}

/// The input of an operation whose body is a form: what is in it beside the file, and the file.
pub struct Posted<I> {
    pub input: I,
    pub form: Form,
    pub file: Upload,
}

impl<I: DeserializeOwned> Input for Posted<I> {
    const INTAKE: Intake = Intake::Form;

    fn decode(codec: &Codec, request: &mut WireRequest) -> Result<Posted<I>, Error> {
        let mut file = request.upload.take().unwrap_or_else(|| Upload::whole(Bytes::new()));
        let form = file.form.take().unwrap_or_default();
        Ok(Posted { input: codec.decode(request)?, form, file })
    }

    fn from_json(_: &Value, _: Option<Upload>) -> Result<Posted<I>, Error> {
        Err(Error::not_implemented("a form from a caller inside the server"))
    }
}

/// A form as a browser sends it, less the bytes of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// What came before the file, in its order and spelling.
    pub fields: Vec<(String, String)>,
    /// The name of the file, where the form says one.
    pub file_name: Option<String>,
}

impl Form {
    /// The first field of this name, in which case does not matter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What follows a body: names in lower case, and values. Set once the body has come to its end.
pub type Trailers = Arc<OnceLock<Vec<(String, String)>>>;

/// A request's body on its way. It is what the caller signed once it has come to its end without an error, and not before.
pub struct Upload {
    pieces: Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>,
    trailers: Trailers,
    /// Its length in bytes, where the request says it.
    pub length: Option<u64>,
    /// The form that it is the file of, if it is one's.
    form: Option<Form>,
}

impl Upload {
    pub fn new(
        pieces: impl Stream<Item = Result<Bytes, Error>> + Send + 'static,
        length: Option<u64>,
        trailers: Trailers,
    ) -> Upload {
        Upload { pieces: Box::pin(pieces), trailers, length, form: None }
    }

    /// The same as the file of a form.
    #[must_use]
    pub fn of_form(self, form: Form) -> Upload {
        Upload { form: Some(form), ..self }
    }

    /// One that is there.
    pub fn whole(bytes: Bytes) -> Upload {
        let length = Some(bytes.len() as u64);
        Upload::new(futures_util::stream::iter((!bytes.is_empty()).then_some(Ok(bytes))), length, Trailers::default())
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When it does not arrive, or is not what was signed: what came before is nothing then.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.pieces.next().await.transpose()
    }

    /// What followed the body, once that has ended.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        let all = self.trailers.get()?;
        all.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All of it, if it has no more than `most` bytes.
    ///
    /// # Errors
    /// As of [`Upload::next`]; `None` where it is longer.
    pub async fn collect(mut self, most: usize) -> Result<Option<Bytes>, Error> {
        let mut all = BytesMut::new();
        while let Some(piece) = self.next().await? {
            if all.len() + piece.len() > most {
                return Ok(None);
            }
            all.extend_from_slice(&piece);
        }
        Ok(Some(all.freeze()))
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.pieces.as_mut().poll_next(context).map_ok(Frame::data)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_comes_in_pieces_and_then_what_follows_it() {
        let trailers = Trailers::default();
        let pieces = futures_util::stream::iter([Ok(Bytes::from_static(b"a")), Ok(Bytes::from_static(b"b"))]);
        let mut upload = Upload::new(pieces, Some(2), trailers.clone());
        assert_eq!(upload.next().await, Ok(Some("a".into())));
        trailers.set(vec![("x-a".into(), "1".into())]).unwrap();
        assert_eq!((upload.next().await, upload.next().await), (Ok(Some("b".into())), Ok(None)));
        assert_eq!((upload.trailer("x-a"), upload.trailer("x-b")), (Some("1"), None));
        assert_eq!(Upload::whole("abc".into()).collect(3).await, Ok(Some("abc".into())));
        assert_eq!(Upload::whole("abc".into()).collect(2).await, Ok(None));
    }
}
