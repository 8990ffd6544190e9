//! CreateLogGroup, DeleteLogGroup, DescribeLogGroups, PutRetentionPolicy, DeleteRetentionPolicy,
//! PutLogGroupDeletionProtection.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use kv::Read;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Empty, decode_token, encode_token, group_arn, identified, limit, tag, validate_group};
use crate::Logs;
use crate::error::Error;
use crate::limits;
use crate::model::group::{self, Settings};
use crate::types::{Class, Group};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub log_group_name: String,
    pub kms_key_id: Option<String>,
    pub log_group_class: Option<String>,
    pub deletion_protection_enabled: bool,
    pub tags: BTreeMap<String, String>,
}

pub async fn create(_: Arc<Logs>, cx: Cx, input: CreateInput) -> Result<Empty, Error> {
    let name = input.log_group_name;
    validate_group(&name)?;
    tag::validate(&input.tags)?;
    if input.tags.len() > limits::TAGS_MAX {
        return Err(Error::TooManyTags { resource: group_arn(&cx, &name).to_string() });
    }
    if input.kms_key_id.is_some() {
        return Err(Error::NotImplemented("kmsKeyId, a log group's own encryption,"));
    }
    let settings = Settings {
        class: class(input.log_group_class.as_deref())?.unwrap_or_default(),
        deletion_protected: input.deletion_protection_enabled,
        tags: input.tags,
    };
    let (arn, now) = (group_arn(&cx, &name), cx.now());
    cx.db().write(move |tx| group::create(tx, now, &arn, &name, &settings)).await?;
    Ok(Empty {})
}

fn class(name: Option<&str>) -> Result<Option<Class>, Error> {
    match name {
        None => Ok(None),
        Some("STANDARD") => Ok(Some(Class::Standard)),
        Some("INFREQUENT_ACCESS") => Ok(Some(Class::InfrequentAccess)),
        Some("DELIVERY") => Err(Error::NotImplemented("The log group class DELIVERY")),
        Some(other) => {
            let rule = "Member must satisfy enum value set: [INFREQUENT_ACCESS, STANDARD, DELIVERY]";
            Err(Error::constraint(other, "logGroupClass", rule))
        }
    }
}

/// A request that names nothing but a group.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupInput {
    pub log_group_name: String,
}

pub async fn delete(_: Arc<Logs>, cx: Cx, input: GroupInput) -> Result<Empty, Error> {
    validate_group(&input.log_group_name)?;
    let region = cx.region().to_string();
    cx.db().write(move |tx| group::delete(tx, &region, &input.log_group_name)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DescribeInput {
    pub log_group_name_prefix: Option<String>,
    pub log_group_name_pattern: Option<String>,
    pub log_group_identifiers: Vec<String>,
    pub log_group_class: Option<String>,
    pub next_token: Option<String>,
    pub limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeOutput {
    pub log_groups: Vec<GroupOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupOutput {
    pub log_group_name: String,
    pub creation_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_in_days: Option<u32>,
    pub metric_filter_count: u32,
    pub arn: String,
    pub stored_bytes: u64,
    pub log_group_class: &'static str,
    pub log_group_arn: String,
    pub deletion_protection_enabled: bool,
}

impl GroupOutput {
    fn new(read: &impl Read, group: Group) -> Result<GroupOutput, Error> {
        Ok(GroupOutput {
            stored_bytes: group::bytes(read, group.id)?,
            log_group_name: group.name,
            creation_time: group.created,
            retention_in_days: group.retention,
            metric_filter_count: 0,
            arn: format!("{}:*", group.arn),
            log_group_class: match group.class {
                Class::Standard => "STANDARD",
                Class::InfrequentAccess => "INFREQUENT_ACCESS",
            },
            log_group_arn: group.arn.to_string(),
            deletion_protection_enabled: group.deletion_protected,
        })
    }
}

pub async fn describe(_: Arc<Logs>, cx: Cx, input: DescribeInput) -> Result<DescribeOutput, Error> {
    let (prefix, pattern) = (input.log_group_name_prefix, input.log_group_name_pattern);
    if prefix.is_some() && pattern.is_some() {
        let rule = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.";
        return Err(Error::InvalidParameter(rule.into()));
    }
    let limit = limit(input.limit, limits::DESCRIBE_RANGE)?;
    let after = input.next_token.as_deref().map(decode_token).transpose()?;
    let class = class(input.log_group_class.as_deref())?;
    let names = input.log_group_identifiers.iter().map(|id| identified(&cx, id)).collect::<Result<Vec<_>, _>>()?;
    let keep = |group: &Group| {
        pattern.as_ref().is_none_or(|pattern| group.name.contains(pattern))
            && class.is_none_or(|class| group.class == class)
            && (names.is_empty() || names.contains(&group.name))
    };
    let read = cx.db().read()?;
    let prefix = prefix.unwrap_or_default();
    let (groups, more) = group::list(&read, cx.region().as_str(), &prefix, after.as_deref(), limit, keep)?;
    let next_token = groups.last().filter(|_| more).map(|last| encode_token(&last.name));
    let log_groups = groups.into_iter().map(|group| GroupOutput::new(&read, group)).collect::<Result<_, _>>()?;
    Ok(DescribeOutput { log_groups, next_token })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetentionInput {
    pub log_group_name: String,
    pub retention_in_days: u32,
}

pub async fn put_retention(_: Arc<Logs>, cx: Cx, input: RetentionInput) -> Result<Empty, Error> {
    let days = input.retention_in_days;
    if !limits::RETENTION_DAYS.contains(&days) {
        let allowed = limits::RETENTION_DAYS.map(|days| days.to_string()).join(", ");
        let rule = format!("Member must satisfy enum value set: [{allowed}]");
        return Err(Error::constraint(days, "retentionInDays", rule));
    }
    set_retention(cx, input.log_group_name, Some(days)).await
}

pub async fn delete_retention(_: Arc<Logs>, cx: Cx, input: GroupInput) -> Result<Empty, Error> {
    set_retention(cx, input.log_group_name, None).await
}

async fn set_retention(cx: Cx, name: String, days: Option<u32>) -> Result<Empty, Error> {
    validate_group(&name)?;
    let (region, now) = (cx.region().to_string(), cx.now());
    cx.db().write(move |tx| group::set_retention(tx, now, &region, &name, days)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProtectionInput {
    pub log_group_identifier: String,
    pub deletion_protection_enabled: bool,
}

pub async fn put_deletion_protection(_: Arc<Logs>, cx: Cx, input: ProtectionInput) -> Result<Empty, Error> {
    let (region, name) = (cx.region().to_string(), identified(&cx, &input.log_group_identifier)?);
    cx.db()
        .write(move |tx| {
            let mut group = group::find(tx, &region, &name)?;
            group.deletion_protected = input.deletion_protection_enabled;
            group::put(tx, &group)
        })
        .await?;
    Ok(Empty {})
}
