//! Projections: which parts of an item an answer holds.

use std::collections::BTreeMap;

use super::path::check_disjoint;
use super::scope::{Scope, reserved_name};
use super::{Error, Path, Step, parser};
use crate::encoding::{Encoder, ItemRef, StoredItem, ValueRef};
use crate::value::Kind;

/// A set of paths, as a tree: each attribute wanted, whole or in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projection {
    attributes: BTreeMap<String, Part>,
}

/// What is wanted of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Keys(BTreeMap<String, Part>),
    Indexes(BTreeMap<usize, Part>),
}

impl Projection {
    /// # Errors
    /// The first mistake, in the order in which AWS looks for them.
    pub fn parse(text: &str, scope: &mut Scope<'_>) -> Result<Projection, Error> {
        let paths = parser::projection(text)?;
        if let Some(reserved) = paths.iter().find_map(reserved_name) {
            return Err(reserved);
        }
        let paths = paths.iter().map(|path| scope.path(path)).collect::<Result<Vec<Path>, _>>()?;
        check_disjoint(paths.iter())?;
        Ok(Projection::of(paths.iter()))
    }

    /// Whole attributes, their names taken as they are: what `AttributesToGet` asks for.
    pub fn attributes(names: impl IntoIterator<Item = String>) -> Projection {
        Projection { attributes: names.into_iter().map(|name| (name, Part::Whole)).collect() }
    }

    /// Of paths of which none contains another.
    pub fn of<'p>(paths: impl Iterator<Item = &'p Path>) -> Projection {
        let mut attributes = BTreeMap::new();
        for path in paths {
            match attributes.get_mut(&path.attribute) {
                Some(part) => extend(part, &path.steps),
                None => {
                    attributes.insert(path.attribute.clone(), chain(&path.steps));
                }
            }
        }
        Projection { attributes }
    }

    /// The attributes that are looked at.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes.keys().map(String::as_str)
    }

    /// The attributes of which only parts are wanted.
    pub fn nested_names(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().filter(|(_, part)| **part != Part::Whole).map(|(name, _)| name.as_str())
    }

    /// The wanted parts of `item`.
    pub fn apply(&self, item: ItemRef<'_>) -> StoredItem {
        let mut encoder = Encoder::default();
        project_map(&self.attributes, item, &mut encoder);
        StoredItem::of(encoder)
    }
}

fn chain(steps: &[Step]) -> Part {
    match steps.split_first() {
        None => Part::Whole,
        Some((Step::Key(key), rest)) => Part::Keys(BTreeMap::from([(key.clone(), chain(rest))])),
        Some((Step::Index(index), rest)) => Part::Indexes(BTreeMap::from([(*index, chain(rest))])),
    }
}

/// Adds one more path. Disjoint paths never meet a part that is already whole or of the other kind.
fn extend(part: &mut Part, steps: &[Step]) {
    match (part, steps.split_first()) {
        (Part::Keys(keys), Some((Step::Key(key), rest))) => match keys.get_mut(key) {
            Some(part) => extend(part, rest),
            None => {
                keys.insert(key.clone(), chain(rest));
            }
        },
        (Part::Indexes(indexes), Some((Step::Index(index), rest))) => match indexes.get_mut(index) {
            Some(part) => extend(part, rest),
            None => {
                indexes.insert(*index, chain(rest));
            }
        },
        _ => {}
    }
}

/// Writes the wanted entries; whether there were any.
fn project_map(wanted: &BTreeMap<String, Part>, map: ItemRef<'_>, encoder: &mut Encoder) -> bool {
    let mut any = false;
    for (name, value) in map.iter() {
        if let Some(part) = wanted.get(name) {
            let mark = encoder.mark();
            encoder.name(name);
            if project(part, value, encoder) {
                any = true;
            } else {
                encoder.rewind(mark);
            }
        }
    }
    any
}

/// Writes the wanted part of `value`; when there is none, what was written must be taken back.
fn project(part: &Part, value: ValueRef<'_>, encoder: &mut Encoder) -> bool {
    match part {
        Part::Whole => {
            encoder.copy(value);
            true
        }
        Part::Keys(keys) => {
            let open = encoder.open_map();
            let any = project_map(keys, value.map(), encoder);
            encoder.close(open);
            any
        }
        Part::Indexes(indexes) => {
            let open = encoder.open_list();
            let mut any = false;
            let list = if value.kind() == Kind::L { Some(value.list()) } else { None };
            for (index, element) in list.into_iter().flatten().enumerate() {
                if let Some(part) = indexes.get(&index) {
                    let mark = encoder.mark();
                    if project(part, element, encoder) {
                        any = true;
                    } else {
                        encoder.rewind(mark);
                    }
                }
            }
            encoder.close(open);
            any
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::attribute::ItemInput;
    use crate::encoding::encode_item;

    fn project(text: &str, item: Json) -> Json {
        let names = BTreeMap::from([("#s".to_string(), "status".to_string())]);
        let item = serde_json::from_value::<ItemInput>(item).unwrap().0.unwrap();
        let projection = Projection::parse(text, &mut Scope::new(Some(&names), None).unwrap()).unwrap();
        serde_json::to_value(projection.apply(ItemRef::parse(&encode_item(&item)).unwrap())).unwrap()
    }

    fn message(text: &str) -> String {
        Projection::parse(text, &mut Scope::default()).unwrap_err().to_string()
    }

    #[test]
    fn takes_parts() {
        let item = json!({
            "a": {"M": {"x": {"S": "1"}, "y": {"L": [{"S": "0"}, {"S": "1"}, {"M": {"z": {"S": "2"}}}]}}},
            "b": {"N": "5"},
            "status": {"S": "on"},
        });
        assert_eq!(project("b, #s, nothing", item.clone()), json!({"b": {"N": "5"}, "status": {"S": "on"}}));
        assert_eq!(project("a.x", item.clone()), json!({"a": {"M": {"x": {"S": "1"}}}}));
        assert_eq!(
            project("a.y[2].z, a.y[0], a.x", item.clone()),
            json!({"a": {"M": {"x": {"S": "1"}, "y": {"L": [{"S": "0"}, {"M": {"z": {"S": "2"}}}]}}}})
        );
        for nothing in ["c", "a.x.y", "a[0]", "a.y[7]", "a.y.z", "b.c"] {
            assert_eq!(project(nothing, item.clone()), json!({}), "{nothing}");
        }
    }

    #[test]
    fn mistakes_are_named_as_aws_does() {
        assert_eq!(message("a, status"), "Attribute name is a reserved keyword; reserved keyword: status");
        assert_eq!(
            message("a.b[1], a.b[1].c"),
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, b, [1]], path two: [a, b, [1], c]"
        );
        assert_eq!(
            message("a.b, a[1]"),
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [1]]"
        );
        assert_eq!(
            message("#x"),
            "An expression attribute name used in the document path is not defined; attribute name: #x"
        );
    }
}
