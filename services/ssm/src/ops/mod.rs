//! The operations, a file for each kind of thing they work on.

pub mod delete;
pub mod describe;
pub mod filter;
pub mod get;
pub mod history;
pub mod path;
pub mod put;
pub mod tag;

use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kv::Read;
use serde::{Deserialize, Serialize};
use service::{Constraints, Cx, Permission};

use crate::error::Error;
use crate::model::parameter;
use crate::name::{self, Reference};
use crate::types::Parameter;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// A request that names nothing but a parameter.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NameInput {
    pub name: String,
}

/// Permission for `action` on the parameter that `text` names.
pub fn permission(cx: &Cx, action: &str, text: &str) -> Permission {
    let resource = match Reference::parse(cx, text) {
        Ok(reference) => name::arn(cx, &reference.name).to_string(),
        // What cannot be a name is refused later, by the operation.
        Err(_) if text.starts_with("arn:") => text.to_owned(),
        Err(_) => name::arn(cx, text).to_string(),
    };
    Permission::new(action, resource)
}

/// The parameter of a name that has no version or label behind it.
pub fn find(read: &impl Read, cx: &Cx, text: &str) -> Result<Parameter, Error> {
    let reference = Reference::parse(cx, text)?;
    parameter::find(read, cx.region().as_str(), &reference.name)?.ok_or_else(|| Error::not_found(text))
}

pub fn token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

/// The place in a list that a token stands for: the name of the last one that was told.
pub fn after(token: Option<&str>) -> Result<Option<String>, Error> {
    let read = |token| URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    token.filter(|token| !token.is_empty()).map(|token| read(token).ok_or(Error::InvalidNextToken)).transpose()
}

/// How many a page has.
pub fn page_size(given: Option<i64>, range: &RangeInclusive<i64>, default: usize) -> Result<usize, Error> {
    let mut constraints = Constraints::default();
    constraints.range(given, "maxResults", range);
    constraints.check()?;
    Ok(given.and_then(|given| usize::try_from(given).ok()).unwrap_or(default))
}
