//! The table that is measured: items of 1 KiB, a hundred to a partition, drawn by their number.

use std::fmt::Write as _;

use anyhow::bail;
use base::{Env, Timestamp};
use serde_json::{Value, json};

use crate::client::{Call, Client, Endpoint};
use crate::load::share;

/// Items that have the same partition key: what a Query returns.
pub const PARTITION: usize = 100;
/// The most that BatchWriteItem takes.
pub const BATCH: usize = 25;
/// DynamoDB counts the names of attributes and the bytes of strings: with the four other attributes this makes 1,024.
pub const DATA_BYTES: usize = 1_024 - (2 + 12) - (2 + 7) - (5 + 9) - (3 + 10) - 4;
const OWNERS: usize = 1_000;
const DAYS: usize = 365;
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What the table keeps besides its items.
#[derive(Clone, Copy, PartialEq)]
pub enum Extras {
    Nothing,
    /// One index with whole items and one with their keys, and a stream of new and old images.
    IndexesAndStream,
}

impl Extras {
    /// As the rows are called: `PutItem, 32 clients, 10k, indexed`.
    pub fn suffix(self) -> &'static str {
        match self {
            Extras::Nothing => "",
            Extras::IndexesAndStream => ", indexed",
        }
    }

    fn describe(self, input: &mut Value) {
        if self == Extras::Nothing {
            return;
        }
        let index = |name: &str, hash: &str, range: &str, projection: &str| {
            json!({
                "IndexName": name,
                "KeySchema": key_schema(hash, range),
                "Projection": {"ProjectionType": projection},
            })
        };
        input["AttributeDefinitions"] = definitions(&["id", "at", "owner", "day"]);
        input["GlobalSecondaryIndexes"] =
            json!([index("by-owner", "owner", "at", "ALL"), index("by-day", "day", "id", "KEYS_ONLY")]);
        input["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"});
    }
}

fn definitions(attributes: &[&str]) -> Value {
    attributes.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect()
}

fn key_schema(hash: &str, range: &str) -> Value {
    json!([{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"}])
}

/// Makes the table `bench`, and returns once it can be used.
pub async fn create(client: &mut Client, extras: Extras) -> anyhow::Result<()> {
    let mut input = json!({
        "TableName": "bench",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": definitions(&["id", "at"]),
        "KeySchema": key_schema("id", "at"),
    });
    extras.describe(&mut input);
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

/// Puts a small item.
pub async fn put_named(client: &mut Client, id: &str) -> anyhow::Result<()> {
    let body = format!(r#"{{"TableName":"bench","Item":{{"id":{{"S":"{id}"}},"at":{{"S":"-"}}}}}}"#);
    client.call(Call::json("dynamodb", "DynamoDB_20120810.PutItem", body)).await?;
    Ok(())
}

/// What the items of one client say, other for each client and from item to item: nothing is written that is there.
pub struct Content {
    random: Env,
    text: String,
}

impl Content {
    /// The same from run to run.
    pub fn of(client: usize) -> Content {
        let random = Env::simulated(client as u64, Timestamp::ZERO);
        let text = random.random_text(ALPHABET, 2 * DATA_BYTES);
        Content { random, text }
    }

    /// One of the first `numbers`, drawn evenly.
    pub fn draw(&self, numbers: usize) -> usize {
        // It came from a number of this size.
        (self.random.random_u64() % numbers as u64) as usize
    }

    /// The item of this number, in DynamoDB's JSON.
    pub fn item(&self, number: usize) -> String {
        let from = self.draw(DATA_BYTES);
        let data = &self.text[from..from + DATA_BYTES];
        let (owner, day) = (number % OWNERS, number % DAYS);
        let mut item = key_attributes(number);
        let _ = write!(item, r#","owner":{{"S":"owner-{owner:03}"}},"day":{{"S":"day-{day:06}"}}"#);
        let _ = write!(item, r#","data":{{"S":"{data}"}}"#);
        format!("{{{item}}}")
    }
}

/// The key of the item of this number, in DynamoDB's JSON.
pub fn key(number: usize) -> String {
    format!("{{{}}}", key_attributes(number))
}

fn key_attributes(number: usize) -> String {
    format!(r#""id":{{"S":"{}"}},"at":{{"S":"item-{:02}"}}"#, partition(number), number % PARTITION)
}

/// The partition key of the item of this number.
pub fn partition(number: usize) -> String {
    format!("group-{:06}", number / PARTITION)
}

/// Items with these numbers, as one BatchWriteItem.
pub fn batch(content: &Content, numbers: impl Iterator<Item = usize>) -> String {
    let puts: Vec<_> =
        numbers.map(|number| format!(r#"{{"PutRequest":{{"Item":{}}}}}"#, content.item(number))).collect();
    format!(r#"{{"RequestItems":{{"bench":[{}]}}}}"#, puts.join(","))
}

/// Writes items, 25 at a time, by so many clients.
pub async fn load(endpoint: &Endpoint, clients: usize, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
    let (from, until) = (numbers.start, numbers.end);
    let seeds = std::cell::Cell::new(0);
    let worker = || {
        let content = Content::of(seeds.replace(seeds.get() + 1));
        async move |client: &mut Client, number: usize| {
            let first = from + number * BATCH;
            write(client, batch(&content, first..until.min(first + BATCH))).await
        }
    };
    share(endpoint, clients, 0..numbers.len().div_ceil(BATCH), worker).await
}

/// Sends a BatchWriteItem, of which nothing may be left undone.
pub async fn write(client: &mut Client, batch: String) -> anyhow::Result<()> {
    let answer = client.call(Call::json("dynamodb", "DynamoDB_20120810.BatchWriteItem", batch)).await?;
    all_written(&answer)
}

/// # Errors
/// When a BatchWriteItem answers that it has left something undone.
pub fn all_written(answer: &[u8]) -> anyhow::Result<()> {
    let left = &serde_json::from_slice::<Value>(answer)?["UnprocessedItems"];
    if left.as_object().is_some_and(|left| !left.is_empty()) {
        bail!("items were left unprocessed");
    }
    Ok(())
}
