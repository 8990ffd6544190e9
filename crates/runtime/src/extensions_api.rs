//! The Extensions API over HTTP.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use crate::api::{Answer, accepted, json_answer, refuse, unknown};
use crate::extensions::{Event, Extensions, Refusal};
use crate::limits::{EXTENSION_BODY_BYTES_MAX, EXTENSIONS_MAX};

const NAME: &str = "lambda-extension-name";
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");
const EVENT_IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-event-identifier");
const ERROR_TYPE: &str = "lambda-extension-function-error-type";
const FEATURES: &str = "lambda-extension-accept-feature";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    configuration_keys: Vec<String>,
}

impl Extensions {
    /// `path` is what follows the version of the API.
    pub async fn answer(&self, parts: &http::request::Parts, path: &str, body: &mut Incoming) -> Answer {
        let headers = &parts.headers;
        let result = match (&parts.method, path) {
            (&Method::POST, "register") => self.answer_register(headers, body).await,
            (&Method::GET, "event/next") => self.answer_next(headers).await,
            (&Method::POST, "init/error") => self.answer_error(headers, "Extension.InitError"),
            (&Method::POST, "exit/error") => self.answer_error(headers, "Extension.ExitError"),
            _ => Ok(unknown(parts.uri.path())),
        };
        result.unwrap_or_else(|refused| refused)
    }

    async fn answer_register(&self, headers: &HeaderMap, body: &mut Incoming) -> Result<Answer, Answer> {
        let name = text(headers, NAME).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| forbidden("Extension.InvalidExtensionName", "Empty extension name"))?;
        let malformed = |error: &dyn std::fmt::Display| forbidden("InvalidRequestFormat", &error.to_string());
        let body = Limited::new(body, EXTENSION_BODY_BYTES_MAX).collect().await.map_err(|error| malformed(&error))?;
        let asked: Registration = serde_json::from_slice(&body.to_bytes()).map_err(|error| malformed(&error))?;
        if !asked.configuration_keys.is_empty() {
            return Err(malformed(&"configurationKeys are deprecated; use environment variables instead"));
        }
        let events = asked.events.iter().map(|event| {
            let known = Event::parse(event).filter(|known| *known == Event::Invoke || self.is_external(name));
            known.ok_or_else(|| forbidden("Extension.InvalidEventType", &format!("{event}: ErrorInvalidEventType")))
        });
        let id = self.register(name, events.collect::<Result<Vec<_>, _>>()?).map_err(refused)?;
        let spec = &self.spec;
        let mut answer = json!({"functionName": spec.name, "functionVersion": spec.version, "handler": spec.handler});
        let wants_account =
            text(headers, FEATURES).is_some_and(|list| list.split(',').any(|f| f.trim() == "accountId"));
        if let (true, Some(answer)) = (wants_account, answer.as_object_mut()) {
            answer.insert("accountId".into(), spec.account.clone().into());
        }
        let mut answer = json_answer(StatusCode::OK, answer);
        insert(&mut answer, IDENTIFIER, &id);
        Ok(answer)
    }

    async fn answer_next(&self, headers: &HeaderMap) -> Result<Answer, Answer> {
        let event = self.next(identifier(headers)?).await.map_err(refused)?;
        let mut answer = Response::new(Full::new(event));
        insert(&mut answer, http::header::CONTENT_TYPE, "application/json");
        insert(&mut answer, EVENT_IDENTIFIER, &self.env.uuid());
        Ok(answer)
    }

    /// The name of who asks.
    pub fn caller(&self, headers: &HeaderMap) -> Result<String, Answer> {
        self.name_of(identifier(headers)?).map_err(refused)
    }

    fn answer_error(&self, headers: &HeaderMap, kind: &'static str) -> Result<Answer, Answer> {
        let id = identifier(headers)?;
        let own = text(headers, ERROR_TYPE)
            .filter(|own| !own.is_empty())
            .ok_or_else(|| forbidden("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"))?;
        self.failed(id, kind, own.into()).map_err(refused)?;
        Ok(accepted())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn identifier(headers: &HeaderMap) -> Result<&str, Answer> {
    let id = headers.get(IDENTIFIER).ok_or_else(|| {
        forbidden("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
    })?;
    let id = id.to_str().ok().filter(|id| is_uuid(id));
    id.ok_or_else(|| forbidden("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn insert(answer: &mut Answer, name: HeaderName, value: &str) {
    // Identifiers are text that headers can carry.
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn forbidden(error_type: &str, message: &str) -> Answer {
    refuse(StatusCode::FORBIDDEN, error_type, message)
}

fn refused(refusal: Refusal) -> Answer {
    let (error_type, message) = match refusal {
        Refusal::Closed => ("Extension.RegistrationClosed", "Extension registration closed already".into()),
        Refusal::NameTaken => ("Extension.InvalidExtensionState", "Extension with this name already registered".into()),
        Refusal::TooMany => ("Extension.TooManyExtensions", format!("Extension limit ({EXTENSIONS_MAX}) reached")),
        Refusal::UnknownIdentifier => ("Extension.UnknownExtensionIdentifier", "Unknown extension".into()),
        Refusal::State(from, to, who) => (
            "Extension.InvalidExtensionState",
            format!(
                "State transition from {from} to {to} failed for extension {who}. Error: State transition is not allowed"
            ),
        ),
    };
    forbidden(error_type, &message)
}
