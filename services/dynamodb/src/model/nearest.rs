//! The nearest vectors of an index: all rows of one part are looked at, and the best are kept.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use kv::{Order, Read};

use crate::encoding::StoredItem;
use crate::error::Error;
use crate::expression::Literal;
use crate::keys::{Digest, VECTORS};
use crate::size::item_size;
use crate::types::{Distance, VectorIndex, VectorRow};

/// What is searched for.
#[derive(Debug)]
pub struct Search<'s> {
    pub index: &'s VectorIndex,
    pub partition: Digest,
    pub vector: &'s [f32],
    /// What attributes must be.
    pub equal: &'s [(String, Literal)],
    /// How many are wanted.
    pub top: usize,
}

/// One of the nearest.
#[derive(Debug)]
pub struct Near {
    pub score: f64,
    pub row: VectorRow,
    /// What the index has of the item beside the vector.
    pub item: StoredItem,
}

/// The nearest, the best one first, and the bytes that were looked at.
#[derive(Debug)]
pub struct Found {
    pub nearest: Vec<Near>,
    pub bytes: usize,
}

/// Finds the nearest. No more is kept in memory than what is answered.
///
/// # Errors
/// When the store cannot be read.
pub fn search(read: &impl Read, search: &Search<'_>) -> Result<Found, Error> {
    let Search { index, vector, .. } = *search;
    let square = vector.iter().map(|component| f64::from(*component).powi(2)).sum();
    let mut best: BinaryHeap<Candidate> = BinaryHeap::with_capacity(search.top + 1);
    let (mut bytes, mut number) = (0, 0);
    for row in VECTORS.scan_prefix(read, (index.id, search.partition), Order::Forward)?.values() {
        let row = row?;
        let item = row.item()?;
        bytes += size_of_val(row.components()) + index.attribute.len() + item_size(item.view());
        let meets = |(name, value): &(String, Literal)| item.view().get(name) == value.value();
        if !search.equal.iter().all(meets) {
            continue;
        }
        let score = score(index.distance, (vector, square), &row);
        let rank = if index.distance == Distance::DotProduct { -score } else { score };
        if best.len() == search.top && best.peek().is_some_and(|worst| rank >= worst.rank) {
            continue;
        }
        number += 1;
        best.push(Candidate { rank, number, near: Near { score, row, item } });
        if best.len() > search.top {
            best.pop();
        }
    }
    let nearest = best.into_sorted_vec().into_iter().map(|candidate| candidate.near).collect();
    Ok(Found { nearest, bytes })
}

/// One that may be among the nearest: the worst is the greatest. Of equals, the first one stays.
struct Candidate {
    rank: f64,
    number: u64,
    near: Near,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Candidate) -> Ordering {
        self.rank.total_cmp(&other.rank).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Candidate) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// The score of a row, by the index's distance function: summed up in 64 bits, and never more than 32 bits can say.
pub fn score(distance: Distance, (vector, square): (&[f32], f64), row: &VectorRow) -> f64 {
    let components = row.components();
    let score = match distance {
        Distance::DotProduct => sum(vector, components, |one, other| one * other),
        Distance::Euclidean => sum(vector, components, |one, other| (one - other) * (one - other)).sqrt(),
        Distance::Cosine => {
            let squares = square * row.square();
            // What has no direction is neither like nor unlike.
            if squares == 0.0 {
                return 1.0;
            }
            (1.0 - sum(vector, components, |one, other| one * other) / squares.sqrt()).clamp(0.0, 2.0)
        }
    };
    score.clamp(f64::from(f32::MIN), f64::from(f32::MAX))
}

/// Sums that do not wait for each other, so that processors do several at once.
const LANES: usize = 8;

/// The sum of `term` over all pairs of components.
fn sum(vector: &[f32], components: &[[u8; 4]], term: impl Fn(f64, f64) -> f64) -> f64 {
    let term = |one: &f32, other: &[u8; 4]| term(f64::from(*one), f64::from(f32::from_le_bytes(*other)));
    let (whole, rest) = vector.as_chunks::<LANES>();
    let (rows, last) = components.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (one, other) in whole.iter().zip(rows) {
        for ((lane, one), other) in lanes.iter_mut().zip(one).zip(other) {
            *lane += term(one, other);
        }
    }
    let rest: f64 = rest.iter().zip(last).map(|(one, other)| term(one, other)).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Item;

    fn scored(distance: Distance, one: &[f32], other: &[f32]) -> f64 {
        let square = one.iter().map(|component| f64::from(*component).powi(2)).sum();
        score(distance, (one, square), &VectorRow::new(other, &StoredItem::new(&Item::new())))
    }

    #[test]
    fn scores_are_as_aws_has_them() {
        let (x, y) = ([1.0, 0.0, 0.0], [0.0, 2.0, 0.0]);
        assert_eq!(scored(Distance::Cosine, &x, &[10.0, 0.0, 0.0]), 0.0);
        assert_eq!(scored(Distance::Cosine, &x, &y), 1.0);
        assert_eq!(scored(Distance::Cosine, &x, &[-3.0, 0.0, 0.0]), 2.0);
        assert_eq!(scored(Distance::Cosine, &x, &[0.0; 3]), 1.0);
        assert_eq!(scored(Distance::Cosine, &[1e-23, 0.0], &[1e-23, 0.0]), 0.0);
        assert_eq!(scored(Distance::Euclidean, &x, &[10.0, 0.0, 0.0]), 9.0);
        assert_eq!(scored(Distance::Euclidean, &[3.4e38, 0.0], &[-3.4e38, 0.0]), f64::from(f32::MAX));
        assert_eq!(scored(Distance::DotProduct, &[3.4e38, 3.4e38], &[3.4e38, -3.4e38]), 0.0);
        assert_eq!(scored(Distance::DotProduct, &x, &[-2.0, 1.0, 1.0]), -2.0);
    }

    proptest! {
        /// Lanes do not change what is summed up.
        #[test]
        fn sums_are_those_of_all_components(pairs in prop::collection::vec((-9i16..9, -9i16..9), 0..40)) {
            let (one, other): (Vec<f32>, Vec<f32>) =
                pairs.iter().map(|(one, other)| (f32::from(*one), f32::from(*other))).unzip();
            let expected: i32 = pairs.iter().map(|(one, other)| i32::from(*one) * i32::from(*other)).sum();
            prop_assert_eq!(scored(Distance::DotProduct, &one, &other), f64::from(expected));
        }
    }
}
