//! SearchVectors.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/VectorSearch.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use kv::Snap;
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::expressions::{self, Parameters};
use super::permission::permission;
use super::{REPORTS, get, report};
use crate::DynamoDb;
use crate::attribute::ValueInput;
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::{Comparator, Condition, Literal, Operand, Projection};
use crate::key::{empty_kind, partition_digest};
use crate::keys::Digest;
use crate::limits::{SEARCH_ANSWER_BYTES_MAX, TOP_MAX, VECTOR_REQUEST_BYTES_MIN};
use crate::model::capacity::{Report, VectorCapacity};
use crate::model::nearest::{self, Near, Search};
use crate::model::table;
use crate::model::vector::WHOLE;
use crate::number::Number;
use crate::size::item_size;
use crate::types::{Role, Table, VectorIndex};
use crate::validation::Constraints;
use crate::value::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SearchInput {
    pub table_name: Option<String>,
    pub index_name: Option<String>,
    pub return_consumed_capacity: Option<String>,
    pub expression_attribute_names: Option<BTreeMap<String, String>>,
    pub expression_attribute_values: Option<BTreeMap<String, ValueInput>>,
    pub projection_expression: Option<String>,
    pub search_vector: Option<Vec<ValueInput>>,
    pub search_condition_expression: Option<String>,
    pub top_k: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SearchOutput {
    search_results: Vec<SearchResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumed_capacity: Option<VectorCapacity>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SearchResult {
    item: StoredItem,
    score: f64,
}

/// Policies cannot ask which items or attributes are searched, as on AWS.
///
/// # Errors
/// When the table's policy cannot be read.
pub fn permissions(_: &DynamoDb, cx: &Cx, input: &SearchInput) -> Result<Vec<Permission>, ServiceError> {
    Ok(vec![permission(cx, "dynamodb:SearchVectors", input.table_name.as_deref(), input.index_name.as_deref())?])
}

pub async fn search(state: Arc<DynamoDb>, cx: Cx, input: SearchInput) -> Result<SearchOutput, Error> {
    let asked = validated(&input)?;
    let (db, region) = (cx.db().clone(), cx.region().clone());
    // Looking at all rows of an index takes a processor for long: others wait for their turn.
    let turn = state.searches.clone().acquire_owned().await;
    let searching = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let read = db.read()?;
        asked.answer(&read, &*table::find(&read, region.as_str(), input.table_name.as_deref().unwrap_or_default())?)
    });
    searching.await.map_err(|panicked| kv::Error::Panicked(panicked.to_string()))?
}

/// A search that has been found valid, as far as that shows without its table.
struct Asked {
    index: String,
    vector: Vec<f32>,
    equal: Vec<(String, Literal)>,
    has_condition: bool,
    projection: Option<Projection>,
    top: usize,
    report: Report,
}

fn validated(input: &SearchInput) -> Result<Asked, Error> {
    let mut constraints = Constraints::default();
    constraints.table(input.table_name.as_deref());
    constraints.present(&input.index_name, "indexName");
    constraints.index(input.index_name.as_deref());
    constraints.present(&input.search_vector, "searchVector");
    constraints.present(&input.top_k, "topK");
    constraints.at_least(input.top_k, "topK", 1);
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &REPORTS);
    constraints.check()?;
    let top = input.top_k.unwrap_or_default();
    let top = usize::try_from(top).ok().filter(|top| (1..=TOP_MAX).contains(top)).ok_or_else(|| {
        Error::Validation(format!(
            "Provided TopK value '{top}' is out of valid range. The value must be between 1 and {TOP_MAX} inclusive"
        ))
    })?;
    Parameters {
        expressions: &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("SearchConditionExpression", input.search_condition_expression.is_some()),
        ],
        legacy: &[],
        names: input.expression_attribute_names.is_some(),
        values: input.expression_attribute_values.is_some(),
    }
    .check()?;
    let mut scope = expressions::scope(&input.expression_attribute_names, &input.expression_attribute_values)?;
    let text = input.search_condition_expression.as_deref();
    let condition = expressions::condition(text, CONDITION, &mut scope)?;
    let projection = expressions::projection(input.projection_expression.as_deref(), &mut scope)?;
    scope.finish()?;
    let (mut equal, has_condition) = (Vec::new(), condition.is_some());
    condition.map_or(Ok(()), |condition| collect(condition, &mut equal))?;
    Ok(Asked {
        index: input.index_name.clone().unwrap_or_default(),
        vector: vector(input.search_vector.as_deref().unwrap_or_default())?,
        equal,
        has_condition,
        projection,
        top,
        report: report(input.return_consumed_capacity.as_deref()),
    })
}

fn vector(values: &[ValueInput]) -> Result<Vec<f32>, Error> {
    let component = |value: &ValueInput| match &value.0 {
        Ok(Value::N(number)) => number.to_f32(),
        _ => None,
    };
    values.iter().map(component).collect::<Option<_>>().ok_or_else(|| {
        Error::validation(
            "Search vector contains invalid values. All values in the search vector must be a 32-bit floating-point number attribute",
        )
    })
}

const CONDITION: &str = "SearchConditionExpression";

/// What attributes must be equal to: no other condition can be searched for.
fn collect(condition: Condition, equal: &mut Vec<(String, Literal)>) -> Result<(), Error> {
    let invalid = |what: &str| Err(Error::Validation(format!("Invalid {CONDITION}: {what} used in {CONDITION}")));
    match condition {
        Condition::And(all) => all.into_iter().try_for_each(|one| collect(one, equal)),
        Condition::Compare(Comparator::Equal, Operand::Path(path), Operand::Literal(literal))
        | Condition::Compare(Comparator::Equal, Operand::Literal(literal), Operand::Path(path)) => {
            if path.is_nested() {
                return invalid("Nested attribute");
            }
            equal.push((path.attribute, literal));
            Ok(())
        }
        Condition::Compare(Comparator::Equal, ..) => invalid("Invalid operand"),
        Condition::Compare(..) => invalid("Invalid comparator"),
        _ => invalid("Invalid operator"),
    }
}

impl Asked {
    fn answer(&self, read: &Snap, table: &Table) -> Result<SearchOutput, Error> {
        let index = self.index(table)?;
        if let Some(projection) = &self.projection {
            get::check_key_paths(table, projection)?;
        }
        let Asked { vector, equal, top, .. } = self;
        let partition = self.partition(index)?;
        let found = nearest::search(read, &Search { index, partition, vector, equal, top: *top })?;
        let bytes = found.bytes.max(VECTOR_REQUEST_BYTES_MIN) as f64;
        Ok(SearchOutput {
            search_results: self.results(index, found.nearest)?,
            consumed_capacity: (self.report != Report::None).then(|| VectorCapacity::searched(bytes)),
        })
    }

    fn index<'t>(&self, table: &'t Table) -> Result<&'t VectorIndex, Error> {
        let name = &self.index;
        let index = table
            .vector_index(name)
            .ok_or_else(|| Error::Validation(format!("The table does not have the specified index: {name}")))?;
        if index.backfilling {
            return Err(Error::Validation(format!("Cannot search backfilling vector index: {name}")));
        }
        if self.vector.len() != index.dimensions as usize {
            return Err(Error::Validation(format!(
                "Input search vector dimension {} does not match vector index dimension {}",
                self.vector.len(),
                index.dimensions
            )));
        }
        Ok(index)
    }

    /// The part of the index that is searched, when its search schema has what the condition asks for.
    fn partition(&self, index: &VectorIndex) -> Result<Digest, Error> {
        if index.hash().is_some() && !self.has_condition {
            return Err(Error::validation(NO_HASH));
        }
        let mut partition = None;
        for (name, literal) in &self.equal {
            let Some(searched) = index.searched(name) else {
                return Err(Error::Validation(format!(
                    "{CONDITION} must not contain any attributes that is not in SearchSchema. Invalid attribute: {name}"
                )));
            };
            let (given, expected) = (literal.kind(), searched.attribute.kind);
            if given != expected {
                return Err(Error::Validation(format!(
                    "Type of '{name}' attribute in {CONDITION} ({given}) does not match type in search schema ({expected})"
                )));
            }
            if searched.role == Role::Hash {
                if let Some(empty) = literal.value().and_then(empty_kind) {
                    return Err(Error::Validation(format!(
                        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {empty} value. Key: {name}"
                    )));
                }
                partition = literal.value().map(partition_digest);
            }
        }
        match (partition, index.hash()) {
            (None, Some(_)) => Err(Error::validation(NO_HASH)),
            (partition, _) => Ok(partition.unwrap_or(WHOLE)),
        }
    }

    fn results(&self, index: &VectorIndex, nearest: Vec<Near>) -> Result<Vec<SearchResult>, Error> {
        let mut bytes = 0;
        let result = |near: Near| {
            let (score, item) = (near.score, self.shown(index, near));
            bytes += item_size(item.view());
            match bytes > SEARCH_ANSWER_BYTES_MAX {
                true => Err(Error::Validation(format!(
                    "The search results have more than {SEARCH_ANSWER_BYTES_MAX} bytes. Use a lower TopK, or a ProjectionExpression that names fewer attributes"
                ))),
                false => Ok(SearchResult { item, score }),
            }
        };
        nearest.into_iter().map(result).collect()
    }

    /// What is answered of an item: its vector only where that was asked for.
    fn shown(&self, index: &VectorIndex, near: Near) -> StoredItem {
        let Some(projection) = &self.projection else { return near.item };
        let attribute = &index.attribute;
        if !index.projects_vectors() || !projection.names().any(|name| name == attribute) {
            return projection.apply(near.item.view());
        }
        let components = near.row.components().iter().map(|bytes| Number::from_f32(f32::from_le_bytes(*bytes)));
        let mut item = near.item.view().to_item();
        item.insert(attribute.clone(), Value::L(components.map(Value::N).collect()));
        projection.apply(StoredItem::new(&item).view())
    }
}

const NO_HASH: &str = "SearchConditionExpression must be provided when SearchSchema has a HASH key";
