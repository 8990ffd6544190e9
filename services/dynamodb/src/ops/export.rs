//! ExportTableToPointInTime, DescribeExport, ListExports.

use std::sync::Arc;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::{Cx, Error as ServiceError, Permission};
use wire::DateTime;

use super::permission::{resource_arn, resource_permission};
use super::transfers::{self, Asked};
use crate::DynamoDb;
use crate::error::Error;
use crate::keys::EXPORTS;
use crate::limits::{EXPORT_PERIOD_MAX, EXPORT_PERIOD_MIN};
use crate::model::transfer::Kind;
use crate::model::{export, recovery, table, transfer};
use crate::transfer::Filter;
use crate::types::{AskedExport, Export, Period, SharedTable, Source, Written};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExportInput {
    pub table_arn: Option<String>,
    pub export_time: Option<DateTime>,
    pub client_token: Option<String>,
    #[serde(rename = "S3Bucket")]
    pub bucket: Option<String>,
    #[serde(rename = "S3BucketOwner")]
    pub owner: Option<String>,
    #[serde(rename = "S3Prefix")]
    pub prefix: Option<String>,
    #[serde(rename = "S3SseAlgorithm")]
    pub encryption: Option<String>,
    #[serde(rename = "S3SseKmsKeyId")]
    pub encryption_key: Option<String>,
    pub export_format: Option<String>,
    pub export_type: Option<String>,
    pub incremental_export_specification: Option<Incremental>,
    pub filter_specification: Option<Value>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Incremental {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_from_time: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_to_time: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export_view_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeExportInput {
    pub export_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExportOutput {
    export_description: ExportDescription,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ExportDescription {
    export_arn: Arn,
    export_status: &'static str,
    start_time: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    export_manifest: Option<String>,
    table_arn: Arn,
    table_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    export_time: Option<DateTime>,
    client_token: String,
    #[serde(rename = "S3Bucket")]
    bucket: String,
    #[serde(rename = "S3BucketOwner", skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(rename = "S3Prefix", skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(rename = "S3SseAlgorithm")]
    encryption: String,
    #[serde(rename = "S3SseKmsKeyId", skip_serializing_if = "Option::is_none")]
    encryption_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_message: Option<String>,
    export_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    billed_size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    export_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incremental_export_specification: Option<Incremental>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_specification: Option<Value>,
}

const FORMATS: [&str; 2] = ["DYNAMODB_JSON", "ION"];
const FULL: &str = "FULL_EXPORT";
const INCREMENTAL: &str = "INCREMENTAL_EXPORT";
const TYPES: [&str; 2] = [FULL, INCREMENTAL];
const VIEWS: [&str; 2] = ["NEW_IMAGE", "NEW_AND_OLD_IMAGES"];

/// # Errors
/// When the table's policy cannot be read.
pub fn permissions(_: &DynamoDb, cx: &Cx, input: &ExportInput) -> Result<Vec<Permission>, ServiceError> {
    let table = resource_arn(cx, input.table_arn.as_deref());
    Ok(vec![resource_permission(cx, "dynamodb:ExportTableToPointInTime", table)?])
}

pub async fn export(_: Arc<DynamoDb>, cx: Cx, input: ExportInput) -> Result<ExportOutput, Error> {
    let asked = asked(&cx, &input)?;
    let source = source(&cx, input.table_arn.as_deref(), asked.period.is_some())?;
    if let Some(filter) = &asked.filter {
        Filter::parse(filter)?.check(&source.key)?;
    }
    let now = cx.now();
    let at = moment(&source, &asked, now)?;
    let suffix = cx.env().random_text(b"0123456789abcdef", 8);
    let wanted = Export {
        arn: Kind::Export.arn(&source.arn, now, &suffix),
        id: 0,
        source: Source {
            table: source.arn.clone(),
            id: source.id,
            uuid: source.uuid.clone(),
            key: source.key.attributes().map(|attribute| attribute.name.clone()).collect(),
        },
        caller: cx.caller().clone(),
        asked,
        started: now,
        at,
        begun: false,
        copied: false,
        written: Written::default(),
        ended: None,
    };
    let export = cx.db().write(move |tx| export::begin(tx, &wanted, now)).await?;
    Ok(ExportOutput { export_description: described(export) })
}

/// What is asked for, when the request is well formed.
fn asked(cx: &Cx, input: &ExportInput) -> Result<AskedExport, Error> {
    let incremental = input.incremental_export_specification.as_ref();
    let mut constraints = Constraints::default();
    match input.table_arn.as_deref() {
        None => constraints.fail(None, "tableArn", "Member must not be null"),
        Some(table) => constraints.length(table, table.chars().count(), "tableArn", 1, 1024),
    }
    transfers::check_bucket(&mut constraints, input.bucket.as_deref(), "s3Bucket");
    let (owner, prefix) = (input.owner.as_deref(), input.prefix.as_deref());
    transfers::check_place(&mut constraints, (owner, "s3BucketOwner"), (prefix, "s3Prefix"));
    let (encryption, key) = (input.encryption.as_deref(), input.encryption_key.as_deref());
    transfers::check_encryption(&mut constraints, (encryption, "s3SseAlgorithm"), (key, "s3SseKmsKeyId"));
    constraints.choice(input.export_format.as_deref(), "exportFormat", &FORMATS);
    constraints.choice(input.export_type.as_deref(), "exportType", &TYPES);
    let view = incremental.and_then(|incremental| incremental.export_view_type.as_deref());
    constraints.choice(view, "incrementalExportSpecification.exportViewType", &VIEWS);
    let token = transfers::token(cx, input.client_token.as_deref(), &mut constraints);
    constraints.check()?;
    transfers::check_key(encryption, key)?;
    if input.export_format.as_deref() == Some("ION") {
        return Err(Error::NotImplemented("ExportFormat ION"));
    }
    let filter = input.filter_specification.as_ref().map(ToString::to_string);
    if filter.is_some() && incremental.is_some() {
        return Err(Error::NotImplemented("FilterSpecification of an incremental export"));
    }
    Ok(AskedExport {
        token,
        at: input.export_time.map(Into::into),
        bucket: input.bucket.clone().unwrap_or_default(),
        owner: input.owner.clone(),
        prefix: input.prefix.clone(),
        encryption: input.encryption.clone(),
        encryption_key: input.encryption_key.clone(),
        format: input.export_format.clone(),
        kind: input.export_type.clone(),
        period: period(input.export_type.as_deref(), incremental)?,
        filter,
    })
}

fn period(kind: Option<&str>, incremental: Option<&Incremental>) -> Result<Option<Period>, Error> {
    let invalid = |reason: &str| Err(Error::Validation(format!("Invalid Request: {reason}")));
    match (kind, incremental) {
        (Some(INCREMENTAL), None) => {
            invalid("Incremental Export Specification expected when export type is set as Incremental Export")
        }
        (Some(INCREMENTAL), Some(Incremental { export_from_time: None, .. })) => {
            invalid("ExportFromTime must be provided in IncrementalExportSpecification")
        }
        (Some(INCREMENTAL), Some(Incremental { export_from_time: Some(from), export_to_time, export_view_type })) => {
            let (to, view) = (export_to_time.map(Into::into), export_view_type.clone());
            Ok(Some(Period { from: (*from).into(), to, view }))
        }
        (None, Some(_)) => {
            invalid("Export Type expected to be Incremental Export when incremental export specification is provided")
        }
        (_, Some(_)) => {
            invalid("When Export Type is Full Export , Incremental Export Specification should not be provided")
        }
        (_, None) => Ok(None),
    }
}

/// The table of a request. One without point-in-time recovery has no period that could be exported.
fn source(cx: &Cx, text: Option<&str>, is_incremental: bool) -> Result<SharedTable, Error> {
    let text = text.unwrap_or_default();
    let arn = text.parse::<Arn>().ok().filter(|arn| arn.service == "dynamodb");
    let arn = arn.ok_or_else(|| Error::invalid("tableArn is not a valid ARN"))?;
    transfers::check_owner(cx, &arn)?;
    if arn.resource.strip_prefix("table/").is_none_or(|name| name.contains('/')) {
        return Err(Error::validation("Invalid Request: Table ARN is invalid."));
    }
    let missing = |_| Error::TableNotFound(text.to_owned());
    if arn.region != cx.region().as_str() {
        return Err(missing(()));
    }
    let found = table::backed_up(&cx.db().read()?, &arn.region, text);
    let source = found.map_err(|error| match error {
        Error::TableNotFound(_) => missing(()),
        error => error,
    })?;
    if source.recovery.is_none() && !is_incremental {
        return Err(Error::PointInTimeRecoveryUnavailable(source.name.clone()));
    }
    Ok(source)
}

/// The moment that a full export is of, or the end of the period of an incremental one.
fn moment(source: &SharedTable, asked: &AskedExport, now: Timestamp) -> Result<Timestamp, Error> {
    let Some(period) = &asked.period else {
        let at = recovery::restorable(source, asked.at, now).map_err(|error| match error {
            Error::InvalidRestoreTime(_) => Error::InvalidExportTime("Export Time is invalid".into()),
            error => error,
        })?;
        return Ok(at.unwrap_or(now));
    };
    let refused = |reason: String| Err(Error::InvalidExportTime(reason));
    let shown = |at: Timestamp| Timestamp::from_secs(at.as_secs()).iso8601().replace(".000Z", "Z");
    let Some(recovery) = &source.recovery else { return refused(too_early(&shown(period.from))) };
    let (from, to) = (period.from, period.to.unwrap_or(Timestamp::from_secs(now.as_secs())));
    // Clients ask for whole seconds: that of the first moment stands for it.
    if from.as_secs() < source.created.as_secs() || from.as_secs() < recovery::earliest(recovery, now).as_secs() {
        return refused(too_early(&shown(from)));
    }
    if to > now {
        let to = shown(to);
        return refused(format!("Incremental export period to time cannot be greater than the current time : {to}"));
    }
    const LENGTH: &str = "Difference between export period from time and export period to time is";
    if to < from + EXPORT_PERIOD_MIN {
        return refused(format!("{LENGTH} less than 15 minutes"));
    }
    if to > from + EXPORT_PERIOD_MAX {
        return refused(format!("{LENGTH} greater than 24 hours"));
    }
    Ok(to)
}

fn too_early(from: &str) -> String {
    format!("Incremental export period from time cannot be less than the table creation time : {from}")
}

fn status(export: &Export) -> &'static str {
    match &export.ended {
        None => "IN_PROGRESS",
        Some(ended) if ended.failure.is_some() => "FAILED",
        Some(_) => "COMPLETED",
    }
}

fn described(export: Export) -> ExportDescription {
    let export_status = status(&export);
    let completed = export.ended.as_ref().filter(|ended| ended.failure.is_none());
    let failure = export.ended.as_ref().and_then(|ended| ended.failure.as_ref());
    ExportDescription {
        export_status,
        start_time: export.started.into(),
        end_time: export.ended.as_ref().map(|ended| ended.at.into()),
        export_manifest: completed.map(|_| export.manifest()),
        table_arn: export.source.table.clone(),
        table_id: export.source.uuid.clone(),
        export_time: export.asked.period.is_none().then(|| export.at.into()),
        encryption: export.asked.encryption.clone().unwrap_or_else(|| "AES256".to_owned()),
        failure_code: failure.map(|failure| failure.code.clone()),
        failure_message: failure.map(|failure| failure.message.clone()),
        export_format: "DYNAMODB_JSON",
        billed_size_bytes: completed.map(|ended| ended.bytes),
        item_count: completed.map(|_| export.written.items),
        incremental_export_specification: export.asked.period.as_ref().map(|period| Incremental {
            export_from_time: Some(period.from.into()),
            export_to_time: Some(export.at.into()),
            export_view_type: Some(period.view.clone().unwrap_or_else(|| "NEW_AND_OLD_IMAGES".to_owned())),
        }),
        filter_specification: export.asked.filter.and_then(|filter| serde_json::from_str(&filter).ok()),
        export_arn: export.arn,
        client_token: export.asked.token,
        bucket: export.asked.bucket,
        owner: export.asked.owner,
        prefix: export.asked.prefix,
        encryption_key: export.asked.encryption_key,
        export_type: export.asked.kind,
    }
}

pub async fn describe(_: Arc<DynamoDb>, cx: Cx, input: DescribeExportInput) -> Result<ExportOutput, Error> {
    let arn = transfers::arn(&cx, input.export_arn.as_deref(), Kind::Export, Error::ExportNotFound)?;
    Ok(ExportOutput { export_description: described(export::find(&cx.db().read()?, &arn)?) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListExportsInput {
    pub table_arn: Option<String>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListExportsOutput {
    export_summaries: Vec<ExportSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ExportSummary {
    export_arn: Arn,
    export_status: &'static str,
    export_type: String,
}

pub async fn list(_: Arc<DynamoDb>, cx: Cx, input: ListExportsInput) -> Result<ListExportsOutput, Error> {
    let (table, limit) = (input.table_arn.as_deref(), (input.max_results, "maxResults"));
    let asked = Asked::new(table, limit, input.next_token.as_deref(), Kind::Export)?;
    let place = (cx.region().as_str(), asked.table.as_deref());
    let (exports, more) = transfer::list(&cx.db().read()?, &EXPORTS, place, asked.after(), asked.limit)?;
    let last = exports.last().filter(|_| more);
    Ok(ListExportsOutput {
        next_token: last.and_then(|last| transfers::next_token(&last.arn, Kind::Export)),
        export_summaries: exports.into_iter().map(summary).collect(),
    })
}

fn summary(export: Export) -> ExportSummary {
    let export_status = status(&export);
    let export_type = export.asked.kind.unwrap_or_else(|| FULL.to_owned());
    ExportSummary { export_arn: export.arn, export_status, export_type }
}
