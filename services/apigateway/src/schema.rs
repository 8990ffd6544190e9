//! JSON schemas of draft 4, as API Gateway takes them for models: whether a body is what a model says.
//!
//! Source: <https://json-schema.org/draft-04/json-schema-validation> and
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings-models.html>

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use regex_lite::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use crate::limits;

/// The schemas of an API's models, by name: they may refer to each other.
pub type Schemas = BTreeMap<String, Value>;

/// Where the schema of another model is.
const MODELS: &str = "/models/";

/// What is wrong with a value, in words for the API's owner: `[object has missing required properties (["a"])]`.
pub type Wrong = String;

/// Whether `value` is what the schema of the model `name` says.
///
/// # Errors
/// What is wrong with it; or that the schema leads nowhere, or too far.
pub fn check(schemas: &Schemas, name: &str, value: &Value) -> Result<(), Wrong> {
    let root = schemas.get(name).ok_or_else(|| format!("there is no model {name}"))?;
    Checker { schemas, patterns: HashMap::new(), steps: 0 }.check(At { schema: root, root }, value, 0)
}

/// Whether a schema can be used, as far as can be told without the models that it refers to.
///
/// # Errors
/// What cannot be used.
pub fn validate(schema: &Value, depth: usize) -> Result<(), String> {
    if depth > limits::SCHEMA_DEPTH_MAX {
        return Err(format!("it has more than {} schemas within each other", limits::SCHEMA_DEPTH_MAX));
    }
    match schema {
        Value::Object(members) => {
            let patterns = members.get("patternProperties").and_then(Value::as_object);
            let patterns = patterns.into_iter().flat_map(Map::keys).map(String::as_str);
            for pattern in patterns.chain(members.get("pattern").and_then(Value::as_str)) {
                compiled(pattern)?;
            }
            members.values().try_for_each(|inner| validate(inner, depth + 1))
        }
        Value::Array(items) => items.iter().try_for_each(|inner| validate(inner, depth + 1)),
        _ => Ok(()),
    }
}

/// A regular expression, as small as it has to be.
///
/// # Errors
/// Why it cannot be used.
pub fn compiled(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > limits::PATTERN_BYTES_MAX {
        return Err(format!("a pattern has more than {} bytes", limits::PATTERN_BYTES_MAX));
    }
    let built = RegexBuilder::new(pattern).size_limit(limits::PATTERN_COMPILED_BYTES_MAX).build();
    built.map_err(|error| format!("the pattern {pattern} cannot be used: {error}"))
}

/// What it takes to look for a pattern at one place: each of its parts may be looked for, and a counted part is many.
fn weight(pattern: &str) -> usize {
    if pattern.contains('{') { limits::COUNTED_PATTERN_WEIGHT } else { pattern.len() }
}

/// A schema, and the document that it is in.
#[derive(Clone, Copy)]
struct At<'s> {
    schema: &'s Value,
    root: &'s Value,
}

struct Checker<'s> {
    schemas: &'s Schemas,
    /// Those that are ready: each may be for many values.
    patterns: HashMap<&'s str, Rc<Regex>>,
    steps: usize,
}

impl<'s> Checker<'s> {
    fn check(&mut self, at: At<'s>, value: &Value, depth: usize) -> Result<(), Wrong> {
        self.step(1)?;
        if depth > limits::SCHEMA_DEPTH_MAX {
            return Err(format!("more than {} schemas are within each other", limits::SCHEMA_DEPTH_MAX));
        }
        let Value::Object(schema) = at.schema else { return Ok(()) };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.resolve(at, reference)?;
            return self.check(target, value, depth + 1);
        }
        kind(schema, value)?;
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
            self.step(allowed.len())?;
            if !allowed.iter().any(|one| same(one, value)) {
                return Err(format!("instance value ({value:.64}) not found in enum"));
            }
        }
        match value {
            Value::Object(members) => self.object(at, schema, value, members, depth)?,
            Value::Array(items) => self.array(at, schema, items, depth)?,
            Value::String(text) => self.string(schema, text)?,
            Value::Number(_) => number(schema, value.as_f64().unwrap_or_default())?,
            Value::Null | Value::Bool(_) => {}
        }
        self.combined(at, schema, value, depth)
    }

    fn step(&mut self, count: usize) -> Result<(), Wrong> {
        self.steps += count;
        if self.steps > limits::SCHEMA_STEPS_MAX {
            return Err(format!("it takes more than {} steps to tell", limits::SCHEMA_STEPS_MAX));
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &'s str) -> Result<Rc<Regex>, Wrong> {
        if let Some(ready) = self.patterns.get(pattern) {
            return Ok(ready.clone());
        }
        self.step(limits::PATTERN_STEPS)?;
        let ready = Rc::new(compiled(pattern)?);
        if self.patterns.len() < limits::PATTERNS_KEPT_MAX {
            self.patterns.insert(pattern, ready.clone());
        }
        Ok(ready)
    }

    /// `#/definitions/a`, or another model, `https://apigateway.amazonaws.com/restapis/{api}/models/{name}`, or a part of one.
    fn resolve(&self, at: At<'s>, reference: &str) -> Result<At<'s>, Wrong> {
        let (document, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let root = match document.rsplit_once(MODELS) {
            _ if document.is_empty() => Some(at.root),
            Some((_, name)) => self.schemas.get(name),
            None => None,
        };
        let found = root.and_then(|root| Some(At { schema: root.pointer(pointer)?, root }));
        found.ok_or_else(|| format!("the reference {reference} leads nowhere"))
    }

    fn object(
        &mut self,
        at: At<'s>,
        schema: &'s Map<String, Value>,
        value: &Value,
        members: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), Wrong> {
        self.step(members.len())?;
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let missing: Vec<&str> = required.filter(|name| !members.contains_key(*name)).collect();
        if !missing.is_empty() {
            return Err(format!("object has missing required properties ({missing:?})"));
        }
        within(schema, "Properties", members.len(), "object has")?;
        let known = schema.get("properties").and_then(Value::as_object);
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let weight: usize = patterns.into_iter().flat_map(Map::keys).map(|pattern| weight(pattern)).sum();
        let patterns: Vec<(Rc<Regex>, &'s Value)> = patterns
            .into_iter()
            .flatten()
            .map(|(pattern, inner)| Ok((self.pattern(pattern)?, inner)))
            .collect::<Result<_, Wrong>>()?;
        for (name, member) in members {
            self.step(patterns.len() + name.len().saturating_mul(weight) / 64)?;
            let own = known.and_then(|known| known.get(name));
            let matching = patterns.iter().filter(|(pattern, _)| pattern.is_match(name)).map(|(_, inner)| *inner);
            let inner: Vec<&Value> = own.into_iter().chain(matching).collect();
            match (inner.is_empty(), schema.get("additionalProperties")) {
                (true, Some(Value::Bool(false))) => {
                    return Err(format!(
                        "object instance has properties which are not allowed by the schema: [\"{name:.64}\"]"
                    ));
                }
                (true, Some(more)) => self.check(At { schema: more, ..at }, member, depth + 1)?,
                _ => {}
            }
            for schema in inner {
                self.check(At { schema, ..at }, member, depth + 1)?;
            }
        }
        self.dependencies(at, schema, value, members, depth)
    }

    /// `value` is the object whose members these are.
    fn dependencies(
        &mut self,
        at: At<'s>,
        schema: &'s Map<String, Value>,
        value: &Value,
        members: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), Wrong> {
        let dependencies = schema.get("dependencies").and_then(Value::as_object).into_iter().flatten();
        for (name, needed) in dependencies.filter(|(name, _)| members.contains_key(*name)) {
            match needed {
                Value::Array(names) => {
                    if names.iter().filter_map(Value::as_str).any(|other| !members.contains_key(other)) {
                        return Err(format!("property \"{name:.64}\" of object has missing property dependencies"));
                    }
                }
                schema => self.check(At { schema, ..at }, value, depth + 1)?,
            }
        }
        Ok(())
    }

    fn array(
        &mut self,
        at: At<'s>,
        schema: &'s Map<String, Value>,
        items: &[Value],
        depth: usize,
    ) -> Result<(), Wrong> {
        within(schema, "Items", items.len(), "array has")?;
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            self.step(items.len().saturating_mul(items.len()) / 2)?;
            let twice = |(index, item): (usize, &Value)| items.iter().skip(index + 1).any(|other| same(item, other));
            if items.iter().enumerate().any(twice) {
                return Err("array must not contain duplicate elements".into());
            }
        }
        let additional = schema.get("additionalItems");
        for (index, item) in items.iter().enumerate() {
            let inner = match schema.get("items") {
                Some(Value::Array(each)) => match (each.get(index), additional) {
                    (None, Some(Value::Bool(false))) => {
                        return Err(format!("array has more than the {} elements that are allowed", each.len()));
                    }
                    (own, additional) => own.or(additional),
                },
                all => all,
            };
            if let Some(schema) = inner {
                self.check(At { schema, ..at }, item, depth + 1)?;
            }
        }
        Ok(())
    }

    fn string(&mut self, schema: &'s Map<String, Value>, text: &str) -> Result<(), Wrong> {
        within(schema, "Length", text.chars().count(), "string has a length of")?;
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { return Ok(()) };
        self.step(text.len().saturating_mul(weight(pattern)) / 64)?;
        match self.pattern(pattern)?.is_match(text) {
            true => Ok(()),
            false => Err(format!("ECMA 262 regex \"{pattern}\" does not match input string \"{text:.64}\"")),
        }
    }

    /// `allOf`, `anyOf`, `oneOf` and `not`.
    fn combined(
        &mut self,
        at: At<'s>,
        schema: &'s Map<String, Value>,
        value: &Value,
        depth: usize,
    ) -> Result<(), Wrong> {
        for name in ["allOf", "anyOf", "oneOf"] {
            let Some(all) = schema.get(name).and_then(Value::as_array) else { continue };
            let mut matching = 0;
            for schema in all {
                match self.check(At { schema, ..at }, value, depth + 1) {
                    Ok(()) => matching += 1,
                    Err(_) if self.steps <= limits::SCHEMA_STEPS_MAX => {}
                    Err(wrong) => return Err(wrong),
                }
            }
            let fits = match name {
                "allOf" => matching == all.len(),
                "anyOf" => matching > 0,
                _ => matching == 1,
            };
            if !fits {
                return Err(format!("instance matches {matching} of the {} schemas of {name}", all.len()));
            }
        }
        if let Some(schema) = schema.get("not")
            && self.check(At { schema, ..at }, value, depth + 1).is_ok()
        {
            return Err("instance matches a schema which it should not".into());
        }
        Ok(())
    }
}

fn kind(schema: &Map<String, Value>, value: &Value) -> Result<(), Wrong> {
    let is = |wanted: &str| match (wanted, value) {
        ("null", Value::Null)
        | ("boolean", Value::Bool(_))
        | ("string", Value::String(_))
        | ("array", Value::Array(_))
        | ("object", Value::Object(_))
        | ("number", Value::Number(_)) => true,
        ("integer", Value::Number(number)) => {
            number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        _ => false,
    };
    let fits = match schema.get("type") {
        Some(Value::String(wanted)) => is(wanted),
        Some(Value::Array(wanted)) => wanted.iter().filter_map(Value::as_str).any(is),
        _ => true,
    };
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if fits {
        return Ok(());
    }
    let allowed = schema.get("type").map(Value::to_string).unwrap_or_default();
    Err(format!("instance type ({name}) does not match any allowed primitive type (allowed: {allowed})"))
}

fn number(schema: &Map<String, Value>, number: f64) -> Result<(), Wrong> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let exclusive = |name: &str| schema.get(name) == Some(&Value::Bool(true));
    if let Some(least) = bound("minimum")
        && (number < least || exclusive("exclusiveMinimum") && number <= least)
    {
        return Err(format!("numeric instance is lower than the required minimum (minimum: {least}, found: {number})"));
    }
    if let Some(most) = bound("maximum")
        && (number > most || exclusive("exclusiveMaximum") && number >= most)
    {
        return Err(format!(
            "numeric instance is greater than the required maximum (maximum: {most}, found: {number})"
        ));
    }
    if let Some(factor) = bound("multipleOf").filter(|factor| *factor > 0.0) {
        let times = number / factor;
        if (times - times.round()).abs() > 1e-9 * times.abs().max(1.0) {
            return Err(format!("remainder of division is not zero ({number} / {factor})"));
        }
    }
    Ok(())
}

/// `minLength` and `maxLength`, and the like.
fn within(schema: &Map<String, Value>, of: &str, count: usize, what: &str) -> Result<(), Wrong> {
    let bound = |name: &str| schema.get(&format!("{name}{of}")).and_then(Value::as_u64);
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    match (bound("min"), bound("max")) {
        (Some(least), _) if count < least => Err(format!("{what} {count}, and {least} is the minimum")),
        (_, Some(most)) if count > most => Err(format!("{what} {count}, and {most} is the maximum")),
        _ => Ok(()),
    }
}

/// Whether two values are one: numbers by what they are worth.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a.total_cmp(&b).is_eq())
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fits(schema: Value, value: &Value) -> bool {
        let other = json!({"type": "object", "required": ["a"], "definitions": {"n": {"type": "number"}}});
        let schemas = Schemas::from([("M".to_owned(), schema), ("Other".to_owned(), other)]);
        check(&schemas, "M", value).is_ok()
    }

    #[test]
    fn each_word_of_a_schema_counts() {
        let reference = |to: &str| json!({"$ref": format!("https://apigateway.amazonaws.com/restapis/x/models/{to}")});
        for (schema, good, bad) in [
            (json!({}), vec![json!(null), json!(1)], vec![]),
            (json!({"type": "integer"}), vec![json!(1), json!(1.0)], vec![json!(1.5), json!("1")]),
            (json!({"type": ["string", "null"]}), vec![json!("a"), json!(null)], vec![json!(1)]),
            (json!({"required": ["a"]}), vec![json!({"a": null}), json!(1)], vec![json!({})]),
            (
                json!({"properties": {"a": {"type": "number"}}, "additionalProperties": false}),
                vec![json!({"a": 1}), json!({})],
                vec![json!({"a": "1"}), json!({"b": 1})],
            ),
            (json!({"additionalProperties": {"type": "number"}}), vec![json!({"x": 1})], vec![json!({"x": "1"})]),
            (json!({"patternProperties": {"^x": {"type": "number"}}}), vec![json!({"y": ""})], vec![json!({"xy": ""})]),
            (json!({"items": {"type": "number"}, "minItems": 1}), vec![json!([1])], vec![json!([]), json!([""])]),
            (
                json!({"items": [{"type": "number"}], "additionalItems": false}),
                vec![json!([1]), json!([])],
                vec![json!([1, 2]), json!([""])],
            ),
            (json!({"uniqueItems": true}), vec![json!([1, "1"])], vec![json!([1, 1.0]), json!([{}, {}])]),
            (
                json!({"minLength": 2, "maxLength": 3, "pattern": "^ä"}),
                vec![json!("äb")],
                vec![json!("ä"), json!("abc")],
            ),
            (
                json!({"minimum": 1, "exclusiveMinimum": true, "maximum": 2, "multipleOf": 0.1}),
                vec![json!(1.1), json!(2)],
                vec![json!(1), json!(2.1), json!(1.15)],
            ),
            (json!({"enum": [1, "a"]}), vec![json!(1.0), json!("a")], vec![json!("b")]),
            (json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), vec![json!(1)], vec![json!(3)]),
            (json!({"anyOf": [{"type": "null"}, {"minimum": 2}]}), vec![json!(null), json!(2)], vec![json!(1)]),
            (json!({"oneOf": [{"minimum": 1}, {"maximum": 2}]}), vec![json!(0), json!(3)], vec![json!(1)]),
            (json!({"not": {"type": "string"}}), vec![json!(1)], vec![json!("")]),
            (
                json!({"dependencies": {"a": ["b"]}}),
                vec![json!({"b": 1}), json!({"a": 1, "b": 1})],
                vec![json!({"a": 1})],
            ),
            (json!({"dependencies": {"a": {"required": ["b"]}}}), vec![json!({})], vec![json!({"a": 1})]),
            (json!({"minProperties": 1, "maxProperties": 1}), vec![json!({"a": 1})], vec![json!({})]),
            (
                json!({"properties": {"l": {"$ref": "#/definitions/l"}}, "definitions": {"l": {"items": {"$ref": "#"}}}}),
                vec![json!({"l": [{"l": []}]})],
                vec![],
            ),
            (reference("Other"), vec![json!({"a": 1})], vec![json!({})]),
            (reference("Other#/definitions/n"), vec![json!(1)], vec![json!("")]),
            (reference("None"), vec![], vec![json!(1)]),
            (json!({"$ref": "#"}), vec![], vec![json!(1)]),
        ] {
            good.iter().for_each(|value| assert!(fits(schema.clone(), value), "{schema} {value}"));
            bad.iter().for_each(|value| assert!(!fits(schema.clone(), value), "{schema} {value}"));
        }
    }

    #[test]
    fn schemas_that_cannot_be_used_are_told() {
        assert!(validate(&json!({"pattern": "^[a-z]+$", "properties": {"a": {"pattern": "\\d"}}}), 0).is_ok());
        assert!(validate(&json!({"properties": {"a": {"pattern": "(?=x)"}}}), 0).is_err());
        assert!(validate(&json!({"patternProperties": {"(": {}}}), 0).is_err());
        let deep = (0..200).fold(json!({}), |inner, _| json!({"not": inner}));
        assert!(validate(&deep, 0).is_err());
        // Whoever writes a schema cannot make it take forever.
        let many = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]});
        assert!(!fits(many, &json!(1)));
        let long: Value = (0..5_000).collect();
        assert!(!fits(json!({"uniqueItems": true}), &long));
        // One pattern is for many values; many patterns are too much.
        let texts: Value = vec!["a"; 5_000].into();
        assert!(fits(json!({"items": {"pattern": "^a{1,9}$", "minLength": 1}}), &texts));
        let patterns: Vec<Value> = (0..2_000).map(|number| json!({"pattern": format!("^(a|{number})$")})).collect();
        assert!(!fits(json!({"allOf": patterns}), &json!("a")));
        assert!(fits(json!({"allOf": patterns[..100]}), &json!("a")));
    }

    proptest! {
        #[test]
        fn numbers_of_a_range_fit(least in -100_i64..100, span in 0_i64..50, value in -200_i64..200) {
            let schema = json!({"type": "integer", "minimum": least, "maximum": least + span});
            prop_assert_eq!(fits(schema, &json!(value)), (least..=least + span).contains(&value));
        }
    }
}
