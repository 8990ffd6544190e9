//! Events of WebSocket APIs: a client connects, says something, and is gone.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html> and
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html>

use base::{Arn, Timestamp};
use proxy::{Incoming, all_values, last_values};
use serde_json::{Map, Value, json};
use service::Farewell;

use crate::front::event_v1::rest_headers;
use crate::types::Texts;
use crate::types::websocket::Beginning;

/// One thing that happens on a connection.
pub struct Happening<'a> {
    pub beginning: &'a Beginning,
    pub route: &'a str,
    pub request_id: &'a str,
    pub now: Timestamp,
    pub variables: &'a Texts,
}

impl Happening<'_> {
    pub fn connect(&self, incoming: &Incoming) -> Value {
        let headers = rest_headers(incoming);
        let last = |(name, values): &(String, Vec<String>)| (name.clone(), json!(values.last()));
        let all = |(name, values): &(String, Vec<String>)| (name.clone(), json!(values));
        let mut event = json!({
            "headers": headers.iter().map(last).collect::<Map<_, _>>(),
            "multiValueHeaders": headers.iter().map(all).collect::<Map<_, _>>(),
        });
        let query = incoming.query_pairs();
        if !query.is_empty() {
            event["queryStringParameters"] = last_values(&query);
            event["multiValueQueryStringParameters"] = all_values(&query);
        }
        self.finished(event, self.context("CONNECT"))
    }

    /// What an authorizer is told of who wants to connect: with empty objects for what is not there.
    ///
    /// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html>
    pub fn authorizer(&self, incoming: &Incoming, target: &Arn) -> Value {
        let mut told = json!({"type": "REQUEST", "methodArn": target});
        for name in ["queryStringParameters", "multiValueQueryStringParameters", "stageVariables"] {
            told[name] = json!({});
        }
        if let (Some(told), Value::Object(event)) = (told.as_object_mut(), self.connect(incoming)) {
            told.extend(event.into_iter().filter(|(name, _)| name != "isBase64Encoded"));
        }
        told
    }

    pub fn message(&self, message: &str, message_id: &str) -> Value {
        let mut context = self.context("MESSAGE");
        context["messageId"] = json!(message_id);
        let mut event = self.finished(json!({}), context);
        event["body"] = json!(message);
        event
    }

    pub fn disconnect(&self, farewell: &Farewell) -> Value {
        let mut context = self.context("DISCONNECT");
        context["disconnectStatusCode"] = json!(farewell.code);
        context["disconnectReason"] = json!(farewell.reason);
        // As on AWS, where they are headers of its own inside.
        let headers =
            [("Host", self.beginning.host.as_str()), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")];
        let event = json!({
            "headers": headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<Map<_, _>>(),
            "multiValueHeaders": headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect::<Map<_, _>>(),
        });
        self.finished(event, context)
    }

    fn finished(&self, mut event: Value, context: Value) -> Value {
        if !self.variables.is_empty() {
            event["stageVariables"] = json!(self.variables);
        }
        event["requestContext"] = context;
        event["isBase64Encoded"] = json!(false);
        event
    }

    fn context(&self, kind: &str) -> Value {
        let beginning = self.beginning;
        let mut context = json!({
            "routeKey": self.route,
            "eventType": kind,
            "extendedRequestId": self.request_id,
            "requestTime": self.now.utc().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "messageDirection": "IN",
            "stage": beginning.stage,
            "connectedAt": beginning.connected,
            "requestTimeEpoch": self.now,
            "identity": beginning.identity,
            "requestId": self.request_id,
            "domainName": beginning.domain,
            "connectionId": beginning.id,
            "apiId": beginning.api,
        });
        if let Some(authorizer) = &beginning.authorizer {
            context["authorizer"] = authorizer.clone();
        }
        context
    }
}
