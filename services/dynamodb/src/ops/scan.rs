//! Scan.

use std::collections::BTreeMap;
use std::sync::Arc;

use kv::Order;
use serde::Deserialize;
use service::{Cx, Error as ServiceError, Permission};

use super::expressions::{self, Parameters};
use super::permission::{Told, told_permission};
use super::query::check_conditions;
use super::read::{self, PageOutput, SELECTS, Selection};
use super::{CONJUNCTIONS, REPORTS, report};
use crate::DynamoDb;
use crate::attribute::{ItemInput, ValueInput};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::Condition;
use crate::expression::legacy::{self, ConditionInput};
use crate::limits::TOTAL_SEGMENTS_MAX;
use crate::model::page::{Reading, Source};
use crate::model::table;
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ScanInput {
    pub table_name: Option<String>,
    pub index_name: Option<String>,
    pub select: Option<String>,
    pub attributes_to_get: Option<Vec<String>>,
    pub limit: Option<i64>,
    pub consistent_read: bool,
    pub scan_filter: Option<BTreeMap<String, ConditionInput>>,
    pub conditional_operator: Option<String>,
    pub segment: Option<i64>,
    pub total_segments: Option<i64>,
    pub exclusive_start_key: Option<ItemInput>,
    pub return_consumed_capacity: Option<String>,
    pub projection_expression: Option<String>,
    pub filter_expression: Option<String>,
    pub expression_attribute_names: Option<BTreeMap<String, String>>,
    pub expression_attribute_values: Option<BTreeMap<String, ValueInput>>,
}

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &ScanInput) -> Result<Vec<Permission>, ServiceError> {
    let (table, index) = (input.table_name.as_deref(), input.index_name.as_deref());
    let told = || {
        let told = Told::default().reports(input.return_consumed_capacity.as_deref());
        let Ok((selection, filter, _)) = validated(input) else { return told };
        told.condition(filter.as_ref()).selects(input.select.as_deref(), selection.projection.as_ref(), index)
    };
    Ok(vec![told_permission(cx, "dynamodb:Scan", table, index, told)?])
}

pub async fn scan(state: Arc<DynamoDb>, cx: Cx, input: ScanInput) -> Result<PageOutput, Error> {
    let (selection, filter, start) = validated(&input)?;
    let snapshot = cx.db().read()?;
    let table = table::find(&snapshot, cx.region().as_str(), input.table_name.as_deref().unwrap_or_default())?;
    let index = read::index(&table, input.index_name.as_deref(), input.consistent_read, "Scan")?;
    let source = Source { table: &table, index: index.map(|(index, _)| index) };
    let segment = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    let range = match (segment(input.segment), segment(input.total_segments)) {
        (Some(segment), Some(total)) => source.segment(segment, total),
        _ => source.all(),
    };
    let range = match &start {
        None => range,
        Some(start) => {
            read::check_start_key(source, start, true)?;
            let position = source.position(start).unwrap_or_default();
            if !range.contains(&position) {
                return Err(Error::Validation(format!(
                    "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: {} Segment: {}",
                    input.total_segments.unwrap_or_default(),
                    input.segment.unwrap_or_default()
                )));
            }
            range.after(&position, Order::Forward)
        }
    };
    selection.check_paths(&table, filter.as_ref())?;
    let page = source.read(
        &snapshot,
        &Reading {
            range,
            order: Order::Forward,
            limit: input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX),
            filter: filter.as_ref(),
            whole_items: selection.whole_items(&table, index, filter.as_ref())?,
        },
    )?;
    let report = report(input.return_consumed_capacity.as_deref());
    let local = index.is_some_and(|(_, local)| local);
    let usage = read::usage(source, local, &page, input.consistent_read);
    state.drawn(&cx).read(&table, &usage, None)?;
    Ok(selection.output(source, page, &usage, report))
}

type Validated<'i> = (Selection<'i>, Option<Condition>, Option<StoredItem>);

fn validated(input: &ScanInput) -> Result<Validated<'_>, Error> {
    check_constraints(input)?;
    Parameters {
        expressions: &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
        ],
        legacy: &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("ScanFilter", input.scan_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
        names: input.expression_attribute_names.is_some(),
        values: input.expression_attribute_values.is_some(),
    }
    .check()?;
    let attributes = expressions::attributes_to_get(input.attributes_to_get.as_ref())?;
    let legacy_filter = match &input.scan_filter {
        Some(conditions) => {
            Some(legacy::filter(conditions, expressions::conjunction(input.conditional_operator.as_deref()))?)
        }
        None => None,
    };
    let start = read::start_key(input.exclusive_start_key.as_ref())?;
    check_segments(input.segment, input.total_segments)?;
    let mut scope = expressions::scope(&input.expression_attribute_names, &input.expression_attribute_values)?;
    let filter = expressions::condition(input.filter_expression.as_deref(), "FilterExpression", &mut scope)?;
    let projection = expressions::projection(input.projection_expression.as_deref(), &mut scope)?;
    scope.finish()?;
    let parameter = if attributes.is_some() { "AttributesToGet" } else { "ProjectionExpression" };
    let selection = Selection { select: input.select.as_deref(), projection: projection.or(attributes), parameter };
    selection.check(input.index_name.as_deref())?;
    Ok((selection, filter.or(legacy_filter), start))
}

fn check_constraints(input: &ScanInput) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    constraints.choice(input.select.as_deref(), "select", &SELECTS);
    constraints.index(input.index_name.as_deref());
    constraints.at_least(input.total_segments, "totalSegments", 1);
    constraints.at_most(input.total_segments, "totalSegments", TOTAL_SEGMENTS_MAX);
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &REPORTS);
    constraints.table(input.table_name.as_deref());
    constraints.choice(input.conditional_operator.as_deref(), "conditionalOperator", &CONJUNCTIONS);
    check_conditions(&mut constraints, input.scan_filter.as_ref(), "scanFilter");
    constraints.at_least(input.segment, "segment", 0);
    constraints.at_least(input.limit, "limit", 1);
    if let Some(names) = &input.attributes_to_get {
        constraints.length(&format!("{names:?}"), names.len(), "attributesToGet", 1, 255);
    }
    constraints.check()
}

fn check_segments(segment: Option<i64>, total: Option<i64>) -> Result<(), Error> {
    match (segment, total) {
        (Some(_), None) => Err(Error::validation(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
        )),
        (None, Some(_)) => Err(Error::validation(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
        )),
        (Some(segment), Some(total)) if segment >= total => Err(Error::Validation(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {segment} is not less than TotalSegments: {total}"
        ))),
        _ => Ok(()),
    }
}
