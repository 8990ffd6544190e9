//! The digests of a body: those that a client states, and those that are made while it passes by.

use std::fmt;

use bytes::Bytes;
use md5::{Digest, Md5};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use service::Upload;
use wire::rest_xml::{self, Algorithm, Checksum};

use crate::error::Error;
use crate::limits;
use crate::types::StoredChecksum;

/// What a request says of its body, as members of its input.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Stated {
    #[serde(rename = "ContentMD5")]
    pub md5: Option<String>,
    /// What `x-amz-sdk-checksum-algorithm` announces.
    #[serde(rename = "ChecksumAlgorithm")]
    pub algorithm: Option<String>,
    #[serde(rename = "Trailer")]
    pub trailer: Option<String>,
    /// Those that are headers.
    #[serde(flatten)]
    pub checksums: Checksums,
}

/// Checksums as members of inputs and outputs, named by their algorithms: `ChecksumCRC32`.
#[derive(Clone, Debug, Default)]
pub struct Checksums {
    pub all: Vec<(Algorithm, String)>,
    /// In outputs: `COMPOSITE` or `FULL_OBJECT`.
    pub kind: Option<&'static str>,
}

/// What stands before an algorithm in a member's name.
const MEMBER: &str = "Checksum";

impl Checksums {
    /// The same, without the number of parts that stands behind a composite one, as in `…=-2`.
    #[must_use]
    pub fn without_parts(mut self) -> Checksums {
        for (_, value) in &mut self.all {
            // What is before is base64, which has no hyphen.
            value.truncate(value.find('-').unwrap_or(value.len()));
        }
        self
    }

    /// The one of this algorithm.
    pub fn of(&self, algorithm: &str) -> Option<&str> {
        self.all.iter().find(|(known, _)| known.name() == algorithm).map(|(_, value)| value.as_str())
    }
}

impl From<Option<&StoredChecksum>> for Checksums {
    fn from(stored: Option<&StoredChecksum>) -> Checksums {
        let algorithm = stored.and_then(|stored| Algorithm::named(&stored.algorithm));
        let all = algorithm.zip(stored.map(|stored| stored.value.clone())).into_iter().collect();
        Checksums { all, kind: stored.map(StoredChecksum::kind) }
    }
}

impl Serialize for Checksums {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (algorithm, value) in &self.all {
            members.serialize_entry(&format!("{MEMBER}{}", algorithm.name()), value)?;
        }
        if let Some(kind) = self.kind {
            members.serialize_entry("ChecksumType", kind)?;
        }
        members.end()
    }
}

impl<'de> Deserialize<'de> for Checksums {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Checksums, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Checksums;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("checksums")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Checksums, A::Error> {
                let mut all = Vec::new();
                while let Some(name) = members.next_key::<String>()? {
                    match name.strip_prefix(MEMBER).and_then(Algorithm::named) {
                        Some(algorithm) => {
                            all.extend(members.next_value::<Option<_>>()?.map(|value| (algorithm, value)))
                        }
                        None => drop(members.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Checksums { all, kind: None })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Digests in the making.
pub struct Digests {
    md5: Md5,
    stated_md5: Option<rest_xml::Md5>,
    /// The one that is stated, or made where none is.
    checksum: Checksum,
    stated: Option<String>,
    /// Whether the stated one comes behind the body.
    trails: bool,
    /// Of another algorithm, which is kept.
    kept: Option<Checksum>,
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Digested {
    /// In hexadecimal.
    pub etag: String,
    pub checksum: StoredChecksum,
    /// The one that was stated, where another is kept.
    pub stated: Option<StoredChecksum>,
}

impl Digests {
    /// # Errors
    /// When what is stated are no digests, or more than one checksum.
    pub fn new(stated: &Stated) -> Result<Digests, Error> {
        let stated_md5 =
            stated.md5.as_deref().map(|md5| rest_xml::Md5::parse(md5).ok_or(Error::InvalidDigest)).transpose()?;
        let trailer = stated.trailer.as_deref().and_then(|name| {
            Algorithm::ALL.into_iter().find(|algorithm| name.trim().eq_ignore_ascii_case(&algorithm.header()))
        });
        let announced = stated.algorithm.as_deref().map(known).transpose()?;
        if stated.checksums.all.len() > 1 || !stated.checksums.all.is_empty() && trailer.is_some() {
            let reason = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
            return Err(Error::InvalidRequest(reason.into()));
        }
        let header = stated.checksums.all.first();
        if let Some((algorithm, value)) = header
            && !algorithm.is_form_of(value)
        {
            let reason = format!("Value for {} header is invalid.", algorithm.header());
            return Err(Error::InvalidRequest(reason));
        }
        let algorithm = header.map(|(algorithm, _)| *algorithm).or(trailer).or(announced);
        Ok(Digests {
            md5: Md5::new(),
            stated_md5,
            // What S3 makes where nobody asks for another.
            checksum: Checksum::new(algorithm.unwrap_or(Algorithm::Crc64Nvme)),
            stated: header.map(|(_, value)| value.clone()),
            trails: trailer.is_some(),
            kept: None,
        })
    }

    /// The algorithm that the client uses, if it uses one.
    pub fn stated(&self) -> Option<Algorithm> {
        (self.trails || self.stated.is_some()).then_some(self.checksum.algorithm)
    }

    /// The same, of which the checksum of this algorithm is kept.
    #[must_use]
    pub fn keeping(mut self, algorithm: Algorithm) -> Digests {
        if self.checksum.algorithm != algorithm {
            self.kept = Some(Checksum::new(algorithm));
        }
        self
    }

    /// Those of bytes that no client states digests of.
    pub fn of(algorithm: Algorithm) -> Digests {
        let checksum = Checksum::new(algorithm);
        Digests { md5: Md5::new(), stated_md5: None, checksum, stated: None, trails: false, kept: None }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.checksum.update(bytes);
        if let Some(kept) = &mut self.kept {
            kept.update(bytes);
        }
    }

    /// The same of a body that may be there as a whole, however large: others have their turn in between.
    pub async fn take(&mut self, mut bytes: Bytes) {
        while !bytes.is_empty() {
            self.update(&bytes.split_to(bytes.len().min(limits::CHUNK_BYTES)));
            if !bytes.is_empty() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// # Errors
    /// When the body is not what was stated.
    pub fn finish(self, upload: Option<&Upload>) -> Result<Digested, Error> {
        let md5: [u8; 16] = self.md5.finalize().into();
        if self.stated_md5.is_some_and(|stated| stated.0 != md5) {
            return Err(Error::BadMd5);
        }
        let algorithm = self.checksum.algorithm;
        let made = self.checksum.finish();
        let trailer = upload.filter(|_| self.trails).and_then(|upload| upload.trailer(&algorithm.header()));
        let stated = self.stated.as_deref().or(trailer);
        if self.trails && stated.is_none() {
            let reason = format!("The trailer {} was announced and did not come.", algorithm.header());
            return Err(Error::InvalidRequest(reason));
        }
        if stated.is_some_and(|stated| stated != made) {
            return Err(Error::BadDigest(algorithm.name().into()));
        }
        let is_stated = stated.is_some();
        let of = |algorithm: Algorithm, value| StoredChecksum {
            algorithm: algorithm.name().into(),
            value,
            composite: false,
        };
        let made = of(algorithm, made);
        let (checksum, stated) = match self.kept {
            Some(kept) => (of(kept.algorithm, kept.finish()), Some(made).filter(|_| is_stated)),
            None => (made, None),
        };
        Ok(Digested { etag: hex::encode(md5), checksum, stated })
    }
}

/// An algorithm by its name.
///
/// # Errors
/// When it is not one that is here.
pub fn known(name: &str) -> Result<Algorithm, Error> {
    Algorithm::named(name).ok_or_else(|| {
        let known = Algorithm::ALL.map(Algorithm::name).join(", ");
        Error::InvalidRequest(format!(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [{known}]"
        ))
    })
}
