//! Delivery policies: when a delivery that failed is tried again, how fast an endpoint is sent to, and as what.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html>

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Error;
use crate::limits;
use crate::types::{Protocol, Subscription, Topic};

/// A topic's `DeliveryPolicy`, as its owner wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicPolicy {
    #[serde(default)]
    pub http: HttpDefaults,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct HttpDefaults {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_healthy_retry_policy: Option<Retry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_sickly_retry_policy: Option<Retry>,
    pub disable_subscription_overrides: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_throttle_policy: Option<Throttle>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_request_policy: Option<Request>,
}

/// A subscription's `DeliveryPolicy`, as its owner wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SubscriptionPolicy {
    pub healthy_retry_policy: Option<Retry>,
    sickly_retry_policy: Option<Retry>,
    pub throttle_policy: Option<Throttle>,
    pub request_policy: Option<Request>,
    guaranteed: bool,
}

/// How often, and how long apart. What is not said is as by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Retry {
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_delay_target: Option<u32>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_delay_target: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_max_delay_retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_no_delay_retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_min_delay_retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backoff_function: Option<Backoff>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    #[default]
    Linear,
    Arithmetic,
    Geometric,
    Exponential,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Throttle {
    pub max_receives_per_second: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    pub header_content_type: String,
}

/// The media type of what is sent, unless a policy says otherwise.
pub const CONTENT_TYPE: &str = "text/plain; charset=UTF-8";
/// The media types that a policy may name, without their parameters.
/// Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#creating-delivery-policy>
const CONTENT_TYPES: [&str; 15] = [
    "application/atom+xml",
    "application/javascript",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xhtml+xml",
    "application/xml",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/javascript",
    "text/plain",
    "text/xml",
];

impl TopicPolicy {
    /// `None` for an empty text, which takes a policy away.
    pub fn parse(text: &str) -> Result<Option<TopicPolicy>, Error> {
        let Some(policy) = read::<TopicPolicy>(text)? else { return Ok(None) };
        let HttpDefaults { default_healthy_retry_policy: retry, default_throttle_policy: throttle, .. } = &policy.http;
        check(retry.as_ref(), *throttle, policy.http.default_request_policy.as_ref())?;
        Ok(Some(policy))
    }
}

impl SubscriptionPolicy {
    /// `None` for an empty text, which takes a policy away.
    pub fn parse(text: &str) -> Result<Option<SubscriptionPolicy>, Error> {
        let Some(policy) = read::<SubscriptionPolicy>(text)? else { return Ok(None) };
        check(policy.healthy_retry_policy.as_ref(), policy.throttle_policy, policy.request_policy.as_ref())?;
        Ok(Some(policy))
    }
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<Option<T>, Error> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let parsed: Option<T> = serde_json::from_str(text)
        .map_err(|error| Error::parameter(format!("DeliveryPolicy: failed to parse JSON. {error}")))?;
    Ok(parsed)
}

fn check(retry: Option<&Retry>, throttle: Option<Throttle>, request: Option<&Request>) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::parameter(format!("DeliveryPolicy: {reason}")));
    if let Some(retry) = retry {
        let schedule = Schedule::from(retry);
        if schedule.min < 1 || schedule.max < schedule.min || schedule.max > 3_600 {
            return refuse("minDelayTarget and maxDelayTarget must be from 1 to 3600, and in this order".into());
        }
        if schedule.retries > limits::HTTP_RETRIES_MAX {
            return refuse(format!("numRetries must be less than or equal to {}", limits::HTTP_RETRIES_MAX));
        }
        if u64::from(schedule.no_delay) + u64::from(schedule.min_delay) + u64::from(schedule.max_delay)
            > u64::from(schedule.retries)
        {
            return refuse("numRetries must be at least the sum of the retries of all phases".into());
        }
        if schedule.total() > limits::HTTP_RETRY_TIME_MAX {
            return refuse("all retries together must not take longer than 3600 seconds".into());
        }
    }
    if throttle.is_some_and(|throttle| throttle.max_receives_per_second == 0) {
        return refuse("maxReceivesPerSecond must be greater than or equal to 1".into());
    }
    if let Some(request) = request {
        let media_type = request.header_content_type.split(';').next().unwrap_or_default().trim();
        let sendable = request.header_content_type.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !CONTENT_TYPES.contains(&media_type) || !sendable {
            return refuse(format!("headerContentType: {} is not supported", request.header_content_type));
        }
    }
    Ok(())
}

/// When the retries of a delivery come: phase after phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    retries: u32,
    no_delay: u32,
    min_delay: u32,
    max_delay: u32,
    /// Seconds, as is `max`.
    min: u32,
    max: u32,
    backoff: Backoff,
}

/// Of queues and functions: some 23 days.
const MANAGED: Schedule = Schedule {
    retries: 100_015,
    no_delay: 3,
    min_delay: 2,
    max_delay: 100_000,
    min: 1,
    max: 20,
    backoff: Backoff::Exponential,
};
/// Of mail: some six hours.
const MAIL: Schedule = Schedule {
    retries: 50,
    no_delay: 0,
    min_delay: 2,
    max_delay: 38,
    min: 10,
    max: 600,
    backoff: Backoff::Exponential,
};

impl From<&Retry> for Schedule {
    fn from(retry: &Retry) -> Schedule {
        Schedule {
            retries: retry.num_retries.unwrap_or(3),
            no_delay: retry.num_no_delay_retries.unwrap_or(0),
            min_delay: retry.num_min_delay_retries.unwrap_or(0),
            max_delay: retry.num_max_delay_retries.unwrap_or(0),
            min: retry.min_delay_target.unwrap_or(20),
            max: retry.max_delay_target.unwrap_or_else(|| retry.min_delay_target.unwrap_or(20).max(20)),
            backoff: retry.backoff_function.unwrap_or_default(),
        }
    }
}

impl Schedule {
    /// How long to wait after so many attempts that failed; `None` when it is enough.
    pub fn delay(&self, failed: u32) -> Option<Duration> {
        let mut retry = failed.saturating_sub(1);
        let backoff = self.retries.saturating_sub(self.no_delay + self.min_delay + self.max_delay);
        let phases = [(self.no_delay, 0), (self.min_delay, 1), (backoff, 2), (self.max_delay, 3)];
        for (length, phase) in phases {
            if retry < length {
                return Some(match phase {
                    0 => Duration::ZERO,
                    1 => Duration::from_secs(self.min.into()),
                    2 => self.backed_off(retry, length),
                    _ => Duration::from_secs(self.max.into()),
                });
            }
            retry -= length;
        }
        None
    }

    /// From the shortest to the longest delay in `steps`. AWS shows the functions as curves and gives no formulas: these
    /// have their order, linear being the fastest to grow at first and exponential the slowest.
    fn backed_off(&self, step: u32, steps: u32) -> Duration {
        let (min, max, steps) = (f64::from(self.min), f64::from(self.max), f64::from(steps));
        let step = f64::from(step) + 1.0;
        let part = match self.backoff {
            Backoff::Linear => step / steps,
            Backoff::Arithmetic => step * (step + 1.0) / (steps * (steps + 1.0)),
            Backoff::Geometric if min > 0.0 && max > min => ((max / min).powf(step / steps) * min - min) / (max - min),
            Backoff::Geometric => step / steps,
            Backoff::Exponential => (step.exp2() - 1.0) / (steps.exp2() - 1.0),
        };
        Duration::from_secs_f64(min + (max - min) * part.clamp(0.0, 1.0))
    }

    fn total(&self) -> Duration {
        (1..=self.retries).filter_map(|failed| self.delay(failed)).sum()
    }
}

/// What is in force for a subscription.
pub struct Effective {
    retry: Retry,
    throttle: Option<Throttle>,
    request: Request,
}

impl Effective {
    pub fn of(topic: &Topic, subscription: Option<&Subscription>) -> Effective {
        let defaults = topic.attributes.delivery_policy.as_ref().map(|policy| policy.http.clone()).unwrap_or_default();
        let own = subscription.and_then(|subscription| subscription.attributes.delivery_policy.clone());
        let own = own.filter(|_| !defaults.disable_subscription_overrides).unwrap_or_default();
        let request = own.request_policy.or(defaults.default_request_policy);
        Effective {
            retry: own.healthy_retry_policy.or(defaults.default_healthy_retry_policy).unwrap_or_default(),
            throttle: own.throttle_policy.or(defaults.default_throttle_policy),
            request: request.unwrap_or_else(|| Request { header_content_type: CONTENT_TYPE.into() }),
        }
    }

    pub fn content_type(&self) -> &str {
        &self.request.header_content_type
    }

    pub fn receives_per_second(&self) -> Option<u32> {
        self.throttle.map(|throttle| throttle.max_receives_per_second)
    }

    fn retry_document(&self) -> Value {
        let schedule = Schedule::from(&self.retry);
        json!({
            "minDelayTarget": schedule.min,
            "maxDelayTarget": schedule.max,
            "numRetries": schedule.retries,
            "numMaxDelayRetries": schedule.max_delay,
            "numNoDelayRetries": schedule.no_delay,
            "numMinDelayRetries": schedule.min_delay,
            "backoffFunction": schedule.backoff,
        })
    }

    /// As a topic's `EffectiveDeliveryPolicy`.
    pub fn topic_document(&self, topic: &Topic) -> String {
        let disabled =
            topic.attributes.delivery_policy.as_ref().is_some_and(|policy| policy.http.disable_subscription_overrides);
        let mut http =
            json!({"defaultHealthyRetryPolicy": self.retry_document(), "disableSubscriptionOverrides": disabled});
        if let Some(throttle) = self.throttle {
            http["defaultThrottlePolicy"] = json!(throttle);
        }
        http["defaultRequestPolicy"] = json!(self.request);
        json!({"http": http}).to_string()
    }

    /// As a subscription's `EffectiveDeliveryPolicy`.
    pub fn subscription_document(&self) -> String {
        json!({
            "healthyRetryPolicy": self.retry_document(),
            "sicklyRetryPolicy": null,
            "throttlePolicy": self.throttle,
            "requestPolicy": self.request,
            "guaranteed": false,
        })
        .to_string()
    }
}

/// When deliveries to a subscription are tried again.
pub fn schedule(topic: &Topic, subscription: &Subscription) -> Schedule {
    match subscription.protocol {
        Protocol::Sqs | Protocol::Lambda => MANAGED,
        Protocol::Email | Protocol::EmailJson => MAIL,
        Protocol::Http | Protocol::Https => Schedule::from(&Effective::of(topic, Some(subscription)).retry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(schedule: &Schedule, count: u32) -> Vec<u64> {
        (1..=count).filter_map(|failed| schedule.delay(failed)).map(|delay| delay.as_secs()).collect()
    }

    #[test]
    fn retries_come_phase_after_phase() {
        assert_eq!(delays(&Schedule::from(&Retry::default()), 10), [20, 20, 20]);
        assert_eq!(delays(&MANAGED, 17), [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 3, 5, 10, 20, 20, 20]);
        assert_eq!(delays(&MAIL, 60).len(), 50);
        assert!(MANAGED.total() > Duration::from_secs(23 * 86_400));
        let all = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":5,"numRetries":9,
            "numNoDelayRetries":1,"numMinDelayRetries":2,"numMaxDelayRetries":1,"backoffFunction":"linear"}}}"#;
        let policy = TopicPolicy::parse(all).unwrap().unwrap();
        let retry = policy.http.default_healthy_retry_policy.unwrap();
        assert_eq!(delays(&Schedule::from(&retry), 20), [0, 1, 1, 1, 2, 3, 4, 5, 5]);
    }

    #[test]
    fn back_off_grows_as_its_function_says() {
        let times = |backoff| {
            let schedule = Schedule { retries: 4, no_delay: 0, min_delay: 0, max_delay: 0, min: 1, max: 101, backoff };
            delays(&schedule, 9)
        };
        assert_eq!(times(Backoff::Linear), [26, 51, 76, 101]);
        assert_eq!(times(Backoff::Arithmetic), [11, 31, 61, 101]);
        assert_eq!(times(Backoff::Geometric), [3, 10, 31, 101]);
        assert_eq!(times(Backoff::Exponential), [7, 21, 47, 101]);
    }

    #[test]
    fn policies_that_cannot_be_are_refused() {
        for text in [
            "[",
            r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}}"#,
            r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":30,"maxDelayTarget":20}}}"#,
            r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":1,"numMinDelayRetries":2}}}"#,
            r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":100,"minDelayTarget":600,"maxDelayTarget":600}}}"#,
            r#"{"http":{"defaultThrottlePolicy":{"maxReceivesPerSecond":0}}}"#,
            r#"{"http":{"defaultRequestPolicy":{"headerContentType":"image/png"}}}"#,
            r#"{"https":{}}"#,
        ] {
            assert!(TopicPolicy::parse(text).is_err(), "{text}");
        }
        assert_eq!(TopicPolicy::parse("").unwrap(), None);
        assert_eq!(
            TopicPolicy::parse(r#"{"http":{"defaultHealthyRetryPolicy":null}}"#).unwrap(),
            Some(TopicPolicy::default())
        );
    }
}
