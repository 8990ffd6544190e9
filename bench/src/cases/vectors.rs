//! Searching a vector index, beside looking at as many bytes in memory, which is the least that an exact search takes.

use std::hint::black_box;
use std::time::Instant;

use anyhow::ensure;
use serde_json::{Value, json};

use crate::Bench;
use crate::cases::Case;
use crate::client::{Call, Client};
use crate::load::Latencies;
use crate::report::{Figure, Row, Unit, say};

pub const CASE: Case = Case {
    name: "vectors",
    about: "the ten nearest of 100,000 vectors of 768 dimensions, beside a scan of the same bytes in memory",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const DIMENSIONS: usize = 768;
const VECTORS: usize = 100_000;
const BATCH: usize = 25;

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let count = if bench.options.quick { VECTORS / 10 } else { VECTORS };
    let (server, _data) = bench.server().await?;
    let mut client = server.client()?;
    create(&mut client).await?;
    say(format_args!("  loading {count} vectors"));
    let began = Instant::now();
    for first in (0..count).step_by(BATCH) {
        load(&mut client, first..(first + BATCH).min(count)).await?;
    }
    let loading = count as f64 / began.elapsed().as_secs_f64();
    let (mut own, mut memory) = (Latencies::new()?, Latencies::new()?);
    let all: Vec<f32> = (0..count).flat_map(vector).collect();
    for number in 0..bench.samples(50) {
        let (target, wanted) = (number * 97 % count, vector(number * 97 % count));
        let began = Instant::now();
        let answer = search(&mut client, &wanted).await?;
        own.record(began.elapsed());
        ensure!(answer == target.to_string(), "{answer} is said to be nearest to {target}");
        let began = Instant::now();
        black_box(nearest(&all, black_box(&wanted)));
        memory.record(began.elapsed());
    }
    server.stop().await?;
    let figures = vec![
        Figure::new("p50", own.millis(0.5), Unit::Milliseconds),
        Figure::new("p99", own.millis(0.99), Unit::Milliseconds),
        Figure::new("in memory p50", memory.millis(0.5), Unit::Milliseconds),
        Figure::new("of that", own.millis(0.5) / memory.millis(0.5), Unit::Times),
    ];
    Ok(vec![
        Row::single(
            format!("writing vectors of {DIMENSIONS} dimensions, one client, 25 a batch"),
            loading,
            Unit::PerSecond,
        ),
        Row::new(format!("SearchVectors, 10 of {count}"), figures),
    ])
}

async fn create(client: &mut Client) -> anyhow::Result<()> {
    let input = json!({
        "TableName": "vectors",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "VectorIndexes": [{
            "IndexName": "near",
            "VectorAttribute": {"AttributeName": "v"},
            "Dimensions": DIMENSIONS,
            "DistanceFunction": "COSINE",
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }],
    });
    client.call(Call::json("dynamodb", "DynamoDB_20120810.CreateTable", input.to_string())).await.map(drop)
}

/// A vector that its number gives: the same in each run, and like no other.
fn vector(number: usize) -> impl Iterator<Item = f32> + Clone {
    let mut state = number as u64 + 1;
    (0..DIMENSIONS).map(move |_| {
        // A step of SplitMix64, of which 24 bits are as many as such a number has.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    })
}

fn numbers(components: impl Iterator<Item = f32>) -> Value {
    components.map(|component| json!({"N": component.to_string()})).collect()
}

async fn load(client: &mut Client, numbered: std::ops::Range<usize>) -> anyhow::Result<()> {
    let puts: Vec<Value> = numbered
        .map(|number| json!({"PutRequest": {"Item": {"id": {"S": number.to_string()}, "v": {"L": numbers(vector(number))}}}}))
        .collect();
    let input = json!({"RequestItems": {"vectors": puts}}).to_string();
    client.call(Call::json("dynamodb", "DynamoDB_20120810.BatchWriteItem", input)).await.map(drop)
}

/// The key of the nearest.
async fn search(client: &mut Client, wanted: &(impl Iterator<Item = f32> + Clone)) -> anyhow::Result<String> {
    let input = json!({
        "TableName": "vectors", "IndexName": "near", "SearchVector": numbers(wanted.clone()), "TopK": 10,
    });
    let answer = client.call(Call::json("dynamodb", "DynamoDB_20120810.SearchVectors", input.to_string())).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    let results = answer["SearchResults"].as_array().map_or(0, Vec::len);
    ensure!(results == 10, "there are {results} results");
    Ok(answer["SearchResults"][0]["Item"]["id"]["S"].as_str().unwrap_or_default().to_owned())
}

/// The greatest product with `wanted`, of vectors that lie one behind the other.
fn nearest(all: &[f32], wanted: &(impl Iterator<Item = f32> + Clone)) -> f64 {
    const LANES: usize = 8;
    let wanted: Vec<f32> = wanted.clone().collect();
    let product = |vector: &[f32]| {
        let mut lanes = [0.0f64; LANES];
        for (one, other) in vector.as_chunks::<LANES>().0.iter().zip(wanted.as_chunks::<LANES>().0) {
            for ((lane, one), other) in lanes.iter_mut().zip(one).zip(other) {
                *lane += f64::from(*one) * f64::from(*other);
            }
        }
        lanes.iter().sum::<f64>()
    };
    all.chunks_exact(DIMENSIONS).map(product).fold(f64::MIN, f64::max)
}
