//! `kill -9` under load, again and again on the same data: what was acknowledged is there afterwards.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use base::Env;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::Bench;
use crate::cases::{Case, dynamodb, sqs};
use crate::client::{Call, Client, Endpoint};
use crate::load::Latencies;
use crate::report::{Promise, Row, Unit, say};
use crate::server::Server;

pub const CASE: Case = Case {
    name: "crash",
    about: "acknowledged writes that are lost when the server is killed with SIGKILL under load",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const LOST: Promise = Promise::AtMost(0.0);

/// Half of them send messages, half put items.
const CLIENTS: usize = 32;
const LIFE_MIN: Duration = Duration::from_millis(100);
const LIFE_SPREAD_MILLIS: u64 = 900;
/// How long messages stay with who has received them: longer than the check of a round takes.
const VISIBILITY_SECONDS: u32 = 600;

/// What one kind of write came to.
#[derive(Default)]
struct Tally {
    acknowledged: usize,
    lost: usize,
}

impl Tally {
    fn check(&mut self, acknowledged: &HashSet<String>, found: &HashSet<String>) {
        self.acknowledged += acknowledged.len();
        self.lost += acknowledged.difference(found).count();
    }
}

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (random, data) = (Env::real(), bench.data_folder()?);
    let (binary, rounds) = (&bench.binaries.cloudlet, bench.options.rounds);
    let mut server = Server::start(binary, data.path()).await?;
    dynamodb::create(&mut server.client()?, dynamodb::Extras::Nothing).await?;
    let queue = sqs::create_queue(&mut server.client()?, "crash").await?;
    let (mut items, mut messages, mut deletes) = (Tally::default(), Tally::default(), Tally::default());
    let (mut all_items, mut deleted) = (HashSet::new(), HashSet::new());
    let mut restarts = Latencies::new()?;
    for round in 0..rounds {
        let life = LIFE_MIN + Duration::from_millis(random.random_u64() % LIFE_SPREAD_MILLIS);
        let written = write_until_killed(server, round, &queue, life).await?;
        let (restarted, took) = restart(binary, data.path()).await.with_context(|| format!("after round {round}"))?;
        server = restarted;
        restarts.record(took);
        let found = drain(&server.endpoint, &queue).await?;
        messages.check(&written.messages, &found);
        // What was deleted, and that was acknowledged, may not come back.
        deletes.acknowledged = deleted.len();
        deletes.lost += found.iter().filter(|body| deleted.contains(*body)).count();
        deleted.extend(found);
        say(format_args!("  round {}: {} items, {} messages", round + 1, written.items.len(), written.messages.len()));
        all_items.extend(written.items);
    }
    items.check(&all_items, &scan(&mut server.client()?).await?);
    server.stop().await?;
    if items.acknowledged == 0 || messages.acknowledged == 0 {
        bail!("nothing was acknowledged: this shows nothing");
    }
    let row = |what: &str, tally: &Tally| {
        let what = format!("{what} lost of {}, {rounds} times kill -9", tally.acknowledged);
        Row::single(what, tally.lost as f64, Unit::Count).promise("", LOST)
    };
    Ok(vec![
        row("items", &items),
        row("messages", &messages),
        row("deletions", &deletes),
        Row::latencies("start after kill -9 to first answer", &restarts),
    ])
}

/// What one round's clients were told is written.
#[derive(Default)]
struct Written {
    items: HashSet<String>,
    messages: HashSet<String>,
}

async fn write_until_killed(server: Server, round: u32, queue: &str, life: Duration) -> anyhow::Result<Written> {
    let endpoint = server.endpoint.clone();
    let written = RefCell::new(Written::default());
    let killed = Cell::new(false);
    let clients = (0..CLIENTS).map(async |number| {
        let mut client = Client::new(&endpoint)?;
        for count in 0_u64.. {
            let name = format!("{round}-{number}-{count}");
            let outcome = if number % 2 == 0 {
                sqs::send(&mut client, queue, &name).await
            } else {
                dynamodb::put_named(&mut client, &name).await
            };
            match outcome {
                Ok(()) if number % 2 == 0 => written.borrow_mut().messages.insert(name),
                Ok(()) => written.borrow_mut().items.insert(name),
                // Nobody answers any more.
                Err(_) if killed.get() => break,
                Err(error) => return Err(error.context("before the server was killed")),
            };
        }
        anyhow::Ok(())
    });
    let kill = async {
        tokio::time::sleep(life).await;
        killed.set(true);
        server.kill().await
    };
    let (outcomes, outcome) = futures_util::future::join(join_all(clients), kill).await;
    outcome?;
    outcomes.into_iter().collect::<anyhow::Result<()>>()?;
    Ok(written.into_inner())
}

/// Starts the server on what was left, and returns how long it took to answer.
async fn restart(binary: &Path, data: &Path) -> anyhow::Result<(Server, Duration)> {
    let began = Instant::now();
    let server = Server::start(binary, data).await?;
    server.client()?.call(Call::json("sqs", "AmazonSQS.ListQueues", "{}")).await?;
    Ok((server, began.elapsed()))
}

/// Receives and deletes all messages, and returns their bodies.
async fn drain(endpoint: &Endpoint, queue: &str) -> anyhow::Result<HashSet<String>> {
    let mut client = Client::new(endpoint)?;
    let mut bodies = HashSet::new();
    loop {
        let options = format!(r#""MaxNumberOfMessages":10,"VisibilityTimeout":{VISIBILITY_SECONDS}"#);
        let input = format!(r#"{{"QueueUrl":{queue},{options}}}"#);
        let answer = client.call(Call::json("sqs", "AmazonSQS.ReceiveMessage", input)).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let Some(messages) = answer["Messages"].as_array().filter(|messages| !messages.is_empty()) else {
            return Ok(bodies);
        };
        let entries: Vec<_> = messages
            .iter()
            .enumerate()
            .map(|(id, message)| json!({"Id": id.to_string(), "ReceiptHandle": message["ReceiptHandle"]}))
            .collect();
        let input = format!(r#"{{"QueueUrl":{queue},"Entries":{}}}"#, Value::from(entries));
        let answer = client.call(Call::json("sqs", "AmazonSQS.DeleteMessageBatch", input)).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        if answer["Successful"].as_array().map(Vec::len) != Some(messages.len()) {
            bail!("messages could not be deleted: {answer}");
        }
        for message in messages {
            let body = message["Body"].as_str().context("a message without a body")?;
            if !bodies.insert(body.to_owned()) {
                bail!("message {body} came twice, though it was hidden or deleted");
            }
        }
    }
}

/// The names of all items.
async fn scan(client: &mut Client) -> anyhow::Result<HashSet<String>> {
    let mut names = HashSet::new();
    let mut start = Value::Null;
    loop {
        let mut input = json!({"TableName": "bench", "ConsistentRead": true});
        if !start.is_null() {
            input["ExclusiveStartKey"] = start;
        }
        let answer = client.call(Call::json("dynamodb", "DynamoDB_20120810.Scan", input.to_string())).await?;
        let mut answer: Value = serde_json::from_slice(&answer)?;
        for item in answer["Items"].as_array().into_iter().flatten() {
            names.insert(item["id"]["S"].as_str().context("an item without its key")?.to_owned());
        }
        start = answer["LastEvaluatedKey"].take();
        if start.is_null() {
            return Ok(names);
        }
    }
}
