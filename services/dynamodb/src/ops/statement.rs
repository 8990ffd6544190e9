//! ExecuteStatement, BatchExecuteStatement, ExecuteTransaction.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kv::{Order, Snap};
use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::get;
use super::read::{self, index};
use super::transact_write::check_count;
use super::{all_permissions, partition_permission, permission, report, write};
use crate::DynamoDb;
use crate::attribute::{ItemInput, ValueInput};
use crate::encoding::StoredItem;
use crate::error::{Error, Reason};
use crate::key::{KeySchema, digest};
use crate::limits::BATCH_STATEMENTS_MAX;
use crate::model::capacity::{ConsumedCapacity, Kind, Usage, read_units};
use crate::model::item::{self, Change, Write, Written};
use crate::model::page::{Page, Reading, Source};
use crate::model::table;
use crate::model::transaction::{self, Request};
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

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BatchInput {
    pub statements: Vec<StatementInput>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TransactionInput {
    pub transact_statements: Option<Vec<StatementInput>>,
    pub client_request_token: Option<String>,
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResponsesOutput {
    pub responses: Vec<Response>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<StoredItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Reason>,
}

impl StatementInput {
    fn parse(&self) -> Result<Statement, Error> {
        let parameters = self.parameters.iter().flatten().map(|parameter| parameter.0.clone());
        let parameters = parameters.collect::<Result<Vec<Value>, _>>()?;
        let text = self.statement.as_deref().unwrap_or_default();
        partiql::parse(text, &parameters).map_err(|malformed| Error::Validation(malformed.to_string()))
    }

    fn permission(&self, cx: &Cx) -> Option<Result<Permission, ServiceError>> {
        let statement = self.parse().ok()?;
        let index = match &statement {
            Statement::Select(select) => select.index.as_deref(),
            _ => None,
        };
        let partition = |schema: &KeySchema| partiql::partition_of(&statement, schema);
        Some(partition_permission(cx, statement.action(), Some(statement.table()), index, partition))
    }
}

/// What the statements need permission for. One that is malformed is told so only to those who may select.
fn all<'i>(cx: &Cx, statements: impl Iterator<Item = &'i StatementInput>) -> Result<Vec<Permission>, ServiceError> {
    let of_one = |input: &StatementInput| {
        input.permission(cx).unwrap_or_else(|| permission(cx, "dynamodb:PartiQLSelect", None, None))
    };
    all_permissions(cx, "dynamodb:PartiQLSelect", statements.map(of_one))
}

pub fn permissions(_: &DynamoDb, cx: &Cx, input: &StatementInput) -> Result<Vec<Permission>, ServiceError> {
    all(cx, std::iter::once(input))
}

pub fn batch_permissions(_: &DynamoDb, cx: &Cx, input: &BatchInput) -> Result<Vec<Permission>, ServiceError> {
    all(cx, input.statements.iter())
}

pub fn transaction_permissions(
    _: &DynamoDb,
    cx: &Cx,
    input: &TransactionInput,
) -> Result<Vec<Permission>, ServiceError> {
    all(cx, input.transact_statements.iter().flatten())
}

pub async fn execute(state: Arc<DynamoDb>, cx: Cx, input: StatementInput) -> Result<StatementOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.present(&input.statement, "statement");
    constraints.at_least(input.limit, "limit", 1);
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &super::REPORTS);
    constraints.check()?;
    let statement = input.parse()?;
    let Statement::Select(select) = &statement else {
        return change(&state, &cx, &statement, &input).await;
    };
    let snapshot = cx.db().read()?;
    let table = table::find(&snapshot, cx.region().as_str(), &select.table)?;
    let index = index(&table, select.index.as_deref(), input.consistent_read)?;
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
fn planned(snapshot: &Snap, cx: &Cx, statement: &Statement) -> Result<Option<Write>, Error> {
    let table = table::find(snapshot, cx.region().as_str(), statement.table())?;
    let write = partiql::write_of(statement, &table.key)?;
    if let Some(Change::Insert(item)) = write.as_ref().map(|write| &write.change) {
        super::put::check_size(item)?;
    }
    Ok(write)
}

async fn change(
    state: &DynamoDb,
    cx: &Cx,
    statement: &Statement,
    input: &StatementInput,
) -> Result<StatementOutput, Error> {
    if matches!(statement, Statement::Exists(_)) {
        return Err(Error::validation("EXISTS can only be used in ExecuteTransaction"));
    }
    let planned = planned(&cx.db().read()?, cx, statement)?;
    let Some(mut write) = planned else { return Ok(StatementOutput::default()) };
    write.show_on_failure = input.return_values_on_condition_check_failure.as_deref() == Some("ALL_OLD");
    let written = write::one(state, cx, write).await?;
    let mut usage = Usage::default();
    usage.add_write(&written.units, 1.0);
    Ok(StatementOutput {
        consumed_capacity: usage.report(
            report(input.return_consumed_capacity.as_deref()),
            &written.table.name,
            Kind::Unsaid,
        ),
        items: returned(statement, written).into_iter().collect(),
        ..StatementOutput::default()
    })
}

fn returned(statement: &Statement, written: Written) -> Option<StoredItem> {
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
fn select_one(snapshot: &Snap, table: &Table, select: &Select) -> Result<Option<StoredItem>, Error> {
    let key = select.condition.as_ref().and_then(|condition| partiql::key_of(condition, &table.key));
    let Some((key, rest)) = key.filter(|_| select.index.is_none()) else {
        return Err(Error::validation("Select statements here must specify the primary key in the where clause."));
    };
    let found = item::get(snapshot, table, &table.key.locate_key(key.view())?)?;
    let fitting = found.filter(|item| rest.iter().all(|condition| condition.holds(item.view())));
    Ok(fitting.map(|item| shown(select, item)))
}

pub async fn batch(state: Arc<DynamoDb>, cx: Cx, input: BatchInput) -> Result<ResponsesOutput, Error> {
    let mut constraints = Constraints::default();
    let count = input.statements.len();
    constraints.length(
        &format!("[{}]", vec!["BatchStatementRequest"; count].join(", ")),
        count,
        "statements",
        1,
        BATCH_STATEMENTS_MAX,
    );
    constraints.check()?;
    let mut responses = Vec::with_capacity(count);
    for one in &input.statements {
        responses.push(match in_batch(&state, &cx, one).await {
            Ok(response) => response,
            Err(Error::Store(error)) => return Err(error.into()),
            Err(error) => Response { error: Some(batch_error(error)), ..Response::default() },
        });
    }
    Ok(ResponsesOutput { responses })
}

async fn in_batch(state: &DynamoDb, cx: &Cx, input: &StatementInput) -> Result<Response, Error> {
    let statement = input.parse()?;
    let item = match &statement {
        Statement::Select(select) => {
            let snapshot = cx.db().read()?;
            let table = table::find(&snapshot, cx.region().as_str(), &select.table)?;
            let item = select_one(&snapshot, &table, select)?;
            let usage = Usage::table(get::units(item.as_ref(), input.consistent_read));
            state.drawn(cx).read(&table, &usage, None)?;
            item
        }
        statement => change(state, cx, statement, input).await?.items.into_iter().next(),
    };
    Ok(Response { table_name: Some(statement.table().to_string()), item, error: None })
}

/// Batches have codes of their own for the errors of their statements.
fn batch_error(error: Error) -> Reason {
    let message = Some(error.to_string());
    let code = match &error {
        Error::Validation(_) => "ValidationError",
        other => other.code().trim_end_matches("Exception"),
    };
    let item = match error {
        Error::ConditionalCheckFailed(item) => item,
        _ => None,
    };
    Reason { code, message, item }
}

pub async fn transaction(state: Arc<DynamoDb>, cx: Cx, input: TransactionInput) -> Result<ResponsesOutput, Error> {
    let mut constraints = Constraints::default();
    check_count(&mut constraints, input.transact_statements.as_ref(), "ParameterizedStatement");
    constraints.check()?;
    let inputs = || input.transact_statements.iter().flatten();
    let statements = inputs().map(StatementInput::parse).collect::<Result<Vec<_>, _>>()?;
    let reads = statements.iter().filter(|statement| matches!(statement, Statement::Select(_))).count();
    if reads == statements.len() {
        return transaction_of_reads(&cx, &statements);
    }
    if reads > 0 {
        return Err(Error::validation("Transactions must be either all reads or all writes"));
    }
    let snapshot = cx.db().read()?;
    let planned =
        statements.iter().map(|statement| planned(&snapshot, &cx, statement)).collect::<Result<Vec<_>, _>>()?;
    let writes: Vec<Write> = planned.into_iter().flatten().collect();
    let request = input.client_request_token.as_ref().map(|token| Request {
        account: cx.account().to_string(),
        token: token.clone(),
        digest: digest(&[format!("{:?}", input.transact_statements).as_bytes()]),
    });
    let outcome = write::all(&state, &cx, request, writes).await?;
    let responses = match outcome {
        transaction::Outcome::Done(done) => {
            let answer = |(statement, written)| Response { item: returned(statement, written), ..Response::default() };
            statements.iter().zip(done).map(answer).collect()
        }
        transaction::Outcome::Repeated => statements.iter().map(|_| Response::default()).collect(),
    };
    Ok(ResponsesOutput { responses })
}

fn transaction_of_reads(cx: &Cx, statements: &[Statement]) -> Result<ResponsesOutput, Error> {
    let snapshot = cx.db().read()?;
    let read = |statement: &Statement| match statement {
        Statement::Select(select) => {
            let table = table::find(&snapshot, cx.region().as_str(), &select.table)?;
            Ok(Response { item: select_one(&snapshot, &table, select)?, ..Response::default() })
        }
        _ => Ok(Response::default()),
    };
    Ok(ResponsesOutput { responses: statements.iter().map(read).collect::<Result<_, Error>>()? })
}
