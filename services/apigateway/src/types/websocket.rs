//! What WebSocket APIs store besides what they have in common with HTTP APIs.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use service::Farewell;

use super::Texts;
use super::authorizer::{Authorization, Authorizer};
use super::rest;
use crate::keys::Id;

/// What makes an API one of WebSockets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What of a message tells its route: `$request.body.action`.
    pub route_selection: String,
    pub api_key_source: ApiKeySource,
    /// Kept and shown.
    pub disable_schema_validation: bool,
}

/// Where a client's API key comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApiKeySource {
    /// `x-api-key`, among the headers of the handshake.
    #[default]
    Header,
    /// What the authorizer says.
    Authorizer,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    pub id: Id,
    pub kind: IntegrationKind,
    pub timeout_millis: u64,
    pub description: Option<String>,
    pub method: Option<String>,
    /// What becomes of messages that no template is for.
    pub passthrough: Option<String>,
    /// By the key that `template_selection` chooses.
    pub request_templates: Texts,
    pub template_selection: Option<String>,
    /// The role as which the API asks what is behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// By where they go, `integration.request.header.X-A`, where they come from: `route.request.body.a`.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub request_parameters: Texts,
}
kv::stored!(Integration, version = 1);

impl Integration {
    /// The same as a method of a REST API would have it, but for templates: `None` for functions that are told everything.
    pub fn of_rest(&self) -> Option<rest::Integration> {
        let kind = match self.kind.clone() {
            IntegrationKind::Function { .. } => return None,
            IntegrationKind::Mock => rest::IntegrationKind::Mock {},
            IntegrationKind::Service { uri } => rest::IntegrationKind::Service { uri },
            IntegrationKind::Http { uri } => rest::IntegrationKind::Http { uri },
            IntegrationKind::HttpProxy { uri } => rest::IntegrationKind::HttpProxy { uri },
        };
        let source = |text: &String| match text.strip_prefix("route.request.") {
            Some(rest) => format!("method.request.{rest}"),
            None => text.clone(),
        };
        let parameters = self.request_parameters.iter().map(|(target, text)| (target.clone(), source(text)));
        Some(rest::Integration {
            kind,
            http_method: self.method.clone(),
            passthrough: self.passthrough.clone().unwrap_or_default(),
            content_handling: None,
            timeout_millis: self.timeout_millis,
            cache_namespace: String::new(),
            request_templates: Texts::new(),
            credentials: self.credentials.clone(),
            request_parameters: parameters.collect(),
            cache_key_parameters: Vec::new(),
            responses: BTreeMap::new(),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntegrationKind {
    /// The ARN or the URI of one; variables of the stage included.
    Function {
        uri: String,
    },
    Mock,
    /// `AWS`: a function that is told what a template says, or an operation of a service.
    Service {
        uri: String,
    },
    /// `HTTP`: an endpoint that is told what a template says.
    Http {
        uri: String,
    },
    /// `HTTP_PROXY`: an endpoint that is told the message as it is.
    HttpProxy {
        uri: String,
    },
}

impl IntegrationKind {
    /// The name that it has in operations.
    pub fn word(&self) -> &'static str {
        match self {
            IntegrationKind::Function { .. } => "AWS_PROXY",
            IntegrationKind::Mock => "MOCK",
            IntegrationKind::Service { .. } => "AWS",
            IntegrationKind::Http { .. } => "HTTP",
            IntegrationKind::HttpProxy { .. } => "HTTP_PROXY",
        }
    }

    pub fn uri(&self) -> Option<&str> {
        match self {
            IntegrationKind::Mock => None,
            IntegrationKind::Function { uri }
            | IntegrationKind::Service { uri }
            | IntegrationKind::Http { uri }
            | IntegrationKind::HttpProxy { uri } => Some(uri),
        }
    }
}

/// What becomes of an integration's answer, unless it is a proxy, which answers for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationResponse {
    pub id: Id,
    /// `$default`, or the statuses that it is for: `/200/`, `/4\d\d/`.
    pub key: String,
    pub templates: Texts,
    pub template_selection: Option<String>,
    /// Headers of the answer to a handshake, `route.response.header.X-A`, and where they come from.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub parameters: Texts,
}
kv::stored!(IntegrationResponse, version = 1);

/// That a route answers at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteResponse {
    pub id: Id,
    /// `$default`: there is no other.
    pub key: String,
}
kv::stored!(RouteResponse, version = 1);

/// What a deployment serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    pub settings: Settings,
    pub routes: Vec<DeployedRoute>,
}
kv::stored!(Deployed, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeployedRoute {
    pub key: String,
    pub integration: Option<Integration>,
    pub responses: Vec<IntegrationResponse>,
    pub authorization: Authorization,
    /// The authorizer as it was.
    pub authorizer: Option<Authorizer>,
    pub api_key_required: bool,
    /// Whether its client is told what its integration answers.
    pub answers: bool,
}

/// What is known of a connection as it begins: in memory for as long as it lasts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    pub id: String,
    pub api: String,
    pub stage: String,
    pub region: String,
    pub account: String,
    pub connected: Timestamp,
    /// As events tell them.
    pub host: String,
    pub domain: String,
    pub identity: Value,
    /// What the authorizer said.
    pub authorizer: Option<Value>,
    pub api_key: Option<String>,
}

impl Beginning {
    /// What its stage has below its name, as policies call it: a route, or the connection itself.
    pub fn arn(&self, below: &str) -> Arn {
        Arn {
            partition: "aws".into(),
            service: "execute-api".into(),
            region: self.region.clone(),
            account: self.account.clone(),
            resource: format!("{}/{}/{below}", self.api, self.stage),
        }
    }
}

/// A connection that ended with the server, of which nobody could be told any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Without the API key, which is a secret.
    pub beginning: Beginning,
    pub code: u16,
    pub reason: String,
}
kv::stored!(Ended, version = 1);

impl Ended {
    pub fn new(beginning: &Beginning, farewell: Farewell) -> Ended {
        let mut beginning = Beginning { api_key: None, ..beginning.clone() };
        if let Some(identity) = beginning.identity.as_object_mut() {
            identity.remove("apiKey");
        }
        Ended { beginning, code: farewell.code, reason: farewell.reason }
    }

    pub fn farewell(&self) -> Farewell {
        Farewell::new(self.code, &self.reason)
    }
}

#[cfg(test)]
mod tests {
    use kv::Stored;
    use serde_json::json;

    use super::*;

    /// What version 1 looks like on disk. These bytes are in users' files: a change here needs a new version and a
    /// migration, not new bytes.
    #[test]
    fn stored_forms_do_not_drift() {
        let response = RouteResponse { id: "r".into(), key: "$default".into() };
        let bytes = response.to_bytes().unwrap();
        assert_eq!(bytes.as_ref(), b"\x01\x82\xa2id\xa1r\xa3key\xa8$default");
        assert_eq!(RouteResponse::from_bytes(&bytes).unwrap(), response);

        let integration = Integration {
            id: "i".into(),
            kind: IntegrationKind::Function { uri: "u".into() },
            timeout_millis: 29_000,
            description: None,
            method: Some("POST".into()),
            passthrough: None,
            request_templates: Texts::from([("a".into(), "b".into())]),
            template_selection: None,
            credentials: None,
            request_parameters: Texts::new(),
        };
        let bytes = integration.to_bytes().unwrap();
        let expected = b"\x01\x88\xa2id\xa1i\xa4kind\x81\xa8Function\x81\xa3uri\xa1u\xaetimeout_millis\xcd\x71\x48\
            \xabdescription\xc0\xa6method\xa4POST\xabpassthrough\xc0\xb1request_templates\x81\xa1a\xa1b\
            \xb2template_selection\xc0";
        assert_eq!(bytes.as_ref(), expected);
        assert_eq!(Integration::from_bytes(&bytes).unwrap(), integration);

        let beginning = Beginning {
            id: "c".into(),
            identity: json!({"sourceIp": "x", "apiKey": "secret", "apiKeyId": "k"}),
            api_key: Some("secret".into()),
            ..Beginning::default()
        };
        let ended = Ended::new(&beginning, Farewell::new(1001, "r"));
        let bytes = ended.to_bytes().unwrap();
        let expected = b"\x01\x83\xa9beginning\x8b\xa2id\xa1c\xa3api\xa0\xa5stage\xa0\xa6region\xa0\xa7account\xa0\
            \xa9connected\x00\xa4host\xa0\xa6domain\xa0\xa8identity\x82\xa8sourceIp\xa1x\xa8apiKeyId\xa1k\
            \xaaauthorizer\xc0\xa7api_key\xc0\xa4code\xcd\x03\xe9\xa6reason\xa1r";
        assert_eq!(bytes.as_ref(), expected, "without the secret");
        assert_eq!(Ended::from_bytes(&bytes).unwrap(), ended);
    }
}
