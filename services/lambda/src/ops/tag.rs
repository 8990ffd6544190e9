//! TagResource, UntagResource, ListTags: of functions and of event source mappings.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::Empty;
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::model::{function, mapping};
use crate::name::FunctionRef;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TagInput {
    pub resource: String,
    pub tags: BTreeMap<String, String>,
    pub tag_keys: Vec<String>,
}

/// What has tags.
const PATTERN: &str = "arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)";

enum Tagged {
    Function(FunctionRef),
    /// By its id.
    Mapping(String),
}

fn resource(cx: &Cx, text: &str) -> Result<Tagged, Error> {
    let unfit = || {
        let mut constraints = Constraints::default();
        constraints.pattern(Some(text), "resource", PATTERN, |_| false);
        constraints.check().err().map_or_else(Error::resource_not_found, Error::Validation)
    };
    let arn: Arn = text.parse().map_err(|_| unfit())?;
    if arn.region != cx.region().as_str() {
        return Err(Error::resource_not_found());
    }
    if let Some(id) = arn.resource.strip_prefix("event-source-mapping:") {
        return Ok(Tagged::Mapping(id.to_owned()));
    }
    match FunctionRef::of_arn(&arn) {
        Some(FunctionRef { qualifier: Some(_), .. }) => Err(Error::invalid(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        )),
        Some(function) => Ok(Tagged::Function(function)),
        None => Err(unfit()),
    }
}

pub async fn tag(_: Arc<Lambda>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let (region, tags) = (cx.region().clone(), input.tags);
    if tags.is_empty() {
        return Err(Error::invalid("An error occurred and the request cannot be processed."));
    }
    match resource(&cx, &input.resource)? {
        Tagged::Function(reference) => cx.db().write(move |tx| function::tag(tx, &reference, &tags)).await?,
        Tagged::Mapping(id) => {
            let change = move |mut mapping: crate::types::Mapping| {
                mapping.tags.extend(tags.clone());
                function::check_tags(&mapping.tags).map(|()| mapping)
            };
            cx.db().write(move |tx| mapping::update(tx, region.as_str(), &id, &change)).await?;
        }
    }
    Ok(Empty {})
}

pub async fn untag(_: Arc<Lambda>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let (region, keys) = (cx.region().clone(), input.tag_keys);
    let mut constraints = Constraints::default();
    constraints.required(keys.first().map(String::as_str), "tagKeys");
    constraints.check()?;
    match resource(&cx, &input.resource)? {
        Tagged::Function(reference) => cx.db().write(move |tx| function::untag(tx, &reference, &keys)).await?,
        Tagged::Mapping(id) => {
            let change = move |mut mapping: crate::types::Mapping| {
                mapping.tags.retain(|key, _| !keys.contains(key));
                Ok(mapping)
            };
            cx.db().write(move |tx| mapping::update(tx, region.as_str(), &id, &change)).await?;
        }
    }
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub tags: BTreeMap<String, String>,
}

pub async fn list(_: Arc<Lambda>, cx: Cx, input: TagInput) -> Result<ListOutput, Error> {
    let read = cx.db().read()?;
    let tags = match resource(&cx, &input.resource)? {
        Tagged::Function(reference) => function::find(&read, &reference)?.tags,
        Tagged::Mapping(id) => mapping::find(&read, cx.region().as_str(), &id)?.tags,
    };
    Ok(ListOutput { tags })
}
