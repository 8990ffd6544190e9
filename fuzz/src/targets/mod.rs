//! The targets, by what they read.

pub mod expressions;
pub mod front;
pub mod languages;
pub mod protocols;
pub mod signatures;

/// What came of something, without what differs from input to input: quoted texts and numbers.
pub fn outcome(result: Result<String, impl std::fmt::Display>) -> String {
    let text = match result {
        Ok(text) => return text,
        Err(error) => error.to_string(),
    };
    let mut quoted = false;
    let mut words = String::new();
    for c in text.chars().take(400) {
        quoted ^= matches!(c, '\'' | '"' | '`');
        if !quoted && !c.is_ascii_digit() {
            words.push(c);
        }
    }
    words.chars().take(120).collect()
}

/// The lines of an input, as text.
pub fn lines(input: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(input).split('\n').map(str::to_owned).collect()
}
