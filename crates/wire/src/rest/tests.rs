//! REST-JSON by example: Lambda's Invoke and the tagging operations.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use super::*;
use crate::Blob;

const INVOKE: Binding = Binding::new("POST", "/2015-03-31/functions/{FunctionName}/invocations", 200)
    .query(&[("Qualifier", "Qualifier")])
    .headers(&[("X-Amz-Invocation-Type", "InvocationType")])
    .payload(Payload::Blob("Payload"))
    .response_headers(&[("X-Amz-Function-Error", "FunctionError")])
    .response_status("StatusCode")
    .response_payload(Payload::Blob("Payload"));

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Invoke {
    function_name: String,
    qualifier: Option<String>,
    invocation_type: Option<String>,
    payload: Option<Blob>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Invoked {
    status_code: u16,
    function_error: Option<&'static str>,
    payload: Blob,
}

#[test]
fn a_request_is_merged_from_its_places() {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-invocation-type", HeaderValue::from_static("Event"));
    let labels = vec![("FunctionName", "a%3Ab".into())];
    let invoke: Invoke = decode(&INVOKE, &labels, "Qualifier=%24LATEST", &headers, b"{\xff").unwrap();
    let expected = Invoke {
        function_name: "a:b".into(),
        qualifier: Some("$LATEST".into()),
        invocation_type: Some("Event".into()),
        payload: Some(Blob::from(&b"{\xff"[..])),
    };
    assert_eq!(invoke, expected);
    let invoke: Invoke = decode(&INVOKE, &labels, "", &HeaderMap::new(), b"").unwrap();
    assert_eq!(invoke, Invoke { function_name: "a:b".into(), ..Invoke::default() });
}

#[test]
fn an_answer_is_split_over_its_places() {
    let invoked = Invoked { status_code: 202, function_error: Some("Unhandled"), payload: Blob::from(&b"{}"[..]) };
    let response = encode(&INVOKE, &invoked, "id-1").unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(response.headers()["x-amz-function-error"], "Unhandled");
    assert_eq!(response.headers()["x-amzn-requestid"], "id-1");
    assert_eq!(response.body(), &Bytes::from_static(b"{}"));
    let response = encode(&INVOKE, &Invoked { status_code: 200, ..Invoked::default() }, "id-1").unwrap();
    assert!(!response.headers().contains_key("x-amz-function-error"));
    assert!(encode(&INVOKE, &Invoked::default(), "id-1").is_err(), "0 is not a status");
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Tags {
    resource: String,
    tag_keys: Vec<String>,
    max_items: Option<i32>,
    strict: Option<bool>,
    meta: std::collections::BTreeMap<String, String>,
}

const UNTAG: Binding = Binding::new("DELETE", "/tags/{Resource}", 204)
    .query(&[("tagKeys", "TagKeys"), ("maxItems", "MaxItems"), ("strict", "Strict")])
    .prefix_headers("X-Meta-", "Meta");

#[test]
fn text_becomes_what_the_member_is() {
    let mut headers = HeaderMap::new();
    headers.insert("x-meta-color", HeaderValue::from_static("red"));
    let labels = vec![("Resource", "r".into())];
    let tags: Tags = decode(&UNTAG, &labels, "tagKeys=a&tagKeys=b+c&maxItems=7&strict=true", &headers, b"").unwrap();
    assert_eq!((tags.tag_keys, tags.max_items, tags.strict), (vec!["a".into(), "b c".into()], Some(7), Some(true)));
    assert_eq!(tags.meta["color"], "red");
    let tags: Tags = decode(&UNTAG, &labels, "tagKeys=a", &HeaderMap::new(), b"{}").unwrap();
    assert_eq!(tags.tag_keys, ["a"]);
    let error = decode::<Tags>(&UNTAG, &labels, "maxItems=many", &headers, b"").unwrap_err();
    assert_eq!(error.message, "Expected a whole number at MaxItems, got a string");
    let error = decode::<Tags>(&UNTAG, &vec![("Resource", "%ff".into())], "", &headers, b"").unwrap_err();
    assert_eq!(error.message, "The path's part for Resource is not UTF-8");
}

#[test]
fn bodies_are_typed() {
    let error = decode::<Tags>(&UNTAG, &Vec::new(), "", &HeaderMap::new(), br#"{"MaxItems":"7"}"#).unwrap_err();
    assert_eq!(error.message, "Expected a whole number at MaxItems, got a string");
    let error = decode::<Tags>(&UNTAG, &Vec::new(), "", &HeaderMap::new(), b"[]").unwrap_err();
    assert_eq!(error.message, "Expected an object as the body, got a list");
    let response = encode(&UNTAG, &Tags::default(), "id").unwrap();
    assert_eq!((response.status().as_u16(), response.body().len()), (204, 0));
}
