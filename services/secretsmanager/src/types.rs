//! What Secrets Manager stores.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use vault::Envelope;

/// The labels that mean something to the service itself.
pub const CURRENT: &str = "AWSCURRENT";
pub const PREVIOUS: &str = "AWSPREVIOUS";
pub const PENDING: &str = "AWSPENDING";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    pub name: String,
    pub arn: Arn,
    pub description: Option<String>,
    /// The key that new versions are encrypted with, as it was named; the service's own where there is none.
    pub key: Option<String>,
    pub created: Timestamp,
    pub changed: Timestamp,
    /// A day: finer it is not told.
    pub accessed: Option<Timestamp>,
    pub tags: BTreeMap<String, String>,
    /// Whether it had tags that are all gone again: then an empty list of them is told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untagged: bool,
    pub policy: Option<String>,
    /// When it will be gone.
    pub deletion: Option<Timestamp>,
    /// The labels of each version that has any.
    pub stages: BTreeMap<String, Vec<String>>,
    pub rotation: Option<Rotation>,
    pub rotated: Option<Timestamp>,
}
kv::stored!(Secret, version = 1);

impl Secret {
    pub fn region(&self) -> &str {
        &self.arn.region
    }

    /// The version with a label.
    pub fn version_of(&self, stage: &str) -> Option<&str> {
        let has = |stages: &Vec<String>| stages.iter().any(|label| label == stage);
        self.stages.iter().find(|(_, stages)| has(stages)).map(|(id, _)| id.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rotation {
    pub function: Arn,
    pub rules: Rules,
    /// Whether it rotates by itself: it does not after CancelRotateSecret.
    pub enabled: bool,
    /// When the next one begins; the row of [`crate::keys::ROTATIONS`] is at this moment, or at that of the one under way.
    pub next: Option<Timestamp>,
    pub under_way: Option<UnderWay>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    pub after_days: Option<u32>,
    pub schedule: Option<String>,
    /// Such as `3h`.
    pub duration: Option<String>,
}

/// A rotation that has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnderWay {
    /// The version that it makes.
    pub version: String,
    /// Of the steps of [`crate::workers::STEPS`].
    pub step: u32,
    pub attempts: u32,
    pub at: Timestamp,
}

/// A value, or the place for one that a rotation is to fill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub created: Timestamp,
    pub value: Option<Envelope>,
    pub is_binary: bool,
    /// The ARN of the key that it is encrypted with.
    pub key: Option<String>,
    /// A day: finer it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accessed: Option<Timestamp>,
}
kv::stored!(Version, version = 1);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kv::Stored;

    use super::*;

    /// What version 1 looks like on disk: users' files have it.
    #[test]
    fn stored_forms_do_not_drift() {
        let under_way = UnderWay { version: "v".into(), step: 1, attempts: 2, at: Timestamp(3) };
        let rotation = Rotation {
            function: "arn:aws:lambda:r:0:function:f".parse().unwrap(),
            rules: Rules { after_days: Some(1), schedule: None, duration: Some("2h".into()) },
            enabled: true,
            next: Some(Timestamp(4)),
            under_way: Some(under_way),
        };
        let secret = Secret {
            name: "n".into(),
            arn: "arn:aws:secretsmanager:r:0:secret:n-abcdef".parse().unwrap(),
            description: None,
            key: None,
            created: Timestamp(1),
            changed: Timestamp(2),
            accessed: None,
            tags: BTreeMap::new(),
            untagged: false,
            policy: None,
            deletion: None,
            stages: BTreeMap::from([("v".into(), vec![CURRENT.into()])]),
            rotation: Some(rotation),
            rotated: None,
        };
        let value = Envelope { key: Bytes::from_static(&[1]), value: Bytes::from_static(&[2]) };
        let version =
            Version { created: Timestamp(1), value: Some(value), is_binary: false, key: None, accessed: None };
        let forms = [hex::encode(secret.to_bytes().unwrap()), hex::encode(version.to_bytes().unwrap())];
        assert_eq!(forms, GOLDEN);
        assert_eq!(Secret::from_bytes(&secret.to_bytes().unwrap()).unwrap(), secret);
    }

    const GOLDEN: [&str; 2] = [
        "018da46e616d65a16ea361726ed92a61726e3a6177733a736563726574736d616e616765723a723a303a7365637265743a6e2d61626364\
         6566ab6465736372697074696f6ec0a36b6579c0a76372656174656401a76368616e67656402a86163636573736564c0a47461677380a6\
         706f6c696379c0a864656c6574696f6ec0a673746167657381a17691aa41575343555252454e54a8726f746174696f6e85a866756e6374\
         696f6ebd61726e3a6177733a6c616d6264613a723a303a66756e6374696f6e3a66a572756c657383aa61667465725f6461797301a87363\
         686564756c65c0a86475726174696f6ea23268a7656e61626c6564c3a46e65787404a9756e6465725f77617984a776657273696f6ea176\
         a47374657001a8617474656d70747302a2617403a7726f7461746564c0",
        "0184a76372656174656401a576616c756582a36b6579c40101a576616c7565c40102a969735f62696e617279c2a36b6579c0",
    ];
}
