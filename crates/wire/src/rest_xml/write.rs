//! From an answer's tree to a document.

use bytes::Bytes;

use crate::query::{Flat, Names, escape};
use crate::scalar::to_base64;
use crate::value::{Members, Value};

/// The namespace of attributes such as `xsi:type`.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A document whose one element is called `root`.
pub(super) fn write(root: &str, xmlns: &str, content: Value<'_>, names: &Names) -> Bytes {
    let mut xml = String::with_capacity(512);
    xml.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let attributes = if xmlns.is_empty() { String::new() } else { format!(" xmlns=\"{xmlns}\"") };
    element(root, &attributes, content, names, &mut xml);
    xml.into()
}

fn element(name: &str, attributes: &str, content: Value<'_>, names: &Names, xml: &mut String) {
    xml.push('<');
    xml.push_str(name);
    xml.push_str(attributes);
    let members = match content {
        Value::Map(members) | Value::Entries(members) => members,
        scalar => {
            xml.push('>');
            text(&scalar, xml);
            return close(name, xml);
        }
    };
    // A member whose name has a prefix is an attribute.
    let (prefixed, members): (Members<'_>, Members<'_>) = members.into_iter().partition(|(name, _)| name.contains(':'));
    for (name, value) in prefixed.iter().filter(|(_, value)| *value != Value::Null) {
        xml.push_str(&format!(" xmlns:xsi=\"{XSI}\" {name}=\""));
        text(value, xml);
        xml.push('"');
    }
    xml.push('>');
    for (member_name, value) in members {
        member(name, &member_name, value, names, xml);
    }
    close(name, xml);
}

fn close(name: &str, xml: &mut String) {
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

fn member(parent: &str, name: &str, value: Value<'_>, names: &Names, xml: &mut String) {
    match (names.flat_in(parent, name), value) {
        (_, Value::Null) => {}
        (Some(Flat::Wrapped(item)), Value::List(elements)) => {
            xml.push('<');
            xml.push_str(name);
            xml.push('>');
            elements.into_iter().for_each(|value| element(item, "", value, names, xml));
            close(name, xml);
        }
        (flat, Value::List(elements)) => {
            let item = flat.map_or(name, |flat| flat.name());
            elements.into_iter().for_each(|value| element(item, "", value, names, xml));
        }
        (_, value) => element(name, "", value, names, xml),
    }
}

fn text(value: &Value<'_>, xml: &mut String) {
    match value {
        Value::Null | Value::List(_) | Value::Map(_) | Value::Entries(_) => {}
        Value::Bool(value) => xml.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => xml.push_str(&number.to_string()),
        Value::Uint(number) => xml.push_str(&number.to_string()),
        Value::Float(number) => xml.push_str(&number.to_string()),
        Value::Text(text) | Value::Loose(text) => escape(text, xml),
        Value::Bytes(bytes) => xml.push_str(&to_base64(bytes)),
        Value::Moment(moment) => xml.push_str(&moment.iso8601()),
    }
}
