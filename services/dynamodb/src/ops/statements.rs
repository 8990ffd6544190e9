//! BatchExecuteStatement, ExecuteTransaction: several statements, each of which names one item.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Error as ServiceError, Permission};

use super::statement::{self, Outcome, StatementInput, all, planned, returned, select_one};
use super::transact_write::check_count;
use super::{REPORTS, get, report, write};
use crate::DynamoDb;
use crate::encoding::StoredItem;
use crate::error::{Error, Reason};
use crate::key::digest;
use crate::limits::BATCH_STATEMENTS_MAX;
use crate::model::capacity::{ConsumedCapacity, Kind, Usage};
use crate::model::item::Write;
use crate::model::table;
use crate::model::transaction::{self, COST, Request};
use crate::partiql::{Select, Statement};
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BatchInput {
    pub statements: Vec<StatementInput>,
    pub return_consumed_capacity: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TransactionInput {
    pub transact_statements: Option<Vec<StatementInput>>,
    pub client_request_token: Option<String>,
    pub return_consumed_capacity: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResponsesOutput {
    pub responses: Vec<Response>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub consumed_capacity: Vec<ConsumedCapacity>,
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

/// Each statement is asked for by itself, see [`permit`]: a batch without any is told so.
pub fn batch_permissions(_: &DynamoDb, _: &Cx, _: &BatchInput) -> Result<Vec<Permission>, ServiceError> {
    Ok(Vec::new())
}

/// Asks for one statement of a batch: the others go on without it, as the API's code for that says (`AccessDenied`).
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html>
fn permit(cx: &Cx, input: &StatementInput) -> Result<(), Error> {
    let allowed = statement::of_one(cx, None, input).and_then(|permission| cx.authorize(&permission));
    allowed.map_err(|refusal| Error::AccessDenied(refusal.message))
}

pub fn transaction_permissions(
    _: &DynamoDb,
    cx: &Cx,
    input: &TransactionInput,
) -> Result<Vec<Permission>, ServiceError> {
    all(cx, Some("ExecuteTransaction"), input.transact_statements.iter().flatten())
}

/// What was used of each table, by its name.
type Usages = BTreeMap<String, Usage>;

fn reports(usages: &Usages, parameter: Option<&str>, kind: Kind) -> Vec<ConsumedCapacity> {
    usages.iter().filter_map(|(table, usage)| usage.report(report(parameter), table, kind)).collect()
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
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &REPORTS);
    constraints.check()?;
    let (mut responses, mut usages) = (Vec::with_capacity(count), Usages::new());
    for one in &input.statements {
        responses.push(match in_batch(&state, &cx, one).await {
            Ok(Outcome { table, usage, item }) => {
                usages.entry(table.clone()).or_default().add(&usage);
                Response { table_name: Some(table), item, error: None }
            }
            Err(Error::Store(error)) => return Err(error.into()),
            Err(error) => Response { error: Some(batch_error(error)), ..Response::default() },
        });
    }
    let consumed_capacity = reports(&usages, input.return_consumed_capacity.as_deref(), Kind::Unsaid);
    Ok(ResponsesOutput { responses, consumed_capacity })
}

async fn in_batch(state: &DynamoDb, cx: &Cx, input: &StatementInput) -> Result<Outcome, Error> {
    permit(cx, input)?;
    let statement = input.parse()?;
    let Statement::Select(select) = &statement else {
        return statement::change(state, cx, &statement, input).await;
    };
    let snapshot = cx.db().read()?;
    let table = table::find(&snapshot, cx.region().as_str(), &select.table)?;
    let item = select_one(&snapshot, &table, select)?;
    let usage = Usage::table(get::units(item.as_ref(), input.consistent_read));
    state.drawn(cx).read(&table, &usage, None)?;
    Ok(Outcome { table: table.name.clone(), usage, item })
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
    constraints.choice(input.return_consumed_capacity.as_deref(), "returnConsumedCapacity", &REPORTS);
    constraints.check()?;
    let inputs = || input.transact_statements.iter().flatten();
    let statements = inputs().map(StatementInput::parse).collect::<Result<Vec<_>, _>>()?;
    let selects: Vec<&Select> = statements.iter().filter_map(Statement::select).collect();
    if selects.len() == statements.len() {
        return reads(&state, &cx, &selects, &input);
    }
    if !selects.is_empty() {
        return Err(Error::validation("Transactions must be either all reads or all writes"));
    }
    writes(&state, &cx, &statements, &input).await
}

async fn writes(
    state: &DynamoDb,
    cx: &Cx,
    statements: &[Statement],
    input: &TransactionInput,
) -> Result<ResponsesOutput, Error> {
    let snapshot = cx.db().read()?;
    let writes = statements.iter().map(|statement| planned(&snapshot, cx, statement));
    let writes = writes.collect::<Result<Vec<Write>, _>>()?;
    let request = input.client_request_token.as_ref().map(|token| Request {
        account: cx.account().to_string(),
        token: token.clone(),
        digest: digest(&[format!("{:?}", input.transact_statements).as_bytes()]),
    });
    let transaction::Outcome::Done(done) = write::all(state, cx, request, writes).await? else {
        let responses = statements.iter().map(|_| Response::default()).collect();
        return Ok(ResponsesOutput { responses, consumed_capacity: Vec::new() });
    };
    let mut usages = Usages::new();
    for written in &done {
        usages.entry(written.table.name.clone()).or_default().add_write(&written.units, COST);
    }
    let answers = statements.iter().zip(done).map(|(statement, written)| returned(statement, written));
    let mut responses: Vec<_> = answers.map(|item| Response { item, ..Response::default() }).collect();
    if responses.iter().all(|response| response.item.is_none()) {
        // AWS answers so where no statement returns anything.
        responses.clear();
    }
    Ok(ResponsesOutput {
        responses,
        consumed_capacity: reports(&usages, input.return_consumed_capacity.as_deref(), Kind::Write),
    })
}

fn reads(state: &DynamoDb, cx: &Cx, selects: &[&Select], input: &TransactionInput) -> Result<ResponsesOutput, Error> {
    let (snapshot, drawn) = (cx.db().read()?, state.drawn(cx));
    let (mut usages, mut responses, mut reasons) = (Usages::new(), Vec::new(), Vec::new());
    for select in selects {
        let table = table::find(&snapshot, cx.region().as_str(), &select.table)?;
        let item = select_one(&snapshot, &table, select)?;
        let units = COST * get::units(item.as_ref(), true);
        reasons.push(match drawn.read(&table, &Usage::table(units), None) {
            Ok(()) => Reason::FINE,
            Err(error) => transaction::reason(error)?,
        });
        usages.entry(table.name.clone()).or_default().add_table(units);
        responses.push(Response { item, ..Response::default() });
    }
    if reasons.iter().any(|reason| !reason.is_fine()) {
        drawn.give_back();
        return Err(Error::TransactionCanceled(reasons));
    }
    let consumed_capacity = reports(&usages, input.return_consumed_capacity.as_deref(), Kind::Read);
    Ok(ResponsesOutput { responses, consumed_capacity })
}
