//! Where stages of APIs of all kinds keep their access logs.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-access-logging.html>

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Permission;

use crate::error::Error;
use crate::front::access_log::Format;
use crate::types::stage::AccessLog;

/// What letting a service write to a log group needs of who asks for it.
const DELIVER: &str = "logs:CreateLogDelivery";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessLogShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

impl From<AccessLog> for AccessLogShape {
    fn from(log: AccessLog) -> AccessLogShape {
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        AccessLogShape { destination_arn: said(log.destination), format: said(log.format) }
    }
}

impl AccessLogShape {
    /// The log that is asked for; none where nothing is said of it.
    pub fn log(self) -> Option<AccessLog> {
        let log = AccessLog {
            destination: self.destination_arn.unwrap_or_default(),
            format: self.format.unwrap_or_default(),
            needs_role: false,
        };
        Some(log).filter(|log| *log != AccessLog::default())
    }
}

/// Refuses what is no log of this account and region, and formats that say nothing of a request.
pub fn check(log: &AccessLog, account: &str, region: &str) -> Result<(), Error> {
    check_destination(log, account, region)?;
    Format::checked(&log.format).map(drop)
}

/// The same for a stage of a REST API, whose format may be said later: until then there is no log.
pub fn check_begun(log: &AccessLog, account: &str, region: &str) -> Result<(), Error> {
    match log.format.is_empty() {
        true => check_destination(log, account, region),
        false => check(log, account, region),
    }
}

fn check_destination(log: &AccessLog, account: &str, region: &str) -> Result<(), Error> {
    let told = &log.destination;
    if told.is_empty() {
        return Err(Error::bad("Invalid null or empty value in /accessLogSettings/destinationArn"));
    }
    let invalid = || Error::bad(format!("Invalid ARN specified in the request: {told}"));
    let arn: Arn = told.parse().map_err(|_| invalid())?;
    match arn.service.as_str() {
        "logs" => {}
        "firehose" => {
            return Err(Error::not_implemented(format!("Access logs in a delivery stream ({told}); name a log group")));
        }
        _ => return Err(invalid()),
    }
    let group = arn.resource.strip_prefix("log-group:").map(|group| group.trim_end_matches(":*"));
    if group.is_none_or(|group| group.is_empty() || group.contains([':', '*'])) {
        return Err(invalid());
    }
    if arn.account != account || arn.region != region {
        return Err(Error::bad(format!("Access logs are kept in the account and the region of their API: {told}")));
    }
    Ok(())
}

/// What who gives a stage this log needs besides: to let API Gateway write to the group.
pub fn permission(destination: Option<&str>) -> Option<Permission> {
    let destination = destination.filter(|destination| !destination.is_empty())?;
    Some(Permission::new(DELIVER, destination.trim_end_matches(":*")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_groups_of_the_apis_own_account_and_region() {
        let check = |destination: &str, format: &str| {
            let log = AccessLog { destination: destination.into(), format: format.into(), needs_role: false };
            check(&log, "000000000000", "us-east-1")
        };
        let group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/x";
        assert!(check(group, "$context.requestId").is_ok());
        assert!(check(&format!("{group}:*"), "$context.requestId").is_ok());
        let stream = "arn:aws:firehose:us-east-1:000000000000:deliverystream/amazon-apigateway-x";
        assert!(matches!(check(stream, "$context.requestId"), Err(Error::NotImplemented(_))));
        for (destination, format) in [
            (group, "$context.status"),
            ("", "$context.requestId"),
            ("group", "$context.requestId"),
            ("arn:aws:logs:us-east-1:000000000000:log-group:", "$context.requestId"),
            ("arn:aws:logs:us-east-1:000000000000:log-group:a:log-stream:b", "$context.requestId"),
            ("arn:aws:logs:eu-west-1:000000000000:log-group:a", "$context.requestId"),
            ("arn:aws:logs:us-east-1:111111111111:log-group:a", "$context.requestId"),
            ("arn:aws:sqs:us-east-1:000000000000:a", "$context.requestId"),
        ] {
            assert!(matches!(check(destination, format), Err(Error::BadRequest(_))), "{destination} {format}");
        }
    }
}
