//! Expressions: literals, references, and operators with Java's precedence.

use std::sync::Arc;

use crate::ast::{Expression, Operator};
use crate::error::{Error, Place};
use crate::parse::Parser;

/// Operators by how strongly they bind, weakest first; longer ones before their beginnings.
const LEVELS: [&[(&str, Operator)]; 6] = [
    &[("||", Operator::Or), ("or", Operator::Or)],
    &[("&&", Operator::And), ("and", Operator::And)],
    &[("==", Operator::Equal), ("!=", Operator::Unequal), ("eq", Operator::Equal), ("ne", Operator::Unequal)],
    &[
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("le", Operator::LessOrEqual),
        ("ge", Operator::GreaterOrEqual),
        ("lt", Operator::Less),
        ("gt", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
];

impl Parser<'_> {
    pub fn expression(&mut self) -> Result<Expression, Error> {
        self.deeper(|parser| parser.level(0))
    }

    /// Expressions between commas, up to `end`.
    pub fn expressions(&mut self, end: &str) -> Result<Vec<Expression>, Error> {
        let mut all = Vec::new();
        self.spaces();
        if self.take(end) {
            return Ok(all);
        }
        loop {
            all.push(self.expression()?);
            self.spaces();
            if self.take(end) {
                return Ok(all);
            }
            self.expect(",")?;
        }
    }

    fn level(&mut self, level: usize) -> Result<Expression, Error> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        let mut count = 0;
        while let Some(operator) = self.operator(operators) {
            // What is written as a row is evaluated as a tree.
            count += 1;
            if count > 256 {
                return Err(self.error("More than 256 operators in a row"));
            }
            let right = self.level(level + 1)?;
            left = Expression::Binary(operator, Box::new((left, right)));
        }
        Ok(left)
    }

    fn operator(&mut self, operators: &[(&str, Operator)]) -> Option<Operator> {
        self.spaces();
        let rest = self.rest();
        let is_word = |text: &str| text.starts_with(|first: char| first.is_ascii_alphabetic());
        let (text, operator) = operators.iter().find(|(text, _)| {
            let after = rest.strip_prefix(text);
            after.is_some_and(|after| !is_word(text) || !after.starts_with(|next: char| next.is_ascii_alphanumeric()))
        })?;
        self.at += text.len();
        Some(*operator)
    }

    fn unary(&mut self) -> Result<Expression, Error> {
        self.spaces();
        if self.take("!") || self.take_word("not") {
            return self.deeper(|parser| Ok(Expression::Not(Box::new(parser.unary()?))));
        }
        if self.rest().starts_with('-') {
            self.at += 1;
            return self.deeper(|parser| Ok(Expression::Negative(Box::new(parser.unary()?))));
        }
        self.operand()
    }

    fn operand(&mut self) -> Result<Expression, Error> {
        let place = self.place();
        match self.rest().chars().next() {
            Some('(') => {
                self.at += 1;
                let inside = self.expression()?;
                self.expect(")")?;
                Ok(inside)
            }
            Some('$') => {
                let reference = self.reference()?.ok_or_else(|| self.error("A reference is expected here"))?;
                Ok(Expression::Reference(Box::new(reference)))
            }
            Some('\'') => {
                self.at += 1;
                Ok(Expression::Text(self.quoted('\'')?.into()))
            }
            Some('"') => {
                self.at += 1;
                let begin = self.place();
                let text = self.quoted('"')?;
                self.filled(&text, begin)
            }
            Some('[') => {
                self.at += 1;
                self.list(place)
            }
            Some('{') => {
                self.at += 1;
                self.map()
            }
            Some(digit) if digit.is_ascii_digit() || digit == '.' => self.number(),
            _ if self.take_word("true") => Ok(Expression::Bool(true)),
            _ if self.take_word("false") => Ok(Expression::Bool(false)),
            _ => Err(self.error("A value is expected here: a reference, a text in quotes, a number, a list or a map")),
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word);
        let found = after.is_some_and(|after| !after.starts_with(|next: char| next.is_ascii_alphanumeric()));
        if found {
            self.at += word.len();
        }
        found
    }

    /// The text up to a quote; two of them are one within it.
    fn quoted(&mut self, quote: char) -> Result<String, Error> {
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let end = rest.find(quote).ok_or_else(|| self.error(format!("A text without its closing {quote}")))?;
            text.push_str(rest.get(..end).unwrap_or_default());
            self.at += end + 1;
            if !self.rest().starts_with(quote) {
                return Ok(text);
            }
            text.push(quote);
            self.at += 1;
        }
    }

    /// A text in double quotes, which is a template of its own where it has references.
    fn filled(&mut self, text: &str, begin: Place) -> Result<Expression, Error> {
        if !text.contains(['$', '#', '\\']) {
            return Ok(Expression::Text(text.into()));
        }
        let depth = self.depth;
        let parts = self.deeper(|_| Parser { text, at: 0, begin, depth: depth + 1 }.whole())?;
        Ok(Expression::Template(parts))
    }

    fn list(&mut self, place: Place) -> Result<Expression, Error> {
        self.spaces();
        if self.take("]") {
            return Ok(Expression::List(Vec::new()));
        }
        let first = self.expression()?;
        self.spaces();
        if self.take("..") {
            let last = self.expression()?;
            self.expect("]")?;
            return Ok(Expression::Range(Box::new((first, last)), place));
        }
        let mut all = vec![first];
        if !self.take("]") {
            self.expect(",")?;
            all.extend(self.expressions("]")?);
        }
        Ok(Expression::List(all))
    }

    fn map(&mut self) -> Result<Expression, Error> {
        let mut entries = Vec::new();
        self.spaces();
        if self.take("}") {
            return Ok(Expression::Map(entries));
        }
        loop {
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            self.spaces();
            if self.take("}") {
                return Ok(Expression::Map(entries));
            }
            self.expect(",")?;
            self.spaces();
        }
    }

    fn number(&mut self) -> Result<Expression, Error> {
        let rest = self.rest();
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let whole = digits(rest);
        let behind = rest.get(whole..).unwrap_or_default();
        // The dots of a range are none of a number.
        let fraction =
            behind.strip_prefix('.').filter(|more| !more.starts_with('.')).map_or(0, |more| 1 + digits(more));
        let mut length = whole + fraction;
        if fraction > 1
            && let Some(exponent) = rest.get(length..).and_then(|rest| rest.strip_prefix(['e', 'E']))
        {
            let sign = usize::from(exponent.starts_with(['+', '-']));
            let power = digits(exponent.get(sign..).unwrap_or_default());
            length += if power > 0 { 1 + sign + power } else { 0 };
        }
        let text: Arc<str> = rest.get(..length).unwrap_or_default().into();
        let number = match fraction {
            0 => text.parse().map(Expression::Int).ok(),
            _ => text.parse().map(Expression::Double).ok(),
        };
        let number = number.ok_or_else(|| self.error(format!("{text} is no number that can be held")))?;
        self.at += length;
        Ok(number)
    }
}
