//! Whether an event fulfils all conditions of a branch at once: where several look into the same list, one of its elements
//! must fulfil them all.
//!
//! Source: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns-arrays.html>. That a condition
//! which wants nothing there looks only at elements that conditions before it, by name, have chosen, is event-ruler's.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use crate::TooComplex;
use crate::compile::Condition;
use crate::event::{Chain, Event};

/// What comparing one event with one pattern may take: values that operators are tried on, and conditions that are looked
/// at in one element of a list. Both grow with the event's length alone, unless names with dots lead to the same path
/// through several lists.
const WORK_MAX: usize = 1_000_000;
/// Operators that are tried on a value for one more of the work.
const OPERATORS: usize = 8;
/// Characters of a text that cost an operator as much as another value.
const CHARACTERS: usize = 64;

/// Compares an event with branches, and each condition only once.
pub struct Solver<'e> {
    conditions: &'e [Condition],
    event: &'e Event<'e>,
    found: HashMap<usize, Rc<Found<'e>>>,
    left: usize,
}

/// Where a condition finds values.
struct Found<'e> {
    /// Whether it is fulfilled when there is no value.
    absent: bool,
    /// The elements that values are within, in order.
    places: Vec<&'e Chain>,
    /// Those of the values that fulfil it.
    fulfilling: Vec<&'e Chain>,
}

/// A condition that is still to be fulfilled, and by what it can be: of what is in order, what is within one element
/// follows each other.
#[derive(Clone, Copy)]
struct Open<'f> {
    /// Its place among the branch's conditions.
    order: usize,
    absent: bool,
    places: &'f [&'f Chain],
    fulfilling: &'f [&'f Chain],
}

impl<'e> Solver<'e> {
    pub fn new(conditions: &'e [Condition], event: &'e Event<'e>) -> Solver<'e> {
        Solver { conditions, event, found: HashMap::new(), left: WORK_MAX }
    }

    /// Begins with another pattern, which has work of its own.
    pub fn renew(&mut self) {
        self.left = WORK_MAX;
    }

    #[cfg(test)]
    pub fn work(&self) -> usize {
        WORK_MAX - self.left
    }

    /// # Errors
    /// When it takes too much work.
    pub fn holds(&mut self, branch: &[usize]) -> Result<bool, TooComplex> {
        let mut all = Vec::with_capacity(branch.len());
        for condition in branch {
            self.spend(1)?;
            let found = self.find(*condition)?;
            let fulfillable =
                if found.places.is_empty() { found.absent } else { found.absent || !found.fulfilling.is_empty() };
            if !fulfillable {
                return Ok(false);
            }
            all.push(found);
        }
        let open = all.iter().enumerate().map(|(order, found)| Open {
            order,
            absent: found.absent,
            places: &found.places,
            fulfilling: &found.fulfilling,
        });
        self.fulfilled(open.collect(), 0)
    }

    fn spend(&mut self, work: usize) -> Result<(), TooComplex> {
        self.left = self.left.checked_sub(work).ok_or(TooComplex)?;
        Ok(())
    }

    fn find(&mut self, number: usize) -> Result<Rc<Found<'e>>, TooComplex> {
        if let Some(found) = self.found.get(&number) {
            return Ok(found.clone());
        }
        let mut found = Found { absent: false, places: Vec::new(), fulfilling: Vec::new() };
        if let Some(condition) = self.conditions.get(number) {
            found.absent = condition.absent();
            for field in self.event.at(condition.path) {
                let length = field.value.as_str().map_or(0, str::len);
                let tried = condition.any_of.len().saturating_mul(1 + length / CHARACTERS);
                self.spend(1 + tried / OPERATORS)?;
                found.places.push(&*field.chain);
                if condition.any_of.iter().any(|operator| operator.matches(field.value)) {
                    found.fulfilling.push(&*field.chain);
                }
            }
            if !found.absent {
                found.places.clone_from(&found.fulfilling);
            }
            found.places.sort_unstable();
            found.fulfilling.sort_unstable();
        }
        let found = Rc::new(found);
        self.found.insert(number, found.clone());
        Ok(found)
    }

    /// Whether all of these can be fulfilled by choosing elements of lists from `depth` on.
    fn fulfilled(&mut self, open: Vec<Open<'_>>, depth: usize) -> Result<bool, TooComplex> {
        let mut rest = Vec::new();
        for condition in open {
            self.spend(1)?;
            // What is in no further list comes first.
            let here = |chains: &[&Chain]| chains.first().is_some_and(|chain| chain.len() == depth);
            if here(condition.fulfilling) || (condition.places.is_empty() && condition.absent) {
                continue;
            }
            if condition.fulfilling.is_empty() && (!condition.absent || here(condition.places)) {
                return Ok(false);
            }
            rest.push(condition);
        }
        let mut lists = Vec::new();
        for at in 0..rest.len() {
            let Some(condition) = rest.get(at).copied() else { continue };
            let own = condition.lists(depth);
            self.spend(own.len())?;
            // A path that leads into several lists is looked for in one after the other.
            if own.len() > 1 {
                return self.in_one_of(&own, &rest, at, depth);
            }
            lists.extend(own);
        }
        lists.sort_unstable();
        lists.dedup();
        for list in lists {
            if !self.within(&rest, depth, list)? {
                return Ok(false);
            }
        }
        self.absences_are_seen(&rest, depth)
    }

    /// Whether all can be fulfilled with the one `at` this place within one of these lists.
    fn in_one_of(&mut self, lists: &[u32], open: &[Open<'_>], at: usize, depth: usize) -> Result<bool, TooComplex> {
        for list in lists {
            let mut narrowed = open.to_vec();
            if let Some(condition) = narrowed.get_mut(at) {
                *condition = condition.in_list(depth, *list);
            }
            if self.fulfilled(narrowed, depth)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether one element of the list fulfils every condition that looks into it.
    fn within(&mut self, open: &[Open<'_>], depth: usize, list: u32) -> Result<bool, TooComplex> {
        self.spend(open.len())?;
        let all = open.iter().map(|condition| condition.in_list(depth, list));
        let all: Vec<Open<'_>> = all.filter(|condition| !condition.places.is_empty()).collect();
        // One that must be fulfilled by a value says best which elements come into question.
        let positive = all.iter().filter(|condition| !condition.fulfilling.is_empty());
        let first = positive.min_by_key(|condition| (condition.absent, condition.fulfilling.len()));
        let Some(mut elements) = first.map(|condition| condition.fulfilling) else { return Ok(true) };
        while let Some(element) = elements.first().and_then(|chain| chain.get(depth)) {
            self.spend(all.len())?;
            let narrowed = all.iter().map(|condition| condition.in_element(depth, *element)).collect();
            if self.fulfilled(narrowed, depth + 1)? {
                return Ok(true);
            }
            let after = elements.partition_point(|chain| chain.get(depth) <= Some(element));
            elements = elements.get(after..).unwrap_or_default();
        }
        Ok(false)
    }

    /// Conditions that want nothing there see only the elements that earlier conditions chose: in a list where none did, a
    /// value is there.
    fn absences_are_seen(&mut self, open: &[Open<'_>], depth: usize) -> Result<bool, TooComplex> {
        for condition in open.iter().filter(|condition| condition.fulfilling.is_empty()) {
            let mut places = condition.places;
            while let Some((list, _)) = places.first().and_then(|chain| chain.get(depth)) {
                self.spend(open.len())?;
                let chosen = |earlier: &Open<'_>| {
                    earlier.order < condition.order && !earlier.in_list(depth, *list).fulfilling.is_empty()
                };
                if !open.iter().any(chosen) {
                    return Ok(false);
                }
                places =
                    places.get(places.partition_point(|chain| is_until(chain, depth, *list))..).unwrap_or_default();
            }
        }
        Ok(true)
    }
}

impl<'f> Open<'f> {
    /// The lists in which it could be fulfilled.
    fn lists(&self, depth: usize) -> Vec<u32> {
        let mut lists = Vec::new();
        let mut chains = self.fulfilling;
        while let Some((list, _)) = chains.first().and_then(|chain| chain.get(depth)) {
            lists.push(*list);
            chains = chains.get(chains.partition_point(|chain| is_until(chain, depth, *list))..).unwrap_or_default();
        }
        lists
    }

    fn in_list(&self, depth: usize, list: u32) -> Open<'f> {
        self.narrowed(|chain| chain.get(depth).map(|(own, _)| *own).cmp(&Some(list)))
    }

    fn in_element(&self, depth: usize, element: (u32, u32)) -> Open<'f> {
        self.narrowed(|chain| chain.get(depth).copied().cmp(&Some(element)))
    }

    fn narrowed(&self, against: impl Fn(&Chain) -> Ordering) -> Open<'f> {
        let own = |chains: &'f [&'f Chain]| {
            let from = chains.partition_point(|chain| against(chain).is_lt());
            let until = chains.partition_point(|chain| against(chain).is_le());
            chains.get(from..until).unwrap_or_default()
        };
        Open { places: own(self.places), fulfilling: own(self.fulfilling), ..*self }
    }
}

fn is_until(chain: &Chain, depth: usize, list: u32) -> bool {
    chain.get(depth).is_none_or(|(own, _)| *own <= list)
}
