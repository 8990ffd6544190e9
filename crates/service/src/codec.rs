//! Between an operation's types and the bytes of whichever protocol a request came in.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::cbor::Moments;
use wire::query::{Names, Params};
use wire::rest::{Binding, Labels};
use wire::{DecodeError, ErrorShape, Protocol};

use crate::{Api, Error, ErrorCode, Upload};

/// A request whose operation is known and whose body is not yet read.
#[derive(Debug)]
pub struct WireRequest {
    pub protocol: Protocol,
    /// For REST-JSON: the labels that the router found in the path, still percent-encoded.
    pub labels: Labels<'static>,
    /// Still percent-encoded.
    pub path: String,
    /// As on the wire, still percent-encoded.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The body instead, for operations that take it as it comes.
    pub upload: Option<Upload>,
    /// For the Query protocol, which the router had to read to find the operation.
    pub params: Option<Params>,
}

/// One operation's way to and from the wire.
pub struct Codec {
    operation: &'static str,
    binding: Option<&'static Binding>,
    names: Names,
    path_member: Option<&'static str>,
    namespace: &'static str,
    foreign: &'static [(&'static str, &'static str)],
    xmlns: &'static str,
    /// Of documents in REST-XML.
    document_xmlns: &'static str,
    message_key: &'static str,
}

impl Codec {
    pub(crate) fn new(
        api: &Api,
        operation: &'static str,
        binding: Option<&'static Binding>,
        names: &'static Names,
    ) -> Codec {
        let (of_query, xmlns) = api.query.as_ref().map_or((Names::NONE, ""), |query| (*query.names, query.xmlns));
        let service_names = api.xml.as_ref().map_or(of_query, |xml| *xml.names);
        Codec {
            operation,
            binding,
            names: names.or(service_names),
            path_member: api.query.as_ref().and_then(|query| query.path_member),
            namespace: api.namespace,
            foreign: api.foreign,
            xmlns,
            document_xmlns: api.xml.as_ref().map_or("", |xml| xml.xmlns),
            message_key: api.message_key,
        }
    }

    pub(crate) fn decode<I: DeserializeOwned>(&self, request: &WireRequest) -> Result<I, Error> {
        let decoded = match (request.protocol, self.binding, &request.params) {
            (Protocol::Json10 | Protocol::Json11, ..) => wire::json::decode(&request.body),
            (Protocol::RpcV2Cbor, ..) => wire::cbor::decode(&request.body, Moments::Seconds),
            (Protocol::AwsCbor, ..) => wire::cbor::decode(&request.body, Moments::Millis),
            (Protocol::RestJson, Some(binding), _) => {
                wire::rest::decode(binding, &request.labels, &request.query, &request.headers, &request.body)
            }
            (protocol @ (Protocol::RestXml | Protocol::S3), Some(binding), _) => {
                if protocol == Protocol::S3 {
                    check_document(binding, request)?;
                }
                let WireRequest { labels, query, headers, body, .. } = request;
                wire::rest_xml::decode(binding, labels, query, headers, body, &self.names)
            }
            (Protocol::Query, _, Some(params)) => match self.path_member {
                Some(member) if request.path != "/" => {
                    wire::query::decode(&params.or(member, &request.path), &self.names)
                }
                _ => wire::query::decode(params, &self.names),
            },
            (Protocol::RestJson | Protocol::RestXml | Protocol::S3 | Protocol::Query, ..) => {
                return Err(Error::internal(format_args!("{} was routed without its request", self.operation)));
            }
        };
        decoded.map_err(|error| match request.protocol {
            // What is wrong is in the path, the query or a header.
            Protocol::RestXml | Protocol::S3 if request.body.is_empty() => {
                Error::new(400, "InvalidArgument", error.to_string())
            }
            protocol => malformed(protocol, &error),
        })
    }

    pub(crate) fn encode<O: Serialize>(
        &self,
        request: &WireRequest,
        output: &O,
        request_id: &str,
    ) -> Result<Response<Bytes>, Error> {
        let ok = |body| wire::respond(request.protocol, StatusCode::OK, body, request_id);
        let encoded = match (request.protocol, self.binding) {
            (Protocol::Json10 | Protocol::Json11, _) => wire::json::encode(output).map(ok),
            (Protocol::RpcV2Cbor, _) => wire::cbor::encode(output, Moments::Seconds).map(ok),
            (Protocol::AwsCbor, _) => wire::cbor::encode(output, Moments::Millis).map(ok),
            (Protocol::Query, _) => {
                wire::query::encode(output, self.operation, self.xmlns, request_id, &self.names).map(ok)
            }
            (Protocol::RestJson, Some(binding)) => wire::rest::encode(binding, output, request_id),
            (protocol @ (Protocol::RestXml | Protocol::S3), Some(binding)) => {
                wire::rest_xml::encode(protocol, binding, output, &self.names, self.document_xmlns, request_id)
            }
            (Protocol::RestJson | Protocol::RestXml | Protocol::S3, None) => {
                return Err(Error::internal(format_args!("{} has no REST binding", self.operation)));
            }
        };
        encoded.map_err(Error::internal)
    }

    pub(crate) fn encode_error(&self, protocol: Protocol, error: &Error, request_id: &str) -> Response<Bytes> {
        let foreign = self.foreign.iter().find(|(code, _)| *code == error.code).map(|(_, namespace)| *namespace);
        let namespace = match protocol {
            Protocol::Query => self.xmlns,
            Protocol::RestXml => self.document_xmlns,
            _ => foreign.unwrap_or(self.namespace),
        };
        error.encode(protocol, namespace, self.message_key, request_id)
    }
}

impl Error {
    /// As a client sees it. `namespace` is the service's: for the Query protocol, its XML namespace.
    pub fn encode(&self, protocol: Protocol, namespace: &str, message_key: &str, request_id: &str) -> Response<Bytes> {
        let query_message = self.query_message.as_deref().filter(|_| protocol == Protocol::Query);
        let shape = ErrorShape {
            code: &self.code,
            query_code: self.query_code.as_deref(),
            message: query_message.unwrap_or(&self.message),
            status: self.status,
            sender_fault: self.is_sender_fault(),
            namespace,
            message_key,
            members: self.members.clone(),
        };
        let mut response = wire::encode_error(protocol, &shape, request_id);
        response.extensions_mut().insert(ErrorCode(self.code.clone()));
        for (name, value) in &self.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(*name, value);
            }
        }
        response
    }
}

/// Holds a document to the digests that came with it.
fn check_document(binding: &Binding, request: &WireRequest) -> Result<(), Error> {
    wire::rest_xml::check_body(binding, &request.headers, &request.body).map_err(|(digest, malformed)| {
        if malformed {
            return Error::new(400, "InvalidDigest", format!("The {digest} you specified was invalid."));
        }
        Error::new(400, "BadDigest", format!("The {digest} you specified did not match what we received."))
    })
}

/// What each protocol calls a request that cannot be read.
fn malformed(protocol: Protocol, error: &DecodeError) -> Error {
    match protocol {
        Protocol::Query => Error::new(400, "MalformedInput", error.to_string()),
        Protocol::RestXml | Protocol::S3 => Error::new(
            400,
            "MalformedXML",
            format!(
                "The XML you provided was not well-formed or did not validate against our published schema. {error}"
            ),
        ),
        Protocol::RestJson => Error::new(
            400,
            "InvalidRequestContentException",
            format!("Could not parse request body into json: {error}"),
        ),
        Protocol::Json10 | Protocol::Json11 | Protocol::RpcV2Cbor | Protocol::AwsCbor => {
            Error::new(400, "SerializationException", error.to_string())
        }
    }
}

/// The input of a call from inside the server, read as leniently as one from outside.
pub(crate) fn from_json<I: DeserializeOwned>(input: &serde_json::Value) -> Result<I, Error> {
    wire::json::decode(input.to_string().as_bytes()).map_err(|error| malformed(Protocol::Json11, &error))
}
