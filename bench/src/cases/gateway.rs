//! Requests through an HTTP API: to a function, beside the function's own invocations, and to a backend, beside a proxy in front of the
//! same one.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::Bench;
use crate::cases::Case;
use crate::client::{Call, Client, Endpoint};
use crate::functions::{Function, create_role};
use crate::load::{Load, Speed};
use crate::nginx::Nginx;
use crate::report::{Row, say};

pub const CASE: Case = Case {
    name: "gateway",
    about: "requests through an HTTP API to a function and to a backend, 32 clients",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const CLIENTS: usize = 32;
const ANSWER: &str = "from the backend";
const PASSWORD: &str = "Passw0rd!";
/// More than anything here reaches, so that each request is counted and none is refused.
const THROTTLE: u32 = 1_000_000;

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let backend = backend().await?;
    let (server, _data) = bench.server_reaching(backend.port()).await?;
    let mut client = server.client()?;
    let function = Function::python();
    create_role(&mut client).await?;
    function.create(&mut client).await?;
    function.allow(&mut client, "apigateway.amazonaws.com").await?;
    let made = Made::new(&mut client, &function, backend).await?;
    let mut rows = Vec::new();
    let what = format!("the function itself, python, {CLIENTS} clients");
    say(format_args!("  {what}"));
    let invoke = |_| {
        let function = &function;
        async move |client: &mut Client| function.invoke(client, 0).await
    };
    rows.push(Row::speed(what, &Load::new(CLIENTS, bench.pace()).run(&server.endpoint, invoke).await?));
    for (what, path) in [
        ("an API in front of it", made.path("/function")),
        ("an API in front of a backend", made.path("/backend")),
        ("the same, each request counted by a throttle", made.path("/throttled")),
        ("the same, a JSON Web Token verified for each", format!("{}?token={}", made.path("/closed"), made.token)),
    ] {
        say(format_args!("  {what}"));
        rows.push(Row::speed(what, &measure(bench, &server.endpoint, &path).await.context(what)?));
    }
    server.stop().await?;
    let proxied = format!(
        "upstream backend {{ server {backend}; keepalive 64; }} server {{ listen ADDRESS; location / {{ proxy_pass http://backend; \
         proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }}"
    );
    match Nginx::start(bench, &proxied).await {
        Ok(nginx) => {
            say(format_args!("  the same on {}", nginx.name));
            let speed = measure(bench, &nginx.endpoint, "/backend").await?;
            if let Some(row) = rows.get_mut(2) {
                row.rival(&nginx.name, &speed);
            }
        }
        Err(error) => bench.note(format!("nginx is not compared with: {error:#}")),
    }
    Ok(rows)
}

async fn measure(bench: &Bench, endpoint: &Endpoint, path: &str) -> anyhow::Result<Speed> {
    let is_backend = !path.contains("/function");
    let worker = |_| {
        async move |client: &mut Client| {
            let body = client.call(Call::rest("execute-api", Method::GET, path, "")).await?;
            if is_backend && body != ANSWER {
                bail!("{body:?} came");
            }
            Ok(())
        }
    };
    Load::new(CLIENTS, bench.pace()).run(endpoint, worker).await
}

/// An API, and a token that lets its bearer in.
struct Made {
    api: String,
    token: String,
}

impl Made {
    async fn new(client: &mut Client, function: &Function, backend: SocketAddr) -> anyhow::Result<Made> {
        let (issuer, audience, token) = token(client).await?;
        let api = text(&post(client, "/v2/apis", json!({"name": "bench", "protocolType": "HTTP"})).await?, "apiId")?;
        let below = |part: &str| format!("/v2/apis/{api}/{part}");
        let of_function =
            json!({"integrationType": "AWS_PROXY", "integrationUri": function.arn(), "payloadFormatVersion": "2.0"});
        let of_backend = json!({
            "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": format!("http://{backend}/"), "payloadFormatVersion": "1.0",
        });
        let mut targets = Vec::new();
        for integration in [of_function, of_backend] {
            let made = post(client, &below("integrations"), integration).await?;
            targets.push(format!("integrations/{}", text(&made, "integrationId")?));
        }
        let authorizer = json!({
            "name": "pool", "authorizerType": "JWT", "identitySource": ["$request.querystring.token"],
            "jwtConfiguration": {"issuer": issuer, "audience": [audience]},
        });
        let authorizer = text(&post(client, &below("authorizers"), authorizer).await?, "authorizerId")?;
        for (path, target, closed) in
            [("function", 0, false), ("backend", 1, false), ("throttled", 1, false), ("closed", 1, true)]
        {
            let mut route = json!({"routeKey": format!("GET /{path}"), "target": targets.get(target)});
            if closed {
                route["authorizationType"] = json!("JWT");
                route["authorizerId"] = json!(authorizer);
            }
            post(client, &below("routes"), route).await?;
        }
        let throttle = json!({"throttlingBurstLimit": THROTTLE, "throttlingRateLimit": THROTTLE});
        let stage = json!({"stageName": "$default", "autoDeploy": true, "routeSettings": {"GET /throttled": throttle}});
        post(client, &below("stages"), stage).await?;
        Ok(Made { api, token })
    }

    fn path(&self, path: &str) -> String {
        format!("/_aws/execute-api/{}{path}", self.api)
    }
}

async fn post(client: &mut Client, path: &str, input: Value) -> anyhow::Result<Value> {
    let answer = client.call(Call::rest("apigateway", Method::POST, path, input.to_string())).await;
    Ok(serde_json::from_slice(&answer.with_context(|| path.to_owned())?)?)
}

/// A user of a new pool: who signs tokens, for whom, and one of them.
async fn token(client: &mut Client) -> anyhow::Result<(String, String, String)> {
    let mut call = async |target: &'static str, input: Value| {
        let answer = client.call(Call::json("cognito-idp", target, input.to_string())).await.context(target)?;
        if answer.is_empty() { Ok(Value::Null) } else { anyhow::Ok(serde_json::from_slice::<Value>(&answer)?) }
    };
    let pool = call("AWSCognitoIdentityProviderService.CreateUserPool", json!({"PoolName": "bench"})).await?;
    let pool = text(pool.get("UserPool").context("no pool")?, "Id")?;
    let input = json!({"UserPoolId": pool, "ClientName": "bench", "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]});
    let made = call("AWSCognitoIdentityProviderService.CreateUserPoolClient", input).await?;
    let audience = text(made.get("UserPoolClient").context("no client")?, "ClientId")?;
    let user = json!({"UserPoolId": pool, "Username": "bench", "MessageAction": "SUPPRESS"});
    call("AWSCognitoIdentityProviderService.AdminCreateUser", user).await?;
    let password = json!({"UserPoolId": pool, "Username": "bench", "Password": PASSWORD, "Permanent": true});
    call("AWSCognitoIdentityProviderService.AdminSetUserPassword", password).await?;
    let parameters = json!({"USERNAME": "bench", "PASSWORD": PASSWORD});
    let input = json!({"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": audience, "AuthParameters": parameters});
    let answer = call("AWSCognitoIdentityProviderService.InitiateAuth", input).await?;
    let token = text(answer.get("AuthenticationResult").context("no token")?, "IdToken")?;
    Ok((format!("https://cognito-idp.us-east-1.amazonaws.com/{pool}"), audience, token))
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    Ok(value.get(name).and_then(Value::as_str).with_context(|| format!("no {name} in the answer"))?.to_owned())
}

/// A server that answers every request alike, over connections that stay.
async fn backend() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // What fails is seen by whoever asked.
            tokio::spawn(async move { answer(stream).await.ok() });
        }
    });
    Ok(address)
}

async fn answer(mut stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{ANSWER}", ANSWER.len());
    let mut received = Vec::new();
    loop {
        // Requests here have no bodies.
        while let Some(end) = received.windows(4).position(|end| end == b"\r\n\r\n") {
            received.drain(..end + 4);
            stream.write_all(answer.as_bytes()).await?;
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    }
}
