//! Functions that say who may come in.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html> and
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>

use std::sync::Arc;
use std::time::Duration;

use base::Arn;
use serde_json::{Value, json};

use super::{Asked, Refused, Verdict, results};
use crate::front::invoke::{Failure, call};
use crate::integration;
use crate::limits;
use crate::types::authorizer::{Authorizer, Form, Kind};

/// Makes what a function is told of a request: given its form, and what identifies the sender.
pub type FunctionEvent<'a> = &'a (dyn Fn(Form, &[String]) -> Value + Sync);

/// What a function throws to say that nobody is who they say.
const UNAUTHORIZED: &str = "Unauthorized";
/// How long a function may take.
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const TIMEOUT: Duration = Duration::from_secs(10);

pub async fn ask(
    asked: &Asked<'_>,
    authorizer: &Authorizer,
    uri: &str,
    values: Vec<String>,
    event: FunctionEvent<'_>,
) -> Result<Arc<Verdict>, Refused> {
    let now = asked.cx.now();
    let key =
        (authorizer.ttl_seconds > 0).then(|| results::key(asked.place.api, asked.place.stage, authorizer, &values));
    if let Some(known) = key.as_ref().and_then(|key| asked.state.results.get(key, now)) {
        return decide(asked, known);
    }
    let verdict = Arc::new(invoke(asked, authorizer, uri, &values, event).await?);
    if let Some(key) = key {
        let until = now + Duration::from_secs(authorizer.ttl_seconds.into());
        asked.state.results.put(key, now, until, verdict.clone());
    }
    decide(asked, verdict)
}

/// A verdict may be about many methods: it is asked about this one.
fn decide(asked: &Asked<'_>, verdict: Arc<Verdict>) -> Result<Arc<Verdict>, Refused> {
    verdict.decide(asked.cx.now(), asked.incoming, &asked.target)?;
    Ok(verdict)
}

/// Asks the function, whatever is kept.
pub async fn invoke(
    asked: &Asked<'_>,
    authorizer: &Authorizer,
    uri: &str,
    values: &[String],
    event: FunctionEvent<'_>,
) -> Result<Verdict, Refused> {
    let (api, id) = (asked.place.api, &authorizer.id);
    let Some(function) = integration::function(uri, asked.place.variables) else {
        tracing::warn!(api, authorizer = id, uri, "an authorizer's URI names no function in this stage");
        return Err(Refused::Misconfigured);
    };
    let source = Arn { resource: format!("{api}/authorizers/{id}"), ..asked.target.clone() };
    let event = match &authorizer.kind {
        Kind::Request { form, .. } => event(*form, values),
        _ => json!({"type": "TOKEN", "methodArn": asked.target, "authorizationToken": values.first()}),
    };
    let answered = call(asked.cx, function, source, &event, TIMEOUT).await.map_err(|failure| match failure {
        Failure::Misconfigured => Refused::Misconfigured,
        _ => Refused::Failed,
    })?;
    if answered.function_error.is_some() {
        let told: Value = serde_json::from_slice(&answered.payload).unwrap_or_default();
        return Err(match told["errorMessage"].as_str() {
            Some(UNAUTHORIZED) => Refused::Unauthorized { challenge: None },
            told => {
                tracing::warn!(api, authorizer = id, told, "an authorizer failed");
                Refused::Failed
            }
        });
    }
    let simple = matches!(&authorizer.kind, Kind::Request { form: Form::V2 { simple: true }, .. });
    let is_rest = !matches!(&authorizer.kind, Kind::Request { form: Form::V1 | Form::V2 { .. }, .. });
    let read = match answered.payload.len() > limits::AUTHORIZER_RESULT_BYTES_MAX {
        true => Err("it is larger than 8 KiB"),
        false => Verdict::read(&answered.payload, simple, is_rest),
    };
    read.map_err(|why| {
        tracing::warn!(api, authorizer = id, why, "an authorizer's answer makes no sense");
        Refused::Misconfigured
    })
}
