//! GetAccountSettings.

use std::sync::Arc;

use kv::Order;
use serde::{Deserialize, Serialize};
use service::Cx;

use crate::Lambda;
use crate::error::Error;
use crate::keys::{FUNCTIONS, LAYERS, VERSIONS};
use crate::limits;
use crate::model::function;

#[derive(Debug, Default, Deserialize)]
pub struct Input {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    pub account_limit: AccountLimit,
    pub account_usage: AccountUsage,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountLimit {
    pub total_code_size: u64,
    pub code_size_unzipped: u64,
    pub code_size_zipped: usize,
    pub concurrent_executions: u32,
    pub unreserved_concurrent_executions: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountUsage {
    pub total_code_size: u64,
    pub function_count: usize,
}

pub async fn settings(_: Arc<Lambda>, cx: Cx, _: Input) -> Result<Output, Error> {
    let (read, region) = (cx.db().read()?, cx.region().as_str());
    let mut total_code_size = 0;
    for version in VERSIONS.scan_prefix(&read, region, Order::Forward)?.values() {
        total_code_size += version?.code.bytes;
    }
    for layer in LAYERS.scan_prefix(&read, region, Order::Forward)?.values() {
        total_code_size += layer?.code.bytes;
    }
    Ok(Output {
        account_limit: AccountLimit {
            total_code_size: limits::CODE_STORAGE_BYTES_MAX,
            code_size_unzipped: limits::UNPACKED_BYTES_MAX,
            code_size_zipped: limits::ZIP_BYTES_MAX,
            concurrent_executions: limits::CONCURRENT_EXECUTIONS,
            unreserved_concurrent_executions: limits::CONCURRENT_EXECUTIONS
                .saturating_sub(function::reserved(&read, region)?),
        },
        account_usage: AccountUsage {
            total_code_size,
            function_count: FUNCTIONS.scan_prefix(&read, region, Order::Forward)?.keys().count(),
        },
    })
}
