//! XML answers of the Query protocol.

use bytes::Bytes;
use serde::Serialize;

use super::{Flat, Names};
use crate::error::EncodeError;
use crate::scalar::to_base64;
use crate::ser::to_value;
use crate::value::{Members, Value};

/// Writes `<{action}Response><{action}Result>..</..><ResponseMetadata>..</..></..>`. The result is there even when it
/// holds nothing: clients of operations that could answer something insist on it, and others do not look.
pub fn encode<T: Serialize>(
    output: &T,
    action: &str,
    xmlns: &str,
    request_id: &str,
    names: &Names,
) -> Result<Bytes, EncodeError> {
    let mut xml = String::with_capacity(512);
    xml.push_str("<?xml version=\"1.0\"?><");
    xml.push_str(action);
    xml.push_str("Response xmlns=\"");
    escape(xmlns, &mut xml);
    xml.push_str("\">");
    match to_value(output)? {
        Value::Null => {}
        Value::Map(output) => result(action, output, names, &mut xml),
        other => return Err(EncodeError(format!("{action} answers with {}, not a structure", other.kind()))),
    }
    element("ResponseMetadata", &mut xml, |xml| element("RequestId", xml, |xml| escape(request_id, xml)));
    xml.push_str("</");
    xml.push_str(action);
    xml.push_str("Response>");
    Ok(xml.into())
}

/// Clients look for an empty result in its short form, as AWS writes it.
fn result(action: &str, output: Members<'_>, names: &Names, xml: &mut String) {
    let (name, begin) = (format!("{action}Result"), xml.len());
    element(&name, xml, |xml| members(output, names, xml));
    let empty = format!("<{name}></{name}>");
    if xml.get(begin..) == Some(&*empty) {
        xml.truncate(begin);
        xml.push_str(&format!("<{name}/>"));
    }
}

fn element(name: &str, xml: &mut String, content: impl FnOnce(&mut String)) {
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
    content(xml);
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

fn members(members: Members<'_>, names: &Names, xml: &mut String) {
    for (name, value) in members {
        match (names.flat(&name), value) {
            (_, Value::Null) => {}
            (Some(Flat::List(item)), Value::List(elements)) => list(item, elements, names, xml),
            (Some(Flat::Map { name, key, value }), Value::Entries(entries)) => {
                map(name, key, value, entries, names, xml);
            }
            (_, value) => element(&name, xml, |xml| content(value, names, xml)),
        }
    }
}

fn content(value: Value<'_>, names: &Names, xml: &mut String) {
    match value {
        Value::Null => {}
        Value::Bool(value) => xml.push_str(if value { "true" } else { "false" }),
        Value::Int(number) => xml.push_str(&number.to_string()),
        Value::Uint(number) => xml.push_str(&number.to_string()),
        Value::Float(number) => xml.push_str(&number.to_string()),
        Value::Text(text) | Value::Loose(text) => escape(&text, xml),
        Value::Bytes(bytes) => xml.push_str(&to_base64(&bytes)),
        Value::Moment(moment) => xml.push_str(&moment.iso8601()),
        Value::List(elements) => list("member", elements, names, xml),
        Value::Entries(entries) => map("entry", "key", "value", entries, names, xml),
        Value::Map(inner) => members(inner, names, xml),
    }
}

fn list(item: &str, elements: Vec<Value<'_>>, names: &Names, xml: &mut String) {
    for value in elements {
        element(item, xml, |xml| content(value, names, xml));
    }
}

fn map(entry: &str, key: &str, value: &str, entries: Members<'_>, names: &Names, xml: &mut String) {
    for (name, part) in entries {
        element(entry, xml, |xml| {
            element(key, xml, |xml| escape(&name, xml));
            element(value, xml, |xml| content(part, names, xml));
        });
    }
}

/// Appends `text` as XML character data. Characters that XML 1.0 has no form for (most controls) become U+FFFD: one
/// of them would make the whole answer unreadable.
pub fn escape(text: &str, xml: &mut String) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            // A parser would turn a bare carriage return into a line feed.
            '\r' => xml.push_str("&#xD;"),
            '\t' | '\n' => xml.push(character),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => xml.push(char::REPLACEMENT_CHARACTER),
            _ => xml.push(character),
        }
    }
}
