//! What has changed between two readings of a query.

use std::cmp::Ordering;

use kv::Order;
use serde::Serialize;

use super::page::Source;
use crate::encoding::StoredItem;
use crate::key::digest;
use crate::keys::Digest;

/// An item of a query's result.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where it lies in what is read.
    position: Vec<u8>,
    pub key: StoredItem,
    /// What the follower is shown of it.
    pub shown: StoredItem,
}

impl Found {
    /// `None` for what has no key, which does not happen.
    pub fn new(source: Source<'_>, item: &StoredItem, shown: StoredItem) -> Option<Found> {
        let key = item.only(|name| source.is_key(name));
        Some(Found { position: source.position(&key)?, key, shown })
    }
}

/// As much of an item as it takes to see later that it has changed.
#[derive(Clone, Debug)]
pub struct Trace {
    position: Vec<u8>,
    key: StoredItem,
    shown: Digest,
}

impl From<&Found> for Trace {
    fn from(Found { position, key, shown }: &Found) -> Trace {
        Trace { position: position.clone(), key: key.clone(), shown: digest(&[shown.bytes()]) }
    }
}

/// To bring the older result to the newer one: take out what is removed, put what is modified in the place of what has
/// the same key, then insert what is added, in this order, at its index.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "Type", rename_all_fields = "PascalCase")]
pub enum Change {
    Removed { key: StoredItem },
    Modified { key: StoredItem, item: StoredItem, index: usize },
    Added { key: StoredItem, item: StoredItem, index: usize },
}

/// What has changed since `before`. Both results are in `order`. An item whose sort key has changed is removed and
/// added: it may be elsewhere now.
pub fn changes(before: &[Trace], after: Vec<Found>, order: Order) -> Vec<Change> {
    let (mut changes, mut before) = (Vec::new(), before.iter().peekable());
    for (index, Found { position, key, shown }) in after.into_iter().enumerate() {
        let compare = |old: &&Trace| match order {
            Order::Forward => old.position.cmp(&position),
            Order::Reverse => position.cmp(&old.position),
        };
        while let Some(gone) = before.next_if(|old| compare(old) == Ordering::Less) {
            changes.push(Change::Removed { key: gone.key.clone() });
        }
        match before.next_if(|old| compare(old) == Ordering::Equal) {
            Some(old) if old.shown == digest(&[shown.bytes()]) => {}
            Some(_) => changes.push(Change::Modified { key, item: shown, index }),
            None => changes.push(Change::Added { key, item: shown, index }),
        }
    }
    changes.extend(before.map(|gone| Change::Removed { key: gone.key.clone() }));
    changes.sort_by_key(|change| !matches!(change, Change::Removed { .. }));
    changes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::{Item, Value};

    fn found(position: u8, shown: u8) -> Found {
        let item = |byte: u8| StoredItem::new(&Item::from([("at".to_owned(), Value::S(format!("{byte:03}")))]));
        Found { position: vec![position], key: item(position), shown: item(shown) }
    }

    /// What a follower does with the changes.
    fn follow(mut result: Vec<(StoredItem, StoredItem)>, changes: Vec<Change>) -> Vec<(StoredItem, StoredItem)> {
        for change in changes {
            match change {
                Change::Removed { key } => result.retain(|(old, _)| *old != key),
                Change::Modified { key, item, .. } => {
                    result.iter_mut().filter(|(old, _)| *old == key).for_each(|(_, shown)| *shown = item.clone());
                }
                Change::Added { key, item, index } => result.insert(index, (key, item)),
            }
        }
        result
    }

    proptest! {
        #[test]
        fn who_follows_has_what_there_is(
            before in prop::collection::btree_map(0_u8..20, 0_u8..3, 0..12),
            after in prop::collection::btree_map(0_u8..20, 0_u8..3, 0..12),
            reverse: bool,
        ) {
            let order = if reverse { Order::Reverse } else { Order::Forward };
            let result = |rows: &std::collections::BTreeMap<u8, u8>| {
                let mut all: Vec<_> = rows.iter().map(|(position, shown)| found(*position, *shown)).collect();
                if reverse {
                    all.reverse();
                }
                all
            };
            let pairs = |all: &[Found]| all.iter().map(|found| (found.key.clone(), found.shown.clone())).collect::<Vec<_>>();
            let (before, after) = (result(&before), result(&after));
            let expected = pairs(&after);
            let traces: Vec<_> = before.iter().map(Trace::from).collect();
            let told = changes(&traces, after.clone(), order);
            let untouched = before.iter().filter(|old| after.iter().any(|new| new.key == old.key && new.shown == old.shown));
            prop_assert!(told.len() <= before.len() + after.len() - 2 * untouched.count());
            prop_assert_eq!(follow(pairs(&before), told), expected);
        }
    }
}
