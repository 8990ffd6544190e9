//! Patterns over JSON: `{ ($.level = "ERROR" || $.status >= 500) && $.user.id NOT EXISTS }`.

use serde_json::Value;

use super::value::{Comparison, Operator};
use crate::limits;

#[derive(Clone, Debug)]
pub enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Test(Selector, Test),
}

/// `$.a.b[0]['c d'][*]`.
pub type Selector = Vec<Step>;

#[derive(Clone, Debug)]
pub enum Step {
    Member(String),
    Index(usize),
    Any,
}

#[derive(Clone, Debug)]
pub enum Test {
    Compare(Comparison),
    IsNull,
    Is(bool),
    Exists(bool),
}

impl Expression {
    pub fn matches(&self, document: &Value) -> bool {
        match self {
            Expression::And(all) => all.iter().all(|part| part.matches(document)),
            Expression::Or(any) => any.iter().any(|part| part.matches(document)),
            Expression::Test(selector, Test::Exists(wanted)) => select(document, selector, &|_| true) == *wanted,
            Expression::Test(selector, test) => select(document, selector, &|value| test.matches(value)),
        }
    }
}

impl Test {
    fn matches(&self, value: &Value) -> bool {
        match (self, value) {
            (Test::IsNull, value) => value.is_null(),
            (Test::Is(wanted), value) => value.as_bool() == Some(*wanted),
            (Test::Exists(wanted), _) => *wanted,
            (Test::Compare(comparison), Value::String(text)) => comparison.matches_text(text),
            (Test::Compare(comparison), Value::Bool(value)) => comparison.matches_text(&value.to_string()),
            (Test::Compare(comparison), Value::Number(number)) => {
                number.as_f64().is_some_and(|value| comparison.matches_number(value, &number.to_string()))
            }
            (Test::Compare(_), Value::Null | Value::Array(_) | Value::Object(_)) => false,
        }
    }
}

/// Whether a value that the selector leads to passes `test`. Selectors are as short as their pattern, so is the recursion.
fn select(value: &Value, selector: &[Step], test: &dyn Fn(&Value) -> bool) -> bool {
    let Some((step, rest)) = selector.split_first() else { return test(value) };
    match step {
        Step::Member(name) => value.get(name).is_some_and(|value| select(value, rest, test)),
        Step::Index(index) => value.get(index).is_some_and(|value| select(value, rest, test)),
        Step::Any => value.as_array().is_some_and(|all| all.iter().any(|value| select(value, rest, test))),
    }
}

/// Characters that end a name or an unquoted value.
const ENDS: [char; 11] = ['(', ')', '=', '!', '<', '>', '&', '|', '}', '.', '['];
/// The same for values, where a dot is part of a number and brackets are text.
const VALUE_ENDS: [char; 4] = [')', '&', '|', '}'];

pub fn parse(text: &str) -> Result<Expression, String> {
    let mut parser = Parser { rest: text.strip_prefix('{').unwrap_or(text) };
    let expression = parser.any(0)?;
    parser.expect("}")?;
    match parser.rest.trim() {
        "" => Ok(expression),
        more => Err(format!("'{more}' follows the closing brace")),
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl<'t> Parser<'t> {
    fn accept(&mut self, symbol: &str) -> bool {
        let after = self.rest.trim_start().strip_prefix(symbol);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.accept(symbol) { Ok(()) } else { Err(format!("{symbol} is expected at '{}'", self.rest.trim_start())) }
    }

    /// `a || b`, which binds less than `&&`.
    fn any(&mut self, depth: usize) -> Result<Expression, String> {
        let mut parts = vec![self.all(depth)?];
        while self.accept("||") {
            parts.push(self.all(depth)?);
        }
        Ok(Expression::Or(parts))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, String> {
        let mut parts = vec![self.one(depth)?];
        while self.accept("&&") {
            parts.push(self.one(depth)?);
        }
        Ok(Expression::And(parts))
    }

    fn one(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > limits::FILTER_PATTERN_DEPTH_MAX {
            return Err(format!("parentheses are nested deeper than {}", limits::FILTER_PATTERN_DEPTH_MAX));
        }
        if self.accept("(") {
            let inner = self.any(depth + 1)?;
            return self.expect(")").map(|()| inner);
        }
        self.expect("$")?;
        let selector = self.selector()?;
        Ok(Expression::Test(selector, self.test()?))
    }

    fn selector(&mut self) -> Result<Selector, String> {
        let mut steps = Selector::new();
        loop {
            if let Some(after) = self.rest.strip_prefix('[').or_else(|| self.rest.strip_prefix(".[")) {
                let (inside, rest) = after.split_once(']').ok_or("a bracket is not closed")?;
                steps.push(bracket(inside.trim())?);
                self.rest = rest;
            } else if let Some(after) = self.rest.strip_prefix('.') {
                self.rest = after;
                steps.push(Step::Member(self.word()?.to_owned()));
            } else if steps.is_empty() {
                return Err(format!("a member's name is expected after $ at '{}'", self.rest));
            } else {
                return Ok(steps);
            }
        }
    }

    fn word(&mut self) -> Result<&'t str, String> {
        let text = self.rest;
        let (word, rest) =
            text.split_at(text.find(|c: char| c.is_whitespace() || ENDS.contains(&c)).unwrap_or(text.len()));
        self.rest = rest;
        if word.is_empty() { Err(format!("a name is expected at '{text}'")) } else { Ok(word) }
    }

    fn test(&mut self) -> Result<Test, String> {
        self.rest = self.rest.trim_start();
        if let Some((operator, after)) = Operator::take(self.rest) {
            let (comparison, rest) = Comparison::take(operator, after, &VALUE_ENDS)?;
            self.rest = rest;
            return Ok(Test::Compare(comparison));
        }
        let first = self.word()?.to_ascii_uppercase();
        if first == "EXISTS" {
            return Ok(Test::Exists(true));
        }
        self.rest = self.rest.trim_start();
        match (first.as_str(), self.word()?.to_ascii_uppercase().as_str()) {
            ("IS", "NULL") => Ok(Test::IsNull),
            ("IS", "TRUE") => Ok(Test::Is(true)),
            ("IS", "FALSE") => Ok(Test::Is(false)),
            ("NOT", "EXISTS") => Ok(Test::Exists(false)),
            (first, second) => Err(format!("'{first} {second}' is neither an operator nor a test")),
        }
    }
}

/// What stands between brackets: an index, `*`, or a member's name in quotes.
fn bracket(inside: &str) -> Result<Step, String> {
    let quoted = |mark: char| inside.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    if let Some(name) = quoted('\'').or_else(|| quoted('"')) {
        return Ok(Step::Member(name.to_owned()));
    }
    match inside {
        "*" => Ok(Step::Any),
        index => index.parse().map(Step::Index).map_err(|_| format!("[{index}] is not an index")),
    }
}
