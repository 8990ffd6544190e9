//! Document paths: `a.b[0]`.

use std::fmt;

use super::Error;
use crate::encoding::{ItemRef, ValueRef};

/// Where a value is in an item. The first step is an attribute of the item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    pub attribute: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An entry of a map.
    Key(String),
    /// An element of a list.
    Index(usize),
}

impl Path {
    pub fn attribute(name: impl Into<String>) -> Path {
        Path { attribute: name.into(), steps: Vec::new() }
    }

    pub fn is_nested(&self) -> bool {
        !self.steps.is_empty()
    }

    /// What a column with this path's value is called: its last name, or `_` and an index.
    pub fn last_name(&self) -> String {
        match self.steps.last() {
            None => self.attribute.clone(),
            Some(Step::Key(key)) => key.clone(),
            Some(Step::Index(index)) => format!("_{index}"),
        }
    }

    /// The value there, when there is one.
    pub fn find<'i>(&self, item: ItemRef<'i>) -> Option<ValueRef<'i>> {
        self.steps.iter().try_fold(item.get(&self.attribute)?, |value, step| match step {
            Step::Key(name) => value.map().get(name),
            Step::Index(index) => value.list().nth(*index),
        })
    }
}

impl fmt::Display for Path {
    /// As AWS's messages show paths: `[a, b, [0]]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.attribute)?;
        for step in &self.steps {
            match step {
                Step::Key(name) => write!(f, ", {name}")?,
                Step::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}

/// Refuses paths of which one contains the other, or of which one takes for a list what the other takes for a map.
pub fn check_disjoint<'p>(paths: impl Iterator<Item = &'p Path>) -> Result<(), Error> {
    let mut seen: Vec<&Path> = Vec::new();
    let mut conflict = None;
    for path in paths {
        for earlier in &seen {
            match relation(earlier, path) {
                Relation::Apart => {}
                Relation::Overlap => {
                    return Err(Error::PathsOverlap { one: earlier.to_string(), two: path.to_string() });
                }
                Relation::Conflict => {
                    conflict =
                        conflict.or(Some(Error::PathsConflict { one: earlier.to_string(), two: path.to_string() }));
                }
            }
        }
        seen.push(path);
    }
    conflict.map_or(Ok(()), Err)
}

enum Relation {
    Apart,
    Overlap,
    Conflict,
}

fn relation(one: &Path, two: &Path) -> Relation {
    if one.attribute != two.attribute {
        return Relation::Apart;
    }
    for steps in one.steps.iter().zip(&two.steps) {
        match steps {
            (Step::Key(_), Step::Index(_)) | (Step::Index(_), Step::Key(_)) => return Relation::Conflict,
            (one, two) if one != two => return Relation::Apart,
            _ => {}
        }
    }
    Relation::Overlap
}
