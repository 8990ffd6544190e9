//! Patterns of words: all of `a b`, none of `-c`, any of `?d ?e`.

use super::NO_EXPRESSIONS;

#[derive(Clone, Debug, Default)]
pub struct Terms {
    required: Vec<String>,
    excluded: Vec<String>,
    /// One of these is enough; they count only where nothing else is asked for.
    optional: Vec<String>,
}

impl Terms {
    pub fn matches(&self, message: &str) -> bool {
        let found = |term: &String| message.contains(term.as_str());
        if self.required.is_empty() && self.excluded.is_empty() {
            return self.optional.iter().any(found);
        }
        self.required.iter().all(found) && !self.excluded.iter().any(found)
    }
}

pub fn parse(text: &str) -> Result<Terms, String> {
    let mut terms = Terms::default();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let into = match first {
            '-' => &mut terms.excluded,
            '?' => &mut terms.optional,
            _ => &mut terms.required,
        };
        let (term, after) = take_term(rest.strip_prefix(['-', '?']).unwrap_or(rest))?;
        into.push(term);
        rest = after.trim_start();
    }
    Ok(terms)
}

fn take_term(text: &str) -> Result<(String, &str), String> {
    if text.starts_with('"') {
        return take_quoted(text);
    }
    if text.starts_with('%') {
        return Err(NO_EXPRESSIONS.into());
    }
    let (term, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    if term.is_empty() { Err("a term is missing after - or ?".into()) } else { Ok((term.to_owned(), rest)) }
}

/// A text in double quotes, where `\` takes the special meaning from the next character; and what comes after.
pub fn take_quoted(text: &str) -> Result<(String, &str), String> {
    let mut quoted = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((quoted, text.get(at + 1..).unwrap_or_default())),
            '\\' => quoted.extend(characters.next().map(|(_, escaped)| escaped)),
            other => quoted.push(other),
        }
    }
    Err(format!("the quotes of {text} are not closed"))
}
