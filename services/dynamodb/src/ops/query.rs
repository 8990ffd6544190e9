//! Query.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use kv::{KeyRange, Order, Read};
use serde::Deserialize;
use service::{Cx, Error as ServiceError, Permission};

use super::expressions::{self, Parameters};
use super::permission::{Told, partition_permission};
use super::read::{self, PageOutput, SELECTS, Selection};
use super::{CONJUNCTIONS, REPORTS, report};
use crate::DynamoDb;
use crate::attribute::{ItemInput, ValueInput};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::legacy::{self, ConditionInput, OPERATORS};
use crate::expression::{Condition, KeyCondition, KeyOperator};
use crate::key::{KeyAttribute, KeySchema, empty_kind, partition_digest, push};
use crate::keys::Digest;
use crate::model::page::{Page, Reading, Source};
use crate::model::table;
use crate::types::{Index, Table};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct QueryInput {
    pub table_name: Option<String>,
    pub index_name: Option<String>,
    pub select: Option<String>,
    pub attributes_to_get: Option<Vec<String>>,
    pub limit: Option<i64>,
    pub consistent_read: bool,
    pub key_conditions: Option<BTreeMap<String, ConditionInput>>,
    pub query_filter: Option<BTreeMap<String, ConditionInput>>,
    pub conditional_operator: Option<String>,
    pub scan_index_forward: Option<bool>,
    pub exclusive_start_key: Option<ItemInput>,
    pub return_consumed_capacity: Option<String>,
    pub projection_expression: Option<String>,
    pub filter_expression: Option<String>,
    pub key_condition_expression: Option<String>,
    pub expression_attribute_names: Option<BTreeMap<String, String>>,
    pub expression_attribute_values: Option<BTreeMap<String, ValueInput>>,
}

pub async fn query(state: Arc<DynamoDb>, cx: Cx, input: QueryInput) -> Result<PageOutput, Error> {
    let asked = validated(&input)?;
    let snapshot = cx.db().read()?;
    let table = table::find(&snapshot, cx.region().as_str(), input.table_name.as_deref().unwrap_or_default())?;
    let place = place(&table, &input, &asked)?;
    let page = read(&snapshot, &input, &asked, &place)?;
    let report = report(input.return_consumed_capacity.as_deref());
    let local = place.index.is_some_and(|(_, local)| local);
    let usage = read::usage(place.source, local, &page, input.consistent_read);
    state.drawn(&cx).read(&table, &usage, Some(place.partition))?;
    Ok(asked.selection.output(place.source, page, &usage, report))
}

/// # Errors
/// When the table's policy cannot be read.
pub fn permission(cx: &Cx, input: &QueryInput) -> Result<Permission, ServiceError> {
    let (table, index) = (input.table_name.as_deref(), input.index_name.as_deref());
    // What is not valid, or does not fit the key, is refused before anything is read.
    let asked = OnceCell::new();
    let asked = || asked.get_or_init(|| validated(input).ok()).as_ref();
    let partition = |schema: &KeySchema| {
        let on_partition = asked()?.key.conditions.iter().find(|(name, _)| *name == schema.partition.name);
        Some(on_partition?.1.literals().next()?.value()?.to_value())
    };
    let told = || {
        let told = Told::default().reports(input.return_consumed_capacity.as_deref());
        let Some(asked) = asked() else { return told };
        let keys = asked.key.conditions.iter().map(|(name, _)| name.as_str());
        let told = told.names(keys).condition(asked.filter.as_ref());
        told.selects(input.select.as_deref(), asked.selection.projection.as_ref(), index)
    };
    partition_permission(cx, "dynamodb:Query", table, index, partition, told)
}

/// What a query reads.
pub struct Place<'t> {
    pub source: Source<'t>,
    /// With whether it is a local one.
    index: Option<(&'t Index, bool)>,
    pub partition: Digest,
    range: KeyRange,
    whole_items: bool,
}

/// Where in `table` the query reads.
///
/// # Errors
/// When it does not fit the table: its keys, its indexes, what they hold.
pub fn place<'t>(table: &'t Table, input: &QueryInput, asked: &Asked<'_>) -> Result<Place<'t>, Error> {
    let Asked { selection, key, filter, start } = asked;
    let index = read::index(table, input.index_name.as_deref(), input.consistent_read, "Query")?;
    let schema = index.map_or(&table.key, |(index, _)| &index.key);
    let source = Source { table, index: index.map(|(index, _)| index) };
    if let Some(start) = start {
        read::check_start_key(source, start, false)?;
    }
    let (partition, range) = match schema.is_composite() {
        true => part(source, key, schema)?,
        false => {
            let (partition, sort) = fit(key, schema)?;
            if let Some(start) = start {
                check_boundaries(source, schema, start, partition, sort)?;
            }
            (partition, source.partition(partition, sort))
        }
    };
    if let Some(position) = start.as_ref().and_then(|start| source.position(start)).filter(|_| schema.is_composite())
        && !range.contains(&position)
    {
        return Err(Error::validation(OUTSIDE));
    }
    check_filter(filter.as_ref(), input.query_filter.is_some(), schema)?;
    selection.check_paths(table, filter.as_ref())?;
    let range = match start.as_ref().and_then(|start| source.position(start)) {
        Some(position) => range.after(&position, input.order()),
        None => range,
    };
    let whole_items = selection.whole_items(table, index, filter.as_ref())?;
    Ok(Place { source, index, partition, range, whole_items })
}

pub fn read(
    snapshot: &(impl Read + ?Sized),
    input: &QueryInput,
    asked: &Asked<'_>,
    place: &Place<'_>,
) -> Result<Page, Error> {
    let reading = Reading {
        range: place.range.clone(),
        order: input.order(),
        limit: input.limit(),
        filter: asked.filter.as_ref(),
        whole_items: place.whole_items,
    };
    place.source.read(snapshot, &reading)
}

impl QueryInput {
    pub fn order(&self) -> Order {
        if self.scan_index_forward == Some(false) { Order::Reverse } else { Order::Forward }
    }

    /// How many items to look at.
    pub fn limit(&self) -> usize {
        self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
    }
}

/// A query that has been found valid, as far as that shows without its table.
pub struct Asked<'i> {
    pub selection: Selection<'i>,
    key: KeyCondition,
    filter: Option<Condition>,
    start: Option<StoredItem>,
}

/// # Errors
/// When the request contradicts itself, or an expression in it is not valid.
pub fn validated(input: &QueryInput) -> Result<Asked<'_>, Error> {
    check_constraints(input)?;
    let has_key_expression = input.key_condition_expression.is_some();
    // KeyConditions alone do not clash with filter or projection expressions.
    let key_conditions = input.key_conditions.is_some() && has_key_expression;
    let legacy_only = input.projection_expression.is_none() && input.filter_expression.is_none();
    Parameters {
        expressions: &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
            ("KeyConditionExpression", has_key_expression),
        ],
        legacy: &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("QueryFilter", input.query_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
            ("KeyConditions", key_conditions || (input.key_conditions.is_some() && legacy_only)),
        ],
        names: input.expression_attribute_names.is_some(),
        values: input.expression_attribute_values.is_some(),
    }
    .check()?;
    let legacy_filter = match &input.query_filter {
        Some(conditions) => {
            Some(legacy::filter(conditions, expressions::conjunction(input.conditional_operator.as_deref()))?)
        }
        None => None,
    };
    let attributes = expressions::attributes_to_get(input.attributes_to_get.as_ref())?;
    let start = read::start_key(input.exclusive_start_key.as_ref())?;
    if input.key_conditions.is_none() && !has_key_expression {
        return Err(Error::validation(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ));
    }
    let mut scope = expressions::scope(&input.expression_attribute_names, &input.expression_attribute_values)?;
    let key = input.key_condition_expression.as_ref().map(|text| KeyCondition::parse(text, &mut scope)).transpose()?;
    let filter = expressions::condition(input.filter_expression.as_deref(), "FilterExpression", &mut scope)?;
    let projection = expressions::projection(input.projection_expression.as_deref(), &mut scope)?;
    scope.finish()?;
    let key = match (key, &input.key_conditions) {
        (Some(condition), _) => KeyCondition::of(condition)?,
        (None, Some(conditions)) => legacy::key_conditions(conditions)?,
        (None, None) => KeyCondition::new(Vec::new())?,
    };
    let parameter = if attributes.is_some() { "AttributesToGet" } else { "ProjectionExpression" };
    let selection = Selection { select: input.select.as_deref(), projection: projection.or(attributes), parameter };
    selection.check(input.index_name.as_deref())?;
    Ok(Asked { selection, key, filter: filter.or(legacy_filter), start })
}

fn check_constraints(input: &QueryInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    constraints.choice(input.select.as_deref(), "select", &SELECTS);
    constraints.index(input.index_name.as_deref());
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &REPORTS);
    check_conditions(&mut constraints, input.query_filter.as_ref(), "queryFilter");
    constraints.table(input.table_name.as_deref());
    constraints.choice(input.conditional_operator.as_deref(), "conditionalOperator", &CONJUNCTIONS);
    if let Some(names) = &input.attributes_to_get {
        constraints.length(&format!("{names:?}"), names.len(), "attributesToGet", 1, 255);
    }
    check_conditions(&mut constraints, input.key_conditions.as_ref(), "keyConditions");
    constraints.check()?;
    if input.limit.is_some_and(|limit| limit < 1) {
        return Err(Error::validation(
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ));
    }
    Ok(())
}

/// The comparison operators of an older parameter.
pub fn check_conditions(
    constraints: &mut Constraints,
    conditions: Option<&BTreeMap<String, ConditionInput>>,
    parameter: &str,
) {
    for (name, condition) in conditions.into_iter().flatten() {
        let at = format!("{parameter}.{name}.member.comparisonOperator");
        constraints.present(&condition.comparison_operator, &at);
        constraints.choice(condition.comparison_operator.as_deref(), &at, &OPERATORS);
    }
}

const OUTSIDE: &str = "The provided starting key is outside query boundaries based on provided conditions";

/// The partition, and the part of it to read, of an index whose key has several attributes of a kind: all of the partition
/// key are given, and the first ones of the sort key, of which the last one may be in a range.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html>
///
/// # Errors
/// When the condition is not one on the key of `schema`.
fn part(source: Source<'_>, key: &KeyCondition, schema: &KeySchema) -> Result<(Digest, KeyRange), Error> {
    let on = |attribute: &KeyAttribute| {
        key.conditions.iter().find(|(name, _)| *name == attribute.name).map(|(_, operator)| operator)
    };
    if key.conditions.iter().any(|(name, _)| !schema.has(name)) {
        return Err(Error::validation("Query key condition not supported"));
    }
    for attribute in schema.attributes() {
        let Some(operator) = on(attribute) else { continue };
        check_types(attribute, operator)?;
        check_values(attribute, operator)?;
    }
    let given = |attribute: &KeyAttribute| match on(attribute)? {
        KeyOperator::Equal(literal) => literal.value(),
        _ => None,
    };
    let partition = schema.partition_of(given).ok_or_else(|| {
        Error::validation("Query key condition not supported: all HASH key attributes need an equality condition")
    })?;
    let (mut first, mut next, mut sorts) = (Vec::new(), None, schema.sorts());
    let mut missed = None;
    for attribute in &mut sorts {
        match on(attribute) {
            Some(KeyOperator::Equal(value)) => push(&mut first, value.bytes()),
            last => {
                missed = last.is_none().then_some(attribute);
                next = last;
                break;
            }
        }
    }
    if sorts.any(|attribute| on(attribute).is_some()) {
        return Err(missed.map_or_else(
            || Error::validation("Query key condition not supported: only the last RANGE key attribute with a condition may have another than equality"),
            |attribute| missed_element(&attribute.name),
        ));
    }
    Ok((partition, source.part(partition, &first, next)))
}

/// # Errors
/// When a condition is none that finds keys, or its values are not of the attribute's type.
fn check_types(attribute: &KeyAttribute, operator: &KeyOperator) -> Result<(), Error> {
    if *operator == KeyOperator::NotIndexable {
        return Err(Error::validation("Attempted conditional constraint is not an indexable operation"));
    }
    match operator.literals().all(|literal| literal.kind() == attribute.kind) {
        true => Ok(()),
        false => Err(Error::invalid("Condition parameter type does not match schema type")),
    }
}

/// # Errors
/// When one of a condition's values is empty.
fn check_values(attribute: &KeyAttribute, operator: &KeyOperator) -> Result<(), Error> {
    let empty = operator.literals().find_map(|literal| literal.value().and_then(empty_kind));
    match empty.filter(|_| !matches!(operator, KeyOperator::BeginsWith(_))) {
        Some(empty) => Err(Error::Validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {empty} value. Key: {}",
            attribute.name
        ))),
        None => Ok(()),
    }
}

fn missed_element(name: &str) -> Error {
    Error::Validation(format!("Query condition missed key schema element: {name}"))
}

/// The partition to read, and the condition on the sort key.
///
/// # Errors
/// When the condition is not one on the key of `schema`.
pub fn fit<'c>(key: &'c KeyCondition, schema: &KeySchema) -> Result<(Digest, Option<&'c KeyOperator>), Error> {
    let on = |name: &str| key.conditions.iter().find(|(attribute, _)| attribute == name).map(|(_, operator)| operator);
    if key.conditions.len() > 2 {
        return Err(Error::validation(KeyCondition::COUNT));
    }
    let several = key.conditions.len() > 1;
    if schema.sort.is_none() && several {
        return Err(Error::validation("Query key condition not supported"));
    }
    for (at, attribute) in schema.attributes().enumerate() {
        let Some(operator) = on(&attribute.name) else {
            if at == 0 || several {
                return Err(missed_element(&attribute.name));
            }
            continue;
        };
        check_types(attribute, operator)?;
        if at == 0 && !matches!(operator, KeyOperator::Equal(_)) {
            return Err(Error::validation("Query key condition not supported"));
        }
        check_values(attribute, operator)?;
    }
    let partition = on(&schema.partition.name).and_then(|operator| operator.literals().next()?.value());
    let partition = partition.map(partition_digest).ok_or_else(|| missed_element(&schema.partition.name))?;
    Ok((partition, schema.sort.as_ref().and_then(|sort| on(&sort.name))))
}

/// # Errors
/// When the page would begin outside of what the query reads.
fn check_boundaries(
    source: Source<'_>,
    schema: &KeySchema,
    start: &StoredItem,
    partition: Digest,
    sort: Option<&KeyOperator>,
) -> Result<(), Error> {
    let elsewhere = source.partition_of(start) != Some(partition);
    let name = schema.sort.as_ref().map(|sort| sort.name.as_str());
    match (sort, name.and_then(|name| start.view().get(name))) {
        (Some(operator), Some(value)) => {
            if !operator.matches(value.bytes()) {
                return Err(Error::validation("The provided starting key does not match the range key predicate"));
            }
            if elsewhere {
                return Err(Error::validation("The query can return at most one row and cannot be restarted"));
            }
        }
        _ if elsewhere => {
            return Err(Error::validation(OUTSIDE));
        }
        _ => {}
    }
    Ok(())
}

/// # Errors
/// When the filter looks at the key, which is what key conditions are for.
pub fn check_filter(filter: Option<&Condition>, legacy: bool, schema: &KeySchema) -> Result<(), Error> {
    let mut on_key = None;
    if let Some(filter) = filter {
        filter.paths(&mut |path| {
            if schema.has(&path.attribute) {
                on_key.get_or_insert_with(|| path.attribute.clone());
            }
        });
    }
    match on_key {
        Some(name) => Err(Error::Validation(format!(
            "{} can only contain non-primary key attributes: Primary key attribute: {name}",
            if legacy { "QueryFilter" } else { "Filter Expression" }
        ))),
        None => Ok(()),
    }
}
