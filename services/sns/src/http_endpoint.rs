//! HTTP endpoints: one request a message, as fast as their policy allows.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html>

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base::{Arn, Timestamp};
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use service::{Cx, Failure, Outcome};

use crate::Sns;
use crate::delivery_policy::{CONTENT_TYPE as DEFAULT_CONTENT_TYPE, Effective};
use crate::limits;
use crate::notification::{Kind, Letter};
use crate::types::{Subscription, Topic};

/// Posts a letter to its endpoint.
pub async fn post(
    sns: &Sns,
    cx: &Cx,
    topic: &Topic,
    subscription: Option<&Subscription>,
    letter: &Letter,
    arn: &Arn,
) -> Outcome {
    let policy = Effective::of(topic, subscription);
    if let Some(rate) = policy.receives_per_second() {
        let now = cx.env().now();
        tokio::time::sleep(sns.throttle().turn(arn, now, rate).since(now)).await;
    }
    let headers = headers(letter, arn, &policy);
    let request = outbound::Request {
        method: http::Method::POST,
        url: &letter.endpoint,
        headers,
        body: letter.body.clone().into(),
        timeout: limits::HTTP_TIMEOUT,
    };
    match sns.outbound().send(request).await {
        Ok(answer) => outcome(answer.status.as_u16()),
        Err(error) => failed("EndpointUnreachable", error.to_string(), error.may_pass()),
    }
}

fn failed(code: &str, message: String, may_pass: bool) -> Outcome {
    Outcome::Failed(Failure { code: code.into(), message, may_pass })
}

/// Redirects are not followed. What the client got wrong stays wrong, except for its haste.
/// Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>
fn outcome(status: u16) -> Outcome {
    match status {
        200..=299 => Outcome::Delivered,
        429 | 100..=199 | 500.. => failed("ServerError", format!("the endpoint answered {status}"), true),
        _ => failed("ClientError", format!("the endpoint answered {status}"), false),
    }
}

/// Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html#http-header>
fn headers(letter: &Letter, subscription: &Arn, policy: &Effective) -> HeaderMap {
    let content_type = match letter.kind {
        Kind::Notification => policy.content_type(),
        _ => DEFAULT_CONTENT_TYPE,
    };
    let mut headers = HeaderMap::new();
    let mut put = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(CONTENT_TYPE, content_type);
    put(USER_AGENT, "Amazon Simple Notification Service Agent");
    put(ACCEPT_ENCODING, "gzip,deflate");
    put(CONNECTION, "Keep-Alive");
    put(HeaderName::from_static("x-amz-sns-message-type"), letter.kind.name());
    put(HeaderName::from_static("x-amz-sns-message-id"), &letter.message_id);
    put(HeaderName::from_static("x-amz-sns-topic-arn"), &letter.topic.to_string());
    if letter.kind != Kind::SubscriptionConfirmation {
        put(HeaderName::from_static("x-amz-sns-subscription-arn"), &subscription.to_string());
    }
    if letter.raw {
        put(HeaderName::from_static("x-amz-sns-rawdelivery"), "true");
    }
    headers
}

/// When each endpoint may be sent to next. Only in memory: after a start, the count begins anew.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<Arn, Timestamp>>);

/// Endpoints that are remembered; beyond, those that may be sent to are forgotten.
const REMEMBERED_MAX: usize = 1_000;

impl Throttle {
    /// Takes the next turn, and tells when it is. The outbox has few deliveries of an endpoint under way, so the wait is short.
    fn turn(&self, subscription: &Arn, now: Timestamp, per_second: u32) -> Timestamp {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= REMEMBERED_MAX {
            turns.retain(|_, next| *next > now);
        }
        let turn = turns.get(subscription).copied().unwrap_or(now).max(now);
        turns.insert(subscription.clone(), turn + Duration::from_secs(1) / per_second.max(1));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_waits_for_its_turn_and_others_do_not() {
        let (throttle, now) = (Throttle::default(), Timestamp::from_secs(1));
        let [one, two] = ["one", "two"].map(|name| format!("arn:aws:sns:r:0:t:{name}").parse::<Arn>().unwrap());
        assert_eq!(throttle.turn(&one, now, 4), now);
        assert_eq!(throttle.turn(&one, now, 4), Timestamp(1_250));
        assert_eq!(throttle.turn(&two, now, 4), now);
        assert_eq!(throttle.turn(&one, Timestamp(1_500), 4), Timestamp(1_500));
    }

    #[test]
    fn answers_decide_whether_to_try_again() {
        let may_pass = |status| match outcome(status) {
            Outcome::Failed(failure) => Some(failure.may_pass),
            _ => None,
        };
        assert_eq!([200, 204].map(may_pass), [None, None]);
        assert_eq!([500, 503, 429].map(may_pass), [Some(true); 3]);
        assert_eq!([400, 404, 301].map(may_pass), [Some(false); 3]);
    }
}
