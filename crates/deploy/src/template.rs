//! A CloudFormation template: what every source compiles to, and all that the planner reads.
//!
//! Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::diagnostic::At;

/// The sections of a template, in order of writing.
#[derive(Clone, Debug, Default)]
pub struct Template {
    pub parameters: Map<String, Value>,
    pub mappings: Map<String, Value>,
    pub conditions: Map<String, Value>,
    pub resources: Map<String, Value>,
    pub outputs: Map<String, Value>,
    /// Where parts of it were written, by path: `Resources/Queue/Properties/QueueName`.
    pub origins: BTreeMap<String, At>,
}

impl Template {
    /// Reads a template's JSON. Sections that are not mappings, and unknown ones, are named in the error.
    pub fn from_json(value: &Value) -> Result<Template, String> {
        let mut template = Template::default();
        let sections = value.as_object().ok_or("a template is an object")?;
        for (name, section) in sections {
            let target = match name.as_str() {
                "AWSTemplateFormatVersion" | "Description" | "Metadata" => continue,
                "Parameters" => &mut template.parameters,
                "Mappings" => &mut template.mappings,
                "Conditions" => &mut template.conditions,
                "Resources" => &mut template.resources,
                "Outputs" => &mut template.outputs,
                _ => return Err(format!("the section `{name}` of a template is not supported")),
            };
            *target =
                section.as_object().ok_or_else(|| format!("the section `{name}` of a template is an object"))?.clone();
        }
        Ok(template)
    }

    /// The template as CloudFormation writes it; empty sections are left out.
    pub fn to_json(&self) -> Value {
        let mut body = json!({"AWSTemplateFormatVersion": "2010-09-09"});
        let sections = [
            ("Parameters", &self.parameters),
            ("Mappings", &self.mappings),
            ("Conditions", &self.conditions),
            ("Resources", &self.resources),
            ("Outputs", &self.outputs),
        ];
        for (name, section) in sections.into_iter().filter(|(_, section)| !section.is_empty()) {
            body[name] = Value::Object(section.clone());
        }
        body
    }

    /// Where the part at `path` was written, or the nearest part around it that has a place.
    pub fn origin(&self, path: &str) -> Option<&At> {
        let mut path = path;
        loop {
            if let Some(at) = self.origins.get(path) {
                return Some(at);
            }
            path = path.rsplit_once('/')?.0;
        }
    }

    /// A property of a resource, for changing it in place.
    pub fn properties_mut(&mut self, logical_id: &str) -> Option<&mut Map<String, Value>> {
        self.resources.get_mut(logical_id)?.get_mut("Properties")?.as_object_mut()
    }
}

/// Lays `over` on `base`: mappings are merged, lists by position, anything else replaced.
pub fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(key) {
                    Some(present) => merge(present, value),
                    None => {
                        base.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(base), Value::Array(over)) => {
            for (index, value) in over.iter().enumerate() {
                match base.get_mut(index) {
                    Some(present) => merge(present, value),
                    None => base.push(value.clone()),
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}
