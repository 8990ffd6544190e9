//! Numbers and texts as Java shows and counts them.

/// As `Double.toString` writes it.
pub fn double(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        let text = format!("{number:E}");
        let (digits, power) = text.split_once('E').unwrap_or((&text, "0"));
        let dot = if digits.contains('.') { "" } else { ".0" };
        return format!("{digits}{dot}E{power}");
    }
    let text = number.to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// A text as a script has it within quotes.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\'' => escaped.push_str("\\'"),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            other if (' '..='~').contains(&other) => escaped.push(other),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    escaped.push_str(&format!("\\u{unit:04X}"));
                }
            }
        }
    }
    escaped
}

/// As `String.hashCode` counts.
pub fn hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_java_writes_them() {
        for (number, text) in [
            (1.0, "1.0"),
            (-0.5, "-0.5"),
            (0.0, "0.0"),
            (1234567.25, "1234567.25"),
            (1e7, "1.0E7"),
            (1.25e-5, "1.25E-5"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(double(number), text);
        }
        assert_eq!(escaped("a\"b'c\\d\né😀"), "a\\\"b\\'c\\\\d\\n\\u00E9\\uD83D\\uDE00");
        assert_eq!(hash("hello"), 99_162_322);
    }
}
