//! DescribeTimeToLive, UpdateTimeToLive.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::table::{TableInput, table_name};
use crate::DynamoDb;
use crate::error::Error;
use crate::limits::{EXPIRY_INTERVAL, KEY_ATTRIBUTE_NAME_CHARS_MAX, NAME_CHARS_MIN};
use crate::model::{expiry, table};
use crate::types::{Expiry, Table};
use crate::validation::{Constraints, required};
use crate::workers::{self, Kind};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateTimeToLiveInput {
    pub table_name: Option<String>,
    pub time_to_live_specification: Option<Specification>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Specification {
    pub enabled: Option<bool>,
    pub attribute_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateTimeToLiveOutput {
    pub time_to_live_specification: Specification,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeTimeToLiveOutput {
    pub time_to_live_description: Description,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Description {
    pub time_to_live_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute_name: Option<String>,
}

pub async fn describe(_: Arc<DynamoDb>, cx: Cx, input: TableInput) -> Result<DescribeTimeToLiveOutput, Error> {
    let name = table_name(input.table_name)?;
    let table = table::describe(&cx.db().read()?, cx.region().as_str(), &name)?;
    let expiry = table.expiry.as_ref().filter(|expiry| expiry.enabled);
    let time_to_live_status = if expiry.is_some() { "ENABLED" } else { "DISABLED" };
    let attribute_name = expiry.map(|expiry| expiry.attribute.clone());
    Ok(DescribeTimeToLiveOutput { time_to_live_description: Description { time_to_live_status, attribute_name } })
}

pub async fn update(_: Arc<DynamoDb>, cx: Cx, input: UpdateTimeToLiveInput) -> Result<UpdateTimeToLiveOutput, Error> {
    let name = required(input.table_name, "TableName")?;
    let specification = validated(&name, input.time_to_live_specification)?;
    let now = cx.now();
    let wanted = Expiry {
        attribute: specification.attribute_name.clone().unwrap_or_default(),
        enabled: specification.enabled.unwrap_or_default(),
        since: now,
    };
    let region = cx.region().clone();
    cx.db()
        .write(move |tx| {
            let table = table::update(tx, region.as_str(), &name, |table| change(table, &wanted))?;
            if !wanted.enabled {
                return expiry::clear(tx, &table);
            }
            workers::schedule(tx, now, &table, Kind::FillExpiries(now), None)?;
            workers::schedule(tx, now + EXPIRY_INTERVAL, &table, Kind::Sweep(now), None)
        })
        .await?;
    Ok(UpdateTimeToLiveOutput { time_to_live_specification: specification })
}

fn change(table: &mut Table, wanted: &Expiry) -> Result<(), Error> {
    let enabled = table.expiry.as_ref().filter(|expiry| expiry.enabled);
    match (enabled, wanted.enabled) {
        (Some(_), true) => Err(Error::validation("TimeToLive is already enabled")),
        (None, false) => Err(Error::validation("TimeToLive is already disabled")),
        (Some(expiry), false) if expiry.attribute != wanted.attribute => Err(Error::Validation(format!(
            "TimeToLive is active on a different AttributeName: current AttributeName is {}",
            expiry.attribute
        ))),
        _ => {
            table.expiry = Some(wanted.clone());
            Ok(())
        }
    }
}

fn validated(name: &str, specification: Option<Specification>) -> Result<Specification, Error> {
    let mut constraints = Constraints::default();
    if !name.starts_with("arn:") {
        constraints.name(name, "tableName", NAME_CHARS_MIN);
    }
    constraints.present(&specification, "timeToLiveSpecification");
    let specification = specification.unwrap_or_default();
    let at = |member: &str| format!("timeToLiveSpecification.{member}");
    constraints.present(&specification.enabled, &at("enabled"));
    match &specification.attribute_name {
        None => constraints.fail(None, &at("attributeName"), "Member must not be null"),
        Some(name) => {
            let length = name.chars().count();
            constraints.length(name, length, &at("attributeName"), 1, KEY_ATTRIBUTE_NAME_CHARS_MAX);
        }
    }
    constraints.check()?;
    Ok(specification)
}
