//! From text to what can be matched: every way through a pattern's `$or` is a branch, and every branch a set of paths
//! with the operators of which one must match there.
//!
//! The words of what is refused are those of AWS's compiler, which EventBridge shows to its callers.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::Invalid;
use crate::document::Document;
use crate::event::{Event, PathId, Paths};
use crate::operator::{Bounds, Network, Operator, address};
use crate::solve;
use crate::wildcard::{Wildcard, check_complexity};

/// Branches of one pattern. A pattern that fits its service's limit on length can ask for more.
const BRANCHES_MAX: usize = 1_000;

/// What stands for something else than a field's name in `$or`.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-complex-example-or>
const RESERVED_IN_OR: [&str; 24] = [
    "exactly",
    "equals-ignore-case",
    "prefix",
    "suffix",
    "anything-but",
    "exists",
    "wildcard",
    "numeric",
    "cidr",
    "=",
    "<",
    "<=",
    ">",
    ">=",
    "regex",
    "not-wildcard",
    "not-equals-ignore-case",
    "date-after",
    "date-on-or-after",
    "date-before",
    "date-on-or-before",
    "in-date-range",
    "ip-address-in-range",
    "ip-address-not-in-range",
];

/// An event pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    paths: Paths,
    branches: Vec<Vec<Condition>>,
}

/// What a branch asks of one path: that one of these operators matches there.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub name: Arc<str>,
    pub path: PathId,
    pub any_of: Arc<[Operator]>,
}

/// Paths, in the order in which they are looked at, with their operators.
type Branch = BTreeMap<String, Arc<[Operator]>>;

impl Pattern {
    /// # Errors
    /// When the text is no pattern, and why, in AWS's words.
    pub fn parse(text: &str) -> Result<Pattern, Invalid> {
        let document = serde_json::from_str(text).map_err(|error| Invalid(error.to_string()))?;
        let Document::Object(members) = document else { return Invalid::new("Filter is not an object") };
        let mut branches = Vec::new();
        object(&mut branches, "", &members, false)?;
        let mut paths = Paths::default();
        let branches = branches.into_iter().map(|branch| conditions(&mut paths, branch)).collect();
        Ok(Pattern { paths, branches })
    }

    pub fn matches(&self, event: &Map<String, Value>) -> bool {
        let event = Event::new(&self.paths, event);
        self.branches.iter().any(|branch| solve::holds(branch, &event))
    }

    pub(crate) fn branches(&self) -> &[Vec<Condition>] {
        &self.branches
    }
}

fn conditions(paths: &mut Paths, branch: Branch) -> Vec<Condition> {
    let condition = |(name, any_of): (String, Arc<[Operator]>)| {
        let path = paths.add(&name);
        Condition { name: name.into(), path, any_of }
    };
    branch.into_iter().map(condition).collect()
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn object(
    branches: &mut Vec<Branch>,
    path: &str,
    members: &[(String, Document)],
    within_or: bool,
) -> Result<(), Invalid> {
    if members.is_empty() {
        return Invalid::new("Empty objects are not allowed");
    }
    for (name, value) in members {
        if name == "$or" {
            either(branches, path, value)?;
            continue;
        }
        if within_or && RESERVED_IN_OR.contains(&name.as_str()) {
            return Invalid::new(format!("{name} is Ruler reserved fieldName which cannot be used inside $or."));
        }
        match value {
            Document::Object(inner) => object(branches, &joined(path, name), inner, within_or)?,
            Document::List(values) => field(branches, &joined(path, name), values)?,
            _ => return Invalid::new(format!("\"{name}\" must be an object or an array")),
        }
    }
    Ok(())
}

fn either(branches: &mut Vec<Branch>, path: &str, value: &Document) -> Result<(), Invalid> {
    let Document::List(alternatives) = value else { return Invalid::new("It must be an Array followed with $or.") };
    let before = std::mem::take(branches);
    for alternative in alternatives {
        let Document::Object(members) = alternative else {
            return Invalid::new("Only JSON object is allowed in array of $or relationship.");
        };
        let mut own = if before.is_empty() { vec![Branch::new()] } else { before.clone() };
        object(&mut own, path, members, true)?;
        branches.append(&mut own);
        if branches.len() > BRANCHES_MAX {
            return Invalid::new(format!(
                "Rule is too complex - there must be at most {BRANCHES_MAX} ways through $or"
            ));
        }
    }
    if alternatives.len() < 2 {
        return Invalid::new("There must have at least 2 Objects in $or relationship.");
    }
    Ok(())
}

fn field(branches: &mut Vec<Branch>, path: &str, values: &[Document]) -> Result<(), Invalid> {
    let operators: Arc<[Operator]> = values.iter().map(operator).collect::<Result<_, _>>()?;
    if operators.is_empty() {
        return Invalid::new("Empty arrays are not allowed");
    }
    check_complexity(operators.iter().flat_map(wildcards))?;
    if branches.is_empty() {
        branches.push(Branch::new());
    }
    for branch in branches {
        branch.insert(path.to_owned(), operators.clone());
    }
    Ok(())
}

fn wildcards(operator: &Operator) -> Vec<&Wildcard> {
    match operator {
        Operator::Wildcard(wildcard) => vec![wildcard],
        Operator::AnythingBut(none) => none.iter().flat_map(wildcards).collect(),
        _ => Vec::new(),
    }
}

fn operator(value: &Document) -> Result<Operator, Invalid> {
    Ok(match value {
        Document::Null => Operator::Null,
        Document::Bool(value) => Operator::Bool(*value),
        Document::Number(number) => Operator::Number(number.clone()),
        Document::Text(text) => address(text).map_or_else(|| Operator::Text(text.clone()), Operator::Address),
        Document::List(_) => return Invalid::new("Match value must be String, number, true, false, or null"),
        Document::Object(members) => expression(members)?,
    })
}

fn expression(members: &[(String, Document)]) -> Result<Operator, Invalid> {
    let Some((name, operand)) = members.first() else { return Invalid::new("Match expression name not found") };
    let operator = match name.as_str() {
        "exactly" => Operator::Text(text(operand, "exact match pattern must be a string")?.to_owned()),
        "prefix" => match operand {
            Document::Object(inner) => Operator::PrefixIgnoreCase(ignoring_case(inner, "prefix")?),
            _ => Operator::Prefix(text(operand, "prefix match pattern must be a string")?.to_owned()),
        },
        "suffix" => match operand {
            Document::Object(inner) => Operator::SuffixIgnoreCase(ignoring_case(inner, "suffix")?),
            _ => Operator::Suffix(text(operand, "suffix match pattern must be a string")?.to_owned()),
        },
        "equals-ignore-case" => {
            Operator::TextIgnoreCase(text(operand, "equals-ignore-case match pattern must be a string")?.to_lowercase())
        }
        "wildcard" => Operator::Wildcard(Wildcard::parse(text(operand, "wildcard match pattern must be a string")?)?),
        // That it speaks of a prefix is AWS's.
        "cidr" => Operator::Cidr(network(text(operand, "prefix match pattern must be a string")?)?),
        "exists" => match operand {
            Document::Bool(true) => Operator::Exists,
            Document::Bool(false) => Operator::Absent,
            _ => return Invalid::new("exists match pattern must be either true or false."),
        },
        "numeric" => match operand {
            Document::List(terms) => numeric(terms)?,
            _ => return Invalid::new("Value of numeric must be an array."),
        },
        "anything-but" => Operator::AnythingBut(anything_but(operand)?),
        other => return Invalid::new(format!("Unrecognized match type {other}")),
    };
    match (members.len(), name.as_str()) {
        (1, _) => Ok(operator),
        (_, "numeric" | "anything-but") => Invalid::new("Too many elements in numeric expression"),
        _ => Invalid::new("Only one key allowed in match expression"),
    }
}

fn text<'a>(operand: &'a Document, otherwise: &str) -> Result<&'a str, Invalid> {
    operand.as_text().ok_or_else(|| Invalid(otherwise.into()))
}

/// The text of `{"equals-ignore-case": text}` within a prefix or a suffix, in lower case.
fn ignoring_case(members: &[(String, Document)], of: &str) -> Result<String, Invalid> {
    let Some((name, operand)) = members.first() else {
        let capital = if of == "prefix" { "Prefix" } else { "Suffix" };
        return Invalid::new(format!("{capital} expression name not found"));
    };
    if name != "equals-ignore-case" {
        return Invalid::new(format!("Unsupported {of} pattern: {name}"));
    }
    let text = text(operand, "equals-ignore-case match pattern must be a string")?;
    if members.len() > 1 {
        return Invalid::new("Only one key allowed in match expression");
    }
    Ok(text.to_lowercase())
}

fn anything_but(operand: &Document) -> Result<Vec<Operator>, Invalid> {
    match operand {
        Document::Object(members) => anything_but_expression(members),
        Document::List(values) => anything_but_list(values),
        Document::Text(text) => Ok(vec![Operator::Text(text.clone())]),
        Document::Number(number) => Ok(vec![Operator::Number(number.clone())]),
        _ => Invalid::new("Value of anything-but must be an array or single string/number value."),
    }
}

fn anything_but_list(values: &[Document]) -> Result<Vec<Operator>, Invalid> {
    let operators = values.iter().map(|value| match value {
        Document::Text(text) => Ok(Operator::Text(text.clone())),
        Document::Number(number) => Ok(Operator::Number(number.clone())),
        _ => Invalid::new("Inside anything but list, start|null|boolean is not supported."),
    });
    let operators: Vec<Operator> = operators.collect::<Result<_, _>>()?;
    let texts = operators.iter().filter(|operator| matches!(operator, Operator::Text(_))).count();
    if operators.is_empty() || (texts > 0 && texts < operators.len()) {
        return Invalid::new(
            "Inside anything but list, either all values are number or string, mixed type is not supported",
        );
    }
    Ok(operators)
}

fn anything_but_expression(members: &[(String, Document)]) -> Result<Vec<Operator>, Invalid> {
    let Some((name, operand)) = members.first() else { return Invalid::new("Anything-But expression name not found") };
    if !matches!(name.as_str(), "equals-ignore-case" | "prefix" | "suffix" | "wildcard") {
        return Invalid::new(format!("Unsupported anything-but pattern: {name}"));
    }
    let values = match operand {
        Document::List(values) => values.as_slice(),
        Document::Text(_) | Document::Number(_) => std::slice::from_ref(operand),
        _ => return Invalid::new("Value of anything-but must be an array or single string/number value."),
    };
    let operators = values.iter().map(|value| but(name, value)).collect::<Result<_, _>>()?;
    if members.len() > 1 {
        return Invalid::new("Too many elements in numeric expression");
    }
    Ok(operators)
}

fn but(name: &str, value: &Document) -> Result<Operator, Invalid> {
    let text = text(
        value,
        match name {
            "equals-ignore-case" => {
                "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
            }
            "wildcard" => "wildcard match pattern must be a string",
            _ => "prefix/suffix match pattern must be a string",
        },
    )?;
    match name {
        "equals-ignore-case" => Ok(Operator::TextIgnoreCase(text.to_lowercase())),
        "wildcard" => Wildcard::parse(text).map(Operator::Wildcard),
        _ if text.is_empty() => Invalid::new("Null prefix/suffix not allowed"),
        "prefix" => Ok(Operator::Prefix(text.to_owned())),
        _ => Ok(Operator::Suffix(text.to_owned())),
    }
}

fn numeric(terms: &[Document]) -> Result<Operator, Invalid> {
    let comparison = match terms.first() {
        Some(Document::Text(comparison)) => comparison.as_str(),
        Some(other) => return Invalid::new(format!("Invalid member in numeric match: {other}")),
        None => return Invalid::new("Invalid member in numeric match: ]"),
    };
    let value = |place: usize, name: &str| {
        let number = terms.get(place).and_then(Document::as_number).and_then(serde_json::Number::as_f64);
        number.ok_or_else(|| Invalid(format!("Value of {name} must be numeric")))
    };
    let only = |bounds: Bounds| match terms.len() {
        2 => Ok(Operator::Numeric(bounds)),
        _ => Invalid::new("Too many elements in numeric expression"),
    };
    match comparison {
        "=" => {
            let value = Some((value(1, "equals")?, true));
            only(Bounds { low: value, high: value })
        }
        "<" | "<=" => only(Bounds { low: None, high: Some((value(1, comparison)?, comparison == "<=")) }),
        ">" | ">=" => {
            let low = Some((value(1, comparison)?, comparison == ">="));
            let high = match terms.get(2) {
                None => None,
                Some(Document::Text(upper)) if upper == "<" || upper == "<=" => Some((value(3, upper)?, upper == "<=")),
                Some(Document::Text(other)) => {
                    return Invalid::new(format!("Bad numeric range operator: {other}"));
                }
                Some(other) => return Invalid::new(format!("Bad value in numeric range: {other}")),
            };
            if terms.len() > 4 {
                return Invalid::new("Too many terms in numeric range expression");
            }
            if low.zip(high).is_some_and(|((low, _), (high, _))| low >= high) {
                return Invalid::new("Bottom must be less than top");
            }
            Ok(Operator::Numeric(Bounds { low, high }))
        }
        other => Invalid::new(format!("Unrecognized numeric range operator: {other}")),
    }
}

fn network(text: &str) -> Result<Network, Invalid> {
    let (written, bits) = match text.split_once('/') {
        Some((written, bits)) if !bits.is_empty() && !bits.contains('/') => (written, bits),
        _ => return Invalid::new("Malformed CIDR, one '/' required"),
    };
    let Ok(bits) = bits.parse::<i32>() else {
        return Invalid::new("Malformed CIDR, mask bits must be an integer");
    };
    let Ok(bits) = u32::try_from(bits) else {
        return Invalid::new("Malformed CIDR, mask bits must not be negative");
    };
    let Some(address) = address(written) else { return Invalid::new(format!("Nonstandard IP address: {written}")) };
    match address {
        _ if address.is_ipv4() && bits > 31 => Invalid::new("IPv4 mask bits must be < 32"),
        _ if bits > 127 => Invalid::new("IPv6 mask bits must be < 128"),
        address => Ok(Network { address, bits }),
    }
}
