//! What both kinds of API integrate: functions, by the URI that names them, and URLs.

use base::Arn;

use crate::error::Error;
use crate::limits;
use crate::types::Texts;

const BEFORE: &str = ":lambda:path/2015-03-31/functions/";
/// The same as older documents and generators write it.
const BEFORE_SLASHES: &str = ":lambda:path//2015-03-31/functions/";
const AFTER: &str = "/invocations";

/// Whether a URI can name a function, as far as can be told before the stage's variables are put in.
pub fn check_uri(uri: &str) -> Result<(), Error> {
    check_length(uri)?;
    match arn_text(uri) {
        Some(arn) if arn.contains("${stageVariables.") || is_function(arn) => Ok(()),
        _ if uri.starts_with("arn:") && uri.contains(":apigateway:") => {
            Err(Error::not_implemented(format!("An integration with {uri}; functions only are integrated")))
        }
        _ => Err(Error::bad(format!("Invalid integration URI specified: {uri}. The ARN of a function is expected"))),
    }
}

fn check_length(uri: &str) -> Result<(), Error> {
    if uri.len() > limits::URI_CHARACTERS_MAX {
        return Err(Error::bad(format!("A URI can have {} characters at most", limits::URI_CHARACTERS_MAX)));
    }
    Ok(())
}

/// Whether a URI is a URL to go on to, whose path and query may have variables of the request in braces, and any of its parts
/// variables of the stage.
pub fn check_url(uri: &str) -> Result<(), Error> {
    check_length(uri)?;
    let invalid = || Error::bad(format!("Invalid HTTP endpoint specified for URI: {uri}. A URL is expected"));
    let plain = filled(uri, |_| Some("x")).ok_or_else(invalid)?;
    let host = plain.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    if host.contains(['{', '}']) {
        return Err(Error::bad(format!(
            "Invalid HTTP endpoint specified for URI: {uri}. A request cannot choose the host"
        )));
    }
    outbound::check(&plain).map_err(|_| invalid())
}

/// The function that a URI names in a stage with these variables.
pub fn function(uri: &str, variables: &Texts) -> Option<Arn> {
    let arn = with_variables(arn_text(uri)?, variables)?;
    arn.parse().ok().filter(|_| is_function(&arn))
}

/// The function's ARN within the URI of its invocations; or the whole, where that is an ARN.
fn arn_text(uri: &str) -> Option<&str> {
    match uri.split_once(BEFORE).or_else(|| uri.split_once(BEFORE_SLASHES)) {
        Some((start, rest)) if start.starts_with("arn:") => rest.strip_suffix(AFTER),
        _ => Some(uri).filter(|uri| uri.starts_with("arn:") && !uri.contains(":apigateway:")),
    }
}

fn is_function(arn: &str) -> bool {
    arn.parse::<Arn>().is_ok_and(|arn| arn.service == "lambda" && arn.resource.starts_with("function:"))
}

/// Puts variables in for `${stageVariables.name}`. `None` when one is not there.
pub fn with_variables(text: &str, variables: &Texts) -> Option<String> {
    filled(text, |name| variables.get(name).map(String::as_str))
}

fn filled<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
    let mut parts = text.split("${stageVariables.");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}')?;
        filled.push_str(value(name)?);
        filled.push_str(rest);
    }
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:hello";

    #[test]
    fn functions_are_found_in_uris() {
        let invocations = |function: &str| format!("arn:aws:apigateway:us-east-1{BEFORE}{function}{AFTER}");
        let variables = Texts::from([("fn".to_owned(), "hello".to_owned())]);
        let variable = FUNCTION.replace("hello", "${stageVariables.fn}");
        let slashes = invocations(FUNCTION).replace(BEFORE, BEFORE_SLASHES);
        for uri in [FUNCTION.to_owned(), invocations(FUNCTION), slashes, invocations(&variable), variable.clone()] {
            check_uri(&uri).unwrap();
            assert_eq!(function(&uri, &variables).unwrap().to_string(), FUNCTION, "{uri}");
        }
        assert_eq!(function(&variable, &Texts::new()), None);
        assert!(matches!(check_uri("arn:aws:apigateway:us-east-1:sqs:path/q"), Err(Error::NotImplemented(_))));
        for uri in ["", "https://example.com", "arn:aws:sqs:r:a:q", "arn:aws:lambda:r:a:layer:x"] {
            assert!(matches!(check_uri(uri), Err(Error::BadRequest(_))), "{uri}");
        }
    }

    #[test]
    fn urls_have_hosts_of_the_owners_choice() {
        for url in ["http://h", "https://h:1/a/{proxy}?q={x}", "http://${stageVariables.host}/a", "http://u:p@h/"] {
            assert!(check_url(url).is_ok(), "{url}");
        }
        for url in ["", "h/a", "ftp://h/", "http://", "http://{host}/", "http://a.{b}", "http://${stageVariables.h/"] {
            assert!(matches!(check_url(url), Err(Error::BadRequest(_))), "{url}");
        }
    }
}
