//! Names and ARNs of buses, rules and archives.
//!
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html#amazoneventbridge-resources-for-iam-policies>

use base::Arn;
use service::Cx;

use crate::error::Error;

/// The bus that is there without being made.
pub const DEFAULT_BUS: &str = "default";

/// A bus, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusRef {
    pub arn: Arn,
    pub name: String,
}

impl BusRef {
    /// By name or ARN; the default bus without either.
    pub fn parse(cx: &Cx, text: Option<&str>) -> Result<BusRef, Error> {
        let text = text.unwrap_or(DEFAULT_BUS);
        if !text.starts_with("arn:") {
            return Ok(BusRef { arn: cx.arn("events", format!("event-bus/{text}")), name: text.to_owned() });
        }
        let arn: Option<Arn> = text.parse().ok();
        arn.and_then(|arn| BusRef::own(cx, arn))
            .ok_or_else(|| Error::parameter("EventBusName", "Provided Arn is not in correct format."))
    }

    /// `None` where the ARN is not one of a bus of this account and region. Buses are kept by region and name: what a
    /// policy says about an ARN must be about the very bus that is meant.
    pub fn own(cx: &Cx, arn: Arn) -> Option<BusRef> {
        BusRef::of(arn).filter(|bus| is_own(cx, &bus.arn))
    }

    /// The same for an ARN that was checked before.
    pub fn of(arn: Arn) -> Option<BusRef> {
        let name = arn.resource.strip_prefix("event-bus/").filter(|_| arn.service == "events")?.to_owned();
        Some(BusRef { arn, name })
    }

    pub fn region(&self) -> &str {
        &self.arn.region
    }

    pub fn is_default(&self) -> bool {
        self.name == DEFAULT_BUS
    }

    pub fn rule_arn(&self, rule: &str) -> Arn {
        let resource = if self.is_default() { format!("rule/{rule}") } else { format!("rule/{}/{rule}", self.name) };
        Arn { resource, ..self.arn.clone() }
    }
}

/// Whether an ARN is of the account and the region that are asked.
pub fn is_own(cx: &Cx, arn: &Arn) -> bool {
    arn.account == cx.account().as_str() && arn.region == cx.region().as_str()
}

/// The bus and the name of a rule, from its ARN.
pub fn rule_of(arn: &Arn) -> Option<(BusRef, String)> {
    let resource = arn.resource.strip_prefix("rule/").filter(|_| arn.service == "events")?;
    let (bus, rule) = resource.rsplit_once('/').unwrap_or((DEFAULT_BUS, resource));
    let bus = BusRef { arn: Arn { resource: format!("event-bus/{bus}"), ..arn.clone() }, name: bus.to_owned() };
    Some((bus, rule.to_owned()))
}

pub fn is_bus(arn: &Arn) -> bool {
    arn.service == "events" && arn.resource.starts_with("event-bus/")
}

pub fn is_api_destination(arn: &Arn) -> bool {
    arn.service == "events" && arn.resource.starts_with("api-destination/")
}

/// Letters, digits, `.`, `-` and `_`.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_by_their_arns() {
        let arn = |resource: &str| format!("arn:aws:events:us-east-1:000000000000:{resource}").parse::<Arn>().unwrap();
        for resource in ["rule/r", "rule/bus/r"] {
            let (bus, rule) = rule_of(&arn(resource)).unwrap();
            assert_eq!(bus.rule_arn(&rule), arn(resource));
        }
        assert_eq!(rule_of(&arn("event-bus/b")), None);
        assert_eq!(BusRef::of(arn("event-bus/a/b")).unwrap().name, "a/b");
        assert_eq!(BusRef::of("arn:aws:sqs:us-east-1:0:event-bus/b".parse().unwrap()), None);
    }
}
