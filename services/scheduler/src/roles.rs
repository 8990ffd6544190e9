//! Roles that schedules send with.

use base::Arn;
use service::{Cx, Permission, roles};

use crate::error::Error;
use crate::name::group_resource;

const PRINCIPAL: &str = "scheduler.amazonaws.com";

/// What giving the Scheduler a role needs.
pub fn pass(role: &str) -> Permission {
    roles::pass(PRINCIPAL, role)
}

/// Refuses a role that the Scheduler may not have for schedules of a group: that is what trust policies may name. It is asked
/// again at each delivery.
pub async fn check(cx: &Cx, role: &Arn, group: &str) -> Result<(), Error> {
    if roles::trusts(cx, PRINCIPAL, Some(&group_resource(cx, group)), role).await? {
        return Ok(());
    }
    Err(Error::validation("The execution role you provide must allow AWS EventBridge Scheduler to assume the role."))
}
