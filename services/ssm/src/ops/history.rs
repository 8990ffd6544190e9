//! GetParameterHistory, LabelParameterVersion, UnlabelParameterVersion.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};

use super::describe::Metadata;
use super::get::value;
use super::{find, page_size};
use crate::Ssm;
use crate::error::Error;
use crate::limits;
use crate::model::parameter;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HistoryInput {
    pub name: String,
    pub with_decryption: Option<bool>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    #[serde(flatten)]
    pub metadata: Metadata,
    pub value: String,
    pub labels: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HistoryOutput {
    pub parameters: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

pub async fn history(_: Arc<Ssm>, cx: Cx, input: HistoryInput) -> Result<HistoryOutput, Error> {
    let size = page_size(input.max_results, &limits::PAGE_RANGE, limits::PAGE)?;
    let after = input.next_token.as_deref().filter(|token| !token.is_empty());
    let after = after.map_or(Ok(0), |token| token.parse::<u64>().map_err(|_| Error::InvalidNextToken))?;
    let (found, mut rest) = {
        let read = cx.db().read()?;
        let found = find(&read, &cx, &input.name)?;
        let versions = parameter::versions(&read, &found, after)?;
        (found, versions.into_iter())
    };
    let mut parameters = Vec::new();
    for version in rest.by_ref().take(size) {
        let value = value(&cx, &found, &version, input.with_decryption == Some(true)).await?;
        let metadata = Metadata::new(&found, &version);
        parameters.push(Listed { metadata, value, labels: version.labels });
    }
    let last = parameters.last().map(|last| last.metadata.version.to_string());
    Ok(HistoryOutput { parameters, next_token: last.filter(|_| rest.next().is_some()) })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LabelInput {
    pub name: String,
    pub parameter_version: Option<u64>,
    pub labels: Vec<String>,
}

impl LabelInput {
    /// Labels that no version may have are told in the answer, but for those whose length the API's model rules out.
    fn check(&self) -> Result<(), Error> {
        if !(1..=limits::LABELS_MAX).contains(&self.labels.len()) {
            return Err(Error::Validation(format!("There are 1 to {} labels in a request.", limits::LABELS_MAX)));
        }
        let most = limits::LABEL_CHARACTERS_MAX;
        let mut constraints = Constraints::default();
        if !self.labels.iter().all(|label| (1..=most).contains(&label.chars().count())) {
            let told = format!("[{}]", self.labels.join(", "));
            let rule = format!(
                "[Member must have length less than or equal to {most}, Member must have length greater than or equal to 1]"
            );
            constraints.fail(told, "labels", format_args!("satisfy constraint: {rule}"));
        }
        Ok(constraints.check()?)
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LabelOutput {
    pub invalid_labels: Vec<String>,
    pub parameter_version: u64,
}

pub async fn label(_: Arc<Ssm>, cx: Cx, input: LabelInput) -> Result<LabelOutput, Error> {
    input.check()?;
    let found = find(&cx.db().read()?, &cx, &input.name)?;
    let own = cx.clone();
    let label = move |tx: &mut kv::Tx| -> Result<LabelOutput, Error> {
        let found = parameter::of_arn(tx, &found.arn)?.ok_or_else(|| Error::not_found(&input.name))?;
        let number = input.parameter_version.unwrap_or(found.version);
        let version = parameter::version(tx, &found, number)?
            .ok_or_else(|| Error::VersionNotFound { name: found.name.clone(), version: number.to_string() })?;
        let invalid_labels = parameter::label(tx, &found, number, &input.labels)?;
        parameter::tell(tx, &own, &found, &version, "LabelParameterVersion")?;
        Ok(LabelOutput { invalid_labels, parameter_version: number })
    };
    cx.db().write(label).await
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnlabelOutput {
    pub removed_labels: Vec<String>,
    pub invalid_labels: Vec<String>,
}

pub async fn unlabel(_: Arc<Ssm>, cx: Cx, input: LabelInput) -> Result<UnlabelOutput, Error> {
    input.check()?;
    let found = find(&cx.db().read()?, &cx, &input.name)?;
    let unlabel = move |tx: &mut kv::Tx| -> Result<UnlabelOutput, Error> {
        let found = parameter::of_arn(tx, &found.arn)?.ok_or_else(|| Error::not_found(&input.name))?;
        let number = input.parameter_version.unwrap_or_default();
        let mut version = parameter::version(tx, &found, number)?
            .ok_or_else(|| Error::VersionNotFound { name: found.name.clone(), version: number.to_string() })?;
        let (removed_labels, invalid_labels) =
            input.labels.iter().cloned().partition(|label| version.labels.contains(label));
        version.labels.retain(|label| !input.labels.contains(label));
        parameter::put_version(tx, &found, &version)?;
        Ok(UnlabelOutput { removed_labels, invalid_labels })
    };
    cx.db().write(unlabel).await
}
