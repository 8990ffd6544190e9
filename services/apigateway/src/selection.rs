//! Selection expressions: what of a request, or of an answer, integrations of HTTP APIs put elsewhere.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html>

use template::Path;

/// What of `$context` can be selected, besides what an authorizer says.
pub const CONTEXT: [&str; 17] = [
    "accountId",
    "apiId",
    "domainName",
    "domainPrefix",
    "extendedRequestId",
    "httpMethod",
    "identity.accountId",
    "identity.sourceIp",
    "identity.user",
    "identity.userAgent",
    "path",
    "protocol",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
    "routeKey",
    "stage",
];
const AUTHORIZER: &str = "authorizer.";

/// Whether an expression is about what came in, or about what goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Request,
    Response,
}

/// One place where a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// In lower case.
    Header(String),
    Query(String),
    /// All of the body, or what is at a path in its JSON.
    Body(Option<Path>),
    Path,
    PathVariable(String),
    Context(String),
    StageVariable(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Source(Source),
}

/// A text with places in it whose values are put in.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Vec<Part>);

impl Expression {
    /// Reads `$request.header.a`, `${request.path.a}/${context.requestId}`, or a text that stands for itself. `None` for what names
    /// a place that is not there on this side.
    pub fn parse(text: &str, side: Side) -> Option<Expression> {
        if let Some(name) = text.strip_prefix('$').filter(|name| !name.starts_with('{')) {
            return Some(Expression(vec![Part::Source(source(name, side)?)]));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}')?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Source(source(name, side)?));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        let printable = |part: &Part| !matches!(part, Part::Text(text) if text.chars().any(char::is_control));
        parts.iter().all(printable).then_some(Expression(parts))
    }

    /// The value, where `value` tells that of each place. `None` where it is one place alone, in which nothing is; elsewhere
    /// nothing is an empty text.
    pub fn value(&self, value: impl Fn(&Source) -> Option<String>) -> Option<String> {
        if let [Part::Source(one)] = self.0.as_slice() {
            return value(one);
        }
        Some(self.0.iter().fold(String::new(), |mut all, part| {
            match part {
                Part::Text(text) => all.push_str(text),
                Part::Source(source) => all.push_str(&value(source).unwrap_or_default()),
            }
            all
        }))
    }

    /// Whether a body has to be there as a whole.
    pub fn asks_body(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Source(Source::Body(_))))
    }
}

/// The place of a name without its `$`.
fn source(name: &str, side: Side) -> Option<Source> {
    let own = match side {
        Side::Request => "request.",
        Side::Response => "response.",
    };
    if let Some(name) = name.strip_prefix("stageVariables.") {
        return is_word(name).then(|| Source::StageVariable(name.to_owned()));
    }
    if let Some(name) = name.strip_prefix("context.") {
        let known = CONTEXT.contains(&name) || name.strip_prefix(AUTHORIZER).is_some_and(is_name);
        return known.then(|| Source::Context(name.to_owned()));
    }
    let name = name.strip_prefix(own)?;
    if let Some(path) = name.strip_prefix("body") {
        return Some(Source::Body(if path.is_empty() { None } else { Some(body_path(path)?) }));
    }
    if let Some(name) = name.strip_prefix("header.") {
        return is_header(name).then(|| Source::Header(name.to_ascii_lowercase()));
    }
    match (side, name) {
        (Side::Response, _) => None,
        (Side::Request, "path") => Some(Source::Path),
        (Side::Request, name) => {
            if let Some(name) = name.strip_prefix("querystring.") {
                return is_name(name).then(|| Source::Query(name.to_owned()));
            }
            let name = name.strip_prefix("path.").filter(|name| is_name(name))?;
            Some(Source::PathVariable(name.to_owned()))
        }
    }
}

/// `.a.b[0]`, within a body. Filters and descents are not paths here, as on AWS.
fn body_path(text: &str) -> Option<Path> {
    let begins = text.starts_with(['.', '[']) && !text.contains(['$', '{', '}']);
    begins.then(|| Path::parse(&format!("${text}"))).flatten()
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"${}".contains(&byte))
}

/// Source: RFC 9110, section 5.6.2; dollars are for expressions.
pub fn is_header(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<String> {
        let known = |source: &Source| match source {
            Source::Header(name) if name == "x-a" => Some("h".to_owned()),
            Source::PathVariable(name) if name == "id" => Some("7".to_owned()),
            Source::Context(name) => Some(format!("<{name}>")),
            Source::Body(Some(path)) => {
                path.find(&serde_json::json!({"a": {"b": [1, "x"]}})).map(|found| found.to_string())
            }
            _ => None,
        };
        Expression::parse(text, Side::Request)?.value(known)
    }

    #[test]
    fn values_are_taken_from_their_places() {
        for (text, expected) in [
            ("plain text", Some("plain text")),
            ("$request.header.X-A", Some("h")),
            ("${request.header.x-a}", Some("h")),
            ("$request.path.id", Some("7")),
            ("/v1/${request.path.id}/${request.path.none}!", Some("/v1/7/!")),
            ("$context.authorizer.claims.sub", Some("<authorizer.claims.sub>")),
            ("$request.body.a.b[1]", Some("\"x\"")),
            ("$request.body.a.c", None),
            ("$request.querystring.none", None),
            ("", Some("")),
        ] {
            assert_eq!(value(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_names_no_place_is_no_expression() {
        for text in [
            "$",
            "$request",
            "$request.header.",
            "$request.header.a b",
            "$request.header.a$request.header.b",
            "$request.body..a",
            "$request.body[?(@.a)]",
            "$request.bodyx",
            "$response.header.a",
            "$context.nothing",
            "${request.path",
            "a\nb",
            "$stageVariables.a-b",
        ] {
            assert_eq!(Expression::parse(text, Side::Request), None, "{text}");
        }
        for text in ["$response.header.a", "$response.body.a", "$response.body", "$context.requestId", "403"] {
            assert!(Expression::parse(text, Side::Response).is_some(), "{text}");
        }
        for text in ["$request.header.a", "$response.path", "$response.querystring.a"] {
            assert_eq!(Expression::parse(text, Side::Response), None, "{text}");
        }
    }
}
