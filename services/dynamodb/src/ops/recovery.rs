//! DescribeContinuousBackups, UpdateContinuousBackups.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::table::TableInput;
use crate::DynamoDb;
use crate::error::Error;
use crate::limits::RECOVERY_DAYS_MAX;
use crate::model::{recovery, table};
use crate::types::Table;
use crate::validation::Constraints;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateContinuousBackupsInput {
    pub table_name: Option<String>,
    pub point_in_time_recovery_specification: Option<Specification>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Specification {
    pub point_in_time_recovery_enabled: Option<bool>,
    pub recovery_period_in_days: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContinuousBackupsOutput {
    continuous_backups_description: ContinuousBackupsDescription,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContinuousBackupsDescription {
    /// Whether there can be backups: always.
    continuous_backups_status: &'static str,
    point_in_time_recovery_description: PointInTimeRecoveryDescription,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PointInTimeRecoveryDescription {
    point_in_time_recovery_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_period_in_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest_restorable_date_time: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_restorable_date_time: Option<DateTime>,
}

pub async fn describe(_: Arc<DynamoDb>, cx: Cx, input: TableInput) -> Result<ContinuousBackupsOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.table(input.table_name.as_deref());
    constraints.check()?;
    let name = input.table_name.unwrap_or_default();
    let table = table::backed_up(&cx.db().read()?, cx.region().as_str(), &name)?;
    Ok(described(&cx, &table))
}

pub async fn update(
    _: Arc<DynamoDb>,
    cx: Cx,
    input: UpdateContinuousBackupsInput,
) -> Result<ContinuousBackupsOutput, Error> {
    let (name, days) = validated(&input)?;
    let (region, now) = (cx.region().clone(), cx.now());
    let table = cx
        .db()
        .write(move |tx| match days {
            Some(days) => recovery::enable(tx, region.as_str(), &name, days, now),
            None => recovery::disable(tx, region.as_str(), &name, now),
        })
        .await?;
    Ok(described(&cx, &table))
}

/// The table, and how many days are asked for where recovery is to be on.
fn validated(input: &UpdateContinuousBackupsInput) -> Result<(String, Option<Option<u32>>), Error> {
    let mut constraints = Constraints::default();
    constraints.table(input.table_name.as_deref());
    constraints.present(&input.point_in_time_recovery_specification, "pointInTimeRecoverySpecification");
    let (mut enabled, mut days) = (false, None);
    if let Some(specification) = &input.point_in_time_recovery_specification {
        let at = |member: &str| format!("pointInTimeRecoverySpecification.{member}");
        constraints.present(&specification.point_in_time_recovery_enabled, &at("pointInTimeRecoveryEnabled"));
        constraints.at_least(specification.recovery_period_in_days, &at("recoveryPeriodInDays"), 1);
        constraints.at_most(
            specification.recovery_period_in_days,
            &at("recoveryPeriodInDays"),
            i64::from(RECOVERY_DAYS_MAX),
        );
        enabled = specification.point_in_time_recovery_enabled.unwrap_or_default();
        days = specification.recovery_period_in_days.and_then(|days| u32::try_from(days).ok());
    }
    constraints.check()?;
    Ok((input.table_name.clone().unwrap_or_default(), enabled.then_some(days)))
}

fn described(cx: &Cx, table: &Table) -> ContinuousBackupsOutput {
    let recovery = table.recovery.as_ref();
    ContinuousBackupsOutput {
        continuous_backups_description: ContinuousBackupsDescription {
            continuous_backups_status: "ENABLED",
            point_in_time_recovery_description: PointInTimeRecoveryDescription {
                point_in_time_recovery_status: if recovery.is_some() { "ENABLED" } else { "DISABLED" },
                recovery_period_in_days: recovery.map(|recovery| recovery.days),
                earliest_restorable_date_time: recovery.map(|recovery| recovery::earliest(recovery, cx.now()).into()),
                latest_restorable_date_time: recovery.map(|_| cx.now().into()),
            },
        },
    }
}
