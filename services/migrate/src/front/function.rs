//! The side of functions: the request as an event of payload format 2.0, as HTTP APIs and function URLs have it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{AccountId, Region};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use proxy::{Incoming, answer, event_v2};
use service::{Body, Caller, Error, Upload};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::legacy::COPY;
use super::{Asked, Refused, message};
use crate::PRINCIPAL;
use crate::limits::{EVENT_BYTES_MAX, FUNCTION_WAIT};
use crate::route::Parameters;
use crate::types::Route;

const STAGE: &str = "$default";
const TOO_LARGE: &str = "Request Entity Too Large";

impl Asked {
    pub(super) async fn function(
        &self,
        route: &Route,
        parameters: &Parameters,
        body: Upload,
        is_copy: bool,
    ) -> Response<Body> {
        // The share is given back with the answer.
        let (body, _share) = match held(&self.migrate.memory, body).await {
            Ok(held) => held,
            Err(Refused(status, text)) => return message(status, &text),
        };
        let event = self.event(route, parameters, body, is_copy);
        if event.len() > EVENT_BYTES_MAX {
            return message(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE);
        }
        let function = &route.function;
        let account = AccountId::new(self.migration.arn.account.as_str());
        let caller = Caller { arn: self.migration.arn.clone(), ..Caller::service(&account, PRINCIPAL) };
        let invocation = self.cx.cloud().cx(caller, Region::new(self.migration.arn.region.as_str()), None);
        let to = function.clone();
        // It goes on when nobody waits for it any more, as behind API Gateway.
        let invoked = tokio::spawn(async move { invocation.invoke(to, event).await });
        let invoked = match timeout(FUNCTION_WAIT, invoked).await {
            Ok(Ok(Ok(invoked))) => invoked,
            Ok(Ok(Err(error))) => return self.refused(route, &error),
            Ok(Err(error)) => {
                tracing::error!(%function, %error, "an invocation ended without an answer");
                return message(StatusCode::BAD_GATEWAY, "Bad Gateway");
            }
            Err(_) => return message(StatusCode::GATEWAY_TIMEOUT, "The function did not answer in time."),
        };
        if let Some(kind) = invoked.function_error {
            tracing::warn!(%function, kind, "a function failed");
            return message(StatusCode::BAD_GATEWAY, "Bad Gateway");
        }
        match answer::v2(&invoked.payload) {
            Ok(answer) => answer.into_response().map(Body::from),
            Err(error) => {
                tracing::warn!(%function, why = error.0, "malformed function answer");
                message(StatusCode::BAD_GATEWAY, "Bad Gateway")
            }
        }
    }

    fn event(&self, route: &Route, parameters: &Parameters, body: Bytes, is_copy: bool) -> Bytes {
        let mut head = (*self.head).clone();
        if is_copy {
            head.headers.insert(COPY, HeaderValue::from_static("1"));
        }
        let incoming = Incoming::new(&self.cx, head, body);
        let parameters: Vec<(String, String)> =
            parameters.iter().map(|(name, value)| (name.clone(), proxy::decoded(value))).collect();
        let place = event_v2::Place {
            account: &self.migration.arn.account,
            api: &self.migration.id,
            stage: STAGE,
            variables: &BTreeMap::new(),
            route: &route.key(),
            path: &self.address.path,
            parameters: &parameters,
        };
        let binary = event_v2::is_binary(incoming.header(CONTENT_TYPE));
        event_v2::event(&incoming, &place, binary).to_string().into()
    }

    fn refused(&self, route: &Route, error: &Error) -> Response<Body> {
        let (migration, function) = (&self.migration.name, &route.function);
        tracing::warn!(migration, %function, %error, "a function could not be invoked");
        match (error.status, &*error.code) {
            (429, _) | (_, "TooManyRequestsException") => {
                message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            (413, _) => message(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE),
            _ => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        }
    }
}

/// A body as a whole, and its share of the memory for those.
async fn held(memory: &Arc<Semaphore>, mut body: Upload) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refused> {
    let (mut read, mut share) = (BytesMut::new(), None::<OwnedSemaphorePermit>);
    while let Some(piece) = body.next().await? {
        if read.len() + piece.len() > EVENT_BYTES_MAX {
            return Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE.into()));
        }
        let bytes = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        let Ok(more) = memory.clone().try_acquire_many_owned(bytes) else {
            let text = "The server holds as many bodies as it may. Try again.";
            return Err(Refused(StatusCode::SERVICE_UNAVAILABLE, text.into()));
        };
        match &mut share {
            Some(share) => share.merge(more),
            None => share = Some(more),
        }
        read.extend_from_slice(&piece);
    }
    Ok((read.freeze(), share))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use service::Trailers;

    use super::*;

    fn body(pieces: usize, bytes: usize) -> Upload {
        let pieces = (0..pieces).map(move |_| Ok(Bytes::from(vec![b'x'; bytes])));
        Upload::new(stream::iter(pieces), None, Trailers::default())
    }

    #[tokio::test]
    async fn bodies_for_functions_share_a_bound() {
        let memory = Arc::new(Semaphore::new(100));
        let Ok((first, share)) = held(&memory, body(3, 20)).await else { panic!("there is room") };
        assert_eq!((first.len(), memory.available_permits()), (60, 40));
        let Err(Refused(status, text)) = held(&memory, body(3, 20)).await else { panic!("there is none") };
        assert_eq!((status, memory.available_permits()), (StatusCode::SERVICE_UNAVAILABLE, 40), "{text}");
        drop(share);
        assert!(held(&memory, body(5, 20)).await.is_ok());
        assert_eq!(memory.available_permits(), 100);
        let plenty = Arc::new(Semaphore::new(EVENT_BYTES_MAX * 2));
        let Err(Refused(status, _)) = held(&plenty, body(7, 1 << 20)).await else { panic!("it is too large") };
        assert_eq!((status, plenty.available_permits()), (StatusCode::PAYLOAD_TOO_LARGE, EVENT_BYTES_MAX * 2));
    }
}
