//! DescribeParameters.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;
use wire::DateTime;

use super::filter::{self, Filter};
use super::put::tier;
use super::{after, page_size, token};
use crate::Ssm;
use crate::error::Error;
use crate::limits;
use crate::model::parameter;
use crate::types::{Parameter, Policy, Version};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DescribeInput {
    pub filters: Vec<Filter>,
    pub parameter_filters: Vec<Filter>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
    pub shared: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InlinePolicy {
    pub policy_text: String,
    pub policy_type: &'static str,
    pub policy_status: &'static str,
}

impl InlinePolicy {
    pub fn all(policies: &[Policy]) -> Vec<InlinePolicy> {
        let shown = |policy: &Policy| InlinePolicy {
            policy_text: policy.text.clone(),
            policy_type: policy.kind.word(),
            policy_status: if policy.done { "Finished" } else { "Pending" },
        };
        policies.iter().map(shown).collect()
    }
}

/// What is told of a version beside its value.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metadata {
    pub name: String,
    pub r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    pub last_modified_date: DateTime,
    pub last_modified_user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_pattern: Option<String>,
    pub version: u64,
    pub tier: &'static str,
    pub policies: Vec<InlinePolicy>,
    pub data_type: &'static str,
}

impl Metadata {
    pub fn new(of: &Parameter, version: &Version) -> Metadata {
        Metadata {
            name: of.name.clone(),
            r#type: version.kind.word(),
            key_id: version.key.clone(),
            last_modified_date: DateTime(version.modified),
            last_modified_user: version.user.clone(),
            description: version.description.clone(),
            allowed_pattern: version.pattern.clone(),
            version: version.number,
            tier: tier(version.advanced),
            policies: InlinePolicy::all(&version.policies),
            data_type: "text",
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    #[serde(flatten)]
    pub metadata: Metadata,
    #[serde(rename = "ARN")]
    pub arn: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOutput {
    pub parameters: Vec<Described>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn describe(_: Arc<Ssm>, cx: Cx, input: DescribeInput) -> Result<DescribeOutput, Error> {
    if input.shared == Some(true) {
        return Err(Error::NotImplemented("Parameters that are shared between accounts (Shared)".into()));
    }
    if !input.filters.is_empty() && !input.parameter_filters.is_empty() {
        return Err(Error::Validation("You can use either Filters or ParameterFilters in a single request.".into()));
    }
    filter::check(&input.parameter_filters, &["Path", "Name", "Type", "KeyId", "Tier", "DataType", "tag:"])?;
    filter::check(&input.filters, &["Name", "Type", "KeyId"])?;
    // The older filters of names are beginnings.
    let older = input.filters.into_iter().map(|filter| match filter.key.as_str() {
        "Name" => Filter { option: Some("BeginsWith".into()), ..filter },
        _ => filter,
    });
    let filters: Vec<Filter> = older.chain(input.parameter_filters).collect();
    let size = page_size(input.max_results, &limits::PAGE_RANGE, limits::PAGE)?;
    let after = after(input.next_token.as_deref())?;
    let (read, mut page) = (cx.db().read()?, Vec::new());
    let mut next_token = None;
    for found in parameter::scan(&read, cx.region().as_str(), "", after.as_deref())?.values() {
        let found = found?;
        let version = parameter::newest(&read, &found)?;
        if !filter::matches(&filters, &found, &version) {
            continue;
        }
        if page.len() == size {
            next_token = page.last().map(|last: &Described| token(&last.metadata.name));
            break;
        }
        page.push(Described { metadata: Metadata::new(&found, &version), arn: found.arn.to_string() });
    }
    Ok(DescribeOutput { parameters: page, next_token })
}
