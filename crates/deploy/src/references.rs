//! Values that are looked up when they are used: `{{resolve:ssm:/name}}`, `{{resolve:secretsmanager:id:SecretString:key}}`, and
//! parameters of templates that are names of parameters. Templates, plans and the state of stacks have the reference
//! alone, never what it stands for.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::cloud::{CallError, Cloud};
use crate::project::{Options, Wanted};
use crate::variables::Looked;

const OPEN: &str = "{{resolve:";
const CLOSE: &str = "}}";
/// As many as CloudFormation takes in one template.
const REFERENCES_MAX: usize = 60;

/// The properties with every reference replaced by what it stands for.
pub async fn resolve(cloud: &dyn Cloud, properties: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut references = BTreeSet::new();
    properties.values().for_each(|value| collect(value, &mut references));
    if references.is_empty() {
        return Ok(properties.clone());
    }
    if references.len() > REFERENCES_MAX {
        return Err(format!("a resource has {} dynamic references, of at most {REFERENCES_MAX}", references.len()));
    }
    let mut known = BTreeMap::new();
    for reference in references {
        let value = look_up(cloud, &reference).await.map_err(|why| format!("{OPEN}{reference}{CLOSE}: {why}"))?;
        known.insert(reference, value);
    }
    Ok(properties.iter().map(|(name, value)| (name.clone(), replaced(value, &known))).collect())
}

/// The references in a text, each with its place.
fn inside(text: &str) -> impl Iterator<Item = &str> {
    text.split(OPEN).skip(1).filter_map(|rest| rest.split_once(CLOSE)).map(|(reference, _)| reference)
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => references.extend(inside(text).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Object(map) => map.values().for_each(|value| collect(value, references)),
        _ => {}
    }
}

fn replaced(value: &Value, known: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => {
            let mut result = String::new();
            let mut parts = text.split(OPEN);
            result.push_str(parts.next().unwrap_or_default());
            for part in parts {
                match part.split_once(CLOSE).and_then(|(reference, rest)| Some((known.get(reference)?, rest))) {
                    Some((value, rest)) => {
                        result.push_str(value);
                        result.push_str(rest);
                    }
                    None => {
                        result.push_str(OPEN);
                        result.push_str(part);
                    }
                }
            }
            Value::String(result)
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| replaced(item, known)).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), replaced(value, known))).collect())
        }
        other => other.clone(),
    }
}

async fn look_up(cloud: &dyn Cloud, reference: &str) -> Result<String, String> {
    let (service, rest) = reference.split_once(':').ok_or("a service and a name are expected")?;
    match service {
        "ssm" | "ssm-secure" => {
            let found = parameter(cloud, rest).await.map_err(|error| error.to_string())?;
            let kind = found["Type"].as_str().unwrap_or_default();
            if (kind == "SecureString") != (service == "ssm-secure") {
                return Err(format!(
                    "the parameter is a {kind}: a SecureString is {OPEN}ssm-secure:…, others {OPEN}ssm:…"
                ));
            }
            Ok(found["Value"].as_str().unwrap_or_default().to_owned())
        }
        "secretsmanager" => secret(cloud, rest).await,
        other => Err(format!("`{other}` is none of ssm, ssm-secure and secretsmanager")),
    }
}

/// A parameter with its value; `name` may have a version behind it.
pub async fn parameter(cloud: &dyn Cloud, name: &str) -> Result<Value, CallError> {
    let answer = cloud.call("ssm", "GetParameter", json!({"Name": name, "WithDecryption": true})).await?;
    Ok(answer["Parameter"].clone())
}

/// `id:SecretString:key:stage:version`, of which all but the id may be missing or empty. An id may be an ARN, which has colons itself.
async fn secret(cloud: &dyn Cloud, reference: &str) -> Result<String, String> {
    let colons_of_id = if reference.starts_with("arn:") { 7 } else { 1 };
    let end = reference.match_indices(':').nth(colons_of_id - 1).map_or(reference.len(), |(index, _)| index);
    let (id, rest) = reference.split_at(end);
    let mut parts = rest.trim_start_matches(':').split(':');
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let (_, key, stage, version) = (next(), next(), next(), next());
    let mut input = json!({"SecretId": id});
    for (name, value) in [("VersionStage", stage), ("VersionId", version)] {
        if let Some(value) = value {
            input[name] = json!(value);
        }
    }
    let answer = cloud.call("secretsmanager", "GetSecretValue", input).await.map_err(|error| error.to_string())?;
    let text = answer["SecretString"].as_str().ok_or("the secret has no SecretString")?;
    let Some(key) = key else { return Ok(text.to_owned()) };
    let values: Map<String, Value> = serde_json::from_str(text).map_err(|_| "the secret's value is no JSON object")?;
    let value = values.get(key).ok_or_else(|| format!("the secret has no key `{key}`"))?;
    Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Rounds of parameters that lead to other parameters.
const ROUNDS_MAX: usize = 10;

/// Looks up the parameters that a project asks for, as `turn` has told: in its region.
///
/// # Errors
/// When one cannot be read. One that is not there may have a default, so that is no error.
pub async fn look_up_all<C: Cloud>(
    cloud: &mut C,
    folder: &Path,
    options: &mut Options,
    turn: impl Fn(&mut C, &str),
) -> Result<(), CallError> {
    let mut missing = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let mut wanted = Wanted::of(folder, options);
        wanted.parameters.retain(|name| !missing.contains(name));
        if wanted.parameters.is_empty() {
            return Ok(());
        }
        turn(cloud, &wanted.region);
        for name in wanted.parameters {
            match parameter(cloud, &name).await {
                Ok(found) => {
                    let text = |member: &str| found[member].as_str().unwrap_or_default().to_owned();
                    options.parameters.insert(name, Looked { kind: text("Type"), value: text("Value") });
                }
                Err(error) if error.is_absent() => drop(missing.insert(name)),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// What parameters of a template stand for that are names of parameters: `AWS::SSM::Parameter::Value<String>`.
pub async fn parameters(
    cloud: &dyn Cloud,
    definitions: &Map<String, Value>,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    for (name, definition) in definitions {
        let is_reference = definition["Type"].as_str().is_some_and(|kind| kind.starts_with(VALUE_OF));
        let named = given.get(name).map(String::as_str).or(definition["Default"].as_str());
        if let Some(named) = named.filter(|_| is_reference) {
            let found = parameter(cloud, named).await;
            let found = found.map_err(|error| format!("the parameter `{name}` is `{named}` of SSM: {error}"))?;
            values.insert(name.clone(), found["Value"].as_str().unwrap_or_default().to_owned());
        }
    }
    Ok(values)
}

pub const VALUE_OF: &str = "AWS::SSM::Parameter::Value<";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_and_replaced_where_they_are() {
        let value =
            json!({"a": ["x{{resolve:ssm:/n:1}}y{{resolve:ssm:/m}}"], "b": 1, "c": "{{resolve:ssm:/n:1}} {{other}}"});
        let mut references = BTreeSet::new();
        collect(&value, &mut references);
        assert_eq!(references.iter().map(String::as_str).collect::<Vec<_>>(), ["ssm:/m", "ssm:/n:1"]);
        let known = BTreeMap::from([
            ("ssm:/n:1".to_owned(), "N".to_owned()),
            ("ssm:/m".to_owned(), "{{resolve:ssm:/n:1}}".to_owned()),
        ]);
        // What comes out of a reference is not looked at again.
        assert_eq!(replaced(&value, &known), json!({"a": ["xNy{{resolve:ssm:/n:1}}"], "b": 1, "c": "N {{other}}"}));
    }
}
