//! YAML text to a tree, within bounds: aliases and merge keys expanded, CloudFormation's short tags written out.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::{Entry, NODE_WEIGHT, Node, Scalar, Style, Value};
use crate::diagnostic::{At, Diagnostic, File};

/// Levels of nesting: far more than any configuration has, few enough for recursion over a tree.
pub const DEPTH_MAX: usize = 100;
/// [`Node::weight`] of a document with its aliases expanded, so that aliases of aliases cannot fill the memory.
pub const WEIGHT_MAX: usize = 16 << 20;

/// Parses one document. An empty one is null.
pub fn parse(file: &Arc<File>) -> Result<Node, Diagnostic> {
    Builder { file, stack: Vec::new(), anchors: HashMap::new(), weight: 0 }.run()
}

struct Builder<'a> {
    file: &'a Arc<File>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    weight: usize,
}

/// A collection that has begun and not ended.
struct Frame {
    at: At,
    anchor: usize,
    tag: Option<Tag>,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    /// The entries so far, and a key that waits for its value.
    Mapping(Vec<Entry>, Option<(String, At)>),
}

impl Builder<'_> {
    fn run(mut self) -> Result<Node, Diagnostic> {
        let mut parser = Parser::new_from_str(&self.file.text);
        let mut document = None;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.scan_error(&error))?;
            if let Some(node) = self.event(event, span)? {
                if document.is_some() {
                    return Err(Diagnostic::error("a second document begins here: only one is read").at(&node.at));
                }
                document = Some(node);
            }
        }
        Ok(document.unwrap_or_else(|| Node::null(&At::start(self.file))))
    }

    /// Takes one event in; answers the document when it is whole.
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<Option<Node>, Diagnostic> {
        let at = self.at(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
                self.charge(NODE_WEIGHT + text.len(), &at)?;
                let node = Node { value: Value::Scalar(Scalar { text: text.into_owned(), style }), at };
                self.complete(node, anchor, tag.map(|tag| tag.into_owned()))
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(at, anchor, tag.map(|tag| tag.into_owned()), Content::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.open(at, anchor, tag.map(|tag| tag.into_owned()), Content::Mapping(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(Diagnostic::error("this alias is inside the value it stands for").at(&at));
                };
                if self.stack.len() + node.depth() > DEPTH_MAX {
                    return Err(too_deep(&at));
                }
                let node = node.clone();
                self.charge(node.weight(), &at)?;
                self.complete(node, 0, None)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(None)
            }
        }
    }

    fn open(&mut self, at: At, anchor: usize, tag: Option<Tag>, content: Content) -> Result<Option<Node>, Diagnostic> {
        // A tag adds a level: `!Ref x` becomes `{Ref: x}`.
        if self.stack.len() + 2 > DEPTH_MAX {
            return Err(too_deep(&at));
        }
        self.charge(NODE_WEIGHT, &at)?;
        self.stack.push(Frame { at, anchor, tag, content });
        Ok(None)
    }

    fn close(&mut self) -> Result<Option<Node>, Diagnostic> {
        let Some(frame) = self.stack.pop() else { return Ok(None) };
        let value = match frame.content {
            Content::Sequence(items) => Value::Sequence(items),
            Content::Mapping(entries, _) => Value::Mapping(merge(entries)?),
        };
        self.complete(Node { value, at: frame.at }, frame.anchor, frame.tag)
    }

    /// Puts a finished value into the collection around it.
    fn complete(&mut self, node: Node, anchor: usize, tag: Option<Tag>) -> Result<Option<Node>, Diagnostic> {
        let node = apply_tag(node, tag.as_ref())?;
        if anchor != 0 {
            self.charge(node.weight(), &node.at)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.stack.last_mut() else { return Ok(Some(node)) };
        match &mut frame.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping(entries, pending) => match pending.take() {
                Some((key, at)) => entries.push(Entry { key, at, value: node }),
                None => {
                    let Some(scalar) = node.as_scalar() else {
                        return Err(Diagnostic::error("a key must be a text").at(&node.at));
                    };
                    if scalar.text != "<<" && entries.iter().any(|entry| entry.key == scalar.text) {
                        return Err(Diagnostic::error(format!("the key `{}` is here twice", scalar.text)).at(&node.at));
                    }
                    *pending = Some((scalar.text.clone(), node.at.clone()));
                }
            },
        }
        Ok(None)
    }

    fn charge(&mut self, weight: usize, at: &At) -> Result<(), Diagnostic> {
        self.weight += weight;
        if self.weight > WEIGHT_MAX {
            return Err(Diagnostic::error("the document is too large once its aliases are expanded").at(at));
        }
        Ok(())
    }

    fn at(&self, span: Span) -> At {
        let length = if span.start.line() == span.end.line() { span.len() } else { 1 };
        At::new(self.file, span.start.line(), span.start.col() + 1, length)
    }

    fn scan_error(&self, error: &ScanError) -> Diagnostic {
        let marker = error.marker();
        let at = At::new(self.file, marker.line(), marker.col() + 1, 1);
        Diagnostic::error(format!("this is not YAML: {}", error.info())).at(&at)
    }
}

fn too_deep(at: &At) -> Diagnostic {
    Diagnostic::error(format!("more than {DEPTH_MAX} levels of nesting")).at(at)
}

/// Merge keys (<https://yaml.org/type/merge.html>): `<<` brings in the entries that are not written beside it.
fn merge(mut entries: Vec<Entry>) -> Result<Vec<Entry>, Diagnostic> {
    while let Some(position) = entries.iter().position(|entry| entry.key == "<<") {
        let brought = entries.remove(position).value;
        let sources = match brought.value {
            Value::Sequence(items) => items,
            _ => vec![brought],
        };
        for source in sources {
            let Value::Mapping(source_entries) = source.value else {
                return Err(Diagnostic::error("`<<` takes a mapping or a list of mappings").at(&source.at));
            };
            for entry in source_entries {
                if entries.iter().all(|present| present.key != entry.key) {
                    entries.push(entry);
                }
            }
        }
    }
    Ok(entries)
}

/// The intrinsic functions that have a short form, without their `Fn::`.
const SHORT_TAGS: &[&str] = &[
    "And",
    "Base64",
    "Cidr",
    "Equals",
    "FindInMap",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
];

/// Writes a tag out: `!GetAtt Queue.Arn` is `{Fn::GetAtt: [Queue, Arn]}`.
fn apply_tag(node: Node, tag: Option<&Tag>) -> Result<Node, Diagnostic> {
    let Some(tag) = tag else { return Ok(node) };
    if tag.is_yaml_core_schema() {
        let text = tag.suffix == "str";
        return Ok(match node.value {
            Value::Scalar(scalar) if text => Node::text(scalar.text, Style::Quoted, &node.at),
            value => Node { value, at: node.at },
        });
    }
    let key = match tag.suffix.as_str() {
        "Ref" | "Condition" => tag.suffix.clone(),
        name if SHORT_TAGS.contains(&name) => format!("Fn::{name}"),
        name => {
            let nearest = crate::suggest::nearest(name, SHORT_TAGS.iter().copied().chain(["Ref", "Condition"]));
            let diagnostic = Diagnostic::error(format!("`!{name}` is not a tag of CloudFormation")).at(&node.at);
            return Err(match nearest {
                Some(nearest) => diagnostic.help(format!("did you mean `!{nearest}`?")),
                None => diagnostic,
            });
        }
    };
    let at = node.at.clone();
    let value = match node.as_scalar().filter(|_| key == "Fn::GetAtt").and_then(|scalar| scalar.text.split_once('.')) {
        Some((resource, attribute)) => {
            let parts = [resource, attribute].map(|part| Node::text(part, Style::Quoted, &at));
            Node { value: Value::Sequence(parts.into()), at: at.clone() }
        }
        None => node,
    };
    Ok(Node { value: Value::Mapping(vec![Entry { key, at: at.clone(), value }]), at })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Node, Diagnostic> {
        parse(&Arc::new(File { name: "t.yml".into(), text: text.into() }))
    }

    #[test]
    fn scalars_keep_their_text_and_places() {
        let node = read("a: 012\nb: 1e3\nc: '7'\nd: 7\ne: 1.50\nf: yes\ng: ~\nh: 2.5\ni: -3\nj: true\n").unwrap();
        let expected = json!({"a": "012", "b": "1e3", "c": "7", "d": 7, "e": "1.50", "f": "yes", "g": null, "h": 2.5, "i": -3, "j": true});
        assert_eq!(node.json(), expected);
        let at = &node.entry("b").unwrap().value.at;
        assert_eq!((at.line, at.column, at.length), (2, 4, 3));
        assert_eq!(read("").unwrap().json(), json!(null));
    }

    #[test]
    fn short_tags_are_written_out() {
        let node = read("a: !Ref Table\nb: !GetAtt Queue.Arn\nc: !Sub '${A}-x'\nd: !If [C, !Ref X, !Ref 'AWS::NoValue']\ne: !!str 5\n").unwrap();
        let expected = json!({
            "a": {"Ref": "Table"}, "b": {"Fn::GetAtt": ["Queue", "Arn"]}, "c": {"Fn::Sub": "${A}-x"},
            "d": {"Fn::If": ["C", {"Ref": "X"}, {"Ref": "AWS::NoValue"}]}, "e": "5",
        });
        assert_eq!(node.json(), expected);
        assert!(read("a: !Reff x").unwrap_err().help.unwrap().contains("!Ref"));
    }

    #[test]
    fn merge_keys_bring_in_what_is_not_there() {
        let node = read("base: &base {a: 1, b: 2}\nmore: &more {c: 3}\nx:\n  <<: [*base, *more]\n  b: 9\n").unwrap();
        assert_eq!(node.get("x").unwrap().json(), json!({"b": 9, "a": 1, "c": 3}));
    }

    #[test]
    fn refuses_what_is_not_one_document_of_texts() {
        for (text, expected) in [
            ("a: 1\na: 2", "twice"),
            ("a: 1\n---\nb: 2", "second document"),
            ("? [a]\n: 1", "must be a text"),
            ("a: [1", "not YAML"),
            ("a: &x [*x]", "inside the value"),
            ("<<: 3", "takes a mapping"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn aliases_of_aliases_stay_within_bounds() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let alias = format!("*a{}", level - 1);
            text += &format!("a{level}: &a{level} [{}]\n", vec![alias; 9].join(", "));
        }
        assert!(read(&text).unwrap_err().message.contains("too large"));
        assert!(read(&"[".repeat(5000)).is_err());
    }
}
