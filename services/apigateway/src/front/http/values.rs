//! The values that selection expressions of an integration name.

use std::cell::OnceCell;

use ::http::HeaderMap;
use serde_json::Value;

use super::Request;
use crate::front::authorize::Admitted;
use crate::limits;
use crate::routes::http::Found;
use crate::selection::Source;

/// What is known of a request, and of the answer to it where there is one.
pub struct Values<'a> {
    request: &'a Request<'a>,
    found: &'a Found<'a>,
    admitted: &'a Admitted,
    headers: &'a HeaderMap,
    body: &'a [u8],
    json: OnceCell<Option<Value>>,
}

impl<'a> Values<'a> {
    pub fn of_request(request: &'a Request<'a>, found: &'a Found<'a>, admitted: &'a Admitted) -> Values<'a> {
        let (headers, body) = (&request.incoming.headers, &request.incoming.body);
        Values { request, found, admitted, headers, body, json: OnceCell::new() }
    }

    /// The same of an answer: headers and body are its own.
    pub fn of_answer(self, headers: &'a HeaderMap, body: &'a [u8]) -> Values<'a> {
        Values { headers, body, json: OnceCell::new(), ..self }
    }

    pub fn get(&self, source: &Source) -> Option<String> {
        match source {
            Source::Header(name) => {
                let all: Vec<_> = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
                (!all.is_empty()).then(|| all.join(","))
            }
            Source::Query(name) => {
                let pairs = self.request.incoming.query_pairs().into_iter();
                let values: Vec<_> = pairs.filter(|(known, _)| known == name).map(|(_, value)| value).collect();
                (!values.is_empty()).then(|| values.join(","))
            }
            Source::Body(None) => std::str::from_utf8(self.body).ok().map(str::to_owned),
            Source::Body(Some(path)) => {
                let json = self.json.get_or_init(|| match self.body.len() > limits::SELECTED_BODY_BYTES_MAX {
                    true => None,
                    false => serde_json::from_slice(self.body).ok(),
                });
                Some(text(path.find(json.as_ref()?)?))
            }
            Source::Path => Some(self.request.below.to_owned()),
            Source::PathVariable(name) => {
                let found = self.found.parameters.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            }
            Source::StageVariable(name) => self.request.stage.variables.get(name).cloned(),
            Source::Context(name) => self.context(name),
        }
    }

    /// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html>
    fn context(&self, name: &str) -> Option<String> {
        if let Some(name) = name.strip_prefix("authorizer.") {
            return self.admitted.value(name);
        }
        let Request { api, stage, incoming, path, .. } = self.request;
        let signer = match self.admitted {
            Admitted::Signer(signer) => Some(&signer.caller),
            Admitted::Anybody | Admitted::Owner { .. } | Admitted::Named(_) => None,
        };
        Some(match name {
            "accountId" => api.account.clone(),
            "apiId" => api.id.clone(),
            "domainName" => incoming.domain().to_owned(),
            "domainPrefix" => incoming.domain_prefix().to_owned(),
            "extendedRequestId" | "requestId" => incoming.extended_id.clone(),
            "httpMethod" => incoming.method.to_string(),
            "identity.accountId" => signer?.account.to_string(),
            "identity.sourceIp" => incoming.source_ip.clone(),
            "identity.user" => signer?.user_id.clone(),
            "identity.userAgent" => incoming.user_agent().to_owned(),
            "path" => (*path).to_owned(),
            "protocol" => incoming.protocol().to_owned(),
            "requestTime" => incoming.time_text(),
            "requestTimeEpoch" => incoming.time.0.to_string(),
            "routeKey" => self.found.key.to_owned(),
            "stage" => stage.name.clone(),
            _ => return None,
        })
    }
}

/// A value as text: a text as it is, anything else as JSON.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
