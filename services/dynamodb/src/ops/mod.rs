//! The operations, a file for each kind of thing they work on.

pub mod account;
pub mod backup;
pub mod batch_get;
pub mod batch_write;
pub mod delete;
pub mod describe;
pub mod expressions;
pub mod follow;
pub mod get;
pub mod put;
pub mod query;
pub mod read;
pub mod recovery;
pub mod resource_policy;
pub mod restore;
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
pub mod write;

use base::Arn;
use serde::Serialize;
use service::{CallerKind, Cx, Error as ServiceError, Permission};

use crate::encoding::StoredItem;
use crate::error::Error;
use crate::key::{KeySchema, partition_digest};
use crate::limits::GIGABYTE;
use crate::model::capacity::Report;
use crate::model::{collection, policy, table as tables};
use crate::types::Table;
use crate::validation::Constraints;
use crate::value::{Item, Value};

/// What fine-grained policies look at: the partition keys that a request is about.
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html>
const LEADING_KEYS: &str = "dynamodb:LeadingKeys";

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// The ARN of a table given by name or ARN. It is that of the table which the operation will find, whatever else an
/// ARN says: policies must not be evaded by another spelling. What is neither is refused later, by the operation.
pub fn table_arn(cx: &Cx, table: Option<&str>) -> String {
    match table.map_or("*", tables::name) {
        arn if arn.starts_with("arn:") => arn.to_owned(),
        name => cx.arn("dynamodb", format!("table/{name}")).to_string(),
    }
}

/// The ARN of a table or stream given by its ARN, in whatever region, as it would be found. See [`table_arn`].
pub fn resource_arn(cx: &Cx, arn: Option<&str>) -> String {
    let Some(text) = arn else { return table_arn(cx, None) };
    match text.parse::<Arn>() {
        Ok(Arn { region, resource, .. }) if resource.starts_with("table/") => {
            Arn { region, ..cx.arn("dynamodb", resource) }.to_string()
        }
        _ => text.to_owned(),
    }
}

/// Permission for `action` on a table or one of its indexes, which the table's policy is for, too.
///
/// # Errors
/// When the policy cannot be read.
pub fn permission(cx: &Cx, action: &str, table: Option<&str>, index: Option<&str>) -> Result<Permission, ServiceError> {
    let mut permission = resource_permission(cx, action, table_arn(cx, table))?;
    if let Some(index) = index {
        permission.resource.push_str(&format!("/index/{index}"));
    }
    Ok(permission)
}

/// Permission for `action` on the table or stream with this ARN.
///
/// # Errors
/// When the resource's policy cannot be read.
pub fn resource_permission(cx: &Cx, action: &str, arn: String) -> Result<Permission, ServiceError> {
    let resource_policy = resource_policy(cx, &arn)?;
    Ok(Permission { resource_policy, ..Permission::new(action, arn) })
}

/// Whether policies limit the caller: users and roles.
fn is_limited(cx: &Cx) -> bool {
    !matches!(cx.caller().kind, CallerKind::Root | CallerKind::System)
}

/// The policy of a table or stream, for callers whom policies limit.
fn resource_policy(cx: &Cx, arn: &str) -> Result<Option<String>, Error> {
    if !is_limited(cx) {
        return Ok(None);
    }
    Ok(policy::find(&cx.db().read()?, arn)?.map(|policy| policy.document))
}

/// Permission for `action` on items of a table, of which `keys` are some, or their keys: fine-grained policies look
/// at the partition keys.
///
/// # Errors
/// When the table's policy cannot be read.
pub fn item_permission<'k>(
    cx: &Cx,
    action: &str,
    table: Option<&str>,
    keys: impl Iterator<Item = &'k Item>,
) -> Result<Permission, ServiceError> {
    let mut permission = permission(cx, action, table, None)?;
    if is_limited(cx) {
        let schema = stored_schema(cx, table, None);
        let name = schema.map(|schema| schema.partition.name);
        let values: Vec<String> = keys.filter_map(|key| key.get(name.as_ref()?)).filter_map(shown).collect();
        permission.context.push((LEADING_KEYS.into(), values));
    }
    Ok(permission)
}

/// Permission for `action` on one partition of a table or index, whose key `partition` tells from the key's attributes;
/// where it tells none, the action is on all of them.
///
/// # Errors
/// When the table's policy cannot be read.
pub fn partition_permission(
    cx: &Cx,
    action: &str,
    table: Option<&str>,
    index: Option<&str>,
    partition: impl FnOnce(&KeySchema) -> Option<Value>,
) -> Result<Permission, ServiceError> {
    let mut permission = permission(cx, action, table, index)?;
    if is_limited(cx) {
        let partition = stored_schema(cx, table, index).and_then(|schema| partition(&schema));
        permission.context.push(("dynamodb:FullTableScan".into(), vec![partition.is_none().to_string()]));
        permission.context.push((LEADING_KEYS.into(), partition.as_ref().and_then(shown).into_iter().collect()));
    }
    Ok(permission)
}

/// What a request that names several tables needs permission for. One that names none is malformed, but must not learn
/// so from anybody without the permission.
///
/// # Errors
/// When a table's policy cannot be read.
pub fn all_permissions(
    cx: &Cx,
    action: &str,
    named: impl Iterator<Item = Result<Permission, ServiceError>>,
) -> Result<Vec<Permission>, ServiceError> {
    let named = named.collect::<Result<Vec<_>, _>>()?;
    if named.is_empty() { Ok(vec![permission(cx, action, None, None)?]) } else { Ok(named) }
}

/// The key of a table, or of an index of it.
fn stored_schema(cx: &Cx, table: Option<&str>, index: Option<&str>) -> Option<KeySchema> {
    let table = tables::find(&cx.db().read().ok()?, cx.region().as_str(), table?).ok()?;
    match index {
        Some(name) => Some(table.index(name)?.0.key.clone()),
        None => Some(table.key.clone()),
    }
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
