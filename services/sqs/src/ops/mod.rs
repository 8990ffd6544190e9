//! The operations, a file for each kind of thing they work on.

pub mod batch;
pub mod move_task;
pub mod permission;
pub mod queue;
pub mod receive;
pub mod remove;
pub mod send;
pub mod tag;

use base::Arn;
use service::Cx;

use crate::error::Error;

/// The answer of operations that have nothing to say.
#[derive(Debug, serde::Serialize)]
pub struct Empty {}

/// The ARN of the queue that a URL names: its last two segments are account and name, its host is of no interest.
pub fn queue_arn(cx: &Cx, url: &str) -> Result<Arn, Error> {
    if url.is_empty() {
        return Err(Error::MissingParameter("QueueUrl"));
    }
    let mut segments = url.trim_end_matches('/').rsplit('/');
    match (segments.next(), segments.next()) {
        (Some(name), Some(account)) if !name.is_empty() && account == cx.account().as_str() => Ok(cx.arn("sqs", name)),
        // A name alone: the service finds it, as long as it is one.
        (Some(name), None) => Ok(cx.arn("sqs", name)),
        (Some(_), Some(account)) if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Error::QueueDoesNotExist)
        }
        _ => Err(Error::InvalidAddress(url.to_owned())),
    }
}

/// The resource to ask permission for: what cannot be a queue's URL is refused later, by the operation.
pub fn queue_resource(cx: &Cx, url: &str) -> String {
    queue_arn(cx, url).map_or_else(|_| "*".to_owned(), |arn| arn.to_string())
}

/// The URL of a queue, as the client that asks can reach it.
pub fn queue_url(cx: &Cx, arn: &Arn) -> String {
    format!("{}/{}/{}", cx.endpoint(), arn.account, arn.resource)
}
