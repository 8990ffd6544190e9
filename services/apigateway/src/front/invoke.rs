//! Calling a function on behalf of an API.

use std::time::Duration;

use base::{Arn, Region};
use bytes::Bytes;
use serde_json::Value;
use service::{Caller, Cx, Invoked};

use crate::roles;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// The function failed, or its process did.
    Function,
    Timeout,
    Throttled,
    TooLarge,
    /// It is not there, or the API may not invoke it.
    Misconfigured,
}

/// Invokes a function and waits for its answer, in which it has not failed: see [`call`].
pub async fn invoke(cx: &Cx, function: Arn, source: Arn, event: &Value, timeout: Duration) -> Result<Bytes, Failure> {
    payload(cx, function, source, Bytes::from(event.to_string()), timeout).await
}

/// The same with an event that is ready.
pub async fn payload(cx: &Cx, function: Arn, source: Arn, event: Bytes, timeout: Duration) -> Result<Bytes, Failure> {
    payload_as(acting_for(cx, source), function, event, timeout).await
}

/// The same for whoever `cx` says.
pub async fn payload_as(cx: Cx, function: Arn, event: Bytes, timeout: Duration) -> Result<Bytes, Failure> {
    let source = cx.caller().arn.clone();
    let invoked = send(cx, function.clone(), event, timeout).await?;
    match invoked.function_error {
        Some(kind) => {
            tracing::warn!(%function, %source, kind, "a function failed");
            Err(Failure::Function)
        }
        None => Ok(invoked.payload),
    }
}

/// Invokes a function and waits for its answer. `source` is the API's method or route, or its authorizer, an ARN of
/// `execute-api`: what the function's policy is asked about. The invocation goes on when nobody waits for it any more.
pub async fn call(cx: &Cx, function: Arn, source: Arn, event: &Value, timeout: Duration) -> Result<Invoked, Failure> {
    send(acting_for(cx, source), function, Bytes::from(event.to_string()), timeout).await
}

/// A request of API Gateway's, for a method, a route or an authorizer.
pub fn acting_for(cx: &Cx, source: Arn) -> Cx {
    acting_as(cx, roles::caller(&source, None), &source)
}

/// The same as `caller`, who may be a role's session.
pub fn acting_as(cx: &Cx, caller: Caller, source: &Arn) -> Cx {
    let region = Region::new(source.region.as_str());
    cx.cloud().cx(caller, region, None)
}

/// Invokes a function for whoever `cx` says.
pub async fn send(cx: Cx, function: Arn, event: Bytes, timeout: Duration) -> Result<Invoked, Failure> {
    let (to, source) = (function.clone(), cx.caller().arn.clone());
    let answer = tokio::spawn(async move { cx.invoke(to, event).await });
    match tokio::time::timeout(timeout, answer).await {
        Err(_) => {
            tracing::warn!(%function, %source, ?timeout, "a function did not answer in time");
            Err(Failure::Timeout)
        }
        Ok(Err(error)) => {
            tracing::error!(%function, %source, %error, "an invocation ended without an answer");
            Err(Failure::Function)
        }
        Ok(Ok(Err(error))) => {
            tracing::warn!(%function, %source, %error, "a function could not be invoked");
            Err(failure(&error))
        }
        Ok(Ok(Ok(invoked))) => Ok(invoked),
    }
}

fn failure(error: &service::Error) -> Failure {
    match (error.status, &*error.code) {
        (429, _) | (_, "TooManyRequestsException") => Failure::Throttled,
        (413, _) => Failure::TooLarge,
        _ => Failure::Misconfigured,
    }
}
