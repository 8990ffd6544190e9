//! Patterns over fields separated by spaces: `[ip, user, ..., status = 4*, bytes > 1000]`.

use super::value::{Comparison, Operator};

#[derive(Clone, Debug)]
pub struct Fields {
    /// Conditions on the first fields.
    first: Vec<Condition>,
    /// After `...`: conditions on the last fields. `None` without it: the fields must be as many as the conditions.
    last: Option<Vec<Condition>>,
}

/// Any of these must hold, each of which is all of its comparisons. Empty comparisons hold: the field is only named.
type Condition = Vec<Vec<Comparison>>;

impl Fields {
    pub fn matches(&self, message: &str) -> bool {
        let fields = split(message);
        let last = self.last.as_deref().unwrap_or_default();
        let wanted = self.first.len() + last.len();
        if fields.len() < wanted || (self.last.is_none() && fields.len() > wanted) {
            return false;
        }
        let from_start = self.first.iter().zip(&fields);
        let from_end = last.iter().rev().zip(fields.iter().rev());
        from_start.chain(from_end).all(|(condition, field)| holds(condition, field))
    }
}

fn holds(condition: &Condition, field: &str) -> bool {
    let one = |comparison: &Comparison| match field.parse::<f64>() {
        Ok(number) => comparison.matches_number(number, field),
        Err(_) => comparison.matches_text(field),
    };
    condition.iter().any(|all| all.iter().all(one))
}

/// The fields of a message: words, and whatever stands in brackets or double quotes as one.
fn split(message: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = message.trim_start();
    while let Some(first) = rest.chars().next() {
        let closing = match first {
            '[' => Some(']'),
            '"' => Some('"'),
            _ => None,
        };
        let grouped = closing.and_then(|closing| rest.get(1..)?.split_once(closing));
        let (field, after) =
            grouped.unwrap_or_else(|| rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())));
        fields.push(field);
        rest = after.trim_start();
    }
    fields
}

const ENDS: [char; 4] = [',', ']', '&', '|'];

pub fn parse(text: &str) -> Result<Fields, String> {
    let mut rest = text.strip_prefix('[').unwrap_or(text);
    let mut fields = Fields { first: Vec::new(), last: None };
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("...") {
            if fields.last.replace(Vec::new()).is_some() {
                return Err("... can stand only once".into());
            }
            rest = after;
        } else {
            let (condition, after) = take_condition(rest)?;
            fields.last.as_mut().unwrap_or(&mut fields.first).push(condition);
            rest = after;
        }
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix(']') {
            let more = after.trim();
            return if more.is_empty() { Ok(fields) } else { Err(format!("'{more}' follows the closing bracket")) };
        }
        rest = rest.strip_prefix(',').ok_or_else(|| format!(", or ] is expected at '{rest}'"))?;
    }
}

/// `name`, or `name = a && name != b || name > 5`.
fn take_condition(text: &str) -> Result<(Condition, &str), String> {
    let mut condition = vec![Vec::new()];
    let mut rest = text;
    loop {
        rest = take_name(rest)?.trim_start();
        if let Some((operator, after)) = Operator::take(rest) {
            let (comparison, after) = Comparison::take(operator, after, &ENDS)?;
            if let Some(all) = condition.last_mut() {
                all.push(comparison);
            }
            rest = after.trim_start();
        }
        if let Some(after) = rest.strip_prefix("&&") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("||") {
            condition.push(Vec::new());
            rest = after;
        } else {
            return Ok((condition, rest));
        }
    }
}

/// Names say nothing to the match: they are for who reads the pattern.
fn take_name(text: &str) -> Result<&str, String> {
    let text = text.trim_start();
    let length =
        text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$'))).unwrap_or(text.len());
    if length == 0 {
        return Err(format!("a field's name is expected at '{text}'"));
    }
    Ok(text.get(length..).unwrap_or_default())
}
