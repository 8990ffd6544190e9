//! A cloud with two made-up services, and a gateway in front of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Arn, Env, Region, Timestamp};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use gateway::{Functions, Gateway, Limits, Listener, Options};
use http::request::Parts;
use kv::{Db, Memory};
use serde::{Deserialize, Serialize};
use service::{
    Access, Api, Arrival, Body, BoxFuture, Caller, CallerKind, Cloud, Conversation, Credential, CredentialError, Cx,
    Denial, Error, Event, Front, News, PeerAddr, Permission, QueryApi, Service, Upload, read, write,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wire::Protocol;
use wire::query::Names;
use wire::rest::Binding;

use crate::client::Client;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Text {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Book {
    name: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
}

const GET_BOOK: Binding = Binding::new("GET", "/books/{Name}", 200).query(&[("page", "Page")]);
const GET_NEWS: Binding = Binding::new("GET", "/news", 200);
const PUT_BOOK: Binding = Binding::new("PUT", "/books/{Name}", 201);

fn echo() -> Service {
    let api = Api {
        namespace: "com.example.echo",
        json: Some((Protocol::Json10, "Echo_2020")),
        query: Some(QueryApi {
            version: "2020-01-01",
            xmlns: "urn:echo",
            names: &Names::NONE,
            path_member: Some("Text"),
        }),
        not_implemented: &["Dream"],
        body_bytes_max: 1000,
        ..Api::named("echo")
    };
    Service::builder(api, Arc::new(()))
        .operation(read("Say", |_: Arc<()>, _: Cx, input: Text| async move { Ok::<_, Error>(input) }))
        .operation(read("WhereAmI", |_: Arc<()>, cx: Cx, _: Text| async move {
            Ok::<_, Error>(Text { text: format!("{} {}", cx.endpoint(), cx.region()), count: None })
        }))
        .operation(write("Panic", |_: Arc<()>, _: Cx, input: Text| async move {
            assert_eq!(input.text, "calm", "asked to");
            Ok::<_, Error>(input)
        }))
        .operation(read("Wait", |_: Arc<()>, _: Cx, _: Text| std::future::pending::<Result<Text, Error>>()))
        .build()
}

fn books() -> Service {
    Service::builder(Api::named("books"), Arc::new(()))
        .operation(read("GetBook", |_: Arc<()>, _: Cx, book: Book| async move { Ok::<_, Error>(book) }).rest(&GET_BOOK))
        .operation(
            write("PutBook", |_: Arc<()>, _: Cx, book: Book| async move { Ok::<_, Error>(book) }).rest(&PUT_BOOK),
        )
        .operation(read("GetNews", |_: Arc<()>, _: Cx, _: Book| async move { Ok::<_, Error>(news()) }).rest(&GET_NEWS))
        .front(App)
        .streaming_front(Counter)
        .build()
}

/// That there is none, and then nothing for ever.
fn news() -> News {
    News::new(stream::iter([Event::Message("{}".into())]).chain(stream::pending()))
}

/// Counts what comes, on one host.
struct Counter;

impl Front<Upload> for Counter {
    fn matches(&self, head: &Parts) -> bool {
        head.headers.get("host").is_some_and(|host| host == "counter.localhost")
    }

    fn handle(&self, _: Cx, request: http::Request<Upload>) -> BoxFuture<http::Response<Body>> {
        Box::pin(async move {
            let mut body = request.into_body();
            let mut count = 0;
            loop {
                match body.next().await {
                    Ok(Some(piece)) => count += piece.len(),
                    Ok(None) => break,
                    Err(error) => {
                        let mut response = http::Response::new(Bytes::from(error.code.into_owned()).into());
                        *response.status_mut() = http::StatusCode::BAD_REQUEST;
                        return response;
                    }
                }
            }
            http::Response::new(Bytes::from(format!("{count} of {:?}", body.length)).into())
        })
    }
}

/// Answers everything on one host.
struct App;

impl Front for App {
    fn matches(&self, head: &Parts) -> bool {
        head.headers.get("host").is_some_and(|host| host == "app.localhost")
    }

    fn handle(&self, _: Cx, request: http::Request<Bytes>) -> BoxFuture<http::Response<Body>> {
        Box::pin(async move {
            assert_ne!(request.uri().path(), "/panic", "asked to");
            if request.uri().path() == "/pending" {
                return std::future::pending().await;
            }
            if request.uri().path() == "/talk" {
                return http::Response::new(Body::conversation(Conversation::new(1, 1, |_| {
                    Box::pin(std::future::pending())
                })));
            }
            if request.uri().path() == "/from" {
                let PeerAddr(peer) = request.extensions().get().copied().unwrap();
                let scheme = request.extensions().get::<Arrival>().unwrap().scheme();
                return http::Response::new(Bytes::from(format!("{} {scheme}", peer.ip())).into());
            }
            if request.uri().path() == "/large" {
                return http::Response::new(Bytes::from(vec![b'x'; 64 << 20]).into());
            }
            let answer = format!("app {} {}", request.uri().path(), request.body().len());
            http::Response::new(Bytes::from(answer).into())
        })
    }
}

/// `ROOT` may do all, `USER` nothing, and `OLD` has expired. The secret of each is `secret`.
struct Keys;

impl Access for Keys {
    fn credential(&self, key: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        let account = AccountId::new("000000000000");
        let caller = match key {
            "ROOT" => Caller::root(&account),
            "USER" => Caller {
                arn: Arn::global("iam", &account, "user/u"),
                kind: CallerKind::User { name: "u".into() },
                ..Caller::root(&account)
            },
            "OLD" => return Err(CredentialError::Expired),
            _ => return Err(CredentialError::Unknown),
        };
        Ok(Credential { secret: "secret".into(), caller, expires: None })
    }

    fn authorize(&self, caller: &Caller, permission: &Permission, _: Timestamp) -> Result<(), Denial> {
        let message = format!("{} may not {} on {}", caller.arn, permission.action, permission.resource);
        Err(Denial { message })
    }
}

/// A running gateway. It stops when this is dropped.
pub struct Fake {
    pub client: Client,
    pub gateway: Gateway,
    pub stop: CancellationToken,
    pub serving: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Limits small enough to be met in a test.
pub fn limits() -> Limits {
    Limits { header_bytes: 8 << 10, body_bytes: 2000, shutdown_wait: Duration::from_millis(100), ..Limits::default() }
}

pub async fn start() -> Fake {
    start_with(limits()).await
}

pub async fn start_with(limits: Limits) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    start_listening(limits, vec![listener.into()], address)
}

/// Starts one for which its clients are a proxy that is believed, unless they are functions'.
pub async fn start_behind_a_proxy(limits: Limits, functions: Functions) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    start_with_options(Options { limits, trusted_proxies, functions, ..options() }, vec![listener.into()], address)
}

/// Starts one with these sockets, of which the client uses the one with this address.
pub fn start_listening(limits: Limits, listeners: Vec<Listener>, address: SocketAddr) -> Fake {
    start_with_options(Options { limits, ..options() }, listeners, address)
}

fn options() -> Options {
    Options { allowed_origins: vec!["https://good.example".into()], local_names_only: true, ..Options::default() }
}

fn start_with_options(options: Options, listeners: Vec<Listener>, address: SocketAddr) -> Fake {
    let env = Env::simulated(1, Timestamp(1_795_000_000_000));
    let (account, region) = (AccountId::new("000000000000"), Region::new("us-east-1"));
    let builder =
        Cloud::builder(Db::open(Memory::new()), env.clone(), account, region, "http://cloud".into(), Arc::new(Keys));
    let cloud = builder.service(echo()).service(books()).build();
    let client = Client { address, env };
    let gateway = Gateway::new(cloud, options);
    let stop = CancellationToken::new();
    let (serves, token) = (gateway.clone(), stop.clone());
    let serving = tokio::spawn(async move { serves.serve(listeners, token).await });
    Fake { client, gateway, stop, serving }
}
