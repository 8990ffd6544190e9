//! PutFunctionConcurrency, GetFunctionConcurrency, DeleteFunctionConcurrency.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Empty, FunctionInput};
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::model::function;
use crate::name::FunctionRef;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub function_name: String,
    pub reserved_concurrent_executions: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConcurrencyOutput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved_concurrent_executions: Option<u32>,
}

pub async fn put(_: Arc<Lambda>, cx: Cx, input: PutInput) -> Result<ConcurrencyOutput, Error> {
    let reference = FunctionRef::parse(&cx, &input.function_name, None)?;
    if reference.qualifier.is_some() {
        return Err(Error::invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
        ));
    }
    let wanted = input.reserved_concurrent_executions;
    let mut constraints = Constraints::default();
    constraints.range(wanted, "reservedConcurrentExecutions", &(0..=i64::from(u32::MAX)));
    constraints.check()?;
    let executions = wanted.and_then(|wanted| u32::try_from(wanted).ok());
    let executions = executions.ok_or_else(|| Error::invalid("ReservedConcurrentExecutions is required."))?;
    cx.db().write(move |tx| function::reserve(tx, &reference, Some(executions))).await?;
    Ok(ConcurrencyOutput { reserved_concurrent_executions: Some(executions) })
}

pub async fn get(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<ConcurrencyOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    let function = function::find(&cx.db().read()?, &reference)?;
    Ok(ConcurrencyOutput { reserved_concurrent_executions: function.reserved_concurrency })
}

pub async fn delete(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<Empty, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    cx.db().write(move |tx| function::reserve(tx, &reference, None)).await?;
    Ok(Empty {})
}
