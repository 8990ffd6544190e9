//! GetParameter, GetParameters.

use std::sync::Arc;

use base::Timestamp;
use kv::Snap;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use service::{Cx, Permission};
use wire::DateTime;

use super::permission;
use crate::Ssm;
use crate::crypt;
use crate::error::Error;
use crate::limits;
use crate::model::parameter;
use crate::name::{self, Reference, SECRETS};
use crate::types::{Kind, Parameter, Value, Version};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetInput {
    pub name: String,
    pub with_decryption: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    pub name: String,
    pub r#type: &'static str,
    pub value: String,
    pub version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_result: Option<String>,
    pub last_modified_date: DateTime,
    #[serde(rename = "ARN")]
    pub arn: String,
    pub data_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetOutput {
    pub parameter: Shown,
}

pub async fn get(_: Arc<Ssm>, cx: Cx, input: GetInput) -> Result<GetOutput, Error> {
    let reference = Reference::parse(&cx, &input.name)?;
    Ok(GetOutput { parameter: one(&cx, &input.name, &reference, input.with_decryption == Some(true)).await? })
}

async fn one(cx: &Cx, text: &str, reference: &Reference, decrypt: bool) -> Result<Shown, Error> {
    if let Some(secret) = reference.secret() {
        return secret_of(cx, secret, decrypt).await;
    }
    let (found, version) = selected(&cx.db().read()?, cx, text, reference)?;
    let selector = reference.selector.as_ref().map(|selector| format!(":{selector}"));
    let shown = shown(cx, &found, &version, decrypt).await?;
    // A name that is in no path may be asked for with and without its slash.
    let name = if text.starts_with("arn:") { found.name } else { reference.name.clone() };
    Ok(Shown { name, selector, ..shown })
}

/// The version that a request means.
fn selected(read: &Snap, cx: &Cx, text: &str, reference: &Reference) -> Result<(Parameter, Version), Error> {
    let found = parameter::find(read, cx.region().as_str(), &reference.name)?;
    let found = found.ok_or_else(|| Error::not_found(text))?;
    let missing = |version: &str| Error::VersionNotFound { name: reference.name.clone(), version: version.to_owned() };
    let version = match reference.selector.as_deref() {
        None => parameter::newest(read, &found)?,
        Some(selector) => match selector.parse::<u64>() {
            Ok(number) => parameter::version(read, &found, number)?.ok_or_else(|| missing(selector))?,
            Err(_) => {
                let with_label = |version: &Version| version.labels.iter().any(|label| label == selector);
                let all = parameter::versions(read, &found, 0)?;
                all.into_iter().find(with_label).ok_or_else(|| missing(selector))?
            }
        },
    };
    Ok((found, version))
}

/// A value as it is told: a secure string that is not to be decrypted as its ciphertext.
pub async fn value(cx: &Cx, of: &Parameter, version: &Version, decrypt: bool) -> Result<String, Error> {
    match &version.value {
        Value::Plain(text) => Ok(text.clone()),
        Value::Sealed(envelope) if decrypt => crypt::open(cx, &of.arn, envelope).await,
        Value::Sealed(envelope) => Ok(wire::Blob(envelope.value.clone()).to_base64()),
    }
}

pub async fn shown(cx: &Cx, of: &Parameter, version: &Version, decrypt: bool) -> Result<Shown, Error> {
    Ok(Shown {
        name: of.name.clone(),
        r#type: version.kind.word(),
        value: value(cx, of, version, decrypt).await?,
        version: version.number,
        selector: None,
        source_result: None,
        last_modified_date: DateTime(version.modified),
        arn: of.arn.to_string(),
        data_type: "text",
    })
}

/// A secret as a parameter.
///
/// Source: <https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html>
async fn secret_of(cx: &Cx, secret: &str, decrypt: bool) -> Result<Shown, Error> {
    if !decrypt {
        return Err(Error::Validation(
            "WithDecryption flag must be True for retrieving a Secret Manager secret.".into(),
        ));
    }
    let (id, selector) = secret.split_once(':').map_or((secret, None), |(id, selector)| (id, Some(selector)));
    let mut input = json!({"SecretId": id});
    match selector {
        // A version's id is as long as a UUID, at least.
        Some(selector) if selector.len() >= 32 => input["VersionId"] = json!(selector),
        Some(selector) => input["VersionStage"] = json!(selector),
        None => {}
    }
    let name = format!("{SECRETS}{secret}");
    let answer: Json =
        cx.call("secretsmanager", "GetSecretValue", input).await.map_err(|error| match &*error.code {
            "ResourceNotFoundException" => Error::NotFound(format!(
                "An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {name} not found."
            )),
            _ => Error::Other(error),
        })?;
    let created = answer["CreatedDate"].as_f64().unwrap_or_default();
    let told = json!({
        "ARN": answer["ARN"],
        "name": answer["Name"],
        "versionId": answer["VersionId"],
        "secretString": answer["SecretString"],
        "versionStages": answer["VersionStages"],
        "createdDate": created,
    });
    let value = answer["SecretString"].as_str().or(answer["SecretBinary"].as_str()).unwrap_or_default();
    Ok(Shown {
        value: value.to_owned(),
        r#type: Kind::SecureString.word(),
        version: 0,
        selector: None,
        source_result: Some(told.to_string()),
        last_modified_date: DateTime(Timestamp((created * 1000.0) as u64)),
        arn: name::arn(cx, &name).to_string(),
        data_type: "text",
        name,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct GetManyInput {
    pub names: Vec<String>,
    pub with_decryption: Option<bool>,
}

impl GetManyInput {
    /// Each of them needs it.
    pub fn permissions(&self, cx: &Cx, action: &str) -> Vec<Permission> {
        self.names.iter().map(|name| permission(cx, action, name)).collect()
    }

    pub fn check(&self) -> Result<(), Error> {
        if (1..=limits::NAMES_MAX).contains(&self.names.len()) {
            return Ok(());
        }
        let rule = if self.names.is_empty() { "greater than or equal to 1" } else { "less than or equal to 10" };
        let shown = self.names.join(", ");
        let mut constraints = service::Constraints::default();
        constraints.fail(format_args!("[{shown}]"), "names", format_args!("have length {rule}"));
        Ok(constraints.check()?)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetManyOutput {
    pub parameters: Vec<Shown>,
    pub invalid_parameters: Vec<String>,
}

pub async fn get_many(_: Arc<Ssm>, cx: Cx, input: GetManyInput) -> Result<GetManyOutput, Error> {
    input.check()?;
    let decrypt = input.with_decryption == Some(true);
    let mut output = GetManyOutput { parameters: Vec::new(), invalid_parameters: Vec::new() };
    for text in input.names {
        let reference = Reference::parse(&cx, &text)?;
        match one(&cx, &text, &reference, decrypt).await {
            Ok(shown) => output.parameters.push(shown),
            Err(Error::NotFound(_) | Error::VersionNotFound { .. }) => output.invalid_parameters.push(text),
            Err(error) => return Err(error),
        }
    }
    Ok(output)
}
