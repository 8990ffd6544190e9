//! Roles that rules send with.

use base::Arn;
use service::{Cx, Permission, roles};

use crate::error::Error;

/// As whom rules send.
pub const PRINCIPAL: &str = "events.amazonaws.com";

/// What giving EventBridge a role needs.
pub fn pass(role: &str) -> Permission {
    roles::pass(PRINCIPAL, role)
}

/// The role, which must be one of this account that trusts EventBridge for a rule. It is asked again at each delivery.
pub async fn check(cx: &Cx, rule: &Arn, role: &str) -> Result<Arn, Error> {
    let arn: Arn = role.parse().map_err(|_| Error::parameter(role, "Provided role is not in correct format."))?;
    if roles::trusts(cx, PRINCIPAL, Some(rule), &arn).await? {
        return Ok(arn);
    }
    Err(Error::validation(format!("Provided role '{role}' cannot be assumed by principal '{PRINCIPAL}'.")))
}
