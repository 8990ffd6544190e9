//! DescribeLimits, DescribeEndpoints.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use crate::DynamoDb;
use crate::error::Error;

#[derive(Debug, Default, Deserialize)]
pub struct NoInput {}

/// AWS's default quotas for a region: nothing here enforces them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeLimitsOutput {
    account_max_read_capacity_units: i64,
    account_max_write_capacity_units: i64,
    table_max_read_capacity_units: i64,
    table_max_write_capacity_units: i64,
}

pub async fn limits(_: Arc<DynamoDb>, _: Cx, _: NoInput) -> Result<DescribeLimitsOutput, Error> {
    Ok(DescribeLimitsOutput {
        account_max_read_capacity_units: 80_000,
        account_max_write_capacity_units: 80_000,
        table_max_read_capacity_units: 40_000,
        table_max_write_capacity_units: 40_000,
    })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeEndpointsOutput {
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Endpoint {
    address: String,
    cache_period_in_minutes: i64,
}

/// How long AWS lets clients keep the answer.
const CACHE_MINUTES: i64 = 1440;

pub async fn endpoints(_: Arc<DynamoDb>, cx: Cx, _: NoInput) -> Result<DescribeEndpointsOutput, Error> {
    let address = cx.endpoint().split_once("://").map_or(cx.endpoint(), |(_, address)| address);
    let endpoint = Endpoint { address: address.to_string(), cache_period_in_minutes: CACHE_MINUTES };
    Ok(DescribeEndpointsOutput { endpoints: vec![endpoint] })
}
