//! REST APIs: the API, its tree of resources, its deployments and stages.

pub mod api;
pub mod api_key;
pub mod deployment;
pub mod documentation;
pub mod documentation_version;
pub mod gateway_response;
pub mod import;
pub mod model;
pub mod resource;
pub mod stage;
pub mod undocumented;
pub mod usage_plan;
pub mod validator;
