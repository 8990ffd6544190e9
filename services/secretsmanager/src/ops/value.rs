//! GetSecretValue, BatchGetSecretValue, PutSecretValue.

use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Error as ServiceError, Permission};
use wire::{Blob, DateTime};

use super::list::{Filter, check_filters, matches};
use super::secret::version_exists;
use super::{OfSecret, after, find_usable, of_secret, on_secret, own, page_size, token, version_id};
use crate::SecretsManager;
use crate::crypt::{self, Value};
use crate::error::Error;
use crate::limits;
use crate::model::{secret, version};
use crate::types::{CURRENT, Secret, Version};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetInput {
    pub secret_id: String,
    pub version_id: Option<String>,
    pub version_stage: Option<String>,
}

impl OfSecret for GetInput {
    fn secret_id(&self) -> &str {
        &self.secret_id
    }

    fn context(&self) -> Vec<(String, Vec<String>)> {
        let stage = self.version_stage.clone().unwrap_or_else(|| CURRENT.to_owned());
        let id = self.version_id.clone().map(|id| ("secretsmanager:VersionId".to_owned(), vec![id]));
        std::iter::once(("secretsmanager:VersionStage".to_owned(), vec![stage])).chain(id).collect()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    pub version_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_binary: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_string: Option<String>,
    pub version_stages: Vec<String>,
    pub created_date: DateTime,
}

pub async fn get(_: Arc<SecretsManager>, cx: Cx, input: GetInput) -> Result<GetOutput, Error> {
    value(&cx, &input).await
}

/// The version that a request means.
fn wanted(found: &Secret, input: &GetInput) -> Result<String, Error> {
    let stage = input.version_stage.as_deref();
    let id = match (&input.version_id, stage) {
        (Some(id), Some(stage)) if found.version_of(stage) != Some(id) => {
            return Err(Error::InvalidRequest(
                "You provided a VersionStage that is not associated to the provided VersionId.".into(),
            ));
        }
        (Some(id), _) => Some(id.clone()),
        (None, stage) => found.version_of(stage.unwrap_or(CURRENT)).map(str::to_owned),
    };
    id.ok_or_else(|| Error::NoValue(format!("staging label: {}", stage.unwrap_or(CURRENT))))
}

async fn value(cx: &Cx, input: &GetInput) -> Result<GetOutput, Error> {
    let found = find_usable(cx, &input.secret_id)?;
    let id = wanted(&found, input)?;
    let missing = || match &input.version_id {
        Some(id) => Error::NoValue(format!("VersionId: {id}")),
        None => Error::NoValue(format!("staging label: {}", input.version_stage.as_deref().unwrap_or(CURRENT))),
    };
    let made: Version = version::get(&cx.db().read()?, &found, &id)?.ok_or_else(missing)?;
    let envelope = made.value.as_ref().ok_or_else(missing)?;
    let opened = crypt::open(cx, &found, &id, envelope).await?;
    note_access(cx, &found, &id, &made).await?;
    let text = (!made.is_binary).then(|| String::from_utf8_lossy(&opened).into_owned());
    Ok(GetOutput {
        arn: found.arn.to_string(),
        name: found.name.clone(),
        secret_binary: made.is_binary.then(|| opened.to_vec().into()),
        secret_string: text,
        version_stages: found.stages.get(&id).cloned().unwrap_or_default(),
        version_id: id,
        created_date: DateTime(made.created),
    })
}

/// Notes the day on which a value was read: one write a day and version.
async fn note_access(cx: &Cx, found: &Secret, id: &str, made: &Version) -> Result<(), Error> {
    let day = limits::DAY.as_secs();
    let today = Timestamp::from_secs(cx.now().as_secs() / day * day);
    if found.accessed == Some(today) && made.accessed == Some(today) {
        return Ok(());
    }
    let (own, text, id) = (own(cx), found.arn.to_string(), id.to_owned());
    let note = move |tx: &mut kv::Tx| {
        let mut secret = secret::find(tx, &own, &text)?;
        secret.accessed = Some(today);
        version::note_access(tx, &secret, &id, today)?;
        secret::put(tx, &secret)
    };
    match cx.db().write(note).await {
        // A store without room answers reads all the same.
        Err(Error::Store(kv::Error::Full(_))) | Ok(()) => Ok(()),
        Err(error) => Err(error),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct BatchInput {
    pub secret_id_list: Option<Vec<String>>,
    pub filters: Option<Vec<Filter>>,
    pub max_results: Option<i64>,
    pub next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Failed {
    pub secret_id: String,
    pub error_code: String,
    pub message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchOutput {
    pub secret_values: Vec<GetOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    pub errors: Vec<Failed>,
}

/// Each value needs permission of its own: one that is refused is told among the errors.
pub fn batch_permissions() -> Result<Vec<Permission>, ServiceError> {
    Ok(vec![Permission::new("secretsmanager:BatchGetSecretValue", "*")])
}

pub async fn get_batch(_: Arc<SecretsManager>, cx: Cx, input: BatchInput) -> Result<BatchOutput, Error> {
    let size = page_size(input.max_results, &limits::BATCH_RANGE, limits::BATCH)?;
    let (ids, next_token) = match (input.secret_id_list, input.filters) {
        (Some(_), Some(_)) => {
            return Err(Error::InvalidParameter(
                "Either 'SecretIdList' or 'Filters' must be provided, but not both.".into(),
            ));
        }
        (Some(_), None) if input.max_results.is_some() => {
            return Err(Error::InvalidParameter(
                "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.".into(),
            ));
        }
        (Some(ids), None) if (1..=limits::BATCH).contains(&ids.len()) => (ids, None),
        (None, Some(filters)) => filtered(&cx, &filters, input.next_token.as_deref(), size)?,
        (Some(_), None) => {
            return Err(Error::InvalidParameter(format!("SecretIdList has 1 to {} entries.", limits::BATCH)));
        }
        (None, None) => {
            return Err(Error::InvalidParameter("Either 'SecretIdList' or 'Filters' must be provided.".into()));
        }
    };
    let mut output = BatchOutput { secret_values: Vec::new(), next_token, errors: Vec::new() };
    for secret_id in ids {
        let input = GetInput { secret_id, ..GetInput::default() };
        match permitted(&cx, &input).await {
            Ok(value) => output.secret_values.push(value),
            Err(error) if error.is_sender_fault() => output.errors.push(Failed {
                secret_id: input.secret_id,
                error_code: error.code.into_owned(),
                message: error.message,
            }),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(output)
}

async fn permitted(cx: &Cx, input: &GetInput) -> Result<GetOutput, ServiceError> {
    let mut permission = on_secret(cx, "secretsmanager:GetSecretValue", &input.secret_id)?;
    permission.context.extend(input.context());
    cx.authorize(&permission)?;
    Ok(value(cx, input).await?)
}

/// A page of the secrets that filters choose, and the token of the next.
fn filtered(
    cx: &Cx,
    filters: &[Filter],
    from: Option<&str>,
    size: usize,
) -> Result<(Vec<String>, Option<String>), Error> {
    check_filters(filters)?;
    let (read, after) = (cx.db().read()?, after(from)?);
    let mut page: Vec<Secret> = Vec::new();
    for found in secret::scan(&read, cx.region().as_str(), after.as_deref())?.values() {
        let found = found?;
        if found.deletion.is_some() || !matches(&found, filters) {
            continue;
        }
        if page.len() == size {
            let next = page.last().map(|last| token(&last.name));
            return Ok((page.into_iter().map(|secret| secret.arn.to_string()).collect(), next));
        }
        page.push(found);
    }
    Ok((page.into_iter().map(|secret| secret.arn.to_string()).collect(), None))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub secret_id: String,
    pub client_request_token: Option<String>,
    pub secret_binary: Option<Blob>,
    pub secret_string: Option<String>,
    pub version_stages: Option<Vec<String>>,
    pub rotation_token: Option<String>,
}
of_secret!(PutInput);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutOutput {
    #[serde(rename = "ARN")]
    pub arn: String,
    pub name: String,
    pub version_id: String,
    pub version_stages: Vec<String>,
}

fn check_stages(stages: &[String]) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    for (index, stage) in (1..).zip(stages) {
        let place = format!("versionStages.{index}.member");
        constraints.length(Some(stage), &place, limits::STAGE_CHARACTERS_MAX);
        if stage.is_empty() {
            constraints.fail("", &place, "have length greater than or equal to 1");
        }
    }
    constraints.check()?;
    if (1..=limits::STAGES_MAX).contains(&stages.len()) {
        return Ok(());
    }
    Err(Error::InvalidParameter(format!("VersionStages has 1 to {} labels.", limits::STAGES_MAX)))
}

pub async fn put(_: Arc<SecretsManager>, cx: Cx, input: PutInput) -> Result<PutOutput, Error> {
    let stages = input.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
    check_stages(&stages)?;
    let id = version_id(input.client_request_token)?;
    let value = Value::read(input.secret_string, input.secret_binary)?
        .ok_or_else(|| Error::InvalidRequest("You must provide either SecretString or SecretBinary.".into()))?;
    let found = find_usable(&cx, &input.secret_id)?;
    let existing = version::get(&cx.db().read()?, &found, &id)?;
    // A rotation has made the place for its version already.
    if let Some(made) = existing.filter(|made| made.value.is_some()) {
        if !crypt::is_same(&cx, &found, &id, &made, &value).await? {
            return Err(version_exists());
        }
        let version_stages = found.stages.get(&id).cloned().unwrap_or_default();
        return Ok(PutOutput { arn: found.arn.to_string(), name: found.name, version_id: id, version_stages });
    }
    let sealed = crypt::seal(&cx, &found, &id, &value).await?;
    let (own, text, now) = (own(&cx), input.secret_id, cx.now());
    let put = {
        let id = id.clone();
        move |tx: &mut kv::Tx| -> Result<Secret, Error> {
            let mut secret = secret::find_usable(tx, &own, &text)?;
            // The first value is in force, whatever its labels.
            let first = secret.version_of(CURRENT).is_none().then(|| CURRENT.to_owned());
            let mut stages = stages.clone();
            stages.extend(first.filter(|first| !stages.contains(first)));
            secret.changed = now;
            version::put(tx, &mut secret, &id, &sealed, &stages)?;
            Ok(secret)
        }
    };
    let secret = cx.db().write(put).await?;
    let version_stages = secret.stages.get(&id).cloned().unwrap_or_default();
    Ok(PutOutput { arn: secret.arn.to_string(), name: secret.name, version_id: id, version_stages })
}
