//! Public keys and groups of them: who may sign URLs and cookies.

use kv::Read;
use rsa::PublicKey;
use rsa::pkcs8::DecodePublicKey;
use rsa::traits::PublicKeyParts;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Document, Kind, Moment, check_name};
use crate::error::Error;
use crate::keys::ENTITIES;
use crate::limits;
use crate::types::Entity;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PublicKeyConfig {
    pub caller_reference: String,
    pub name: String,
    pub encoded_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl PublicKeyConfig {
    /// The key; `None` where it is not one of RSA's with 2,048 bits.
    pub fn key(&self) -> Option<PublicKey> {
        PublicKey::from_public_key_pem(self.encoded_key.trim()).ok().filter(|key| key.size() == limits::KEY_BYTES)
    }
}

impl Document for PublicKeyConfig {
    const KIND: Kind = Kind {
        number: 6,
        name: "PublicKey",
        config: "PublicKeyConfig",
        list: "PublicKeyList",
        resource: "public-key",
        path: "public-key",
        id_prefix: Some('K'),
        time: Some(("CreatedTime", Moment::Created)),
        marked: false,
        no_such: (404, "NoSuchPublicKey"),
        exists: "PublicKeyAlreadyExists",
        in_use: "PublicKeyInUse",
        too_many: ("TooManyPublicKeys", limits::KEYS_MAX),
    };

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, _: &dyn Read) -> Result<(), Error> {
        check_name("Name", &self.name, limits::NAME_CHARACTERS_MAX)?;
        if self.key().is_some() {
            return Ok(());
        }
        if self.encoded_key.contains("BEGIN PUBLIC KEY") && self.encoded_key.len() < limits::SHORT_KEY_CHARACTERS {
            return Err(Error::not_implemented("A public key that is not of RSA with 2,048 bits"));
        }
        Err(Error::argument("Your request contains empty/invalid/out of limits RSA Encoded Key"))
    }

    fn check_change(&self, before: &PublicKeyConfig) -> Result<(), Error> {
        let fixed = |config: &PublicKeyConfig| {
            (config.caller_reference.clone(), config.name.clone(), config.encoded_key.trim().to_owned())
        };
        if fixed(self) == fixed(before) {
            return Ok(());
        }
        let message = "You can't change the value of a public key.";
        Err(Error::new(400, "CannotChangeImmutablePublicKeyFields", message))
    }

    fn summary(&self, entity: &Entity, _: Value) -> Value {
        let mut summary = json!({
            "Id": entity.id, "Name": self.name, "CreatedTime": entity.created.iso8601(), "EncodedKey": self.encoded_key,
        });
        if let Some(comment) = &self.comment {
            summary["Comment"] = json!(comment);
        }
        summary
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct KeyGroupConfig {
    pub name: String,
    /// Ids of public keys.
    pub items: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Document for KeyGroupConfig {
    const KIND: Kind = Kind {
        number: 7,
        name: "KeyGroup",
        config: "KeyGroupConfig",
        list: "KeyGroupList",
        resource: "key-group",
        path: "key-group",
        id_prefix: None,
        time: Some(("LastModifiedTime", Moment::Modified)),
        marked: false,
        no_such: (404, "NoSuchResource"),
        exists: "KeyGroupAlreadyExists",
        in_use: "ResourceInUse",
        too_many: ("TooManyKeyGroups", limits::KEY_GROUPS_MAX),
    };

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, read: &dyn Read) -> Result<(), Error> {
        check_name("Name", &self.name, limits::NAME_CHARACTERS_MAX)?;
        if self.items.is_empty() {
            return Err(Error::argument("A key group needs at least one public key."));
        }
        if self.items.len() > limits::GROUP_KEYS_MAX {
            let message = "The number of public keys in this key group is more than the maximum allowed.";
            return Err(Error::new(400, "TooManyPublicKeysInKeyGroup", message));
        }
        for id in &self.items {
            if !ENTITIES.contains(read, (PublicKeyConfig::KIND.number, id))? {
                return Err(Error::argument(format!("The specified public key {id} does not exist.")));
            }
        }
        Ok(())
    }

    fn uses(&self) -> Vec<(u8, String)> {
        self.items.iter().map(|id| (PublicKeyConfig::KIND.number, id.clone())).collect()
    }
}
