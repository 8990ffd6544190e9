//! Keys as tuples: an encoding whose byte order is the order of the components, first to last.
//!
//! The encoding of a tuple's beginning is a prefix of the encoding of the tuple, so "everything under (queue, shard)"
//! is one range. Numbers are big-endian; text and bytes end with 0x00 0x00 and carry 0x00 as 0x00 0xFF.

use base::Timestamp;
use bytes::Bytes;

use crate::Error;

/// Appends components to a key.
#[derive(Debug, Default)]
pub struct KeyWriter(Vec<u8>);

impl KeyWriter {
    pub fn new() -> KeyWriter {
        KeyWriter::default()
    }

    /// A writer whose key begins with `bytes` as they are.
    pub fn with_prefix(bytes: &[u8]) -> KeyWriter {
        let mut key = Vec::with_capacity(64);
        key.extend_from_slice(bytes);
        KeyWriter(key)
    }

    /// Appends `bytes` as they are: for components of one fixed length only.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn escaped(&mut self, bytes: &[u8]) {
        for (i, part) in bytes.split(|byte| *byte == 0).enumerate() {
            if i > 0 {
                self.raw(&[0, 0xff]);
            }
            self.raw(part);
        }
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes components off the front of a key.
#[derive(Clone, Debug)]
pub struct KeyReader<'a> {
    rest: &'a [u8],
    /// 0xff inside a [`Desc`], else 0.
    mask: u8,
}

impl<'a> KeyReader<'a> {
    pub fn new(key: &'a [u8]) -> KeyReader<'a> {
        KeyReader { rest: key, mask: 0 }
    }

    /// Takes `N` bytes as they are.
    pub fn raw<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (bytes, rest) =
            self.rest.split_first_chunk::<N>().ok_or_else(|| Error::corrupt("a key", "it ends too early"))?;
        self.rest = rest;
        Ok(bytes.map(|byte| byte ^ self.mask))
    }

    fn escaped(&mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        loop {
            let [byte] = self.raw()?;
            if byte != 0 {
                bytes.push(byte);
                continue;
            }
            match self.raw()? {
                [0] => return Ok(bytes),
                [0xff] => bytes.push(0),
                [other] => return Err(Error::corrupt("a key", format!("0x00 is followed by 0x{other:02x}"))),
            }
        }
    }

    /// # Errors
    /// When something is left.
    pub fn finish(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::corrupt("a key", "it goes on past its last component")) }
    }
}

/// Can be part of a key.
pub trait EncodeKey {
    fn encode(&self, key: &mut KeyWriter);
}

/// Can be read back from a key.
pub trait DecodeKey: Sized {
    fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error>;
}

impl<T: EncodeKey + ?Sized> EncodeKey for &T {
    fn encode(&self, key: &mut KeyWriter) {
        (**self).encode(key);
    }
}

macro_rules! unsigned {
    ($($type:ty),*) => {$(
        impl EncodeKey for $type {
            fn encode(&self, key: &mut KeyWriter) {
                key.raw(&self.to_be_bytes());
            }
        }

        impl DecodeKey for $type {
            fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error> {
                key.raw().map(<$type>::from_be_bytes)
            }
        }
    )*};
}
unsigned!(u8, u16, u32, u64, u128);

const SIGN: u64 = 1 << 63;

/// With its sign bit flipped, so that negative numbers come first.
impl EncodeKey for i64 {
    fn encode(&self, key: &mut KeyWriter) {
        (self.cast_unsigned() ^ SIGN).encode(key);
    }
}

impl DecodeKey for i64 {
    fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error> {
        Ok((u64::decode(key)? ^ SIGN).cast_signed())
    }
}

impl EncodeKey for bool {
    fn encode(&self, key: &mut KeyWriter) {
        u8::from(*self).encode(key);
    }
}

impl DecodeKey for bool {
    fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error> {
        match u8::decode(key)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Error::corrupt("a key", format!("{other} is not a boolean"))),
        }
    }
}

impl EncodeKey for Timestamp {
    fn encode(&self, key: &mut KeyWriter) {
        self.0.encode(key);
    }
}

impl DecodeKey for Timestamp {
    fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error> {
        u64::decode(key).map(Timestamp)
    }
}

impl<const N: usize> EncodeKey for [u8; N] {
    fn encode(&self, key: &mut KeyWriter) {
        key.raw(self);
    }
}

impl<const N: usize> DecodeKey for [u8; N] {
    fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error> {
        key.raw()
    }
}

impl EncodeKey for [u8] {
    fn encode(&self, key: &mut KeyWriter) {
        key.escaped(self);
        key.raw(&[0, 0]);
    }
}

impl EncodeKey for str {
    fn encode(&self, key: &mut KeyWriter) {
        self.as_bytes().encode(key);
    }
}

impl EncodeKey for String {
    fn encode(&self, key: &mut KeyWriter) {
        self.as_bytes().encode(key);
    }
}

impl DecodeKey for String {
    fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error> {
        String::from_utf8(key.escaped()?).map_err(|error| Error::corrupt("text in a key", error.to_string()))
    }
}

impl EncodeKey for Vec<u8> {
    fn encode(&self, key: &mut KeyWriter) {
        self.as_slice().encode(key);
    }
}

impl DecodeKey for Vec<u8> {
    fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error> {
        key.escaped()
    }
}

impl EncodeKey for Bytes {
    fn encode(&self, key: &mut KeyWriter) {
        self.as_ref().encode(key);
    }
}

impl DecodeKey for Bytes {
    fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error> {
        key.escaped().map(Bytes::from)
    }
}

/// The beginning of a text or byte component: as the last part of a scan's prefix, it finds every component that
/// begins so. Never part of a stored key.
#[derive(Clone, Copy, Debug)]
pub struct Partial<'a>(pub &'a [u8]);

impl EncodeKey for Partial<'_> {
    fn encode(&self, key: &mut KeyWriter) {
        key.escaped(self.0);
    }
}

/// A component in descending order: the largest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Desc<T>(pub T);

impl<T: Ord> Ord for Desc<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.cmp(&self.0)
    }
}

impl<T: Ord> PartialOrd for Desc<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: EncodeKey> EncodeKey for Desc<T> {
    fn encode(&self, key: &mut KeyWriter) {
        let start = key.0.len();
        self.0.encode(key);
        key.0.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
    }
}

impl<T: DecodeKey> DecodeKey for Desc<T> {
    fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error> {
        key.mask = !key.mask;
        let value = T::decode(key);
        key.mask = !key.mask;
        value.map(Desc)
    }
}

macro_rules! tuple {
    ($($type:ident),*) => {
        #[allow(non_snake_case, unused_variables, reason = "one macro for every length of tuple")]
        impl<$($type: EncodeKey),*> EncodeKey for ($($type,)*) {
            fn encode(&self, key: &mut KeyWriter) {
                let ($($type,)*) = self;
                $($type.encode(key);)*
            }
        }

        #[allow(unused_variables, clippy::unused_unit, reason = "one macro for every length of tuple")]
        impl<$($type: DecodeKey),*> DecodeKey for ($($type,)*) {
            fn decode(key: &mut KeyReader<'_>) -> Result<Self, Error> {
                Ok(($($type::decode(key)?,)*))
            }
        }
    };
}
tuple!();
tuple!(A);
tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);
tuple!(A, B, C, D, E);
tuple!(A, B, C, D, E, F);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(key: &impl EncodeKey) -> Vec<u8> {
        let mut writer = KeyWriter::new();
        key.encode(&mut writer);
        writer.finish()
    }

    fn decode<T: DecodeKey>(bytes: &[u8]) -> Result<T, Error> {
        let mut reader = KeyReader::new(bytes);
        let key = T::decode(&mut reader)?;
        reader.finish().map(|()| key)
    }

    /// Bytes that run into every rule of the escape.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(0), Just(1), Just(0xff), any::<u8>()], 0..6)
    }

    type Key = (Vec<u8>, i64, Desc<Vec<u8>>, bool, Desc<(u16, Vec<u8>)>, [u8; 2]);

    fn key() -> impl Strategy<Value = Key> {
        let small = prop_oneof![-2..2i64, any::<i64>()];
        (bytes(), small, bytes(), any::<bool>(), (0..3u16, bytes()), any::<[u8; 2]>())
            .prop_map(|(a, b, c, d, e, f)| (a, b, Desc(c), d, Desc(e), f))
    }

    proptest! {
        #[test]
        fn keys_keep_their_order_and_round_trip(a in key(), b in key()) {
            prop_assert_eq!(encode(&a).cmp(&encode(&b)), a.cmp(&b));
            prop_assert_eq!(decode::<Key>(&encode(&a))?, a);
        }

        #[test]
        fn a_beginning_of_a_tuple_is_a_prefix_of_its_key(a in key(), b in key()) {
            let same = (&a.0, a.1) == (&b.0, b.1);
            prop_assert_eq!(encode(&b).starts_with(&encode(&(&a.0, a.1))), same);
            prop_assert_eq!(encode(&b).starts_with(&encode(&Partial(&a.0))), b.0.starts_with(&a.0));
        }

        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(key) = decode::<(String, Desc<String>, bool)>(&bytes) {
                prop_assert_eq!(encode(&key), bytes);
            }
        }
    }

    #[test]
    fn the_encoding_is_fixed() {
        let key = ("a\0b", 1u8, -1i64, Desc("z"), Timestamp(258));
        let golden = b"a\0\xffb\0\0\x01\x7f\xff\xff\xff\xff\xff\xff\xff\x85\xff\xff\0\0\0\0\0\0\x01\x02";
        assert_eq!(encode(&key), golden);
        assert_eq!(encode(&()), b"");
    }
}
