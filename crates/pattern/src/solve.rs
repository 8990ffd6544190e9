//! Whether an event fulfils all conditions of a branch at once: where several look into the same list, one of its elements
//! must fulfil them all.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns-arrays.html>. That a condition
//! which wants nothing there looks only at elements that conditions before it, by name, have chosen, is event-ruler's.

use crate::compile::Condition;
use crate::event::{Chain, Event};
use crate::operator::Operator;

/// Steps that one branch may take. Only names with dots that mean the same path twice make it take many.
const STEPS_MAX: u32 = 100_000;

/// A condition that is still to be fulfilled, with what it can be fulfilled by.
#[derive(Clone)]
struct Open<'e> {
    /// Its place among the branch's conditions.
    order: usize,
    /// Whether it is fulfilled when there is no value.
    absent: bool,
    /// Where there is a value, in order, and whether that one fulfils it.
    places: Vec<(&'e Chain, bool)>,
}

pub fn holds(branch: &[Condition], event: &Event<'_>) -> bool {
    let absent = |condition: &Condition| condition.any_of.contains(&Operator::Absent);
    if !event.is_nested() {
        return branch.iter().all(|condition| match event.at(condition.path) {
            [] => absent(condition),
            fields => fields.iter().any(|field| condition.any_of.iter().any(|operator| operator.matches(field.value))),
        });
    }
    let open = branch.iter().enumerate().map(|(order, condition)| {
        let place = |field: &crate::event::Field<'_>| condition.any_of.iter().any(|one| one.matches(field.value));
        let mut places: Vec<_> = event.at(condition.path).iter().map(|field| (&*field.chain, place(field))).collect();
        places.sort_by_key(|(chain, _)| *chain);
        Open { order, absent: absent(condition), places }
    });
    fulfilled(open.collect(), 0, &mut STEPS_MAX.clone())
}

/// Whether all of these can be fulfilled by choosing elements of lists from `depth` on.
fn fulfilled(open: Vec<Open<'_>>, depth: usize, steps: &mut u32) -> bool {
    let Some(left) = steps.checked_sub(1) else { return false };
    *steps = left;
    let mut rest = Vec::new();
    for condition in open {
        if condition.places.is_empty() {
            if condition.absent {
                continue;
            }
            return false;
        }
        if condition.places.iter().any(|(chain, fulfils)| *fulfils && chain.len() == depth) {
            continue;
        }
        if !condition.is_fulfillable() && (!condition.absent || condition.places.iter().any(|(c, _)| c.len() == depth))
        {
            return false;
        }
        rest.push(condition);
    }
    // A path that leads into several lists is looked for in one after the other.
    if let Some(at) = rest.iter().position(|condition| condition.lists(depth).len() > 1) {
        let lists = rest.get(at).map(|condition| condition.lists(depth)).unwrap_or_default();
        return lists.into_iter().any(|list| {
            let mut narrowed = rest.clone();
            narrowed.iter_mut().skip(at).take(1).for_each(|condition| condition.keep(depth, list));
            fulfilled(narrowed, depth, steps)
        });
    }
    let mut lists: Vec<u32> = rest.iter().flat_map(|condition| condition.lists(depth)).collect();
    lists.sort_unstable();
    lists.dedup();
    lists.into_iter().all(|list| within(&rest, depth, list, steps)) && absences_are_seen(&rest, depth)
}

impl<'e> Open<'e> {
    fn is_fulfillable(&self) -> bool {
        self.places.iter().any(|(_, fulfils)| *fulfils)
    }

    /// The lists in which it could be fulfilled.
    fn lists(&self, depth: usize) -> Vec<u32> {
        let mut lists: Vec<u32> = Vec::new();
        for (chain, _) in self.places.iter().filter(|(_, fulfils)| *fulfils) {
            if let Some((list, _)) = chain.get(depth)
                && !lists.contains(list)
            {
                lists.push(*list);
            }
        }
        lists
    }

    fn keep(&mut self, depth: usize, list: u32) {
        self.places.retain(|(chain, _)| chain.get(depth).is_some_and(|(own, _)| *own == list));
    }

    /// The same condition for one element of a list. Places are sorted, so that those of an element follow each other.
    fn in_element(&self, depth: usize, element: (u32, u32)) -> Open<'e> {
        let from = self.places.partition_point(|(chain, _)| chain.get(depth).is_none_or(|own| *own < element));
        let own = self.places.get(from..).unwrap_or_default();
        let own = own.iter().take_while(|(chain, _)| chain.get(depth) == Some(&element));
        Open { order: self.order, absent: self.absent, places: own.copied().collect() }
    }
}

/// Whether one element of the list fulfils every condition that looks into it.
fn within(open: &[Open<'_>], depth: usize, list: u32, steps: &mut u32) -> bool {
    let looks_into = |condition: &&Open<'_>| {
        condition.places.iter().any(|(chain, _)| chain.get(depth).is_some_and(|(own, _)| *own == list))
    };
    let all: Vec<&Open<'_>> = open.iter().filter(looks_into).collect();
    let positive = |condition: &&&Open<'_>| condition.lists(depth) == [list];
    // One that must be fulfilled by a value says best which elements come into question.
    let first = all.iter().filter(positive).min_by_key(|condition| (condition.absent, condition.places.len()));
    let Some(first) = first else { return true };
    let mut elements: Vec<(u32, u32)> = first
        .places
        .iter()
        .filter(|(_, fulfils)| *fulfils)
        .filter_map(|(chain, _)| chain.get(depth).copied())
        .collect();
    elements.dedup();
    elements.into_iter().any(|element| {
        fulfilled(all.iter().map(|condition| condition.in_element(depth, element)).collect(), depth + 1, steps)
    })
}

/// Conditions that want nothing there see only the elements that earlier conditions chose: in a list where none did, a
/// value is there.
fn absences_are_seen(open: &[Open<'_>], depth: usize) -> bool {
    open.iter().filter(|condition| !condition.is_fulfillable()).all(|condition| {
        condition.places.iter().filter_map(|(chain, _)| chain.get(depth)).all(|(list, _)| {
            open.iter().any(|earlier| earlier.order < condition.order && earlier.lists(depth) == [*list])
        })
    })
}
