//! What an HTTP API's stage tells its access log of a request.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>

use std::sync::Arc;
use std::time::Instant;

use ::http::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use service::Body;

use super::Request;
use crate::ApiGateway;
use crate::front::access_log;
use crate::front::authorize::Admitted;
use crate::front::event_v1;
use crate::routes::http::Found;

/// What is known of a request before anybody is let in: nothing where nobody wants to know.
pub fn context(request: &Request<'_>, found: Option<&Found<'_>>) -> Value {
    if request.stage.access_log.is_none() {
        return Value::Null;
    }
    let mut context = match found {
        Some(found) => event_v1::context(request.incoming, &request.place_v1(found)),
        None => event_v1::context(request.incoming, &request.nowhere()),
    };
    let id = json!(request.incoming.extended_id);
    context["requestId"] = id.clone();
    context["extendedRequestId"] = id;
    context["routeKey"] = json!(found.map(|found| found.key));
    context
}

/// And once somebody is.
pub fn admitted(context: &mut Value, admitted: &Admitted) {
    if !context.is_null() {
        admitted.write_v1(context);
    }
}

/// Keeps in mind how the API itself has refused a request.
pub fn refused(context: &mut Value, response: Response<Bytes>) -> Response<Body> {
    if !context.is_null() {
        let told: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let message = told["message"].as_str();
        context["error"] = json!({"message": message, "messageString": json!(message).to_string()});
    }
    response.map(Body::from)
}

/// Tells the log of the stage, where it has one: once the answer's length is known, which may be when it has been sent.
pub fn tell(
    state: &Arc<ApiGateway>,
    request: &Request<'_>,
    context: Value,
    response: Response<Body>,
    began: Instant,
) -> Response<Body> {
    let Some(log) = request.stage.access_log.clone() else { return response };
    let status = response.status().as_u16();
    let (api, stage, at) = (request.api.clone(), request.stage.name.clone(), request.incoming.time);
    let state = state.clone();
    let note = move |bytes: u64| {
        let mut context = context;
        access_log::finish(&mut context, status, Some(bytes), began);
        let of = access_log::Stage {
            region: &api.region,
            account: &api.account,
            api: &api.id,
            name: &stage,
            is_rest: false,
        };
        access_log::tell(&state.journal, &of, &log, at, &context);
    };
    match response.body().size() {
        Some(size) => {
            note(u64::try_from(size).unwrap_or(u64::MAX));
            response
        }
        None => response.map(|body| body.counted(note)),
    }
}
