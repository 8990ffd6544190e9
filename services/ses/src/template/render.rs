//! From a template and data to text.

use std::collections::HashMap;

use serde_json::Value;

use super::{DEPTH_MAX, Failure, From, Helper, Node, Path, STEPS_MAX};

pub(super) fn render(nodes: &[Node], data: &Value, bytes_max: usize) -> Result<String, Failure> {
    let mut renderer = Renderer { out: String::new(), bytes_max, steps: 0, partials: HashMap::new() };
    let root = Scope { value: data, place: None };
    renderer.all(nodes, &mut vec![root], 0)?;
    Ok(renderer.out)
}

struct Renderer<'t> {
    out: String,
    bytes_max: usize,
    steps: usize,
    partials: HashMap<&'t str, &'t [Node]>,
}

#[derive(Clone, Copy)]
struct Scope<'t> {
    value: &'t Value,
    /// Within `{{#each}}`: which one it is.
    place: Option<Place<'t>>,
}

#[derive(Clone, Copy)]
struct Place<'t> {
    index: usize,
    /// Of a member of an object.
    key: Option<&'t str>,
    is_last: bool,
}

/// A value in the data, or one of a place in it.
enum Found<'t> {
    Data(&'t Value),
    Made(Value),
}

impl<'t> Renderer<'t> {
    fn all(&mut self, nodes: &'t [Node], scopes: &mut Vec<Scope<'t>>, depth: usize) -> Result<(), Failure> {
        // Within a template's own nesting this cannot be; partials may call each other for ever.
        if depth > 2 * DEPTH_MAX {
            return Err(Failure::TooLarge);
        }
        // A partial may be used before the place where it is defined.
        for node in nodes {
            if let Node::Define(name, body) = node {
                self.partials.insert(name, body);
            }
        }
        nodes.iter().try_for_each(|node| self.one(node, scopes, depth))
    }

    fn one(&mut self, node: &'t Node, scopes: &mut Vec<Scope<'t>>, depth: usize) -> Result<(), Failure> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Failure::TooLarge);
        }
        match node {
            Node::Text(text) => self.write(text),
            Node::Value(path) => match find(path, scopes) {
                Some(Found::Data(value)) => self.write(&shown(value)),
                Some(Found::Made(value)) => self.write(&shown(&value)),
                None => Err(Failure::Missing(path.text.clone())),
            },
            Node::Block { helper, argument, body, inverse } => {
                let found = find(argument, scopes);
                self.block(*helper, found, body, inverse, scopes, depth)
            }
            Node::Define(..) => Ok(()),
            Node::Include(name) => match self.partials.get(name.as_str()).copied() {
                Some(body) => self.all(body, scopes, depth + 1),
                None => Err(Failure::NoPartial(name.clone())),
            },
        }
    }

    fn block(
        &mut self,
        helper: Helper,
        found: Option<Found<'t>>,
        body: &'t [Node],
        inverse: &'t [Node],
        scopes: &mut Vec<Scope<'t>>,
        depth: usize,
    ) -> Result<(), Failure> {
        let holds = match &found {
            Some(Found::Data(value)) => is_true(value),
            Some(Found::Made(value)) => is_true(value),
            None => false,
        };
        match (helper, found) {
            (Helper::If, _) => self.all(if holds { body } else { inverse }, scopes, depth + 1),
            (Helper::Unless, _) => self.all(if holds { inverse } else { body }, scopes, depth + 1),
            (Helper::With, Some(Found::Data(value))) if holds => {
                self.within(Scope { value, place: None }, body, scopes, depth)
            }
            (Helper::Each, Some(Found::Data(Value::Array(items)))) if holds => {
                items.iter().enumerate().try_for_each(|(index, value)| {
                    let place = Place { index, key: None, is_last: index + 1 == items.len() };
                    self.within(Scope { value, place: Some(place) }, body, scopes, depth)
                })
            }
            (Helper::Each, Some(Found::Data(Value::Object(members)))) if !members.is_empty() => {
                members.iter().enumerate().try_for_each(|(index, (key, value))| {
                    let place = Place { index, key: Some(key), is_last: index + 1 == members.len() };
                    self.within(Scope { value, place: Some(place) }, body, scopes, depth)
                })
            }
            _ => self.all(inverse, scopes, depth + 1),
        }
    }

    fn within(
        &mut self,
        scope: Scope<'t>,
        body: &'t [Node],
        scopes: &mut Vec<Scope<'t>>,
        depth: usize,
    ) -> Result<(), Failure> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Failure::TooLarge);
        }
        scopes.push(scope);
        let rendered = self.all(body, scopes, depth + 1);
        scopes.pop();
        rendered
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        if self.out.len() + text.len() > self.bytes_max {
            return Err(Failure::TooLarge);
        }
        self.out.push_str(text);
        Ok(())
    }
}

fn find<'t>(path: &Path, scopes: &[Scope<'t>]) -> Option<Found<'t>> {
    let place = || scopes.iter().rev().find_map(|scope| scope.place);
    let value = match path.from {
        From::Here(outer) => scopes.get(scopes.len().checked_sub(outer + 1)?)?.value,
        From::Root => scopes.first()?.value,
        From::Index => return Some(Found::Made(place()?.index.into())),
        From::Key => {
            let place = place()?;
            return Some(Found::Made(place.key.map_or_else(|| place.index.into(), Value::from)));
        }
        From::First => return Some(Found::Made((place()?.index == 0).into())),
        From::Last => return Some(Found::Made(place()?.is_last.into())),
    };
    let found = path.members.iter().try_fold(value, |value, member| match value {
        Value::Object(members) => members.get(member),
        Value::Array(items) => items.get(member.parse::<usize>().ok()?),
        _ => None,
    })?;
    // What is null is as good as missing.
    (!found.is_null()).then_some(Found::Data(found))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Source: <https://handlebarsjs.com/guide/builtin-helpers.html#if>
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) => true,
    }
}
