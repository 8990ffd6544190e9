//! TagResource, UntagResource, GetTags: of REST APIs and their stages.

use std::sync::Arc;

use kv::Tx;
use serde::{Deserialize, Serialize};
use service::Cx;

use crate::ApiGateway;
use crate::error::Error;
use crate::model::rest::{api, stage};
use crate::ops::{Empty, path_of};
use crate::types::Texts;

/// What can have tags.
enum Tagged {
    Api(String),
    Stage(String, String),
}

fn tagged(arn: &str) -> Result<Tagged, Error> {
    let path = path_of(arn)?;
    match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        ["restapis", api] => Ok(Tagged::Api((*api).to_owned())),
        ["restapis", api, "stages", stage] => Ok(Tagged::Stage((*api).to_owned(), (*stage).to_owned())),
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
        Tagged::Api(id) => api::update(tx, region, id, |api| change(&mut api.tags)).map(drop),
        Tagged::Stage(api, name) => {
            stage::update(tx, cx.now(), region, (api, name), |stage| change(&mut stage.tags)).map(drop)
        }
    }
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
    let read = cx.db().read()?;
    let tags = match tagged(&input.resource_arn)? {
        Tagged::Api(id) => api::find(&read, cx.region().as_str(), &id)?.tags,
        Tagged::Stage(api, name) => {
            api::find(&read, cx.region().as_str(), &api)?;
            stage::find(&read, &api, &name)?.tags
        }
    };
    Ok(GetOutput { tags })
}
