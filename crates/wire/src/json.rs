//! JSON bodies.
//!
//! Source: <https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeOwned};
use serde::ser::Serialize;

use crate::error::{DecodeError, EncodeError};
use crate::value::Value;

/// Reads a body; an empty one is `{}`. Nesting past 128 levels and anything after the value are refused.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    crate::de::from_value(parse(body)?, None)
}

pub(crate) fn parse(body: &[u8]) -> Result<Value<'_>, DecodeError> {
    if body.trim_ascii().is_empty() {
        return Ok(Value::Map(Vec::new()));
    }
    let mut parser = serde_json::Deserializer::from_slice(body);
    let value = Value::deserialize(&mut parser).and_then(|value| parser.end().map(|()| value));
    value.map_err(|error| DecodeError::whole(format!("The body is not JSON: {error}")))
}

/// Writes a body.
pub fn encode<T: Serialize + ?Sized>(output: &T) -> Result<Bytes, EncodeError> {
    serde_json::to_vec(output).map(Bytes::from).map_err(|error| EncodeError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::Blob;

    #[derive(Debug, PartialEq, Deserialize)]
    enum Attribute {
        S(String),
        N(String),
        B(Blob),
        M(BTreeMap<String, Attribute>),
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Input {
        key: BTreeMap<String, Attribute>,
        limit: Option<u16>,
        names: Vec<String>,
        document: serde_json::Value,
    }

    fn read(body: &str) -> Result<Input, DecodeError> {
        decode(body.as_bytes())
    }

    fn message(body: &str) -> String {
        read(body).unwrap_err().message
    }

    #[test]
    fn nulls_unknowns_and_duplicates_are_absent() {
        let nulls = r#"{"Key":null,"Limit":null,"Names":null,"Other":{"a":[1]}}"#;
        for body in ["", "  ", "{}", nulls] {
            assert_eq!(read(body).unwrap(), Input::default(), "{body}");
        }
        let input = read(r#"{"Limit":1,"Limit":2e0,"Limit":null,"Key":{"a":null,"b":{"S":"x","N":null}}}"#).unwrap();
        assert_eq!(input.limit, Some(2));
        assert_eq!(input.key, BTreeMap::from([("b".to_string(), Attribute::S("x".into()))]));
        assert_eq!(read(r#"{"Document":{"a":null}}"#).unwrap().document, serde_json::json!({"a": null}));
    }

    #[test]
    fn faults_name_the_path() {
        assert_eq!(message(r#"{"Key":{"id":{"S":5}}}"#), "Expected a string at Key.id.S, got a number");
        assert_eq!(message(r#"{"Key":{"id":{"M":{"x":{"N":[]}}}}}"#), "Expected a string at Key.id.M.x.N, got a list");
        assert_eq!(message(r#"{"Names":["a",{}]}"#), "Expected a string at Names[1], got an object");
        assert_eq!(
            message(r#"{"Limit":70000}"#),
            "Expected a whole number from 0 to 65535 at Limit, got a number out of range"
        );
        assert_eq!(message(r#"{"Limit":1.5}"#), "Expected a whole number at Limit, got a number");
        assert_eq!(message(r#"{"Key":{"id":{"X":1}}}"#), "Expected one of S, N, B, M at Key.id, got 'X'");
        assert_eq!(message(r#"{"Key":{"id":{}}}"#), "Expected exactly one member at Key.id, got none");
        assert!(message(r#"{"Key":{"id":{"B":"?"}}}"#).starts_with("Invalid value at Key.id.B: not base64"));
        assert_eq!(message("[]"), "Expected an object, got a list");
    }

    #[test]
    fn hostile_bodies_are_refused() {
        let (lists, maps) = ("[".repeat(1_000_000), "{\"Key\":".repeat(1_000_000));
        for body in ["{", "{}x", "{} {}", "nul", "\"\\ud800\"", &lists, &maps] {
            assert!(message(body).starts_with("The body is not JSON"), "{}", &body[..body.len().min(20)]);
        }
        assert!(decode::<Input>(b"{\"Names\":[\"\xff\"]}").is_err());
    }
}
