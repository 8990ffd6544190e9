//! One execution: from a reference to a function to the answer of the version that it means.

use std::sync::Arc;

use base::Arn;
use bytes::Bytes;
use runtime::{FunctionSpec, Invocation, Outcome};
use serde::de::IgnoredAny;
use service::Cx;

use crate::Lambda;
use crate::error::Error;
use crate::invoke::concurrency::Permit;
use crate::invoke::lineage;
use crate::limits;
use crate::model::function::{self, Resolved};
use crate::name::{FunctionRef, Qualifier};
use crate::ops::configuration::version_name;

/// What a function gets.
pub struct Request {
    pub request_id: String,
    /// JSON.
    pub payload: Bytes,
    /// JSON.
    pub client_context: Option<String>,
    /// The ARN that it was called by.
    pub arn: Arn,
}

/// How it went.
pub struct Ran {
    pub outcome: Outcome,
    /// `$LATEST`, or a number.
    pub version: String,
}

/// Finds the version to run. Where an alias splits its traffic, each call decides anew.
pub fn resolve(cx: &Cx, reference: &FunctionRef) -> Result<Resolved, Error> {
    let random = match reference.qualifier {
        // The 53 bits that a double has for its fraction.
        Some(Qualifier::Alias(_)) => (cx.env().random_u64() >> 11) as f64 / (1u64 << 53) as f64,
        _ => 1.0,
    };
    function::resolve(&cx.db().read()?, reference, random)
}

/// Checks a payload, and makes an empty one what Lambda makes of it.
pub fn validate(payload: Bytes, max: usize, operation: &str) -> Result<Bytes, Error> {
    if payload.len() > max {
        return Err(Error::RequestTooLarge(format!(
            "Request must be smaller than {max} bytes for the {operation} operation"
        )));
    }
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<IgnoredAny>(&payload) {
        Ok(_) => Ok(payload),
        Err(error) => Err(Error::InvalidRequestContent(error.to_string())),
    }
}

pub async fn run(lambda: &Lambda, cx: &Cx, reference: &FunctionRef, request: Request) -> Result<Ran, Error> {
    run_resolved(lambda, cx, resolve(cx, reference)?, request).await
}

pub async fn run_resolved(lambda: &Lambda, cx: &Cx, target: Resolved, request: Request) -> Result<Ran, Error> {
    let Prepared { permit, spec, invocation, version } = prepare(lambda, cx, target, request).await?;
    // In a task of its own: the execution goes on, and counts, when the caller stops waiting.
    let (runtime, executions) = (lambda.runtime.clone(), lambda.executions.clone());
    let execution = tokio::spawn(async move {
        let outcome = runtime.invoke(&spec, invocation).await;
        executions.record(&spec, &outcome);
        drop(permit);
        outcome
    });
    let outcome = execution.await.map_err(|error| Error::Internal(error.to_string()))??;
    Ok(Ran { outcome, version })
}

/// An execution that has been let in, and has not begun.
pub struct Prepared {
    pub permit: Permit,
    pub spec: Arc<FunctionSpec>,
    pub invocation: Invocation,
    pub version: String,
}

pub async fn prepare(lambda: &Lambda, cx: &Cx, target: Resolved, request: Request) -> Result<Prepared, Error> {
    lambda.host.connect(cx);
    let Resolved { function, version } = target;
    let name = version_name(version.number);
    let (trace_id, runs) = lineage::extend(cx, &function.arn);
    if runs > limits::RUNS_IN_A_CHAIN_MAX && !function.recursion_allowed {
        return Err(Error::RecursiveInvocation);
    }
    let permit = lambda.concurrency.enter(&function)?;
    let spec = lambda.specs.of(cx, &lambda.code, &function, version).await?;
    let invocation = Invocation {
        request_id: request.request_id,
        payload: request.payload,
        invoked_function_arn: request.arn.to_string(),
        client_context: request.client_context,
        identity: None,
        trace_id: Some(trace_id),
    };
    Ok(Prepared { permit, spec, invocation, version: name })
}
