//! A request to a REST API: stage, resource, method, integration, answer.

mod cached;
mod context;
mod function;
mod validate;

use std::borrow::Cow;
use std::time::Instant;

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use ::http::{Response, StatusCode};
use ::service::Cx;
use base::Arn;
use bytes::Bytes;
use kv::{Read, Snap};
use proxy::Incoming;
use serde_json::Value;

use super::access_log;
use super::address::{Address, one_slash};
use super::api_key;
use super::authorize::{Admitted, Asked};
use super::backend::{self, Detail, Exchange, Log, log_headers};
use super::event_v1::{self, Place};
use super::gateway_response;
use super::mapping::Told;
use super::problem::Problem;
use super::refusal;
use crate::ApiGateway;
use crate::error::Error;
use crate::identity;
use crate::keys::STAGES;
use crate::limits;
use crate::model::rest::deployment;
use crate::routes;
use crate::routes::rest::{Found, Routes};
use crate::types::Texts;
use crate::types::authorizer::Form;
use crate::types::rest::{Api, Integration, IntegrationKind, Method, Stage};
use crate::types::stage::Logging;
use crate::types::usage::ApiKey;

pub async fn serve(
    state: &ApiGateway,
    cx: &Cx,
    read: Snap,
    api: Api,
    address: &Address,
    incoming: Incoming,
) -> Result<Response<Bytes>, Error> {
    let began = Instant::now();
    let address = &address.of_rest();
    let (name, below) = address.stage();
    let path = one_slash(&below);
    let is_open = !address.is_own_endpoint() || !api.disable_execute_api;
    let Some(stage) = STAGES.get(&read, (&api.id, name))?.filter(|_| is_open) else {
        return Ok(with_ids(refusal::forbidden(), &incoming));
    };
    let served = Served::choose(cx, &stage);
    let routes = state.rest.get(&api.id, served.deployment, || load(&read, &api.id, served.deployment))?;
    drop(read);
    let found = routes.find(incoming.method.as_str(), path);
    let log = found.as_ref().and_then(|found| execution_log(&stage, found, &incoming));
    let request = Request {
        state,
        cx,
        api: &api,
        stage: &stage,
        served,
        routes: &routes,
        path,
        told_path: address.told(path),
        full_path: address.full(),
        incoming: &incoming,
        log: log.as_ref(),
    };
    Ok(with_ids(request.answer(found.as_ref(), began).await, &incoming))
}

/// What a request tells of its way to an answer, where its method wants that.
fn execution_log(stage: &Stage, found: &Found<'_>, incoming: &Incoming) -> Option<Log> {
    let settings = stage.settings_of(&method_key(found, incoming));
    let detail = match (settings.logging?, settings.data_trace) {
        (Logging::Off, _) => return None,
        (Logging::Error, _) => Detail::Errors,
        (Logging::Info, Some(true)) => Detail::Everything,
        (Logging::Info, _) => Detail::Steps,
    };
    Some(Log::new(detail))
}

/// `/users/{id}/GET`, as settings of stages and plans name a method: as it is defined, and not as the client calls it.
fn method_key(found: &Found<'_>, incoming: &Incoming) -> String {
    let name = found.method(incoming.method.as_str()).map_or("ANY", |(name, _)| name);
    format!("{}/{name}", found.path)
}

/// What a deployment serves, ready to match.
fn load(read: &(impl Read + ?Sized), api: &str, id: &str) -> Result<Routes, Error> {
    let types = deployment::find(read, api, id)?.binary_media_types;
    let authorizers = deployment::authorizers(read, api, id)?;
    let routes = Routes::new(deployment::resources(read, api, id)?, authorizers, types);
    let (models, validators) = (deployment::models(read, api, id)?, deployment::validators(read, api, id)?);
    Ok(routes.with(models, validators, deployment::gateway_responses(read, api, id)?))
}

/// A failure of the API itself.
pub fn internal() -> Response<Bytes> {
    refusal::rest(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerErrorException", "Internal server error")
}

fn with_ids(mut response: Response<Bytes>, incoming: &Incoming) -> Response<Bytes> {
    insert(response.headers_mut(), "x-amzn-requestid", &incoming.request_id);
    insert(response.headers_mut(), "x-amz-apigw-id", &incoming.extended_id);
    response
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Which of a stage's deployments a request gets, and with which variables.
pub struct Served<'s> {
    pub deployment: &'s str,
    pub variables: Cow<'s, Texts>,
    pub is_canary: bool,
}

impl<'s> Served<'s> {
    /// What a stage serves but for its canary.
    pub fn whole(stage: &'s Stage) -> Served<'s> {
        Served { deployment: &stage.deployment, variables: Cow::Borrowed(&stage.variables), is_canary: false }
    }

    fn choose(cx: &Cx, stage: &'s Stage) -> Served<'s> {
        // Thousandths of a percent are as fine as a share of requests can be felt.
        let drawn = || (cx.env().random_u64() % 100_000) as f64 / 1_000.0;
        match &stage.canary {
            Some(canary) if drawn() < canary.percent => {
                let mut variables = stage.variables.clone();
                variables.extend(canary.variables.clone());
                Served { deployment: &canary.deployment, variables: Cow::Owned(variables), is_canary: true }
            }
            _ => Served::whole(stage),
        }
    }
}

/// A request that has found its stage.
pub struct Request<'a> {
    pub state: &'a ApiGateway,
    pub cx: &'a Cx,
    pub api: &'a Api,
    pub stage: &'a Stage,
    pub served: Served<'a>,
    pub routes: &'a Routes,
    pub path: &'a str,
    /// As events tell it: all of it where it is a custom domain's.
    pub told_path: &'a str,
    /// With the stage, or all of it where it is a custom domain's.
    pub full_path: &'a str,
    pub incoming: &'a Incoming,
    /// What a test of a method tells its caller, and the stage's execution log.
    pub log: Option<&'a Log>,
}

/// A request that has found its method, and was let in.
pub struct Call<'r> {
    pub found: &'r Found<'r>,
    pub method: &'r Method,
    pub integration: &'r Integration,
    pub admitted: Admitted,
    /// The API key, with its value.
    pub key: Option<(String, ApiKey)>,
}

impl Request<'_> {
    async fn answer(&self, found: Option<&Found<'_>>, began: Instant) -> Response<Bytes> {
        let mut context = context::of(self, found);
        if let (Some(log), Some(found)) = (self.log, found) {
            log.add(Detail::Steps, || format!("Extended Request Id: {}", self.incoming.extended_id));
            log.begin(self.incoming, self.told_path, &found.parameters);
        }
        let response = match self.through(found, &mut context).await {
            Ok(response) => {
                self.log(Detail::Steps, || "Successfully completed execution".to_owned());
                response
            }
            Err(problem) => self.refused(&problem, found, &mut context),
        };
        self.tell(&mut context, &response, began);
        response
    }

    /// Tells the stage's logs of what has become of the request.
    fn tell(&self, context: &mut Value, response: &Response<Bytes>, began: Instant) {
        let (stage, time) = (self.logging_stage(), self.incoming.time);
        if let Some(log) = self.log {
            log.add(Detail::Everything, || format!("Method response headers: {}", log_headers(response.headers())));
            log.add(Detail::Steps, || format!("Method completed with status: {}", response.status().as_u16()));
            access_log::tell_execution(&self.state.journal, &stage, log, time, &self.incoming.request_id);
        }
        if let Some(log) = self.stage.access_log.as_ref().filter(|log| !log.format.is_empty()) {
            let bytes = u64::try_from(response.body().len()).unwrap_or(u64::MAX);
            access_log::finish(context, response.status().as_u16(), Some(bytes), began);
            access_log::tell(&self.state.journal, &stage, log, time, context);
        }
    }

    fn logging_stage(&self) -> access_log::Stage<'_> {
        let Api { region, account, id: api, .. } = self.api;
        access_log::Stage { region, account, api, name: &self.stage.name, is_rest: true }
    }

    async fn through(&self, found: Option<&Found<'_>>, context: &mut Value) -> Result<Response<Bytes>, Problem> {
        let method = found.and_then(|found| found.method(self.incoming.method.as_str()));
        let (Some(found), Some((_, method))) = (found, method) else { return Err(Problem::missing_token()) };
        if self.incoming.body.len() > limits::PAYLOAD_BYTES_MAX {
            let words = format!("HTTP content length exceeded {} bytes.", limits::PAYLOAD_BYTES_MAX);
            return Err(Problem::too_large(&words));
        }
        let integration =
            method.integration.as_ref().ok_or_else(|| Problem::configuration("No integration defined for method"))?;
        if self.is_throttled(found) {
            return Err(Problem::throttled());
        }
        let admitted = self.admit(method, found).await?;
        let key = self.key(method, found, &admitted).await?;
        validate::check(self.routes, method, found, self.incoming)?;
        let call = Call { found, method, integration, admitted, key };
        context::admitted(context, &call);
        self.through_cache(&call, context).await
    }

    /// The same for a test of a method, which everybody may use who may test it.
    pub async fn tested(&self, found: &Found<'_>, method: &Method) -> Response<Bytes> {
        let mut context = context::of(self, Some(found));
        let answered = async {
            validate::check(self.routes, method, found, self.incoming)?;
            let integration = method.integration.as_ref();
            let integration = integration.ok_or_else(|| Problem::configuration("No integration defined for method"))?;
            let call = Call { found, method, integration, admitted: Admitted::Anybody, key: None };
            self.integrate(&call, &mut context).await
        };
        match answered.await {
            Ok(response) => {
                self.log(Detail::Everything, || {
                    format!("Method response headers: {}", log_headers(response.headers()))
                });
                self.log(Detail::Steps, || "Successfully completed execution".to_owned());
                response
            }
            Err(problem) => self.refused(&problem, Some(found), &mut context),
        }
    }

    /// From an integration's request to the answer that is made of its own.
    async fn integrate(&self, call: &Call<'_>, context: &mut Value) -> Result<Response<Bytes>, Problem> {
        let kind = &call.integration.kind;
        let mut response = if let IntegrationKind::Function { uri } = kind {
            self.function(uri, call, context).await?
        } else {
            let exchange = self.exchange(call);
            let template = backend::template(call.integration, self.incoming)?;
            let endpoint = exchange.ask(call.integration, template, context).await?;
            match kind {
                IntegrationKind::HttpProxy { .. } => endpoint.passed(),
                _ => exchange.answered(call.method, call.integration, &endpoint, context)?,
            }
        };
        if !matches!(kind, IntegrationKind::Mock {} | IntegrationKind::HttpProxy { .. }) {
            insert(response.headers_mut(), "x-amzn-trace-id", &self.incoming.trace_id);
        }
        Ok(response)
    }

    fn refused(&self, problem: &Problem, found: Option<&Found<'_>>, context: &mut Value) -> Response<Bytes> {
        if !problem.why.is_empty() {
            let (api, stage, why) = (&self.api.id, &self.stage.name, &problem.why);
            tracing::warn!(api, stage, path = self.path, why, "a request to an API could not be answered");
            self.log(Detail::Errors, || format!("Execution failed due to configuration error: {why}"));
        }
        context["error"] = gateway_response::error(problem);
        let own = gateway_response::own(&self.routes.responses, problem.kind);
        let none = Vec::new();
        let parameters = found.map_or(&none, |found| &found.parameters);
        let (incoming, variables) = (self.incoming, &*self.served.variables);
        gateway_response::answer(problem, own, &Told { incoming, parameters, context, variables, answer: None })
    }

    /// The request on its way to the method's integration.
    fn exchange<'r>(&'r self, call: &'r Call<'_>) -> Exchange<'r> {
        Exchange {
            state: self.state,
            cx: self.cx,
            incoming: self.incoming,
            parameters: &call.found.parameters,
            variables: &self.served.variables,
            api: &self.api.id,
            region: &self.api.region,
            account: &self.api.account,
            admitted: &call.admitted,
            binary_media_types: &self.routes.binary_media_types,
            source: self.arn(call.found.path),
            log: self.log,
        }
    }

    fn log(&self, detail: Detail, line: impl FnOnce() -> String) {
        if let Some(log) = self.log {
            log.add(detail, line);
        }
    }

    /// Whether the stage has let in as many requests to the method as it takes.
    fn is_throttled(&self, found: &Found<'_>) -> bool {
        let method = method_key(found, self.incoming);
        let throttle = self.stage.throttles.get(&method).or_else(|| self.stage.throttles.get(Stage::EVERYTHING));
        let bucket = || format!("{}/{}{method}", self.api.id, self.stage.name);
        throttle.is_some_and(|throttle| !self.state.buckets.take(self.cx, bucket(), *throttle))
    }

    /// The API key that a method needs, with its value; `None` where it needs none.
    async fn key(
        &self,
        method: &Method,
        found: &Found<'_>,
        admitted: &Admitted,
    ) -> Result<Option<(String, ApiKey)>, Problem> {
        if !method.api_key_required {
            return Ok(None);
        }
        let value = match (self.api.api_key_source.as_str(), admitted) {
            ("AUTHORIZER", Admitted::Named(verdict)) => verdict.usage_key.as_deref(),
            ("AUTHORIZER", _) => None,
            _ => self.incoming.header("x-api-key"),
        };
        let (api, stage, method) = (&self.api.id, &self.stage.name, method_key(found, self.incoming));
        let place = api_key::Place { region: &self.api.region, api, stage, method: &method };
        let key = api_key::admit(self.state, self.cx, value, &place).await?;
        Ok(Some((value.unwrap_or_default().to_owned(), key)))
    }

    async fn admit(&self, method: &Method, found: &Found<'_>) -> Result<Admitted, Problem> {
        let asked = Asked {
            state: self.state,
            cx: self.cx,
            incoming: self.incoming,
            place: identity::Place {
                account: &self.api.account,
                api: &self.api.id,
                stage: &self.stage.name,
                variables: &self.served.variables,
                path: self.full_path,
                resource: found.path,
            },
            // A slash at the end leads nowhere else.
            target: self.arn(&routes::plain(&format!("/{}", self.path.trim_matches('/')))),
        };
        let event =
            |_: Form, _: &[String]| event_v1::rest_authorizer(self.incoming, &self.place(Some(found)), &asked.target);
        let authorizer = self.routes.authorizer(&method.authorization);
        Ok(asked.admit(&method.authorization, authorizer, &event).await?)
    }

    fn place<'r>(&'r self, found: Option<&'r Found<'_>>) -> Place<'r> {
        const NOWHERE: &routes::Parameters = &Vec::new();
        Place {
            account: &self.api.account,
            api: &self.api.id,
            stage: &self.stage.name,
            variables: &self.served.variables,
            deployment: Some(self.served.deployment),
            resource_id: found.map_or("", |found| found.id),
            resource: found.map_or("", |found| found.path),
            path: self.told_path,
            full_path: self.full_path,
            parameters: found.map_or(NOWHERE, |found| &found.parameters),
        }
    }

    /// The method on a path, as policies name it.
    fn arn(&self, path: &str) -> Arn {
        let (api, stage, method) = (&self.api.id, &self.stage.name, &self.incoming.method);
        Arn {
            partition: "aws".into(),
            service: "execute-api".into(),
            region: self.api.region.clone(),
            account: self.api.account.clone(),
            resource: format!("{api}/{stage}/{method}{path}"),
        }
    }

    /// Whether the API treats a media type as binary.
    fn is_binary(&self, media_type: &str) -> bool {
        backend::is_binary(&self.routes.binary_media_types, media_type)
    }
}
