//! What integrations of HTTP APIs change of requests on their way to what is behind the API, and of answers on their way back.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html>

use std::collections::BTreeMap;

use http::HeaderName;

use crate::error::Error;
use crate::limits;
use crate::selection::{Expression, Side, is_name};
use crate::types::Texts;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Append,
    Overwrite,
    Remove,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Header(HeaderName),
    Query(String),
    /// All of it, below the stage.
    Path,
    Status,
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub action: Action,
    pub place: Place,
    pub value: Expression,
}

/// Headers that are the gateway's own to set, and beginnings of such.
const RESERVED: [&str; 19] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "forwarded",
    "host",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailers",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];
const RESERVED_BEGINNINGS: [&str; 4] = ["access-control-", "apigw-", "x-amz-", "x-amzn-"];

fn is_reserved(name: &HeaderName) -> bool {
    let name = name.as_str();
    RESERVED.contains(&name) || RESERVED_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

impl Change {
    /// Reads an entry of a map of parameters: `append:header.x-a` with the value that it gets.
    pub fn parse(key: &str, value: &str, side: Side) -> Result<Change, Error> {
        let (action, place) = destination(key, side).ok_or_else(|| invalid_destination(key))?;
        if matches!(&place, Place::Header(name) if is_reserved(name)) {
            return Err(invalid(&format!("Operations on header {key} are restricted")));
        }
        // What is removed needs no value; clients send two quotes.
        let value = if action == Action::Remove { "" } else { value };
        let read = Expression::parse(value, side).filter(|_| action == Action::Remove || !value.is_empty());
        let value = read.ok_or_else(|| invalid_source(value, key))?;
        if place == Place::Status && value.value(|_| Some("200".into())).is_none_or(|status| !is_status(&status)) {
            return Err(invalid(&format!("Invalid status code specified for destination: {key}")));
        }
        Ok(Change { action, place, value })
    }

    /// Reads a whole map.
    pub fn parse_all(parameters: &Texts, side: Side) -> Result<Vec<Change>, Error> {
        parameters.iter().map(|(key, value)| Change::parse(key, value, side)).collect()
    }
}

pub fn is_status(text: &str) -> bool {
    text.len() == 3 && text.parse::<u16>().is_ok_and(|status| (200..=599).contains(&status))
}

fn destination(key: &str, side: Side) -> Option<(Action, Place)> {
    let (action, place) = key.split_once(':')?;
    let action = match action {
        "append" => Action::Append,
        "overwrite" => Action::Overwrite,
        "remove" => Action::Remove,
        _ => return None,
    };
    let place = match (place, side) {
        ("path", Side::Request) if action == Action::Overwrite => Place::Path,
        ("statuscode", Side::Response) if action == Action::Overwrite => Place::Status,
        _ => match (place.split_once('.')?, side) {
            (("header", name), _) => Place::Header(HeaderName::from_bytes(name.as_bytes()).ok()?),
            (("querystring", name), Side::Request) if is_name(name) => Place::Query(name.to_owned()),
            _ => return None,
        },
    };
    Some((action, place))
}

/// As AWS words it.
fn invalid(what: &str) -> Error {
    Error::bad(format!("Invalid selection expression specified: Validation Result: warnings : [], errors : [{what}]"))
}

fn invalid_destination(key: &str) -> Error {
    invalid(&format!("Invalid destination: {key}"))
}

pub fn invalid_source(value: &str, key: &str) -> Error {
    invalid(&format!("Invalid source: {value} specified for destination: {key}"))
}

/// The parameters of requests after a change: those that are named anew take the place of what was there, and an empty value
/// takes one away.
pub fn merged(mut before: Texts, changes: &Texts) -> Texts {
    before.extend(changes.clone());
    before.retain(|_, value| !value.is_empty());
    before
}

/// The parameters of answers after a change, by status: as [`merged`], and a status with none at all goes.
pub fn merged_responses(
    mut before: BTreeMap<String, Texts>,
    changes: &BTreeMap<String, Texts>,
) -> BTreeMap<String, Texts> {
    for (status, parameters) in changes {
        if parameters.is_empty() {
            before.remove(status);
            continue;
        }
        let changed = merged(before.remove(status).unwrap_or_default(), parameters);
        before.insert(status.clone(), changed);
    }
    before.retain(|_, parameters| !parameters.is_empty());
    before
}

/// Refuses parameters of answers that make no sense.
pub fn check_responses(responses: &BTreeMap<String, Texts>) -> Result<(), Error> {
    for (status, parameters) in responses {
        if !is_status(status) {
            return Err(Error::bad(format!(
                "Invalid status code {status} in responseParameters: 200 to 599 is expected"
            )));
        }
        Change::parse_all(parameters, Side::Response)?;
    }
    Ok(())
}

/// Refuses what is too much to be kept with each deployment.
pub fn check_size(request: &Texts, responses: &BTreeMap<String, Texts>) -> Result<(), Error> {
    let bytes: usize = responses.values().chain([request]).flatten().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > limits::PARAMETERS_BYTES_MAX {
        return Err(Error::LimitExceeded(format!(
            "An integration can have {} bytes of parameters at most",
            limits::PARAMETERS_BYTES_MAX
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_of_their_side() {
        for key in ["append:header.X-A", "remove:querystring.q", "overwrite:path", "overwrite:header.a.b"] {
            assert!(Change::parse(key, "v", Side::Request).is_ok(), "{key}");
        }
        for key in ["append:header.a", "overwrite:statuscode", "remove:header.a"] {
            assert!(Change::parse(key, "201", Side::Response).is_ok(), "{key}");
        }
        for key in [
            "header.a",
            "append:path",
            "remove:path",
            "append:body",
            "replace:header.a",
            "append:header.",
            "append:header.Authorization",
            "append:header.x-amz-date",
            "overwrite:header.Access-Control-Allow-Origin",
            "overwrite:statuscode",
        ] {
            assert!(Change::parse(key, "v", Side::Request).is_err(), "{key}");
        }
        for (key, value) in [("overwrite:path", "/"), ("append:querystring.a", "v"), ("overwrite:statuscode", "99")] {
            assert!(Change::parse(key, value, Side::Response).is_err(), "{key}");
        }
        let refused = Change::parse("append:header.a", "$request.cookie.x", Side::Request).unwrap_err();
        assert!(
            refused.to_string().contains("Invalid source: $request.cookie.x specified for destination"),
            "{refused}"
        );
    }

    #[test]
    fn changes_are_merged_into_what_is_there() {
        let texts = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect::<Texts>();
        let before = texts(&[("a", "1"), ("b", "2")]);
        assert_eq!(merged(before.clone(), &texts(&[("a", ""), ("c", "3")])), texts(&[("b", "2"), ("c", "3")]));
        let responses = BTreeMap::from([("200".to_owned(), before.clone()), ("404".to_owned(), before)]);
        let changes = BTreeMap::from([("200".to_owned(), Texts::new()), ("404".to_owned(), texts(&[("a", "")]))]);
        assert_eq!(merged_responses(responses, &changes), BTreeMap::from([("404".to_owned(), texts(&[("b", "2")]))]));
    }
}
