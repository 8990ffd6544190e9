//! Route keys: of HTTP APIs `GET /users/{id}`, `ANY /{proxy+}` and `$default`, of WebSocket APIs `$connect`, `$disconnect`, `$default`
//! and whatever messages say.

use crate::error::Error;
use crate::limits;

pub const DEFAULT: &str = "$default";
pub const CONNECT: &str = "$connect";
pub const DISCONNECT: &str = "$disconnect";

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "ANY"];

/// The method and the path of a key that is not `$default`.
pub fn parts(key: &str) -> Option<(&str, &str)> {
    key.split_once(' ').filter(|(method, path)| METHODS.contains(method) && path.starts_with('/'))
}

pub fn validate(key: &str) -> Result<(), Error> {
    if key == DEFAULT {
        return Ok(());
    }
    let invalid =
        |reason: &str| Err(Error::bad(format!("The provided route key '{key}' is not formatted properly: {reason}")));
    let Some((_, path)) = parts(key) else { return invalid("a method and a path are expected, or $default") };
    if key.len() > limits::URI_CHARACTERS_MAX {
        return invalid("it is too long");
    }
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let mut names = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let Some(name) = name else {
            if segment.contains(['{', '}']) {
                return invalid("a variable is a whole part of the path");
            }
            continue;
        };
        let greedy = name.strip_suffix('+');
        if greedy.is_some() && index + 1 < segments.len() {
            return invalid("a greedy variable is the last part of the path");
        }
        let name = greedy.unwrap_or(name);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte)) {
            return invalid("the name of a variable is letters, digits and ._-:");
        }
        if names.contains(&name) {
            return invalid("a variable stands there twice");
        }
        names.push(name);
    }
    Ok(())
}

/// The same for WebSocket APIs.
pub fn validate_websocket(key: &str) -> Result<(), Error> {
    let known = [CONNECT, DISCONNECT, DEFAULT].contains(&key);
    let length = key.chars().count();
    if known || (!key.starts_with('$') && (1..=limits::SELECTION_KEY_CHARACTERS_MAX).contains(&length)) {
        return Ok(());
    }
    Err(Error::bad(format!(
        "The provided route key '{key}' is not formatted properly: $connect, $disconnect, $default, or up to {} characters \
         without a dollar sign in front are expected",
        limits::SELECTION_KEY_CHARACTERS_MAX
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_checked() {
        for key in ["$default", "GET /", "ANY /{proxy+}", "POST /a/{b}/c/{d}", "GET /a/"] {
            assert!(validate(key).is_ok(), "{key}");
        }
        for key in [
            "",
            "GET",
            "GET a",
            "get /",
            "TRACE /",
            "GET /{a+}/b",
            "GET /{}",
            "GET /x{a}",
            "GET /{a}/{a}",
            "GET /{a b}",
        ] {
            assert!(validate(key).is_err(), "{key}");
        }
    }
}
