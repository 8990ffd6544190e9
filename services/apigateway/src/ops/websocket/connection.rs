//! PostToConnection, GetConnection, DeleteConnection.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html>

use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::{Cx, Farewell, Permission};
use wire::Blob;

use crate::ApiGateway;
use crate::connections::Connection;
use crate::error::Error;
use crate::limits;
use crate::ops::Empty;

/// The action of every operation here.
pub const MANAGE: &str = "execute-api:ManageConnections";

/// A connection as requests name it, and its API and stage, where the request's path does.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectionName {
    pub connection_id: String,
    pub api_id: Option<String>,
    pub stage_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PostInput {
    #[serde(flatten)]
    pub connection: ConnectionName,
    #[serde(rename = "Data")]
    pub data: Blob,
}

impl ConnectionName {
    fn find(&self, state: &ApiGateway) -> Result<Arc<Connection>, Error> {
        state.connections.find(&self.connection_id).filter(|found| self.is_of(found)).ok_or(Error::Gone)
    }

    /// Whether the connection is where the request looks for it.
    fn is_of(&self, connection: &Connection) -> bool {
        let fits = |asked: &Option<String>, own: &String| asked.as_ref().is_none_or(|asked| asked == own);
        fits(&self.api_id, &connection.beginning.api) && fits(&self.stage_name, &connection.beginning.stage)
    }

    /// The permission to do this with it. Of one that is not there, and of which the request does not tell the API, anyone's
    /// will do that is for all of them.
    pub fn permission(&self, state: &ApiGateway, cx: &Cx, method: &str) -> Vec<Permission> {
        let below = format!("{method}/@connections/{}", self.connection_id);
        let resource = match self.find(state) {
            Ok(connection) => connection.beginning.arn(&below),
            Err(_) => self.arn(cx, &below),
        };
        vec![Permission::new(MANAGE, resource)]
    }

    fn arn(&self, cx: &Cx, below: &str) -> Arn {
        let api = self.api_id.as_deref().unwrap_or("*");
        let stage = self.stage_name.as_deref().unwrap_or("*");
        cx.arn("execute-api", format!("{api}/{stage}/{below}"))
    }
}

pub async fn post(state: Arc<ApiGateway>, cx: Cx, input: PostInput) -> Result<Empty, Error> {
    if input.data.len() > limits::MESSAGE_BYTES_MAX {
        return Err(Error::PayloadTooLarge);
    }
    let connection = input.connection.find(&state)?;
    state.connections.tell(&connection, input.data.0)?;
    connection.touch(cx.now());
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionOutput {
    pub connected_at: String,
    pub identity: Identity,
    pub last_active_at: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    pub source_ip: String,
    pub user_agent: String,
}

pub async fn get(state: Arc<ApiGateway>, _: Cx, input: ConnectionName) -> Result<ConnectionOutput, Error> {
    let connection = input.find(&state)?;
    let told = |name: &str| connection.beginning.identity[name].as_str().unwrap_or_default().to_owned();
    Ok(ConnectionOutput {
        connected_at: connection.beginning.connected.iso8601(),
        identity: Identity { source_ip: told("sourceIp"), user_agent: told("userAgent") },
        last_active_at: connection.last_active().iso8601(),
    })
}

pub async fn delete(state: Arc<ApiGateway>, _: Cx, input: ConnectionName) -> Result<Empty, Error> {
    let connection = input.find(&state)?;
    state.connections.end(&connection, Farewell::new(1000, "Connection Closed Normally"));
    Ok(Empty {})
}
