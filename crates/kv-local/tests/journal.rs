//! What whoever copies a store sees of its batches.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use base::{Env, Timestamp};
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

#[test]
fn times_never_run_backwards_even_when_the_clock_does() {
    let folder = tempfile::tempdir().unwrap();
    let open = |millis| {
        let env = Env::simulated(millis, Timestamp(millis));
        Local::open(folder.path(), &Options { env, ..options() }).unwrap()
    };
    let local = open(5000);
    // Enough for the tree to have some, and a log that nobody needs.
    (0..200).for_each(|number| put(&local, number));
    drop(local);
    let local = open(3000);
    let journal = local.journal();
    assert_eq!(journal.now().unwrap(), Timestamp(5000), "a copy made now has what was written at 5000");
    (200..300).for_each(|number| put(&local, number));
    let mut times = Vec::new();
    while (times.len() as u64) < journal.durable().unwrap() {
        times.extend(journal.read(times.len() as u64, 5000).unwrap().unwrap().iter().map(|entry| entry.time));
    }
    assert_eq!(times, vec![Timestamp(5000); 300]);
    journal.release(300);
    (300..600).for_each(|number| put(&local, number));
    drop((local, journal));
    assert!(open(1000).journal().now().unwrap() >= Timestamp(5000), "the tree remembers");
}

#[test]
fn a_damaged_header_is_told_with_the_first_batch_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let quiet = Options { journal: true, ..Options::default() };
    let local = Local::open(folder.path(), &quiet).unwrap();
    (0..3).for_each(|number| put(&local, number));
    drop(local);
    let damage_of = |first: u8| {
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let wanted = |path: &std::path::PathBuf| {
            let bytes = std::fs::read(path).unwrap();
            bytes.starts_with(b"cloudlog") && bytes[24] == first
        };
        let path = names.into_iter().find(wanted).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        bytes[33] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = Local::open(folder.path(), &quiet).err().unwrap();
        let kv_local::Error::Damaged { damage, .. } = error else { panic!("{error}") };
        std::fs::write(&path, whole).unwrap();
        assert_eq!(path.file_name().unwrap().to_string_lossy(), damage.file);
        damage.sequence
    };
    assert_eq!(damage_of(1), 1);
    let local = Local::open(folder.path(), &quiet).unwrap();
    (3..5).for_each(|number| put(&local, number));
    drop(local);
    assert_eq!(damage_of(4), 4);
    Local::open(folder.path(), &quiet).unwrap();
}
