//! ImportRestApi, PutRestApi.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{Cx, Permission};
use wire::Blob;

use super::api::ApiOutput;
use super::documentation_import;
use crate::ApiGateway;
use crate::document::rest::{Method, Plan};
use crate::document::{self, BasePath, Document};
use crate::error::Error;
use crate::limits;
use crate::model::rest::{api, documentation, import, resource};
use crate::ops::import::{ASIDE, Aside};
use crate::ops::resource as resource_arn;
use crate::roles;
use crate::types::Texts;
use crate::types::rest::Api;

const MODEL: &str = "apigateway";

/// ImportRestApi's input, and PutRestApi's. Parameters are those of the query.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportInput {
    pub rest_api_id: String,
    pub mode: Option<String>,
    pub fail_on_warnings: bool,
    pub parameters: Texts,
    pub basepath: Option<String>,
    pub ignore: Option<String>,
    pub endpoint_configuration_types: Option<String>,
    pub body: Option<Blob>,
}

#[derive(Debug, Serialize)]
pub struct ImportOutput {
    #[serde(flatten)]
    api: ApiOutput,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl ImportInput {
    fn parameter<'a>(&'a self, own: Option<&'a String>, name: &str) -> Option<&'a str> {
        own.or_else(|| self.parameters.get(name)).map(String::as_str)
    }

    fn plan(&self) -> Result<Plan, Error> {
        let body = self.body.as_ref().filter(|body| !body.is_empty());
        let body = body.ok_or_else(|| Error::bad("Body is required: an OpenAPI document"))?;
        let text = std::str::from_utf8(body).map_err(|_| Error::bad("Invalid OpenAPI input: it is no UTF-8"))?;
        let base = BasePath::parse(self.parameter(self.basepath.as_ref(), "basepath"))?;
        let mut plan = Plan::of(&Document::parse(text)?, base)?;
        let ignored = self.parameter(self.ignore.as_ref(), "ignore").unwrap_or_default();
        if ignored.split(',').any(|one| one.trim() == "documentation") {
            plan.documentation = None;
        }
        let types = self.endpoint_configuration_types.as_ref();
        if let Some(types) = self.parameter(types, "endpointConfigurationTypes") {
            plan.api["endpointConfiguration"]["types"] = json!(types.split(',').collect::<Vec<_>>());
        }
        Ok(plan)
    }
}

/// Whether what is there stays beside what is imported.
pub fn merges(mode: Option<&str>) -> Result<bool, Error> {
    match mode {
        None | Some("merge") => Ok(true),
        Some("overwrite") => Ok(false),
        Some(other) => Err(Error::bad(format!("Invalid mode specified: {other}. Must be one of [merge, overwrite]"))),
    }
}

/// What an import needs besides its own action, without which nobody has a document read: to give away the roles that it names.
///
/// # Errors
/// When the caller may not import at all.
pub fn permissions(
    cx: &Cx,
    input: &ImportInput,
    action: &'static str,
    path: &str,
) -> Result<Vec<Permission>, service::Error> {
    cx.authorize(&Permission::new(action, resource_arn(cx, path)))?;
    // What is wrong with a document, the operation says.
    let plan = input.plan().ok();
    let roles = plan.iter().flat_map(Plan::roles).filter_map(|role| roles::pass(Some(role)));
    Ok(roles.collect())
}

pub async fn import(_: Arc<ApiGateway>, cx: Cx, input: ImportInput) -> Result<ImportOutput, Error> {
    let (aside, plan) = (Aside::new(&cx, MODEL), input.plan()?);
    document::check_warnings(&plan.warnings, input.fail_on_warnings)?;
    let id = begun(&cx, &aside, &plan).await?;
    let made = match filled(&cx, &aside, &id, &id, plan, input.fail_on_warnings).await {
        Ok(warnings) => {
            let (region, made) = (cx.region().to_string(), id.clone());
            cx.db().write(move |tx| import::publish(tx, ASIDE, &made, &region)).await.map(|api| (api, warnings))
        }
        Err(error) => Err(error),
    };
    let ImportOutput { api, warnings } = finished(&aside, made, id).await?;
    Ok(ImportOutput { api: api.tersely(), warnings })
}

pub async fn put(_: Arc<ApiGateway>, cx: Cx, input: ImportInput) -> Result<ImportOutput, Error> {
    let (aside, merge) = (Aside::new(&cx, MODEL), merges(input.mode.as_deref())?);
    api::find(&cx.db().read()?, cx.region().as_str(), &input.rest_api_id)?;
    let plan = input.plan()?;
    document::check_warnings(&plan.warnings, input.fail_on_warnings)?;
    let id = begun(&cx, &aside, &plan).await?;
    let (region, target) = (cx.region().to_string(), input.rest_api_id);
    let replaced = async {
        if merge {
            let (region, target, made) = (region.clone(), target.clone(), id.clone());
            cx.db().write(move |tx| import::copy(tx, (&region, &target), (ASIDE, &made))).await?;
        } else if plan.documentation.is_none() {
            let (region, target, made) = (region.clone(), target.clone(), id.clone());
            cx.db().write(move |tx| import::copy_documentation(tx, (&region, &target), (ASIDE, &made))).await?;
        }
        let warnings = filled(&cx, &aside, &id, &target, plan, input.fail_on_warnings).await?;
        let (region, target, made) = (region.clone(), target.clone(), id.clone());
        let api = cx.db().write(move |tx| import::replace(tx, (ASIDE, &made), (&region, &target), merge)).await?;
        Ok((api, warnings))
    };
    let replaced = replaced.await;
    finished(&aside, replaced, id).await
}

async fn finished(aside: &Aside, result: Result<(Api, Vec<String>), Error>, id: String) -> Result<ImportOutput, Error> {
    match result {
        Ok((api, warnings)) => Ok(ImportOutput { api: api.into(), warnings }),
        Err(error) => {
            aside.discard("DeleteRestApi", json!({ "restApiId": id })).await;
            Err(error)
        }
    }
}

/// An empty API aside; its id.
async fn begun(cx: &Cx, aside: &Aside, plan: &Plan) -> Result<String, Error> {
    let now = cx.now();
    cx.db().write(move |tx| import::sweep(tx, now, ASIDE)).await?;
    let made = aside.call("CreateRestApi", "create the API", plan.api.clone()).await?;
    Ok(made["id"].as_str().unwrap_or_default().to_owned())
}

/// Makes what a plan says in an API aside, which will be `owner`; the warnings that came up.
async fn filled(
    cx: &Cx,
    aside: &Aside,
    id: &str,
    owner: &str,
    plan: Plan,
    fail_on_warnings: bool,
) -> Result<Vec<String>, Error> {
    let (known, authorizers) = {
        let read = cx.db().read()?;
        let resources = resource::list(&read, id)?;
        let known: HashMap<String, String> =
            resources.into_iter().map(|(path, resource)| (path, resource.id)).collect();
        (known, crate::model::authorizer::list(&read, &crate::keys::AUTHORIZERS, id)?)
    };
    let authorizers = authorizers.into_iter().map(|authorizer| (authorizer.name, authorizer.id)).collect();
    let mut making =
        Making { aside, id, resources: known, authorizers, validators: HashMap::new(), warnings: plan.warnings };
    making.models(owner, &plan.models).await?;
    making.validators(&plan.validators).await?;
    making.gateway_responses(&plan.gateway_responses).await?;
    making.authorizers(&plan.authorizers).await?;
    for method in &plan.methods {
        making.method(method).await?;
    }
    if let Some(listed) = plan.documentation {
        let (parts, warnings) = documentation_import::parts(cx, &listed)?;
        making.warnings.extend(warnings);
        let made = id.to_owned();
        cx.db().write(move |tx| documentation::import(tx, &made, &parts, true)).await?;
    }
    document::check_warnings(&making.warnings, fail_on_warnings)?;
    Ok(making.warnings)
}

/// An API that is being made.
struct Making<'a> {
    aside: &'a Aside,
    id: &'a str,
    /// Ids by path, by name.
    resources: HashMap<String, String>,
    authorizers: HashMap<String, String>,
    validators: HashMap<String, String>,
    warnings: Vec<String>,
}

impl Making<'_> {
    async fn call(&self, operation: &str, what: &str, mut members: Value) -> Result<Value, Error> {
        members["restApiId"] = json!(self.id);
        self.aside.call(operation, what, members).await
    }

    async fn models(&mut self, owner: &str, models: &[(String, Value)]) -> Result<(), Error> {
        if !models.is_empty() && !self.aside.has("CreateModel") {
            self.warnings.push("Models are not supported. Ignoring the document's schemas.".into());
            return Ok(());
        }
        let known = self.known("GetModels", models.is_empty()).await?;
        for (name, schema) in models {
            let what = format!("create model '{name}'");
            let description = described(schema);
            let schema = referring(schema.clone(), owner).to_string();
            // One that is there, because it is merged, is changed.
            if known.contains_key(name) {
                let change = json!([
                    {"op": "replace", "path": "/schema", "value": schema},
                    {"op": "replace", "path": "/description", "value": description},
                ]);
                self.call("UpdateModel", &what, json!({"modelName": name, "patchOperations": change})).await?;
                continue;
            }
            let members =
                json!({"name": name, "description": description, "contentType": "application/json", "schema": schema});
            self.call("CreateModel", &what, members).await?;
        }
        Ok(())
    }

    /// The ids of what an operation lists, by name; nothing where nobody asks.
    async fn known(&self, operation: &str, needless: bool) -> Result<HashMap<String, String>, Error> {
        if needless {
            return Ok(HashMap::new());
        }
        let input = json!({"limit": limits::REST_PAGE_MAX});
        let listed = self.call(operation, "read what is there", input).await?;
        let items = listed.get("item").and_then(Value::as_array).into_iter().flatten();
        let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(items.filter_map(|item| Some((text(item, "name")?, text(item, "id")?))).collect())
    }

    async fn validators(&mut self, validators: &[Value]) -> Result<(), Error> {
        if !validators.is_empty() && !self.aside.has("CreateRequestValidator") {
            self.warnings.push("Request validators are not supported. Ignoring the document's.".into());
            return Ok(());
        }
        self.validators = self.known("GetRequestValidators", validators.is_empty()).await?;
        for validator in validators {
            let name = validator["name"].as_str().unwrap_or_default().to_owned();
            let what = format!("create request validator '{name}'");
            if let Some(id) = self.validators.get(&name) {
                let changes: Vec<Value> = ["validateRequestBody", "validateRequestParameters"]
                    .map(|flag| json!({"op": "replace", "path": format!("/{flag}"), "value": validator[flag].to_string()}))
                    .into();
                let input = json!({"requestValidatorId": id, "patchOperations": changes});
                self.call("UpdateRequestValidator", &what, input).await?;
                continue;
            }
            let made = self.call("CreateRequestValidator", &what, validator.clone()).await?;
            self.validators.insert(name, made["id"].as_str().unwrap_or_default().to_owned());
        }
        Ok(())
    }

    async fn gateway_responses(&mut self, responses: &[Value]) -> Result<(), Error> {
        if !responses.is_empty() && !self.aside.has("PutGatewayResponse") {
            self.warnings.push("Gateway responses are not supported. Ignoring the document's.".into());
            return Ok(());
        }
        for response in responses {
            let what = format!("put gateway response '{}'", response["responseType"].as_str().unwrap_or_default());
            self.call("PutGatewayResponse", &what, response.clone()).await?;
        }
        Ok(())
    }

    async fn authorizers(&mut self, authorizers: &[Value]) -> Result<(), Error> {
        for authorizer in authorizers {
            let name = authorizer["name"].as_str().unwrap_or_default().to_owned();
            if self.authorizers.contains_key(&name) {
                self.warnings.push(format!("The authorizer '{name}' is there already, and stays as it is."));
                continue;
            }
            let made =
                self.call("CreateAuthorizer", &format!("create authorizer '{name}'"), authorizer.clone()).await?;
            self.authorizers.insert(name, made["id"].as_str().unwrap_or_default().to_owned());
        }
        Ok(())
    }

    /// The id of a path's resource, which is made with those above it.
    async fn resource(&mut self, path: &str) -> Result<String, Error> {
        let mut parent = self.resources.get("/").cloned().unwrap_or_default();
        let mut so_far = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            so_far = format!("{so_far}/{part}");
            parent = match self.resources.get(&so_far) {
                Some(known) => known.clone(),
                None => {
                    let members = json!({"parentId": parent, "pathPart": part});
                    let made =
                        self.call("CreateResource", &format!("create resource at path '{so_far}'"), members).await?;
                    let id = made["id"].as_str().unwrap_or_default().to_owned();
                    self.resources.insert(so_far.clone(), id.clone());
                    id
                }
            };
        }
        Ok(parent)
    }

    async fn method(&mut self, method: &Method) -> Result<(), Error> {
        let resource = self.resource(&method.path).await?;
        let (http_method, path) = (method.http_method, &method.path);
        let of = |mut members: Value| {
            members["resourceId"] = json!(resource);
            members["httpMethod"] = json!(http_method);
            members
        };
        let mut wanted = method.method.clone();
        if let Some(name) = &method.authorizer {
            wanted["authorizerId"] = json!(self.authorizers.get(name));
        }
        if let Some(name) = &method.validator {
            match self.validators.get(name) {
                Some(id) => wanted["requestValidatorId"] = json!(id),
                None => self
                    .warnings
                    .push(format!("The request validator '{name}' of {http_method} {path} is not there. Ignoring.")),
            }
        }
        let what = format!("put method '{http_method}' on resource at path '{path}'");
        let mut old = of(json!({}));
        old["restApiId"] = json!(self.id);
        // What is merged takes the place of what is there.
        let _ = self.aside.call("DeleteMethod", &what, old).await;
        self.call("PutMethod", &what, of(wanted)).await?;
        for response in &method.responses {
            self.call(
                "PutMethodResponse",
                &format!("put method response of '{http_method}' on resource at path '{path}'"),
                of(response.clone()),
            )
            .await?;
        }
        let Some(integration) = &method.integration else { return Ok(()) };
        let what = format!("put integration on '{http_method}' for resource at path '{path}'");
        self.call("PutIntegration", &what, of(integration.clone())).await?;
        for response in &method.integration_responses {
            let what = format!("put integration response on '{http_method}' for resource at path '{path}'");
            self.call("PutIntegrationResponse", &what, of(response.clone())).await?;
        }
        Ok(())
    }
}

/// What a schema says of itself, as the description of its model: as much as fits.
fn described(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.chars().take(limits::DESCRIPTION_CHARACTERS_MAX).collect()
}

/// A schema whose references to the document are references to the API's models.
fn referring(schema: Value, api: &str) -> Value {
    match schema {
        Value::Object(map) => {
            let member = |(name, value): (String, Value)| match value.as_str().and_then(|text| text.strip_prefix("#/"))
            {
                Some(local) if name == "$ref" => {
                    let model: String = local
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .chars()
                        .filter(char::is_ascii_alphanumeric)
                        .collect();
                    (name, json!(format!("https://apigateway.amazonaws.com/restapis/{api}/models/{model}")))
                }
                _ => (name, referring(value, api)),
            };
            Value::Object(map.into_iter().map(member).collect())
        }
        Value::Array(list) => list.into_iter().map(|value| referring(value, api)).collect(),
        other => other,
    }
}
