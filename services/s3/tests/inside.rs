//! Objects as other services of this server read and write them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use base::Arn;
use blob::Blobs;
use bytes::Bytes;
use serde_json::json;
use service::objects::{self, Address, Properties};
use service::{Caller, Error, Trailers, Upload};
use testkit::TestCloud;

/// A cloud with a bucket `b`; the folder of its files lasts as long as the test.
async fn world() -> (TestCloud, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path()).await.unwrap();
    let vault = vault::Vault::in_memory(&base::Env::simulated(2, base::Timestamp(0)));
    let cloud = TestCloud::new([s3::service(s3::S3::new(blobs, vault))]);
    cloud.call("s3", "CreateBucket", json!({"Bucket": "bucket"})).await.unwrap();
    (cloud, folder)
}

fn at(key: &str) -> Address {
    Address::new("bucket", key)
}

/// A body in pieces, of which the last may not come.
fn pieces(parts: Vec<Result<Bytes, Error>>) -> Upload {
    Upload::new(futures_util::stream::iter(parts), None, Trailers::default())
}

#[tokio::test]
async fn objects_pass_by_in_pieces() {
    let (cloud, _folder) = world().await;
    let cx = cloud.root();
    let piece = Bytes::from(vec![7; 40_000]);
    let body = pieces(vec![Ok(piece.clone()), Ok(piece.clone()), Ok("end".into())]);
    let properties = Properties { content_type: Some("text/plain".into()), ..Properties::default() };
    let etag = objects::put(&cx, &at("a/large"), &properties, body).await.unwrap();
    objects::put(&cx, &at("a/small"), &Properties::default(), Upload::whole("xyz".into())).await.unwrap();

    let (told, body) = objects::get(&cx, &at("a/large"), None).await.unwrap();
    assert_eq!((told.size, &told.etag, told.content_type.as_deref()), (80_003, &etag, Some("text/plain")));
    assert!(told.last_modified.is_some());
    let all = body.collect().await.unwrap();
    assert_eq!((all.len(), &all[80_000..]), (80_003, b"end".as_slice()));
    let (told, body) = objects::get(&cx, &at("a/large"), Some(79_999..80_001)).await.unwrap();
    assert_eq!((told.size, body.collect().await.unwrap()), (2, Bytes::from_static(b"\x07e")));
    assert_eq!(objects::head(&cx, &at("a/large")).await.unwrap().size, 80_003);

    let keys = |page: &objects::Page| page.contents.iter().map(|one| (one.key.clone(), one.size)).collect::<Vec<_>>();
    let page = objects::list(&cx, "bucket", "a/", None).await.unwrap();
    assert_eq!((keys(&page), page.is_truncated), (vec![("a/large".into(), 80_003), ("a/small".into(), 3)], false));
    let rest = objects::list(&cx, "bucket", "a/", Some("a/large")).await.unwrap();
    assert_eq!(keys(&rest), [("a/small".into(), 3)]);
}

#[tokio::test]
async fn what_does_not_arrive_whole_leaves_nothing() {
    let (cloud, _folder) = world().await;
    let cx = cloud.root();
    let broken = pieces(vec![Ok(Bytes::from(vec![1; 50_000])), Err(Error::internal("gone"))]);
    let put = objects::put(&cx, &at("k"), &Properties::default(), broken).await;
    assert_eq!(put.unwrap_err().status, 500);
    assert_eq!(objects::get(&cx, &at("k"), None).await.unwrap_err().code, "NoSuchKey");
}

#[tokio::test]
async fn callers_are_asked_as_clients_are() {
    let (cloud, _folder) = world().await;
    let root = cloud.root();
    objects::put(&root, &at("k"), &Properties::default(), Upload::whole("v".into())).await.unwrap();
    assert_eq!(objects::head(&root, &at("none")).await.unwrap_err().code, "NoSuchKey");
    let elsewhere = Address::new("elsewhere", "k");
    assert_eq!(objects::get(&root, &elsewhere, None).await.unwrap_err().code, "NoSuchBucket");

    let role: Arn = "arn:aws:iam::000000000000:role/reader".parse().unwrap();
    let reader = root.with_caller(Caller::role_session(&role, "s"));
    let refused = [
        objects::get(&reader, &at("k"), None).await.map(drop),
        objects::put(&reader, &at("k"), &Properties::default(), Upload::whole("w".into())).await.map(drop),
        objects::list(&reader, "bucket", "", None).await.map(drop),
    ];
    assert_eq!(refused.map(|refused| refused.unwrap_err().code), ["AccessDenied"; 3]);
    let (_, body) = objects::get(&root, &at("k"), None).await.unwrap();
    assert_eq!(body.collect().await.unwrap(), Bytes::from_static(b"v"));
}

#[tokio::test]
async fn a_call_in_json_has_no_room_for_bytes() {
    let (cloud, _folder) = world().await;
    objects::put(&cloud.root(), &at("k"), &Properties::default(), Upload::whole("v".into())).await.unwrap();
    let address = json!({"Bucket": "bucket", "Key": "k"});
    assert_eq!(cloud.call("s3", "HeadObject", address.clone()).await.unwrap()["ContentLength"], 1);
    let refused = cloud.call("s3", "GetObject", address).await.unwrap_err();
    assert_eq!((refused.status, &*refused.code), (501, "NotImplemented"));
    let text = json!({"Bucket": "bucket", "Key": "t", "Body": "text"});
    cloud.call("s3", "PutObject", text).await.unwrap();
    assert_eq!(objects::head(&cloud.root(), &at("t")).await.unwrap().size, 4);
}
