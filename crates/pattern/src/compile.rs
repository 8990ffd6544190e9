//! From text to what can be matched: every way through a pattern's `$or` is a branch, and every branch a set of paths
//! with the operators of which one must match there.
//!
//! The words of what is refused are those of AWS's compiler, which EventBridge shows to its callers. Names that repeat are
//! no reason: at a path the last operators count, and `$or` may be there several times, each with the ones before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::document::Document;
use crate::event::{Event, PathId, Paths};
use crate::operator::{Bounds, Network, Operator, address};
use crate::solve::Solver;
use crate::wildcard::{self, Wildcard};
use crate::{Invalid, TooComplex};

/// Branches of one pattern. A pattern that fits its service's limit on length can ask for more.
const BRANCHES_MAX: usize = 1_000;
/// Conditions of all branches of one pattern together: what an event is compared with at most.
const CONDITIONS_MAX: usize = 20_000;

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
    conditions: Vec<Condition>,
    /// Places among the conditions, by the names of their paths.
    branches: Vec<Vec<usize>>,
}

/// What is asked of one path: that one of these operators matches there.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub path: PathId,
    pub any_of: Arc<[Operator]>,
}

impl Condition {
    /// Whether it is fulfilled when there is no value.
    pub fn absent(&self) -> bool {
        self.any_of.contains(&Operator::Absent)
    }
}

impl Pattern {
    /// # Errors
    /// When the text is no pattern, and why, in AWS's words.
    pub fn parse(text: &str) -> Result<Pattern, Invalid> {
        let document = serde_json::from_str(text).map_err(|error| Invalid(error.to_string()))?;
        let Document::Object(members) = document else { return Invalid::new("Filter is not an object") };
        let mut compiler = Compiler { work: wildcard::WORK_MAX, ..Compiler::default() };
        let mut ways = Vec::new();
        compiler.object(&mut ways, "", &members, false)?;
        compiler.finish(&ways)
    }

    /// Whether an event matches.
    ///
    /// # Errors
    /// When it takes too much work to find out.
    pub fn matches(&self, event: &Map<String, Value>) -> Result<bool, TooComplex> {
        let event = Event::new(&self.paths, event);
        let mut solver = Solver::new(&self.conditions, &event);
        for branch in &self.branches {
            if solver.holds(branch)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn paths(&self) -> &Paths {
        &self.paths
    }

    pub(crate) fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    pub(crate) fn branches(&self) -> &[Vec<usize>] {
        &self.branches
    }
}

/// A way through the pattern as far as it was read: the last of its steps.
type Way = Option<usize>;

/// What the ways go through. Ways share the steps that they have in common.
#[derive(Default)]
struct Compiler {
    paths: Paths,
    /// By path.
    names: Vec<String>,
    conditions: Vec<Condition>,
    /// Conditions, each with the step before it.
    steps: Vec<(usize, Way)>,
    /// What is left for wildcards.
    work: usize,
}

impl Compiler {
    fn object(
        &mut self,
        ways: &mut Vec<Way>,
        path: &str,
        members: &[(String, Document)],
        within_or: bool,
    ) -> Result<(), Invalid> {
        if members.is_empty() {
            return Invalid::new("Empty objects are not allowed");
        }
        for (name, value) in members {
            if name == "$or" {
                self.either(ways, path, value)?;
                continue;
            }
            if within_or && RESERVED_IN_OR.contains(&name.as_str()) {
                return Invalid::new(format!("{name} is Ruler reserved fieldName which cannot be used inside $or."));
            }
            match value {
                Document::Object(inner) => self.object(ways, &joined(path, name), inner, within_or)?,
                Document::List(values) => self.field(ways, joined(path, name), values)?,
                _ => return Invalid::new(format!("\"{name}\" must be an object or an array")),
            }
        }
        Ok(())
    }

    fn either(&mut self, ways: &mut Vec<Way>, path: &str, value: &Document) -> Result<(), Invalid> {
        let Document::List(alternatives) = value else {
            return Invalid::new("It must be an Array followed with $or.");
        };
        let before = std::mem::take(ways);
        for alternative in alternatives {
            let Document::Object(members) = alternative else {
                return Invalid::new("Only JSON object is allowed in array of $or relationship.");
            };
            let mut own = if before.is_empty() { vec![None] } else { before.clone() };
            self.object(&mut own, path, members, true)?;
            ways.append(&mut own);
            if ways.len() > BRANCHES_MAX {
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

    fn field(&mut self, ways: &mut Vec<Way>, name: String, values: &[Document]) -> Result<(), Invalid> {
        let any_of: Arc<[Operator]> = values.iter().map(operator).collect::<Result<_, _>>()?;
        if any_of.is_empty() {
            return Invalid::new("Empty arrays are not allowed");
        }
        wildcard::check_complexity(any_of.iter().flat_map(wildcards), &mut self.work)?;
        let path = self.paths.add(&name);
        if self.names.len() == path {
            self.names.push(name);
        }
        let condition = self.conditions.len();
        self.conditions.push(Condition { path, any_of });
        if ways.is_empty() {
            ways.push(None);
        }
        few_conditions(self.steps.len() + ways.len())?;
        for way in ways {
            self.steps.push((condition, *way));
            *way = Some(self.steps.len() - 1);
        }
        Ok(())
    }

    fn finish(self, ways: &[Way]) -> Result<Pattern, Invalid> {
        let mut branches = Vec::with_capacity(ways.len());
        let mut all = 0;
        for way in ways {
            let branch = self.branch(*way);
            all += branch.len();
            few_conditions(all)?;
            branches.push(branch);
        }
        Ok(Pattern { paths: self.paths, conditions: self.conditions, branches })
    }

    /// A way's conditions, by the names of their paths.
    fn branch(&self, way: Way) -> Vec<usize> {
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        let mut way = way;
        while let Some((condition, before)) = way.and_then(|step| self.steps.get(step)) {
            let path = self.conditions.get(*condition).map(|condition| condition.path);
            let name = path.and_then(|path| self.names.get(path)).map_or("", String::as_str);
            last.entry(name).or_insert(*condition);
            way = *before;
        }
        last.into_values().collect()
    }
}

fn few_conditions(all: usize) -> Result<(), Invalid> {
    if all > CONDITIONS_MAX {
        return Invalid::new(format!(
            "Rule is too complex - there must be at most {CONDITIONS_MAX} conditions in all ways through $or"
        ));
    }
    Ok(())
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
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
