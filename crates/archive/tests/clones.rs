//! Servers on copies of one data folder, with one archive.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod store;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use archive::{Archiver, Options as How, Pace, Target};
use kv::Bytes;
use store::{Store, copy, names, open, poll, restore, target};
use tempfile::TempDir;

const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

fn start(store: &Store, target: &Arc<dyn Target>, renew: Duration, ended: Duration) -> Archiver {
    let how = How { pace: Pace { renew, ended }, ..How::default() };
    Archiver::start(store.data.clone(), Arc::clone(target), how).unwrap()
}

async fn caught_up(archiver: &Archiver) {
    poll("the archive having everything", async || {
        let progress = archiver.progress();
        progress.failure.is_none() && progress.sequence.is_some() && archiver.lag() == Duration::ZERO
    })
    .await;
}

async fn failure(archiver: &Archiver, words: &str) {
    poll(words, async || archiver.progress().failure.is_some_and(|failure| failure.contains(words))).await;
}

/// As when the server is killed: what it claims in the archive stays as it was.
fn kill(folder: &TempDir, archiver: Archiver) {
    let claims = || {
        let archive = folder.path().join("archive");
        let target: Arc<dyn Target> = Arc::new(archive::Folder::new(archive.clone()));
        let claims = names(&*target, "").into_iter().filter(|name| name.contains("/server/"));
        claims.map(|name| archive.join(name)).collect::<Vec<_>>()
    };
    let before: Vec<_> = claims().into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect();
    drop(archiver);
    before.into_iter().for_each(|(content, path)| fs::write(path, content).unwrap());
}

#[tokio::test]
async fn of_two_running_copies_one_archives_and_the_other_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let one = open(&folder.path().join("one")).await;
    one.put(1);
    let first = start(&one, &target, Duration::from_millis(50), Duration::from_secs(3));
    caught_up(&first).await;
    copy(&folder, "one", "two");
    let two = open(&folder.path().join("two")).await;
    let kept = two.code.put(Bytes::from_static(b"kept back")).await.unwrap();
    let second = start(&two, &target, Duration::from_millis(50), Duration::from_secs(3));
    two.put(66);
    two.code.delete(&kept).await.unwrap();
    failure(&second, "archives this store here, and this one does not").await;
    assert!(second.lag() > Duration::ZERO);
    // It keeps nothing for an archive that it has no part in.
    poll("the deleted blob leaving", async || two.code.list().unwrap().is_empty()).await;
    one.put(2);
    caught_up(&first).await;
    let left = second.stop().unwrap();
    assert!(left.batches.is_none() && left.failure.unwrap().contains("Archive to another place"));
    // The rightful one goes on at once after a crash.
    kill(&folder, first);
    one.put(3);
    let again = start(&one, &target, NEVER, NEVER);
    caught_up(&again).await;
    drop(again);
    let (_, restored) = restore(&*target, None, folder.path().join("three")).await.unwrap();
    assert_eq!(restored.keys(), [1, 2, 3]);
}

#[tokio::test]
async fn a_copy_goes_on_once_the_server_is_gone_and_then_that_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let one = open(&folder.path().join("one")).await;
    one.put(1);
    let first = start(&one, &target, NEVER, NEVER);
    caught_up(&first).await;
    kill(&folder, first);
    copy(&folder, "one", "two");
    let two = open(&folder.path().join("two")).await;
    two.put(2);
    let second = start(&two, &target, NEVER, Duration::from_secs(2));
    failure(&second, "it has 2 s to show that it is still there").await;
    caught_up(&second).await;
    drop(second);
    one.put(9);
    let first = start(&one, &target, NEVER, Duration::ZERO);
    failure(&first, "archives this store here, and this one does not").await;
    let (_, restored) = restore(&*target, None, folder.path().join("three")).await.unwrap();
    assert_eq!(restored.keys(), [1, 2]);
    // Elsewhere it begins anew.
    drop(first);
    let elsewhere: Arc<dyn Target> = Arc::new(archive::Folder::new(folder.path().join("elsewhere")));
    caught_up(&start(&one, &elsewhere, NEVER, NEVER)).await;
    let (_, restored) = restore(&*elsewhere, None, folder.path().join("four")).await.unwrap();
    assert_eq!(restored.keys(), [1, 9]);
}

#[tokio::test]
async fn what_a_server_puts_late_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let one = open(&folder.path().join("one")).await;
    one.put(1);
    // It does not look whether there is another.
    let first = start(&one, &target, NEVER, NEVER);
    caught_up(&first).await;
    copy(&folder, "one", "two");
    let two = open(&folder.path().join("two")).await;
    let second = start(&two, &target, NEVER, Duration::ZERO);
    two.put(2);
    caught_up(&second).await;
    one.put(66);
    one.put(67);
    caught_up(&first).await;
    two.put(3);
    caught_up(&second).await;
    drop((first, second));
    let (_, restored) = restore(&*target, None, folder.path().join("three")).await.unwrap();
    assert_eq!(restored.keys(), [1, 2, 3]);
    let before = names(&*target, "").len();
    let now = base::Env::real().now();
    assert!(archive::prune(&*target, "it", now, NEVER).unwrap().objects <= before as u64);
    let (_, restored) = restore(&*target, None, folder.path().join("four")).await.unwrap();
    assert_eq!(restored.keys(), [1, 2, 3]);
}

#[tokio::test]
async fn a_copy_that_went_another_way_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let one = open(&folder.path().join("one")).await;
    one.put(1);
    let first = start(&one, &target, NEVER, NEVER);
    caught_up(&first).await;
    copy(&folder, "one", "two");
    one.put(2);
    caught_up(&first).await;
    drop(first);
    let two = open(&folder.path().join("two")).await;
    let second = start(&two, &target, NEVER, NEVER);
    failure(&second, "an older copy").await;
    drop(second);
    two.put(66);
    two.put(67);
    let second = start(&two, &target, NEVER, NEVER);
    failure(&second, "a copy that went another way").await;
    drop(second);
    one.put(3);
    caught_up(&start(&one, &target, NEVER, NEVER)).await;
    let (_, restored) = restore(&*target, None, folder.path().join("three")).await.unwrap();
    assert_eq!(restored.keys(), [1, 2, 3]);
}

#[tokio::test]
async fn an_archive_that_was_removed_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let store = open(&folder.path().join("one")).await;
    store.put(1);
    let blob = store.code.put(Bytes::from_static(b"code")).await.unwrap();
    let archiver = start(&store, &target, Duration::from_millis(50), NEVER);
    caught_up(&archiver).await;
    fs::remove_dir_all(folder.path().join("archive")).unwrap();
    poll("a new backup", async || names(&*target, "").iter().any(|name| name.contains("/base/"))).await;
    store.put(2);
    caught_up(&archiver).await;
    let (_, restored) = restore(&*target, None, folder.path().join("two")).await.unwrap();
    assert_eq!((restored.keys(), restored.code.list().unwrap()), (vec![1, 2], vec![blob]));
}

#[tokio::test]
async fn what_comes_after_a_claim_was_removed_counts() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let store = open(&folder.path().join("one")).await;
    let archive = |number| {
        store.put(number);
        store.archive(&target);
    };
    (1..4).for_each(archive);
    let claims = || names(&*target, "").into_iter().filter(|name| name.contains("/server/"));
    claims().for_each(|name| target.delete(&name).unwrap());
    archive(4);
    assert_eq!(claims().filter(|name| name.ends_with("/server/0000000004")).count(), 1);
    // And while the server runs.
    let archiver = start(&store, &target, Duration::from_millis(50), NEVER);
    store.put(5);
    caught_up(&archiver).await;
    poll("another claim", async || {
        // One that is just being renewed comes again.
        claims().filter(|name| name.ends_with("/server/0000000005")).for_each(|name| target.delete(&name).unwrap());
        claims().any(|name| name.ends_with("/server/0000000006"))
    })
    .await;
    store.put(6);
    caught_up(&archiver).await;
    drop(archiver);
    archive::prune(&*target, "it", base::Env::real().now(), NEVER).unwrap();
    let (_, restored) = restore(&*target, None, folder.path().join("two")).await.unwrap();
    assert_eq!(restored.keys(), [1, 2, 3, 4, 5, 6]);
}

/// Changes the one claim there is, as a machine does that was copied with its memory: it has the same generation.
fn change_claim(target: &dyn Target, field: &str, value: &serde_json::Value) -> serde_json::Value {
    let name = names(target, "").into_iter().find(|name| name.contains("/server/")).unwrap();
    let mut claim: serde_json::Value = serde_json::from_reader(target.get(&name).unwrap()).unwrap();
    let before = claim.clone();
    claim[field] = value.clone();
    target.put(&name, &mut &serde_json::to_vec(&claim).unwrap()[..]).unwrap();
    before
}

#[tokio::test]
async fn whoever_finds_its_claim_changed_ends() {
    for (field, value) in [("renewed", serde_json::json!(1_000_000_000)), ("word", "another".into())] {
        let folder = tempfile::tempdir().unwrap();
        let target = target(&folder);
        let store = open(&folder.path().join("one")).await;
        store.put(1);
        let archiver = start(&store, &target, Duration::from_millis(50), NEVER);
        caught_up(&archiver).await;
        poll("the failure", async || {
            // Again, where it was renewed in between.
            change_claim(&*target, field, &value);
            let failure = archiver.progress().failure;
            failure.is_some_and(|failure| failure.contains("archives this store here, and this one does not"))
        })
        .await;
    }
}

#[tokio::test]
async fn nobody_says_of_another_that_it_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let store = open(&folder.path().join("one")).await;
    store.put(1);
    let archiver = start(&store, &target, NEVER, NEVER);
    caught_up(&archiver).await;
    change_claim(&*target, "renewed", &1.into());
    drop(archiver);
    let claim = change_claim(&*target, "renewed", &1.into());
    assert_eq!((&claim["renewed"], &claim["ended"]), (&1.into(), &false.into()));
}

#[tokio::test]
async fn a_part_of_the_same_generation_is_not_put_over_another_servers() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder);
    let one = open(&folder.path().join("one")).await;
    one.put(1);
    let first = start(&one, &target, NEVER, NEVER);
    caught_up(&first).await;
    for (from, to) in [("one", "two"), ("archive", "elsewhere")] {
        copy(&folder, from, to);
    }
    let two = open(&folder.path().join("two")).await;
    let elsewhere: Arc<dyn Target> = Arc::new(archive::Folder::new(folder.path().join("elsewhere")));
    two.put(66);
    caught_up(&start(&two, &elsewhere, NEVER, Duration::ZERO)).await;
    let part = names(&*elsewhere, "").into_iter().find(|name| name.contains("/log/")).unwrap();
    let name = part.replace("-0000000002", "-0000000001");
    assert_ne!(part, name);
    target.put(&name, &mut elsewhere.get(&part).unwrap()).unwrap();
    one.put(2);
    failure(&first, "a copy that went another way").await;
    drop(first);
    let (_, restored) = restore(&*target, None, folder.path().join("three")).await.unwrap();
    assert_eq!(restored.keys(), [1, 66]);
}
