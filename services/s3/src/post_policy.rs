//! Policies of forms: what whoever signed one lets the sender put into the form's fields, how much, and until when.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>. Codes and words are those that
//! S3 answers, where they differ from the ones that it documents.

use std::ops::RangeInclusive;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::error::Error;

/// A policy that was read, which says nothing of whether it holds.
#[derive(Debug)]
pub struct PostPolicy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    test: Test,
    /// As it is told when it does not hold.
    shown: String,
}

#[derive(Debug)]
enum Test {
    Is {
        field: String,
        value: String,
    },
    StartsWith {
        field: String,
        prefix: String,
    },
    /// Bytes of the file.
    Size(u64, u64),
    /// What can be read and does not hold for any form.
    Never,
}

/// Fields that need no condition: they are the signature, or what is signed.
const UNCONDITIONAL: [&str; 5] = ["policy", "x-amz-signature", "awsaccesskeyid", "signature", "file"];
/// The same of fields that begin so.
const IGNORED: &str = "x-ignore-";
/// What a condition of the bucket calls it.
const BUCKET: &str = "bucket";

fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::Told(service::Error::new(400, "InvalidPolicyDocument", format!("Invalid Policy: {reason}")))
}

fn refused(reason: impl std::fmt::Display) -> Error {
    Error::Told(service::Error::new(403, "AccessDenied", format!("Invalid according to Policy: {reason}")))
}

impl PostPolicy {
    /// Reads a policy as a form has it: JSON in base64.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(field: &str) -> Result<PostPolicy, Error> {
        let json = || invalid("Invalid JSON.");
        let text =
            STANDARD.decode(field.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(json)?;
        let document: Map<String, Value> = serde_json::from_str(&text).map_err(|_| json())?;
        if let Some(name) = document.keys().find(|name| !["expiration", "conditions"].contains(&name.as_str())) {
            return Err(invalid(format_args!("Unexpected: '{}'", name.to_lowercase())));
        }
        let expiration = document.get("expiration").ok_or_else(|| invalid("Policy missing expiration."))?;
        let moment = expiration.as_str().filter(|text| text.ends_with('Z') && text.contains('T'));
        let moment = moment.and_then(Timestamp::parse_iso8601);
        let conditions = document.get("conditions").ok_or_else(|| invalid("Policy missing conditions."))?;
        let conditions = conditions.as_array().ok_or_else(|| invalid("Invalid 'conditions' value: must be a List."))?;
        Ok(PostPolicy {
            expiration: moment.ok_or_else(|| {
                invalid(format_args!("Invalid 'expiration' value: '{}'", expiration.as_str().unwrap_or_default()))
            })?,
            conditions: conditions.iter().map(Condition::parse).collect::<Result<_, _>>()?,
        })
    }

    /// Holds a form to the policy, and tells how many bytes its file may have.
    ///
    /// # Errors
    /// That it has expired, which condition does not hold, or which field none speaks of.
    pub fn check(
        &self,
        now: Timestamp,
        bucket: &str,
        fields: &[(String, String)],
    ) -> Result<RangeInclusive<u64>, Error> {
        if now > self.expiration {
            return Err(refused("Policy expired."));
        }
        let value = |name: &str| match name {
            BUCKET => Some(bucket),
            name => fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()),
        };
        let (mut least, mut most) = (0, u64::MAX);
        for condition in &self.conditions {
            let holds = match &condition.test {
                Test::Is { field, value: wanted } => value(field) == Some(wanted),
                Test::StartsWith { field, prefix } => begins(field, value(field).unwrap_or_default(), prefix),
                Test::Size(from, to) => {
                    (least, most) = (least.max(*from), most.min(*to));
                    true
                }
                Test::Never => false,
            };
            if !holds {
                return Err(refused(format_args!("Policy Condition failed: {}", condition.shown)));
            }
        }
        let covered = |name: &str| self.conditions.iter().any(|condition| condition.is_about(name));
        let names = fields.iter().map(|(name, _)| name.as_str()).filter(|name| needs_condition(name));
        match names.chain([BUCKET]).find(|name| !covered(&name.to_ascii_lowercase())) {
            Some(name) => Err(refused(format_args!("Extra input fields: {}", name.to_ascii_lowercase()))),
            None => Ok(least..=most),
        }
    }
}

fn needs_condition(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !UNCONDITIONAL.contains(&name.as_str()) && !name.starts_with(IGNORED)
}

/// Whether a value begins with this. Content types with commas are lists, of which each has to.
fn begins(field: &str, value: &str, prefix: &str) -> bool {
    match field {
        "content-type" => value.split(',').all(|one| one.trim_start().starts_with(prefix)),
        _ => value.starts_with(prefix),
    }
}

impl Condition {
    fn parse(value: &Value) -> Result<Condition, Error> {
        match value {
            Value::Object(members) => Condition::simple(members),
            Value::Array(items) => Condition::list(items),
            _ => Err(invalid("Invalid condition test: must be a List or Object.")),
        }
    }

    /// `{"acl": "private"}`
    fn simple(members: &Map<String, Value>) -> Result<Condition, Error> {
        let mut members = members.iter();
        let (Some((field, value)), None) = (members.next(), members.next()) else {
            let reason = "Simple-Conditions must have exactly one property specified.";
            return Err(invalid(format_args!("Invalid Simple-Condition: {reason}")));
        };
        let value = value.as_str().ok_or_else(|| invalid("Invalid Simple-Condition: value must be a string."))?;
        let test = Test::Is { field: field.to_ascii_lowercase(), value: value.to_owned() };
        Ok(Condition { test, shown: shown(&[json!("eq"), json!(format!("${field}")), json!(value)]) })
    }

    /// `["starts-with", "$key", "user/"]`
    fn list(items: &[Value]) -> Result<Condition, Error> {
        let Some(operation) = items.first() else {
            return Err(invalid("Invalid Condition: missing operation identifier."));
        };
        let operation = operation.as_str().unwrap_or_default().to_ascii_lowercase();
        if !["eq", "starts-with", "content-length-range"].contains(&operation.as_str()) {
            return Err(invalid(format_args!("Invalid Condition: unknown operation '{operation}'.")));
        }
        let [_, first, second] = items else {
            return Err(invalid(format_args!("Invalid {operation}: wrong number of arguments.")));
        };
        let test = if operation == "content-length-range" {
            size(first, second)?
        } else {
            on_field(&operation, first, second)?
        };
        Ok(Condition { test, shown: shown(items) })
    }

    /// Whether it says something of the field of this name in lower case.
    fn is_about(&self, name: &str) -> bool {
        matches!(&self.test, Test::Is { field, .. } | Test::StartsWith { field, .. } if field == name)
    }
}

fn on_field(operation: &str, field: &Value, value: &Value) -> Result<Test, Error> {
    let (Some(field), Some(value)) = (field.as_str(), value.as_str()) else { return Err(invalid("Invalid JSON.")) };
    let Some(field) = field.strip_prefix('$').map(str::to_ascii_lowercase) else { return Ok(Test::Never) };
    let value = value.to_owned();
    Ok(if operation == "eq" { Test::Is { field, value } } else { Test::StartsWith { field, prefix: value } })
}

/// Numbers, which may be texts.
fn size(from: &Value, to: &Value) -> Result<Test, Error> {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_u64().map(Some).ok_or_else(|| invalid("Invalid JSON.")),
        Value::String(text) => Ok(text.parse().ok()),
        _ => Err(invalid("Invalid JSON.")),
    };
    Ok(match (number(from)?, number(to)?) {
        (Some(from), Some(to)) => Test::Size(from, to),
        _ => Test::Never,
    })
}

fn shown(items: &[Value]) -> String {
    let items: Vec<String> = items.iter().map(Value::to_string).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNTIL: &str = "2030-01-01T00:00:00Z";

    fn parse(document: &Value) -> Result<PostPolicy, Error> {
        PostPolicy::parse(&STANDARD.encode(document.to_string()))
    }

    /// What comes of a form with these fields, sent to the bucket `b`.
    fn check(conditions: &Value, fields: &[(&str, &str)]) -> Result<RangeInclusive<u64>, String> {
        let policy = parse(&json!({"expiration": UNTIL, "conditions": conditions})).unwrap();
        let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        policy.check(Timestamp(0), "b", &fields).map_err(|error| error.to_string())
    }

    #[test]
    fn conditions_hold_or_are_told() {
        let bucket = json!({"bucket": "b"});
        let ok = |conditions: Value, fields: &[(&str, &str)]| {
            let result = check(&conditions, fields);
            assert!(result.is_ok(), "{conditions} {result:?}");
        };
        let failed = |conditions: Value, fields: &[(&str, &str)], reason: &str| {
            assert_eq!(
                check(&conditions, fields).unwrap_err(),
                format!("AccessDenied: Invalid according to Policy: {reason}")
            );
        };
        ok(
            json!([{"BUCKET": "b"}, ["StArTs-WiTh", "$Key", "a/"], ["eq", "$acl", "private"]]),
            &[("kEY", "a/b"), ("acl", "private")],
        );
        ok(json!([bucket, ["starts-with", "$content-type", "image/"]]), &[("Content-Type", "image/png, image/gif")]);
        ok(json!([bucket, ["starts-with", "$acl", ""]]), &[]);
        ok(json!([bucket]), &[("x-ignore-me", "1"), ("Policy", "p"), ("X-Amz-Signature", "s")]);
        failed(json!([bucket, {"key": "a"}]), &[("key", "A")], r#"Policy Condition failed: ["eq", "$key", "a"]"#);
        failed(json!([bucket, ["eq", "key", "a"]]), &[("key", "a")], r#"Policy Condition failed: ["eq", "key", "a"]"#);
        failed(json!([{"bucket": "c"}]), &[("bucket", "c")], r#"Policy Condition failed: ["eq", "$bucket", "c"]"#);
        failed(
            json!([bucket, ["starts-with", "$Content-Type", "image/"]]),
            &[("content-type", "image/a,text/b")],
            r#"Policy Condition failed: ["starts-with", "$Content-Type", "image/"]"#,
        );
        failed(
            json!([bucket, ["content-length-range", "x", 1]]),
            &[],
            r#"Policy Condition failed: ["content-length-range", "x", 1]"#,
        );
        failed(json!([bucket]), &[("X-Amz-Meta-A", "1")], "Extra input fields: x-amz-meta-a");
        failed(json!([]), &[], "Extra input fields: bucket");
        let sizes = json!([bucket, ["content-length-range", 2, "9"], ["content-length-range", 1, 5]]);
        assert_eq!(check(&sizes, &[]).unwrap(), 2..=5);
        assert_eq!(check(&json!([bucket]), &[]).unwrap(), 0..=u64::MAX);
    }

    #[test]
    fn a_policy_ends() {
        let policy = parse(&json!({"expiration": "1970-01-01T00:00:01Z", "conditions": [{"bucket": "b"}]})).unwrap();
        assert!(policy.check(Timestamp(1_000), "b", &[]).is_ok());
        let late = policy.check(Timestamp(1_001), "b", &[]).unwrap_err();
        assert!(late.to_string().ends_with("Policy expired."));
    }

    #[test]
    fn what_is_no_policy_is_told() {
        let with = |conditions: Value| json!({"expiration": UNTIL, "conditions": conditions});
        for bad in [
            json!([]),
            json!({"conditions": []}),
            json!({"expiration": UNTIL}),
            json!({"expiration": UNTIL, "conditions": {}}),
            json!({"EXPIRATION": UNTIL, "conditions": []}),
            json!({"expiration": 1, "conditions": []}),
            json!({"expiration": "2030-01-01 00:00:00Z", "conditions": []}),
            json!({"expiration": "2030-01-01T00:00:00+02:00", "conditions": []}),
            with(json!(["bucket"])),
            with(json!([[]])),
            with(json!([{}])),
            with(json!([{"acl": "private", "key": "k"}])),
            with(json!([{"acl": 1}])),
            with(json!([["eq", "$key"]])),
            with(json!([["ends-with", "$key", "x"]])),
            with(json!([["content-length-range", 0]])),
            with(json!([["content-length-range", -1, 0]])),
            with(json!([["content-length-range", 0, 1.5]])),
        ] {
            let error = service::Error::from(parse(&bad).unwrap_err());
            assert_eq!((error.status, &*error.code), (400, "InvalidPolicyDocument"), "{bad}");
        }
        assert!(PostPolicy::parse("{}").is_err() && PostPolicy::parse("").is_err());
    }
}
