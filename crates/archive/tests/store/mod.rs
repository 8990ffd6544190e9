//! A store with blobs, as a server's data folder has them, and its archive.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use archive::{Archiver, Data, Error, Folder, Options as How, Restored, Target};
use base::{Env, Timestamp};
use blob::Blobs;
use kv::{Batch, Bytes, Engine, KeyRange, Order};
use kv_local::{Local, Options};
use tempfile::TempDir;

pub struct Store {
    pub local: Local,
    pub data: Data,
    pub code: Blobs,
}

pub async fn open(path: &Path) -> Store {
    let options = Options { overlay_bytes: 64 * 1024, segment_bytes: 128 * 1024, journal: true, ..Options::default() };
    let local = Local::open(path, &options).unwrap();
    let code = Blobs::open(path.join("code")).await.unwrap();
    std::fs::write(path.join("secret"), "s").unwrap();
    let data = Data {
        folder: path.to_owned(),
        journal: Arc::new(local.journal()),
        blobs: vec![("code", code.clone())],
        files: vec![path.join("secret"), path.join("absent")],
        env: Env::real(),
    };
    Store { local, data, code }
}

impl Store {
    pub fn put(&self, number: u32) {
        let mut batch = Batch::new();
        batch.put(Bytes::copy_from_slice(&number.to_be_bytes()), Bytes::from(vec![7; 2000]));
        batch.delete(Bytes::copy_from_slice(&number.wrapping_sub(1000).to_be_bytes()));
        self.local.commit(&batch).unwrap();
    }

    pub fn keys(&self) -> Vec<u32> {
        let snapshot = self.local.snapshot().unwrap();
        let rows = snapshot.scan(KeyRange::all(), Order::Forward).unwrap();
        rows.map(|row| u32::from_be_bytes(row.unwrap().0[..].try_into().unwrap())).collect()
    }

    /// Runs an archiver until it has everything.
    pub fn archive(&self, target: &Arc<dyn Target>) {
        let archiver = Archiver::start(self.data.clone(), Arc::clone(target), How::default()).unwrap();
        archiver.stop();
        assert_eq!((archiver.progress().failure, archiver.lag()), (None, Duration::ZERO));
    }
}

pub fn target(folder: &TempDir) -> Arc<dyn Target> {
    Arc::new(Folder::new(folder.path().join("archive")))
}

pub fn names(target: &dyn Target, prefix: &str) -> Vec<String> {
    target.list(prefix).unwrap().into_iter().map(|object| object.name).collect()
}

pub async fn restore(target: &dyn Target, at: Option<Timestamp>, to: PathBuf) -> Result<(Restored, Store), Error> {
    let plan = archive::find(target, "the archive", at, None)?;
    let local = Local::open(&to, &Options::default()).unwrap();
    let restored = archive::from_archive(target, &plan, &local, &to).await?;
    drop(local);
    // As if the rows named all there is.
    let blobs = names(target, "blobs/code/");
    let named: Vec<_> =
        blobs.iter().map(|name| ("code".into(), name.rsplit('/').next().unwrap().parse().unwrap())).collect();
    let (_, broken) = archive::missing_blobs(Some(target), &named, &to).await?;
    assert_eq!(broken, []);
    Ok((restored, open(&to).await))
}

/// A moment that no batch before or after has.
pub fn between() -> Timestamp {
    let tick = || {
        let (env, start) = (Env::real(), Env::real().now());
        while env.now() == start {
            std::thread::yield_now();
        }
    };
    tick();
    let now = Env::real().now();
    tick();
    now
}

pub async fn poll(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(std::time::Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Copies a data folder as it is. No process does it: one would hold the locks of other tests' folders for a moment.
pub fn copy(folder: &TempDir, from: &str, to: &str) {
    copy_all(&folder.path().join(from), &folder.path().join(to));
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy_all(&from.join(&name), &to.join(&name));
    }
}
