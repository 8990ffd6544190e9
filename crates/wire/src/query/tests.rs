//! The Query protocol by example: SQS's forms, faults, and XML answers.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{Blob, DateTime};

const SERVICE: Names = Names::new(&[
    ("QueueUrls", Flat::list("QueueUrl")),
    ("Attributes", Flat::map("Attribute", "Name", "Value")),
    ("AttributeNames", Flat::list("AttributeName")),
    ("MessageAttributes", Flat::map("MessageAttribute", "Name", "Value")),
]);
const BATCH: Names = Names::new(&[("Entries", Flat::list("SendMessageBatchRequestEntry"))]).or(SERVICE);

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Sample {
    queue_url: Option<String>,
    attribute_names: Vec<String>,
    attributes: BTreeMap<String, String>,
    message_attributes: BTreeMap<String, Attribute>,
    entries: Vec<Entry>,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attribute {
    data_type: String,
    string_value: Option<String>,
    binary_value: Option<Blob>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    id: String,
    delay_seconds: Option<i32>,
    urgent: bool,
}

fn read(form: &str) -> Result<Sample, DecodeError> {
    decode(&parse(form.as_bytes())?, &BATCH)
}

#[test]
fn flattened_and_wrapped_forms_are_read() {
    let sample = read(
        "Action=X&Version=2012-11-05&QueueUrl=http%3A%2F%2Fh%2Fq+1&AttributeName.2=b&AttributeName.1=a\
         &Attribute.1.Name=Color&Attribute.1.Value=red\
         &MessageAttribute.1.Name=m&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=AQI%3D\
         &SendMessageBatchRequestEntry.4294967295.Id=z&SendMessageBatchRequestEntry.1.Id=y\
         &SendMessageBatchRequestEntry.1.DelaySeconds=5&SendMessageBatchRequestEntry.1.Urgent=true\
         &Tags.entry.1.key=k&Tags.entry.1.value=v",
    );
    let sample = sample.unwrap();
    assert_eq!(sample.queue_url.as_deref(), Some("http://h/q 1"));
    assert_eq!(sample.attribute_names, ["a", "b"]);
    assert_eq!(sample.attributes["Color"], "red");
    assert_eq!(sample.message_attributes["m"].binary_value, Some(Blob::from(vec![1, 2])));
    let first = Entry { id: "y".into(), delay_seconds: Some(5), urgent: true };
    assert_eq!(sample.entries, [first, Entry { id: "z".into(), ..Entry::default() }]);
    assert_eq!(sample.tags["k"], "v");
    let wrapped = read("AttributeNames.member.1=a&AttributeNames.member.10=c&AttributeNames.member.9=b").unwrap();
    assert_eq!(wrapped.attribute_names, ["a", "b", "c"]);
    assert_eq!(read("AttributeNames.1=a").unwrap().attribute_names, ["a"]);
    assert_eq!(read("AttributeName=All").unwrap().attribute_names, ["All"]);
    assert_eq!(read("Entries=&Attributes=").unwrap(), Sample::default());
}

#[test]
fn faults_name_the_member() {
    let message = |form: &str| read(form).unwrap_err().message;
    assert_eq!(
        message("SendMessageBatchRequestEntry.1.DelaySeconds=soon"),
        "Expected a whole number at Entries[0].DelaySeconds, got a string"
    );
    assert_eq!(message("AttributeName.x=1"), "Expected a list at AttributeNames, got an object");
    assert_eq!(
        message("Attribute.1.Name=Color"),
        "Expected an entry with Name and Value at Attributes, got an incomplete entry"
    );
    assert_eq!(message("a=%ff"), "The parameter '%ff' is not UTF-8");
    assert_eq!(message(&format!("{}=1", "a.".repeat(1000))), "A parameter's name nests deeper than 32 parts");
}

#[test]
fn parameters_are_counted_before_they_are_kept() {
    assert!(parse("&a=1".repeat(9_999).as_bytes()).is_ok());
    assert_eq!(parse(&b"&".repeat(1 << 20)).unwrap_err().message, "A request has at most 10000 parameters");
}

#[test]
fn a_parameter_may_stand_in_for_one_that_is_not_given() {
    let params = parse(b"a=1").unwrap();
    assert_eq!(params.or("a", "2").get("a"), Some("1"));
    assert_eq!(params.or("b", "2").get("b"), Some("2"));
    let others = parse(b"Action=Y&a=3&c=4&c=5").unwrap();
    let all = params.or("Action", "X").into_owned().before(others);
    assert_eq!((all.action(), all.get("a"), all.get("c")), (Some("X"), Some("1"), Some("4")));
    assert_eq!(all.iter().filter(|(name, _)| ["Action", "a"].contains(name)).count(), 2);
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    queue_urls: Vec<&'static str>,
    attributes: BTreeMap<&'static str, &'static str>,
    labels: BTreeMap<&'static str, u32>,
    steps: Vec<u8>,
    at: DateTime,
    absent: Option<String>,
    body: &'static str,
}

#[test]
fn answers_are_xml() {
    let output = Output {
        queue_urls: vec!["a", "b"],
        attributes: BTreeMap::from([("Color", "red")]),
        labels: BTreeMap::from([("n", 1)]),
        steps: vec![1],
        at: DateTime(Timestamp(1_500_000_000_000)),
        absent: None,
        body: "<\r\n\u{1}&\">",
    };
    let xml = encode(&output, "List", "urn:x", "id-1", &SERVICE).unwrap();
    assert_eq!(
        str::from_utf8(&xml).unwrap(),
        "<?xml version=\"1.0\"?><ListResponse xmlns=\"urn:x\"><ListResult><QueueUrl>a</QueueUrl>\
         <QueueUrl>b</QueueUrl><Attribute><Name>Color</Name><Value>red</Value></Attribute><Labels><entry><key>n</key>\
         <value>1</value></entry></Labels><Steps><member>1</member></Steps><At>2017-07-14T02:40:00.000Z</At>\
         <Body>&lt;&#xD;\n\u{fffd}&amp;&quot;&gt;</Body></ListResult><ResponseMetadata><RequestId>id-1</RequestId>\
         </ResponseMetadata></ListResponse>"
    );
}

#[test]
fn an_operation_without_output_answers_metadata() {
    let xml = encode(&(), "Delete", "urn:x", "id-1", &Names::NONE).unwrap();
    assert_eq!(
        str::from_utf8(&xml).unwrap(),
        "<?xml version=\"1.0\"?><DeleteResponse xmlns=\"urn:x\"><ResponseMetadata><RequestId>id-1</RequestId>\
         </ResponseMetadata></DeleteResponse>"
    );
}

#[test]
fn a_result_that_holds_nothing_is_still_there() {
    #[derive(Serialize)]
    struct Nothing {}
    let xml = encode(&Nothing {}, "Update", "urn:x", "id-1", &Names::NONE).unwrap();
    assert_eq!(
        str::from_utf8(&xml).unwrap(),
        "<?xml version=\"1.0\"?><UpdateResponse xmlns=\"urn:x\"><UpdateResult/>\
         <ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></UpdateResponse>"
    );
}
