//! Mapping templates that are texts without Velocity's directives: all that MOCK integrations of WebSocket APIs and preflights need.
//! The rest is refused as it is put.

use crate::error::Error;

const MEMBER: &str = "statusCode";

/// The status that a request template chooses: `{"statusCode": 200}`, also without quotes, as Serverless writes it.
pub fn status(template: &str) -> Result<u16, Error> {
    check(template)?;
    let digits =
        template.split_once(MEMBER).map(|(_, rest)| rest.trim_start_matches(['"', '\'', ' ', ':', '\n', '\t']));
    let digits = digits.and_then(|rest| rest.get(..3)).and_then(|digits| digits.parse().ok());
    digits.filter(|status| (200..=599).contains(status)).ok_or_else(|| {
        Error::bad(format!("The request template of a MOCK integration must say its statusCode: {template}"))
    })
}

/// Refuses a template that is more than a text.
pub fn check(template: &str) -> Result<(), Error> {
    let directive = |mark: &str| {
        template.split(mark).skip(1).any(|rest| rest.starts_with(|c: char| c.is_alphabetic() || "{!#*".contains(c)))
    };
    if directive("$") || directive("#") {
        return Err(Error::not_implemented("Velocity in the mapping templates of an integration"));
    }
    Ok(())
}
