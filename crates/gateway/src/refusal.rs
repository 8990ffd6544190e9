//! Errors of the gateway itself, in the shape of the protocol in which the request came.

use bytes::Bytes;
use http::{Response, StatusCode};
use service::{Error, Service};
use wire::Protocol;

use crate::body::BodyError;
use crate::nearest::nearest;

/// The namespace of errors that AWS's own front answers, before a service sees the request.
const FRONT_NAMESPACE: &str = "com.amazon.coral.service";
/// The same for the Query protocol and REST-XML.
const FRONT_XMLNS: &str = "http://webservices.amazon.com/AWSFault/2005-15-09";

/// What is asked for is nothing that anybody answers.
const UNKNOWN: &str = "UnknownOperationException";

const HINT: &str = "`cloudlet operations` lists what is supported.";

/// A request that reaches no service.
#[derive(Debug)]
pub(crate) struct Refusal {
    protocol: Protocol,
    xmlns: &'static str,
    pub(crate) error: Error,
}

impl Refusal {
    pub(crate) fn new(protocol: Protocol, service: Option<&Service>, error: Error) -> Refusal {
        let api = service.map(|service| &service.api);
        let query = api.and_then(|api| api.query.as_ref()).map(|query| query.xmlns);
        let xml = api.and_then(|api| api.xml.as_ref()).map(|xml| xml.xmlns);
        Refusal { protocol, xmlns: query.or(xml).unwrap_or(FRONT_XMLNS), error }
    }

    pub(crate) fn encode(&self, request_id: &str) -> Response<Bytes> {
        let has_xmlns = matches!(self.protocol, Protocol::Query | Protocol::RestXml);
        let namespace = if has_xmlns { self.xmlns } else { FRONT_NAMESPACE };
        if self.protocol == Protocol::Query && self.error.code == UNKNOWN {
            // AWS answers a request without an action in a form of its own.
            let body = Bytes::from(format!("<{UNKNOWN}/>\n"));
            let status = StatusCode::from_u16(self.error.status).unwrap_or(StatusCode::NOT_FOUND);
            return wire::respond(self.protocol, status, body, request_id);
        }
        self.error.encode(self.protocol, namespace, "message", request_id)
    }

    /// The operation exists in neither AWS's model nor here, or only in AWS's.
    pub(crate) fn operation(protocol: Protocol, service: &Service, name: &str) -> Refusal {
        let api = &service.api;
        if api.not_implemented.contains(&name) {
            return Refusal::new(protocol, Some(service), Error::not_implemented(format_args!("{}:{name}", api.model)));
        }
        let known =
            service.operations().iter().map(|operation| operation.name).chain(api.not_implemented.iter().copied());
        let meant = nearest(name, known).map(|known| format!(" Did you mean {known}?")).unwrap_or_default();
        let (status, code) = match protocol {
            Protocol::Query => (400, "InvalidAction"),
            Protocol::RpcV2Cbor | Protocol::RestJson | Protocol::RestXml | Protocol::S3 => {
                (404, "UnknownOperationException")
            }
            Protocol::Json10 | Protocol::Json11 | Protocol::AwsCbor => (400, "UnknownOperationException"),
        };
        let message = match protocol {
            // Old clients know these words.
            Protocol::Query => format!("The action {:.128} is not valid for this endpoint.{meant}", name),
            _ => format!("{} has no operation {}.{meant} {HINT}", api.model, quoted(name)),
        };
        Refusal::new(protocol, Some(service), Error::new(status, code, message))
    }

    /// The request is for a service that is not here.
    pub(crate) fn service<'a>(protocol: Protocol, asked: &str, services: impl Iterator<Item = &'a Service>) -> Refusal {
        let names: Vec<&str> = services.map(|service| service.api.name).collect();
        let message = format!(
            "The service {} is not implemented by Cloudlet. Services: {}. {HINT}",
            quoted(asked),
            names.join(", ")
        );
        Refusal::new(protocol, None, Error::new(501, "NotImplemented", message))
    }

    /// Nothing in the request says which operation it is for, or what it says is known to nobody.
    pub(crate) fn unknown(protocol: Protocol, what: &str) -> Refusal {
        let code = if protocol == Protocol::Query { "InvalidAction" } else { UNKNOWN };
        Refusal::new(protocol, None, Error::new(404, code, format!("{what} {HINT}")))
    }

    /// A request to a service of the Query protocol names no action.
    pub(crate) fn no_action(service: &Service) -> Refusal {
        Refusal::new(Protocol::Query, Some(service), Error::new(404, UNKNOWN, "The request names no action."))
    }

    pub(crate) fn method(allowed: &[&str], method: &str, path: &str) -> Refusal {
        let message = format!("{} answers {}, not {}. {HINT}", quoted(path), allowed.join(" and "), quoted(method));
        Refusal::new(Protocol::RestJson, None, Error::new(405, "UnknownOperationException", message))
    }

    /// A bucket, or what is in it, is not for this method.
    pub(crate) fn xml_method(service: &Service, allowed: &[&str], method: &str) -> Refusal {
        let message = "The specified method is not allowed against this resource.";
        let error = Error::new(405, "MethodNotAllowed", message).with_member("Method", method);
        Refusal::new(Protocol::S3, Some(service), error.with_header("allow", allowed.join(", ")))
    }

    /// Who asks what pages may do with a bucket says neither which page, nor what.
    pub(crate) fn no_preflight(service: &Service, has_origin: bool) -> Refusal {
        let message = match has_origin {
            false => "Insufficient information. Origin request header needed.",
            true => "Invalid Access-Control-Request-Method: null",
        };
        Refusal::new(Protocol::S3, Some(service), Error::new(400, "BadRequest", message))
    }

    pub(crate) fn origin(origin: &str) -> Refusal {
        let message = format!(
            "Pages of {} may not call AWS APIs here: only pages served from this machine, and the origins that the \
             server was started with.",
            quoted(origin)
        );
        Refusal::new(Protocol::RestJson, None, Error::new(403, "AccessDeniedException", message))
    }

    /// A bucket's owner does not let the page do what it asks.
    pub(crate) fn cors() -> Refusal {
        let message = "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";
        Refusal::new(Protocol::S3, None, Error::new(403, "AccessForbidden", message))
    }

    pub(crate) fn hosts() -> Refusal {
        let error = Error::new(400, "BadRequest", "The request names more than one host.");
        Refusal::new(Protocol::RestJson, None, error)
    }

    pub(crate) fn host(host: &str) -> Refusal {
        let message = format!(
            "This server answers AWS calls that are addressed to localhost, not to {}: its credentials are well known.",
            quoted(host)
        );
        Refusal::new(Protocol::RestJson, None, Error::new(403, "AccessDeniedException", message))
    }

    pub(crate) fn body(protocol: Protocol, service: Option<&Service>, error: BodyError) -> Refusal {
        let error = match error {
            BodyError::TooLarge { limit } => {
                let message = format!("Request must be smaller than {limit} bytes");
                Error::new(413, "RequestTooLargeException", message)
            }
            BodyError::Slow => Error::new(408, "RequestTimeoutException", "The request's body did not arrive in time"),
            BodyError::Broken => Error::new(400, "IncompleteBody", "The request's body did not arrive whole"),
            BodyError::NoMemory => {
                let message = "The server holds as many request bodies as it may. Try again.";
                Error::new(503, "ServiceUnavailable", message)
            }
            // DynamoDB takes this for its own fault.
            BodyError::Undecodable => {
                let message = "The request's body is not what its Content-Encoding says: gzip and deflate are known";
                Error::new(500, "InternalServerError", message)
            }
        };
        Refusal::new(protocol, service, error)
    }
}

/// What the caller sent, short enough to be sent back.
fn quoted(text: &str) -> String {
    const CHARACTERS_MAX: usize = 128;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("'{}...'", text.get(..end).unwrap_or_default()),
        None => format!("'{text}'"),
    }
}
