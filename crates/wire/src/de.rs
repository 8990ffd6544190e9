//! The one deserializer: from a document tree to an operation's input, with the leniency that all protocols share.

use std::borrow::Cow;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor};

use crate::error::{DecodeError, Fault, Step};
use crate::query::{Flat, Names, shape};
use crate::value::{Members, Value};

/// Reads a `T` from the tree. With `names`, lists and maps may have the forms of the Query protocol.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value<'_>, names: Option<&Names>) -> Result<T, DecodeError> {
    T::deserialize(De { value, names, flat: None }).map_err(DecodeError::from)
}

struct De<'de, 'n> {
    value: Value<'de>,
    /// Set in the Query protocol.
    names: Option<&'n Names>,
    /// How the member that holds this value is flattened.
    flat: Option<&'static Flat>,
}

impl<'de, 'n> De<'de, 'n> {
    fn child(&self, value: Value<'de>) -> De<'de, 'n> {
        De { value, names: self.names, flat: None }
    }

    fn mismatch(&self, expected: &str) -> Fault {
        Fault::mismatch(expected, self.value.kind())
    }

    fn integer(&self) -> Option<i128> {
        match &self.value {
            Value::Int(number) => Some(i128::from(*number)),
            Value::Uint(number) => Some(i128::from(*number)),
            // Clients without integers send 1e3; beyond 2^53 a double no longer names one whole number.
            Value::Float(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
                Some(*number as i128)
            }
            Value::Loose(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match &self.value {
            Value::Int(number) => Some(*number as f64),
            Value::Uint(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Loose(text) => text.trim().parse().ok(),
            // JSON has no numbers for these; AWS writes them as text.
            Value::Text(text) if matches!(&**text, "NaN" | "Infinity" | "-Infinity") => text.parse().ok(),
            _ => None,
        }
    }

    /// The members that `fields` asks for, once each: JSON keeps the last of duplicates, as AWS's parsers do.
    fn members(self, fields: &'static [&'static str]) -> Result<Vec<(&'static str, De<'de, 'n>)>, Fault> {
        let (names, mismatch) = (self.names, self.mismatch("an object"));
        let mut entries = match self.value {
            Value::Map(entries) => entries,
            Value::Loose(text) if text.is_empty() => Vec::new(),
            _ => return Err(mismatch),
        };
        let mut members = Vec::with_capacity(fields.len().min(entries.len()));
        if let Some(names) = names {
            for field in fields {
                let flat = names.flat(field);
                let found = flat.and_then(|flat| take(&mut entries, flat.name())).or_else(|| take(&mut entries, field));
                members.extend(found.map(|value| (*field, De { value, names: Some(names), flat })));
            }
            return Ok(members);
        }
        for (name, value) in entries.into_iter().rev() {
            let Some(field) = fields.iter().find(|field| **field == name) else { continue };
            if value != Value::Null && !members.iter().any(|(known, _)| known == field) {
                members.push((*field, De { value, names: None, flat: None }));
            }
        }
        members.reverse();
        Ok(members)
    }

    /// The entries of a map; those that are null count as absent.
    fn entries(self) -> Result<Members<'de>, Fault> {
        let mismatch = self.mismatch("an object");
        match self.value {
            Value::Map(entries) if self.names.is_some() => shape::entries(entries, self.flat),
            Value::Map(entries) => Ok(entries.into_iter().filter(|(_, value)| *value != Value::Null).collect()),
            Value::Loose(text) if text.is_empty() => Ok(Vec::new()),
            _ => Err(mismatch),
        }
    }

    fn elements(self) -> Result<Vec<Value<'de>>, Fault> {
        let mismatch = self.mismatch("a list");
        match self.value {
            Value::List(elements) => Ok(elements),
            Value::Map(entries) if self.names.is_some() => shape::elements(entries).ok_or(mismatch),
            Value::Loose(text) if text.is_empty() => Ok(Vec::new()),
            // `?tagKeys=a`: one value where several could be.
            Value::Loose(text) => Ok(vec![Value::Loose(text)]),
            _ => Err(mismatch),
        }
    }
}

/// Takes the member out of `entries` by name.
fn take<'a>(entries: &mut Members<'a>, name: &str) -> Option<Value<'a>> {
    let index = entries.iter().position(|(known, _)| known == name)?;
    Some(entries.swap_remove(index).1)
}

fn visit_text<'de, V: Visitor<'de>>(text: Cow<'de, str>, visitor: V) -> Result<V::Value, Fault> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ident,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.integer().map($type::try_from) {
                Some(Ok(number)) => visitor.$visit(number),
                Some(Err(_)) => Err(Fault::mismatch(
                    format!("a whole number from {} to {}", $type::MIN, $type::MAX),
                    "a number out of range",
                )),
                None => Err(self.mismatch("a whole number")),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for De<'de, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Int(number) => visitor.visit_i64(number),
            Value::Uint(number) => visitor.visit_u64(number),
            Value::Float(number) => visitor.visit_f64(number),
            Value::Text(text) | Value::Loose(text) => visit_text(text, visitor),
            Value::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Value::Moment(moment) => visitor.visit_f64(moment.as_secs_f64()),
            Value::List(elements) => visitor.visit_seq(Elements::new(elements, self.names)),
            // A document keeps its nulls.
            Value::Map(entries) | Value::Entries(entries) => visitor.visit_map(Entries::new(entries, self.names)),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Loose(text) if text == "true" => visitor.visit_bool(true),
            Value::Loose(text) if text == "false" => visitor.visit_bool(false),
            _ => Err(self.mismatch("a boolean")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.float().ok_or_else(|| self.mismatch("a number")).and_then(|number| visitor.visit_f64(number))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Text(text) | Value::Loose(text) => visit_text(text, visitor),
            _ => Err(self.mismatch("a string")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null | Value::Map(_) => visitor.visit_unit(),
            _ => Err(self.mismatch("an object")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let names = self.names;
        visitor.visit_seq(Elements::new(self.elements()?, names))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let names = self.names;
        visitor.visit_map(Entries::new(self.entries()?, names))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(Fields { members: self.members(fields)?.into_iter(), next: None })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let child = self.child(Value::Null);
        match self.value {
            Value::Text(text) | Value::Loose(text) => visitor.visit_enum(Choice { variant: text, content: child }),
            Value::Map(_) => {
                let mut entries = self.entries()?.into_iter();
                match (entries.next(), entries.next()) {
                    (Some((variant, value)), None) => {
                        visitor.visit_enum(Choice { variant, content: De { value, ..child } })
                    }
                    (None, _) => Err(Fault::mismatch("exactly one member", "none")),
                    (Some(_), Some(_)) => Err(Fault::mismatch("exactly one member", "several")),
                }
            }
            _ => Err(self.mismatch("a string or an object")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }
}

/// The members of a struct.
struct Fields<'de, 'n> {
    members: std::vec::IntoIter<(&'static str, De<'de, 'n>)>,
    next: Option<(&'static str, De<'de, 'n>)>,
}

impl<'de> de::MapAccess<'de> for Fields<'de, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.next = self.members.next();
        let Some((name, _)) = self.next else { return Ok(None) };
        seed.deserialize(de::value::BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (name, de) = self.next.take().ok_or_else(|| Fault::custom("a member was read twice"))?;
        seed.deserialize(de).map_err(|fault| fault.within(Step::Member(name.into())))
    }
}

/// The entries of a map, whose keys are data.
struct Entries<'de, 'n> {
    entries: std::vec::IntoIter<(Cow<'de, str>, Value<'de>)>,
    next: Option<(Cow<'de, str>, Value<'de>)>,
    names: Option<&'n Names>,
}

impl<'de, 'n> Entries<'de, 'n> {
    fn new(entries: Members<'de>, names: Option<&'n Names>) -> Entries<'de, 'n> {
        Entries { entries: entries.into_iter(), next: None, names }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.next = self.entries.next();
        let Some((key, _)) = &self.next else { return Ok(None) };
        seed.deserialize(De { value: Value::Loose(key.clone()), names: self.names, flat: None }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self.next.take().ok_or_else(|| Fault::custom("an entry was read twice"))?;
        seed.deserialize(De { value, names: self.names, flat: None })
            .map_err(|fault| fault.within(Step::Member(key.into_owned())))
    }
}

struct Elements<'de, 'n> {
    elements: std::iter::Enumerate<std::vec::IntoIter<Value<'de>>>,
    names: Option<&'n Names>,
}

impl<'de, 'n> Elements<'de, 'n> {
    fn new(elements: Vec<Value<'de>>, names: Option<&'n Names>) -> Elements<'de, 'n> {
        Elements { elements: elements.into_iter().enumerate(), names }
    }
}

impl<'de> de::SeqAccess<'de> for Elements<'de, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((index, value)) = self.elements.next() else { return Ok(None) };
        seed.deserialize(De { value, names: self.names, flat: None })
            .map(Some)
            .map_err(|fault| fault.within(Step::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.len())
    }
}

/// An enum: a bare name, or an object with one member (`{"S": "text"}`).
struct Choice<'de, 'n> {
    variant: Cow<'de, str>,
    content: De<'de, 'n>,
}

impl<'de, 'n> de::EnumAccess<'de> for Choice<'de, 'n> {
    type Error = Fault;
    type Variant = Content<'de, 'n>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content<'de, 'n>), Fault> {
        let variant = seed.deserialize((&*self.variant).into_deserializer())?;
        Ok((variant, Content { variant: self.variant, de: self.content }))
    }
}

struct Content<'de, 'n> {
    variant: Cow<'de, str>,
    de: De<'de, 'n>,
}

impl<'de> de::VariantAccess<'de> for Content<'de, '_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.de).map_err(|fault| fault.within(Step::Member(self.variant.into_owned())))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.de.deserialize_seq(visitor).map_err(|fault| fault.within(Step::Member(self.variant.into_owned())))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        let variant = self.variant;
        self.de
            .deserialize_struct("", fields, visitor)
            .map_err(|fault| fault.within(Step::Member(variant.into_owned())))
    }
}
