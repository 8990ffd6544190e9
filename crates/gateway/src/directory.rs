//! Routing: from a request to a service's operation.
//!
//! A request tells its operation in one of five ways, which are looked for in this order: an `X-Amz-Target` header;
//! the RPC v2 protocol's header and path; an `Action` parameter; the path, among the bindings of the service that
//! the signature names. Before all of them comes a service whose resources are the paths themselves (S3's buckets): its
//! requests are known by their signature, by their host, or by naming nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use service::{Cloud, Operation, Service};
use wire::Protocol;
use wire::query::Params;
use wire::rest::{Labels, Match, Router};
use wire::rest_xml::{self, Target};

use crate::refusal::Refusal;

pub(crate) struct Directory {
    cloud: Arc<Cloud>,
    /// The part of `X-Amz-Target` before the dot, to the service's place.
    targets: HashMap<&'static str, usize>,
    rest: Vec<Bindings>,
    /// The same for operations that services know of and do not have.
    absent: Vec<(usize, Router)>,
    xml: Option<Buckets>,
}

/// The operations of the service whose resources are paths.
struct Buckets {
    service: usize,
    router: rest_xml::Router,
    /// The router's index, to the operation's, or to the name of one that is not there.
    operations: Vec<Result<usize, &'static str>>,
}

/// Bytes of a bucket's name.
const BUCKET_BYTES: std::ops::RangeInclusive<usize> = 3..=63;

/// The REST operations of one service.
struct Bindings {
    service: usize,
    router: Router,
    /// The router's index, to the operation's.
    operations: Vec<usize>,
}

/// What a request's head tells about its operation.
pub(crate) struct Candidate<'d> {
    pub(crate) protocol: Protocol,
    /// Where the head is enough to know it.
    pub(crate) service: Option<&'d Service>,
    clue: Clue,
}

enum Clue {
    /// The service, as the protocol names it, and the operation.
    Named {
        service: String,
        operation: String,
    },
    Action,
    Path,
    /// The bucket that the host stands for.
    Bucket(Option<String>),
}

/// A request whose operation is known.
pub(crate) struct Call<'d> {
    pub(crate) service: &'d Service,
    pub(crate) operation: &'d Operation,
    pub(crate) protocol: Protocol,
    pub(crate) labels: Labels<'static>,
    pub(crate) params: Option<Params>,
    /// The bucket that the host stands for.
    pub(crate) host_bucket: Option<String>,
}

impl Directory {
    pub(crate) fn new(cloud: Arc<Cloud>) -> Directory {
        let mut targets = HashMap::new();
        let (mut rest, mut absent, mut xml) = (Vec::new(), Vec::new(), None);
        for (service, entry) in cloud.services().iter().enumerate() {
            if let Some((_, prefix)) = entry.api.json {
                targets.entry(prefix).or_insert(service);
            }
            if entry.api.xml.as_ref().is_some_and(|xml| xml.host_label.is_some()) {
                xml = Some(Buckets::new(service, entry));
                continue;
            }
            let bound = entry.operations().iter().enumerate();
            let (operations, bindings): (Vec<_>, Vec<_>) =
                bound.filter_map(|(index, operation)| Some((index, operation.rest?))).unzip();
            if !bindings.is_empty() {
                rest.push(Bindings { service, router: Router::new(bindings), operations });
            }
            let paths = entry.api.not_implemented_paths;
            if !paths.is_empty() {
                absent.push((service, Router::new(paths.iter().map(|(_, binding)| binding))));
            }
        }
        Directory { cloud, targets, rest, absent, xml }
    }

    /// Reads the head. `scope` is the service that the signature names.
    pub(crate) fn candidate(&self, head: &Parts, scope: Option<&str>) -> Candidate<'_> {
        let of_scope = |speaks: fn(&Service) -> bool| {
            self.services().find(|service| Some(service.api.name) == scope && speaks(service))
        };
        if let Some(bucket) = self.bucket_request(head, scope) {
            let service = self.xml.as_ref().and_then(|xml| self.service(xml.service));
            return Candidate { protocol: Protocol::S3, service, clue: Clue::Bucket(bucket) };
        }
        if let Some(target) = text(head, "x-amz-target") {
            let (prefix, operation) = target.rsplit_once('.').unwrap_or((target, ""));
            let service = self.by_target(prefix);
            let clue = Clue::Named { service: prefix.into(), operation: operation.into() };
            return Candidate { protocol: json_protocol(head, service), service, clue };
        }
        if text(head, "smithy-protocol") == Some("rpc-v2-cbor") {
            let (service, operation) = rpc_path(head.uri.path()).unwrap_or_default();
            let clue = Clue::Named { service: service.into(), operation: operation.into() };
            return Candidate { protocol: Protocol::RpcV2Cbor, service: self.by_target(service), clue };
        }
        if is_form(head) || has_action(head.uri.query().unwrap_or_default()) {
            let service = of_scope(|service| service.api.query.is_some());
            return Candidate { protocol: Protocol::Query, service, clue: Clue::Action };
        }
        let service = of_scope(|_| true);
        Candidate { protocol: rest_protocol(service), service, clue: Clue::Path }
    }

    /// The service of requests that name none, for signatures which do not either.
    pub(crate) fn unnamed(&self) -> Option<&str> {
        self.xml.as_ref().and_then(|xml| self.service(xml.service)).map(|service| service.api.name)
    }

    /// The bucket that a request is about, or what is in it, and the service that has it.
    pub(crate) fn bucket_of<'h>(&self, head: &'h Parts, scope: Option<&str>) -> Option<(&Service, Target<'h>)> {
        let host_bucket = self.bucket_request(head, scope)?;
        let service = self.service(self.xml.as_ref()?.service)?;
        let target = Target::of(host_bucket.as_deref(), head.uri.path());
        target.bucket.is_some().then_some((service, target))
    }

    /// Whether a request is for buckets, and which of them its host stands for.
    fn bucket_request(&self, head: &Parts, scope: Option<&str>) -> Option<Option<String>> {
        let service = self.service(self.xml.as_ref()?.service)?;
        let (host, label) = (text(head, "host").unwrap_or_default(), service.api.xml.as_ref()?.host_label?);
        let of_host = Target::bucket_of_host(host, label).map(|bucket| bucket.map(str::to_owned));
        match scope {
            // Clients that know an endpoint's name alone put the bucket's before it.
            Some(scope) if scope == service.api.name => Some(of_host.unwrap_or_else(|| before_localhost(host))),
            Some(_) => None,
            None if of_host.is_some() => of_host,
            None if text(head, "x-amz-target").is_some() || text(head, "smithy-protocol").is_some() => None,
            None if head.method == Method::POST && is_form(head) => None,
            None if has_action(head.uri.query().unwrap_or_default()) => None,
            None => (names_bucket(head.uri.path()) && !self.is_path(head)).then_some(None),
        }
    }

    /// Whether the path is one of another service's.
    fn is_path(&self, head: &Parts) -> bool {
        let (method, path, query) = (head.method.as_str(), head.uri.path(), head.uri.query().unwrap_or_default());
        let routers =
            self.rest.iter().map(|bindings| &bindings.router).chain(self.absent.iter().map(|(_, router)| router));
        routers.into_iter().any(|router| router.find(method, path, query) != Match::NotFound)
    }

    fn by_bucket(&self, head: &Parts, host_bucket: Option<String>) -> Result<Call<'_>, Refusal> {
        let found = self.xml.as_ref().and_then(|xml| Some((xml, self.service(xml.service)?)));
        let Some((xml, service)) = found else {
            return Err(Refusal::unknown(Protocol::S3, "No service here has buckets."));
        };
        if head.method == Method::OPTIONS {
            return Err(Refusal::no_preflight(service, text(head, "origin").is_some()));
        }
        let target = Target::of(host_bucket.as_deref(), head.uri.path());
        let method = head.method.as_str();
        let found = xml.router.find(method, &target, head.uri.query().unwrap_or_default(), &head.headers);
        let found = found.map_err(|allowed| Refusal::xml_method(service, &allowed, method))?;
        match xml.operations.get(found.index).map(|operation| operation.map(|index| service.operations().get(index))) {
            Some(Ok(Some(operation))) => {
                let (protocol, labels) = (Protocol::S3, found.labels);
                Ok(Call { service, operation, protocol, labels, params: None, host_bucket })
            }
            Some(Err(name)) => Err(Refusal::operation(Protocol::S3, service, name)),
            _ => Err(Refusal::unknown(Protocol::S3, "The path names no operation.")),
        }
    }

    /// Finds the operation, now that the body is there.
    pub(crate) fn resolve<'d>(
        &'d self,
        candidate: Candidate<'d>,
        head: &Parts,
        body: &Bytes,
        scope: Option<&str>,
    ) -> Result<Call<'d>, Refusal> {
        let Candidate { protocol, service, clue } = candidate;
        match (clue, service) {
            (Clue::Named { operation, .. }, Some(service)) => named(service, protocol, &operation),
            (Clue::Named { service, operation }, None) => {
                Err(self.unknown_service(protocol, &service, &operation, scope))
            }
            (Clue::Action, service) => self.by_action(service, head, body, scope),
            (Clue::Path, _) => self.by_path(head, scope),
            (Clue::Bucket(bucket), _) => self.by_bucket(head, bucket),
        }
    }

    fn services(&self) -> impl Iterator<Item = &Service> {
        self.cloud.services().iter()
    }

    fn service(&self, index: usize) -> Option<&Service> {
        self.cloud.services().get(index)
    }

    fn by_target(&self, prefix: &str) -> Option<&Service> {
        self.targets.get(prefix).and_then(|index| self.service(*index))
    }

    fn knows(&self, scope: &str) -> bool {
        self.services().any(|service| service.api.name == scope)
    }

    fn unknown_service(&self, protocol: Protocol, service: &str, operation: &str, scope: Option<&str>) -> Refusal {
        match scope {
            Some(scope) if !self.knows(scope) => Refusal::service(protocol, scope, self.services()),
            _ => {
                Refusal::unknown(protocol, &format!("No service here answers to {:.128}.{:.128}.", service, operation))
            }
        }
    }

    fn by_action<'d>(
        &'d self,
        service: Option<&'d Service>,
        head: &Parts,
        body: &Bytes,
        scope: Option<&str>,
    ) -> Result<Call<'d>, Refusal> {
        let refuse = |error: wire::DecodeError| {
            Refusal::new(Protocol::Query, service, service::Error::new(400, "MalformedQueryString", error.to_string()))
        };
        let query = head.uri.query().unwrap_or_default();
        let form: &[u8] = if is_form(head) && !has_action(query) { body } else { query.as_bytes() };
        let params = wire::query::parse(form).map_err(refuse)?;
        let Some(action) = params.action() else { return self.by_path(head, scope) };
        let service = service.or_else(|| {
            let version = params.version()?;
            self.services().find(|service| {
                service.api.query.as_ref().is_some_and(|query| query.version == version)
                    && (service.operation(action).is_some() || service.api.not_implemented.contains(&action))
            })
        });
        match (service, scope) {
            (Some(service), _) => {
                named(service, Protocol::Query, action).map(|call| Call { params: Some(params), ..call })
            }
            (None, Some(scope)) if !self.knows(scope) => Err(Refusal::service(Protocol::Query, scope, self.services())),
            (None, _) => {
                Err(Refusal::unknown(Protocol::Query, &format!("No service here has the action {action:.128}.")))
            }
        }
    }

    fn by_path(&self, head: &Parts, scope: Option<&str>) -> Result<Call<'_>, Refusal> {
        let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
        let mut allowed = Vec::new();
        for bindings in &self.rest {
            let Some(service) = self.service(bindings.service) else { continue };
            if scope.is_some_and(|scope| scope != service.api.name) {
                continue;
            }
            match bindings.router.find(head.method.as_str(), path, query) {
                Match::Found { index, labels } => {
                    let operation = bindings.operations.get(index).and_then(|index| service.operations().get(*index));
                    let Some(operation) = operation else { continue };
                    let labels = labels.into_iter().map(|(name, text)| (name, text.into_owned().into())).collect();
                    return Ok(Call {
                        service,
                        operation,
                        protocol: service.api.rest_protocol(),
                        labels,
                        params: None,
                        host_bucket: None,
                    });
                }
                Match::MethodNotAllowed(methods) => allowed.extend(methods),
                Match::NotFound => {}
            }
        }
        if let Some((service, name)) = self.absent(head, scope) {
            return Err(Refusal::operation(service.api.rest_protocol(), service, name));
        }
        if !allowed.is_empty() {
            return Err(Refusal::method(&allowed, head.method.as_str(), path));
        }
        let queried = |service: &&Service| {
            Some(service.api.name) == scope && service.api.query.is_some() && !Directory::has_paths(service)
        };
        if let Some(service) = self.services().find(queried) {
            return Err(Refusal::no_action(service));
        }
        Err(match scope {
            Some(scope) if !self.knows(scope) => Refusal::service(Protocol::RestJson, scope, self.services()),
            Some(scope) => {
                let what = format!("{scope} has no operation at {} {path:.128}.", head.method);
                let service = self.services().find(|service| service.api.name == scope);
                Refusal::unknown(rest_protocol(service), &what)
            }
            None => {
                let what = format!("Nothing is at {} {path:.128}: it names no AWS operation.", head.method);
                Refusal::unknown(Protocol::RestJson, &what)
            }
        })
    }
}

impl Directory {
    /// Whether paths name operations of the service.
    fn has_paths(service: &Service) -> bool {
        service.operations().iter().any(|operation| operation.rest.is_some())
            || !service.api.not_implemented_paths.is_empty()
    }

    /// The operation that AWS has at this path, and the service here does not.
    fn absent(&self, head: &Parts, scope: Option<&str>) -> Option<(&Service, &'static str)> {
        self.absent.iter().find_map(|(service, router)| {
            let service =
                self.service(*service).filter(|service| scope.is_none_or(|scope| scope == service.api.name))?;
            match router.find(head.method.as_str(), head.uri.path(), head.uri.query().unwrap_or_default()) {
                Match::Found { index, .. } => Some((service, service.api.not_implemented_paths.get(index)?.0)),
                _ => None,
            }
        })
    }
}

fn named<'d>(service: &'d Service, protocol: Protocol, operation: &str) -> Result<Call<'d>, Refusal> {
    match service.operation(operation) {
        Some(operation) => {
            Ok(Call { service, operation, protocol, labels: Labels::new(), params: None, host_bucket: None })
        }
        None => Err(Refusal::operation(protocol, service, operation)),
    }
}

impl Buckets {
    fn new(service: usize, entry: &Service) -> Buckets {
        let there = entry.operations().iter().enumerate();
        let there = there.filter_map(|(index, operation)| Some((Ok(index), operation.rest?)));
        let absent = entry.api.not_implemented_paths.iter().map(|(name, binding)| (Err(*name), binding));
        let (operations, bindings): (Vec<_>, Vec<_>) = there.chain(absent).unzip();
        Buckets { service, router: rest_xml::Router::new(bindings), operations }
    }
}

/// What stands before this machine's name in a host.
fn before_localhost(host: &str) -> Option<String> {
    let name = host.split(':').next().unwrap_or_default();
    name.strip_suffix(".localhost").map(str::to_owned)
}

/// Whether a path begins with what could be a bucket.
fn names_bucket(path: &str) -> bool {
    let name = path.strip_prefix('/').unwrap_or(path).split('/').next().unwrap_or_default();
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    BUCKET_BYTES.contains(&name.len()) && name.bytes().all(valid)
}

fn text<'h>(head: &'h Parts, name: &str) -> Option<&'h str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
}

/// How paths name operations: in JSON, unless the service has it otherwise.
fn rest_protocol(service: Option<&Service>) -> Protocol {
    service.map_or(Protocol::RestJson, |service| service.api.rest_protocol())
}

/// The content type without its parameters.
fn media_type(head: &Parts) -> &str {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim()
}

fn is_form(head: &Parts) -> bool {
    media_type(head).eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn has_action(query: &str) -> bool {
    query.split('&').any(|pair| pair.starts_with("Action="))
}

/// The answer's JSON version is the request's, and else the service's own.
fn json_protocol(head: &Parts, service: Option<&Service>) -> Protocol {
    match media_type(head) {
        "application/x-amz-json-1.0" => Protocol::Json10,
        "application/x-amz-json-1.1" => Protocol::Json11,
        "application/x-amz-cbor-1.1" | "application/cbor" => Protocol::AwsCbor,
        _ => service.and_then(|service| service.api.json).map_or(Protocol::Json10, |(protocol, _)| protocol),
    }
}

/// `/service/{service}/operation/{operation}`, possibly below a prefix.
fn rpc_path(path: &str) -> Option<(&str, &str)> {
    let (service, operation) = path.rsplit_once("/operation/")?;
    let (_, service) = service.rsplit_once("/service/")?;
    Some((service, operation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rpc_paths_are_read_from_their_end() {
        assert_eq!(rpc_path("/service/A/operation/B"), Some(("A", "B")));
        assert_eq!(rpc_path("/x/service/A/operation/B"), Some(("A", "B")));
        for path in ["", "/", "/service/A", "/operation/B", "/operation/B/service/A"] {
            assert_eq!(rpc_path(path), None, "{path}");
        }
    }

    #[test]
    fn an_action_is_a_parameter_of_that_very_name() {
        assert!(has_action("Version=1&Action=X"));
        assert!(!has_action("XAction=1&action=2"));
    }
}
