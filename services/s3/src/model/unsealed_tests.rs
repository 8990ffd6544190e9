//! Objects that an earlier release has kept, which are not sealed, and uploads that it began.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};
use service::Cx;
use service::objects::{self, Address};
use testkit::TestCloud;
use vault::Vault;

use super::content::{self, NewContent};
use super::{bucket, object, upload};
use crate::keys::UPLOADS;
use crate::ops::put::new_object;
use crate::scrub::Options;
use crate::types::{Meta, Part, PendingUpload};
use crate::{Error, S3};

const LARGE: usize = 200_003;
const QUICK: Options = Options { bytes_per_second: u64::MAX, collect: false };

struct World {
    cloud: TestCloud,
    s3: std::sync::Arc<S3>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let blobs = blob::Blobs::open(folder.path()).await.unwrap();
        let s3 = S3::new(blobs, Vault::in_memory(&base::Env::simulated(2, base::Timestamp(0))));
        let cloud = TestCloud::new([crate::service(s3.clone())]);
        cloud.call("s3", "CreateBucket", json!({"Bucket": "bucket"})).await.unwrap();
        World { cloud, s3, _folder: folder }
    }

    fn cx(&self) -> Cx {
        self.cloud.root()
    }

    /// Puts an object as an earlier release has.
    async fn put(&self, key: &str, body: Bytes) {
        let content = match body.len() {
            LARGE => NewContent::Blob(self.s3.blobs().put(body.clone()).await.unwrap()),
            _ => NewContent::Small([body.len() as u8; 16], body.clone()),
        };
        let (key, etag) = (key.to_owned(), hex::encode(<md5::Md5 as md5::Digest>::digest(&body)));
        let stored = self.cx().db().write(move |tx| {
            let bucket = bucket::find(tx, "bucket")?;
            let content = content::keep(tx, &content)?;
            let new = new_object(body.len() as u64, etag.clone(), content, None, Meta::default(), BTreeMap::new());
            object::put(tx, &bucket, &key, base::Timestamp(1), 1, new)?;
            Ok::<_, Error>(())
        });
        stored.await.unwrap();
    }

    async fn call(&self, operation: &str, mut input: Value) -> Value {
        input["Bucket"] = json!("bucket");
        self.cloud.call("s3", operation, input).await.unwrap()
    }

    async fn body(&self, key: &str, range: Option<std::ops::Range<u64>>) -> Bytes {
        let (_, body) = objects::get(&self.cx(), &Address::new("bucket", key), range).await.unwrap();
        body.collect().await.unwrap()
    }

    /// How many objects are not sealed, and how many are damaged.
    async fn scrubbed(&self) -> (u64, usize) {
        let step = self.s3.scrub(&self.cx(), None, QUICK).await.unwrap();
        assert_eq!(step.next, None);
        (step.unsealed, step.damage.len())
    }
}

fn body(size: usize) -> Bytes {
    (0..size).map(|at| (at % 251) as u8).collect()
}

#[tokio::test]
async fn they_stay_readable_and_copies_of_them_are_sealed() {
    let world = World::new().await;
    for (key, size) in [("small", 100), ("large", LARGE)] {
        world.put(key, body(size)).await;
        assert_eq!(world.body(key, None).await, body(size));
        assert_eq!(world.body(key, Some(90..95)).await, body(size).slice(90..95));
    }
    assert_eq!(world.scrubbed().await, (2, 0));
    for key in ["small", "large"] {
        let onto_itself = json!({"Key": key, "CopySource": format!("bucket/{key}"), "ServerSideEncryption": "AES256"});
        world.call("CopyObject", onto_itself).await;
    }
    assert_eq!((world.body("small", None).await, world.body("large", None).await), (body(100), body(LARGE)));
    assert_eq!(world.scrubbed().await, (0, 0));
}

#[tokio::test]
async fn an_upload_that_was_begun_goes_on_with_parts_that_are_sealed() {
    let world = World::new().await;
    let first = body(5 << 20);
    let blob = world.s3.blobs().put(first.clone()).await.unwrap();
    let etag = hex::encode(<md5::Md5 as md5::Digest>::digest(&first));
    let checksum =
        Some(crate::digests::Digests::of(wire::rest_xml::Algorithm::Crc64Nvme).finish(None).unwrap().checksum);
    let part = Part {
        number: 1,
        size: first.len() as u64,
        etag: etag.clone(),
        blob,
        modified: base::Timestamp(1),
        checksum,
        sealed: None,
    };
    let pending = PendingUpload {
        id: [1; 16],
        started: base::Timestamp(1),
        meta: Meta::default(),
        tags: BTreeMap::new(),
        algorithm: "CRC64NVME".into(),
        chosen: false,
        composite: false,
        seal: None,
    };
    let begun = world.cx().db().write(move |tx| {
        let bucket = bucket::find(tx, "bucket")?;
        UPLOADS.put(tx, (bucket.id, "k", "id"), &pending)?;
        upload::put_part(tx, bucket.id, "k", "id", &part)
    });
    begun.await.unwrap();
    let part = world.call("UploadPart", json!({"Key": "k", "UploadId": "id", "PartNumber": 2, "Body": "second"})).await;
    let parts = json!([{"PartNumber": 1, "ETag": etag}, {"PartNumber": 2, "ETag": part["ETag"]}]);
    let complete = json!({"Key": "k", "UploadId": "id", "MultipartUpload": {"Parts": parts}});
    world.call("CompleteMultipartUpload", complete).await;
    let whole = [&first[..], b"second"].concat();
    assert_eq!(world.body("k", None).await, whole);
    let at = first.len() as u64;
    assert_eq!(world.body("k", Some(at - 2..at + 3)).await, whole[first.len() - 2..first.len() + 3]);
    // Its first part is as it came, until the object is copied.
    assert_eq!(world.scrubbed().await, (1, 0));
    world.call("CopyObject", json!({"Key": "k", "CopySource": "bucket/k", "ServerSideEncryption": "AES256"})).await;
    assert_eq!((world.body("k", None).await, world.scrubbed().await), (whole.into(), (0, 0)));
}
