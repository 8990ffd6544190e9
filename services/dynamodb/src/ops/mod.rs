//! The operations, a file for each kind of thing they work on.

pub mod account;
pub mod backup;
pub mod batch_get;
pub mod batch_write;
pub mod bulk;
pub mod delete;
pub mod describe;
pub mod destination;
pub mod export;
pub mod expressions;
pub mod follow;
pub mod get;
pub mod import;
pub mod permission;
pub mod put;
pub mod query;
pub mod read;
pub mod recovery;
pub mod resource_policy;
pub mod restore;
pub mod scan;
pub mod schema;
pub mod search;
pub mod statement;
pub mod statements;
pub mod streams;
pub mod table;
pub mod tag;
pub mod transact_get;
pub mod transact_write;
pub mod transfers;
pub mod ttl;
pub mod update;
pub mod update_table;
pub mod vector;
pub mod write;

use serde::Serialize;
use service::Cx;

use crate::encoding::StoredItem;
use crate::error::Error;
use crate::key::partition_digest;
use crate::limits::GIGABYTE;
use crate::model::capacity::Report;
use crate::model::collection;
use crate::types::Table;
use crate::validation::Constraints;

pub const REPORTS: [&str; 3] = ["INDEXES", "TOTAL", "NONE"];
const METRICS: [&str; 2] = ["SIZE", "NONE"];
pub const CONJUNCTIONS: [&str; 2] = ["OR", "AND"];
const RETURN_VALUES: [&str; 5] = ["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"];
const ON_FAILURE: [&str; 2] = ["ALL_OLD", "NONE"];

pub fn report(parameter: Option<&str>) -> Report {
    match parameter {
        Some("TOTAL") => Report::Total,
        Some("INDEXES") => Report::Indexes,
        _ => Report::None,
    }
}

/// What the three operations that write one item have in common.
pub fn check_write_parameters(
    constraints: &mut Constraints,
    table: Option<&str>,
    capacity: Option<&str>,
    metrics: Option<&str>,
    values: Option<&str>,
    on_failure: Option<&str>,
) {
    constraints.choice(capacity, "returnConsumedCapacity", &REPORTS);
    constraints.choice(metrics, "returnItemCollectionMetrics", &METRICS);
    constraints.choice(values, "returnValues", &RETURN_VALUES);
    constraints.choice(on_failure, "returnValuesOnConditionCheckFailure", &ON_FAILURE);
    constraints.table(table);
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ItemCollectionMetrics {
    pub item_collection_key: StoredItem,
    #[serde(rename = "SizeEstimateRangeGB")]
    pub size_estimate_range_gb: [f64; 2],
}

/// The answer to `ReturnItemCollectionMetrics`: only tables with local indexes have item collections.
///
/// # Errors
/// When the size cannot be read.
pub fn metrics(
    cx: &Cx,
    parameter: Option<&str>,
    table: &Table,
    item: &StoredItem,
) -> Result<Option<ItemCollectionMetrics>, Error> {
    let name = &table.key.partition.name;
    let Some(partition) = item.view().get(name) else { return Ok(None) };
    if parameter != Some("SIZE") || table.local_indexes.is_empty() {
        return Ok(None);
    }
    let bytes = collection::size(&cx.db().read()?, table, partition_digest(partition))?;
    let gigabytes = (bytes / GIGABYTE) as f64;
    Ok(Some(ItemCollectionMetrics {
        item_collection_key: item.only(|attribute| attribute == name),
        size_estimate_range_gb: [gigabytes, gigabytes + 1.0],
    }))
}
