//! PutParameter.

use std::sync::Arc;

use kv::Tx;
use regex_lite::RegexBuilder;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Permission};

use super::permission;
use super::tag::{self, Tag};
use crate::Ssm;
use crate::crypt;
use crate::error::Error;
use crate::limits;
use crate::model::{parameter, policy};
use crate::name;
use crate::types::{Kind, Parameter, Policy, Value, Version};

const DEFAULT_KEY: &str = "alias/aws/ssm";

// It has no `Debug`: nobody prints a value by mistake.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PutInput {
    pub name: String,
    pub description: Option<String>,
    pub value: String,
    pub r#type: Option<String>,
    pub key_id: Option<String>,
    pub overwrite: Option<bool>,
    pub allowed_pattern: Option<String>,
    pub tags: Vec<Tag>,
    pub tier: Option<String>,
    pub policies: Option<String>,
    pub data_type: Option<String>,
}

impl PutInput {
    pub fn permissions(&self, cx: &Cx) -> Vec<Permission> {
        let mut put = permission(cx, "ssm:PutParameter", &self.name);
        put.context.push(("ssm:Overwrite".into(), vec![(self.overwrite == Some(true)).to_string()]));
        let tagging = (!self.tags.is_empty()).then(|| permission(cx, "ssm:AddTagsToResource", &self.name));
        std::iter::once(put).chain(tagging).collect()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutOutput {
    pub version: u64,
    pub tier: &'static str,
}

pub fn tier(advanced: bool) -> &'static str {
    if advanced { "Advanced" } else { "Standard" }
}

fn check(input: &PutInput) -> Result<(), Error> {
    name::check_new(&input.name)?;
    let mut constraints = Constraints::default();
    constraints.length(input.description.as_deref(), "description", limits::DESCRIPTION_CHARACTERS_MAX);
    constraints.one_of(input.r#type.as_deref(), "type", &Kind::WORDS);
    constraints.one_of(input.tier.as_deref(), "tier", &["Standard", "Advanced", "Intelligent-Tiering"]);
    constraints.length(input.allowed_pattern.as_deref(), "allowedPattern", limits::PATTERN_CHARACTERS_MAX);
    if input.value.is_empty() {
        constraints.fail_unseen("value", "have length greater than or equal to 1");
    }
    constraints.check()?;
    match input.data_type.as_deref() {
        None | Some("" | "text") => {}
        Some("aws:ec2:image" | "aws:ssm:integration") => {
            return Err(Error::NotImplemented("A parameter with another DataType than text".into()));
        }
        Some(other) => {
            return Err(Error::Validation(format!(
                "The following data type is not supported: {other} (Data type names are all lowercase.)"
            )));
        }
    }
    if !input.tags.is_empty() && input.overwrite == Some(true) {
        return Err(Error::Validation(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.".into(),
        ));
    }
    let pattern = input.allowed_pattern.as_deref().filter(|pattern| !pattern.is_empty());
    pattern.map_or(Ok(()), |pattern| check_pattern(pattern, &input.value))
}

/// Whether a value is what its pattern allows, as a whole.
fn check_pattern(pattern: &str, value: &str) -> Result<(), Error> {
    let whole = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(limits::PATTERN_BYTES_MAX).build();
    let whole = whole.map_err(|_| Error::InvalidPattern(format!("The pattern {pattern} is not valid.")))?;
    if whole.is_match(value) { Ok(()) } else { Err(Error::PatternMismatch(pattern.to_owned())) }
}

/// Whether it is an advanced parameter.
fn advanced(input: &PutInput, old: Option<&Version>) -> Result<bool, Error> {
    let bytes = input.value.len();
    let needs = bytes > limits::STANDARD_BYTES_MAX || input.policies.as_deref().is_some_and(|text| !is_none(text));
    let was = old.is_some_and(|old| old.advanced);
    if bytes > limits::ADVANCED_BYTES_MAX {
        return Err(Error::Validation(
            "Advanced tier parameters support a maximum parameter value of 8192 characters.".into(),
        ));
    }
    match input.tier.as_deref() {
        Some("Advanced") => Ok(true),
        Some("Intelligent-Tiering") => Ok(needs || was),
        Some(_) if was => Err(Error::Validation(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.".into(),
        )),
        None if was => Ok(true),
        _ if bytes > limits::STANDARD_BYTES_MAX => Err(Error::Validation(
            "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html".into(),
        )),
        _ if needs => Err(Error::Validation(
            "The following parameter policies are supported only for parameters in the advanced-parameter tier.".into(),
        )),
        _ => Ok(false),
    }
}

fn is_none(policies: &str) -> bool {
    matches!(policies.trim(), "" | "[]" | "[{}]" | "{}")
}

pub async fn put(_: Arc<Ssm>, cx: Cx, input: PutInput) -> Result<PutOutput, Error> {
    check(&input)?;
    let tags = tag::check(input.tags.clone())?;
    let found = parameter::find(&cx.db().read()?, cx.region().as_str(), &input.name)?;
    if found.is_some() && input.overwrite != Some(true) {
        return Err(Error::AlreadyExists);
    }
    let old = found.as_ref().map(|found| parameter::newest(&cx.db().read()?, found)).transpose()?;
    let kind = match (input.r#type.as_deref().and_then(Kind::parse), &old) {
        (Some(kind), Some(old)) => parameter::check_kind(old, kind).map(|()| kind)?,
        (Some(kind), None) => kind,
        (None, Some(old)) => old.kind,
        (None, None) => {
            return Err(Error::Validation("A parameter type is required when you create a parameter.".into()));
        }
    };
    if input.key_id.is_some() && kind != Kind::SecureString {
        return Err(Error::Validation(
            "KeyId is not required for String and StringList type parameter: only SecureString parameters have a key."
                .into(),
        ));
    }
    let advanced = advanced(&input, old.as_ref())?;
    let policies = policies(&cx, &input, old.as_ref())?;
    let name = found.as_ref().map_or(input.name.clone(), |found| found.name.clone());
    let arn = name::arn(&cx, &name);
    let key = key(&input, kind, old.as_ref());
    let value = match kind {
        Kind::SecureString => Value::Sealed(crypt::seal(&cx, &arn, key.as_deref(), &input.value).await?),
        Kind::String | Kind::StringList => Value::Plain(input.value.clone()),
    };
    let kept = |new: Option<String>, old: Option<&String>| new.or_else(|| old.cloned()).filter(|text| !text.is_empty());
    let (description, pattern) = match &old {
        Some(old) => (old.description.as_ref(), old.pattern.as_ref()),
        None => (None, None),
    };
    let version = Version {
        number: 1,
        kind,
        value,
        key,
        description: kept(input.description, description),
        pattern: kept(input.allowed_pattern, pattern),
        advanced,
        policies,
        labels: Vec::new(),
        modified: cx.now(),
        user: cx.caller().arn.to_string(),
    };
    let new = Parameter { name, arn, created: cx.now(), version: 1, tags };
    let (overwrite, own) = (input.overwrite == Some(true), cx.clone());
    let number = cx.db().write(move |tx| keep(tx, &own, &new, &version, overwrite)).await?;
    Ok(PutOutput { version: number, tier: tier(advanced) })
}

/// Keeps a value as the first or the next version, and returns which it is.
fn keep(tx: &mut Tx, cx: &Cx, new: &Parameter, version: &Version, overwrite: bool) -> Result<u64, Error> {
    let parameter = match parameter::find(tx, new.region(), &new.name)? {
        Some(_) if !overwrite => return Err(Error::AlreadyExists),
        Some(found) => Parameter { version: found.version.saturating_add(1), ..found },
        None => new.clone(),
    };
    let version = Version { number: parameter.version, ..version.clone() };
    parameter::add(tx, cx, &parameter, &version)?;
    Ok(version.number)
}

fn key(input: &PutInput, kind: Kind, old: Option<&Version>) -> Option<String> {
    let given = input.key_id.clone().or_else(|| old.and_then(|old| old.key.clone()));
    (kind == Kind::SecureString).then(|| given.unwrap_or_else(|| DEFAULT_KEY.to_owned()))
}

fn policies(cx: &Cx, input: &PutInput, old: Option<&Version>) -> Result<Vec<Policy>, Error> {
    match input.policies.as_deref() {
        Some(text) if is_none(text) => Ok(Vec::new()),
        Some(text) => policy::read(text, cx.now()),
        // They stay, and what counts from a change begins anew.
        None => match old {
            Some(old) if !old.policies.is_empty() => {
                let texts: Vec<&str> = old.policies.iter().map(|policy| policy.text.as_str()).collect();
                policy::read(&format!("[{}]", texts.join(",")), cx.now())
            }
            _ => Ok(Vec::new()),
        },
    }
}
