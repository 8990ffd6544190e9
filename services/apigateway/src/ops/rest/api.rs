//! CreateRestApi, GetRestApi, GetRestApis, UpdateRestApi, DeleteRestApi.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use service::{Constraints, Cx};
use wire::DateTime;

use super::patch::{self, Op, Patch, PatchOperation};
use super::{ApiInput, Items, model};
use crate::ApiGateway;
use crate::error::Error;
use crate::limits;
use crate::model::rest::api;
use crate::ops::import::ASIDE;
use crate::ops::{self, Empty, validate_length};
use crate::types::Texts;
use crate::types::rest::Api;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateInput {
    pub name: String,
    pub description: Option<String>,
    pub version: Option<String>,
    pub clone_from: Option<String>,
    pub binary_media_types: Vec<String>,
    pub minimum_compression_size: Option<u32>,
    pub api_key_source: Option<String>,
    pub endpoint_configuration: EndpointConfiguration,
    pub policy: Option<String>,
    pub tags: Texts,
    pub disable_execute_api_endpoint: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointConfiguration {
    pub types: Option<Vec<String>>,
    pub ip_address_type: Option<String>,
}

const IPV4: &str = "ipv4";
const IP_ADDRESS_TYPES: [&str; 2] = [IPV4, "dualstack"];
const ENDPOINT_TYPES: [&str; 3] = ["PRIVATE", "EDGE", "REGIONAL"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiOutput {
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub created_date: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub binary_media_types: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_compression_size: Option<u32>,
    pub api_key_source: String,
    pub endpoint_configuration: EndpointConfiguration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Texts>,
    pub disable_execute_api_endpoint: bool,
    pub root_resource_id: String,
}

impl ApiOutput {
    /// As lists show an API, and what makes one: without tags where it has none.
    pub fn tersely(self) -> ApiOutput {
        ApiOutput { tags: self.tags.filter(|tags| !tags.is_empty()), ..self }
    }
}

impl From<Api> for ApiOutput {
    fn from(api: Api) -> ApiOutput {
        ApiOutput {
            id: api.id,
            name: api.name,
            description: api.description,
            created_date: api.created.into(),
            version: api.version,
            binary_media_types: api.binary_media_types,
            minimum_compression_size: api.minimum_compression_size,
            api_key_source: api.api_key_source,
            endpoint_configuration: EndpointConfiguration {
                types: Some(api.endpoint_types),
                ip_address_type: api.ip_address_type.or_else(|| Some(IPV4.into())),
            },
            tags: Some(api.tags),
            disable_execute_api_endpoint: api.disable_execute_api,
            root_resource_id: api.root,
        }
    }
}

pub async fn create(_: Arc<ApiGateway>, cx: Cx, input: CreateInput) -> Result<ApiOutput, Error> {
    if input.clone_from.is_some() {
        return Err(Error::not_implemented("cloneFrom of CreateRestApi"));
    }
    if input.policy.is_some_and(|policy| !policy.is_empty()) {
        return Err(Error::not_implemented("The resource policy of a REST API"));
    }
    let endpoint = input.endpoint_configuration;
    check_endpoint(&endpoint)?;
    if input.description.as_deref() == Some("") {
        return Err(Error::bad("Description cannot be an empty string"));
    }
    check_media_types(&input.binary_media_types)?;
    let api = Api {
        id: ops::api_id(&cx),
        region: cx.region().to_string(),
        account: cx.account().to_string(),
        name: input.name,
        description: input.description,
        version: input.version,
        created: cx.now(),
        root: cx.env().random_text(b"abcdefghijklmnopqrstuvwxyz0123456789", 10),
        binary_media_types: input.binary_media_types,
        minimum_compression_size: input.minimum_compression_size,
        api_key_source: input.api_key_source.unwrap_or_else(|| "HEADER".into()),
        endpoint_types: endpoint_types(endpoint.types)?,
        ip_address_type: endpoint.ip_address_type,
        disable_execute_api: input.disable_execute_api_endpoint,
        tags: Texts::new(),
    };
    let mut api = api;
    crate::model::tag(&mut api.tags, &input.tags)?;
    validate(&api)?;
    // What is imported has the models of its document alone.
    let models = if cx.region().as_str() == ASIDE { Vec::new() } else { model::defaults(&cx) };
    let stored = api.clone();
    cx.db().write(move |tx| api::create(tx, &stored, &models)).await?;
    Ok(ApiOutput::from(api).tersely())
}

/// Whether the words of an endpoint are among those that there are.
fn check_endpoint(endpoint: &EndpointConfiguration) -> Result<(), Error> {
    let mut constraints = Constraints::default();
    let types = endpoint.types.as_deref().unwrap_or_default();
    if types.iter().any(|kind| !ENDPOINT_TYPES.contains(&kind.as_str())) {
        let all = ENDPOINT_TYPES.join(", ");
        constraints.fail(
            format_args!("[{}]", types.join(", ")),
            "createRestApiInput.endpointConfiguration.types",
            format_args!("satisfy constraint: [Member must satisfy enum value set: [{all}]]"),
        );
    }
    let member = "createRestApiInput.endpointConfiguration.ipAddressType";
    constraints.one_of(endpoint.ip_address_type.as_deref(), member, &IP_ADDRESS_TYPES);
    Ok(constraints.check()?)
}

fn endpoint_types(types: Option<Vec<String>>) -> Result<Vec<String>, Error> {
    match types.as_deref() {
        None => Ok(vec!["EDGE".into()]),
        Some([]) => Err(Error::bad("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")),
        Some([one]) => Ok(vec![endpoint_type(one)?]),
        Some(_) => Err(Error::bad("Cannot create an api with multiple Endpoint Types.")),
    }
}

fn endpoint_type(word: &str) -> Result<String, Error> {
    match word {
        "EDGE" | "REGIONAL" => Ok(word.to_owned()),
        "PRIVATE" => Err(Error::not_implemented("The endpoint type PRIVATE")),
        _ => Err(Error::bad("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")),
    }
}

/// Patches may add what is none: on AWS, too.
fn check_media_types(types: &[String]) -> Result<(), Error> {
    types.iter().try_for_each(|kind| match kind.split_once('/') {
        Some((kind, rest)) if !kind.is_empty() && !rest.is_empty() => Ok(()),
        _ => Err(Error::bad(format!("Invalid binary media type: {kind}"))),
    })
}

fn validate(api: &Api) -> Result<(), Error> {
    if api.name.is_empty() {
        return Err(Error::bad("Invalid REST API name specified: it must not be empty"));
    }
    validate_length("name", Some(&api.name), limits::NAME_CHARACTERS_MAX)?;
    validate_length("description", api.description.as_deref(), limits::DESCRIPTION_CHARACTERS_MAX)?;
    validate_length("version", api.version.as_deref(), limits::VARIABLE_NAME_CHARACTERS_MAX)?;
    if !matches!(api.api_key_source.as_str(), "HEADER" | "AUTHORIZER") {
        return Err(Error::bad("apiKeySource must be HEADER or AUTHORIZER"));
    }
    if api.minimum_compression_size.is_some_and(|size| size as usize > limits::PAYLOAD_BYTES_MAX) {
        return Err(Error::bad("Invalid minimum compression size, must be between 0 and 10485760"));
    }
    api::check_media_types(api)?;
    let max = limits::BINARY_MEDIA_TYPE_CHARACTERS_MAX;
    api.binary_media_types.iter().try_for_each(|kind| validate_length("binaryMediaTypes", Some(kind), max))
}

pub async fn get(_: Arc<ApiGateway>, cx: Cx, input: ApiInput) -> Result<ApiOutput, Error> {
    Ok(api::find(&cx.db().read()?, cx.region().as_str(), &input.rest_api_id)?.into())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListInput {
    pub position: Option<String>,
    pub limit: Option<usize>,
}

pub async fn list(_: Arc<ApiGateway>, cx: Cx, input: ListInput) -> Result<Items<ApiOutput>, Error> {
    let all = api::list(&cx.db().read()?, cx.region().as_str())?;
    let sizes = (limits::REST_PAGE_DEFAULT, limits::REST_PAGE_MAX);
    let (page, position) = ops::page(all, input.position.as_deref(), input.limit, sizes)?;
    Ok(Items { position, item: page.into_iter().map(|api| ApiOutput::from(api).tersely()).collect() })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateInput {
    pub rest_api_id: String,
    pub patch_operations: Vec<PatchOperation>,
}

pub async fn update(_: Arc<ApiGateway>, cx: Cx, input: UpdateInput) -> Result<ApiOutput, Error> {
    let (patches, region) = (patch::parse(input.patch_operations)?, cx.region().to_string());
    let change = move |api: &mut Api| {
        patches.iter().try_for_each(|patch| apply(api, patch))?;
        validate(api)
    };
    Ok(cx.db().write(move |tx| api::update(tx, &region, &input.rest_api_id, &change)).await?.into())
}

fn apply(api: &mut Api, patch: &Patch) -> Result<(), Error> {
    let types = &mut api.binary_media_types;
    match (patch.op, patch.path().as_slice()) {
        (Op::Replace, ["name"]) => api.name = patch.value.clone(),
        (_, ["description"]) => api.description = patch.text(),
        (_, ["version"]) => api.version = patch.text(),
        (Op::Replace, ["apiKeySource"]) => api.api_key_source = patch.text().unwrap_or_else(|| "HEADER".into()),
        (Op::Replace, ["disableExecuteApiEndpoint"]) => api.disable_execute_api = patch.boolean()?,
        (Op::Replace, ["minimumCompressionSize"]) => {
            let size = patch.text().map(|size| size.parse()).transpose();
            let invalid = "Invalid minimum compression size, must be between 0 and 10485760";
            api.minimum_compression_size = size.map_err(|_| Error::bad(invalid))?;
        }
        (Op::Add, ["binaryMediaTypes", kind]) if types.iter().all(|known| known != kind) => {
            types.push((*kind).to_owned());
        }
        (Op::Add, ["binaryMediaTypes", _]) => {}
        (Op::Remove, ["binaryMediaTypes", kind]) => types.retain(|known| known != kind),
        (Op::Replace, ["endpointConfiguration", "types", _]) => api.endpoint_types = vec![endpoint_type(&patch.value)?],
        (Op::Replace, ["endpointConfiguration", "ipAddressType"]) => {
            if !IP_ADDRESS_TYPES.contains(&patch.value.as_str()) {
                return Err(Error::bad("ipAddressType must be either ipv4 or dualstack."));
            }
            api.ip_address_type = patch.text();
        }
        (Op::Replace, ["binaryMediaTypes", kind]) => {
            types.retain(|known| known != kind);
            types.push(patch.value.clone());
        }
        (_, ["minimumCompressionSize"] | ["endpointConfiguration", "ipAddressType"]) => {
            return Err(Error::bad("Invalid patch operation specified. Must be one of: [replace]"));
        }
        (_, ["policy" | "endpointConfiguration", ..]) => return Err(patch.unsupported()),
        _ => return Err(patch.invalid()),
    }
    Ok(())
}

pub async fn delete(state: Arc<ApiGateway>, cx: Cx, input: ApiInput) -> Result<Empty, Error> {
    let (region, id) = (cx.region().to_string(), input.rest_api_id.clone());
    cx.db().write(move |tx| api::delete(tx, &region, &input.rest_api_id)).await?;
    state.caches.forget_api(&id);
    Ok(Empty {})
}
