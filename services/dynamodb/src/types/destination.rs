//! Where the changes of a table are sent beside its own stream.

use base::Arn;
use serde::{Deserialize, Serialize};

/// A Kinesis stream that a table's changes are sent to, or were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Destination {
    pub stream: Arn,
    pub status: DestinationStatus,
    /// `ApproximateCreationDateTimePrecision`, as set.
    pub precision: Option<String>,
    /// Why it cannot be used; while it is being enabled, that it will turn out so.
    pub refusal: Option<String>,
}

impl Destination {
    /// Whether changes are sent to it.
    pub fn takes_changes(&self) -> bool {
        use DestinationStatus::{Active, Enabling, Updating};
        matches!(self.status, Enabling | Active | Updating) && self.refusal.is_none()
    }

    /// Whether nothing is, or will be, sent to it any more.
    pub fn is_over(&self) -> bool {
        matches!(self.status, DestinationStatus::Disabled | DestinationStatus::EnableFailed)
    }

    pub fn in_microseconds(&self) -> bool {
        self.precision.as_deref() == Some("MICROSECOND")
    }
}

/// As it is stored, and as the API says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DestinationStatus {
    Enabling,
    Active,
    Disabling,
    Disabled,
    EnableFailed,
    Updating,
}

#[cfg(test)]
mod tests {
    use kv::Stored as _;

    use super::*;
    use crate::types::Table;

    #[test]
    fn golden_bytes() {
        let destination = Destination {
            stream: "arn:aws:kinesis:r:0:stream/s".parse().unwrap(),
            status: DestinationStatus::EnableFailed,
            precision: Some("MICROSECOND".into()),
            refusal: None,
        };
        let table = Table { destinations: vec![destination], ..Table::sample("t", "pk") };
        let bytes = table.to_bytes().unwrap();
        let golden = b"\xacdestinations\x91\x84\xa6stream\xbcarn:aws:kinesis:r:0:stream/s\xa6status\xadENABLE_FAILED\
            \xa9precision\xabMICROSECOND\xa7refusal\xc0";
        assert!(bytes.ends_with(golden), "{}", bytes.escape_ascii());
        assert_eq!(Table::from_bytes(&bytes), Ok(table));
    }
}
