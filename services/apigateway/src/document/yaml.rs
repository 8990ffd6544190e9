//! YAML as JSON and back, within bounds.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

/// Levels of nesting.
const DEPTH_MAX: usize = 100;
/// About how many bytes a document takes once its aliases are expanded: aliases of aliases do not fill the memory.
pub(super) const WEIGHT_MAX: usize = 16 << 20;
/// What a value takes besides its text.
const VALUE_WEIGHT: usize = 32;

/// Reads one document.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        builder.event(event)?;
    }
    builder.document.ok_or_else(|| "it is empty".into())
}

#[derive(Default)]
struct Builder {
    stack: Vec<Frame>,
    anchors: HashMap<usize, Value>,
    weight: usize,
    document: Option<Value>,
}

/// A collection that has begun and not ended.
struct Frame {
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Value>),
    /// The members so far, and a name that waits for its value.
    Object(Map<String, Value>, Option<String>),
}

impl Builder {
    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.charge(VALUE_WEIGHT + text.len())?;
                let is_text = style != ScalarStyle::Plain
                    || tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let is_name = matches!(self.stack.last(), Some(Frame { content: Content::Object(_, None), .. }));
                let value = if is_text || is_name { Value::String(text.into_owned()) } else { plain(&text) };
                self.complete(value, anchor)
            }
            Event::SequenceStart(anchor, _) => self.open(anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.open(anchor, Content::Object(Map::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Frame { anchor, content: Content::List(list) }) => self.complete(Value::Array(list), anchor),
                Some(Frame { anchor, content: Content::Object(map, _) }) => self.complete(Value::Object(map), anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().ok_or("an alias is inside of what it stands for")?;
                if self.stack.len() + depth(&value) > DEPTH_MAX {
                    return Err(format!("more than {DEPTH_MAX} levels of nesting"));
                }
                self.charge(weight(&value))?;
                self.complete(value, 0)
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn open(&mut self, anchor: usize, content: Content) -> Result<(), String> {
        if self.stack.len() >= DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} levels of nesting"));
        }
        self.charge(VALUE_WEIGHT)?;
        self.stack.push(Frame { anchor, content });
        Ok(())
    }

    fn complete(&mut self, value: Value, anchor: usize) -> Result<(), String> {
        if anchor != 0 {
            self.charge(weight(&value))?;
            self.anchors.insert(anchor, value.clone());
        }
        match self.stack.last_mut().map(|frame| &mut frame.content) {
            None if self.document.is_some() => return Err("there are two documents".into()),
            None => self.document = Some(value),
            Some(Content::List(list)) => list.push(value),
            Some(Content::Object(map, waiting)) => match waiting.take() {
                Some(name) => {
                    if map.insert(name.clone(), value).is_some() {
                        return Err(format!("the key {name} is there twice"));
                    }
                }
                None => match value {
                    Value::String(name) => *waiting = Some(name),
                    _ => return Err("a key is a text".into()),
                },
            },
        }
        Ok(())
    }

    fn charge(&mut self, weight: usize) -> Result<(), String> {
        self.weight += weight;
        if self.weight > WEIGHT_MAX {
            return Err("it is too large once its aliases are expanded".into());
        }
        Ok(())
    }
}

/// A plain scalar, by YAML 1.2's core schema. A number whose text would change is a text: account ids keep their zeros.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let number = match text.parse::<i64>() {
        Ok(integer) => Number::from(integer),
        Err(_) => Number::from_f64(text.parse().ok()?)?,
    };
    (number.to_string() == text).then_some(number)
}

fn depth(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => map.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

pub(super) fn weight(value: &Value) -> usize {
    VALUE_WEIGHT
        + match value {
            Value::String(text) => text.len(),
            Value::Array(list) => list.iter().map(weight).sum(),
            Value::Object(map) => map.iter().map(|(name, value)| name.len() + weight(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// Writes a value in blocks. Texts are in quotes, as JSON has them, which YAML reads alike.
pub fn write(value: &Value) -> String {
    let mut text = String::from("---\n");
    match value {
        Value::Object(map) if !map.is_empty() => block(value, 0, &mut text),
        other => text.push_str(&format!("{other}\n")),
    }
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                text.push_str(&format!("{margin}{}:", Value::String(name.clone())));
                nested(value, indent, text);
            }
        }
        Value::Array(list) => {
            for value in list {
                text.push_str(&format!("{margin}-"));
                nested(value, indent, text);
            }
        }
        other => text.push_str(&format!("{margin}{other}\n")),
    }
}

fn nested(value: &Value, indent: usize, text: &mut String) {
    let is_block =
        value.as_object().is_some_and(|map| !map.is_empty()) || value.as_array().is_some_and(|list| !list.is_empty());
    if is_block {
        text.push('\n');
        block(value, indent + 2, text);
    } else {
        text.push_str(&format!(" {value}\n"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_those_of_json() {
        let text =
            "a: 012\nb: '7'\nc: 7\nd: 1.5\ne: true\nf: ~\ng: [x, {y: z}]\n200: ok\nh: &h {i: 1}\nj: *h\nk: !!str 5\n";
        let expected = json!({
            "a": "012", "b": "7", "c": 7, "d": 1.5, "e": true, "f": null, "g": ["x", {"y": "z"}], "200": "ok", "h": {"i": 1}, "j": {"i": 1}, "k": "5",
        });
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse(&write(&expected)).unwrap(), expected);
    }

    #[test]
    fn what_would_fill_the_memory_is_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", "));
        }
        for text in [bomb.as_str(), &"[".repeat(5_000), "a: &x [*x]", "a: 1\na: 2", "a: 1\n---\nb: 1", "? [a]\n: 1", ""]
        {
            assert!(parse(text).is_err());
        }
    }
}
