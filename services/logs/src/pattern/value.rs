//! What patterns compare values with: texts with `*` wildcards, and numbers.

use super::NO_EXPRESSIONS;
use super::terms::take_quoted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// The operator that `text` begins with, and what comes after it.
    pub fn take(text: &str) -> Option<(Operator, &str)> {
        const ALL: [(&str, Operator); 6] = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        ALL.iter().find_map(|(symbol, operator)| Some((*operator, text.strip_prefix(symbol)?)))
    }
}

/// An operator with its right-hand side.
#[derive(Clone, Debug)]
pub struct Comparison {
    operator: Operator,
    glob: Vec<String>,
    number: Option<f64>,
}

impl Comparison {
    /// Takes the operand that `text` begins with: in quotes, or up to a space or one of `end`.
    pub fn take<'t>(operator: Operator, text: &'t str, end: &[char]) -> Result<(Comparison, &'t str), String> {
        let text = text.trim_start();
        let quoted = text.starts_with('"');
        let (operand, rest) = if quoted {
            take_quoted(text)?
        } else {
            let length = text.find(|c: char| c.is_whitespace() || end.contains(&c)).unwrap_or(text.len());
            let (operand, rest) = text.split_at(length);
            (operand.to_owned(), rest)
        };
        if operand.is_empty() && !quoted {
            return Err("a value is missing after an operator".into());
        }
        if operand.starts_with('%') && !quoted {
            return Err(NO_EXPRESSIONS.into());
        }
        let number = operand.parse::<f64>().ok().filter(|number| !quoted && number.is_finite());
        if number.is_none() && !matches!(operator, Operator::Equal | Operator::NotEqual) {
            return Err(format!("'{operand}' is not a number: only numbers have an order"));
        }
        Ok((Comparison { operator, glob: operand.split('*').map(str::to_owned).collect(), number }, rest))
    }

    pub fn matches_number(&self, value: f64, text: &str) -> bool {
        match (self.operator, self.number) {
            (Operator::Equal, Some(number)) => value == number,
            (Operator::NotEqual, Some(number)) => value != number,
            (Operator::Less, Some(number)) => value < number,
            (Operator::LessOrEqual, Some(number)) => value <= number,
            (Operator::Greater, Some(number)) => value > number,
            (Operator::GreaterOrEqual, Some(number)) => value >= number,
            (_, None) => self.matches_text(text),
        }
    }

    pub fn matches_text(&self, value: &str) -> bool {
        match self.operator {
            Operator::Equal => self.fits(value),
            Operator::NotEqual => !self.fits(value),
            _ => false,
        }
    }

    /// Whether the texts between the wildcards come in this order, the first at the start and the last at the end.
    fn fits(&self, value: &str) -> bool {
        let [first, middle @ .., last] = self.glob.as_slice() else {
            return self.glob.iter().all(|only| only == value);
        };
        let Some(mut rest) = value.strip_prefix(first.as_str()) else { return false };
        for part in middle {
            let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
            rest = after;
        }
        rest.ends_with(last.as_str())
    }
}
