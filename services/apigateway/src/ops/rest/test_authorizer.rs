//! TestInvokeAuthorizer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use base::Arn;
use serde::{Deserialize, Serialize};
use service::Cx;

use super::authorizer::AuthorizerInput;
use super::test_method::{STAGE, incoming};
use crate::ApiGateway;
use crate::error::Error;
use crate::front::authorize::{Asked, Refused, Tried};
use crate::front::event_v1;
use crate::identity;
use crate::keys::AUTHORIZERS;
use crate::model::authorizer;
use crate::model::rest::api;
use crate::types::Texts;
use crate::types::authorizer::Form;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Input {
    #[serde(flatten)]
    pub authorizer: AuthorizerInput,
    pub headers: Texts,
    pub multi_value_headers: BTreeMap<String, Vec<String>>,
    pub path_with_query_string: Option<String>,
    pub body: Option<String>,
    pub stage_variables: Texts,
    pub additional_context: Texts,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    pub client_status: u16,
    pub log: String,
    /// Milliseconds.
    pub latency: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<Texts>,
}

pub async fn test_invoke(state: Arc<ApiGateway>, cx: Cx, input: Input) -> Result<Output, Error> {
    if !input.additional_context.is_empty() {
        return Err(Error::not_implemented("additionalContext of TestInvokeAuthorizer"));
    }
    let AuthorizerInput { rest_api_id, authorizer_id } = &input.authorizer;
    let (api, authorizer) = {
        let read = cx.db().read()?;
        let api = api::find(&read, cx.region().as_str(), rest_api_id)?;
        (api, authorizer::find(&read, &AUTHORIZERS, rest_api_id, authorizer_id)?)
    };
    let path = input.path_with_query_string.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
    let incoming = incoming(&cx, "GET", path, (&input.headers, &input.multi_value_headers), &input.body)?;
    let asked = Asked {
        state: &state,
        cx: &cx,
        incoming: &incoming,
        place: identity::Place {
            account: &api.account,
            api: &api.id,
            stage: STAGE,
            variables: &input.stage_variables,
            path: &incoming.path,
            resource: "/",
        },
        target: Arn {
            region: api.region.clone(),
            account: api.account.clone(),
            ..cx.arn("execute-api", format!("{}/{STAGE}/GET/", api.id))
        },
    };
    let place = event_v1::Place {
        account: &api.account,
        api: &api.id,
        stage: STAGE,
        variables: &input.stage_variables,
        deployment: None,
        resource_id: &api.root,
        resource: "/",
        path: &incoming.path,
        full_path: &incoming.path,
        parameters: &Vec::new(),
    };
    let event = |_: Form, _: &[String]| event_v1::rest_authorizer(&incoming, &place, &asked.target);
    let began = Instant::now();
    let tried = asked.test(&authorizer, &event).await;
    let latency = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(output(tried, latency, cx.request_id()))
}

fn output(tried: Result<Tried, Refused>, latency: u64, request_id: &str) -> Output {
    let log = |text: &str| format!("Execution log for request {request_id}\n{text}\n");
    let output = Output { latency, ..Output::default() };
    match tried {
        Ok(Tried::Verdict(verdict)) => Output {
            client_status: 200,
            log: log("Successfully completed authorizer execution"),
            principal_id: Some(verdict.principal),
            policy: verdict.policy.map(|policy| policy.text().to_owned()),
            ..output
        },
        Ok(Tried::Claims(claims)) => {
            let log = log("Successfully completed authorizer execution");
            Output { client_status: 200, log, claims: Some(claims), ..output }
        }
        Err(Refused::Failed | Refused::Misconfigured) => {
            let log =
                log("Execution failed due to configuration error: the authorizer failed, as the server's log tells");
            Output { client_status: 500, log, ..output }
        }
        Err(_) => Output { client_status: 401, log: log("Unauthorized request"), ..output },
    }
}
