//! CloudFormation's intrinsic functions, conditions and parameters, evaluated.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use crate::references::VALUE_OF;
use crate::resources::shape::text;
use crate::suggest;
use crate::template::Template;

/// Levels of functions inside one another.
const DEPTH_MAX: usize = 100;

/// What is the same for all of a stack: pseudo parameters, and what other stacks export.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub account: String,
    pub region: String,
    pub stack: String,
    pub parameters: BTreeMap<String, String>,
    /// Values by the name they are exported under.
    pub imports: BTreeMap<String, String>,
}

/// The values of resources: what `Ref` and `Fn::GetAtt` answer.
pub trait Values {
    /// A resource's physical id; `None` when it is not known yet.
    fn reference(&self, logical_id: &str) -> Option<Value>;
    /// An attribute's value; `None` when the resource is not made yet, an error when it has no such attribute.
    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Option<Value>, String>;
}

/// Stands for a value that is known only once its resource is made. No text of a template contains it.
pub const UNKNOWN: &str = "\u{1}known after the deployment\u{1}";

/// A template with its conditions and parameters decided, ready to evaluate values.
pub struct Evaluator<'a> {
    template: &'a Template,
    scope: &'a Scope,
    parameters: BTreeMap<String, Value>,
    conditions: BTreeMap<String, bool>,
}

type Result<T, E = String> = std::result::Result<T, E>;

impl<'a> Evaluator<'a> {
    pub fn new(template: &'a Template, scope: &'a Scope) -> Result<Evaluator<'a>> {
        let parameters = parameters(template, scope)?;
        let mut evaluator = Evaluator { template, scope, parameters, conditions: BTreeMap::new() };
        for name in template.conditions.keys() {
            let value = evaluator.condition(name, &mut Vec::new())?;
            evaluator.conditions.insert(name.clone(), value);
        }
        Ok(evaluator)
    }

    /// Whether a resource or output is there: its `Condition` holds, or it has none.
    pub fn is_active(&self, part: &Value) -> Result<bool> {
        match part.get("Condition") {
            None => Ok(true),
            Some(name) => self.decided(name),
        }
    }

    fn decided(&self, name: &Value) -> Result<bool> {
        let name = name.as_str().ok_or("a condition is named by a text")?;
        self.conditions.get(name).copied().ok_or_else(|| format!("there is no condition `{name}`"))
    }

    /// A condition's value; `pending` are the ones that are being worked out, to find cycles.
    fn condition(&self, name: &str, pending: &mut Vec<String>) -> Result<bool> {
        if let Some(decided) = self.conditions.get(name) {
            return Ok(*decided);
        }
        let definition = self.template.conditions.get(name).ok_or_else(|| format!("there is no condition `{name}`"))?;
        if pending.iter().any(|outer| outer == name) {
            return Err(format!("a condition needs itself: {} -> {name}", pending.join(" -> ")));
        }
        pending.push(name.into());
        let value = self.decide(definition, pending).map_err(|error| format!("condition `{name}`: {error}"));
        pending.pop();
        value
    }

    fn decide(&self, definition: &Value, pending: &mut Vec<String>) -> Result<bool> {
        if pending.len() > DEPTH_MAX {
            return Err("the conditions are nested too deep".into());
        }
        let (function, argument) =
            function(definition).ok_or("a condition is Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition")?;
        let list = || argument.as_array().ok_or_else(|| format!("{function} takes a list"));
        match function {
            "Condition" => self.condition(argument.as_str().ok_or("a condition is named by a text")?, pending),
            "Fn::Equals" => match list()?.as_slice() {
                [left, right] => Ok(self.constant(left)? == self.constant(right)?),
                _ => Err("Fn::Equals takes two values".into()),
            },
            "Fn::Not" => match list()?.as_slice() {
                [only] => Ok(!self.nested(only, pending)?),
                _ => Err("Fn::Not takes one condition".into()),
            },
            "Fn::And" | "Fn::Or" => {
                let conditions = list()?.iter().map(|item| self.nested(item, pending)).collect::<Result<Vec<_>>>()?;
                Ok(if function == "Fn::And" {
                    conditions.iter().all(|one| *one)
                } else {
                    conditions.iter().any(|one| *one)
                })
            }
            _ => Err(format!("{function} is not a condition")),
        }
    }

    fn nested(&self, definition: &Value, pending: &mut Vec<String>) -> Result<bool> {
        // Notes a level without a name, so that deep nesting meets the limit of `decide`.
        pending.push(String::new());
        let value = self.decide(definition, pending);
        pending.pop();
        value
    }

    /// A value that may depend on parameters and mappings only, as text where it is a scalar.
    fn constant(&self, value: &Value) -> Result<Value> {
        struct NoResources;
        impl Values for NoResources {
            fn reference(&self, _: &str) -> Option<Value> {
                None
            }
            fn attribute(&self, _: &str, _: &str) -> Result<Option<Value>> {
                Err("a condition cannot depend on a resource".into())
            }
        }
        let value = self.evaluate(value, &NoResources)?.unwrap_or_default();
        if value.as_str() == Some(UNKNOWN) {
            return Err("a condition cannot depend on a resource".into());
        }
        Ok(text(&value).map_or(value, Value::String))
    }

    /// The value with every function in it replaced by what it answers. `None` is `AWS::NoValue`. What is not known yet
    /// is a text that contains [`UNKNOWN`].
    pub fn evaluate(&self, value: &Value, values: &dyn Values) -> Result<Option<Value>> {
        Evaluation { evaluator: self, values }.value(value, 0)
    }

    pub fn evaluate_map(&self, map: &Map<String, Value>, values: &dyn Values) -> Result<Map<String, Value>> {
        let mut evaluated = Map::new();
        for (key, value) in map {
            let value = self.evaluate(value, values).map_err(|error| format!("{key}: {error}"))?;
            evaluated.extend(value.map(|value| (key.clone(), value)));
        }
        Ok(evaluated)
    }
}

/// One evaluation with the resources' values at that time.
struct Evaluation<'a> {
    evaluator: &'a Evaluator<'a>,
    values: &'a dyn Values,
}

impl Evaluation<'_> {
    fn value(&self, value: &Value, depth: usize) -> Result<Option<Value>> {
        if depth > DEPTH_MAX {
            return Err("the value is nested too deep".into());
        }
        if let Some((name, argument)) = function(value) {
            return self.function(name, argument, depth + 1).map_err(|error| format!("{name}: {error}"));
        }
        Ok(Some(match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.value(item, depth + 1)).collect::<Result<Vec<_>>>()?;
                Value::Array(items.into_iter().flatten().collect())
            }
            Value::Object(map) => {
                let mut evaluated = Map::new();
                for (key, value) in map {
                    evaluated.extend(self.value(value, depth + 1)?.map(|value| (key.clone(), value)));
                }
                Value::Object(evaluated)
            }
            other => other.clone(),
        }))
    }

    fn function(&self, name: &str, argument: &Value, depth: usize) -> Result<Option<Value>> {
        match name {
            "Ref" => return self.reference(argument.as_str().ok_or("a name is expected")?),
            "Fn::If" => return self.choice(argument, depth),
            _ => {}
        }
        let answer = match name {
            "Fn::GetAtt" => self.attribute(argument, depth)?,
            "Fn::Sub" => Value::String(self.substitution(argument, depth)?),
            "Fn::Join" => self.join(argument, depth)?,
            "Fn::Select" => return self.select(argument, depth),
            "Fn::Split" => self.split(argument, depth)?,
            "Fn::FindInMap" => self.find_in_map(argument, depth)?,
            "Fn::Base64" => json!(BASE64_STANDARD.encode(self.text(argument, depth)?)),
            "Fn::ImportValue" => self.import(argument, depth)?,
            "Fn::ToJsonString" => json!(self.value(argument, depth)?.unwrap_or_default().to_string()),
            "Fn::Length" => json!(self.list(argument, depth)?.len()),
            "Fn::GetAZs" => return Err("there are no availability zones here: write the list out".into()),
            _ => return Err(format!("{name} is not supported: there are Ref, {}", SUPPORTED.join(", "))),
        };
        Ok(Some(answer))
    }

    fn reference(&self, name: &str) -> Result<Option<Value>> {
        let scope = self.evaluator.scope;
        Ok(Some(match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::AccountId" => json!(scope.account),
            "AWS::Region" => json!(scope.region),
            "AWS::Partition" => json!("aws"),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            "AWS::StackName" => json!(scope.stack),
            "AWS::StackId" => json!(stack_id(scope)),
            "AWS::NotificationARNs" => json!([]),
            _ => match self.evaluator.parameters.get(name) {
                Some(value) => value.clone(),
                None if self.evaluator.template.resources.contains_key(name) => {
                    self.values.reference(name).unwrap_or_else(|| json!(UNKNOWN))
                }
                None => return Err(self.no_such(name)),
            },
        }))
    }

    fn no_such(&self, name: &str) -> String {
        let template = self.evaluator.template;
        let names = template.resources.keys().chain(template.parameters.keys()).map(String::as_str);
        match suggest::nearest(name, names) {
            Some(nearest) => format!("there is no resource or parameter `{name}`, did you mean `{nearest}`?"),
            None => format!("there is no resource or parameter `{name}`"),
        }
    }

    fn attribute(&self, argument: &Value, depth: usize) -> Result<Value> {
        let (resource, attribute) = match argument {
            Value::String(dotted) => {
                dotted.split_once('.').map(|(resource, attribute)| (resource.to_string(), attribute.to_string()))
            }
            Value::Array(parts) => match parts.as_slice() {
                [resource, attribute] => Some((self.text(resource, depth)?, self.text(attribute, depth)?)),
                _ => None,
            },
            _ => None,
        }
        .ok_or("a resource and an attribute are expected")?;
        self.attribute_of(&resource, &attribute)
    }

    fn attribute_of(&self, resource: &str, attribute: &str) -> Result<Value> {
        if !self.evaluator.template.resources.contains_key(resource) {
            return Err(self.no_such(resource));
        }
        Ok(self.values.attribute(resource, attribute)?.unwrap_or_else(|| json!(UNKNOWN)))
    }

    fn choice(&self, argument: &Value, depth: usize) -> Result<Option<Value>> {
        let Some([condition, yes, no]) = argument.as_array().map(Vec::as_slice) else {
            return Err("a condition and two values are expected".into());
        };
        self.value(if self.evaluator.decided(condition)? { yes } else { no }, depth)
    }

    /// `${Name}`, `${Name.Attribute}`, and `${!Literal}` for a `${Literal}` that stays.
    fn substitution(&self, argument: &Value, depth: usize) -> Result<String> {
        let none = Map::new();
        let (template, own) = match argument {
            Value::String(template) => (template, &none),
            Value::Array(parts) => match parts.as_slice() {
                [Value::String(template), Value::Object(own)] => (template, own),
                _ => return Err("a text, or a text and a mapping, is expected".into()),
            },
            _ => return Err("a text, or a text and a mapping, is expected".into()),
        };
        let mut result = String::new();
        let mut rest = template.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            result.push_str(before);
            let (name, after) = after.split_once('}').ok_or("`${` without its `}`")?;
            match name.strip_prefix('!') {
                Some(literal) => result.push_str(&format!("${{{literal}}}")),
                None => result.push_str(&self.substituted(name.trim(), own, depth)?),
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }

    fn substituted(&self, name: &str, own: &Map<String, Value>, depth: usize) -> Result<String> {
        let value = match (own.get(name), name.split_once('.')) {
            (Some(value), _) => self.value(value, depth)?.unwrap_or_default(),
            (None, Some((resource, attribute))) => self.attribute_of(resource, attribute)?,
            (None, None) => self.reference(name)?.unwrap_or_default(),
        };
        text(&value).ok_or_else(|| format!("`${{{name}}}` is not a text"))
    }

    fn join(&self, argument: &Value, depth: usize) -> Result<Value> {
        let Some([delimiter, list]) = argument.as_array().map(Vec::as_slice) else {
            return Err("a delimiter and a list are expected".into());
        };
        let delimiter = self.text(delimiter, depth)?;
        let items = self.list(list, depth)?;
        let texts =
            items.iter().map(|item| text(item).ok_or("only texts can be joined")).collect::<Result<Vec<_>, _>>()?;
        Ok(json!(texts.join(&delimiter)))
    }

    fn select(&self, argument: &Value, depth: usize) -> Result<Option<Value>> {
        let Some([index, list]) = argument.as_array().map(Vec::as_slice) else {
            return Err("an index and a list are expected".into());
        };
        let index: usize = self.text(index, depth)?.parse().map_err(|_| "the index is not a number")?;
        let items = self.list(list, depth)?;
        match items.get(index) {
            Some(item) => Ok(Some(item.clone())),
            None if items.iter().any(is_unknown) => Ok(Some(json!(UNKNOWN))),
            None => Err(format!("the list has {} items, none at index {index}", items.len())),
        }
    }

    fn split(&self, argument: &Value, depth: usize) -> Result<Value> {
        let Some([delimiter, whole]) = argument.as_array().map(Vec::as_slice) else {
            return Err("a delimiter and a text are expected".into());
        };
        let (delimiter, whole) = (self.text(delimiter, depth)?, self.text(whole, depth)?);
        Ok(json!(whole.split(delimiter.as_str()).collect::<Vec<_>>()))
    }

    fn find_in_map(&self, argument: &Value, depth: usize) -> Result<Value> {
        let Some([map, first, second]) = argument.as_array().map(Vec::as_slice) else {
            return Err("a mapping's name and two keys are expected".into());
        };
        let (map, first, second) = (self.text(map, depth)?, self.text(first, depth)?, self.text(second, depth)?);
        let found = self.evaluator.template.mappings.get(&map).and_then(|map| map.get(&first)?.get(&second));
        found.cloned().ok_or_else(|| format!("there is no `{map}.{first}.{second}` in the mappings"))
    }

    fn import(&self, argument: &Value, depth: usize) -> Result<Value> {
        let name = self.text(argument, depth)?;
        match self.evaluator.scope.imports.get(&name) {
            Some(value) => Ok(json!(value)),
            None => Err(format!("no stack exports `{name}`: deploy the stack that does first")),
        }
    }

    fn text(&self, value: &Value, depth: usize) -> Result<String> {
        let value = self.value(value, depth)?.unwrap_or_default();
        text(&value).ok_or_else(|| "a text is expected".into())
    }

    fn list(&self, value: &Value, depth: usize) -> Result<Vec<Value>> {
        match self.value(value, depth)?.unwrap_or_default() {
            Value::Array(items) => Ok(items),
            unknown if is_unknown(&unknown) => Ok(vec![unknown]),
            _ => Err("a list is expected".into()),
        }
    }
}

const SUPPORTED: &[&str] = &[
    "Fn::GetAtt",
    "Fn::Sub",
    "Fn::Join",
    "Fn::Select",
    "Fn::Split",
    "Fn::If",
    "Fn::FindInMap",
    "Fn::Base64",
    "Fn::ImportValue",
    "Fn::ToJsonString",
    "Fn::Length",
];

/// Whether a value holds something that is not known yet.
pub fn is_unknown(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(UNKNOWN),
        Value::Array(items) => items.iter().any(is_unknown),
        Value::Object(map) => map.values().any(is_unknown),
        _ => false,
    }
}

/// The ARN of a stack. CloudFormation ends it in a random id; here a stack is its name.
pub fn stack_id(scope: &Scope) -> String {
    format!("arn:aws:cloudformation:{}:{}:stack/{}/{}", scope.region, scope.account, scope.stack, scope.stack)
}

/// The function a mapping of one key is, and its argument.
fn function(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    let (name, argument) = map.iter().next()?;
    // `{Condition: name}` is a function among conditions; elsewhere IAM policies have a key of this name.
    let condition = name == "Condition" && argument.is_string();
    (name == "Ref" || name.starts_with("Fn::") || condition).then_some((name, argument))
}

fn parameters(template: &Template, scope: &Scope) -> Result<BTreeMap<String, Value>> {
    let mut parameters = BTreeMap::new();
    for (name, definition) in &template.parameters {
        let kind = definition.get("Type").and_then(Value::as_str).unwrap_or("String");
        let given = scope.parameters.get(name).cloned().or_else(|| definition.get("Default").and_then(text));
        let value = given.ok_or_else(|| format!("the parameter `{name}` has no value and no default"))?;
        if let Some(allowed) = definition.get("AllowedValues").and_then(Value::as_array)
            && !allowed.iter().any(|one| text(one).as_ref() == Some(&value))
        {
            return Err(format!(
                "the parameter `{name}` cannot be `{value}`: it is one of {}",
                Value::Array(allowed.clone())
            ));
        }
        let list = || Value::Array(value.split(',').map(|item| json!(item.trim())).collect());
        let value = match kind {
            "String" => json!(value),
            "Number" if value.parse::<f64>().is_ok() => json!(value),
            "Number" => return Err(format!("the parameter `{name}` is a number, not `{value}`")),
            "CommaDelimitedList" => list(),
            kind if kind.starts_with("List<") => list(),
            // Their values have been looked up: see [`crate::references::parameters`].
            kind if kind
                .strip_prefix(VALUE_OF)
                .is_some_and(|of| of.starts_with("List<") || of.starts_with("Comma")) =>
            {
                list()
            }
            _ => json!(value),
        };
        parameters.insert(name.clone(), value);
    }
    if let Some(unknown) = scope.parameters.keys().find(|name| !template.parameters.contains_key(*name)) {
        return Err(format!("the template has no parameter `{unknown}`"));
    }
    Ok(parameters)
}

/// The resources that a value names, by `Ref`, `Fn::GetAtt` and `Fn::Sub`.
pub fn references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("Ref", Value::String(name)) => {
                        names.insert(name.clone());
                    }
                    ("Fn::GetAtt", Value::String(dotted)) => names.extend(dotted.split('.').next().map(str::to_string)),
                    ("Fn::GetAtt", Value::Array(parts)) => {
                        names.extend(parts.first().and_then(Value::as_str).map(str::to_string))
                    }
                    ("Fn::Sub", Value::String(template)) => substituted_names(template, names),
                    ("Fn::Sub", Value::Array(parts)) => {
                        if let Some(template) = parts.first().and_then(Value::as_str) {
                            substituted_names(template, names);
                        }
                        parts.iter().for_each(|part| references(part, names));
                    }
                    _ => references(value, names),
                }
            }
        }
        _ => {}
    }
}

fn substituted_names(template: &str, names: &mut BTreeSet<String>) {
    for piece in template.split("${").skip(1) {
        let name = piece.split(['}', '.']).next().unwrap_or_default().trim();
        names.insert(name.to_string());
    }
}

/// The exports that a value imports, where their names are known without resources.
pub fn imports(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| imports(item, found)),
        Value::Object(map) => {
            for (key, value) in map {
                if key == "Fn::ImportValue" {
                    found.push(value.clone());
                }
                imports(value, found);
            }
        }
        _ => {}
    }
}
