//! The parameters from before expressions (`Expected`, `QueryFilter`, `ScanFilter`, `KeyConditions`,
//! `AttributeUpdates`), translated into what expressions become.
//!
//! Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html>

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Action, Comparator, Condition, KeyCondition, KeyOperator, Literal, Operand, Path, SetValue};
use super::{Update, UpdateOperand};
use crate::attribute::ValueInput;
use crate::limits::KEY_ATTRIBUTES_MAX;
use crate::validation::attribute_name;
use crate::value::{Kind, Value};

/// `Condition` of the API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConditionInput {
    pub comparison_operator: Option<String>,
    pub attribute_value_list: Option<Vec<ValueInput>>,
}

/// `ExpectedAttributeValue` of the API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExpectedInput {
    pub value: Option<ValueInput>,
    pub exists: Option<bool>,
    pub comparison_operator: Option<String>,
    pub attribute_value_list: Option<Vec<ValueInput>>,
}

/// `AttributeValueUpdate` of the API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttributeUpdateInput {
    pub value: Option<ValueInput>,
    pub action: Option<String>,
}

/// `ConditionalOperator` of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conjunction {
    #[default]
    And,
    Or,
}

impl Conjunction {
    fn join(self, conditions: Vec<Condition>) -> Condition {
        match self {
            Conjunction::Or if !conditions.is_empty() => Condition::Or(conditions),
            // No condition is always met.
            Conjunction::And | Conjunction::Or => Condition::And(conditions),
        }
    }
}

/// The comparison operators, in the order in which AWS's messages list them.
pub const OPERATORS: [&str; 13] = [
    "IN",
    "NULL",
    "BETWEEN",
    "LT",
    "NOT_CONTAINS",
    "EQ",
    "GT",
    "NOT_NULL",
    "NE",
    "LE",
    "BEGINS_WITH",
    "GE",
    "CONTAINS",
];

const INVALID: &str = "One or more parameter values were invalid";

/// A filter from `QueryFilter` or `ScanFilter`.
///
/// # Errors
/// The whole message.
pub fn filter(conditions: &BTreeMap<String, ConditionInput>, conjunction: Conjunction) -> Result<Condition, String> {
    let conditions = conditions.iter().map(|(name, condition)| {
        let values = checked_values(condition)?;
        let operator = condition.comparison_operator.as_deref().unwrap_or_default();
        Ok(meaning(name, operator, &values))
    });
    Ok(conjunction.join(conditions.collect::<Result<_, String>>()?))
}

/// # Errors
/// The whole message.
pub fn key_conditions(conditions: &BTreeMap<String, ConditionInput>) -> Result<KeyCondition, String> {
    let mut keys = Vec::new();
    for (name, condition) in conditions {
        let values = checked_values(condition)?;
        keys.push((name, condition.comparison_operator.as_deref().unwrap_or_default(), values));
    }
    // Their number is judged before what they say.
    if !(1..=KEY_ATTRIBUTES_MAX).contains(&keys.len()) {
        return KeyCondition::new(Vec::new());
    }
    let keys = keys.into_iter().map(|(name, operator, values)| {
        let literals: Vec<Literal> = values.into_iter().map(Literal::new).collect();
        let operator = match (operator, literals.as_slice()) {
            ("EQ", [value]) => KeyOperator::Equal(value.clone()),
            ("LT", [value]) => KeyOperator::Less(value.clone()),
            ("LE", [value]) => KeyOperator::LessOrEqual(value.clone()),
            ("GT", [value]) => KeyOperator::Greater(value.clone()),
            ("GE", [value]) => KeyOperator::GreaterOrEqual(value.clone()),
            ("BEGINS_WITH", [value]) => KeyOperator::BeginsWith(value.clone()),
            ("BETWEEN", [low, high]) => KeyOperator::Between(low.clone(), high.clone()),
            _ => KeyOperator::NotIndexable,
        };
        (name.clone(), operator)
    });
    KeyCondition::new(keys.collect())
}

/// A condition from `Expected`.
///
/// # Errors
/// The whole message.
pub fn expected(expected: &BTreeMap<String, ExpectedInput>, conjunction: Conjunction) -> Result<Condition, String> {
    let conditions = expected.iter().map(|(name, expected)| expectation(name, expected));
    Ok(conjunction.join(conditions.collect::<Result<_, _>>()?))
}

fn expectation(name: &str, expected: &ExpectedInput) -> Result<Condition, String> {
    let ExpectedInput { value, exists, comparison_operator, attribute_value_list } = expected;
    if value.is_some() && attribute_value_list.is_some() {
        return Err(format!("{INVALID}: Value and AttributeValueList cannot be used together for Attribute: {name}"));
    }
    let Some(operator) = comparison_operator else {
        if attribute_value_list.is_some() {
            return Err(format!(
                "{INVALID}: AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}"
            ));
        }
        return existence(name, value.as_ref(), *exists);
    };
    if exists.is_some() {
        return Err(format!("{INVALID}: Exists and ComparisonOperator cannot be used together for Attribute: {name}"));
    }
    let needs_value = operator != "NULL" && operator != "NOT_NULL";
    if needs_value && value.is_none() && attribute_value_list.is_none() {
        return Err(format!(
            "{INVALID}: Value or AttributeValueList must be used with ComparisonOperator: {operator} for Attribute: {name}"
        ));
    }
    let inputs = attribute_value_list.iter().flatten().chain(value);
    let values = valid(inputs)?;
    check_count(operator, values.len())?;
    check_values(operator, &values)?;
    Ok(meaning(name, operator, &values))
}

fn existence(name: &str, value: Option<&ValueInput>, exists: Option<bool>) -> Result<Condition, String> {
    let path = Path::attribute(name);
    match (value, exists) {
        (None, Some(false)) => Ok(Condition::NotExists(path)),
        (Some(_), Some(false)) => {
            Err(format!("{INVALID}: Value cannot be used when Exists is false for Attribute: {name}"))
        }
        (None, exists) => {
            let exists = if exists.is_some() { "true" } else { "null" };
            Err(format!("{INVALID}: Value must be provided when Exists is {exists} for Attribute: {name}"))
        }
        (Some(value), _) => {
            let value = value.0.as_ref().map_err(ToString::to_string)?;
            Ok(Condition::Compare(Comparator::Equal, Operand::Path(path), Operand::Literal(Literal::new(value))))
        }
    }
}

/// What `AttributeUpdates` does.
///
/// # Errors
/// The whole message.
pub fn updates(updates: &BTreeMap<String, AttributeUpdateInput>) -> Result<Update, String> {
    let actions = updates.iter().map(|(name, update)| {
        attribute_name(name)?;
        let value = update.value.as_ref().map(|value| value.0.as_ref().map_err(ToString::to_string)).transpose()?;
        let path = Path::attribute(name.as_str());
        match (update.action.as_deref().unwrap_or("PUT"), value) {
            ("DELETE", None) => Ok(Action::Remove(path)),
            (_, None) => Err(format!("{INVALID}: Only DELETE action is allowed when no attribute value is specified")),
            ("DELETE", Some(value)) if value.kind().is_set() => Ok(Action::Delete(path, value.clone())),
            ("DELETE", Some(value)) => {
                Err(format!("{INVALID}: DELETE action with value is not supported for the type {}", value.kind()))
            }
            ("ADD", Some(value)) if value.kind().is_set() || matches!(value.kind(), Kind::N | Kind::L) => {
                Ok(Action::Add(path, value.clone()))
            }
            ("ADD", Some(value)) => {
                Err(format!("{INVALID}: ADD action is not supported for the type {}", value.kind()))
            }
            (_, Some(value)) => Ok(Action::Set(path, SetValue::Operand(UpdateOperand::Value(value.clone())))),
        }
    });
    Ok(Update { actions: actions.collect::<Result<_, _>>()? })
}

fn valid<'i>(inputs: impl Iterator<Item = &'i ValueInput>) -> Result<Vec<&'i Value>, String> {
    inputs.map(|input| input.0.as_ref().map_err(ToString::to_string)).collect()
}

fn checked_values(condition: &ConditionInput) -> Result<Vec<&Value>, String> {
    let operator = condition.comparison_operator.as_deref().unwrap_or_default();
    let values = valid(condition.attribute_value_list.iter().flatten())?;
    check_count(operator, values.len())?;
    check_values(operator, &values)?;
    Ok(values)
}

fn check_count(operator: &str, count: usize) -> Result<(), String> {
    let fits = match operator {
        "NULL" | "NOT_NULL" => count == 0,
        "BETWEEN" => count == 2,
        "IN" => count >= 1,
        _ => count == 1,
    };
    match fits {
        true => Ok(()),
        false => Err(format!("{INVALID}: Invalid number of argument(s) for the {operator} ComparisonOperator")),
    }
}

fn check_values(operator: &str, values: &[&Value]) -> Result<(), String> {
    let Some(first) = values.first() else { return Ok(()) };
    if values.iter().any(|value| value.kind() != first.kind()) {
        return Err(format!("{INVALID}: AttributeValues inside AttributeValueList must be of same type"));
    }
    let supported = match operator {
        "LE" | "LT" | "GE" | "GT" | "BETWEEN" | "IN" | "CONTAINS" | "NOT_CONTAINS" => first.kind().is_ordered(),
        "BEGINS_WITH" => matches!(first.kind(), Kind::S | Kind::B),
        _ => true,
    };
    if !supported {
        return Err(format!(
            "{INVALID}: ComparisonOperator {operator} is not valid for {} AttributeValue type",
            first.kind()
        ));
    }
    match values {
        [low, high] if operator == "BETWEEN" && Literal::new(low).bytes() > Literal::new(high).bytes() => {
            Err("The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
                .into())
        }
        _ => Ok(()),
    }
}

fn meaning(name: &str, operator: &str, values: &[&Value]) -> Condition {
    let path = || Path::attribute(name);
    let attribute = || Operand::Path(path());
    let mut literals = values.iter().map(|value| Operand::Literal(Literal::new(value)));
    let comparator = match operator {
        "EQ" => Some(Comparator::Equal),
        "NE" => Some(Comparator::NotEqual),
        "LT" => Some(Comparator::Less),
        "LE" => Some(Comparator::LessOrEqual),
        "GT" => Some(Comparator::Greater),
        "GE" => Some(Comparator::GreaterOrEqual),
        _ => None,
    };
    match (operator, literals.next(), literals.next()) {
        ("NULL", ..) => Condition::NotExists(path()),
        ("IN", Some(first), second) => {
            Condition::In(attribute(), [Some(first), second].into_iter().flatten().chain(literals).collect())
        }
        ("BETWEEN", Some(low), Some(high)) => Condition::Between(attribute(), low, high),
        ("BEGINS_WITH", Some(prefix), None) => Condition::BeginsWith(attribute(), prefix),
        ("CONTAINS", Some(element), None) => Condition::Contains(attribute(), element),
        // Unlike a negated `contains`, this one wants the attribute to be there.
        ("NOT_CONTAINS", Some(element), None) => Condition::And(vec![
            Condition::Exists(path()),
            Condition::Not(Box::new(Condition::Contains(attribute(), element))),
        ]),
        (_, Some(value), None) if comparator.is_some() => {
            Condition::Compare(comparator.unwrap_or(Comparator::Equal), attribute(), value)
        }
        _ => Condition::Exists(path()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::attribute::ItemInput;
    use crate::encoding::{ItemRef, encode_item};

    fn item() -> Vec<u8> {
        let item = json!({"n": {"N": "5"}, "s": {"S": "abc"}, "set": {"SS": ["a", "b"]}});
        encode_item(&serde_json::from_value::<ItemInput>(item).unwrap().0.unwrap())
    }

    fn filtered(conditions: Json, conjunction: Conjunction) -> Result<bool, String> {
        let conditions = serde_json::from_value(conditions).unwrap();
        filter(&conditions, conjunction).map(|condition| condition.holds(ItemRef::parse(&item()).unwrap()))
    }

    #[test]
    fn filters() {
        for (name, operator, values, holds) in [
            ("n", "EQ", json!([{"N": "5.0"}]), true),
            ("n", "NE", json!([{"N": "5"}]), false),
            ("none", "NE", json!([{"N": "5"}]), true),
            ("n", "IN", json!([{"N": "1"}, {"N": "2"}, {"N": "5"}]), true),
            ("n", "BETWEEN", json!([{"N": "1"}, {"N": "5"}]), true),
            ("s", "BEGINS_WITH", json!([{"S": "ab"}]), true),
            ("set", "CONTAINS", json!([{"S": "a"}]), true),
            ("set", "NOT_CONTAINS", json!([{"S": "z"}]), true),
            ("none", "NOT_CONTAINS", json!([{"S": "z"}]), false),
            ("none", "NULL", json!([]), true),
            ("n", "NOT_NULL", json!([]), true),
            ("n", "GT", json!([{"N": "5"}]), false),
        ] {
            let conditions = json!({name: {"ComparisonOperator": operator, "AttributeValueList": values}});
            assert_eq!(filtered(conditions, Conjunction::And), Ok(holds), "{name} {operator}");
        }
        let both = json!({"n": {"ComparisonOperator": "NULL"}, "s": {"ComparisonOperator": "NOT_NULL"}});
        assert_eq!(filtered(both.clone(), Conjunction::And), Ok(false));
        assert_eq!(filtered(both, Conjunction::Or), Ok(true));
    }

    #[test]
    fn mistakes_are_named_as_aws_does() {
        for (operator, values, message) in [
            ("EQ", json!([]), "Invalid number of argument(s) for the EQ ComparisonOperator"),
            ("NULL", json!([{"S": "a"}]), "Invalid number of argument(s) for the NULL ComparisonOperator"),
            ("IN", json!([{"S": "a"}, {"N": "1"}]), "AttributeValues inside AttributeValueList must be of same type"),
            ("LT", json!([{"SS": ["a"]}]), "ComparisonOperator LT is not valid for SS AttributeValue type"),
            (
                "BEGINS_WITH",
                json!([{"N": "1"}]),
                "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
            ),
        ] {
            let conditions = json!({"a": {"ComparisonOperator": operator, "AttributeValueList": values}});
            assert_eq!(filtered(conditions, Conjunction::And), Err(format!("{INVALID}: {message}")));
        }
        for (input, message) in [
            (
                json!({"Value": {"S": "a"}, "AttributeValueList": []}),
                "Value and AttributeValueList cannot be used together for Attribute: a",
            ),
            (
                json!({"ComparisonOperator": "EQ", "Exists": true}),
                "Exists and ComparisonOperator cannot be used together for Attribute: a",
            ),
            (
                json!({"ComparisonOperator": "EQ"}),
                "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a",
            ),
            (
                json!({"AttributeValueList": []}),
                "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
            ),
            (json!({}), "Value must be provided when Exists is null for Attribute: a"),
            (json!({"Exists": true}), "Value must be provided when Exists is true for Attribute: a"),
            (
                json!({"Exists": false, "Value": {"S": "a"}}),
                "Value cannot be used when Exists is false for Attribute: a",
            ),
        ] {
            let input = serde_json::from_value(json!({"a": input})).unwrap();
            assert_eq!(expected(&input, Conjunction::And), Err(format!("{INVALID}: {message}")));
        }
        for (input, message) in [
            (json!({"Action": "PUT"}), "Only DELETE action is allowed when no attribute value is specified"),
            (
                json!({"Action": "DELETE", "Value": {"S": "a"}}),
                "DELETE action with value is not supported for the type S",
            ),
            (json!({"Action": "ADD", "Value": {"S": "a"}}), "ADD action is not supported for the type S"),
        ] {
            let input = serde_json::from_value(json!({"a": input})).unwrap();
            assert_eq!(updates(&input), Err(format!("{INVALID}: {message}")));
        }
    }
}
