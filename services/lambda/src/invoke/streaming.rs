//! An execution whose answer is read while it is made.

use runtime::{InvokeError, Outcome, Part};
use service::Cx;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::run::{Prepared, Ran, Request, prepare, resolve};
use crate::Lambda;
use crate::error::Error;
use crate::limits;
use crate::name::FunctionRef;

/// A response that has begun. Dropping it lets the function run on unheard, as on Lambda.
pub struct Streaming {
    pub parts: mpsc::Receiver<Part>,
    pub version: String,
    execution: JoinHandle<Result<Outcome, InvokeError>>,
}

/// The first that there is of an answer.
pub enum Begun {
    /// The content type that the function has given, and what follows.
    Streams(Option<String>, Streaming),
    /// The function does not stream, or failed before it did.
    Whole(Ran),
}

impl Streaming {
    /// How the execution went, once there are no more parts.
    pub async fn finish(self) -> Result<Ran, Error> {
        let outcome = self.execution.await.map_err(|error| Error::Internal(error.to_string()))??;
        Ok(Ran { outcome, version: self.version })
    }
}

/// Starts an execution, and waits for the first of its answer.
pub async fn stream(lambda: &Lambda, cx: &Cx, reference: &FunctionRef, request: Request) -> Result<Begun, Error> {
    let Prepared { permit, spec, invocation, version } = prepare(lambda, cx, resolve(cx, reference)?, request).await?;
    let (sender, mut parts) = mpsc::channel(limits::PARTS_AHEAD);
    let (runtime, executions) = (lambda.runtime.clone(), lambda.executions.clone());
    let execution = tokio::spawn(async move {
        let outcome = runtime.invoke_streaming(&spec, invocation, sender).await;
        executions.record(&spec, &outcome);
        drop(permit);
        outcome
    });
    let first = parts.recv().await;
    let streaming = Streaming { parts, version, execution };
    match first {
        Some(Part::Begin(content_type)) => Ok(Begun::Streams(content_type, streaming)),
        Some(Part::Bytes(_)) => Err(Error::Internal("a response came without its beginning".into())),
        None => streaming.finish().await.map(Begun::Whole),
    }
}
