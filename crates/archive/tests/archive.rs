//! Backups and archives of a real store, brought back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod store;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use archive::{Archiver, Backup, Error, Options as How};
use base::{Env, Timestamp};
use kv::Bytes;
use kv_local::{Local, Options};
use store::{between, copy, names, open, poll, restore, target};

#[tokio::test]
async fn a_backup_has_one_moment_and_its_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("one")).await;
    (0..1500).for_each(|number| store.put(number));
    let kept = store.code.put(Bytes::from(vec![1; 3_000_000])).await.unwrap();
    let mut backup = Backup::start(&store.data).unwrap();
    // None of this is in it.
    (1500..1600).for_each(|number| store.put(number));
    store.code.delete(&kept).await.unwrap();
    let mut bytes = Vec::new();
    backup.read_to_end(&mut bytes).unwrap();
    drop(backup);
    assert!(store.code.list().unwrap().is_empty(), "deleted once the backup is made");

    let to = folder.path().join("two");
    let local = Local::open(&to, &Options::default()).unwrap();
    let restored = archive::from_backup(&bytes[..], "it", &local, &to).await.unwrap();
    assert_eq!((restored.rows, restored.blobs), (1000, 1));
    drop(local);
    let again = open(&to).await;
    assert_eq!(again.keys(), (500..1500).collect::<Vec<_>>());
    assert!(again.code.exists(&kept).await.unwrap() && to.join("secret").exists());
    assert_ne!(again.data.journal.history(), store.data.journal.history());

    let to = folder.path().join("three");
    let local = Local::open(&to, &Options::default()).unwrap();
    let cut = archive::from_backup(&bytes[..bytes.len() - 1], "it", &local, &to).await;
    assert!(matches!(cut, Err(Error::Damaged { .. })), "{cut:?}");
}

/// Turns a byte in each file below a folder.
fn damage(path: &Path) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            damage(&path);
            continue;
        }
        let mut content = std::fs::read(&path).unwrap();
        content[0] ^= 1;
        std::fs::write(&path, content).unwrap();
    }
}

#[tokio::test]
async fn a_damaged_blob_costs_nothing_but_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("one")).await;
    store.put(1);
    let bad = store.code.put(Bytes::from(vec![1; 3_000_000])).await.unwrap();
    damage(&folder.path().join("one/code"));
    let good = store.code.put(Bytes::from(vec![2; 3_000_000])).await.unwrap();
    let mut backup = Backup::start(&store.data).unwrap();
    let mut bytes = Vec::new();
    backup.read_to_end(&mut bytes).unwrap();
    assert_eq!(backup.broken().iter().map(|broken| broken.id).collect::<Vec<_>>(), [bad]);
    let to = folder.path().join("two");
    let local = Local::open(&to, &Options::default()).unwrap();
    let restored = archive::from_backup(&bytes[..], "it", &local, &to).await.unwrap();
    assert_eq!((restored.blobs, restored.broken.len(), restored.broken[0].id), (1, 1, bad));
    assert!(restored.broken[0].reason.contains("when the copy was made"), "{:?}", restored.broken);
    drop(local);
    let again = open(&to).await;
    assert_eq!((again.keys(), again.code.list().unwrap()), (vec![1], vec![good]));

    // Nothing damaged gets into an archive, and what is damaged there does not come out.
    let target = target(&folder);
    store.archive(&target);
    assert_eq!(names(&*target, "blobs/"), [format!("blobs/code/{good}")]);
    damage(&folder.path().join("archive/blobs"));
    let named = [("code".to_owned(), good), ("code".to_owned(), bad)];
    let (fetched, broken) = archive::missing_blobs(Some(&*target), &named, &folder.path().join("three")).await.unwrap();
    let reasons: Vec<&str> = broken.iter().map(|broken| &*broken.reason).collect();
    assert_eq!((fetched, reasons), (0, vec!["its content is not what its name says", "the archive does not have it"]));
}

#[tokio::test]
async fn a_flipped_bit_in_a_blob_of_a_backup_costs_that_blob() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("one")).await;
    store.put(1);
    for content in [1, 2] {
        store.code.put(Bytes::from(vec![content; 3_000_000])).await.unwrap();
    }
    let mut bytes = Vec::new();
    Backup::start(&store.data).unwrap().read_to_end(&mut bytes).unwrap();
    let middle = bytes.len() - 4_000_000;
    bytes[middle] ^= 1;
    let to = folder.path().join("two");
    let local = Local::open(&to, &Options::default()).unwrap();
    let restored = archive::from_backup(&bytes[..], "it", &local, &to).await.unwrap();
    assert_eq!((restored.rows, restored.blobs, restored.broken.len()), (1, 1, 1));
    assert!(restored.broken[0].reason.contains("its checksum is wrong"), "{:?}", restored.broken);
}

#[tokio::test]
async fn deleted_blobs_give_their_room_back_while_they_are_archived() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let store = open(&folder.path().join("one")).await;
    let archiver = Archiver::start(store.data.clone(), Arc::clone(&target), How::default()).unwrap();
    poll("the first round", async || archiver.progress().until.is_some()).await;
    let blob = store.code.put(Bytes::from_static(b"code")).await.unwrap();
    store.code.delete(&blob).await.unwrap();
    poll("the blob's end", async || store.code.list().unwrap().is_empty()).await;
    archiver.stop();
    assert_eq!(names(&*target, "blobs/"), [format!("blobs/code/{blob}")]);
}

#[tokio::test]
async fn any_moment_comes_back_and_a_restore_is_archived_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let early = between();
    let store = open(&folder.path().join("one")).await;
    (0..10).for_each(|number| store.put(number));
    store.archive(&target);
    (10..20).for_each(|number| store.put(number));
    let blob = store.code.put(Bytes::from_static(b"code")).await.unwrap();
    let ten_more = between();
    (20..500).for_each(|number| store.put(number));
    store.archive(&target);
    drop(store);
    // Of the log, what is archived need not be there; and what is not archived yet is.
    let store = open(&folder.path().join("one")).await;
    let many = between();
    (500..600).for_each(|number| store.put(number));
    store.archive(&target);

    let (restored, second) = restore(&*target, Some(ten_more), folder.path().join("two")).await.unwrap();
    assert_eq!((second.keys(), restored.rows, restored.batches), ((0..20).collect(), 10, 10));
    assert!(restored.moment <= ten_more && second.code.exists(&blob).await.unwrap());
    let (_, all) = restore(&*target, None, folder.path().join("all")).await.unwrap();
    assert_eq!(all.keys(), (0..600).collect::<Vec<_>>());

    // The restored store goes another way, in the same archive.
    (9_000..9_005).for_each(|number| second.put(number));
    second.archive(&target);
    (9_005..9_010).for_each(|number| second.put(number));
    second.archive(&target);
    let expected: Vec<u32> = (0..20).chain(9_000..9_010).collect();
    let (_, third) = restore(&*target, None, folder.path().join("three")).await.unwrap();
    assert_eq!(third.keys(), expected);
    let (_, old) = restore(&*target, Some(many), folder.path().join("old")).await.unwrap();
    assert_eq!(old.keys(), (0..500).collect::<Vec<_>>());

    let too_early = restore(&*target, Some(early), folder.path().join("four")).await.err().unwrap();
    assert!(matches!(too_early, Error::TooEarly { .. }), "{too_early}");
}

#[tokio::test]
async fn a_hole_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let store = open(&folder.path().join("one")).await;
    store.put(0);
    store.archive(&target);
    let (mut moments, begin) = (Vec::new(), between());
    for number in 1..5 {
        store.put(number);
        store.archive(&target);
        moments.push(between());
    }
    let mut parts = names(&*target, "");
    parts.retain(|name| name.contains("/log/"));
    std::fs::remove_file(folder.path().join("archive").join(&parts[1])).unwrap();
    let hole = restore(&*target, None, folder.path().join("two")).await.err().unwrap();
    assert!(matches!(hole, Error::Hole { .. }), "{hole}");
    // Nothing tells whether there was something at a moment inside; the moment before is known.
    let inside = restore(&*target, Some(moments[1]), folder.path().join("three")).await.err().unwrap();
    let Error::Hole { after } = inside else { panic!("{inside}") };
    let (_, before) = restore(&*target, Some(after), folder.path().join("four")).await.unwrap();
    assert!(after > begin && before.keys() == [0, 1], "{:?}", before.keys());
}

#[tokio::test]
async fn an_older_copy_of_a_store_does_not_go_on_with_its_archive() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let store = open(&folder.path().join("one")).await;
    store.put(0);
    drop(store);
    copy(&folder, "one", "two");
    let store = open(&folder.path().join("one")).await;
    store.put(1);
    store.put(2);
    store.archive(&target);
    let copy = open(&folder.path().join("two")).await;
    copy.put(3);
    let archiver = Archiver::start(copy.data.clone(), Arc::clone(&target), How::default()).unwrap();
    archiver.stop();
    let failure = archiver.progress().failure.unwrap();
    assert!(failure.contains("an older copy"), "{failure}");
    let (_, restored) = restore(&*target, None, folder.path().join("three")).await.unwrap();
    assert_eq!(restored.keys(), [0, 1, 2]);
}

#[tokio::test]
async fn of_two_stores_in_one_archive_the_caller_names_one() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let (one, two) = (open(&folder.path().join("one")).await, open(&folder.path().join("two")).await);
    one.put(1);
    one.archive(&target);
    between();
    two.put(2);
    two.archive(&target);
    between();
    one.put(3);
    one.archive(&target);
    let error = archive::find(&*target, "the archive", None, None).err().unwrap().to_string();
    for (store, keys) in [(&one, [1, 3].as_slice()), (&two, &[2])] {
        let history = format!("{:016x}", store.data.journal.history());
        assert!(error.contains(&history), "{error}");
        let plan = archive::find(&*target, "the archive", None, Some(&history)).unwrap();
        let to = folder.path().join(&history);
        let local = Local::open(&to, &Options::default()).unwrap();
        archive::from_archive(&*target, &plan, &local, &to).await.unwrap();
        drop(local);
        assert_eq!(open(&to).await.keys(), keys);
    }
}

#[tokio::test]
async fn what_is_too_old_goes_and_every_later_moment_stays() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let store = open(&folder.path().join("one")).await;
    let other = open(&folder.path().join("other")).await;
    other.put(77);
    other.archive(&target);
    let gone = store.code.put(Bytes::from_static(b"gone")).await.unwrap();
    let used = store.code.put(Bytes::from_static(b"used")).await.unwrap();
    // With nothing to keep, each run that has something new ends with a backup.
    let archive = || {
        let archiver = Archiver::start(
            store.data.clone(),
            Arc::clone(&target),
            How { keep: Some(Duration::ZERO), ..How::default() },
        )
        .unwrap();
        archiver.stop();
        assert_eq!((archiver.progress().failure, archiver.progress().stays), (None, None));
        archiver.progress().first.unwrap()
    };
    let mut moments = Vec::new();
    for number in 0..6 {
        store.put(number);
        archive();
        moments.push(between());
        if number == 0 {
            store.code.delete(&gone).await.unwrap();
        }
    }
    let first = archive();
    assert!(first > moments[4] && first < moments[5], "{first:?} of {moments:?}");
    let history = format!("{:016x}", store.data.journal.history());
    let prune = |cutoff| archive::prune(&*target, "the archive", cutoff, Duration::ZERO).unwrap();
    // Young blobs stay; then they are old, and one is needed.
    assert_eq!(names(&*target, "blobs/").len(), 2);
    let day = Duration::from_secs(25 * 60 * 60);
    for name in names(&*target, "blobs/") {
        let file = std::fs::File::options().write(true).open(folder.path().join("archive").join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - day).unwrap();
    }
    assert_eq!(prune(first).blobs, 1);
    assert_eq!(names(&*target, "blobs/"), [format!("blobs/code/{used}")]);
    for (number, moment) in moments.iter().enumerate().skip(5) {
        let plan = archive::find(&*target, "the archive", Some(*moment), Some(&history)).unwrap();
        let to = folder.path().join(format!("at-{number}"));
        let local = Local::open(&to, &Options::default()).unwrap();
        archive::from_archive(&*target, &plan, &local, &to).await.unwrap();
        drop(local);
        assert_eq!(open(&to).await.keys(), (0..=number as u32).collect::<Vec<_>>());
    }
    let early = archive::find(&*target, "the archive", Some(moments[3]), Some(&history)).err().unwrap();
    assert!(matches!(early, Error::TooEarly { .. }), "{early}");
    // A clock that is far ahead makes nothing old.
    let year = Timestamp(Env::real().now().as_millis() + 365 * 24 * 60 * 60 * 1000);
    assert_eq!(archive::prune(&*target, "the archive", year, day).unwrap().objects, 0);
    // Of a store that is idle, the last moment stays.
    let idle = format!("{:016x}", other.data.journal.history());
    prune(Env::real().now());
    let plan = archive::find(&*target, "the archive", None, Some(&idle)).unwrap();
    let to = folder.path().join("idle");
    let local = Local::open(&to, &Options::default()).unwrap();
    archive::from_archive(&*target, &plan, &local, &to).await.unwrap();
    drop(local);
    assert_eq!(open(&to).await.keys(), [77]);
}
