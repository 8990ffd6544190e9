//! Operations of services that routes lead to directly, as the role that the integration names.

use std::time::Duration;

use ::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use ::http::{Response, StatusCode};
use base::{Arn, Region};
use bytes::Bytes;
use serde_json::{Value, json};

use super::Request;
use super::values::Values;
use crate::front::authorize::Admitted;
use crate::front::invoke::Failure;
use crate::front::refusal;
use crate::roles;
use crate::routes::http::Found;
use crate::selection::{Expression, Side};
use crate::subtype::{REGION, Subtype};
use crate::types::http::Integration;

impl Request<'_> {
    /// Calls the operation, and answers as the service does, in JSON.
    ///
    /// # Errors
    /// When it cannot be called, or does not answer in time.
    pub(super) async fn operate(
        &self,
        name: &str,
        integration: &Integration,
        found: &Found<'_>,
        admitted: &Admitted,
    ) -> Result<Response<Bytes>, Failure> {
        let (api, route) = (&self.api.id, found.key);
        let subtype = Subtype::find(name).map_err(|_| Failure::Misconfigured)?;
        let role: Option<Arn> = integration.credentials.as_deref().and_then(|role| role.parse().ok());
        let role = role.ok_or(Failure::Misconfigured)?;
        let (region, input) = match self.input(subtype, integration, found, admitted) {
            Ok(asked) => asked,
            Err(why) => {
                tracing::info!(api, route, why, "a request is not what its integration needs");
                return Ok(refusal::http(StatusCode::BAD_REQUEST, "Bad Request"));
            }
        };
        let caller = roles::caller(&self.source(found), Some(&role));
        let cx = self.cx.cloud().cx(caller, Region::new(region), None);
        let request_id = cx.request_id().to_owned();
        let call = tokio::spawn(async move { cx.call::<Value>(subtype.service, subtype.operation, input).await });
        let timeout = Duration::from_millis(integration.timeout_millis);
        let answer = match tokio::time::timeout(timeout, call).await {
            Err(_) => return Err(Failure::Timeout),
            Ok(Err(error)) => {
                tracing::error!(api, route, %error, "an operation ended without an answer");
                return Err(Failure::Function);
            }
            Ok(Ok(answer)) => answer,
        };
        let (status, body) = match answer {
            Ok(output) => (StatusCode::OK, output),
            Err(error) => {
                tracing::warn!(api, route, %error, operation = subtype.name, "an operation was refused");
                let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status, json!({"__type": error.code, "message": error.message}))
            }
        };
        Ok(respond(status, &body, &request_id))
    }

    /// The region in which the operation is called, and its input.
    fn input(
        &self,
        subtype: &Subtype,
        integration: &Integration,
        found: &Found<'_>,
        admitted: &Admitted,
    ) -> Result<(String, Value), String> {
        let values = Values::of_request(self, found, admitted);
        let value = |name: &str| {
            let given = integration.request_parameters.get(name)?;
            // It was read when it was put.
            Expression::parse(given, Side::Request)?.value(|source| values.get(source))
        };
        let region = value(REGION).unwrap_or_else(|| self.api.region.clone());
        Ok((region, subtype.input(value)?))
    }
}

fn respond(status: StatusCode, body: &Value, request_id: &str) -> Response<Bytes> {
    // Operations that have nothing to say answer nothing.
    let text = if body.is_null() { "{}".to_owned() } else { body.to_string() };
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}
