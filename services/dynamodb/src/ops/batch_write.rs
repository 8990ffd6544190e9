//! BatchWriteItem: each write is a transaction of its own, and they share a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::permission::{Told, all_permissions, item_permission};
use super::put::{key, put_item};
use super::{ItemCollectionMetrics, METRICS, REPORTS, metrics, report, write};
use crate::DynamoDb;
use crate::attribute::ItemInput;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::key::ItemKey;
use crate::limits::BATCH_WRITE_REQUESTS_MAX;
use crate::model::capacity::{ConsumedCapacity, Kind, Usage};
use crate::model::item::{self, Change, Write};
use crate::model::table;
use crate::types::SharedTable;
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BatchWriteItemInput {
    pub request_items: BTreeMap<String, Vec<WriteRequest>>,
    pub return_consumed_capacity: Option<String>,
    pub return_item_collection_metrics: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WriteRequest {
    pub put_request: Option<PutRequest>,
    pub delete_request: Option<DeleteRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutRequest {
    pub item: Option<ItemInput>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteRequest {
    pub key: Option<ItemInput>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchWriteItemOutput {
    /// What there was no throughput left for, as parts of the request.
    pub unprocessed_items: BTreeMap<String, Vec<Unprocessed>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub item_collection_metrics: BTreeMap<String, Vec<ItemCollectionMetrics>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consumed_capacity: Vec<ConsumedCapacity>,
}

#[derive(Debug, Serialize)]
pub enum Unprocessed {
    PutRequest {
        #[serde(rename = "Item")]
        item: StoredItem,
    },
    DeleteRequest {
        #[serde(rename = "Key")]
        key: StoredItem,
    },
}

impl WriteRequest {
    fn item(&self) -> Option<&ItemInput> {
        let put = self.put_request.as_ref().and_then(|put| put.item.as_ref());
        put.or_else(|| self.delete_request.as_ref()?.key.as_ref())
    }
}

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &BatchWriteItemInput) -> Result<Vec<Permission>, ServiceError> {
    let of_table = |(table, requests): (&String, &Vec<WriteRequest>)| {
        let items = || requests.iter().filter_map(|request| request.item()?.0.as_ref().ok());
        let told = || items().fold(Told::default(), Told::item).reports(input.return_consumed_capacity.as_deref());
        item_permission(cx, "dynamodb:BatchWriteItem", Some(table), items(), told)
    };
    let named = input.request_items.iter().map(of_table);
    all_permissions(cx, "dynamodb:BatchWriteItem", named)
}

pub async fn batch_write(
    state: Arc<DynamoDb>,
    cx: Cx,
    input: BatchWriteItemInput,
) -> Result<BatchWriteItemOutput, Error> {
    let writes = validated(&input)?;
    check_keys(&cx, &writes)?;
    let mut answers = Vec::with_capacity(writes.len());
    for write in writes {
        let (name, item, puts) =
            (write.table.clone(), write.change.item().clone(), matches!(write.change, Change::Put(_)));
        answers.push((name, item, puts, write::one(&state, &cx, write)));
    }
    let mut output = BatchWriteItemOutput::default();
    let mut usages: BTreeMap<String, Usage> = BTreeMap::new();
    let mut throttled = None;
    for (name, item, puts, answer) in answers {
        let written = match answer.await {
            Ok(written) => written,
            Err(Error::Throttled(refusal)) => {
                throttled = Some(refusal);
                let item = match puts {
                    true => Unprocessed::PutRequest { item },
                    false => Unprocessed::DeleteRequest { key: item },
                };
                output.unprocessed_items.entry(name).or_default().push(item);
                continue;
            }
            Err(error) => return Err(error),
        };
        usages.entry(written.table.name.clone()).or_default().add_write(&written.units, 1.0);
        if let Some(metrics) = metrics(&cx, input.return_item_collection_metrics.as_deref(), &written.table, &item)? {
            output.item_collection_metrics.entry(name).or_default().push(metrics);
        }
    }
    if let Some(refusal) = throttled.filter(|_| usages.is_empty()) {
        return Err(Error::Throttled(refusal));
    }
    let report = report(input.return_consumed_capacity.as_deref());
    output.consumed_capacity =
        usages.iter().filter_map(|(table, usage)| usage.report(report, table, Kind::Unsaid)).collect();
    Ok(output)
}

fn validated(input: &BatchWriteItemInput) -> Result<Vec<Write>, Error> {
    let mut constraints = Constraints::default();
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &REPORTS);
    constraints.choice(input.return_item_collection_metrics.as_deref(), "returnItemCollectionMetrics", &METRICS);
    for (name, requests) in &input.request_items {
        if requests.is_empty() || requests.len() > BATCH_WRITE_REQUESTS_MAX {
            let shown = vec!["WriteRequest"; requests.len()].join(", ");
            let constraint = format_args!(
                "Map value must satisfy constraint: [Member must have length less than or equal to {BATCH_WRITE_REQUESTS_MAX}, Member must have length greater than or equal to 1]"
            );
            constraints.fail(Some(&format!("{{{name}=[{shown}]}}")), "requestItems", constraint);
        }
    }
    constraints.check()?;
    if input.request_items.is_empty() {
        return Err(Error::validation("The requestItems parameter is required for BatchWriteItem"));
    }
    if input.request_items.values().map(Vec::len).sum::<usize>() > BATCH_WRITE_REQUESTS_MAX {
        return Err(Error::validation("Too many items requested for the BatchWriteItem call"));
    }
    let all = input.request_items.iter().flat_map(|(table, requests)| requests.iter().map(move |one| (table, one)));
    all.map(|(table, request)| {
        let change = match (&request.put_request, &request.delete_request) {
            (Some(put), None) => Change::Put(put_item(put.item.as_ref())?),
            (None, Some(delete)) => Change::Delete(key(delete.key.as_ref())?),
            _ => {
                return Err(Error::validation(
                    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
                ));
            }
        };
        Ok(Write { table: table.clone(), condition: None, show_on_failure: false, change })
    })
    .collect()
}

/// # Errors
/// When a table is not there, a key does not fit its table, or two requests are about one item.
fn check_keys(cx: &Cx, writes: &[Write]) -> Result<(), Error> {
    let snapshot = cx.db().read()?;
    let mut tables: BTreeMap<&str, SharedTable> = BTreeMap::new();
    let mut seen: BTreeSet<(u64, ItemKey)> = BTreeSet::new();
    for write in writes {
        if !tables.contains_key(&*write.table) {
            tables.insert(&write.table, table::find(&snapshot, cx.region().as_str(), &write.table)?);
        }
        let Some(table) = tables.get(&*write.table) else { continue };
        let fits = table.key.locate(write.change.item().view()).is_some();
        if !fits {
            return Err(Error::validation("The provided key element does not match the schema"));
        }
        if !seen.insert((table.id, item::locate(table, &write.change)?)) {
            return Err(Error::validation("Provided list of item keys contains duplicates"));
        }
    }
    Ok(())
}
