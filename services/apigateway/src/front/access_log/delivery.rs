//! Brings lines to their log groups: as API Gateway, or as the role that a region has for the logs of its REST APIs.

use std::sync::Arc;

use base::Arn;
use bytes::Bytes;
use serde_json::json;
use service::journal::{Line, Round};
use service::{Caller, Cx, Error, Permission};
use tokio_util::sync::CancellationToken;

use super::Destination;
use crate::ApiGateway;
use crate::keys::ACCOUNTS;
use crate::limits;
use crate::roles::PRINCIPAL;

/// The name of the sessions of roles that write logs.
const SESSION: &str = "APIGatewayLogs";

/// Delivers lines a while after the first of them has come, and those that are left at the end.
pub async fn deliver(state: Arc<ApiGateway>, cx: Cx, stop: CancellationToken) {
    let round = || async { Round::of(&cx, deliver_lines(&state, &cx.renew()).await) };
    state.journal.rounds(limits::ACCESS_LOG_PACE, &stop, round).await;
}

/// Delivers all lines that have come. Those that could be delivered later stay; returns whether there are any.
pub async fn deliver_lines(state: &ApiGateway, cx: &Cx) -> bool {
    let (of, lost) = state.journal.take();
    if lost > 0 {
        tracing::warn!(lines = lost, "logs of APIs miss lines: there was no room for them in memory");
    }
    let mut some_stay = false;
    for (to, lines) in of {
        let Err(error) = put(cx, &to, &lines).await else { continue };
        let (group, api, stage, count) = (&to.group, &to.api, &to.stage, lines.len());
        // A server without logs has none later, either.
        if error.status >= 500 && error.code != "NotImplemented" {
            tracing::warn!(group, api, stage, %error, "a log of an API is delivered later");
            state.journal.put_back(&to, lines);
            some_stay = true;
        } else {
            tracing::warn!(group, api, stage, %error, lines = count, "a log of an API was not delivered");
        }
    }
    some_stay
}

async fn put(cx: &Cx, to: &Destination, lines: &[Line]) -> Result<(), Error> {
    let group: Arn = to.group.parse().map_err(|_| Error::new(400, "BadRequestException", "The group's ARN is none"))?;
    let role = match to.is_rest {
        true => ACCOUNTS.get(&cx.db().read()?, &to.region)?.and_then(|account| account.log_role),
        false => None,
    };
    let acting = match role.and_then(|role| role.parse::<Arn>().ok()) {
        Some(role) => {
            let acting = cx.with_caller(Caller::assumed(&role, SESSION, PRINCIPAL, to.source())).in_region(&to.region);
            let stream = format!("{}:log-stream:{}", to.group.trim_end_matches(":*"), to.stream());
            acting.authorize(&Permission::new("logs:PutLogEvents", stream))?;
            acting
        }
        None if to.needs_role => {
            let told = "The log was given with the region's role for logs, which there is not any more";
            return Err(Error::new(403, "AccessDeniedException", told));
        }
        None => cx.acting_for(&to.source(), PRINCIPAL).in_region(&to.region),
    };
    let mut lines: Vec<&Line> = lines.iter().collect();
    // A request is told of when it is answered, and streams are in the order in which requests came.
    lines.sort_by_key(|line| line.at);
    let events: Vec<_> = lines.iter().map(|line| json!({"timestamp": line.at, "message": line.text})).collect();
    let event = json!({"logStream": to.stream(), "events": events});
    acting.invoke(group, Bytes::from(event.to_string())).await.map(drop)
}
