//! Roles that pipes read and send with.

use base::Arn;
use serde_json::{Value, json};
use service::{Caller, Cx, Permission};

use crate::error::Error;
use crate::types::Pipe;

/// Whom roles of pipes trust.
const PRINCIPAL: &str = "pipes.amazonaws.com";

/// What giving a pipe a role needs.
pub fn pass(role: &str) -> Permission {
    let context = vec![("iam:PassedToService".to_owned(), vec![PRINCIPAL.to_owned()])];
    Permission { context, ..Permission::new("iam:PassRole", role) }
}

/// The role, which must be one of this account that trusts pipes.
pub async fn check(cx: &Cx, role: &str) -> Result<Arn, Error> {
    let arn: Option<Arn> = role.parse().ok();
    let arn = arn.filter(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
    let arn = arn.ok_or_else(|| Error::validation(format!("RoleArn {role} is not the ARN of a role.")))?;
    if arn.account != cx.account().as_str() {
        let reason = "Cross-account pass role is not allowed.";
        return Err(Error::Service(service::Error::new(403, "AccessDeniedException", reason)));
    }
    let pipes = cx.with_caller(Caller::service(cx.account(), PRINCIPAL));
    let input = json!({"RoleArn": arn, "RoleSessionName": "cloudlet-check"});
    match pipes.call::<Value>("sts", "AssumeRole", input).await {
        Ok(_) => Ok(arn),
        Err(error) if error.is_sender_fault() => {
            Err(Error::validation(format!("The role {role} cannot be assumed by {PRINCIPAL}.")))
        }
        Err(error) => Err(error.into()),
    }
}

/// A session of the pipe's role.
pub fn session(pipe: &Pipe) -> Caller {
    Caller::role_session(&pipe.role, &pipe.name)
}
