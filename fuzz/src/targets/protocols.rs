//! AWS's protocols: bodies of requests, read into what any operation might want.

use std::collections::BTreeMap;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use wire::cbor::{self, Moments};
use wire::query::{self, Names};
use wire::rest::{Binding, Payload};
use wire::{Blob, DateTime, json, rest_xml};

use super::outcome;

/// What inputs are made of: lists, maps, nested structures, bytes, moments and numbers.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[allow(dead_code, reason = "it is there to be read into")]
struct Shape {
    text: String,
    number: Option<i64>,
    real: Option<f64>,
    flag: Option<bool>,
    bytes: Option<Blob>,
    at: Option<DateTime>,
    list: Vec<String>,
    shapes: Vec<Shape>,
    map: BTreeMap<String, String>,
    shape: Option<Box<Shape>>,
    any: Option<Value>,
}

fn read(result: Result<Shape, wire::DecodeError>) -> String {
    outcome(
        result.map(|shape| format!("{} {} {}", shape.list.len().min(3), shape.map.len().min(3), shape.shape.is_some())),
    )
}

pub fn query(input: &[u8]) -> String {
    match query::parse(input) {
        Ok(params) => {
            let _ = (params.action(), params.version());
            read(query::decode(&params, &Names::NONE))
        }
        Err(error) => outcome(Err::<String, _>(error)),
    }
}

pub fn json(input: &[u8]) -> String {
    let _ = json::decode::<Value>(input);
    read(json::decode(input))
}

pub fn cbor(input: &[u8]) -> String {
    let _ = cbor::decode::<Value>(input, Moments::Seconds);
    let _ = cbor::decode::<Shape>(input, Moments::Millis);
    read(cbor::decode(input, Moments::Seconds))
}

/// The body of a request whose payload is a member.
pub fn xml(input: &[u8]) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Whole {
        #[serde(default)]
        shape: Shape,
    }
    const BINDING: Binding = Binding::new("PUT", "/", 200).payload(Payload::Document("Shape"));
    let decoded = rest_xml::decode::<Whole>(&BINDING, &Default::default(), "", &HeaderMap::new(), input, &Names::NONE);
    read(decoded.map(|whole| whole.shape))
}
