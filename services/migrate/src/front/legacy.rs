//! The side of the backend: the request as it came, and the answer as it comes.

use futures_util::stream;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, TRANSFER_ENCODING};
use http::{Method, Response, StatusCode, Version};
use outbound::{Incoming, Outgoing};
use proxy::end_to_end;
use service::{Arrival, Body, Broken, PeerAddr, Upload};

use super::{Asked, message};
use crate::limits::LEGACY_WAIT;

/// Marks copies, so that a backend can leave them out of what it counts or does.
pub const COPY: HeaderName = HeaderName::from_static("x-cloudlet-shadow");

impl Asked {
    pub(super) async fn legacy(&self, body: Upload, is_copy: bool) -> Response<Body> {
        let query = self.head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{}{}{query}", self.migration.legacy, self.address.path);
        let mut headers = self.headers();
        if is_copy {
            headers.insert(COPY, HeaderValue::from_static("1"));
        }
        let method = self.head.method.clone();
        let body = self.has_body().then_some(body);
        let outgoing = Outgoing { method, url: &url, headers, body, timeout: LEGACY_WAIT };
        match self.migrate.outbound.open(outgoing).await {
            Ok(answer) => self.answer(answer),
            Err(error) => {
                let migration = &self.migration.name;
                tracing::warn!(migration, url, %error, "a backend did not answer");
                match error {
                    outbound::Error::TimedOut => {
                        message(StatusCode::GATEWAY_TIMEOUT, "The backend did not answer in time.")
                    }
                    _ => message(StatusCode::BAD_GATEWAY, "The backend cannot be reached."),
                }
            }
        }
    }

    /// What the backend is told: all that the client says, and where it is from.
    fn headers(&self) -> HeaderMap {
        let mut headers = end_to_end(&self.head.headers);
        headers.remove(CONTENT_LENGTH);
        let host = headers.get(HOST).cloned();
        // Names of this server mean nothing to the backend.
        if !self.address.own_host {
            headers.remove(HOST);
        }
        let arrival = Arrival::of(&self.head);
        if let Some(PeerAddr(peer)) = self.head.extensions.get() {
            let before = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
            let before = before.map(|before| format!("{before}, ")).unwrap_or_default();
            set(&mut headers, "x-forwarded-for", &format!("{before}{}", peer.ip().to_canonical()));
        }
        set(&mut headers, "x-forwarded-proto", arrival.scheme());
        match arrival.port {
            Some(port) => set(&mut headers, "x-forwarded-port", &port.to_string()),
            None => drop(headers.remove("x-forwarded-port")),
        }
        // What a client says of these would be taken for this server's word.
        headers.remove("forwarded");
        match host {
            Some(host) => drop(headers.insert("x-forwarded-host", host)),
            None => drop(headers.remove("x-forwarded-host")),
        }
        headers
    }

    /// Whether the client sends a body, though it may be empty.
    fn has_body(&self) -> bool {
        let (headers, method) = (&self.head.headers, &self.head.method);
        match headers.get(CONTENT_LENGTH) {
            Some(length) => length != "0",
            None if headers.contains_key(TRANSFER_ENCODING) => true,
            // Over HTTP/2 nothing tells but the method.
            None => {
                self.head.version == Version::HTTP_2 && !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
            }
        }
    }

    fn answer(&self, answer: Incoming) -> Response<Body> {
        let status = answer.status;
        let mut headers = end_to_end(&answer.headers);
        let length = headers.remove(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        self.lead_back(&mut headers);
        let is_empty = self.head.method == Method::HEAD || matches!(status.as_u16(), 204 | 304);
        let pieces = stream::try_unfold(answer, |mut answer| async move {
            match answer.next(LEGACY_WAIT).await {
                Ok(piece) => Ok(piece.map(|piece| (piece, answer))),
                Err(error) => {
                    tracing::warn!(%error, "a backend's answer broke off");
                    Err(Broken)
                }
            }
        });
        let body = match length {
            _ if is_empty => Body::from(bytes::Bytes::new()),
            Some(length) => Body::sized(pieces, length),
            None => Body::stream(pieces),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    /// Redirects to the backend's own URL lead to the same place here.
    fn lead_back(&self, headers: &mut HeaderMap) {
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let within = match location.strip_prefix(self.migration.legacy.as_str()) {
            Some("") => Some("/"),
            Some(within) if within.starts_with(['/', '?']) => Some(within),
            _ => None,
        };
        if let Some(within) = within
            && let Ok(value) = HeaderValue::from_str(&format!("{}{within}", self.address.before))
        {
            headers.insert(LOCATION, value);
        }
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
