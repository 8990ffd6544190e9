//! Values while a template is filled. Lists and maps are shared, as in Java, and live in one place, so that they can refer to each
//! other and are all gone at the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use crate::ast::Block;
use crate::limits;

#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Arc<str>),
    List(ListId),
    Map(MapId),
    /// Of a map, as its `entrySet()` has them. None is within another: what is copied and dropped is never deep.
    Entry(Arc<str>, Box<Value>),
    /// What `#define` has defined: filled where it is shown.
    Block(Block),
    Input,
    Util,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListId(usize);
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapId(usize);

#[derive(Debug, Default)]
pub struct List {
    pub items: Vec<Value>,
    /// Whether it came out of JSON, and is shown as such.
    pub is_json: bool,
}

/// In the order in which its keys were put.
#[derive(Debug, Default)]
pub struct Entries(pub Vec<(Arc<str>, Value)>);

impl Entries {
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| &**known == key).map(|(_, value)| value)
    }

    /// Sets a key, and returns what it was before.
    pub fn put(&mut self, key: Arc<str>, value: Value) -> Option<Value> {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, before)) => Some(std::mem::replace(before, value)),
            None => {
                self.0.push((key, value));
                None
            }
        }
    }

    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| &**known == key)?;
        Some(self.0.remove(at).1)
    }
}

/// What a template has left to use.
#[derive(Debug)]
pub struct Budget {
    steps: usize,
    bytes: usize,
    pattern_time: Duration,
}

impl Budget {
    pub fn step(&mut self, count: usize) -> Result<(), String> {
        let left = self.steps.checked_sub(count);
        self.steps = left.ok_or_else(|| format!("The template takes more than {} steps", limits::STEPS_MAX))?;
        Ok(())
    }

    pub fn bytes(&mut self, count: usize) -> Result<(), String> {
        let left = self.bytes.checked_sub(count);
        self.bytes =
            left.ok_or_else(|| format!("The template makes more than {} bytes of values", limits::BYTES_MAX))?;
        Ok(())
    }

    /// The time that a regular expression took from `since` on, which is now then. Steps bound one search; each match begins another.
    pub fn pattern_time(&mut self, since: &mut Instant) -> Result<(), String> {
        let before = std::mem::replace(since, Instant::now());
        let left = self.pattern_time.checked_sub(since.duration_since(before));
        self.pattern_time = left.ok_or("A regular expression takes too long")?;
        Ok(())
    }
}

/// What a value takes in a list or in a map.
const SLOT_BYTES: usize = 64;

#[derive(Debug)]
pub struct Heap {
    lists: Vec<List>,
    maps: Vec<Entries>,
    pub budget: Budget,
}

impl Heap {
    pub fn new() -> Heap {
        let budget =
            Budget { steps: limits::STEPS_MAX, bytes: limits::BYTES_MAX, pattern_time: limits::PATTERN_TIME_MAX };
        Heap { lists: Vec::new(), maps: Vec::new(), budget }
    }

    pub fn text(&mut self, text: &str) -> Result<Value, String> {
        self.budget.bytes(text.len())?;
        Ok(Value::Text(text.into()))
    }

    pub fn list(&mut self, items: Vec<Value>, is_json: bool) -> Result<Value, String> {
        self.budget.bytes(SLOT_BYTES * (items.len() + 1))?;
        self.lists.push(List { items, is_json });
        Ok(Value::List(ListId(self.lists.len() - 1)))
    }

    pub fn map(&mut self, entries: Entries) -> Result<Value, String> {
        self.budget.bytes(SLOT_BYTES * (entries.0.len() + 1))?;
        self.maps.push(entries);
        Ok(Value::Map(MapId(self.maps.len() - 1)))
    }

    /// Room for one more value in a list or a map, of which `length` are looked at.
    pub fn more(&mut self, length: usize) -> Result<(), String> {
        self.budget.bytes(SLOT_BYTES)?;
        self.budget.step(1 + length / 8)
    }

    pub fn items(&self, list: ListId) -> &[Value] {
        self.lists.get(list.0).map_or(&[], |list| &list.items)
    }

    pub fn is_json(&self, list: ListId) -> bool {
        self.lists.get(list.0).is_some_and(|list| list.is_json)
    }

    pub fn items_mut(&mut self, list: ListId) -> Option<&mut Vec<Value>> {
        self.lists.get_mut(list.0).map(|list| &mut list.items)
    }

    pub fn entries(&self, map: MapId) -> &[(Arc<str>, Value)] {
        self.maps.get(map.0).map_or(&[], |map| &map.0)
    }

    pub fn get(&self, map: MapId, key: &str) -> Option<&Value> {
        self.maps.get(map.0).and_then(|map| map.get(key))
    }

    pub fn entries_mut(&mut self, map: MapId) -> Option<&mut Entries> {
        self.maps.get_mut(map.0)
    }

    /// The value of some JSON. It is as deep as what reads JSON allows.
    pub fn of_json(&mut self, json: &Json) -> Result<Value, String> {
        self.budget.step(1)?;
        Ok(match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Value::Int(whole),
                None => Value::Double(number.as_f64().unwrap_or_default()),
            },
            Json::String(text) => self.text(text)?,
            Json::Array(items) => {
                let items = items.iter().map(|item| self.of_json(item)).collect::<Result<_, _>>()?;
                self.list(items, true)?
            }
            Json::Object(members) => {
                let entries = members.iter().map(|(name, value)| {
                    self.budget.bytes(name.len())?;
                    Ok((name.as_str().into(), self.of_json(value)?))
                });
                let entries = Entries(entries.collect::<Result<_, String>>()?);
                self.map(entries)?
            }
        })
    }

    /// A value as JSON; what has no form there is left out.
    pub fn json_of(&mut self, value: &Value, depth: usize) -> Result<Json, String> {
        self.budget.step(1)?;
        if depth > limits::DEPTH_MAX {
            return Err("A list or a map is within itself, or too deep".into());
        }
        Ok(match value {
            Value::Bool(value) => Json::Bool(*value),
            Value::Int(number) => (*number).into(),
            Value::Double(number) => (*number).into(),
            Value::Text(text) => {
                self.budget.bytes(text.len())?;
                Json::String((**text).to_owned())
            }
            Value::List(list) => {
                let items = self.items(*list).to_vec();
                Json::Array(items.iter().map(|item| self.json_of(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Value::Map(map) => {
                let mut members = Map::new();
                for (name, value) in self.entries(*map).to_vec() {
                    members.insert((*name).to_owned(), self.json_of(&value, depth + 1)?);
                }
                Json::Object(members)
            }
            Value::Null | Value::Entry(..) | Value::Block(_) | Value::Input | Value::Util => Json::Null,
        })
    }
}
