//! Events of payload format 1.0: REST APIs, and HTTP APIs that ask for it.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format>
//! and <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use base::Arn;
use http::Version;
use proxy::{Incoming, all_values, last_values};
use serde_json::{Map, Value, json};

use super::authorize::Admitted;
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
pub fn rest(incoming: &Incoming, place: &Place<'_>, admitted: &Admitted, binary: bool) -> Value {
    let mut context = context(incoming, place);
    context["deploymentId"] = json!(place.deployment);
    admitted.write_v1(&mut context);
    event(incoming, place, &rest_headers(incoming), context, binary)
}

/// Headers that REST APIs keep to themselves.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html>
const UNTOLD: [&str; 5] = ["content-length", "content-md5", "max-forwards", "server", "www-authenticate"];

/// Headers as functions and templates get them.
pub fn rest_headers(incoming: &Incoming) -> Vec<(String, Vec<String>)> {
    let headers = incoming.event_headers().into_iter().filter(|(name, _)| !UNTOLD.contains(&name.as_str()));
    headers.map(|(name, values)| (cased(&name, incoming.written.of(&name), incoming.version), values)).collect()
}

/// What an authorizer of a REST API is told of a request: of everything but the body, and with empty objects for what is not there.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html>
pub fn rest_authorizer(incoming: &Incoming, place: &Place<'_>, target: &Arn) -> Value {
    let event = event(incoming, place, &rest_headers(incoming), context(incoming, place), false);
    let mut told = authorizer(event, target);
    for name in ["queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"] {
        if told.get(name).is_none_or(Value::is_null) {
            told.insert(name.into(), json!({}));
        }
    }
    Value::Object(told)
}

/// The same for an HTTP API, with what identifies the sender.
pub fn http_authorizer(incoming: &Incoming, place: &Place<'_>, target: &Arn, identity: &[String]) -> Value {
    let event = event(incoming, place, &incoming.event_headers(), context(incoming, place), false);
    let mut told = authorizer(event, target);
    let identity = json!(identity.join(","));
    told.insert("version".into(), json!("1.0"));
    told.insert("identitySource".into(), identity.clone());
    told.insert("authorizationToken".into(), identity);
    Value::Object(told)
}

fn authorizer(event: Value, target: &Arn) -> Map<String, Value> {
    let mut told = Map::from_iter([("type".to_owned(), json!("REQUEST")), ("methodArn".to_owned(), json!(target))]);
    if let Value::Object(event) = event {
        told.extend(event.into_iter().filter(|(name, _)| !matches!(name.as_str(), "body" | "isBase64Encoded")));
    }
    told
}

/// The event of an HTTP API: a version more, and names of headers in lower case.
pub fn http(incoming: &Incoming, place: &Place<'_>, admitted: &Admitted, binary: bool) -> Value {
    let mut context = context(incoming, place);
    admitted.write_v1(&mut context);
    let event = event(incoming, place, &incoming.event_headers(), context, binary);
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

pub fn context(incoming: &Incoming, place: &Place<'_>) -> Value {
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

/// The case that names of headers have in events of REST APIs: what the client wrote, but for what API Gateway adds or knows. Where
/// nobody knows what was written, the case that most clients write: `Content-Type`.
fn cased(name: &str, written: Option<&str>, version: Version) -> String {
    match written {
        _ if is_known(name) => capitalized(name),
        Some(written) => written.to_owned(),
        // HTTP/2 has lower case only.
        None if version == Version::HTTP_2 || name.starts_with("sec-ch-") => name.to_owned(),
        None => capitalized(name),
    }
}

fn is_known(name: &str) -> bool {
    matches!(name, "host" | "user-agent" | "authorization")
        || name.starts_with("x-amzn-")
        || name.starts_with("x-forwarded-")
}

fn capitalized(name: &str) -> String {
    if let Some(rest) = name.strip_prefix("sec-websocket-") {
        return format!("Sec-WebSocket-{}", capitalized(rest));
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
    fn names_have_the_case_that_the_client_wrote_or_most_write() {
        let written = |name: &str| cased(&name.to_lowercase(), Some(name), Version::HTTP_11);
        assert_eq!(["tEsT-HEADeR", "x-tenant"].map(written), ["tEsT-HEADeR", "x-tenant"]);
        assert_eq!(
            ["authorization", "HOST", "x-amzn-trace-id"].map(written),
            ["Authorization", "Host", "X-Amzn-Trace-Id"]
        );
        let unknown = |name| cased(name, None, Version::HTTP_11);
        assert_eq!(["content-type", "sec-websocket-key"].map(unknown), ["Content-Type", "Sec-WebSocket-Key"]);
        let of_http_2 = |name| cased(name, None, Version::HTTP_2);
        assert_eq!(["content-type", "x-forwarded-for"].map(of_http_2), ["content-type", "X-Forwarded-For"]);
    }
}
