//! One struct, every protocol: what is written is read back, and no bytes make a decoder panic.

use std::collections::BTreeMap;

use base::Timestamp;
use http::HeaderMap;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use wire::cbor::Moments;
use wire::query::{Flat, Names};
use wire::rest::{Binding, Payload, Router};
use wire::{Blob, DateTime, cbor, json, query, rest};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Sample {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    count: i64,
    large: u64,
    ratio: f64,
    flag: bool,
    data: Blob,
    at: DateTime,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<String, Choice>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inner: Vec<Inner>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    S(String),
    N(f64),
    B(Blob),
    L(Vec<Choice>),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Inner {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<u32>,
}

fn choice() -> impl Strategy<Value = Choice> {
    let leaf = prop_oneof![
        any::<String>().prop_map(Choice::S),
        (-1e9..1e9).prop_map(Choice::N),
        any::<Vec<u8>>().prop_map(|bytes| Choice::B(bytes.into())),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Choice::L))
}

prop_compose! {
    fn sample()(
        name in any::<Option<String>>(),
        (count, large, ratio, flag) in (any::<i64>(), any::<u64>(), -1e9..1e9, any::<bool>()),
        data in any::<Vec<u8>>(),
        millis in 0..253_402_300_799_000_u64,
        names in any::<Vec<String>>(),
        values in prop::collection::btree_map(any::<String>(), choice(), 0..4),
        inner in prop::collection::vec((any::<String>(), any::<Option<u32>>()), 0..4),
    ) -> Sample {
        let inner = inner.into_iter().map(|(id, delay)| Inner { id, delay }).collect();
        Sample {
            name, count, large, ratio, flag, data: data.into(), at: DateTime(Timestamp(millis)), names, values, inner,
        }
    }
}

const PLACES: Binding = Binding::new("POST", "/x/{Name}/{Rest+}", 200)
    .query(&[("q", "Names")])
    .headers(&[("x-count", "Count")])
    .prefix_headers("x-v-", "Values");
const DOCUMENT: Binding = Binding::new("PUT", "/d", 200)
    .payload(Payload::Document("Document"))
    .response_payload(Payload::Document("Document"));
const NAMES: Names = Names::new(&[("Names", Flat::list("Item")), ("Values", Flat::map("Value", "Name", "Value"))]);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Holder {
    document: Sample,
}

/// The sample as a form, which only tests need to write.
fn form(sample: &Sample) -> String {
    fn push(form: &mut String, name: &str, value: &str) {
        let encode = |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        form.push_str(&format!("&{name}={}", encode(value)));
    }
    let mut form = String::from("Action=A&Version=1");
    push(&mut form, "Count", &sample.count.to_string());
    push(&mut form, "Large", &sample.large.to_string());
    push(&mut form, "Ratio", &sample.ratio.to_string());
    push(&mut form, "Flag", &sample.flag.to_string());
    push(&mut form, "Data", &sample.data.to_base64());
    push(&mut form, "At", &sample.at.0.iso8601());
    for (index, name) in sample.names.iter().enumerate().rev() {
        push(&mut form, &format!("Item.{}", index * 3), name);
    }
    for (index, inner) in sample.inner.iter().enumerate() {
        push(&mut form, &format!("Inner.member.{index}.Id"), &inner.id);
        if let Some(delay) = inner.delay {
            push(&mut form, &format!("Inner.member.{index}.Delay"), &delay.to_string());
        }
    }
    form
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_reads_what_it_writes(sample in sample()) {
        prop_assert_eq!(json::decode::<Sample>(&json::encode(&sample).unwrap()).unwrap(), sample);
    }

    #[test]
    fn cbor_reads_what_it_writes(sample in sample()) {
        prop_assert_eq!(cbor::decode::<Sample>(&cbor::encode(&sample, Moments::Seconds).unwrap(), Moments::Seconds).unwrap(), sample);
    }

    #[test]
    fn rest_reads_what_it_writes(document in sample()) {
        let holder = Holder { document };
        let response = rest::encode(&DOCUMENT, &holder, "id").unwrap();
        let read: Holder = rest::decode(&DOCUMENT, &Vec::new(), "", &HeaderMap::new(), response.body()).unwrap();
        prop_assert_eq!(read, holder);
    }

    #[test]
    fn query_reads_forms(sample in sample()) {
        let params = query::parse(form(&sample).as_bytes()).unwrap();
        let expected = Sample { name: None, values: BTreeMap::new(), ..sample };
        prop_assert_eq!(query::decode::<Sample>(&params, &NAMES).unwrap(), expected);
    }

    #[test]
    fn query_writes_text_xml_can_carry(sample in sample()) {
        let xml = query::encode(&sample, "A", "urn:x", "id", &NAMES).unwrap();
        let xml = str::from_utf8(&xml).unwrap();
        prop_assert!(!xml.contains(|c: char| c < ' ' && !"\t\n".contains(c)));
        prop_assert_eq!(xml.matches('<').count(), xml.matches('>').count());
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = json::decode::<Sample>(&bytes);
        let _ = cbor::decode::<Sample>(&bytes, Moments::Millis);
        let _ = query::parse(&bytes).and_then(|params| query::decode::<Sample>(&params, &NAMES));
        let mut headers = HeaderMap::new();
        if let Ok(value) = http::HeaderValue::from_bytes(&bytes) {
            headers.insert("x-count", value.clone());
            headers.insert("x-v-a", value);
        }
        let router = Router::new([&PLACES, &DOCUMENT]);
        let labels = match router.find("POST", &text, &text) {
            rest::Match::Found { labels, .. } => labels,
            _ => vec![("Name", text.as_str().into())],
        };
        let _ = rest::decode::<Sample>(&PLACES, &labels, &text, &headers, &bytes);
    }

    /// Forms made of the names and separators that mean something are more telling than arbitrary bytes.
    #[test]
    fn no_form_makes_the_decoder_panic(form in "(&?(Item|Names|Values|Value|Inner|entry|member|key|value|Id|[0-9]{1,12}|\\.|=|%[0-9a-f]{2}))*") {
        let _ = query::parse(form.as_bytes()).and_then(|params| query::decode::<Sample>(&params, &NAMES));
    }

    /// CBOR that begins well.
    #[test]
    fn no_cbor_makes_the_decoder_panic(sample in sample(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = cbor::encode(&sample, Moments::Seconds).unwrap().to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = cbor::decode::<Sample>(&body, Moments::Seconds);
    }
}
