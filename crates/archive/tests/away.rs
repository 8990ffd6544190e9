//! A target that is away, or goes away, at any moment.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod store;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use archive::{Archiver, Error, Object, Options as How, Patient, Target};
use blob::Held;
use kv::Bytes;
use store::{names, open, poll, target};

/// A target behind a network that does as it is told.
struct Network {
    target: Arc<dyn Target>,
    away: AtomicBool,
    /// So many connections break off in the middle of what is read.
    breaks: AtomicUsize,
    /// What is created fails, and arrives all the same, before the next.
    delays: AtomicBool,
    late: Mutex<Option<(String, Vec<u8>)>>,
    /// Nothing can be created while it is so; and how often that was tried.
    refuses: AtomicBool,
    refused: AtomicUsize,
    /// Requests hang while it is so.
    hangs: (Mutex<bool>, Condvar),
}

impl Network {
    fn new(target: Arc<dyn Target>) -> Arc<Network> {
        let (away, delays, refuses, refused) = Default::default();
        Arc::new(Network {
            target,
            away,
            delays,
            refuses,
            refused,
            late: Mutex::default(),
            breaks: AtomicUsize::new(0),
            hangs: Default::default(),
        })
    }

    fn hang(&self, whether: bool) {
        *self.hangs.0.lock().unwrap() = whether;
        self.hangs.1.notify_all();
    }

    fn pass(&self) -> io::Result<&dyn Target> {
        drop(self.hangs.1.wait_while(self.hangs.0.lock().unwrap(), |hangs| *hangs).unwrap());
        if self.away.load(Ordering::SeqCst) { Err(ErrorKind::ConnectionRefused.into()) } else { Ok(&*self.target) }
    }
}

impl Target for Network {
    fn put(&self, name: &str, content: &mut dyn Read) -> io::Result<()> {
        self.pass()?.put(name, content)
    }

    fn create(&self, name: &str, content: &[u8]) -> io::Result<bool> {
        let target = self.pass()?;
        if self.refuses.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(ErrorKind::StorageFull.into());
        }
        if let Some((name, content)) = self.late.lock().unwrap().take() {
            target.create(&name, &content)?;
        }
        if self.delays.swap(false, Ordering::SeqCst) {
            *self.late.lock().unwrap() = Some((name.to_owned(), content.to_owned()));
            return Err(ErrorKind::TimedOut.into());
        }
        target.create(name, content)
    }

    fn get_from(&self, name: &str, from: u64) -> io::Result<Box<dyn Read + Send>> {
        let content = self.pass()?.get_from(name, from)?;
        match self.breaks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |breaks| breaks.checked_sub(1)) {
            Ok(_) => Ok(Box::new(content.take(1000).chain(Broken))),
            Err(_) => Ok(content),
        }
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<Object>> {
        self.pass()?.list(prefix)
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        self.pass()?.delete(name)
    }
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::ConnectionReset.into())
    }
}

#[tokio::test]
async fn a_connection_that_breaks_off_in_a_restore_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let store = open(&folder.path().join("one")).await;
    (0..20).for_each(|number| store.put(number));
    let blob = store.code.put(Bytes::from(vec![7; 100_000])).await.unwrap();
    store.archive(&target);
    let network = Network::new(target);
    let read = Arc::new(AtomicU64::new(0));
    let patient = Patient::new(network.clone(), Duration::from_secs(60), Arc::clone(&read));
    network.breaks.store(3, Ordering::SeqCst);
    let (_, restored) = store::restore(&patient, None, folder.path().join("two")).await.unwrap();
    assert_eq!((restored.keys(), network.breaks.load(Ordering::SeqCst)), ((0..20).collect(), 0));

    let named = [("code".to_owned(), blob)];
    let fetch = async |to: &str| archive::missing_blobs(Some(&patient), &named, &folder.path().join(to)).await;
    network.breaks.store(3, Ordering::SeqCst);
    assert_eq!(fetch("three").await.unwrap(), (1, vec![]));
    let bytes = read.load(Ordering::SeqCst);
    assert!(bytes > 200_000, "{bytes}");
    // When it stays away, that is what is wrong, and not the blob.
    network.breaks.store(1, Ordering::SeqCst);
    let gone = Network::new(network.clone());
    let impatient = Patient::new(gone.clone(), Duration::from_millis(500), read);
    names(&impatient, "");
    gone.away.store(true, Ordering::SeqCst);
    let error = archive::missing_blobs(Some(&impatient), &named, &folder.path().join("five")).await.err().unwrap();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("cannot be read"), "{error}");
    assert!(error.to_string().contains("try again when it can be reached"), "{error}");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_target_that_hangs_and_says_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::new(target(&folder));
    let store = open(&folder.path().join("one")).await;
    store.put(1);
    let how = How { stop: Duration::from_millis(300), ..How::default() };
    let archiver = Archiver::start(store.data.clone(), network.clone(), how).unwrap();
    poll("the first round", async || archiver.progress().until.is_some()).await;
    network.hang(true);
    store.put(2);
    store.put(3);
    let left = archiver.stop().unwrap();
    assert!(left.batches == Some(2) && left.until.is_some());
    network.hang(false);
    drop(archiver);
    store.archive(&network.target);
}

#[tokio::test]
async fn what_is_deleted_while_the_target_is_away_waits_on_disk_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::new(target(&folder));
    network.away.store(true, Ordering::SeqCst);
    let store = open(&folder.path().join("one")).await;
    let archiver = Archiver::start(store.data.clone(), network.clone(), How::default()).unwrap();
    // Before the archive was reached at all.
    for number in 0..20_u8 {
        let blob = store.code.put(Bytes::from(vec![number; 1000])).await.unwrap();
        store.put(number.into());
        store.code.delete(&blob).await.unwrap();
    }
    assert_eq!(archiver.held(), Held { blobs: 20, bytes: 20_000 });
    poll("the failure", async || archiver.progress().failure.is_some()).await;
    // The process ends, and another goes on with what it kept.
    let left = archiver.stop().unwrap();
    assert!(left.batches.is_none() && left.failure.is_some());
    drop((archiver, store));
    let store = open(&folder.path().join("one")).await;
    let archiver = Archiver::start(store.data.clone(), network.clone(), How::default()).unwrap();
    assert_eq!(archiver.held(), Held { blobs: 20, bytes: 20_000 });
    network.away.store(false, Ordering::SeqCst);
    poll("the deleted blobs leaving", async || archiver.held() == Held::default()).await;
    assert!(store.code.list().unwrap().is_empty() && archiver.stop().is_none());
    assert_eq!(names(&*network.target, "blobs/").len(), 20);
}

#[tokio::test]
async fn a_claim_that_arrives_late_is_not_taken_for_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::new(target(&folder));
    let store = open(&folder.path().join("one")).await;
    for number in 0..2 {
        store.put(number);
        network.delays.store(true, Ordering::SeqCst);
        let archiver = Archiver::start(store.data.clone(), network.clone(), How::default()).unwrap();
        poll("the archive having everything", async || archiver.progress().until.is_some()).await;
        assert!(archiver.stop().is_none());
    }
    let (_, restored) = store::restore(&*network.target, None, folder.path().join("two")).await.unwrap();
    assert_eq!(restored.keys(), [0, 1]);
}

#[tokio::test]
async fn what_is_pruned_while_it_is_restored_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let store = open(&folder.path().join("one")).await;
    store.put(1);
    store.archive(&target);
    let plan = archive::find(&*target, "it", None, None).unwrap();
    target.delete(&plan.base).unwrap();
    let to = folder.path().join("two");
    let local = kv_local::Local::open(&to, &kv_local::Options::default()).unwrap();
    let error = archive::from_archive(&*target, &plan, &local, &to).await.err().unwrap();
    assert!(matches!(&error, Error::Removed(name) if *name == plan.base), "{error}");
}

#[tokio::test]
async fn a_part_that_arrives_late_is_not_taken_for_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::new(target(&folder));
    let store = open(&folder.path().join("one")).await;
    store.put(0);
    let archiver = Archiver::start(store.data.clone(), network.clone(), How::default()).unwrap();
    poll("the first round", async || archiver.progress().until.is_some()).await;
    network.delays.store(true, Ordering::SeqCst);
    store.put(1);
    poll("the failure", async || archiver.progress().failure.is_some()).await;
    store.put(2);
    poll("the archive having everything", async || archiver.lag() == Duration::ZERO).await;
    assert!(archiver.stop().is_none() && network.late.lock().unwrap().is_none());
    let (_, restored) = store::restore(&*network.target, None, folder.path().join("two")).await.unwrap();
    assert_eq!(restored.keys(), [0, 1, 2]);
}

#[tokio::test]
async fn a_blob_that_cannot_be_read_for_a_while_is_archived_then() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let store = open(&folder.path().join("one")).await;
    store.put(1);
    let (blobs, blob) = (folder.path().join("one/code"), store.code.put(Bytes::from_static(b"code")).await.unwrap());
    let path = blobs.join(&blob.to_string()[..2]).join(blob.to_string());
    let aside = folder.path().join("aside");
    std::fs::rename(&path, &aside).unwrap();
    // It opens, and reading it fails.
    std::fs::create_dir(&path).unwrap();
    let archiver = Archiver::start(store.data.clone(), Arc::clone(&target), How::default()).unwrap();
    store.code.delete(&blob).await.unwrap();
    let failure = format!("blob {blob} of code cannot be read");
    poll("the failure", async || archiver.progress().failure.is_some_and(|told| told.contains(&failure))).await;
    assert_eq!(archiver.held().blobs, 1);
    std::fs::remove_dir(&path).unwrap();
    std::fs::rename(&aside, &path).unwrap();
    poll("the deleted blob leaving", async || archiver.held().blobs == 0).await;
    assert!(archiver.stop().is_none() && store.code.list().unwrap().is_empty());
    assert_eq!(names(&*target, "blobs/"), [format!("blobs/code/{blob}")]);
}

#[tokio::test]
async fn claims_that_fail_again_and_again_leave_one_word_in_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::new(target(&folder));
    let store = open(&folder.path().join("one")).await;
    let words = || {
        let file = std::fs::File::open(folder.path().join("one/archives")).unwrap();
        let archives: BTreeMap<String, Vec<String>> = serde_json::from_reader(file).unwrap();
        archives.into_values().map(|words| words.len()).collect::<Vec<_>>()
    };
    // Where there is no archive yet, and where there is one.
    for number in 0..2 {
        store.put(number);
        network.refuses.store(true, Ordering::SeqCst);
        network.refused.store(0, Ordering::SeqCst);
        let archiver = Archiver::start(store.data.clone(), network.clone(), How::default()).unwrap();
        poll("three tries", async || network.refused.load(Ordering::SeqCst) >= 3).await;
        assert_eq!(words(), [1 + number as usize]);
        network.refuses.store(false, Ordering::SeqCst);
        poll("the archive having everything", async || archiver.progress().until.is_some()).await;
        assert!(archiver.stop().is_none());
        assert_eq!(words(), [1]);
    }
    let (_, restored) = store::restore(&*network.target, None, folder.path().join("two")).await.unwrap();
    assert_eq!(restored.keys(), [0, 1]);
}
