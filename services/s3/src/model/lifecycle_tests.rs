//! Lifecycles as they are carried out, on a clock that is moved.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Timestamp;
use serde_json::{Value, json};
use testkit::TestCloud;

use super::{bucket, list, object};
use crate::S3;
use crate::model::content::NewContent;
use crate::model::list::{Listing, Start};
use crate::ops::put::new_object;
use crate::types::{Lock, LockMode, Meta, PendingUpload, Retention};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// More than any round here takes.
const STEPS_MAX: usize = 32;

struct Fixture {
    cloud: TestCloud,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn new(versioned: bool) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let blobs = blob::Blobs::open(folder.path()).await.unwrap();
        let vault = vault::Vault::in_memory(&base::Env::simulated(2, base::Timestamp(0)));
        let cloud = TestCloud::new([crate::service(S3::new(blobs, vault))]);
        let fixture = Fixture { cloud, _folder: folder };
        fixture.call("CreateBucket", json!({})).await;
        if versioned {
            fixture.call("PutBucketVersioning", json!({"VersioningConfiguration": {"Status": "Enabled"}})).await;
        }
        fixture
    }

    async fn call(&self, operation: &str, mut input: Value) -> Value {
        input["Bucket"] = json!("bucket");
        self.cloud.call("s3", operation, input).await.unwrap()
    }

    async fn rules(&self, rules: Value) {
        self.call("PutBucketLifecycleConfiguration", json!({"LifecycleConfiguration": {"Rules": rules}})).await;
        self.cloud.advance(Duration::ZERO).await;
    }

    /// Moves the clock, and lets a round that is due come to its end: each step has the next one fire.
    async fn advance(&self, by: Duration) {
        self.cloud.advance(by).await;
        for _ in 0..STEPS_MAX {
            self.cloud.advance(Duration::ZERO).await;
        }
    }

    async fn put(&self, key: &str, size: usize, meta: Meta) -> String {
        let (key, now) = (key.to_owned(), self.cloud.env.now());
        let salt = self.cloud.env.random_u64();
        let stored = self.cloud.cloud.db().write(move |tx| {
            let bucket = bucket::find(tx, "bucket")?;
            let mut id = [0; 16];
            id[..8].copy_from_slice(&salt.to_be_bytes());
            let content = super::content::keep(tx, &NewContent::Small(id, vec![0; size].into()))?;
            let new = new_object(size as u64, "e".into(), content, None, meta.clone(), BTreeMap::new());
            object::put(tx, &bucket, &key, now, salt, new).map(|object| object::shown(&object))
        });
        stored.await.unwrap()
    }

    /// Keys with whether they are markers, newest first.
    fn versions(&self) -> Vec<(String, bool)> {
        let read = self.cloud.cloud.db().read().unwrap();
        let bucket = bucket::find(&read, "bucket").unwrap();
        let listing = Listing { bucket: bucket.id, prefix: "", delimiter: None, start: Start::First, most: 100_000 };
        let page = list::versions(&read, &listing, None).unwrap();
        page.versions.into_iter().map(|listed| (listed.key, listed.object.marker)).collect()
    }

    fn keys(&self) -> Vec<String> {
        self.versions().into_iter().map(|(key, _)| key).collect()
    }
}

fn rule(more: Value) -> Value {
    let mut rule = json!({"ID": "r", "Status": "Enabled", "Filter": {}});
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([rule])
}

#[tokio::test]
async fn objects_end_at_midnight_after_their_days() {
    let fixture = Fixture::new(false).await;
    fixture.put("logs/a", 1, Meta::default()).await;
    fixture.put("b", 1, Meta::default()).await;
    fixture.rules(rule(json!({"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 1}}))).await;
    fixture.advance(DAY).await;
    assert_eq!(fixture.keys(), ["b", "logs/a"]);
    fixture.put("logs/new", 1, Meta::default()).await;
    fixture.advance(DAY).await;
    assert_eq!(fixture.keys(), ["b", "logs/new"]);
    // Rules that are gone are carried out no more.
    fixture.call("DeleteBucketLifecycle", json!({})).await;
    fixture.advance(DAY * 30).await;
    assert_eq!(fixture.keys(), ["b", "logs/new"]);
}

#[tokio::test]
async fn a_round_of_many_goes_in_steps_and_goes_on_with_new_rules_alone() {
    let fixture = Fixture::new(false).await;
    let many = crate::limits::LIFECYCLE_STEP + crate::limits::EXPIRED_PER_STEP + 7;
    for number in 0..many {
        fixture.put(&format!("k{number:06}"), usize::from(number % 2 == 0), Meta::default()).await;
    }
    fixture.rules(rule(json!({"Filter": {"ObjectSizeGreaterThan": 0}, "Expiration": {"Days": 3}}))).await;
    fixture.rules(rule(json!({"Filter": {"ObjectSizeLessThan": 1}, "Expiration": {"Days": 1}}))).await;
    fixture.advance(Duration::ZERO).await;
    fixture.advance(DAY * 2).await;
    assert_eq!(fixture.keys().len(), many.div_ceil(2));
    fixture.advance(DAY * 3).await;
    assert_eq!(fixture.keys().len(), many.div_ceil(2));
}

#[tokio::test]
async fn versions_that_are_not_current_end_and_markers_behind_them() {
    let fixture = Fixture::new(true).await;
    for _ in 0..5 {
        fixture.put("k", 1, Meta::default()).await;
    }
    let days = json!({"NoncurrentDays": 1, "NewerNoncurrentVersions": 2});
    fixture.rules(rule(json!({"NoncurrentVersionExpiration": days, "Expiration": {"Days": 10}}))).await;
    fixture.advance(DAY * 2).await;
    // The current one, and the two that may stay.
    assert_eq!(fixture.versions(), vec![("k".to_owned(), false); 3]);
    // The current one is covered by a marker.
    fixture.advance(DAY * 9).await;
    assert_eq!(fixture.versions()[0], ("k".to_owned(), true));
    fixture.rules(rule(json!({"NoncurrentVersionExpiration": {"NoncurrentDays": 1}, "Expiration": {"ExpiredObjectDeleteMarker": true}}))).await;
    fixture.advance(DAY * 3).await;
    assert_eq!(fixture.versions(), [("k".to_owned(), true)]);
    fixture.advance(DAY).await;
    assert!(fixture.versions().is_empty());
}

#[tokio::test]
async fn what_is_locked_stays() {
    let fixture = Fixture::new(true).await;
    let enabled = json!({"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}});
    fixture.call("PutObjectLockConfiguration", enabled).await;
    let until = fixture.cloud.env.now() + DAY * 20;
    let retention = Some(Retention { mode: LockMode::Governance, until });
    fixture.put("kept", 1, Meta { lock: Lock { retention, legal_hold: None }, ..Meta::default() }).await;
    fixture.put("held", 1, Meta { lock: Lock { retention: None, legal_hold: Some(true) }, ..Meta::default() }).await;
    fixture.put("free", 1, Meta::default()).await;
    for key in ["kept", "held", "free"] {
        fixture.put(key, 1, Meta::default()).await;
    }
    fixture.rules(rule(json!({"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}))).await;
    fixture.advance(DAY * 5).await;
    assert_eq!(fixture.keys(), ["free", "held", "held", "kept", "kept"]);
    fixture.advance(DAY * 17).await;
    assert_eq!(fixture.keys(), ["free", "held", "held", "kept"]);
}

#[tokio::test]
async fn uploads_that_nobody_finishes_are_given_up() {
    let fixture = Fixture::new(false).await;
    let started = fixture.cloud.env.now();
    for key in ["a/1", "b/1"] {
        let upload = PendingUpload {
            id: [1; 16],
            started,
            meta: Meta::default(),
            tags: BTreeMap::new(),
            algorithm: "CRC32".into(),
            chosen: false,
            composite: false,
            seal: None,
        };
        let stored = fixture.cloud.cloud.db().write(move |tx| {
            let bucket = bucket::find(tx, "bucket")?;
            Ok::<_, crate::Error>(crate::keys::UPLOADS.put(tx, (bucket.id, key, "id"), &upload)?)
        });
        stored.await.unwrap();
    }
    let abort = json!({"Filter": {"Prefix": "a/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}});
    fixture.rules(rule(abort)).await;
    let left = || {
        let read = fixture.cloud.cloud.db().read().unwrap();
        let rows = crate::keys::UPLOADS.scan(&read, kv::Order::Forward).unwrap();
        rows.keys().map(|key| key.unwrap().1).collect::<Vec<_>>()
    };
    fixture.advance(DAY / 2).await;
    assert_eq!(left(), ["a/1", "b/1"]);
    fixture.advance(DAY * 2).await;
    assert_eq!(left(), ["b/1"]);
}

#[tokio::test]
async fn a_date_that_is_past_ends_objects_at_once() {
    let fixture = Fixture::new(false).await;
    fixture.put("a", 1, Meta::default()).await;
    let date = Timestamp::parse_iso8601("2020-01-01T00:00:00Z").unwrap().as_secs();
    fixture.rules(rule(json!({"Expiration": {"Date": date}}))).await;
    assert_eq!(fixture.keys(), Vec::<String>::new());
}
