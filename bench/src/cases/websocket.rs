//! Connections to a WebSocket API: what idle ones cost, messages through a function, and posts to clients.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::future::try_join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use http::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::Bench;
use crate::cases::Case;
use crate::client::{Call, Client};
use crate::functions::{Function, create_role};
use crate::load::{Load, Speed};
use crate::report::{Figure, Row, Unit, say};
use crate::server::Server;

pub const CASE: Case = Case {
    name: "websocket",
    about: "idle connections to a WebSocket API, messages through a function, and posts to clients",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const IDLE: usize = 10_000;
/// Those that are opened at the same time.
const OPENED_AT_ONCE: usize = 64;
const CLIENTS: usize = 32;
/// Long enough for an instance for every client.
const WARM_UP: Duration = Duration::from_secs(6);
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(60);
/// Sockets here are as many as there, so that they are kept small, too.
const READ_BYTES: usize = 1 << 10;
const ECHO: &str = r#"{"action":"echo"}"#;
const APIS: &str = "/v2/apis";

type Socket = WebSocketStream<TcpStream>;

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }).context("no more files may be open")?;
    let (server, _data) = bench.server().await?;
    let mut client = server.client()?;
    create_role(&mut client).await?;
    let function = Function::echo();
    function.create(&mut client).await?;
    function.allow(&mut client, "apigateway.amazonaws.com").await?;
    let path = api(&mut client, &function).await?;
    let mut rows = Vec::new();
    let count = if bench.options.quick { IDLE / 10 } else { IDLE };
    say(format_args!("  {count} idle connections"));
    let (idle, row) = idle(&server, &path, count).await?;
    rows.push(row);
    say(format_args!("  messages through a function, {CLIENTS} clients, beside the idle ones"));
    rows.push(Row::speed(
        format!("messages through a function, {CLIENTS} clients"),
        &messages(bench, &server, &path).await?,
    ));
    say(format_args!("  posts, {CLIENTS} clients"));
    rows.push(Row::speed(format!("posts to connections, {CLIENTS} clients"), &posts(bench, &server, &path).await?));
    drop(idle);
    server.stop().await?;
    Ok(rows)
}

/// The path of a new API's stage, whose route `echo` answers with what it was told.
async fn api(client: &mut Client, function: &Function) -> anyhow::Result<String> {
    let input =
        json!({"name": "bench", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action"});
    let api = made(client, APIS, &input, "apiId").await?;
    let below = format!("{APIS}/{api}");
    let input = json!({"integrationType": "AWS_PROXY", "integrationUri": function.arn()});
    let integration = made(client, &format!("{below}/integrations"), &input, "integrationId").await?;
    let input = json!({
        "routeKey": "echo", "target": format!("integrations/{integration}"), "routeResponseSelectionExpression": "$default",
    });
    let route = made(client, &format!("{below}/routes"), &input, "routeId").await?;
    let input = json!({"routeResponseKey": "$default"});
    made(client, &format!("{below}/routes/{route}/routeresponses"), &input, "routeResponseId").await?;
    made(client, &format!("{below}/stages"), &json!({"stageName": "dev", "autoDeploy": true}), "stageName").await?;
    Ok(format!("/_aws/execute-api/{api}/dev"))
}

async fn made(client: &mut Client, path: &str, input: &Value, id: &str) -> anyhow::Result<String> {
    let answer = client.call(Call::rest("apigateway", Method::POST, path, input.to_string())).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    Ok(answer[id].as_str().with_context(|| format!("no {id} in {answer}"))?.to_owned())
}

async fn open(address: SocketAddr, path: &str) -> anyhow::Result<Socket> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(READ_BYTES).write_buffer_size(0);
    let opened = client_async_with_config(format!("ws://{address}{path}"), stream, Some(config));
    Ok(timeout(ANSWER_WAIT_MAX, opened).await.context("no handshake in time")??.0)
}

/// Many connections on which nothing is said, and what each of them takes of the server's memory.
async fn idle(server: &Server, path: &str, count: usize) -> anyhow::Result<(Vec<Socket>, Row)> {
    // Whatever is made once is made by the first.
    let mut sockets = vec![open(server.endpoint.address, path).await?];
    let (before, began) = (server.memory()?.resident, Instant::now());
    while sockets.len() < count {
        let more = OPENED_AT_ONCE.min(count - sockets.len());
        let opened = (0..more).map(|_| open(server.endpoint.address, path));
        sockets.extend(try_join_all(opened).await.with_context(|| format!("after {} connections", sockets.len()))?);
    }
    let took = began.elapsed();
    let grown = server.memory()?.resident - before;
    let figures = vec![
        Figure::new("", grown, Unit::MiB),
        Figure::new("each", grown * 1024.0 / count as f64, Unit::KiB),
        Figure::new("opened", count as f64 / took.as_secs_f64(), Unit::PerSecond),
    ];
    Ok((sockets, Row::new(format!("{count} idle connections"), figures)))
}

async fn say_and_hear(socket: &mut Socket, text: &str) -> anyhow::Result<String> {
    socket.send(Message::text(text)).await?;
    hear(socket).await
}

async fn hear(socket: &mut Socket) -> anyhow::Result<String> {
    let next = timeout(ANSWER_WAIT_MAX, socket.next()).await.context("no message in time")?;
    match next.context("the connection has ended")?? {
        Message::Text(text) => Ok(text.as_str().to_owned()),
        other => bail!("{other:?} is no text"),
    }
}

/// Sockets that clients of a load take, one each.
async fn sockets(server: &Server, path: &str) -> anyhow::Result<Rc<RefCell<Vec<Socket>>>> {
    let opened = (0..CLIENTS).map(|_| open(server.endpoint.address, path));
    Ok(Rc::new(RefCell::new(try_join_all(opened).await?)))
}

async fn messages(bench: &Bench, server: &Server, path: &str) -> anyhow::Result<Speed> {
    let sockets = sockets(server, path).await?;
    let load = Load { clients: CLIENTS, warm_up: WARM_UP, time: bench.pace().1 };
    let worker = |_| {
        let mut socket = sockets.borrow_mut().pop();
        async move |_: &mut Client| {
            let answer = say_and_hear(socket.as_mut().context("a socket")?, ECHO).await?;
            if answer == ECHO { Ok(()) } else { bail!("{answer} came back") }
        }
    };
    load.run(&server.endpoint, worker).await
}

/// Each client posts to a connection of its own, and waits until it has arrived.
async fn posts(bench: &Bench, server: &Server, path: &str) -> anyhow::Result<Speed> {
    let mut known = Vec::new();
    for mut socket in sockets(server, path).await?.take() {
        // What leads nowhere is answered with the connection's name.
        let refused: Value = serde_json::from_str(&say_and_hear(&mut socket, "to nobody").await?)?;
        let id = refused["connectionId"].as_str().context("a connection without a name")?.replace('=', "%3D");
        known.push((socket, format!("/@connections/{id}")));
    }
    let known = Rc::new(RefCell::new(known));
    let worker = |_| {
        let mut own = known.borrow_mut().pop();
        async move |client: &mut Client| {
            let (socket, path) = own.as_mut().context("a connection")?;
            client.call(Call::rest("execute-api", Method::POST, path, ECHO)).await?;
            hear(socket).await.map(drop)
        }
    };
    Load::new(CLIENTS, bench.pace()).run(&server.endpoint, worker).await
}
