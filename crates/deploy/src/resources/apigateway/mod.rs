//! `AWS::ApiGateway::*`: REST APIs. The service's members begin with a small letter.

mod api;
mod deployment;
mod method;

pub use api::{PathResource, RestApi};
pub use deployment::{Deployment, Stage};
pub use method::Method;

use serde_json::{Value, json};

/// One change of an update: `{"op": "replace", "path": "/name", "value": …}`.
fn replace(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "replace", "path": path, "value": value.into()})
}
