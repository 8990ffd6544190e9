//! The operations, a file for each kind of thing they work on.

pub mod batch;
pub mod move_task;
pub mod permission;
pub mod queue;
pub mod receive;
pub mod remove;
pub mod send;
pub mod tag;

use base::{Arn, Region};
use service::{CallerKind, Cx, Permission};

use crate::error::Error;
use crate::model;

/// The answer of operations that have nothing to say.
#[derive(Debug, serde::Serialize)]
pub struct Empty {}

/// The ARN of the queue that a URL names. Its last two segments are account and name; its host is of no interest, except
/// that it or the path may name the region.
pub fn queue_arn(cx: &Cx, url: &str) -> Result<Arn, Error> {
    if url.is_empty() {
        return Err(Error::MissingParameter("QueueUrl"));
    }
    let region = url_region(url).map_or_else(|| cx.region().clone(), Region::new);
    let arn = |name: &str| Arn::new("sqs", &region, cx.account(), name);
    let mut segments = url.trim_end_matches('/').rsplit('/');
    match (segments.next(), segments.next()) {
        (Some(name), Some(account)) if !name.is_empty() && account == cx.account().as_str() => Ok(arn(name)),
        // A name alone: the service finds it, as long as it is one.
        (Some(name), None) => Ok(arn(name)),
        (Some(_), Some(account)) if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Error::QueueDoesNotExist)
        }
        _ => Err(Error::InvalidAddress(url.to_owned())),
    }
}

/// The region in `http://host/queue/{region}/{account}/{name}` or `http://sqs.{region}.domain/{account}/{name}`.
fn url_region(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/')?;
    match path.split('/').collect::<Vec<_>>()[..] {
        ["queue", region, _, _] => Some(region),
        _ => Some(host.strip_prefix("sqs.")?.split_once('.')?.0),
    }
}

/// Permission for `action` on the queue that a URL names: its own policy may allow it too. What cannot be a queue's URL is
/// refused later, by the operation.
pub fn on_queue(cx: &Cx, action: &str, url: &str) -> Result<Vec<Permission>, service::Error> {
    match queue_arn(cx, url) {
        Ok(arn) => on(cx, action, &arn),
        Err(_) => Ok(vec![Permission::new(action, "*")]),
    }
}

/// Permission for `action` on a queue.
pub fn on(cx: &Cx, action: &str, arn: &Arn) -> Result<Vec<Permission>, service::Error> {
    // Policies do not limit these, so there is no need to look.
    let limited = !matches!(cx.caller().kind, CallerKind::Root | CallerKind::System);
    let queue = if limited { model::queue::find(&cx.db().read()?, arn).ok() } else { None };
    let resource_policy = queue.and_then(|queue| queue.attributes.policy);
    Ok(vec![Permission { resource_policy, ..Permission::new(action, arn) }])
}

/// The same, where a request names the queue by its ARN.
pub fn on_arn(cx: &Cx, action: &str, arn: &str) -> Result<Vec<Permission>, service::Error> {
    match arn.parse() {
        Ok(queue) => on(cx, action, &queue),
        Err(_) => Ok(vec![Permission::new(action, arn)]),
    }
}

/// A name for this machine that has names below it, one for each service and region, as AWS's endpoints do.
const LOCAL_DOMAIN: &str = "localhost.localstack.cloud";

/// The URL of a queue, as the client that asks can reach it. It tells the region where that is not the server's own.
pub fn queue_url(cx: &Cx, arn: &Arn) -> String {
    let Arn { region, account, resource, .. } = arn;
    let endpoint = cx.endpoint();
    let (scheme, host) = endpoint.split_once("://").unwrap_or(("http", endpoint));
    let (name, port) = host.find(':').map_or((host, ""), |colon| host.split_at(colon));
    if name.strip_suffix(LOCAL_DOMAIN).is_some_and(|below| below.is_empty() || below.ends_with('.')) {
        return format!("{scheme}://sqs.{region}.{LOCAL_DOMAIN}{port}/{account}/{resource}");
    }
    if region == cx.cloud().region().as_str() {
        return format!("{endpoint}/{account}/{resource}");
    }
    format!("{endpoint}/queue/{region}/{account}/{resource}")
}
