//! Policies that AWS gives to every account: those that serverless applications attach, as data; and those of service-linked
//! roles, by name. What the latter say is about services that are not here, so nothing is allowed by them.
//!
//! Source: <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html>

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::owner::SERVICE_ROLE_PATH;
use crate::service_roles;

pub struct AwsPolicy {
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `None` of those of service-linked roles.
    pub text: Option<Text>,
}

/// What a policy says.
pub struct Text {
    pub created: Timestamp,
    pub version: u64,
    pub document: String,
}

/// By ARN.
static POLICIES: LazyLock<BTreeMap<String, AwsPolicy>> = LazyLock::new(|| {
    // A test reads the same data: it is there.
    let rows: Vec<Row> = serde_json::from_str(include_str!("aws_managed.json")).unwrap_or_default();
    let written = rows.into_iter().map(|row| (format!("arn:aws:iam::aws:policy/{}", row.name), row.policy()));
    let of_services = service_roles::policies().map(|name| {
        let policy = AwsPolicy { name: name.to_owned(), path: SERVICE_ROLE_PATH.to_owned(), text: None };
        (service_roles::policy_arn(name), policy)
    });
    written.chain(of_services).collect()
});

#[derive(Deserialize)]
struct Row {
    /// With its path, but for the first slash.
    name: String,
    created: String,
    version: String,
    document: Box<RawValue>,
}

impl Row {
    fn policy(self) -> AwsPolicy {
        let (path, name) = match self.name.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name.to_owned()),
            None => ("/".to_owned(), self.name),
        };
        let text = Text {
            created: Timestamp::parse_iso8601(&format!("{}T00:00:00Z", self.created)).unwrap_or_default(),
            version: self.version.trim_start_matches('v').parse().unwrap_or(1),
            document: self.document.get().to_owned(),
        };
        AwsPolicy { name, path, text: Some(text) }
    }
}

pub fn find(arn: &str) -> Option<&'static AwsPolicy> {
    POLICIES.get(arn)
}

/// Whether it is one of a service-linked role, which allows nothing here.
pub fn is_of_service(arn: &str) -> bool {
    find(arn).is_some_and(|policy| policy.text.is_none())
}

/// All of them, by ARN.
pub fn all() -> impl Iterator<Item = (&'static String, &'static AwsPolicy)> {
    POLICIES.iter()
}

#[cfg(test)]
mod tests {
    use auth::policy::{Policy, Use};

    use super::*;

    #[test]
    fn all_are_policies() {
        assert!(all().filter(|(_, policy)| policy.text.is_some()).count() > 30);
        for (arn, policy) in all() {
            let Some(policy) = &policy.text else {
                assert!(arn.starts_with("arn:aws:iam::aws:policy/aws-service-role/"), "{arn}");
                continue;
            };
            let checked = Policy::parse(&policy.document).and_then(|document| document.check(Use::Managed));
            assert!(checked.is_ok(), "{arn}: {checked:?}");
            assert_ne!(policy.created, Timestamp::ZERO);
        }
        let basic = find("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole").unwrap();
        assert_eq!(
            (basic.path.as_str(), basic.name.as_str(), basic.text.as_ref().unwrap().version),
            ("/service-role/", "AWSLambdaBasicExecutionRole", 1)
        );
    }
}
