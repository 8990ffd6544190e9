//! ImportTable, DescribeImport, ListImports.

use std::sync::Arc;

use base::Arn;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use service::{Cx, Error as ServiceError, Permission};
use wire::DateTime;

use super::permission::permission;
use super::table::{self, CreateTableInput};
use super::transfers::{self, Asked};
use crate::DynamoDb;
use crate::error::Error;
use crate::keys::IMPORTS;
use crate::model::transfer::Kind;
use crate::model::{import, transfer};
use crate::transfer::LOG_GROUP;
use crate::types::{AskedImport, CsvForm, Import, ReadSoFar, Table, Tally};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImportInput {
    pub client_token: Option<String>,
    #[serde(rename = "S3BucketSource")]
    pub source: Option<Source>,
    pub input_format: Option<String>,
    pub input_format_options: Option<Options>,
    pub input_compression_type: Option<String>,
    pub table_creation_parameters: Option<Parameters>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    #[serde(rename = "S3BucketOwner")]
    pub owner: Option<String>,
    #[serde(rename = "S3Bucket")]
    pub bucket: Option<String>,
    #[serde(rename = "S3KeyPrefix", skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Options {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csv: Option<CsvOptions>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CsvOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_list: Option<Vec<String>>,
}

/// What the new table is to be: as it was sent, since it is told so later.
#[derive(Debug, Default)]
pub struct Parameters {
    pub table: CreateTableInput,
    pub sent: Value,
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Parameters, D::Error> {
        let sent = Value::deserialize(deserializer)?;
        let table = serde_json::from_value(sent.clone()).map_err(D::Error::custom)?;
        Ok(Parameters { table, sent })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeImportInput {
    pub import_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImportOutput {
    import_table_description: ImportDescription,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ImportDescription {
    #[serde(flatten)]
    summary: ImportSummary,
    table_id: String,
    client_token: String,
    error_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_format_options: Option<Options>,
    input_compression_type: String,
    table_creation_parameters: Value,
    processed_size_bytes: u64,
    processed_item_count: u64,
    imported_item_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_message: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ImportSummary {
    import_arn: Arn,
    import_status: &'static str,
    table_arn: Arn,
    #[serde(rename = "S3BucketSource")]
    source: Source,
    cloud_watch_log_group_arn: String,
    input_format: String,
    start_time: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<DateTime>,
}

const FORMATS: [&str; 3] = ["DYNAMODB_JSON", "ION", "CSV"];
const COMPRESSIONS: [&str; 3] = ["ZSTD", "NONE", "GZIP"];
const DELIMITERS: &str = ",;:|\t ";

/// # Errors
/// When the table's policy cannot be read.
pub fn permissions(_: &DynamoDb, cx: &Cx, input: &ImportInput) -> Result<Vec<Permission>, ServiceError> {
    let table = input.table_creation_parameters.as_ref().and_then(|parameters| parameters.table.table_name.as_deref());
    Ok(vec![permission(cx, "dynamodb:ImportTable", table, None)?])
}

pub async fn import(_: Arc<DynamoDb>, cx: Cx, input: ImportInput) -> Result<ImportOutput, Error> {
    let asked = asked(&cx, &input)?;
    let parameters = input.table_creation_parameters.unwrap_or_default();
    let into = Table { importing: true, ..table::validated(&cx, &parameters.table).await? };
    let now = cx.now();
    let suffix = cx.env().random_text(b"0123456789abcdef", 8);
    let wanted = Import {
        arn: Kind::Import.arn(&into.arn, now, &suffix),
        id: 0,
        table: into.arn.clone(),
        uuid: into.uuid.clone(),
        caller: cx.caller().clone(),
        asked,
        started: now,
        read: ReadSoFar::default(),
        tally: Tally::default(),
        ended: None,
    };
    let import = cx.db().write(move |tx| import::begin(tx, &wanted, &into, now)).await?;
    Ok(ImportOutput { import_table_description: described(&cx, import) })
}

/// What is asked for, when the request is well formed.
fn asked(cx: &Cx, input: &ImportInput) -> Result<AskedImport, Error> {
    let csv = input.input_format_options.as_ref().and_then(|options| options.csv.as_ref());
    let mut constraints = Constraints::default();
    match &input.source {
        None => constraints.fail(None, "s3BucketSource", "Member must not be null"),
        Some(Source { owner, bucket, prefix }) => {
            transfers::check_bucket(&mut constraints, bucket.as_deref(), "s3BucketSource.s3Bucket");
            let owner = (owner.as_deref(), "s3BucketSource.s3BucketOwner");
            transfers::check_place(&mut constraints, owner, (prefix.as_deref(), "s3BucketSource.s3KeyPrefix"));
        }
    }
    constraints.present(&input.input_format, "inputFormat");
    constraints.choice(input.input_format.as_deref(), "inputFormat", &FORMATS);
    constraints.choice(input.input_compression_type.as_deref(), "inputCompressionType", &COMPRESSIONS);
    if let Some(csv) = csv {
        check_csv(&mut constraints, csv);
    }
    constraints.present(&input.table_creation_parameters, "tableCreationParameters");
    let token = transfers::token(cx, input.client_token.as_deref(), &mut constraints);
    constraints.check()?;
    let format = input.input_format.clone().unwrap_or_default();
    if csv.is_some() && format != "CSV" {
        return Err(Error::Validation(format!(
            "Invalid Request: Unsupported InputFormatOptions for the given input format: {format}."
        )));
    }
    if format == "ION" {
        return Err(Error::NotImplemented("InputFormat ION"));
    }
    let sent = input.table_creation_parameters.as_ref().map(|parameters| &parameters.sent);
    let source = input.source.clone().unwrap_or_default();
    Ok(AskedImport {
        token,
        bucket: source.bucket.unwrap_or_default(),
        owner: source.owner,
        prefix: source.prefix,
        format,
        csv: csv.map(|csv| CsvForm { delimiter: csv.delimiter.clone(), header: csv.header_list.clone() }),
        compression: input.input_compression_type.clone(),
        table: sent.map(ToString::to_string).unwrap_or_default(),
    })
}

fn check_csv(constraints: &mut Constraints, csv: &CsvOptions) {
    let at = |member: &str| format!("inputFormatOptions.csv.{member}");
    if let Some(delimiter) = &csv.delimiter {
        let fits =
            !delimiter.is_empty() && delimiter.chars().all(|one| DELIMITERS.contains(one)) && delimiter.len() == 1;
        constraints.pattern(delimiter, &at("delimiter"), "[,;:|\\t ]", fits);
        constraints.length(delimiter, delimiter.chars().count(), &at("delimiter"), 1, 1);
    }
    let Some(header) = &csv.header_list else { return };
    constraints.length(&format!("[{}]", header.join(", ")), header.len(), &at("headerList"), 1, 255);
    let allowed = |one: u8| matches!(one, 0x20..=0x21 | 0x23..=0x2b | 0x2d..=0x7e);
    for (number, name) in header.iter().enumerate() {
        let at = at(&format!("headerList.{}.member", number + 1));
        constraints.pattern(name, &at, r"[\x20-\x21\x23-\x2B\x2D-\x7E]*", name.bytes().all(allowed));
        constraints.length(name, name.len(), &at, 1, 65_536);
    }
}

fn summary(cx: &Cx, import: &Import) -> ImportSummary {
    let asked = &import.asked;
    ImportSummary {
        import_arn: import.arn.clone(),
        import_status: match &import.ended {
            None => "IN_PROGRESS",
            Some(ended) if ended.failure.is_some() => "FAILED",
            Some(_) => "COMPLETED",
        },
        table_arn: import.table.clone(),
        source: Source {
            owner: Some(asked.owner.clone().unwrap_or_else(|| import.table.account.to_string())),
            bucket: Some(asked.bucket.clone()),
            prefix: asked.prefix.clone(),
        },
        cloud_watch_log_group_arn: cx.arn("logs", format!("log-group:{LOG_GROUP}:*")).to_string(),
        input_format: asked.format.clone(),
        start_time: import.started.into(),
        end_time: import.ended.as_ref().map(|ended| ended.at.into()),
    }
}

fn described(cx: &Cx, import: Import) -> ImportDescription {
    let failure = import.ended.as_ref().and_then(|ended| ended.failure.as_ref());
    let summary = summary(cx, &import);
    ImportDescription {
        summary,
        table_id: import.uuid.clone(),
        error_count: import.tally.errors,
        input_format_options: import.asked.csv.as_ref().map(|csv| Options {
            csv: Some(CsvOptions { delimiter: csv.delimiter.clone(), header_list: csv.header.clone() }),
        }),
        input_compression_type: import.asked.compression.clone().unwrap_or_else(|| "NONE".to_owned()),
        table_creation_parameters: serde_json::from_str(&import.asked.table).unwrap_or_default(),
        processed_size_bytes: import.tally.bytes,
        processed_item_count: import.tally.processed,
        imported_item_count: import.tally.imported,
        failure_code: failure.map(|failure| failure.code.clone()),
        failure_message: failure.map(|failure| failure.message.clone()),
        client_token: import.asked.token,
    }
}

pub async fn describe(_: Arc<DynamoDb>, cx: Cx, input: DescribeImportInput) -> Result<ImportOutput, Error> {
    let arn = transfers::arn(&cx, input.import_arn.as_deref(), Kind::Import, Error::ImportNotFound)?;
    let import = import::find(&cx.db().read()?, &arn)?;
    Ok(ImportOutput { import_table_description: described(&cx, import) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListImportsInput {
    pub table_arn: Option<String>,
    pub page_size: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListImportsOutput {
    import_summary_list: Vec<ImportSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub async fn list(_: Arc<DynamoDb>, cx: Cx, input: ListImportsInput) -> Result<ListImportsOutput, Error> {
    let (table, limit) = (input.table_arn.as_deref(), (input.page_size, "pageSize"));
    let asked = Asked::new(table, limit, input.next_token.as_deref(), Kind::Import)?;
    let place = (cx.region().as_str(), asked.table.as_deref());
    let (imports, more) = transfer::list(&cx.db().read()?, &IMPORTS, place, asked.after(), asked.limit)?;
    let last = imports.last().filter(|_| more);
    Ok(ListImportsOutput {
        next_token: last.and_then(|last| transfers::next_token(&last.arn, Kind::Import)),
        import_summary_list: imports.iter().map(|import| summary(&cx, import)).collect(),
    })
}
