//! Conditions and filters: what they mean, and the checks between what was written and that.

use super::parser::{self, Node};
use super::scope::{Scope, reserved_name};
use super::{Error, Path, update};
use crate::encoding::{ValueRef, encode_value};
use crate::limits::IN_OPERANDS_MAX;
use crate::value::{Kind, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    pub const ALL: [Comparator; 6] = [
        Comparator::Equal,
        Comparator::NotEqual,
        Comparator::Less,
        Comparator::LessOrEqual,
        Comparator::Greater,
        Comparator::GreaterOrEqual,
    ];

    pub fn symbol(self) -> &'static str {
        match self {
            Comparator::Equal => "=",
            Comparator::NotEqual => "<>",
            Comparator::Less => "<",
            Comparator::LessOrEqual => "<=",
            Comparator::Greater => ">",
            Comparator::GreaterOrEqual => ">=",
        }
    }

    /// The comparator that says the same with its sides exchanged.
    pub fn mirrored(self) -> Comparator {
        match self {
            Comparator::Less => Comparator::Greater,
            Comparator::LessOrEqual => Comparator::GreaterOrEqual,
            Comparator::Greater => Comparator::Less,
            Comparator::GreaterOrEqual => Comparator::LessOrEqual,
            same => same,
        }
    }
}

/// A value in an expression, encoded once so that comparing it with stored values is comparing bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    encoded: Vec<u8>,
}

impl Literal {
    pub fn new(value: &Value) -> Literal {
        Literal { encoded: encode_value(value) }
    }

    pub fn value(&self) -> Option<ValueRef<'_>> {
        ValueRef::parse(&self.encoded)
    }

    /// A string's or binary's bytes, or a number's sorting form.
    pub fn bytes(&self) -> &[u8] {
        self.value().map_or(&[], ValueRef::bytes)
    }

    pub fn kind(&self) -> Kind {
        self.value().map_or(Kind::Null, ValueRef::kind)
    }

    /// As AWS shows a value in messages: `N:5`.
    fn shown(&self) -> String {
        let text = self.value().map(|value| match value.kind() {
            Kind::S => value.text().to_string(),
            Kind::N => value.number().to_string(),
            _ => format!("{:?}", value.to_value()),
        });
        format!("{}:{}", self.kind(), text.unwrap_or_default())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    Path(Path),
    Literal(Literal),
    Size(Box<Operand>),
}

impl Operand {
    /// The type, where the expression alone tells.
    fn kind(&self) -> Option<Kind> {
        match self {
            Operand::Path(_) => None,
            Operand::Literal(literal) => Some(literal.kind()),
            Operand::Size(_) => Some(Kind::N),
        }
    }
}

/// A condition over an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Compare(Comparator, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Exists(Path),
    NotExists(Path),
    Type(Operand, Kind),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

impl Condition {
    /// # Errors
    /// The first mistake, in the order in which AWS looks for them.
    pub fn parse(text: &str, scope: &mut Scope<'_>) -> Result<Condition, Error> {
        let node = parser::condition(text)?;
        check_form(&node)?;
        meaning(&node, scope)
    }

    /// Calls `visit` with every path in the condition.
    pub fn paths(&self, visit: &mut impl FnMut(&Path)) {
        match self {
            Condition::Compare(_, left, right)
            | Condition::BeginsWith(left, right)
            | Condition::Contains(left, right) => [left, right].into_iter().for_each(|operand| operand.path(visit)),
            Condition::Between(value, low, high) => {
                [value, low, high].into_iter().for_each(|operand| operand.path(visit));
            }
            Condition::In(value, choices) => {
                value.path(visit);
                choices.iter().for_each(|choice| choice.path(visit));
            }
            Condition::And(conditions) | Condition::Or(conditions) => {
                conditions.iter().for_each(|condition| condition.paths(visit));
            }
            Condition::Not(condition) => condition.paths(visit),
            Condition::Exists(path) | Condition::NotExists(path) => visit(path),
            Condition::Type(operand, _) => operand.path(visit),
        }
    }
}

impl Operand {
    fn path(&self, visit: &mut impl FnMut(&Path)) {
        match self {
            Operand::Path(path) => visit(path),
            Operand::Literal(_) => {}
            Operand::Size(operand) => operand.path(visit),
        }
    }
}

const FUNCTIONS: [(&str, usize); 6] = [
    ("attribute_exists", 1),
    ("attribute_not_exists", 1),
    ("attribute_type", 2),
    ("begins_with", 2),
    ("contains", 2),
    ("size", 1),
];

/// Mistakes that AWS looks for in the whole expression before it resolves anything, the more urgent first.
fn check_form(node: &Node<'_>) -> Result<(), Error> {
    let mut found = Form::default();
    found.visit(node, Place::Condition);
    let Form { parentheses, unknown, misused, reserved } = found;
    parentheses.or(unknown).or(misused).or(reserved).map_or(Ok(()), Err)
}

#[derive(Default)]
struct Form {
    parentheses: Option<Error>,
    unknown: Option<Error>,
    misused: Option<Error>,
    reserved: Option<Error>,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Condition,
    Operand,
}

impl Form {
    fn visit(&mut self, node: &Node<'_>, place: Place) {
        match node {
            Node::Path(path) => {
                if self.reserved.is_none() {
                    self.reserved = reserved_name(path);
                }
            }
            Node::Value(_) => {}
            Node::Call(name, arguments) => {
                if update::FUNCTIONS.contains(name) {
                    self.misused.get_or_insert_with(|| Error::MisusedFunction((*name).to_string()));
                } else if !FUNCTIONS.iter().any(|(function, _)| function == name) {
                    self.unknown.get_or_insert_with(|| Error::UnknownFunction((*name).to_string()));
                } else if (*name == "size") != (place == Place::Operand) {
                    self.misused.get_or_insert_with(|| Error::MisusedFunction((*name).to_string()));
                }
                self.visit_all(arguments, Place::Operand);
            }
            Node::Compare(_, left, right) => {
                self.visit(left, Place::Operand);
                self.visit(right, Place::Operand);
            }
            Node::Between(operands) => self.visit_all(operands.as_slice(), Place::Operand),
            Node::In(value, choices) => {
                self.visit(value, Place::Operand);
                self.visit_all(choices, Place::Operand);
            }
            Node::And(nodes) | Node::Or(nodes) => self.visit_all(nodes, Place::Condition),
            Node::Not(inner) => self.visit(inner, Place::Condition),
            Node::Parentheses(inner) => {
                if matches!(**inner, Node::Parentheses(_)) {
                    self.parentheses.get_or_insert(Error::RedundantParentheses);
                }
                self.visit(inner, place);
            }
        }
    }

    fn visit_all(&mut self, nodes: &[Node<'_>], place: Place) {
        nodes.iter().for_each(|node| self.visit(node, place));
    }
}

fn meaning(node: &Node<'_>, scope: &mut Scope<'_>) -> Result<Condition, Error> {
    let mut all = |nodes: &[Node<'_>]| nodes.iter().map(|node| meaning(node, scope)).collect::<Result<Vec<_>, _>>();
    match node {
        Node::And(nodes) => Ok(Condition::And(all(nodes)?)),
        Node::Or(nodes) => Ok(Condition::Or(all(nodes)?)),
        Node::Not(inner) => Ok(Condition::Not(Box::new(meaning(inner, scope)?))),
        Node::Parentheses(inner) => meaning(inner, scope),
        Node::Compare(comparator, left, right) => compare(*comparator, left, right, scope),
        Node::Between(operands) => between(operands, scope),
        Node::In(value, choices) => is_in(value, choices, scope),
        Node::Call(name, arguments) => call(name, arguments, scope),
        // The grammar lets no operand stand here.
        Node::Path(_) | Node::Value(_) => Err(Error::Empty),
    }
}

/// An operand whose names and values are resolved, its functions not yet checked.
enum Resolved {
    Operand(Operand),
    Size(Vec<Resolved>),
}

impl Resolved {
    fn path(&self) -> Option<&Path> {
        match self {
            Resolved::Operand(Operand::Path(path)) => Some(path),
            _ => None,
        }
    }

    fn check_count(&self) -> Result<(), Error> {
        match self {
            Resolved::Operand(_) => Ok(()),
            Resolved::Size(arguments) if arguments.len() != 1 => {
                Err(Error::OperandCount { function: "size".into(), count: arguments.len() })
            }
            Resolved::Size(arguments) => arguments.iter().try_for_each(Resolved::check_count),
        }
    }

    fn checked(self) -> Result<Operand, Error> {
        match self {
            Resolved::Operand(operand) => Ok(operand),
            Resolved::Size(arguments) => {
                let count = arguments.len();
                let Some(operand) = arguments.into_iter().next() else {
                    return Err(Error::OperandCount { function: "size".into(), count });
                };
                let operand = operand.checked()?;
                match operand.kind() {
                    Some(kind @ (Kind::N | Kind::Bool | Kind::Null)) => Err(operand_type("size", kind)),
                    _ => Ok(Operand::Size(Box::new(operand))),
                }
            }
        }
    }
}

fn resolve(node: &Node<'_>, scope: &mut Scope<'_>) -> Result<Resolved, Error> {
    match node {
        Node::Path(path) => Ok(Resolved::Operand(Operand::Path(scope.path(path)?))),
        Node::Value(name) => Ok(Resolved::Operand(Operand::Literal(Literal::new(scope.value(name)?)))),
        Node::Parentheses(inner) => resolve(inner, scope),
        Node::Call(_, arguments) => Ok(Resolved::Size(resolve_all(arguments, scope)?)),
        // The grammar lets no condition stand here.
        _ => Err(Error::Empty),
    }
}

fn resolve_all(nodes: &[Node<'_>], scope: &mut Scope<'_>) -> Result<Vec<Resolved>, Error> {
    nodes.iter().map(|node| resolve(node, scope)).collect()
}

fn operand_type(function: &str, kind: impl ToString) -> Error {
    Error::OperandType { function: function.to_string(), kind: kind.to_string() }
}

fn check_distinct(operator: &str, left: &Resolved, right: &Resolved) -> Result<(), Error> {
    match (left.path(), right.path()) {
        (Some(left), Some(right)) if left == right => {
            Err(Error::NotDistinct { operator: operator.to_string(), operand: left.to_string() })
        }
        _ => Ok(()),
    }
}

fn check_ordered(operator: &str, operands: &[&Operand]) -> Result<(), Error> {
    match operands.iter().filter_map(|operand| operand.kind()).find(|kind| !kind.is_ordered()) {
        Some(kind) => Err(operand_type(operator, kind)),
        None => Ok(()),
    }
}

fn compare(
    comparator: Comparator,
    left: &Node<'_>,
    right: &Node<'_>,
    scope: &mut Scope<'_>,
) -> Result<Condition, Error> {
    let (left, right) = (resolve(left, scope)?, resolve(right, scope)?);
    left.check_count()?;
    right.check_count()?;
    check_distinct(comparator.symbol(), &left, &right)?;
    let (left, right) = (left.checked()?, right.checked()?);
    if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
        check_ordered(comparator.symbol(), &[&left, &right])?;
    }
    Ok(Condition::Compare(comparator, left, right))
}

fn between(operands: &[Node<'_>; 3], scope: &mut Scope<'_>) -> Result<Condition, Error> {
    let [value, low, high] = operands;
    let [value, low, high] = [resolve(value, scope)?, resolve(low, scope)?, resolve(high, scope)?];
    [&value, &low, &high].into_iter().try_for_each(Resolved::check_count)?;
    let [value, low, high] = [value.checked()?, low.checked()?, high.checked()?];
    check_ordered("BETWEEN", &[&value, &low, &high])?;
    if let (Operand::Literal(low), Operand::Literal(high)) = (&low, &high) {
        let shown = || (low.shown(), high.shown());
        if low.kind() != high.kind() {
            let (low, high) = shown();
            return Err(Error::BetweenTypes { low, high });
        }
        if low.bytes() > high.bytes() {
            let (low, high) = shown();
            return Err(Error::BetweenOrder { low, high });
        }
    }
    Ok(Condition::Between(value, low, high))
}

fn is_in(value: &Node<'_>, choices: &[Node<'_>], scope: &mut Scope<'_>) -> Result<Condition, Error> {
    if choices.len() > IN_OPERANDS_MAX {
        return Err(Error::TooManyInOperands(choices.len()));
    }
    let value = resolve(value, scope)?;
    let choices = resolve_all(choices, scope)?;
    value.check_count()?;
    choices.iter().try_for_each(Resolved::check_count)?;
    choices.iter().try_for_each(|choice| check_distinct("IN", &value, choice))?;
    Ok(Condition::In(value.checked()?, choices.into_iter().map(Resolved::checked).collect::<Result<_, _>>()?))
}

fn call(name: &str, arguments: &[Node<'_>], scope: &mut Scope<'_>) -> Result<Condition, Error> {
    let arguments = resolve_all(arguments, scope)?;
    let count = arguments.len();
    let expected = FUNCTIONS.iter().find(|(function, _)| *function == name).map_or(0, |(_, count)| *count);
    if count != expected {
        return Err(Error::OperandCount { function: name.to_string(), count });
    }
    arguments.iter().try_for_each(Resolved::check_count)?;
    if let [left, right] = arguments.as_slice() {
        check_distinct(name, left, right)?;
    }
    let mut arguments = arguments.into_iter().map(Resolved::checked).collect::<Result<Vec<_>, _>>()?.into_iter();
    match (name, arguments.next(), arguments.next()) {
        ("attribute_exists", Some(Operand::Path(path)), None) => Ok(Condition::Exists(path)),
        ("attribute_not_exists", Some(Operand::Path(path)), None) => Ok(Condition::NotExists(path)),
        ("attribute_type", Some(operand), Some(kind)) => Ok(Condition::Type(operand, attribute_type(&kind)?)),
        ("begins_with", Some(value), Some(prefix)) => {
            let kinds = [value.kind(), prefix.kind()];
            match kinds.into_iter().flatten().find(|kind| !matches!(kind, Kind::S | Kind::B)) {
                Some(kind) => Err(operand_type(name, kind)),
                None => Ok(Condition::BeginsWith(value, prefix)),
            }
        }
        ("contains", Some(container), Some(element)) => Ok(Condition::Contains(container, element)),
        _ => Err(Error::PathRequired(name.to_string())),
    }
}

fn attribute_type(operand: &Operand) -> Result<Kind, Error> {
    let name = match operand {
        Operand::Literal(literal) if literal.kind() == Kind::S => literal.value().map(ValueRef::text),
        _ => None,
    };
    let Some(name) = name else {
        let kind = operand.kind().map_or("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}".to_string(), |kind| kind.to_string());
        return Err(operand_type("attribute_type", kind));
    };
    Kind::parse(name).ok_or_else(|| Error::UnknownType(name.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::expression::scope::values;

    fn message(text: &str) -> String {
        let names = BTreeMap::from([("#a".to_string(), "a".to_string())]);
        let number = |text: &str| Value::N(text.parse().unwrap());
        let values = values([
            (":s", Value::S("text".into())),
            (":one", number("1")),
            (":two", number("2")),
            (":t", Value::Bool(true)),
        ]);
        let mut scope = Scope::new(Some(&names), Some(&values)).unwrap();
        Condition::parse(text, &mut scope).map_or_else(|error| error.to_string(), |_| "fine".into())
    }

    #[test]
    fn mistakes_are_named_as_aws_does() {
        for (text, expected) in [
            ("a = :s", "fine"),
            ("((a = :s))", "The expression has redundant parentheses;"),
            ("((a)) = :s", "The expression has redundant parentheses;"),
            ("(a = :s) AND (b = :s)", "fine"),
            ("f(a) and ((b = c))", "The expression has redundant parentheses;"),
            ("status = :nothing", "Attribute name is a reserved keyword; reserved keyword: status"),
            ("status = :s and f(a)", "Invalid function name; function: f"),
            ("Size(a) = :s", "Invalid function name; function: Size"),
            ("size(a)", "The function is not allowed to be used this way in an expression; function: size"),
            (
                "a = contains(b, :s)",
                "The function is not allowed to be used this way in an expression; function: contains",
            ),
            ("#b = :x", "An expression attribute name used in the document path is not defined; attribute name: #b"),
            ("a = :x", "An expression attribute value used in expression is not defined; attribute value: :x"),
            (
                "contains(a)",
                "Incorrect number of operands for operator or function; operator or function: contains, number of operands: 1",
            ),
            (
                "a = #a",
                "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a]",
            ),
            (
                "contains(a[0].b, #a[0].b)",
                "The first operand must be distinct from the remaining operands for this operator or function; operator: contains, first operand: [a, [0], b]",
            ),
            (
                "attribute_exists(:s)",
                "Operator or function requires a document path; operator or function: attribute_exists",
            ),
            (
                "begins_with(a, :one)",
                "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
            ),
            (
                "size(size(a)) = :one",
                "Incorrect operand type for operator or function; operator or function: size, operand type: N",
            ),
            ("a < :t", "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL"),
            (
                "attribute_type(a, b)",
                "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}",
            ),
            (
                "attribute_type(a, :s)",
                "Invalid attribute type name found; type: text, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
            ),
            (
                "a between :two and :one",
                "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
            ),
            (
                "a between :one and :s",
                "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:text}",
            ),
        ] {
            assert_eq!(message(text), expected, "{text}");
        }
        let many = vec![":s"; 101].join(", ");
        let expected = "The IN operator is provided with too many operands; number of operands: 101";
        assert_eq!(message(&format!("a IN ({many})")), expected);
    }
}
