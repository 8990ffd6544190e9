//! The operations, a file for each kind of thing they work on.

pub mod account;
pub mod batch_get;
pub mod batch_write;
pub mod delete;
pub mod describe;
pub mod expressions;
pub mod get;
pub mod put;
pub mod query;
pub mod read;
pub mod scan;
pub mod schema;
pub mod statement;
pub mod streams;
pub mod table;
pub mod tag;
pub mod transact_get;
pub mod transact_write;
pub mod ttl;
pub mod update;
pub mod update_table;

use serde::Serialize;
use service::{CallerKind, Cx, Permission};

use crate::encoding::StoredItem;
use crate::key::KeySchema;
use crate::model::capacity::Report;
use crate::model::table as tables;
use crate::types::Table;
use crate::validation::Constraints;
use crate::value::{Item, Value};

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// The ARN of a table given by name or ARN; what is neither is refused later, by the operation.
pub fn table_arn(cx: &Cx, table: Option<&str>) -> String {
    match table {
        Some(arn) if arn.starts_with("arn:") => arn.to_string(),
        Some(name) => cx.arn("dynamodb", format!("table/{name}")).to_string(),
        None => cx.arn("dynamodb", "table/*").to_string(),
    }
}

/// Permission for `action` on a table or one of its indexes.
pub fn permission(cx: &Cx, action: &str, table: Option<&str>, index: Option<&str>) -> Permission {
    let table = table_arn(cx, table);
    Permission::new(action, index.map_or(table.clone(), |index| format!("{table}/index/{index}")))
}

/// Permission for `action` on items of a table, of which `keys` are some, or their keys: fine-grained policies look
/// at the partition keys.
pub fn item_permission<'k>(
    cx: &Cx,
    action: &str,
    table: Option<&str>,
    keys: impl Iterator<Item = &'k Item>,
) -> Permission {
    let mut permission = permission(cx, action, table, None);
    // Only policies look at it, and those are for users and roles.
    if !matches!(cx.caller().kind, CallerKind::Root | CallerKind::System) {
        let schema = table.and_then(|table| stored_schema(cx, table));
        let name = schema.map(|schema| schema.partition.name);
        let values: Vec<String> = keys.filter_map(|key| key.get(name.as_ref()?)).filter_map(shown).collect();
        permission.context.push(("dynamodb:LeadingKeys".into(), values));
    }
    permission
}

/// What a request that names several tables needs permission for. One that names none is malformed, but must not learn
/// so from anybody without the permission.
pub fn all_permissions(cx: &Cx, action: &str, named: Vec<Permission>) -> Vec<Permission> {
    if named.is_empty() { vec![permission(cx, action, None, None)] } else { named }
}

fn stored_schema(cx: &Cx, table: &str) -> Option<KeySchema> {
    let read = cx.db().read().ok()?;
    Some(tables::find(&read, cx.region().as_str(), table).ok()?.key.clone())
}

/// A key's value as policies write it.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::S(text) => Some(text.clone()),
        Value::N(number) => Some(number.to_string()),
        Value::B(bytes) => Some(wire::Blob::from(bytes.clone()).to_base64()),
        _ => None,
    }
}

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
pub fn metrics(parameter: Option<&str>, table: &Table, item: &StoredItem) -> Option<ItemCollectionMetrics> {
    if parameter != Some("SIZE") || table.local_indexes.is_empty() {
        return None;
    }
    let item_collection_key = item.only(|name| name == table.key.partition.name);
    Some(ItemCollectionMetrics { item_collection_key, size_estimate_range_gb: [0.0, 1.0] })
}
