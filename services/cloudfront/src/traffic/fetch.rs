//! An object for a viewer: out of the cache, or from its origin, with one request for all who ask meanwhile.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use http::header::{
    AGE, CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, RANGE,
    SET_COOKIE,
};
use http::{Method, StatusCode};
use service::{Body, BoxFuture, Cx, Upload};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::compress::{Coding, Encoder};
use super::figures::From;
use super::headers::{passed_on, text};
use super::images::{self, Wanted};
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
    /// What is made of what is there, for images.
    image: Option<Arc<Wanted>>,
    key: Key,
    codings: &'static str,
}

impl Task {
    pub fn new(
        state: Arc<CloudFront>,
        cx: Cx,
        site: Arc<Site>,
        rule: Arc<Rule>,
        viewer: Arc<Viewer>,
        image: Option<Wanted>,
    ) -> Task {
        // A part of what is compressed is of no use to whoever has parts of what is not, and an image is small already.
        let as_it_is = viewer.asks_for_range() || image.is_some();
        let codings = if as_it_is { "" } else { rule.codings(&viewer.headers) };
        let made = image.as_ref().map(|wanted| wanted.key.as_str());
        let key = rule.key(&site.id, &viewer, codings, made);
        Task { state, cx, site, rule, viewer, image: image.map(Arc::new), key, codings }
    }

    /// The request of another viewer to the same behaviour, for what is there as it is.
    pub fn instead(&self, viewer: Viewer) -> Task {
        let Task { state, cx, site, rule, .. } = self.clone();
        Task::new(state, cx, site, rule, Arc::new(viewer), None)
    }

    /// [`Task::load`] in a form that a task can be part of another in.
    pub fn loaded(self) -> BoxFuture<Loaded> {
        Box::pin(async move { self.load().await })
    }

    /// Answers a request that reads.
    pub async fn load(&self) -> Loaded {
        if !self.rule.caches() {
            return self.alone().await;
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
        let is_part = self.viewer.method == Method::HEAD || self.begins_inside();
        if known.is_none() && is_part && self.image.is_none() {
            return self.alone().await;
        }
        match self.state.cache.turn(self.key, known.as_ref()) {
            Turn::Landed(object) => Loaded::Shared(object, From::Cache),
            Turn::Fetch(flight) => self.fly(flight, known).await,
            Turn::Wait(mut wait) => {
                let landed = wait.wait_for(|landing| !matches!(landing, Landing::Pending)).await;
                let landed = landed.map(|landing| landing.clone());
                match landed {
                    Ok(Landing::Shared(object)) => Loaded::Shared(object, From::Cache),
                    _ => self.alone().await,
                }
            }
        }
    }

    /// What is for this viewer and nobody else.
    async fn alone(&self) -> Loaded {
        Loaded::Alone(match &self.image {
            Some(wanted) => images::make(self, wanted, None).await,
            None => self.pass(None).await,
        })
    }

    /// Whether a part is wanted that does not begin where the object does: waiting for all that comes before would be long.
    fn begins_inside(&self) -> bool {
        let range = text(&self.viewer.headers, RANGE).filter(|_| self.viewer.asks_for_range());
        range.is_some_and(|range| !range.starts_with("bytes=0-"))
    }

    /// Fetches another version of what is given out meanwhile.
    fn renew_behind(&self, object: &Arc<Object>) {
        if let Turn::Fetch(flight) = self.state.cache.turn(self.key, Some(object)) {
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
        let life =
            freshness::life(self.rule.ttl, response.status, &response.headers, self.error_ttl(response.status), now);
        let length = text(&response.headers, CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        let fits = length.is_none_or(|length| length <= limits::OBJECT_BYTES_MAX);
        // For images there may be room a moment later.
        let is_busy = self.image.is_some() && response.status == StatusCode::SERVICE_UNAVAILABLE;
        match life.filter(|_| fits && !is_busy) {
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

    /// The least time that an error is kept, in seconds, where one is said: an image that cannot be made is not tried again at once.
    /// What else the origin refuses may be meant for one viewer alone.
    fn error_ttl(&self, status: StatusCode) -> Option<u64> {
        let page = self.site.errors.get(&status.as_u16());
        let is_refused_image = matches!(status.as_u16(), 400 | 413 | 415 | 422);
        let of_site = page.map(|page| page.ttl.unwrap_or(limits::ERROR_TTL_SECONDS));
        of_site.or_else(|| self.image.as_ref().filter(|_| is_refused_image).map(|_| limits::ERROR_TTL_SECONDS))
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
        let made = before(now, freshness::age(&headers));
        if let Some(coding) = coding {
            coding.mark(&mut headers);
        }
        // Without one, whoever waits is told that there is no answer.
        let Ok(place) = self.state.cache.new_place() else { return };
        let (content, writer) = Writer::new(place);
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
        let (mut all, told) = (stale.headers.clone(), self.for_viewers(headers));
        // What is about the body is about the one that is here.
        let is_kept = |name: &HeaderName| name.as_str().starts_with("content-") || name == ETAG;
        told.keys().filter(|name| !is_kept(name)).for_each(|name| drop(all.remove(name)));
        for (name, value) in told.iter().filter(|(name, _)| !is_kept(name)) {
            all.append(name, value.clone());
        }
        // Whoever confirms it may know so from a cache.
        let age = freshness::age(headers);
        all.insert(AGE, age.as_secs().into());
        let life = freshness::life(self.rule.ttl, stale.status, &all, None, now);
        all.remove(AGE);
        let life = life.unwrap_or(Life { fresh: now, while_revalidating: now, if_error: now });
        self.renewed(stale, all, before(now, age), life)
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
        if let Some(wanted) = &self.image {
            return Ok(images::make(self, wanted, stale.map(|stale| &**stale)).await);
        }
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

fn before(now: Timestamp, age: Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(0)))
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
    writer.finish().await
}

async fn encoded(mut encoder: Encoder, piece: Bytes) -> io::Result<(Encoder, Bytes)> {
    let coded = spawn_blocking(move || encoder.push(&piece).map(|out| (encoder, out)));
    coded.await.map_err(io::Error::other)?
}
