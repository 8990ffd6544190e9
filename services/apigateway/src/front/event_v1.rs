//! Events of payload format 1.0: REST APIs, and HTTP APIs that ask for it.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format>
//! and <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use http::Version;
use proxy::{Incoming, all_values, last_values};
use serde_json::{Map, Value, json};

use crate::routes::Parameters;
use crate::types::Texts;

/// Where the request was found to go.
pub struct Place<'a> {
    pub account: &'a str,
    pub api: &'a str,
    pub stage: &'a str,
    pub variables: &'a Texts,
    pub deployment: Option<&'a str>,
    pub resource_id: &'a str,
    pub resource: &'a str,
    pub path: &'a str,
    /// With the stage.
    pub full_path: &'a str,
    pub parameters: &'a Parameters,
}

/// The event of a REST API.
pub fn rest(incoming: &Incoming, place: &Place<'_>, binary: bool) -> Value {
    let headers: Vec<(String, Vec<String>)> = incoming
        .event_headers()
        .into_iter()
        .filter(|(name, _)| name != "content-length")
        .map(|(name, values)| (cased(&name, incoming.version), values))
        .collect();
    let mut context = context(incoming, place);
    context["deploymentId"] = json!(place.deployment);
    event(incoming, place, &headers, context, binary)
}

/// The event of an HTTP API: a version more, and names of headers in lower case.
pub fn http(incoming: &Incoming, place: &Place<'_>, binary: bool) -> Value {
    let event = event(incoming, place, &incoming.event_headers(), context(incoming, place), binary);
    let mut versioned = Map::from_iter([("version".to_owned(), json!("1.0"))]);
    if let Value::Object(event) = event {
        versioned.extend(event);
    }
    Value::Object(versioned)
}

fn event(
    incoming: &Incoming,
    place: &Place<'_>,
    headers: &[(String, Vec<String>)],
    context: Value,
    binary: bool,
) -> Value {
    let query = incoming.query_pairs();
    let (body, is_base64) = incoming.event_body(binary);
    let last = |(name, values): &(String, Vec<String>)| (name.clone(), json!(values.last()));
    let all = |(name, values): &(String, Vec<String>)| (name.clone(), json!(values));
    json!({
        "resource": place.resource,
        "path": place.path,
        "httpMethod": incoming.method.as_str(),
        "headers": headers.iter().map(last).collect::<Map<_, _>>(),
        "multiValueHeaders": headers.iter().map(all).collect::<Map<_, _>>(),
        "queryStringParameters": last_values(&query),
        "multiValueQueryStringParameters": all_values(&query),
        "pathParameters": last_values(place.parameters),
        "stageVariables": variables(place.variables),
        "requestContext": context,
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

fn context(incoming: &Incoming, place: &Place<'_>) -> Value {
    json!({
        "resourceId": place.resource_id,
        "resourcePath": place.resource,
        "httpMethod": incoming.method.as_str(),
        "extendedRequestId": incoming.extended_id,
        "requestTime": incoming.time_text(),
        "path": place.full_path,
        "accountId": place.account,
        "protocol": incoming.protocol(),
        "stage": place.stage,
        "domainPrefix": incoming.domain_prefix(),
        "requestTimeEpoch": incoming.time,
        "requestId": incoming.request_id,
        "identity": {
            "cognitoIdentityPoolId": null,
            "accountId": null,
            "cognitoIdentityId": null,
            "caller": null,
            "sourceIp": incoming.source_ip,
            "principalOrgId": null,
            "accessKey": null,
            "cognitoAuthenticationType": null,
            "cognitoAuthenticationProvider": null,
            "userArn": null,
            "userAgent": incoming.user_agent(),
            "user": null,
        },
        "domainName": incoming.domain(),
        "apiId": place.api,
    })
}

/// The case that names of headers have in events of REST APIs. HTTP/2 has lower case only, but for what API Gateway
/// adds; HTTP/1 clients mostly write `Content-Type`, and the case they wrote is gone once the request is parsed.
fn cased(name: &str, version: Version) -> String {
    let added =
        name == "host" || name == "user-agent" || name.starts_with("x-amzn-") || name.starts_with("x-forwarded-");
    if (version == Version::HTTP_2 && !added) || name.starts_with("sec-ch-") {
        return name.to_owned();
    }
    let word = |word: &str| {
        let mut characters = word.chars();
        let first = characters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(characters).collect::<String>()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn variables(variables: &Texts) -> Value {
    if variables.is_empty() { Value::Null } else { json!(variables) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_case_of_their_protocol() {
        assert_eq!(cased("content-type", Version::HTTP_11), "Content-Type");
        assert_eq!(cased("x-api-key", Version::HTTP_11), "X-Api-Key");
        assert_eq!(cased("content-type", Version::HTTP_2), "content-type");
        assert_eq!(cased("x-forwarded-for", Version::HTTP_2), "X-Forwarded-For");
    }
}
