//! Values as they are stored: a version byte, then MessagePack with named fields.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// Can be a value in a [`Table`](crate::Table). Implemented with [`stored!`](crate::stored!), or by hand for a format of one's own.
pub trait Stored: Sized {
    fn to_bytes(&self) -> Result<Bytes, Error>;

    /// # Errors
    /// [`Error::Corrupt`] for bytes that are none of the type's versions.
    fn from_bytes(bytes: &Bytes) -> Result<Self, Error>;
}

/// Implements [`Stored`] for a serde type.
///
/// A field with `#[serde(default)]` may be added under the same version. For any other change, keep the old type,
/// give the new one the next version, and write `impl From<Old> for New`: old values are migrated as they are read.
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct QueueV1 { delay: u32 }
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Queue { delay_seconds: u32 }
///
/// impl From<QueueV1> for Queue {
///     fn from(old: QueueV1) -> Queue {
///         Queue { delay_seconds: old.delay }
///     }
/// }
/// kv::stored!(Queue, version = 2, from { 1 => QueueV1 });
/// ```
#[macro_export]
macro_rules! stored {
    ($type:ty, version = $version:literal $(, from { $($old:literal => $old_type:ty),+ $(,)? })? $(,)?) => {
        impl $crate::Stored for $type {
            fn to_bytes(&self) -> ::std::result::Result<$crate::Bytes, $crate::Error> {
                $crate::encode_stored(stringify!($type), $version, self)
            }

            fn from_bytes(bytes: &$crate::Bytes) -> ::std::result::Result<Self, $crate::Error> {
                match bytes.first() {
                    Some(&$version) => $crate::decode_stored(stringify!($type), bytes),
                    $($(Some(&$old) => $crate::decode_stored::<$old_type>(stringify!($old_type), bytes).map(Self::from),)+)?
                    other => Err($crate::unknown_version(stringify!($type), other.copied())),
                }
            }
        }
    };
}

/// For [`stored!`](crate::stored!): `value` as MessagePack, behind its version.
pub fn encode_stored(name: &str, version: u8, value: &impl Serialize) -> Result<Bytes, Error> {
    let mut bytes = Vec::with_capacity(128);
    bytes.push(version);
    rmp_serde::encode::write_named(&mut bytes, value).map_err(|error| Error::corrupt(name, error.to_string()))?;
    Ok(bytes.into())
}

/// For [`stored!`](crate::stored!): the value behind a version byte that was looked at already.
pub fn decode_stored<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, Error> {
    let body = bytes.get(1..).unwrap_or_default();
    rmp_serde::from_slice(body).map_err(|error| Error::corrupt(name, error.to_string()))
}

/// For [`stored!`](crate::stored!): the error for a version that is none of the type's.
pub fn unknown_version(name: &str, version: Option<u8>) -> Error {
    match version {
        Some(version) => {
            Error::corrupt(name, format!("version {version} is not known; a newer release may have written it"))
        }
        None => Error::corrupt(name, "it is empty"),
    }
}

/// An entry of an index: the key says everything.
impl Stored for () {
    fn to_bytes(&self) -> Result<Bytes, Error> {
        Ok(Bytes::new())
    }

    fn from_bytes(bytes: &Bytes) -> Result<Self, Error> {
        if bytes.is_empty() { Ok(()) } else { Err(Error::corrupt("an index entry", "it has a value")) }
    }
}

impl Stored for Bytes {
    fn to_bytes(&self) -> Result<Bytes, Error> {
        Ok(self.clone())
    }

    fn from_bytes(bytes: &Bytes) -> Result<Self, Error> {
        Ok(bytes.clone())
    }
}

/// Eight bytes, big-endian.
impl Stored for u64 {
    fn to_bytes(&self) -> Result<Bytes, Error> {
        Ok(Bytes::copy_from_slice(&self.to_be_bytes()))
    }

    fn from_bytes(bytes: &Bytes) -> Result<Self, Error> {
        let bytes = bytes.as_ref().try_into();
        bytes.map(u64::from_be_bytes).map_err(|_| Error::corrupt("a number", "it does not have eight bytes"))
    }
}

/// UTF-8.
impl Stored for String {
    fn to_bytes(&self) -> Result<Bytes, Error> {
        Ok(Bytes::copy_from_slice(self.as_bytes()))
    }

    fn from_bytes(bytes: &Bytes) -> Result<Self, Error> {
        String::from_utf8(bytes.to_vec()).map_err(|error| Error::corrupt("text", error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Old {
        seconds: u32,
    }
    crate::stored!(Old, version = 1);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New {
        millis: u64,
        #[serde(default)]
        note: String,
    }
    crate::stored!(New, version = 2, from { 1 => Old });

    impl From<Old> for New {
        fn from(old: Old) -> New {
            New { millis: u64::from(old.seconds) * 1000, note: String::new() }
        }
    }

    #[test]
    fn the_form_is_fixed() {
        let bytes = Old { seconds: 7 }.to_bytes().unwrap();
        assert_eq!(bytes, b"\x01\x81\xa7seconds\x07".as_slice());
    }

    #[test]
    fn old_versions_are_migrated_and_new_fields_filled_in() {
        let new = New { millis: 7000, note: String::new() };
        assert_eq!(
            New::from_bytes(&Old { seconds: 7 }.to_bytes().unwrap()),
            Ok(New { millis: 7000, note: String::new() })
        );
        assert_eq!(New::from_bytes(&new.to_bytes().unwrap()).as_ref(), Ok(&new));
        let before_note = Bytes::from_static(b"\x02\x81\xa6millis\x05");
        assert_eq!(New::from_bytes(&before_note), Ok(New { millis: 5, note: String::new() }));
    }

    #[test]
    fn unreadable_values_say_what_they_are() {
        for bytes in [&b""[..], b"\x02\x81\xa6", b"\x03"] {
            let Err(Error::Corrupt { what, .. }) = Old::from_bytes(&Bytes::from_static(bytes)) else {
                panic!("{bytes:?}")
            };
            assert_eq!(what, "Old");
        }
        let unknown = New::from_bytes(&Bytes::from_static(b"\x09")).unwrap_err().to_string();
        assert_eq!(
            unknown,
            "stored data is not readable as New: version 9 is not known; a newer release may have written it"
        );
        assert!(u64::from_bytes(&Bytes::from_static(b"1")).is_err());
        assert!(<()>::from_bytes(&Bytes::from_static(b"1")).is_err());
    }
}
