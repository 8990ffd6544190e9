//! Policies of parameters: when they expire, and when somebody is told that they will, or that nobody has changed them.
//!
//! Source: <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-policies.html>

use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use kv::Tx;
use serde::Deserialize;
use serde_json::json;
use service::{Cx, timers};

use super::parameter;
use crate::error::Error;
use crate::limits;
use crate::types::{Parameter, Policy, PolicyKind, Version};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shape {
    r#type: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attributes {
    timestamp: Option<String>,
    before: Option<String>,
    after: Option<String>,
    unit: Option<String>,
}

/// Reads the policies of a request.
///
/// # Errors
/// For what is no list of policies, and for values that make no sense.
pub fn read(text: &str, now: Timestamp) -> Result<Vec<Policy>, Error> {
    let texts: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(text)
        .map_err(|_| Error::InvalidPolicyAttribute("Policies is not a JSON array of policies.".into()))?;
    if texts.len() > limits::POLICIES_MAX || text.len() > limits::POLICIES_BYTES_MAX {
        return Err(Error::PoliciesLimit(format!("A parameter has at most {} policies.", limits::POLICIES_MAX)));
    }
    let mut expires = None;
    let mut shapes = Vec::new();
    for text in texts {
        let shape: Shape = serde_json::from_str(text.get())
            .map_err(|_| Error::InvalidPolicyAttribute("A policy has a Type, a Version and Attributes.".into()))?;
        if shape.r#type == "Expiration" {
            let at = shape.attributes.timestamp.as_deref().and_then(Timestamp::parse_iso8601).filter(|at| *at > now);
            let at = at.ok_or_else(|| attribute("The Timestamp of an Expiration policy is a moment in the future."))?;
            if expires.replace(at).is_some() {
                return Err(Error::IncompatiblePolicy("There is at most one Expiration policy.".into()));
            }
        }
        shapes.push((shape, text.get().to_owned()));
    }
    let policy = |(shape, text): (Shape, String)| {
        let (kind, at) = due(&shape, expires, now)?;
        Ok(Policy { kind, text, at, done: false })
    };
    shapes.into_iter().map(policy).collect()
}

fn attribute(text: &str) -> Error {
    Error::InvalidPolicyAttribute(text.into())
}

fn due(shape: &Shape, expires: Option<Timestamp>, now: Timestamp) -> Result<(PolicyKind, Timestamp), Error> {
    let Attributes { before, after, unit, .. } = &shape.attributes;
    match shape.r#type.as_str() {
        "Expiration" => Ok((PolicyKind::Expiration, expires.unwrap_or(now))),
        "ExpirationNotification" => {
            let expires = expires.ok_or_else(|| {
                Error::IncompatiblePolicy("An ExpirationNotification needs an Expiration policy.".into())
            })?;
            Ok((PolicyKind::ExpirationNotification, expires - span(before.as_deref(), unit.as_deref(), "Before")?))
        }
        "NoChangeNotification" => {
            Ok((PolicyKind::NoChangeNotification, now + span(after.as_deref(), unit.as_deref(), "After")?))
        }
        other => Err(Error::InvalidPolicyType(format!("{other} is no type of policies."))),
    }
}

fn span(number: Option<&str>, unit: Option<&str>, name: &str) -> Result<Duration, Error> {
    let number: Option<u32> = number.and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    let unit = match unit {
        Some("Days") => Some(limits::DAY),
        Some("Hours") => Some(limits::HOUR),
        _ => None,
    };
    let span = number.zip(unit).map(|(number, unit)| unit.saturating_mul(number));
    span.ok_or_else(|| attribute(&format!("{name} is a number, and Unit is Days or Hours.")))
}

/// The key of a policy's timer: that of one version alone.
fn key(parameter: &Parameter, version: &Version, index: usize) -> Vec<u8> {
    format!("{} {} {index}", parameter.arn, version.number).into_bytes()
}

pub fn schedule(tx: &mut Tx, parameter: &Parameter, version: &Version) -> Result<(), Error> {
    for (index, policy) in version.policies.iter().enumerate() {
        timers::set(tx, "ssm", policy.at, &key(parameter, version, index), &Bytes::new())?;
    }
    Ok(())
}

pub fn cancel(tx: &mut Tx, parameter: &Parameter, version: &Version) -> Result<(), Error> {
    for (index, policy) in version.policies.iter().enumerate() {
        timers::cancel(tx, "ssm", policy.at, &key(parameter, version, index))?;
    }
    Ok(())
}

/// A policy's time has come.
pub fn fire(tx: &mut Tx, cx: &Cx, timer: &timers::Timer) -> Result<(), Error> {
    let Some((arn, number, index)) = read_key(&timer.key) else { return Ok(()) };
    let Some(parameter) = parameter::of_arn(tx, &arn)?.filter(|found| found.version == number) else { return Ok(()) };
    let mut version = parameter::newest(tx, &parameter)?;
    let Some(policy) = version.policies.get_mut(index) else { return Ok(()) };
    policy.done = true;
    let (kind, text) = (policy.kind, policy.text.clone());
    parameter::put_version(tx, &parameter, &version)?;
    let detail = || {
        json!({
            "parameter-name": parameter.name,
            "parameter-type": version.kind.word(),
            "policy-type": kind.word(),
            "policy-content": text,
            "action-status": "Success",
            "action-reason": "",
        })
    };
    let resources = [parameter.arn.to_string()];
    service::events::emit(tx, cx, "aws.ssm", "Parameter Store Policy Action", &resources, detail)?;
    if kind == PolicyKind::Expiration {
        parameter::delete(tx, cx, &parameter)?;
    }
    Ok(())
}

fn read_key(key: &[u8]) -> Option<(base::Arn, u64, usize)> {
    let mut words = std::str::from_utf8(key).ok()?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_with_their_moments() {
        let now = Timestamp::parse_iso8601("2026-01-01T00:00:00Z").unwrap();
        let expiration = r#"{"Type":"Expiration","Version":"1.0","Attributes":{"Timestamp":"2026-01-11T00:00:00Z"}}"#;
        let warning = r#"{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"2","Unit":"Days"}}"#;
        let still = r#"{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"3","Unit":"Hours"}}"#;
        let read = |parts: &[&str]| super::read(&format!("[{}]", parts.join(",")), now);
        let moments: Vec<String> =
            read(&[expiration, warning, still]).unwrap().iter().map(|p| p.at.iso8601()).collect();
        assert_eq!(moments, ["2026-01-11T00:00:00.000Z", "2026-01-09T00:00:00.000Z", "2026-01-01T03:00:00.000Z"]);
        assert!(matches!(read(&[warning]), Err(Error::IncompatiblePolicy(_))));
        assert!(matches!(read(&[expiration, expiration]), Err(Error::IncompatiblePolicy(_))));
        assert!(matches!(read(&[r#"{"Type":"X"}"#]), Err(Error::InvalidPolicyType(_))));
        assert!(matches!(read(&["5"]), Err(Error::InvalidPolicyAttribute(_))));
        assert!(super::read("x", now).is_err());
    }
}
