//! The mailbox simulator: addresses at which a message ends in a certain way, and goes nowhere.
//!
//! Source: <https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator>

use crate::model::event::Bounce;
use crate::model::message::End;

const DOMAIN: &str = "simulator.amazonses.com";

/// How a message ends at an address, if that is one of the simulator's. It may have a label: `bounce+1@`.
pub fn end_at(address: &str) -> Option<End> {
    let (user, domain) = address.rsplit_once('@')?;
    if !domain.eq_ignore_ascii_case(DOMAIN) {
        return None;
    }
    let user = user.split('+').next().unwrap_or_default().to_ascii_lowercase();
    let answer = || "250 2.6.0 Message received".to_owned();
    Some(match user.as_str() {
        "success" | "ooto" => End::Delivered(answer()),
        "complaint" => End::Complained(answer()),
        "suppressionlist" => End::Bounced(Bounce {
            permanent: true,
            subtype: "Suppressed",
            status: "5.1.1".into(),
            diagnostic: "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid address.".into(),
        }),
        _ => End::Bounced(Bounce {
            permanent: true,
            subtype: "General",
            status: "5.1.1".into(),
            diagnostic: "smtp; 550 5.1.1 user unknown".into(),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_as_they_say() {
        assert!(matches!(end_at("success@simulator.amazonses.com"), Some(End::Delivered(_))));
        assert!(matches!(end_at("success+a@Simulator.amazonses.com"), Some(End::Delivered(_))));
        assert!(matches!(end_at("complaint@simulator.amazonses.com"), Some(End::Complained(_))));
        assert!(matches!(end_at("bounce@simulator.amazonses.com"), Some(End::Bounced(_))));
        assert_eq!(end_at("bounce@example.com"), None);
    }
}
