//! MOCK integrations: the API answers by itself, with the status that its request template says.

/// The status in what the request template came to: `{"statusCode": 200}`, also without quotes, as deployment tools write it.
/// What follows the status does not count.
pub fn status(body: &str) -> Option<i64> {
    let mut rest = body.trim_start().strip_prefix('{')?;
    loop {
        let (name, after) = key(rest.trim_start())?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        if name == "statusCode" {
            let end = value.find(|next: char| !next.is_ascii_digit() && next != '-').unwrap_or(value.len());
            let (number, behind) = value.split_at(end);
            return number.parse().ok().filter(|_| behind.trim_start().starts_with([',', '}']));
        }
        rest = behind(value)?;
    }
}

/// A name, in quotes of either kind or in none, and what follows it.
fn key(text: &str) -> Option<(&str, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote);
        }
    }
    let end = text.find([':', ',', '}'])?;
    let (name, rest) = text.split_at(end);
    Some((name.trim_end(), rest))
}

/// What follows a value and the comma behind it.
fn behind(value: &str) -> Option<&str> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, character) in value.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') if depth == 0 => return None,
            (None, '}' | ']') => depth -= 1,
            (None, ',') if depth == 0 => return value.get(at + 1..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As AWS was seen to take them.
    #[test]
    fn statuses_are_read_from_what_templates_come_to() {
        for body in [
            "{\"statusCode\": 200}",
            "{ statusCode: 200 }",
            "{'statusCode':200}",
            "{statusCode: 200,super{ f}oo: [ba r]}",
            "{statusCode: 200, \"value\": 'goog'}",
            "{\"statusCode\": 200 ,, }",
            "{\"a\": {\"b\": [1, \"}\"]}, 'c' : 'x,y', d: e, \"statusCode\" : 200\n}",
        ] {
            assert_eq!(status(body), Some(200), "{body}");
        }
        for body in [
            "",
            "{}",
            "statusCode: 200",
            "{\"statusCode\": \"200\"}",
            "{\"statusCode\": 200",
            "{\"statusCode': 200 }",
            "{'statusCode: 200 }",
            "{\"statusCode\": 2x0}",
            "{\"other\": 200}",
        ] {
            assert_eq!(status(body), None, "{body}");
        }
        assert_eq!(status("{\"statusCode\": -1000}"), Some(-1000));
    }

    proptest! {
        #[test]
        fn any_text_has_a_status_or_none(text in "(statusCode|[{}\\[\\]\"',: 0-9a-z]){0,20}") {
            let _ = status(&text);
        }
    }
}
