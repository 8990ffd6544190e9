//! Bringing a subscriber what it has subscribed to, at a port that its own instance serves, and no other.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use base::Env;
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::limits::{EXTENSION_BODY_BYTES_MAX, TELEMETRY_ATTEMPTS_MAX, TELEMETRY_BACKOFF};
use crate::peer;
use crate::telemetry::api::Destination;
use crate::telemetry::queue::{Batch, Loss, Queue};
use crate::telemetry::{Schema, Told, Types};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Lambda's words.
const BEHIND: &str = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.";

/// Where HTTP is served when nothing else is said.
const HTTP_PORT: u16 = 80;

/// Delivers for as long as it is polled. An instance that is frozen takes its time, and loses nothing by that.
pub(crate) async fn deliver(
    queue: Arc<Queue>,
    destination: Destination,
    schema: Schema,
    types: Types,
    pid: u32,
    env: Env,
) {
    let mut line = Line { destination, pid, stream: None };
    loop {
        let Batch { mut events, lost } = queue.next().await;
        if lost.records > 0 {
            events.push(Arc::new(dropped(&env, lost)));
        }
        let wanted = events.iter().filter(|told| told.is_for(types, schema));
        let records: Vec<String> = wanted.map(|told| told.render(schema)).collect();
        if !records.is_empty() && !line.send_patiently(&records).await {
            let mut lost = Loss::default();
            lost.add(&events);
            queue.lose(lost);
        }
    }
}

fn dropped(env: &Env, lost: Loss) -> Told {
    let record = json!({"reason": BEHIND, "droppedRecords": lost.records, "droppedBytes": lost.bytes});
    Told::platform(env.now(), "platform.logsDropped", record)
}

/// A way to a subscriber.
struct Line {
    destination: Destination,
    /// A process of its instance.
    pid: u32,
    /// The connection of a subscriber by TCP, once there is one.
    stream: Option<TcpStream>,
}

impl Line {
    /// Sends records, again after a while where that fails; false when it was tried often enough.
    async fn send_patiently(&mut self, records: &[String]) -> bool {
        let mut pause = TELEMETRY_BACKOFF;
        for attempt in 1..=TELEMETRY_ATTEMPTS_MAX {
            match self.send(records).await {
                Ok(()) => return true,
                Err(error) => tracing::debug!(%error, attempt, "an extension was not sent what it has subscribed to"),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        false
    }

    async fn send(&mut self, records: &[String]) -> Result<()> {
        match &self.destination {
            Destination::Http { uri, method } => {
                let stream = connect(self.pid, uri.port_u16().unwrap_or(HTTP_PORT)).await?;
                let host = uri.authority().map_or("", |authority| authority.as_str());
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                let body = Full::new(Bytes::from(format!("[{}]", records.join(","))));
                let request = Request::builder().method(method.clone()).uri(path).header(HOST, host);
                exchange(stream, request.header(CONTENT_TYPE, "application/json").body(body)?).await
            }
            Destination::Tcp { port } => {
                let mut stream = match self.stream.take() {
                    Some(stream) => stream,
                    None => connect(self.pid, *port).await?,
                };
                let lines: String = records.iter().flat_map(|record| [record.as_str(), "\n"]).collect();
                stream.write_all(lines.as_bytes()).await?;
                self.stream = Some(stream);
                Ok(())
            }
        }
    }
}

/// Sends a request and waits for the answer, which has to be one of success.
async fn exchange(stream: TcpStream, request: Request<Full<Bytes>>) -> Result<()> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answer = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        // A server that is cut short may complain of it.
        let _ = Limited::new(answer.into_body(), EXTENSION_BODY_BYTES_MAX).collect().await;
        if status.is_success() { Ok(()) } else { Err(format!("it has answered {status}").into()) }
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        biased;
        answer = &mut answer => return answer,
        ended = &mut connection => ended?,
    }
    // The connection has ended with the answer, which may have been read already.
    answer.await
}

/// Connects to a port that the instance itself serves, at its own loopback address or at the one that all share.
async fn connect(pid: u32, port: u16) -> Result<TcpStream> {
    if let Some(socket) = sandbox::socket_inside(pid).await? {
        // In a network of its own there is nobody else.
        let socket = std::net::TcpStream::from(socket);
        socket.set_nonblocking(true)?;
        let stream = TcpSocket::from_std_stream(socket).connect((Ipv4Addr::LOCALHOST, port).into()).await?;
        let _ = stream.set_nodelay(true);
        return Ok(stream);
    }
    let own = tokio::task::spawn_blocking(move || peer::loopback_address(pid)).await?;
    for address in [own, Ipv4Addr::LOCALHOST] {
        let address = SocketAddrV4::new(address, port);
        if !is_its_own(pid, address).await? {
            continue;
        }
        let stream = TcpStream::connect(SocketAddr::V4(address)).await?;
        // Who served it may have left the port to another meanwhile.
        if is_its_own(pid, address).await? {
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(format!("nobody in the instance serves port {port}").into())
}

async fn is_its_own(pid: u32, address: SocketAddrV4) -> Result<bool> {
    Ok(tokio::task::spawn_blocking(move || peer::is_served_beside(pid, address)).await??)
}
