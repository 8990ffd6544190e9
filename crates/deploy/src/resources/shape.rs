//! What a resource's properties are: their types, and what a change of each asks for.

use serde_json::{Map, Value, json};

use crate::suggest;

/// A property's type. CloudFormation takes numbers and booleans as text too; operations do not, so values are converted.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Text,
    Integer,
    Boolean,
    /// Anything.
    Json,
    /// A JSON document, as a mapping or as text: a policy.
    Document,
    /// Texts by name.
    TextMap,
    List(&'static Shape),
    Struct(&'static [Field]),
}

/// A member of a [`Shape::Struct`].
pub type Field = (&'static str, Shape);

/// A list of texts.
pub const TEXTS: Shape = Shape::List(&Shape::Text);
/// A list of `Key` and `Value`.
pub const TAGS: Shape = Shape::List(&Shape::Struct(&[("Key", Shape::Text), ("Value", Shape::Text)]));

#[derive(Clone, Copy, Debug)]
pub struct Property {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// A change needs another resource in place of this one.
    pub replaces: bool,
    /// Accepted, and without effect here.
    pub ignored: bool,
}

/// A property that can be changed in place.
pub const fn property(name: &'static str, shape: Shape) -> Property {
    Property { name, shape, required: false, replaces: false, ignored: false }
}

/// A property whose change replaces the resource.
pub const fn fixed(name: &'static str, shape: Shape) -> Property {
    Property { replaces: true, ..property(name, shape) }
}

/// A property without effect here.
pub const fn ignored(name: &'static str) -> Property {
    Property { ignored: true, ..property(name, Shape::Json) }
}

impl Property {
    pub const fn required(mut self) -> Property {
        self.required = true;
        self
    }
}

/// What does not fit a shape, and where below the value.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Keys and positions, each after a slash; empty for the value itself.
    pub path: String,
    pub message: String,
}

/// The value with numbers, booleans and texts as `shape` has them. With `open`, intrinsic functions, whose value is not
/// known yet, fit everything.
pub fn fit(value: &Value, shape: &Shape, open: bool) -> Result<Value, Misfit> {
    if open && is_function(value) {
        return Ok(value.clone());
    }
    let misfit = |expected: &str| Misfit {
        path: String::new(),
        message: format!("{expected} is expected, not {}", describe(value)),
    };
    match shape {
        Shape::Json => Ok(value.clone()),
        Shape::Text => text(value).map(Value::String).ok_or_else(|| misfit("a text")),
        Shape::Integer => match value {
            Value::Number(number) if number.is_i64() || number.is_u64() => Ok(value.clone()),
            Value::String(text) => {
                text.parse::<i64>().map(|number| json!(number)).map_err(|_| misfit("a whole number"))
            }
            _ => Err(misfit("a whole number")),
        },
        Shape::Boolean => match value {
            Value::Bool(_) => Ok(value.clone()),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(json!(true)),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(json!(false)),
            _ => Err(misfit("true or false")),
        },
        Shape::Document => match value {
            Value::Object(_) => Ok(value.clone()),
            Value::String(text) => serde_json::from_str::<Map<String, Value>>(text)
                .map(Value::Object)
                .map_err(|_| misfit("a JSON document")),
            _ => Err(misfit("a JSON document")),
        },
        Shape::TextMap => {
            let map = value.as_object().ok_or_else(|| misfit("a mapping of texts"))?;
            let fitted = map.iter().map(|(key, value)| {
                Ok((key.clone(), fit(value, &Shape::Text, open).map_err(|misfit| below(key, misfit))?))
            });
            fitted.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        Shape::List(item) => {
            // CloudFormation takes one value for a list of one.
            let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            let fitted = items
                .iter()
                .enumerate()
                .map(|(index, value)| fit(value, item, open).map_err(|misfit| below(&index.to_string(), misfit)));
            fitted.collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        Shape::Struct(fields) => {
            let map = value.as_object().ok_or_else(|| misfit("a mapping"))?;
            let mut fitted = Map::new();
            for (key, value) in map {
                let Some((_, shape)) = fields.iter().find(|(name, _)| name == key) else {
                    return Err(below(key, unknown(key, fields.iter().map(|(name, _)| *name))));
                };
                fitted.insert(key.clone(), fit(value, shape, open).map_err(|misfit| below(key, misfit))?);
            }
            Ok(Value::Object(fitted))
        }
    }
}

/// All of a resource's properties, fitted to their shapes.
pub fn fit_all(properties: &Map<String, Value>, known: &[Property], open: bool) -> Result<Map<String, Value>, Misfit> {
    let mut fitted = Map::new();
    for (key, value) in properties {
        let Some(property) = known.iter().find(|property| property.name == key) else {
            return Err(below(key, unknown(key, known.iter().map(|property| property.name))));
        };
        if !value.is_null() {
            fitted.insert(key.clone(), fit(value, &property.shape, open).map_err(|misfit| below(key, misfit))?);
        }
    }
    match known.iter().find(|property| property.required && !fitted.contains_key(property.name)) {
        Some(missing) => Err(Misfit { path: String::new(), message: format!("`{}` is missing", missing.name) }),
        None => Ok(fitted),
    }
}

/// Whether a value is an intrinsic function.
pub fn is_function(value: &Value) -> bool {
    let Some(map) = value.as_object() else { return false };
    map.len() == 1 && map.keys().all(|key| key == "Ref" || key.starts_with("Fn::"))
}

/// A scalar as text.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn below(key: &str, misfit: Misfit) -> Misfit {
    Misfit { path: format!("/{key}{}", misfit.path), message: misfit.message }
}

fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str> + Clone) -> Misfit {
    let message = match suggest::nearest(key, known.clone()) {
        Some(nearest) => format!("`{key}` is not supported: did you mean `{nearest}`?"),
        None => format!("`{key}` is not supported; there are {}", known.collect::<Vec<_>>().join(", ")),
    };
    Misfit { path: String::new(), message }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Object(_) => "a mapping".into(),
        Value::Array(_) => "a list".into(),
        Value::Null => "nothing".into(),
        scalar => format!("`{}`", text(scalar).unwrap_or_default().chars().take(60).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Property] = &[
        property("Count", Shape::Integer),
        property("On", Shape::Boolean),
        fixed("Name", Shape::Text).required(),
        property("Keys", Shape::List(&Shape::Struct(&[("Size", Shape::Integer)]))),
    ];

    #[test]
    fn texts_become_what_operations_take() {
        let given = json!({"Count": "5", "On": "true", "Name": 12, "Keys": {"Size": "3"}});
        let fitted = fit_all(given.as_object().unwrap(), KNOWN, false).unwrap();
        assert_eq!(Value::Object(fitted), json!({"Count": 5, "On": true, "Name": "12", "Keys": [{"Size": 3}]}));
    }

    #[test]
    fn misfits_have_a_path() {
        let path = |given: Value| {
            let misfit = fit_all(given.as_object().unwrap(), KNOWN, true).unwrap_err();
            (misfit.path, misfit.message)
        };
        assert_eq!(path(json!({"Name": "a", "Keys": [{"Size": 1}, {"Size": "x"}]})).0, "/Keys/1/Size");
        assert!(path(json!({"Name": "a", "Keys": [{"Sise": 1}]})).1.contains("did you mean `Size`"));
        assert!(path(json!({"Count": {"Ref": "X"}})).1.contains("`Name` is missing"));
    }
}
