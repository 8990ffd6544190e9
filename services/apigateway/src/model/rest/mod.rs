//! REST APIs: the API, its tree of resources, its deployments and stages.

pub mod api;
pub mod deployment;
pub mod resource;
pub mod stage;
