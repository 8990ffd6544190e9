//! Sockets: accepting, HTTP/1 and HTTP/2 on the same port, and an end in good order.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use service::{Arrival, Body, PeerAddr};
use tls::ACME_PROTOCOL;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::addresses::Addresses;
use crate::arrival::{Ends, household};
use crate::listener::{Elsewhere, Listener, Speech};
use crate::overheard::Overheard;
use crate::presence::{Answer, Presence, Presences};
use crate::shares::Share;
use crate::taken::Taken;
use crate::websocket::Sockets;
use crate::{Inner, Limits, exchange};

/// How long to wait when the system has no file descriptor left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long to wait for a place before another idle connection is looked for that leaves one.
const PLACE_POLL: Duration = Duration::from_millis(10);

/// How often an HTTP/2 client must show that it is still there, and how long it may take to answer.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_WAIT: Duration = Duration::from_secs(20);

/// At the end, connections in use are told with an answer that it is the last one, so that no request is on its way when they
/// close. How long that may take, how long one that nobody has used counts as one that nobody will, and how often to look.
const LAST_ANSWERS_WAIT: Duration = Duration::from_secs(1);
const LAST_ANSWERS_IDLE: Duration = Duration::from_millis(100);
const LAST_ANSWERS_POLL: Duration = Duration::from_millis(10);

/// What all listeners have in common.
struct Door {
    inner: Arc<Inner>,
    builder: Builder<TokioExecutor>,
    places: Arc<Semaphore>,
    presences: Presences,
    /// Connections of each address.
    addresses: Addresses,
    connections: TaskTracker,
    /// Ends connections in the middle of whatever they do.
    cut: CancellationToken,
    sockets: Sockets,
    number: AtomicU64,
}

/// A connection that has come in.
struct Arrived {
    stream: TcpStream,
    peer: SocketAddr,
    place: Option<OwnedSemaphorePermit>,
    /// Its share of its address's; of addresses that are counted.
    share: Option<Share<IpAddr>>,
}

pub(crate) async fn serve(inner: Arc<Inner>, listeners: Vec<Listener>, stop: CancellationToken) {
    let door = Arc::new(Door {
        builder: builder(&inner.limits),
        places: Arc::new(Semaphore::new(inner.limits.connections)),
        presences: Presences::default(),
        addresses: Addresses::new(inner.limits.address_connections),
        connections: TaskTracker::new(),
        cut: CancellationToken::new(),
        sockets: Sockets {
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
            place: None,
            share: None,
            places: Arc::new(Semaphore::new(inner.limits.websockets)),
        },
        number: AtomicU64::new(0),
        inner,
    });
    let graceful = GracefulShutdown::new();
    join_all(listeners.into_iter().map(|listener| accept(&door, &graceful, listener, &stop))).await;
    door.close(graceful).await;
}

/// Takes connections until `stop`.
async fn accept(door: &Arc<Door>, graceful: &GracefulShutdown, listener: Listener, stop: &CancellationToken) {
    let Listener { socket, speech } = listener;
    while let Some(arrived) = stop.run_until_cancelled(door.next(&socket)).await {
        door.enter(arrived, speech.clone(), graceful.watcher());
    }
    // Who had connected by then is answered, too.
    while let Some(Ok((stream, peer))) = socket.accept().now_or_never() {
        let place = door.places.clone().try_acquire_owned().ok();
        if let (Some(share), true) = (door.share(peer), place.is_some()) {
            door.enter(Arrived { stream, peer, place, share }, speech.clone(), graceful.watcher());
        }
    }
}

impl Door {
    /// The next connection, and a place for it.
    async fn next(&self, socket: &TcpListener) -> Arrived {
        loop {
            match socket.accept().await {
                Ok((stream, peer)) => match self.share(peer) {
                    Some(share) => return Arrived { stream, peer, place: self.place().await, share },
                    None => tracing::debug!(%peer, "an address has as many connections as it may"),
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// A share of what an address may have, where that is counted; `None` when it has all of it in use.
    fn share(&self, peer: SocketAddr) -> Option<Option<Share<IpAddr>>> {
        if self.inner.proxies.exempts(peer.ip()) {
            return Some(None);
        }
        self.addresses.enter(household(peer.ip()), &self.presences).map(Some)
    }

    /// A place, for which an idle connection leaves if none is free.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if self.places.available_permits() == 0 {
                self.presences.let_go_of_idle(None);
            }
            // The semaphore is never closed.
            if let Ok(place) = timeout(PLACE_POLL, self.places.clone().acquire_owned()).await {
                return place.ok();
            }
        }
    }

    fn enter(self: &Arc<Door>, arrived: Arrived, speech: Speech, watcher: Watcher) {
        let Arrived { stream, peer, place, share } = arrived;
        let door = self.clone();
        let (place, share) = (place.map(Arc::new), share.map(Arc::new));
        let sockets = Sockets { place, share: share.clone(), ..self.sockets.clone() };
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let presence = self.presences.enter(number, Some(household(peer.ip())));
        self.connections.spawn(async move {
            let Limits { answer_wait, called_off, .. } = door.inner.limits;
            let talk = Talk { inner: door.inner.clone(), watcher, peer, presence: presence.clone(), sockets };
            tokio::select! {
                () = talk.over(&door.builder, stream, speech) => {}
                () = presence.ended(answer_wait, called_off) => tracing::debug!("a connection was let go"),
                () = door.cut.cancelled() => {}
            }
            door.presences.leave(number);
            // A WebSocket that the connection has become goes on having it.
            drop(share);
        });
    }

    /// Lets what is under way come to its end, within limits.
    async fn close(&self, graceful: GracefulShutdown) {
        self.inner.draining.store(true, Ordering::Relaxed);
        self.connections.close();
        self.sockets.tasks.close();
        let ended = timeout(self.inner.limits.shutdown_wait, async {
            let _ = timeout(LAST_ANSWERS_WAIT, self.last_answers()).await;
            graceful.shutdown().await;
            self.sockets.tasks.wait().await;
        });
        if ended.await.is_err() {
            let (connections, websockets) = (self.connections.len(), self.sockets.tasks.len());
            tracing::warn!(connections, websockets, "ended requests that did not finish in time");
        }
        self.cut.cancel();
        self.connections.wait().await;
        self.sockets.end.cancel();
        self.sockets.tasks.wait().await;
    }

    /// Waits until nobody has wanted anything for a moment.
    async fn last_answers(&self) {
        while !self.presences.are_idle(LAST_ANSWERS_IDLE) {
            sleep(LAST_ANSWERS_POLL).await;
        }
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_wait).max_buf_size(limits.header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_WAIT);
    builder
}

/// What goes on on a connection.
struct Talk {
    inner: Arc<Inner>,
    watcher: Watcher,
    peer: SocketAddr,
    presence: Arc<Presence>,
    sockets: Sockets,
}

impl Talk {
    async fn over(self, builder: &Builder<TokioExecutor>, stream: TcpStream, speech: Speech) {
        // Small answers leave at once instead of waiting for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let Ok(local) = stream.local_addr() else { return };
        let ends = Ends::new(self.peer, local);
        let stream = Taken::new(stream, self.inner.limits.answer_wait, self.presence.clone());
        let config = match speech {
            Speech::Plain => return self.http(builder, stream, ends, false, None).await,
            Speech::Elsewhere(elsewhere) => return self.http(builder, stream, ends, false, Some(elsewhere)).await,
            Speech::Tls(config) => config,
        };
        let peer = self.peer;
        match timeout(self.inner.limits.handshake_wait, TlsAcceptor::from(config).accept(stream)).await {
            // It has seen what it came for: RFC 8737, 3.
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(ACME_PROTOCOL) => {}
            Ok(Ok(stream)) => self.http(builder, stream, ends, true, None).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        }
    }

    async fn http<S>(
        self,
        builder: &Builder<TokioExecutor>,
        stream: S,
        ends: Arc<Ends>,
        tls: bool,
        elsewhere: Option<Elsewhere>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Talk { inner, watcher, peer, presence, sockets } = self;
        let spoke = Arc::new(AtomicBool::new(false));
        let (header_wait, speaks) = (inner.limits.header_wait, spoke.clone());
        let (stream, ear) = Overheard::new(stream);
        let service = service_fn(move |mut request: Request<Incoming>| {
            speaks.store(true, Ordering::Relaxed);
            let heard = ear.take().of_request(request.method(), request.uri());
            let extensions = request.extensions_mut();
            extensions.insert(PeerAddr(peer));
            extensions.insert(ends.clone());
            extensions.insert(Arrival { tls, port: None });
            extensions.insert(sockets.clone());
            extensions.insert(presence.clone());
            extensions.insert(heard);
            let (inner, running, is_http_2) = (inner.clone(), presence.begin(), request.version() == Version::HTTP_2);
            let (elsewhere, ear) = (elsewhere.clone(), ear.clone());
            async move {
                let response = match elsewhere {
                    Some(elsewhere) => elsewhere.answer(&request.into_parts().0).map(Body::from),
                    None => exchange::handle(&inner, request).await,
                };
                // What comes by HTTP/2, or once another protocol is spoken, has no names to be heard.
                if !is_http_2 && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    ear.listen();
                }
                Ok::<_, Infallible>(response.map(|body| Answer::new(body, running, is_http_2)))
            }
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let mut connection = std::pin::pin!(watcher.watch(connection));
        // Until the first bytes have told HTTP/1 from HTTP/2, no protocol's own time limit runs.
        let result = match timeout(header_wait, &mut connection).await {
            Ok(result) => result,
            Err(_) if !spoke.load(Ordering::Relaxed) => return,
            Err(_) => connection.await,
        };
        if let Err(error) = result {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
