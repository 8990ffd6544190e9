//! `AWS`: functions that are told what a template says, and operations of other services, called as the integration's role.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/getting-started-aws-proxy.html>

use std::time::{Duration, Instant};

use base::Arn;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use service::{Body, Caller, Cx, Intake, Operation, Service, Upload, WireRequest};
use wire::Protocol;
use wire::query::Params;
use wire::rest::{Labels, Match, Router};
use wire::rest_xml::{self, Target};

use super::answer::Endpoint;
use super::outgoing::Outgoing;
use super::uri::{ServiceUri, Way};
use super::{Exchange, json as json_of, log};
use crate::front::authorize::Admitted;
use crate::front::invoke::{self, acting_for};
use crate::front::problem::Problem;
use crate::integration::{function, with_variables};
use crate::limits;
use crate::roles::{OF_CALLER, PRINCIPAL};
use crate::types::rest::Integration;

const FORM: &str = "application/x-www-form-urlencoded";
/// How functions are told not to answer.
const INVOCATION_TYPE: &str = "x-amz-invocation-type";
/// The name of the sessions of integrations' roles, as AWS has it.
const SESSION: &str = "BackplaneAssumeRoleSession";

impl Exchange<'_> {
    pub async fn service(&self, integration: &Integration, outgoing: Outgoing) -> Result<Endpoint, Problem> {
        let uri = outgoing.uri.clone();
        let parsed = ServiceUri::parse(&uri).map_err(Problem::configuration)?;
        let timeout = Duration::from_millis(integration.timeout_millis);
        let role = self.caller(integration)?;
        self.log(|| format!("Sending request to {uri}"));
        let began = Instant::now();
        let is_async = outgoing.headers.get(INVOCATION_TYPE).is_some_and(|kind| kind != "RequestResponse");
        let endpoint = if parsed.is_function() && !is_async {
            let cx = role.unwrap_or_else(|| acting_for(self.cx, self.source.clone()));
            invoked(cx, &uri, outgoing.body, timeout).await?
        } else {
            let own = || self.cx.acting_for(&self.source, PRINCIPAL);
            let cx = match role {
                Some(role) => role,
                // A function's own policy may let the API in; nothing else has one that could.
                None if parsed.is_function() => own(),
                None => {
                    return Err(Problem::configuration(
                        "The integration has no role (credentials) to call a service as",
                    ));
                }
            };
            called(cx.in_region(parsed.region), &parsed, outgoing, timeout).await?
        };
        let (status, latency) = (endpoint.status.as_u16(), began.elapsed().as_millis());
        self.log(|| format!("Received response. Status: {status}, Integration latency: {latency} ms"));
        self.log(|| format!("Endpoint response headers: {}", log::headers(&endpoint.headers)));
        self.log(|| format!("Endpoint response body before transformations: {}", log::body(&endpoint.body)));
        Ok(endpoint)
    }

    /// Whom an integration acts as: its role's session, or its caller; `None` where it is API Gateway itself.
    pub fn caller(&self, integration: &Integration) -> Result<Option<Cx>, Problem> {
        let Some(credentials) = &integration.credentials else { return Ok(None) };
        if credentials == OF_CALLER {
            return match self.admitted {
                Admitted::Signer(signer) => Ok(Some(self.cx.with_caller(signer.caller.clone()))),
                _ => Err(Problem::configuration("Credentials of the caller need the authorization AWS_IAM")),
            };
        }
        let role = with_variables(credentials, self.variables).and_then(|role| role.parse::<Arn>().ok());
        let role = role.filter(|role| role.service == "iam" && role.account == self.account);
        let role = role.ok_or_else(|| Problem::configuration(format!("{credentials} is no role of this account")))?;
        let caller = Caller::assumed(&role, SESSION, PRINCIPAL, self.source.clone());
        Ok(Some(self.cx.with_caller(caller).in_region(self.region)))
    }
}

/// What a function answers to what a template says. Its failure is an answer, too: responses are selected by its message.
async fn invoked(cx: Cx, uri: &str, event: Bytes, timeout: Duration) -> Result<Endpoint, Problem> {
    let function = function(uri, &Default::default());
    let function = function.ok_or_else(|| Problem::configuration(format!("{uri} names no function")))?;
    let event = if event.is_empty() { Bytes::from_static(b"{}") } else { event };
    if serde_json::from_slice::<serde::de::IgnoredAny>(&event).is_err() {
        return Err(Problem::configuration("Lambda invocation failed with status: 400. The event is no JSON"));
    }
    let answered = invoke::send(cx, function, event, timeout).await.map_err(Problem::from)?;
    let told: Value = serde_json::from_slice(&answered.payload).unwrap_or_default();
    let message = told.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
    let selector = message.chars().take(limits::SELECTOR_CHARACTERS_MAX).collect();
    let mut headers = HeaderMap::new();
    if let Some(kind) = answered.function_error.and_then(|kind| kind.parse().ok()) {
        headers.insert("x-amz-function-error", kind);
    }
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    Ok(Endpoint { status: StatusCode::OK, headers, body: answered.payload, selector })
}

/// What an operation answers, in the protocol in which it was called. It goes on when nobody waits for it any more.
async fn called(cx: Cx, uri: &ServiceUri<'_>, outgoing: Outgoing, timeout: Duration) -> Result<Endpoint, Problem> {
    let wants_xml = outgoing.headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().ends_with(b"xml"));
    let enveloped = enveloped(uri, &outgoing);
    let routed = route(&cx, uri, outgoing)?;
    let protocol = routed.request.protocol;
    let serving = routed.operation.serve(cx.clone(), routed.request);
    let answer = tokio::spawn(async move { whole(serving.await).await });
    let (head, body) = match tokio::time::timeout(timeout, answer).await {
        Err(_) => return Err(Problem::timed_out()),
        Ok(Err(error)) => return Err(Problem::failed(format!("The operation ended without an answer: {error}"))),
        Ok(Ok(answer)) => answer?,
    };
    let mut headers = head.headers;
    let mut body = body;
    if protocol == Protocol::Query
        && !wants_xml
        && let Some(document) = json_of::of_xml(&body)
    {
        body = Bytes::from(document.to_string());
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    }
    if let Some(action) = enveloped.filter(|_| head.status.is_success()) {
        body = envelope(action, &body, cx.request_id());
    }
    Ok(Endpoint::new(head.status, headers, body))
}

/// The operation whose answer comes as the Query protocol has it: AWS calls SSM in that, and gets JSON.
fn enveloped<'u>(uri: &ServiceUri<'u>, outgoing: &Outgoing) -> Option<&'u str> {
    match uri.way {
        Way::Action(action) if uri.service == "ssm" && !outgoing.headers.contains_key("x-amz-target") => Some(action),
        _ => None,
    }
}

fn envelope(action: &str, body: &[u8], request_id: &str) -> Bytes {
    let result: Value = serde_json::from_slice(body).unwrap_or_default();
    let answer = json!({
        format!("{action}Result"): result,
        "ResponseMetadata": {"RequestId": request_id},
    });
    json!({ format!("{action}Response"): answer }).to_string().into()
}

async fn whole(response: Response<Body>) -> Result<(http::response::Parts, Bytes), Problem> {
    let (head, mut body) = response.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.map_err(|_| Problem::failed("The answer of a service broke off"))?);
        if bytes.len() > limits::PAYLOAD_BYTES_MAX {
            return Err(Problem::failed(format!("A service answered more than {} bytes", limits::PAYLOAD_BYTES_MAX)));
        }
    }
    Ok((head, bytes.freeze()))
}

/// An operation with the request that it is to serve.
struct Routed<'c> {
    operation: &'c Operation,
    request: WireRequest,
}

fn route<'c>(cx: &'c Cx, uri: &ServiceUri<'_>, outgoing: Outgoing) -> Result<Routed<'c>, Problem> {
    let services: Vec<&Service> = of_name(cx, uri.service).collect();
    let none = || Problem::configuration(format!("There is no service {} here", uri.service));
    let first = *services.first().ok_or_else(none)?;
    let path = match uri.way {
        Way::Path(path) => format!("/{}", path.trim_start_matches('/')),
        Way::Action(_) => "/".to_owned(),
    };
    let target = outgoing.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).map(str::to_owned);
    let kind = outgoing.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind.starts_with(FORM);
    let action = match uri.way {
        Way::Action(action) => Some(action),
        Way::Path(_) => None,
    };
    if let Some(target) = &target {
        let (prefix, name) = target.rsplit_once('.').unwrap_or(("", target));
        let named = |service: &&&Service| service.api.json.is_some_and(|(_, known)| known == prefix);
        return json_call(services.iter().find(named).copied().unwrap_or(first), name, outgoing, path);
    }
    match (action, &first.api.query, first.api.json) {
        (Some(action), None, Some(_)) => {
            let has = |service: &&&Service| service.operation(action).is_some();
            json_call(services.iter().find(has).copied().unwrap_or(first), action, outgoing, path)
        }
        (_, Some(_), _) => query_call(first, action, is_form, outgoing, path),
        (None, None, _) => path_call(&services, uri.subdomain, outgoing, path),
        (Some(action), None, None) => {
            Err(Problem::configuration(format!("{}:action/{action}: the service is called by paths", uri.service)))
        }
    }
}

/// The services of a name in URIs. Our own beside AWS's are none of them.
pub fn of_name<'c>(cx: &'c Cx, name: &str) -> impl Iterator<Item = &'c Service> {
    let services = cx.cloud().services().iter();
    services.filter(move |service| service.api.name == name && !service.api.model.starts_with("cloudlet"))
}

fn wire_request(protocol: Protocol, outgoing: Outgoing, path: String) -> WireRequest {
    let Outgoing { query, headers, body, .. } = outgoing;
    WireRequest { protocol, labels: Labels::new(), path, query, headers, body, upload: None, params: None }
}

fn absent(service: &Service, name: &str) -> Problem {
    Problem::configuration(format!("{} has no operation {name:.128} here", service.api.name))
}

/// An operation by its name. Without a body, its members are those of the query.
fn json_call<'c>(service: &'c Service, name: &str, outgoing: Outgoing, path: String) -> Result<Routed<'c>, Problem> {
    let operation = service.operation(name).ok_or_else(|| absent(service, name))?;
    let (protocol, _) = service.api.json.ok_or_else(|| absent(service, name))?;
    let body = match outgoing.body.is_empty() {
        true => {
            let members = params(&outgoing.query)?;
            let members: Map<String, Value> =
                members.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
            Bytes::from(Value::Object(members).to_string())
        }
        false => outgoing.body.clone(),
    };
    Ok(Routed { operation, request: wire_request(protocol, Outgoing { body, ..outgoing }, path) })
}

fn params(form: &str) -> Result<Params, Problem> {
    wire::query::parse(form.as_bytes()).map_err(|error| Problem::configuration(error.to_string()))
}

/// An operation of the Query protocol: its parameters are those of the integration's query and of the form. A form that is the
/// client's own adds to what the integration names, and chooses neither the action nor what the path is of.
fn query_call<'c>(
    service: &'c Service,
    action: Option<&str>,
    is_form: bool,
    outgoing: Outgoing,
    path: String,
) -> Result<Routed<'c>, Problem> {
    let form: &[u8] = if is_form { &outgoing.body } else { b"" };
    let form = str::from_utf8(form).map_err(|_| Problem::configuration("The form is not UTF-8"))?;
    let member = service.api.query.as_ref().and_then(|query| query.path_member).filter(|_| path != "/");
    let named = [("Action", action), (member.unwrap_or_default(), member.map(|_| path.as_str()))];
    let own = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let own = own.fold(Params::default(), |own, (name, value)| own.or(name, value).into_owned());
    let (own, sent) = (own.before(params(&outgoing.query)?), params(form.trim())?);
    let name = match own.action() {
        Some(name) => name.to_owned(),
        None if outgoing.is_passed && sent.action().is_some() => {
            return Err(Problem::configuration(
                "The integration names no Action, by its URI, its query or a template, and clients cannot choose one",
            ));
        }
        None => sent.action().ok_or_else(|| Problem::configuration("The request names no Action"))?.to_owned(),
    };
    let operation = service.operation(&name).ok_or_else(|| absent(service, &name))?;
    let params = Some(own.before(sent));
    let request = WireRequest { params, ..wire_request(Protocol::Query, outgoing, path) };
    Ok(Routed { operation, request })
}

/// An operation by its method and path.
fn path_call<'c>(
    services: &[&'c Service],
    bucket: Option<&str>,
    outgoing: Outgoing,
    path: String,
) -> Result<Routed<'c>, Problem> {
    let method = outgoing.method.clone();
    let none = || Problem::configuration(format!("No operation is at {method} {path:.128}"));
    for service in services {
        let bound: Vec<_> = service.operations().iter().filter_map(|one| Some((one, one.rest?))).collect();
        let bindings = bound.iter().map(|(_, binding)| *binding);
        let (index, labels) = if service.api.xml.as_ref().is_some_and(|xml| xml.host_label.is_some()) {
            let target = Target::of(bucket, &path);
            let router = rest_xml::Router::new(bindings);
            let found =
                router.find(method.as_str(), &target, &outgoing.query, &outgoing.headers).map_err(|_| none())?;
            (found.index, found.labels)
        } else {
            match Router::new(bindings).find(method.as_str(), &path, &outgoing.query) {
                Match::Found { index, labels } => {
                    let labels = labels.into_iter().map(|(name, text)| (name, text.into_owned().into())).collect();
                    (index, labels)
                }
                Match::MethodNotAllowed(_) | Match::NotFound => continue,
            }
        };
        let Some((operation, _)) = bound.get(index) else { continue };
        let is_objects = service.api.xml.as_ref().is_some_and(|xml| xml.host_label.is_some());
        let protocol = if is_objects { Protocol::S3 } else { service.api.rest_protocol() };
        let body = outgoing.body.clone();
        let mut request = WireRequest { labels, ..wire_request(protocol, outgoing, path) };
        if operation.intake == Intake::Streamed {
            request.upload = Some(Upload::whole(body));
            request.body = Bytes::new();
        }
        return Ok(Routed { operation, request });
    }
    Err(none())
}
