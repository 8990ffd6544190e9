//! Amazon Resource Names: `arn:partition:service:region:account:resource`.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An account: twelve digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(Arc<str>);

/// A region's name, such as `us-east-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Region(Arc<str>);

macro_rules! name {
    ($type:ident) => {
        impl $type {
            pub fn new(name: impl Into<Arc<str>>) -> $type {
                $type(name.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
name!(AccountId);
name!(Region);

/// The partition of every resource here.
const PARTITION: &str = "aws";

/// A resource's name. `resource` is everything after the fifth colon, colons included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    pub partition: String,
    pub service: String,
    /// Empty for global services (IAM).
    pub region: String,
    /// Empty where the service leaves it out (S3).
    pub account: String,
    pub resource: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an ARN: arn:partition:service:region:account:resource is expected")]
pub struct ArnError(pub String);

impl Arn {
    pub fn new(service: &str, region: &Region, account: &AccountId, resource: impl Into<String>) -> Arn {
        Arn {
            partition: PARTITION.into(),
            service: service.into(),
            region: region.to_string(),
            account: account.to_string(),
            resource: resource.into(),
        }
    }

    /// The ARN of a service without regions, such as IAM.
    pub fn global(service: &str, account: &AccountId, resource: impl Into<String>) -> Arn {
        Arn { region: String::new(), ..Arn::new(service, &Region::new(""), account, resource) }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Arn, ArnError> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or_else(|| ArnError(text.into()));
        if next()? != "arn" {
            return Err(ArnError(text.into()));
        }
        let arn = Arn {
            partition: next()?.into(),
            service: next()?.into(),
            region: next()?.into(),
            account: next()?.into(),
            resource: next()?.into(),
        };
        // One cloud, one partition: another name for the same resource would get past policies that name it.
        if arn.partition != PARTITION || arn.service.is_empty() || arn.resource.is_empty() {
            return Err(ArnError(text.into()));
        }
        Ok(arn)
    }
}

impl Serialize for Arn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Arn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Arn, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints() {
        for text in [
            "arn:aws:lambda:us-east-1:000000000000:function:hello:live",
            "arn:aws:iam::000000000000:role/x",
            "arn:aws:s3:::bucket",
        ] {
            assert_eq!(text.parse::<Arn>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "arn",
            "arn:aws-cn:sqs:r:0:q",
            "arn:aws-x:sqs:r:0:q",
            "arn:aws:sqs:us-east-1:0",
            "arn:aws:sqs:::",
            "urn:aws:sqs:r:a:q",
        ] {
            assert!(text.parse::<Arn>().is_err(), "{text}");
        }
    }
}
