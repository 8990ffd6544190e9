//! Subscribing over HTTP: the Telemetry API, and the Logs API that came before it.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html>

use std::ops::RangeInclusive;
use std::time::Duration;

use http::uri::Scheme;
use http::{Method, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use crate::api::{Answer, json_answer, refuse, unknown};
use crate::extensions::Extensions;
use crate::limits::{
    EXTENSION_BODY_BYTES_MAX, TELEMETRY_BYTES, TELEMETRY_ITEMS, TELEMETRY_ITEMS_DEFAULT, TELEMETRY_TIMEOUT_DEFAULT_MS,
    TELEMETRY_TIMEOUT_MS,
};
use crate::telemetry::queue::Buffering;
use crate::telemetry::{Api, NotSubscribed, Schema, Types};

/// The names by which an instance calls itself.
pub(crate) const HOSTS: [&str; 2] = ["sandbox.localdomain", "sandbox"];

/// What an extension has asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub schema: Schema,
    pub types: Types,
    pub buffering: Buffering,
    pub destination: Destination,
}

/// Where an extension listens, in its own instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    Http { uri: Uri, method: Method },
    Tcp { port: u16 },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    schema_version: Option<String>,
    types: Vec<String>,
    #[serde(default)]
    buffering: AskedBuffering,
    destination: AskedDestination,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct AskedBuffering {
    max_items: Option<usize>,
    max_bytes: Option<usize>,
    timeout_ms: Option<u64>,
}

#[derive(Deserialize)]
struct AskedDestination {
    protocol: String,
    #[serde(rename = "URI")]
    uri: Option<String>,
    port: Option<u16>,
    /// Of HTTP: `POST` or `PUT`.
    method: Option<String>,
}

impl Extensions {
    /// Answers a request to subscribe by a process of instance `pid`.
    pub async fn answer_subscribe(
        &self,
        api: Api,
        parts: &http::request::Parts,
        body: &mut Incoming,
        pid: u32,
    ) -> Result<Answer, Answer> {
        if parts.method != Method::PUT {
            return Err(unknown(parts.uri.path()));
        }
        let name = self.caller(&parts.headers)?;
        let body = Limited::new(body, EXTENSION_BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| invalid(&error.to_string()))?.to_bytes();
        let asked = serde_json::from_slice(&body).map_err(|error| invalid(&error.to_string()))?;
        let subscription = understand(api, asked).map_err(|message| invalid(&message))?;
        self.telemetry.subscribe(&name, &subscription, pid).map_err(|refusal| refused(api, refusal))?;
        Ok(json_answer(StatusCode::OK, json!("OK")))
    }
}

fn understand(api: Api, asked: Asked) -> Result<Subscription, String> {
    let Asked { schema_version, types, buffering, destination } = asked;
    let schema = schema(api, schema_version.as_deref())?;
    Ok(Subscription {
        schema,
        types: understand_types(&types)?,
        buffering: buffering.understand()?,
        destination: destination.understand()?,
    })
}

fn schema(api: Api, version: Option<&str>) -> Result<Schema, String> {
    let (is_structured, knows_done) = match (api, version) {
        (Api::Logs, None | Some("2020-08-15")) => (false, false),
        (Api::Logs, Some("2021-03-18")) | (Api::Telemetry, Some("2022-07-01")) => (false, true),
        (Api::Telemetry, Some("2022-12-13" | "2025-01-29")) => (true, true),
        (_, None) => return Err("schemaVersion is required".into()),
        (Api::Logs, Some(other)) => {
            return Err(format!("schemaVersion {other} is not one of 2020-08-15, 2021-03-18"));
        }
        (Api::Telemetry, Some(other)) => {
            return Err(format!("schemaVersion {other} is not one of 2022-07-01, 2022-12-13, 2025-01-29"));
        }
    };
    Ok(Schema { api, is_structured, knows_done })
}

fn understand_types(names: &[String]) -> Result<Types, String> {
    let mut types = Types::default();
    for name in names {
        match name.as_str() {
            "platform" => types.platform = true,
            "function" => types.function = true,
            "extension" => types.extension = true,
            other => return Err(format!("type {other} is not one of platform, function, extension")),
        }
    }
    if types == Types::default() { Err("types is empty".into()) } else { Ok(types) }
}

impl AskedBuffering {
    fn understand(self) -> Result<Buffering, String> {
        let items = within("maxItems", self.max_items, TELEMETRY_ITEMS_DEFAULT, TELEMETRY_ITEMS)?;
        let bytes = within("maxBytes", self.max_bytes, *TELEMETRY_BYTES.start(), TELEMETRY_BYTES)?;
        let timeout = within("timeoutMs", self.timeout_ms, TELEMETRY_TIMEOUT_DEFAULT_MS, TELEMETRY_TIMEOUT_MS)?;
        Ok(Buffering { items, bytes, timeout: Duration::from_millis(timeout) })
    }
}

fn within<T: PartialOrd + std::fmt::Display>(
    name: &str,
    asked: Option<T>,
    default: T,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let value = asked.unwrap_or(default);
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!("buffering.{name} is {value}, which is not within {} to {}", range.start(), range.end()))
}

impl AskedDestination {
    fn understand(self) -> Result<Destination, String> {
        match self.protocol.as_str() {
            "HTTP" => {
                let uri = self.uri.ok_or("destination.URI is required for HTTP")?;
                Ok(Destination::Http { uri: understand_uri(&uri)?, method: understand_method(self.method.as_deref())? })
            }
            "TCP" => {
                let port = self.port.filter(|port| *port > 0).ok_or("destination.port is required for TCP")?;
                Ok(Destination::Tcp { port })
            }
            other => Err(format!("destination.protocol {other} is not one of HTTP, TCP")),
        }
    }
}

fn understand_uri(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("destination.URI {text}: {error}"))?;
    let is_own = uri.host().is_some_and(|host| HOSTS.contains(&host));
    if uri.scheme() != Some(&Scheme::HTTP) || !is_own {
        return Err(format!("destination.URI {text} is not http://{}:PORT/PATH", HOSTS[0]));
    }
    Ok(uri)
}

fn understand_method(name: Option<&str>) -> Result<Method, String> {
    match name {
        None | Some("POST") => Ok(Method::POST),
        Some("PUT") => Ok(Method::PUT),
        Some(other) => Err(format!("destination.method {other} is not one of POST, PUT")),
    }
}

fn invalid(message: &str) -> Answer {
    refuse(StatusCode::BAD_REQUEST, "ValidationError", message)
}

fn refused(api: Api, refusal: NotSubscribed) -> Answer {
    let name = api.name();
    match refusal {
        NotSubscribed::Closed => refuse(
            StatusCode::FORBIDDEN,
            &format!("{name}.SubscriptionClosed"),
            &format!("{name} API subscription is closed already"),
        ),
        NotSubscribed::ByOther(other) => {
            invalid(&format!("This extension has subscribed by the {} API; it cannot use both.", other.name()))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn ask(api: Api, asked: serde_json::Value) -> Result<Subscription, String> {
        understand(api, serde_json::from_value(asked).unwrap())
    }

    #[test]
    fn subscriptions_are_understood() {
        let asked = json!({
            "schemaVersion": "2022-12-13",
            "types": ["platform", "function"],
            "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/path"},
        });
        let subscription = ask(Api::Telemetry, asked).unwrap();
        assert_eq!(subscription.types.names(), ["platform", "function"]);
        assert_eq!(subscription.buffering.items, 10_000);
        assert_eq!(subscription.buffering.timeout, Duration::from_secs(1));
        let Destination::Http { uri, method } = subscription.destination else { panic!("no HTTP") };
        assert_eq!((uri.port_u16(), uri.path(), method), (Some(8080), "/path", Method::POST));
        let asked = json!({"types": ["extension"], "destination": {"protocol": "TCP", "port": 9}});
        assert_eq!(ask(Api::Logs, asked).unwrap().destination, Destination::Tcp { port: 9 });
    }

    #[test]
    fn what_is_wrong_with_a_subscription_is_said() {
        let refusal = |change: serde_json::Value| {
            let mut asked = json!({
                "schemaVersion": "2022-07-01",
                "types": ["platform"],
                "destination": {"protocol": "TCP", "port": 9},
            });
            asked.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            ask(Api::Telemetry, asked).unwrap_err()
        };
        for (change, word) in [
            (json!({"schemaVersion": "2021-03-18"}), "2022-12-13"),
            (json!({"schemaVersion": null}), "required"),
            (json!({"types": []}), "empty"),
            (json!({"types": ["logs"]}), "logs"),
            (json!({"buffering": {"maxItems": 999}}), "1000 to 10000"),
            (json!({"buffering": {"timeoutMs": 30001}}), "25 to 30000"),
            (json!({"destination": {"protocol": "TCP"}}), "port"),
            (json!({"destination": {"protocol": "UDP", "port": 9}}), "UDP"),
            (json!({"destination": {"protocol": "HTTP", "URI": "http://example.com:80"}}), "sandbox.localdomain"),
            (json!({"destination": {"protocol": "HTTP", "URI": "https://sandbox.localdomain"}}), "http://"),
        ] {
            let refusal = refusal(change);
            assert!(refusal.contains(word), "{refusal}");
        }
    }
}
