//! StartBulkPutItems, DescribeBulkOperation, ListBulkOperations, CancelBulkOperation.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::transfers::{self, Asked};
use crate::DynamoDb;
use crate::error::Error;
use crate::keys::BULKS;
use crate::limits::BULK_RATE_MIN;
use crate::model::transfer::Kind;
use crate::model::{bulk, table, transfer};
use crate::types::{AskedBulk, Bulk, BulkOutput, BulkTally, BulkUsed, ReadSoFar, Written};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StartInput {
    pub client_token: Option<String>,
    #[serde(rename = "InputS3Configuration")]
    pub input: Option<Input>,
    #[serde(rename = "OutputS3Configuration")]
    pub output: Option<Output>,
    pub table_name: Option<String>,
    pub max_write_request_units: Option<i64>,
    pub performance_tier: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    #[serde(rename = "S3BucketOwner", skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(rename = "S3Bucket")]
    pub bucket: Option<String>,
    #[serde(rename = "S3KeyPrefix", skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    pub input_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_compression_type: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Output {
    #[serde(rename = "S3BucketOwner", skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(rename = "S3Bucket")]
    pub bucket: Option<String>,
    #[serde(rename = "S3KeyPrefix", skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    #[serde(rename = "S3SseAlgorithm", skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    #[serde(rename = "S3SseKmsKeyId", skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
    pub output_type: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BulkInput {
    pub bulk_operation_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribedOutput {
    bulk_operation_description: BulkDescription,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BulkDescription {
    #[serde(flatten)]
    summary: BulkSummary,
    table_details: [TableDetail; 1],
    client_token: String,
    #[serde(rename = "InputS3Configuration")]
    input: Input,
    #[serde(rename = "OutputS3Configuration")]
    output: Output,
    processed_item_count: u64,
    processed_input_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_input_bytes: Option<u64>,
    bulk_operation_usage: [Usage; 1],
    failed_item_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_write_request_units: Option<u64>,
    performance_tier: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TableDetail {
    table_name: String,
    table_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Usage {
    table_name: String,
    bulk_put_bytes: u64,
    table: Bytes,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    local_secondary_indexes: BTreeMap<String, Bytes>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    global_secondary_indexes: BTreeMap<String, Bytes>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    vector_indexes: BTreeMap<String, VectorBytes>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Bytes {
    bulk_put_bytes: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct VectorBytes {
    bulk_put_vector_bytes: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BulkSummary {
    bulk_operation_arn: Arn,
    bulk_operation_status: &'static str,
    start_time: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<DateTime>,
}

const FORMATS: [&str; 2] = ["DYNAMODB_JSON", "ION"];
const COMPRESSIONS: [&str; 3] = ["GZIP", "ZSTD", "NONE"];
const KINDS: [&str; 2] = [bulk::ERROR, bulk::CONDITION_CHECK_FAILURE];
const TIERS: [&str; 2] = ["STANDARD", "ACCELERATED"];

pub async fn start(_: Arc<DynamoDb>, cx: Cx, input: StartInput) -> Result<DescribedOutput, Error> {
    let asked = asked(&cx, &input)?;
    let into =
        table::describe(&cx.db().read()?, cx.region().as_str(), input.table_name.as_deref().unwrap_or_default())?;
    let now = cx.now();
    let suffix = cx.env().random_text(b"0123456789abcdef", 8);
    let wanted = Bulk {
        arn: Kind::Bulk.arn(&into.arn, now, &suffix),
        id: 0,
        table: into.arn.clone(),
        table_id: into.id,
        uuid: into.uuid.clone(),
        caller: cx.caller().clone(),
        asked,
        started: now,
        total: None,
        read: ReadSoFar::default(),
        tally: BulkTally::default(),
        used: BulkUsed::default(),
        reports: 0,
        written: Written::default(),
        cancelled: false,
        ended: None,
    };
    let bulk = cx.db().write(move |tx| bulk::begin(tx, &wanted, now)).await?;
    Ok(DescribedOutput { bulk_operation_description: described(bulk) })
}

/// What is asked for, when the request is well formed.
fn asked(cx: &Cx, input: &StartInput) -> Result<AskedBulk, Error> {
    let mut constraints = Constraints::default();
    match &input.input {
        None => constraints.fail(None, "inputS3Configuration", "Member must not be null"),
        Some(from) => check_input(&mut constraints, from),
    }
    match &input.output {
        None => constraints.fail(None, "outputS3Configuration", "Member must not be null"),
        Some(to) => check_output(&mut constraints, to),
    }
    constraints.table(input.table_name.as_deref());
    constraints.at_least(input.max_write_request_units, "maxWriteRequestUnits", BULK_RATE_MIN);
    constraints.choice(input.performance_tier.as_deref(), "performanceTier", &TIERS);
    let token = transfers::token(cx, input.client_token.as_deref(), &mut constraints);
    constraints.check()?;
    let (Some(from), Some(to)) = (&input.input, &input.output) else {
        return Err(Error::validation("InputS3Configuration and OutputS3Configuration are required"));
    };
    transfers::check_key(to.encryption.as_deref(), to.encryption_key.as_deref())?;
    if from.input_format.as_deref() == Some("ION") {
        return Err(Error::NotImplemented("InputFormat ION"));
    }
    Ok(AskedBulk {
        token,
        bucket: from.bucket.clone().unwrap_or_default(),
        owner: from.owner.clone(),
        prefix: from.prefix.clone(),
        format: from.input_format.clone().unwrap_or_default(),
        compression: from.input_compression_type.clone(),
        output: BulkOutput {
            bucket: to.bucket.clone().unwrap_or_default(),
            owner: to.owner.clone(),
            prefix: to.prefix.clone(),
            encryption: to.encryption.clone(),
            encryption_key: to.encryption_key.clone(),
            kinds: to.output_type.clone().unwrap_or_default(),
        },
        rate: input.max_write_request_units.and_then(|units| u64::try_from(units).ok()),
        tier: input.performance_tier.clone(),
    })
}

fn check_input(constraints: &mut Constraints, from: &Input) {
    let at = |member: &str| format!("inputS3Configuration.{member}");
    transfers::check_bucket(constraints, from.bucket.as_deref(), &at("s3Bucket"));
    let (owner, prefix) = (from.owner.as_deref(), from.prefix.as_deref());
    transfers::check_place(constraints, (owner, &at("s3BucketOwner")), (prefix, &at("s3KeyPrefix")));
    constraints.present(&from.input_format, &at("inputFormat"));
    constraints.choice(from.input_format.as_deref(), &at("inputFormat"), &FORMATS);
    constraints.choice(from.input_compression_type.as_deref(), &at("inputCompressionType"), &COMPRESSIONS);
}

fn check_output(constraints: &mut Constraints, to: &Output) {
    let at = |member: &str| format!("outputS3Configuration.{member}");
    transfers::check_bucket(constraints, to.bucket.as_deref(), &at("s3Bucket"));
    let (owner, prefix) = (to.owner.as_deref(), to.prefix.as_deref());
    transfers::check_place(constraints, (owner, &at("s3BucketOwner")), (prefix, &at("s3KeyPrefix")));
    let (encryption, key) = (to.encryption.as_deref(), to.encryption_key.as_deref());
    transfers::check_encryption(constraints, (encryption, &at("s3SseAlgorithm")), (key, &at("s3SseKmsKeyId")));
    let Some(kinds) = &to.output_type else {
        return constraints.fail(None, &at("outputType"), "Member must not be null");
    };
    constraints.length(&format!("[{}]", kinds.join(", ")), kinds.len(), &at("outputType"), 1, KINDS.len());
    for (number, kind) in kinds.iter().enumerate() {
        constraints.choice(Some(kind), &at(&format!("outputType.{}.member", number + 1)), &KINDS);
    }
}

fn summary(bulk: &Bulk) -> BulkSummary {
    BulkSummary {
        bulk_operation_arn: bulk.arn.clone(),
        bulk_operation_status: bulk.status(),
        start_time: bulk.started.into(),
        end_time: bulk.ended.as_ref().map(|ended| ended.at.into()),
    }
}

fn described(bulk: Bulk) -> BulkDescription {
    let failure = bulk.ended.as_ref().and_then(|ended| ended.failure.clone());
    let summary = summary(&bulk);
    let name = table::name(&bulk.table.to_string()).to_owned();
    let output = bulk.asked.output;
    BulkDescription {
        summary,
        table_details: [TableDetail { table_name: name.clone(), table_id: bulk.uuid }],
        client_token: bulk.asked.token,
        input: Input {
            owner: bulk.asked.owner,
            bucket: Some(bulk.asked.bucket),
            prefix: bulk.asked.prefix,
            input_format: Some(bulk.asked.format),
            input_compression_type: bulk.asked.compression,
        },
        output: Output {
            owner: output.owner,
            bucket: Some(output.bucket),
            prefix: output.prefix,
            encryption: output.encryption,
            encryption_key: output.encryption_key,
            output_type: Some(output.kinds),
        },
        processed_item_count: bulk.tally.processed,
        processed_input_bytes: bulk.tally.bytes,
        total_input_bytes: bulk.total,
        bulk_operation_usage: [usage(name, bulk.used)],
        failed_item_count: bulk.tally.failed,
        failure_code: failure.as_ref().map(|failure| failure.code.clone()),
        failure_message: failure.map(|failure| failure.message),
        max_write_request_units: bulk.asked.rate,
        performance_tier: bulk.asked.tier.unwrap_or_else(|| "STANDARD".to_owned()),
    }
}

fn usage(table_name: String, used: BulkUsed) -> Usage {
    let bulk_put_bytes = used.bytes();
    let all = |used: BTreeMap<String, u64>| {
        used.into_iter().map(|(name, bulk_put_bytes)| (name, Bytes { bulk_put_bytes })).collect()
    };
    let vectors = used.vectors.into_iter().map(|(name, bytes)| (name, VectorBytes { bulk_put_vector_bytes: bytes }));
    Usage {
        table_name,
        bulk_put_bytes,
        table: Bytes { bulk_put_bytes: used.table },
        local_secondary_indexes: all(used.local),
        global_secondary_indexes: all(used.global),
        vector_indexes: vectors.collect(),
    }
}

fn arn(cx: &Cx, input: &BulkInput) -> Result<Arn, Error> {
    transfers::arn(cx, input.bulk_operation_arn.as_deref(), Kind::Bulk, Error::ResourceNotFound)
}

pub async fn describe(_: Arc<DynamoDb>, cx: Cx, input: BulkInput) -> Result<DescribedOutput, Error> {
    let bulk = bulk::find(&cx.db().read()?, &arn(&cx, &input)?)?;
    Ok(DescribedOutput { bulk_operation_description: described(bulk) })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelOutput {
    bulk_operation_arn: Arn,
    bulk_operation_status: &'static str,
}

pub async fn cancel(_: Arc<DynamoDb>, cx: Cx, input: BulkInput) -> Result<CancelOutput, Error> {
    let arn = arn(&cx, &input)?;
    let bulk = cx.db().write(move |tx| bulk::cancel(tx, &arn)).await?;
    Ok(CancelOutput { bulk_operation_status: bulk.status(), bulk_operation_arn: bulk.arn })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    bulk_operations_summary_list: Vec<BulkSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub async fn list(_: Arc<DynamoDb>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let limit = (input.max_results, "maxResults");
    let asked = Asked::new(None, limit, input.next_token.as_deref(), Kind::Bulk)?;
    let place = (cx.region().as_str(), None);
    let (bulks, more) = transfer::list(&cx.db().read()?, &BULKS, place, asked.after(), asked.limit)?;
    let last = bulks.last().filter(|_| more);
    Ok(ListOutput {
        next_token: last.and_then(|last| transfers::next_token(&last.arn, Kind::Bulk)),
        bulk_operations_summary_list: bulks.iter().map(summary).collect(),
    })
}
