//! Ranges of keys, and the direction to walk them in.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

/// The direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Forward,
    /// Largest key first.
    Reverse,
}

impl Order {
    /// How `a` stands to `b` for a scan in this direction: `Less` comes first.
    pub fn compare(self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Order::Forward => a.cmp(b),
            Order::Reverse => b.cmp(a),
        }
    }
}

/// A range of keys, kept half-open: every pair of bounds over bytes has such a form, because the next key after `k`
/// is `k` followed by a zero byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    start: Bytes,
    /// `None`: to the last key there is.
    end: Option<Bytes>,
}

impl KeyRange {
    pub fn new(start: Bound<&[u8]>, end: Bound<&[u8]>) -> KeyRange {
        let start = match start {
            Bound::Included(key) => Bytes::copy_from_slice(key),
            Bound::Excluded(key) => successor(key),
            Bound::Unbounded => Bytes::new(),
        };
        let end = match end {
            Bound::Included(key) => Some(successor(key)),
            Bound::Excluded(key) => Some(Bytes::copy_from_slice(key)),
            Bound::Unbounded => None,
        };
        KeyRange { start, end }
    }

    /// From `start` up to, and without, `end`; `None` is past the last key.
    pub fn half_open(start: impl Into<Bytes>, end: Option<Bytes>) -> KeyRange {
        KeyRange { start: start.into(), end }
    }

    pub fn all() -> KeyRange {
        KeyRange { start: Bytes::new(), end: None }
    }

    /// Every key that begins with `prefix`, `prefix` itself included.
    pub fn prefix(prefix: &[u8]) -> KeyRange {
        KeyRange { start: Bytes::copy_from_slice(prefix), end: after_prefix(prefix) }
    }

    /// What is left of the range when a scan in `order` goes on after `key`.
    #[must_use]
    pub fn after(self, key: &[u8], order: Order) -> KeyRange {
        match order {
            Order::Forward => KeyRange { start: self.start.max(successor(key)), end: self.end },
            Order::Reverse => {
                let key = Bytes::copy_from_slice(key);
                let end = self.end.map_or(key.clone(), |end| end.min(key));
                KeyRange { start: self.start, end: Some(end) }
            }
        }
    }

    /// The first key inside the range.
    pub fn start(&self) -> &Bytes {
        &self.start
    }

    /// The first key past the range; `None` when nothing is.
    pub fn end(&self) -> Option<&Bytes> {
        self.end.as_ref()
    }

    /// The range as the standard library's maps want it. Those panic on ranges that run backwards: see [`Self::is_empty`].
    pub fn bounds(&self) -> (Bound<&Bytes>, Bound<&Bytes>) {
        (Bound::Included(&self.start), self.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded))
    }

    /// Whether no key can be inside, which is so for bounds the wrong way round.
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        self.start <= key && self.end.as_ref().is_none_or(|end| key < *end)
    }
}

/// The smallest key greater than `key`.
fn successor(key: &[u8]) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next.into()
}

/// The smallest key greater than every key that begins with `prefix`; `None` when there is none.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Bytes> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = prefix.get(..=kept)?.to_vec();
    *next.last_mut()? += 1;
    Some(next.into())
}

/// A set of keys made of ranges; kept as ranges that neither overlap nor touch, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct RangeSet(BTreeMap<Bytes, Option<Bytes>>);

impl RangeSet {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn insert(&mut self, range: KeyRange) {
        if range.is_empty() {
            return;
        }
        let KeyRange { mut start, mut end } = range;
        if let Some((before, before_end)) = self.0.range(..=start.clone()).next_back()
            && before_end.as_ref().is_none_or(|before_end| *before_end >= start)
        {
            start = before.clone();
        }
        let touches = (Bound::Included(start.clone()), end.clone().map_or(Bound::Unbounded, Bound::Included));
        for (_, merged_end) in self.0.extract_if(touches, |_, _| true) {
            end = end.zip(merged_end).map(|(end, merged_end)| end.max(merged_end));
        }
        self.0.insert(start, end);
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        let upto = (Bound::Unbounded, Bound::Included(key));
        let found = self.0.range::<[u8], _>(upto).next_back();
        found.is_some_and(|(_, end)| end.as_ref().is_none_or(|end| key < *end))
    }

    pub fn iter(&self) -> impl Iterator<Item = KeyRange> + '_ {
        self.0.iter().map(|(start, end)| KeyRange { start: start.clone(), end: end.clone() })
    }

    /// The parts of `range` that are not in the set, in order.
    pub fn gaps(&self, range: &KeyRange) -> Vec<KeyRange> {
        let mut gaps = Vec::new();
        let mut start = range.start.clone();
        let from = self.0.range(..=start.clone()).next_back().map_or(start.clone(), |(before, _)| before.clone());
        for (hole, hole_end) in self.0.range(from..) {
            if range.end.as_ref().is_some_and(|end| hole >= end) {
                break;
            }
            if *hole > start {
                gaps.push(KeyRange { start: start.clone(), end: Some(hole.clone()) });
            }
            match hole_end {
                Some(hole_end) => start = start.max(hole_end.clone()),
                None => return gaps,
            }
        }
        let rest = KeyRange { start, end: range.end.clone() };
        if !rest.is_empty() {
            gaps.push(rest);
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range() -> impl Strategy<Value = KeyRange> {
        let end = proptest::option::weighted(0.9, 0..12u8);
        (0..12u8, end).prop_map(|(start, end)| KeyRange::half_open(vec![start], end.map(|end| vec![end].into())))
    }

    fn keys(range: &KeyRange) -> Vec<u8> {
        (0..20).filter(|key| range.contains(&[*key])).collect()
    }

    proptest! {
        #[test]
        fn a_set_of_ranges_is_a_set_of_keys(ranges in proptest::collection::vec(range(), 0..6), within in range()) {
            let mut set = RangeSet::default();
            ranges.iter().for_each(|range| set.insert(range.clone()));
            for key in 0..20u8 {
                prop_assert_eq!(set.contains(&[key]), ranges.iter().any(|range| range.contains(&[key])));
            }
            let outside: Vec<_> = keys(&within).into_iter().filter(|key| !set.contains(&[*key])).collect();
            prop_assert_eq!(set.gaps(&within).iter().flat_map(keys).collect::<Vec<_>>(), outside);
            let kept: Vec<_> = set.iter().collect();
            for pair in kept.windows(2) {
                prop_assert!(pair[0].end().is_some_and(|end| end < pair[1].start()), "{:?} touch or overlap", pair);
            }
        }

        #[test]
        fn bounds_mean_what_the_standard_library_means(
            key in proptest::collection::vec(any::<u8>(), 0..4),
            edge in proptest::collection::vec(any::<u8>(), 0..4),
        ) {
            prop_assert_eq!(KeyRange::new(Bound::Included(&edge), Bound::Unbounded).contains(&key), key >= edge);
            prop_assert_eq!(KeyRange::new(Bound::Excluded(&edge), Bound::Unbounded).contains(&key), key > edge);
            prop_assert_eq!(KeyRange::new(Bound::Unbounded, Bound::Included(&edge)).contains(&key), key <= edge);
            prop_assert_eq!(KeyRange::new(Bound::Unbounded, Bound::Excluded(&edge)).contains(&key), key < edge);
            prop_assert_eq!(KeyRange::prefix(&edge).contains(&key), key.starts_with(&edge));
            prop_assert_eq!(KeyRange::all().after(&edge, Order::Forward).contains(&key), key > edge);
            prop_assert_eq!(KeyRange::all().after(&edge, Order::Reverse).contains(&key), key < edge);
        }
    }

    #[test]
    fn a_prefix_of_the_highest_bytes_has_an_end_only_if_something_can_follow() {
        assert_eq!(KeyRange::prefix(&[0xff, 0xff]).end(), None);
        assert_eq!(KeyRange::prefix(&[1, 0xff]).end(), Some(&Bytes::from_static(&[2])));
    }
}
