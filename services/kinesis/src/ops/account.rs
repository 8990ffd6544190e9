//! DescribeLimits, DescribeAccountSettings, UpdateAccountSettings.

use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use crate::Kinesis;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::keys::ACCOUNTS;
use crate::limits;
use crate::model::stream;
use crate::types::Account;

/// A request without members.
#[derive(Debug, Default, Deserialize)]
pub struct NoInput {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LimitsOutput {
    pub shard_limit: u64,
    pub open_shard_count: u64,
    pub on_demand_stream_count: u64,
    pub on_demand_stream_count_limit: u64,
}

pub async fn limits(_: Arc<Kinesis>, cx: Cx, _: NoInput) -> Result<LimitsOutput, Error> {
    let usage = stream::usage(&cx.db().read()?, cx.region().as_str())?;
    Ok(LimitsOutput {
        shard_limit: limits::SHARDS_MAX,
        open_shard_count: usage.shards,
        on_demand_stream_count: usage.on_demand,
        on_demand_stream_count_limit: limits::ON_DEMAND_STREAMS_MAX,
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SettingsOutput {
    pub minimum_throughput_billing_commitment: Commitment,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Commitment {
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earliest_allowed_end_at: Option<DateTime>,
}

fn output(account: Account) -> SettingsOutput {
    SettingsOutput {
        minimum_throughput_billing_commitment: Commitment {
            status: if account.committed.is_some() { "ENABLED" } else { "DISABLED" },
            started_at: account.committed.map(DateTime),
            ended_at: account.commitment_ended.map(DateTime),
            // Nothing is billed, so it may be ended at once.
            earliest_allowed_end_at: account.committed.map(DateTime),
        },
    }
}

pub async fn settings(_: Arc<Kinesis>, cx: Cx, _: NoInput) -> Result<SettingsOutput, Error> {
    Ok(output(ACCOUNTS.get(&cx.db().read()?, cx.region().as_str())?.unwrap_or_default()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SettingsInput {
    pub minimum_throughput_billing_commitment: Option<CommitmentInput>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CommitmentInput {
    pub status: Option<String>,
}

pub async fn update_settings(_: Arc<Kinesis>, cx: Cx, input: SettingsInput) -> Result<SettingsOutput, Error> {
    let mut constraints = Constraints::default();
    constraints.required(&input.minimum_throughput_billing_commitment, "minimumThroughputBillingCommitment");
    let status = input.minimum_throughput_billing_commitment.map(|commitment| commitment.status);
    if let Some(status) = &status {
        constraints.required(status, "minimumThroughputBillingCommitment.status");
        let choices = ["ENABLED", "DISABLED"];
        constraints.one_of(status.as_deref(), "minimumThroughputBillingCommitment.status", &choices);
    }
    constraints.check()?;
    let (enable, region, now) = (status.flatten().as_deref() == Some("ENABLED"), cx.region().clone(), cx.now());
    let account = cx
        .db()
        .write(move |tx| {
            let before = ACCOUNTS.get(tx, region.as_str())?.unwrap_or_default();
            let account = changed(before, enable, now);
            ACCOUNTS.put(tx, region.as_str(), &account)?;
            Ok::<_, Error>(account)
        })
        .await?;
    Ok(output(account))
}

fn changed(before: Account, enable: bool, now: Timestamp) -> Account {
    match (enable, before.committed) {
        (true, None) => Account { committed: Some(now), commitment_ended: None },
        (false, Some(_)) => Account { committed: None, commitment_ended: Some(now) },
        _ => before,
    }
}

/// # Errors
/// Where warm throughput cannot be set: on provisioned streams, and without the commitment.
pub fn check_warm(cx: &Cx, on_demand: bool) -> Result<(), Error> {
    let is_committed =
        ACCOUNTS.get(&cx.db().read()?, cx.region().as_str())?.is_some_and(|account| account.committed.is_some());
    match (on_demand, is_committed) {
        (false, _) => Err(Error::Validation("Warm throughput is only supported for streams in ON_DEMAND mode.".into())),
        (true, false) => Err(Error::Validation(
            "Warm throughput is only supported for accounts with MinimumThroughputBillingCommitment enabled.".into(),
        )),
        (true, true) => Ok(()),
    }
}
