//! HTTP for the ACME client, by the way that all requests go out.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use outbound::Outbound;

/// How long an answer of the ACME server may take.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// Bytes of one: a chain of certificates at most.
const ANSWER_BYTES_MAX: usize = 1 << 20;

pub struct Http(pub Outbound);

impl HttpClient for Http {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let outbound = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let (url, body) = (head.uri.to_string(), body.to_bytes());
            let sent =
                outbound::Request { method: head.method, url: &url, headers: head.headers, body, timeout: ANSWER_WAIT };
            let answer = outbound.fetch(sent, ANSWER_BYTES_MAX).await;
            let (answer, body) = answer.map_err(|error| Error::Other(error.into()))?;
            let mut response = Response::new(Full::new(body));
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(BytesResponse::from(response))
        })
    }
}
