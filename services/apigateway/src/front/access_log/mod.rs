//! Logs of stages: a line for each request in the log group that the stage names, and what happened on the way to an answer in one
//! of the API's own. Requests wait for neither: lines go through memory, and what there is no room for is counted.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html> and
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html>

mod delivery;
mod format;

pub use delivery::deliver;
#[cfg(test)]
pub use delivery::deliver_lines;
pub use format::Format;

use std::time::Instant;

use base::{Arn, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::backend::Log;
use crate::types::stage::AccessLog;

/// Lines on their way to log groups.
pub type Journal = service::journal::Journal<Destination>;

/// A stage that tells of its requests.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    pub region: &'a str,
    pub account: &'a str,
    pub api: &'a str,
    pub name: &'a str,
    /// Of a REST API, whose region may have a role for its logs.
    pub is_rest: bool,
}

/// Where lines go, and of whom they tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    pub group: String,
    pub region: String,
    pub account: String,
    pub api: String,
    pub stage: String,
    pub is_rest: bool,
    /// Whether nobody but the region's role may write there.
    pub needs_role: bool,
}

impl Destination {
    fn new(stage: &Stage<'_>, group: String, needs_role: bool) -> Destination {
        Destination {
            group,
            region: stage.region.to_owned(),
            account: stage.account.to_owned(),
            api: stage.api.to_owned(),
            stage: stage.name.to_owned(),
            is_rest: stage.is_rest,
            needs_role,
        }
    }

    /// The stage, as policies name it.
    fn source(&self) -> Arn {
        Arn {
            partition: "aws".into(),
            service: "execute-api".into(),
            region: self.region.clone(),
            account: self.account.clone(),
            resource: format!("{}/{}", self.api, self.stage),
        }
    }

    /// The stream within the group: one for each stage.
    fn stream(&self) -> String {
        let hash = Sha256::digest(format!("{}/{}", self.api, self.stage));
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Tells the log of a stage of a request that came `at`.
pub fn tell(journal: &Journal, stage: &Stage<'_>, log: &AccessLog, at: Timestamp, context: &Value) {
    let line = Format::parse(&log.format).line(context);
    journal.note(Destination::new(stage, log.destination.clone(), log.needs_role), at, line);
}

/// The same for what happened on the way to the answer.
pub fn tell_execution(journal: &Journal, stage: &Stage<'_>, log: &Log, at: Timestamp, request_id: &str) {
    let Stage { region, account, api, name, .. } = stage;
    let group = format!("arn:aws:logs:{region}:{account}:log-group:API-Gateway-Execution-Logs_{api}/{name}");
    let of = Destination::new(stage, group, false);
    for line in log.take() {
        journal.note(of.clone(), at, format!("({request_id}) {line}"));
    }
}

/// Writes down what is known of a request once it is answered.
///
/// Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html>
pub fn finish(context: &mut Value, status: u16, bytes: Option<u64>, began: Instant) {
    let latency = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let integration = context["integration"].take();
    context["integrationLatency"] = integration["latency"].clone();
    context["integrationStatus"] = integration["status"].clone();
    context["integrationErrorMessage"] = integration["error"].clone();
    context["integration"] = json!({
        "latency": integration["latency"],
        "status": integration["status"],
        "integrationStatus": integration["status"],
        "error": integration["error"],
    });
    context["status"] = json!(status);
    context["responseLatency"] = json!(latency);
    context["responseLength"] = json!(bytes);
}
