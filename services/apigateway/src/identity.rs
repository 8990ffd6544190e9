//! Where in a request an authorizer finds what identifies its sender.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/configure-api-gateway-lambda-authorization.html> and
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html#http-api-lambda-authorizer.identity-sources>

use proxy::Incoming;

use crate::error::Error;
use crate::types::Texts;

/// One place of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In lower case.
    Header(String),
    Query(String),
    StageVariable(String),
    Context(&'static str),
}

/// What of `$context` can be a source.
const CONTEXT: [&str; 10] = [
    "accountId",
    "apiId",
    "domainName",
    "httpMethod",
    "identity.sourceIp",
    "identity.userAgent",
    "path",
    "resourcePath",
    "routeKey",
    "stage",
];

/// Reads a source of a REST API: `method.request.header.Auth`, `method.request.querystring.q`, `stageVariables.v`, `context.path`.
pub fn rest(text: &str) -> Result<Source, Error> {
    let invalid = || Error::bad(format!("Invalid mapping expression specified: {text}"));
    let (place, name) = match text.strip_prefix("method.request.") {
        Some(rest) => rest.split_once('.').ok_or_else(invalid)?,
        None => text.split_once('.').filter(|(place, _)| *place != "header").ok_or_else(invalid)?,
    };
    source(place, name).ok_or_else(invalid)
}

/// Reads a source of an HTTP API: `$request.header.Auth`, `$request.querystring.q`, `$stageVariables.v`, `$context.routeKey`, also
/// with the name in braces.
pub fn http(text: &str) -> Result<Source, Error> {
    let invalid = || Error::bad(format!("Invalid identity source specified: {text}"));
    let plain = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).or_else(|| text.strip_prefix('$'));
    let plain = plain.ok_or_else(invalid)?;
    let (place, name) = match plain.strip_prefix("request.") {
        Some(rest) => rest.split_once('.').ok_or_else(invalid)?,
        None => plain.split_once('.').ok_or_else(invalid)?,
    };
    source(place, name).ok_or_else(invalid)
}

/// Reads a source of a WebSocket API: `route.request.header.Auth`, `route.request.querystring.q`, `stageVariables.v`,
/// `context.routeKey`.
pub fn websocket(text: &str) -> Result<Source, Error> {
    let invalid = || Error::bad(format!("Invalid identity source specified: {text}"));
    let (place, name) = match text.strip_prefix("route.request.") {
        Some(rest) => rest.split_once('.').ok_or_else(invalid)?,
        None => text.split_once('.').filter(|(place, _)| *place != "header").ok_or_else(invalid)?,
    };
    source(place, name).ok_or_else(invalid)
}

fn source(place: &str, name: &str) -> Option<Source> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    match place {
        "header" => Some(Source::Header(name.to_ascii_lowercase())),
        "querystring" => Some(Source::Query(name.to_owned())),
        "stageVariables" => Some(Source::StageVariable(name.to_owned())),
        "context" => CONTEXT.iter().find(|known| **known == name).map(|known| Source::Context(known)),
        _ => None,
    }
}

/// What is known of a request where its sender is asked for.
pub struct Place<'a> {
    pub account: &'a str,
    pub api: &'a str,
    pub stage: &'a str,
    pub variables: &'a Texts,
    /// With the stage.
    pub path: &'a str,
    /// A resource's path, or a route's key.
    pub resource: &'a str,
}

impl Source {
    /// The value in a request; `None` where it is missing or empty.
    pub fn value(&self, incoming: &Incoming, place: &Place<'_>) -> Option<String> {
        let value = match self {
            // One that comes twice is nobody's: functions see the last, and who looks at the first would let it in.
            Source::Header(name) => {
                let mut all = incoming.headers.get_all(name.as_str()).iter();
                let one = all.next()?;
                if all.next().is_some() {
                    return None;
                }
                one.to_str().ok()?.to_owned()
            }
            Source::Query(name) => {
                let pairs = incoming.query_pairs();
                let values: Vec<String> =
                    pairs.into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect();
                values.join(",")
            }
            Source::StageVariable(name) => place.variables.get(name)?.clone(),
            Source::Context(name) => match *name {
                "accountId" => place.account,
                "apiId" => place.api,
                "domainName" => incoming.domain(),
                "httpMethod" => incoming.method.as_str(),
                "identity.sourceIp" => &incoming.source_ip,
                "identity.userAgent" => incoming.user_agent(),
                "path" => place.path,
                "stage" => place.stage,
                _ => place.resource,
            }
            .to_owned(),
        };
        (!value.is_empty()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_in_the_words_of_each_kind() {
        let header = Source::Header("x-auth".into());
        assert_eq!(rest("method.request.header.X-Auth").unwrap(), header);
        assert_eq!(http("$request.header.X-Auth").unwrap(), header);
        assert_eq!(http("${request.header.X-Auth}").unwrap(), header);
        assert_eq!(rest("method.request.querystring.a.b").unwrap(), Source::Query("a.b".into()));
        assert_eq!(rest("context.identity.sourceIp").unwrap(), Source::Context("identity.sourceIp"));
        assert_eq!(http("$context.routeKey").unwrap(), Source::Context("routeKey"));
        assert_eq!(websocket("route.request.header.X-Auth").unwrap(), header);
        assert_eq!(websocket("route.request.querystring.q").unwrap(), Source::Query("q".into()));
        assert!(websocket("method.request.header.X-Auth").is_err());
        assert_eq!(http("$stageVariables.v").unwrap(), Source::StageVariable("v".into()));
        for text in
            ["", "header.x", "$request.header.x", "method.request.header.", "method.request.body.x", "context.nothing"]
        {
            assert!(rest(text).is_err(), "{text}");
        }
        for text in ["", "request.header.x", "$request.header", "$request.body.x", "$context.nothing", "$header"] {
            assert!(http(text).is_err(), "{text}");
        }
    }
}
