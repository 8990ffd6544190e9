//! InvokeWithResponseStream.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use runtime::Part;
use serde::Serialize;
use serde_json::json;
use service::{Broken, Cx, Streamed};
use wire::event_stream::event;

use super::invoke::{InvokeInput, client_context};
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::invoke::{self, Begun, Ran, Request, Streaming};
use crate::limits;
use crate::name::FunctionRef;

/// What travels in headers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Head {
    pub status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executed_version: Option<String>,
}

/// What is still to be sent.
enum Rest {
    /// A response that is being made.
    Running(Streaming),
    /// One that was there as a whole: it goes in pieces too.
    Whole(Bytes, Ran),
    Done,
}

pub async fn invoke(lambda: Arc<Lambda>, cx: Cx, input: InvokeInput) -> Result<Streamed<Head>, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    let (kind, log) = (input.invocation_type.as_deref(), input.log_type.as_deref());
    let mut constraints = Constraints::default();
    constraints.one_of(kind, "invocationType", &["RequestResponse", "DryRun"]);
    constraints.one_of(log, "logType", &["None", "Tail"]);
    constraints.check()?;
    if kind == Some("DryRun") {
        invoke::resolve(&cx, &reference)?;
        return Ok(Streamed::new(Head { status_code: 204, executed_version: None }, stream::empty()));
    }
    let client_context = input.client_context.as_deref().map(client_context).transpose()?;
    let payload = invoke::validate(input.payload.0, limits::PAYLOAD_BYTES_MAX, "InvokeWithResponseStream")?;
    let (request_id, arn) = (cx.request_id().to_owned(), reference.qualified_arn());
    let request = Request { request_id, payload, client_context, arn };
    let tail = log == Some("Tail");
    let (version, rest) = match invoke::stream(&lambda, &cx, &reference, request).await? {
        Begun::Streams(_, streaming) => (streaming.version.clone(), Rest::Running(streaming)),
        Begun::Whole(ran) => {
            let failed = ran.outcome.function_error.is_some();
            let payload = if failed { Bytes::new() } else { ran.outcome.payload.clone() };
            (ran.version.clone(), Rest::Whole(payload, ran))
        }
    };
    let events = stream::unfold(rest, move |rest| next(rest, tail));
    Ok(Streamed::new(Head { status_code: 200, executed_version: Some(version) }, events))
}

async fn next(rest: Rest, tail: bool) -> Option<(Result<Bytes, Broken>, Rest)> {
    match rest {
        Rest::Done => None,
        Rest::Whole(payload, ran) if payload.is_empty() => Some((Ok(complete(&ran, tail)), Rest::Done)),
        Rest::Whole(mut payload, ran) => {
            let piece = payload.split_to(payload.len().min(limits::CHUNK_BYTES));
            Some((Ok(chunk(&piece)), Rest::Whole(payload, ran)))
        }
        Rest::Running(mut streaming) => match streaming.parts.recv().await {
            Some(Part::Bytes(bytes)) => Some((Ok(chunk(&bytes)), Rest::Running(streaming))),
            Some(Part::Begin(_)) => Some((Ok(Bytes::new()), Rest::Running(streaming))),
            None => match streaming.finish().await {
                Ok(ran) => Some((Ok(complete(&ran, tail)), Rest::Done)),
                Err(error) => {
                    tracing::error!(%error, "an invocation ended without an answer");
                    Some((Err(Broken), Rest::Done))
                }
            },
        },
    }
}

fn chunk(bytes: &[u8]) -> Bytes {
    event("PayloadChunk", "application/octet-stream", bytes)
}

/// The last event. It tells of an error, whether bytes came before it or not.
fn complete(ran: &Ran, tail: bool) -> Bytes {
    let mut members = json!({});
    if let Some(error) = ran.outcome.function_error {
        members["ErrorCode"] = error.into();
        members["ErrorDetails"] = String::from_utf8_lossy(&ran.outcome.payload).into();
    }
    if tail {
        members["LogResult"] = STANDARD.encode(&ran.outcome.log_tail).into();
    }
    event("InvokeComplete", "application/json", members.to_string().as_bytes())
}
