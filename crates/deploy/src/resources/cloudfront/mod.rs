//! `AWS::CloudFront::*`: distributions, and what they name.

mod distribution;
mod document;
mod form;

pub use distribution::Distribution;
pub use document::{
    CACHE_POLICY, KEY_GROUP, ORIGIN_ACCESS_CONTROL, ORIGIN_ACCESS_IDENTITY, ORIGIN_REQUEST_POLICY, PUBLIC_KEY,
    RESPONSE_HEADERS_POLICY,
};

use serde_json::{Value, json};

use super::{Cx, Result, text};

/// The newest version of what an operation shows.
async fn version(cx: &Cx<'_>, operation: &str, id: &str) -> Result<(String, Value)> {
    let shown = cx.call("cloudfront", operation, json!({"Id": id})).await?;
    Ok((text(&shown, "ETag")?.to_owned(), shown))
}
