//! Patterns that decide which records a function gets.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>

use serde_json::{Map, Value};

use crate::error::Error;

/// A pattern: members that all must match.
#[derive(Debug, PartialEq)]
pub struct Filter(Vec<Member>);

#[derive(Debug, PartialEq)]
enum Member {
    /// A member with a pattern of its own.
    Inner(String, Filter),
    /// A member that must match one of the rules.
    Leaf(String, Vec<Rule>),
    /// `$or`.
    Any(Vec<Filter>),
}

#[derive(Debug, PartialEq)]
enum Rule {
    Equals(Value),
    EqualsIgnoreCase(String),
    Prefix(String),
    Suffix(String),
    Wildcard(String),
    AnythingBut(Vec<Rule>),
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    AtLeast,
    Greater,
}

impl Filter {
    /// # Errors
    /// For text that is not a pattern. JSON's own limit on nesting bounds the recursion.
    pub fn parse(pattern: &str) -> Result<Filter, Error> {
        let parsed = serde_json::from_str::<Map<String, Value>>(pattern).ok().and_then(|pattern| members(&pattern));
        parsed.ok_or_else(|| Error::invalid("Invalid filter pattern definition."))
    }

    pub fn matches(&self, record: &Map<String, Value>) -> bool {
        self.0.iter().all(|member| match member {
            Member::Inner(name, inner) => match record.get(name) {
                Some(Value::Object(object)) => inner.matches(object),
                Some(Value::Array(items)) => {
                    items.iter().any(|item| item.as_object().is_some_and(|object| inner.matches(object)))
                }
                // What is not there can still satisfy a pattern that asks for nothing else.
                None => inner.matches(&Map::new()),
                Some(_) => false,
            },
            Member::Leaf(name, rules) => {
                let value = record.get(name);
                rules.iter().any(|rule| rule.matches_member(value))
            }
            Member::Any(filters) => filters.iter().any(|filter| filter.matches(record)),
        })
    }
}

fn members(pattern: &Map<String, Value>) -> Option<Filter> {
    let member = |(name, value): (&String, &Value)| match value {
        Value::Array(filters) if name == "$or" => {
            let filters = filters.iter().map(|filter| members(filter.as_object()?)).collect::<Option<Vec<_>>>()?;
            (filters.len() > 1).then_some(Member::Any(filters))
        }
        Value::Array(rules) if !rules.is_empty() => {
            Some(Member::Leaf(name.clone(), rules.iter().map(rule).collect::<Option<_>>()?))
        }
        Value::Object(inner) => Some(Member::Inner(name.clone(), members(inner)?)),
        _ => None,
    };
    Some(Filter(pattern.iter().map(member).collect::<Option<_>>()?))
}

fn rule(value: &Value) -> Option<Rule> {
    let object = match value {
        Value::Object(object) => object,
        Value::Array(_) => return None,
        scalar => return Some(Rule::Equals(scalar.clone())),
    };
    let (operator, operand) = object.iter().next().filter(|_| object.len() == 1)?;
    let text = || operand.as_str().map(str::to_owned);
    match operator.as_str() {
        "prefix" => text().map(Rule::Prefix),
        "suffix" => text().map(Rule::Suffix),
        "equals-ignore-case" => text().map(Rule::EqualsIgnoreCase),
        "wildcard" => text().filter(|text| !text.contains("**")).map(Rule::Wildcard),
        "exists" => operand.as_bool().map(Rule::Exists),
        "numeric" => numeric(operand.as_array()?),
        "anything-but" => {
            let rules = match operand {
                Value::Array(values) => values.iter().map(scalar).collect::<Option<Vec<_>>>()?,
                Value::Object(_) => vec![rule(operand).filter(|rule| !matches!(rule, Rule::AnythingBut(_)))?],
                value => vec![scalar(value)?],
            };
            Some(Rule::AnythingBut(rules))
        }
        _ => None,
    }
}

fn scalar(value: &Value) -> Option<Rule> {
    (!value.is_object() && !value.is_array()).then(|| Rule::Equals(value.clone()))
}

fn numeric(operands: &[Value]) -> Option<Rule> {
    let pairs = operands.chunks(2).map(|pair| match pair {
        [operator, number] => {
            let comparison = match operator.as_str()? {
                "<" => Comparison::Less,
                "<=" => Comparison::AtMost,
                "=" => Comparison::Equal,
                ">=" => Comparison::AtLeast,
                ">" => Comparison::Greater,
                _ => return None,
            };
            Some((comparison, number.as_f64()?))
        }
        _ => None,
    });
    pairs.collect::<Option<Vec<_>>>().filter(|pairs| (1..=2).contains(&pairs.len())).map(Rule::Numeric)
}

impl Rule {
    /// A list matches when one of its elements does.
    fn matches_member(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            // Only what is no object counts as a value that is there.
            (Rule::Exists(wanted), value) => *wanted == value.is_some_and(|value| !value.is_object()),
            (_, None) => false,
            (rule, Some(Value::Array(items))) => items.iter().any(|item| rule.matches(item)),
            (rule, Some(value)) => rule.matches(value),
        }
    }

    fn matches(&self, value: &Value) -> bool {
        let text = value.as_str();
        match self {
            Rule::Equals(Value::Number(number)) => value.is_number() && number.as_f64() == value.as_f64(),
            Rule::Equals(wanted) => wanted == value,
            Rule::EqualsIgnoreCase(wanted) => text.is_some_and(|text| text.to_lowercase() == wanted.to_lowercase()),
            Rule::Prefix(prefix) => text.is_some_and(|text| text.starts_with(prefix)),
            Rule::Suffix(suffix) => text.is_some_and(|text| text.ends_with(suffix)),
            Rule::Wildcard(pattern) => text.is_some_and(|text| wildcard(pattern, text)),
            Rule::AnythingBut(rules) => !value.is_object() && !rules.iter().any(|rule| rule.matches(value)),
            Rule::Numeric(pairs) => value.as_f64().is_some_and(|number| {
                pairs.iter().all(|(comparison, bound)| match comparison {
                    Comparison::Less => number < *bound,
                    Comparison::AtMost => number <= *bound,
                    Comparison::Equal => number == *bound,
                    Comparison::AtLeast => number >= *bound,
                    Comparison::Greater => number > *bound,
                })
            }),
            Rule::Exists(wanted) => *wanted,
        }
    }
}

/// `*` stands for any text. The parts between are looked for from left to right, which is enough: the first place
/// where a part is found leaves the most for the rest.
fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(place) = text.find(part) else { return false };
        text = text.get(place + part.len()..).unwrap_or_default();
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(pattern: &Value, record: &Value) -> bool {
        Filter::parse(&pattern.to_string()).unwrap().matches(record.as_object().unwrap())
    }

    #[test]
    fn rules_match_as_documented() {
        let record =
            json!({"body": {"n": 5, "s": "Metric.log", "list": ["a", "b"], "nothing": null, "in": [{"x": 1}]}});
        let body = |pattern: Value| matches(&json!({"body": pattern}), &record);
        let yes = [
            json!({"n": [5.0]}),
            json!({"n": [1, 5]}),
            json!({"n": [{"numeric": [">", 4, "<=", 5]}]}),
            json!({"s": [{"prefix": "Met"}]}),
            json!({"s": [{"suffix": ".log"}]}),
            json!({"s": [{"equals-ignore-case": "METRIC.LOG"}]}),
            json!({"s": [{"wildcard": "M*t*log"}]}),
            json!({"s": [{"anything-but": ["x", "y"]}]}),
            json!({"s": [{"anything-but": {"prefix": "x"}}]}),
            json!({"list": ["b"]}),
            json!({"nothing": [null]}),
            json!({"other": [{"exists": false}], "s": [{"exists": true}]}),
            json!({"in": {"x": [1]}}),
            json!({"$or": [{"n": [7]}, {"s": [{"prefix": "M"}]}]}),
        ];
        for pattern in yes {
            assert!(body(pattern.clone()), "{pattern}");
        }
        let no = [
            json!({"n": ["5"]}),
            json!({"n": [{"numeric": [">", 5]}]}),
            json!({"s": ["Metric"]}),
            json!({"s": [{"wildcard": "M*x"}]}),
            json!({"s": [{"anything-but": "Metric.log"}]}),
            json!({"other": ["x"]}),
            json!({"other": [{"anything-but": "x"}]}),
            json!({"other": {"inner": ["x"]}}),
            json!({"list": [{"exists": false}]}),
            json!({"n": [5], "s": ["x"]}),
        ];
        for pattern in no {
            assert!(!body(pattern.clone()), "{pattern}");
        }
    }

    #[test]
    fn text_and_json_bodies_are_told_apart() {
        assert!(matches(&json!({"body": ["hello"]}), &json!({"body": "hello"})));
        assert!(!matches(&json!({"body": {"a": [1]}}), &json!({"body": "hello"})));
        assert!(!matches(&json!({"body": ["hello"]}), &json!({"body": {"a": 1}})));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let deep = "{\"a\":".repeat(1_000);
        for pattern in ["", "[]", "{\"a\":1}", "{\"a\":[]}", "{\"a\":[[1]]}", "{\"a\":[{\"like\":\"x\"}]}", &deep] {
            assert!(Filter::parse(pattern).is_err());
        }
        let numeric = json!({"a": [{"numeric": [">"]}]});
        assert!(Filter::parse(&numeric.to_string()).is_err());
    }
}
