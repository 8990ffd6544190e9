//! Items as stored bytes, laid out so that one attribute is found by skipping over the others, and so that two values
//! are equal exactly when their bytes are.
//!
//! ```text
//! item    = version:u8 attribute*            sorted by name
//! attribute = varint name  value
//! value   = tag:u8                           TRUE FALSE NULL
//!         | tag:u8 varint bytes              S N B SS NS BS
//!         | tag:u8 u32(little endian) bytes  L: value*   M: attribute*
//! set     = (varint bytes)*                  sorted
//! number  = Number::encode
//! ```

use std::str;

use bytes::Bytes;

use crate::number::Number;
use crate::value::{Item, Kind, Value};

/// The first byte of every stored item. A reader of a later version must still read this one.
const VERSION: u8 = 1;

const TAG_S: u8 = 1;
const TAG_N: u8 = 2;
const TAG_B: u8 = 3;
const TAG_SS: u8 = 4;
const TAG_NS: u8 = 5;
const TAG_BS: u8 = 6;
const TAG_L: u8 = 7;
const TAG_M: u8 = 8;
const TAG_TRUE: u8 = 9;
const TAG_FALSE: u8 = 10;
const TAG_NULL: u8 = 11;

/// Writes an item's bytes. Attributes must arrive sorted by name.
pub struct Encoder(Vec<u8>);

/// A list or map whose length is filled in when it is closed.
#[must_use]
pub struct Open(usize);

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder(vec![VERSION])
    }
}

impl Encoder {
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    pub fn name(&mut self, name: &str) {
        self.bytes(name.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.varint(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn varint(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Copies a value from another item as it is.
    pub fn copy(&mut self, value: ValueRef<'_>) {
        self.0.push(value.tag);
        match value.tag {
            TAG_TRUE | TAG_FALSE | TAG_NULL => {}
            TAG_L | TAG_M => {
                let open = self.reserve();
                self.0.extend_from_slice(value.bytes);
                self.close(open);
            }
            _ => self.bytes(value.bytes),
        }
    }

    pub fn open_list(&mut self) -> Open {
        self.0.push(TAG_L);
        self.reserve()
    }

    pub fn open_map(&mut self) -> Open {
        self.0.push(TAG_M);
        self.reserve()
    }

    fn reserve(&mut self) -> Open {
        let at = self.0.len();
        self.0.extend_from_slice(&[0; 4]);
        Open(at)
    }

    pub fn close(&mut self, open: Open) {
        let start = open.0 + 4;
        // Requests are megabytes at most: the length fits.
        let length = (self.0.len().saturating_sub(start) as u32).to_le_bytes();
        if let Some(place) = self.0.get_mut(open.0..start) {
            place.copy_from_slice(&length);
        }
    }

    /// Takes back what was written since [`Encoder::mark`] gave `mark`.
    pub fn rewind(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    /// Where the next byte goes.
    pub fn mark(&self) -> usize {
        self.0.len()
    }

    fn scalar(&mut self, tag: u8, bytes: &[u8]) {
        self.0.push(tag);
        self.bytes(bytes);
    }

    fn set<'v>(&mut self, tag: u8, elements: impl Iterator<Item = &'v [u8]> + Clone) {
        self.0.push(tag);
        self.varint(elements.clone().map(|element| varint_length(element.len()) + element.len()).sum());
        elements.for_each(|element| self.bytes(element));
    }

    pub fn value(&mut self, value: &Value) {
        match value {
            Value::S(text) => self.scalar(TAG_S, text.as_bytes()),
            Value::N(number) => {
                let mut bytes = Vec::with_capacity(24);
                number.encode(&mut bytes);
                self.scalar(TAG_N, &bytes);
            }
            Value::B(bytes) => self.scalar(TAG_B, bytes),
            Value::Bool(true) => self.0.push(TAG_TRUE),
            Value::Bool(false) => self.0.push(TAG_FALSE),
            Value::Null => self.0.push(TAG_NULL),
            Value::L(values) => {
                let open = self.open_list();
                values.iter().for_each(|value| self.value(value));
                self.close(open);
            }
            Value::M(values) => {
                let open = self.open_map();
                self.attributes(values);
                self.close(open);
            }
            Value::Ss(set) => self.set(TAG_SS, set.iter().map(String::as_bytes)),
            Value::Bs(set) => self.set(TAG_BS, set.iter().map(Vec::as_slice)),
            Value::Ns(set) => {
                let encoded: Vec<Vec<u8>> = set.iter().map(|number| number_bytes(*number)).collect();
                self.set(TAG_NS, encoded.iter().map(Vec::as_slice));
            }
        }
    }

    fn attributes(&mut self, item: &Item) {
        for (name, value) in item {
            self.name(name);
            self.value(value);
        }
    }
}

fn number_bytes(number: Number) -> Vec<u8> {
    let mut bytes = Vec::new();
    number.encode(&mut bytes);
    bytes
}

fn varint_length(mut number: usize) -> usize {
    let mut length = 1;
    while number >= 0x80 {
        number >>= 7;
        length += 1;
    }
    length
}

/// An item's stored bytes.
pub fn encode_item(item: &Item) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.attributes(item);
    encoder.finish()
}

/// A value alone, as bytes that [`ValueRef::parse`] reads.
pub fn encode_value(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder(Vec::new());
    encoder.value(value);
    encoder.finish()
}

/// An item read in place. Bytes that were not written by [`Encoder`] read as absent attributes, never as a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemRef<'a>(&'a [u8]);

impl<'a> ItemRef<'a> {
    /// An item without attributes.
    pub const EMPTY: ItemRef<'static> = ItemRef(&[]);

    /// `None` when the bytes are of a version this reader does not know.
    pub fn parse(bytes: &'a [u8]) -> Option<ItemRef<'a>> {
        match bytes.split_first() {
            Some((&VERSION, attributes)) => Some(ItemRef(attributes)),
            _ => None,
        }
    }

    pub fn get(self, name: &str) -> Option<ValueRef<'a>> {
        let mut reader = Reader(self.0);
        while let Some(found) = reader.bytes() {
            match found.cmp(name.as_bytes()) {
                std::cmp::Ordering::Less => reader.value()?,
                std::cmp::Ordering::Equal => return reader.value(),
                std::cmp::Ordering::Greater => return None,
            };
        }
        None
    }

    /// Attributes in the order of their names.
    pub fn iter(self) -> Attributes<'a> {
        Attributes(Reader(self.0))
    }

    pub fn to_item(self) -> Item {
        self.iter().map(|(name, value)| (name.to_string(), value.to_value())).collect()
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// A value read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueRef<'a> {
    tag: u8,
    bytes: &'a [u8],
}

impl<'a> ValueRef<'a> {
    pub fn parse(bytes: &'a [u8]) -> Option<ValueRef<'a>> {
        Reader(bytes).value()
    }

    pub fn kind(self) -> Kind {
        match self.tag {
            TAG_S => Kind::S,
            TAG_N => Kind::N,
            TAG_B => Kind::B,
            TAG_SS => Kind::Ss,
            TAG_NS => Kind::Ns,
            TAG_BS => Kind::Bs,
            TAG_L => Kind::L,
            TAG_M => Kind::M,
            TAG_NULL => Kind::Null,
            _ => Kind::Bool,
        }
    }

    /// The bytes of a string or binary, or a number's sorting form: what comparisons compare.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The text of a string; empty for other kinds.
    pub fn text(self) -> &'a str {
        str::from_utf8(self.bytes).unwrap_or_default()
    }

    /// The value of a number; zero for other kinds.
    pub fn number(self) -> Number {
        decode_number(self.bytes)
    }

    pub fn is_true(self) -> bool {
        self.tag == TAG_TRUE
    }

    /// The elements of a list.
    pub fn list(self) -> impl Iterator<Item = ValueRef<'a>> {
        let mut reader = Reader(if self.tag == TAG_L { self.bytes } else { &[] });
        std::iter::from_fn(move || reader.value())
    }

    /// The attributes of a map.
    pub fn map(self) -> ItemRef<'a> {
        ItemRef(if self.tag == TAG_M { self.bytes } else { &[] })
    }

    /// The elements of a set, as their bytes.
    pub fn set(self) -> impl Iterator<Item = &'a [u8]> {
        let mut reader = Reader(if self.kind().is_set() { self.bytes } else { &[] });
        std::iter::from_fn(move || reader.bytes())
    }

    pub fn to_value(self) -> Value {
        match self.kind() {
            Kind::S => Value::S(self.text().to_string()),
            Kind::N => Value::N(self.number()),
            Kind::B => Value::B(self.bytes.to_vec()),
            Kind::Bool => Value::Bool(self.is_true()),
            Kind::Null => Value::Null,
            Kind::L => Value::L(self.list().map(ValueRef::to_value).collect()),
            Kind::M => Value::M(self.map().to_item()),
            Kind::Ss => {
                Value::Ss(self.set().map(|text| str::from_utf8(text).unwrap_or_default().to_string()).collect())
            }
            Kind::Ns => Value::Ns(self.set().map(decode_number).collect()),
            Kind::Bs => Value::Bs(self.set().map(<[u8]>::to_vec).collect()),
        }
    }
}

/// A number from its sorting form.
pub fn decode_number(bytes: &[u8]) -> Number {
    Number::decode(bytes).map_or(Number::ZERO, |(number, _)| number)
}

/// See [`ItemRef::iter`].
pub struct Attributes<'a>(Reader<'a>);

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, ValueRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = str::from_utf8(self.0.bytes()?).ok()?;
        Some((name, self.0.value()?))
    }
}

/// An item's bytes, owned: as they are stored, and as they are answered without being decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredItem(Bytes);

impl StoredItem {
    pub fn new(item: &Item) -> StoredItem {
        StoredItem(encode_item(item).into())
    }

    /// Of what an [`Encoder`] wrote.
    pub fn of(encoder: Encoder) -> StoredItem {
        StoredItem(encoder.finish().into())
    }

    /// Equal items have equal bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn view(&self) -> ItemRef<'_> {
        ItemRef::parse(&self.0).unwrap_or(ItemRef::EMPTY)
    }

    /// With only the attributes that are `wanted`.
    pub fn only(&self, wanted: impl Fn(&str) -> bool) -> StoredItem {
        let mut encoder = Encoder::default();
        for (name, value) in self.view().iter().filter(|(name, _)| wanted(name)) {
            encoder.name(name);
            encoder.copy(value);
        }
        StoredItem::of(encoder)
    }
}

impl kv::Stored for StoredItem {
    fn to_bytes(&self) -> Result<Bytes, kv::Error> {
        Ok(self.0.clone())
    }

    fn from_bytes(bytes: &Bytes) -> Result<StoredItem, kv::Error> {
        match ItemRef::parse(bytes) {
            Some(_) => Ok(StoredItem(bytes.clone())),
            None => Err(kv::unknown_version("an item", bytes.first().copied())),
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?;
        self.take(length)
    }

    fn value(&mut self) -> Option<ValueRef<'a>> {
        let tag = self.byte()?;
        let bytes = match tag {
            TAG_TRUE | TAG_FALSE | TAG_NULL => &[],
            TAG_L | TAG_M => {
                let length = self.take(4)?.try_into().ok()?;
                self.take(u32::from_le_bytes(length) as usize)?
            }
            TAG_S | TAG_N | TAG_B | TAG_SS | TAG_NS | TAG_BS => self.bytes()?,
            _ => return None,
        };
        Some(ValueRef { tag, bytes })
    }
}

/// Random items for the crate's property tests.
#[cfg(test)]
pub mod arbitrary {
    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    pub fn number() -> impl Strategy<Value = Number> {
        (-20i64..20, -2i64..3).prop_map(|(digits, exponent)| format!("{digits}e{exponent}").parse().unwrap())
    }

    /// Few distinct names and values, so that comparisons often meet.
    pub fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            "[ab]{0,3}".prop_map(Value::S),
            number().prop_map(Value::N),
            vec(0u8..3, 0..3).prop_map(Value::B),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
            btree_set("[ab]{0,2}", 1..3).prop_map(Value::Ss),
            btree_set(number(), 1..3).prop_map(Value::Ns),
            btree_set(vec(0u8..3, 0..2), 1..3).prop_map(Value::Bs),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![vec(inner.clone(), 0..3).prop_map(Value::L), btree_map("[a-c]", inner, 0..3).prop_map(Value::M)]
        })
    }

    pub fn item() -> impl Strategy<Value = Item> {
        btree_map("[a-d]", value(), 0..4)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_bytes() {
        let item: Item = [
            ("b".to_string(), Value::Bool(true)),
            ("l".to_string(), Value::L(vec![Value::Null, Value::S("hé".into())])),
            ("m".to_string(), Value::M([("x".to_string(), Value::B(vec![0, 255]))].into())),
            ("n".to_string(), Value::N("42".parse().unwrap())),
            ("ns".to_string(), Value::Ns(["-1.5".parse().unwrap(), Number::ZERO].into())),
            ("ss".to_string(), Value::Ss(["a".to_string(), "bc".to_string()].into())),
        ]
        .into();
        let bytes = encode_item(&item);
        let golden = b"\x01\x01b\x09\x01l\x07\x06\0\0\0\x0b\x01\x03h\xc3\xa9\x01m\x08\x06\0\0\0\x01x\x03\x02\0\xff\
            \x01n\x02\x04\x03\x83\x2b\0\x02ns\x05\x07\x04\x01\x7d\xef\xff\x01\x02\x02ss\x04\x05\x01a\x02bc";
        assert_eq!(bytes, golden);
        assert_eq!(ItemRef::parse(&bytes).unwrap().to_item(), item);
    }

    #[test]
    fn unknown_versions_are_refused() {
        assert_eq!(ItemRef::parse(&[2]), None);
        assert_eq!(ItemRef::parse(&[]), None);
    }

    proptest! {
        #[test]
        fn items_round_trip(item in arbitrary::item(), other in arbitrary::item()) {
            let (bytes, others) = (encode_item(&item), encode_item(&other));
            let view = ItemRef::parse(&bytes).unwrap();
            prop_assert_eq!(&view.to_item(), &item);
            prop_assert_eq!(bytes == others, item == other);
            for name in ["a", "b", "c", "d", "zz", ""] {
                prop_assert_eq!(view.get(name).map(ValueRef::to_value), item.get(name).cloned());
            }
            let mut copy = Encoder::default();
            for (name, value) in view.iter() {
                copy.name(name);
                copy.copy(value);
            }
            prop_assert_eq!(copy.finish(), bytes);
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(0u8..14, 0..40)) {
            if let Some(item) = ItemRef::parse(&bytes) {
                item.to_item();
            }
            if let Some(value) = ValueRef::parse(&bytes) {
                value.to_value();
            }
        }
    }
}
