//! Parameters and their versions.

use base::Arn;
use kv::{Order, Partial, Read, Rows, Tx};
use serde_json::json;
use service::Cx;

use super::policy;
use crate::error::Error;
use crate::keys::{PARAMETERS, VERSIONS};
use crate::limits;
use crate::name;
use crate::types::{Kind, Parameter, Version};

/// The parameter of that name, however it is written.
pub fn find(read: &(impl Read + ?Sized), region: &str, name: &str) -> Result<Option<Parameter>, Error> {
    if let Some(found) = PARAMETERS.get(read, (region, name))? {
        return Ok(Some(found));
    }
    match name::other(name) {
        Some(other) => Ok(PARAMETERS.get(read, (region, &*other))?),
        None => Ok(None),
    }
}

pub fn version(read: &(impl Read + ?Sized), of: &Parameter, number: u64) -> Result<Option<Version>, Error> {
    Ok(VERSIONS.get(read, (of.region(), &*of.name, number))?)
}

/// The newest version: each parameter has one.
pub fn newest(read: &(impl Read + ?Sized), of: &Parameter) -> Result<Version, Error> {
    version(read, of, of.version)?.ok_or_else(|| Error::not_found(&of.name))
}

/// The versions of a parameter after a number, oldest first: a hundred at most.
pub fn versions(read: &(impl Read + ?Sized), of: &Parameter, after: u64) -> Result<Vec<Version>, Error> {
    let whole = (of.region(), &*of.name);
    let rows = VERSIONS.scan_after(read, whole, (of.region(), &*of.name, after), Order::Forward)?;
    Ok(rows.values().collect::<Result<_, _>>()?)
}

pub fn put_version(tx: &mut Tx, of: &Parameter, version: &Version) -> Result<(), Error> {
    Ok(VERSIONS.put(tx, (of.region(), &*of.name, version.number), version)?)
}

pub fn put(tx: &mut Tx, parameter: &Parameter) -> Result<(), Error> {
    Ok(PARAMETERS.put(tx, (parameter.region(), &*parameter.name), parameter)?)
}

/// Keeps a new version, and drops the oldest one where there are too many.
pub fn add(tx: &mut Tx, cx: &Cx, parameter: &Parameter, version: &Version) -> Result<(), Error> {
    if let Some(old) = self::version(tx, parameter, parameter.version.saturating_sub(1))? {
        policy::cancel(tx, parameter, &old)?;
    }
    put(tx, parameter)?;
    put_version(tx, parameter, version)?;
    policy::schedule(tx, parameter, version)?;
    let all = versions(tx, parameter, 0)?;
    if let Some(oldest) = all.first().filter(|_| all.len() > limits::VERSIONS_MAX) {
        if !oldest.labels.is_empty() {
            return Err(Error::MaxVersion(format!(
                "You attempted to create a new version of {} by calling the PutParameter API with the overwrite flag. Version {}, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.",
                parameter.name, oldest.number
            )));
        }
        VERSIONS.delete(tx, (parameter.region(), &*parameter.name, oldest.number))?;
    }
    tell(tx, cx, parameter, version, if version.number == 1 { "Create" } else { "Update" })
}

/// Tells EventBridge what became of a parameter.
///
/// Source: <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-cwe.html>
pub fn tell(tx: &mut Tx, cx: &Cx, parameter: &Parameter, version: &Version, operation: &str) -> Result<(), Error> {
    let resources = [parameter.arn.to_string()];
    let detail = || {
        json!({
            "operation": operation,
            "name": parameter.name,
            "type": version.kind.word(),
            "description": version.description.as_deref().unwrap_or_default(),
        })
    };
    Ok(service::events::emit(tx, cx, "aws.ssm", "Parameter Store Change", &resources, detail)?)
}

/// Removes a parameter with all its versions.
pub fn delete(tx: &mut Tx, cx: &Cx, parameter: &Parameter) -> Result<(), Error> {
    let last = newest(tx, parameter)?;
    policy::cancel(tx, parameter, &last)?;
    VERSIONS.delete_prefix(tx, (parameter.region(), &*parameter.name))?;
    PARAMETERS.delete(tx, (parameter.region(), &*parameter.name))?;
    tell(tx, cx, parameter, &last, "Delete")
}

/// Parameters of a region whose names begin with `start`, after the one named `after`, in order of their names.
pub fn scan<'a>(
    read: &'a impl Read,
    region: &str,
    start: &str,
    after: Option<&str>,
) -> Result<Rows<'a, (String, String), Parameter>, Error> {
    let prefix = (region, Partial(start.as_bytes()));
    Ok(match after {
        Some(after) => PARAMETERS.scan_after(read, prefix, (region, after), Order::Forward)?,
        None => PARAMETERS.scan_prefix(read, prefix, Order::Forward)?,
    })
}

/// Gives labels to a version, which leave the version that had them. Returns those that no version may have.
pub fn label(tx: &mut Tx, parameter: &Parameter, number: u64, labels: &[String]) -> Result<Vec<String>, Error> {
    let (good, bad): (Vec<_>, Vec<_>) = labels.iter().cloned().partition(|label| is_label(label));
    for mut version in versions(tx, parameter, 0)? {
        let before = version.labels.clone();
        version.labels.retain(|label| !good.contains(label));
        if version.number == number {
            version.labels.extend(good.clone());
            if version.labels.len() > limits::LABELS_MAX {
                return Err(Error::LabelLimit(
                    "An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: A parameter version can have maximum 10 labels.Move one or more labels to another version and try again.".into(),
                ));
            }
        }
        if version.labels != before {
            put_version(tx, parameter, &version)?;
        }
    }
    Ok(bad)
}

/// Source: <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-labels.html>
fn is_label(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    label.bytes().all(plain)
        && !label.starts_with(|first: char| first.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

/// # Errors
/// When a parameter would become, or cease to be, a secure string.
pub fn check_kind(old: &Version, new: Kind) -> Result<(), Error> {
    if old.kind == new {
        return Ok(());
    }
    Err(Error::HierarchyType(
        "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change a parameter from a String type to a SecureString type. Create a new, unique parameter.".into(),
    ))
}

/// The ARN whose parameter a timer is of, with the version.
pub fn of_arn(read: &(impl Read + ?Sized), arn: &Arn) -> Result<Option<Parameter>, Error> {
    let name = arn.resource.strip_prefix("parameter/").unwrap_or_default();
    let name = if name.contains('/') { format!("/{name}") } else { name.to_owned() };
    Ok(find(read, &arn.region, &name)?.filter(|found| found.arn == *arn))
}
