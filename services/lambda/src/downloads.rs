//! Links to code, as GetFunction and GetLayerVersion give them: signed, and good for ten minutes.

use std::sync::Arc;

use base::{Env, Timestamp};
use blob::BlobId;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, Request, Response, StatusCode};
use service::{Body, BoxFuture, Cx, Front};
use sha2::Sha256;

use crate::Lambda;
use crate::limits;

const PATH: &str = "/_cloudlet/lambda/code/";

/// The key that links are signed with. It is made at start: links do not outlive the server.
pub struct Downloads {
    key: [u8; 64],
}

impl Downloads {
    pub fn new(env: &Env) -> Downloads {
        let mut key = [0; 64];
        env.random(&mut key);
        Downloads { key }
    }

    pub fn url(&self, cx: &Cx, blob: &BlobId) -> String {
        let expires = (cx.now() + limits::DOWNLOAD_LIFETIME).as_secs();
        let signature = hex::encode(self.mac(blob, expires).finalize().into_bytes());
        format!("{}{PATH}{blob}/{expires}/{signature}", cx.endpoint())
    }

    /// The blob that a path may be used for now.
    fn verify(&self, path: &str, now: Timestamp) -> Option<BlobId> {
        let mut parts = path.strip_prefix(PATH)?.split('/');
        let (blob, expires, signature) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
        let valid = self.mac(&blob, expires).verify_slice(&hex::decode(signature).ok()?).is_ok();
        (parts.next().is_none() && valid && now.as_secs() < expires).then_some(blob)
    }

    fn mac(&self, blob: &BlobId, expires: u64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.key.into());
        mac.update(blob.as_bytes());
        mac.update(&expires.to_be_bytes());
        mac
    }
}

pub struct DownloadFront(pub Arc<Lambda>);

impl Front for DownloadFront {
    fn matches(&self, head: &http::request::Parts) -> bool {
        head.uri.path().starts_with(PATH)
    }

    fn handle(&self, cx: Cx, request: Request<Bytes>) -> BoxFuture<Response<Body>> {
        let lambda = self.0.clone();
        Box::pin(async move {
            if request.method() != Method::GET {
                return answer(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "Only GET is allowed.".into());
            }
            let Some(blob) = lambda.downloads.verify(request.uri().path(), cx.now()) else {
                let message = "This link has expired, or is not one that this server has given out.";
                return answer(StatusCode::FORBIDDEN, "text/plain", message.into());
            };
            match lambda.code.blobs.get(&blob).await {
                Ok(zip) => answer(StatusCode::OK, "application/zip", zip),
                Err(error) => {
                    tracing::warn!(%error, "code could not be downloaded");
                    answer(StatusCode::NOT_FOUND, "text/plain", "This code is not there any more.".into())
                }
            }
        })
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let content_type = http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use testkit::TestCloud;

    use super::*;

    #[tokio::test]
    async fn a_link_works_until_it_expires_and_for_nothing_else() {
        let cloud = TestCloud::new([]);
        let downloads = Downloads::new(&cloud.env);
        let (blob, now) = (BlobId::of(b"code"), cloud.env.now());
        let url = downloads.url(&cloud.root(), &blob);
        let path = url.strip_prefix("http://localhost:4566").unwrap();
        assert_eq!(downloads.verify(path, now), Some(blob));
        assert_eq!(downloads.verify(path, now + Duration::from_secs(600)), None);
        let other = path.replace(&blob.to_string(), &BlobId::of(b"other").to_string());
        assert_eq!(downloads.verify(&other, now), None);
        assert_eq!(Downloads::new(&cloud.env).verify(path, now), None);
        for broken in ["", PATH, "/_cloudlet/lambda/code/a/b/c", &format!("{path}/x")] {
            assert_eq!(downloads.verify(broken, now), None);
        }
    }
}
