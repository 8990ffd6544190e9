//! Fills a template: a walk over its tree, with the values that it makes.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::ast::{Block, Expression, Node, Operator, Reference, Step};
use crate::error::{Error, Place};
use crate::heap::{Entries, Heap, Value};
use crate::input::Input;
use crate::limits;
use crate::operators::truth;

/// What came of a template.
#[derive(Debug)]
pub struct Rendered {
    pub text: String,
    /// The variables that were given, as the template left them.
    pub variables: Map<String, Json>,
}

pub fn render(block: &Block, input: &Input, variables: &Map<String, Json>) -> Result<Rendered, Error> {
    let (heap, place) = (Heap::new(), Place { line: 1, column: 1 });
    let mut renderer = Renderer { heap, input, body: None, variables: HashMap::new(), depth: 0, place };
    let text = renderer.whole(block, variables);
    let text = text.map_err(|what| Error::new(renderer.place, what))?;
    let mut left = Map::new();
    for name in variables.keys() {
        let value = renderer.variables.get(name.as_str()).cloned().unwrap_or(Value::Null);
        let json = renderer.heap.json_of(&value, 0).map_err(|what| Error::new(renderer.place, what))?;
        left.insert(name.clone(), json);
    }
    Ok(Rendered { text, variables: left })
}

pub struct Renderer<'t> {
    pub heap: Heap,
    pub input: &'t Input,
    /// The body as JSON, once it was asked for; `Some(None)` for one that is none.
    pub body: Option<Option<Json>>,
    variables: HashMap<Arc<str>, Value>,
    depth: usize,
    /// Where the walk is: what an error is about.
    place: Place,
}

/// How a block has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Through,
    Break,
    Stop,
}

impl Renderer<'_> {
    fn whole(&mut self, block: &Block, variables: &Map<String, Json>) -> Result<String, String> {
        for (name, value) in variables {
            let value = self.heap.of_json(value)?;
            self.variables.insert(name.as_str().into(), value);
        }
        self.variables.insert("input".into(), Value::Input);
        self.variables.insert("util".into(), Value::Util);
        let mut out = String::new();
        self.block(block, &mut out)?;
        Ok(out)
    }

    /// A block as text of its own.
    pub fn filled(&mut self, block: &Block) -> Result<String, String> {
        let mut out = String::new();
        self.block(block, &mut out)?;
        self.heap.budget.bytes(out.len())?;
        Ok(out)
    }

    fn block(&mut self, block: &Block, out: &mut String) -> Result<Flow, String> {
        self.enter()?;
        let mut flow = Flow::Through;
        for node in block.iter() {
            flow = self.node(node, out)?;
            if flow != Flow::Through {
                break;
            }
        }
        self.depth -= 1;
        Ok(flow)
    }

    /// Goes one level deeper, as far as that is allowed. An error ends the whole template: nobody goes back then.
    fn enter(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > limits::FILLED_DEPTH_MAX {
            return Err("What #define has defined is within itself, or too deep".into());
        }
        Ok(())
    }

    fn node(&mut self, node: &Node, out: &mut String) -> Result<Flow, String> {
        self.heap.budget.step(1)?;
        match node {
            Node::Text(text) => {
                out.push_str(text);
                if out.len() > limits::OUTPUT_BYTES_MAX {
                    return Err(format!("The template makes more than {} bytes", limits::OUTPUT_BYTES_MAX));
                }
            }
            Node::Reference(reference) => {
                let value = self.reference(reference)?;
                self.show(&value, out)?;
            }
            Node::Set { target, value } => {
                let value = self.expression(value)?;
                self.set(target, value)?;
            }
            Node::If { branches, otherwise } => {
                for (condition, block) in branches {
                    let condition = self.expression(condition)?;
                    if truth(&condition) {
                        return self.block(block, out);
                    }
                }
                return self.block(otherwise, out);
            }
            Node::Foreach { variable, list, body, place } => {
                let list = self.expression(list)?;
                self.place = *place;
                return self.foreach(variable, &list, body, out);
            }
            Node::Define { variable, body } => {
                self.variables.insert(variable.clone(), Value::Block(body.clone()));
            }
            Node::Break => return Ok(Flow::Break),
            Node::Stop => return Ok(Flow::Stop),
        }
        Ok(Flow::Through)
    }

    fn foreach(&mut self, variable: &Arc<str>, list: &Value, body: &Block, out: &mut String) -> Result<Flow, String> {
        let items = match list {
            Value::List(list) => self.heap.items(*list).to_vec(),
            Value::Map(map) => self.heap.entries(*map).iter().map(|(_, value)| value.clone()).collect(),
            _ => Vec::new(),
        };
        if items.len() > limits::ROUNDS_MAX {
            return Err(format!("#foreach goes more than {} rounds", limits::ROUNDS_MAX));
        }
        let outer = [variable.clone(), "foreach".into(), "velocityCount".into()]
            .map(|name: Arc<str>| (self.variables.get(&name).cloned(), name));
        let parent = self.variables.get("foreach").cloned().unwrap_or(Value::Null);
        let round = self.heap.map(Entries::default())?;
        let (mut flow, last) = (Flow::Through, items.len().saturating_sub(1));
        for (index, item) in items.into_iter().enumerate() {
            self.begin_round(&round, index, last, &parent);
            self.variables.insert("foreach".into(), round.clone());
            self.variables.insert("velocityCount".into(), Value::Int(count(index + 1)));
            self.variables.insert(variable.clone(), item);
            match self.block(body, out)? {
                Flow::Through => {}
                Flow::Break => break,
                Flow::Stop => {
                    flow = Flow::Stop;
                    break;
                }
            }
        }
        for (value, name) in outer {
            match value {
                Some(value) => drop(self.variables.insert(name, value)),
                None => drop(self.variables.remove(&name)),
            }
        }
        Ok(flow)
    }

    /// What `$foreach` tells.
    fn begin_round(&mut self, round: &Value, index: usize, last: usize, parent: &Value) {
        let Value::Map(round) = round else { return };
        let Some(entries) = self.heap.entries_mut(*round) else { return };
        for (name, value) in [
            ("index", Value::Int(count(index))),
            ("count", Value::Int(count(index + 1))),
            ("hasNext", Value::Bool(index < last)),
            ("first", Value::Bool(index == 0)),
            ("last", Value::Bool(index == last)),
            ("parent", parent.clone()),
        ] {
            entries.put(name.into(), value);
        }
    }

    fn set(&mut self, target: &Reference, value: Value) -> Result<(), String> {
        self.place = target.place;
        let Some((last, before)) = target.steps.split_last() else {
            self.heap.budget.bytes(target.name.len())?;
            self.variables.insert(target.name.clone(), value);
            return Ok(());
        };
        let mut holder = self.variables.get(&target.name).cloned().unwrap_or(Value::Null);
        for step in before {
            holder = self.step(&holder, step)?;
        }
        let key = match last {
            Step::Property(name) => Value::Text(name.clone()),
            Step::Index(index) => self.expression(index)?,
            Step::Method(..) => return Err("#set cannot set what a method answers".into()),
        };
        match (&holder, &key) {
            (Value::Map(_), key) => self.map_method_of(&holder, "put", &[key.clone(), value]).map(drop),
            (Value::List(_), Value::Int(_)) => self.method(&holder, "set", &[key, value]).map(drop),
            _ => Err(format!("There is nothing that has ${}{}", target.name, ".…".repeat(before.len()))),
        }
    }

    pub fn reference(&mut self, reference: &Reference) -> Result<Value, String> {
        self.place = reference.place;
        let mut value = match &*reference.name {
            "null" => Value::Null,
            name => self.variables.get(name).cloned().unwrap_or(Value::Null),
        };
        for step in &reference.steps {
            value = self.step(&value, step)?;
            self.place = reference.place;
        }
        Ok(value)
    }

    fn step(&mut self, of: &Value, step: &Step) -> Result<Value, String> {
        self.heap.budget.step(1)?;
        match step {
            Step::Property(name) => self.property(of, name),
            Step::Index(index) => {
                let index = self.expression(index)?;
                match (of, &index) {
                    (Value::Map(_), _) | (Value::List(_), Value::Int(_)) => self.method(of, "get", &[index]),
                    _ => Ok(Value::Null),
                }
            }
            Step::Method(name, arguments) => {
                let arguments = arguments.iter().map(|one| self.expression(one)).collect::<Result<Vec<_>, _>>()?;
                self.method(of, name, &arguments)
            }
        }
    }

    pub fn expression(&mut self, expression: &Expression) -> Result<Value, String> {
        self.heap.budget.step(1)?;
        self.enter()?;
        let value = self.evaluated(expression)?;
        self.depth -= 1;
        Ok(value)
    }

    fn evaluated(&mut self, expression: &Expression) -> Result<Value, String> {
        match expression {
            Expression::Bool(value) => Ok(Value::Bool(*value)),
            Expression::Int(number) => Ok(Value::Int(*number)),
            Expression::Double(number) => Ok(Value::Double(*number)),
            Expression::Text(text) => Ok(Value::Text(text.clone())),
            Expression::Template(block) => {
                let text = self.filled(block)?;
                self.heap.text(&text)
            }
            Expression::List(items) => {
                let items = items.iter().map(|item| self.expression(item)).collect::<Result<_, _>>()?;
                self.heap.list(items, false)
            }
            Expression::Range(ends, place) => {
                let ends = (self.expression(&ends.0)?, self.expression(&ends.1)?);
                self.place = *place;
                self.range(&ends.0, &ends.1)
            }
            Expression::Map(entries) => {
                let mut map = Entries::default();
                for (key, value) in entries {
                    let key = self.expression(key)?;
                    let key = self.shown(&key)?;
                    map.put(key.into(), self.expression(value)?);
                }
                self.heap.map(map)
            }
            Expression::Reference(reference) => self.reference(reference),
            Expression::Not(value) => Ok(Value::Bool(!truth(&self.expression(value)?))),
            Expression::Negative(value) => {
                let value = self.expression(value)?;
                self.binary(Operator::Subtract, &Value::Int(0), &value)
            }
            Expression::Binary(operator, sides) => {
                let left = self.expression(&sides.0)?;
                match (operator, truth(&left)) {
                    (Operator::And, false) => return Ok(Value::Bool(false)),
                    (Operator::Or, true) => return Ok(Value::Bool(true)),
                    _ => {}
                }
                let right = self.expression(&sides.1)?;
                self.binary(*operator, &left, &right)
            }
        }
    }

    /// The numbers from one to another, also downwards.
    fn range(&mut self, first: &Value, last: &Value) -> Result<Value, String> {
        let (Value::Int(first), Value::Int(last)) = (first, last) else { return Ok(Value::Null) };
        let length = first.abs_diff(*last).saturating_add(1);
        if length > limits::ROUNDS_MAX as u64 {
            return Err(format!("A range has more than {} numbers", limits::ROUNDS_MAX));
        }
        let numbers: Vec<Value> = if first <= last {
            (*first..=*last).map(Value::Int).collect()
        } else {
            (*last..=*first).rev().map(Value::Int).collect()
        };
        self.heap.list(numbers, false)
    }
}

/// A count as templates have numbers.
pub fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
