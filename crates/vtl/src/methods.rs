//! Properties and methods of values: those of Java's strings, lists, maps and numbers that templates use. What is not there is nothing.

use std::time::Instant;

use regex_lite::{Regex, RegexBuilder};

use crate::heap::{ListId, MapId, Value};
use crate::java;
use crate::limits;
use crate::render::{Renderer, count};

impl Renderer<'_> {
    pub fn property(&mut self, of: &Value, name: &str) -> Result<Value, String> {
        match of {
            Value::Map(map) => {
                self.heap.budget.step(1 + self.heap.entries(*map).len() / 8)?;
                let found = self.heap.get(*map, name).cloned();
                Ok(found.unwrap_or_else(|| match name {
                    "empty" => Value::Bool(self.heap.entries(*map).is_empty()),
                    _ => Value::Null,
                }))
            }
            Value::List(list) if name == "empty" => Ok(Value::Bool(self.heap.items(*list).is_empty())),
            Value::Text(text) if name == "empty" => Ok(Value::Bool(text.is_empty())),
            Value::Entry(key, value) => Ok(match name {
                "key" => Value::Text(key.clone()),
                "value" => (**value).clone(),
                _ => Value::Null,
            }),
            Value::Input => self.input_property(name),
            _ => Ok(Value::Null),
        }
    }

    pub fn method(&mut self, of: &Value, name: &str, arguments: &[Value]) -> Result<Value, String> {
        match (of, name, arguments) {
            (Value::Null, ..) => Ok(Value::Null),
            (Value::Input, ..) => self.input_method(name, arguments),
            (Value::Util, ..) => self.util_method(name, arguments),
            (_, "toString", []) => {
                let text = self.shown(of)?;
                self.heap.text(&text)
            }
            (_, "equals", [other]) => Ok(Value::Bool(self.equal(of, other)?)),
            (_, "hashCode", []) => {
                let text = self.shown(of)?;
                Ok(Value::Int(java::hash(&text).into()))
            }
            (Value::Text(text), ..) => self.text_method(text, name, arguments),
            (Value::List(list), ..) => self.list_method(*list, name, arguments),
            (Value::Map(_), ..) => self.map_method_of(of, name, arguments),
            (Value::Entry(key, _), "getKey", []) => Ok(Value::Text(key.clone())),
            (Value::Entry(_, value), "getValue", []) => Ok((**value).clone()),
            (Value::Int(_) | Value::Double(_) | Value::Bool(_), ..) => self.number_method(of, name, arguments),
            _ => Ok(Value::Null),
        }
    }

    fn number_method(&mut self, of: &Value, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let double = match of {
            Value::Int(number) => *number as f64,
            Value::Double(number) => *number,
            _ => f64::NAN,
        };
        Ok(match (name, arguments) {
            ("intValue" | "longValue", []) => match of {
                Value::Double(number) => Value::Int(*number as i64),
                _ => of.clone(),
            },
            ("doubleValue" | "floatValue", []) => Value::Double(double),
            ("compareTo", [Value::Int(other)]) => compared(double.total_cmp(&(*other as f64))),
            ("compareTo", [Value::Double(other)]) => compared(double.total_cmp(other)),
            // Static methods, which templates reach by a value of their class.
            ("parseInt" | "parseLong" | "valueOf", [text]) => {
                let text = self.shown(text)?;
                Value::Int(text.trim().parse().map_err(|_| format!("{text:.64} is no whole number"))?)
            }
            ("parseDouble", [text]) => {
                let text = self.shown(text)?;
                Value::Double(text.trim().parse().map_err(|_| format!("{text:.64} is no number"))?)
            }
            _ => Value::Null,
        })
    }

    fn text_method(&mut self, text: &str, name: &str, arguments: &[Value]) -> Result<Value, String> {
        self.heap.budget.step(1 + text.len() / 64)?;
        let of: Vec<Option<String>> = arguments
            .iter()
            .map(|argument| match argument {
                Value::Int(_) => Ok(None),
                other => self.shown(other).map(Some),
            })
            .collect::<Result<_, _>>()?;
        let words: Vec<&str> = of.iter().flatten().map(String::as_str).collect();
        let numbers: Vec<i64> =
            arguments.iter().filter_map(|one| if let Value::Int(n) = one { Some(*n) } else { None }).collect();
        match (name, words.as_slice(), numbers.as_slice()) {
            ("length", [], []) => Ok(Value::Int(count(text.chars().count()))),
            ("isEmpty", [], []) => Ok(Value::Bool(text.is_empty())),
            ("contains", [part], []) => Ok(Value::Bool(text.contains(part))),
            ("startsWith", [part], []) => Ok(Value::Bool(text.starts_with(part))),
            ("endsWith", [part], []) => Ok(Value::Bool(text.ends_with(part))),
            ("equalsIgnoreCase", [other], []) => Ok(Value::Bool(text.to_lowercase() == other.to_lowercase())),
            ("compareTo", [other], []) => Ok(compared(text.cmp(other))),
            ("matches", [pattern], []) => {
                self.match_steps(pattern, text)?;
                Ok(Value::Bool(whole(pattern)?.is_match(text)))
            }
            ("indexOf", [part], []) => Ok(found(text, text.find(part))),
            ("lastIndexOf", [part], []) => Ok(found(text, text.rfind(part))),
            ("indexOf", [part], [from]) => {
                let start = offset(text, (*from).max(0)).unwrap_or(text.len());
                let at = text.get(start..).and_then(|rest| rest.find(part)).map(|at| start + at);
                Ok(found(text, at))
            }
            ("substring", [], [from]) => self.part(text, *from, None),
            ("substring" | "subSequence", [], [from, to]) => self.part(text, *from, Some(*to)),
            ("charAt", [], [at]) => self.part(text, *at, Some(at.saturating_add(1))),
            ("split", [pattern], limit @ ([] | [_])) => self.split(text, pattern, limit.first().copied()),
            ("toLowerCase", [], []) => self.heap.text(&text.to_lowercase()),
            ("toUpperCase", [], []) => self.heap.text(&text.to_uppercase()),
            ("trim", [], []) => self.heap.text(text.trim_matches(|character: char| character <= ' ')),
            ("strip", [], []) => self.heap.text(text.trim()),
            ("concat", [more], []) => self.grown(text.len() + more.len(), || format!("{text}{more}")),
            ("replace", [from, to], []) => {
                let size = text.len() + text.matches(*from).count() * to.len();
                self.grown(size, || text.replace(*from, to))
            }
            ("replaceAll" | "replaceFirst", [pattern, to], []) => self.replace(text, pattern, to, name == "replaceAll"),
            ("repeat", [], [times]) => {
                let times = usize::try_from(*times).map_err(|_| "A text cannot be repeated less than no times")?;
                self.grown(text.len().saturating_mul(times), || text.repeat(times))
            }
            // Static methods, which templates reach by a text.
            ("valueOf", [other], []) => self.heap.text(other),
            ("valueOf", [], [number]) => self.heap.text(&number.to_string()),
            ("join", [separator, ..], []) if arguments.len() == 2 => match arguments.get(1) {
                Some(Value::List(list)) => {
                    let items = self.heap.items(*list).to_vec();
                    let shown = items.iter().map(|item| self.shown(item)).collect::<Result<Vec<_>, _>>()?;
                    let size = shown.iter().map(|item| item.len() + separator.len()).sum();
                    self.grown(size, || shown.join(separator))
                }
                _ => Ok(Value::Null),
            },
            _ => Ok(Value::Null),
        }
    }

    /// A text that is made once there is room for it.
    fn grown(&mut self, size: usize, make: impl FnOnce() -> String) -> Result<Value, String> {
        self.heap.budget.bytes(size)?;
        Ok(Value::Text(make().into()))
    }

    fn part(&mut self, text: &str, from: i64, to: Option<i64>) -> Result<Value, String> {
        let outside = || format!("There is no part of a text of {} characters from {from}", text.chars().count());
        let start = offset(text, from).ok_or_else(outside)?;
        let end = to.map_or(Some(text.len()), |to| offset(text, to)).ok_or_else(outside)?;
        let part = text.get(start..end).ok_or_else(outside)?;
        self.heap.text(part)
    }

    /// What it takes to look for a pattern: each of its parts may be looked for at each place, and a counted part is many.
    fn match_steps(&mut self, pattern: &str, text: &str) -> Result<(), String> {
        let weight = if pattern.contains('{') { limits::COUNTED_PATTERN_WEIGHT } else { pattern.len() };
        self.heap.budget.step(text.len().saturating_mul(weight) / 64)
    }

    /// As Java splits: without what is empty at the end, unless a limit says otherwise.
    fn split(&mut self, text: &str, pattern: &str, limit: Option<i64>) -> Result<Value, String> {
        self.match_steps(pattern, text)?;
        let pattern = regex(pattern)?;
        let limit = limit.unwrap_or(0);
        let most = usize::try_from(limit).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
        let (mut parts, mut since) = (Vec::new(), Instant::now());
        for part in pattern.splitn(text, most) {
            self.heap.budget.pattern_time(&mut since)?;
            parts.push(part);
        }
        if parts.len() > 1
            && parts.first().is_some_and(|first| first.is_empty())
            && pattern.find(text).is_some_and(|one| one.is_empty())
        {
            parts.remove(0);
        }
        while limit == 0 && parts.len() > 1 && parts.last().is_some_and(|last| last.is_empty()) {
            parts.pop();
        }
        let parts = parts.into_iter().map(|part| self.heap.text(part)).collect::<Result<_, _>>()?;
        self.heap.list(parts, false)
    }

    fn replace(&mut self, text: &str, pattern: &str, to: &str, all: bool) -> Result<Value, String> {
        self.match_steps(pattern, text)?;
        let (pattern, to) = (regex(pattern)?, replacement(to));
        let (mut made, mut last, mut since) = (String::new(), 0, Instant::now());
        for groups in pattern.captures_iter(text) {
            self.heap.budget.pattern_time(&mut since)?;
            let Some(whole) = groups.get(0) else { break };
            made.push_str(text.get(last..whole.start()).unwrap_or_default());
            let before = made.len();
            groups.expand(&to, &mut made);
            self.heap.budget.bytes(made.len() - before)?;
            last = whole.end();
            if !all {
                break;
            }
        }
        made.push_str(text.get(last..).unwrap_or_default());
        self.heap.text(&made)
    }

    fn list_method(&mut self, list: ListId, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let length = self.heap.items(list).len();
        let place = |index: i64| {
            let place = usize::try_from(index).ok().filter(|index| *index < length);
            place.ok_or_else(|| format!("There is no element {index} in a list of {length}"))
        };
        match (name, arguments) {
            ("size", []) => Ok(Value::Int(count(length))),
            ("isEmpty", []) => Ok(Value::Bool(length == 0)),
            ("get", [Value::Int(index)]) => match place(*index) {
                Ok(index) => Ok(self.heap.items(list).get(index).cloned().unwrap_or(Value::Null)),
                // Templates look for what may not be there.
                Err(_) => Ok(Value::Null),
            },
            ("add", [item]) => {
                self.heap.more(0)?;
                self.heap.items_mut(list).into_iter().for_each(|items| items.push(item.clone()));
                Ok(Value::Bool(true))
            }
            ("add", [Value::Int(index), item]) => {
                let index = if *index == count(length) { length } else { place(*index)? };
                self.heap.more(length)?;
                self.heap.items_mut(list).into_iter().for_each(|items| items.insert(index, item.clone()));
                Ok(Value::Null)
            }
            ("addAll", [Value::List(more)]) => {
                let more = self.heap.items(*more).to_vec();
                more.iter().try_for_each(|_| self.heap.more(0))?;
                let grown = !more.is_empty();
                self.heap.items_mut(list).into_iter().for_each(|items| items.extend(more.iter().cloned()));
                Ok(Value::Bool(grown))
            }
            ("set", [Value::Int(index), item]) => {
                let index = place(*index)?;
                let slot = self.heap.items_mut(list).and_then(|items| items.get_mut(index));
                Ok(slot.map_or(Value::Null, |slot| std::mem::replace(slot, item.clone())))
            }
            ("remove", [Value::Int(index)]) => {
                let index = place(*index)?;
                self.heap.budget.step(1 + length / 8)?;
                Ok(self.heap.items_mut(list).map_or(Value::Null, |items| items.remove(index)))
            }
            ("remove", [item]) => {
                let at = self.position(list, item)?;
                // What was shown to be compared may have taken items away.
                if let (Some(at), Some(items)) = (at, self.heap.items_mut(list))
                    && at < items.len()
                {
                    items.remove(at);
                }
                Ok(Value::Bool(at.is_some()))
            }
            ("clear", []) => {
                self.heap.items_mut(list).into_iter().for_each(Vec::clear);
                Ok(Value::Null)
            }
            ("contains", [item]) => Ok(Value::Bool(self.position(list, item)?.is_some())),
            ("indexOf", [item]) => Ok(Value::Int(self.position(list, item)?.map_or(-1, count))),
            ("subList", [Value::Int(from), Value::Int(to)]) => {
                let range = usize::try_from(*from).ok().zip(usize::try_from(*to).ok());
                let items = range.and_then(|(from, to)| self.heap.items(list).get(from..to)).map(<[Value]>::to_vec);
                let items =
                    items.ok_or_else(|| format!("There is no part from {from} to {to} of a list of {length}"))?;
                let is_json = self.heap.is_json(list);
                self.heap.list(items, is_json)
            }
            _ => Ok(Value::Null),
        }
    }

    fn position(&mut self, list: ListId, wanted: &Value) -> Result<Option<usize>, String> {
        for index in 0..self.heap.items(list).len() {
            self.heap.budget.step(1)?;
            let Some(item) = self.heap.items(list).get(index).cloned() else { break };
            if self.equal(&item, wanted)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    pub fn map_method_of(&mut self, of: &Value, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let Value::Map(map) = of else { return Ok(Value::Null) };
        let length = self.heap.entries(*map).len();
        self.heap.budget.step(1 + length / 8)?;
        match (name, arguments) {
            ("size", []) => Ok(Value::Int(count(length))),
            ("isEmpty", []) => Ok(Value::Bool(length == 0)),
            ("keySet", []) => self.listed(*map, |(key, _)| Value::Text(key.clone())),
            ("values", []) => self.listed(*map, |(_, value)| value.clone()),
            // One within another would be deeper each time, which nothing counts.
            ("entrySet", []) if self.heap.entries(*map).iter().any(|(_, value)| matches!(value, Value::Entry(..))) => {
                Err("An entry cannot be within an entry".into())
            }
            ("entrySet", []) => self.listed(*map, |(key, value)| Value::Entry(key.clone(), Box::new(value.clone()))),
            ("containsValue", [wanted]) => {
                for (_, value) in self.heap.entries(*map).to_vec() {
                    if self.equal(&value, wanted)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            ("putAll", [Value::Map(more)]) => {
                for (key, value) in self.heap.entries(*more).to_vec() {
                    self.heap.more(length)?;
                    self.heap.entries_mut(*map).into_iter().for_each(|map| drop(map.put(key.clone(), value.clone())));
                }
                Ok(Value::Null)
            }
            ("clear", []) => {
                self.heap.entries_mut(*map).into_iter().for_each(|map| map.0.clear());
                Ok(Value::Null)
            }
            (_, [key, rest @ ..]) => {
                let key = self.shown(key)?;
                self.by_key(*map, name, key, rest)
            }
            _ => Ok(Value::Null),
        }
    }

    fn by_key(&mut self, map: MapId, name: &str, key: String, rest: &[Value]) -> Result<Value, String> {
        let known = self.heap.get(map, &key).cloned();
        match (name, rest) {
            ("get", []) => Ok(known.unwrap_or(Value::Null)),
            ("getOrDefault", [default]) => Ok(known.unwrap_or_else(|| default.clone())),
            ("containsKey", []) => Ok(Value::Bool(known.is_some())),
            ("put", [value]) => {
                self.heap.more(0)?;
                let before = self.heap.entries_mut(map).and_then(|map| map.put(key.into(), value.clone()));
                Ok(before.unwrap_or(Value::Null))
            }
            ("putIfAbsent", [_]) if known.is_some() => Ok(known.unwrap_or(Value::Null)),
            ("putIfAbsent", [value]) => {
                self.heap.more(0)?;
                self.heap
                    .entries_mut(map)
                    .into_iter()
                    .for_each(|map| drop(map.put(key.as_str().into(), value.clone())));
                Ok(Value::Null)
            }
            ("remove", []) => Ok(self.heap.entries_mut(map).and_then(|map| map.remove(&key)).unwrap_or(Value::Null)),
            _ => Ok(Value::Null),
        }
    }

    fn listed(&mut self, map: MapId, of: impl Fn(&(std::sync::Arc<str>, Value)) -> Value) -> Result<Value, String> {
        let items = self.heap.entries(map).iter().map(of).collect();
        self.heap.list(items, false)
    }
}

fn compared(order: std::cmp::Ordering) -> Value {
    Value::Int(order as i64)
}

/// Where something is in a text, in characters.
fn found(text: &str, at: Option<usize>) -> Value {
    let before = at.and_then(|at| text.get(..at));
    Value::Int(before.map_or(-1, |before| count(before.chars().count())))
}

/// Where a character is in a text, in bytes; its end, too, is a place.
fn offset(text: &str, characters: i64) -> Option<usize> {
    let wanted = usize::try_from(characters).ok()?;
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(wanted)
}

fn regex(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > limits::PATTERN_BYTES_MAX {
        return Err(format!("A regular expression has more than {} bytes", limits::PATTERN_BYTES_MAX));
    }
    let built = RegexBuilder::new(pattern).size_limit(limits::PATTERN_COMPILED_BYTES_MAX).build();
    built.map_err(|error| format!("The regular expression {pattern} cannot be used: {error}"))
}

fn whole(pattern: &str) -> Result<Regex, String> {
    regex(&format!("^(?:{pattern})$"))
}

/// A replacement in Java's words, `$1` and `\$`, in those of the engine here.
fn replacement(java: &str) -> String {
    let (mut made, mut characters) = (String::new(), java.chars().peekable());
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('$') => made.push_str("$$"),
                Some(other) => made.push(other),
                None => {}
            },
            '$' => {
                let mut group = String::new();
                while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                    group.push(digit);
                }
                made.push_str(&if group.is_empty() { "$$".to_owned() } else { format!("${{{group}}}") });
            }
            other => made.push(other),
        }
    }
    made
}
