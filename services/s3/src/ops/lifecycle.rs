//! PutBucketLifecycleConfiguration, GetBucketLifecycleConfiguration, DeleteBucketLifecycle.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>

use std::sync::Arc;

use kv::Read;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::bucket::{BucketInput, Empty};
use super::setting::forget;
use crate::S3;
use crate::conditions::http_date;
use crate::error::Error;
use crate::limits;
use crate::model::bucket;
use crate::model::lifecycle::{
    self, Abort, Configuration, Expiration, Filter, Kept, NoncurrentExpiration, Predicates, Rule, Transition,
};
use crate::model::setting::{self, Kind};
use crate::types::{Bucket, Object};
use crate::workers;

/// What objects can be moved to, on AWS.
const CLASSES: [&str; 6] =
    ["GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR"];
/// From which size on AWS moves objects.
const MINIMUM_SIZES: [&str; 2] = ["all_storage_classes_128K", "varies_by_storage_class"];

fn invalid(reason: &str) -> Result<(), Error> {
    Err(Error::argument("LifecycleConfiguration", "", reason))
}

/// A number that has to be at least one.
fn positive(number: Option<i64>, reason: &str) -> Result<(), Error> {
    if number.is_some_and(|number| number < 1) { invalid(reason) } else { Ok(()) }
}

fn at_midnight(date: Option<DateTime>) -> Result<(), Error> {
    let off = date.is_some_and(|date| base::Timestamp::from(date).as_millis() % (24 * 60 * 60 * 1_000) != 0);
    if off { invalid("'Date' must be at midnight GMT") } else { Ok(()) }
}

/// # Errors
/// What is wrong with rules.
fn check(configuration: &Configuration) -> Result<(), Error> {
    let rules = &configuration.rules;
    if rules.is_empty() || rules.len() > limits::LIFECYCLE_RULES_MAX {
        return Err(Error::MalformedXml);
    }
    let mut ids: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).filter(|id| !id.is_empty()).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair.first() == pair.last()) {
        return invalid("Rule ID must be unique. Found same ID for one or more rules.");
    }
    rules.iter().try_for_each(check_rule)
}

fn check_rule(rule: &Rule) -> Result<(), Error> {
    if rule.id.len() > limits::RULE_ID_BYTES_MAX {
        return invalid("ID length should not exceed allowed limit of 255");
    }
    if !["Enabled", "Disabled"].contains(&rule.status.as_str()) || rule.prefix.is_some() == rule.filter.is_some() {
        return Err(Error::MalformedXml);
    }
    rule.filter.as_ref().map_or(Ok(()), check_filter)?;
    let acts = rule.expiration.is_some()
        || rule.noncurrent_version_expiration.is_some()
        || rule.abort_incomplete_multipart_upload.is_some()
        || !rule.transitions.is_empty()
        || !rule.noncurrent_version_transitions.is_empty();
    if !acts {
        return Err(Error::InvalidRequest("At least one action needs to be specified in a rule".into()));
    }
    let all =
        |filter: &Filter| !filter.own.tags.is_empty() || filter.and.as_ref().is_some_and(|and| !and.tags.is_empty());
    let by_tags = rule.filter.as_ref().is_some_and(all);
    rule.expiration.as_ref().map_or(Ok(()), |expiration| check_expiration(expiration, by_tags))?;
    rule.noncurrent_version_expiration.as_ref().map_or(Ok(()), |expiration| check_noncurrent(expiration, rule))?;
    rule.abort_incomplete_multipart_upload.as_ref().map_or(Ok(()), |abort| check_abort(abort, by_tags))?;
    rule.transitions.iter().try_for_each(check_transition)?;
    rule.noncurrent_version_transitions.iter().try_for_each(check_noncurrent_transition)
}

fn check_filter(filter: &Filter) -> Result<(), Error> {
    let Filter { own, and } = filter;
    let right = match and {
        None => own.count() <= 1,
        Some(and) => own.count() == 0 && and.count() >= 2,
    };
    let all = [Some(own), and.as_ref()].into_iter().flatten();
    let bounds = |all: &Predicates| (all.object_size_greater_than, all.object_size_less_than);
    if all.map(bounds).any(|bounds| matches!(bounds, (Some(more), Some(less)) if more >= less)) {
        let reason = "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.";
        return Err(Error::InvalidRequest(reason.into()));
    }
    if right { Ok(()) } else { Err(Error::MalformedXml) }
}

fn check_expiration(expiration: &Expiration, by_tags: bool) -> Result<(), Error> {
    let Expiration { days, date, expired_object_delete_marker: marker } = expiration;
    let said = usize::from(days.is_some()) + usize::from(date.is_some()) + usize::from(marker.is_some());
    if said != 1 {
        return Err(Error::MalformedXml);
    }
    if marker.is_some() && by_tags {
        let reason = "ExpiredObjectDeleteMarker cannot be specified with Tags.";
        return Err(Error::InvalidRequest(reason.into()));
    }
    positive(*days, "'Days' for Expiration action must be a positive integer")?;
    at_midnight(*date)
}

fn check_noncurrent(expiration: &NoncurrentExpiration, rule: &Rule) -> Result<(), Error> {
    let NoncurrentExpiration { noncurrent_days: days, newer_noncurrent_versions: newer } = expiration;
    if days.is_none() {
        return Err(Error::MalformedXml);
    }
    positive(*days, "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")?;
    let Some(newer) = newer else { return Ok(()) };
    if !(1..=limits::NEWER_NONCURRENT_MAX).contains(newer) {
        return invalid("'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and 100");
    }
    if rule.filter.is_none() {
        let reason = "NewerNoncurrentVersions can only be specified with a Filter.";
        return Err(Error::InvalidRequest(reason.into()));
    }
    Ok(())
}

fn check_abort(abort: &Abort, by_tags: bool) -> Result<(), Error> {
    if abort.days_after_initiation.is_none() {
        return Err(Error::MalformedXml);
    }
    if by_tags {
        return Err(Error::InvalidRequest("AbortIncompleteMultipartUpload cannot be specified with Tags.".into()));
    }
    let reason = "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer";
    positive(abort.days_after_initiation, reason)
}

fn check_transition(transition: &Transition) -> Result<(), Error> {
    if !CLASSES.contains(&transition.storage_class.as_str()) || transition.days.is_some() == transition.date.is_some() {
        return Err(Error::MalformedXml);
    }
    if transition.days.is_some_and(|days| days < 0) {
        return invalid("'Days' for Transition action must be nonnegative");
    }
    at_midnight(transition.date)
}

fn check_noncurrent_transition(transition: &Transition) -> Result<(), Error> {
    if !CLASSES.contains(&transition.storage_class.as_str()) || transition.noncurrent_days.is_none() {
        return Err(Error::MalformedXml);
    }
    if transition.noncurrent_days.is_some_and(|days| days < 0) {
        return invalid("'NoncurrentDays' for NoncurrentVersionTransition action must be nonnegative");
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutLifecycleInput {
    pub bucket: String,
    pub lifecycle_configuration: Configuration,
    pub transition_default_minimum_object_size: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutLifecycleOutput {
    pub transition_default_minimum_object_size: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetLifecycleOutput {
    pub transition_default_minimum_object_size: &'static str,
    pub rules: Vec<Rule>,
}

pub async fn put(_: Arc<S3>, cx: Cx, input: PutLifecycleInput) -> Result<PutLifecycleOutput, Error> {
    let mut configuration = input.lifecycle_configuration;
    check(&configuration)?;
    let minimum = input.transition_default_minimum_object_size;
    if minimum.as_deref().is_some_and(|minimum| !MINIMUM_SIZES.contains(&minimum)) {
        let name = "x-amz-transition-default-minimum-object-size";
        return Err(Error::argument(name, minimum.unwrap_or_default(), "The value is not known."));
    }
    for rule in configuration.rules.iter_mut().filter(|rule| rule.id.is_empty()) {
        rule.id = cx.env().uuid();
    }
    let since = cx.env().now();
    let text = serde_json::to_string(&Kept { since, configuration }).map_err(service::Error::internal)?;
    let stored = cx.db().write(move |tx| {
        let bucket = bucket::find(tx, &input.bucket)?;
        setting::put(tx, &input.bucket, Kind::Lifecycle, &text)?;
        workers::begin_rounds(tx, &bucket, since)
    });
    stored.await?;
    Ok(PutLifecycleOutput { transition_default_minimum_object_size: MINIMUM_SIZES[0] })
}

pub async fn get(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<GetLifecycleOutput, Error> {
    let read = cx.db().read()?;
    let kept = lifecycle::kept(&read, bucket::find(&read, &input.bucket)?.id)?.ok_or_else(|| {
        let message = "The lifecycle configuration does not exist";
        let told = service::Error::new(404, "NoSuchLifecycleConfiguration", message);
        Error::Told(told.with_member("BucketName", input.bucket.clone()))
    })?;
    let rules = kept.configuration.rules;
    Ok(GetLifecycleOutput { transition_default_minimum_object_size: MINIMUM_SIZES[0], rules })
}

pub async fn delete(_: Arc<S3>, cx: Cx, input: BucketInput) -> Result<Empty, Error> {
    forget(&cx, input.bucket, Kind::Lifecycle).await
}

/// When a current version ends, as headers tell it, where a rule says so.
///
/// # Errors
/// When the store cannot be read.
pub fn expiration(read: &impl Read, bucket: &Bucket, key: &str, object: &Object) -> Result<Option<String>, Error> {
    let kept = lifecycle::kept(read, bucket.id)?;
    let expiry = kept.as_ref().and_then(|kept| kept.configuration.expiry(key, object));
    Ok(expiry.map(|(at, rule)| format!("expiry-date=\"{}\", rule-id=\"{rule}\"", http_date(at))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(rule: serde_json::Value) -> Result<(), String> {
        let configuration = serde_json::from_value(json!({ "Rules": [rule] })).unwrap();
        check(&configuration).map_err(|error| error.entry().0)
    }

    #[test]
    fn rules_are_held_to_what_s3_takes() {
        for right in [
            json!({"Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}),
            json!({"Status": "Disabled", "Filter": {}, "Expiration": {"Date": 1_506_470_400}}),
            json!({"Status": "Enabled", "Filter": {"Tag": {"Key": "a", "Value": ""}}, "Expiration": {"Days": 1}}),
            json!({"Status": "Enabled", "Filter": {"Prefix": "a"}, "Expiration": {"ExpiredObjectDeleteMarker": true}}),
            json!({"Status": "Enabled", "Filter": {"Prefix": "a"}, "Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]}),
            json!({"Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 100}}),
        ] {
            assert_eq!(checked(right.clone()), Ok(()), "{right}");
        }
        let expires = json!({"Days": 1});
        for (wrong, code) in [
            (json!({"Status": "enabled", "Prefix": "", "Expiration": expires}), "MalformedXML"),
            (json!({"Status": "Enabled", "Expiration": expires}), "MalformedXML"),
            (json!({"Status": "Enabled", "Prefix": "", "Filter": {}, "Expiration": expires}), "MalformedXML"),
            (json!({"Status": "Enabled", "Prefix": "", "Expiration": {}}), "MalformedXML"),
            (json!({"Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1, "Date": 0}}), "MalformedXML"),
            (json!({"Status": "Enabled", "Prefix": "", "Expiration": {"Days": 0}}), "InvalidArgument"),
            (json!({"Status": "Enabled", "Prefix": "", "Expiration": {"Date": 1}}), "InvalidArgument"),
            (json!({"Status": "Enabled", "Prefix": ""}), "InvalidRequest"),
            (
                json!({"ID": "i".repeat(256), "Status": "Enabled", "Prefix": "", "Expiration": expires}),
                "InvalidArgument",
            ),
            (json!({"Status": "Enabled", "Filter": {"And": {"Prefix": "a"}}, "Expiration": expires}), "MalformedXML"),
            (
                json!({"Status": "Enabled", "Filter": {"Prefix": "a", "ObjectSizeLessThan": 1}, "Expiration": expires}),
                "MalformedXML",
            ),
            (
                json!({"Status": "Enabled", "Prefix": "", "NoncurrentVersionExpiration": {"NoncurrentDays": 0}}),
                "InvalidArgument",
            ),
            (
                json!({"Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}}),
                "InvalidArgument",
            ),
            (
                json!({"Status": "Enabled", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}),
                "InvalidRequest",
            ),
            (
                json!({"Status": "Enabled", "Prefix": "", "Transitions": [{"Days": 0, "StorageClass": "STANDARD"}]}),
                "MalformedXML",
            ),
        ] {
            assert_eq!(checked(wrong.clone()), Err(code.to_owned()), "{wrong}");
        }
        let twice = json!([{"ID": "a", "Status": "Enabled", "Prefix": "", "Expiration": expires}, {"ID": "a", "Status": "Enabled", "Prefix": "b", "Expiration": expires}]);
        let configuration = serde_json::from_value(json!({ "Rules": twice })).unwrap();
        assert_eq!(check(&configuration).unwrap_err().entry().0, "InvalidArgument");
    }
}
