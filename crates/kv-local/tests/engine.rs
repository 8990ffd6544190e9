//! The embedded engine passes the suite, and opens what it should and nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use kv::{Bytes, Db, Engine};
use kv_local::{Error, Local, Options};

fn open(path: &Path) -> Result<Local, Error> {
    Local::open(path, &Options::default())
}

#[test]
fn passes_the_suite() {
    // Behaviour is what is tested, not the disk: memory will do, where there is such a folder.
    let folder = || tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    kv::suite::run_reopening(folder, |folder| open(folder.path()).unwrap());
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
    assert!(matches!(error, Error::Newer { found: 2, .. }), "{error}");
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
