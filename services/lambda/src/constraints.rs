//! The constraints of Lambda's model.

pub use service::Constraints;

/// Letters, digits, `-` and `_`, at least one.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
