//! `resources`: the template's own sections, laid over what was compiled, and extensions of compiled resources.

use serde_json::{Map, Value};

use super::Compiler;
use crate::diagnostic::Diagnostic;
use crate::serverless::keys;
use crate::serverless::read::Reader;
use crate::suggest;
use crate::template::{self, Template};
use crate::yaml::{Entry, Node};

/// What an extension may change of a resource.
const EXTENDED: &[&str] = &[
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
];

impl Compiler<'_> {
    pub(super) fn user_resources(&mut self) {
        let service = self.service;
        for group in &service.resources {
            let mut reader =
                Reader { diagnostics: self.diagnostics, unknown_keys: Some(crate::diagnostic::Severity::Error) };
            reader.keys(group, "`resources`", keys::RESOURCES);
            for name in ["Parameters", "Mappings", "Conditions", "Resources", "Outputs"] {
                let entries = reader.mapping(group, name).unwrap_or_default();
                for entry in entries {
                    lay_over(&mut self.template, name, entry);
                }
            }
        }
        for group in &service.resources {
            for extension in group.get("extensions").and_then(Node::as_mapping).unwrap_or_default() {
                self.extend(extension);
            }
        }
    }

    fn extend(&mut self, extension: &Entry) {
        if !self.template.resources.contains_key(&extension.key) {
            let diagnostic =
                Diagnostic::error(format!("there is no resource `{}` to extend", extension.key)).at(&extension.at);
            let nearest = suggest::nearest(&extension.key, self.template.resources.keys().map(String::as_str));
            let help = match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("there are {}", self.template.resources.keys().cloned().collect::<Vec<_>>().join(", ")),
            };
            return self.diagnostics.push(diagnostic.help(help));
        }
        for part in extension.value.as_mapping().unwrap_or_default() {
            if !EXTENDED.contains(&part.key.as_str()) {
                let help = format!("an extension changes {}", EXTENDED.join(", "));
                self.diagnostics
                    .push(Diagnostic::error(format!("`{}` cannot be extended", part.key)).at(&part.at).help(help));
                continue;
            }
            let Some(Value::Object(resource)) = self.template.resources.get_mut(&extension.key) else { continue };
            extend_part(resource, &part.key, part.value.json());
            note_origins(&mut self.template, &format!("Resources/{}/{}", extension.key, part.key), &part.value);
        }
    }
}

/// `Properties` and `Metadata` are replaced key by key, `DependsOn` grows, the rest is set.
fn extend_part(resource: &mut Map<String, Value>, key: &str, value: Value) {
    match (key, resource.get_mut(key), value) {
        ("Properties" | "Metadata", Some(Value::Object(present)), Value::Object(more)) => present.extend(more),
        ("DependsOn", Some(present), more) => {
            let mut all = listed(present.take());
            all.extend(listed(more));
            *present = Value::Array(all);
        }
        (_, _, value) => {
            resource.insert(key.into(), value);
        }
    }
}

fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => vec![other],
    }
}

/// Adds an entry to a section, merged over the one of its name.
fn lay_over(template: &mut Template, section: &str, entry: &Entry) {
    let target = match section {
        "Parameters" => &mut template.parameters,
        "Mappings" => &mut template.mappings,
        "Conditions" => &mut template.conditions,
        "Resources" => &mut template.resources,
        _ => &mut template.outputs,
    };
    match target.get_mut(&entry.key) {
        Some(present) => template::merge(present, &entry.value.json()),
        None => {
            target.insert(entry.key.clone(), entry.value.json());
        }
    }
    let path = format!("{section}/{}", entry.key);
    template.origins.insert(path.clone(), entry.at.clone());
    note_origins(template, &path, &entry.value);
}

/// Notes where each key of a mapping was written, so that a later finding about it has a place.
fn note_origins(template: &mut Template, path: &str, node: &Node) {
    for entry in node.as_mapping().unwrap_or_default() {
        let path = format!("{path}/{}", entry.key);
        template.origins.insert(path.clone(), entry.at.clone());
        note_origins(template, &path, &entry.value);
    }
    for (index, item) in node.as_sequence().unwrap_or_default().iter().enumerate() {
        let path = format!("{path}/{index}");
        template.origins.insert(path.clone(), item.at.clone());
        note_origins(template, &path, item);
    }
}
