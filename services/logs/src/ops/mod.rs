//! The operations, a file for each kind of thing they work on.

pub mod events;
pub mod filter;
pub mod group;
pub mod put;
pub mod stream;
pub mod tag;

use std::ops::RangeInclusive;

use base::Arn;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use service::Cx;

use crate::error::Error;
use crate::limits;

/// The answer of operations that have nothing to say.
#[derive(Debug, serde::Serialize)]
pub struct Empty {}

/// The ARN of a group, as it is stored.
pub fn group_arn(cx: &Cx, name: &str) -> Arn {
    cx.arn("logs", format!("log-group:{name}"))
}

/// The resource of permissions on a group: the form of refusals on AWS, which the `:*` at the end of policies matches.
pub fn group_resource(cx: &Cx, name: &str) -> Arn {
    cx.arn("logs", format!("log-group:{name}:log-stream:"))
}

pub fn stream_resource(cx: &Cx, group: &str, stream: &str) -> Arn {
    cx.arn("logs", format!("log-group:{group}:log-stream:{stream}"))
}

/// The name of the group that an ARN's resource means: `log-group:NAME`, with or without `:*`.
pub fn group_in_resource(resource: &str) -> Option<&str> {
    let name = resource.strip_prefix("log-group:")?;
    let name = name.strip_suffix(":*").unwrap_or(name);
    (!name.is_empty() && !name.contains(':')).then_some(name)
}

/// A group said by its name, or by `logGroupIdentifier`, a name or an ARN; never by both.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupChoice {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
}

impl GroupChoice {
    pub fn name(&self, cx: &Cx) -> Result<String, Error> {
        match (&self.log_group_name, &self.log_group_identifier) {
            (Some(name), None) => validate_group(name).map(|()| name.clone()),
            (None, Some(identifier)) => identified(cx, identifier),
            _ => {
                let rule = "Exactly one of logGroupName and logGroupIdentifier must be given.";
                Err(Error::InvalidParameter(rule.into()))
            }
        }
    }

    /// What to ask permission for: what names no group is refused later, by the operation.
    pub fn resource(&self, cx: &Cx, stream: &str) -> String {
        self.name(cx).map_or_else(|_| "*".into(), |name| stream_resource(cx, &name, stream).to_string())
    }
}

/// The name behind a name or an ARN. A group of another account or region is none that exists here.
pub fn identified(cx: &Cx, identifier: &str) -> Result<String, Error> {
    let Ok(arn) = identifier.parse::<Arn>() else {
        return validate_group(identifier).map(|()| identifier.to_owned());
    };
    let here = arn.service == "logs" && arn.account == cx.account().as_str() && arn.region == cx.region().as_str();
    let name = group_in_resource(&arn.resource).filter(|_| here).ok_or(Error::GroupNotFound)?;
    validate_group(name).map(|()| name.to_owned())
}

pub fn validate_group(name: &str) -> Result<(), Error> {
    validate_length("logGroupName", name)?;
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte);
    if name.bytes().all(valid) {
        return Ok(());
    }
    Err(Error::constraint(
        name,
        "logGroupName",
        "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+",
    ))
}

pub fn validate_stream(name: &str) -> Result<(), Error> {
    validate_length("logStreamName", name)?;
    if name.contains([':', '*']) {
        let rule = "Member must satisfy regular expression pattern: [^:*]*";
        return Err(Error::constraint(name, "logStreamName", rule));
    }
    Ok(())
}

fn validate_length(member: &str, name: &str) -> Result<(), Error> {
    let max = limits::NAME_CHARACTERS_MAX;
    match name.chars().count() {
        0 => Err(Error::constraint(name, member, "Member must have length greater than or equal to 1")),
        count if count > max => {
            Err(Error::constraint(name, member, format_args!("Member must have length less than or equal to {max}")))
        }
        _ => Ok(()),
    }
}

/// How many the caller wants; the most, without a wish.
pub fn limit(wanted: Option<i64>, range: RangeInclusive<u32>) -> Result<usize, Error> {
    let (min, max) = (*range.start(), *range.end());
    let Some(wanted) = wanted else { return Ok(max as usize) };
    if wanted < i64::from(min) {
        let rule = format!("Member must have value greater than or equal to {min}");
        return Err(Error::constraint(wanted, "limit", rule));
    }
    usize::try_from(wanted).ok().filter(|wanted| *wanted <= max as usize).ok_or_else(|| {
        Error::constraint(wanted, "limit", format_args!("Member must have value less than or equal to {max}"))
    })
}

/// The token of the page after the one that ends with `place`.
pub fn encode_token(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

pub fn decode_token(token: &str) -> Result<String, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Error::InvalidParameter("The specified nextToken is invalid.".into()))
}
