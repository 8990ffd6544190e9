//! GetParametersByPath.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Cx, Permission};

use super::filter::{self, Filter, check_path, in_path};
use super::get::{Shown, shown};
use super::{after, page_size, permission, token};
use crate::Ssm;
use crate::error::Error;
use crate::limits;
use crate::model::parameter;
use crate::types::{Parameter, Version};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PathInput {
    pub path: String,
    pub recursive: Option<bool>,
    pub parameter_filters: Vec<Filter>,
    pub with_decryption: Option<bool>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

impl PathInput {
    pub fn permissions(&self, cx: &Cx) -> Vec<Permission> {
        let path = self.path.trim_end_matches('/');
        let mut permission = permission(cx, "ssm:GetParametersByPath", path);
        permission.context.push(("ssm:Recursive".into(), vec![(self.recursive == Some(true)).to_string()]));
        vec![permission]
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PathOutput {
    pub parameters: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn get(_: Arc<Ssm>, cx: Cx, input: PathInput) -> Result<PathOutput, Error> {
    check_path(&input.path)?;
    filter::check(&input.parameter_filters, &["Type", "KeyId", "Label"])?;
    let size = page_size(input.max_results, &limits::PATH_PAGE_RANGE, limits::PATH_PAGE)?;
    let after = after(input.next_token.as_deref())?;
    let (path, recursive) = (input.path.trim_end_matches('/'), input.recursive == Some(true));
    let mut page: Vec<(Parameter, Version)> = Vec::new();
    let mut next_token = None;
    {
        let read = cx.db().read()?;
        // Names without a slash are in the root, too.
        let start = if path.is_empty() { String::new() } else { format!("{path}/") };
        let rows = parameter::scan(&read, cx.region().as_str(), &start, after.as_deref())?;
        for found in rows.values() {
            let found = found?;
            if !in_path(&found.name, path, recursive) {
                continue;
            }
            let Some(version) = chosen(&read, &found, &input.parameter_filters)? else { continue };
            if page.len() == size {
                next_token = page.last().map(|(last, _)| token(&last.name));
                break;
            }
            page.push((found, version));
        }
    }
    let mut parameters = Vec::new();
    for (found, version) in &page {
        parameters.push(shown(&cx, found, version, input.with_decryption == Some(true)).await?);
    }
    Ok(PathOutput { parameters, next_token })
}

/// The version that is told of a parameter: the newest, or the one with a label that is asked for.
fn chosen(read: &kv::Snap, found: &Parameter, filters: &[Filter]) -> Result<Option<Version>, Error> {
    if filters.iter().any(|filter| filter.key == "Label") {
        let all = parameter::versions(read, found, 0)?;
        return Ok(all.into_iter().rev().find(|version| filter::matches(filters, found, version)));
    }
    Ok(Some(parameter::newest(read, found)?).filter(|version| filter::matches(filters, found, version)))
}
