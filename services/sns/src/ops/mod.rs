//! The operations, a file for each kind of thing they work on.

pub mod data_protection;
pub mod permission;
pub mod publish;
pub mod subscription;
pub mod tag;
pub mod topic;

use base::Arn;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use service::{CallerKind, Cx, Permission};

use crate::error::Error;
use crate::model;
use crate::topic_policy;
use crate::types::Topic;

/// The answer of operations that AWS gives an empty result.
#[derive(Debug, serde::Serialize)]
pub struct Empty {}

/// Reads an ARN, in AWS's words for what is none.
fn parse_arn(arn: &str, name: &str) -> Result<Arn, Error> {
    let parts = arn.split(':').count();
    if parts < 6 {
        return Err(Error::reason(name, format_args!("An ARN must have at least 6 elements, not {parts}")));
    }
    arn.parse().map_err(|_| Error::parameter(name))
}

/// The ARN of a topic of this region. One of another service names no topic.
pub fn topic_arn(cx: &Cx, arn: &str) -> Result<Arn, Error> {
    let arn = parse_arn(arn, "TopicArn")?;
    if arn.service != "sns" || arn.region != cx.region().as_str() {
        return Err(Error::parameter("TopicArn"));
    }
    Ok(arn)
}

/// Permission for `action` on a topic, whose own policy is asked too.
pub fn topic_permission(action: &str, topic: &Topic) -> Permission {
    Permission { resource_policy: Some(topic_policy::document(topic)), ..Permission::new(action, &topic.arn) }
}

/// The same for what a request names. What cannot be a topic is refused later, by the operation.
pub fn permissions(cx: &Cx, action: &str, arn: &str) -> Result<Vec<Permission>, service::Error> {
    let plain = || vec![Permission::new(action, if arn.is_empty() { "*" } else { arn })];
    let limited = !matches!(cx.caller().kind, CallerKind::Root | CallerKind::System);
    let Ok(arn) = arn.parse::<Arn>() else { return Ok(plain()) };
    if !limited {
        return Ok(plain());
    }
    match model::topic::find(&cx.db().read()?, &arn) {
        Ok(topic) => Ok(vec![topic_permission(action, &topic)]),
        Err(Error::NoSuchTopic) => Ok(plain()),
        Err(error) => Err(error.into()),
    }
}

/// A page's token: opaque to clients, the key that it ends with.
fn encode_token(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

fn decode_token(token: Option<&str>) -> Result<Option<String>, Error> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or_else(|| Error::reason("NextToken", "Invalid token"))
}
