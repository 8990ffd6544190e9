//! UpdateSecretVersionStage, ListSecretVersionIds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use wire::DateTime;

use super::{Named, after, find, find_usable, of_secret, own, page_size, token};
use crate::SecretsManager;
use crate::error::Error;
use crate::limits;
use crate::model::{secret, version};
use crate::types::{CURRENT, Secret, Version};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateInput {
    pub secret_id: String,
    pub version_stage: String,
    pub remove_from_version_id: Option<String>,
    pub move_to_version_id: Option<String>,
}
of_secret!(UpdateInput, ListInput);

pub async fn update(_: Arc<SecretsManager>, cx: Cx, input: UpdateInput) -> Result<Named, Error> {
    let mut constraints = Constraints::default();
    constraints.length(Some(&input.version_stage), "versionStage", limits::STAGE_CHARACTERS_MAX);
    if input.version_stage.is_empty() {
        constraints.fail("", "versionStage", "have length greater than or equal to 1");
    }
    constraints.check()?;
    find_usable(&cx, &input.secret_id)?;
    let (own, now) = (own(&cx), cx.now());
    let change = move |tx: &mut kv::Tx| -> Result<Secret, Error> {
        let mut secret = secret::find_usable(tx, &own, &input.secret_id)?;
        move_stage(tx, &mut secret, &input)?;
        secret.changed = now;
        secret::put(tx, &secret)?;
        Ok(secret)
    };
    Ok(Named::new(&cx.db().write(change).await?, None))
}

fn move_stage(tx: &kv::Tx, secret: &mut Secret, input: &UpdateInput) -> Result<(), Error> {
    let UpdateInput { version_stage: stage, remove_from_version_id: from, move_to_version_id: to, .. } = input;
    let current = secret.version_of(stage).map(str::to_owned);
    match (&current, from) {
        (Some(current), None) if to.as_ref().is_some_and(|to| to != current) => {
            return Err(Error::InvalidParameter(format!(
                "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {current}, so you must explicitly reference that version in RemoveFromVersionId."
            )));
        }
        (current, Some(from)) if current.as_ref() != Some(from) => {
            return Err(Error::InvalidParameter(format!(
                "The parameter RemoveFromVersionId is not valid. Staging label {stage} is not attached to version {from}."
            )));
        }
        _ => {}
    }
    match to {
        Some(to) => {
            version::get(tx, secret, to)?.ok_or_else(|| Error::NoValue(format!("VersionId: {to}")))?;
            version::attach(secret, stage, to)
        }
        None if stage == CURRENT => Err(Error::InvalidParameter(
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."
                .into(),
        )),
        None if from.is_none() => {
            Err(Error::InvalidParameter("One of RemoveFromVersionId and MoveToVersionId must be given.".into()))
        }
        None => {
            version::detach(secret, stage);
            Ok(())
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListInput {
    pub secret_id: String,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
    pub include_deprecated: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub version_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub version_stages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_accessed_date: Option<DateTime>,
    pub created_date: DateTime,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kms_key_ids: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub versions: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
}

pub async fn list(_: Arc<SecretsManager>, cx: Cx, input: ListInput) -> Result<ListOutput, Error> {
    let size = page_size(input.max_results, &limits::PAGE_RANGE, limits::PAGE)?;
    let (found, after) = (find(&cx, &input.secret_id)?, after(input.next_token.as_deref())?);
    let with_deprecated = input.include_deprecated == Some(true);
    let wanted = |(id, _): &(String, Version)| {
        (with_deprecated || found.stages.contains_key(id)) && after.as_ref().is_none_or(|after| id > after)
    };
    let mut rest = version::all(&cx.db().read()?, &found)?.into_iter().filter(wanted);
    let page: Vec<_> = rest.by_ref().take(size).collect();
    let next_token = page.last().map(|(id, _)| token(id)).filter(|_| rest.next().is_some());
    let default = |version: &Version| version.key.is_some() && found.key.is_none();
    let versions = page.into_iter().map(|(id, made)| Listed {
        version_stages: found.stages.get(&id).cloned().unwrap_or_default(),
        version_id: id,
        last_accessed_date: made.accessed.map(DateTime),
        created_date: DateTime(made.created),
        kms_key_ids: if default(&made) {
            vec!["DefaultEncryptionKey".to_owned()]
        } else {
            made.key.into_iter().collect()
        },
    });
    Ok(ListOutput { versions: versions.collect(), next_token, arn: found.arn.to_string(), name: found.name })
}
