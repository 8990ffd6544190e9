//! The enrichment: it gets the events of a batch, and what it answers goes on in their place.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/pipes-enrichment.html>

use base::Arn;
use bytes::Bytes;
use serde_json::{Value, json};

use super::event::Event;
use super::log::{Log, Step};
use super::{Flow, Receiver, Trouble, shape};

impl Flow {
    /// What the enrichment makes of the events; nothing, where it answers nothing.
    pub(super) async fn enrich(&self, to: &Arn, events: Vec<Event>, log: &Log<'_>) -> Result<Vec<Event>, Trouble> {
        let parameters = &self.pipe.enrichment_parameters;
        log.step(Step::EnrichmentTransformationStarted, || json!({}));
        let now = self.cx.env().now();
        let shaped = events.iter().map(|event| {
            shape::apply(parameters.template.as_deref(), &self.pipe, event, now).and_then(shape::Payload::into_json)
        });
        let shaped: Vec<Value> = shaped
            .collect::<Result<_, _>>()
            .inspect_err(|trouble: &Trouble| log.failure(Step::EnrichmentTransformationFailed, &trouble.text()))?;
        let request = Value::Array(shaped);
        log.step(Step::EnrichmentTransformationSucceeded, || json!({"payload": request.to_string()}));
        log.step(Step::EnrichmentInvocationStarted, || json!({}));
        match self.ask(to, &events, request.clone()).await {
            Ok(answer) => {
                log.step(
                    Step::EnrichmentInvocationSucceeded,
                    || json!({"awsRequest": request.to_string(), "awsResponse": answer.to_string()}),
                );
                Ok(enriched(answer, &events))
            }
            Err(trouble) => {
                log.failure(Step::EnrichmentInvocationFailed, &trouble.text());
                Err(trouble)
            }
        }
    }

    async fn ask(&self, to: &Arn, _: &[Event], request: Value) -> Result<Value, Trouble> {
        match Receiver::of(to) {
            Some(Receiver::Function) => {
                let answer = self.run(to, Bytes::from(request.to_string())).await?;
                serde_json::from_slice(&answer)
                    .map_err(|_| Trouble::Failed("the enrichment did not answer with valid JSON".into()))
            }
            _ => Err(service::Error::not_implemented(format_args!("enrichment by {to}")).into()),
        }
    }

    /// Runs a function, and gives its answer.
    pub(super) async fn run(&self, function: &Arn, event: Bytes) -> Result<Bytes, Trouble> {
        let invoked = self.role(function).invoke(function.clone(), event).await?;
        match invoked.function_error {
            None => Ok(invoked.payload),
            Some(error) => {
                let answer: Value = serde_json::from_slice(&invoked.payload).unwrap_or_default();
                let message = answer["errorMessage"].as_str().unwrap_or_default();
                Err(Trouble::Failed(format!("{function} failed: {error} {message}").trim_end().to_owned()))
            }
        }
    }
}

/// An answer as events. An empty one stands for none; an empty event is one in a list.
fn enriched(answer: Value, before: &[Event]) -> Vec<Event> {
    let is_empty = match &answer {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let values = match answer {
        _ if is_empty => Vec::new(),
        Value::Array(values) => values,
        one => vec![one],
    };
    values.into_iter().map(|value| Event::enriched(value, before)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_answers_send_nothing_on() {
        for empty in [json!(null), json!(""), json!({}), json!([])] {
            assert!(enriched(empty.clone(), &[]).is_empty(), "{empty}");
        }
        for (answer, count) in [(json!([{}]), 1), (json!({"a": 1}), 1), (json!("text"), 1), (json!([1, 2]), 2)] {
            assert_eq!(enriched(answer.clone(), &[]).len(), count, "{answer}");
        }
    }
}
