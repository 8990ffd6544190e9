//! A typed view of the keys under one prefix.

use std::marker::PhantomData;
use std::ops::Bound;

use bytes::Bytes;

use crate::range::after_prefix;
use crate::{DecodeKey, EncodeKey, Error, KeyRange, KeyWriter, Order, Read, Scan, Stored, Tx};

/// Bytes that a table's prefix takes of each key.
const PREFIX_BYTES: usize = 2;

/// Rows with keys of type `K` and values of type `V`.
///
/// Where a key is taken, any [`EncodeKey`] will do: `("queue", 5u64)` for a `K` of `(String, u64)`. A prefix is a key's
/// first components: `("queue",)`, or `()` for the whole table.
pub struct Table<K, V> {
    prefix: [u8; PREFIX_BYTES],
    types: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Table<K, V> {
    /// Prefixes are never reused, not even after their table is gone: old files may still hold its rows.
    pub const fn new(service: u8, table: u8) -> Table<K, V> {
        Table { prefix: [service, table], types: PhantomData }
    }

    /// The two bytes that every key of this table begins with.
    pub const fn prefix(&self) -> [u8; PREFIX_BYTES] {
        self.prefix
    }

    /// A key, or the beginning of one, as the store sees it.
    pub fn key_bytes(&self, key: impl EncodeKey) -> Vec<u8> {
        let mut writer = KeyWriter::with_prefix(&self.prefix);
        key.encode(&mut writer);
        writer.finish()
    }

    /// The keys that begin with `prefix`.
    pub fn prefix_range(&self, prefix: impl EncodeKey) -> KeyRange {
        KeyRange::prefix(&self.key_bytes(prefix))
    }

    /// The keys that begin with `prefix` and go on with something between `from` and `to`.
    ///
    /// Bounds are over components: `Included(x)` as an end, and `Excluded(x)` as a start, take in, or leave out, every
    /// key that goes on after `x`.
    pub fn range(&self, prefix: impl EncodeKey, from: Bound<impl EncodeKey>, to: Bound<impl EncodeKey>) -> KeyRange {
        let prefix = self.key_bytes(prefix);
        let bound = |component: &dyn EncodeKey| {
            let mut writer = KeyWriter::with_prefix(&prefix);
            component.encode(&mut writer);
            writer.finish()
        };
        let start = match &from {
            Bound::Included(component) => Some(bound(component).into()),
            Bound::Excluded(component) => after_prefix(&bound(component)),
            Bound::Unbounded => Some(Bytes::copy_from_slice(&prefix)),
        };
        let end = match &to {
            Bound::Included(component) => after_prefix(&bound(component)),
            Bound::Excluded(component) => Some(bound(component).into()),
            Bound::Unbounded => after_prefix(&prefix),
        };
        match start {
            Some(start) => KeyRange::half_open(start, end),
            // Nothing comes after a start of 0xff bytes alone.
            None => KeyRange::half_open(Bytes::new(), Some(Bytes::new())),
        }
    }
}

impl<K, V: Stored> Table<K, V> {
    pub fn get(&self, read: &(impl Read + ?Sized), key: impl EncodeKey) -> Result<Option<V>, Error> {
        read.get(&self.key_bytes(key))?.map(|bytes| V::from_bytes(&bytes)).transpose()
    }

    pub fn contains(&self, read: &(impl Read + ?Sized), key: impl EncodeKey) -> Result<bool, Error> {
        Ok(read.get(&self.key_bytes(key))?.is_some())
    }

    pub fn put(&self, tx: &mut Tx, key: impl EncodeKey, value: &V) -> Result<(), Error> {
        tx.put(&self.key_bytes(key), value.to_bytes()?)
    }

    /// Deletes a row, which need not be there.
    pub fn delete(&self, tx: &mut Tx, key: impl EncodeKey) -> Result<(), Error> {
        tx.delete(&self.key_bytes(key))
    }

    /// Deletes every row whose key begins with `prefix`.
    pub fn delete_prefix(&self, tx: &mut Tx, prefix: impl EncodeKey) -> Result<(), Error> {
        tx.delete_range(self.prefix_range(prefix))
    }
}

impl<K: DecodeKey, V: Stored> Table<K, V> {
    /// Every row.
    pub fn scan<'a>(&self, read: &'a (impl Read + ?Sized), order: Order) -> Result<Rows<'a, K, V>, Error> {
        self.scan_prefix(read, (), order)
    }

    /// The rows whose keys begin with `prefix`.
    pub fn scan_prefix<'a>(
        &self,
        read: &'a (impl Read + ?Sized),
        prefix: impl EncodeKey,
        order: Order,
    ) -> Result<Rows<'a, K, V>, Error> {
        self.scan_bytes(read, self.prefix_range(prefix), order)
    }

    /// The rows under `prefix` from `from` to `to`: see [`Table::range`]. What is due:
    /// `timers.scan_range(tx, (), Bound::Unbounded::<()>, Bound::Included(now), Order::Forward)`.
    pub fn scan_range<'a>(
        &self,
        read: &'a (impl Read + ?Sized),
        prefix: impl EncodeKey,
        from: Bound<impl EncodeKey>,
        to: Bound<impl EncodeKey>,
        order: Order,
    ) -> Result<Rows<'a, K, V>, Error> {
        self.scan_bytes(read, self.range(prefix, from, to), order)
    }

    /// The rows under `prefix` that come after the row with the whole key `after`, which need not be there any more:
    /// the next page.
    pub fn scan_after<'a>(
        &self,
        read: &'a (impl Read + ?Sized),
        prefix: impl EncodeKey,
        after: impl EncodeKey,
        order: Order,
    ) -> Result<Rows<'a, K, V>, Error> {
        self.scan_bytes(read, self.prefix_range(prefix).after(&self.key_bytes(after), order), order)
    }

    /// The rows in a range of this table's keys.
    pub fn scan_bytes<'a>(
        &self,
        read: &'a (impl Read + ?Sized),
        range: KeyRange,
        order: Order,
    ) -> Result<Rows<'a, K, V>, Error> {
        Ok(Rows { scan: read.scan(range, order)?, types: PhantomData })
    }
}

/// Rows of a table, decoded as they are taken.
pub struct Rows<'a, K, V> {
    scan: Scan<'a>,
    types: PhantomData<fn() -> (K, V)>,
}

impl<'a, K: DecodeKey + 'a, V: Stored + 'a> Rows<'a, K, V> {
    /// The keys alone; values are not decoded.
    pub fn keys(self) -> impl Iterator<Item = Result<K, Error>> + 'a {
        self.scan.map(|row| decode_key(&row?.0))
    }

    /// The values alone; keys are not decoded.
    pub fn values(self) -> impl Iterator<Item = Result<V, Error>> + 'a {
        self.scan.map(|row| V::from_bytes(&row?.1))
    }
}

impl<K: DecodeKey, V: Stored> Iterator for Rows<'_, K, V> {
    type Item = Result<(K, V), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.scan.next()?;
        Some(row.and_then(|(key, value)| Ok((decode_key(&key)?, V::from_bytes(&value)?))))
    }
}

/// The first `limit` of some rows, and whether there are more.
pub fn page<T, E>(rows: impl Iterator<Item = Result<T, E>>, limit: usize) -> Result<(Vec<T>, bool), E> {
    let mut found = rows.take(limit.saturating_add(1)).collect::<Result<Vec<_>, _>>()?;
    let more = found.len() > limit;
    found.truncate(limit);
    Ok((found, more))
}

fn decode_key<K: DecodeKey>(key: &[u8]) -> Result<K, Error> {
    let mut reader = crate::KeyReader::new(key);
    let _prefix: [u8; PREFIX_BYTES] = reader.raw()?;
    let key = K::decode(&mut reader)?;
    reader.finish()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Desc, Partial};

    const TABLE: Table<(String, Desc<u64>), ()> = Table::new(3, 0xff);

    #[test]
    fn bounds_are_over_components() {
        let within = |from, to| {
            let range = TABLE.range("q", from, to);
            let inside = |n: &u64| range.contains(&TABLE.key_bytes(("q", Desc(*n))));
            (0..10).filter(inside).collect::<Vec<_>>()
        };
        let (three, seven) = (Desc(3u64), Desc(7u64));
        assert_eq!(within(Bound::Included(seven), Bound::Included(three)), [3, 4, 5, 6, 7]);
        assert_eq!(within(Bound::Excluded(seven), Bound::Excluded(three)), [4, 5, 6]);
        assert_eq!(within(Bound::Unbounded, Bound::Excluded(seven)), [8, 9]);
        assert_eq!(within(Bound::Excluded(three), Bound::Unbounded), [0, 1, 2]);
        assert!(within(Bound::Included(three), Bound::Included(seven)).is_empty());
    }

    #[test]
    fn an_excluded_start_leaves_out_all_that_goes_on_after_it() {
        let range = TABLE.range((), Bound::Excluded("a"), Bound::Included("b"));
        let inside = |name| range.contains(&TABLE.key_bytes((name, Desc(0u64))));
        assert_eq!(["a", "a\0", "aa", "b", "b\0", "c"].map(inside), [false, true, true, true, false, false]);
    }

    #[test]
    fn prefixes_stay_inside_the_table_and_the_component() {
        let (whole, other) = (TABLE.prefix_range(()), Table::<String, ()>::new(4, 0));
        assert!(whole.contains(&TABLE.key_bytes(("\u{10ffff}", Desc(0u64)))));
        assert!(!whole.contains(&other.key_bytes("")));
        let (exact, partial) = (TABLE.prefix_range("ab"), TABLE.prefix_range(Partial(b"ab")));
        let longer = TABLE.key_bytes(("abc", Desc(1u64)));
        assert!(!exact.contains(&longer) && partial.contains(&longer));
    }

    #[test]
    fn a_key_of_another_shape_is_corrupt() {
        let key = |key: &[u8]| decode_key::<(String, Desc<u64>)>(key);
        assert!(key(&TABLE.key_bytes(("q", Desc(1u64)))).is_ok());
        for bad in [TABLE.key_bytes("q"), TABLE.key_bytes(("q", Desc(1u64), 0u8)), vec![3]] {
            assert!(matches!(key(&bad), Err(Error::Corrupt { .. })), "{bad:?}");
        }
    }
}
