//! How tables are described, in the answers of all operations on them.

use serde::Serialize;
use wire::DateTime;

use super::schema::{AttributeDefinition, KeySchemaElement, Projection, projection};
use super::vector::{self, VectorIndexDescription, VectorIndexInput};
use crate::error::Error;
use crate::key::KeySchema;
use crate::limits::ON_DEMAND_WARM;
use crate::model::table::volume;
use crate::types::{Index, OnDemandThroughput, Table, Throughput, Volume, WarmThroughput as Set};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TableDescription {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attribute_definitions: Vec<AttributeDefinition>,
    table_name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    key_schema: Vec<KeySchemaElement>,
    table_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date_time: Option<DateTime>,
    provisioned_throughput: ThroughputDescription,
    table_size_bytes: u64,
    item_count: u64,
    table_arn: String,
    table_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_mode_summary: Option<BillingModeSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    local_secondary_indexes: Vec<IndexDescription>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    global_secondary_indexes: Vec<IndexDescription>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vector_indexes: Vec<VectorIndexDescription>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_specification: Option<StreamSpecification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_stream_label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_stream_arn: Option<String>,
    #[serde(rename = "SSEDescription", skip_serializing_if = "Option::is_none")]
    sse_description: Option<SseDescription>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table_class_summary: Option<TableClassSummary>,
    deletion_protection_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_demand_throughput: Option<OnDemandThroughput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_throughput: Option<WarmThroughput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore_summary: Option<RestoreSummary>,
}

/// Of a table that is being restored.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RestoreSummary {
    #[serde(skip_serializing_if = "Option::is_none")]
    source_backup_arn: Option<String>,
    source_table_arn: String,
    restore_date_time: DateTime,
    restore_in_progress: bool,
}

impl TableDescription {
    /// As much as AWS tells of a table that is being deleted.
    pub fn deleted(self) -> TableDescription {
        TableDescription {
            attribute_definitions: Vec::new(),
            key_schema: Vec::new(),
            creation_date_time: None,
            local_secondary_indexes: Vec::new(),
            global_secondary_indexes: Vec::new(),
            vector_indexes: Vec::new(),
            warm_throughput: None,
            ..self
        }
    }

    /// As much as AWS tells of a table that is being made: what it takes at once, where that was said.
    pub fn made(mut self, table: &Table) -> TableDescription {
        self.warm_throughput = self.warm_throughput.filter(|_| table.warm.is_some());
        for (described, index) in self.global_secondary_indexes.iter_mut().zip(&table.global_indexes) {
            described.warm_throughput = described.warm_throughput.take().filter(|_| index.warm.is_some());
        }
        self
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ThroughputDescription {
    #[serde(skip_serializing_if = "Option::is_none")]
    last_increase_date_time: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_decrease_date_time: Option<DateTime>,
    number_of_decreases_today: i64,
    read_capacity_units: i64,
    write_capacity_units: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BillingModeSummary {
    billing_mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_to_pay_per_request_date_time: Option<DateTime>,
}

/// Local indexes leave out what only global ones have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct IndexDescription {
    index_name: String,
    key_schema: Vec<KeySchemaElement>,
    projection: Projection,
    #[serde(skip_serializing_if = "Option::is_none")]
    index_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backfilling: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioned_throughput: Option<ThroughputDescription>,
    index_size_bytes: u64,
    item_count: u64,
    index_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_demand_throughput: Option<OnDemandThroughput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_throughput: Option<WarmThroughput>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct StreamSpecification {
    stream_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_view_type: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SseDescription {
    status: &'static str,
    #[serde(rename = "SSEType")]
    sse_type: &'static str,
    #[serde(rename = "KMSMasterKeyArn", skip_serializing_if = "Option::is_none")]
    kms_master_key_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TableClassSummary {
    table_class: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WarmThroughput {
    read_units_per_second: i64,
    write_units_per_second: i64,
    status: &'static str,
}

/// `status` is `ACTIVE`, or what the request that answers with it is about.
pub fn table(read: &impl kv::Read, table: &Table, status: &'static str) -> Result<TableDescription, Error> {
    let size = volume(read, table.id)?;
    let index = |index: &Index, local: bool| index_description(read, table, index, local);
    let stream = table.stream.as_ref();
    Ok(TableDescription {
        attribute_definitions: table
            .definitions
            .iter()
            .map(|(name, kind)| AttributeDefinition {
                attribute_name: Some(name.clone()),
                attribute_type: Some(kind.to_string()),
            })
            .collect(),
        table_name: table.name.clone(),
        key_schema: key_schema(&table.key),
        table_status: status,
        creation_date_time: Some(table.created.into()),
        provisioned_throughput: throughput(&table.throughput),
        table_size_bytes: size.bytes,
        item_count: size.items,
        table_arn: table.arn.to_string(),
        table_id: table.uuid.clone(),
        billing_mode_summary: table.billing.shown.then(|| BillingModeSummary {
            billing_mode: billing_mode(table),
            last_update_to_pay_per_request_date_time: table.billing.since.map(DateTime::from),
        }),
        local_secondary_indexes: table.local_indexes.iter().map(|one| index(one, true)).collect::<Result<_, _>>()?,
        global_secondary_indexes: table.global_indexes.iter().map(|one| index(one, false)).collect::<Result<_, _>>()?,
        vector_indexes: table
            .vector_indexes
            .iter()
            .map(|index| vector::described(read, table, index))
            .collect::<Result<_, _>>()?,
        stream_specification: stream_specification(table),
        latest_stream_label: stream.map(|stream| stream.label.clone()),
        latest_stream_arn: stream.map(|stream| format!("{}/stream/{}", table.arn, stream.label)),
        sse_description: sse_description(table),
        table_class_summary: table.class.clone().map(|table_class| TableClassSummary { table_class }),
        deletion_protection_enabled: table.deletion_protected,
        on_demand_throughput: table.on_demand,
        warm_throughput: Some(warm(table, &table.throughput, table.warm)),
        restore_summary: table.restore.as_ref().map(|restore| RestoreSummary {
            source_backup_arn: restore.backup.as_ref().map(ToString::to_string),
            source_table_arn: restore.table.to_string(),
            restore_date_time: restore.at.into(),
            restore_in_progress: true,
        }),
    })
}

fn stream_specification(table: &Table) -> Option<StreamSpecification> {
    let enabled = table.stream.as_ref().filter(|stream| stream.enabled);
    enabled.map(|stream| StreamSpecification { stream_enabled: true, stream_view_type: stream.view.clone() })
}

fn sse_description(table: &Table) -> Option<SseDescription> {
    table.encryption.as_ref().map(|encryption| SseDescription {
        status: "ENABLED",
        sse_type: "KMS",
        kms_master_key_arn: encryption.kms_key.clone(),
    })
}

fn index_description(
    read: &impl kv::Read,
    table: &Table,
    index: &Index,
    local: bool,
) -> Result<IndexDescription, Error> {
    let size = volume(read, index.id)?;
    Ok(IndexDescription {
        index_name: index.name.clone(),
        key_schema: key_schema(&index.key),
        projection: projection(&index.projection),
        index_status: (!local).then_some(if index.backfilling { "CREATING" } else { "ACTIVE" }),
        backfilling: index.backfilling.then_some(true),
        provisioned_throughput: (!local).then(|| throughput(&index.throughput)),
        index_size_bytes: size.bytes,
        item_count: size.items,
        index_arn: format!("{}/index/{}", table.arn, index.name),
        on_demand_throughput: index.on_demand,
        warm_throughput: (!local).then(|| warm(table, &index.throughput, index.warm)),
    })
}

/// A key as requests and answers write it.
pub fn key_schema(key: &KeySchema) -> Vec<KeySchemaElement> {
    let element =
        |name: &str, kind: &str| KeySchemaElement { attribute_name: Some(name.into()), key_type: Some(kind.into()) };
    let partitions = key.partitions().map(|attribute| element(&attribute.name, "HASH"));
    partitions.chain(key.sorts().map(|attribute| element(&attribute.name, "RANGE"))).collect()
}

fn throughput(throughput: &Throughput) -> ThroughputDescription {
    ThroughputDescription {
        last_increase_date_time: throughput.increased.map(DateTime::from),
        last_decrease_date_time: throughput.decreased.map(DateTime::from),
        number_of_decreases_today: throughput.decreases_today,
        read_capacity_units: throughput.read,
        write_capacity_units: throughput.write,
    }
}

/// What AWS says a table can take at once.
fn warm(table: &Table, throughput: &Throughput, set: Option<Set>) -> WarmThroughput {
    let (read, write) = if table.billing.on_demand { ON_DEMAND_WARM } else { (throughput.read, throughput.write) };
    let Set { read_units_per_second, write_units_per_second } = set.unwrap_or_default();
    WarmThroughput {
        read_units_per_second: read_units_per_second.unwrap_or(0).max(read),
        write_units_per_second: write_units_per_second.unwrap_or(0).max(write),
        status: "ACTIVE",
    }
}

/// A table as its backup describes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SourceTableDetails {
    table_name: String,
    table_id: String,
    table_arn: String,
    table_size_bytes: u64,
    key_schema: Vec<KeySchemaElement>,
    table_creation_date_time: DateTime,
    provisioned_throughput: SourceThroughput,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_demand_throughput: Option<OnDemandThroughput>,
    item_count: u64,
    billing_mode: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SourceThroughput {
    read_capacity_units: i64,
    write_capacity_units: i64,
}

/// What a table has beside items, where it does.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SourceTableFeatureDetails {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    local_secondary_indexes: Vec<SourceIndex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    global_secondary_indexes: Vec<SourceIndex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vector_indexes: Vec<VectorIndexInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_description: Option<StreamSpecification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_to_live_description: Option<SourceTimeToLive>,
    #[serde(rename = "SSEDescription", skip_serializing_if = "Option::is_none")]
    sse_description: Option<SseDescription>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SourceIndex {
    index_name: String,
    key_schema: Vec<KeySchemaElement>,
    projection: Projection,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioned_throughput: Option<SourceThroughput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_demand_throughput: Option<OnDemandThroughput>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SourceTimeToLive {
    time_to_live_status: &'static str,
    attribute_name: String,
}

pub fn source(table: &Table, volume: Volume) -> SourceTableDetails {
    SourceTableDetails {
        table_name: table.name.clone(),
        table_id: table.uuid.clone(),
        table_arn: table.arn.to_string(),
        table_size_bytes: volume.bytes,
        key_schema: key_schema(&table.key),
        table_creation_date_time: table.created.into(),
        provisioned_throughput: source_throughput(&table.throughput),
        on_demand_throughput: table.on_demand,
        item_count: volume.items,
        billing_mode: billing_mode(table),
    }
}

fn source_throughput(throughput: &Throughput) -> SourceThroughput {
    SourceThroughput { read_capacity_units: throughput.read, write_capacity_units: throughput.write }
}

fn billing_mode(table: &Table) -> &'static str {
    if table.billing.on_demand { "PAY_PER_REQUEST" } else { "PROVISIONED" }
}

pub fn source_features(table: &Table) -> SourceTableFeatureDetails {
    let index = |index: &Index, local: bool| SourceIndex {
        index_name: index.name.clone(),
        key_schema: key_schema(&index.key),
        projection: projection(&index.projection),
        provisioned_throughput: (!local).then(|| source_throughput(&index.throughput)),
        on_demand_throughput: index.on_demand,
    };
    SourceTableFeatureDetails {
        local_secondary_indexes: table.local_indexes.iter().map(|one| index(one, true)).collect(),
        global_secondary_indexes: table.global_indexes.iter().map(|one| index(one, false)).collect(),
        vector_indexes: table.vector_indexes.iter().map(vector::input).collect(),
        stream_description: stream_specification(table),
        time_to_live_description: table.expiry.as_ref().filter(|expiry| expiry.enabled).map(|expiry| {
            SourceTimeToLive { time_to_live_status: "ENABLED", attribute_name: expiry.attribute.clone() }
        }),
        sse_description: sse_description(table),
    }
}
