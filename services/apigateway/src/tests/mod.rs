//! Both APIs as their owners and their users meet them, with a function that answers what the test says.

mod access_logs;
mod authorizers;
mod documents;
mod domains;
mod http_api;
mod http_integrations;
mod http_routes;
mod rest_api;
mod rest_cache;
mod rest_canary;
mod rest_documentation;
mod rest_integrations;
mod rest_models;
mod rest_proxy;
mod tokens;
mod usage;
mod websocket;
mod websocket_api;
mod websocket_integrations;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base::Arn;
use bytes::Bytes;
use http::{Request, Response};
use outbound::{Loopback, Outbound, Reach};
use serde_json::{Value, json};
use service::{Api, BoxFuture, Caller, Cx, Error, Invoked, Service, Target};
use testkit::TestCloud;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:hello";

/// What a function was asked, by whom.
struct Call {
    caller: Caller,
    function: String,
    event: Value,
}

#[derive(Clone, Default)]
struct Function(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    answer: Option<Result<Invoked, Error>>,
    /// What functions answer that do not answer as all others do, by ARN.
    others: HashMap<String, Invoked>,
}

impl Target for Function {
    fn invoke(&self, cx: Cx, to: Arn, event: Bytes) -> BoxFuture<Result<Invoked, Error>> {
        let mut state = self.0.lock().unwrap();
        let event = serde_json::from_slice(&event).unwrap();
        state.calls.push(Call { caller: cx.caller().clone(), function: to.to_string(), event });
        let answer = state.others.get(&to.to_string()).cloned().map(Ok).or_else(|| state.answer.clone());
        Box::pin(async move {
            match answer {
                Some(answer) => answer,
                // It never answers.
                None => std::future::pending().await,
            }
        })
    }
}

fn payload(payload: &str) -> Result<Invoked, Error> {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    Ok(Invoked { payload, function_error: None, executed_version: "$LATEST".into() })
}

fn services() -> [Service; 3] {
    crate::services_of(state())
}

fn state() -> Arc<crate::ApiGateway> {
    let vault = vault::Vault::in_memory(&base::Env::simulated(1, base::Timestamp::ZERO));
    crate::state(Outbound::new(Reach { loopback: Loopback::All }), vault, crate::Domains::default())
}

struct World {
    cloud: TestCloud,
    function: Function,
}

impl World {
    fn new() -> World {
        let function = Function::default();
        let lambda = Service::builder(Api::named("lambda"), Arc::new(())).target(function.clone()).build();
        World::with(function, [lambda])
    }

    fn with(function: Function, more: impl IntoIterator<Item = Service>) -> World {
        World::of(TestCloud::new(services().into_iter().chain(more)), function)
    }

    fn of(cloud: TestCloud, function: Function) -> World {
        let world = World { cloud, function };
        world.answers(r#"{"statusCode":200,"body":"hi"}"#);
        world
    }

    /// What the function answers from now on.
    fn answers(&self, text: &str) {
        self.function.0.lock().unwrap().answer = Some(payload(text));
    }

    /// What one function answers from now on.
    fn answers_as(&self, function: &str, answer: &Value) {
        let answer = payload(&answer.to_string()).unwrap();
        self.function.0.lock().unwrap().others.insert(function.into(), answer);
    }

    /// With what message one function fails from now on.
    fn fails_as(&self, function: &str, message: &str) {
        let told = payload(&json!({"errorType": "E", "errorMessage": message}).to_string()).unwrap();
        let failed = Invoked { function_error: Some("Unhandled".into()), ..told };
        self.function.0.lock().unwrap().others.insert(function.into(), failed);
    }

    /// How often a function was called, and with which event last; the count begins anew.
    fn calls_of(&self, function: &str) -> (usize, Value) {
        let mut state = self.function.0.lock().unwrap();
        let (of, other): (Vec<_>, Vec<_>) = state.calls.drain(..).partition(|call| call.function == function);
        state.calls = other;
        (of.len(), of.last().map_or(Value::Null, |call| call.event.clone()))
    }

    fn fails(&self, error: Error) {
        self.function.0.lock().unwrap().answer = Some(Err(error));
    }

    fn crashes(&self) {
        let invoked = payload(r#"{"errorType":"E","errorMessage":"m"}"#).unwrap();
        let crashed = Invoked { function_error: Some("Unhandled".into()), ..invoked };
        self.function.0.lock().unwrap().answer = Some(Ok(crashed));
    }

    fn hangs(&self) {
        self.function.0.lock().unwrap().answer = None;
    }

    /// What the function was asked last.
    fn call(&self) -> Call {
        self.function.0.lock().unwrap().calls.pop().expect("the function was called")
    }

    fn event(&self) -> Value {
        self.call().event
    }

    /// Calls an operation of REST APIs.
    async fn rest(&self, operation: &str, input: Value) -> Value {
        self.ok("apigateway", operation, input).await
    }

    /// Calls an operation of HTTP APIs.
    async fn http(&self, operation: &str, input: Value) -> Value {
        self.ok("apigatewayv2", operation, input).await
    }

    async fn ok(&self, model: &str, operation: &str, input: Value) -> Value {
        let answer = self.cloud.call(model, operation, input).await;
        answer.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// The code and the words of a refusal.
    async fn refused(&self, model: &str, operation: &str, input: Value) -> (String, String) {
        match self.cloud.call(model, operation, input.clone()).await {
            Ok(output) => panic!("{operation} {input} was answered: {output}"),
            Err(error) => (error.code.into_owned(), error.message),
        }
    }

    async fn answer(&self, request: Request<Bytes>) -> Response<service::Body> {
        let (head, body) = request.into_parts();
        let front = self.cloud.cloud.front(&head).expect("the request is for an API");
        front.handle(self.cloud.cloud.system(), Request::from_parts(head, body)).await
    }

    /// Sends a user's request.
    async fn send(&self, request: http::request::Builder, body: &[u8]) -> Response<Bytes> {
        let request: Request<Bytes> = request.body(Bytes::copy_from_slice(body)).unwrap();
        let (head, body) = request.into_parts();
        let (head, body) = self.answer(Request::from_parts(head, body)).await.into_parts();
        Response::from_parts(head, body.collect().await.unwrap())
    }

    async fn get(&self, uri: &str) -> Response<Bytes> {
        self.send(Request::get(uri).header("host", "localhost:4566"), b"").await
    }
}

fn text(response: &Response<Bytes>) -> (u16, &str) {
    (response.status().as_u16(), std::str::from_utf8(response.body()).unwrap())
}

fn header<'r>(response: &'r Response<Bytes>, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The URI of the function's invocations.
fn invocations(function: &str) -> String {
    format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations")
}

/// An operation is done, or refused by name; never both.
#[test]
fn no_operation_has_two_rows_or_two_answers() {
    for service in services() {
        let mut names: Vec<_> = service.operations().iter().map(|operation| operation.name).collect();
        names.extend(service.api.not_implemented);
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{}", service.api.model);
    }
}

/// Paths tell which operation was asked for, and so those that are not here have theirs too.
#[test]
fn what_is_not_implemented_is_known_by_its_path() {
    for service in services() {
        let mut paths: Vec<_> = service.api.not_implemented_paths.iter().map(|(name, _)| *name).collect();
        paths.sort_unstable();
        assert_eq!(paths, service.api.not_implemented, "{}", service.api.model);
    }
}

#[tokio::test]
async fn unknown_apis_are_forbidden() {
    let world = World::new();
    let response = world.get("/_aws/execute-api/nothing123/dev/x").await;
    assert_eq!(text(&response), (403, r#"{"message":"Forbidden"}"#));
    assert_eq!(world.refused("apigateway", "GetRestApi", json!({"restApiId": "x"})).await.0, "NotFoundException");
    assert_eq!(world.refused("apigatewayv2", "GetApi", json!({"apiId": "x"})).await.0, "NotFoundException");
}
