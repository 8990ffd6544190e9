//! Attribute values on the wire: `{"S": "text"}`, `{"M": {..}}`. Binary is base64 text in JSON and bytes in CBOR.
//!
//! What a request got wrong about a value is kept beside it rather than failing the whole parse: AWS reports such
//! mistakes only after others, in an order of its own.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::encoding::{ItemRef, StoredItem, ValueRef, decode_number};
use crate::limits::NESTING_LEVELS_MAX;
use crate::number::{Number, NumberError};
use crate::value::{InvalidValue, Item, Kind, Value};

/// An attribute value of a request, or the first thing that is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueInput(pub Result<Value, InvalidValue>);

/// Attributes by name of a request, or the first thing that is wrong with them.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemInput(pub Result<Item, InvalidValue>);

impl<'de> Deserialize<'de> for ValueInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ValueInput, D::Error> {
        ValueSeed { depth: 0 }.deserialize(deserializer).map(ValueInput)
    }
}

impl<'de> Deserialize<'de> for ItemInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ItemInput, D::Error> {
        MapSeed { depth: 0 }.deserialize(deserializer).map(ItemInput)
    }
}

/// Reads one value; `depth` lists and maps are around it.
#[derive(Clone, Copy)]
struct ValueSeed {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Result<Value, InvalidValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Result<Value, InvalidValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found: Result<Option<Value>, InvalidValue> = Ok(None);
        let mut types = 0;
        while let Some(TypeName(kind)) = map.next_key()? {
            let Some(kind) = kind else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let Some(value) = self.read(kind, &mut map)? else { continue };
            types += 1;
            if let Ok(first) = &mut found {
                match value {
                    Ok(value) => *first = first.take().or(Some(value)),
                    Err(invalid) => found = Err(invalid),
                }
            }
        }
        Ok(match found {
            Err(invalid) => Err(invalid),
            Ok(_) if types > 1 => Err(InvalidValue::SeveralTypes),
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(InvalidValue::Empty),
        })
    }
}

/// The name of a type; `None` for a name that is none.
struct TypeName(Option<Kind>);

/// A number's text, parsed.
struct NumberText(Result<Number, NumberError>);

/// Deserializes from text without keeping a copy of it.
macro_rules! from_text {
    ($type:ident, $expecting:literal, |$text:ident| $read:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                struct Text;

                impl Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, $text: &str) -> Result<$type, E> {
                        Ok($type($read))
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}
from_text!(TypeName, "the name of a type", |text| Kind::parse(text));
from_text!(NumberText, "a number as text", |text| text.parse());

type Read = Option<Result<Value, InvalidValue>>;

impl ValueSeed {
    /// Reads the value of one type; `None` for a JSON null, which counts as absent.
    fn read<'de, A: MapAccess<'de>>(self, kind: Kind, map: &mut A) -> Result<Read, A::Error> {
        let inner = ValueSeed { depth: self.depth + 1 };
        Ok(match kind {
            Kind::S => map.next_value::<Option<String>>()?.map(|text| Ok(Value::S(text))),
            Kind::N => map.next_value::<Option<NumberText>>()?.map(|text| Ok(Value::N(text.0?))),
            Kind::B => map.next_value::<Option<Binary>>()?.map(|binary| Ok(Value::B(binary.0))),
            Kind::Bool => map.next_value::<Option<bool>>()?.map(|value| Ok(Value::Bool(value))),
            Kind::Null => map.next_value::<Option<bool>>()?.map(|value| match value {
                true => Ok(Value::Null),
                false => Err(InvalidValue::NullNotTrue),
            }),
            Kind::L => map.next_value_seed(Nullable(ListSeed(inner)))?.map(|list| list.map(Value::L)),
            Kind::M => map.next_value_seed(Nullable(MapSeed { depth: inner.depth }))?.map(|map| map.map(Value::M)),
            Kind::Ss => map.next_value::<Option<Vec<String>>>()?.map(string_set),
            Kind::Ns => map.next_value::<Option<Vec<String>>>()?.map(number_set),
            Kind::Bs => map.next_value::<Option<Vec<Binary>>>()?.map(binary_set),
        })
    }
}

fn string_set(elements: Vec<String>) -> Result<Value, InvalidValue> {
    if elements.is_empty() {
        return Err(InvalidValue::EmptyStringSet);
    }
    let set: BTreeSet<String> = elements.iter().cloned().collect();
    if set.len() != elements.len() {
        return Err(InvalidValue::DuplicateStrings(elements.join(", ")));
    }
    Ok(Value::Ss(set))
}

fn number_set(elements: Vec<String>) -> Result<Value, InvalidValue> {
    if elements.is_empty() {
        return Err(InvalidValue::EmptyNumberSet);
    }
    let set = elements.iter().map(|text| text.parse()).collect::<Result<BTreeSet<Number>, _>>()?;
    if set.len() != elements.len() {
        return Err(InvalidValue::DuplicateNumbers);
    }
    Ok(Value::Ns(set))
}

fn binary_set(elements: Vec<Binary>) -> Result<Value, InvalidValue> {
    if elements.is_empty() {
        return Err(InvalidValue::EmptyBinarySet);
    }
    let set: BTreeSet<Vec<u8>> = elements.iter().map(|element| element.0.clone()).collect();
    if set.len() != elements.len() {
        let texts: Vec<String> = elements.iter().map(|element| BASE64.encode(&element.0)).collect();
        return Err(InvalidValue::DuplicateBinaries(texts.join(", ")));
    }
    Ok(Value::Bs(set))
}

/// Reads a list whose elements are at this depth.
struct ListSeed(ValueSeed);

impl<'de> DeserializeSeed<'de> for ListSeed {
    type Value = Result<Vec<Value>, InvalidValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.0.depth > NESTING_LEVELS_MAX {
            IgnoredAny::deserialize(deserializer)?;
            return Ok(Err(InvalidValue::TooDeep));
        }
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ListSeed {
    type Value = Result<Vec<Value>, InvalidValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of attribute values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Ok(Vec::new());
        while let Some(value) = seq.next_element_seed(self.0)? {
            match (&mut list, value) {
                (Ok(values), Ok(value)) => values.push(value),
                (Ok(_), Err(invalid)) => list = Err(invalid),
                (Err(_), _) => {}
            }
        }
        Ok(list)
    }
}

/// Reads a map whose values are at this depth.
struct MapSeed {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for MapSeed {
    type Value = Result<Item, InvalidValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.depth > NESTING_LEVELS_MAX {
            IgnoredAny::deserialize(deserializer)?;
            return Ok(Err(InvalidValue::TooDeep));
        }
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MapSeed {
    type Value = Result<Item, InvalidValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of attribute values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut item = Ok(Item::new());
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(ValueSeed { depth: self.depth })?;
            match (&mut item, value) {
                (Ok(attributes), Ok(value)) => {
                    attributes.insert(name, value);
                }
                (Ok(_), Err(invalid)) => item = Err(invalid),
                (Err(_), _) => {}
            }
        }
        Ok(item)
    }
}

/// Reads what the seed reads, or a null.
struct Nullable<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Nullable<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Nullable<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or a map")
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// Bytes, owned.
struct Binary(Vec<u8>);

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Binary, D::Error> {
        wire::Blob::deserialize(deserializer).map(|blob| Binary(blob.0.into()))
    }
}

impl Serialize for ItemRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl Serialize for StoredItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.view().serialize(serializer)
    }
}

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        let name = self.kind().name();
        match self.kind() {
            Kind::S => map.serialize_entry(name, self.text())?,
            Kind::N => map.serialize_entry(name, &Digits(self.number()))?,
            Kind::B => map.serialize_entry(name, &Bytes(self.bytes()))?,
            Kind::Bool => map.serialize_entry(name, &self.is_true())?,
            Kind::Null => map.serialize_entry(name, &true)?,
            Kind::L => map.serialize_entry(name, &List(*self))?,
            Kind::M => map.serialize_entry(name, &self.map())?,
            Kind::Ss | Kind::Ns | Kind::Bs => map.serialize_entry(name, &Set(*self))?,
        }
        map.end()
    }
}

struct Digits(Number);

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&BASE64.encode(self.0))
        } else {
            serializer.serialize_bytes(self.0)
        }
    }
}

struct List<'a>(ValueRef<'a>);

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.list())
    }
}

struct Set<'a>(ValueRef<'a>);

impl Serialize for Set<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.set().count()))?;
        for element in self.0.set() {
            match self.0.kind() {
                Kind::Ns => seq.serialize_element(&Digits(decode_number(element)))?,
                Kind::Bs => seq.serialize_element(&Bytes(element))?,
                _ => seq.serialize_element(std::str::from_utf8(element).unwrap_or_default())?,
            }
        }
        seq.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::encoding::{arbitrary, encode_item};

    fn read(value: serde_json::Value) -> Result<Value, InvalidValue> {
        serde_json::from_str::<ValueInput>(&value.to_string()).unwrap().0
    }

    #[test]
    fn invalid_values_are_named_as_aws_does() {
        for (value, message) in [
            (json!({}), "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
            (json!({"a": ""}), "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
            (
                json!({"S": null}),
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            ),
            (
                json!({"M": {"a": {}}}),
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            ),
            (
                json!({"S": "a", "N": "1"}),
                "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
            ),
            (json!({"S": "a", "N": ""}), "The parameter cannot be converted to a numeric value"),
            (json!({"L": [{"N": "b"}]}), "The parameter cannot be converted to a numeric value: b"),
            (
                json!({"NULL": false}),
                "One or more parameter values were invalid: Null attribute value types must have the value of true",
            ),
            (json!({"SS": []}), "One or more parameter values were invalid: An string set  may not be empty"),
            (json!({"NS": []}), "One or more parameter values were invalid: An number set  may not be empty"),
            (json!({"BS": []}), "One or more parameter values were invalid: Binary sets should not be empty"),
            (
                json!({"SS": ["a", "a"]}),
                "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
            ),
            (json!({"NS": ["1", "1.0"]}), "Input collection contains duplicates"),
            (
                json!({"BS": ["Yg==", "Yg=="]}),
                "One or more parameter values were invalid: Input collection [Yg==, Yg==]of type BS contains duplicates.",
            ),
        ] {
            assert_eq!(read(value.clone()).unwrap_err().to_string(), message, "{value}");
        }
    }

    #[test]
    fn wrong_json_types_fail_the_parse() {
        for text in [
            r#"{"S": 1}"#,
            r#"{"N": 123}"#,
            r#"{"B": "%"}"#,
            r#"{"BOOL": "x"}"#,
            r#"{"SS": "a"}"#,
            r#"{"M": []}"#,
            "[]",
        ] {
            assert!(serde_json::from_str::<ValueInput>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| format!("{}{{\"NULL\":true}}{}", "{\"L\":[".repeat(levels), "]}".repeat(levels));
        let read = |levels| serde_json::from_str::<ValueInput>(&nested(levels)).unwrap().0;
        assert_eq!(read(NESTING_LEVELS_MAX).unwrap().depth(), NESTING_LEVELS_MAX);
        assert_eq!(read(NESTING_LEVELS_MAX + 1), Err(InvalidValue::TooDeep));
        assert_eq!(read(100_000), Err(InvalidValue::TooDeep));
    }

    proptest! {
        #[test]
        fn json_round_trips(item in arbitrary::item()) {
            let bytes = encode_item(&item);
            let json = serde_json::to_string(&ItemRef::parse(&bytes).unwrap()).unwrap();
            prop_assert_eq!(serde_json::from_str::<ItemInput>(&json).unwrap(), ItemInput(Ok(item)));
        }
    }
}
