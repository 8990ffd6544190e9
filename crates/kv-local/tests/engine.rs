//! The embedded engine passes the suite, and opens what it should and nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use kv::{Bytes, Db, Engine, Read};
use kv_local::{Error, Local, Options, Tree};

fn open(path: &Path) -> Result<Local, Error> {
    Local::open(path, &Options::default())
}

#[test]
fn passes_the_suite() {
    // Behaviour is what is tested, not the disk: memory will do, where there is such a folder.
    let folder = || tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    // Small enough for layers to be flushed and files to be used again.
    let options =
        Options { overlay_bytes: 64 * 1024, segment_bytes: 128 * 1024, reserve_bytes: 0, ..Options::default() };
    kv::suite::run_reopening(folder, |folder| Local::open(folder.path(), &options).unwrap());
}

#[test]
fn the_tree_alone_passes_the_suite() {
    let folder = || tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    kv::suite::run_reopening(folder, |folder| Tree::open(folder.path(), &Options::default()).unwrap());
}

#[tokio::test]
async fn a_store_without_a_log_gets_one() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(Tree::open(folder.path(), &Options::default()).unwrap());
    db.write(|tx| tx.put(b"old", Bytes::from_static(b"v"))).await.unwrap();
    drop(db);
    let db = Db::open(open(folder.path()).unwrap());
    db.write(|tx| tx.put(b"new", Bytes::from_static(b"v"))).await.unwrap();
    drop(db);
    let db = Db::open(open(folder.path()).unwrap());
    for key in [b"old", b"new"] {
        assert_eq!(db.read().unwrap().get(key), Ok(Some(Bytes::from_static(b"v"))));
    }
    drop(db);
    let error = Tree::open(folder.path(), &Options::default()).err().unwrap();
    assert!(matches!(error, Error::Newer { found: kv_local::FORMAT_VERSION, .. }), "{error}");
}

#[tokio::test]
async fn damage_in_the_middle_is_told_and_repaired_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(open(folder.path()).unwrap());
    for key in [b"a", b"b", b"c"] {
        db.write(|tx| tx.put(key, Bytes::from(vec![7; 100]))).await.unwrap();
    }
    drop(db);
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let used = |path: &std::path::PathBuf| std::fs::read(path).unwrap().starts_with(b"cloudlog");
    let log = names.into_iter().filter(|path| path.to_string_lossy().contains("/log-")).find(used).unwrap();
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.windows(5).position(|window| window == b"b\x64\0\0\0").unwrap();
    bytes[middle] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let error = open(folder.path()).err().unwrap();
    let Error::Damaged { damage, .. } = &error else { panic!("{error}") };
    assert_eq!(damage.sequence, 2);
    assert!(open(folder.path()).is_err(), "trying again changes nothing");
    kv_local::repair(folder.path(), damage, &Options::default()).unwrap();
    let db = Db::open(open(folder.path()).unwrap());
    let there = [b"a", b"b", b"c"].map(|key| db.read().unwrap().get(key).unwrap().is_some());
    assert_eq!(there, [true, false, false]);
}

#[tokio::test]
async fn a_full_disk_takes_deletes_and_answers_reads() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(open(folder.path()).unwrap());
    db.write(|tx| tx.put(b"k", Bytes::from_static(b"v"))).await.unwrap();
    drop(db);
    let full = Options { reserve_bytes: u64::MAX, ..Options::default() };
    let db = Db::open(Local::open(folder.path(), &full).unwrap());
    let put = db.write(|tx| tx.put(b"l", Bytes::from_static(b"v"))).await;
    assert!(matches!(put, Err(kv::Error::Full(_))), "{put:?}");
    assert_eq!(db.read().unwrap().get(b"k"), Ok(Some(Bytes::from_static(b"v"))));
    db.write(|tx| tx.delete(b"k")).await.unwrap();
    assert_eq!(db.read().unwrap().get(b"k"), Ok(None));
    assert_eq!(db.health(), Ok(()));
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path()).unwrap();
    let error = open(folder.path()).err().unwrap();
    assert!(matches!(error, Error::InUse { .. }));
    assert!(error.to_string().starts_with("another cloudlet is using /"), "{error}");
    drop(first);
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn the_last_handle_to_go_releases_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(open(folder.path()).unwrap());
    let other = db.clone();
    db.write(|tx| tx.put(b"k", Bytes::from_static(b"v"))).await.unwrap();
    drop((db, other));
    let again = open(folder.path()).unwrap();
    assert_eq!(again.snapshot().unwrap().get(b"k"), Ok(Some(Bytes::from_static(b"v"))));
}

#[test]
fn what_a_crash_left_of_a_new_store_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tree.redb.new"), vec![0; 10_000]).unwrap();
    drop(open(folder.path()).unwrap());
    assert!(!folder.path().join("tree.redb.new").exists());
    open(folder.path()).unwrap();
}

#[test]
fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let database = redb::Database::open(folder.path().join("tree.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let format: redb::TableDefinition<(), u32> = redb::TableDefinition::new("format");
    transaction.open_table(format).unwrap().insert((), kv_local::FORMAT_VERSION + 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open(folder.path()).err().unwrap();
    assert!(matches!(error, Error::Newer { found, .. } if found == kv_local::FORMAT_VERSION + 1), "{error}");
}

#[test]
fn what_is_not_a_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree.redb");
    drop(redb::Database::create(&tree).unwrap());
    let other = open(folder.path()).err().unwrap();
    assert!(other.to_string().ends_with("cannot be read as a store: it is another program's"), "{other}");
    std::fs::write(&tree, vec![b'x'; 10_000]).unwrap();
    assert!(matches!(open(folder.path()).err().unwrap(), Error::Unreadable { .. }));
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    assert!(matches!(open(&file).err().unwrap(), Error::Io { .. }));
}

#[test]
fn others_cannot_read_the_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    drop(open(&path).unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join("tree.redb"))), (0o700, 0o600));
}
