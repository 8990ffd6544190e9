//! `$input`: the body and the parameters of a request, or the body of an answer with the parameters of its request.

use serde_json::{Map, Value as Json, json};

use crate::heap::Value;
use crate::path::Path;
use crate::render::Renderer;

/// What `$input` is about.
#[derive(Clone, Debug, Default)]
pub struct Input {
    pub body: String,
    /// By name.
    pub path: Map<String, Json>,
    pub query: Map<String, Json>,
    pub header: Map<String, Json>,
}

/// What stands for a body that is not there.
const EMPTY: &str = "{}";

impl Input {
    fn body(&self) -> &str {
        if self.body.is_empty() { EMPTY } else { &self.body }
    }

    /// A parameter by its name alone: of the path, of the query, or of the headers.
    fn parameter(&self, name: &str) -> Option<&Json> {
        let header = || self.header.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        self.path.get(name).or_else(|| self.query.get(name)).or_else(header)
    }
}

impl Renderer<'_> {
    pub fn input_property(&mut self, name: &str) -> Result<Value, String> {
        match name {
            "body" => self.heap.text(self.input.body()),
            _ => Ok(Value::Null),
        }
    }

    pub fn input_method(&mut self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        match (name, arguments) {
            ("json", [path]) => {
                let path = self.shown(path)?;
                let found = self.find(&path)?;
                let text = match found {
                    None | Some(Json::Null) => "\"\"".to_owned(),
                    Some(found) => found.to_string(),
                };
                self.heap.text(&text)
            }
            ("path", [path]) => {
                let path = self.shown(path)?;
                match self.find(&path)? {
                    Some(found) => self.heap.of_json(&found),
                    None => Ok(Value::Null),
                }
            }
            ("params", []) => {
                let input = self.input;
                let all = json!({"path": input.path, "querystring": input.query, "header": input.header});
                self.heap.of_json(&all)
            }
            ("params", [name]) => {
                let (name, input) = (self.shown(name)?, self.input);
                match (name.as_str(), input.parameter(&name)) {
                    (_, Some(value)) => self.heap.of_json(value),
                    ("path", None) => self.heap.of_json(&Json::Object(input.path.clone())),
                    ("querystring", None) => self.heap.of_json(&Json::Object(input.query.clone())),
                    ("header", None) => self.heap.of_json(&Json::Object(input.header.clone())),
                    _ => self.heap.text(""),
                }
            }
            ("body" | "getBody", []) => self.input_property("body"),
            _ => Ok(Value::Null),
        }
    }

    /// What is at a path of the body; `None` where nothing is, or where the body is no JSON.
    fn find(&mut self, path: &str) -> Result<Option<Json>, String> {
        let path = Path::parse(path)?;
        if self.body.is_none() {
            self.heap.budget.bytes(self.input.body().len())?;
            self.body = Some(serde_json::from_str(self.input.body()).ok());
        }
        let Some(Some(body)) = &self.body else { return Ok(None) };
        let mut steps = 0;
        let found = path.find(body, &mut steps);
        self.heap.budget.step(steps)?;
        found
    }
}
