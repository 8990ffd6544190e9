//! What has been fetched, found by its key: in memory and in files, both bounded, the least recently used let go first.
//!
//! It goes with the process: the folder is emptied at the start, so that nothing torn or outdated is ever given out. Until then, what
//! is in it opens for nobody: it is sealed with a key of the process.

mod content;
mod sealed;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{Env, Timestamp};
use http::{HeaderMap, StatusCode};
use tokio::sync::watch;
use vault::BodyKey;

pub use content::{Content, Writer};

use sealed::Place;

use crate::limits;
use crate::traffic::path;

/// What tells one object from another: a hash of all that it depends on.
pub type Key = [u8; 32];

/// An answer of an origin, for many viewers.
pub struct Object {
    pub key: Key,
    pub distribution: String,
    /// Path and query, as invalidations name it.
    pub path: String,
    pub status: StatusCode,
    /// As viewers get them, but for what is about the length.
    pub headers: HeaderMap,
    /// In bytes, as its origin said before they came.
    pub stated: Option<u64>,
    /// When the origin made it, as far as it says.
    pub made: Timestamp,
    pub life: Life,
    pub content: Arc<Content>,
}

/// Until when an object is good for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    pub fresh: Timestamp,
    /// It may be given out while another one is fetched.
    pub while_revalidating: Timestamp,
    /// It may be given out where another one cannot be had.
    pub if_error: Timestamp,
}

/// What has become of a fetch that others wait for.
#[derive(Clone, Default)]
pub enum Landing {
    #[default]
    Pending,
    Shared(Arc<Object>),
    /// It is not for others: each has to fetch its own.
    Alone,
}

/// Whether to fetch, or to wait for somebody who does.
pub enum Turn {
    Fetch(Flight),
    Wait(watch::Receiver<Landing>),
    /// Somebody has, since one looked.
    Landed(Arc<Object>),
}

/// A fetch. Its end is told with [`Flight::land`], or by dropping it.
pub struct Flight {
    cache: Cache,
    key: Key,
    landing: watch::Sender<Landing>,
    /// How many purges there had been when it began: what it brings is older than those that came since.
    purges: u64,
}

#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    /// What the files are sealed with, each with its own key below it.
    key: vault::Key,
    files: AtomicU64,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    slots: HashMap<Key, Slot>,
    memory: Tier,
    disk: Tier,
    uses: u64,
    flights: HashMap<Key, watch::Receiver<Landing>>,
    purges: u64,
}

struct Slot {
    object: Arc<Object>,
    /// Its place in the order of use of its tier.
    used: u64,
    on_disk: bool,
    bytes: u64,
}

/// Objects in the order of their use, and what they take.
#[derive(Default)]
struct Tier {
    order: BTreeMap<u64, Key>,
    bytes: u64,
}

/// How much of the cache is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub objects: usize,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
}

impl Object {
    /// In bytes, as far as that is known.
    pub fn length(&self) -> Option<u64> {
        self.content.length().or(self.stated)
    }
}

impl Cache {
    /// # Errors
    /// When the folder cannot be made or emptied.
    pub fn open(folder: PathBuf) -> std::io::Result<Cache> {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(&folder)?,
        }
        // Of the process and of nothing else, whatever clock it runs by.
        let key = vault::Key::random(&Env::real());
        Ok(Cache(Arc::new(Inner { folder, key, files: AtomicU64::new(0), index: Mutex::default() })))
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.0.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a file that nobody else has.
    ///
    /// # Errors
    /// None that comes from outside.
    pub fn new_place(&self) -> std::io::Result<Place> {
        let number = self.0.files.fetch_add(1, Ordering::Relaxed);
        let key = BodyKey::new(&self.0.key, &number.to_be_bytes()).map_err(std::io::Error::other)?;
        Ok(Place { path: self.0.folder.join(number.to_string()), key: Arc::new(key) })
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Object>> {
        let mut index = self.index();
        let uses = index.next_use();
        let index = &mut *index;
        let slot = index.slots.get_mut(key)?;
        let tier = if slot.on_disk { &mut index.disk } else { &mut index.memory };
        tier.order.remove(&slot.used);
        tier.order.insert(uses, *key);
        slot.used = uses;
        Some(slot.object.clone())
    }

    /// Who wants an object that is not there, or whose `known` version is not good any more.
    pub fn turn(&self, key: Key, known: Option<&Arc<Object>>) -> Turn {
        let mut index = self.index();
        let is_news = |object: &&Arc<Object>| known.is_none_or(|known| !Arc::ptr_eq(known, object));
        let there = index.slots.get(&key).map(|slot| &slot.object);
        if let Some(object) = there.filter(is_news).filter(|object| !object.content.is_broken()) {
            return Turn::Landed(object.clone());
        }
        if let Some(landing) = index.flights.get(&key) {
            return Turn::Wait(landing.clone());
        }
        let (landing, wait) = watch::channel(Landing::Pending);
        index.flights.insert(key, wait);
        Turn::Fetch(Flight { cache: self.clone(), key, landing, purges: index.purges })
    }

    /// Takes an object in, in place of one with its key: unless a purge came after its fetch began.
    fn insert(&self, object: Arc<Object>, purges: u64) {
        let mut index = self.index();
        if index.purges != purges {
            return;
        }
        index.remove(&object.key);
        let (used, key) = (index.next_use(), object.key);
        let slot = Slot { object, used, on_disk: false, bytes: 0 };
        index.memory.order.insert(used, key);
        index.slots.insert(key, slot);
    }

    /// Counts an object that has come to its end, or lets it go if that was none; makes room for it.
    pub fn settle(&self, object: &Arc<Object>) {
        let mut demoted = Vec::new();
        let mut index = self.index();
        if !index.slots.get(&object.key).is_some_and(|slot| Arc::ptr_eq(&slot.object, object)) {
            return;
        }
        match object.content.length() {
            Some(length) => index.count(&object.key, length, object.content.is_file()),
            None => index.remove(&object.key),
        }
        index.make_room(&mut demoted);
        drop(index);
        for object in demoted {
            self.demote(object);
        }
    }

    /// Moves an object's bytes from memory to a file.
    fn demote(&self, object: Arc<Object>) {
        let cache = self.clone();
        tokio::task::spawn_blocking(move || {
            let moved = cache.new_place().and_then(|place| object.content.move_to_file(place));
            if let Err(error) = moved {
                tracing::warn!(%error, "an object could not be moved to the disk");
                let mut index = cache.index();
                if index.slots.get(&object.key).is_some_and(|slot| Arc::ptr_eq(&slot.object, &object)) {
                    index.remove(&object.key);
                }
            }
        });
    }

    /// Lets everything go that the paths of an invalidation name, and whatever is being fetched.
    pub fn purge(&self, distribution: &str, paths: &[String]) {
        let mut index = self.index();
        index.purges += 1;
        index.flights.clear();
        let gone: Vec<Key> = index
            .slots
            .iter()
            .filter(|(_, slot)| slot.object.distribution == distribution)
            .filter(|(_, slot)| paths.iter().any(|pattern| path::is_invalidated(pattern, &slot.object.path)))
            .map(|(key, _)| *key)
            .collect();
        for key in gone {
            index.remove(&key);
        }
    }

    /// Lets one object go, if it is still the one that is meant.
    pub fn forget(&self, object: &Arc<Object>) {
        let mut index = self.index();
        if index.slots.get(&object.key).is_some_and(|slot| Arc::ptr_eq(&slot.object, object)) {
            index.remove(&object.key);
        }
    }

    pub fn stats(&self) -> Stats {
        let index = self.index();
        Stats { objects: index.slots.len(), memory_bytes: index.memory.bytes, disk_bytes: index.disk.bytes }
    }
}

impl Index {
    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn remove(&mut self, key: &Key) {
        let Some(slot) = self.slots.remove(key) else { return };
        let tier = if slot.on_disk { &mut self.disk } else { &mut self.memory };
        tier.order.remove(&slot.used);
        tier.bytes -= slot.bytes;
    }

    fn count(&mut self, key: &Key, length: u64, on_disk: bool) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        let tier = if slot.on_disk { &mut self.disk } else { &mut self.memory };
        tier.order.remove(&slot.used);
        tier.bytes -= slot.bytes;
        (slot.on_disk, slot.bytes) = (on_disk, length + limits::OBJECT_OVERHEAD_BYTES);
        let tier = if on_disk { &mut self.disk } else { &mut self.memory };
        tier.order.insert(slot.used, *key);
        tier.bytes += slot.bytes;
    }

    /// Lets go of what was not used for longest: out of memory onto the disk, and from there for good. What is still on its
    /// way counts for nothing yet, and stays.
    fn make_room(&mut self, demoted: &mut Vec<Arc<Object>>) {
        while self.memory.bytes > limits::MEMORY_BYTES_MAX {
            let whole = |key: &&Key| self.slots.get(*key).is_some_and(|slot| slot.bytes > 0);
            let Some(key) = self.memory.order.values().find(whole).copied() else { break };
            let Some(slot) = self.slots.get(&key) else { break };
            let (object, length) = (slot.object.clone(), slot.bytes - limits::OBJECT_OVERHEAD_BYTES);
            self.count(&key, length, true);
            demoted.push(object);
        }
        while self.disk.bytes > limits::DISK_BYTES_MAX || self.slots.len() > limits::OBJECTS_MAX {
            let oldest = self.disk.order.values().next().or_else(|| self.memory.order.values().next()).copied();
            let Some(key) = oldest else { break };
            demoted.retain(|object| object.key != key);
            self.remove(&key);
        }
    }
}

impl Flight {
    /// Gives what came to everybody who waits, and keeps it for others.
    pub fn land(self, object: &Arc<Object>) {
        self.cache.insert(object.clone(), self.purges);
        self.landing.send_replace(Landing::Shared(object.clone()));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut index = self.cache.index();
        let mine = self.landing.subscribe();
        if index.flights.get(&self.key).is_some_and(|wait| wait.same_channel(&mine)) {
            index.flights.remove(&self.key);
        }
        drop(index);
        self.landing.send_if_modified(|landing| {
            let pending = matches!(landing, Landing::Pending);
            if pending {
                *landing = Landing::Alone;
            }
            pending
        });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn object(number: u8, path: &str, length: usize) -> Arc<Object> {
        let life = Life { fresh: Timestamp(1), while_revalidating: Timestamp(1), if_error: Timestamp(1) };
        Arc::new(Object {
            key: [number; 32],
            distribution: "E1".into(),
            path: path.into(),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            stated: None,
            made: Timestamp(0),
            life,
            content: Content::whole(Bytes::from(vec![number; length])),
        })
    }

    fn keep(cache: &Cache, object: &Arc<Object>) {
        let Turn::Fetch(flight) = cache.turn(object.key, None) else { panic!("somebody else fetches it") };
        flight.land(object);
        cache.settle(object);
    }

    #[tokio::test]
    async fn one_fetches_and_others_wait() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        let Turn::Fetch(flight) = cache.turn([1; 32], None) else { panic!() };
        let Turn::Wait(mut wait) = cache.turn([1; 32], None) else { panic!() };
        flight.land(&object(1, "/a", 3));
        let landed = wait.wait_for(|landing| !matches!(landing, Landing::Pending)).await.unwrap().clone();
        assert!(matches!(landed, Landing::Shared(_)) && cache.get(&[1; 32]).is_some());
        let Turn::Fetch(flight) = cache.turn([2; 32], None) else { panic!() };
        let Turn::Wait(mut wait) = cache.turn([2; 32], None) else { panic!() };
        drop(flight);
        let landed = wait.wait_for(|landing| !matches!(landing, Landing::Pending)).await.unwrap().clone();
        assert!(matches!(landed, Landing::Alone) && matches!(cache.turn([2; 32], None), Turn::Fetch(_)));
    }

    #[tokio::test]
    async fn what_has_landed_since_one_looked_is_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        let (stale, renewed) = (object(1, "/a", 3), object(1, "/a", 3));
        keep(&cache, &stale);
        assert!(matches!(cache.turn([1; 32], None), Turn::Landed(found) if Arc::ptr_eq(&found, &stale)));
        let Turn::Fetch(flight) = cache.turn([1; 32], Some(&stale)) else { panic!() };
        flight.land(&renewed);
        assert!(matches!(cache.turn([1; 32], Some(&stale)), Turn::Landed(found) if Arc::ptr_eq(&found, &renewed)));
    }

    #[tokio::test]
    async fn purges_reach_what_is_on_its_way() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        keep(&cache, &object(1, "/a/x?y", 3));
        keep(&cache, &object(2, "/b", 3));
        let Turn::Fetch(flight) = cache.turn([3; 32], None) else { panic!() };
        cache.purge("E1", &["/a/*".into()]);
        cache.purge("E2", &["/*".into()]);
        flight.land(&object(3, "/c", 3));
        assert!(cache.get(&[1; 32]).is_none() && cache.get(&[2; 32]).is_some() && cache.get(&[3; 32]).is_none());
    }

    #[tokio::test]
    async fn memory_is_bounded_and_the_rest_goes_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        for number in 0..40 {
            keep(&cache, &object(number, "/a", 2 << 20));
        }
        let stats = cache.stats();
        assert_eq!(stats.objects, 40);
        assert!(stats.memory_bytes <= limits::MEMORY_BYTES_MAX && stats.disk_bytes > 15 << 20, "{stats:?}");
        let oldest = cache.get(&[0; 32]).unwrap();
        assert_eq!(oldest.content.body(Some(0..2), None).collect().await, Ok(Bytes::from(vec![0; 2])));
        cache.purge("E1", &["/*".into()]);
        assert_eq!(cache.stats(), Stats::default());
    }
}
