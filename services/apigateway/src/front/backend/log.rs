//! What is told of each step of a request on its way: to who tests a method, and to a stage's execution log.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html>

use std::sync::{Mutex, PoisonError};

use base::Timestamp;
use http::HeaderMap;
use proxy::Incoming;
use serde_json::{Value, json};

use crate::limits;
use crate::routes::Parameters;

/// How much a log tells; each tells what those before it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What went wrong.
    Errors,
    Steps,
    /// What was sent and answered, too.
    Everything,
}

pub struct Log {
    lines: Mutex<Vec<String>>,
    detail: Detail,
}

impl Log {
    pub fn new(detail: Detail) -> Log {
        Log { lines: Mutex::default(), detail }
    }

    /// Adds what `line` makes, where the log tells of such things.
    pub fn add(&self, detail: Detail, line: impl FnOnce() -> String) {
        if detail <= self.detail {
            let line = line();
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    /// Tells what there is to tell before anything happens. `path` is that of the request below its stage.
    pub fn begin(&self, incoming: &Incoming, path: &str, parameters: &Parameters) {
        self.add(Detail::Steps, || format!("Starting execution for request: {}", incoming.request_id));
        self.add(Detail::Steps, || format!("HTTP Method: {}, Resource Path: {path}", incoming.method));
        self.add(Detail::Everything, || format!("Method request path: {}", pairs(parameters, &[])));
        self.add(Detail::Everything, || {
            format!("Method request query string: {}", pairs(&incoming.query_pairs(), &QUERY_SECRETS))
        });
        self.add(Detail::Everything, || format!("Method request headers: {}", headers(&incoming.headers)));
        self.add(Detail::Everything, || {
            format!("Method request body before transformations: {}", body(&incoming.body))
        });
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All lines, each with the time.
    pub fn text(&self, request_id: &str, now: Timestamp) -> String {
        let time = now.utc().strftime("%a %b %d %H:%M:%S UTC %Y").to_string();
        let mut text = format!("Execution log for request {request_id}\n");
        for line in self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            text.push_str(&format!("{time} : {line}\n"));
        }
        text
    }
}

/// What nobody learns from a log but for its end.
const SECRETS: [&str; 6] =
    ["authorization", "cookie", "proxy-authorization", "set-cookie", "x-amz-security-token", "x-api-key"];
/// The same in query strings: of requests that are signed there.
const QUERY_SECRETS: [&str; 3] = ["x-amz-credential", "x-amz-security-token", "x-amz-signature"];
const SHOWN_CHARACTERS: usize = 6;

/// Names with their values as a log has them.
fn pairs(pairs: &[(String, String)], secrets: &[&str]) -> String {
    let all = pairs.iter().map(|(name, value)| match is_among(secrets, name) {
        true => format!("{name}={}", hidden(value)),
        false => format!("{name}={value}"),
    });
    shortened(format!("{{{}}}", all.collect::<Vec<_>>().join(", ")))
}

/// Headers as a log has them.
pub fn headers(headers: &HeaderMap) -> String {
    let all = headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        match SECRETS.contains(&name.as_str()) {
            true => format!("{name}={}", hidden(&value)),
            false => format!("{name}={value}"),
        }
    });
    shortened(format!("{{{}}}", all.collect::<Vec<_>>().join(", ")))
}

fn is_among(secrets: &[&str], name: &str) -> bool {
    secrets.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

/// The event of a function as a log has it.
pub fn event(event: &Value) -> String {
    let mut shown = event.clone();
    for (place, secrets) in [
        ("headers", &SECRETS[..]),
        ("multiValueHeaders", &SECRETS[..]),
        ("queryStringParameters", &QUERY_SECRETS[..]),
        ("multiValueQueryStringParameters", &QUERY_SECRETS[..]),
    ] {
        for (name, value) in shown[place].as_object_mut().into_iter().flatten() {
            if is_among(secrets, name) {
                *value = json!(hidden(value.as_str().unwrap_or_default()));
            }
        }
    }
    if let Some(key) = shown.pointer_mut("/requestContext/identity/apiKey").filter(|key| key.is_string()) {
        *key = json!(hidden(key.as_str().unwrap_or_default()));
    }
    body(shown.to_string().as_bytes())
}

/// Stars, and the end of what is long enough that this tells nothing.
fn hidden(secret: &str) -> String {
    let characters = secret.chars().count();
    let shown = if characters >= 4 * SHOWN_CHARACTERS { SHOWN_CHARACTERS } else { 0 };
    format!("{}{}", "*".repeat(16), secret.chars().skip(characters - shown).collect::<String>())
}

/// A body as a log has it.
pub fn body(body: &[u8]) -> String {
    // What is cut off need not be made text first.
    let enough = body.get(..4 * (limits::TEST_LOG_CHARACTERS_MAX + 1)).unwrap_or(body);
    shortened(String::from_utf8_lossy(enough).into_owned())
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(limits::TEST_LOG_CHARACTERS_MAX) {
        Some((end, _)) => format!("{} [TRUNCATED]", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_but_for_the_end_of_long_ones() {
        let mut all = HeaderMap::new();
        all.insert("authorization", "Bearer abcdefghijklmnopqrstuvwxyz".parse().unwrap());
        all.insert("x-api-key", "short".parse().unwrap());
        all.insert("x-other", "1".parse().unwrap());
        assert_eq!(headers(&all), "{authorization=****************uvwxyz, x-api-key=****************, x-other=1}");
        let mut answer = HeaderMap::new();
        answer.insert("set-cookie", "session=abc".parse().unwrap());
        assert_eq!(headers(&answer), "{set-cookie=****************}");
    }

    #[test]
    fn signatures_in_query_strings_are_hidden() {
        let named = [("X-Amz-Signature", "s1"), ("x-amz-security-token", "s2"), ("X-Amz-Credential", "s3"), ("q", "x")];
        let owned = named.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let shown = pairs(&owned, &QUERY_SECRETS);
        assert!(shown.ends_with("X-Amz-Credential=****************, q=x}"), "{shown}");
        let one: serde_json::Map<_, _> = named.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let many: serde_json::Map<_, _> =
            named.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
        let told = event(&json!({"queryStringParameters": one, "multiValueQueryStringParameters": many}));
        for secret in ["s1", "s2", "s3"] {
            assert!(!shown.contains(secret) && !told.contains(&format!("\"{secret}\"")), "{told}");
        }
        assert!(told.contains(r#""q":"x""#) && told.contains(r#""q":["x"]"#), "{told}");
    }

    #[test]
    fn logs_tell_as_much_as_they_are_asked() {
        for (detail, told) in [(Detail::Errors, 1), (Detail::Steps, 2), (Detail::Everything, 3)] {
            let log = Log::new(detail);
            for of in [Detail::Errors, Detail::Steps, Detail::Everything] {
                log.add(of, || format!("{of:?}"));
            }
            assert_eq!(log.take().len(), told);
        }
        assert!(body("ä".repeat(5_000).as_bytes()).ends_with("ä [TRUNCATED]"));
    }
}
