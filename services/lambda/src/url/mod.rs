//! The traffic of function URLs: a user's request becomes an event, and the function's answer a response.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

mod admit;
mod respond;

use std::sync::Arc;

use base::{AccountId, Region};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use proxy::{Incoming, cors, event_v2};
use serde_json::{Value, json};
use service::{Body, BoxFuture, Cx, Front, FrontAddress};

use crate::Lambda;
use crate::error::Error;
use crate::invoke;
use crate::limits;
use crate::model::{policy, url};
use crate::name::{FunctionRef, Qualifier};
use crate::types::{Cors, FunctionUrl, UrlOwner};
use admit::{Refused, Signer};

/// The name of this front in hosts and paths.
const FRONT: &str = "lambda-url";
/// The one stage and the one route that events of function URLs name.
const DEFAULT: &str = "$default";

/// A function URL as answers give it.
pub fn address(endpoint: &str, id: &str) -> String {
    format!("{}/", FrontAddress::url(endpoint, FRONT, id))
}

/// Answers the requests to `{id}.lambda-url.*`, and to the paths that stand for it.
pub struct FunctionUrls(pub Arc<Lambda>);

impl Front for FunctionUrls {
    fn matches(&self, head: &Parts) -> bool {
        FrontAddress::of(head, FRONT).is_some()
    }

    fn handle(&self, cx: Cx, request: Request<Bytes>) -> BoxFuture<Response<Body>> {
        let lambda = self.0.clone();
        Box::pin(async move {
            let id = cx.request_id().to_owned();
            let response = serve(&lambda, &cx, request).await.unwrap_or_else(respond::error);
            respond::with_id(response, &id)
        })
    }
}

async fn serve(lambda: &Lambda, cx: &Cx, request: Request<Bytes>) -> Result<Response<Body>, Error> {
    let (head, body) = request.into_parts();
    let Some(address) = FrontAddress::of(&head, FRONT) else { return Ok(respond::not_found()) };
    let Some((url, owner)) = url::of_id(&cx.db().read()?, &address.id)? else { return Ok(respond::not_found()) };
    let rules = url.cors.as_ref().map(Cors::rules);
    if let Some(rules) = &rules
        && cors::is_preflight(&head.method, &head.headers)
    {
        let mut response = respond::empty(StatusCode::OK);
        cors::preflight(rules, &head.headers, response.headers_mut());
        return Ok(response);
    }
    let origin = head.headers.clone();
    let mut response = answer(lambda, cx, &address, &url, owner, head, body).await?;
    if let Some(rules) = &rules {
        cors::apply(rules, &origin, response.headers_mut());
    }
    Ok(response)
}

async fn answer(
    lambda: &Lambda,
    cx: &Cx,
    address: &FrontAddress,
    url: &FunctionUrl,
    owner: UrlOwner,
    head: Parts,
    body: Bytes,
) -> Result<Response<Body>, Error> {
    if body.len() > limits::PAYLOAD_BYTES_MAX {
        return Ok(respond::message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"));
    }
    let account = AccountId::new(owner.account.as_str());
    let reference = FunctionRef {
        region: Region::new(owner.region.as_str()),
        account: account.clone(),
        name: owner.function,
        qualifier: Qualifier::parse(&owner.qualifier).filter(|qualifier| *qualifier != Qualifier::Latest),
    };
    let signer = match admit(cx, url, &reference, &head, &body) {
        Ok(signer) => signer,
        Err(refused) => return respond::refused(refused),
    };
    let event = event(cx, address, account.as_str(), signer.as_ref(), Incoming::new(cx, head, body));
    let payload = Bytes::from(event.to_string());
    if payload.len() > limits::PAYLOAD_BYTES_MAX {
        return Ok(respond::message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"));
    }
    let cx = cx.cloud().cx(cx.caller().clone(), reference.region.clone(), None);
    let arn = reference.qualified_arn();
    let request = invoke::Request { request_id: cx.request_id().to_owned(), payload, client_context: None, arn };
    if url.streams {
        let begun = invoke::stream(lambda, &cx, &reference, request).await?;
        return Ok(respond::streamed(begun).await);
    }
    let ran = invoke::run(lambda, &cx, &reference, request).await?;
    Ok(respond::buffered(&ran))
}

fn admit(
    cx: &Cx,
    url: &FunctionUrl,
    reference: &FunctionRef,
    head: &Parts,
    body: &[u8],
) -> Result<Option<Signer>, Refused> {
    let policy = cx.db().read().map_err(Error::from).and_then(|read| policy::find(&read, reference));
    let document = policy.map_err(Refused::Failed)?.as_ref().map(policy::document);
    let resource = reference.qualified_arn();
    match url.signed {
        true => admit::signed(cx, head, body, url, &resource, document).map(Some),
        false => admit::anonymous(url, &resource, document.as_deref()).map(|()| None),
    }
}

/// Payload format 2.0, with who has signed the request.
fn event(cx: &Cx, address: &FrontAddress, account: &str, signer: Option<&Signer>, incoming: Incoming) -> Value {
    let place = event_v2::Place {
        account: signer.map_or("anonymous", |_| account),
        api: &address.id,
        stage: DEFAULT,
        variables: &Default::default(),
        route: DEFAULT,
        path: &address.path,
        parameters: &[],
    };
    let binary = event_v2::is_binary(incoming.header(CONTENT_TYPE));
    let mut event = event_v2::event(&incoming, &place, binary);
    let context = &mut event["requestContext"];
    context["requestId"] = json!(cx.request_id());
    context["authentication"] = Value::Null;
    if let Some(Signer { caller, access_key_id }) = signer {
        context["authorizer"] = json!({"iam": {
            "accessKey": access_key_id,
            "accountId": caller.account,
            "callerId": caller.user_id,
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": caller.arn,
            "userId": caller.user_id,
        }});
    }
    event
}
