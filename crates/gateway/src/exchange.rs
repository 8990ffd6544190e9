//! The life of one request: its way to an operation, a front or one of the gateway's own pages, and what is kept of
//! it in the log and the metrics.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use base::Timestamp;
use bytes::Bytes;
use futures_util::FutureExt;
use http::header::{CONNECTION, EXPECT, HOST};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use hyper::body::Body as Incoming;
use service::{
    Arrival, Asked, Body, BoxFuture, Caller, Cors, CorsAnswer, Cx, Error, Front, Intake, Peer, PeerAddr, SocketWish,
    Upload, WireRequest, Witness, witnessed,
};
use wire::Protocol;

use crate::admission::{Admitted, Claim, Signed, Stranger, signed_parts};
use crate::arrival::household;
use crate::body::{Allowance, BodyError};
use crate::callers::Who;
use crate::directory::Call;
use crate::metrics::{FRONT, Label, UNROUTED};
use crate::origin::{self, From};
use crate::presence::Presence;
use crate::refusal::Refusal;
use crate::shares::Share;
use crate::websocket::Handshake;
use crate::{Inner, body, coding, form, form_signature, own, owner, upload};

/// Bytes of a trace header; longer ones are as good as none.
const TRACE_HEADER_BYTES_MAX: usize = 2_048;

/// What is known of the request by the time it is answered.
struct Trace {
    request_id: String,
    label: Label,
    caller: String,
    /// Whether the answer carries its checksum.
    checksum: bool,
    /// Whether it leaves as it is, whatever the client would have it compressed with: objects are what they are.
    plain: bool,
    /// Whether the connection cannot go on behind it: part of the request's body was not read.
    last: bool,
    /// Who wants to know what became of it, and of whom it was.
    witness: Option<Witness>,
    who: Option<Caller>,
}

impl Trace {
    fn new(request_id: String) -> Trace {
        let (label, caller) = (UNROUTED, String::new());
        Trace { request_id, label, caller, checksum: false, plain: false, last: false, witness: None, who: None }
    }

    /// The same response, whose end is told to who wants to know of it.
    fn witnessed(&mut self, came: Instant, response: Response<Body>) -> Response<Body> {
        let Some(witness) = self.witness.take() else { return response };
        let operation = Some(self.label).filter(|label| *label != UNROUTED).map(|(_, operation)| operation);
        let asked = Asked { id: self.request_id.clone(), operation, caller: self.who.take(), came };
        witnessed(witness, asked, response)
    }
}

pub(crate) async fn handle<B: Incoming<Data = Bytes> + Send + 'static>(
    inner: &Arc<Inner>,
    request: Request<B>,
) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    name_host(&mut head);
    let tls = Arrival::of(&head).tls;
    inner.proxies.note(&mut head, tls);
    let version = head.version;
    let mut response = routed(inner, head, body).await;
    // Over HTTP/2 the connection itself tells.
    if inner.is_draining() && version < Version::HTTP_2 && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn routed<B: Incoming<Data = Bytes> + Send + 'static>(
    inner: &Arc<Inner>,
    head: Parts,
    body: B,
) -> Response<Body> {
    // Latency needs a monotonic clock finer than the one that stored times come from.
    let began = Instant::now();
    // Whoever forwards it may have taken the other (RFC 9112, 3.2).
    if head.headers.get_all(HOST).iter().count() > 1 {
        let mut refused = Refusal::hosts().encode(&inner.cloud.env().uuid()).map(Body::from);
        refused.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return refused;
    }
    if let Some(page) = own::page(inner, &head.method, head.uri.path()) {
        return page.map(Body::from);
    }
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    let request_id = inner.cloud.env().uuid();
    let mut trace = Trace::new(request_id);
    let response = answer(inner, &mut trace, head, body).await;
    let response = trace.witnessed(began, response);
    let took = began.elapsed();
    inner.metrics.count(trace.label, response.status(), took);
    let Trace { request_id, label: (service, operation), caller, .. } = trace;
    tracing::info!(
        target: "cloudlet::access",
        %method, path, service, operation, caller, request_id,
        status = response.status().as_u16(),
        bytes = response.body().size().unwrap_or_default(),
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
    );
    response
}

/// HTTP/2 clients name the host in the URI; so may HTTP/1 clients, and then the URI counts (RFC 9112, 3.2.2).
fn name_host(head: &mut Parts) {
    let host = head.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = host {
        head.headers.insert(HOST, host);
    }
}

async fn answer<B: Incoming<Data = Bytes> + Send + 'static>(
    inner: &Arc<Inner>,
    trace: &mut Trace,
    head: Parts,
    body: B,
) -> Response<Body> {
    // An empty body gets no `100 Continue` (RFC 9110, 10.1.1, leaves it to the server). The botocore in the AWS CLI then takes
    // the first line of this answer for that of the next one on the connection, so it gets another connection.
    trace.last = head.headers.contains_key(EXPECT) && body.is_end_stream();
    if let Some(front) = inner.cloud.streaming_front(&head) {
        trace.label = FRONT;
        return match enter_front(inner, &head) {
            Ok(entered) => keeping(through_streaming_front(inner, trace, &*front, head, body).await, entered),
            Err(error) => refused_by_front(trace, error),
        };
    }
    if let Some(front) = inner.cloud.front(&head) {
        trace.label = FRONT;
        return match enter_front(inner, &head) {
            Ok(entered) => keeping(through_front(inner, trace, &*front, head, body).await, entered),
            Err(error) => refused_by_front(trace, error),
        };
    }
    if let Some(host) = inner.origins.strange_host(&head.headers) {
        return Refusal::host(&host).encode(&trace.request_id).map(Body::from);
    }
    // What a bucket's owner lets pages do is for them to say, wherever the pages are from.
    let allowed = bucket_cors(inner, &head);
    if let Some(Some(allowed)) = &allowed
        && origin::is_preflight(&head)
    {
        return origin::bucket_preflight(allowed).map(Body::from);
    }
    let origin = match inner.origins.of(&head.headers) {
        From::Elsewhere => None,
        _ if matches!(allowed, Some(Some(_))) => None,
        From::Stranger(_) if allowed.is_some() && origin::is_preflight(&head) => {
            return Refusal::cors().encode(&trace.request_id).map(Body::from);
        }
        From::Page(origin) => Some(origin),
        From::Stranger(origin) => return Refusal::origin(&origin).encode(&trace.request_id).map(Body::from),
    };
    let (accepted, version) = (coding::accepted(&head.headers), head.version);
    let response = match &origin {
        Some(_) if origin::is_preflight(&head) => origin::preflight(&head).map(Body::from),
        _ => match through_api(inner, trace, head, body).await {
            Ok(response) => response,
            Err(refusal) => {
                tracing::debug!(request_id = trace.request_id, error = %refusal.error, "refused");
                refusal.encode(&trace.request_id).map(Body::from)
            }
        },
    };
    let is_http_1 = version < Version::HTTP_2;
    let mut response = coding::encoded(response, accepted.filter(|_| !trace.plain), trace.checksum);
    if trace.last && is_http_1 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(origin) = origin {
        origin::allow(origin, &mut response);
    }
    if let Some(Some(allowed)) = &allowed {
        origin::allow_bucket(allowed, &mut response);
    }
    response
}

/// What a page may do with the bucket that it asks about; `None` where there is no page or no bucket.
fn bucket_cors(inner: &Arc<Inner>, head: &Parts) -> Option<Option<CorsAnswer>> {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let origin = text("origin")?;
    let scope = Signed::read(&signed_parts(head)).ok().flatten().and_then(|signed| match signed {
        Signed::V4(signature) => Some(signature.scope.service),
        Signed::V2(_) => inner.directory.unnamed().map(str::to_owned),
    });
    let (service, target) = inner.directory.bucket_of(head, scope.as_deref())?;
    let bucket = target.bucket?;
    let preflight = origin::is_preflight(head);
    let method = text("access-control-request-method").filter(|_| preflight).unwrap_or(head.method.as_str());
    let headers = text("access-control-request-headers").filter(|_| preflight).unwrap_or_default();
    let headers = headers.split(',').map(str::trim).filter(|header| !header.is_empty()).collect();
    Some(service.cors(&inner.cloud.system(), &bucket, &Cors { origin, method, headers }))
}

/// Lets a request to a front in, as one of its address's: nothing else is known here of whom it is from. Where that may be many
/// it is not counted.
fn enter_front(inner: &Inner, head: &Parts) -> Result<Option<Share<Who>>, Error> {
    let address = head.extensions.get::<PeerAddr>().map(|peer| peer.0.ip());
    let Some(address) = address.filter(|address| !inner.proxies.exempts(*address)) else { return Ok(None) };
    let who = Who::Address(Some(household(address)));
    inner.callers.enter(&who, &inner.limits, Protocol::RestJson).map(Some)
}

/// The same response, which counts as under way for as long as it is being made.
fn keeping(response: Response<Body>, entered: Option<Share<Who>>) -> Response<Body> {
    match entered {
        Some(entered) => response.map(|body| body.keeping(entered)),
        None => response,
    }
}

fn refused_by_front(trace: &Trace, error: Error) -> Response<Body> {
    Refusal::new(Protocol::RestJson, None, error).encode(&trace.request_id).map(Body::from)
}

async fn through_front<B: Incoming<Data = Bytes> + Send + 'static>(
    inner: &Arc<Inner>,
    trace: &mut Trace,
    front: &dyn Front,
    mut head: Parts,
    body: B,
) -> Response<Body> {
    let mut handshake = Handshake::take(&mut head);
    if let Some(handshake) = &mut handshake {
        if !handshake.reserve() {
            let error = Error::new(503, "ServiceUnavailable", "There are as many WebSockets as there may be.");
            return refused_by_front(trace, error);
        }
        head.extensions.insert(SocketWish);
    }
    let allowance = Allowance { memory: &inner.front_memory, ..allowance(inner, &head, inner.limits.body_bytes) };
    let body = match body::read(body, &allowance).await {
        Ok(body) => body,
        Err(error) => {
            return Refusal::body(Protocol::RestJson, None, error).encode(&trace.request_id).map(Body::from);
        }
    };
    let cx = front_cx(inner, trace, &head);
    let request = Request::from_parts(head, body.bytes.clone());
    let response = answer_of_front(trace, front.handle(cx, request)).await;
    match handshake {
        Some(handshake) => handshake.answer(response),
        None => response,
    }
}

/// The same with a body that is not held in memory, and so has no limit.
async fn through_streaming_front<B: Incoming<Data = Bytes> + Send + 'static>(
    inner: &Arc<Inner>,
    trace: &mut Trace,
    front: &dyn Front<Upload>,
    head: Parts,
    body: B,
) -> Response<Body> {
    let (cx, version) = (front_cx(inner, trace, &head), head.version);
    let (upload, leftover) = upload::pass(&head.headers, body, inner.limits.body_wait);
    let mut response = answer_of_front(trace, front.handle(cx, Request::from_parts(head, upload))).await;
    if leftover.discard().await && version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn front_cx(inner: &Arc<Inner>, trace: &mut Trace, head: &Parts) -> Cx {
    let cloud = &inner.cloud;
    let cx = cloud.cx(Caller::system(cloud.account()), cloud.region().clone(), endpoint(head));
    trace.request_id = cx.request_id().to_owned();
    cx
}

async fn answer_of_front(trace: &Trace, answer: BoxFuture<Response<Body>>) -> Response<Body> {
    match caught(answer).await {
        Ok(response) => response,
        Err(error) => refused_by_front(trace, error),
    }
}

async fn through_api<B: Incoming<Data = Bytes> + Send + 'static>(
    inner: &Arc<Inner>,
    trace: &mut Trace,
    mut head: Parts,
    body: B,
) -> Result<Response<Body>, Refusal> {
    let cloud = &inner.cloud;
    let handshake = Handshake::take(&mut head);
    let signed = Signed::read(&signed_parts(&head));
    let scope = signed.as_ref().ok().and_then(Option::as_ref).and_then(|signed| match signed {
        Signed::V4(signature) => Some(signature.scope.service.clone()),
        Signed::V2(_) => inner.directory.unnamed().map(str::to_owned),
    });
    let candidate = inner.directory.candidate(&head, scope.as_deref());
    let (protocol, service) = (candidate.protocol, candidate.service);
    trace.checksum = service.is_some_and(|service| service.api.checksum);
    trace.plain = protocol == Protocol::S3;
    if trace.plain
        && let Some((service, target)) = inner.directory.bucket_of(&head, scope.as_deref())
    {
        trace.witness = service.witness(cloud, &head, &target);
    }
    let claim = Claim::read(cloud, signed, cloud.env().now());
    let stranger = |stranger: &Stranger| Refusal::new(protocol, service, stranger.error(protocol));
    let (mut candidate, mut known) = (Some(candidate), None);
    if protocol == Protocol::S3
        && let Some(candidate) = candidate.take()
    {
        // Its head tells the operation, and that how its body is taken.
        let call = inner.directory.resolve(candidate, &head, &Bytes::new(), scope.as_deref())?;
        match call.operation.intake {
            Intake::Streamed => return through_upload(inner, trace, call, claim, head, body).await,
            Intake::Form => return through_form(inner, trace, call, claim, head, body).await,
            Intake::Whole => known = Some(call),
        }
    }
    let most = service.map_or(inner.limits.body_bytes, |service| service.api.body_bytes_max);
    let limit = if claim.is_ok() { most } else { most.min(inner.limits.stranger_body_bytes) };
    let presence = head.extensions.remove::<Arc<Presence>>();
    let awaited = presence.filter(|_| claim.is_err()).map(|presence| presence.wait_for_stranger());
    let body = body::read(body, &allowance(inner, &head, limit)).await;
    drop(awaited);
    let refused = |error| match (&claim, error) {
        (Err(who), BodyError::TooLarge { limit }) if limit < most => stranger(who),
        _ => Refusal::body(protocol, service, error),
    };
    let body = body.map_err(refused)?;
    let plain = match known {
        // What an object's coding says is not about the request.
        Some(_) => body.bytes.clone().into(),
        None => coding::decoded(&head.headers, &body, limit, &inner.memory).map_err(refused)?,
    };
    let call = match (known, candidate) {
        (Some(call), _) => Ok(call),
        (None, Some(candidate)) => inner.directory.resolve(candidate, &head, &plain.bytes, scope.as_deref()),
        (None, None) => Err(Refusal::unknown(protocol, "The request names no operation.")),
    };
    let call = call.map_err(|refusal| match &claim {
        // Without the scope of its signature, the request cannot be told from one for nobody.
        Err(who @ Stranger::Unreadable(_)) => stranger(who),
        _ => refusal,
    })?;
    let (protocol, service) = (call.protocol, Some(call.service));
    trace.label = (call.service.api.model, call.operation.name);
    let expires = claim.as_ref().ok().and_then(Claim::expires);
    let admitted = match claim {
        Ok(claim) => claim.admit(cloud, &inner.signing_keys, &call, &head, &body.bytes),
        Err(stranger) => stranger.anonymous(cloud, &call).ok_or_else(|| stranger.error(protocol)),
    };
    let (caller, region) = admitted.map_err(|error| Refusal::new(protocol, service, error))?;
    let admitted = (caller, region);
    let request = wire_request(&call, &head, plain.bytes.clone());
    let response = serve(inner, trace, &call, admitted, expires, &head, request).await?;
    Ok(match handshake {
        Some(handshake) => handshake.answer(response),
        None => response,
    })
}

/// A request whose body the operation takes as it comes.
async fn through_upload<B: Incoming<Data = Bytes> + Send + 'static>(
    inner: &Arc<Inner>,
    trace: &mut Trace,
    call: Call<'_>,
    claim: Result<Claim, Stranger>,
    head: Parts,
    body: B,
) -> Result<Response<Body>, Refusal> {
    let (cloud, protocol, service) = (&inner.cloud, call.protocol, Some(call.service));
    trace.label = (call.service.api.model, call.operation.name);
    let expires = claim.as_ref().ok().and_then(Claim::expires);
    let admitted = match claim {
        Ok(claim) => claim.admit_head(cloud, &inner.signing_keys, &call, &head),
        Err(stranger) => {
            let anonymous = stranger.anonymous(cloud, &call).map(|anonymous| (anonymous, None));
            anonymous.ok_or_else(|| stranger.error(protocol))
        }
    };
    let (proof, admitted) = match admitted {
        Ok((admitted, proof)) => (proof, Ok(admitted)),
        Err(error) => (None, Err(error)),
    };
    let received = upload::receive(&head.headers, body, proof, inner.limits.body_wait);
    let (upload, leftover) = received.map_err(|error| Refusal::new(protocol, service, error))?;
    let admitted = match admitted {
        Ok(admitted) => admitted,
        Err(error) => {
            drop(upload);
            trace.last |= leftover.discard().await;
            return Err(Refusal::new(protocol, service, error));
        }
    };
    let request = WireRequest { upload: Some(upload), ..wire_request(&call, &head, Bytes::new()) };
    let response = serve(inner, trace, &call, admitted, expires, &head, request).await;
    trace.last |= leftover.discard().await;
    response
}

/// A request whose body is a form with a file: the form's fields tell who sent it.
async fn through_form<B: Incoming<Data = Bytes> + Send + 'static>(
    inner: &Arc<Inner>,
    trace: &mut Trace,
    call: Call<'_>,
    claim: Result<Claim, Stranger>,
    head: Parts,
    body: B,
) -> Result<Response<Body>, Refusal> {
    let (protocol, service) = (call.protocol, Some(call.service));
    trace.label = (call.service.api.model, call.operation.name);
    let refuse = |error| Refusal::new(protocol, service, error);
    let (upload, leftover) = upload::receive(&head.headers, body, None, inner.limits.body_wait).map_err(refuse)?;
    let answer = async {
        match claim {
            Err(stranger) if stranger.is_unsigned() => {}
            Err(stranger) => return Err(refuse(stranger.error(protocol))),
            Ok(_) => {
                let reason = "Only one auth mechanism allowed; a form is signed in its fields";
                return Err(refuse(Error::new(400, "InvalidArgument", reason)));
            }
        }
        let (form, file) = form::read(&head.headers, upload).await.map_err(refuse)?;
        let admitted = form_signature::admit(&inner.cloud, call.service.api.name, &form);
        let (admitted, expires) = admitted.map_err(refuse)?;
        let request = WireRequest { upload: Some(file.of_form(form)), ..wire_request(&call, &head, Bytes::new()) };
        serve(inner, trace, &call, admitted, expires, &head, request).await
    };
    let answer = answer.await;
    trace.last |= leftover.discard().await;
    answer
}

fn wire_request(call: &Call<'_>, head: &Parts, body: Bytes) -> WireRequest {
    WireRequest {
        protocol: call.protocol,
        labels: call.labels.clone(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers.clone(),
        body,
        upload: None,
        params: call.params.clone(),
    }
}

/// Has the operation answer.
async fn serve(
    inner: &Arc<Inner>,
    trace: &mut Trace,
    call: &Call<'_>,
    (caller, region): Admitted,
    expires: Option<Timestamp>,
    head: &Parts,
    request: WireRequest,
) -> Result<Response<Body>, Refusal> {
    let (protocol, service) = (call.protocol, Some(call.service));
    trace.caller = caller.arn.to_string();
    trace.who = trace.witness.is_some().then(|| caller.clone());
    let address = head.extensions.get::<PeerAddr>().map(|peer| household(peer.0.ip()));
    let entered = inner.callers.enter(&Who::of(&caller, address), &inner.limits, protocol);
    let entered = entered.map_err(|error| Refusal::new(protocol, service, error))?;
    if protocol == Protocol::S3 {
        let owned = owner::check(head, inner.cloud.account());
        owned.map_err(|error| Refusal::new(protocol, service, error))?;
    }
    let cx = inner.cloud.cx(caller, region, endpoint(head)).traced(trace_header(head)).expiring(expires);
    let cx = cx.from_peer(peer(head));
    trace.request_id = cx.request_id().to_owned();
    let response = caught(call.operation.serve(cx, request)).await;
    let response = response.map_err(|error| Refusal::new(protocol, service, error))?;
    Ok(response.map(|body| body.keeping(entered)))
}

/// The trace that a request is part of. Clients escape the bar in it.
fn trace_header(head: &Parts) -> Option<String> {
    let value = head.headers.get("x-amzn-trace-id")?.to_str().ok()?;
    (value.len() <= TRACE_HEADER_BYTES_MAX).then(|| value.replace("%7C", "|"))
}

/// The client of a request, whose connection nothing encrypts here.
fn peer(head: &Parts) -> Peer {
    let address = head.extensions.get::<PeerAddr>().map(|peer| peer.0.ip());
    Peer::new(address, Arrival::of(head).tls, &head.headers)
}

fn allowance<'i>(inner: &'i Inner, head: &Parts, limit: usize) -> Allowance<'i> {
    let asks_first = head.headers.contains_key(EXPECT);
    Allowance { limit, wait: inner.limits.body_wait, memory: &inner.memory, asks_first }
}

/// The base URL under which the client sees this server.
fn endpoint(head: &Parts) -> Option<String> {
    let host = head.headers.get(HOST)?.to_str().ok()?;
    Some(format!("{}://{host}", Arrival::of(head).scheme()))
}

/// Runs a handler. One that panics fails its own request alone.
async fn caught(handler: BoxFuture<Response<Body>>) -> Result<Response<Body>, Error> {
    AssertUnwindSafe(handler)
        .catch_unwind()
        .await
        .map_err(|panic| Error::internal(format_args!("a handler panicked: {}", panic_message(&*panic))))
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}
