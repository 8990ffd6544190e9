//! TransactGetItems: reads of one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::get::{check_key_paths, project, projection, units};
use super::permission::{Told, all_permissions, item_permission};
use super::put::key;
use super::transact_write::check_count;
use super::{REPORTS, report};
use crate::DynamoDb;
use crate::attribute::ItemInput;
use crate::encoding::StoredItem;
use crate::error::{Error, Reason};
use crate::expression::Projection;
use crate::model::capacity::{ConsumedCapacity, Kind, Usage};
use crate::model::{item, table, transaction};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TransactGetItemsInput {
    pub transact_items: Option<Vec<TransactGetItem>>,
    pub return_consumed_capacity: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TransactGetItem {
    pub get: Option<Get>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Get {
    pub table_name: Option<String>,
    pub key: Option<ItemInput>,
    pub projection_expression: Option<String>,
    pub expression_attribute_names: Option<BTreeMap<String, String>>,
}

impl Get {
    fn projection(&self) -> Result<Option<Projection>, Error> {
        projection(None, self.projection_expression.as_deref(), &self.expression_attribute_names)
    }
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransactGetItemsOutput {
    pub responses: Vec<ItemResponse>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consumed_capacity: Vec<ConsumedCapacity>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ItemResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<StoredItem>,
}

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &TransactGetItemsInput) -> Result<Vec<Permission>, ServiceError> {
    let gets = input.transact_items.iter().flatten().filter_map(|item| item.get.as_ref());
    let named = gets.map(|get| {
        let keys = || get.key.iter().filter_map(|key| key.0.as_ref().ok());
        let told = || {
            let told = keys().fold(Told::default(), Told::item).reports(input.return_consumed_capacity.as_deref());
            let projection = get.projection().ok().flatten();
            told.selects(None, projection.as_ref(), None).within("TransactGetItems")
        };
        item_permission(cx, "dynamodb:GetItem", get.table_name.as_deref(), keys(), told)
    });
    all_permissions(cx, "dynamodb:GetItem", named)
}

pub async fn transact_get(
    state: Arc<DynamoDb>,
    cx: Cx,
    input: TransactGetItemsInput,
) -> Result<TransactGetItemsOutput, Error> {
    let gets = validated(&input)?;
    let snapshot = cx.db().read()?;
    let region = cx.region().as_str();
    let tables = gets.iter().map(|get| table::find(&snapshot, region, get.table)).collect::<Result<Vec<_>, _>>()?;
    let mut reasons = Vec::with_capacity(gets.len());
    let mut keys = Vec::with_capacity(gets.len());
    for (get, table) in gets.iter().zip(&tables) {
        let located = table.key.locate_key(get.key.view()).and_then(|key| {
            get.projection.as_ref().map_or(Ok(()), |projection| check_key_paths(table, projection)).map(|()| key)
        });
        match located {
            Ok(key) => {
                if keys.contains(&(table.id, key.clone())) {
                    return Err(Error::validation(
                        "Transaction request cannot include multiple operations on one item",
                    ));
                }
                keys.push((table.id, key));
                reasons.push(Reason::FINE);
            }
            Err(error) => reasons.push(transaction::reason(error)?),
        }
    }
    if reasons.iter().any(|reason| !reason.is_fine()) {
        return Err(Error::TransactionCanceled(reasons));
    }
    let drawn = state.drawn(&cx);
    let mut usages: BTreeMap<&str, Usage> = BTreeMap::new();
    let mut output = TransactGetItemsOutput::default();
    reasons.clear();
    for ((get, table), (_, key)) in gets.iter().zip(&tables).zip(&keys) {
        let item = item::get(&snapshot, table, key)?;
        // A transactional read costs two consistent ones.
        let units = transaction::COST * units(item.as_ref(), true);
        reasons.push(match drawn.read(table, &Usage::table(units), Some(key.partition)) {
            Ok(()) => Reason::FINE,
            Err(error) => transaction::reason(error)?,
        });
        usages.entry(&table.name).or_default().add_table(units);
        let item = project(item, get.projection.as_ref()).filter(|item| !item.view().is_empty());
        output.responses.push(ItemResponse { item });
    }
    if reasons.iter().any(|reason| !reason.is_fine()) {
        drawn.give_back();
        return Err(Error::TransactionCanceled(reasons));
    }
    let report = report(input.return_consumed_capacity.as_deref());
    output.consumed_capacity =
        usages.iter().filter_map(|(table, usage)| usage.report(report, table, Kind::Read)).collect();
    Ok(output)
}

struct Wanted<'i> {
    table: &'i str,
    key: StoredItem,
    projection: Option<Projection>,
}

fn validated(input: &TransactGetItemsInput) -> Result<Vec<Wanted<'_>>, Error> {
    let mut constraints = Constraints::default();
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &REPORTS);
    check_count(&mut constraints, input.transact_items.as_ref(), "TransactGetItem");
    for (number, item) in input.transact_items.iter().flatten().enumerate() {
        let at = format!("transactItems.{}.member.get", number + 1);
        constraints.present(&item.get, &at);
        if let Some(get) = &item.get {
            constraints.present(&get.table_name, &format!("{at}.tableName"));
            constraints.present(&get.key, &format!("{at}.key"));
        }
    }
    constraints.check()?;
    let gets = input.transact_items.iter().flatten().filter_map(|item| item.get.as_ref());
    gets.map(|get| {
        Ok(Wanted {
            table: get.table_name.as_deref().unwrap_or_default(),
            key: key(get.key.as_ref())?,
            projection: get.projection()?,
        })
    })
    .collect()
}
