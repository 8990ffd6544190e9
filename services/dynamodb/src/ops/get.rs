//! GetItem.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::expressions::{self, Parameters};
use super::permission::{Told, item_permission};
use super::put::key;
use super::{REPORTS, report};
use crate::DynamoDb;
use crate::attribute::ItemInput;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::Projection;
use crate::model::capacity::{ConsumedCapacity, Kind, Usage, read_units};
use crate::model::{item, table};
use crate::size::item_size;
use crate::types::Table;
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetItemInput {
    pub table_name: Option<String>,
    pub key: Option<ItemInput>,
    pub attributes_to_get: Option<Vec<String>>,
    pub consistent_read: bool,
    pub projection_expression: Option<String>,
    pub expression_attribute_names: Option<BTreeMap<String, String>>,
    pub return_consumed_capacity: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetItemOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<StoredItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumed_capacity: Option<ConsumedCapacity>,
}

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &GetItemInput) -> Result<Vec<Permission>, ServiceError> {
    let keys = || input.key.iter().filter_map(|key| key.0.as_ref().ok());
    let told = || {
        let told = keys().fold(Told::default(), Told::item).reports(input.return_consumed_capacity.as_deref());
        let projection = validated(input).ok().and_then(|(_, projection)| projection);
        told.selects(None, projection.as_ref(), None)
    };
    Ok(vec![item_permission(cx, "dynamodb:GetItem", input.table_name.as_deref(), keys(), told)?])
}

pub async fn get(state: Arc<DynamoDb>, cx: Cx, input: GetItemInput) -> Result<GetItemOutput, Error> {
    let (key, projection) = validated(&input)?;
    let read = cx.db().read()?;
    let table = table::find(&read, cx.region().as_str(), input.table_name.as_deref().unwrap_or_default())?;
    let located = table.key.locate_key(key.view())?;
    if let Some(projection) = &projection {
        check_key_paths(&table, projection)?;
    }
    let item = item::get(&read, &table, &located)?;
    let usage = Usage::table(units(item.as_ref(), input.consistent_read));
    state.drawn(&cx).read(&table, &usage, Some(located.partition))?;
    let report = report(input.return_consumed_capacity.as_deref());
    Ok(GetItemOutput {
        consumed_capacity: usage.report(report, &table.name, Kind::Unsaid),
        item: project(item, projection.as_ref()),
    })
}

fn validated(input: &GetItemInput) -> Result<(StoredItem, Option<Projection>), Error> {
    let mut constraints = Constraints::default();
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &REPORTS);
    constraints.table(input.table_name.as_deref());
    constraints.present(&input.key, "key");
    if let Some(names) = &input.attributes_to_get {
        constraints.length(&format!("{names:?}"), names.len(), "attributesToGet", 1, 255);
    }
    constraints.check()?;
    Parameters {
        expressions: &[("ProjectionExpression", input.projection_expression.is_some())],
        legacy: &[("AttributesToGet", input.attributes_to_get.is_some())],
        names: input.expression_attribute_names.is_some(),
        values: false,
    }
    .check()?;
    let key = key(input.key.as_ref())?;
    Ok((
        key,
        projection(
            input.attributes_to_get.as_ref(),
            input.projection_expression.as_deref(),
            &input.expression_attribute_names,
        )?,
    ))
}

/// What a request for items wants of each, by either kind of parameter.
pub fn projection(
    attributes_to_get: Option<&Vec<String>>,
    expression: Option<&str>,
    names: &Option<BTreeMap<String, String>>,
) -> Result<Option<Projection>, Error> {
    let attributes = expressions::attributes_to_get(attributes_to_get)?;
    let mut scope = expressions::scope(names, &None)?;
    let projection = expressions::projection(expression, &mut scope)?;
    scope.finish()?;
    Ok(projection.or(attributes))
}

/// # Errors
/// When a path goes into an attribute of the key, which has no inside.
pub fn check_key_paths(table: &Table, projection: &Projection) -> Result<(), Error> {
    let scalar = |place: &str, name: &str| {
        Err(Error::Validation(format!(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {place}: {name}"
        )))
    };
    for name in projection.nested_names() {
        if table.key.has(name) {
            return scalar("Key", name);
        }
        if table.indexes().any(|index| index.key.has(name)) {
            return scalar("IndexKey", name);
        }
    }
    Ok(())
}

pub fn project(item: Option<StoredItem>, projection: Option<&Projection>) -> Option<StoredItem> {
    match projection {
        Some(projection) => item.map(|item| projection.apply(item.view())),
        None => item,
    }
}

/// Read units for one item; one that is not there costs as the smallest.
pub fn units(item: Option<&StoredItem>, consistent: bool) -> f64 {
    read_units(item.map_or(0, |item| item_size(item.view())).max(1), consistent)
}
