//! PublishVersion, ListVersionsByFunction.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::Cx;

use super::configuration::Configuration;
use super::{PageInput, next_marker, number_marker, page_size};
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::version::{self, Publish};
use crate::name::FunctionRef;
use crate::warming::warm;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PublishInput {
    pub function_name: String,
    pub code_sha256: Option<String>,
    pub description: Option<String>,
    pub revision_id: Option<String>,
}

pub async fn publish(lambda: Arc<Lambda>, cx: Cx, input: PublishInput) -> Result<Configuration, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    let mut constraints = Constraints::default();
    constraints.length(input.description.as_deref(), "description", limits::DESCRIPTION_CHARACTERS_MAX);
    constraints.check()?;
    let request = Publish {
        code_sha256: input.code_sha256,
        revision: input.revision_id,
        description: input.description.filter(|text| !text.is_empty()),
    };
    let (function, version) = cx.db().write(move |tx| version::publish_latest(tx, &reference, &request)).await?;
    if version.settings.snap_start {
        warm(&lambda, &cx, &function, &version);
    }
    Ok(Configuration::of_version(&function, version))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub versions: Vec<Configuration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

pub async fn list(_: Arc<Lambda>, cx: Cx, input: PageInput) -> Result<ListOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    let (limit, after) = (page_size(input.max_items)?, number_marker(input.marker.as_deref())?);
    let (function, (versions, next)) = version::list(&cx.db().read()?, &reference, after, limit)?;
    let versions = versions.into_iter().map(|version| Configuration::of_version(&function, version)).collect();
    Ok(ListOutput { versions, next_marker: next_marker(next) })
}
