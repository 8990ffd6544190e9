//! GetSendQuota, GetSendStatistics, GetAccountSendingEnabled, UpdateAccountSendingEnabled.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::identity::NoInput;
use crate::Ses;
use crate::error::OfV1;
use crate::model::{account, statistics};
use crate::ops::v2::account::{SendQuota, change, quota};

pub async fn get_quota(_: Arc<Ses>, cx: Cx, _: NoInput) -> Result<SendQuota, OfV1> {
    Ok(quota(&cx)?)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatisticsOutput {
    send_data_points: Vec<DataPoint>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DataPoint {
    timestamp: DateTime,
    delivery_attempts: u64,
    bounces: u64,
    complaints: u64,
    rejects: u64,
}

pub async fn get_statistics(_: Arc<Ses>, cx: Cx, _: NoInput) -> Result<StatisticsOutput, OfV1> {
    let rows = statistics::list(&cx.db().read()?, cx.now(), cx.region().as_str())?;
    let points = rows.into_iter().map(|(begin, counts)| DataPoint {
        timestamp: begin.into(),
        delivery_attempts: counts.attempts,
        bounces: counts.bounces,
        complaints: counts.complaints,
        rejects: counts.rejects,
    });
    Ok(StatisticsOutput { send_data_points: points.collect() })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EnabledOutput {
    enabled: bool,
}

pub async fn get_enabled(_: Arc<Ses>, cx: Cx, _: NoInput) -> Result<EnabledOutput, OfV1> {
    Ok(EnabledOutput { enabled: account::find(&cx.db().read()?, cx.region().as_str())?.sends })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EnabledInput {
    enabled: bool,
}

pub async fn set_enabled(_: Arc<Ses>, cx: Cx, input: EnabledInput) -> Result<(), OfV1> {
    change(&cx, move |account| account.sends = input.enabled).await?;
    Ok(())
}
