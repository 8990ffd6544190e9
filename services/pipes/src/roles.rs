//! Roles that pipes read and send with.

use base::Arn;
use service::{Caller, Cx, Permission, roles};

use crate::error::Error;
use crate::types::Pipe;

/// Whom roles of pipes trust.
const PRINCIPAL: &str = "pipes.amazonaws.com";

/// What giving a pipe a role needs.
pub fn pass(role: &str) -> Permission {
    roles::pass(PRINCIPAL, role)
}

/// The role, which must be one of this account that trusts pipes for this one. It is asked again whenever the pipe does something.
pub async fn check(cx: &Cx, pipe: &Arn, role: &str) -> Result<Arn, Error> {
    let arn: Option<Arn> = role.parse().ok();
    let arn = arn.filter(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
    let arn = arn.ok_or_else(|| Error::validation(format!("RoleArn {role} is not the ARN of a role.")))?;
    if roles::trusts(cx, PRINCIPAL, Some(pipe), &arn).await? {
        return Ok(arn);
    }
    Err(Error::validation(format!("The role {role} cannot be assumed by {PRINCIPAL}.")))
}

/// A session of the pipe's role.
pub fn session(pipe: &Pipe) -> Caller {
    Caller::assumed(&pipe.role, &pipe.name, PRINCIPAL, pipe.arn.clone())
}
