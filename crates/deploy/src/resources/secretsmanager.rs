//! `AWS::SecretsManager::Secret`, `AWS::SecretsManager::ResourcePolicy` and `AWS::SecretsManager::RotationSchedule`.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::shape::{Property, Shape, TAGS, fixed, property};
use super::{Cx, Made, Properties, Resource, ResourceError, Result, deleted, only, tags, text};
use crate::state::Deployed;

pub struct Secret;

const GENERATE: Shape = Shape::Struct(&[
    ("ExcludeCharacters", Shape::Text),
    ("ExcludeLowercase", Shape::Boolean),
    ("ExcludeNumbers", Shape::Boolean),
    ("ExcludePunctuation", Shape::Boolean),
    ("ExcludeUppercase", Shape::Boolean),
    ("GenerateStringKey", Shape::Text),
    ("IncludeSpace", Shape::Boolean),
    ("PasswordLength", Shape::Integer),
    ("RequireEachIncludedType", Shape::Boolean),
    ("SecretStringTemplate", Shape::Text),
]);

#[async_trait]
impl Resource for Secret {
    fn kind(&self) -> &'static str {
        "AWS::SecretsManager::Secret"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("Name", Shape::Text),
                property("Description", Shape::Text),
                property("KmsKeyId", Shape::Text),
                property("SecretString", Shape::Text),
                property("GenerateSecretString", GENERATE),
                property("Tags", TAGS),
            ]
        }
    }

    fn attributes(&self) -> &'static [&'static str] {
        &["Id"]
    }

    fn name(&self) -> Option<&'static str> {
        Some("Name")
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = only(wanted, &["Description", "KmsKeyId"]);
        input["Name"] = json!(cx.name_or_generated(wanted, "Name", 64));
        input["Tags"] = tags::list(&tags::map(wanted));
        input["ClientRequestToken"] = json!(cx.env.uuid());
        if let Some(value) = value(cx, wanted).await? {
            input["SecretString"] = json!(value);
        }
        let made = cx.call("secretsmanager", "CreateSecret", input).await?;
        Ok(made_of(text(&made, "ARN")?))
    }

    async fn update(&self, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
        let (arn, before) = (&old.physical_id, &old.properties);
        let mut input = Map::new();
        for name in ["Description", "KmsKeyId"] {
            if before.get(name) != wanted.get(name) {
                input.insert(name.into(), wanted.get(name).cloned().unwrap_or_else(|| json!("")));
            }
        }
        // What a rotation has made since then stays, as long as the template does not ask for another value.
        let asks = |properties: &Properties| only(properties, &["SecretString", "GenerateSecretString"]);
        if asks(before) != asks(wanted)
            && let Some(value) = value(cx, wanted).await?
        {
            input.insert("SecretString".into(), json!(value));
        }
        if !input.is_empty() {
            input.insert("SecretId".into(), json!(arn));
            input.insert("ClientRequestToken".into(), json!(cx.env.uuid()));
            cx.call("secretsmanager", "UpdateSecret", Value::Object(input)).await?;
        }
        let (set, gone) = tags::changes(&tags::map(before), &tags::map(wanted));
        if !set.is_empty() {
            cx.call("secretsmanager", "TagResource", json!({"SecretId": arn, "Tags": tags::list(&set)})).await?;
        }
        if !gone.is_empty() {
            cx.call("secretsmanager", "UntagResource", json!({"SecretId": arn, "TagKeys": gone})).await?;
        }
        Ok(made_of(arn))
    }

    /// At once, as CloudFormation does: the name is free for a stack that is made again.
    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        let input = json!({"SecretId": old.physical_id, "ForceDeleteWithoutRecovery": true});
        deleted(cx.call("secretsmanager", "DeleteSecret", input).await)
    }
}

fn made_of(arn: &str) -> Made {
    Made::new(arn, [("Id", json!(arn))])
}

/// The value that is wanted: as it is written, or a random one, within a template where there is one.
async fn value(cx: &Cx<'_>, wanted: &Properties) -> Result<Option<String>> {
    let unfit = |why: &str| ResourceError::Unfit(why.into());
    let generate = match (wanted.get("SecretString"), wanted.get("GenerateSecretString")) {
        (Some(_), Some(_)) => return Err(unfit("a secret has `SecretString` or `GenerateSecretString`, not both")),
        (Some(value), None) => return Ok(value.as_str().map(str::to_owned)),
        (None, None) => return Ok(None),
        (None, Some(generate)) => generate.as_object().cloned().unwrap_or_default(),
    };
    let mut input = generate.clone();
    let template = input.remove("SecretStringTemplate");
    let key = input.remove("GenerateStringKey");
    let answer = cx.call("secretsmanager", "GetRandomPassword", Value::Object(input)).await?;
    let password = text(&answer, "RandomPassword")?;
    match (template.as_ref().and_then(Value::as_str), key.as_ref().and_then(Value::as_str)) {
        (Some(template), Some(key)) => {
            let mut filled: Map<String, Value> =
                serde_json::from_str(template).map_err(|_| unfit("`SecretStringTemplate` is no JSON object"))?;
            filled.insert(key.into(), json!(password));
            Ok(Some(Value::Object(filled).to_string()))
        }
        (None, None) => Ok(Some(password.to_owned())),
        _ => Err(unfit("`SecretStringTemplate` and `GenerateStringKey` belong together")),
    }
}

pub struct ResourcePolicy;

#[async_trait]
impl Resource for ResourcePolicy {
    fn kind(&self) -> &'static str {
        "AWS::SecretsManager::ResourcePolicy"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("SecretId", Shape::Text).required(),
                property("ResourcePolicy", Shape::Document).required(),
                property("BlockPublicPolicy", Shape::Boolean),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        let mut input = only(wanted, &["SecretId", "BlockPublicPolicy"]);
        input["ResourcePolicy"] = json!(wanted.get("ResourcePolicy").map(Value::to_string));
        let put = cx.call("secretsmanager", "PutResourcePolicy", input).await?;
        Ok(Made::new(text(&put, "ARN")?, []))
    }

    async fn update(&self, cx: &Cx<'_>, _: &Deployed, wanted: &Properties) -> Result<Made> {
        self.create(cx, wanted).await
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("secretsmanager", "DeleteResourcePolicy", json!({"SecretId": old.physical_id})).await)
    }
}

pub struct RotationSchedule;

const RULES: Shape = Shape::Struct(&[
    ("AutomaticallyAfterDays", Shape::Integer),
    ("Duration", Shape::Text),
    ("ScheduleExpression", Shape::Text),
]);

#[async_trait]
impl Resource for RotationSchedule {
    fn kind(&self) -> &'static str {
        "AWS::SecretsManager::RotationSchedule"
    }

    fn properties(&self) -> &'static [Property] {
        const {
            &[
                fixed("SecretId", Shape::Text).required(),
                property("RotationLambdaARN", Shape::Text),
                property("RotationRules", RULES),
                property("RotateImmediatelyOnUpdate", Shape::Boolean),
            ]
        }
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
        rotate(cx, wanted).await
    }

    async fn update(&self, cx: &Cx<'_>, _: &Deployed, wanted: &Properties) -> Result<Made> {
        rotate(cx, wanted).await
    }

    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()> {
        deleted(cx.call("secretsmanager", "CancelRotateSecret", json!({"SecretId": old.physical_id})).await)
    }
}

async fn rotate(cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
    let mut input = only(wanted, &["SecretId", "RotationLambdaARN", "RotationRules"]);
    input["ClientRequestToken"] = json!(cx.env.uuid());
    if let Some(at_once) = wanted.get("RotateImmediatelyOnUpdate") {
        input["RotateImmediately"] = at_once.clone();
    }
    let rotated = cx.call("secretsmanager", "RotateSecret", input).await?;
    Ok(Made::new(text(&rotated, "ARN")?, []))
}
