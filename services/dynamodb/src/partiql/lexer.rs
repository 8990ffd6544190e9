//! Cuts a statement into tokens.

use super::Malformed;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A keyword, a function or an unquoted name.
    Word(String),
    /// A name between double quotes.
    Name(String),
    /// Text between single quotes.
    Text(String),
    Number(String),
    Symbol(&'static str),
    End,
}

const SYMBOLS: [&str; 22] = [
    "<<", ">>", "<>", "<=", ">=", "!=", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":", "?", "*", "+", "-",
];

/// Tokens with where each begins, closed by an [`Token::End`].
pub fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Malformed> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        let (token, length) = match first {
            space if space.is_whitespace() => {
                at += space.len_utf8();
                continue;
            }
            '\'' | '"' => {
                let (content, length) = quoted(rest, first)
                    .ok_or(Malformed::Unexpected { found: format!("{first} that is not closed"), position: at })?;
                (if first == '"' { Token::Name(content) } else { Token::Text(content) }, length)
            }
            '0'..='9' => {
                let length = number_length(rest);
                (Token::Number(rest.get(..length).unwrap_or_default().to_string()), length)
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
                (Token::Word(rest.get(..length).unwrap_or_default().to_string()), length)
            }
            other => {
                let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
                let symbol = symbol.ok_or(Malformed::Unexpected { found: other.to_string(), position: at })?;
                (Token::Symbol(symbol), symbol.len())
            }
        };
        tokens.push((token, at));
        at += length;
    }
    tokens.push((Token::End, text.len()));
    Ok(tokens)
}

/// What is between two quotes, doubled ones standing for one; and the length with the quotes.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != quote {
            content.push(character);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            content.push(quote);
        } else {
            return Some((content, at + 1));
        }
    }
    None
}

/// Digits, a fraction, an exponent.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = digits(0);
    if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let signed = length + 1 + usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        if digits(signed) > 0 {
            length = signed + digits(signed);
        }
    }
    length
}
