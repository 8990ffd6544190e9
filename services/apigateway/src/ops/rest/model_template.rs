//! A mapping template that goes through everything a model has: what a client begins with to write its own.

use serde_json::{Map, Value};

use crate::limits;

/// The template for a schema.
pub fn of(schema: &Value) -> String {
    let mut text = String::from("#set($inputRoot = $input.path('$'))\n");
    value(schema, "$inputRoot", 0, &mut text);
    text.push('\n');
    text
}

fn value(schema: &Value, reference: &str, depth: usize, text: &mut String) {
    if depth > limits::SCHEMA_DEPTH_MAX {
        return text.push_str("{}");
    }
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => object(properties.unwrap_or(&none), reference, depth, text),
        None if properties.is_some() => object(properties.unwrap_or(&none), reference, depth, text),
        Some("array") => {
            let element = format!("$elem{}", if depth == 0 { String::new() } else { depth.to_string() });
            text.push_str(&format!("[\n#foreach({element} in {reference})\n{}", indent(depth + 1)));
            value(schema.get("items").unwrap_or(&Value::Null), &element, depth + 1, text);
            text.push_str(&format!("#if($foreach.hasNext),#end\n#end\n{}]", indent(depth)));
        }
        Some("string") => text.push_str(&format!("\"{}\"", formal(reference))),
        _ => text.push_str(&formal(reference)),
    }
}

fn object(properties: &Map<String, Value>, reference: &str, depth: usize, text: &mut String) {
    text.push('{');
    for (index, (name, schema)) in properties.iter().enumerate() {
        text.push_str(if index > 0 { ",\n" } else { "\n" });
        text.push_str(&format!("{}{} : ", indent(depth + 1), Value::from(name.as_str())));
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let inner =
            if plain { format!("{reference}.{name}") } else { format!("{reference}['{}']", name.replace('\'', "''")) };
        value(schema, &inner, depth + 1, text);
    }
    text.push_str(&format!("\n{}}}", indent(depth)));
}

/// With braces, so that what follows is no part of it.
fn formal(reference: &str) -> String {
    format!("${{{}}}", reference.trim_start_matches('$'))
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_models_template_makes_what_it_was_given() {
        let schema = json!({
            "type": "object",
            "properties": {
                "a": {"type": "number"}, "b c": {"type": "string"}, "l": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "boolean"}}}},
            },
        });
        let body = json!({"a": 1.5, "b c": "t", "l": [{"x": true}, {"x": false}]});
        let template = vtl::Template::parse(&of(&schema)).unwrap();
        let input = vtl::Input { body: body.to_string(), ..vtl::Input::default() };
        let made = template.render(&input, &Map::new()).unwrap().text;
        assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), body, "{made}");
        let deep = (0..500).fold(json!({}), |inner, _| json!({"type": "array", "items": inner}));
        assert!(of(&deep).len() < 100_000);
    }
}
