//! Clients of WebSocket APIs: what functions are told of them, and what they are told.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use http::{Request, Response};
use serde_json::{Value, json};
use service::{Farewell, Gone, Heard, Socket, SocketWish, Told};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::{FUNCTION, World, invocations};
use crate::limits;

/// The server's end of a client's line.
struct Line {
    heard: UnboundedReceiver<Heard>,
    told: UnboundedSender<Told>,
}

impl Stream for Line {
    type Item = Heard;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Heard>> {
        self.heard.poll_recv(context)
    }
}

impl Sink<Told> for Line {
    type Error = Gone;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, told: Told) -> Result<(), Gone> {
        self.told.send(told).map_err(|_| Gone)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        Poll::Ready(Ok(()))
    }
}

pub struct Client {
    says: UnboundedSender<Heard>,
    told: UnboundedReceiver<Told>,
    conversation: JoinHandle<()>,
    pub protocol: Option<String>,
}

impl Client {
    pub fn say(&self, text: &str) {
        self.says.send(Heard::Text(text.into())).unwrap();
    }

    pub async fn told(&mut self) -> String {
        match self.told.recv().await.expect("it is still there") {
            Told::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }

    async fn farewell(&mut self) -> Farewell {
        match self.told.recv().await.expect("it is still there") {
            Told::Farewell(farewell) => farewell,
            other => panic!("{other:?}"),
        }
    }

    /// The farewell, whatever it is told before.
    async fn last(&mut self) -> Farewell {
        loop {
            if let Told::Farewell(farewell) = self.told.recv().await.expect("it is still there") {
                return farewell;
            }
        }
    }

    /// Goes, and waits until everybody knows.
    async fn gone(self) {
        drop(self.says);
        self.conversation.await.unwrap();
    }
}

impl World {
    pub async fn connect(&self, request: http::request::Builder) -> Result<Client, Response<Bytes>> {
        let request = request.extension(SocketWish).body(Bytes::new()).unwrap();
        let (head, body) = self.answer(request).await.into_parts();
        let conversation = match body.into_conversation() {
            Ok(conversation) => conversation,
            Err(body) => return Err(Response::from_parts(head, body.collect().await.unwrap())),
        };
        let ((says, heard), (tells, told)) = (unbounded_channel(), unbounded_channel());
        let socket = Socket::new(Line { heard, told: tells });
        let conversation = tokio::spawn(conversation.begin(Some(socket)));
        let protocol = head.headers.get("sec-websocket-protocol").map(|value| value.to_str().unwrap().to_owned());
        Ok(Client { says, told, conversation, protocol })
    }

    pub async fn connected(&self, api: &str) -> Client {
        self.connect(upgrade(api, "/dev")).await.unwrap_or_else(|refused| panic!("{refused:?}"))
    }

    /// The calls of functions so far; the next are others.
    fn events(&self) -> Vec<Value> {
        self.function.0.lock().unwrap().calls.drain(..).map(|call| call.event).collect()
    }

    /// Waits for the next call.
    async fn next_event(&self) -> Value {
        loop {
            if let Some(event) = self.events().pop() {
                return event;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn manage(&self, operation: &str, id: &str, data: &[u8]) -> Result<Value, String> {
        let input = json!({"connectionId": id, "Data": wire::Blob::from(data).to_base64()});
        let answer = self.cloud.call("apigatewaymanagementapi", operation, input).await;
        answer.map_err(|error| error.code.into_owned())
    }
}

pub fn upgrade(api: &str, path: &str) -> http::request::Builder {
    Request::get(path)
        .header("host", format!("{api}.execute-api.localhost:4566"))
        .header("user-agent", "test")
        .header("sec-websocket-version", "13")
}

pub fn refusal(response: &Response<Bytes>) -> (u16, String) {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    (response.status().as_u16(), body["message"].as_str().unwrap_or_default().to_owned())
}

const ALL: [(&str, Value); 4] =
    [("$connect", Value::Null), ("$disconnect", Value::Null), ("$default", Value::Null), ("join", Value::Null)];

#[tokio::test]
async fn events_tell_of_a_connection_from_its_beginning_to_its_end() {
    let world = World::new();
    let api = world.websocket_api(&ALL).await;
    let variables = json!({"apiId": api, "stageName": "dev", "stageVariables": {"v": "1"}});
    world.http("UpdateStage", variables).await;
    world.answers(r#"{"statusCode":200,"headers":{"Sec-WebSocket-Protocol":"chat","x-other":"1"}}"#);
    let asked = upgrade(&api, "/dev?token=t&token=u").header("sec-websocket-protocol", "chat, other");
    let client = world.connect(asked).await.unwrap();
    assert_eq!(client.protocol.as_deref(), Some("chat"));
    let mut call = world.call();
    let source = format!("arn:aws:execute-api:us-east-1:000000000000:{api}/dev/$connect");
    assert_eq!(call.caller.arn.to_string(), source);
    let context = call.event["requestContext"].take();
    let id = context["connectionId"].as_str().unwrap().to_owned();
    assert!(id.len() == 16 && id.ends_with('='), "{id}");
    let request = context["requestId"].clone();
    let expected = json!({
        "routeKey": "$connect", "eventType": "CONNECT", "extendedRequestId": request, "requestId": request,
        "requestTime": "15/Jan/2027:08:00:00 +0000", "requestTimeEpoch": 1_800_000_000_000_u64, "messageDirection": "IN",
        "stage": "dev", "connectedAt": 1_800_000_000_000_u64, "identity": {"userAgent": "test", "sourceIp": "127.0.0.1"},
        "domainName": format!("{api}.execute-api.localhost:4566"), "connectionId": id, "apiId": api,
    });
    assert_eq!(context, expected);
    assert_eq!(call.event["queryStringParameters"], json!({"token": "u"}));
    assert_eq!(call.event["multiValueQueryStringParameters"], json!({"token": ["t", "u"]}));
    assert_eq!(call.event["headers"]["Sec-WebSocket-Protocol"], "chat, other");
    assert_eq!(call.event["multiValueHeaders"]["Sec-WebSocket-Version"], json!(["13"]));
    assert_eq!((&call.event["isBase64Encoded"], &call.event["stageVariables"]), (&json!(false), &json!({"v": "1"})));
    assert_eq!((call.event.get("body"), call.event.get("httpMethod")), (None, None));

    world.cloud.env.advance(Duration::from_secs(5));
    let message = r#"{"action":"join","room":1}"#;
    client.say(message);
    let mut event = world.next_event().await;
    let context = event["requestContext"].take();
    assert_eq!(
        event,
        json!({"requestContext": null, "body": message, "isBase64Encoded": false, "stageVariables": {"v": "1"}})
    );
    assert_eq!((&context["routeKey"], &context["eventType"]), (&json!("join"), &json!("MESSAGE")));
    assert_eq!(context["connectedAt"], 1_800_000_000_000_u64);
    assert_eq!(context["requestTimeEpoch"], 1_800_000_005_000_u64);
    assert!(context["messageId"].as_str().unwrap().ends_with('='));
    client.say("no JSON");
    assert_eq!(world.next_event().await["requestContext"]["routeKey"], "$default");

    client.says.send(Heard::Farewell(Some(Farewell::new(1001, "tab closed")))).unwrap();
    client.gone().await;
    let mut event = world.next_event().await;
    let context = event["requestContext"].take();
    assert_eq!((&context["routeKey"], &context["eventType"]), (&json!("$disconnect"), &json!("DISCONNECT")));
    assert_eq!((&context["disconnectStatusCode"], &context["disconnectReason"]), (&json!(1001), &json!("tab closed")));
    assert_eq!((&context["connectionId"], context.get("messageId")), (&json!(id), None));
    let host = format!("{api}.execute-api.localhost");
    assert_eq!(event["headers"], json!({"Host": host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""}));
}

#[tokio::test]
async fn who_goes_without_a_word_is_missed_too() {
    let world = World::new();
    let api = world.websocket_api(&ALL).await;
    for (word, code, reason) in [
        (None, 1006, ""),
        (Some(Heard::Farewell(None)), 1005, "Client-side close frame status not set"),
        (Some(Heard::Binary(Bytes::new())), 1003, "Binary frames are not supported"),
        (Some(Heard::Wrong(Farewell::new(1009, "Message too long"))), 1009, "Message too long"),
    ] {
        let client = world.connected(&api).await;
        world.events();
        word.into_iter().for_each(|word| client.says.send(word).unwrap());
        client.gone().await;
        let context = world.next_event().await["requestContext"].take();
        assert_eq!((&context["disconnectStatusCode"], &context["disconnectReason"]), (&json!(code), &json!(reason)));
    }
}

#[tokio::test]
async fn connect_decides_who_comes_in() {
    let world = World::new();
    let api = world.websocket_api(&ALL).await;
    let refused = async || refusal(&world.connect(upgrade(&api, "/dev")).await.err().expect("nobody comes in"));
    for (answer, status) in [
        (r#"{"statusCode":401,"body":"{\"message\":\"who?\"}"}"#, (401, "who?")),
        (r#"{"statusCode":410}"#, (410, "")),
        (r#"{"statusCode":302}"#, (302, "")),
        ("null", (502, "Internal server error")),
        (r#"{"message":"no status"}"#, (502, "Internal server error")),
    ] {
        world.answers(answer);
        assert_eq!(refused().await, (status.0, status.1.to_owned()), "{answer}");
    }
    world.crashes();
    assert_eq!(refused().await.0, 502);
    world.fails(service::Error::new(403, "AccessDeniedException", "no"));
    assert_eq!(refused().await.0, 500);
    world.events();
    for path in ["/prod", "/dev/more", "/"] {
        let refused = world.connect(upgrade(&api, path)).await.err().unwrap();
        assert_eq!(refusal(&refused), (403, "Forbidden".into()), "{path}");
    }
    let without = world.send(upgrade(&api, "/dev"), b"").await;
    assert_eq!(refusal(&without), (403, "Forbidden".into()));
    let body = std::str::from_utf8(without.body()).unwrap();
    assert!(body.starts_with(r#"{"message": "Forbidden", "connectionId":""#), "{body}");
    assert!(world.events().is_empty(), "none of them reached the function");
    let quiet = world.websocket_api(&[]).await;
    world.connected(&quiet).await.gone().await;
}

#[tokio::test]
async fn messages_are_answered_where_there_is_a_response_or_a_failure() {
    let world = World::new();
    let api = world.websocket_api(&[("join", json!({"routeResponseSelectionExpression": "$default"}))]).await;
    world.http("CreateRoute", json!({"apiId": api, "routeKey": "unfinished"})).await;
    let route = world.http("GetRoutes", json!({"apiId": api})).await["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|route| route["routeKey"] == "join")
        .unwrap()["routeId"]
        .clone();
    let mut client = world.connected(&api).await;
    let join = r#"{"action":"join"}"#;
    world.answers(r#"{"statusCode":200,"body":"unheard"}"#);
    client.say(join);
    world.next_event().await;
    let response = json!({"apiId": api, "routeId": route, "routeResponseKey": "$default"});
    world.http("CreateRouteResponse", response).await;
    world.answers(r#"{"statusCode":200,"body":"hello"}"#);
    client.say(join);
    assert_eq!(client.told().await, "hello");
    let id = world.next_event().await["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    let told = |message: &str, text: String| {
        let start = format!(r#"{{"message": "{message}", "connectionId":"{id}", "requestId":""#);
        assert!(text.starts_with(&start) && text.ends_with("=\"}"), "{text}");
    };
    client.say("to nobody");
    told("Forbidden", client.told().await);
    client.say(r#"{"action":"unfinished"}"#);
    told("Internal server error", client.told().await);
    world.crashes();
    client.say(join);
    told("Internal server error", client.told().await);
    world.answers("null");
    client.say(join);
    told("Internal server error", client.told().await);
    let integrations = world.http("GetIntegrations", json!({"apiId": api})).await["items"].clone();
    let id = &integrations[0]["integrationId"];
    world.http("UpdateIntegration", json!({"apiId": api, "integrationId": id, "timeoutInMillis": 50})).await;
    world.hangs();
    client.say(join);
    told("Endpoint request timed out", client.told().await);
    world.answers(r#"{"statusCode":200}"#);
    let throttle = json!({"join": {"throttlingBurstLimit": 1, "throttlingRateLimit": 0.0}});
    world.http("UpdateStage", json!({"apiId": api, "stageName": "dev", "routeSettings": throttle})).await;
    client.say(join);
    client.say(join);
    told("Too Many Requests", client.told().await);
}

#[tokio::test]
async fn mocks_answer_by_themselves() {
    let world = World::new();
    let api = world.websocket_api(&[]).await;
    let mock =
        json!({"apiId": api, "integrationType": "MOCK", "requestTemplates": {"$default": "{\"statusCode\":200}"}});
    let integration = world.http("CreateIntegration", mock).await["integrationId"].as_str().unwrap().to_owned();
    let response = json!({
        "apiId": api, "integrationId": integration, "integrationResponseKey": "/200/",
        "responseTemplates": {"pong": "{\"pong\":true}"}, "templateSelectionExpression": "pong",
    });
    world.http("CreateIntegrationResponse", response).await;
    for key in ["$connect", "$default"] {
        let route = json!({
            "apiId": api, "routeKey": key, "target": format!("integrations/{integration}"),
            "routeResponseSelectionExpression": "$default",
        });
        let route = world.http("CreateRoute", route).await["routeId"].clone();
        let response = json!({"apiId": api, "routeId": route, "routeResponseKey": "$default"});
        world.http("CreateRouteResponse", response).await;
    }
    let mut client = world.connected(&api).await;
    client.say("ping");
    assert_eq!(client.told().await, r#"{"pong":true}"#);
    assert!(world.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_much_at_once_is_read_when_it_is_its_turn() {
    let world = World::new();
    let api = world.websocket_api(&[("$default", json!({}))]).await;
    let client = world.connected(&api).await;
    world.hangs();
    (0..100).for_each(|_| client.say("x"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.events().len(), limits::MESSAGES_AT_ONCE_MAX);
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(world.events().len(), limits::MESSAGES_AT_ONCE_MAX, "the next, once those have timed out");
}

#[tokio::test(start_paused = true)]
async fn connections_end_when_nobody_speaks_and_after_two_hours() {
    let world = World::new();
    let api = world.websocket_api(&ALL).await;
    let mut client = world.connected(&api).await;
    let began = tokio::time::Instant::now();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(599)).await;
        client.say("x");
    }
    // Pings are no messages.
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_secs(60)).await;
        client.says.send(Heard::Sign).unwrap();
    }
    assert_eq!(client.last().await, Farewell::new(1001, "Going away"));
    assert_eq!(began.elapsed().as_secs(), 3 * 599 + 600);
    world.events();
    client.gone().await;
    assert_eq!(world.next_event().await["requestContext"]["disconnectStatusCode"], 1001);

    let mut client = world.connected(&api).await;
    let began = tokio::time::Instant::now();
    let says = client.says.clone();
    tokio::spawn(async move {
        while says.send(Heard::Text("x".into())).is_ok() {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    });
    assert_eq!(client.last().await, Farewell::new(1001, "Going away"));
    assert_eq!(began.elapsed().as_secs(), 7_200);
}

#[tokio::test]
async fn connections_are_posted_to_shown_and_ended() {
    let world = World::new();
    let api = world.websocket_api(&ALL).await;
    let mut client = world.connected(&api).await;
    let id = world.event()["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    world.cloud.env.advance(Duration::from_secs(7));
    world.manage("PostToConnection", &id, "ä".as_bytes()).await.unwrap();
    assert_eq!(client.told().await, "ä");
    let shown = world.manage("GetConnection", &id, b"").await.unwrap();
    let expected = json!({
        "connectedAt": "2027-01-15T08:00:00.000Z", "lastActiveAt": "2027-01-15T08:00:07.000Z",
        "identity": {"sourceIp": "127.0.0.1", "userAgent": "test"},
    });
    assert_eq!(shown, expected);
    let large = vec![b'x'; limits::MESSAGE_BYTES_MAX + 1];
    assert_eq!(world.manage("PostToConnection", &id, &large).await.unwrap_err(), "PayloadTooLargeException");
    world.manage("PostToConnection", &id, &large[1..]).await.unwrap();
    assert_eq!(client.told().await.len(), limits::MESSAGE_BYTES_MAX);
    world.manage("PostToConnection", &id, b"\xff").await.unwrap();
    assert_eq!(client.told.recv().await, Some(Told::Binary(Bytes::from_static(b"\xff"))));
    world.manage("DeleteConnection", &id, b"").await.unwrap();
    assert_eq!(client.farewell().await, Farewell::new(1000, "Connection Closed Normally"));
    for operation in ["PostToConnection", "GetConnection", "DeleteConnection"] {
        assert_eq!(world.manage(operation, &id, b"x").await.unwrap_err(), "GoneException");
    }
    world.events();
    client.gone().await;
    let context = world.next_event().await["requestContext"].take();
    assert_eq!(context["disconnectStatusCode"], 1000);
    assert_eq!(context["disconnectReason"], "Connection Closed Normally");
}

#[tokio::test]
async fn a_connection_is_there_once_it_is_let_in_and_no_longer_than_its_stage() {
    let world = World::new();
    let api = world.websocket_api(&ALL).await;
    world.answers(r#"{"statusCode":403}"#);
    assert!(world.connect(upgrade(&api, "/dev")).await.is_err());
    let id = world.event()["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    assert_eq!(world.manage("GetConnection", &id, b"").await.unwrap_err(), "GoneException");
    world.answers(r#"{"statusCode":200}"#);
    let mut client = world.connected(&api).await;
    let id = world.event()["requestContext"]["connectionId"].as_str().unwrap().to_owned();
    world.http("DeleteStage", json!({"apiId": api, "stageName": "dev"})).await;
    assert_eq!(client.farewell().await.code, 1001);
    assert_eq!(world.manage("GetConnection", &id, b"").await.unwrap_err(), "GoneException");
    world.http("CreateStage", json!({"apiId": api, "stageName": "dev", "autoDeploy": true})).await;
    let mut client = world.connected(&api).await;
    world.http("DeleteApi", json!({"apiId": api})).await;
    assert_eq!(client.farewell().await.code, 1001);
}

const DECIDER: &str = "arn:aws:lambda:us-east-1:000000000000:function:decider";

#[tokio::test]
async fn an_authorizer_is_told_the_handshake_and_functions_what_it_said() {
    let world = World::new();
    let api = world.websocket_api(&ALL).await;
    let authorizer = json!({
        "apiId": api, "name": "a", "authorizerType": "REQUEST", "authorizerUri": invocations(DECIDER),
        "identitySource": ["route.request.querystring.token"],
    });
    let id = world.http("CreateAuthorizer", authorizer).await["authorizerId"].clone();
    let routes = world.http("GetRoutes", json!({"apiId": api})).await["items"].clone();
    let connect = routes.as_array().unwrap().iter().find(|route| route["routeKey"] == "$connect").unwrap();
    let change =
        json!({"apiId": api, "routeId": connect["routeId"], "authorizationType": "CUSTOM", "authorizerId": id});
    world.http("UpdateRoute", change).await;
    let refused = async |path: &str| refusal(&world.connect(upgrade(&api, path)).await.err().expect("nobody comes in"));
    assert_eq!(refused("/dev").await, (401, "Unauthorized".into()));
    let target = format!("arn:aws:execute-api:us-east-1:000000000000:{api}/dev/$connect");
    let policy = |effect: &str| {
        let statement = json!({"Effect": effect, "Action": "execute-api:Invoke", "Resource": target});
        let document = json!({"Version": "2012-10-17", "Statement": [statement]});
        json!({"principalId": "me", "policyDocument": document, "context": {"n": 7}})
    };
    world.answers_as(DECIDER, &policy("Deny"));
    assert_eq!(refused("/dev?token=t").await.0, 403);
    world.fails_as(DECIDER, "Unauthorized");
    assert_eq!(refused("/dev?token=t").await, (401, "Unauthorized".into()));
    world.fails_as(DECIDER, "else");
    assert_eq!(refused("/dev?token=t").await.0, 500);
    assert_eq!(world.calls_of(FUNCTION).0, 0);
    world.calls_of(DECIDER);
    world.answers_as(DECIDER, &policy("Allow"));
    let client = world.connect(upgrade(&api, "/dev?token=t")).await.unwrap();
    let (_, told) = world.calls_of(DECIDER);
    assert_eq!((&told["type"], &told["methodArn"]), (&json!("REQUEST"), &json!(target)));
    assert_eq!((&told["queryStringParameters"], &told["stageVariables"]), (&json!({"token": "t"}), &json!({})));
    assert_eq!(told["requestContext"]["eventType"], "CONNECT");
    assert_eq!(told.get("isBase64Encoded"), None);
    let expected = json!({"principalId": "me", "n": "7"});
    assert_eq!(world.next_event().await["requestContext"]["authorizer"], expected);
    client.say("x");
    assert_eq!(world.next_event().await["requestContext"]["authorizer"], expected);
}

#[tokio::test]
async fn api_keys_open_what_asks_for_them() {
    const VALUE: &str = "a-key-of-twenty-characters";
    let world = World::new();
    let api = world
        .websocket_api(&[("$connect", json!({"apiKeyRequired": true})), ("join", json!({"apiKeyRequired": true}))])
        .await;
    let plan =
        json!({"name": "p", "apiStages": [{"apiId": api, "stage": "dev"}], "quota": {"limit": 2, "period": "DAY"}});
    let plan = world.rest("CreateUsagePlan", plan).await["id"].clone();
    let key = world.rest("CreateApiKey", json!({"name": "k", "value": VALUE, "enabled": true})).await["id"].clone();
    world.rest("CreateUsagePlanKey", json!({"usagePlanId": plan, "keyId": key, "keyType": "API_KEY"})).await;
    let refused = world.connect(upgrade(&api, "/dev")).await.err().unwrap();
    assert_eq!(refusal(&refused), (403, "Forbidden".into()));
    let mut client = world.connect(upgrade(&api, "/dev").header("x-api-key", VALUE)).await.unwrap();
    let identity = world.event()["requestContext"]["identity"].clone();
    assert_eq!((&identity["apiKey"], &identity["apiKeyId"]), (&json!(VALUE), &key));
    client.say(r#"{"action":"join"}"#);
    world.next_event().await;
    client.say(r#"{"action":"join"}"#);
    assert!(client.told().await.starts_with(r#"{"message": "Limit Exceeded""#));
    let unknown = json!({"name": "q", "apiStages": [{"apiId": api, "stage": "none"}]});
    assert_eq!(world.refused("apigateway", "CreateUsagePlan", unknown).await.0, "NotFoundException");
}
