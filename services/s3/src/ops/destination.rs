//! Whether those who are to be told of objects are there and let S3 in, and the test event that they get.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-enable-disable-notification-intro.html>

use base::Arn;
use serde_json::json;
use service::{Cx, Delivery};

use super::notification::Notifications;
use crate::error::Error;
use crate::name;
use crate::types::Bucket;

/// Looks at every destination of a configuration that is well formed; the test events that are to be sent with it. Functions
/// get none.
///
/// # Errors
/// `InvalidArgument`, with each destination that is not fit and why.
pub fn checked(cx: &Cx, bucket: &Bucket, wanted: &Notifications) -> Result<Vec<Delivery>, Error> {
    let mut tests: Vec<Delivery> = Vec::new();
    let mut unfit = Vec::new();
    for told in wanted.all() {
        let Ok(to) = told.target().parse::<Arn>() else { continue };
        if tests.iter().any(|test| test.to == to) || unfit.iter().any(|(arn, _)| *arn == to) {
            continue;
        }
        if to.region != bucket.region {
            let reason = "The notification destination service region is not valid for the bucket location constraint";
            return Err(Error::argument("NotificationConfiguration", told.target(), reason));
        }
        let event = test_event(cx, bucket);
        let test = Delivery::new(cx, name::arn(bucket.name.as_str()), to, event.into());
        match check(cx, &test)? {
            Some(reason) => unfit.push((test.to, reason)),
            None => tests.push(test),
        }
    }
    if !unfit.is_empty() {
        return Err(refusal(&unfit));
    }
    tests.retain(|test| test.to.service != "lambda");
    Ok(tests)
}

/// Why a delivery could not be brought to its target, if so.
///
/// # Errors
/// When that cannot be said.
fn check(cx: &Cx, test: &Delivery) -> Result<Option<String>, Error> {
    let kind = match test.to.service.as_str() {
        "sqs" => "queue",
        "sns" => "topic",
        _ => "function",
    };
    if test.to.resource.ends_with(".fifo") {
        return Ok(Some(format!("FIFO {kind}s are not supported as a destination")));
    }
    match cx.admits(test) {
        Ok(()) => Ok(None),
        Err(error) if !error.is_sender_fault() => Err(Error::Told(error)),
        Err(_) if kind == "function" => Ok(Some(format!("Not authorized to invoke function [{}]", test.to))),
        Err(error) if error.status == 403 || error.code.starts_with("AccessDenied") => Ok(Some(format!(
            "Permissions on the destination {kind} do not allow S3 to publish notifications from this bucket"
        ))),
        Err(_) => Ok(Some(format!("The destination {kind} does not exist"))),
    }
}

fn refusal(unfit: &[(Arn, String)]) -> Error {
    let message = "Unable to validate the following destination configurations";
    let mut error = service::Error::new(400, "InvalidArgument", message);
    for ((arn, reason), number) in unfit.iter().zip(1..) {
        error = error.with_member(&format!("ArgumentName{number}"), arn.to_string());
        error = error.with_member(&format!("ArgumentValue{number}"), reason.clone());
    }
    Error::Told(error)
}

/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
fn test_event(cx: &Cx, bucket: &Bucket) -> String {
    json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": cx.now().iso8601(),
        "Bucket": bucket.name,
        "RequestId": cx.request_id(),
        "HostId": cx.request_id(),
    })
    .to_string()
}
