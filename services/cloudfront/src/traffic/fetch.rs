//! An object for a viewer: out of the cache, or from its origin, with one request for all who ask meanwhile.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use http::header::{
    CONTENT_LENGTH, ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RANGE, SET_COOKIE,
};
use http::{Method, StatusCode};
use service::{Body, Cx, Upload};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::compress::{Coding, Encoder};
use super::figures::From;
use super::headers::{passed_on, text};
use super::origin::{self, Failure};
use super::rule::Rule;
use super::sites::Site;
use super::viewer::Viewer;
use super::{freshness, refusal};
use crate::CloudFront;
use crate::cache::{Flight, Key, Landing, Life, Object, Turn, Writer};
use crate::limits;

/// What a viewer gets.
pub enum Loaded {
    Shared(Arc<Object>, From),
    /// What is for nobody else.
    Alone(origin::Response),
}

impl Loaded {
    pub fn status(&self) -> StatusCode {
        match self {
            Loaded::Shared(object, _) => object.status,
            Loaded::Alone(response) => response.status,
        }
    }
}

/// A viewer's request that has found its behaviour. Cheap to clone.
#[derive(Clone)]
pub struct Task {
    pub state: Arc<CloudFront>,
    pub cx: Cx,
    pub site: Arc<Site>,
    pub rule: Arc<Rule>,
    pub viewer: Arc<Viewer>,
    key: Key,
    codings: &'static str,
}

impl Task {
    pub fn new(state: Arc<CloudFront>, cx: Cx, site: Arc<Site>, rule: Arc<Rule>, viewer: Arc<Viewer>) -> Task {
        // A part of what is compressed is of no use to whoever has parts of what is not.
        let codings = if viewer.asks_for_range() { "" } else { rule.codings(&viewer.headers) };
        let key = rule.key(&site.id, &viewer.path, &viewer.query, &viewer.headers, codings);
        Task { state, cx, site, rule, viewer, key, codings }
    }

    /// Answers a request that reads.
    pub async fn load(&self) -> Loaded {
        if !self.rule.caches() {
            return Loaded::Alone(self.pass(None).await);
        }
        let known = self.state.cache.get(&self.key).filter(|object| !object.content.is_broken());
        if let Some(object) = &known {
            if self.viewer.now < object.life.fresh {
                return Loaded::Shared(object.clone(), From::Cache);
            }
            if self.viewer.now < object.life.while_revalidating {
                self.renew_behind(object);
                return Loaded::Shared(object.clone(), From::Cache);
            }
        }
        if known.is_none() && (self.viewer.method == Method::HEAD || self.begins_inside()) {
            return Loaded::Alone(self.pass(None).await);
        }
        match self.state.cache.turn(self.key) {
            Turn::Fetch(flight) => self.fly(flight, known).await,
            Turn::Wait(mut wait) => {
                let landed = wait.wait_for(|landing| !matches!(landing, Landing::Pending)).await;
                let landed = landed.map(|landing| landing.clone());
                match landed {
                    Ok(Landing::Shared(object)) => Loaded::Shared(object, From::Cache),
                    _ => Loaded::Alone(self.pass(None).await),
                }
            }
        }
    }

    /// Whether a part is wanted that does not begin where the object does: waiting for all that comes before would be long.
    fn begins_inside(&self) -> bool {
        let range = text(&self.viewer.headers, RANGE).filter(|_| self.viewer.asks_for_range());
        range.is_some_and(|range| !range.starts_with("bytes=0-"))
    }

    /// Fetches another version of what is given out meanwhile.
    fn renew_behind(&self, object: &Arc<Object>) {
        if let Turn::Fetch(flight) = self.state.cache.turn(self.key) {
            let (task, stale, (tell, _)) = (self.clone(), object.clone(), oneshot::channel());
            tokio::spawn(async move { task.fetch(flight, Some(stale), tell).await });
        }
    }

    /// Fetches, whether or not the viewer waits for all of it.
    async fn fly(&self, flight: Flight, stale: Option<Arc<Object>>) -> Loaded {
        let (tell, told) = oneshot::channel();
        let task = self.clone();
        tokio::spawn(async move { task.fetch(flight, stale, tell).await });
        told.await.unwrap_or_else(|_| Loaded::Alone(refusal::origin(StatusCode::BAD_GATEWAY, &self.viewer)))
    }

    async fn fetch(self, flight: Flight, stale: Option<Arc<Object>>, tell: oneshot::Sender<Loaded>) {
        // Whoever waits may be gone.
        let tell = |loaded| drop(tell.send(loaded));
        let answered = self.ask(stale.as_ref()).await;
        let now = self.cx.env().now();
        let failed = answered.as_ref().map_or(true, |response| response.status.is_server_error());
        if let Some(stale) = stale.as_ref().filter(|stale| failed && now < stale.life.if_error) {
            let object = Arc::new(self.kept_on(stale, now));
            flight.land(&object);
            self.state.cache.settle(&object);
            return tell(Loaded::Shared(object, From::Cache));
        }
        let response = answered.unwrap_or_else(|failure| refusal::origin(failure.status(), &self.viewer));
        if let Some(stale) = stale.as_ref().filter(|_| response.status == StatusCode::NOT_MODIFIED) {
            let object = Arc::new(self.confirmed(stale, &response.headers, now));
            flight.land(&object);
            self.state.cache.settle(&object);
            return tell(Loaded::Shared(object, From::Confirmed));
        }
        let error_ttl =
            self.site.errors.get(&response.status.as_u16()).map(|page| page.ttl.unwrap_or(limits::ERROR_TTL_SECONDS));
        let life = freshness::life(self.rule.ttl, response.status, &response.headers, error_ttl, now);
        let length = text(&response.headers, CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        match life.filter(|_| length.is_none_or(|length| length <= limits::OBJECT_BYTES_MAX)) {
            Some(life) => self.take_in(flight, response, (life, length, now), tell).await,
            None => {
                if let Some(stale) = &stale {
                    self.state.cache.forget(stale);
                }
                drop(flight);
                tell(Loaded::Alone(response));
            }
        }
    }

    /// Keeps what comes, for all who ask, and gives it out meanwhile.
    async fn take_in(
        &self,
        flight: Flight,
        response: origin::Response,
        (life, length, now): (Life, Option<u64>, Timestamp),
        tell: impl FnOnce(Loaded),
    ) {
        let origin::Response { status, mut headers, body } = response;
        let coding = Coding::of(self.codings, status, &headers).filter(|_| self.rule.compress);
        let made = Timestamp(now.0.saturating_sub(u64::try_from(freshness::age(&headers).as_millis()).unwrap_or(0)));
        if let Some(coding) = coding {
            coding.mark(&mut headers);
        }
        let (content, writer) = Writer::new(self.state.cache.new_file());
        let object = Arc::new(Object {
            key: self.key,
            distribution: self.site.id.clone(),
            path: self.viewer.target(),
            status,
            headers: self.for_viewers(&headers),
            stated: length.filter(|_| coding.is_none()),
            made,
            life,
            content,
        });
        flight.land(&object);
        tell(Loaded::Shared(object.clone(), From::Origin));
        if let Err(error) = fill(writer, body, coding.map(Encoder::new)).await {
            tracing::warn!(distribution = self.site.id, path = self.viewer.path, %error, "an object did not come whole");
        }
        self.state.cache.settle(&object);
    }

    /// An origin's headers as many viewers get them.
    fn for_viewers(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = passed_on(headers);
        for name in ["age", "x-amz-request-id", "x-amz-id-2"] {
            headers.remove(name);
        }
        if !self.rule.takes_cookies() {
            headers.remove(SET_COOKIE);
        }
        headers
    }

    /// What is there, because another version cannot be had.
    fn kept_on(&self, stale: &Object, now: Timestamp) -> Object {
        let fresh = now + Duration::from_secs(limits::ERROR_TTL_SECONDS);
        self.renewed(stale, stale.headers.clone(), stale.made, Life { fresh, while_revalidating: fresh, ..stale.life })
    }

    /// What is there, which its origin says has not changed.
    fn confirmed(&self, stale: &Object, headers: &HeaderMap, now: Timestamp) -> Object {
        let mut all = stale.headers.clone();
        for (name, value) in &self.for_viewers(headers) {
            // What is about the body is about the one that is here.
            if !name.as_str().starts_with("content-") && name != ETAG {
                all.insert(name.clone(), value.clone());
            }
        }
        let life = freshness::life(self.rule.ttl, stale.status, &all, None, now);
        let life = life.unwrap_or(Life { fresh: now, while_revalidating: now, if_error: now });
        self.renewed(stale, all, now, life)
    }

    fn renewed(&self, stale: &Object, headers: HeaderMap, made: Timestamp, life: Life) -> Object {
        Object {
            key: stale.key,
            distribution: stale.distribution.clone(),
            path: stale.path.clone(),
            status: stale.status,
            headers,
            stated: stale.stated,
            made,
            life,
            content: stale.content.clone(),
        }
    }

    /// Asks for the whole object, or whether it has changed.
    async fn ask(&self, stale: Option<&Arc<Object>>) -> Result<origin::Response, Failure> {
        let mut headers = origin::headers(&self.site, &self.rule, &self.viewer, self.codings);
        if let Some(stale) = stale.filter(|stale| stale.status == StatusCode::OK) {
            for (condition, name) in [(IF_NONE_MATCH, ETAG), (IF_MODIFIED_SINCE, LAST_MODIFIED)] {
                if let Some(value) = text(&stale.headers, &name) {
                    // It became weak here, where it was compressed.
                    let own = value.strip_prefix("W/").filter(|_| stale.headers.contains_key("content-encoding"));
                    origin::insert(&mut headers, condition, own.unwrap_or(value));
                }
            }
        }
        self.send(Method::GET, headers, None).await
    }

    /// Passes a request on as it is, and its answer back.
    pub async fn pass(&self, body: Option<Upload>) -> origin::Response {
        let codings = self.rule.codings(&self.viewer.headers);
        let mut headers = origin::headers(&self.site, &self.rule, &self.viewer, codings);
        for name in ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] {
            if let (Some(value), Ok(name)) =
                (self.viewer.headers.get(name), http::HeaderName::from_bytes(name.as_bytes()))
            {
                headers.insert(name, value.clone());
            }
        }
        let answered = self.send(self.viewer.method.clone(), headers, body).await;
        answered.unwrap_or_else(|failure| refusal::origin(failure.status(), &self.viewer))
    }

    /// Asks one origin after the other, where a group of them is meant.
    async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        mut body: Option<Upload>,
    ) -> Result<origin::Response, Failure> {
        let (sources, statuses) = self.site.sources(&self.rule);
        // What has a body, or does something, is sent once.
        let reads = matches!(method, Method::GET | Method::HEAD | Method::OPTIONS);
        let mut sources = sources.into_iter().peekable();
        let mut last = Err(Failure::Unreachable);
        while let Some(source) = sources.next() {
            let request = origin::Request {
                method: method.clone(),
                path: self.viewer.path.clone(),
                query: self.rule.origin_query(&self.viewer.query),
                headers: headers.clone(),
                body: body.take(),
            };
            last = origin::send(&self.state, &self.cx, &self.site, source, request).await;
            let failed = last.as_ref().map_or(true, |response| statuses.contains(&response.status.as_u16()));
            if !failed || !reads || sources.peek().is_none() {
                break;
            }
        }
        last
    }
}

/// Takes a body to its end.
async fn fill(mut writer: Writer, mut body: Body, mut encoder: Option<Encoder>) -> io::Result<()> {
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(io::Error::other)?;
        match encoder.take() {
            Some(with) => {
                let (with, out) = encoded(with, piece).await?;
                encoder = Some(with);
                writer.push(out).await?;
            }
            None => writer.push(piece).await?,
        }
    }
    if let Some(encoder) = encoder {
        let rest = spawn_blocking(move || encoder.finish()).await.map_err(io::Error::other)??;
        writer.push(rest).await?;
    }
    writer.finish();
    Ok(())
}

async fn encoded(mut encoder: Encoder, piece: Bytes) -> io::Result<(Encoder, Bytes)> {
    let coded = spawn_blocking(move || encoder.push(&piece).map(|out| (encoder, out)));
    coded.await.map_err(io::Error::other)?
}
