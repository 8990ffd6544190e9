//! The attributes that users of a pool have, and what their values have to be like.
//!
//! Source: <https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html>

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::ATTRIBUTE_VALUE_CHARACTERS_MAX;
use crate::model::user::{EMAIL, EMAIL_VERIFIED, PHONE_NUMBER, PHONE_NUMBER_VERIFIED};
use crate::types::{AttributeKind, Client, Pool, SchemaAttribute};

pub const SUB: &str = "sub";
pub const CUSTOM: &str = "custom:";
pub const DEVELOPER: &str = "dev:";

/// An attribute of a user, as requests and answers have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Attribute {
    pub name: String,
    pub value: String,
}

impl Attribute {
    pub fn list(attributes: &BTreeMap<String, String>) -> Vec<Attribute> {
        let attribute = |(name, value): (&String, &String)| Attribute { name: name.clone(), value: value.clone() };
        attributes.iter().map(attribute).collect()
    }
}

/// What every pool has, with the fewest and the most characters of texts.
const STANDARD: [(&str, AttributeKind, &str, &str); 19] = [
    ("profile", AttributeKind::Text, "0", "2048"),
    ("address", AttributeKind::Text, "0", "2048"),
    ("birthdate", AttributeKind::Text, "10", "10"),
    ("gender", AttributeKind::Text, "0", "2048"),
    ("preferred_username", AttributeKind::Text, "0", "2048"),
    ("updated_at", AttributeKind::Number, "0", ""),
    ("website", AttributeKind::Text, "0", "2048"),
    ("picture", AttributeKind::Text, "0", "2048"),
    ("sub", AttributeKind::Text, "1", "2048"),
    ("phone_number", AttributeKind::Text, "0", "2048"),
    ("phone_number_verified", AttributeKind::Boolean, "", ""),
    ("zoneinfo", AttributeKind::Text, "0", "2048"),
    ("locale", AttributeKind::Text, "0", "2048"),
    ("email", AttributeKind::Text, "0", "2048"),
    ("email_verified", AttributeKind::Boolean, "", ""),
    ("given_name", AttributeKind::Text, "0", "2048"),
    ("family_name", AttributeKind::Text, "0", "2048"),
    ("middle_name", AttributeKind::Text, "0", "2048"),
    ("name", AttributeKind::Text, "0", "2048"),
];
const NICKNAME: (&str, AttributeKind, &str, &str) = ("nickname", AttributeKind::Text, "0", "2048");

/// What a standard attribute is in a pool whose schema does not name it, where it is one.
pub fn standard(name: &str) -> Option<SchemaAttribute> {
    let found = STANDARD.iter().chain([&NICKNAME]).find(|(standard, ..)| *standard == name);
    found.map(|(name, kind, min, max)| SchemaAttribute {
        name: (*name).into(),
        kind: *kind,
        mutable: *name != SUB,
        required: *name == SUB,
        min: Some((*min).to_owned()).filter(|min| !min.is_empty()),
        max: Some((*max).to_owned()).filter(|max| !max.is_empty()),
    })
}

pub fn is_standard(name: &str) -> bool {
    standard(name).is_some()
}

/// Every attribute of a pool, those that a pool has of itself first.
pub fn all(pool: &Pool) -> Vec<SchemaAttribute> {
    let own = |name: &str| pool.schema.iter().find(|attribute| attribute.name == name).cloned();
    let standard = STANDARD.iter().chain([&NICKNAME]).filter_map(|(name, ..)| own(name).or_else(|| standard(name)));
    standard.chain(pool.schema.iter().filter(|attribute| !is_standard(&attribute.name)).cloned()).collect()
}

pub fn find(pool: &Pool, name: &str) -> Option<SchemaAttribute> {
    pool.schema.iter().find(|attribute| attribute.name == name).cloned().or_else(|| standard(name))
}

/// Who sets attributes: users, through a client, not all of them.
#[derive(Clone, Copy, Debug)]
pub enum Author<'a> {
    Administrator,
    User(&'a Client),
}

/// The attributes as they are kept, without those that nobody may set.
///
/// # Errors
/// For what is not in the schema, not of its kind, too long, or not for this author to write.
pub fn read(pool: &Pool, given: &[Attribute], author: Author) -> Result<BTreeMap<String, String>, Error> {
    let mut attributes = BTreeMap::new();
    for Attribute { name, value } in given {
        check_author(name, author)?;
        let attribute = find(pool, name).filter(|_| name != SUB);
        let attribute = attribute.ok_or_else(|| {
            Error::parameter(format!(
                "Attributes did not conform to the schema: {name}: Attribute does not exist in the schema.\n"
            ))
        })?;
        let value = match attribute.kind {
            AttributeKind::Boolean => value.to_ascii_lowercase(),
            _ => value.clone(),
        };
        // An empty value takes the attribute away.
        if !value.is_empty() {
            check_value(&attribute, &value)?;
        }
        attributes.insert(name.clone(), value);
    }
    Ok(attributes)
}

fn check_author(name: &str, author: Author) -> Result<(), Error> {
    let Author::User(client) = author else { return Ok(()) };
    let is_ours = name == EMAIL_VERIFIED || name == PHONE_NUMBER_VERIFIED || name.starts_with(DEVELOPER);
    if is_ours || !client.settings.may_write(name) {
        return Err(Error::not_authorized("A client attempted to write unauthorized attribute"));
    }
    Ok(())
}

fn check_value(attribute: &SchemaAttribute, value: &str) -> Result<(), Error> {
    let refuse = |reason: &str| {
        let name = &attribute.name;
        Err(Error::parameter(format!("Attributes did not conform to the schema: {name}: {reason}\n")))
    };
    let bound = |bound: &Option<String>| bound.as_ref().and_then(|bound| bound.parse::<f64>().ok());
    let (min, max) = (bound(&attribute.min), bound(&attribute.max));
    let size = match attribute.kind {
        AttributeKind::Text => value.chars().count() as f64,
        AttributeKind::Number => match value.parse::<f64>() {
            Ok(number) => number,
            Err(_) => return refuse("Attribute value must be a number"),
        },
        AttributeKind::Boolean if !matches!(value, "true" | "false") => {
            return refuse("Attribute value must be a boolean");
        }
        AttributeKind::Boolean | AttributeKind::DateTime => return Ok(()),
    };
    if value.chars().count() > ATTRIBUTE_VALUE_CHARACTERS_MAX {
        return refuse("Attribute value is too long");
    }
    let (least, most) = match attribute.kind {
        AttributeKind::Text => ("String must be longer than or equal to", "String must be no longer than"),
        _ => ("Number must be no less than", "Number must be no greater than"),
    };
    if let Some(min) = min.filter(|min| size < *min) {
        return refuse(&format!("{least} {min}"));
    }
    if let Some(max) = max.filter(|max| size > *max) {
        return refuse(&format!("{most} {max}"));
    }
    match attribute.name.as_str() {
        EMAIL if mail::check_address(value).is_err() => Err(Error::parameter("Invalid email address format.")),
        PHONE_NUMBER if !is_phone_number(value) => Err(Error::parameter("Invalid phone number format.")),
        _ => Ok(()),
    }
}

/// Source: E.164, as Cognito asks for it: a plus sign and up to 15 digits.
pub fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (4..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// # Errors
/// When an attribute is missing that the pool asks of everybody.
pub fn check_required(pool: &Pool, attributes: &BTreeMap<String, String>) -> Result<(), Error> {
    refuse_lack(pool, |name| !attributes.contains_key(name))
}

fn refuse_lack(pool: &Pool, lacks: impl Fn(&str) -> bool) -> Result<(), Error> {
    let missing = pool.schema.iter().filter(|attribute| attribute.required && lacks(&attribute.name));
    let told: String =
        missing.map(|SchemaAttribute { name, .. }| format!("{name}: The attribute {name} is required\n")).collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(Error::parameter(format!("Attributes did not conform to the schema: {told}")))
}

/// What everybody has to have, and this user has not, has yet to be set.
///
/// # Errors
/// For what may be set once only.
pub fn check_mutable(
    pool: &Pool,
    attributes: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let mut changed = new.iter().filter(|(name, value)| attributes.get(*name) != Some(*value));
    let is_set = |attribute: &SchemaAttribute| !attribute.required || attributes.contains_key(&attribute.name);
    match changed.find(|(name, _)| find(pool, name).is_some_and(|schema| !schema.mutable && is_set(&schema))) {
        Some((name, _)) => Err(Error::parameter(format!("user.{name}: Attribute cannot be updated.\n"))),
        None => Ok(()),
    }
}

/// Sets attributes of a user that is there: what has changed is not verified, and an empty value takes one away.
///
/// # Errors
/// For what may be set once only, and for taking away what everybody must have. Whom an administrator has made may lack it still.
pub fn update(
    pool: &Pool,
    attributes: &mut BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Result<(), Error> {
    check_mutable(pool, attributes, new)?;
    refuse_lack(pool, |name| new.get(name).is_some_and(String::is_empty))?;
    for (name, value) in new {
        let changed = attributes.get(name) != Some(value);
        let verified = format!("{name}_verified");
        if changed && (name == EMAIL || name == PHONE_NUMBER) && !new.contains_key(&verified) {
            attributes.insert(verified, "false".into());
        }
        match value.is_empty() {
            true => drop(attributes.remove(name)),
            false => drop(attributes.insert(name.clone(), value.clone())),
        }
    }
    Ok(())
}
