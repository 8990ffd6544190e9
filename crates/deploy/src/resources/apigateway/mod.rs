//! `AWS::ApiGateway::*`: REST APIs. The service's members begin with a small letter.

mod account;
mod api;
mod authorizer;
mod deployment;
mod documentation;
mod method;
mod model;
mod settings;
mod stage;
mod usage;

pub use account::Account;
pub use api::{PathResource, RestApi};
pub use authorizer::Authorizer;
pub use deployment::Deployment;
pub use documentation::{DocumentationPart, DocumentationVersion};
pub use method::Method;
pub use model::{GatewayResponse, Model, RequestValidator};
pub use settings::StageSettings;
pub use stage::Stage;
pub use usage::{ApiKey, UsagePlan, UsagePlanKey};

use serde_json::{Value, json};

/// A number that a template may have as a text.
fn number(value: &Value) -> Value {
    match value.as_str().and_then(|text| text.parse::<f64>().ok()) {
        Some(number) => json!(number),
        None => value.clone(),
    }
}

/// One change of an update: `{"op": "replace", "path": "/name", "value": …}`.
fn replace(path: &str, value: impl Into<Value>) -> Value {
    json!({"op": "replace", "path": path, "value": value.into()})
}
