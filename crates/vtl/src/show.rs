//! How values look in what comes out: as Java shows them, but for what came out of JSON.

use serde_json::Value as Json;

use crate::heap::Value;
use crate::java;
use crate::limits;
use crate::render::Renderer;

impl Renderer<'_> {
    /// A value as text.
    pub fn shown(&mut self, value: &Value) -> Result<String, String> {
        let mut text = String::new();
        self.show(value, &mut text)?;
        self.heap.budget.bytes(text.len())?;
        Ok(text)
    }

    /// Writes a value; nothing for nothing.
    pub fn show(&mut self, value: &Value, out: &mut String) -> Result<(), String> {
        match value {
            Value::Null => Ok(()),
            other => self.show_within(other, out, 0),
        }
    }

    fn show_within(&mut self, value: &Value, out: &mut String, depth: usize) -> Result<(), String> {
        self.heap.budget.step(1)?;
        if depth > limits::DEPTH_MAX {
            return Err("A list or a map is within itself, or too deep".into());
        }
        let before = out.len();
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Int(number) => out.push_str(&number.to_string()),
            Value::Double(number) => out.push_str(&java::double(*number)),
            Value::Text(text) => out.push_str(text),
            Value::List(list) if self.heap.is_json(*list) => {
                let json = self.heap.json_of(value, depth)?;
                out.push_str(&json.to_string());
            }
            Value::List(list) => {
                out.push('[');
                for (index, item) in self.heap.items(*list).to_vec().iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    self.show_within(item, out, depth + 1)?;
                }
                out.push(']');
            }
            Value::Map(map) => {
                out.push('{');
                for (index, (key, value)) in self.heap.entries(*map).to_vec().iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    out.push_str(key);
                    out.push('=');
                    self.show_within(value, out, depth + 1)?;
                }
                out.push('}');
            }
            Value::Entry(key, value) => {
                out.push_str(key);
                out.push('=');
                self.show_within(value, out, depth + 1)?;
            }
            Value::Block(block) => {
                let text = self.filled(&block.clone())?;
                out.push_str(&text);
            }
            Value::Input | Value::Util => {}
        }
        self.heap.budget.bytes(out.len() - before)?;
        if out.len() > limits::OUTPUT_BYTES_MAX {
            return Err(format!("The template makes more than {} bytes", limits::OUTPUT_BYTES_MAX));
        }
        Ok(())
    }

    /// A text that is JSON, as a value.
    pub fn parsed(&mut self, text: &str) -> Result<Value, String> {
        let json: Json = serde_json::from_str(text).map_err(|error| format!("The text is no JSON: {error}"))?;
        self.heap.of_json(&json)
    }
}
