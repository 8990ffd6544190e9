//! The grammar of `${…}`: a source, its address, and fallbacks after commas, with variables inside any of them.
//!
//! Source: <https://www.serverless.com/framework/docs/providers/aws/guide/variables>

/// A piece of a text: as it is, or a variable.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(String),
    Variable(Variable),
}

/// `${first, second, …}`: the first alternative that has a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// As written, `${` and `}` included.
    pub text: String,
    pub alternatives: Vec<Alternative>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Alternative {
    /// `'text'`, or a number, a boolean or null without quotes.
    Literal { text: String, quoted: bool },
    /// `source(argument):address`.
    Lookup { source: String, argument: Option<Vec<Part>>, address: Option<Vec<Part>> },
    /// A variable in place of an alternative.
    Nested(Variable),
}

/// Variables inside variables, so that a hostile text cannot exhaust the stack.
const NESTING_MAX: usize = 20;

/// Splits a text into its parts. `${AWS::Region}` and `${Name}`, which `Fn::Sub` reads later, are plain text, and so is
/// what follows a backslash: `\${self:a}`.
pub fn split(text: &str) -> Result<Vec<Part>, String> {
    let mut cursor = Cursor { rest: text, nesting: 0 };
    cursor.parts(&[])
}

struct Cursor<'a> {
    rest: &'a str,
    nesting: usize,
}

impl<'a> Cursor<'a> {
    /// Parts up to one of `ends` (which stays) or the end of the text.
    fn parts(&mut self, ends: &[char]) -> Result<Vec<Part>, String> {
        let mut parts = Vec::new();
        let mut text = String::new();
        while let Some(next) = self.rest.chars().next() {
            if ends.contains(&next) {
                break;
            }
            if self.rest.strip_prefix('\\').is_some_and(begins_variable) {
                text.push_str("${");
                self.advance(3);
            } else if begins_variable(self.rest) {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Variable(self.variable()?));
            } else {
                text.push(next);
                self.advance(next.len_utf8());
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(parts)
    }

    fn variable(&mut self) -> Result<Variable, String> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return Err(format!("more than {NESTING_MAX} variables inside one another"));
        }
        let start = self.rest;
        self.advance(2);
        let mut alternatives = Vec::new();
        loop {
            self.skip_space();
            alternatives.push(self.alternative()?);
            self.skip_space();
            if self.take('}') {
                break;
            }
            if !self.take(',') {
                return Err(match self.rest.chars().next() {
                    None => "`${` without its `}`".into(),
                    Some(found) => format!("`,` or `}}` is expected here, not `{found}`"),
                });
            }
        }
        self.nesting -= 1;
        let length = start.len() - self.rest.len();
        Ok(Variable { text: start.get(..length).unwrap_or(start).into(), alternatives })
    }

    fn alternative(&mut self) -> Result<Alternative, String> {
        if self.rest.starts_with("${") {
            return self.variable().map(Alternative::Nested);
        }
        if let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"')) {
            return self.quoted(quote);
        }
        let word = self.word();
        let argument = if !word.is_empty() && self.take('(') {
            let parts = self.parts(&[')'])?;
            if !self.take(')') {
                return Err("`(` without its `)`".into());
            }
            Some(parts)
        } else {
            None
        };
        let address = if self.take(':') { Some(trimmed(self.parts(&[',', '}'])?)) } else { None };
        if argument.is_some() || address.is_some() {
            return Ok(Alternative::Lookup { source: word, argument, address });
        }
        let number = word.parse::<f64>().is_ok();
        if number || matches!(word.as_str(), "true" | "false" | "null") {
            return Ok(Alternative::Literal { text: word, quoted: false });
        }
        Err(match word.as_str() {
            "" => "a source such as `self:`, or a text in quotes, is expected".into(),
            _ => format!("`{word}` is neither a source (`{word}:…`) nor a text in quotes (`'{word}'`)"),
        })
    }

    fn quoted(&mut self, quote: char) -> Result<Alternative, String> {
        self.advance(1);
        let mut text = String::new();
        let mut escaped = false;
        let rest = self.rest;
        for (index, next) in rest.char_indices() {
            match next {
                _ if escaped => {
                    text.push(next);
                    escaped = false;
                }
                '\\' => escaped = true,
                _ if next == quote => {
                    self.advance(index + 1);
                    return Ok(Alternative::Literal { text, quoted: true });
                }
                _ => text.push(next),
            }
        }
        Err(format!("`{quote}` without its end"))
    }

    /// A source's name, or a number with its sign and point.
    fn word(&mut self) -> String {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .unwrap_or(self.rest.len());
        let word = self.rest.get(..end).unwrap_or("").to_string();
        self.advance(end);
        word
    }

    fn take(&mut self, expected: char) -> bool {
        let taken = self.rest.starts_with(expected);
        if taken {
            self.advance(expected.len_utf8());
        }
        taken
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or("");
    }
}

/// Whether a variable begins here: `${name:` (not `::`) or `${name(`.
fn begins_variable(text: &str) -> bool {
    let Some(inside) = text.strip_prefix("${") else { return false };
    let inside = inside.trim_start();
    let name = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
    let after = inside.get(name..).unwrap_or("");
    let named = inside.starts_with(|c: char| c.is_ascii_alphabetic());
    named && (after.starts_with('(') || (after.starts_with(':') && !after.starts_with("::")))
}

fn trimmed(mut parts: Vec<Part>) -> Vec<Part> {
    if let Some(Part::Text(text)) = parts.last_mut() {
        text.truncate(text.trim_end().len());
    }
    if let Some(Part::Text(text)) = parts.first_mut() {
        *text = text.trim_start().to_string();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_variable(text: &str) -> Variable {
        match split(text).unwrap().as_slice() {
            [Part::Variable(variable)] => variable.clone(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_fn_sub_reads_is_text() {
        for text in [
            "",
            "plain",
            "${AWS::Region}",
            "${Table}",
            "${Table.Arn}",
            "${!Literal}",
            "$",
            "${",
            "a$b{c}",
            "${a b}",
            "é${Ü:x}",
        ] {
            let expected: Vec<Part> = if text.is_empty() { vec![] } else { vec![Part::Text(text.into())] };
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
        assert_eq!(split(r"a\${self:b}").unwrap(), vec![Part::Text("a${self:b}".into())]);
    }

    #[test]
    fn sources_addresses_and_fallbacks() {
        let variable =
            only_variable("${opt:stage, self:custom.stage, 'it''s', 5, true, ${env:X}}".replace("''", r"\'").as_str());
        assert_eq!(variable.alternatives.len(), 6);
        let text = |text: &str| Some(vec![Part::Text(text.into())]);
        assert_eq!(
            variable.alternatives[1],
            Alternative::Lookup { source: "self".into(), argument: None, address: text("custom.stage") }
        );
        assert_eq!(variable.alternatives[2], Alternative::Literal { text: "it's".into(), quoted: true });
        let variable = only_variable("${file(./config.${sls:stage}.yml):a.${opt:b}}");
        assert_eq!(variable.text, "${file(./config.${sls:stage}.yml):a.${opt:b}}");
        let Alternative::Lookup { argument: Some(argument), address: Some(address), .. } = &variable.alternatives[0]
        else {
            panic!()
        };
        assert_eq!((argument.len(), address.len()), (3, 2));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, expected) in [
            ("${self:a", "without its `}`"),
            ("${file(a", "without its `)`"),
            ("${opt:a, b}", "`b` is neither"),
            ("${opt:a, 'b}", "without its end"),
            ("${opt:a, 'b' c}", "is expected here, not `c`"),
            ("${opt:a, }", "is expected"),
        ] {
            let error = split(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(split(&"${self:".repeat(1000)).is_err());
    }
}
