//! Patterns of policies: `*`, `?` and `${variables}`, matched without recursion.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use super::Context;

/// Which characters of a text are special.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    /// `*` and `?`.
    pub wildcards: bool,
    /// `${...}`: only in policies of version 2012-10-17.
    pub variables: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Literal(char),
    /// `?`: one character.
    One,
    /// `*`: any characters, colons and slashes among them.
    Many,
    /// Stands for the value of a condition key, taken literally.
    Variable {
        key: String,
        written: String,
        default: Option<String>,
    },
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tokens.iter().try_for_each(|token| match token {
            Token::Literal(literal) => f.write_char(*literal),
            Token::One => f.write_char('?'),
            Token::Many => f.write_char('*'),
            Token::Variable { written, default: Some(default), .. } => write!(f, "${{{written}, '{default}'}}"),
            Token::Variable { written, default: None, .. } => write!(f, "${{{written}}}"),
        })
    }
}

impl Pattern {
    /// Compiles a pattern; the error says what is wrong with a variable.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Pattern, String> {
        let mut tokens = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if syntax.variables
                && let Some(inside) = rest.strip_prefix("${")
            {
                let Some((variable, after)) = inside.split_once('}') else {
                    return Err(format!("the policy variable in '{text}' has no closing brace"));
                };
                tokens.push(parse_variable(variable)?);
                rest = after;
                continue;
            }
            tokens.push(match first {
                '*' if syntax.wildcards => Token::Many,
                '?' if syntax.wildcards => Token::One,
                literal => Token::Literal(literal),
            });
            rest = &rest[first.len_utf8()..];
        }
        Ok(Pattern { tokens })
    }

    /// Whether `text` is one of the pattern's texts. A variable without a value matches nothing.
    pub(super) fn matches(&self, text: &str, context: &Context) -> bool {
        self.resolve(context).is_some_and(|tokens| glob(&tokens, text, |a, b| a == b))
    }

    /// The same without regard to the case of ASCII letters.
    pub(super) fn matches_ignoring_case(&self, text: &str, context: &Context) -> bool {
        self.resolve(context).is_some_and(|tokens| glob(&tokens, text, |a, b| a.eq_ignore_ascii_case(&b)))
    }

    /// The pattern's parts between colons: at most `count`, of which the last keeps its colons.
    pub(super) fn split(&self, count: usize) -> Vec<Pattern> {
        let parts = self.tokens.splitn(count, |token| *token == Token::Literal(':'));
        parts.map(|tokens| Pattern { tokens: tokens.to_vec() }).collect()
    }

    /// The condition keys that it has variables for, as they are written.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable { written, .. } => Some(written.as_str()),
            Token::Literal(_) | Token::One | Token::Many => None,
        })
    }

    /// The pattern without variables; `None` when one has no value.
    fn resolve(&self, context: &Context) -> Option<Cow<'_, [Token]>> {
        if !self.tokens.iter().any(|token| matches!(token, Token::Variable { .. })) {
            return Some(Cow::Borrowed(&self.tokens));
        }
        let mut resolved = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            let Token::Variable { key, default, .. } = token else {
                resolved.push(token.clone());
                continue;
            };
            let value = match context.get(key) {
                [value] => value,
                _ => default.as_ref()?,
            };
            resolved.extend(value.chars().map(Token::Literal));
        }
        Some(Cow::Owned(resolved))
    }
}

/// Reads what is between `${` and `}`: a key, perhaps with a default (`aws:username, 'nobody'`), or one of `*`, `?`
/// and `$`, which then stand for themselves.
fn parse_variable(text: &str) -> Result<Token, String> {
    if let "*" | "?" | "$" = text {
        return Ok(text.chars().next().map_or(Token::Many, Token::Literal));
    }
    let (key, default) = match text.split_once(',') {
        None => (text, None),
        Some((key, default)) => {
            let default = default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            (key, Some(default.ok_or_else(|| format!("the default in '${{{text}}}' must be in single quotes"))?))
        }
    };
    let key = key.trim();
    if key.is_empty() {
        return Err(format!("the policy variable '${{{text}}}' names no key"));
    }
    Ok(Token::Variable { key: key.to_ascii_lowercase(), written: key.into(), default: default.map(str::to_owned) })
}

/// Matches from left to right. At a mismatch the last `*` takes one character more: an earlier one never has to,
/// because what follows it has matched at the earliest place already. So the cost is bounded by the product of the lengths.
fn glob(tokens: &[Token], text: &str, same: impl Fn(char, char) -> bool) -> bool {
    let (mut token, mut at) = (0, 0);
    let mut last_many: Option<(usize, usize)> = None;
    loop {
        let next = text.get(at..).and_then(|rest| rest.chars().next());
        match (tokens.get(token), next) {
            (None, None) => return true,
            (Some(Token::Many), _) => {
                token += 1;
                last_many = Some((token, at));
                continue;
            }
            (Some(Token::One), Some(c)) => {
                (token, at) = (token + 1, at + c.len_utf8());
                continue;
            }
            (Some(Token::Literal(wanted)), Some(c)) if same(*wanted, c) => {
                (token, at) = (token + 1, at + c.len_utf8());
                continue;
            }
            _ => {}
        }
        let Some((after, start)) = last_many else { return false };
        let Some(skipped) = text.get(start..).and_then(|rest| rest.chars().next()) else { return false };
        at = start + skipped.len_utf8();
        token = after;
        last_many = Some((after, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Syntax = Syntax { wildcards: true, variables: true };

    fn matches(pattern: &str, text: &str, context: &[(&str, &str)]) -> bool {
        Pattern::parse(pattern, ALL).unwrap().matches(text, &context.iter().copied().collect())
    }

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("*", "a:b/c", true),
            ("a*", "ba", false),
            ("*a*b*", "xxaxxb", true),
            ("*ab", "aab", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?", "é", true),
            ("a**b", "ab", true),
            ("arn:aws:s3:::b/*/x", "arn:aws:s3:::b/1/2/x", true),
            ("A", "a", false),
        ] {
            assert_eq!(matches(pattern, text, &[]), expected, "{pattern} {text}");
        }
        let stars = "a*".repeat(500) + "b";
        assert!(!matches(&stars, &"a".repeat(2000), &[]), "and it ends");
    }

    #[test]
    fn variables() {
        let ann = [("aws:username", "ann"), ("aws:PrincipalTag/Team", "red*")];
        for (pattern, text, context, expected) in [
            ("home/${aws:username}/*", "home/ann/x", &ann[..], true),
            ("home/${AWS:UserName}/*", "home/bob/x", &ann, false),
            ("${aws:PrincipalTag/team}", "red*", &ann, true),
            ("${aws:PrincipalTag/team}", "redder", &ann, false),
            ("x${aws:username}", "x", &[], false),
            ("x${aws:username, 'nobody'}", "xnobody", &[], true),
            ("${*}${?}${$}", "*?$", &[], true),
            ("${*}", "abc", &[], false),
            ("$x{", "$x{", &[], true),
        ] {
            assert_eq!(matches(pattern, text, context), expected, "{pattern} {text}");
        }
        for broken in ["${aws:username", "${}", "${a, b}"] {
            assert!(Pattern::parse(broken, ALL).is_err(), "{broken}");
        }
        let old = Pattern::parse("${aws:username}", Syntax { wildcards: true, variables: false }).unwrap();
        assert!(old.matches("${aws:username}", &Context::new()));
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_obvious_matcher(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            fn obvious(pattern: &[u8], text: &[u8]) -> bool {
                match (pattern, text) {
                    ([], []) => true,
                    ([b'*', rest @ ..], _) => (0..=text.len()).any(|at| obvious(rest, &text[at..])),
                    ([b'?', rest @ ..], [_, after @ ..]) => obvious(rest, after),
                    ([a, rest @ ..], [b, after @ ..]) => a == b && obvious(rest, after),
                    _ => false,
                }
            }
            proptest::prop_assert_eq!(matches(&pattern, &text, &[]), obvious(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
