//! The operations, a folder for each kind of API and in it a file for each kind of thing they work on.

pub mod access_log;
mod authorization;
pub mod domain;
pub mod http;
mod import;
mod mapping;
pub mod rest;
pub mod tag;
pub mod websocket;

use base::Arn;
use serde::Serialize;
use service::Cx;

use crate::error::Error;
use crate::limits;
use crate::types::Texts;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// An API's id: ten characters, as AWS has them.
pub fn api_id(cx: &Cx) -> String {
    cx.env().random_text(ALPHABET, 10)
}

/// The id of a part of an API.
pub fn part_id(cx: &Cx) -> String {
    cx.env().random_text(ALPHABET, 6)
}

/// The actions of permissions: API Gateway has one for each HTTP method of its own API.
pub const GET: &str = "apigateway:GET";
pub const POST: &str = "apigateway:POST";
pub const PUT: &str = "apigateway:PUT";
pub const PATCH: &str = "apigateway:PATCH";
pub const DELETE: &str = "apigateway:DELETE";

/// The resource of permissions, which API Gateway names by the path of its own API.
pub fn resource(cx: &Cx, path: &str) -> Arn {
    Arn {
        partition: "aws".into(),
        service: "apigateway".into(),
        region: cx.region().to_string(),
        account: String::new(),
        resource: path.to_owned(),
    }
}

/// The path in an ARN of this service: `/restapis/{id}`.
pub fn path_of(arn: &str) -> Result<String, Error> {
    let parsed: Result<Arn, _> = arn.parse();
    let path = parsed.ok().filter(|arn| arn.service == "apigateway").map(|arn| arn.resource);
    path.filter(|path| path.starts_with('/')).ok_or_else(|| Error::bad(format!("Invalid ARN specified: {arn}")))
}

pub fn validate_length(member: &str, text: Option<&str>, max: usize) -> Result<(), Error> {
    match text {
        Some(text) if text.chars().count() > max => {
            Err(Error::bad(format!("{member} can have {max} characters at most")))
        }
        _ => Ok(()),
    }
}

/// `$default`, where it is allowed, or letters, digits, `-` and `_`.
pub fn validate_stage_name(name: &str, default_allowed: bool) -> Result<(), Error> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let named = !name.is_empty() && name.len() <= limits::STAGE_NAME_CHARACTERS_MAX && name.bytes().all(valid);
    if named || (default_allowed && name == "$default") {
        return Ok(());
    }
    Err(Error::bad("Stage name only allows a-zA-Z0-9_-"))
}

/// Variables are put into URIs: their values are what URIs can hold.
pub fn validate_variables(variables: &Texts) -> Result<(), Error> {
    if variables.len() > limits::VARIABLES_MAX {
        return Err(Error::bad(format!("A stage can have {} variables at most", limits::VARIABLES_MAX)));
    }
    for (name, value) in variables {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || name.len() > limits::VARIABLE_NAME_CHARACTERS_MAX || !name.bytes().all(word) {
            return Err(Error::bad(format!("Stage variable names are letters, digits and _: {name}")));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#&=,@".contains(&byte);
        if value.len() > limits::VARIABLE_VALUE_CHARACTERS_MAX || !value.bytes().all(allowed) {
            return Err(Error::bad(format!(
                "Stage variable values are up to {} letters, digits and -._~:/?#&=,@: {value}",
                limits::VARIABLE_VALUE_CHARACTERS_MAX
            )));
        }
    }
    Ok(())
}

/// A page of `all` from `token`, which is a place in the list, and the token of the next one.
pub fn page<T>(
    all: Vec<T>,
    token: Option<&str>,
    wanted: Option<usize>,
    (default, max): (usize, usize),
) -> Result<(Vec<T>, Option<String>), Error> {
    let invalid = || Error::bad("Invalid position parameter specified.");
    let start = token.map(str::parse::<usize>).transpose().map_err(|_| invalid())?.unwrap_or(0);
    let limit = wanted.unwrap_or(default).clamp(1, max);
    let next = start.saturating_add(limit);
    let more = next < all.len();
    Ok((all.into_iter().skip(start).take(limit).collect(), more.then(|| next.to_string())))
}
