//! Answers: the headers that every protocol sends, and errors in each protocol's shape.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Map, Value as Json, json};

use crate::Protocol;
use crate::cbor::Moments;
use crate::query::escape;

/// On every answer: the id that names the request in logs.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The same on answers of S3, with the second half that its clients look for.
const S3_REQUEST_ID_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("x-amz-request-id"), HeaderName::from_static("x-amz-id-2")];

/// An error as a client sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorShape<'a> {
    /// The error shape's name, such as `ResourceNotFoundException`.
    pub code: &'a str,
    /// The code that the Query protocol used, where it differs: `AWS.SimpleQueueService.NonExistentQueue`.
    pub query_code: Option<&'a str>,
    pub message: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// Whether the caller is at fault (`Sender`) or the service (`Receiver`).
    pub sender_fault: bool,
    /// JSON and CBOR: what precedes `#code`, such as `com.amazonaws.dynamodb.v20120810`; left out when empty.
    /// Query and REST-XML: the XML namespace.
    pub namespace: &'a str,
    /// The member that carries the message in JSON and CBOR, as the error's model has it: `message` (also when this
    /// is empty) or `Message`.
    pub message_key: &'a str,
    /// Members besides the message: `CancellationReasons`, `Item`, Lambda's `Type`.
    pub members: Map<String, Json>,
}

/// An answer with the protocol's content type and the request's id.
pub fn respond(protocol: Protocol, status: StatusCode, body: Bytes, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(protocol.content_type()));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        match protocol {
            Protocol::S3 => S3_REQUEST_ID_HEADERS.into_iter().for_each(|name| drop(headers.insert(name, id.clone()))),
            _ => drop(headers.insert(REQUEST_ID_HEADER, id)),
        }
    }
    if protocol == Protocol::RpcV2Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    response
}

/// An error in the shape of the protocol in which the request came.
pub fn encode_error(protocol: Protocol, error: &ErrorShape<'_>, request_id: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = match protocol {
        Protocol::Json10 | Protocol::Json11 => json_body(error.document(true)),
        Protocol::RestJson => json_body(error.document(false)),
        Protocol::RpcV2Cbor | Protocol::AwsCbor => {
            crate::cbor::encode(&error.document(true), Moments::Seconds).unwrap_or_default()
        }
        Protocol::Query | Protocol::RestXml => error.xml(request_id).into(),
        // What was not modified has no body (RFC 9110, 15.4.5).
        Protocol::S3 if status == StatusCode::NOT_MODIFIED => Bytes::new(),
        Protocol::S3 => error.s3_xml(request_id).into(),
    };
    let mut response = respond(protocol, status, body, request_id);
    let headers = response.headers_mut();
    if protocol == Protocol::RestJson {
        insert(headers, "x-amzn-errortype", error.code);
    }
    if let Some(code) = error.query_code.filter(|_| !matches!(protocol, Protocol::Query | Protocol::RestXml)) {
        insert(headers, "x-amzn-query-error", &format!("{code};{}", error.side()));
    }
    response
}

fn insert(headers: &mut http::HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn json_body(document: Json) -> Bytes {
    document.to_string().into()
}

impl ErrorShape<'_> {
    fn side(&self) -> &'static str {
        if self.sender_fault { "Sender" } else { "Receiver" }
    }

    fn document(&self, typed: bool) -> Json {
        let mut document = Map::new();
        if typed {
            let separator = if self.namespace.is_empty() { "" } else { "#" };
            document.insert("__type".into(), json!(format!("{}{separator}{}", self.namespace, self.code)));
        }
        let key = if self.message_key.is_empty() { "message" } else { self.message_key };
        // An error whose shape calls it otherwise than the API's others has it among its members.
        // Errors that AWS says nothing more about have no message at all.
        if !self.message.is_empty() && !self.members.contains_key("message") {
            document.insert(key.into(), json!(self.message));
        }
        document.extend(self.members.clone());
        Json::Object(document)
    }

    /// An error of S3: its members stand beside its code.
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
    fn s3_xml(&self, request_id: &str) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
        let mut element = |name: &str, text: &str| {
            xml += &format!("<{name}>{}</{name}>", escaped(text));
        };
        element("Code", self.code);
        element("Message", self.message);
        for (name, value) in &self.members {
            match value {
                Json::String(text) => element(name, text),
                other => element(name, &other.to_string()),
            }
        }
        element("RequestId", request_id);
        element("HostId", request_id);
        xml + "</Error>"
    }

    fn xml(&self, request_id: &str) -> String {
        let (xmlns, code, message) =
            (escaped(self.namespace), escaped(self.query_code.unwrap_or(self.code)), escaped(self.message));
        let (side, id) = (self.side(), escaped(request_id));
        format!(
            "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"{xmlns}\"><Error><Type>{side}</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
        )
    }
}

fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    escape(text, &mut xml);
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_queue() -> ErrorShape<'static> {
        ErrorShape {
            code: "QueueDoesNotExist",
            query_code: Some("AWS.SimpleQueueService.NonExistentQueue"),
            message: "The queue <a> does not exist.",
            status: 400,
            sender_fault: true,
            namespace: "com.amazonaws.sqs",
            ..ErrorShape::default()
        }
    }

    fn text(response: &Response<Bytes>) -> &str {
        str::from_utf8(response.body()).unwrap()
    }

    #[test]
    fn json_names_the_shape_and_the_query_code() {
        let response = encode_error(Protocol::Json10, &no_queue(), "id-1");
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.0");
        assert_eq!(response.headers()["x-amzn-requestid"], "id-1");
        assert_eq!(response.headers()["x-amzn-query-error"], "AWS.SimpleQueueService.NonExistentQueue;Sender");
        assert_eq!(
            text(&response),
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The queue <a> does not exist."}"#
        );
    }

    #[test]
    fn rest_names_the_shape_in_a_header() {
        let members = Map::from_iter([("Type".to_string(), json!("User"))]);
        let error =
            ErrorShape { code: "ResourceNotFoundException", message: "Function not found", status: 404, ..no_queue() };
        let error = ErrorShape { query_code: None, message_key: "Message", members, ..error };
        let response = encode_error(Protocol::RestJson, &error, "id-1");
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["x-amzn-errortype"], "ResourceNotFoundException");
        assert_eq!(text(&response), r#"{"Message":"Function not found","Type":"User"}"#);
    }

    #[test]
    fn query_answers_xml() {
        let error = ErrorShape { namespace: "http://queue.amazonaws.com/doc/2012-11-05/", ..no_queue() };
        let response = encode_error(Protocol::Query, &error, "id-1");
        assert_eq!(
            text(&response),
            "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error>\
             <Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The queue &lt;a&gt; does \
             not exist.</Message></Error><RequestId>id-1</RequestId></ErrorResponse>"
        );
    }

    #[test]
    fn s3_puts_members_beside_the_code() {
        let members = Map::from_iter([("Key".to_string(), json!("a<b"))]);
        let error = ErrorShape { code: "NoSuchKey", message: "No such key.", status: 404, members, ..no_queue() };
        let response = encode_error(Protocol::S3, &error, "id-1");
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["x-amz-request-id"], "id-1");
        assert_eq!(
            text(&response),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>No such key.</Message>\
             <Key>a&lt;b</Key><RequestId>id-1</RequestId><HostId>id-1</HostId></Error>"
        );
        assert_eq!(text(&encode_error(Protocol::S3, &ErrorShape { status: 304, ..error }, "id-1")), "");
    }

    #[test]
    fn rpc_v2_answers_cbor() {
        let response = encode_error(Protocol::RpcV2Cbor, &no_queue(), "id-1");
        assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
        let document: Json = crate::cbor::decode(response.body(), Moments::Seconds).unwrap();
        assert_eq!(document["__type"], "com.amazonaws.sqs#QueueDoesNotExist");
        assert_eq!(document["message"], "The queue <a> does not exist.");
    }
}
