//! What is behind routes of HTTP APIs besides functions, and what is changed on the way there and back.

use std::sync::{Arc, Mutex};

use http::Request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{FUNCTION, World, header, text};

/// A backend that keeps what it is sent, as text, and answers as it is told.
#[derive(Clone)]
pub struct Backend {
    pub url: String,
    seen: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<String>>,
}

impl Backend {
    pub async fn start() -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let backend = Backend { url, seen: Arc::default(), answer: Arc::default() };
        backend.answers("200 OK", "content-type: text/plain\r\n", "from the backend");
        let (seen, answer) = (backend.seen.clone(), backend.answer.clone());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (seen, answer) = (seen.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !is_whole(&request) {
                        assert!(stream.read_buf(&mut request).await.unwrap() > 0);
                    }
                    seen.lock().unwrap().push(String::from_utf8(request).unwrap());
                    let answer = answer.lock().unwrap().clone();
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        backend
    }

    pub fn answers(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        *self.answer.lock().unwrap() =
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    }

    pub fn hangs(&self) {
        self.answer.lock().unwrap().clear();
    }

    /// The last request: its first line, its headers, and its body.
    pub fn seen(&self) -> String {
        self.seen.lock().unwrap().pop().expect("the backend was asked")
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

impl World {
    /// An API with one route to a URL, and what its integration has besides.
    async fn forwarding(&self, route: &str, uri: &str, more: Value) -> String {
        let mut integration =
            json!({"integrationType": "HTTP_PROXY", "integrationUri": uri, "integrationMethod": "ANY"});
        integration.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.integrated(route, integration).await
    }

    async fn integrated(&self, route: &str, mut integration: Value) -> String {
        let api = self.http_api(json!({}), "2.0", &[]).await;
        integration["apiId"] = json!(api);
        let made = self.http("CreateIntegration", integration).await;
        let target = format!("integrations/{}", made["integrationId"].as_str().unwrap());
        self.http("CreateRoute", json!({"apiId": api, "routeKey": route, "target": target})).await;
        api
    }
}

fn lines(request: &str) -> Vec<&str> {
    request.lines().collect()
}

#[tokio::test]
async fn requests_go_on_to_a_url_and_answers_come_back() {
    let (world, backend) = (World::new(), Backend::start().await);
    let api = world.forwarding("ANY /pets/{proxy+}", &format!("{}/base/{{proxy}}?own=1", backend.url), json!({})).await;
    let headers = "content-type: text/x\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nkeep-alive: timeout=5\r\n";
    backend.answers("418 Teapot", headers, "short and stout");
    let request = Request::put(format!("/_aws/execute-api/{api}/pets/a%20b/c?q=%20&q=2"))
        .header("host", "api.example.com")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("x-kept", "1")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "evil.example")
        .header("authorization", "Bearer x");
    let response = world.send(request, b"the body").await;
    assert_eq!(text(&response), (418, "short and stout"));
    assert_eq!(header(&response, "content-type"), "text/x");
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(header(&response, "keep-alive"), "");
    assert!(!header(&response, "apigw-requestid").is_empty());
    let seen = backend.seen();
    let seen = lines(&seen);
    assert_eq!(seen[0], "PUT /base/a%20b/c?own=1&q=%20&q=2 HTTP/1.1");
    assert_eq!(*seen.last().unwrap(), "the body");
    let host = backend.url.strip_prefix("http://").unwrap();
    for line in [
        format!("host: {host}"),
        "x-kept: 1".into(),
        "authorization: Bearer x".into(),
        "content-length: 8".into(),
        "forwarded: for=127.0.0.1;host=api.example.com;proto=http".into(),
        "via: HTTP/1.1 AmazonAPIGateway".into(),
        "x-forwarded-for: 192.0.2.1, 127.0.0.1".into(),
        "x-forwarded-port: 80".into(),
        "x-forwarded-proto: http".into(),
    ] {
        assert!(seen.contains(&line.as_str()), "{line}: {seen:?}");
    }
    assert!(seen.iter().any(|line| line.starts_with("x-amzn-trace-id: Root=")));
    let gone = ["x-hop", "connection", "x-forwarded-host"];
    assert!(!seen.iter().any(|line| gone.iter().any(|gone| line.starts_with(gone))), "{seen:?}");
}

#[tokio::test]
async fn parameters_change_requests() {
    let (world, backend) = (World::new(), Backend::start().await);
    let parameters = json!({
        "append:header.x-id": "$context.requestId",
        "append:header.x-new": "$request.header.x-old",
        "remove:header.x-old": "''",
        "overwrite:header.x-both": "${request.path.id}/${request.querystring.q}",
        "overwrite:querystring.q": "$request.body.a[0].b",
        "append:querystring.none": "$request.querystring.none",
        "remove:querystring.gone": "''",
        "overwrite:path": "/v2/${request.path.id}",
    });
    let more = json!({"requestParameters": parameters, "integrationMethod": "POST"});
    let api = world.forwarding("ANY /things/{id}", &format!("{}/ignored", backend.url), more).await;
    let request = Request::patch(format!("/_aws/execute-api/{api}/things/a%2Fb?q=1&q=2&gone=1&kept=1"))
        .header("host", "localhost")
        .header("x-old", "old")
        .header("x-both", "client");
    let response = world.send(request, br#"{"a":[{"b":"c d"}]}"#).await;
    assert_eq!(text(&response), (200, "from the backend"));
    let seen = backend.seen();
    let seen = lines(&seen);
    assert_eq!(seen[0], "POST /v2/a/b?kept=1&q=c%20d HTTP/1.1");
    let id = format!("x-id: {}", header(&response, "apigw-requestid"));
    for line in ["x-new: old", "x-both: a/b/1,2", &id] {
        assert!(seen.contains(&line), "{line}: {seen:?}");
    }
    assert!(!seen.iter().any(|line| line.starts_with("x-old")), "{seen:?}");
    assert_eq!(text(&world.get(&format!("/_aws/execute-api/{api}/things/%2e%2e")).await).0, 400);
}

#[tokio::test]
async fn parameters_change_answers_of_their_status() {
    let (world, backend) = (World::new(), Backend::start().await);
    let responses = json!({
        "500": {"overwrite:statuscode": "403", "append:header.x-why": "$response.body.error.code", "remove:header.x-secret": "''"},
        "200": {"overwrite:header.content-type": "text/changed", "append:header.x-stage": "$context.stage"},
    });
    let api = world.forwarding("GET /", &backend.url, json!({"responseParameters": responses})).await;
    let uri = format!("/_aws/execute-api/{api}/");
    let response = world.get(&uri).await;
    assert_eq!(text(&response), (200, "from the backend"));
    assert_eq!((header(&response, "content-type"), header(&response, "x-stage")), ("text/changed", "$default"));
    backend.answers("500 No", "x-secret: 1\r\n", r#"{"error":{"code":7}}"#);
    let response = world.get(&uri).await;
    assert_eq!(text(&response), (403, r#"{"error":{"code":7}}"#));
    assert_eq!((header(&response, "x-why"), header(&response, "x-secret")), ("7", ""));
    backend.answers("201 Made", "x-secret: 1\r\n", "");
    assert_eq!(header(&world.get(&uri).await, "x-secret"), "1");
}

#[tokio::test]
async fn functions_are_told_changed_requests_too() {
    let world = World::new();
    let integration = json!({
        "integrationType": "AWS_PROXY", "integrationUri": FUNCTION, "payloadFormatVersion": "2.0",
        "requestParameters": {"append:header.x-a": "$request.querystring.q", "overwrite:querystring.q": "new"},
        "responseParameters": {"200": {"overwrite:statuscode": "202"}},
    });
    let api = world.integrated("GET /a", integration).await;
    assert_eq!(world.get(&format!("/_aws/execute-api/{api}/a?q=old")).await.status(), 202);
    let event = world.event();
    assert_eq!((&event["headers"]["x-a"], &event["rawQueryString"]), (&json!("old"), &json!("q=new")));
}

#[tokio::test]
async fn backends_that_fail_are_answered_for() {
    let (world, backend) = (World::new(), Backend::start().await);
    let api = world.forwarding("ANY /{proxy+}", &backend.url, json!({"timeoutInMillis": 100})).await;
    let uri = format!("/_aws/execute-api/{api}/x");
    backend.hangs();
    assert_eq!(text(&world.get(&uri).await), (503, r#"{"message":"Service Unavailable"}"#));
    let loops = "HTTP/1.1 AmazonAPIGateway, ".repeat(9) + "HTTP/1.1 AmazonAPIGateway";
    let request = Request::get(&uri).header("host", "localhost").header("via", loops);
    assert_eq!(text(&world.send(request, b"").await), (508, r#"{"message":"Loop Detected"}"#));
    backend.seen();
    *backend.answer.lock().unwrap() = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", (10 << 20) + 1);
    assert_eq!(text(&world.get(&uri).await), (500, r#"{"message":"Internal Server Error"}"#));
    let gone = world.forwarding("GET /", "http://127.0.0.1:1/", json!({})).await;
    assert_eq!(world.get(&format!("/_aws/execute-api/{gone}/")).await.status(), 503);
    let secret = world.forwarding("GET /", "http://169.254.169.254/", json!({})).await;
    assert_eq!(world.get(&format!("/_aws/execute-api/{secret}/")).await.status(), 500);
    let variable = world.forwarding("GET /", "http://${stageVariables.none}/", json!({})).await;
    assert_eq!(world.get(&format!("/_aws/execute-api/{variable}/")).await.status(), 500);
}

#[tokio::test]
async fn integrations_are_checked_as_they_are_put() {
    let world = World::new();
    let api = world.http_api(json!({}), "2.0", &[]).await;
    let proxy = json!({"integrationType": "HTTP_PROXY", "integrationUri": "http://h/", "integrationMethod": "GET"});
    let role = "arn:aws:iam::000000000000:role/r";
    for (more, code) in [
        (json!({"integrationUri": null}), "BadRequestException"),
        (json!({"integrationMethod": null}), "BadRequestException"),
        (json!({"integrationMethod": "FETCH"}), "BadRequestException"),
        (json!({"integrationUri": "ftp://h/"}), "BadRequestException"),
        (json!({"integrationUri": "http://{h}/"}), "BadRequestException"),
        (json!({"payloadFormatVersion": "2.0"}), "BadRequestException"),
        (json!({"credentialsArn": role}), "BadRequestException"),
        (json!({"integrationSubtype": "SQS-SendMessage"}), "BadRequestException"),
        (json!({"connectionType": "VPC_LINK", "connectionId": "x"}), "NotImplemented"),
        (json!({"connectionType": "x"}), "BadRequestException"),
        (json!({"tlsConfig": {}}), "NotImplemented"),
        (json!({"requestParameters": {"append:header.host": "x"}}), "BadRequestException"),
        (json!({"requestParameters": {"append:header.a": "$request.x"}}), "BadRequestException"),
        (json!({"requestParameters": {"append:header.a": "x".repeat(4_097)}}), "LimitExceededException"),
        (json!({"responseParameters": {"99": {"append:header.a": "x"}}}), "BadRequestException"),
        (json!({"responseParameters": {"200": {"overwrite:path": "x"}}}), "BadRequestException"),
    ] {
        let mut input = proxy.clone();
        input["apiId"] = json!(api);
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(world.refused("apigatewayv2", "CreateIntegration", input).await.0, code, "{more}");
    }
    for (subtype, code) in [
        ("SQS-SendMessage", "NotImplemented"),
        ("StepFunctions-StartExecution", "NotImplemented"),
        ("AppConfig-GetConfiguration", "NotImplemented"),
        ("SQS-Nothing", "BadRequestException"),
    ] {
        let input = json!({"apiId": api, "integrationType": "AWS_PROXY", "integrationSubtype": subtype, "credentialsArn": role});
        assert_eq!(world.refused("apigatewayv2", "CreateIntegration", input).await.0, code, "{subtype}");
    }
}

#[tokio::test]
async fn parameters_are_shown_merged_and_taken_away() {
    let world = World::new();
    let api = world.http_api(json!({}), "2.0", &[]).await;
    let input = json!({
        "apiId": api, "integrationType": "HTTP_PROXY", "integrationUri": "http://h/{proxy}", "integrationMethod": "ANY",
        "requestParameters": {"append:header.a": "1", "append:header.b": "2"},
        "responseParameters": {"200": {"append:header.a": "1"}, "404": {"overwrite:statuscode": "200"}},
    });
    let made = world.http("CreateIntegration", input).await;
    assert_eq!(made["integrationType"], "HTTP_PROXY");
    assert_eq!((&made["payloadFormatVersion"], &made["integrationMethod"]), (&json!("1.0"), &json!("ANY")));
    let change = json!({
        "apiId": api, "integrationId": made["integrationId"], "requestParameters": {"append:header.a": "", "append:header.c": "3"},
        "responseParameters": {"200": {}},
    });
    let changed = world.http("UpdateIntegration", change).await;
    assert_eq!(changed["requestParameters"], json!({"append:header.b": "2", "append:header.c": "3"}));
    assert_eq!(changed["responseParameters"], json!({"404": {"overwrite:statuscode": "200"}}));
    let quick = world.http("CreateApi", json!({"name": "q", "protocolType": "HTTP", "target": "http://h/"})).await;
    let integrations = world.http("GetIntegrations", json!({"apiId": quick["apiId"]})).await;
    assert_eq!(integrations["items"][0]["integrationType"], "HTTP_PROXY");
}
