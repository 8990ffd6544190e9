//! TransactWriteItems.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::expressions;
use super::permission::{Told, all_permissions, item_permission};
use super::put::{key, put_item};
use super::{ItemCollectionMetrics, METRICS, ON_FAILURE, REPORTS, metrics, report, write};
use crate::DynamoDb;
use crate::attribute::{ItemInput, ValueInput};
use crate::error::Error;
use crate::key::digest;
use crate::limits::{TRANSACTION_ACTIONS_MAX, TRANSACTION_BYTES_MAX};
use crate::model::capacity::{ConsumedCapacity, Kind, Usage};
use crate::model::item::{Change, UpdateRequest, Write};
use crate::model::transaction::{self, Outcome, Request};
use crate::size::item_size;
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TransactWriteItemsInput {
    pub transact_items: Option<Vec<TransactWriteItem>>,
    pub client_request_token: Option<String>,
    pub return_consumed_capacity: Option<String>,
    pub return_item_collection_metrics: Option<String>,
}

/// Exactly one of them is there.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TransactWriteItem {
    pub condition_check: Option<Action>,
    pub put: Option<Action>,
    pub delete: Option<Action>,
    pub update: Option<Action>,
}

/// The four actions differ in little: a put has an item and no key, only an update has an update expression.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Action {
    pub table_name: Option<String>,
    pub key: Option<ItemInput>,
    pub item: Option<ItemInput>,
    pub update_expression: Option<String>,
    pub condition_expression: Option<String>,
    pub expression_attribute_names: Option<BTreeMap<String, String>>,
    pub expression_attribute_values: Option<BTreeMap<String, ValueInput>>,
    pub return_values_on_condition_check_failure: Option<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransactWriteItemsOutput {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consumed_capacity: Vec<ConsumedCapacity>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub item_collection_metrics: BTreeMap<String, Vec<ItemCollectionMetrics>>,
}

/// What an item of the request asks for.
enum Asked<'i> {
    Check(&'i Action),
    Put(&'i Action),
    Delete(&'i Action),
    Update(&'i Action),
}

impl TransactWriteItem {
    fn asked(&self) -> Option<Asked<'_>> {
        match (&self.condition_check, &self.put, &self.delete, &self.update) {
            (Some(check), None, None, None) => Some(Asked::Check(check)),
            (None, Some(put), None, None) => Some(Asked::Put(put)),
            (None, None, Some(delete), None) => Some(Asked::Delete(delete)),
            (None, None, None, Some(update)) => Some(Asked::Update(update)),
            _ => None,
        }
    }
}

impl<'i> Asked<'i> {
    fn action(&self) -> &'i Action {
        match self {
            Asked::Check(action) | Asked::Put(action) | Asked::Delete(action) | Asked::Update(action) => action,
        }
    }

    /// Its member's name in messages, and its IAM action.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Asked::Check(_) => ("conditionCheck", "dynamodb:ConditionCheckItem"),
            Asked::Put(_) => ("put", "dynamodb:PutItem"),
            Asked::Delete(_) => ("delete", "dynamodb:DeleteItem"),
            Asked::Update(_) => ("update", "dynamodb:UpdateItem"),
        }
    }
}

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &TransactWriteItemsInput) -> Result<Vec<Permission>, ServiceError> {
    let asked = input.transact_items.iter().flatten().filter_map(TransactWriteItem::asked);
    let named = asked.map(|asked| {
        let request = asked.action();
        let items = request.item.iter().chain(&request.key).filter_map(|item| item.0.as_ref().ok());
        let told = || {
            let told = action(&asked).map_or_else(|_| Told::default(), |write| Told::default().write(&write));
            let told = told.returns(request.return_values_on_condition_check_failure.as_deref());
            told.reports(input.return_consumed_capacity.as_deref()).within("TransactWriteItems")
        };
        item_permission(cx, asked.names().1, request.table_name.as_deref(), items, told)
    });
    all_permissions(cx, "dynamodb:PutItem", named)
}

pub async fn transact_write(
    state: Arc<DynamoDb>,
    cx: Cx,
    input: TransactWriteItemsInput,
) -> Result<TransactWriteItemsOutput, Error> {
    let writes = validated(&input)?;
    let request = input.client_request_token.as_ref().map(|token| Request {
        account: cx.account().to_string(),
        token: token.clone(),
        digest: digest(&[format!("{:?}", input.transact_items).as_bytes()]),
    });
    let outcome = write::all(&state, &cx, request, writes).await?;
    let mut output = TransactWriteItemsOutput::default();
    let Outcome::Done(done) = outcome else { return Ok(output) };
    let mut usages: BTreeMap<String, Usage> = BTreeMap::new();
    for written in done {
        usages.entry(written.table.name.clone()).or_default().add_write(&written.units, transaction::COST);
        let item = written.after.as_ref().or(written.before.as_ref());
        let metrics = match item {
            Some(item) => metrics(&cx, input.return_item_collection_metrics.as_deref(), &written.table, item)?,
            None => None,
        };
        if let Some(metrics) = metrics {
            output.item_collection_metrics.entry(written.table.name.clone()).or_default().push(metrics);
        }
    }
    let report = report(input.return_consumed_capacity.as_deref());
    output.consumed_capacity =
        usages.iter().filter_map(|(table, usage)| usage.report(report, table, Kind::Write)).collect();
    Ok(output)
}

/// How many actions a transaction has; `shape` is how messages show one.
pub fn check_count<T>(constraints: &mut Constraints, items: Option<&Vec<T>>, shape: &str) {
    match items {
        None => constraints.fail(None, "transactItems", "Member must not be null"),
        Some(items) => {
            let shown = format!("[{}]", vec![shape; items.len()].join(", "));
            constraints.length(&shown, items.len(), "transactItems", 1, TRANSACTION_ACTIONS_MAX);
        }
    }
}

fn validated(input: &TransactWriteItemsInput) -> Result<Vec<Write>, Error> {
    let mut constraints = Constraints::default();
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &REPORTS);
    constraints.choice(input.return_item_collection_metrics.as_deref(), "returnItemCollectionMetrics", &METRICS);
    if let Some(token) = &input.client_request_token {
        constraints.length(token, token.chars().count(), "clientRequestToken", 1, 36);
    }
    check_count(&mut constraints, input.transact_items.as_ref(), "TransactWriteItem");
    let items = || input.transact_items.iter().flatten();
    for (number, item) in items().enumerate() {
        if let Some(asked) = item.asked() {
            check_action(&mut constraints, number + 1, &asked);
        }
    }
    constraints.check()?;
    let writes = items().map(|item| match item.asked() {
        Some(asked) => action(&asked),
        None => Err(Error::validation("TransactItems can only contain one of Check, Put, Update or Delete")),
    });
    let writes = writes.collect::<Result<Vec<_>, _>>()?;
    if writes.iter().map(|write| item_size(write.change.item().view())).sum::<usize>() > TRANSACTION_BYTES_MAX {
        return Err(Error::validation("Transaction payload size cannot exceed 4194304 bytes"));
    }
    Ok(writes)
}

fn check_action(constraints: &mut Constraints, number: usize, asked: &Asked<'_>) {
    let (name, _) = asked.names();
    let at = |member: &str| format!("transactItems.{number}.member.{name}.{member}");
    let action = asked.action();
    match &action.table_name {
        Some(table) if table.starts_with("arn:") => {}
        Some(table) => constraints.name(table, &at("tableName"), 1),
        None => constraints.present(&action.table_name, &at("tableName")),
    }
    match asked {
        Asked::Put(_) => constraints.present(&action.item, &at("item")),
        _ => constraints.present(&action.key, &at("key")),
    }
    match asked {
        Asked::Update(_) => constraints.present(&action.update_expression, &at("updateExpression")),
        Asked::Check(_) => constraints.present(&action.condition_expression, &at("conditionExpression")),
        Asked::Put(_) | Asked::Delete(_) => {}
    }
    let on_failure = action.return_values_on_condition_check_failure.as_deref();
    constraints.choice(on_failure, &at("returnValuesOnConditionCheckFailure"), &ON_FAILURE);
}

/// The write that an action is.
fn action(asked: &Asked<'_>) -> Result<Write, Error> {
    let action = asked.action();
    expressions::Parameters {
        expressions: &[
            ("UpdateExpression", action.update_expression.is_some()),
            ("ConditionExpression", action.condition_expression.is_some()),
        ],
        legacy: &[],
        names: action.expression_attribute_names.is_some(),
        values: action.expression_attribute_values.is_some(),
    }
    .check()?;
    let mut scope = expressions::scope(&action.expression_attribute_names, &action.expression_attribute_values)?;
    let update = expressions::update(action.update_expression.as_deref(), &mut scope)?;
    let condition = expressions::condition(action.condition_expression.as_deref(), "ConditionExpression", &mut scope)?;
    scope.finish()?;
    let change = match asked {
        Asked::Put(_) => Change::Put(put_item(action.item.as_ref())?),
        Asked::Delete(_) => Change::Delete(key(action.key.as_ref())?),
        Asked::Check(_) => Change::Check(key(action.key.as_ref())?),
        Asked::Update(_) => {
            let request = UpdateRequest { update: update.unwrap_or_default(), legacy: false };
            Change::Update(key(action.key.as_ref())?, request)
        }
    };
    Ok(Write {
        table: action.table_name.clone().unwrap_or_default(),
        condition,
        show_on_failure: action.return_values_on_condition_check_failure.as_deref() == Some("ALL_OLD"),
        change,
    })
}
