//! What users configure, as documents with the members of CloudFront's model: they come as XML, and are kept as JSON.

pub mod access;
pub mod check;
pub mod distribution;
pub mod headers;
pub mod keys;
pub mod policies;

use kv::Read;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::types::Entity;

/// A list as CloudFront has all of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default, bound(deserialize = "T: Deserialize<'de>"))]
pub struct List<T> {
    pub quantity: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List { quantity: 0, items: Vec::new() }
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> List<T> {
        List { quantity: items.len() as u64, items }
    }
}

/// A kind of document with an id of its own.
pub struct Kind {
    /// Part of stored keys: never another's.
    pub number: u8,
    /// As operations are named after it: `CachePolicy`.
    pub name: &'static str,
    /// The member that is the document.
    pub config: &'static str,
    /// The member that is the list of all.
    pub list: &'static str,
    /// In ARNs: `cache-policy`.
    pub resource: &'static str,
    /// The part of its path after the version of the API.
    pub path: &'static str,
    /// What its id begins with; without one it is a UUID.
    pub id_prefix: Option<char>,
    /// The member that says when, and whether that is when it was made.
    pub time: Option<(&'static str, Moment)>,
    /// Whether lists say where they begin, and whether they are cut.
    pub marked: bool,
    pub no_such: (u16, &'static str),
    pub exists: &'static str,
    pub in_use: &'static str,
    pub too_many: (&'static str, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Created,
    Modified,
}

impl Kind {
    pub fn missing(&self) -> Error {
        Error::new(self.no_such.0, self.no_such.1, format!("The specified {} does not exist.", self.resource))
    }
}

/// A document of one of the kinds.
pub trait Document: Serialize + DeserializeOwned + Default + Clone + Send + Sync + 'static {
    const KIND: Kind;

    /// Those that there are from the start, with their ids.
    fn managed() -> &'static [(&'static str, Self)] {
        &[]
    }

    /// What no other of its kind may have; also what tells a request that is sent again.
    fn name(&self) -> &str;

    /// # Errors
    /// What is wrong with it.
    fn check(&self, read: &dyn Read) -> Result<(), Error>;

    /// # Errors
    /// When something was changed that stays as it is.
    fn check_change(&self, _before: &Self) -> Result<(), Error> {
        Ok(())
    }

    /// Documents of other kinds that it names: they cannot be deleted meanwhile.
    fn uses(&self) -> Vec<(u8, String)> {
        Vec::new()
    }

    /// Members of an answer beside its id, its time and the document.
    fn extra(_entity: &Entity) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// As lists show it. `shown` is what an answer about it has.
    fn summary(&self, _entity: &Entity, shown: Value) -> Value {
        serde_json::json!({ (Self::KIND.name): shown })
    }

    /// # Errors
    /// When what is kept cannot be read.
    fn of(entity: &Entity) -> Result<Self, Error> {
        parse(&entity.document)
    }
}

/// # Errors
/// When what is kept cannot be read.
pub fn parse<D: DeserializeOwned>(document: &str) -> Result<D, Error> {
    Ok(serde_json::from_str(document).map_err(service::Error::internal)?)
}

/// # Errors
/// When a list does not have as many items as it says.
pub fn check_quantities(document: &Value) -> Result<(), Error> {
    match document {
        Value::Object(members) => {
            if let Some(quantity) = members.get("Quantity").and_then(Value::as_u64) {
                let items = members.get("Items").and_then(Value::as_array).map_or(0, Vec::len);
                if quantity != items as u64 {
                    let message = "The value of Quantity and the size of Items don't match.";
                    return Err(Error::new(400, "InconsistentQuantities", message));
                }
            }
            members.values().try_for_each(check_quantities)
        }
        Value::Array(elements) => elements.iter().try_for_each(check_quantities),
        _ => Ok(()),
    }
}

/// # Errors
/// When `value` is none of those that `member` can have.
pub fn one_of(member: &str, value: &str, known: &[&str]) -> Result<(), Error> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(Error::argument(format!("The parameter {member} must be one of {}.", known.join(", "))))
}

/// # Errors
/// When a text is too long, or not there.
pub fn check_name(member: &str, name: &str, characters_max: usize) -> Result<(), Error> {
    if name.is_empty() || name.chars().count() > characters_max {
        return Err(Error::argument(format!("The parameter {member} must have 1 to {characters_max} characters.")));
    }
    Ok(())
}
