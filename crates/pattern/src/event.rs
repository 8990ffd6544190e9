//! An event as patterns see it: the values at the paths that any of them names.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value};

/// A path's number.
pub type PathId = usize;

/// The elements of lists that a value is within, from outside in: a list's number, and the place in it.
pub type Chain = [(u32, u32)];

/// The paths that patterns name. A dot in a member's name parts it like the dots between members: `{"a.b": 1}` and
/// `{"a": {"b": 1}}` are the same to a pattern.
#[derive(Clone, Debug)]
pub struct Paths {
    nodes: Vec<Node>,
    next: PathId,
}

#[derive(Clone, Debug, Default)]
struct Node {
    children: HashMap<String, usize>,
    path: Option<PathId>,
}

impl Default for Paths {
    fn default() -> Paths {
        Paths { nodes: vec![Node::default()], next: 0 }
    }
}

impl Paths {
    pub fn add(&mut self, name: &str) -> PathId {
        let at = name.split('.').fold(0, |at, step| self.step(at, step));
        self.path_at(at)
    }

    /// Adds all paths of others, and says by their numbers what they are here.
    pub fn add_all(&mut self, others: &Paths) -> Vec<PathId> {
        let mut numbers = vec![0; others.next];
        let mut waiting = vec![(0, 0)];
        while let Some((there, here)) = waiting.pop() {
            let Some(node) = others.nodes.get(there) else { continue };
            if let Some(number) = node.path.and_then(|path| numbers.get_mut(path)) {
                *number = self.path_at(here);
            }
            waiting.extend(node.children.iter().map(|(step, child)| (*child, self.step(here, step))));
        }
        numbers
    }

    fn step(&mut self, at: usize, step: &str) -> usize {
        if let Some(child) = self.nodes.get(at).and_then(|node| node.children.get(step)) {
            return *child;
        }
        let child = self.nodes.len();
        self.nodes.push(Node::default());
        if let Some(node) = self.nodes.get_mut(at) {
            node.children.insert(step.to_owned(), child);
        }
        child
    }

    fn path_at(&mut self, at: usize) -> PathId {
        let next = self.next;
        let Some(node) = self.nodes.get_mut(at) else { return next };
        let path = *node.path.get_or_insert(next);
        self.next = next.max(path + 1);
        path
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    #[cfg(test)]
    pub fn names(&self) -> Vec<String> {
        let mut names = vec![String::new(); self.next];
        let mut waiting = vec![(0, String::new())];
        while let Some((at, name)) = waiting.pop() {
            if let Some(path) = self.nodes[at].path {
                names[path] = name.clone();
            }
            let below = |step: &String| if at == 0 { step.clone() } else { format!("{name}.{step}") };
            waiting.extend(self.nodes[at].children.iter().map(|(step, child)| (*child, below(step))));
        }
        names
    }

    fn below(&self, at: usize, member: &str) -> Option<usize> {
        member.split('.').try_fold(at, |at, step| self.nodes.get(at)?.children.get(step).copied())
    }
}

pub struct Field<'e> {
    pub value: &'e Value,
    pub chain: Rc<Chain>,
}

/// An event's values by path.
pub struct Event<'e> {
    fields: HashMap<PathId, Vec<Field<'e>>>,
    /// How many lists were seen.
    lists: u32,
}

impl<'e> Event<'e> {
    pub fn new(paths: &Paths, event: &'e Map<String, Value>) -> Event<'e> {
        let mut flat = Event { fields: HashMap::new(), lists: 0 };
        flat.object(paths, 0, event, &Rc::from([]));
        flat
    }

    pub fn at(&self, path: PathId) -> &[Field<'e>] {
        self.fields.get(&path).map_or(&[], Vec::as_slice)
    }

    pub fn fields(&self) -> impl Iterator<Item = (PathId, &Field<'e>)> {
        self.fields.iter().flat_map(|(path, fields)| fields.iter().map(|field| (*path, field)))
    }

    fn object(&mut self, paths: &Paths, at: usize, members: &'e Map<String, Value>, chain: &Rc<Chain>) {
        for (name, value) in members {
            if let Some(at) = paths.below(at, name) {
                self.value(paths, at, value, chain);
            }
        }
    }

    fn value(&mut self, paths: &Paths, at: usize, value: &'e Value, chain: &Rc<Chain>) {
        match value {
            Value::Object(members) => self.object(paths, at, members, chain),
            Value::Array(elements) => self.list(paths, at, elements, chain),
            value => {
                if let Some(path) = paths.nodes.get(at).and_then(|node| node.path) {
                    self.fields.entry(path).or_default().push(Field { value, chain: chain.clone() });
                }
            }
        }
    }

    fn list(&mut self, paths: &Paths, at: usize, elements: &'e [Value], chain: &Rc<Chain>) {
        let list = self.lists;
        self.lists += 1;
        for (place, element) in (0..).zip(elements) {
            // Plain values of a list do not exclude each other; what is within different elements does.
            if element.is_object() || element.is_array() {
                let inner: Vec<(u32, u32)> = chain.iter().copied().chain([(list, place)]).collect();
                self.value(paths, at, element, &inner.into());
            } else {
                self.value(paths, at, element, chain);
            }
        }
    }
}
