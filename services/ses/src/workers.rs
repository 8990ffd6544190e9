//! What SES does by itself: giving up on addresses that nobody verified.

use kv::Tx;
use service::{Cx, Error as ServiceError, timers};

use crate::Ses;
use crate::model::identity;

/// A timer came due.
pub fn fire(_: &Ses, _: &Cx, tx: &mut Tx, timer: &timers::Timer) -> Result<(), ServiceError> {
    let token = std::str::from_utf8(&timer.key).map_err(ServiceError::internal)?;
    Ok(identity::expire_link(tx, token)?)
}
