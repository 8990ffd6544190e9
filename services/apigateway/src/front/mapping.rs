//! Where single values of a request or of an answer come from, and where they go: the parameters of integrations and of what an
//! API answers by itself.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html>

use http::{HeaderMap, HeaderName, HeaderValue};
use proxy::Incoming;
use serde_json::Value;
use vtl::path::Path;

use crate::error::Error;
use crate::routes::Parameters;
use crate::types::Texts;

/// Where a value goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Path(String),
    Query(String),
    Header(HeaderName),
}

impl Target {
    /// `integration.request.header.X-A`, `….querystring.q` or `….path.id`.
    pub fn integration(text: &str) -> Option<Target> {
        let (place, name) = text.strip_prefix("integration.request.")?.split_once('.')?;
        match place {
            _ if name.is_empty() => None,
            "path" => Some(Target::Path(name.to_owned())),
            "querystring" => Some(Target::Query(name.to_owned())),
            "header" => name.parse().ok().map(Target::Header),
            _ => None,
        }
    }

    /// `method.response.header.X-A`.
    pub fn method_response(text: &str) -> Option<Target> {
        text.strip_prefix("method.response.header.")?.parse().ok().map(Target::Header)
    }

    /// `route.response.header.X-A`.
    pub fn route_response(text: &str) -> Option<Target> {
        text.strip_prefix("route.response.header.")?.parse().ok().map(Target::Header)
    }

    /// `gatewayresponse.header.X-A`.
    pub fn gateway_response(text: &str) -> Option<Target> {
        text.strip_prefix("gatewayresponse.header.")?.parse().ok().map(Target::Header)
    }

    /// Whether a fixed value can go there.
    pub fn check_literal(&self, source: &str) -> Result<(), Error> {
        match (self, literal(source)) {
            (Target::Header(_), Some(text)) if HeaderValue::from_str(text).is_err() => {
                Err(Error::bad(format!("A header cannot carry {source}")))
            }
            _ => Ok(()),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Mapping {
    Literal(String),
    /// `identity.sourceIp`.
    Context(String),
    StageVariable(String),
    Path(String),
    Query {
        name: String,
        /// All of its values, and not the last alone.
        all: bool,
    },
    Header {
        name: String,
        all: bool,
    },
    /// All of the body, or what is at a path of it.
    Body(Option<Path>),
}

/// Whose headers and body a mapping is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Request,
    Answer,
}

/// What mappings look at.
pub struct Told<'a> {
    pub incoming: &'a Incoming,
    /// The values of the path's variables.
    pub parameters: &'a Parameters,
    pub context: &'a Value,
    pub variables: &'a Texts,
    /// Instead of the request's, where the mapping is of an answer.
    pub answer: Option<(&'a HeaderMap, &'a [u8])>,
}

/// The text between single quotes.
pub fn literal(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.strip_suffix('\'')
}

fn invalid(text: &str) -> Error {
    Error::bad(format!(
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: {text}]"
    ))
}

impl Mapping {
    /// Of an integration's request: `method.request.querystring.q`, `context.…`, `stageVariables.…`, `'fixed'`.
    pub fn request(text: &str) -> Result<Mapping, Error> {
        Mapping::read(text, Of::Request)
    }

    /// Of an integration's answer: `integration.response.header.X-A`, `integration.response.body.a.b`, and the others.
    pub fn response(text: &str) -> Result<Mapping, Error> {
        Mapping::read(text, Of::Answer)
    }

    /// Of what an API answers by itself: what a request can be asked for, but for its body.
    pub fn gateway_response(text: &str) -> Result<Mapping, Error> {
        match Mapping::read(text, Of::Request)? {
            Mapping::Body(_) => Err(invalid(text)),
            mapping => Ok(mapping),
        }
    }

    fn read(text: &str, of: Of) -> Result<Mapping, Error> {
        if let Some(literal) = literal(text) {
            return Ok(Mapping::Literal(literal.to_owned()));
        }
        let invalid = || invalid(text);
        let named = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty()).ok_or_else(invalid);
        if let Some(name) = text.strip_prefix("context.") {
            return named(name).map(Mapping::Context);
        }
        if let Some(name) = text.strip_prefix("stageVariables.") {
            return named(name).map(Mapping::StageVariable);
        }
        let prefix = if of == Of::Request { "method.request." } else { "integration.response." };
        let rest = text.strip_prefix(prefix).ok_or_else(invalid)?;
        if rest == "body" {
            return Ok(Mapping::Body(None));
        }
        let (place, name) = rest.split_once('.').ok_or_else(invalid)?;
        let (is_request, name) = (of == Of::Request, named(name)?);
        match place {
            "path" if is_request => Ok(Mapping::Path(name)),
            "querystring" if is_request => Ok(Mapping::Query { name, all: false }),
            "multivaluequerystring" if is_request => Ok(Mapping::Query { name, all: true }),
            "header" => Ok(Mapping::Header { name, all: false }),
            "multivalueheader" => Ok(Mapping::Header { name, all: true }),
            "body" => Path::parse(&format!("$.{name}")).map(|path| Mapping::Body(Some(path))).map_err(|_| invalid()),
            _ => Err(invalid()),
        }
    }

    /// The parameter that a method has to declare for it: `method.request.querystring.q`.
    pub fn declared(&self, text: &str) -> Option<String> {
        match self {
            Mapping::Path(_) | Mapping::Query { .. } | Mapping::Header { .. }
                if text.starts_with("method.request.") =>
            {
                Some(text.replace(".multivalue", "."))
            }
            _ => None,
        }
    }

    /// The values; none where there is nothing.
    pub fn values(&self, told: &Told<'_>) -> Vec<String> {
        let one = |value: Option<String>| value.into_iter().filter(|value| !value.is_empty()).collect();
        match self {
            Mapping::Literal(text) => one(Some(text.clone())),
            Mapping::Context(name) => one(in_context(told.context, name)),
            Mapping::StageVariable(name) => one(told.variables.get(name).cloned()),
            Mapping::Path(name) => {
                one(told.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
            }
            Mapping::Query { name, all } => {
                let pairs = told.incoming.query_pairs().into_iter().filter(|(known, _)| known == name);
                let mut values: Vec<String> = pairs.map(|(_, value)| value).collect();
                if *all { values } else { one(values.pop()) }
            }
            Mapping::Header { name, all } => {
                let values = headers(told, name);
                if *all { one(Some(values.join(","))) } else { one(values.last().cloned()) }
            }
            Mapping::Body(path) => one(in_body(told, path.as_ref())),
        }
    }
}

fn headers(told: &Told<'_>, name: &str) -> Vec<String> {
    match told.answer {
        Some((headers, _)) => {
            let values = headers.get_all(name).iter();
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
        }
        None => {
            let all = told.incoming.event_headers().into_iter();
            all.filter(|(known, _)| known.eq_ignore_ascii_case(name)).flat_map(|(_, values)| values).collect()
        }
    }
}

fn in_context(context: &Value, name: &str) -> Option<String> {
    text(name.split('.').try_fold(context, |value, part| value.get(part))?)
}

fn in_body(told: &Told<'_>, path: Option<&Path>) -> Option<String> {
    let body = told.answer.map_or(&*told.incoming.body, |(_, body)| body);
    let Some(path) = path else { return String::from_utf8(body.to_vec()).ok() };
    let document: Value = serde_json::from_slice(body).ok()?;
    text(&path.find(&document, &mut 0).ok().flatten()?)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_read_in_the_words_of_their_place() {
        for text in [
            "'fixed'",
            "''",
            "context.identity.sourceIp",
            "stageVariables.v",
            "method.request.path.id",
            "method.request.querystring.a.b",
            "method.request.multivaluequerystring.q",
            "method.request.header.X-A",
            "method.request.body",
            "method.request.body.a[0].b",
        ] {
            Mapping::request(text).unwrap();
            assert_eq!(Mapping::response(text).is_ok(), !text.starts_with("method."), "{text}");
        }
        for text in [
            "integration.response.header.X-A",
            "integration.response.multivalueheader.X",
            "integration.response.body.a",
        ] {
            Mapping::response(text).unwrap();
            assert!(Mapping::request(text).is_err(), "{text}");
        }
        for text in [
            "",
            "true",
            "'",
            "method.request.querystring",
            "method.request.querystring.",
            "method.request.cookie.a",
            "context.",
        ] {
            assert!(Mapping::request(text).is_err(), "{text}");
        }
        assert!(Mapping::gateway_response("method.request.body.a").is_err());
        let declared = |text: &str| Mapping::request(text).unwrap().declared(text);
        assert_eq!(declared("method.request.multivaluequerystring.q").unwrap(), "method.request.querystring.q");
        assert_eq!((declared("method.request.body.a"), declared("'a'")), (None, None));
        assert_eq!(Target::integration("integration.request.header.a b"), None);
        assert_eq!(Target::integration("integration.request.cookie.a"), None);
        assert!(Target::Header("a".parse().unwrap()).check_literal("'a\nb'").is_err());
    }
}
