//! DeleteParameter, DeleteParameters.

use std::sync::Arc;

use kv::Tx;
use serde::Serialize;
use service::Cx;

use super::get::GetManyInput;
use super::{Empty, NameInput, find};
use crate::Ssm;
use crate::error::Error;
use crate::model::parameter;

pub async fn delete(_: Arc<Ssm>, cx: Cx, input: NameInput) -> Result<Empty, Error> {
    let found = find(&cx.db().read()?, &cx, &input.name)?;
    let own = cx.clone();
    let delete = move |tx: &mut Tx| {
        let found = parameter::of_arn(tx, &found.arn)?.ok_or_else(|| Error::not_found(&input.name))?;
        parameter::delete(tx, &own, &found)
    };
    cx.db().write(delete).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteManyOutput {
    pub deleted_parameters: Vec<String>,
    pub invalid_parameters: Vec<String>,
}

pub async fn delete_many(_: Arc<Ssm>, cx: Cx, input: GetManyInput) -> Result<DeleteManyOutput, Error> {
    input.check()?;
    let mut named = Vec::new();
    {
        let read = cx.db().read()?;
        for text in input.names {
            match find(&read, &cx, &text) {
                Ok(found) => named.push((text, Some(found.arn))),
                Err(Error::NotFound(_)) => named.push((text, None)),
                Err(error) => return Err(error),
            }
        }
    }
    let own = cx.clone();
    let delete = move |tx: &mut Tx| -> Result<DeleteManyOutput, Error> {
        let mut output = DeleteManyOutput { deleted_parameters: Vec::new(), invalid_parameters: Vec::new() };
        for (text, arn) in &named {
            let found = arn.as_ref().map(|arn| parameter::of_arn(tx, arn)).transpose()?.flatten();
            let Some(found) = found else {
                output.invalid_parameters.push(text.clone());
                continue;
            };
            parameter::delete(tx, &own, &found)?;
            output.deleted_parameters.push(text.clone());
        }
        Ok(output)
    };
    cx.db().write(delete).await
}
