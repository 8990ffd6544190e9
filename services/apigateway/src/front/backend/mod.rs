//! What is behind a method of a REST API or a route of a WebSocket API, unless that is a function which is told everything:
//! what an integration is sent, and what becomes of its answer.

mod answer;
mod binary;
mod http;
mod json;
mod log;
mod mock;
mod outgoing;
mod service;
mod uri;

use std::time::Instant;

use ::service::Cx;
use base::Arn;
use proxy::Incoming;
use serde_json::{Value, json};

pub use self::service::of_name as services_named;
pub use answer::{Endpoint, passed};
pub use binary::is_binary;
pub use log::{Detail, Log, body as log_body, event as log_event, headers as log_headers};
pub use outgoing::template;
pub use uri::{ServiceUri, Way};

use super::authorize::Admitted;
use super::mapping::Told;
use super::problem::Problem;
use crate::ApiGateway;
use crate::routes::Parameters;
use crate::types::Texts;
use crate::types::rest::{Integration, IntegrationKind};

/// A request that was let in, on its way to an integration.
pub struct Exchange<'a> {
    pub state: &'a ApiGateway,
    pub cx: &'a Cx,
    pub incoming: &'a Incoming,
    /// The values of the path's variables.
    pub parameters: &'a Parameters,
    /// The stage's.
    pub variables: &'a Texts,
    /// The API's id.
    pub api: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub admitted: &'a Admitted,
    pub binary_media_types: &'a [String],
    /// The method or the route, as policies of what is behind it name it.
    pub source: Arn,
    pub log: Option<&'a Log>,
}

impl Exchange<'_> {
    /// Asks the integration, whose request `template` makes where there is one, and waits for its answer.
    pub async fn ask(
        &self,
        integration: &Integration,
        template: Option<&str>,
        context: &mut Value,
    ) -> Result<Endpoint, Problem> {
        let outgoing = self.outgoing(integration, template, context)?;
        let began = Instant::now();
        let asked = match &integration.kind {
            IntegrationKind::Mock {} => Endpoint::mock(&outgoing),
            IntegrationKind::Service { .. } => self.service(integration, outgoing).await,
            _ => self.http(integration, outgoing).await,
        };
        note(context, began, asked.as_ref().map(|endpoint| endpoint.status.as_u16()).map_err(|problem| &*problem.why));
        asked
    }

    pub fn told<'t>(&'t self, context: &'t Value) -> Told<'t> {
        let Exchange { incoming, parameters, variables, .. } = *self;
        Told { incoming, parameters, context, variables, answer: None }
    }

    fn is_binary(&self, media_type: &str) -> bool {
        is_binary(self.binary_media_types, media_type)
    }

    /// Tells the log everything, where it wants that.
    fn log(&self, line: impl FnOnce() -> String) {
        if let Some(log) = self.log {
            log.add(Detail::Everything, line);
        }
    }
}

/// Writes down for access logs what an integration answered, or why not, and how long that took: where there is a context.
pub fn note(context: &mut Value, began: Instant, answered: Result<u16, &str>) {
    if context.is_null() {
        return;
    }
    let latency = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    context["integration"] = match answered {
        Ok(status) => json!({"latency": latency, "status": status}),
        Err(error) => json!({"latency": latency, "error": error}),
    };
}
