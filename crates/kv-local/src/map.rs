//! A sorted map of rows whose copies share what they have in common: a B-tree that copies the nodes on the way to a change.

use std::slice;
use std::sync::Arc;

use bytes::Bytes;
use kv::{KeyRange, Order};

/// Entries of a node at most: one that has more is cut in two.
const NODE_ENTRIES_MAX: usize = 32;

/// Shorter values are copied for their readers: that takes less than counting them does.
const SHARED_BYTES_MIN: usize = 256;

/// A key and its value, in one piece of memory. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Row {
    bytes: Arc<[u8]>,
    key_bytes: usize,
}

impl Row {
    pub fn new(key: &[u8], value: &[u8]) -> Row {
        let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, key.len() + value.len()).collect();
        // Nobody else has it yet.
        if let Some(bytes) = Arc::get_mut(&mut bytes) {
            let (start, end) = bytes.split_at_mut(key.len());
            start.copy_from_slice(key);
            end.copy_from_slice(value);
        }
        Row { bytes, key_bytes: key.len() }
    }

    pub fn key(&self) -> &[u8] {
        self.bytes.get(..self.key_bytes).unwrap_or_default()
    }

    pub fn value(&self) -> &[u8] {
        self.bytes.get(self.key_bytes..).unwrap_or_default()
    }

    /// The value for a reader to keep; a long one is not copied.
    pub fn shared_value(&self) -> Bytes {
        if self.value().len() < SHARED_BYTES_MIN {
            return Bytes::copy_from_slice(self.value());
        }
        Bytes::from_owner(Value(self.clone()))
    }

    /// Of both.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// Keeps a row for the sake of its value.
struct Value(Row);

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self.0.value()
    }
}

/// A copy costs nothing, and later changes cost it nothing either.
#[derive(Clone)]
pub(crate) struct Map(Arc<Node>);

/// No node but the root is empty. One that loses entries is not filled up again: maps live shortly.
#[derive(Clone)]
enum Node {
    Leaf(Vec<Row>),
    Inner(Vec<Child>),
}

#[derive(Clone)]
struct Child {
    /// No key below the child before is as great, and none below this one is less, unless it is the first.
    from: Row,
    node: Arc<Node>,
}

impl Map {
    pub fn new() -> Map {
        Map(Arc::new(Node::Leaf(Vec::new())))
    }

    pub fn is_empty(&self) -> bool {
        matches!(&*self.0, Node::Leaf(rows) if rows.is_empty())
    }

    pub fn get(&self, key: &[u8]) -> Option<&Row> {
        let mut node = &*self.0;
        loop {
            match node {
                Node::Leaf(rows) => return rows.get(place(rows, key).ok()?),
                Node::Inner(children) => node = &children.get(child_of(children, key))?.node,
            }
        }
    }

    /// Returns the row that was there before under the same key.
    pub fn insert(&mut self, row: Row) -> Option<Row> {
        let (old, half) = insert(&mut self.0, row);
        if let (Some(half), Some(from)) = (half, first(&self.0).cloned()) {
            let whole = Child { from, node: Arc::clone(&self.0) };
            self.0 = Arc::new(Node::Inner(vec![whole, half]));
        }
        old
    }

    pub fn remove(&mut self, key: &[u8]) -> Option<Row> {
        let row = self.get(key)?.clone();
        self.cut(|node| remove(node, key));
        Some(row)
    }

    pub fn remove_range(&mut self, range: &KeyRange) {
        if !range.is_empty() && self.range(range.clone(), Order::Forward).next().is_some() {
            self.cut(|node| remove_range(node, range));
        }
    }

    fn cut(&mut self, cut: impl FnOnce(&mut Arc<Node>)) {
        cut(&mut self.0);
        loop {
            let root = match &*self.0 {
                Node::Inner(children) => match &children[..] {
                    [] => Arc::new(Node::Leaf(Vec::new())),
                    [child] => Arc::clone(&child.node),
                    _ => return,
                },
                Node::Leaf(_) => return,
            };
            self.0 = root;
        }
    }

    /// The last row whose key is `key` or less.
    pub fn last_to(&self, key: &[u8]) -> Option<&Row> {
        last_to(&self.0, key)
    }

    pub fn iter(&self) -> Rows<'_> {
        self.range(KeyRange::all(), Order::Forward)
    }

    /// The rows of a range that is not empty.
    pub fn range(&self, range: KeyRange, order: Order) -> Rows<'_> {
        Rows::new(&self.0, range, order)
    }
}

fn place(rows: &[Row], key: &[u8]) -> Result<usize, usize> {
    rows.binary_search_by(|row| row.key().cmp(key))
}

/// Where the child is below which `key` is or would be.
fn child_of(children: &[Child], key: &[u8]) -> usize {
    children.partition_point(|child| child.from.key() <= key).saturating_sub(1)
}

/// The first row of a node, or what stands for it.
fn first(node: &Node) -> Option<&Row> {
    match node {
        Node::Leaf(rows) => rows.first(),
        Node::Inner(children) => children.first().map(|child| &child.from),
    }
}

/// Returns what was there before, and the second half of the node when it was cut in two.
fn insert(node: &mut Arc<Node>, row: Row) -> (Option<Row>, Option<Child>) {
    match Arc::make_mut(node) {
        Node::Leaf(rows) => match place(rows, row.key()) {
            Ok(at) => (rows.get_mut(at).map(|old| std::mem::replace(old, row)), None),
            Err(at) => {
                rows.reserve_exact(1);
                rows.insert(at, row);
                let half = halve(rows, at).map(Node::Leaf);
                (None, half.and_then(child))
            }
        },
        Node::Inner(children) => {
            let at = child_of(children, row.key());
            let Some(found) = children.get_mut(at) else { return (None, None) };
            let (old, half) = insert(&mut found.node, row);
            let Some(half) = half else { return (old, None) };
            children.reserve_exact(1);
            children.insert(at + 1, half);
            (old, halve(children, at + 1).map(Node::Inner).and_then(child))
        }
    }
}

fn child(node: Node) -> Option<Child> {
    let from = first(&node)?.clone();
    Some(Child { from, node: Arc::new(node) })
}

/// Cuts off the second half of a node that is too full, after an entry was inserted at `at`. What grows at its end is cut
/// there, so that keys that come in order fill their nodes.
fn halve<T>(entries: &mut Vec<T>, at: usize) -> Option<Vec<T>> {
    let length = entries.len();
    let middle = if at + 1 == length { length - 1 } else { length / 2 };
    (length > NODE_ENTRIES_MAX).then(|| entries.split_off(middle))
}

/// Removes a row that is there.
fn remove(node: &mut Arc<Node>, key: &[u8]) {
    match Arc::make_mut(node) {
        Node::Leaf(rows) => {
            if let Ok(at) = place(rows, key) {
                rows.remove(at);
            }
        }
        Node::Inner(children) => {
            let at = child_of(children, key);
            let Some(child) = children.get_mut(at) else { return };
            remove(&mut child.node, key);
            if is_empty(&child.node) {
                children.remove(at);
            }
        }
    }
}

fn is_empty(node: &Node) -> bool {
    match node {
        Node::Leaf(rows) => rows.is_empty(),
        Node::Inner(children) => children.is_empty(),
    }
}

/// Takes time for the nodes at the range's two ends alone; but freeing what was between them takes its time too.
fn remove_range(node: &mut Arc<Node>, range: &KeyRange) {
    match Arc::make_mut(node) {
        Node::Leaf(rows) => {
            let (start, end) = places(rows, range);
            rows.drain(start..end);
        }
        Node::Inner(children) => {
            let (start, end) = touched(children, range);
            // The children between the first and the last that are touched lie inside the range.
            for at in [start, end] {
                if let Some(child) = children.get_mut(at) {
                    remove_range(&mut child.node, range);
                }
            }
            let inside = start + 1..end.max(start + 1);
            let mut at = 0;
            children.retain(|child| {
                at += 1;
                !inside.contains(&(at - 1)) && !is_empty(&child.node)
            });
        }
    }
}

/// Where the rows of `range` begin and end.
fn places(rows: &[Row], range: &KeyRange) -> (usize, usize) {
    let start = rows.partition_point(|row| row.key() < &**range.start());
    let end = range.end().map_or(rows.len(), |end| rows.partition_point(|row| row.key() < &**end));
    (start, end.max(start))
}

/// The first and the last child that may have rows of `range`, which is not empty.
fn touched(children: &[Child], range: &KeyRange) -> (usize, usize) {
    let start = child_of(children, range.start());
    let upto = |end: &[u8]| children.partition_point(|child| child.from.key() < end);
    let end = range.end().map_or(children.len(), |end| upto(end)).saturating_sub(1);
    (start, end.max(start))
}

fn last_to<'a>(node: &'a Node, key: &[u8]) -> Option<&'a Row> {
    match node {
        Node::Leaf(rows) => rows.get(..rows.partition_point(|row| row.key() <= key))?.last(),
        Node::Inner(children) => {
            let upto = children.get(..=child_of(children, key))?;
            upto.iter().rev().find_map(|child| last_to(&child.node, key))
        }
    }
}

/// The rows of a range, in order.
pub(crate) struct Rows<'a> {
    /// What is left of the nodes above the leaf, the root first.
    above: Vec<slice::Iter<'a, Child>>,
    leaf: slice::Iter<'a, Row>,
    range: KeyRange,
    order: Order,
}

impl<'a> Rows<'a> {
    fn new(root: &'a Node, range: KeyRange, order: Order) -> Rows<'a> {
        let mut rows = Rows { above: Vec::new(), leaf: [].iter(), range, order };
        rows.descend(root);
        rows
    }

    /// Goes to the first leaf below `node`, in the scan's order, that may have rows of the range.
    fn descend(&mut self, mut node: &'a Node) {
        loop {
            match node {
                Node::Leaf(rows) => {
                    let (start, end) = places(rows, &self.range);
                    self.leaf = rows.get(start..end).unwrap_or_default().iter();
                    return;
                }
                Node::Inner(children) => {
                    let (start, end) = touched(children, &self.range);
                    let mut left = children.get(start..=end).unwrap_or_default().iter();
                    let Some(child) = next(&mut left, self.order) else { return };
                    self.above.push(left);
                    node = &child.node;
                }
            }
        }
    }
}

fn next<'a, T>(entries: &mut slice::Iter<'a, T>, order: Order) -> Option<&'a T> {
    match order {
        Order::Forward => entries.next(),
        Order::Reverse => entries.next_back(),
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = &'a Row;

    fn next(&mut self) -> Option<&'a Row> {
        loop {
            if let Some(row) = next(&mut self.leaf, self.order) {
                return Some(row);
            }
            match next(self.above.last_mut()?, self.order) {
                Some(child) => self.descend(&child.node),
                None => drop(self.above.pop()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base::{Env, Timestamp};

    use super::*;

    type Model = BTreeMap<Vec<u8>, Vec<u8>>;

    fn key(random: &Env, keys: u64) -> Vec<u8> {
        (random.random_u64() % keys).to_be_bytes()[6..].to_vec()
    }

    fn range(random: &Env, keys: u64) -> KeyRange {
        let (start, end) = (key(random, keys), key(random, keys));
        KeyRange::half_open(start, (!random.random_u64().is_multiple_of(5)).then(|| end.into()))
    }

    fn check(map: &Map, model: &Model, range: &KeyRange) {
        let rows = |order| map.range(range.clone(), order).map(|row| (row.key().to_vec(), row.value().to_vec()));
        let mut expected: Vec<_> = model.clone().into_iter().filter(|(key, _)| range.contains(key)).collect();
        assert_eq!(rows(Order::Forward).collect::<Vec<_>>(), expected);
        expected.reverse();
        assert_eq!(rows(Order::Reverse).collect::<Vec<_>>(), expected);
        let key = range.start();
        let last = model.range::<[u8], _>((std::ops::Bound::Unbounded, std::ops::Bound::Included(&**key))).next_back();
        assert_eq!(map.last_to(key).map(|row| row.key().to_vec()), last.map(|(key, _)| key.clone()));
        assert_eq!(map.get(key).map(|row| row.value().to_vec()), model.get(&**key).cloned());
        assert_eq!(map.is_empty(), model.is_empty());
    }

    fn change(map: &mut Map, model: &mut Model, random: &Env, keys: u64) {
        let key = key(random, keys);
        match random.random_u64() % 64 {
            0 => {
                let range = range(random, keys);
                map.remove_range(&range);
                model.retain(|key, _| !range.contains(key));
            }
            1..24 => {
                assert_eq!(map.remove(&key).map(|row| row.value().to_vec()), model.remove(&key));
            }
            number => {
                let value = number.to_be_bytes();
                let old = map.insert(Row::new(&key, &value)).map(|row| row.value().to_vec());
                assert_eq!(old, model.insert(key, value.to_vec()));
            }
        }
    }

    #[test]
    fn does_what_a_sorted_map_does_and_leaves_copies_alone() {
        let seed = Env::real().random_u64();
        let random = Env::simulated(seed, Timestamp::ZERO);
        for keys in [3, 40, 400, 5000_u64] {
            let (mut map, mut model) = (Map::new(), Model::new());
            if keys == 5000 {
                // In order, so that nodes are full, and deep enough for inner nodes below inner nodes.
                for number in 0..keys {
                    let key = number.to_be_bytes()[6..].to_vec();
                    map.insert(Row::new(&key, b"v"));
                    model.insert(key, b"v".to_vec());
                }
            }
            for _ in 0..60 {
                let (copy, copied) = (map.clone(), model.clone());
                (0..keys.min(60)).for_each(|_| change(&mut map, &mut model, &random, keys));
                let range = range(&random, keys);
                if !range.is_empty() {
                    check(&map, &model, &range);
                    check(&copy, &copied, &range);
                }
            }
        }
    }
}
