//! Copies: the other side gets one of a request, and what it answers is only compared.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use serde_json::Value;
use service::{Body, Broken, Upload};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{Asked, Refused};
use crate::figures::{Compared, Difference};
use crate::limits::SHADOW_BYTES_MAX;
use crate::route::{Parameters, Side};
use crate::types::Route;

/// Characters of a path that a difference remembers.
const PATH_CHARACTERS: usize = 200;

/// A request's body for the other side, and room to send it.
pub struct Copy {
    body: Bytes,
    room: OwnedSemaphorePermit,
}

/// An answer, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    status: StatusCode,
    content_type: String,
    /// `None` when it is too long.
    body: Option<Bytes>,
}

impl Asked {
    /// A request's body twice; once, where there is no room for a copy or it is too long for one.
    pub(super) async fn copied(&self, route: &Route, mut body: Upload) -> Result<(Upload, Option<Copy>), Refused> {
        let Ok(room) = self.migrate.shadows.clone().try_acquire_owned() else {
            self.compared(route, Compared::LeftOut);
            return Ok((body, None));
        };
        let mut read = BytesMut::new();
        while let Some(piece) = body.next().await? {
            read.extend_from_slice(&piece);
            if read.len() > SHADOW_BYTES_MAX {
                self.compared(route, Compared::LeftOut);
                return Ok((continued(read.freeze(), body), None));
            }
        }
        let read = read.freeze();
        Ok((Upload::whole(read.clone()), Some(Copy { body: read, room })))
    }

    /// Sends the copy, and compares what comes with the answer that passes by.
    pub(super) fn shadow(
        &self,
        route: &Route,
        parameters: &Parameters,
        side: Side,
        copy: Copy,
        response: Response<Body>,
    ) -> Response<Body> {
        let (response, seen) = watched(response);
        let (asked, route, parameters) = (self.clone(), route.clone(), parameters.clone());
        tokio::spawn(async move {
            let Copy { body, room } = copy;
            let other = asked.counted(side.other(), &route, &parameters, Upload::whole(body), true).await;
            let (shown, other) = (seen.await, collected(other).await);
            let compared = match (shown, other) {
                (Ok(shown), Some(other)) => asked.compare(side, &shown, &other),
                _ => Compared::LeftOut,
            };
            asked.compared(&route, compared);
            drop(room);
        });
        response
    }

    fn compared(&self, route: &Route, compared: Compared) {
        self.migrate.figures.compared(&self.migration.id, &route.key(), compared);
    }

    fn compare(&self, side: Side, shown: &Seen, other: &Seen) -> Compared {
        let Some(what) = difference(shown, other) else {
            // What is too long on both sides may differ behind.
            return if shown.body.is_some() { Compared::Same } else { Compared::LeftOut };
        };
        let (legacy, function) = match side {
            Side::Legacy => (shown, other),
            Side::Function => (other, shown),
        };
        Compared::Different(Difference {
            at: self.cx.env().now(),
            method: self.head.method.to_string(),
            path: self.address.path.chars().take(PATH_CHARACTERS).collect(),
            what,
            legacy: legacy.summary(),
            function: function.summary(),
        })
    }
}

impl Seen {
    fn summary(&self) -> String {
        let length = match &self.body {
            Some(body) => format!("{} bytes", body.len()),
            None => format!("more than {SHADOW_BYTES_MAX} bytes"),
        };
        format!("{} {} {length}", self.status.as_u16(), self.content_type)
    }

    fn of(response: &http::response::Parts, body: Option<Bytes>) -> Seen {
        let content_type = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        // What follows it is written in many ways.
        let content_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
        Seen { status: response.status, content_type: content_type.trim().to_ascii_lowercase(), body }
    }
}

/// What differs first.
fn difference(one: &Seen, other: &Seen) -> Option<&'static str> {
    if one.status != other.status {
        return Some("status");
    }
    if one.content_type != other.content_type {
        return Some("content type");
    }
    let alike = match (&one.body, &other.body) {
        (Some(one), Some(other)) => one == other || is_same_json(one, other),
        (None, None) => true,
        _ => false,
    };
    (!alike).then_some("body")
}

/// JSON may be written in several ways.
fn is_same_json(one: &[u8], other: &[u8]) -> bool {
    let parse = |bytes| serde_json::from_slice::<Value>(bytes).ok();
    matches!((parse(one), parse(other)), (Some(one), Some(other)) if one == other)
}

/// What was read of a body, and the rest.
fn continued(read: Bytes, rest: Upload) -> Upload {
    let length = rest.length;
    let rest = stream::try_unfold(rest, |mut rest| async move { Ok(rest.next().await?.map(|piece| (piece, rest))) });
    Upload::new(stream::iter([Ok(read)]).chain(rest), length, service::Trailers::default())
}

/// An answer that tells what it was once it has been sent; nothing, if the client goes before.
fn watched(response: Response<Body>) -> (Response<Body>, oneshot::Receiver<Seen>) {
    let (head, body) = response.into_parts();
    let (tell, told) = oneshot::channel();
    if let Some(whole) = body.whole() {
        // Who has gone will not compare.
        let _ = tell.send(Seen::of(&head, Some(whole.clone()).filter(|whole| whole.len() <= SHADOW_BYTES_MAX)));
        return (Response::from_parts(head, body), told);
    }
    let (size, empty) = (body.size(), Seen::of(&head, Some(Bytes::new())));
    let mut watch = Watch { body, left: size, tell: Some(tell), empty, read: BytesMut::new(), is_short: true };
    if size == Some(0) {
        watch.end();
    }
    let pieces = stream::unfold(watch, |mut watch| async move { watch.next().await.map(|piece| (piece, watch)) });
    let body = match size {
        Some(size) => Body::sized(pieces, size),
        None => Body::stream(pieces),
    };
    (Response::from_parts(head, body), told)
}

/// A body that is noted while it passes by.
struct Watch {
    body: Body,
    /// Bytes that are still to come, where that is known.
    left: Option<usize>,
    tell: Option<oneshot::Sender<Seen>>,
    empty: Seen,
    read: BytesMut,
    is_short: bool,
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        let piece = self.body.next().await;
        if let (Some(Ok(piece)), Some(left)) = (&piece, &mut self.left) {
            *left = left.saturating_sub(piece.len());
        }
        match &piece {
            Some(Ok(piece)) if self.is_short && self.read.len() + piece.len() <= SHADOW_BYTES_MAX => {
                self.read.extend_from_slice(piece);
            }
            Some(Ok(_)) => {
                self.is_short = false;
                self.read = BytesMut::new();
            }
            Some(Err(_)) => self.tell = None,
            None => self.end(),
        }
        // Whoever sends a body of a known length does not ask for its end.
        if self.left == Some(0) {
            self.end();
        }
        piece
    }

    fn end(&mut self) {
        if let Some(tell) = self.tell.take() {
            let body = self.is_short.then(|| std::mem::take(&mut self.read).freeze());
            // Who has gone will not compare.
            let _ = tell.send(Seen { body, ..self.empty.clone() });
        }
    }
}

/// An answer that nobody is sent; `None` when it breaks off.
async fn collected(response: Response<Body>) -> Option<Seen> {
    let (head, mut body) = response.into_parts();
    let mut read = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.ok()?;
        if read.len() + piece.len() > SHADOW_BYTES_MAX {
            return Some(Seen::of(&head, None));
        }
        read.extend_from_slice(&piece);
    }
    Some(Seen::of(&head, Some(read.freeze())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(status: u16, content_type: &str, body: Option<&str>) -> Seen {
        let body = body.map(|body| Bytes::copy_from_slice(body.as_bytes()));
        Seen { status: StatusCode::from_u16(status).unwrap(), content_type: content_type.into(), body }
    }

    #[test]
    fn answers_are_alike_when_a_client_would_say_so() {
        let json = |body| seen(200, "application/json", Some(body));
        assert_eq!(difference(&json(r#"{"a":1,"b":2}"#), &json(r#"{ "b": 2, "a": 1 }"#)), None);
        assert_eq!(difference(&json(r#"{"a":1}"#), &json(r#"{"a":2}"#)), Some("body"));
        assert_eq!(difference(&seen(200, "text/plain", Some("a")), &seen(200, "text/plain", Some("a "))), Some("body"));
        assert_eq!(difference(&json("1"), &seen(200, "text/plain", Some("1"))), Some("content type"));
        assert_eq!(difference(&json("1"), &seen(404, "application/json", Some("1"))), Some("status"));
        assert_eq!(difference(&json("1"), &seen(200, "application/json", None)), Some("body"));
    }

    #[tokio::test]
    async fn answers_pass_by_as_they_are_and_are_told_at_their_end() {
        let pieces = || stream::iter([Ok(Bytes::from_static(b"ab")), Ok(Bytes::from_static(b"c"))]);
        for body in [Body::stream(pieces()), Body::sized(pieces(), 3), Body::from(Bytes::from_static(b"abc"))] {
            let (response, told) = watched(Response::new(body));
            assert_eq!(response.into_body().collect().await.unwrap(), "abc");
            assert_eq!(told.await.unwrap().body.unwrap(), "abc");
        }
        let broken = stream::iter([Ok(Bytes::from_static(b"ab")), Err(Broken)]);
        let (response, told) = watched(Response::new(Body::stream(broken)));
        assert!(response.into_body().collect().await.is_err() && told.await.is_err());
        let long = stream::iter((0..3).map(|_| Ok(Bytes::from(vec![0; SHADOW_BYTES_MAX / 2]))));
        let (response, told) = watched(Response::new(Body::stream(long)));
        assert_eq!(response.into_body().collect().await.unwrap().len(), SHADOW_BYTES_MAX / 2 * 3);
        assert_eq!(told.await.unwrap().body, None);
    }
}
