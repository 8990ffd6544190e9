//! Many patterns, asked together: an event is compared only with those that want one of its values.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::anchors::{Anchor, Anchors};
use crate::compile::{Condition, Pattern};
use crate::event::{Event, PathId, Paths};
use crate::solve;

/// Patterns with what they stand for.
///
/// Each branch of a pattern is found by one of its conditions, the one whose values the fewest others ask for: among
/// 10,000 rules for one source, the condition that tells them apart. What is found is then compared in full.
#[derive(Debug)]
pub struct Index<K> {
    keys: Vec<K>,
    paths: Paths,
    /// A key's place, and what to compare.
    branches: Vec<(usize, Vec<Condition>)>,
    anchors: HashMap<PathId, Anchors>,
    /// Branches that may match where nothing is.
    always: Vec<usize>,
}

impl<K> Index<K> {
    pub fn new<'p>(patterns: impl IntoIterator<Item = (K, &'p Pattern)>) -> Index<K> {
        let (mut keys, mut paths, mut branches) = (Vec::new(), Paths::default(), Vec::new());
        for (key, pattern) in patterns {
            for branch in pattern.branches() {
                let renumbered = branch.iter().map(|condition| {
                    let path = paths.add(&condition.name);
                    Condition { path, ..condition.clone() }
                });
                branches.push((keys.len(), renumbered.collect::<Vec<_>>()));
            }
            keys.push(key);
        }
        let mut index = Index { keys, paths, branches, anchors: HashMap::new(), always: Vec::new() };
        index.anchor();
        index
    }

    fn anchor(&mut self) {
        let asked = self.branches.iter().flat_map(|(_, branch)| branch);
        let mut shares: HashMap<(PathId, Anchor), usize> = HashMap::new();
        for (path, anchor) in asked
            .filter_map(|condition| Some((condition.path, anchors(condition)?)))
            .flat_map(|(path, all)| all.into_iter().map(move |anchor| (path, anchor)))
        {
            *shares.entry((path, anchor)).or_default() += 1;
        }
        for (number, (_, branch)) in self.branches.iter().enumerate() {
            let candidates = branch.iter().filter_map(|condition| Some((condition.path, anchors(condition)?)));
            let cost = |(path, all): &(PathId, Vec<Anchor>)| -> usize {
                all.iter().filter_map(|anchor| shares.get(&(*path, anchor.clone()))).sum()
            };
            match candidates.min_by_key(cost) {
                Some((path, all)) => {
                    let own = self.anchors.entry(path).or_default();
                    all.into_iter().for_each(|anchor| own.add(anchor, number));
                }
                None => self.always.push(number),
            }
        }
    }

    /// What the patterns that match stand for, in the order in which they were given.
    pub fn matching(&self, event: &Map<String, Value>) -> Vec<&K> {
        let event = Event::new(&self.paths, event);
        let mut found = self.always.clone();
        for (path, field) in event.fields() {
            if let Some(anchors) = self.anchors.get(&path) {
                anchors.find(field.value, &mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        let mut matching: Vec<usize> = Vec::new();
        for (key, branch) in found.into_iter().filter_map(|number| self.branches.get(number)) {
            if matching.last() != Some(key) && solve::holds(branch, &event) {
                matching.push(*key);
            }
        }
        matching.into_iter().filter_map(|key| self.keys.get(key)).collect()
    }
}

/// What to find a condition by; `None` where it may hold without any value.
fn anchors(condition: &Condition) -> Option<Vec<Anchor>> {
    condition.any_of.iter().map(Anchor::of).collect()
}
