//! What KMS stores. Secrets are sealed by the vault, each for its own place.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::spec::{Spec, Usage};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Key {
    pub id: String,
    pub arn: Arn,
    pub created: Timestamp,
    pub description: String,
    pub usage: Usage,
    pub spec: Spec,
    /// Whether its material comes from outside.
    pub external: bool,
    /// The service that the key was made for, where it manages it: `s3`.
    pub manager: Option<String>,
    pub enabled: bool,
    pub deletion: Option<Deletion>,
    /// The policy document, as its owner wrote it.
    pub policy: String,
    pub tags: BTreeMap<String, String>,
    pub rotation: Option<Rotation>,
    pub on_demand_rotations: u32,
    /// The number of the material in use; `None` until some is imported.
    pub current: Option<u32>,
    /// Material that was imported and is in use from the next rotation on.
    pub pending: Option<u32>,
    /// Of a key that is, or may be, in several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regions: Option<Regions>,
    /// How many days it waits to be deleted, once its replicas are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_after_replicas: Option<u32>,
}
kv::stored!(Key, version = 1);

/// Where a key is: the same is written down in each of these Regions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regions {
    pub primary: String,
    pub replicas: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deletion {
    pub at: Timestamp,
    pub window_days: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rotation {
    pub period_days: u32,
    pub next: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Enabled,
    Disabled,
    PendingDeletion,
    PendingReplicaDeletion,
    PendingImport,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            State::Enabled => "Enabled",
            State::Disabled => "Disabled",
            State::PendingDeletion => "PendingDeletion",
            State::PendingReplicaDeletion => "PendingReplicaDeletion",
            State::PendingImport => "PendingImport",
        }
    }
}

impl Key {
    pub fn state(&self) -> State {
        match (self.deletion, self.current) {
            (Some(_), _) => State::PendingDeletion,
            (None, _) if self.deletion_after_replicas.is_some() => State::PendingReplicaDeletion,
            (None, None) => State::PendingImport,
            (None, Some(_)) if self.enabled => State::Enabled,
            (None, Some(_)) => State::Disabled,
        }
    }
}

/// What a key is, or was, made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Material {
    /// Tells it apart from others, and says nothing of it.
    pub id: String,
    /// `None` when imported material was deleted or has expired: it may come again.
    pub sealed: Option<Bytes>,
    pub made: Timestamp,
    /// When the key was rotated to it, and whether on demand.
    pub rotated: Option<(Timestamp, bool)>,
    pub expires: Option<Timestamp>,
    pub description: Option<String>,
}
kv::stored!(Material, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    pub key: String,
    pub created: Timestamp,
    pub updated: Timestamp,
}
kv::stored!(Alias, version = 1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    pub id: String,
    pub token: String,
    pub name: Option<String>,
    pub created: Timestamp,
    pub grantee: String,
    pub retiring: Option<String>,
    pub issuer: String,
    pub operations: Vec<String>,
    pub constraints: Option<Constraints>,
}
kv::stored!(Grant, version = 1);

/// What the encryption context has to be for a grant to count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Constraints {
    Equals(BTreeMap<String, String>),
    Has(BTreeMap<String, String>),
}

/// Where a grant is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantName {
    pub region: String,
    pub key: String,
    pub grant: String,
}
kv::stored!(GrantName, version = 1);

/// The private half of a wrapping key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportToken {
    pub sealed: Bytes,
    pub algorithm: String,
    pub expires: Timestamp,
}
kv::stored!(ImportToken, version = 1);

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    /// What version 1 looks like on disk: users' files have it.
    #[test]
    fn stored_forms_do_not_drift() {
        let key = Key {
            id: "k".into(),
            arn: "arn:aws:kms:r:0:key/k".parse().unwrap(),
            created: Timestamp(1),
            description: String::new(),
            usage: Usage::Encrypt,
            spec: Spec::Symmetric,
            external: false,
            manager: None,
            enabled: true,
            deletion: Some(Deletion { at: Timestamp(2), window_days: 7 }),
            policy: "{}".into(),
            tags: BTreeMap::new(),
            rotation: Some(Rotation { period_days: 90, next: Timestamp(3) }),
            on_demand_rotations: 0,
            current: Some(1),
            pending: None,
            regions: None,
            deletion_after_replicas: None,
        };
        let material = Material {
            id: "m".into(),
            sealed: Some(Bytes::from_static(&[1])),
            made: Timestamp(1),
            rotated: Some((Timestamp(2), true)),
            expires: None,
            description: None,
        };
        let alias = Alias { key: "k".into(), created: Timestamp(1), updated: Timestamp(2) };
        let grant = Grant {
            id: "g".into(),
            token: "t".into(),
            name: None,
            created: Timestamp(1),
            grantee: "a".into(),
            retiring: None,
            issuer: "b".into(),
            operations: vec!["Decrypt".into()],
            constraints: Some(Constraints::Has(BTreeMap::from([("a".into(), "b".into())]))),
        };
        let token = ImportToken { sealed: Bytes::from_static(&[1]), algorithm: "A".into(), expires: Timestamp(1) };
        let forms = [
            hex::encode(key.to_bytes().unwrap()),
            hex::encode(material.to_bytes().unwrap()),
            hex::encode(alias.to_bytes().unwrap()),
            hex::encode(grant.to_bytes().unwrap()),
            hex::encode(token.to_bytes().unwrap()),
        ];
        assert_eq!(forms, GOLDEN);
        assert_eq!(Key::from_bytes(&key.to_bytes().unwrap()).unwrap(), key);
        let regions = Some(Regions { primary: "r".into(), replicas: vec!["s".into()] });
        let primary = Key { regions, deletion_after_replicas: Some(7), ..key };
        assert_eq!(Key::from_bytes(&primary.to_bytes().unwrap()).unwrap(), primary);
        assert_eq!(Grant::from_bytes(&grant.to_bytes().unwrap()).unwrap(), grant);
    }

    const GOLDEN: [&str; 5] = [
        "01de0010a26964a16ba361726eb561726e3a6177733a6b6d733a723a303a6b65792f6ba76372656174656401ab6465736372697074696f\
         6ea0a57573616765af454e43525950545f44454352595054a473706563b153594d4d45545249435f44454641554c54a865787465726e61\
         6cc2a76d616e61676572c0a7656e61626c6564c3a864656c6574696f6e82a2617402ab77696e646f775f6461797307a6706f6c696379a2\
         7b7da47461677380a8726f746174696f6e82ab706572696f645f646179735aa46e65787403b36f6e5f64656d616e645f726f746174696f\
         6e7300a763757272656e7401a770656e64696e67c0",
        "0186a26964a16da67365616c6564c40101a46d61646501a7726f74617465649202c3a765787069726573c0ab6465736372697074696f6e\
         c0",
        "0183a36b6579a16ba76372656174656401a77570646174656402",
        "0189a26964a167a5746f6b656ea174a46e616d65c0a76372656174656401a76772616e746565a161a87265746972696e67c0a669737375\
         6572a162aa6f7065726174696f6e7391a744656372797074ab636f6e73747261696e747381a348617381a161a162",
        "0183a67365616c6564c40101a9616c676f726974686da141a76578706972657301",
    ];
}
