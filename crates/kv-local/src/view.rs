//! One moment of the store: what is in memory, laid over the tree.

use std::sync::Arc;

use bytes::Bytes;
use kv::{Error, KeyRange, Order, Read, Scan, Snapshot};

use crate::layer::Layer;
use crate::scan::{Over, Source, scan};
use crate::snapshot::TreeSnapshot;
use crate::tree::Mark;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct View {
    pub active: Layer,
    pub below: Below,
    /// The sequence number of the last batch in it.
    pub sequence: u64,
}

/// What the newest layer lies over.
#[derive(Clone)]
pub(crate) struct Below {
    /// A layer on its way to the tree.
    pub frozen: Option<Frozen>,
    pub tree: Arc<TreeSnapshot>,
}

/// A layer that changes no more.
#[derive(Clone)]
pub(crate) struct Frozen {
    pub layer: Layer,
    /// What the tree knows of the log once it has the layer.
    pub mark: Mark,
}

impl Snapshot for View {}

impl Read for View {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        match self.active.get(key) {
            Some(value) => Ok(value),
            None => self.below.get(key),
        }
    }

    fn scan(&self, range: KeyRange, order: Order) -> Result<Scan<'_>, Error> {
        let (layer, tree) = (&self.active, &*self.below.tree);
        match &self.below.frozen {
            Some(frozen) => scan(Over { layer, below: Over { layer: &frozen.layer, below: tree } }, range, order),
            None => scan(Over { layer, below: tree }, range, order),
        }
    }
}

impl Read for Below {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        match &self.frozen {
            Some(frozen) => Over { layer: &frozen.layer, below: &*self.tree }.get(key),
            None => Source::get(&*self.tree, key),
        }
    }

    fn scan(&self, range: KeyRange, order: Order) -> Result<Scan<'_>, Error> {
        match &self.frozen {
            Some(frozen) => scan(Over { layer: &frozen.layer, below: &*self.tree }, range, order),
            None => scan(&*self.tree, range, order),
        }
    }
}
