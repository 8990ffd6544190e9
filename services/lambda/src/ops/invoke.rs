//! Invoke, InvokeAsync.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use service::{CallerKind, Cx, Permission};
use wire::Blob;

use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::invoke::{self, Request, event};
use crate::limits;
use crate::model::policy;
use crate::name::{FunctionRef, function_resource};
use crate::types::Event;

/// Bytes of the client context's JSON.
const CLIENT_CONTEXT_BYTES_MAX: usize = 3_583;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InvokeInput {
    pub function_name: String,
    pub qualifier: Option<String>,
    pub invocation_type: Option<String>,
    pub log_type: Option<String>,
    pub client_context: Option<String>,
    pub payload: Blob,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InvokeOutput {
    pub status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executed_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Blob>,
}

/// What an invocation needs: the action, which the function's own policy may allow too.
pub fn permissions(cx: &Cx, input: &InvokeInput) -> Result<Vec<Permission>, service::Error> {
    let resource = function_resource(cx, &input.function_name, input.qualifier.as_deref());
    let mut permission = Permission::new("lambda:InvokeFunction", resource);
    // Policies do not apply to these, so there is no need to look; but for services, which the function's own has to let in.
    let is_free =
        matches!(cx.caller().kind, CallerKind::Root | CallerKind::System) && cx.caller().as_service().is_none();
    if !is_free && let Ok(reference) = FunctionRef::parse(cx, &input.function_name, input.qualifier.as_deref()) {
        let policy = policy::find(&cx.db().read()?, &reference)?;
        permission.resource_policy = policy.map(|policy| policy::document(&policy));
    }
    Ok(vec![permission])
}

pub async fn invoke(lambda: Arc<Lambda>, cx: Cx, input: InvokeInput) -> Result<InvokeOutput, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, input.qualifier.as_deref())?;
    let mut constraints = Constraints::default();
    let (kind, log) = (input.invocation_type.as_deref(), input.log_type.as_deref());
    constraints.one_of(kind, "invocationType", &["Event", "RequestResponse", "DryRun"]);
    constraints.one_of(log, "logType", &["None", "Tail"]);
    constraints.check()?;
    let client_context = input.client_context.as_deref().map(client_context).transpose()?;
    match kind {
        Some("DryRun") => {
            invoke::resolve(&cx, &reference)?;
            Ok(InvokeOutput { status_code: 204, ..InvokeOutput::default() })
        }
        Some("Event") => {
            accept(&cx, reference, input.payload, client_context).await?;
            Ok(InvokeOutput { status_code: 202, ..InvokeOutput::default() })
        }
        _ => {
            let payload = invoke::validate(input.payload.0, limits::PAYLOAD_BYTES_MAX, "InvokeFunction")?;
            let (request_id, arn) = (cx.request_id().to_owned(), reference.qualified_arn());
            let request = Request { request_id, payload, client_context, arn };
            let ran = invoke::run(&lambda, &cx, &reference, request).await?;
            Ok(InvokeOutput {
                status_code: 200,
                function_error: ran.outcome.function_error,
                log_result: (log == Some("Tail")).then(|| STANDARD.encode(&ran.outcome.log_tail)),
                executed_version: Some(ran.version),
                payload: Some(ran.outcome.payload.into()),
            })
        }
    }
}

/// The input of InvokeAsync, which is of 2014: Invoke with the invocation type `Event` does the same.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InvokeAsyncInput {
    pub function_name: String,
    pub invoke_args: Blob,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InvokeAsyncOutput {
    pub status: u16,
}

/// What InvokeAsync needs: its own action, which the function's policy may allow too.
pub fn async_permissions(cx: &Cx, input: &InvokeAsyncInput) -> Result<Vec<Permission>, service::Error> {
    let input = InvokeInput { function_name: input.function_name.clone(), ..InvokeInput::default() };
    let permissions = permissions(cx, &input)?.into_iter();
    Ok(permissions.map(|permission| Permission { action: "lambda:InvokeAsync".into(), ..permission }).collect())
}

pub async fn invoke_async(_: Arc<Lambda>, cx: Cx, input: InvokeAsyncInput) -> Result<InvokeAsyncOutput, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, None)?;
    accept(&cx, reference, input.invoke_args, None).await?;
    Ok(InvokeAsyncOutput { status: 202 })
}

/// Stores an event; it is run as soon as that is durable.
async fn accept(cx: &Cx, reference: FunctionRef, payload: Blob, client_context: Option<String>) -> Result<(), Error> {
    let payload = invoke::validate(payload.0, limits::EVENT_BYTES_MAX, "InvokeFunction")?;
    invoke::resolve(cx, &reference)?;
    let (request_id, accepted) = (cx.request_id().to_owned(), cx.now());
    let trace = cx.trace().map(str::to_owned);
    let event = Event { request_id, payload, client_context, accepted, failures: 0, trace };
    let context = cx.clone();
    cx.db().write(move |tx| event::send(tx, &context, &reference, &event, context.now())).await
}

/// Base64 of a JSON object. It is handed on as one line, for functions get it in a header.
pub fn client_context(text: &str) -> Result<String, Error> {
    let invalid = || Error::InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.".into());
    let bytes = STANDARD.decode(text).map_err(|_| invalid())?;
    let json = String::from_utf8(bytes).map_err(|_| invalid())?;
    let is_object = json.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(&json).is_ok();
    if is_object && json.len() <= CLIENT_CONTEXT_BYTES_MAX { Ok(compact(&json)) } else { Err(invalid()) }
}

/// Valid JSON without the space between its tokens, which stay as they are written.
fn compact(json: &str) -> String {
    let (mut compact, mut in_string, mut escaped) = (String::with_capacity(json.len()), false, false);
    for character in json.chars() {
        match character {
            // The one control character that strings may have as it is.
            '\u{7f}' => compact.push_str("\\u007f"),
            character if in_string || !character.is_ascii_whitespace() => compact.push(character),
            _ => {}
        }
        in_string ^= character == '"' && !escaped;
        escaped = in_string && character == '\\' && !escaped;
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_contexts_are_one_line() {
        let context = |json: &str| client_context(&STANDARD.encode(json));
        let written = "{\n  \"a b\" : [ 1.50,\t1e400, 12345678901234567890123 ],\r\n \"c\": \"\\\\\\\" d \u{7f}é\" }\n";
        let compact = "{\"a b\":[1.50,1e400,12345678901234567890123],\"c\":\"\\\\\\\" d \\u007fé\"}";
        assert_eq!(context(written).unwrap(), compact);
        for wrong in ["[]", "{", "\"{}\"", "{} {}", ""] {
            assert!(context(wrong).is_err(), "{wrong}");
        }
    }
}
