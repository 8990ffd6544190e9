//! CreateBackup, DescribeBackup, DeleteBackup, ListBackups.

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};
use wire::DateTime;

use super::describe::{self, SourceTableDetails, SourceTableFeatureDetails};
use super::permission::permission;
use crate::DynamoDb;
use crate::error::Error;
use crate::limits::{BACKUP_ARN_CHARS_MAX, BACKUP_ARN_CHARS_MIN, LIST_BACKUPS_MAX, NAME_CHARS_MIN};
use crate::model::{backup, table};
use crate::types::{Backup, BackupKind};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CreateBackupInput {
    pub table_name: Option<String>,
    pub backup_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateBackupOutput {
    backup_details: BackupDetails,
}

/// A request that names nothing but a backup.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BackupInput {
    pub backup_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BackupOutput {
    backup_description: BackupDescription,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BackupDescription {
    backup_details: BackupDetails,
    source_table_details: SourceTableDetails,
    source_table_feature_details: SourceTableFeatureDetails,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BackupDetails {
    backup_arn: Arn,
    backup_name: String,
    backup_size_bytes: u64,
    backup_status: &'static str,
    backup_type: &'static str,
    backup_creation_date_time: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_expiry_date_time: Option<DateTime>,
}

const TYPES: [&str; 4] = ["SYSTEM", "USER", "AWS_BACKUP", "ALL"];

/// Permission for `action` on a backup of the request's region: what an ARN says of the region does not matter, so that no
/// policy is evaded by it.
///
/// # Errors
/// None: permissions are given in this form.
pub fn permissions(cx: &Cx, action: &str, arn: Option<&str>) -> Result<Vec<Permission>, ServiceError> {
    let resource = match arn.and_then(|text| text.parse::<Arn>().ok()) {
        Some(arn) if backup::place(&arn).is_some() => cx.arn("dynamodb", arn.resource).to_string(),
        _ => arn.unwrap_or("*").to_owned(),
    };
    Ok(vec![Permission::new(action, resource)])
}

/// # Errors
/// When the table's policy cannot be read.
pub fn create_permissions(_: &DynamoDb, cx: &Cx, input: &CreateBackupInput) -> Result<Vec<Permission>, ServiceError> {
    Ok(vec![permission(cx, "dynamodb:CreateBackup", input.table_name.as_deref(), None)?])
}

pub async fn create(_: Arc<DynamoDb>, cx: Cx, input: CreateBackupInput) -> Result<CreateBackupOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.table(input.table_name.as_deref());
    match &input.backup_name {
        Some(name) => constraints.name(name, "backupName", NAME_CHARS_MIN),
        None => constraints.present(&input.backup_name, "backupName"),
    }
    constraints.check()?;
    let (table, name) = (input.table_name.unwrap_or_default(), input.backup_name.unwrap_or_default());
    let id = backup::id(cx.now(), &cx.env().random_text(b"0123456789abcdef", 8));
    let (region, now) = (cx.region().clone(), cx.now());
    let backup = cx.db().write(move |tx| backup::create(tx, region.as_str(), &table, &name, &id, now)).await?;
    let status = status(&backup);
    Ok(CreateBackupOutput { backup_details: details(backup, status) })
}

pub async fn describe(_: Arc<DynamoDb>, cx: Cx, input: BackupInput) -> Result<BackupOutput, Error> {
    let arn = backup_arn(&cx, input.backup_arn)?;
    let backup = backup::find(&cx.db().read()?, cx.region().as_str(), &arn)?;
    let status = status(&backup);
    Ok(described(backup, status))
}

pub async fn delete(_: Arc<DynamoDb>, cx: Cx, input: BackupInput) -> Result<BackupOutput, Error> {
    let arn = backup_arn(&cx, input.backup_arn)?;
    let (region, now) = (cx.region().clone(), cx.now());
    let backup = cx.db().write(move |tx| backup::delete(tx, region.as_str(), &arn, now)).await?;
    Ok(described(backup, "DELETED"))
}

fn status(backup: &Backup) -> &'static str {
    if backup.available { "AVAILABLE" } else { "CREATING" }
}

fn described(backup: Backup, status: &'static str) -> BackupOutput {
    let source_table_details = describe::source(&backup.source, backup.volume);
    let source_table_feature_details = describe::source_features(&backup.source);
    let backup_details = details(backup, status);
    BackupOutput {
        backup_description: BackupDescription { backup_details, source_table_details, source_table_feature_details },
    }
}

fn details(backup: Backup, backup_status: &'static str) -> BackupDetails {
    let (backup_type, expires) = kind(&backup);
    BackupDetails {
        backup_arn: backup.arn,
        backup_name: backup.name,
        backup_size_bytes: backup.volume.bytes,
        backup_status,
        backup_type,
        backup_creation_date_time: backup.created.into(),
        backup_expiry_date_time: expires,
    }
}

fn kind(backup: &Backup) -> (&'static str, Option<DateTime>) {
    match backup.kind {
        BackupKind::User => ("USER", None),
        BackupKind::System(expires) => ("SYSTEM", Some(expires.into())),
    }
}

/// The `BackupArn` of a request, when it can be one of this account.
///
/// # Errors
/// When it cannot.
pub fn backup_arn(cx: &Cx, text: Option<String>) -> Result<Arn, Error> {
    let mut constraints = Constraints::default();
    constraints.present(&text, "backupArn");
    let text = text.unwrap_or_default();
    let length = text.chars().count();
    if length > 0 {
        constraints.length(&text, length, "backupArn", BACKUP_ARN_CHARS_MIN, BACKUP_ARN_CHARS_MAX);
    }
    constraints.check()?;
    let arn = text.parse::<Arn>().ok().filter(|arn| backup::place(arn).is_some());
    let arn = arn.ok_or_else(|| Error::validation("Invalid Backup ARN"))?;
    if arn.partition != "aws" || arn.service != "dynamodb" {
        return Err(Error::validation("BackupArn is not valid"));
    }
    if arn.account != cx.account().as_str() {
        return Err(Error::AccessDenied("Access is denied".into()));
    }
    Ok(arn)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListBackupsInput {
    pub table_name: Option<String>,
    pub limit: Option<i64>,
    pub time_range_lower_bound: Option<DateTime>,
    pub time_range_upper_bound: Option<DateTime>,
    pub exclusive_start_backup_arn: Option<String>,
    pub backup_type: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListBackupsOutput {
    backup_summaries: Vec<BackupSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluated_backup_arn: Option<Arn>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BackupSummary {
    table_name: String,
    table_id: String,
    table_arn: Arn,
    #[serde(flatten)]
    details: BackupDetails,
}

pub async fn list(_: Arc<DynamoDb>, cx: Cx, input: ListBackupsInput) -> Result<ListBackupsOutput, Error> {
    check_list(&input)?;
    let region = cx.region().as_str();
    let start = input.exclusive_start_backup_arn.map(|arn| backup_arn(&cx, Some(arn))).transpose()?;
    if start.as_ref().is_some_and(|arn| arn.region != region) {
        return Err(Error::validation("ExclusiveStartBackupArn does not match the region of the request"));
    }
    let kind = input.backup_type.as_deref().unwrap_or("USER");
    let filter = backup::Filter {
        table: input.table_name.as_deref().map(table::name),
        user: matches!(kind, "USER" | "ALL"),
        system: matches!(kind, "SYSTEM" | "ALL"),
        from: input.time_range_lower_bound.map(Into::into),
        to: input.time_range_upper_bound.map(Into::into),
    };
    let limit = input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIST_BACKUPS_MAX);
    let (backups, more) =
        backup::list(&cx.db().read()?, region, &filter, start.as_ref().and_then(backup::place), limit)?;
    Ok(ListBackupsOutput {
        last_evaluated_backup_arn: backups.last().filter(|_| more).map(|backup| backup.arn.clone()),
        backup_summaries: backups.into_iter().map(summary).collect(),
    })
}

fn check_list(input: &ListBackupsInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    if input.table_name.is_some() {
        constraints.table(input.table_name.as_deref());
    }
    constraints.at_least(input.limit, "limit", 1);
    constraints.at_most(input.limit, "limit", LIST_BACKUPS_MAX as i64);
    constraints.choice(input.backup_type.as_deref(), "backupType", &TYPES);
    constraints.check()?;
    match (input.time_range_lower_bound, input.time_range_upper_bound) {
        (Some(from), Some(to)) if from > to => {
            Err(Error::validation("Time range lower bound must be less than or equal to upper bound"))
        }
        _ => Ok(()),
    }
}

fn summary(backup: Backup) -> BackupSummary {
    let source = &backup.source;
    let (table_name, table_id, table_arn) = (source.name.clone(), source.uuid.clone(), source.arn.clone());
    let status = status(&backup);
    BackupSummary { table_name, table_id, table_arn, details: details(backup, status) }
}
