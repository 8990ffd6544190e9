//! Where the end of an asynchronous event is told: destinations, and the dead-letter queue.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use base::Arn;
use serde_json::{Value, json};
use service::{Caller, Cx, Delivery, Outcome};
use sources::Letter;

use super::Ran;
use crate::name::{FunctionRef, Qualifier};
use crate::types::{Event, EventConfig};

/// Why an event is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Success,
    RetriesExhausted,
    EventAgeExceeded,
}

impl Condition {
    fn name(self) -> &'static str {
        match self {
            Condition::Success => "Success",
            Condition::RetriesExhausted => "RetriesExhausted",
            Condition::EventAgeExceeded => "EventAgeExceeded",
        }
    }
}

/// An event that has come to its end, and as whom to tell of it.
pub struct Report<'a> {
    pub cx: &'a Cx,
    pub role: &'a Arn,
    pub function: &'a FunctionRef,
    pub event: &'a Event,
}

impl Report<'_> {
    pub async fn success(&self, config: &EventConfig, ran: &Ran) {
        if let Some(destination) = &config.on_success {
            let record = self.record(Condition::Success, Some(ran));
            self.send(destination, &record.to_string(), None).await;
        }
    }

    /// Tells the destination and the dead-letter queue; without either, the event is given up with a line in the log.
    pub async fn failure(
        &self,
        config: &EventConfig,
        dead_letter: Option<&Arn>,
        condition: Condition,
        ran: Option<&Ran>,
    ) -> Outcome {
        let mut told = false;
        if let Some(destination) = &config.on_failure {
            let record = self.record(condition, ran);
            told |= self.send(destination, &record.to_string(), None).await;
        }
        if let Some(queue) = dead_letter {
            let body = String::from_utf8_lossy(&self.event.payload);
            told |= self.send(queue, &body, Some(self.dead_letter_attributes(ran))).await;
        }
        if told {
            return Outcome::Delivered;
        }
        Outcome::GivenUp { reason: format!("{}, request {}", condition.name(), self.event.request_id) }
    }

    fn record(&self, condition: Condition, ran: Option<&Ran>) -> Value {
        let invokes = self.event.failures + u32::from(ran.is_some());
        let latest = Qualifier::Latest;
        let mut record = json!({
            "version": "1.0",
            "timestamp": self.cx.env().now().iso8601(),
            "requestContext": {
                "requestId": self.event.request_id,
                "functionArn": self.function.arn_of(self.function.qualifier.as_ref().unwrap_or(&latest)),
                "condition": condition.name(),
                "approximateInvokeCount": invokes,
            },
            "requestPayload": document(&self.event.payload),
        });
        if let Some(ran) = ran {
            record["responseContext"] = json!({"statusCode": 200, "executedVersion": ran.version});
            if let Some(error) = ran.outcome.function_error {
                record["responseContext"]["functionError"] = error.into();
            }
            record["responsePayload"] = document(&ran.outcome.payload);
        }
        record
    }

    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq>
    fn dead_letter_attributes(&self, ran: Option<&Ran>) -> Value {
        let text = |value: &str| json!({"DataType": "String", "StringValue": value});
        let error = ran.and_then(|ran| error_message(&ran.outcome.payload));
        let error = error.as_deref().unwrap_or("The event could not be processed in time.");
        // An attribute holds at most a kilobyte of it, as on AWS.
        let error: String = error.chars().take(1_000).collect();
        json!({
            "RequestID": text(&self.event.request_id),
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": text(if error.is_empty() { "-" } else { &error }),
        })
    }

    async fn send(&self, to: &Arn, body: &str, attributes: Option<Value>) -> bool {
        let undelivered = attributes.is_some().then(|| self.undelivered());
        let group = &self.function.name;
        let letter = Letter { group, body, attributes, request_id: &self.event.request_id, undelivered };
        send(self.cx, self.role, self.function, to, letter).await
    }

    /// What a dead letter tells of: the payload, on its way to the function.
    fn undelivered(&self) -> Delivery {
        let (from, to) = (self.function.arn(), self.function.qualified_arn());
        Delivery::new(self.cx, from, to, self.event.payload.clone())
    }
}

/// What a function says of its failure.
pub fn error_message(payload: &[u8]) -> Option<String> {
    document(payload)["errorMessage"].as_str().map(str::to_owned)
}

/// Sends as the function's role, which needs permission. What cannot be sent is dropped, as on AWS: says whether it
/// went.
pub async fn send(cx: &Cx, role: &Arn, function: &FunctionRef, to: &Arn, letter: Letter<'_>) -> bool {
    let sent = sources::send_letter(cx, Caller::role_session(role, &function.name), to, letter).await;
    if let Err(error) = &sent {
        tracing::warn!(%to, from = %function.arn(), %error, "the end of an event could not be told");
    }
    sent.is_ok()
}

/// JSON, or what is no JSON as text.
fn document(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| String::from_utf8_lossy(payload).into())
}
