//! ExecuteStatement.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kv::{Order, Snap};
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::permission::{Told, all_permissions, partition_permission, permission};
use super::read::{self, index};
use super::{report, write};
use crate::DynamoDb;
use crate::attribute::{ItemInput, ValueInput};
use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::Projection;
use crate::key::KeySchema;
use crate::model::capacity::{ConsumedCapacity, Kind, Usage, read_units};
use crate::model::item::{self, Change, Write, Written};
use crate::model::page::{Page, Reading, Source};
use crate::model::table;
use crate::partiql::{self, Returning, Select, Statement};
use crate::types::Table;
use crate::validation::Constraints;
use crate::value::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StatementInput {
    pub statement: Option<String>,
    pub parameters: Option<Vec<ValueInput>>,
    pub consistent_read: bool,
    pub next_token: Option<String>,
    pub limit: Option<i64>,
    pub return_consumed_capacity: Option<String>,
    pub return_values_on_condition_check_failure: Option<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatementOutput {
    pub items: Vec<StoredItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_evaluated_key: Option<StoredItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consumed_capacity: Option<ConsumedCapacity>,
}

impl StatementInput {
    pub fn parse(&self) -> Result<Statement, Error> {
        let parameters = self.parameters.iter().flatten().map(|parameter| parameter.0.clone());
        let parameters = parameters.collect::<Result<Vec<Value>, _>>()?;
        let text = self.statement.as_deref().unwrap_or_default();
        partiql::parse(text, &parameters).map_err(|malformed| Error::Validation(malformed.to_string()))
    }

    /// Within a transaction, which `within` names, or alone. `None` where it is malformed.
    fn permission(&self, cx: &Cx, within: Option<&str>) -> Option<Result<Permission, ServiceError>> {
        let statement = self.parse().ok()?;
        let index = match &statement {
            Statement::Select(select) => select.index.as_deref(),
            _ => None,
        };
        let partition = |schema: &KeySchema| partiql::partition_of(&statement, schema);
        let told = || {
            let told = told(&statement).reports(self.return_consumed_capacity.as_deref());
            within.into_iter().fold(told, Told::within)
        };
        Some(partition_permission(cx, statement.action(), Some(statement.table()), index, partition, told))
    }
}

/// What a statement tells policies.
fn told(statement: &Statement) -> Told {
    let told = Told::default();
    match statement {
        Statement::Insert { item, .. } => told.item(item),
        Statement::Update { update, condition, returning, .. } => {
            told.update(update).condition(Some(condition)).returns(returning.map(Returning::parameter))
        }
        Statement::Delete { condition, returning, .. } => {
            told.condition(Some(condition)).returns(returning.map(Returning::parameter))
        }
        Statement::Select(select) | Statement::Exists(select) => {
            let paths = select.paths.as_ref().map(|paths| paths.iter().map(|path| path.attribute.clone()));
            let projection = paths.map(Projection::attributes);
            told.condition(select.condition.as_ref()).selects(None, projection.as_ref(), select.index.as_deref())
        }
    }
}

/// What a statement needs permission for. One that is malformed is told so only to those who may select.
pub fn of_one(cx: &Cx, within: Option<&str>, input: &StatementInput) -> Result<Permission, ServiceError> {
    input.permission(cx, within).unwrap_or_else(|| permission(cx, "dynamodb:PartiQLSelect", None, None))
}

/// What the statements need permission for together.
pub fn all<'i>(
    cx: &Cx,
    within: Option<&str>,
    statements: impl Iterator<Item = &'i StatementInput>,
) -> Result<Vec<Permission>, ServiceError> {
    all_permissions(cx, "dynamodb:PartiQLSelect", statements.map(|input| of_one(cx, within, input)))
}

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &StatementInput) -> Result<Vec<Permission>, ServiceError> {
    all(cx, None, std::iter::once(input))
}

pub async fn execute(state: Arc<DynamoDb>, cx: Cx, input: StatementInput) -> Result<StatementOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.present(&input.statement, "statement");
    if let Some(parameters) = &input.parameters {
        constraints.length("[]", parameters.len(), "parameters", 1, usize::MAX);
    }
    constraints.at_least(input.limit, "limit", 1);
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &super::REPORTS);
    constraints.check()?;
    let statement = input.parse()?;
    let Statement::Select(select) = &statement else {
        let Outcome { table, usage, item } = change(&state, &cx, &statement, &input).await?;
        return Ok(StatementOutput {
            items: item.into_iter().collect(),
            consumed_capacity: usage.report(report(input.return_consumed_capacity.as_deref()), &table, Kind::Unsaid),
            ..StatementOutput::default()
        });
    };
    let snapshot = cx.db().read()?;
    let table = table::find(&snapshot, cx.region().as_str(), &select.table)?;
    if select.index.as_ref().is_some_and(|name| table.index(name).is_none()) {
        return Err(Error::validation("The table does not have the specified index"));
    }
    let index = index(&table, select.index.as_deref(), input.consistent_read, "Query")?;
    let source = Source { table: &table, index: index.map(|(index, _)| index) };
    let page = page(&snapshot, source, select, &input)?;
    let units = read_units(page.bytes.max(1), input.consistent_read);
    let mut usage = Usage::default();
    match index {
        Some((index, local)) => usage.add_index(&index.name, local, units),
        None => usage.add_table(units),
    }
    state.drawn(&cx).read(&table, &usage, None)?;
    let last_evaluated_key = page.last.map(|last| last.only(|name| source.is_key(name)));
    Ok(StatementOutput {
        next_token: last_evaluated_key.as_ref().map(token).transpose()?,
        last_evaluated_key,
        items: page.items.into_iter().map(|item| shown(select, item)).collect(),
        consumed_capacity: usage.report(report(input.return_consumed_capacity.as_deref()), &table.name, Kind::Unsaid),
    })
}

fn shown(select: &Select, item: StoredItem) -> StoredItem {
    match &select.paths {
        Some(paths) => partiql::projected(&item, paths),
        None => item,
    }
}

/// Reads the partition that the condition names, or everything; what is read must meet the whole condition.
fn page(snapshot: &Snap, source: Source<'_>, select: &Select, input: &StatementInput) -> Result<Page, Error> {
    let schema = source.index.map_or(&source.table.key, |index| &index.key);
    let range = match partiql::range_of(select.condition.as_ref(), schema) {
        Some((partition, sort)) => source.partition(partition, sort.as_ref()),
        None => source.all(),
    };
    let order = if select.descending { Order::Reverse } else { Order::Forward };
    let range = match &input.next_token {
        None => range,
        Some(text) => {
            let start = start(text)?;
            read::check_start_key(source, &start, false)?;
            range.after(&source.position(&start).unwrap_or_default(), order)
        }
    };
    source.read(
        snapshot,
        &Reading {
            range,
            order,
            limit: input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX),
            filter: select.condition.as_ref(),
            whole_items: false,
        },
    )
}

/// Where the next page begins, as a text.
fn token(last: &StoredItem) -> Result<String, Error> {
    let json = serde_json::to_vec(last).map_err(|error| Error::Validation(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

fn start(token: &str) -> Result<StoredItem, Error> {
    let json = URL_SAFE_NO_PAD.decode(token).ok();
    let key = json.and_then(|json| serde_json::from_slice::<ItemInput>(&json).ok()).and_then(|key| key.0.ok());
    key.map(|key| StoredItem::new(&key)).ok_or_else(|| Error::validation("Given NextToken is invalid"))
}

/// The write of a statement, checked as far as it can be outside of a transaction.
pub fn planned(snapshot: &Snap, cx: &Cx, statement: &Statement) -> Result<Write, Error> {
    let table = table::find(snapshot, cx.region().as_str(), statement.table())?;
    let write = partiql::write_of(statement, &table.key)?;
    if let Change::Insert(item) = &write.change {
        super::put::check_size(item)?;
    }
    Ok(write)
}

/// What a statement that names one item came to.
pub struct Outcome {
    /// The table's name.
    pub table: String,
    pub usage: Usage,
    pub item: Option<StoredItem>,
}

/// Does what a statement asks for, other than a `SELECT`.
pub async fn change(
    state: &DynamoDb,
    cx: &Cx,
    statement: &Statement,
    input: &StatementInput,
) -> Result<Outcome, Error> {
    if matches!(statement, Statement::Exists(_)) {
        return Err(Error::validation("EXISTS can only be used in ExecuteTransaction"));
    }
    let mut write = planned(&cx.db().read()?, cx, statement)?;
    write.show_on_failure = input.return_values_on_condition_check_failure.as_deref() == Some("ALL_OLD");
    let written = write::one(state, cx, write).await?;
    let mut usage = Usage::default();
    usage.add_write(&written.units, 1.0);
    Ok(Outcome { table: written.table.name.clone(), usage, item: returned(statement, written) })
}

pub fn returned(statement: &Statement, written: Written) -> Option<StoredItem> {
    let (returning, update) = match statement {
        Statement::Update { returning, update, .. } => ((*returning)?, Some(update)),
        Statement::Delete { returning, .. } => ((*returning)?, None),
        _ => return None,
    };
    let modified = |item: Option<StoredItem>| match update {
        Some(update) => item.map(|item| update.projection().apply(item.view())),
        None => item,
    };
    match returning {
        Returning::AllOld => written.before,
        Returning::AllNew => written.after,
        Returning::ModifiedOld => modified(written.before),
        Returning::ModifiedNew => modified(written.after),
    }
}

/// The one item that a `SELECT` names by its whole key.
pub fn select_one(snapshot: &Snap, table: &Table, select: &Select) -> Result<Option<StoredItem>, Error> {
    let key = select.condition.as_ref().and_then(|condition| partiql::key_of(condition, &table.key));
    let Some((key, rest)) = key.filter(|_| select.index.is_none()) else {
        return Err(Error::validation("Select statements here must specify the primary key in the where clause."));
    };
    let found = item::get(snapshot, table, &table.key.locate_key(key.view())?)?;
    let fitting = found.filter(|item| rest.iter().all(|condition| condition.holds(item.view())));
    Ok(fitting.map(|item| shown(select, item)))
}
