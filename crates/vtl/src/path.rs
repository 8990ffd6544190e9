//! JSONPath as `$input.path` and parameter mappings take it: members, elements, slices, wildcards, descendants and filters.
//!
//! Source: <https://github.com/json-path/JsonPath>, whose expressions API Gateway takes.

mod read;

use std::cmp::Ordering;

use serde_json::Value;

use crate::limits;

#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    steps: Vec<Step>,
    /// Leads to one value at most, and not to a list of what is found.
    is_definite: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Members(Vec<String>),
    Elements(Vec<i64>),
    Slice(Option<i64>, Option<i64>),
    All,
    Descendants,
    Filter(Condition),
    /// `length()` and the like.
    Function(Function),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Length,
    Keys,
    Sum,
    Min,
    Max,
    Average,
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Box<Condition>),
    Exists(Path),
    Compare(Operand, Comparison, Operand),
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(Path),
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

const COMPARISONS: [(&str, Comparison); 8] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("nin ", Comparison::NotIn),
    ("in ", Comparison::In),
];

impl Path {
    /// Reads a path: `$.a[0]['b']`, `$..a`, `$.a[?(@.b == 'c')]`.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn parse(text: &str) -> Result<Path, String> {
        read::path(text.trim())
    }

    /// What is there; `None` where nothing is. Counts what it looks at, and what it copies, into `steps`.
    ///
    /// # Errors
    /// When that is too much.
    pub fn find(&self, root: &Value, steps: &mut usize) -> Result<Option<Value>, String> {
        let (mut found, mut room) = (vec![Found::Of(root)], limits::BYTES_MAX);
        for step in &self.steps {
            let mut next = Vec::new();
            for value in &found {
                apply(step, value, &mut next, steps, &mut room)?;
                within(*steps)?;
            }
            found = next;
        }
        // A short path finds the same again and again: it is weighed before it is copied.
        for value in &found {
            if let Found::Of(value) = value {
                weigh(value, &mut room)?;
            }
        }
        *steps += (limits::BYTES_MAX - room) / BYTES_PER_STEP;
        within(*steps)?;
        if self.is_definite {
            return Ok(found.into_iter().next().map(Found::owned));
        }
        Ok(Some(Value::Array(found.into_iter().map(Found::owned).collect())))
    }
}

/// What a value takes beside its text.
const VALUE_BYTES: usize = 80;
/// How much of what is found is copied in the time of a step.
const BYTES_PER_STEP: usize = 512;

fn within(steps: usize) -> Result<(), String> {
    if steps > limits::STEPS_MAX { Err("The path looks at too much".into()) } else { Ok(()) }
}

/// Takes what a copy of a value needs out of the room that is left.
fn weigh(value: &Value, room: &mut usize) -> Result<(), String> {
    let own = VALUE_BYTES + value.as_str().map_or(0, str::len);
    *room = room.checked_sub(own).ok_or("The path finds too much")?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| weigh(item, room)),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            *room = room.checked_sub(name.len()).ok_or("The path finds too much")?;
            weigh(member, room)
        }),
        _ => Ok(()),
    }
}

/// A value of a document, or one that was made of it.
#[derive(Clone)]
enum Found<'v> {
    Of(&'v Value),
    Made(Value),
}

impl Found<'_> {
    fn value(&self) -> &Value {
        match self {
            Found::Of(value) => value,
            Found::Made(value) => value,
        }
    }

    fn owned(self) -> Value {
        match self {
            Found::Of(value) => value.clone(),
            Found::Made(value) => value,
        }
    }
}

fn apply<'v>(
    step: &Step,
    found: &Found<'v>,
    next: &mut Vec<Found<'v>>,
    steps: &mut usize,
    room: &mut usize,
) -> Result<(), String> {
    let before = next.len();
    *steps += 1;
    if let Step::Function(function) = step {
        let value = found.value();
        *steps += match value {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            Value::String(text) => text.len() / 64,
            _ => 0,
        };
        if let Some(made) = call(*function, value) {
            weigh(&made, room)?;
            next.push(Found::Made(made));
        }
        return Ok(());
    }
    // Nothing follows a function but nothing.
    let Found::Of(value) = found else { return Ok(()) };
    match (step, value) {
        (Step::Members(names), Value::Object(members)) => {
            next.extend(names.iter().filter_map(|name| members.get(name)).map(Found::Of));
        }
        (Step::Elements(indices), Value::Array(items)) => {
            next.extend(indices.iter().filter_map(|index| items.get(place(*index, items.len())?)).map(Found::Of));
        }
        (Step::Slice(from, to), Value::Array(items)) => {
            let bound = |index: i64| match index {
                0.. => usize::try_from(index).unwrap_or(usize::MAX).min(items.len()),
                _ => items.len().saturating_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX)),
            };
            let (from, to) = (from.map_or(0, bound), to.map_or(items.len(), bound));
            next.extend(items.get(from..to).unwrap_or_default().iter().map(Found::Of));
        }
        (Step::All, Value::Array(items)) => next.extend(items.iter().map(Found::Of)),
        (Step::All, Value::Object(members)) => next.extend(members.values().map(Found::Of)),
        (Step::Descendants, value) => descend(value, next),
        (Step::Filter(condition), Value::Array(items)) => {
            for item in items {
                if holds(condition, item, steps)? {
                    next.push(Found::Of(item));
                }
            }
        }
        (Step::Filter(condition), value @ Value::Object(_)) if holds(condition, value, steps)? => {
            next.push(Found::Of(value));
        }
        _ => {}
    }
    *steps += next.len() - before;
    Ok(())
}

/// A value and everything in it.
fn descend<'v>(value: &'v Value, into: &mut Vec<Found<'v>>) {
    into.push(Found::Of(value));
    match value {
        Value::Array(items) => items.iter().for_each(|item| descend(item, into)),
        Value::Object(members) => members.values().for_each(|member| descend(member, into)),
        _ => {}
    }
}

fn place(index: i64, length: usize) -> Option<usize> {
    match index {
        0.. => usize::try_from(index).ok(),
        _ => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

fn call(function: Function, value: &Value) -> Option<Value> {
    let numbers = || -> Vec<f64> {
        value.as_array().map(|items| items.iter().filter_map(Value::as_f64).collect()).unwrap_or_default()
    };
    let count = |numbers: &[f64]| numbers.len() as f64;
    match (function, value) {
        (Function::Length, Value::Array(items)) => Some(items.len().into()),
        (Function::Length, Value::Object(members)) => Some(members.len().into()),
        (Function::Length, Value::String(text)) => Some(text.chars().count().into()),
        (Function::Keys, Value::Object(members)) => Some(members.keys().cloned().collect()),
        (Function::Sum, Value::Array(_)) => Some(numbers().iter().sum::<f64>().into()),
        (Function::Min, Value::Array(_)) => numbers().into_iter().reduce(f64::min).map(Value::from),
        (Function::Max, Value::Array(_)) => numbers().into_iter().reduce(f64::max).map(Value::from),
        (Function::Average, Value::Array(_)) => {
            let numbers = numbers();
            (!numbers.is_empty()).then(|| (numbers.iter().sum::<f64>() / count(&numbers)).into())
        }
        _ => None,
    }
}

fn holds(condition: &Condition, item: &Value, steps: &mut usize) -> Result<bool, String> {
    *steps += 1;
    match condition {
        Condition::Any(all) => all.iter().try_fold(false, |any, one| Ok(any || holds(one, item, steps)?)),
        Condition::All(all) => all.iter().try_fold(true, |every, one| Ok(every && holds(one, item, steps)?)),
        Condition::Not(inner) => Ok(!holds(inner, item, steps)?),
        Condition::Exists(path) => Ok(match path.find(item, steps)? {
            None => false,
            Some(Value::Array(found)) if !path.is_definite => !found.is_empty(),
            Some(_) => true,
        }),
        Condition::Compare(left, comparison, right) => {
            let value = |operand: &Operand, steps: &mut usize| match operand {
                Operand::Literal(value) => Ok(Some(value.clone())),
                Operand::Path(path) => path.find(item, steps),
            };
            let (left, right) = (value(left, steps)?, value(right, steps)?);
            Ok(compare(left.as_ref(), *comparison, right.as_ref()))
        }
    }
}

fn compare(left: Option<&Value>, comparison: Comparison, right: Option<&Value>) -> bool {
    let equal = |a: Option<&Value>, b: Option<&Value>| match (a.and_then(Value::as_f64), b.and_then(Value::as_f64)) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => a == b,
    };
    let order = || -> Option<Ordering> {
        match (left?, right?) {
            (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
            (a, b) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        }
    };
    let within = || right.and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| equal(left, Some(one))));
    match comparison {
        Comparison::Equal => equal(left, right),
        Comparison::Unequal => !equal(left, right),
        Comparison::Less => order().is_some_and(Ordering::is_lt),
        Comparison::LessOrEqual => order().is_some_and(Ordering::is_le),
        Comparison::Greater => order().is_some_and(Ordering::is_gt),
        Comparison::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
        Comparison::In => within(),
        Comparison::NotIn => !within(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_where_jayways_do() {
        let document = json!({
            "store": {"book": [
                {"title": "A", "price": 8.5, "tags": ["x"]},
                {"title": "B", "price": 12, "isbn": "1"},
                {"title": "C", "price": 9, "isbn": "2"},
            ], "a.b": {"c d": 1}},
            "n": null,
        });
        for (path, expected) in [
            ("$", document.clone()),
            ("$.store.book[0].title", json!("A")),
            ("store.book[-1].title", json!("C")),
            ("$['store']['a.b']['c d']", json!(1)),
            ("$.store.book[*].title", json!(["A", "B", "C"])),
            ("$.store.book[0,2].title", json!(["A", "C"])),
            ("$.store.book[1:].title", json!(["B", "C"])),
            ("$.store.book[:-1].title", json!(["A", "B"])),
            ("$..isbn", json!(["1", "2"])),
            ("$.store.book.length()", json!(3)),
            ("$.store.book[?(@.isbn)].title", json!(["B", "C"])),
            ("$.store.book[?(@.price < 10 && !(@.title == 'A'))].title", json!(["C"])),
            ("$.store.book[?(@.price >= 12 || @.tags[0] == \"x\")].title", json!(["A", "B"])),
            ("$.store.book[?(@.title in ['A', 'C'])].price", json!([8.5, 9])),
            ("$.n", Value::Null),
        ] {
            let found = Path::parse(path).unwrap().find(&document, &mut 0).unwrap();
            assert_eq!(found, Some(expected), "{path}");
        }
        for path in ["$.none", "$.store.book[9]", "$.store.book.title", "$.n.x"] {
            assert_eq!(Path::parse(path).unwrap().find(&document, &mut 0).unwrap(), None, "{path}");
        }
        for path in ["$.", "$[", "$[x]", "$.a[?(", "$.a b", "$.a[?(1)]", "$.a.rate()"] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }

    /// A short path cannot make much of a document.
    #[test]
    fn what_is_found_is_bounded() {
        let document = json!([{"text": "x".repeat(1 << 20)}, "y".repeat(1 << 20)]);
        let zeros = ["0"; 100].join(",");
        for path in [format!("$[{zeros}]"), format!("$[{zeros}].text"), format!("$[{zeros}]..text")] {
            let found = Path::parse(&path).unwrap().find(&document, &mut 0);
            assert_eq!(found, Err("The path finds too much".to_owned()), "{path:.32}");
        }
        let mut steps = 0;
        assert!(Path::parse("$[0,0].text").unwrap().find(&document, &mut steps).unwrap().is_some());
        assert!(steps >= (2 << 20) / BYTES_PER_STEP);
        let named = json!([{"n".repeat(1 << 20): 1}]);
        assert!(Path::parse(&format!("$[{zeros}].keys()")).unwrap().find(&named, &mut 0).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_path_or_none(text in "[$.@\\[\\]()?*!&|='a-c0-9 :,-]{0,24}") {
            if let Ok(path) = Path::parse(&text) {
                let _ = path.find(&json!({"a": [{"b": 1}, 2], "c": {"a": null}}), &mut 0);
            }
        }
    }
}
