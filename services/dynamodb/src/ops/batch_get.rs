//! BatchGetItem.

use std::collections::BTreeMap;
use std::sync::Arc;

use kv::Snap;
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::expressions::Parameters;
use super::get::{check_key_paths, project, projection, units};
use super::permission::{Told, all_permissions, item_permission};
use super::put::key;
use super::{REPORTS, report};
use crate::DynamoDb;
use crate::attribute::ItemInput;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::Projection;
use crate::key::ItemKey;
use crate::limits::{BATCH_GET_BYTES_MAX, BATCH_GET_KEYS_MAX};
use crate::model::capacity::{ConsumedCapacity, Kind, Usage};
use crate::model::{item, table};
use crate::size::item_size;
use crate::types::SharedTable;
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BatchGetItemInput {
    pub request_items: BTreeMap<String, KeysAndAttributes>,
    pub return_consumed_capacity: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeysAndAttributes {
    pub keys: Vec<ItemInput>,
    pub attributes_to_get: Option<Vec<String>>,
    pub consistent_read: bool,
    pub projection_expression: Option<String>,
    pub expression_attribute_names: Option<BTreeMap<String, String>>,
}

impl KeysAndAttributes {
    fn projection(&self) -> Result<Option<Projection>, Error> {
        let expression = self.projection_expression.as_deref();
        projection(self.attributes_to_get.as_ref(), expression, &self.expression_attribute_names)
    }
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchGetItemOutput {
    pub responses: BTreeMap<String, Vec<StoredItem>>,
    pub unprocessed_keys: BTreeMap<String, Unprocessed>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consumed_capacity: Vec<ConsumedCapacity>,
}

/// What did not fit the answer, as a part of the request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Unprocessed {
    pub keys: Vec<StoredItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes_to_get: Option<Vec<String>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub consistent_read: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projection_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression_attribute_names: Option<BTreeMap<String, String>>,
}

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &BatchGetItemInput) -> Result<Vec<Permission>, ServiceError> {
    let of_table = |(table, wanted): (&String, &KeysAndAttributes)| {
        let keys = || wanted.keys.iter().filter_map(|key| key.0.as_ref().ok());
        let told = || {
            let told = keys().fold(Told::default(), Told::item).reports(input.return_consumed_capacity.as_deref());
            let projection = wanted.projection().ok().flatten();
            told.selects(None, projection.as_ref(), None)
        };
        item_permission(cx, "dynamodb:BatchGetItem", Some(table), keys(), told)
    };
    let named = input.request_items.iter().map(of_table);
    all_permissions(cx, "dynamodb:BatchGetItem", named)
}

pub async fn batch_get(state: Arc<DynamoDb>, cx: Cx, input: BatchGetItemInput) -> Result<BatchGetItemOutput, Error> {
    let batch = validated(&input)?;
    let snapshot = cx.db().read()?;
    let mut located = Vec::with_capacity(batch.len());
    for (name, wanted) in &batch {
        located.push(locate(&snapshot, &cx, name, wanted)?);
    }
    let report = report(input.return_consumed_capacity.as_deref());
    let mut output = BatchGetItemOutput::default();
    let mut room = BATCH_GET_BYTES_MAX;
    let drawn = state.drawn(&cx);
    let (mut any, mut throttled) = (false, None);
    for ((name, wanted), (table, keys)) in batch.into_iter().zip(located) {
        let mut usage = Usage::default();
        let responses = output.responses.entry(name.clone()).or_default();
        let mut done = 0;
        for key in &keys {
            let item = item::get(&snapshot, &table, key)?;
            let size = item.as_ref().map_or(0, |item| item_size(item.view()));
            if size > room {
                break;
            }
            let units = units(item.as_ref(), wanted.request.consistent_read);
            match drawn.read(&table, &Usage::table(units), Some(key.partition)) {
                Ok(()) => any = true,
                Err(Error::Throttled(refusal)) => {
                    throttled = Some(refusal);
                    break;
                }
                Err(error) => return Err(error),
            }
            room -= size;
            done += 1;
            usage.add_table(units);
            responses.extend(project(item, wanted.projection.as_ref()));
        }
        output.consumed_capacity.extend(usage.report(report, &table.name, Kind::Unsaid));
        if done < keys.len() {
            // Where a table has no throughput left, others may have.
            room = if throttled.is_some() { room } else { 0 };
            output.unprocessed_keys.insert(name, wanted.unprocessed(done));
        }
    }
    match throttled {
        Some(refusal) if !any => Err(Error::Throttled(refusal)),
        _ => Ok(output),
    }
}

struct Wanted<'i> {
    request: &'i KeysAndAttributes,
    keys: Vec<StoredItem>,
    projection: Option<Projection>,
}

impl Wanted<'_> {
    fn unprocessed(self, done: usize) -> Unprocessed {
        let request = self.request;
        Unprocessed {
            keys: self.keys.into_iter().skip(done).collect(),
            attributes_to_get: request.attributes_to_get.clone(),
            consistent_read: request.consistent_read,
            projection_expression: request.projection_expression.clone(),
            expression_attribute_names: request.expression_attribute_names.clone(),
        }
    }
}

fn validated(input: &BatchGetItemInput) -> Result<Vec<(String, Wanted<'_>)>, Error> {
    let mut constraints = Constraints::default();
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &REPORTS);
    for (name, wanted) in &input.request_items {
        let at = format!("requestItems.{name}.member.keys");
        constraints.length("[]", wanted.keys.len(), &at, 1, usize::MAX);
    }
    constraints.check()?;
    if input.request_items.is_empty() {
        return Err(Error::validation("The requestItems parameter is required for BatchGetItem"));
    }
    for (name, wanted) in &input.request_items {
        if wanted.keys.len() > BATCH_GET_KEYS_MAX {
            return Err(Error::Validation(format!(
                "1 validation error detected: Value at 'RequestItems.{name}.member.Keys' failed to satisfy constraint: Member must have length less than or equal to {BATCH_GET_KEYS_MAX}"
            )));
        }
    }
    let mut batch = Vec::with_capacity(input.request_items.len());
    for (name, request) in &input.request_items {
        batch.push((name.clone(), of_table(request)?));
    }
    if batch.iter().map(|(_, wanted)| wanted.keys.len()).sum::<usize>() > BATCH_GET_KEYS_MAX {
        return Err(Error::validation("Too many items requested for the BatchGetItem call"));
    }
    Ok(batch)
}

fn of_table(request: &KeysAndAttributes) -> Result<Wanted<'_>, Error> {
    Parameters {
        expressions: &[("ProjectionExpression", request.projection_expression.is_some())],
        legacy: &[("AttributesToGet", request.attributes_to_get.is_some())],
        names: request.expression_attribute_names.is_some(),
        values: false,
    }
    .check()?;
    let projection = request.projection()?;
    let keys = request.keys.iter().map(|input| key(Some(input))).collect::<Result<Vec<_>, _>>()?;
    // That the same is named twice shows without the table, which is looked for later.
    if keys.iter().enumerate().any(|(at, key)| keys.iter().take(at).any(|earlier| earlier == key)) {
        return Err(Error::validation(DUPLICATES));
    }
    Ok(Wanted { request, keys, projection })
}

const DUPLICATES: &str = "Provided list of item keys contains duplicates";

/// A table and where in it the wanted items are.
fn locate(snapshot: &Snap, cx: &Cx, name: &str, wanted: &Wanted<'_>) -> Result<(SharedTable, Vec<ItemKey>), Error> {
    let table = table::find(snapshot, cx.region().as_str(), name)?;
    let keys = wanted.keys.iter().map(|key| table.key.locate_key(key.view())).collect::<Result<Vec<_>, _>>()?;
    let mut distinct: Vec<&ItemKey> = keys.iter().collect();
    distinct.sort();
    if distinct.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(Error::validation(DUPLICATES));
    }
    if let Some(projection) = &wanted.projection {
        check_key_paths(&table, projection)?;
    }
    Ok((table, keys))
}
