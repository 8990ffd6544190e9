//! What is open to everybody: the links in messages, which confirm and end subscriptions, and the certificate that
//! signatures are checked with.

use std::sync::Arc;

use base::{Arn, Region};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use service::{Body, BoxFuture, Cx, Error as ServiceError, Front};
use wire::Protocol;

use crate::error::Error;
use crate::ops::subscription::{self, ConfirmInput, UnsubscribeInput};
use crate::{Sns, XMLNS};

const CERTIFICATES: &str = "/_aws/sns/SimpleNotificationService-";

/// Answers the requests of those who follow a link: unsigned ones.
pub struct Links(pub Arc<Sns>);

impl Front for Links {
    fn matches(&self, head: &Parts) -> bool {
        if head.method != Method::GET {
            return false;
        }
        let query = head.uri.query().unwrap_or_default();
        let signed = head.headers.contains_key(AUTHORIZATION) || query.contains("X-Amz-Signature=");
        let is_link = query.split('&').any(|pair| matches!(pair, "Action=ConfirmSubscription" | "Action=Unsubscribe"));
        head.uri.path().starts_with(CERTIFICATES) || (is_link && !signed && head.uri.path() == "/")
    }

    fn handle(&self, cx: Cx, request: Request<Bytes>) -> BoxFuture<Response<Body>> {
        let sns = self.0.clone();
        Box::pin(async move {
            let id = cx.request_id().to_owned();
            let answer = if request.uri().path().starts_with(CERTIFICATES) {
                certificate(&sns, &cx, request.uri().path())
            } else {
                follow(sns, cx, request.uri().query().unwrap_or_default()).await
            };
            let answer = answer.unwrap_or_else(|error| error.encode(Protocol::Query, XMLNS, "message", &id));
            answer.map(Body::from)
        })
    }
}

fn certificate(sns: &Sns, cx: &Cx, path: &str) -> Result<Response<Bytes>, ServiceError> {
    let signer = sns.signer(&cx.db().read()?)?;
    if path.rsplit('/').next() != Some(signer.certificate_file()) {
        return Err(Error::NoSuchResource.into());
    }
    let mut response = Response::new(Bytes::from(signer.certificate().to_owned()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"));
    Ok(response)
}

async fn follow(sns: Arc<Sns>, cx: Cx, query: &str) -> Result<Response<Bytes>, ServiceError> {
    let id = cx.request_id().to_owned();
    let params = wire::query::parse(query.as_bytes()).map_err(|error| Error::Invalid(error.to_string()))?;
    let names = &wire::query::Names::NONE;
    let decoded = |error: wire::DecodeError| Error::Invalid(error.to_string());
    let body = if params.action() == Some("Unsubscribe") {
        let input: UnsubscribeInput = wire::query::decode(&params, names).map_err(decoded)?;
        let cx = in_region(&cx, &input.subscription_arn);
        subscription::unsubscribe_by_link(&sns, &cx, &input).await?;
        wire::query::encode(&(), "Unsubscribe", XMLNS, &id, names)
    } else {
        let input: ConfirmInput = wire::query::decode(&params, names).map_err(decoded)?;
        let cx = in_region(&cx, &input.topic_arn);
        let output = subscription::confirm_by_link(&cx, &input).await?;
        wire::query::encode(&output, "ConfirmSubscription", XMLNS, &id, names)
    };
    let body = body.map_err(ServiceError::internal)?;
    Ok(wire::respond(Protocol::Query, http::StatusCode::OK, body, &id))
}

/// A link names its region in the ARN alone.
fn in_region(cx: &Cx, arn: &str) -> Cx {
    match arn.parse::<Arn>() {
        Ok(arn) => cx.cloud().cx(cx.caller().clone(), Region::new(arn.region), None),
        Err(_) => cx.clone(),
    }
}
