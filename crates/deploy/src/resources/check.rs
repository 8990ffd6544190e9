//! A template checked before anything is made: types, properties, attributes, and what is referred to.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::shape::fit_all;
use super::{RESOURCES, find};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::intrinsics::references;
use crate::suggest;
use crate::template::Template;

/// Keys of a resource besides its properties, with whether they have an effect here.
const RESOURCE_KEYS: &[&str] = &[
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
];

/// Notes what is wrong with the template's resources, at the places where they were written.
pub fn check(template: &Template, diagnostics: &mut Diagnostics) {
    if template.resources.is_empty() {
        diagnostics.push(Diagnostic::error("there is nothing to deploy: the template has no resources"));
    }
    for (logical_id, resource) in &template.resources {
        let mut checker = Checker { template, path: format!("Resources/{logical_id}"), diagnostics };
        checker.resource(logical_id, resource);
    }
    for (name, output) in &template.outputs {
        let mut checker = Checker { template, path: format!("Outputs/{name}"), diagnostics };
        checker.references(output, "");
        if output.get("Value").is_none() {
            checker.report("", format!("the output `{name}` has no `Value`"), None);
        }
    }
}

struct Checker<'a> {
    template: &'a Template,
    path: String,
    diagnostics: &'a mut Diagnostics,
}

impl Checker<'_> {
    /// Reports at the part `below` this resource, or the nearest around it that has a place.
    fn report(&mut self, below: &str, message: String, help: Option<String>) {
        self.push(below, Diagnostic { help, ..Diagnostic::error(message) });
    }

    fn push(&mut self, below: &str, mut diagnostic: Diagnostic) {
        diagnostic.at = self.template.origin(&format!("{}{below}", self.path)).cloned();
        self.diagnostics.push(diagnostic);
    }

    fn resource(&mut self, logical_id: &str, resource: &Value) {
        let Some(keys) = resource.as_object() else {
            return self.report("", format!("the resource `{logical_id}` is not a mapping"), None);
        };
        if logical_id.is_empty() || !logical_id.chars().all(|c| c.is_ascii_alphanumeric()) {
            self.report("", format!("`{logical_id}` cannot be a logical id: it has letters and digits only"), None);
        }
        for key in keys.keys().filter(|key| !RESOURCE_KEYS.contains(&key.as_str())) {
            let nearest = suggest::nearest(key, RESOURCE_KEYS.iter().copied());
            let help = nearest.map_or_else(
                || format!("there are {}", RESOURCE_KEYS.join(", ")),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            self.report(&format!("/{key}"), format!("`{key}` is not a key of a resource"), Some(help));
        }
        self.policies(keys);
        self.depends_on(keys);
        self.references(resource, "");
        match keys.get("Type").and_then(Value::as_str) {
            None => self.report("", format!("the resource `{logical_id}` has no `Type`"), None),
            Some(kind) => self.typed(kind, keys),
        }
    }

    fn typed(&mut self, kind: &str, keys: &Map<String, Value>) {
        let Some(resource) = find(kind) else {
            let kinds = || RESOURCES.iter().map(|resource| resource.kind());
            let help = match suggest::nearest(kind, kinds()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("supported: {}", kinds().collect::<Vec<_>>().join(", ")),
            };
            return self.report("/Type", format!("resources of type `{kind}` are not supported yet"), Some(help));
        };
        let none = Map::new();
        let properties = match keys.get("Properties") {
            None | Some(Value::Null) => &none,
            Some(Value::Object(properties)) => properties,
            Some(_) => return self.report("/Properties", "`Properties` is a mapping".into(), None),
        };
        for property in
            resource.properties().iter().filter(|property| property.ignored && properties.contains_key(property.name))
        {
            // What the compiler itself writes for the sake of the template's readers needs no warning.
            let below = format!("/Properties/{}", property.name);
            if self.template.origins.contains_key(&format!("{}{below}", self.path)) {
                self.push(&below, Diagnostic::warning(format!("`{}` of {kind} has no effect here", property.name)));
            }
        }
        if let Err(misfit) = fit_all(properties, resource.properties(), true) {
            let name = misfit.path.trim_start_matches('/').replace('/', ".");
            let message = if name.is_empty() {
                format!("{kind}: {}", misfit.message)
            } else {
                format!("{kind}, `{name}`: {}", misfit.message)
            };
            self.report(&format!("/Properties{}", misfit.path), message, None);
        }
    }

    fn policies(&mut self, keys: &Map<String, Value>) {
        for key in ["DeletionPolicy", "UpdateReplacePolicy"] {
            let Some(policy) = keys.get(key) else { continue };
            match policy.as_str() {
                Some("Delete" | "Retain" | "RetainExceptOnCreate") => {}
                Some("Snapshot") => {
                    self.report(&format!("/{key}"), "there are no snapshots: use `Retain`".into(), None)
                }
                _ => self.report(&format!("/{key}"), format!("`{key}` is `Delete` or `Retain`"), None),
            }
        }
    }

    fn depends_on(&mut self, keys: &Map<String, Value>) {
        for name in depends_on(keys) {
            if !self.template.resources.contains_key(&name) {
                let message = format!("`DependsOn` names `{name}`, and there is no such resource");
                let help = suggest::nearest(&name, self.template.resources.keys().map(String::as_str));
                self.report("/DependsOn", message, help.map(|nearest| format!("did you mean `{nearest}`?")));
            }
        }
    }

    /// Names that are not there, and attributes that their resource does not have.
    fn references(&mut self, value: &Value, below: &str) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let below = format!("{below}/{key}");
                    match key.as_str() {
                        "Ref" => self.names(&Value::Object(Map::from_iter([("Ref".into(), value.clone())])), &below),
                        "Fn::Sub" => self.substitution(value, &below),
                        "Fn::GetAtt" => self.attribute(value, &below),
                        _ => self.references(value, &below),
                    }
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| self.references(item, &format!("{below}/{index}")))
            }
            _ => {}
        }
    }

    fn names(&mut self, value: &Value, below: &str) {
        let mut names = BTreeSet::new();
        references(value, &mut names);
        for name in names {
            self.name(&name, below);
        }
    }

    fn name(&mut self, name: &str, below: &str) {
        let template = self.template;
        let known = template.resources.contains_key(name) || template.parameters.contains_key(name);
        if known || name.starts_with("AWS::") || name.starts_with('!') {
            return;
        }
        let nearest =
            suggest::nearest(name, template.resources.keys().chain(template.parameters.keys()).map(String::as_str));
        self.report(
            below,
            format!("there is no resource or parameter `{name}`"),
            nearest.map(|nearest| format!("did you mean `{nearest}`?")),
        );
    }

    fn substitution(&mut self, value: &Value, below: &str) {
        let (text, own) = match value {
            Value::Array(parts) => (parts.first().and_then(Value::as_str), parts.get(1).and_then(Value::as_object)),
            other => (other.as_str(), None),
        };
        for piece in text.unwrap_or_default().split("${").skip(1) {
            let name = piece.split('}').next().unwrap_or_default().trim();
            if own.is_some_and(|own| own.contains_key(name)) {
                continue;
            }
            match name.split_once('.') {
                Some((resource, attribute)) => self.attribute_of(resource, attribute, below),
                None => self.name(name, below),
            }
        }
        if let Some(own) = own {
            self.references(&Value::Object(own.clone()), below);
        }
    }

    fn attribute(&mut self, value: &Value, below: &str) {
        let parts = match value {
            Value::String(dotted) => dotted.split_once('.'),
            Value::Array(parts) => match parts.as_slice() {
                [resource, attribute] => resource.as_str().zip(attribute.as_str()),
                _ => None,
            },
            _ => None,
        };
        if let Some((resource, attribute)) = parts {
            self.attribute_of(resource, attribute, below);
        }
    }

    fn attribute_of(&mut self, resource: &str, attribute: &str, below: &str) {
        let Some(definition) = self.template.resources.get(resource) else { return self.name(resource, below) };
        let Some(kind) = definition.get("Type").and_then(Value::as_str).and_then(find) else { return };
        if !kind.attributes().contains(&attribute) {
            let help = match kind.attributes() {
                [] => format!("{} has no attributes: use `!Ref {resource}`", kind.kind()),
                attributes => format!("{} has {}", kind.kind(), attributes.join(", ")),
            };
            self.report(below, format!("`{resource}` has no attribute `{attribute}`"), Some(help));
        }
    }
}

/// `DependsOn` as a list.
pub fn depends_on(resource: &Map<String, Value>) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_string);
    match resource.get("DependsOn") {
        Some(Value::Array(names)) => names.iter().filter_map(text).collect(),
        Some(name) => text(name).into_iter().collect(),
        None => Vec::new(),
    }
}
