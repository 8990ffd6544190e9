//! The operations, a file for each kind of thing they work on.

pub mod migration;
pub mod shift;

use base::Arn;
use service::Cx;

use crate::NAME;
use crate::error::Error;
use crate::types::ALL;

pub fn arn(cx: &Cx, name: &str) -> Arn {
    cx.arn(NAME, format!("migration/{name}"))
}

/// A percentage, in hundredths of a percent.
fn share(percent: f64, member: &str) -> Result<u32, Error> {
    if !(0.0..=100.0).contains(&percent) {
        return Err(Error::Invalid(format!("{member} is a percentage from 0 to 100, not {percent}")));
    }
    // At most 10,000.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 10,000")]
    let share = (percent * 100.0).round() as u32;
    Ok(share.min(ALL))
}

fn percent(share: u32) -> f64 {
    f64::from(share) / 100.0
}

/// A method as requests name it.
fn method(method: Option<String>) -> Result<Option<String>, Error> {
    let Some(method) = method.map(|method| method.to_ascii_uppercase()).filter(|method| method != "ANY") else {
        return Ok(None);
    };
    match http::Method::from_bytes(method.as_bytes()) {
        Ok(_) if method != "CONNECT" => Ok(Some(method)),
        _ => Err(Error::Invalid(format!("{method} is no method of HTTP that a route can have"))),
    }
}
