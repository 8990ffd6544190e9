//! Applies updates to an item in memory.

use super::update::{Action, SetValue, Update, UpdateOperand};
use super::{Path, Step};
use crate::number::NumberError;
use crate::value::{Item, Value};

/// Why an update does not fit the item it met, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    #[error("The provided expression refers to an attribute that does not exist in the item")]
    MissingAttribute,
    #[error("The document path provided in the update expression is invalid for update")]
    InvalidPath,
    #[error("An operand in the update expression has an incorrect data type")]
    IncorrectType,
    #[error(transparent)]
    Number(#[from] NumberError),
}

impl Update {
    /// Changes `item`. All operands are read from it as it was before, whatever the order of the actions.
    ///
    /// # Errors
    /// When the item does not fit; it may be half changed then.
    pub fn apply(&self, item: &mut Item) -> Result<(), ApplyError> {
        let mut sets = Vec::new();
        for action in &self.actions {
            match action {
                Action::Set(path, value) => sets.push((path, evaluate(value, item)?)),
                Action::Add(path, value) => sets.push((path, sum(find(path, item), value)?)),
                Action::Remove(_) | Action::Delete(..) => {}
            }
        }
        // Elements beyond the end of a list are appended in the order of their indexes.
        sets.sort_by_key(|(path, _)| last_index(path));
        for (path, value) in sets {
            set(path, value, item)?;
        }
        for action in &self.actions {
            if let Action::Delete(path, elements) = action {
                delete(path, elements, item)?;
            }
        }
        // From the back, so that removing an element of a list does not move those still to go.
        let mut removals: Vec<&Path> = self.actions.iter().filter_map(removed).collect();
        removals.sort_by_key(|path| std::cmp::Reverse(last_index(path)));
        removals.into_iter().try_for_each(|path| remove(path, item))
    }
}

fn removed(action: &Action) -> Option<&Path> {
    match action {
        Action::Remove(path) => Some(path),
        _ => None,
    }
}

fn last_index(path: &Path) -> Option<usize> {
    match path.steps.last() {
        Some(Step::Index(index)) => Some(*index),
        _ => None,
    }
}

fn find<'i>(path: &Path, item: &'i Item) -> Option<&'i Value> {
    path.steps.iter().try_fold(item.get(&path.attribute)?, |value, step| match (step, value) {
        (Step::Key(key), Value::M(map)) => map.get(key),
        (Step::Index(index), Value::L(list)) => list.get(*index),
        _ => None,
    })
}

fn evaluate(value: &SetValue, item: &Item) -> Result<Value, ApplyError> {
    match value {
        SetValue::Operand(operand) => read(operand, item),
        SetValue::Plus(left, right) => match (read(left, item)?, read(right, item)?) {
            (Value::N(left), Value::N(right)) => Ok(Value::N(left.plus(right)?)),
            _ => Err(ApplyError::IncorrectType),
        },
        SetValue::Minus(left, right) => match (read(left, item)?, read(right, item)?) {
            (Value::N(left), Value::N(right)) => Ok(Value::N(left.minus(right)?)),
            _ => Err(ApplyError::IncorrectType),
        },
    }
}

fn read(operand: &UpdateOperand, item: &Item) -> Result<Value, ApplyError> {
    match operand {
        UpdateOperand::Value(value) => Ok(value.clone()),
        UpdateOperand::Path(path) => find(path, item).cloned().ok_or(ApplyError::MissingAttribute),
        UpdateOperand::IfNotExists(path, otherwise) => match find(path, item) {
            Some(value) => Ok(value.clone()),
            None => read(otherwise, item),
        },
        UpdateOperand::ListAppend(left, right) => match (read(left, item)?, read(right, item)?) {
            (Value::L(mut left), Value::L(right)) => {
                left.extend(right);
                Ok(Value::L(left))
            }
            _ => Err(ApplyError::IncorrectType),
        },
    }
}

/// What `ADD` makes of the value there was.
fn sum(before: Option<&Value>, added: &Value) -> Result<Value, ApplyError> {
    let Some(before) = before else { return Ok(added.clone()) };
    Ok(match (before.clone(), added.clone()) {
        (Value::N(before), Value::N(added)) => Value::N(before.plus(added)?),
        (Value::Ss(before), Value::Ss(added)) => Value::Ss(before.into_iter().chain(added).collect()),
        (Value::Ns(before), Value::Ns(added)) => Value::Ns(before.into_iter().chain(added).collect()),
        (Value::Bs(before), Value::Bs(added)) => Value::Bs(before.into_iter().chain(added).collect()),
        (Value::L(before), Value::L(added)) => Value::L(before.into_iter().chain(added).collect()),
        _ => return Err(ApplyError::IncorrectType),
    })
}

/// The list or map that holds the last step of a nested path.
fn parent<'i>(path: &Path, item: &'i mut Item) -> Option<&'i mut Value> {
    let (_, steps) = path.steps.split_last()?;
    steps.iter().try_fold(item.get_mut(&path.attribute)?, |value, step| match (step, value) {
        (Step::Key(key), Value::M(map)) => map.get_mut(key),
        (Step::Index(index), Value::L(list)) => list.get_mut(*index),
        _ => None,
    })
}

fn set(path: &Path, value: Value, item: &mut Item) -> Result<(), ApplyError> {
    let Some(last) = path.steps.last() else {
        item.insert(path.attribute.clone(), value);
        return Ok(());
    };
    match (last, parent(path, item)) {
        (Step::Key(key), Some(Value::M(map))) => {
            map.insert(key.clone(), value);
        }
        (Step::Index(index), Some(Value::L(list))) => match list.get_mut(*index) {
            Some(element) => *element = value,
            None => list.push(value),
        },
        _ => return Err(ApplyError::InvalidPath),
    }
    Ok(())
}

fn remove(path: &Path, item: &mut Item) -> Result<(), ApplyError> {
    let Some(last) = path.steps.last() else {
        item.remove(&path.attribute);
        return Ok(());
    };
    match (last, parent(path, item)) {
        (Step::Key(key), Some(Value::M(map))) => {
            map.remove(key);
        }
        (Step::Index(index), Some(Value::L(list))) => {
            if *index < list.len() {
                list.remove(*index);
            }
        }
        _ => return Err(ApplyError::InvalidPath),
    }
    Ok(())
}

/// Takes elements from a set; a set that becomes empty goes away with its attribute.
fn delete(path: &Path, elements: &Value, item: &mut Item) -> Result<(), ApplyError> {
    let emptied = match find(path, item).cloned() {
        None if path.is_nested() && parent(path, item).is_none() => return Err(ApplyError::InvalidPath),
        None => return Ok(()),
        Some(before) => difference(before, elements)?,
    };
    match emptied {
        Some(rest) => set(path, rest, item),
        None => remove(path, item),
    }
}

/// What is left of a set; `None` when nothing is.
fn difference(before: Value, elements: &Value) -> Result<Option<Value>, ApplyError> {
    Ok(match (before, elements) {
        (Value::Ss(mut set), Value::Ss(elements)) => {
            set.retain(|element| !elements.contains(element));
            (!set.is_empty()).then_some(Value::Ss(set))
        }
        (Value::Ns(mut set), Value::Ns(elements)) => {
            set.retain(|element| !elements.contains(element));
            (!set.is_empty()).then_some(Value::Ns(set))
        }
        (Value::Bs(mut set), Value::Bs(elements)) => {
            set.retain(|element| !elements.contains(element));
            (!set.is_empty()).then_some(Value::Bs(set))
        }
        _ => return Err(ApplyError::IncorrectType),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value as Json, json};

    use super::*;
    use crate::attribute::{ItemInput, ValueInput};
    use crate::encoding::{ItemRef, encode_item};
    use crate::expression::Scope;

    fn apply(text: &str, item: Json, values: Json) -> Result<Json, String> {
        let mut item = serde_json::from_value::<ItemInput>(item).unwrap().0.unwrap();
        let values: BTreeMap<String, ValueInput> = serde_json::from_value(values).unwrap();
        let mut scope = Scope::new(None, (!values.is_empty()).then_some(&values)).unwrap();
        let update = Update::parse(text, &mut scope).map_err(|error| error.to_string())?;
        update.apply(&mut item).map_err(|error| error.to_string())?;
        Ok(serde_json::to_value(ItemRef::parse(&encode_item(&item)).unwrap()).unwrap())
    }

    #[test]
    fn changes() {
        let letters = |text: &str| json!({"L": text.chars().map(|c| json!({"S": c.to_string()})).collect::<Vec<_>>()});
        for (text, before, values, after) in [
            ("SET a = a + :v", json!({"a": {"N": "1"}}), json!({":v": {"N": "2"}}), json!({"a": {"N": "3"}})),
            (
                "SET a = b, b = a",
                json!({"a": {"N": "1"}, "b": {"N": "2"}}),
                json!({}),
                json!({"a": {"N": "2"}, "b": {"N": "1"}}),
            ),
            ("SET a = if_not_exists(a, :v) - :v", json!({}), json!({":v": {"N": "2"}}), json!({"a": {"N": "0"}})),
            (
                "SET a = list_append(:v, a)",
                json!({"a": letters("b")}),
                json!({":v": letters("a")}),
                json!({"a": letters("ab")}),
            ),
            (
                "SET a[9] = :y, a[7] = :x REMOVE a[0]",
                json!({"a": letters("ab")}),
                json!({":x": {"S": "x"}, ":y": {"S": "y"}}),
                json!({"a": letters("bxy")}),
            ),
            (
                "REMOVE a[0], a[2], b",
                json!({"a": letters("abcd"), "b": {"S": "x"}}),
                json!({}),
                json!({"a": letters("bd")}),
            ),
            (
                "SET a.b = :v",
                json!({"a": {"M": {}}}),
                json!({":v": {"S": "x"}}),
                json!({"a": {"M": {"b": {"S": "x"}}}}),
            ),
            ("ADD a :v", json!({}), json!({":v": {"N": "5"}}), json!({"a": {"N": "5"}})),
            (
                "ADD a :v",
                json!({"a": {"SS": ["x"]}}),
                json!({":v": {"SS": ["x", "y"]}}),
                json!({"a": {"SS": ["x", "y"]}}),
            ),
            (
                "DELETE a :v",
                json!({"a": {"SS": ["x", "y"]}}),
                json!({":v": {"SS": ["x", "z"]}}),
                json!({"a": {"SS": ["y"]}}),
            ),
            ("DELETE a :v", json!({"a": {"SS": ["x"]}}), json!({":v": {"SS": ["x"]}}), json!({})),
            ("DELETE a :v", json!({}), json!({":v": {"SS": ["x"]}}), json!({})),
        ] {
            assert_eq!(apply(text, before, values), Ok(after), "{text}");
        }
    }

    #[test]
    fn misfits() {
        let missing = "The provided expression refers to an attribute that does not exist in the item";
        let path = "The document path provided in the update expression is invalid for update";
        let kind = "An operand in the update expression has an incorrect data type";
        for (text, before, values, message) in [
            ("SET a = a + :v", json!({}), json!({":v": {"N": "2"}}), missing),
            ("SET a.b = :v", json!({}), json!({":v": {"N": "2"}}), path),
            ("SET a[0] = :v", json!({"a": {"S": "x"}}), json!({":v": {"N": "2"}}), path),
            ("REMOVE a.b", json!({}), json!({}), path),
            ("SET a = a + :v", json!({"a": {"S": "x"}}), json!({":v": {"N": "2"}}), kind),
            ("SET a = list_append(a, :v)", json!({"a": {"S": "x"}}), json!({":v": {"L": []}}), kind),
            ("ADD a :v", json!({"a": {"S": "x"}}), json!({":v": {"N": "2"}}), kind),
            ("DELETE a :v", json!({"a": {"NS": ["1"]}}), json!({":v": {"SS": ["x"]}}), kind),
            (
                "SET a = a + :v",
                json!({"a": {"N": "9e125"}}),
                json!({":v": {"N": "9e125"}}),
                "Number overflow. Attempting to store a number with magnitude larger than supported range",
            ),
        ] {
            assert_eq!(apply(text, before, values), Err(message.to_string()), "{text}");
        }
    }
}
