//! Documents, headers and routes as S3's clients send and read them.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::IF_NONE_MATCH;
use serde::{Deserialize, Serialize};

use super::*;
use crate::query::{Flat, Names};
use crate::rest::{Binding, Mark, Payload};
use crate::{Blob, DateTime, Protocol};

static NAMES: Names = Names::new(&[("Objects", Flat::list("Object")), ("TagSet", Flat::wrapped("Tag"))]);
const BINDING: Binding = Binding::new("POST", "/{Bucket}?delete", 200)
    .headers(&[("x-amz-mfa", "MFA"), ("If-Match", "IfMatch")])
    .query(&[("max-keys", "MaxKeys")])
    .prefix_headers("x-amz-meta-", "Metadata")
    .payload(Payload::Document("Delete"))
    .root("Result")
    .response_headers(&[("ETag", "ETag"), ("Last-Modified", "LastModified")])
    .response_prefix_headers("x-amz-meta-", "Metadata");

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    bucket: String,
    #[serde(rename = "MFA")]
    mfa: Option<String>,
    if_match: Option<String>,
    max_keys: Option<u32>,
    metadata: BTreeMap<String, String>,
    delete: Delete,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Delete {
    objects: Vec<Object>,
    quiet: bool,
    tag_set: Vec<Object>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Object {
    key: String,
}

fn decode_with(query: &str, headers: &[(&'static str, &str)], body: &str) -> Result<Input, crate::DecodeError> {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    decode(&BINDING, &vec![("Bucket", "a%20b".into())], query, &headers, body.as_bytes(), &NAMES)
}

#[test]
fn documents_become_structures_with_lists() {
    let body = "<?xml version=\"1.0\"?><Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n <Object><Key>a &amp; \
                &#98;</Key></Object><Quiet>true</Quiet><Object><Key> c </Key></Object>\
                <TagSet><Tag><Key><![CDATA[<t>]]></Key></Tag></TagSet></Delete>";
    let input = decode_with("max-keys=7", &[], body).unwrap();
    let key = |key: &str| Object { key: key.into() };
    assert_eq!(input.bucket, "a b");
    assert_eq!(
        input.delete,
        Delete { objects: vec![key("a & b"), key(" c ")], quiet: true, tag_set: vec![key("<t>")] }
    );
    assert_eq!(decode_with("", &[], "<Delete/>").unwrap().delete, Delete::default());
}

#[test]
fn headers_of_aws_may_be_in_the_query() {
    let headers = [("x-amz-meta-b", "1"), ("x-amz-meta-b", "=?UTF-8?B?Mg==?=")];
    let input = decode_with("X-Amz-Mfa=m&X-Amz-Meta-A=x+y&X-Amz-Meta-b=no&If-Match=no", &headers, "").unwrap();
    assert_eq!((input.mfa.as_deref(), input.if_match), (Some("m"), None));
    assert_eq!(input.metadata, BTreeMap::from([("a".into(), "x y".into()), ("b".into(), "1,2".into())]));
}

#[test]
fn signed_urls_have_conditions_in_the_query_and_no_checksums() {
    const BINDING: Binding = Binding::new("PUT", "/", 200).headers(&[
        ("if-none-match", "IfNoneMatch"),
        ("x-amz-checksum-crc32", "ChecksumCRC32"),
        ("x-amz-checksum-type", "ChecksumType"),
        ("x-amz-sdk-checksum-algorithm", "ChecksumAlgorithm"),
    ]);
    let query = "If-None-Match=%2A&X-Amz-Signature=s&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-checksum-type=FULL_OBJECT\
                 &x-amz-sdk-checksum-algorithm=CRC32";
    let unsigned = HeaderMap::from_iter([(IF_NONE_MATCH, "\"x\"".parse().unwrap())]);
    let read: BTreeMap<String, String> = decode(&BINDING, &Vec::new(), query, &unsigned, b"", &Names::NONE).unwrap();
    let counts = [("IfNoneMatch", "*"), ("ChecksumType", "FULL_OBJECT")];
    assert_eq!(read, BTreeMap::from(counts.map(|(member, value)| (member.to_owned(), value.to_owned()))));
}

static LISTS: Names = Names::new(&[("Names/Items", Flat::wrapped("Name")), ("Sizes/Items", Flat::wrapped("Size"))]);

#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
struct Lists {
    names: List,
    sizes: List,
}

#[derive(Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
struct List {
    quantity: u32,
    items: Vec<String>,
}

#[test]
fn elements_of_lists_are_called_after_what_the_list_is_in() {
    const BINDING: Binding = Binding::new("POST", "/", 200).root("Lists").response_payload(Payload::Document("Lists"));
    let list = |items: &[&str]| List {
        quantity: items.len() as u32,
        items: items.iter().map(|item| (*item).to_owned()).collect(),
    };
    let lists = Lists { names: list(&["a", "b"]), sizes: list(&["1"]) };
    let output = BTreeMap::from([("Lists", &lists)]);
    let response = encode(Protocol::RestXml, &BINDING, &output, &LISTS, "", "id").unwrap();
    let document = "<Lists><Names><Quantity>2</Quantity><Items><Name>a</Name><Name>b</Name></Items></Names>\
                    <Sizes><Quantity>1</Quantity><Items><Size>1</Size></Items></Sizes></Lists>";
    assert!(str::from_utf8(response.body()).unwrap().ends_with(document), "{:?}", response.body());
    assert_eq!(response.headers()["x-amzn-requestid"], "id");
    let payload = Binding::new("POST", "/", 200).payload(Payload::Document("Lists"));
    let read: BTreeMap<String, Lists> =
        decode(&payload, &Vec::new(), "", &HeaderMap::new(), document.as_bytes(), &LISTS).unwrap();
    assert_eq!(read["Lists"], lists);
}

#[test]
fn what_is_no_document_is_refused() {
    let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
    for body in [
        "<Delete>",
        "</Delete>",
        "<Delete></Other>",
        "text",
        "<a/><b/>",
        "<a>&unknown;</a>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        &deep,
        "{\"Delete\": {}}",
        "<Delete><Quiet>maybe</Quiet></Delete>",
    ] {
        assert!(decode_with("", &[], body).is_err(), "{body}");
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    #[serde(rename = "ETag")]
    etag: Option<&'static str>,
    last_modified: DateTime,
    metadata: BTreeMap<&'static str, &'static str>,
    name: &'static str,
    objects: Vec<Item>,
    tag_set: Vec<Item>,
    none: Option<u8>,
    blob: Blob,
}

#[derive(Serialize)]
struct Item {
    #[serde(rename = "xsi:type")]
    kind: Option<&'static str>,
    #[serde(rename = "Key")]
    key: &'static str,
}

#[test]
fn answers_are_split_over_headers_and_a_document() {
    let output = Output {
        etag: Some("\"e\""),
        last_modified: DateTime(base::Timestamp(784_111_777_000)),
        metadata: BTreeMap::from([("a", "ä")]),
        name: "a<b",
        objects: vec![Item { kind: None, key: "1" }, Item { kind: Some("CanonicalUser"), key: "2" }],
        tag_set: Vec::new(),
        none: None,
        blob: Blob::from(vec![0]),
    };
    let response = encode(Protocol::S3, &BINDING, &output, &NAMES, "urn:x", "id").unwrap();
    let headers = response.headers();
    assert_eq!(
        (&headers["etag"], &headers["last-modified"]),
        (
            &"\"e\"".parse::<http::HeaderValue>().unwrap(),
            &"Sun, 06 Nov 1994 08:49:37 GMT".parse::<http::HeaderValue>().unwrap()
        )
    );
    assert_eq!(headers["x-amz-meta-a"], "=?UTF-8?B?w6Q=?=");
    assert_eq!(
        str::from_utf8(response.body()).unwrap(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Result xmlns=\"urn:x\"><Name>a&lt;b</Name><Object><Key>1</Key></Object>\
         <Object xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><Key>2</Key></Object>\
         <TagSet></TagSet><Blob>AA==</Blob></Result>"
    );
}

#[test]
fn operations_are_told_apart_by_what_is_asked() {
    const BINDINGS: [Binding; 6] = [
        Binding::new("GET", "/", 200),
        Binding::new("GET", "/{Bucket}", 200),
        Binding::new("GET", "/{Bucket}?list-type=2", 200),
        Binding::new("PUT", "/{Bucket}/{Key+}", 200),
        Binding::new("PUT", "/{Bucket}/{Key+}", 200).marks(&[Mark::Header("x-amz-copy-source")]),
        Binding::new("PUT", "/{Bucket}/{Key+}", 200).marks(&[Mark::Query("partNumber"), Mark::Query("uploadId")]),
    ];
    let router = Router::new(&BINDINGS);
    let find = |method: &str, host: Option<&str>, path: &str, query: &str, headers: &HeaderMap| {
        router
            .find(method, &Target::of(host, path), query, headers)
            .map(|found| (found.index, found.labels.last().map(|label| label.1.clone().into_owned())))
    };
    let (none, copied) =
        (HeaderMap::new(), HeaderMap::from_iter([("x-amz-copy-source".parse().unwrap(), "/a/b".parse().unwrap())]));
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(find("GET", None, "/", "", &none), Ok((0, None)));
    assert_eq!(find("GET", None, "/b/", "x=1", &none), Ok((1, some("b"))));
    assert_eq!(find("GET", Some("b"), "/", "list-type=2", &none), Ok((2, some("b"))));
    assert_eq!(find("PUT", Some("b"), "//k/../%2F/", "partNumber=1", &none), Ok((3, some("/k/../%2F/"))));
    assert_eq!(find("PUT", None, "/b/k", "", &copied), Ok((4, some("k"))));
    assert_eq!(find("PUT", None, "/b/k", "uploadId=x&partNumber=1", &none), Ok((5, some("k"))));
    assert_eq!(find("PATCH", None, "/b/k", "", &none), Err(vec!["PUT"]));
}

#[test]
fn hosts_name_buckets() {
    for (host, bucket) in [
        ("localhost:4566", None),
        ("s3.localhost:4566", Some(None)),
        ("photos.s3.localhost.localstack.cloud:4566", Some(Some("photos"))),
        ("my.photos.s3.eu-west-1.amazonaws.com", Some(Some("my.photos"))),
        ("photos.s3-eu-west-1.amazonaws.com", Some(Some("photos"))),
        ("with.s3.inside.s3.localhost", Some(Some("with.s3.inside"))),
        ("s3.first.s3.localhost", Some(Some("s3.first"))),
        ("s3", None),
        ("photos.s3", None),
        ("127.0.0.1:80", None),
    ] {
        assert_eq!(Target::bucket_of_host(host, "s3"), bucket, "{host}");
    }
}

#[test]
fn checksums_are_as_others_make_them() {
    // Of "123456789": the check values of <https://reveng.sourceforge.io/crc-catalogue/all.htm>, and FIPS 180-2's
    // and RFC 1321's of "abc", and what xxhash's own library makes of the former.
    for (algorithm, text, hex) in [
        (Algorithm::Crc32, "123456789", "cbf43926"),
        (Algorithm::Crc32c, "123456789", "e3069283"),
        (Algorithm::Crc64Nvme, "123456789", "ae8b14860a799888"),
        (Algorithm::Sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Algorithm::Sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            Algorithm::Sha512,
            "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (Algorithm::Md5, "abc", "900150983cd24fb0d6963f7d28e17f72"),
        (Algorithm::Xxhash64, "123456789", "8cb841db40e6ae83"),
        (Algorithm::Xxhash3, "123456789", "72dcb18b67a17dff"),
        (Algorithm::Xxhash128, "123456789", "33119477ede5dcd5e9716427681d5860"),
    ] {
        let of = |text: &str| {
            let mut checksum = Checksum::new(algorithm);
            checksum.update(text.as_bytes());
            checksum.finish()
        };
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        assert_eq!(of(text), crate::scalar::to_base64(&bytes), "{algorithm:?}");
        assert!(algorithm.is_form_of(&of(text)) && !algorithm.is_form_of("AA==") && !algorithm.is_form_of("%"));
        let (first, second) = text.split_at(2);
        let combined = combine(algorithm, [(&*of(first), 2), (&*of(second), second.len() as u64)]);
        assert_eq!(combined, algorithm.is_linear().then(|| of(text)), "{algorithm:?}");
    }
}

#[test]
fn documents_are_held_to_their_digests() {
    let check = |name: &'static str, value: &str| {
        check_body(&BINDING, &HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]), b"abc")
    };
    assert_eq!(check("content-md5", "kAFQmDzST7DWlj99KOF/cg=="), Ok(()));
    assert_eq!(check("content-md5", "AAAQmDzST7DWlj99KOF/cg=="), Err(("Content-MD5".into(), false)));
    assert_eq!(check("content-md5", "kAFQ"), Err(("Content-MD5".into(), true)));
    assert_eq!(check("x-amz-checksum-crc32", "NSRBwg=="), Ok(()));
    assert_eq!(check("x-amz-checksum-crc32", "NSRBww=="), Err(("CRC32".into(), false)));
}
