//! Templates: text or JSON with placeholders in angle brackets.

use serde_json::Value;

/// The template did not become JSON, and was meant to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson;

/// What a placeholder stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Filling {
    /// Outside quotes, it is put in as JSON.
    Json(Value),
    /// The same; but where the template is text, objects and lists lose their quotes outside quotes too.
    Plain(Value),
}

/// The template with its placeholders filled. One that begins as JSON must become JSON.
///
/// Within quotes, a text is put in as it is; so is JSON in a template that is JSON, which breaks it. In a template that is
/// text, JSON loses its quotes there.
///
/// # Errors
/// When a template that is JSON becomes none.
pub fn fill(
    template: &str,
    is_placeholder: impl Fn(&str) -> bool,
    value: impl Fn(&str) -> Filling,
) -> Result<String, NotJson> {
    let is_json = template.trim_start().starts_with('{');
    let (mut filled, mut quotes) = (String::with_capacity(template.len()), Quotes::default());
    for piece in pieces(template, is_placeholder) {
        match piece {
            Piece::Text(text) => {
                quotes.read(text);
                filled.push_str(text);
            }
            Piece::Placeholder(name) => filled.push_str(&shown(value(name), quotes.open, is_json)),
        }
    }
    if is_json && serde_json::from_str::<serde::de::IgnoredAny>(&filled).is_err() {
        return Err(NotJson);
    }
    Ok(filled)
}

/// The names of a template's placeholders.
pub fn placeholders(template: &str, is_placeholder: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
    pieces(template, is_placeholder).filter_map(|piece| match piece {
        Piece::Placeholder(name) => Some(name),
        Piece::Text(_) => None,
    })
}

fn shown(filling: Filling, in_quotes: bool, template_is_json: bool) -> String {
    match filling {
        Filling::Json(Value::String(text)) | Filling::Plain(Value::String(text)) if in_quotes => {
            let quoted = Value::String(text).to_string();
            quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
        }
        Filling::Json(value) | Filling::Plain(value) if in_quotes && !template_is_json => bare(&value),
        Filling::Plain(value @ (Value::Object(_) | Value::Array(_))) if !template_is_json => bare(&value),
        Filling::Json(value) | Filling::Plain(value) => value.to_string(),
    }
}

fn bare(value: &Value) -> String {
    value.to_string().replace('"', "")
}

/// Whether the text that was read so far has an open quote.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    fn read(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                _ if self.escaped => self.escaped = false,
                '\\' if self.open => self.escaped = true,
                '"' => self.open = !self.open,
                _ => {}
            }
        }
    }
}

enum Piece<'t> {
    Text(&'t str),
    Placeholder(&'t str),
}

/// A template in pieces. What stands between `<` and `>` is a placeholder where it could be one.
fn pieces<'t>(template: &'t str, is_placeholder: impl Fn(&str) -> bool) -> impl Iterator<Item = Piece<'t>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let placeholder = |text: &'t str| {
            let (name, after) = text.strip_prefix('<')?.split_once('>')?;
            is_placeholder(name).then_some((name, after))
        };
        if let Some((name, after)) = placeholder(rest) {
            rest = after;
            return Some(Piece::Placeholder(name));
        }
        let next = rest.match_indices('<').map(|(place, _)| place);
        let end =
            next.filter(|place| *place > 0).find(|place| placeholder(rest.get(*place..).unwrap_or_default()).is_some());
        let (text, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some(Piece::Text(text))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &str) -> Result<String, NotJson> {
        let value = |name: &str| match name {
            "text" => Filling::Plain(json!("a \"b\"")),
            "plain" => Filling::Plain(json!({"k": ["v"]})),
            _ => Filling::Json(json!({"k": ["v"]})),
        };
        fill(template, |name| ["text", "plain", "json"].contains(&name), value)
    }

    #[test]
    fn quotes_stay_where_they_make_json() {
        let cases = [
            (r#"{"a": <plain>, "b": <json>, "c": <text>}"#, r#"{"a": {"k":["v"]}, "b": {"k":["v"]}, "c": "a \"b\""}"#),
            ("<plain>", "{k:[v]}"),
            ("<json>", r#"{"k":["v"]}"#),
            ("<text>", r#""a \"b\"""#),
            (r#""<json> and <text>""#, r#""{k:[v]} and a \"b\"""#),
            ("1 < 2 <other> <", "1 < 2 <other> <"),
            ("", ""),
        ];
        for (template, expected) in cases {
            assert_eq!(filled(template).as_deref(), Ok(expected), "{template}");
        }
        assert_eq!(filled(r#"{"a": "<plain>"}"#), Err(NotJson));
        let known = |name: &str| name != "2";
        assert_eq!(placeholders("<a> 1 <2> <b>", known).collect::<Vec<_>>(), ["a", "b"]);
    }
}
