//! TagResource, UntagResource, GetTags: of APIs of both kinds, of their stages, and of custom domains.

use std::sync::Arc;

use kv::{Read, Tx};
use serde::{Deserialize, Serialize};
use service::Cx;

use super::{Empty, path_of};
use crate::ApiGateway;
use crate::error::Error;
use crate::model::{domain, http, rest};
use crate::types::Texts;

/// What can have tags, by the id of its API.
enum Tagged {
    HttpApi(String),
    HttpStage(String, String),
    RestApi(String),
    RestStage(String, String),
    Domain(String),
}

fn tagged(arn: &str) -> Result<Tagged, Error> {
    let path = path_of(arn)?;
    let owned = |text: &str| text.to_owned();
    match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        ["apis", api] => Ok(Tagged::HttpApi(owned(api))),
        ["apis", api, "stages", stage] => Ok(Tagged::HttpStage(owned(api), owned(stage))),
        ["restapis", api] => Ok(Tagged::RestApi(owned(api))),
        ["restapis", api, "stages", stage] => Ok(Tagged::RestStage(owned(api), owned(stage))),
        ["domainnames", name] => Ok(Tagged::Domain(owned(name))),
        _ => Err(Error::not_implemented(format!("Tags of {arn}"))),
    }
}

fn change(
    cx: &Cx,
    tx: &mut Tx,
    tagged: &Tagged,
    change: impl FnOnce(&mut Texts) -> Result<(), Error>,
) -> Result<(), Error> {
    let region = cx.region().as_str();
    match tagged {
        Tagged::HttpApi(id) => {
            let mut api = http::api::find(tx, region, id)?;
            change(&mut api.tags)?;
            http::api::put(tx, &api)
        }
        Tagged::HttpStage(id, name) => {
            http::api::find(tx, region, id)?;
            http::stage::retag(tx, id, name, change)
        }
        Tagged::Domain(name) => domain::update(tx, region, name, |domain| change(&mut domain.tags)).map(drop),
        Tagged::RestApi(id) => rest::api::update(tx, region, id, |api| change(&mut api.tags)).map(drop),
        Tagged::RestStage(id, name) => {
            rest::stage::update(tx, cx.now(), region, (id, name), |stage| change(&mut stage.tags)).map(drop)
        }
    }
}

fn tags(read: &(impl Read + ?Sized), region: &str, tagged: &Tagged) -> Result<Texts, Error> {
    Ok(match tagged {
        Tagged::HttpApi(id) => http::api::find(read, region, id)?.tags,
        Tagged::HttpStage(id, name) => {
            http::api::find(read, region, id)?;
            http::stage::find(read, id, name)?.tags
        }
        Tagged::Domain(name) => domain::find(read, region, name)?.tags,
        Tagged::RestApi(id) => rest::api::find(read, region, id)?.tags,
        Tagged::RestStage(id, name) => {
            rest::api::find(read, region, id)?;
            rest::stage::find(read, id, name)?.tags
        }
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TagInput {
    pub resource_arn: String,
    pub tags: Texts,
}

pub async fn tag(_: Arc<ApiGateway>, cx: Cx, input: TagInput) -> Result<Empty, Error> {
    let (tagged, context) = (tagged(&input.resource_arn)?, cx.clone());
    cx.db().write(move |tx| change(&context, tx, &tagged, |tags| crate::model::tag(tags, &input.tags))).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UntagInput {
    pub resource_arn: String,
    pub tag_keys: Vec<String>,
}

pub async fn untag(_: Arc<ApiGateway>, cx: Cx, input: UntagInput) -> Result<Empty, Error> {
    let (tagged, context) = (tagged(&input.resource_arn)?, cx.clone());
    let without = move |tags: &mut Texts| {
        tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(())
    };
    cx.db().write(move |tx| change(&context, tx, &tagged, &without)).await?;
    Ok(Empty {})
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetInput {
    pub resource_arn: String,
}

#[derive(Debug, Serialize)]
pub struct GetOutput {
    pub tags: Texts,
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: GetInput) -> Result<GetOutput, Error> {
    let tagged = tagged(&input.resource_arn)?;
    Ok(GetOutput { tags: tags(&cx.db().read()?, cx.region().as_str(), &tagged)? })
}
