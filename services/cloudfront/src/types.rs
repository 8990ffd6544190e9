//! What is stored: users' documents as text, and what is known of them.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    pub id: String,
    pub account: String,
    /// Which version of it this is, as callers name it.
    pub etag: String,
    pub modified: Timestamp,
    /// A [`crate::documents::distribution::DistributionConfig`].
    pub document: String,
    pub tags: Tags,
    /// How many there have been.
    pub invalidations: u64,
}
kv::stored!(Distribution, version = 1);

/// Everything with an id of its own that distributions name: policies, keys, access controls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    pub id: String,
    pub etag: String,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub name: String,
    pub document: String,
}
kv::stored!(Entity, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invalidation {
    pub id: String,
    pub created: Timestamp,
    pub caller_reference: String,
    pub paths: Vec<String>,
}
kv::stored!(Invalidation, version = 1);

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    #[test]
    fn stored_bytes_do_not_change() {
        let entity = Entity {
            id: "K1".into(),
            etag: "E1".into(),
            created: Timestamp(1),
            modified: Timestamp(2),
            name: "n".into(),
            document: "{}".into(),
        };
        let golden = "0186a26964a24b31a465746167a24531a76372656174656401a86d6f64696669656402a46e616d65a16ea8646f63756d656e74a27b7d";
        assert_eq!(hex::encode(entity.to_bytes().unwrap()), golden);
        let distribution = Distribution {
            id: "E1".into(),
            account: "0".into(),
            etag: "E2".into(),
            modified: Timestamp(3),
            document: "{}".into(),
            tags: Tags::from([("a".into(), "b".into())]),
            invalidations: 4,
        };
        let golden = "0187a26964a24531a76163636f756e74a130a465746167a24532a86d6f64696669656403a8646f63756d656e74a27b7da47461677381a161a162ad696e76616c69646174696f6e7304";
        assert_eq!(hex::encode(distribution.to_bytes().unwrap()), golden);
        let invalidation = Invalidation {
            id: "I1".into(),
            created: Timestamp(5),
            caller_reference: "r".into(),
            paths: vec!["/*".into()],
        };
        let golden = "0184a26964a24931a76372656174656405b063616c6c65725f7265666572656e6365a172a5706174687391a22f2a";
        assert_eq!(hex::encode(invalidation.to_bytes().unwrap()), golden);
    }
}
