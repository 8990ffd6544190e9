//! What whoever copies a store sees of its batches.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use kv::{Batch, Bytes, Engine, Journal, Order};
use kv_local::{Local, Options};

fn options() -> Options {
    Options { overlay_bytes: 32 * 1024, segment_bytes: 64 * 1024, journal: true, ..Options::default() }
}

fn put(local: &Local, number: u32) {
    let mut batch = Batch::new();
    batch.put(Bytes::copy_from_slice(&number.to_be_bytes()), Bytes::from(vec![7; 1000]));
    local.commit(&batch).unwrap();
}

/// The keys of the batches after `sequence`, read a few at a time.
fn keys(journal: &impl Journal, mut sequence: u64) -> Option<Vec<u32>> {
    let mut keys = Vec::new();
    while sequence < journal.durable().unwrap() {
        for entry in journal.read(sequence, 5000).unwrap()? {
            assert_eq!(entry.sequence, sequence + 1);
            sequence = entry.sequence;
            let batch = Batch::decode(entry.batch).unwrap();
            keys.extend(batch.writes().map(|(key, _)| u32::from_be_bytes(key[..].try_into().unwrap())));
        }
    }
    Some(keys)
}

#[test]
fn batches_are_kept_until_they_are_copied_across_restarts_too() {
    let folder = tempfile::tempdir().unwrap();
    let local = Local::open(folder.path(), &options()).unwrap();
    let history = local.journal().history();
    (0..300).for_each(|number| put(&local, number));
    assert_eq!(keys(&local.journal(), 0), Some((0..300).collect()));
    drop(local);
    let local = Local::open(folder.path(), &options()).unwrap();
    let journal = local.journal();
    assert_eq!((journal.history(), journal.durable().unwrap()), (history, 300));
    assert_eq!(keys(&journal, 0), Some((0..300).collect()));
    (300..310).for_each(|number| put(&local, number));
    assert_eq!(keys(&journal, 295), Some((295..310).collect()));
    assert_eq!(keys(&journal, 2), Some((2..310).collect()), "backwards");
    journal.release(300);
    (310..800).for_each(|number| put(&local, number));
    assert_eq!(keys(&journal, 0), None, "what was copied is not kept");
    assert_eq!(keys(&journal, 300), Some((300..800).collect()));
    let (snapshot, sequence) = journal.snapshot().unwrap();
    assert_eq!((snapshot.scan(kv::KeyRange::all(), Order::Forward).unwrap().count(), sequence), (800, 800));
    drop(local);
    assert!(journal.durable().is_err(), "the store is closed");
}

#[test]
fn a_store_that_nobody_copies_keeps_no_more_than_it_needs() {
    let folder = tempfile::tempdir().unwrap();
    let local = Local::open(folder.path(), &Options { journal: false, ..options() }).unwrap();
    (0..2000).for_each(|number| put(&local, number));
    assert_eq!(keys(&local.journal(), 0), None);
    assert!(local.stats().unwrap().disk_bytes < 8_000_000, "{:?}", local.stats());
}

#[test]
fn a_log_whose_newest_file_is_missing_is_noticed_and_repaired_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let local = Local::open(folder.path(), &options()).unwrap();
    (0..300).for_each(|number| put(&local, number));
    drop(local);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("log-") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let error = Local::open(folder.path(), &options()).err().unwrap();
    let kv_local::Error::Damaged { damage, .. } = &error else { panic!("{error}") };
    assert!(error.to_string().contains("files after that are missing"), "{error}");
    kv_local::repair(folder.path(), damage, &options()).unwrap();
    let local = Local::open(folder.path(), &options()).unwrap();
    put(&local, 1);
    assert!(local.snapshot().unwrap().get(&0u32.to_be_bytes()).unwrap().is_some(), "what the tree had is there");
}
