//! Stored values. Each carries its version; what travels over the wire is elsewhere.

use std::collections::BTreeMap;

use base::Timestamp;
use blob::BlobId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use service::keys::Context;
use vault::Envelope;

/// The order of a key's versions: later ones have greater numbers.
pub type Sequence = u64;
/// Names bytes that are kept in the store, or parts.
pub type ContentId = [u8; 16];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    pub name: String,
    pub id: u64,
    pub region: String,
    pub created: Timestamp,
    pub versioning: Versioning,
}
kv::stored!(Bucket, version = 1);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    /// Never was enabled: a key has one version, which is replaced.
    #[default]
    Never,
    Enabled,
    /// Versions that are there stay; new ones replace the null version.
    Suspended,
}

/// A version of a key: an object, or a delete marker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    pub sequence: Sequence,
    /// The version's id; `None` is the null version.
    pub version: Option<String>,
    pub modified: Timestamp,
    /// Whether it only says that the key was deleted.
    pub marker: bool,
    /// In bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    pub content: Content,
    pub checksum: Option<StoredChecksum>,
    pub meta: Meta,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How its bytes are sealed; those of earlier releases are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
}
// An earlier release would take an object for one that is not sealed, and lose its key: it refuses what it does not know.
kv::stored!(Object, version = 2, from { 1 => Object });

/// How the bytes of an object are sealed: with a key of its own, which is here, itself sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Names the bytes, if they are no parts: they do not open under another name, and nor does their key.
    pub name: ContentId,
    pub key: SealedKey,
}

/// The key of an object's bytes, sealed by whoever decides who reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SealedKey {
    /// SSE-S3: with a key of the vault.
    Managed(Bytes),
    /// SSE-KMS: with a data key of a KMS key.
    Kms {
        envelope: Envelope,
        context: Context,
        /// Whether the context is the bucket's, and not the object's.
        bucket_key: bool,
    },
    /// SSE-C: with the customer's own key, under a salt; nothing else is kept of that.
    Customer(Bytes),
}

/// Where an object's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    Nothing,
    /// In the store.
    Inline(ContentId),
    /// In a file.
    Blob(BlobId),
    /// In a file for each part.
    Parts {
        id: ContentId,
        count: u32,
    },
}

/// A checksum as the client gave it, or as it was made here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredChecksum {
    /// `CRC64NVME`.
    pub algorithm: String,
    /// In base64; of a composite, with the number of parts behind a hyphen.
    pub value: String,
    /// Whether it is one of the parts' checksums, rather than of all bytes.
    pub composite: bool,
}

impl StoredChecksum {
    /// As APIs name it.
    pub fn kind(&self) -> &'static str {
        checksum_kind(self.composite)
    }
}

/// What APIs call a checksum that is made of parts', or of all bytes.
pub fn checksum_kind(composite: bool) -> &'static str {
    if composite { "COMPOSITE" } else { "FULL_OBJECT" }
}

/// A part of an object, or of one to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub number: u32,
    /// In bytes.
    pub size: u64,
    /// The MD5, in hexadecimal.
    pub etag: String,
    pub blob: BlobId,
    pub modified: Timestamp,
    pub checksum: Option<StoredChecksum>,
    /// Names its bytes where they are sealed: with a key for this name below the object's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<ContentId>,
}
kv::stored!(Part, version = 2, from { 1 => Part });

/// An upload in parts that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingUpload {
    /// Names its parts.
    pub id: ContentId,
    pub started: Timestamp,
    pub meta: Meta,
    pub tags: BTreeMap<String, String>,
    /// The checksum of the object to be, and of its parts.
    pub algorithm: String,
    /// Whether the client chose it.
    pub chosen: bool,
    /// Whether it is made of the parts' checksums, rather than of all bytes.
    pub composite: bool,
    /// How its parts are sealed, and so the object to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
}
kv::stored!(PendingUpload, version = 2, from { 1 => PendingUpload });

/// What an object has beside its bytes: headers that come back as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website_redirect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// The algorithm of server-side encryption that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
    #[serde(skip_serializing_if = "Lock::is_none")]
    pub lock: Lock,
    /// The id of the upload in parts that it came of: who completes that again is told the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// Who may besides its owner, if a list of its own says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl: Option<Vec<Grant>>,
    /// The user's own, by names in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub user: BTreeMap<String, String>,
}

/// An entry of an access control list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub grantee: Grantee,
    pub right: Right,
}

/// Who is granted something: the account, or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grantee {
    Owner,
    Everybody,
    Authenticated,
    LogDelivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Right {
    Read,
    Write,
    ReadAcp,
    WriteAcp,
    FullControl,
}

impl Right {
    const ALL: [Right; 5] = [Right::Read, Right::Write, Right::ReadAcp, Right::WriteAcp, Right::FullControl];

    pub fn name(self) -> &'static str {
        match self {
            Right::Read => "READ",
            Right::Write => "WRITE",
            Right::ReadAcp => "READ_ACP",
            Right::WriteAcp => "WRITE_ACP",
            Right::FullControl => "FULL_CONTROL",
        }
    }

    pub fn named(name: &str) -> Option<Right> {
        Right::ALL.into_iter().find(|right| right.name() == name)
    }

    pub fn includes(self, other: Right) -> bool {
        self == Right::FullControl || self == other
    }
}

/// What keeps a version from being deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Whether it is held, if that was ever said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_hold: Option<bool>,
}

impl Lock {
    pub fn is_none(&self) -> bool {
        *self == Lock::default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    pub mode: LockMode,
    pub until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LockMode {
    /// Those who may bypass it may delete, and may shorten the time.
    Governance,
    /// Nobody may.
    Compliance,
}

impl LockMode {
    pub fn name(self) -> &'static str {
        match self {
            LockMode::Governance => "GOVERNANCE",
            LockMode::Compliance => "COMPLIANCE",
        }
    }

    pub fn named(name: &str) -> Option<LockMode> {
        [LockMode::Governance, LockMode::Compliance].into_iter().find(|mode| mode.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use kv::Stored;

    use super::*;

    /// Stored bytes of earlier releases must stay readable: these never change.
    #[test]
    fn the_form_is_fixed() {
        let bucket = Bucket {
            name: "b".into(),
            id: 1,
            region: "r".into(),
            created: Timestamp(2),
            versioning: Versioning::Enabled,
        };
        assert_eq!(
            bucket.to_bytes().unwrap(),
            b"\x01\x85\xa4name\xa1b\xa2id\x01\xa6region\xa1r\xa7created\x02\xaaversioning\xa7Enabled".as_slice()
        );
        let object = Object {
            sequence: 1,
            version: None,
            modified: Timestamp(2),
            marker: false,
            size: 3,
            etag: "e".into(),
            content: Content::Inline([7; 16]),
            checksum: None,
            meta: Meta { content_type: Some("t".into()), ..Meta::default() },
            tags: BTreeMap::new(),
            seal: None,
        };
        let bytes = object.to_bytes().unwrap();
        assert_eq!(Object::from_bytes(&bytes).as_ref(), Ok(&object));
        let form = "8aa873657175656e636501a776657273696f6ec0a86d6f64696669656402a66d61726b6572c2a473697a6503a465746167a165a7\
             636f6e74656e7481a6496e6c696e65dc001007070707070707070707070707070707a8636865636b73756dc0a46d65746181ac636f\
             6e74656e745f74797065a174a47461677380";
        assert_eq!(hex::encode(&bytes), format!("02{form}"));
        let earlier = hex::decode(format!("01{form}")).unwrap().into();
        assert_eq!(Object::from_bytes(&earlier), Ok(object), "of releases that sealed nothing");
    }
}
