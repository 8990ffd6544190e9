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
    invoke_as(cx, roles::caller(&source, None), function, source, event, timeout).await
}

/// The same as `caller`, who may be a role's session.
pub async fn invoke_as(
    cx: &Cx,
    caller: Caller,
    function: Arn,
    source: Arn,
    event: &Value,
    timeout: Duration,
) -> Result<Bytes, Failure> {
    let invoked = call_as(cx, caller, function.clone(), source.clone(), event, timeout).await?;
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
    call_as(cx, roles::caller(&source, None), function, source, event, timeout).await
}

async fn call_as(
    cx: &Cx,
    caller: Caller,
    function: Arn,
    source: Arn,
    event: &Value,
    timeout: Duration,
) -> Result<Invoked, Failure> {
    let region = Region::new(source.region.as_str());
    let invocation = cx.cloud().cx(caller, region, None);
    let (to, event) = (function.clone(), Bytes::from(event.to_string()));
    let answer = tokio::spawn(async move { invocation.invoke(to, event).await });
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
