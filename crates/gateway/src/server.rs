//! Sockets: accepting, HTTP/1 and HTTP/2 on the same port, and an end in good order.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use service::PeerAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::presence::{Answer, Presence, Presences};
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

pub(crate) async fn serve(inner: Arc<Inner>, listener: TcpListener, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(inner.limits.connections));
    let builder = Arc::new(builder(&inner.limits));
    let presences = Arc::new(Presences::default());
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let lasting = Arc::new(Semaphore::new(inner.limits.websockets));
    let sockets = Sockets { tasks: TaskTracker::new(), end: CancellationToken::new(), place: None, places: lasting };
    let mut number = 0;
    while let Some((place, stream)) =
        stop.run_until_cancelled(next(&places, &presences, &listener, &mut connections)).await
    {
        let (inner, builder, watcher) = (inner.clone(), builder.clone(), graceful.watcher());
        let presences = presences.clone();
        let sockets = Sockets { place: place.map(Arc::new), ..sockets.clone() };
        number += 1;
        connections.spawn(async move {
            let presence = presences.enter(number);
            let wait = inner.limits.answer_wait;
            tokio::select! {
                () = connection(inner, &builder, watcher, stream, presence.clone(), sockets) => {}
                () = presence.ended(wait) => tracing::debug!("a connection was let go"),
            }
            presences.leave(number);
        });
    }
    drop(listener);
    sockets.tasks.close();
    let all = async {
        graceful.shutdown().await;
        sockets.tasks.wait().await;
    };
    if timeout(inner.limits.shutdown_wait, all).await.is_err() {
        let (connections, websockets) = (connections.len(), sockets.tasks.len());
        tracing::warn!(connections, websockets, "ended requests that did not finish in time");
    }
    connections.shutdown().await;
    sockets.end.cancel();
    sockets.tasks.wait().await;
}

/// The next connection, and a place for it.
async fn next(
    places: &Arc<Semaphore>,
    presences: &Presences,
    listener: &TcpListener,
    connections: &mut JoinSet<()>,
) -> (Option<OwnedSemaphorePermit>, TcpStream) {
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => return (place(places, presences).await, stream),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A place, for which an idle connection leaves if none is free.
async fn place(places: &Arc<Semaphore>, presences: &Presences) -> Option<OwnedSemaphorePermit> {
    loop {
        if places.available_permits() == 0 {
            presences.let_go_of_idle();
        }
        // The semaphore is never closed.
        if let Ok(place) = timeout(PLACE_POLL, places.clone().acquire_owned()).await {
            return place.ok();
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

async fn connection(
    inner: Arc<Inner>,
    builder: &Builder<TokioExecutor>,
    watcher: Watcher,
    stream: TcpStream,
    presence: Arc<Presence>,
    sockets: Sockets,
) {
    // Small answers leave at once instead of waiting for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let spoke = Arc::new(AtomicBool::new(false));
    let (header_wait, speaks) = (inner.limits.header_wait, spoke.clone());
    let peer = stream.peer_addr().ok().map(PeerAddr);
    let stream = Taken::new(stream, inner.limits.answer_wait, presence.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        speaks.store(true, Ordering::Relaxed);
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        request.extensions_mut().insert(sockets.clone());
        request.extensions_mut().insert(presence.clone());
        let (inner, running, is_http_2) = (inner.clone(), presence.begin(), request.version() == Version::HTTP_2);
        async move {
            let response = exchange::handle(&inner, request).await;
            Ok::<_, Infallible>(response.map(|body| Answer::new(body, running, is_http_2)))
        }
    });
    let connection = watcher.watch(builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned());
    let mut connection = std::pin::pin!(connection);
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
