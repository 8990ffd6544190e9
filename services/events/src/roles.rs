//! Roles that rules send with.

use base::Arn;
use serde_json::{Value, json};
use service::{Caller, Cx, Permission};

use crate::error::Error;

/// As whom rules send.
pub const PRINCIPAL: &str = "events.amazonaws.com";

/// What giving EventBridge a role needs.
pub fn pass(role: &str) -> Permission {
    let context = vec![("iam:PassedToService".to_owned(), vec![PRINCIPAL.to_owned()])];
    Permission { context, ..Permission::new("iam:PassRole", role) }
}

/// The role, which must be one of this account that trusts EventBridge.
pub async fn check(cx: &Cx, role: &str) -> Result<Arn, Error> {
    let arn: Arn = role.parse().map_err(|_| Error::parameter(role, "Provided role is not in correct format."))?;
    if arn.account != cx.account().as_str() {
        let reason = "Cross-account pass role is not allowed.";
        return Err(Error::Service(service::Error::new(403, "AccessDeniedException", reason)));
    }
    let bridge = cx.with_caller(Caller::service(cx.account(), PRINCIPAL));
    let input = json!({"RoleArn": arn, "RoleSessionName": "cloudlet-check"});
    match bridge.call::<Value>("sts", "AssumeRole", input).await {
        Ok(_) => Ok(arn),
        Err(error) if error.is_sender_fault() => {
            Err(Error::validation(format!("Provided role '{role}' cannot be assumed by principal '{PRINCIPAL}'.")))
        }
        Err(error) => Err(error.into()),
    }
}
