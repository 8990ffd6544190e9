//! PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy, GetBucketPolicyStatus, and what a policy says to whoever asks.

use std::fmt;
use std::sync::Arc;

use auth::policy::{Policy, Use};
use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{CallerKind, Cx};

use super::bucket::{BucketInput, Empty};
use super::setting::{Document, PublicAccess, kept};
use crate::S3;
use crate::error::Error;
use crate::keys::BUCKETS;
use crate::model::bucket;
use crate::model::setting::{self, Kind};
use crate::name;

/// A text that is a body, or a member.
#[derive(Debug, Default)]
pub struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        struct AnyText;
        impl Visitor<'_> for AnyText {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Text, E> {
                String::from_utf8(bytes).map(Text).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(AnyText)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutPolicyInput {
    pub bucket: String,
    pub policy: Text,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetPolicyOutput {
    pub content_type: &'static str,
    pub policy: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyStatusOutput {
    pub policy_status: PolicyStatus,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyStatus {
    pub is_public: bool,
}

/// The values of an element that may be one or many.
fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn malformed(reason: impl fmt::Display) -> Error {
    Error::Told(service::Error::new(400, "MalformedPolicy", reason.to_string()))
}

/// # Errors
/// When it is no policy, or speaks of what is not the bucket's.
fn check(text: &str, bucket: &str) -> Result<(), Error> {
    Policy::parse(text).and_then(|policy| policy.check(Use::Resource)).map_err(malformed)?;
    let document: Value = serde_json::from_str(text).map_err(malformed)?;
    let own = name::arn(bucket).to_string();
    for statement in items(&document["Statement"]) {
        let resources = items(&statement["Resource"]).into_iter().chain(items(&statement["NotResource"]));
        for resource in resources {
            let resource = resource.as_str().unwrap_or_default();
            let rest = resource.strip_prefix(&own);
            if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with('*')) {
                return Err(malformed("Policy has invalid resource"));
            }
        }
    }
    Ok(())
}

/// Condition keys that bind a statement for everybody to some.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
const BINDING: [&str; 12] = [
    "aws:sourceip",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "aws:principalorgid",
    "aws:principalarn",
    "aws:userid",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointarn",
    "s3:dataaccesspointaccount",
];

/// Whether a policy opens something to everybody.
pub fn is_public(text: &str) -> bool {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    items(&document["Statement"]).into_iter().any(|statement| {
        let everybody = |value: &Value| items(value).into_iter().any(|one| one == "*");
        let principal = &statement["Principal"];
        let names_everybody =
            everybody(principal) || everybody(&principal["AWS"]) || !statement["NotPrincipal"].is_null();
        let conditions = statement["Condition"].as_object().into_iter().flatten();
        let keys = conditions.filter_map(|(_, keys)| keys.as_object()).flatten();
        let is_bound = keys.into_iter().any(|(key, values)| {
            let names_all = items(values).into_iter().any(|value| value == "*" || value == "0.0.0.0/0");
            BINDING.contains(&key.to_ascii_lowercase().as_str()) && !names_all
        });
        statement["Effect"] == "Allow" && names_everybody && !is_bound
    })
}

pub async fn put(_: Arc<S3>, cx: Cx, input: PutPolicyInput) -> Result<Empty, Error> {
    let text = input.policy.0;
    bucket::find(&cx.db().read()?, &input.bucket)?;
    check(&text, &input.bucket)?;
    let (caller, bucket) = (cx.caller().arn.to_string(), input.bucket);
    let stored = cx.db().write(move |tx| {
        let id = bucket::find(tx, &bucket)?.id;
        if public_access(setting::get(tx, id, PublicAccess::KIND)?)?.block_public_policy && is_public(&text) {
            return Err(Error::Told(service::Error::new(403, "AccessDenied", format!("User: {caller} is not authorized to perform: s3:PutBucketPolicy on resource: \"{}\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.", name::arn(bucket.as_str())))));
        }
        setting::put(tx, &bucket, Kind::Policy, &text)
    });
    stored.await?;
    Ok(Empty {})
}

fn public_access(text: Option<String>) -> Result<PublicAccess, Error> {
    let parse = |text: String| serde_json::from_str(&text).map_err(service::Error::internal);
    Ok(text.map(parse).transpose()?.unwrap_or_default())
}

fn find(cx: &Cx, name: &str) -> Result<String, Error> {
    let read = cx.db().read()?;
    let missing = || {
        let told = service::Error::new(404, "NoSuchBucketPolicy", "The bucket policy does not exist");
        Error::Told(told.with_member("BucketName", name))
    };
    setting::get(&read, bucket::find(&read, name)?.id, Kind::Policy)?.ok_or_else(missing)
}

pub async fn get(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<GetPolicyOutput, Error> {
    find(&cx, &input.bucket).map(|policy| GetPolicyOutput { content_type: "application/json", policy })
}

pub async fn delete(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Empty, Error> {
    cx.db().write(move |tx| setting::remove(tx, &input.bucket, Kind::Policy)).await?;
    Ok(Empty {})
}

pub async fn status(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<PolicyStatusOutput, Error> {
    let is_public = is_public(&find(&cx, &input.bucket)?)
        && !kept::<PublicAccess>(&cx, &input.bucket).is_ok_and(|access| access.restrict_public_buckets);
    Ok(PolicyStatusOutput { policy_status: PolicyStatus { is_public } })
}

/// The policy of a bucket as it counts for whoever asks: one for everybody lets nobody in without a name where that is
/// restricted.
///
/// # Errors
/// When the store cannot be read.
pub fn in_force(cx: &Cx, name: &str) -> Result<Option<String>, Error> {
    let read = cx.db().read()?;
    let Some(bucket) = BUCKETS.get(&read, name)? else { return Ok(None) };
    let Some(policy) = setting::get(&read, bucket.id, Kind::Policy)? else { return Ok(None) };
    if cx.caller().kind == CallerKind::Anonymous && is_public(&policy) {
        let access = public_access(setting::get(&read, bucket.id, PublicAccess::KIND)?)?;
        return Ok((!access.restrict_public_buckets).then_some(policy));
    }
    Ok(Some(policy))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(principal: Value, resource: &str, condition: Value) -> String {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": resource, "Condition": condition});
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    }

    #[test]
    fn policies_are_public_that_name_everybody_without_a_bond() {
        let own = "arn:aws:s3:::b/*";
        for principal in [json!("*"), json!({"AWS": "*"}), json!({"AWS": ["arn:aws:iam::1:root", "*"]})] {
            assert!(is_public(&policy(principal.clone(), own, json!({}))));
            assert!(is_public(&policy(principal.clone(), own, json!({"StringEquals": {"s3:prefix": "a"}}))));
            assert!(is_public(&policy(principal.clone(), own, json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}))));
            assert!(!is_public(&policy(principal, own, json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))));
        }
        assert!(!is_public(&policy(json!({"AWS": "arn:aws:iam::1:root"}), own, json!({}))));
    }

    #[test]
    fn policies_are_about_their_bucket() {
        let about = |resource: &str| check(&policy(json!("*"), resource, json!({})), "b");
        for own in ["arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a/*", "arn:aws:s3:::b*"] {
            assert!(about(own).is_ok(), "{own}");
        }
        for other in ["*", "arn:aws:s3:::*", "arn:aws:s3:::bb/*", "arn:aws:s3:::a", "b/*"] {
            assert!(about(other).is_err(), "{other}");
        }
        assert!(check("{}", "b").is_err() && check("", "b").is_err());
    }
}
