//! Streams on the memory engine, with a clock that stands still until it is moved.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use service::{Access, Caller, Credential, CredentialError, Delivery, Denial, Error, Permission, outbox};
use testkit::TestCloud;
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_secs(86_400);

struct Streams(TestCloud);

impl Streams {
    fn new() -> Streams {
        Streams(TestCloud::new([kinesis::service(kinesis::Options::default())]))
    }

    async fn with(name: &str, shards: u64) -> Streams {
        let streams = Streams::new();
        streams.call("CreateStream", json!({"StreamName": name, "ShardCount": shards})).await.unwrap();
        streams
    }

    async fn call(&self, operation: &str, input: Value) -> Result<Value, Error> {
        self.0.call("kinesis", operation, input).await
    }

    /// The code and message of an operation that is refused.
    async fn refused(&self, operation: &str, input: Value) -> (String, String) {
        let error = self.call(operation, input).await.unwrap_err();
        (error.code.into_owned(), error.message)
    }

    async fn put(&self, data: &str, hash: u128) -> Value {
        let input = json!({
            "StreamName": "s", "Data": base64(data), "PartitionKey": data, "ExplicitHashKey": hash.to_string(),
        });
        self.call("PutRecord", input).await.unwrap()
    }

    async fn iterator(&self, shard: &str, kind: &str, more: Value) -> Result<String, Error> {
        let mut input = json!({"StreamName": "s", "ShardId": shard, "ShardIteratorType": kind});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.call("GetShardIterator", input).await?;
        Ok(answer["ShardIterator"].as_str().unwrap().to_owned())
    }

    /// The partition keys of a shard's records from a position on.
    async fn keys(&self, shard: &str, kind: &str, more: Value) -> Vec<String> {
        let mut iterator = Some(self.iterator(shard, kind, more).await.unwrap());
        let mut keys = Vec::new();
        while let Some(text) = iterator {
            let page = self.call("GetRecords", json!({"ShardIterator": text, "Limit": 3})).await.unwrap();
            let records = page["Records"].as_array().unwrap();
            keys.extend(records.iter().map(|record| record["PartitionKey"].as_str().unwrap().to_owned()));
            let next = page["NextShardIterator"].as_str().map(str::to_owned);
            iterator = next.filter(|_| !records.is_empty());
        }
        keys
    }

    async fn all(&self, shard: &str) -> Vec<String> {
        self.keys(shard, "TRIM_HORIZON", json!({})).await
    }

    async fn shards(&self) -> Vec<Value> {
        let answer = self.call("ListShards", json!({"StreamName": "s"})).await.unwrap();
        answer["Shards"].as_array().unwrap().clone()
    }
}

fn base64(text: &str) -> String {
    wire::Blob::from(text.as_bytes()).to_base64()
}

const FIRST: &str = "shardId-000000000000";

#[tokio::test]
async fn records_are_kept_for_as_long_as_their_stream_says() {
    let streams = Streams::with("s", 1).await;
    streams.put("old", 0).await;
    streams.0.advance(DAY / 2).await;
    streams.put("new", 0).await;
    streams.0.advance(DAY / 2 - Duration::from_millis(1)).await;
    assert_eq!(streams.all(FIRST).await, ["old", "new"]);
    streams.0.env.advance(Duration::from_millis(1));
    // Past its retention, before it is trimmed and after.
    assert_eq!(streams.all(FIRST).await, ["new"]);
    streams.0.advance(Duration::from_secs(60)).await;
    assert_eq!(streams.all(FIRST).await, ["new"]);
    let longer = json!({"StreamName": "s", "RetentionPeriodHours": 48});
    streams.call("IncreaseStreamRetentionPeriod", longer).await.unwrap();
    streams.0.advance(DAY).await;
    assert_eq!(streams.all(FIRST).await, ["new"]);
    let shorter = json!({"StreamName": "s", "RetentionPeriodHours": 24});
    streams.call("DecreaseStreamRetentionPeriod", shorter.clone()).await.unwrap();
    assert!(streams.all(FIRST).await.is_empty());
    // What was gone does not come back.
    streams
        .call("IncreaseStreamRetentionPeriod", json!({"StreamName": "s", "RetentionPeriodHours": 8760}))
        .await
        .unwrap();
    assert!(streams.all(FIRST).await.is_empty());
    streams.put("later", 0).await;
    assert_eq!(streams.all(FIRST).await, ["later"]);
}

#[tokio::test]
async fn a_place_that_is_trimmed_is_the_oldest_record() {
    let streams = Streams::with("s", 1).await;
    let put = streams.put("old", 0).await;
    let position = json!({"StartingSequenceNumber": put["SequenceNumber"]});
    streams.0.advance(DAY * 2).await;
    streams.put("new", 0).await;
    assert_eq!(streams.keys(FIRST, "AT_SEQUENCE_NUMBER", position.clone()).await, ["new"]);
    assert_eq!(streams.keys(FIRST, "AFTER_SEQUENCE_NUMBER", position).await, ["new"]);
    assert_eq!(streams.keys(FIRST, "AT_TIMESTAMP", json!({"Timestamp": 1})).await, ["new"]);
}

#[tokio::test]
async fn a_scaling_of_many_shards_goes_on_by_steps() {
    let streams = Streams::with("s", 1_200).await;
    streams.put("before", 7).await;
    let state = async || {
        let answer = streams.call("DescribeStreamSummary", json!({"StreamName": "s"})).await.unwrap();
        let summary = &answer["StreamDescriptionSummary"];
        (summary["StreamStatus"].as_str().unwrap().to_owned(), summary["OpenShardCount"].as_u64().unwrap())
    };
    let scale = async |count: u64| {
        let input = json!({"StreamName": "s", "TargetShardCount": count, "ScalingType": "UNIFORM_SCALING"});
        streams.call("UpdateShardCount", input).await
    };
    let answer = scale(600).await.unwrap();
    assert_eq!((&answer["CurrentShardCount"], &answer["TargetShardCount"]), (&json!(1_200), &json!(600)));
    let (status, count) = state().await;
    assert!(status == "UPDATING" && (601..1_200).contains(&count), "{status}, {count}");
    // Nothing else changes its shards meanwhile; records find theirs.
    let split = json!({"StreamName": "s", "ShardToSplit": FIRST, "NewStartingHashKey": "5"});
    assert_eq!(streams.refused("SplitShard", split).await.0, "ResourceInUseException");
    assert_eq!(scale(700).await.unwrap_err().code, "ResourceInUseException");
    for hash in [0, 1 << 127, u128::MAX] {
        streams.put("while", hash).await;
    }
    while state().await.0 == "UPDATING" {
        streams.0.advance(Duration::ZERO).await;
    }
    assert_eq!(state().await, ("ACTIVE".to_owned(), 600));
    let filter = json!({"StreamName": "s", "ShardFilter": {"Type": "AT_LATEST"}});
    let latest = open(streams.call("ListShards", filter).await.unwrap()["Shards"].as_array().unwrap());
    assert_eq!(latest.len(), 600);

    // One that is deleted on the way, and made again, is left alone.
    scale(1_200).await.unwrap();
    streams.call("DeleteStream", json!({"StreamName": "s"})).await.unwrap();
    streams.call("CreateStream", json!({"StreamName": "s", "ShardCount": 1})).await.unwrap();
    streams.0.advance(Duration::ZERO).await;
    assert_eq!(state().await, ("ACTIVE".to_owned(), 1));
}

#[tokio::test]
async fn closed_shards_are_read_to_their_end_and_go_with_their_last_record() {
    let streams = Streams::with("s", 1).await;
    streams.put("before", 7).await;
    let split = json!({"StreamName": "s", "ShardToSplit": FIRST, "NewStartingHashKey": "1000"});
    streams.call("SplitShard", split).await.unwrap();
    streams.put("after", 7).await;
    streams.0.advance(DAY / 2).await;
    assert_eq!(streams.all(FIRST).await, ["before"]);
    assert_eq!(streams.all("shardId-000000000001").await, ["after"]);
    assert_eq!(streams.shards().await.len(), 3);
    streams.0.advance(DAY / 2 + Duration::from_secs(60)).await;
    let left: Vec<_> = streams.shards().await.iter().map(|shard| shard["ShardId"].clone()).collect();
    assert_eq!(left, ["shardId-000000000001", "shardId-000000000002"]);
    let (code, _) = streams
        .refused("GetShardIterator", json!({"StreamName": "s", "ShardId": FIRST, "ShardIteratorType": "TRIM_HORIZON"}))
        .await;
    assert_eq!(code, "ResourceNotFoundException");
}

#[tokio::test]
async fn moments_are_found_among_many_records() {
    let streams = Streams::with("s", 1).await;
    for number in 0..40u64 {
        streams.put(&number.to_string(), 0).await;
        streams.0.env.advance(Duration::from_secs(number % 3));
    }
    streams.0.env.advance(Duration::from_secs(5));
    let read = |seconds: f64| {
        let streams = &streams;
        async move { streams.keys(FIRST, "AT_TIMESTAMP", json!({"Timestamp": seconds})).await }
    };
    let page = streams.iterator(FIRST, "TRIM_HORIZON", json!({})).await.unwrap();
    let page = streams.call("GetRecords", json!({"ShardIterator": page})).await.unwrap();
    let arrivals: Vec<(f64, String)> = page["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| {
            let at = record["ApproximateArrivalTimestamp"].as_f64().unwrap();
            (at, record["PartitionKey"].as_str().unwrap().to_owned())
        })
        .collect();
    for (at, _) in &arrivals {
        for moment in [at - 0.001, *at] {
            let expected: Vec<_> =
                arrivals.iter().filter(|(at, _)| *at >= moment).map(|(_, key)| key.clone()).collect();
            assert_eq!(read(moment).await, expected, "{moment}");
        }
    }
    assert!(read(arrivals.last().unwrap().0 + 0.001).await.is_empty());
}

#[tokio::test]
async fn iterators_last_five_minutes_and_tokens_too() {
    let streams = Streams::with("s", 3).await;
    let iterator = streams.iterator(FIRST, "LATEST", json!({})).await.unwrap();
    let page = streams.call("ListShards", json!({"StreamName": "s", "MaxResults": 1})).await.unwrap();
    streams.0.env.advance(Duration::from_secs(300));
    streams.call("GetRecords", json!({"ShardIterator": iterator})).await.unwrap();
    let token = json!({"NextToken": page["NextToken"], "MaxResults": 2});
    assert_eq!(streams.call("ListShards", token.clone()).await.unwrap()["Shards"].as_array().unwrap().len(), 2);
    streams.0.env.advance(Duration::from_secs(1));
    assert_eq!(streams.refused("GetRecords", json!({"ShardIterator": iterator})).await.0, "ExpiredIteratorException");
    assert_eq!(streams.refused("ListShards", token).await.0, "ExpiredNextTokenException");
}

#[tokio::test]
async fn a_stream_made_again_has_nothing_of_the_one_before() {
    let streams = Streams::with("s", 1).await;
    streams.put("old", 0).await;
    let iterator = streams.iterator(FIRST, "TRIM_HORIZON", json!({})).await.unwrap();
    streams.call("DeleteStream", json!({"StreamName": "s"})).await.unwrap();
    streams.call("CreateStream", json!({"StreamName": "s", "ShardCount": 1})).await.unwrap();
    assert!(streams.all(FIRST).await.is_empty());
    assert_eq!(streams.refused("GetRecords", json!({"ShardIterator": iterator})).await.0, "ResourceNotFoundException");
    // Timers of the one that is gone leave the new one alone.
    streams.put("new", 0).await;
    streams.0.advance(Duration::from_secs(120)).await;
    assert_eq!(streams.all(FIRST).await, ["new"]);
}

#[tokio::test]
async fn a_consumer_is_registered_once_and_there_are_twenty() {
    let streams = Streams::with("s", 1).await;
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    for number in 0..20 {
        let input = json!({"StreamARN": arn, "ConsumerName": format!("c{number}")});
        streams.call("RegisterStreamConsumer", input).await.unwrap();
    }
    let (code, _) = streams.refused("RegisterStreamConsumer", json!({"StreamARN": arn, "ConsumerName": "more"})).await;
    assert_eq!(code, "LimitExceededException");
    let (mut token, mut names) = (None, Vec::new());
    loop {
        let input = json!({"StreamARN": arn, "MaxResults": 7, "NextToken": token});
        let page = streams.call("ListStreamConsumers", input).await.unwrap();
        names.extend(page["Consumers"].as_array().unwrap().iter().map(|consumer| consumer["ConsumerName"].clone()));
        token = page["NextToken"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names.len(), 20);
}

/// Everybody may put records into one stream, and nothing else.
struct OnlyPut(&'static str);

impl Access for OnlyPut {
    fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        Err(CredentialError::Unknown)
    }

    fn authorize(&self, caller: &Caller, permission: &Permission, _: Timestamp) -> Result<(), Denial> {
        match (permission.action.as_str(), permission.resource.as_str()) {
            ("kinesis:PutRecord", resource) if resource == self.0 => Ok(()),
            _ => Err(Denial { message: format!("{} may not", caller.user_id) }),
        }
    }
}

#[tokio::test]
async fn deliveries_become_records_where_the_sender_may_put_them() {
    let access = OnlyPut("arn:aws:kinesis:us-east-1:000000000000:stream/s");
    let service = kinesis::service(kinesis::Options::default());
    let streams = Streams(TestCloud::with_access([service], Arc::new(access)));
    for name in ["s", "other"] {
        streams.call("CreateStream", json!({"StreamName": name, "ShardCount": 1})).await.unwrap();
    }
    let (cx, stop) = (streams.0.cloud.system(), CancellationToken::new());
    let deliveries = ["other", "s"].map(|name| {
        let (from, to) = (cx.arn("events", "rule/r"), cx.arn("kinesis", format!("stream/{name}")));
        let mut delivery = Delivery::new(&cx, from, to, "event".into());
        delivery.message.partition_key = Some("key".into());
        delivery
    });
    let context = cx.clone();
    let send = move |tx: &mut kv::Tx| {
        deliveries.iter().try_for_each(|delivery| outbox::send(tx, &context, delivery.clone(), None))
    };
    cx.db().write(send).await.unwrap();
    let _running = streams.0.cloud.start(&stop, &stop);
    while !outbox::lanes(&cx.db().read().unwrap(), 10).unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    assert_eq!(streams.all(FIRST).await, ["key"]);
    let input = json!({"StreamName": "other", "ShardId": FIRST, "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = streams.call("GetShardIterator", input).await.unwrap()["ShardIterator"].clone();
    let page = streams.call("GetRecords", json!({"ShardIterator": iterator})).await.unwrap();
    assert_eq!(page["Records"], json!([]), "the sender may not put records there");
}

/// What may happen to a stream.
#[derive(Clone, Debug)]
enum Step {
    Put { hash: u128, count: usize },
    Split { shard: usize, at: u128 },
    Merge { shard: usize },
    Scale { target: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u128>(), 1..5usize).prop_map(|(hash, count)| Step::Put { hash, count }),
        1 => (any::<usize>(), any::<u128>()).prop_map(|(shard, at)| Step::Split { shard, at }),
        1 => any::<usize>().prop_map(|shard| Step::Merge { shard }),
        1 => (1..6u64).prop_map(|target| Step::Scale { target }),
    ]
}

/// An open shard: its id, and its hash keys.
type Open = (String, u128, u128);

fn open(shards: &[Value]) -> Vec<Open> {
    let hash = |shard: &Value, end: &str| shard["HashKeyRange"][end].as_str().unwrap().parse::<u128>().unwrap();
    let mut open: Vec<Open> = shards
        .iter()
        .filter(|shard| shard["SequenceNumberRange"]["EndingSequenceNumber"].is_null())
        .map(|shard| {
            let id = shard["ShardId"].as_str().unwrap().to_owned();
            (id, hash(shard, "StartingHashKey"), hash(shard, "EndingHashKey"))
        })
        .collect();
    open.sort_by_key(|(_, first, _)| *first);
    open
}

async fn run(steps: Vec<Step>) {
    let streams = Streams::with("s", 2).await;
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut number = 0;
    for step in steps {
        let open = open(&streams.shards().await);
        match step {
            Step::Put { hash, count } => {
                for _ in 0..count {
                    number += 1;
                    let put = streams.put(&number.to_string(), hash).await;
                    let (shard, ..) = open.iter().find(|(_, first, last)| (*first..=*last).contains(&hash)).unwrap();
                    assert_eq!(put["ShardId"], json!(shard));
                    expected.entry(shard.clone()).or_default().push(number.to_string());
                }
            }
            Step::Split { shard, at } => {
                let (id, first, last) = &open[shard % open.len()];
                let at = first + at % (last - first).max(1);
                let input = json!({"StreamName": "s", "ShardToSplit": id, "NewStartingHashKey": at.to_string()});
                let _ = streams.call("SplitShard", input).await;
            }
            Step::Merge { shard } => {
                let [one, other] = [0, 1].map(|more| open[(shard % open.len() + more) % open.len()].0.clone());
                let input = json!({"StreamName": "s", "ShardToMerge": one, "AdjacentShardToMerge": other});
                let _ = streams.call("MergeShards", input).await;
            }
            Step::Scale { target } => {
                let input = json!({"StreamName": "s", "TargetShardCount": target, "ScalingType": "UNIFORM_SCALING"});
                let _ = streams.call("UpdateShardCount", input).await;
            }
        }
        streams.0.env.advance(Duration::from_millis(700));
    }
    check(&streams, &expected).await;
}

/// The open shards have each hash key once, every shard is younger than its parents, and has the records that it was given.
async fn check(streams: &Streams, expected: &BTreeMap<String, Vec<String>>) {
    let shards = streams.shards().await;
    let open = open(&shards);
    assert_eq!((open[0].1, open[open.len() - 1].2), (0, u128::MAX));
    assert!(open.windows(2).all(|pair| pair[0].2 + 1 == pair[1].1));
    let number = |shard: &Value, end: &str| {
        let text = shard["SequenceNumberRange"][end].as_str().unwrap().to_owned();
        (text.len(), text)
    };
    for shard in &shards {
        let id = shard["ShardId"].as_str().unwrap();
        assert_eq!(streams.all(id).await, expected.get(id).cloned().unwrap_or_default(), "{id}");
        for parent in ["ParentShardId", "AdjacentParentShardId"].iter().filter_map(|name| shard[*name].as_str()) {
            let parent = shards.iter().find(|other| other["ShardId"] == parent).unwrap();
            assert!(number(parent, "EndingSequenceNumber") < number(shard, "StartingSequenceNumber"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn records_stay_where_they_were_put_however_shards_change(steps in proptest::collection::vec(step(), 0..16)) {
        tokio::runtime::Runtime::new().unwrap().block_on(run(steps));
    }
}
