//! PutItem.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::expressions::{self, Parameters};
use super::permission::{Told, item_permission};
use super::{ItemCollectionMetrics, check_write_parameters, metrics, report, write};
use crate::DynamoDb;
use crate::attribute::{ItemInput, ValueInput};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::legacy::ExpectedInput;
use crate::limits::ITEM_BYTES_MAX;
use crate::model::capacity::{ConsumedCapacity, Kind, Usage};
use crate::model::item::{Change, Write};
use crate::size::item_size;
use crate::validation::{Constraints, attribute_name};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutItemInput {
    pub table_name: Option<String>,
    pub item: Option<ItemInput>,
    pub expected: Option<BTreeMap<String, ExpectedInput>>,
    pub conditional_operator: Option<String>,
    pub condition_expression: Option<String>,
    pub expression_attribute_names: Option<BTreeMap<String, String>>,
    pub expression_attribute_values: Option<BTreeMap<String, ValueInput>>,
    pub return_values: Option<String>,
    pub return_values_on_condition_check_failure: Option<String>,
    pub return_consumed_capacity: Option<String>,
    pub return_item_collection_metrics: Option<String>,
}

/// The answer of the three operations that write one item.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct WriteOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<StoredItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumed_capacity: Option<ConsumedCapacity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_collection_metrics: Option<ItemCollectionMetrics>,
}

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &PutItemInput) -> Result<Vec<Permission>, ServiceError> {
    let told = || {
        let told = validated(input).map_or_else(|_| Told::default(), |write| Told::default().write(&write));
        told.returns(input.return_values.as_deref()).reports(input.return_consumed_capacity.as_deref())
    };
    let items = input.item.iter().filter_map(|item| item.0.as_ref().ok());
    Ok(vec![item_permission(cx, "dynamodb:PutItem", input.table_name.as_deref(), items, told)?])
}

pub async fn put(state: Arc<DynamoDb>, cx: Cx, input: PutItemInput) -> Result<WriteOutput, Error> {
    let write = validated(&input)?;
    let written = write::one(&state, &cx, write).await?;
    let mut usage = Usage::default();
    usage.add_write(&written.units, 1.0);
    Ok(WriteOutput {
        consumed_capacity: usage.report(
            report(input.return_consumed_capacity.as_deref()),
            &written.table.name,
            Kind::Unsaid,
        ),
        item_collection_metrics: match &written.after {
            Some(item) => metrics(&cx, input.return_item_collection_metrics.as_deref(), &written.table, item)?,
            None => None,
        },
        attributes: written.before.filter(|_| input.return_values.as_deref() == Some("ALL_OLD")),
    })
}

fn validated(input: &PutItemInput) -> Result<Write, Error> {
    let mut constraints = Constraints::default();
    check_write_parameters(
        &mut constraints,
        input.table_name.as_deref(),
        input.return_consumed_capacity.as_deref(),
        input.return_item_collection_metrics.as_deref(),
        input.return_values.as_deref(),
        input.return_values_on_condition_check_failure.as_deref(),
    );
    constraints.present(&input.item, "item");
    constraints.choice(input.conditional_operator.as_deref(), "conditionalOperator", &super::CONJUNCTIONS);
    constraints.check()?;
    Parameters {
        expressions: &[("ConditionExpression", input.condition_expression.is_some())],
        legacy: &[("Expected", input.expected.is_some())],
        names: input.expression_attribute_names.is_some(),
        values: input.expression_attribute_values.is_some(),
    }
    .check()?;
    let item = put_item(input.item.as_ref())?;
    if !matches!(input.return_values.as_deref(), None | Some("ALL_OLD" | "NONE")) {
        return Err(Error::validation("ReturnValues can only be ALL_OLD or NONE"));
    }
    let condition = match &input.condition_expression {
        Some(text) => {
            let mut scope = expressions::scope(&input.expression_attribute_names, &input.expression_attribute_values)?;
            let condition = expressions::condition(Some(text), "ConditionExpression", &mut scope)?;
            scope.finish()?;
            condition
        }
        None => expressions::expected(input.expected.as_ref(), input.conditional_operator.as_deref())?,
    };
    Ok(Write {
        table: input.table_name.clone().unwrap_or_default(),
        condition,
        show_on_failure: input.return_values_on_condition_check_failure.as_deref() == Some("ALL_OLD"),
        change: Change::Put(item),
    })
}

/// An item to be put, when its values are valid and it is not too large.
pub fn put_item(item: Option<&ItemInput>) -> Result<StoredItem, Error> {
    let item = match item {
        Some(ItemInput(Ok(item))) => item,
        Some(ItemInput(Err(invalid))) => return Err(invalid.clone().into()),
        None => return Err(Error::validation("The parameter 'Item' is required but was not present in the request")),
    };
    let item = StoredItem::new(item);
    check_size(&item)?;
    Ok(item)
}

/// # Errors
/// When an item to be put is too large, or a name in it is, or is empty.
pub fn check_size(item: &StoredItem) -> Result<(), Error> {
    item.view().iter().try_for_each(|(name, _)| attribute_name(name))?;
    if item_size(item.view()) > ITEM_BYTES_MAX {
        return Err(Error::validation("Item size has exceeded the maximum allowed size"));
    }
    Ok(())
}

/// A key, when its values are valid.
pub fn key(key: Option<&ItemInput>) -> Result<StoredItem, Error> {
    match key {
        Some(ItemInput(Ok(key))) => Ok(StoredItem::new(key)),
        Some(ItemInput(Err(invalid))) => Err(invalid.clone().into()),
        None => Err(Error::validation("The parameter 'Key' is required but was not present in the request")),
    }
}
