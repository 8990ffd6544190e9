//! DeleteItem.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use service::{Cx, Error as ServiceError, Permission};

use super::expressions::{self, Parameters};
use super::permission::{Told, item_permission};
use super::put::{WriteOutput, key};
use super::{check_write_parameters, metrics, report, write};
use crate::DynamoDb;
use crate::attribute::{ItemInput, ValueInput};
use crate::error::Error;
use crate::expression::legacy::ExpectedInput;
use crate::model::capacity::{Kind, Usage};
use crate::model::item::{Change, Write};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeleteItemInput {
    pub table_name: Option<String>,
    pub key: Option<ItemInput>,
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

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &DeleteItemInput) -> Result<Vec<Permission>, ServiceError> {
    let told = || {
        let told = validated(input).map_or_else(|_| Told::default(), |write| Told::default().write(&write));
        told.returns(input.return_values.as_deref()).reports(input.return_consumed_capacity.as_deref())
    };
    let keys = input.key.iter().filter_map(|key| key.0.as_ref().ok());
    Ok(vec![item_permission(cx, "dynamodb:DeleteItem", input.table_name.as_deref(), keys, told)?])
}

pub async fn delete(state: Arc<DynamoDb>, cx: Cx, input: DeleteItemInput) -> Result<WriteOutput, Error> {
    let write = validated(&input)?;
    let key = write.change.item().clone();
    let written = write::one(&state, &cx, write).await?;
    let mut usage = Usage::default();
    usage.add_write(&written.units, 1.0);
    Ok(WriteOutput {
        consumed_capacity: usage.report(
            report(input.return_consumed_capacity.as_deref()),
            &written.table.name,
            Kind::Unsaid,
        ),
        item_collection_metrics: metrics(&cx, input.return_item_collection_metrics.as_deref(), &written.table, &key)?,
        attributes: written.before.filter(|_| input.return_values.as_deref() == Some("ALL_OLD")),
    })
}

fn validated(input: &DeleteItemInput) -> Result<Write, Error> {
    let mut constraints = Constraints::default();
    check_write_parameters(
        &mut constraints,
        input.table_name.as_deref(),
        input.return_consumed_capacity.as_deref(),
        input.return_item_collection_metrics.as_deref(),
        input.return_values.as_deref(),
        input.return_values_on_condition_check_failure.as_deref(),
    );
    constraints.present(&input.key, "key");
    constraints.choice(input.conditional_operator.as_deref(), "conditionalOperator", &super::CONJUNCTIONS);
    constraints.check()?;
    Parameters {
        expressions: &[("ConditionExpression", input.condition_expression.is_some())],
        legacy: &[("Expected", input.expected.is_some())],
        names: input.expression_attribute_names.is_some(),
        values: input.expression_attribute_values.is_some(),
    }
    .check()?;
    let key = key(input.key.as_ref())?;
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
        change: Change::Delete(key),
    })
}
