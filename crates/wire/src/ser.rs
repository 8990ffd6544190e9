//! From an operation's output to a document tree, for the protocols that write one.

use std::borrow::Cow;

use base::Timestamp;
use serde::ser::{self, Error, Serialize, Serializer};

use crate::error::EncodeError;
use crate::scalar::DATE_TIME;
use crate::value::{Members, Value};

pub(crate) fn to_value<T: Serialize + ?Sized>(output: &T) -> Result<Value<'static>, EncodeError> {
    output.serialize(Ser)
}

struct Ser;

type Written = Result<Value<'static>, EncodeError>;

fn variant_of(variant: &'static str, content: Value<'static>) -> Value<'static> {
    Value::Map(vec![(Cow::Borrowed(variant), content)])
}

fn moment(seconds: f64) -> Value<'static> {
    // A cast from float to integer saturates.
    Value::Moment(Timestamp((seconds * 1000.0).round() as u64))
}

impl Serializer for Ser {
    type Ok = Value<'static>;
    type Error = EncodeError;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Entries;
    type SerializeStruct = Struct;
    type SerializeStructVariant = Struct;

    /// Blobs stay bytes.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Written {
        Ok(Value::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Written {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i16(self, value: i16) -> Written {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i32(self, value: i32) -> Written {
        Ok(Value::Int(value.into()))
    }

    fn serialize_i64(self, value: i64) -> Written {
        Ok(Value::Int(value))
    }

    fn serialize_u8(self, value: u8) -> Written {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u16(self, value: u16) -> Written {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u32(self, value: u32) -> Written {
        Ok(Value::Int(value.into()))
    }

    fn serialize_u64(self, value: u64) -> Written {
        Ok(Value::uint(value))
    }

    fn serialize_f32(self, value: f32) -> Written {
        Ok(Value::Float(value.into()))
    }

    fn serialize_f64(self, value: f64) -> Written {
        Ok(Value::Float(value))
    }

    fn serialize_char(self, value: char) -> Written {
        Ok(Value::Text(value.to_string().into()))
    }

    fn serialize_str(self, value: &str) -> Written {
        Ok(Value::Text(Cow::Owned(value.into())))
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        Ok(Value::Bytes(value.into()))
    }

    fn serialize_none(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        Ok(Value::Map(Vec::new()))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        Ok(Value::Text(Cow::Borrowed(variant)))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Written {
        let value = value.serialize(self)?;
        Ok(match value {
            Value::Int(seconds) if name == DATE_TIME => moment(seconds as f64),
            Value::Float(seconds) if name == DATE_TIME => moment(seconds),
            value => value,
        })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        Ok(variant_of(variant, value.serialize(self)?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<List, EncodeError> {
        Ok(List { variant: None, elements: Vec::with_capacity(length.unwrap_or(0)) })
    }

    fn serialize_tuple(self, length: usize) -> Result<List, EncodeError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List, EncodeError> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<List, EncodeError> {
        Ok(List { variant: Some(variant), elements: Vec::with_capacity(length) })
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Entries, EncodeError> {
        Ok(Entries { key: None, entries: Vec::with_capacity(length.unwrap_or(0)) })
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Struct, EncodeError> {
        Ok(Struct { variant: None, members: Vec::with_capacity(length) })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Struct, EncodeError> {
        Ok(Struct { variant: Some(variant), members: Vec::with_capacity(length) })
    }
}

struct List {
    variant: Option<&'static str>,
    elements: Vec<Value<'static>>,
}

macro_rules! list {
    ($trait:ident $method:ident) => {
        impl ser::$trait for List {
            type Ok = Value<'static>;
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.elements.push(value.serialize(Ser)?);
                Ok(())
            }

            fn end(self) -> Written {
                let list = Value::List(self.elements);
                Ok(match self.variant {
                    Some(variant) => variant_of(variant, list),
                    None => list,
                })
            }
        }
    };
}
list!(SerializeSeq serialize_element);
list!(SerializeTuple serialize_element);
list!(SerializeTupleStruct serialize_field);
list!(SerializeTupleVariant serialize_field);

struct Struct {
    variant: Option<&'static str>,
    members: Members<'static>,
}

macro_rules! structure {
    ($trait:ident) => {
        impl ser::$trait for Struct {
            type Ok = Value<'static>;
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.members.push((Cow::Borrowed(name), value.serialize(Ser)?));
                Ok(())
            }

            fn end(self) -> Written {
                let members = Value::Map(self.members);
                Ok(match self.variant {
                    Some(variant) => variant_of(variant, members),
                    None => members,
                })
            }
        }
    };
}
structure!(SerializeStruct);
structure!(SerializeStructVariant);

struct Entries {
    key: Option<Cow<'static, str>>,
    entries: Members<'static>,
}

impl ser::SerializeMap for Entries {
    type Ok = Value<'static>;
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.key = Some(match key.serialize(Ser)? {
            Value::Text(key) => key,
            Value::Int(key) => key.to_string().into(),
            other => return Err(EncodeError::custom(format_args!("a map's key is {}", other.kind()))),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let key = self.key.take().ok_or_else(|| EncodeError::custom("a map's value came before its key"))?;
        self.entries.push((key, value.serialize(Ser)?));
        Ok(())
    }

    fn end(self) -> Written {
        Ok(Value::Entries(self.entries))
    }
}
