//! Records through a stream: put singly and in batches, each durable before its answer, and read in pages.

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::Bench;
use crate::cases::Case;
use crate::client::{Call, Client, Endpoint};
use crate::load::{Load, Speed};
use crate::report::{Figure, Row, Unit, say};
use crate::rivals::{self, KINESALITE, MOTO};

pub const CASE: Case = Case {
    name: "kinesis",
    about: "records put into a stream, singly and in batches, and read from it in pages",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const SHARDS: usize = 4;
const RECORD_BYTES: usize = 1_024;
const BATCH: usize = 500;
/// Records of a page that is read, and pages of a shard.
const PAGE: usize = 1_000;
const PAGES: usize = 10;
const CLIENTS: usize = 32;
/// Clients that put batches or read pages: one for each shard.
const BULK_CLIENTS: usize = SHARDS;

/// A way to use a stream, and how many records each request is about.
const PATTERNS: [(Pattern, usize); 3] = [(Pattern::Put, 1), (Pattern::PutBatch, BATCH), (Pattern::Read, PAGE)];

#[derive(Clone, Copy)]
enum Pattern {
    Put,
    PutBatch,
    Read,
}

impl Pattern {
    fn name(self) -> String {
        match self {
            Pattern::Put => format!("PutRecord, 1 KiB, {CLIENTS} clients"),
            Pattern::PutBatch => format!("PutRecords, {BATCH} of 1 KiB, {BULK_CLIENTS} clients"),
            Pattern::Read => format!("GetRecords, {PAGE} of 1 KiB, {BULK_CLIENTS} clients"),
        }
    }
}

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (server, _data) = bench.server().await?;
    let measured = measure(bench, &server.endpoint).await?;
    let mut rows: Vec<Row> =
        PATTERNS.iter().zip(measured).map(|((pattern, _), figures)| Row::new(pattern.name(), figures)).collect();
    for rival in rivals::start(bench, &[KINESALITE, MOTO]).await {
        say(format_args!("  the same on {}", rival.name));
        match measure(bench, &rival.endpoint).await {
            Ok(all) => rows.iter_mut().zip(all).for_each(|(row, figures)| row.rival_figures(&rival.name, figures)),
            Err(error) => bench.note(format!("{} is not compared with in kinesis: {error:#}", rival.name)),
        }
    }
    server.stop().await?;
    Ok(rows)
}

/// What each pattern comes to: bytes and records a second, and latencies.
async fn measure(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Vec<Vec<Figure>>> {
    let mut client = Client::new(endpoint)?;
    create(&mut client, "bench").await?;
    create(&mut client, "read").await?;
    fill(&mut client, "read").await?;
    let mut all = Vec::new();
    for (pattern, records) in PATTERNS {
        let speed = match pattern {
            Pattern::Put => put_singly(bench, endpoint).await?,
            Pattern::PutBatch => put_batches(bench, endpoint).await?,
            Pattern::Read => read(bench, endpoint).await?,
        };
        let rate = speed.rate * records as f64;
        all.push(vec![
            Figure::new("", rate * RECORD_BYTES as f64 / f64::from(1 << 20), Unit::MiBPerSecond),
            Figure::new("records", rate, Unit::PerSecond),
            Figure::new("p50", speed.latencies.millis(0.5), Unit::Milliseconds),
            Figure::new("p99", speed.latencies.millis(0.99), Unit::Milliseconds),
        ]);
    }
    Ok(all)
}

async fn put_singly(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Speed> {
    let data = data();
    let worker = |number: usize| {
        let (data, mut count) = (data.as_str(), 0_usize);
        async move |client: &mut Client| {
            count += 1;
            let input = format!(r#"{{"StreamName":"bench","Data":"{data}","PartitionKey":"{number}-{count}"}}"#);
            call(client, "Kinesis_20131202.PutRecord", input).await.map(|_| ())
        }
    };
    Load::new(CLIENTS, bench.pace()).run(endpoint, worker).await
}

async fn put_batches(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Speed> {
    let input = batch("bench", BATCH, |entry| format!(r#""PartitionKey":"{entry}""#));
    let worker = |_| {
        let input = input.clone();
        async move |client: &mut Client| put(client, input.clone()).await
    };
    Load::new(BULK_CLIENTS, bench.pace()).run(endpoint, worker).await
}

/// Each client reads a shard from its beginning to its end, again and again.
async fn read(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Speed> {
    let worker = |shard: usize| {
        let (mut iterator, mut pages) = (String::new(), 0);
        async move |client: &mut Client| {
            if pages == 0 {
                iterator = begin(client, shard % SHARDS).await?;
            }
            pages = (pages + 1) % PAGES;
            let input = format!(r#"{{"ShardIterator":{iterator},"Limit":{PAGE}}}"#);
            let page = call(client, "Kinesis_20131202.GetRecords", input).await?;
            iterator = page.get("NextShardIterator").context("a shard that goes on")?.to_string();
            match page.get("Records").and_then(Value::as_array).map_or(0, Vec::len) {
                PAGE => Ok(()),
                records => bail!("a page has {records} records"),
            }
        }
    };
    Load::new(BULK_CLIENTS, bench.pace()).run(endpoint, worker).await
}

/// An iterator, as JSON.
async fn begin(client: &mut Client, shard: usize) -> anyhow::Result<String> {
    let input =
        format!(r#"{{"StreamName":"read","ShardId":"shardId-{shard:012}","ShardIteratorType":"TRIM_HORIZON"}}"#);
    let answer = call(client, "Kinesis_20131202.GetShardIterator", input).await?;
    Ok(answer.get("ShardIterator").context("an iterator")?.to_string())
}

async fn create(client: &mut Client, name: &str) -> anyhow::Result<()> {
    let input = format!(r#"{{"StreamName":"{name}","ShardCount":{SHARDS}}}"#);
    request(client, "Kinesis_20131202.CreateStream", input).await?;
    // The rivals make streams later than they say.
    loop {
        let input = format!(r#"{{"StreamName":"{name}"}}"#);
        let answer = call(client, "Kinesis_20131202.DescribeStream", input).await?;
        if answer.pointer("/StreamDescription/StreamStatus").is_some_and(|status| status == "ACTIVE") {
            return Ok(());
        }
    }
}

/// Puts as many pages of records into each shard as are read.
async fn fill(client: &mut Client, name: &str) -> anyhow::Result<()> {
    for shard in 0..SHARDS as u128 {
        let hash = (u128::MAX / SHARDS as u128) * shard + 1_000;
        let input = batch(name, BATCH, |_| format!(r#""PartitionKey":"k","ExplicitHashKey":"{hash}""#));
        for _ in 0..PAGE * PAGES / BATCH {
            put(client, input.clone()).await?;
        }
    }
    Ok(())
}

/// Base64 of a record's bytes.
fn data() -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, vec![b'x'; RECORD_BYTES])
}

fn batch(name: &str, count: usize, place: impl Fn(usize) -> String) -> String {
    let data = data();
    let entries: Vec<String> = (0..count).map(|entry| format!(r#"{{"Data":"{data}",{}}}"#, place(entry))).collect();
    format!(r#"{{"StreamName":"{name}","Records":[{}]}}"#, entries.join(","))
}

async fn put(client: &mut Client, input: String) -> anyhow::Result<()> {
    let answer = call(client, "Kinesis_20131202.PutRecords", input).await?;
    match answer.get("FailedRecordCount").and_then(Value::as_u64) {
        Some(0) => Ok(()),
        failed => bail!("records of a batch failed: {failed:?}"),
    }
}

async fn call(client: &mut Client, target: &'static str, input: String) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&request(client, target, input).await?)?)
}

async fn request(client: &mut Client, target: &'static str, input: String) -> anyhow::Result<bytes::Bytes> {
    let content_type = "application/x-amz-json-1.1";
    client.call(Call { content_type, ..Call::json("kinesis", target, input) }).await
}
