//! From a document to the tree that the other protocols share, with members as operations name them.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::error::DecodeError;
use crate::query::{Flat, Names};
use crate::value::{Members, Value};

/// How deep elements may nest, which bounds recursion.
const DEPTH_MAX: usize = 32;

/// An element on its way to a value.
#[derive(Debug, Default)]
struct Node {
    name: String,
    text: String,
    children: Vec<Node>,
}

/// Reads a document: the value of its one element, whatever that is called.
pub(super) fn parse(document: &[u8], names: &Names) -> Result<Value<'static>, DecodeError> {
    let text = str::from_utf8(document).map_err(|_| DecodeError::whole("The document is not UTF-8"))?;
    Ok(value(tree(text)?, names))
}

fn tree(text: &str) -> Result<Node, DecodeError> {
    let broken =
        |error: &dyn std::fmt::Display| DecodeError::whole(format!("The document is not well-formed: {error}"));
    let mut reader = Reader::from_str(text);
    // The last is the innermost element that is open; the first stands for the document.
    let mut open = vec![Node::default()];
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(start) if open.len() > DEPTH_MAX => {
                return Err(broken(&format_args!("{:?} is nested too deep", start.name())));
            }
            Event::Start(start) => open.push(node(&start).map_err(|error| broken(&error))?),
            Event::Empty(start) => {
                let node = node(&start).map_err(|error| broken(&error))?;
                last(&mut open).children.push(node);
            }
            Event::End(_) => {
                let Some(node) = open.pop().filter(|_| !open.is_empty()) else {
                    return Err(broken(&"an element ends that did not begin"));
                };
                last(&mut open).children.push(node);
            }
            Event::Text(text) => last(&mut open).text += &text.xml10_content().map_err(|error| broken(&error))?,
            Event::CData(text) => last(&mut open).text += &text.decode().map_err(|error| broken(&error))?,
            Event::GeneralRef(reference) => {
                let character = resolve(&reference).ok_or_else(|| broken(&"an entity is not known"))?;
                last(&mut open).text += &character;
            }
            // Entities are not defined by whoever sends a document.
            Event::DocType(_) => return Err(broken(&"a document type is not taken")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    let document = open.pop().filter(|_| open.is_empty()).map(|document| document.children);
    match document.map(|mut elements| (elements.pop(), elements.is_empty())) {
        Some((Some(root), true)) => Ok(root),
        _ => Err(broken(&"it is not one element")),
    }
}

/// The innermost open element. There is one from the start.
fn last(open: &mut Vec<Node>) -> &mut Node {
    if open.is_empty() {
        open.push(Node::default());
    }
    let end = open.len() - 1;
    &mut open[end]
}

/// An element that begins. Its attributes are children with their whole name (`xsi:type`), but for namespaces.
fn node(start: &BytesStart<'_>) -> Result<Node, quick_xml::Error> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut node = Node { name: text(start.local_name().as_ref()), ..Node::default() };
    for attribute in start.attributes() {
        let attribute = attribute?;
        let name = text(attribute.key.as_ref());
        if name != "xmlns" && !name.starts_with("xmlns:") {
            node.children.push(Node { name, text: text(&attribute.value), children: Vec::new() });
        }
    }
    Ok(node)
}

fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    if reference.is_char_ref() {
        return reference.resolve_char_ref().ok()?.map(String::from);
    }
    resolve_predefined_entity(&reference.decode().ok()?).map(str::to_owned)
}

fn value(node: Node, names: &Names) -> Value<'static> {
    if node.children.is_empty() {
        return Value::Loose(node.text.into());
    }
    let Node { name: parent, children, .. } = node;
    let mut members: Members<'static> = Vec::with_capacity(children.len());
    for child in children {
        if let Some(member) = names.listed_as(&child.name) {
            let element = value(child, names);
            match members.iter_mut().find(|(name, _)| name == member) {
                Some((_, Value::List(elements))) => elements.push(element),
                _ => members.push((Cow::Borrowed(member), Value::List(vec![element]))),
            }
            continue;
        }
        let name = child.name.clone();
        let content = match names.flat_in(&parent, &name) {
            Some(Flat::Wrapped(item)) => {
                let items = child.children.into_iter().filter(|node| node.name == *item);
                Value::List(items.map(|node| value(node, names)).collect())
            }
            _ => value(child, names),
        };
        members.push((Cow::Owned(name), content));
    }
    Value::Map(members)
}
