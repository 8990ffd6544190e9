//! Random histories of a bucket against a simple reference.

use std::collections::{BTreeMap, BTreeSet};

use base::{Env, Timestamp};
use blob::BlobId;
use kv::{Db, Memory, Order};

use super::content::{self, NewContent};
use super::list::{self, Listing, Start};
use super::{bucket, object};
use crate::error::Error;
use crate::keys::{CONTENTS, GARBAGE, OBJECTS, REFERENCES, VERSIONS};
use crate::ops::put::new_object;
use crate::types::{Content, Meta, Versioning};

fn db() -> Db {
    Db::open(Memory::default())
}

/// Puts an object whose bytes are in the file that `number` names.
async fn put(db: &Db, key: &str, number: u8, salt: u64) -> String {
    let (key, blob) = (key.to_owned(), BlobId::from([number; 32]));
    let stored = db.write(move |tx| {
        let bucket = bucket::find(tx, "b")?;
        let content = content::keep(tx, &NewContent::Blob(blob))?;
        let new = new_object(1, number.to_string(), content, None, Meta::default(), BTreeMap::new());
        object::put(tx, &bucket, &key, Timestamp(5), salt, new).map(|object| object::shown(&object))
    });
    stored.await.unwrap()
}

async fn make(db: &Db, versioning: Versioning) {
    let made = db.write(move |tx| {
        if bucket::find(tx, "b").is_err() {
            bucket::create(tx, Timestamp(1), "b", "r")?;
        }
        bucket::set_versioning(tx, "b", versioning)
    });
    made.await.unwrap();
}

/// What is there of a key, newest first: the version's id, and the number of its bytes, `None` for a marker.
type History = Vec<(String, Option<u8>)>;

fn history(db: &Db, key: &str) -> History {
    let read = db.read().unwrap();
    let bucket = bucket::find(&read, "b").unwrap();
    let listing = Listing { bucket: bucket.id, prefix: key, delimiter: None, start: Start::First, most: 1_000 };
    let page = list::versions(&read, &listing, None).unwrap();
    let own = page.versions.into_iter().filter(|listed| listed.key == key);
    own.enumerate()
        .map(|(place, listed)| {
            assert_eq!(listed.is_latest, place == 0);
            let number = (!listed.object.marker).then(|| listed.object.etag.parse().unwrap());
            (object::shown(&listed.object), number)
        })
        .collect()
}

#[tokio::test]
async fn versions_are_as_a_simple_reference_has_them() {
    let env = Env::simulated(7, Timestamp(1));
    for round in 0..30 {
        let db = db();
        make(&db, Versioning::Never).await;
        PUT.lock().unwrap().clear();
        let (mut versioning, mut reference) = (Versioning::Never, BTreeMap::<&str, History>::new());
        for step in 0..60 {
            let (key, number, choice) = (
                if env.random_u64().is_multiple_of(3) { "a" } else { "k" },
                (env.random_u64() % 4) as u8,
                env.random_u64() % 10,
            );
            let salt = env.random_u64();
            let known = reference.entry(key).or_default();
            let replace_null = |known: &mut History| known.retain(|(version, _)| version != object::NULL);
            match choice {
                0 if step > 10 => {
                    versioning =
                        if versioning == Versioning::Enabled { Versioning::Suspended } else { Versioning::Enabled };
                    make(&db, versioning).await;
                }
                1..=5 => {
                    if versioning != Versioning::Enabled {
                        replace_null(known);
                    }
                    let version = put(&db, key, number, salt).await;
                    PUT.lock().unwrap().insert([number; 32]);
                    assert_eq!(version == object::NULL, versioning != Versioning::Enabled);
                    known.insert(0, (version, Some(number)));
                }
                6 | 7 => {
                    let (own, at) = (key.to_owned(), Timestamp(5));
                    let deleted =
                        db.write(move |tx| object::delete(tx, &bucket::find(tx, "b")?, &own, at, salt)).await.unwrap();
                    if versioning != Versioning::Enabled {
                        replace_null(known);
                    }
                    if versioning != Versioning::Never {
                        known.insert(0, (deleted.version.unwrap(), None));
                    }
                }
                _ if !known.is_empty() => {
                    let (version, _) = known.remove(env.random_u64() as usize % known.len());
                    let own = key.to_owned();
                    db.write(move |tx| {
                        object::delete_version(tx, &bucket::find(tx, "b")?, &own, &version, (Timestamp(5), false))
                    })
                    .await
                    .unwrap();
                }
                _ => {}
            }
            for (key, known) in &reference {
                assert_eq!(&history(&db, key), known, "round {round}, step {step}, key {key}");
                check_reads(&db, key, known);
            }
            check_references(&db);
        }
    }
}

fn check_reads(db: &Db, key: &str, known: &History) {
    let read = db.read().unwrap();
    let bucket = bucket::find(&read, "b").unwrap();
    let newest = object::find(&read, &bucket, key, None).map(|object| object.etag.parse().unwrap()).ok();
    assert_eq!(newest, known.first().and_then(|(_, number)| *number));
    for (version, number) in known {
        let found = object::find(&read, &bucket, key, Some(version));
        match number {
            Some(number) => assert_eq!(found.unwrap().etag, number.to_string()),
            None => assert!(matches!(found, Err(Error::IsDeleteMarker { .. }))),
        }
    }
}

/// Every file has as many references as objects have it; those without are garbage.
fn check_references(db: &Db) {
    let read = db.read().unwrap();
    let newest = OBJECTS.scan(&read, Order::Forward).unwrap().values();
    let all = newest.chain(VERSIONS.scan(&read, Order::Forward).unwrap().values());
    let mut counts = BTreeMap::<[u8; 32], u64>::new();
    for object in all {
        if let Content::Blob(id) = object.unwrap().content {
            *counts.entry(*id.as_bytes()).or_default() += 1;
        }
    }
    let references: BTreeMap<_, _> = REFERENCES.scan(&read, Order::Forward).unwrap().map(Result::unwrap).collect();
    assert_eq!(references, counts);
    let garbage: Vec<_> = GARBAGE.scan(&read, Order::Forward).unwrap().keys().map(Result::unwrap).collect();
    let once = PUT.lock().unwrap().clone();
    assert!(
        once.iter().all(|id| counts.contains_key(id) || garbage.contains(id)),
        "what has no reference is collected"
    );
}

/// Files that were put in the history under way.
static PUT: std::sync::Mutex<BTreeSet<[u8; 32]>> = std::sync::Mutex::new(BTreeSet::new());

#[tokio::test]
async fn small_bytes_go_with_their_object_and_are_copied() {
    let db = db();
    make(&db, Versioning::Never).await;
    let copied = db.write(|tx| {
        let first = content::keep(tx, &NewContent::Small([1; 16], "abc".into()))?;
        let second = content::copy(tx, &first, [2; 16])?;
        content::release(tx, &first)?;
        Ok::<_, Error>((first, second))
    });
    assert_eq!(copied.await.unwrap(), (Content::Inline([1; 16]), Content::Inline([2; 16])));
    let read = db.read().unwrap();
    let left: Vec<_> = CONTENTS.scan(&read, Order::Forward).unwrap().map(Result::unwrap).collect();
    assert_eq!(left, [([2; 16], "abc".into())]);
}

/// All entries of a list that is read in pages of `most`.
fn paged(db: &Db, prefix: &str, delimiter: Option<&str>, most: usize) -> (Vec<String>, Vec<String>) {
    let read = db.read().unwrap();
    let bucket = bucket::find(&read, "b").unwrap().id;
    let (mut keys, mut prefixes, mut start) = (Vec::new(), Vec::new(), Start::First);
    loop {
        let page = list::objects(&read, &Listing { bucket, prefix, delimiter, start, most }).unwrap();
        assert!(page.objects.len() + page.prefixes.len() <= most);
        keys.extend(page.objects.into_iter().map(|(key, _)| key));
        prefixes.extend(page.prefixes);
        match page.next {
            Some(next) => start = next,
            None => return (keys, prefixes),
        }
    }
}

#[tokio::test]
async fn lists_are_as_a_simple_reference_has_them() {
    let (env, db) = (Env::simulated(3, Timestamp(1)), db());
    make(&db, Versioning::Never).await;
    let mut all = BTreeSet::new();
    for _ in 0..150 {
        let length = env.random_u64() % 6 + 1;
        let letters = ["a", "b", "/", "\0", "\u{ff}", "//"];
        let key: String = (0..length).map(|_| letters[(env.random_u64() % 6) as usize]).collect();
        put(&db, &key, 1, 1).await;
        all.insert(key);
    }
    for prefix in ["", "a", "a/", "b\0", "/", "\u{ff}", "zz"] {
        for delimiter in [None, Some("/"), Some("a"), Some("//"), Some("\u{ff}")] {
            let (mut keys, mut prefixes) = (Vec::new(), BTreeSet::new());
            for key in all.iter().filter(|key| key.starts_with(prefix)) {
                let rest = &key[prefix.len()..];
                match delimiter.and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len())) {
                    Some(end) => drop(prefixes.insert(format!("{prefix}{}", &rest[..end]))),
                    None => keys.push(key.clone()),
                }
            }
            let expected = (keys, prefixes.into_iter().collect::<Vec<_>>());
            for most in [1, 2, 3, 1_000] {
                assert_eq!(paged(&db, prefix, delimiter, most), expected, "{prefix:?} {delimiter:?} {most}");
            }
        }
    }
}
