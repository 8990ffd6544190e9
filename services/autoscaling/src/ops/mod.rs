//! The operations, a file for each kind of thing they work on.

pub mod action;
pub mod activity;
pub mod policy;
pub mod tag;
pub mod target;

use serde::Serialize;
use serde_json::{Value, json};
use service::Cx;

use crate::capacity::{self, Scalable};
use crate::error::Error;
use crate::limits::{NAME_CHARACTERS_MAX, PAGE_MAX};
use crate::types::Resource;

/// The answer of operations that have nothing to say.
#[derive(Debug, Serialize)]
pub struct Empty {}

/// The namespaces of the official service; not all are here.
const NAMESPACES: [&str; 15] = [
    "ecs",
    "elasticmapreduce",
    "ec2",
    "appstream",
    "dynamodb",
    "rds",
    "sagemaker",
    "custom-resource",
    "comprehend",
    "lambda",
    "cassandra",
    "kafka",
    "elasticache",
    "neptune",
    "workspaces",
];

fn constraint(message: std::fmt::Arguments<'_>) -> Error {
    Error::Validation(format!("1 validation error detected: {message}"))
}

fn required<'a>(value: Option<&'a String>, member: &str) -> Result<&'a str, Error> {
    let value = value.map(String::as_str);
    value.ok_or_else(|| {
        constraint(format_args!("Value null at '{member}' failed to satisfy constraint: Member must not be null"))
    })
}

/// A namespace that is here.
pub fn namespace(value: Option<&String>) -> Result<String, Error> {
    let value = required(value, "serviceNamespace")?;
    if !NAMESPACES.contains(&value) {
        let all = NAMESPACES.join(", ");
        return Err(constraint(format_args!(
            "Value '{value}' at 'serviceNamespace' failed to satisfy constraint: Member must satisfy enum value set: [{all}]"
        )));
    }
    match capacity::NAMESPACES.contains(&value) {
        true => Ok(value.to_owned()),
        false => Err(Error::NotImplemented(format!("Scaling resources of the namespace {value}"))),
    }
}

/// A resource that can be scaled.
pub fn resource(
    cx: &Cx,
    space: Option<&String>,
    id: Option<&String>,
    dimension: Option<&String>,
) -> Result<Resource, Error> {
    let namespace = namespace(space)?;
    let (id, dimension) = (required(id, "resourceId")?, required(dimension, "scalableDimension")?);
    scalable(&namespace, id, dimension)?;
    Ok(Resource { region: cx.region().to_string(), namespace, id: id.into(), dimension: dimension.into() })
}

/// # Errors
/// When there is nothing of this form to scale.
pub fn scalable<'a>(namespace: &str, id: &'a str, dimension: &str) -> Result<Scalable<'a>, Error> {
    let unsupported = "Unsupported service namespace, resource type or scalable dimension";
    Scalable::of(namespace, id, dimension).ok_or_else(|| Error::validation(unsupported))
}

/// A name of an action or a policy.
pub fn name(value: Option<&String>, member: &str) -> Result<String, Error> {
    let value = required(value, member)?;
    let is_one = (1..=NAME_CHARACTERS_MAX).contains(&value.chars().count())
        && value.trim() == value
        && !value.chars().any(|c| c.is_control() || matches!(c, ':' | '/' | '|'));
    is_one.then(|| value.to_owned()).ok_or_else(|| {
        constraint(format_args!(
            "Value '{value}' at '{member}' failed to satisfy constraint: Member must have 1 to {NAME_CHARACTERS_MAX} characters, without control characters, ':', '/', '|' and spaces around them"
        ))
    })
}

/// A capacity, which is not negative.
pub fn capacity(value: Option<i64>, member: &str) -> Result<Option<u32>, Error> {
    let checked = value.map(|value| {
        u32::try_from(value).map_err(|_| {
            constraint(format_args!(
                "Value '{value}' at '{member}' failed to satisfy constraint: Member must have value greater than or equal to 0"
            ))
        })
    });
    checked.transpose()
}

/// What lists have in common.
pub struct Page {
    pub max: Option<i64>,
    pub token: Option<String>,
}

impl Page {
    /// Those of `all` that are on this page, and the token of the next. A token says how many there were before.
    pub fn of<T>(self, all: Vec<T>) -> Result<(Vec<T>, Option<String>), Error> {
        let size = usize::try_from(self.max.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX)).unwrap_or(1);
        let start: usize = self.token.map_or(Ok(0), |token| token.parse().map_err(|_| Error::InvalidNextToken))?;
        let end = start.saturating_add(size);
        let next = (end < all.len()).then(|| end.to_string());
        Ok((all.into_iter().skip(start).take(size).collect(), next))
    }
}

/// Puts what identifies a resource into an answer.
pub fn with_resource(resource: &Resource, mut answer: Value) -> Value {
    let Resource { namespace, id, dimension, .. } = resource;
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("ServiceNamespace".into(), json!(namespace));
        answer.insert("ResourceId".into(), json!(id));
        answer.insert("ScalableDimension".into(), json!(dimension));
        answer.retain(|_, value| !value.is_null());
    }
    answer
}
