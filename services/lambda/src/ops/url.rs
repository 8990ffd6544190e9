//! CreateFunctionUrlConfig, GetFunctionUrlConfig, UpdateFunctionUrlConfig, DeleteFunctionUrlConfig,
//! ListFunctionUrlConfigs.

use std::sync::Arc;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::{Cx, Permission};

use super::{Empty, FunctionInput, PageInput, marker, next_marker, page_size};
use crate::Lambda;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::model::url;
use crate::name::{FunctionRef, Qualifier, function_resource};
use crate::types::{Cors, FunctionUrl};

const AUTH_TYPES: [&str; 2] = ["NONE", "AWS_IAM"];
const MODES: [&str; 2] = ["BUFFERED", "RESPONSE_STREAM"];
const METHODS: [&str; 7] = ["GET", "PUT", "HEAD", "POST", "PATCH", "DELETE", "*"];
/// What an id is made of, and how long it is.
const ID_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
const ID_CHARACTERS: usize = 32;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UrlInput {
    pub function_name: String,
    pub qualifier: Option<String>,
    pub auth_type: Option<String>,
    pub cors: Option<CorsDocument>,
    pub invoke_mode: Option<String>,
}

/// The rules for pages of other origins, as the API has them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CorsDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_headers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_methods: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_origins: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expose_headers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UrlOutput {
    pub function_url: String,
    pub function_arn: String,
    pub auth_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<CorsDocument>,
    pub creation_time: String,
    pub last_modified_time: String,
    pub invoke_mode: &'static str,
}

impl UrlInput {
    fn check(&self, auth_is_required: bool) -> Result<(), Error> {
        let mut constraints = Constraints::default();
        if auth_is_required {
            constraints.required(self.auth_type.as_deref(), "authType");
        }
        constraints.one_of(self.auth_type.as_deref(), "authType", &AUTH_TYPES);
        constraints.one_of(self.invoke_mode.as_deref(), "invokeMode", &MODES);
        if let Some(cors) = &self.cors {
            cors.check(&mut constraints);
        }
        Ok(constraints.check()?)
    }

    fn signed(&self, before: bool) -> bool {
        self.auth_type.as_deref().map_or(before, |kind| kind == "AWS_IAM")
    }

    fn streams(&self, before: bool) -> bool {
        self.invoke_mode.as_deref().map_or(before, |mode| mode == "RESPONSE_STREAM")
    }
}

impl CorsDocument {
    fn check(&self, constraints: &mut Constraints) {
        let lists = [
            ("cors.allowHeaders", &self.allow_headers, 1_024),
            ("cors.exposeHeaders", &self.expose_headers, 1_024),
            ("cors.allowOrigins", &self.allow_origins, 253),
        ];
        for (member, list, characters_max) in lists {
            let list = list.as_deref().unwrap_or_default();
            if list.len() > limits::CORS_ENTRIES_MAX {
                let max = limits::CORS_ENTRIES_MAX;
                constraints.fail(list.len(), member, format_args!("have length less than or equal to {max}"));
            }
            list.iter().for_each(|entry| constraints.length(Some(entry), member, characters_max));
        }
        for method in self.allow_methods.iter().flatten() {
            constraints.one_of(Some(method), "cors.allowMethods", &METHODS);
        }
        constraints.range(self.max_age, "cors.maxAge", &limits::CORS_AGE_SECONDS_RANGE);
    }

    /// `None` where no rule is given: then the function answers preflights itself.
    fn stored(self) -> Option<Cors> {
        let cors = Cors {
            allow_credentials: self.allow_credentials,
            allow_headers: self.allow_headers,
            allow_methods: self.allow_methods,
            allow_origins: self.allow_origins,
            expose_headers: self.expose_headers,
            max_age: self.max_age.and_then(|age| u32::try_from(age).ok()),
        };
        (cors != Cors::default()).then_some(cors)
    }
}

/// The action on the function, with the kind of URL that policies may allow it for.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html#urls-governance>
pub fn permissions(cx: &Cx, action: &str, input: &UrlInput) -> Vec<Permission> {
    let resource = function_resource(cx, &input.function_name, input.qualifier.as_deref());
    let kind = input.auth_type.iter().cloned().collect::<Vec<_>>();
    let context = if kind.is_empty() { Vec::new() } else { vec![("lambda:FunctionUrlAuthType".into(), kind)] };
    vec![Permission { context, ..Permission::new(action, resource) }]
}

/// A URL is of a function or of an alias, never of a version.
fn reference(cx: &Cx, function: &str, qualifier: Option<&str>) -> Result<FunctionRef, Error> {
    let reference = FunctionRef::parse(cx, function, qualifier)?;
    match &reference.qualifier {
        None | Some(Qualifier::Alias(_)) => Ok(reference),
        Some(other) => {
            let mut constraints = Constraints::default();
            let rule = "satisfy regular expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)";
            constraints.fail(other, "qualifier", rule);
            constraints.check()?;
            Ok(reference)
        }
    }
}

fn output(cx: &Cx, reference: &FunctionRef, url: FunctionUrl) -> UrlOutput {
    UrlOutput {
        function_url: crate::url::address(cx.endpoint(), &url.id),
        function_arn: reference.qualified_arn().to_string(),
        auth_type: if url.signed { "AWS_IAM" } else { "NONE" },
        cors: url.cors.map(|cors| CorsDocument {
            allow_credentials: cors.allow_credentials,
            allow_headers: cors.allow_headers,
            allow_methods: cors.allow_methods,
            allow_origins: cors.allow_origins,
            expose_headers: cors.expose_headers,
            max_age: cors.max_age.map(i64::from),
        }),
        creation_time: moment(url.created),
        last_modified_time: moment(url.modified),
        invoke_mode: if url.streams { "RESPONSE_STREAM" } else { "BUFFERED" },
    }
}

/// As URLs have their times: `2026-11-24T18:08:13.000000Z`.
fn moment(moment: Timestamp) -> String {
    moment.utc().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

pub async fn create(_: Arc<Lambda>, cx: Cx, input: UrlInput) -> Result<UrlOutput, Error> {
    let reference = reference(&cx, &input.function_name, input.qualifier.as_deref())?;
    input.check(true)?;
    let url = FunctionUrl {
        id: cx.env().random_text(ID_ALPHABET, ID_CHARACTERS),
        signed: input.signed(true),
        streams: input.streams(false),
        cors: input.cors.and_then(CorsDocument::stored),
        created: cx.now(),
        modified: cx.now(),
        needs_invoke: true,
    };
    let (target, stored) = (reference.clone(), url.clone());
    cx.db().write(move |tx| url::create(tx, &target, &stored)).await?;
    Ok(output(&cx, &reference, url))
}

pub async fn get(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<UrlOutput, Error> {
    let reference = reference(&cx, &input.function_name, input.qualifier.as_deref())?;
    let url = url::find(&cx.db().read()?, &reference)?;
    Ok(output(&cx, &reference, url))
}

pub async fn update(_: Arc<Lambda>, cx: Cx, input: UrlInput) -> Result<UrlOutput, Error> {
    let reference = reference(&cx, &input.function_name, input.qualifier.as_deref())?;
    input.check(false)?;
    let (target, now) = (reference.clone(), cx.now());
    let change = move |before: FunctionUrl| FunctionUrl {
        signed: input.signed(before.signed),
        streams: input.streams(before.streams),
        cors: input.cors.clone().map_or(before.cors, CorsDocument::stored),
        modified: now,
        ..before
    };
    let url = cx.db().write(move |tx| url::update(tx, &target, &change)).await?;
    Ok(output(&cx, &reference, url))
}

pub async fn delete(_: Arc<Lambda>, cx: Cx, input: FunctionInput) -> Result<Empty, Error> {
    let reference = reference(&cx, &input.function_name, input.qualifier.as_deref())?;
    cx.db().write(move |tx| url::delete(tx, &reference)).await?;
    Ok(Empty {})
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListOutput {
    pub function_url_configs: Vec<UrlOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

pub async fn list(_: Arc<Lambda>, cx: Cx, input: PageInput) -> Result<ListOutput, Error> {
    let reference = FunctionRef::parse_unqualified(&cx, &input.function_name)?;
    let (limit, after) = (page_size(input.max_items)?, marker(input.marker.as_deref())?);
    let (urls, next) = url::list(&cx.db().read()?, &reference, after.as_deref(), limit)?;
    let urls = urls.into_iter().map(|(qualifier, url)| {
        let qualifier = Qualifier::parse(&qualifier).filter(|qualifier| *qualifier != Qualifier::Latest);
        output(&cx, &FunctionRef { qualifier, ..reference.clone() }, url)
    });
    Ok(ListOutput { function_url_configs: urls.collect(), next_marker: next_marker(next) })
}
