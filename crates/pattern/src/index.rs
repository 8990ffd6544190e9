//! Many patterns, asked together: an event is compared only with those that want one of its values.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::TooComplex;
use crate::anchors::{Anchor, Anchors};
use crate::compile::{Condition, Pattern};
use crate::event::{Event, PathId, Paths};
use crate::solve::Solver;

/// Patterns with what they stand for.
///
/// Each branch of a pattern is found by one of its conditions, the one whose values the fewest others ask for: among
/// 10,000 rules for one source, the condition that tells them apart. What is found is then compared in full.
#[derive(Debug)]
pub struct Index<K> {
    keys: Vec<K>,
    paths: Paths,
    conditions: Vec<Condition>,
    branches: Vec<Branch>,
    /// Conditions by what values they want.
    anchors: HashMap<PathId, Anchors>,
    /// The branches that are found by a condition.
    found_by: HashMap<usize, Vec<usize>>,
    /// Branches that may match where nothing is.
    always: Vec<usize>,
}

/// A key's place, and what to compare.
#[derive(Debug)]
struct Branch {
    key: usize,
    conditions: Vec<usize>,
}

/// What an event matches.
#[derive(Debug)]
pub struct Matching<'i, K> {
    /// What the patterns that match stand for, in the order in which they were given.
    pub keys: Vec<&'i K>,
    /// The same for those with which comparing the event takes too much work.
    pub undecided: Vec<&'i K>,
}

impl<K> Index<K> {
    pub fn new<'p>(patterns: impl IntoIterator<Item = (K, &'p Pattern)>) -> Index<K> {
        let mut index = Index {
            keys: Vec::new(),
            paths: Paths::default(),
            conditions: Vec::new(),
            branches: Vec::new(),
            anchors: HashMap::new(),
            found_by: HashMap::new(),
            always: Vec::new(),
        };
        for (key, pattern) in patterns {
            index.add(key, pattern);
        }
        index.anchor();
        index
    }

    fn add(&mut self, key: K, pattern: &Pattern) {
        let paths = self.paths.add_all(pattern.paths());
        let first = self.conditions.len();
        self.conditions.extend(pattern.conditions().iter().map(|condition| Condition {
            path: paths.get(condition.path).copied().unwrap_or_default(),
            any_of: condition.any_of.clone(),
        }));
        let key_place = self.keys.len();
        self.keys.push(key);
        self.branches.extend(pattern.branches().iter().map(|branch| Branch {
            key: key_place,
            conditions: branch.iter().map(|condition| first + condition).collect(),
        }));
    }

    fn anchor(&mut self) {
        let mut uses = vec![0; self.conditions.len()];
        for condition in self.branches.iter().flat_map(|branch| &branch.conditions) {
            uses.get_mut(*condition).into_iter().for_each(|uses: &mut usize| *uses += 1);
        }
        let mut shares: HashMap<(PathId, Anchor), usize> = HashMap::new();
        for (condition, uses) in self.conditions.iter().zip(uses) {
            for anchor in anchors(condition).into_iter().flatten() {
                *shares.entry((condition.path, anchor)).or_default() += uses;
            }
        }
        let cost = |condition: &Condition| -> Option<usize> {
            let all = anchors(condition)?.into_iter();
            Some(all.filter_map(|anchor| shares.get(&(condition.path, anchor))).sum())
        };
        let costs: Vec<Option<usize>> = self.conditions.iter().map(cost).collect();
        for (number, branch) in self.branches.iter().enumerate() {
            let candidates = branch.conditions.iter().filter_map(|at| Some((costs.get(*at).copied()??, *at)));
            match candidates.min_by_key(|(cost, _)| *cost) {
                Some((_, condition)) => self.found_by.entry(condition).or_default().push(number),
                None => self.always.push(number),
            }
        }
        for (number, condition) in self.conditions.iter().enumerate().filter(|(at, _)| self.found_by.contains_key(at)) {
            let own = self.anchors.entry(condition.path).or_default();
            anchors(condition).into_iter().flatten().for_each(|anchor| own.add(anchor, number));
        }
    }

    pub fn matching(&self, event: &Map<String, Value>) -> Matching<'_, K> {
        let event = Event::new(&self.paths, event);
        let mut solver = Solver::new(&self.conditions, &event);
        let (mut keys, mut undecided) = (Vec::new(), Vec::new());
        let mut now = None;
        for branch in self.candidates(&event).into_iter().filter_map(|number| self.branches.get(number)) {
            if now != Some(branch.key) {
                solver.renew();
                now = Some(branch.key);
            } else if keys.last() == now.as_ref() || undecided.last() == now.as_ref() {
                continue;
            }
            match solver.holds(&branch.conditions) {
                Ok(true) => keys.push(branch.key),
                Ok(false) => {}
                Err(TooComplex) => undecided.push(branch.key),
            }
        }
        let named = |places: Vec<usize>| places.into_iter().filter_map(|key| self.keys.get(key)).collect();
        Matching { keys: named(keys), undecided: named(undecided) }
    }

    /// The branches that come into question, in order.
    fn candidates(&self, event: &Event<'_>) -> Vec<usize> {
        let mut conditions = Vec::new();
        for (path, field) in event.fields() {
            if let Some(anchors) = self.anchors.get(&path) {
                anchors.find(field.value, &mut conditions);
            }
        }
        conditions.sort_unstable();
        conditions.dedup();
        let found = conditions.iter().filter_map(|condition| self.found_by.get(condition)).flatten();
        let mut branches: Vec<usize> = self.always.iter().chain(found).copied().collect();
        branches.sort_unstable();
        branches
    }
}

/// What to find a condition by; `None` where it may hold without any value.
fn anchors(condition: &Condition) -> Option<Vec<Anchor>> {
    condition.any_of.iter().map(Anchor::of).collect()
}
