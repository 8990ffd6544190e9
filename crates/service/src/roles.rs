//! Roles that services act as for resources of their own: who may give one away, and whether it lets the service.

use base::Arn;
use serde_json::{Value, json};

use crate::{Caller, Cx, Error, Permission};

/// What giving a role to a service needs. `principal` is the service as trust policies call it: `events.amazonaws.com`.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html>
pub fn pass(principal: &str, role: &str) -> Permission {
    let context = vec![("iam:PassedToService".to_owned(), vec![principal.to_owned()])];
    Permission { context, ..Permission::new("iam:PassRole", role) }
}

/// Whether a role trusts a service, which acts for the resource `source` where that is known: trust policies may ask for
/// it as `aws:SourceArn`.
///
/// # Errors
/// `AccessDeniedException` for a role of another account; and when the policies cannot be read.
pub async fn trusts(cx: &Cx, principal: &str, source: Option<&Arn>, role: &Arn) -> Result<bool, Error> {
    if role.account != cx.account().as_str() {
        return Err(Error::new(403, "AccessDeniedException", "Cross-account pass role is not allowed."));
    }
    let service = Caller::service(cx.account(), principal);
    let arn = source.cloned().unwrap_or_else(|| service.arn.clone());
    let input = json!({"RoleArn": role, "RoleSessionName": "cloudlet-check"});
    match cx.with_caller(Caller { arn, ..service }).call::<Value>("sts", "AssumeRole", input).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_sender_fault() => Ok(false),
        Err(error) => Err(error),
    }
}
