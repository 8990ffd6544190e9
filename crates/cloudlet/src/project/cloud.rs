//! The server as a deployment sees it.

use anyhow::Context as _;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy::{CallError, Cloud};
use serde_json::{Value, json};

use crate::client::{Client, Refusal};

/// A running server.
pub struct Remote {
    client: Client,
    account: String,
}

impl Remote {
    /// # Errors
    /// When the server does not answer, or refuses to say who is calling.
    pub async fn connect(client: Client) -> anyhow::Result<Remote> {
        let identity = client.call("sts", "GetCallerIdentity", json!({})).await?;
        let account = identity["Account"].as_str().context("the server did not say which account this is")?.to_owned();
        Ok(Remote { client, account })
    }

    /// Makes further calls in another region.
    pub fn turn_to(&mut self, region: &str) {
        region.clone_into(&mut self.client.region);
    }
}

fn call_error(error: anyhow::Error) -> CallError {
    match error.downcast::<Refusal>() {
        Ok(refusal) => CallError::new(refusal.code, refusal.message, refusal.status),
        Err(error) => CallError::new("Unreachable", format!("{error:#}"), 503),
    }
}

#[async_trait]
impl Cloud for Remote {
    async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, CallError> {
        self.client.call(service, operation, input).await.map_err(call_error)
    }

    async fn send(&self, service: &str, operation: &str, input: Value, body: &[u8]) -> Result<Value, CallError> {
        self.client.call_with(service, operation, input, body).await.map_err(call_error)
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn region(&self) -> &str {
        &self.client.region
    }

    fn endpoint(&self) -> &str {
        &self.client.endpoint
    }

    async fn load_stack(&self, name: &str) -> Result<Option<Value>, CallError> {
        let mut answer = self.call("cloudlet", "GetStack", json!({"Name": name})).await?;
        Ok(Some(answer["State"].take()).filter(|state| !state.is_null()))
    }

    async fn save_stack(&self, name: &str, state: &Value) -> Result<(), CallError> {
        self.call("cloudlet", "PutStack", json!({"Name": name, "State": state})).await.map(drop)
    }

    async fn delete_stack(&self, name: &str) -> Result<(), CallError> {
        self.call("cloudlet", "DeleteStack", json!({"Name": name})).await.map(drop)
    }

    async fn list_stacks(&self) -> Result<Vec<String>, CallError> {
        let answer = self.call("cloudlet", "ListStacks", json!({})).await?;
        let names = answer["Names"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
    }

    async fn load_package(&self, sha256: &str) -> Result<Option<Vec<u8>>, CallError> {
        let answer = self.call("cloudlet", "GetPackage", json!({"Sha256": sha256})).await?;
        let bytes = answer["Bytes"].as_str().map(|text| STANDARD.decode(text)).transpose();
        bytes.map_err(|error| CallError::new("BadAnswer", error.to_string(), 502))
    }

    async fn save_package(&self, sha256: &str, bytes: &[u8]) -> Result<(), CallError> {
        self.call("cloudlet", "PutPackage", json!({"Sha256": sha256, "Bytes": STANDARD.encode(bytes)})).await.map(drop)
    }

    async fn delete_package(&self, sha256: &str) -> Result<(), CallError> {
        self.call("cloudlet", "DeletePackage", json!({"Sha256": sha256})).await.map(drop)
    }
}
