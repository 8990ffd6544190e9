//! Update expressions: what they mean, and the checks between what was written and that.

use super::parser::{self, Assigned, Clause, Node, Sections};
use super::path::check_disjoint;
use super::scope::{Scope, reserved_name};
use super::{Error, Path, Projection};
use crate::value::{Kind, Value};

/// What to do to an item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Set(Path, SetValue),
    Remove(Path),
    /// Adds to a number, or elements to a set (and, in the older `AttributeUpdates`, to a list).
    Add(Path, Value),
    /// Takes elements from a set.
    Delete(Path, Value),
}

#[derive(Clone, Debug, PartialEq)]
pub enum SetValue {
    Operand(UpdateOperand),
    Plus(UpdateOperand, UpdateOperand),
    Minus(UpdateOperand, UpdateOperand),
}

#[derive(Clone, Debug, PartialEq)]
pub enum UpdateOperand {
    Path(Path),
    Value(Value),
    IfNotExists(Path, Box<UpdateOperand>),
    ListAppend(Box<UpdateOperand>, Box<UpdateOperand>),
}

impl Action {
    pub fn path(&self) -> &Path {
        match self {
            Action::Set(path, _) | Action::Remove(path) | Action::Add(path, _) | Action::Delete(path, _) => path,
        }
    }

    /// The type this leaves its attribute with, where the expression alone tells.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Action::Set(_, SetValue::Operand(operand)) => operand.kind(),
            Action::Set(..) => Some(Kind::N),
            Action::Add(_, value) | Action::Delete(_, value) => Some(value.kind()),
            Action::Remove(_) => None,
        }
    }
}

impl UpdateOperand {
    fn kind(&self) -> Option<Kind> {
        match self {
            UpdateOperand::Path(_) => None,
            UpdateOperand::Value(value) => Some(value.kind()),
            UpdateOperand::IfNotExists(_, otherwise) => otherwise.kind(),
            UpdateOperand::ListAppend(..) => Some(Kind::L),
        }
    }

    fn paths(&self, visit: &mut impl FnMut(&Path)) {
        match self {
            UpdateOperand::Path(path) => visit(path),
            UpdateOperand::Value(_) => {}
            UpdateOperand::IfNotExists(path, otherwise) => {
                visit(path);
                otherwise.paths(visit);
            }
            UpdateOperand::ListAppend(left, right) => {
                left.paths(visit);
                right.paths(visit);
            }
        }
    }
}

impl Update {
    /// # Errors
    /// The first mistake, in the order in which AWS looks for them.
    pub fn parse(text: &str, scope: &mut Scope<'_>) -> Result<Update, Error> {
        let sections = parser::update(text)?;
        check_form(&sections)?;
        let clauses: Vec<&Clause<'_>> = sections.iter().flat_map(|(_, clauses)| clauses).collect();
        // Names come first in all clauses, then values: that is the order of AWS's complaints.
        let paths = clauses.iter().map(|clause| scope.path(clause.path())).collect::<Result<Vec<_>, _>>()?;
        for clause in &clauses {
            clause.operands(&mut |node| resolve_names(node, scope))?;
        }
        for clause in &clauses {
            clause.values(&mut |name| scope.value(name).map(|_| ()))?;
        }
        check_disjoint(paths.iter())?;
        for clause in &clauses {
            check_action_operand(clause, scope)?;
        }
        let actions = clauses.into_iter().zip(paths).map(|(clause, path)| action(clause, path, scope));
        Ok(Update { actions: actions.collect::<Result<_, _>>()? })
    }

    /// # Errors
    /// When the paths of two actions are not apart.
    pub fn of(actions: Vec<Action>) -> Result<Update, Error> {
        check_disjoint(actions.iter().map(Action::path))?;
        Ok(Update { actions })
    }

    /// Whether all that it does is to take something away.
    pub fn only_takes(&self) -> bool {
        let takes = |action: &Action| matches!(action, Action::Remove(_) | Action::Delete(..));
        !self.actions.is_empty() && self.actions.iter().all(takes)
    }

    /// The paths this touches.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.actions.iter().map(Action::path)
    }

    /// Calls `visit` with every path in it: also those that are only read.
    pub fn all_paths(&self, visit: &mut impl FnMut(&Path)) {
        for action in &self.actions {
            visit(action.path());
            match action {
                Action::Set(_, SetValue::Operand(operand)) => operand.paths(visit),
                Action::Set(_, SetValue::Plus(left, right) | SetValue::Minus(left, right)) => {
                    left.paths(visit);
                    right.paths(visit);
                }
                Action::Remove(_) | Action::Add(..) | Action::Delete(..) => {}
            }
        }
    }

    /// The parts of an item this touches: what `UPDATED_OLD` and `UPDATED_NEW` return.
    pub fn projection(&self) -> Projection {
        Projection::of(self.paths())
    }
}

impl<'e> Clause<'e> {
    fn path(&self) -> &parser::Path<'e> {
        match self {
            Clause::Set(path, _) | Clause::Remove(path) | Clause::Add(path, _) | Clause::Delete(path, _) => path,
        }
    }

    /// Visits the operands of a `SET`.
    fn operands(&self, visit: &mut impl FnMut(&Node<'e>) -> Result<(), Error>) -> Result<(), Error> {
        match self {
            Clause::Set(_, Assigned::Operand(operand)) => visit(operand),
            Clause::Set(_, Assigned::Plus(left, right) | Assigned::Minus(left, right)) => {
                visit(left)?;
                visit(right)
            }
            Clause::Remove(_) | Clause::Add(..) | Clause::Delete(..) => Ok(()),
        }
    }

    /// Visits every `:value`.
    fn values(&self, visit: &mut impl FnMut(&'e str) -> Result<(), Error>) -> Result<(), Error> {
        match self {
            Clause::Add(_, name) | Clause::Delete(_, name) => visit(name),
            _ => self.operands(&mut |node| node_values(node, visit)),
        }
    }
}

fn node_values<'e>(node: &Node<'e>, visit: &mut impl FnMut(&'e str) -> Result<(), Error>) -> Result<(), Error> {
    match node {
        Node::Value(name) => visit(name),
        Node::Call(_, arguments) => arguments.iter().try_for_each(|argument| node_values(argument, visit)),
        _ => Ok(()),
    }
}

fn resolve_names(node: &Node<'_>, scope: &mut Scope<'_>) -> Result<(), Error> {
    match node {
        Node::Path(path) => scope.path(path).map(|_| ()),
        Node::Call(_, arguments) => arguments.iter().try_for_each(|argument| resolve_names(argument, scope)),
        _ => Ok(()),
    }
}

const IF_NOT_EXISTS: &str = "if_not_exists";
const LIST_APPEND: &str = "list_append";
/// Those that conditions do not have.
pub(super) const FUNCTIONS: [&str; 2] = [IF_NOT_EXISTS, LIST_APPEND];

/// Mistakes that AWS looks for in the whole expression before it resolves anything, the more urgent first.
fn check_form(sections: &Sections<'_>) -> Result<(), Error> {
    let clauses = || sections.iter().flat_map(|(_, clauses)| clauses);
    for clause in clauses() {
        if let Some(reserved) = reserved_name(clause.path()) {
            return Err(reserved);
        }
        clause.operands(&mut check_reserved)?;
    }
    clauses().try_for_each(|clause| clause.operands(&mut check_functions))?;
    for (at, (section, _)) in sections.iter().enumerate() {
        if sections.iter().take(at).any(|(earlier, _)| earlier == section) {
            return Err(Error::RepeatedSection(section));
        }
    }
    Ok(())
}

fn check_reserved(node: &Node<'_>) -> Result<(), Error> {
    match node {
        Node::Path(path) => reserved_name(path).map_or(Ok(()), Err),
        Node::Call(_, arguments) => arguments.iter().try_for_each(check_reserved),
        _ => Ok(()),
    }
}

fn check_functions(node: &Node<'_>) -> Result<(), Error> {
    match node {
        Node::Call(name, _) if !FUNCTIONS.contains(name) => Err(Error::UnknownFunction((*name).to_string())),
        // Lists are joined two at a time, for whatever reason.
        Node::Call("list_append", arguments)
            if arguments.iter().any(|argument| matches!(argument, Node::Call("list_append", _))) =>
        {
            Err(Error::MisusedFunction("list_append".into()))
        }
        Node::Call(_, arguments) => arguments.iter().try_for_each(check_functions),
        _ => Ok(()),
    }
}

fn check_action_operand(clause: &Clause<'_>, scope: &mut Scope<'_>) -> Result<(), Error> {
    let (operator, name) = match clause {
        Clause::Add(_, name) => ("ADD", name),
        Clause::Delete(_, name) => ("DELETE", name),
        Clause::Set(..) | Clause::Remove(_) => return Ok(()),
    };
    let kind = scope.value(name)?.kind();
    if kind.is_set() || (operator == "ADD" && kind == Kind::N) {
        return Ok(());
    }
    Err(Error::ActionOperandType { operator, kind: kind.long_name() })
}

fn action(clause: &Clause<'_>, path: Path, scope: &mut Scope<'_>) -> Result<Action, Error> {
    Ok(match clause {
        Clause::Remove(_) => Action::Remove(path),
        Clause::Add(_, name) => Action::Add(path, scope.value(name)?.clone()),
        Clause::Delete(_, name) => Action::Delete(path, scope.value(name)?.clone()),
        Clause::Set(_, Assigned::Operand(node)) => Action::Set(path, SetValue::Operand(operand(node, scope)?)),
        Clause::Set(_, Assigned::Plus(left, right)) => {
            let (left, right) = numbers("+", left, right, scope)?;
            Action::Set(path, SetValue::Plus(left, right))
        }
        Clause::Set(_, Assigned::Minus(left, right)) => {
            let (left, right) = numbers("-", left, right, scope)?;
            Action::Set(path, SetValue::Minus(left, right))
        }
    })
}

fn numbers(
    operator: &str,
    left: &Node<'_>,
    right: &Node<'_>,
    scope: &mut Scope<'_>,
) -> Result<(UpdateOperand, UpdateOperand), Error> {
    let (left, right) = (operand(left, scope)?, operand(right, scope)?);
    check_kind(operator, &left, Kind::N)?;
    check_kind(operator, &right, Kind::N)?;
    Ok((left, right))
}

fn check_kind(function: &str, operand: &UpdateOperand, expected: Kind) -> Result<(), Error> {
    match operand.kind() {
        Some(kind) if kind != expected => {
            Err(Error::OperandType { function: function.to_string(), kind: kind.to_string() })
        }
        _ => Ok(()),
    }
}

fn operand(node: &Node<'_>, scope: &mut Scope<'_>) -> Result<UpdateOperand, Error> {
    match node {
        Node::Path(path) => Ok(UpdateOperand::Path(scope.path(path)?)),
        Node::Value(name) => Ok(UpdateOperand::Value(scope.value(name)?.clone())),
        Node::Call(name, arguments) => {
            let [first, second] = arguments.as_slice() else {
                return Err(Error::OperandCount { function: (*name).to_string(), count: arguments.len() });
            };
            let (first, second) = (operand(first, scope)?, Box::new(operand(second, scope)?));
            if *name == LIST_APPEND {
                check_kind(name, &first, Kind::L)?;
                check_kind(name, &second, Kind::L)?;
                return Ok(UpdateOperand::ListAppend(Box::new(first), second));
            }
            match first {
                UpdateOperand::Path(path) => Ok(UpdateOperand::IfNotExists(path, second)),
                _ => Err(Error::PathRequired((*name).to_string())),
            }
        }
        // The grammar lets nothing else stand here.
        _ => Err(Error::Empty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::scope::values;

    fn message(text: &str) -> String {
        let values =
            values([(":s", Value::S("text".into())), (":n", Value::N("1".parse().unwrap())), (":l", Value::L(vec![]))]);
        let mut scope = Scope::new(None, Some(&values)).unwrap();
        Update::parse(text, &mut scope).map_or_else(|error| error.to_string(), |_| "fine".into())
    }

    #[test]
    fn mistakes_are_named_as_aws_does() {
        for (text, expected) in [
            ("SET a = :s", "fine"),
            ("SET a = :s REMOVE status", "Attribute name is a reserved keyword; reserved keyword: status"),
            ("SET a = f(:s)", "Invalid function name; function: f"),
            ("SET a = :s SET b = :s", "The \"SET\" section can only be used once in an update expression;"),
            (
                "SET #a = :x",
                "An expression attribute name used in the document path is not defined; attribute name: #a",
            ),
            ("SET a = :x", "An expression attribute value used in expression is not defined; attribute value: :x"),
            (
                "SET a = :s, a.b = :s",
                "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
            ),
            (
                "SET a.b = :s REMOVE a[0]",
                "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [0]]",
            ),
            (
                "ADD a :s",
                "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND",
            ),
            (
                "DELETE a :n",
                "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND",
            ),
            (
                "SET a = b + :s",
                "Incorrect operand type for operator or function; operator or function: +, operand type: S",
            ),
            (
                "SET a = list_append(a, :s)",
                "Incorrect operand type for operator or function; operator or function: list_append, operand type: S",
            ),
            (
                "SET a = list_append(a, :l) - :n",
                "Incorrect operand type for operator or function; operator or function: -, operand type: L",
            ),
            (
                "SET a = if_not_exists(:s, a)",
                "Operator or function requires a document path; operator or function: if_not_exists",
            ),
            (
                "SET a = if_not_exists(b)",
                "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1",
            ),
        ] {
            assert_eq!(message(text), expected, "{text}");
        }
    }
}
