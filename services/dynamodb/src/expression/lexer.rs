//! Cuts an expression's text into tokens.

use super::Error;
use crate::limits::EXPRESSION_BYTES_MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A name, a function or a keyword.
    Word,
    /// `#name`
    Alias,
    /// `:value`
    Placeholder,
    Integer,
    /// Punctuation or an operator.
    Symbol,
    /// A character that begins no token.
    Unknown,
    End,
}

/// A piece of the text, from byte `start` to before `end`.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

/// The tokens of `text`, closed by one of kind [`TokenKind::End`].
///
/// # Errors
/// `Empty` and `TooLong`: what is not a token is one of kind `Unknown`, for the parser to report in its place.
pub fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    if text.is_empty() {
        return Err(Error::Empty);
    }
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(Error::TooLong(text.len()));
    }
    let mut tokens = Vec::with_capacity(text.len() / 4 + 2);
    let mut start = 0;
    while let Some(rest) = text.get(start..) {
        let Some(first) = rest.chars().next() else { break };
        if first.is_ascii_whitespace() {
            start += 1;
            continue;
        }
        let (kind, length) = token(first, rest);
        tokens.push(Token { kind, start, end: start + length });
        start += length;
    }
    tokens.push(Token { kind: TokenKind::End, start: text.len(), end: text.len() });
    Ok(tokens)
}

/// The kind and length of the token at the front of `rest`, which begins with `first`.
fn token(first: char, rest: &str) -> (TokenKind, usize) {
    let run = |skip: usize, accept: fn(&u8) -> bool| rest.bytes().skip(skip).take_while(accept).count();
    match first {
        'a'..='z' | 'A'..='Z' => (TokenKind::Word, run(0, is_word)),
        '0'..='9' => (TokenKind::Integer, run(0, u8::is_ascii_digit)),
        '#' | ':' => match run(1, is_word) {
            0 => (TokenKind::Unknown, 1),
            length if first == '#' => (TokenKind::Alias, 1 + length),
            length => (TokenKind::Placeholder, 1 + length),
        },
        '<' if rest.starts_with("<>") || rest.starts_with("<=") => (TokenKind::Symbol, 2),
        '>' if rest.starts_with(">=") => (TokenKind::Symbol, 2),
        '<' | '>' | '=' | '(' | ')' | '[' | ']' | ',' | '.' | '+' | '-' => (TokenKind::Symbol, 1),
        other => (TokenKind::Unknown, other.len_utf8()),
    }
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts() {
        let text = "a_1.#b[0]>=:c <> size(é)";
        let pieces: Vec<&str> = tokens(text).unwrap().iter().map(|token| &text[token.start..token.end]).collect();
        assert_eq!(pieces, ["a_1", ".", "#b", "[", "0", "]", ">=", ":c", "<>", "size", "(", "é", ")", ""]);
        let kinds: Vec<TokenKind> = tokens("_a #_a").unwrap().iter().map(|token| token.kind).collect();
        assert_eq!(kinds, [TokenKind::Unknown, TokenKind::Word, TokenKind::Alias, TokenKind::End]);
    }
}
