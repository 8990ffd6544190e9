//! What of a message tells its route: `$request.body.action`, also with braces, with texts around it, and several together.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html> and
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html>

use serde_json::Value;

use crate::error::Error;
use crate::limits;

/// An expression, ready to be asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Selection(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A way into the body.
    Body(Vec<Step>),
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
}

const BODY: &str = "request.body.";

impl Selection {
    pub fn parse(expression: &str) -> Result<Selection, Error> {
        let invalid = || Error::bad(format!("Invalid route selection expression specified: {expression}"));
        if expression.len() > limits::SELECTION_CHARACTERS_MAX {
            return Err(invalid());
        }
        let (mut parts, mut rest) = (Vec::new(), expression);
        while let Some((text, after)) = rest.split_once('$') {
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            let (variable, behind) = match after.strip_prefix('{') {
                Some(braced) => braced.split_once('}').ok_or_else(invalid)?,
                None => after.split_at(after.find(|c| !is_of_path(c)).unwrap_or(after.len())),
            };
            let path = variable.strip_prefix(BODY).ok_or_else(invalid)?;
            parts.push(Part::Body(steps(path).ok_or_else(invalid)?));
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let asks = parts.iter().any(|part| matches!(part, Part::Body(_)));
        if asks { Ok(Selection(parts)) } else { Err(invalid()) }
    }

    /// What a message says; `None` where it is no JSON, or has nothing there that is a text.
    pub fn of(&self, message: &str) -> Option<String> {
        let body: Value = serde_json::from_str(message).ok()?;
        let mut selected = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => selected.push_str(text),
                Part::Body(steps) => selected.push_str(&text_at(&body, steps)?),
            }
        }
        Some(selected)
    }
}

fn is_of_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '[' | ']')
}

/// `a.b[0].c` in its steps.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, items) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() || !name.chars().all(|c| is_of_path(c) && c != ']') {
            return None;
        }
        steps.push(Step::Member(name.to_owned()));
        for item in items.split('[').skip(1) {
            steps.push(Step::Item(item.strip_suffix(']')?.parse().ok()?));
        }
    }
    Some(steps)
}

fn text_at(body: &Value, steps: &[Step]) -> Option<String> {
    let found = steps.iter().try_fold(body, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Item(index) => value.get(index),
    });
    match found? {
        Value::String(text) => Some(text.clone()),
        scalar @ (Value::Number(_) | Value::Bool(_)) => Some(scalar.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(expression: &str, message: &str) -> Option<String> {
        Selection::parse(expression).unwrap().of(message)
    }

    #[test]
    fn messages_are_asked_for_their_routes() {
        let action = r#"{"action":"join","a":{"b":[{"c":7}]},"service-x":true,"none":null,"list":[]}"#;
        for (expression, selected) in [
            ("$request.body.action", Some("join")),
            ("${request.body.action}", Some("join")),
            ("$request.body.a.b[0].c", Some("7")),
            ("$request.body.service-x", Some("true")),
            ("v1/${request.body.action}", Some("v1/join")),
            ("${request.body.action}:$request.body.a.b[0].c", Some("join:7")),
            ("$request.body.none", None),
            ("$request.body.list", None),
            ("$request.body.a.b[1]", None),
            ("$request.body.missing", None),
        ] {
            assert_eq!(of(expression, action).as_deref(), selected, "{expression}");
        }
        for message in ["", "join", "[]", "\"action\"", "{\"action\":"] {
            assert_eq!(of("$request.body.action", message), None, "{message}");
        }
    }

    #[test]
    fn expressions_that_ask_nothing_are_refused() {
        for expression in [
            "",
            "action",
            "$",
            "$request.body",
            "$request.body.",
            "$request.body..a",
            "$request.header.x",
            "${request.body.a",
            "$request.body.a[x]",
            "$request.body.a[0",
            "$request.method $request.path",
            "$context.routeKey",
        ] {
            assert!(matches!(Selection::parse(expression), Err(Error::BadRequest(_))), "{expression}");
        }
    }

    proptest! {
        #[test]
        fn no_expression_and_no_message_is_too_odd(expression in "[$a{}.\\[\\]0request.body]{0,24}", message in "[{}\":a\\[\\]0,]{0,24}") {
            if let Ok(selection) = Selection::parse(&expression) {
                let _ = selection.of(&message);
            }
        }
    }
}
