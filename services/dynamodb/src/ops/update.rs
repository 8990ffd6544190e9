//! UpdateItem.

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
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::Projection;
use crate::expression::legacy::{self, AttributeUpdateInput, ExpectedInput};
use crate::model::capacity::{Kind, Usage};
use crate::model::item::{Change, UpdateRequest, Write};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateItemInput {
    pub table_name: Option<String>,
    pub key: Option<ItemInput>,
    pub attribute_updates: Option<BTreeMap<String, AttributeUpdateInput>>,
    pub expected: Option<BTreeMap<String, ExpectedInput>>,
    pub conditional_operator: Option<String>,
    pub update_expression: Option<String>,
    pub condition_expression: Option<String>,
    pub expression_attribute_names: Option<BTreeMap<String, String>>,
    pub expression_attribute_values: Option<BTreeMap<String, ValueInput>>,
    pub return_values: Option<String>,
    pub return_values_on_condition_check_failure: Option<String>,
    pub return_consumed_capacity: Option<String>,
    pub return_item_collection_metrics: Option<String>,
}

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &UpdateItemInput) -> Result<Vec<Permission>, ServiceError> {
    let told = || {
        let told = validated(input).map_or_else(|_| Told::default(), |write| Told::default().write(&write));
        told.returns(input.return_values.as_deref()).reports(input.return_consumed_capacity.as_deref())
    };
    let keys = input.key.iter().filter_map(|key| key.0.as_ref().ok());
    Ok(vec![item_permission(cx, "dynamodb:UpdateItem", input.table_name.as_deref(), keys, told)?])
}

pub async fn update(state: Arc<DynamoDb>, cx: Cx, input: UpdateItemInput) -> Result<WriteOutput, Error> {
    let write = validated(&input)?;
    let key = write.change.item().clone();
    let touched = match &write.change {
        Change::Update(_, request) => request.update.projection(),
        _ => Projection::default(),
    };
    let written = write::one(&state, &cx, write).await?;
    let mut usage = Usage::default();
    usage.add_write(&written.units, 1.0);
    let part =
        |item: Option<StoredItem>| item.map(|item| touched.apply(item.view())).filter(|part| !part.view().is_empty());
    Ok(WriteOutput {
        consumed_capacity: usage.report(
            report(input.return_consumed_capacity.as_deref()),
            &written.table.name,
            Kind::Unsaid,
        ),
        item_collection_metrics: metrics(&cx, input.return_item_collection_metrics.as_deref(), &written.table, &key)?,
        attributes: match input.return_values.as_deref() {
            Some("ALL_OLD") => written.before,
            Some("ALL_NEW") => written.after,
            Some("UPDATED_OLD") => part(written.before),
            Some("UPDATED_NEW") => part(written.after),
            _ => None,
        },
    })
}

fn validated(input: &UpdateItemInput) -> Result<Write, Error> {
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
    for (name, update) in input.attribute_updates.iter().flatten() {
        let at = format!("attributeUpdates.{name}.member.action");
        constraints.choice(update.action.as_deref(), &at, &["ADD", "PUT", "DELETE"]);
    }
    constraints.check()?;
    Parameters {
        expressions: &[
            ("UpdateExpression", input.update_expression.is_some()),
            ("ConditionExpression", input.condition_expression.is_some()),
        ],
        legacy: &[("AttributeUpdates", input.attribute_updates.is_some()), ("Expected", input.expected.is_some())],
        names: input.expression_attribute_names.is_some(),
        values: input.expression_attribute_values.is_some(),
    }
    .check()?;
    let key = key(input.key.as_ref())?;
    let legacy_update = input.attribute_updates.as_ref().map(legacy::updates).transpose()?;
    let legacy_condition = expressions::expected(input.expected.as_ref(), input.conditional_operator.as_deref())?;
    let mut scope = expressions::scope(&input.expression_attribute_names, &input.expression_attribute_values)?;
    let update = expressions::update(input.update_expression.as_deref(), &mut scope)?;
    let condition = expressions::condition(input.condition_expression.as_deref(), "ConditionExpression", &mut scope)?;
    scope.finish()?;
    let legacy = legacy_update.is_some();
    let update = update.or(legacy_update).unwrap_or_default();
    Ok(Write {
        table: input.table_name.clone().unwrap_or_default(),
        condition: condition.or(legacy_condition),
        show_on_failure: input.return_values_on_condition_check_failure.as_deref() == Some("ALL_OLD"),
        change: Change::Update(key, UpdateRequest { update, legacy }),
    })
}
