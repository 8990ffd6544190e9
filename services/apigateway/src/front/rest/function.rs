//! `AWS_PROXY`: a function that is told the request, and says the answer.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use proxy::answer::{self, Answer, Body, body_of};
use serde_json::{Value, json};

use super::{Call, Request};
use crate::front::backend::{self, Detail, log_body, log_event, passed};
use crate::front::event_v1;
use crate::front::invoke;
use crate::front::problem::Problem;
use crate::integration;

impl Request<'_> {
    pub async fn function(&self, uri: &str, call: &Call<'_>, context: &mut Value) -> Result<Response<Bytes>, Problem> {
        let Some(function) = integration::function(uri, &self.served.variables) else {
            return Err(Problem::configuration(format!("{uri} names no function in this stage")));
        };
        let binary = self.incoming.header(CONTENT_TYPE).is_some_and(|kind| self.is_binary(kind));
        let mut event = event_v1::rest(self.incoming, &self.place(Some(call.found)), &call.admitted, binary);
        if let Some((value, key)) = &call.key {
            event["requestContext"]["identity"]["apiKey"] = json!(value);
            event["requestContext"]["identity"]["apiKeyId"] = json!(key.id);
        }
        let timeout = Duration::from_millis(call.integration.timeout_millis);
        self.log(Detail::Everything, || format!("Endpoint request URI: {uri}"));
        self.log(Detail::Everything, || format!("Endpoint request body after transformations: {}", log_event(&event)));
        let event = Bytes::from(event.to_string());
        let exchange = self.exchange(call);
        exchange.check_mapped(call.integration, context)?;
        let caller = exchange.caller(call.integration)?;
        let began = Instant::now();
        let source = self.arn(call.found.path);
        let payload = match caller {
            None => invoke::payload(self.cx, function, source, event, timeout).await,
            Some(caller) => invoke::payload_as(caller, function, event, timeout).await,
        };
        let payload = payload.map_err(Problem::from);
        backend::note(context, began, payload.as_ref().map(|_| 200).map_err(|problem| &*problem.why));
        let payload = payload?;
        self.log(Detail::Everything, || {
            format!("Endpoint response body before transformations: {}", log_body(&payload))
        });
        match answer::v1(&payload) {
            Ok(answer) => Ok(self.respond(answer)),
            Err(error) => Err(Problem::failed(format!("Malformed Lambda proxy response: {}", error.0))),
        }
    }

    fn respond(&self, answer: Answer) -> Response<Bytes> {
        // What the client accepts first decides whether bytes are sent as bytes.
        let accepted = self.incoming.header(ACCEPT).and_then(|all| all.split(',').next()).unwrap_or_default();
        let body = match answer.body {
            Body::Text(text) => Bytes::from(text),
            Body::Binary(bytes, _) if self.is_binary(accepted) => bytes,
            Body::Binary(_, base64) => Bytes::from(base64),
        };
        let mut response = Response::new(body_of(answer.status, body));
        *response.status_mut() = answer.status;
        let headers = response.headers_mut();
        for (name, value) in answer.headers {
            if let Some(name) = passed(name) {
                headers.append(name, value);
            }
        }
        if !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
    }
}
