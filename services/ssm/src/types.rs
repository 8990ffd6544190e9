//! What Parameter Store stores.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};
use vault::Envelope;

/// What all versions of a parameter have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    pub arn: Arn,
    /// Tells it from one of the same name that was there before.
    pub created: Timestamp,
    /// The newest.
    pub version: u64,
    pub tags: BTreeMap<String, String>,
}
kv::stored!(Parameter, version = 1);

impl Parameter {
    pub fn region(&self) -> &str {
        &self.arn.region
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    String,
    StringList,
    SecureString,
}

impl Kind {
    pub const WORDS: [&'static str; 3] = ["String", "StringList", "SecureString"];

    pub fn parse(word: &str) -> Option<Kind> {
        match word {
            "String" => Some(Kind::String),
            "StringList" => Some(Kind::StringList),
            "SecureString" => Some(Kind::SecureString),
            _ => None,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Kind::String => "String",
            Kind::StringList => "StringList",
            Kind::SecureString => "SecureString",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Plain(String),
    /// Of a secure string.
    Sealed(Envelope),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub number: u64,
    pub kind: Kind,
    pub value: Value,
    /// The key of a secure string, as it was named.
    pub key: Option<String>,
    pub description: Option<String>,
    pub pattern: Option<String>,
    pub advanced: bool,
    pub policies: Vec<Policy>,
    pub labels: Vec<String>,
    pub modified: Timestamp,
    /// The ARN of who wrote it.
    pub user: String,
}
kv::stored!(Version, version = 1);

/// What becomes of a parameter by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub kind: PolicyKind,
    /// As it was written.
    pub text: String,
    pub at: Timestamp,
    pub done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyKind {
    Expiration,
    ExpirationNotification,
    NoChangeNotification,
}

impl PolicyKind {
    pub fn word(self) -> &'static str {
        match self {
            PolicyKind::Expiration => "Expiration",
            PolicyKind::ExpirationNotification => "ExpirationNotification",
            PolicyKind::NoChangeNotification => "NoChangeNotification",
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kv::Stored;

    use super::*;

    /// What version 1 looks like on disk: users' files have it.
    #[test]
    fn stored_forms_do_not_drift() {
        let parameter = Parameter {
            name: "n".into(),
            arn: "arn:aws:ssm:r:0:parameter/n".parse().unwrap(),
            created: Timestamp(1),
            version: 2,
            tags: BTreeMap::new(),
        };
        let value = Value::Sealed(Envelope { key: Bytes::from_static(&[1]), value: Bytes::from_static(&[2]) });
        let policy = Policy { kind: PolicyKind::Expiration, text: "{}".into(), at: Timestamp(3), done: false };
        let version = Version {
            number: 2,
            kind: Kind::SecureString,
            value,
            key: None,
            description: None,
            pattern: None,
            advanced: true,
            policies: vec![policy],
            labels: vec!["l".into()],
            modified: Timestamp(1),
            user: "u".into(),
        };
        let forms = [hex::encode(parameter.to_bytes().unwrap()), hex::encode(version.to_bytes().unwrap())];
        assert_eq!(forms, GOLDEN);
        assert_eq!(Version::from_bytes(&version.to_bytes().unwrap()).unwrap(), version);
    }

    const GOLDEN: [&str; 2] = [
        "0185a46e616d65a16ea361726ebb61726e3a6177733a73736d3a723a303a706172616d657465722f6ea76372656174656401a776657273\
         696f6e02a47461677380",
        "018ba66e756d62657202a46b696e64ac536563757265537472696e67a576616c756581a65365616c656482a36b6579c40101a576616c75\
         65c40102a36b6579c0ab6465736372697074696f6ec0a77061747465726ec0a8616476616e636564c3a8706f6c69636965739184a46b69\
         6e64aa45787069726174696f6ea474657874a27b7da2617403a4646f6e65c2a66c6162656c7391a16ca86d6f64696669656401a4757365\
         72a175",
    ];
}
