//! Answers of the Query protocol as JSON: what its services say to clients that accept nothing but JSON, as API Gateway is one.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// How deep elements may nest.
const DEPTH_MAX: usize = 64;
/// What elements of lists are called.
const MEMBER: &str = "member";

#[derive(Default)]
struct Element {
    name: String,
    text: String,
    children: Map<String, Value>,
}

impl Element {
    fn add(&mut self, name: String, value: Value) {
        match self.children.get_mut(&name) {
            None => drop(self.children.insert(name, value)),
            Some(Value::Array(items)) => items.push(value),
            // One that comes again is a list.
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }

    fn value(mut self) -> Value {
        if self.children.is_empty() {
            return Value::String(self.text);
        }
        match (self.children.len(), self.children.remove(MEMBER)) {
            (1, Some(Value::Array(items))) => Value::Array(items),
            (1, Some(one)) => Value::Array(vec![one]),
            (_, Some(member)) => {
                self.children.insert(MEMBER.into(), member);
                Value::Object(self.children)
            }
            (_, None) => Value::Object(self.children),
        }
    }
}

/// `None` for what is no document.
pub fn of_xml(document: &[u8]) -> Option<Value> {
    let mut reader = Reader::from_str(str::from_utf8(document).ok()?);
    let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // The last is the innermost element that is open; the first stands for the document.
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(_) if open.len() > DEPTH_MAX => return None,
            Event::Start(start) => {
                open.push(Element { name: name(start.local_name().as_ref()), ..Element::default() });
            }
            Event::Empty(start) => open.last_mut()?.add(name(start.local_name().as_ref()), Value::Null),
            Event::End(_) => {
                let mut ended = open.pop()?;
                let name = std::mem::take(&mut ended.name);
                open.last_mut()?.add(name, ended.value());
            }
            Event::Text(text) => open.last_mut()?.text += &text.xml10_content().ok()?,
            Event::CData(text) => open.last_mut()?.text += &text.decode().ok()?,
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => resolve_predefined_entity(&reference.decode().ok()?)?.to_owned(),
                };
                open.last_mut()?.text += &character;
            }
            Event::DocType(_) => return None,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    let document = open.pop().filter(|_| open.is_empty())?;
    Some(Value::Object(document.children))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_become_objects() {
        let document =
            br#"<?xml version="1.0"?><R xmlns="x"><A>1 &amp; &#50;</A><L><member>a</member><member>b</member></L>
            <One><member><K>v</K></member></One><M><X>1</X></M><M><X>2</X></M><E/></R>"#;
        let expected = json!({"R": {"A": "1 & 2", "L": ["a", "b"], "One": [{"K": "v"}], "M": [{"X": "1"}, {"X": "2"}], "E": null}});
        assert_eq!(of_xml(document), Some(expected));
        for document in ["<a", "<a></b>", "</a>", "<!DOCTYPE a><a/>", "<a>&x;</a>"] {
            assert_eq!(of_xml(document.as_bytes()), None, "{document}");
        }
        assert_eq!(of_xml("<a>".repeat(100).as_bytes()), None);
    }
}
