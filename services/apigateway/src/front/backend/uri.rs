//! The URIs of integrations: operations and paths of other services, and what is put into URIs of any kind.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/api/API_PutIntegration.html#API_PutIntegration_RequestSyntax>

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a value of a path keeps when it is put into a URI: slashes, too, which greedy variables have.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');
/// The same for a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `arn:aws:apigateway:{region}:{subdomain.service}:{path|action}/{rest}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceUri<'u> {
    pub region: &'u str,
    pub service: &'u str,
    /// A bucket, where the service is S3.
    pub subdomain: Option<&'u str>,
    pub way: Way<'u>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way<'u> {
    /// Without its slash at the beginning.
    Path(&'u str),
    /// The name of an operation.
    Action(&'u str),
}

impl<'u> ServiceUri<'u> {
    /// # Errors
    /// AWS's words for what is none.
    pub fn parse(uri: &'u str) -> Result<ServiceUri<'u>, &'static str> {
        let parts: Vec<&str> = uri.splitn(6, ':').collect();
        let ["arn", _, service, region, name, rest] = parts.as_slice() else {
            return Err("Invalid ARN specified in the request");
        };
        if *service != "apigateway" {
            return Err("AWS ARN for integration must contain path or action");
        }
        let way = match rest.split_once('/') {
            Some(("path", path)) => Way::Path(path),
            Some(("action", action)) => Way::Action(action),
            _ => return Err("AWS ARN for integration must contain path or action"),
        };
        let (subdomain, service) = match name.rsplit_once('.') {
            Some((subdomain, service)) => (Some(subdomain), service),
            None => (None, *name),
        };
        Ok(ServiceUri { region, service, subdomain, way })
    }

    /// The function whose invocations the URI names, still as it is written.
    pub fn is_function(&self) -> bool {
        let names_one = |path: &str| path.trim_start_matches('/').starts_with("2015-03-31/functions/");
        self.service == "lambda" && matches!(self.way, Way::Path(path) if names_one(path))
    }
}

/// Puts the values of path variables in for `{name}`; others stay.
pub fn with_path(uri: &str, values: &BTreeMap<String, String>) -> String {
    let mut parts = uri.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let named = part.split_once('}').and_then(|(name, rest)| Some((values.get(name)?, rest)));
        match named {
            Some((value, rest)) => {
                filled.extend(utf8_percent_encode(value, PATH));
                filled.push_str(rest);
            }
            None => {
                filled.push('{');
                filled.push_str(part);
            }
        }
    }
    filled
}

/// Parameters as a query.
pub fn query(pairs: &[(String, String)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, QUERY).to_string();
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_name_services() {
        let parse = |uri: &str| {
            ServiceUri::parse(uri)
                .map(|uri| (uri.service.to_owned(), uri.subdomain.map(str::to_owned), format!("{:?}", uri.way)))
        };
        let path = |service: &str, subdomain: Option<&str>, way: &str| {
            Ok((service.to_owned(), subdomain.map(str::to_owned), way.to_owned()))
        };
        assert_eq!(
            parse("arn:aws:apigateway:us-east-1:sqs:path/000000000000/q"),
            path("sqs", None, "Path(\"000000000000/q\")")
        );
        assert_eq!(
            parse("arn:aws:apigateway:us-east-1:dynamodb:action/PutItem"),
            path("dynamodb", None, "Action(\"PutItem\")")
        );
        assert_eq!(
            parse("arn:aws:apigateway:us-east-1:my.bucket.s3:path/k:v"),
            path("s3", Some("my.bucket"), "Path(\"k:v\")")
        );
        for slashes in ["/", "//"] {
            let uri = format!("arn:aws:apigateway:us-east-1:lambda:path{slashes}2015-03-31/functions/f/invocations");
            assert!(ServiceUri::parse(&uri).unwrap().is_function(), "{uri}");
        }
        assert_eq!(parse("https://example.com").unwrap_err(), "Invalid ARN specified in the request");
        for uri in ["arn:aws:lambda:r:a:function:f", "arn:aws:apigateway:r:sqs:q"] {
            assert_eq!(parse(uri).unwrap_err(), "AWS ARN for integration must contain path or action", "{uri}");
        }
    }

    #[test]
    fn values_are_put_in_once_and_encoded() {
        let values = BTreeMap::from([("a".to_owned(), "x y/{b}?".to_owned()), ("b".to_owned(), "z".to_owned())]);
        assert_eq!(with_path("https://h/{a}/{b}/{c}/{", &values), "https://h/x%20y/%7Bb%7D%3F/z/{c}/{");
        assert_eq!(query(&[("a b".into(), "c&d=é".into()), ("e".into(), String::new())]), "a%20b=c%26d%3D%C3%A9&e=");
    }
}
