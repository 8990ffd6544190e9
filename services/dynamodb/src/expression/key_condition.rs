//! Key conditions: which partition a query reads, and which of its sort keys.

use super::condition::{Comparator, Condition, Literal, Operand};
use super::{Path, Scope};
use crate::limits::KEY_ATTRIBUTES_MAX;

/// The conditions on the attributes of a key, one an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCondition {
    pub conditions: Vec<(String, KeyOperator)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyOperator {
    Equal(Literal),
    Less(Literal),
    LessOrEqual(Literal),
    Greater(Literal),
    GreaterOrEqual(Literal),
    Between(Literal, Literal),
    BeginsWith(Literal),
    /// One that no key can be found by, which older parameters may name. It is refused when the key is known.
    NotIndexable,
}

impl KeyCondition {
    /// Parses `KeyConditionExpression`, of which [`KeyCondition::of`] judges later whether it is on a key: other expressions of the
    /// request come in between.
    ///
    /// # Errors
    /// The whole message.
    pub fn parse(text: &str, scope: &mut Scope<'_>) -> Result<Condition, String> {
        Condition::parse(text, scope).map_err(|error| error.in_parameter("KeyConditionExpression"))
    }

    /// # Errors
    /// The whole message.
    pub fn of(condition: Condition) -> Result<KeyCondition, String> {
        let mut conditions = Vec::new();
        collect(condition, &mut conditions)?;
        KeyCondition::new(conditions)
    }

    /// What is wrong with their number where the key has one attribute of a kind.
    pub const COUNT: &str = "Conditions can be of length 1 or 2 only";

    /// # Errors
    /// The whole message, when there are none, or more than any key has attributes.
    pub fn new(conditions: Vec<(String, KeyOperator)>) -> Result<KeyCondition, String> {
        match conditions.len() {
            1..=KEY_ATTRIBUTES_MAX => Ok(KeyCondition { conditions }),
            _ => Err(KeyCondition::COUNT.into()),
        }
    }
}

impl KeyOperator {
    /// Whether a key with these bytes (in their sorting form) meets the condition.
    pub fn matches(&self, key: &[u8]) -> bool {
        match self {
            KeyOperator::Equal(value) => key == value.bytes(),
            KeyOperator::Less(value) => key < value.bytes(),
            KeyOperator::LessOrEqual(value) => key <= value.bytes(),
            KeyOperator::Greater(value) => key > value.bytes(),
            KeyOperator::GreaterOrEqual(value) => key >= value.bytes(),
            KeyOperator::Between(low, high) => (low.bytes()..=high.bytes()).contains(&key),
            KeyOperator::BeginsWith(prefix) => key.starts_with(prefix.bytes()),
            KeyOperator::NotIndexable => false,
        }
    }

    /// The values it compares with.
    pub fn literals(&self) -> impl Iterator<Item = &Literal> {
        let (first, second) = match self {
            KeyOperator::Between(low, high) => (Some(low), Some(high)),
            KeyOperator::NotIndexable => (None, None),
            KeyOperator::Equal(value)
            | KeyOperator::Less(value)
            | KeyOperator::LessOrEqual(value)
            | KeyOperator::Greater(value)
            | KeyOperator::GreaterOrEqual(value)
            | KeyOperator::BeginsWith(value) => (Some(value), None),
        };
        first.into_iter().chain(second)
    }
}

const NESTED_ATTRIBUTE: &str = "KeyConditionExpressions cannot have conditions on nested attributes";
const NESTED_OPERATION: &str = "KeyConditionExpressions cannot contain nested operations";

fn collect(condition: Condition, conditions: &mut Vec<(String, KeyOperator)>) -> Result<(), String> {
    let operator = |name: &str| Err(format!("Invalid operator used in KeyConditionExpression: {name}"));
    let (path, key_operator) = match condition {
        Condition::And(all) => return all.into_iter().try_for_each(|condition| collect(condition, conditions)),
        Condition::Or(_) => return operator("OR"),
        Condition::Not(_) => return operator("NOT"),
        Condition::In(..) => return operator("IN"),
        Condition::Exists(_) => return operator("attribute_exists"),
        Condition::NotExists(_) => return operator("attribute_not_exists"),
        Condition::Type(..) => return operator("attribute_type"),
        Condition::Contains(..) => return operator("contains"),
        Condition::Compare(Comparator::NotEqual, ..) => return operator("<>"),
        Condition::Compare(comparator, left, right) => comparison(comparator, left, right)?,
        Condition::Between(value, low, high) => {
            let path = first_operand("BETWEEN", value)?;
            (path, KeyOperator::Between(literal(low)?, literal(high)?))
        }
        Condition::BeginsWith(value, prefix) => {
            let path = first_operand("begins_with", value)?;
            (path, KeyOperator::BeginsWith(literal(prefix)?))
        }
    };
    if path.is_nested() {
        return Err(NESTED_ATTRIBUTE.into());
    }
    if conditions.iter().any(|(attribute, _)| *attribute == path.attribute) {
        return Err("KeyConditionExpressions must only contain one condition per key".into());
    }
    conditions.push((path.attribute, key_operator));
    Ok(())
}

fn comparison(comparator: Comparator, left: Operand, right: Operand) -> Result<(Path, KeyOperator), String> {
    let (path, comparator, value) = match (left, right) {
        (Operand::Path(path), _) | (_, Operand::Path(path)) if path.is_nested() => return Err(NESTED_ATTRIBUTE.into()),
        (Operand::Path(path), value) => (path, comparator, literal(value)?),
        (Operand::Literal(value), Operand::Path(path)) => (path, comparator.mirrored(), value),
        (Operand::Size(_), _) | (_, Operand::Size(_)) => return Err(NESTED_OPERATION.into()),
        (Operand::Literal(_), Operand::Literal(_)) => {
            return Err("Invalid condition in KeyConditionExpression: No key attribute specified".into());
        }
    };
    let operator = match comparator {
        Comparator::Equal | Comparator::NotEqual => KeyOperator::Equal(value),
        Comparator::Less => KeyOperator::Less(value),
        Comparator::LessOrEqual => KeyOperator::LessOrEqual(value),
        Comparator::Greater => KeyOperator::Greater(value),
        Comparator::GreaterOrEqual => KeyOperator::GreaterOrEqual(value),
    };
    Ok((path, operator))
}

fn first_operand(operator: &str, operand: Operand) -> Result<Path, String> {
    match operand {
        Operand::Path(path) => Ok(path),
        Operand::Size(_) => Err(NESTED_OPERATION.into()),
        Operand::Literal(_) => Err(format!(
            "Invalid condition in KeyConditionExpression: {operator} operator must have the key attribute as its first operand"
        )),
    }
}

fn literal(operand: Operand) -> Result<Literal, String> {
    match operand {
        Operand::Literal(literal) => Ok(literal),
        Operand::Size(_) => Err(NESTED_OPERATION.into()),
        Operand::Path(_) => {
            Err("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::scope::values;
    use crate::value::Value;

    fn parse(text: &str) -> Result<KeyCondition, String> {
        let values = values([(":a", Value::S("a".into()))]);
        KeyCondition::of(KeyCondition::parse(text, &mut Scope::new(None, Some(&values)).unwrap())?)
    }

    #[test]
    fn accepts() {
        let a = || Literal::new(&Value::S("a".into()));
        let conditions = |text| parse(text).unwrap().conditions;
        assert_eq!(conditions("k = :a"), [("k".into(), KeyOperator::Equal(a()))]);
        let both = [("k".into(), KeyOperator::Equal(a())), ("s".into(), KeyOperator::Less(a()))];
        assert_eq!(conditions("(k = :a) AND (:a > s)"), both);
        assert_eq!(conditions("begins_with(k, :a)"), [("k".into(), KeyOperator::BeginsWith(a()))]);
        assert_eq!(conditions("k BETWEEN :a AND :a"), [("k".into(), KeyOperator::Between(a(), a()))]);
    }

    #[test]
    fn mistakes_are_named_as_aws_does() {
        let invalid = "Invalid condition in KeyConditionExpression: ";
        for (text, message) in [
            ("", "Invalid KeyConditionExpression: The expression can not be empty;".to_string()),
            ("a > b or a > c", "Invalid operator used in KeyConditionExpression: OR".into()),
            ("not a > b", "Invalid operator used in KeyConditionExpression: NOT".into()),
            ("a in (b)", "Invalid operator used in KeyConditionExpression: IN".into()),
            ("a <> b", "Invalid operator used in KeyConditionExpression: <>".into()),
            ("contains(a, b)", "Invalid operator used in KeyConditionExpression: contains".into()),
            ("size(a) > b", "KeyConditionExpressions cannot contain nested operations".into()),
            (
                ":a between a and b",
                format!("{invalid}BETWEEN operator must have the key attribute as its first operand"),
            ),
            (
                "begins_with(:a, a)",
                format!("{invalid}begins_with operator must have the key attribute as its first operand"),
            ),
            ("a = b", format!("{invalid}Multiple attribute names used in one condition")),
            ("a.b = c", "KeyConditionExpressions cannot have conditions on nested attributes".into()),
            ("a.b = :a", "KeyConditionExpressions cannot have conditions on nested attributes".into()),
            (":a = :a", format!("{invalid}No key attribute specified")),
            ("a = :a and a > :a", "KeyConditionExpressions must only contain one condition per key".into()),
            (
                "a = :a and b = :a and c = :a and d = :a and e = :a and f = :a and g = :a and h = :a and i = :a",
                KeyCondition::COUNT.into(),
            ),
        ] {
            assert_eq!(parse(text), Err(message), "{text}");
        }
    }
}
