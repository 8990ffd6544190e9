//! A scan of newer writes laid over a scan of older data.

use std::cmp::Ordering;
use std::iter::Peekable;

use bytes::Bytes;

use crate::{Error, Order, Scan};

/// Both inputs come in `order`. Where both hold a key, `above` wins; where it holds a delete (`None`), the key is skipped.
pub(crate) struct Merge<'a, A: Iterator> {
    above: Peekable<A>,
    below: Peekable<Scan<'a>>,
    order: Order,
}

impl<'a, A: Iterator<Item = (&'a Bytes, Option<&'a Bytes>)>> Merge<'a, A> {
    pub fn new(above: A, below: Scan<'a>, order: Order) -> Self {
        Merge { above: above.peekable(), below: below.peekable(), order }
    }
}

impl<'a, A: Iterator<Item = (&'a Bytes, Option<&'a Bytes>)>> Iterator for Merge<'a, A> {
    type Item = Result<(Bytes, Bytes), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = match (self.above.peek(), self.below.peek()) {
                (None, _) | (_, Some(Err(_))) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some((above, _)), Some(Ok((below, _)))) => self.order.compare(above, below),
            };
            match next {
                Ordering::Greater => return self.below.next(),
                Ordering::Equal => drop(self.below.next()),
                Ordering::Less => {}
            }
            if let (key, Some(value)) = self.above.next()? {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}
