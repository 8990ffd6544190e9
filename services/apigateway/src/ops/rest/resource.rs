//! CreateResource, GetResource, GetResources, UpdateResource, DeleteResource.

use std::collections::BTreeMap;
use std::sync::Arc;

use kv::Read;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::Items;
use super::method::MethodOutput;
use super::patch::{self, Op, PatchOperation};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api, resource};
use crate::ops::{self, Empty};
use crate::types::rest::Resource;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceOutput {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_part: Option<String>,
    pub path: String,
    /// Each method is empty unless it was asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resource_methods: BTreeMap<String, Shown>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Shown {
    Name(Empty),
    Whole(Box<MethodOutput>),
}

impl ResourceOutput {
    fn new(path: String, resource: Resource, embed: bool) -> ResourceOutput {
        let shown = |name: &str, method| match embed {
            true => Shown::Whole(Box::new(MethodOutput::new(name, method))),
            false => Shown::Name(Empty {}),
        };
        ResourceOutput {
            id: resource.id,
            path_part: resource.parent.is_some().then_some(resource.part),
            parent_id: resource.parent,
            path,
            resource_methods: resource
                .methods
                .into_iter()
                .map(|(name, method)| (name.clone(), shown(&name, method)))
                .collect(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub rest_api_id: String,
    pub parent_id: String,
    pub path_part: String,
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<ResourceOutput, Error> {
    validate_part(&input.path_part)?;
    let (id, region) = (ops::part_id(&cx), cx.region().to_string());
    let name = input.rest_api_id.clone();
    let made = cx
        .db()
        .write(move |tx| {
            api::find(tx, &region, &input.rest_api_id)?;
            resource::create(tx, &input.rest_api_id, &input.parent_id, &input.path_part, &id)
        })
        .await?;
    whole(&cx.db().read()?, &name, &made.id, false)
}

/// A literal, `{name}` or `{name+}`.
fn validate_part(part: &str) -> Result<(), Error> {
    let literal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:$".contains(&byte);
    let variable = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let name = variable.map(|name| name.strip_suffix('+').unwrap_or(name)).unwrap_or(part);
    if !name.is_empty() && name.len() <= limits::HTTP_NAME_CHARACTERS_MAX && name.bytes().all(literal) {
        return Ok(());
    }
    let rule = "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end.";
    Err(Error::bad(rule))
}

/// A resource with its path.
fn whole(read: &impl Read, api: &str, id: &str, embed: bool) -> Result<ResourceOutput, Error> {
    let found = resource::list(read, api)?.into_iter().find(|(_, resource)| resource.id == id);
    let (path, resource) = found.ok_or_else(|| Error::invalid("Resource"))?;
    Ok(ResourceOutput::new(path, resource, embed))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceInput {
    pub rest_api_id: String,
    pub resource_id: String,
    pub embed: Vec<String>,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: ResourceInput) -> Result<ResourceOutput, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    whole(&read, &input.rest_api_id, &input.resource_id, embeds_methods(&input.embed))
}

fn embeds_methods(embed: &[String]) -> bool {
    embed.iter().any(|wanted| wanted == "methods")
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListInput {
    pub rest_api_id: String,
    pub position: Option<String>,
    pub limit: Option<usize>,
    pub embed: Vec<String>,
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<ResourceOutput>, Error> {
    let read = cx.db().read()?;
    api::find(&read, cx.region().as_str(), &input.rest_api_id)?;
    let all = resource::list(&read, &input.rest_api_id)?;
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (found, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    let embed = embeds_methods(&input.embed);
    Ok(Items { position, item: found.into_iter().map(|(path, r)| ResourceOutput::new(path, r, embed)).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub rest_api_id: String,
    pub resource_id: String,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<ResourceOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    let (api, id) = (input.rest_api_id, input.resource_id);
    let named = (api.clone(), id.clone());
    cx.db()
        .write(move |tx| {
            api::find(tx, &region, &api)?;
            resource::find(tx, &api, &id)?;
            for patch in &patches {
                match (patch.op, patch.path().as_slice()) {
                    (Op::Replace, ["pathPart"]) => {
                        validate_part(&patch.value)?;
                        resource::rename(tx, &api, &id, &patch.value)?;
                    }
                    (Op::Replace, ["parentId"]) => {
                        resource::move_below(tx, &api, &id, &patch.value)?;
                    }
                    _ => return Err(patch.not_among(&["/parentId", "/pathPart"])),
                }
            }
            Ok(())
        })
        .await?;
    whole(&cx.db().read()?, &named.0, &named.1, false)
}

pub async fn delete(_: Arc<ApiGateway>, cx: Cx, input: ResourceInput) -> Result<Empty, Error> {
    let region = cx.region().to_string();
    cx.db()
        .write(move |tx| {
            api::find(tx, &region, &input.rest_api_id)?;
            resource::delete(tx, &input.rest_api_id, &input.resource_id)
        })
        .await?;
    Ok(Empty {})
}
