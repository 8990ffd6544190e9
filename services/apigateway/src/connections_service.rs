//! The operations on connections to WebSocket APIs, which servers of these APIs have, each below its stage.

use std::sync::Arc;

use service::{Api, Service, read, write};

use crate::ApiGateway;
use crate::bindings::connections as bindings;
use crate::ops::websocket::connection::{self, MANAGE};

/// The service's model in botocore, and its name here.
pub const MODEL: &str = "apigatewaymanagementapi";

const API: Api = Api { model: MODEL, namespace: "com.amazonaws.apigatewaymanagementapi", ..Api::named("execute-api") };

#[rustfmt::skip] // A table: one line an operation.
pub fn service(state: Arc<ApiGateway>) -> Service {
    Service::builder(API, state)
        .operation(write("PostToConnection", connection::post).action(MANAGE).rest(&bindings::POST_TO_CONNECTION).permissions(|state, cx, i| Ok(i.connection.permission(state, cx, "POST"))))
        .operation(read("GetConnection", connection::get).action(MANAGE).rest(&bindings::GET_CONNECTION).permissions(|state, cx, i| Ok(i.permission(state, cx, "GET"))))
        .operation(write("DeleteConnection", connection::delete).action(MANAGE).rest(&bindings::DELETE_CONNECTION).permissions(|state, cx, i| Ok(i.permission(state, cx, "DELETE"))))
        .build()
}
