//! PutRuntimeManagementConfig, GetRuntimeManagementConfig, PutFunctionRecursionConfig, GetFunctionRecursionConfig.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::FunctionInput;
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::model::{function, version};
use crate::name::{FunctionRef, Qualifier};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ManagementInput {
    pub function_name: String,
    pub qualifier: Option<String>,
    pub update_runtime_on: Option<String>,
    pub runtime_version_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ManagementOutput {
    pub update_runtime_on: &'static str,
    pub function_arn: String,
    /// Only where the version is chosen by hand, which it cannot be here.
    pub runtime_version_arn: Option<String>,
}

/// The version that is meant: runtimes are not managed for aliases.
fn managed(cx: &Cx, function: &str, qualifier: Option<&str>) -> Result<(FunctionRef, u64), Error> {
    let reference = FunctionRef::parse(cx, function, qualifier)?;
    match &reference.qualifier {
        None | Some(Qualifier::Latest) => Ok((reference, 0)),
        Some(Qualifier::Version(number)) => {
            let number = *number;
            Ok((reference, number))
        }
        Some(Qualifier::Alias(_)) => Err(Error::invalid(
            "Runtime management configuration is not supported for aliases. Please specify a version or $LATEST.",
        )),
    }
}

fn output(reference: &FunctionRef, on_update: bool) -> ManagementOutput {
    ManagementOutput {
        update_runtime_on: if on_update { "FunctionUpdate" } else { "Auto" },
        function_arn: reference.arn_of(reference.qualifier.as_ref().unwrap_or(&Qualifier::Latest)).to_string(),
        runtime_version_arn: None,
    }
}

pub async fn put(_: Arc<Lambda>, cx: Cx, input: ManagementInput) -> Result<ManagementOutput, Error> {
    let (reference, number) = managed(&cx, &input.function_name, input.qualifier.as_deref())?;
    let mode = input.update_runtime_on.as_deref();
    let mut constraints = Constraints::default();
    constraints.required(mode, "updateRuntimeOn");
    constraints.one_of(mode, "updateRuntimeOn", &["Auto", "Manual", "FunctionUpdate"]);
    constraints.check()?;
    if mode == Some("Manual") {
        return Err(Error::NotImplemented(
            "UpdateRuntimeOn Manual (functions run on the interpreters that this host has)".into(),
        ));
    }
    if input.runtime_version_arn.is_some() {
        return Err(Error::invalid(format!(
            "RuntimeVersionArn cannot be set when UpdateRuntimeOn is {}.",
            mode.unwrap_or_default()
        )));
    }
    let (target, on_update) = (reference.clone(), mode == Some("FunctionUpdate"));
    cx.db().write(move |tx| version::manage_runtime(tx, &target, number, on_update)).await?;
    Ok(output(&reference, on_update))
}

pub async fn get(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<ManagementOutput, Error> {
    let (reference, number) = managed(&cx, &input.function_name, input.qualifier.as_deref())?;
    let read = cx.db().read()?;
    function::find(&read, &reference)?;
    let on_update = version::find(&read, &reference, number)?.runtime_on_update;
    Ok(output(&reference, on_update))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RecursionInput {
    pub function_name: String,
    pub recursive_loop: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecursionOutput {
    pub recursive_loop: &'static str,
}

fn recursion(allowed: bool) -> RecursionOutput {
    RecursionOutput { recursive_loop: if allowed { "Allow" } else { "Terminate" } }
}

pub async fn put_recursion(_: Arc<Lambda>, cx: Cx, input: RecursionInput) -> Result<RecursionOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    let mode = input.recursive_loop.as_deref();
    let mut constraints = Constraints::default();
    constraints.required(mode, "recursiveLoop");
    constraints.one_of(mode, "recursiveLoop", &["Terminate", "Allow"]);
    constraints.check()?;
    let allowed = mode == Some("Allow");
    cx.db().write(move |tx| function::allow_recursion(tx, &reference, allowed)).await?;
    Ok(recursion(allowed))
}

pub async fn get_recursion(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<RecursionOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    Ok(recursion(function::find(&cx.db().read()?, &reference)?.recursion_allowed))
}
