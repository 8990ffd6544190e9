//! A function's answer, taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Map, Value};

/// What a function wants to be answered.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Body,
}

#[derive(Debug, PartialEq)]
pub enum Body {
    Text(String),
    /// Bytes that came as base64, and that text.
    Binary(Bytes, String),
}

/// An answer whose form is not the agreed one. Why goes to the log; the client learns nothing.
#[derive(Debug, PartialEq)]
pub struct Malformed(pub String);

fn malformed<T>(why: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(why.into()))
}

/// Format 1.0. No member is required, and no others may be there.
pub fn v1(payload: &[u8]) -> Result<Answer, Malformed> {
    const MEMBERS: [&str; 5] = ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];
    let Ok(Value::Object(answer)) = serde_json::from_slice(payload) else { return malformed("it is not an object") };
    if let Some(other) = answer.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return malformed(format!("it has the member {other}"));
    }
    structured(&answer, true)
}

/// Format 2.0: structured when it has a `statusCode`; anything else is the body of a success.
pub fn v2(payload: &[u8]) -> Result<Answer, Malformed> {
    let Ok(value) = serde_json::from_slice::<Value>(payload) else { return malformed("it is not JSON") };
    match value {
        Value::Object(answer) if answer.contains_key("statusCode") => structured(&answer, false),
        Value::String(text) => Ok(Answer::json(text)),
        _ => Ok(Answer::json(String::from_utf8_lossy(payload).into_owned())),
    }
}

/// Headers that are the server's own to set.
const DROPPED: [&str; 7] =
    ["connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

impl Answer {
    /// The response to the user. A body whose type the function does not tell is text.
    pub fn into_response(self) -> Response<Bytes> {
        let body = match self.body {
            Body::Text(text) => Bytes::from(text),
            Body::Binary(bytes, _) => bytes,
        };
        let mut response = Response::new(body_of(self.status, body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in self.headers.into_iter().filter(|(name, _)| !DROPPED.contains(&name.as_str())) {
            headers.append(name, value);
        }
        if !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
        }
        response
    }

    fn json(body: String) -> Answer {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Answer { status: StatusCode::OK, headers, body: Body::Text(body) }
    }
}

/// The body of a response: some statuses have none.
pub fn body_of(status: StatusCode, body: Bytes) -> Bytes {
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED { Bytes::new() } else { body }
}

fn structured(answer: &Map<String, Value>, multi: bool) -> Result<Answer, Malformed> {
    let mut headers = Vec::new();
    let lists = if multi { entries(answer, "multiValueHeaders")? } else { Vec::new() };
    for (name, value) in entries(answer, "headers")? {
        if !lists.iter().any(|(list, _)| list.eq_ignore_ascii_case(name)) {
            push(&mut headers, name, value)?;
        }
    }
    for (name, values) in lists {
        let Value::Array(values) = values else { return malformed(format!("multiValueHeaders.{name} is not a list")) };
        for value in values {
            push(&mut headers, name, value)?;
        }
    }
    if let Some(Value::Array(cookies)) = answer.get("cookies").filter(|_| !multi) {
        for cookie in cookies {
            push(&mut headers, "set-cookie", cookie)?;
        }
    }
    Ok(Answer { status: status(answer.get("statusCode"))?, headers, body: body(answer)? })
}

fn entries<'a>(answer: &'a Map<String, Value>, member: &str) -> Result<Vec<(&'a str, &'a Value)>, Malformed> {
    match answer.get(member) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(map)) => Ok(map.iter().map(|(name, value)| (name.as_str(), value)).collect()),
        Some(_) => malformed(format!("{member} is not an object")),
    }
}

fn push(headers: &mut Vec<(HeaderName, HeaderValue)>, name: &str, value: &Value) -> Result<(), Malformed> {
    let text = match value {
        Value::Null => return Ok(()),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Array(_) | Value::Object(_) => {
            return malformed(format!("the header {name} is neither text nor number"));
        }
    };
    match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(text.as_bytes())) {
        (Ok(name), Ok(value)) => headers.push((name, value)),
        _ => return malformed(format!("the header {name} cannot be sent")),
    }
    Ok(())
}

fn status(value: Option<&Value>) -> Result<StatusCode, Malformed> {
    let number = match value {
        None | Some(Value::Null) => Some(200),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64().and_then(|number| u16::try_from(number).ok()),
    };
    let status = number.filter(|number| (200..=599).contains(number)).and_then(|n| StatusCode::from_u16(n).ok());
    status.ok_or_else(|| Malformed(format!("the statusCode is {}", value.unwrap_or(&Value::Null))))
}

fn body(answer: &Map<String, Value>) -> Result<Body, Malformed> {
    let is_base64 = answer.get("isBase64Encoded").is_some_and(|flag| *flag == Value::Bool(true));
    match answer.get("body") {
        None | Some(Value::Null) => Ok(Body::Text(String::new())),
        Some(Value::String(text)) if is_base64 => match STANDARD.decode(text) {
            Ok(bytes) => Ok(Body::Binary(bytes.into(), text.clone())),
            Err(error) => malformed(format!("the body is not base64: {error}")),
        },
        Some(Value::String(text)) => Ok(Body::Text(text.clone())),
        Some(_) => malformed("the body is not text"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(result: Result<Answer, Malformed>) -> (u16, Vec<String>, String) {
        let answer = result.unwrap();
        let headers =
            answer.headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
        let body = match answer.body {
            Body::Text(text) => text,
            Body::Binary(bytes, _) => format!("{bytes:?}"),
        };
        (answer.status.as_u16(), headers, body)
    }

    #[test]
    fn format_1_is_strict() {
        let answer = v1(br#"{"statusCode":"201","headers":{"A":1,"B":"x","C":null},"multiValueHeaders":{"b":["1","2"]},"body":"hi"}"#);
        assert_eq!(text(answer), (201, vec!["a=1".into(), "b=1".into(), "b=2".into()], "hi".into()));
        assert_eq!(text(v1(b"{}")), (200, vec![], String::new()));
        assert_eq!(text(v1(br#"{"body":"AP8=","isBase64Encoded":true}"#)).2, "b\"\\0\\xff\"");
        for wrong in [
            "null",
            "\"x\"",
            "[]",
            r#"{"message":"x"}"#,
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":99}"#,
            r#"{"body":{}}"#,
            r#"{"headers":[]}"#,
            r#"{"headers":{"a":{}}}"#,
            r#"{"headers":{"a b":"x"}}"#,
            r#"{"multiValueHeaders":{"a":"x"}}"#,
            r#"{"body":"?","isBase64Encoded":true}"#,
            r#"{"headers":{"a":"x\ny"}}"#,
        ] {
            assert!(v1(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn format_2_infers() {
        let json = || vec!["content-type=application/json".to_owned()];
        assert_eq!(text(v2(br#"{"message":"hi"}"#)), (200, json(), r#"{"message":"hi"}"#.into()));
        assert_eq!(text(v2(br#""hi""#)), (200, json(), "hi".into()));
        assert_eq!(text(v2(b"[1]")), (200, json(), "[1]".into()));
        let answer = v2(br#"{"statusCode":302,"headers":{"Location":"/x"},"cookies":["a=1","b=2"],"more":1}"#);
        assert_eq!(
            text(answer),
            (302, vec!["location=/x".into(), "set-cookie=a=1".into(), "set-cookie=b=2".into()], String::new())
        );
        for wrong in ["", "{", r#"{"statusCode":"no"}"#, r#"{"statusCode":200,"body":5}"#] {
            assert!(v2(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_payload_is_an_answer_or_malformed(payload in "[{\\[\"]?(statusCode|headers|body|[:,{}\\[\\]\"0-9a-z ]){0,12}") {
            let _ = (v1(payload.as_bytes()), v2(payload.as_bytes()));
        }
    }
}
