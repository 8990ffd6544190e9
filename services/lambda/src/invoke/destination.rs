//! Where the end of an asynchronous event is told: destinations, and the dead-letter queue.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use std::collections::BTreeMap;

use base::Arn;
use serde_json::{Value, json};
use service::events::Envelope;
use service::{Attribute, AttributeValue, Cx, Delivery, Outcome};
use sources::Letter;

use super::Ran;
use crate::error::Error;
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
    pub async fn success(&self, config: &EventConfig, ran: &Ran) -> Result<(), Error> {
        match &config.on_success {
            Some(destination) => self.tell(destination, Condition::Success, Some(ran)).await,
            None => Ok(()),
        }
    }

    /// Tells the destination and the dead-letter queue; without either, the event is given up with a line in the log.
    pub async fn failure(
        &self,
        config: &EventConfig,
        dead_letter: Option<&Arn>,
        condition: Condition,
        ran: Option<&Ran>,
    ) -> Result<Outcome, Error> {
        if let Some(destination) = &config.on_failure {
            self.tell(destination, condition, ran).await?;
        }
        if let Some(queue) = dead_letter {
            let body = String::from_utf8_lossy(&self.event.payload).into_owned();
            let attributes = self.dead_letter_attributes(ran);
            let letter = Letter { attributes, undelivered: Some(self.undelivered()), ..self.letter(queue, body) };
            sources::send_letter(self.cx, letter).await?;
        }
        if config.on_failure.is_some() || dead_letter.is_some() {
            return Ok(Outcome::Delivered);
        }
        Ok(Outcome::GivenUp { reason: format!("{}, request {}", condition.name(), self.event.request_id) })
    }

    async fn tell(&self, destination: &Arn, condition: Condition, ran: Option<&Ran>) -> Result<(), Error> {
        let record = self.record(condition, ran);
        let body = match destination.service.as_str() {
            "events" => self.bus_event(destination, condition, record),
            _ => record,
        };
        Ok(sources::send_letter(self.cx, self.letter(destination, body.to_string())).await?)
    }

    fn letter(&self, to: &Arn, body: String) -> Letter {
        Letter {
            from: self.function.arn(),
            to: to.clone(),
            role: self.role.clone(),
            group: self.function.name.clone(),
            body,
            attributes: BTreeMap::new(),
            id: self.event.request_id.clone(),
            undelivered: None,
        }
    }

    /// A record as buses get it.
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-async-destinations>
    fn bus_event(&self, bus: &Arn, condition: Condition, record: Value) -> Value {
        let result = if condition == Condition::Success { "Success" } else { "Failure" };
        let function = self.function.arn_of(self.function.qualifier.as_ref().unwrap_or(&Qualifier::Latest));
        let envelope = Envelope {
            id: &self.cx.env().uuid(),
            detail_type: &format!("Lambda Function Invocation Result - {result}"),
            source: "lambda",
            account: &self.function.account.to_string(),
            time: self.cx.env().now(),
            region: self.function.region.as_str(),
            resources: &[bus.to_string(), function.to_string()],
            detail: record,
        };
        Value::Object(envelope.into_event())
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
    fn dead_letter_attributes(&self, ran: Option<&Ran>) -> BTreeMap<String, Attribute> {
        let error = ran.and_then(|ran| error_message(&ran.outcome.payload));
        let error = error.as_deref().unwrap_or("The event could not be processed in time.");
        // An attribute holds at most a kilobyte of it, as on AWS.
        let error: String = error.chars().take(1_000).collect();
        let number = AttributeValue::Text("200".into());
        let attributes = [
            ("RequestID", Attribute::text(self.event.request_id.as_str())),
            ("ErrorCode", Attribute { data_type: "Number".into(), value: number }),
            ("ErrorMessage", Attribute::text(if error.is_empty() { "-" } else { &error })),
        ];
        attributes.into_iter().map(|(name, attribute)| (name.to_owned(), attribute)).collect()
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

/// JSON, or what is no JSON as text.
fn document(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| String::from_utf8_lossy(payload).into())
}
