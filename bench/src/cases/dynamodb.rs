//! PutItem and GetItem of items of 1 KiB, in a small and in a large table.

use std::time::Instant;

use anyhow::{Context as _, bail};
use base::{Env, Timestamp};
use serde_json::{Value, json};

use crate::Bench;
use crate::cases::Case;
use crate::client::{Call, Client, Endpoint};
use crate::load::{Load, Speed, share};
use crate::report::{Promise, Row, Unit, say};
use crate::rivals::{self, DYNALITE, MOTO};

pub const CASE: Case = Case {
    name: "dynamodb",
    about: "PutItem and GetItem of 1 KiB, at 1 and at 32 clients, in a small and in a large table",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const PUT: Promise = Promise::AtLeast(15_000.0);
const GET: Promise = Promise::AtLeast(25_000.0);
/// The large table's rate of the small one's.
const LARGE_OF_SMALL: Promise = Promise::AtLeast(80.0);

const CLIENTS: usize = 32;
const SMALL: usize = 10_000;
/// DynamoDB counts the names of attributes and the bytes of strings: `id` and 13, `data` and this make 1,024.
const DATA_BYTES: usize = 1_024 - 13 - 6;
/// The most that BatchWriteItem takes.
const BATCH: usize = 25;
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (server, _data) = bench.server().await?;
    create_table(&mut server.client()?).await?;
    let loaded = load(&server.endpoint, 0..SMALL).await?;
    let mut small = measure(bench, &server.endpoint, SMALL).await?;
    for rival in rivals::start(bench, &[DYNALITE, MOTO]).await {
        say(format_args!("  the same on {}", rival.name));
        match compare(bench, &rival.endpoint).await {
            Ok(speeds) => small.iter_mut().zip(&speeds).for_each(|(at, speed)| at.row.rival(&rival.name, speed)),
            Err(error) => bench.note(format!("{} is not compared with in dynamodb: {error:#}", rival.name)),
        }
    }
    let small_puts = put_rate(&small);
    let mut rows = vec![Row::single("BatchWriteItem, empty table", loaded, Unit::PerSecond)];
    rows.extend(small.into_iter().map(|at| at.row));
    let large = bench.options.items;
    if !bench.options.quick && large > SMALL {
        let loaded = load(&server.endpoint, SMALL..large).await?;
        rows.push(Row::single(format!("BatchWriteItem, to {} items", short(large)), loaded, Unit::PerSecond));
        let at_large = measure(bench, &server.endpoint, large).await?;
        let share = 100.0 * put_rate(&at_large) / small_puts;
        rows.extend(at_large.into_iter().map(|at| at.row));
        let what = format!("PutItem, {} of {}", short(large), short(SMALL));
        rows.push(Row::single(what, share, Unit::Percent).promise("", LARGE_OF_SMALL));
    }
    server.stop().await?;
    Ok(rows)
}

struct Measured {
    row: Row,
    rate: f64,
}

/// The rate of PutItem with all clients, which is the first row.
fn put_rate(measured: &[Measured]) -> f64 {
    measured.first().map_or(0.0, |put| put.rate)
}

async fn measure(bench: &Bench, endpoint: &Endpoint, items: usize) -> anyhow::Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for (clients, promised) in [(CLIENTS, true), (1, false)] {
        for (operation, promise) in [("PutItem", PUT), ("GetItem", GET)] {
            let what =
                format!("{operation}, {clients} client{}, {}", if clients == 1 { "" } else { "s" }, short(items));
            say(format_args!("  {what}"));
            let speed = speed(bench, endpoint, operation, clients, items).await.with_context(|| what.clone())?;
            let row = Row::speed(what, &speed);
            let row = if promised { row.promise("", promise) } else { row };
            measured.push(Measured { row, rate: speed.rate });
        }
    }
    Ok(measured)
}

/// What a rival comes to, in the order of [`measure`].
async fn compare(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Vec<Speed>> {
    create_table(&mut Client::new(endpoint)?).await?;
    load(endpoint, 0..SMALL).await?;
    let mut speeds = Vec::new();
    for clients in [CLIENTS, 1] {
        for operation in ["PutItem", "GetItem"] {
            speeds.push(speed(bench, endpoint, operation, clients, SMALL).await?);
        }
    }
    Ok(speeds)
}

/// Puts or gets items that are all there, drawn evenly.
async fn speed(
    bench: &Bench,
    endpoint: &Endpoint,
    operation: &str,
    clients: usize,
    items: usize,
) -> anyhow::Result<Speed> {
    let load = Load::new(clients, bench.pace());
    let worker = |client: usize| {
        let (random, puts) = (random(client), operation == "PutItem");
        let data = data(&random);
        async move |client: &mut Client| {
            let number = usize::try_from(random.random_u64() % items as u64)?;
            if puts { put(client, number, &data).await } else { get(client, number).await }
        }
    };
    load.run(endpoint, worker).await
}

async fn put(client: &mut Client, number: usize, data: &str) -> anyhow::Result<()> {
    let body = format!(r#"{{"TableName":"bench","Item":{}}}"#, item(number, data));
    client.call(Call::json("dynamodb", "DynamoDB_20120810.PutItem", body)).await?;
    Ok(())
}

/// Puts a small item.
pub async fn put_named(client: &mut Client, id: &str) -> anyhow::Result<()> {
    let body = format!(r#"{{"TableName":"bench","Item":{{"id":{{"S":"{id}"}}}}}}"#);
    client.call(Call::json("dynamodb", "DynamoDB_20120810.PutItem", body)).await?;
    Ok(())
}

async fn get(client: &mut Client, number: usize) -> anyhow::Result<()> {
    let body = format!(r#"{{"TableName":"bench","Key":{{"id":{{"S":"{}"}}}}}}"#, id(number));
    let answer = client.call(Call::json("dynamodb", "DynamoDB_20120810.GetItem", body)).await?;
    if answer.len() < DATA_BYTES { bail!("item {number} is not there, or not whole") } else { Ok(()) }
}

pub async fn create_table(client: &mut Client) -> anyhow::Result<()> {
    let input = json!({
        "TableName": "bench",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    });
    client.call(Call::json("dynamodb", "DynamoDB_20120810.CreateTable", input.to_string())).await?;
    loop {
        let input = r#"{"TableName":"bench"}"#;
        let answer = client.call(Call::json("dynamodb", "DynamoDB_20120810.DescribeTable", input)).await?;
        if serde_json::from_slice::<Value>(&answer)?["Table"]["TableStatus"] == "ACTIVE" {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Writes items, and returns how many a second.
async fn load(endpoint: &Endpoint, numbers: std::ops::Range<usize>) -> anyhow::Result<f64> {
    say(format_args!("  loading {} items", numbers.len()));
    let (from, until, began) = (numbers.start, numbers.end, Instant::now());
    let data = data(&random(CLIENTS));
    let worker = || {
        let data = data.clone();
        async move |client: &mut Client, batch: usize| {
            let first = from + batch * BATCH;
            let items = first..until.min(first + BATCH);
            let puts: Vec<_> =
                items.map(|number| format!(r#"{{"PutRequest":{{"Item":{}}}}}"#, item(number, &data))).collect();
            let body = format!(r#"{{"RequestItems":{{"bench":[{}]}}}}"#, puts.join(","));
            let answer = client.call(Call::json("dynamodb", "DynamoDB_20120810.BatchWriteItem", body)).await?;
            let left = &serde_json::from_slice::<Value>(&answer)?["UnprocessedItems"];
            if left.as_object().is_some_and(|left| !left.is_empty()) {
                bail!("items were left unprocessed");
            }
            anyhow::Ok(())
        }
    };
    share(endpoint, CLIENTS, 0..numbers.len().div_ceil(BATCH), worker).await?;
    Ok(numbers.len() as f64 / began.elapsed().as_secs_f64())
}

fn id(number: usize) -> String {
    format!("item-{number:08}")
}

fn item(number: usize, data: &str) -> String {
    format!(r#"{{"id":{{"S":"{}"}},"data":{{"S":"{data}"}}}}"#, id(number))
}

/// Randomness that repeats from run to run, other for each client.
fn random(client: usize) -> Env {
    Env::simulated(client as u64, Timestamp::ZERO)
}

fn data(random: &Env) -> String {
    random.random_text(ALPHABET, DATA_BYTES)
}

/// `10k`, `1M`.
fn short(items: usize) -> String {
    match items {
        _ if items.is_multiple_of(1_000_000) => format!("{}M", items / 1_000_000),
        _ if items.is_multiple_of(1_000) => format!("{}k", items / 1_000),
        _ => items.to_string(),
    }
}
