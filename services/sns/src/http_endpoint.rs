//! HTTP endpoints: one request a message, as fast as their policy allows.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html>

use base::Arn;
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
        sns.pace().wait(arn, cx.env().now(), rate).await;
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
    Outcome::Failed(Failure::new(code, message, may_pass))
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

#[cfg(test)]
mod tests {
    use super::*;

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
