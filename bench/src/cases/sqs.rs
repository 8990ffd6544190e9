//! Messages through a queue: sent, received and deleted, each step durable before the next.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::Bench;
use crate::cases::Case;
use crate::client::{Call, Client, Endpoint};
use crate::load::{Load, Speed, share};
use crate::report::{Promise, Row, say};
use crate::rivals::{self, MINISTACK, MOTO};

pub const CASE: Case = Case {
    name: "sqs",
    about: "messages sent, received and deleted: singly and in tens, with a backlog, in order",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const MESSAGES: Promise = Promise::AtLeast(5_000.0);

const CLIENTS: usize = 32;
const BODY_BYTES: usize = 256;
const BATCH: usize = 10;
/// Groups of the FIFO queue with many.
const GROUPS: usize = 1_000;
/// Every client has sent a message before it receives one, so there always is one to be had, or will be soon.
const RECEIVE_WAIT_MAX: std::time::Duration = std::time::Duration::from_secs(30);

/// A way to use a queue.
#[derive(Clone, Copy)]
struct Pattern {
    clients: usize,
    /// Messages in each request.
    batch: usize,
    /// For a FIFO queue: how many groups the messages are of.
    groups: Option<usize>,
    /// Whether as many messages as the large table has items wait in the queue all the time.
    backlog: bool,
}

const SINGLY: Pattern = Pattern { clients: CLIENTS, batch: 1, groups: None, backlog: false };
const ONE_CLIENT: Pattern = Pattern { clients: 1, ..SINGLY };
const IN_TENS: Pattern = Pattern { batch: BATCH, ..SINGLY };
const IN_TENS_ONE_CLIENT: Pattern = Pattern { clients: 1, ..IN_TENS };
const ONE_GROUP: Pattern = Pattern { groups: Some(1), ..SINGLY };
const MANY_GROUPS: Pattern = Pattern { groups: Some(GROUPS), ..SINGLY };
const WITH_BACKLOG: [Pattern; 4] = [
    Pattern { backlog: true, ..SINGLY },
    Pattern { backlog: true, ..ONE_CLIENT },
    Pattern { backlog: true, ..IN_TENS },
    Pattern { backlog: true, ..IN_TENS_ONE_CLIENT },
];
const WITHOUT: [Pattern; 6] = [SINGLY, ONE_CLIENT, IN_TENS, IN_TENS_ONE_CLIENT, MANY_GROUPS, ONE_GROUP];

impl Pattern {
    fn name(self, waiting: usize) -> String {
        let Pattern { clients, batch, groups, backlog } = self;
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let mut name = format!("send, receive, delete, {clients} client{}", plural(clients));
        if batch > 1 {
            name += &format!(", {batch} at a time");
        }
        if let Some(groups) = groups {
            name += &format!(", FIFO with {groups} group{}", plural(groups));
        }
        if backlog {
            name += &format!(", {waiting} waiting");
        }
        name
    }
}

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (server, _data) = bench.server().await?;
    let mut rows = Vec::new();
    for (pattern, speed) in measure(bench, &server.endpoint).await? {
        let row = Row::speed(pattern.name(0), &speed);
        let promised = pattern.clients == CLIENTS && pattern.batch == 1 && pattern.groups.is_none();
        rows.push(if promised { row.promise("", MESSAGES) } else { row });
    }
    for rival in rivals::start(bench, &[MINISTACK, MOTO]).await {
        say(format_args!("  the same on {}", rival.name));
        match measure(bench, &rival.endpoint).await {
            Ok(speeds) => rows.iter_mut().zip(&speeds).for_each(|(row, (_, speed))| row.rival(&rival.name, speed)),
            Err(error) => bench.note(format!("{} is not compared with in sqs: {error:#}", rival.name)),
        }
    }
    let waiting = if bench.options.quick { bench.options.items / 50 } else { bench.options.items };
    say(format_args!("  with {waiting} messages waiting"));
    let queue = create_queue(&mut Client::new(&server.endpoint)?, "backlog").await?;
    fill(&server.endpoint, &queue, waiting).await?;
    for pattern in WITH_BACKLOG {
        let speed = measure_one(bench, &server.endpoint, &queue, pattern).await?;
        rows.push(Row::speed(pattern.name(waiting), &speed));
    }
    server.stop().await?;
    Ok(rows)
}

async fn fill(endpoint: &Endpoint, queue: &str, messages: usize) -> anyhow::Result<()> {
    let body = "m".repeat(BODY_BYTES);
    let worker = || {
        let entries = entries(&body, BATCH, |_| String::new());
        async move |client: &mut Client, _| send_batch(client, queue, &entries).await
    };
    share(endpoint, CLIENTS, 0..messages / BATCH, worker).await
}

/// Each pattern, on a queue of its own, and the messages per second that it comes to.
async fn measure(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Vec<(Pattern, Speed)>> {
    let mut speeds = Vec::new();
    for (number, pattern) in WITHOUT.into_iter().enumerate() {
        let mut client = Client::new(endpoint)?;
        let queue = match pattern.groups {
            None => create_queue(&mut client, &format!("bench{number}")).await?,
            Some(_) => create_fifo(&mut client, &format!("bench{number}.fifo")).await?,
        };
        speeds.push((pattern, measure_one(bench, endpoint, &queue, pattern).await?));
    }
    Ok(speeds)
}

async fn measure_one(bench: &Bench, endpoint: &Endpoint, queue: &str, pattern: Pattern) -> anyhow::Result<Speed> {
    let body = "m".repeat(BODY_BYTES);
    // Deduplication ids are never used twice on a queue: each client counts its own.
    let worker = |client_number: usize| {
        let (body, mut number) = (body.as_str(), 0_usize);
        async move |client: &mut Client| {
            number += 1;
            let place = |entry: usize| match pattern.groups {
                None => String::new(),
                Some(groups) => {
                    let group = (number * CLIENTS + client_number) % groups;
                    format!(
                        r#","MessageGroupId":"g{group}","MessageDeduplicationId":"{client_number}-{number}-{entry}""#
                    )
                }
            };
            if pattern.batch == 1 {
                send_placed(client, queue, body, &place(0)).await?;
                let receipt = receive(client, queue).await?;
                return delete(client, queue, &receipt).await;
            }
            send_batch(client, queue, &entries(body, pattern.batch, place)).await?;
            let mut left = pattern.batch;
            while left > 0 {
                let receipts = receive_batch(client, queue, left).await?;
                left -= receipts.len();
                delete_batch(client, queue, &receipts).await?;
            }
            Ok(())
        }
    };
    let mut speed = Load::new(pattern.clients, bench.pace()).run(endpoint, worker).await?;
    speed.rate *= pattern.batch as f64;
    Ok(speed)
}

/// The new queue's URL, as JSON.
pub async fn create_queue(client: &mut Client, name: &str) -> anyhow::Result<String> {
    let input = format!(r#"{{"QueueName":"{name}"}}"#);
    let answer = client.call(Call::json("sqs", "AmazonSQS.CreateQueue", input)).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    Ok(answer.get("QueueUrl").context("a queue without a URL")?.to_string())
}

/// One attribute of a queue.
pub async fn attribute(client: &mut Client, queue: &str, name: &str) -> anyhow::Result<String> {
    let input = format!(r#"{{"QueueUrl":{queue},"AttributeNames":["{name}"]}}"#);
    let answer = client.call(Call::json("sqs", "AmazonSQS.GetQueueAttributes", input)).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    let value = answer.pointer(&format!("/Attributes/{name}")).and_then(Value::as_str);
    Ok(value.context("a queue without the attribute")?.to_owned())
}

pub async fn waiting(client: &mut Client, queue: &str) -> anyhow::Result<usize> {
    Ok(attribute(client, queue, "ApproximateNumberOfMessages").await?.parse()?)
}

const ARRIVAL_POLL: Duration = Duration::from_millis(20);
const ARRIVAL_WAIT_MAX: Duration = Duration::from_secs(300);

/// Waits until so many messages are in a queue, of those that have been sent on their way since `began`.
///
/// # Errors
/// When they do not arrive.
pub async fn arrived(client: &mut Client, queue: &str, count: usize, began: Instant) -> anyhow::Result<()> {
    while waiting(client, queue).await? < count {
        if began.elapsed() > ARRIVAL_WAIT_MAX {
            bail!("what was sent does not arrive");
        }
        tokio::time::sleep(ARRIVAL_POLL).await;
    }
    Ok(())
}

/// Lets a service send to a queue, and returns its ARN.
pub async fn allow(client: &mut Client, queue: &str, service: &str) -> anyhow::Result<String> {
    let arn = attribute(client, queue, "QueueArn").await?;
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn,
    }]});
    let policy = Value::String(policy.to_string());
    let input = format!(r#"{{"QueueUrl":{queue},"Attributes":{{"Policy":{policy}}}}}"#);
    client.call(Call::json("sqs", "AmazonSQS.SetQueueAttributes", input)).await?;
    Ok(arn)
}

async fn create_fifo(client: &mut Client, name: &str) -> anyhow::Result<String> {
    let input = format!(
        r#"{{"QueueName":"{name}","Attributes":{{"FifoQueue":"true","DeduplicationScope":"messageGroup","FifoThroughputLimit":"perMessageGroupId"}}}}"#
    );
    let answer = client.call(Call::json("sqs", "AmazonSQS.CreateQueue", input)).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    Ok(answer.get("QueueUrl").context("a queue without a URL")?.to_string())
}

/// `queue` is a URL as JSON, `body` needs no escapes in JSON.
pub async fn send(client: &mut Client, queue: &str, body: &str) -> anyhow::Result<()> {
    send_placed(client, queue, body, "").await
}

/// `place` is more members, each with a comma before it.
async fn send_placed(client: &mut Client, queue: &str, body: &str, place: &str) -> anyhow::Result<()> {
    let input = format!(r#"{{"QueueUrl":{queue},"MessageBody":"{body}"{place}}}"#);
    client.call(Call::json("sqs", "AmazonSQS.SendMessage", input)).await?;
    Ok(())
}

fn entries(body: &str, count: usize, place: impl Fn(usize) -> String) -> String {
    let entry = |id: usize| format!(r#"{{"Id":"{id}","MessageBody":"{body}"{}}}"#, place(id));
    (0..count).map(entry).collect::<Vec<_>>().join(",")
}

async fn send_batch(client: &mut Client, queue: &str, entries: &str) -> anyhow::Result<()> {
    let input = format!(r#"{{"QueueUrl":{queue},"Entries":[{entries}]}}"#);
    let answer = client.call(Call::json("sqs", "AmazonSQS.SendMessageBatch", input)).await?;
    all_succeeded(&answer)
}

fn all_succeeded(answer: &[u8]) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_slice(answer)?;
    match answer.pointer("/Failed/0") {
        Some(failed) => bail!("an entry of a batch failed: {failed}"),
        None => Ok(()),
    }
}

/// The receipt handle of one message, as JSON.
pub async fn receive(client: &mut Client, queue: &str) -> anyhow::Result<String> {
    receive_batch(client, queue, 1).await?.pop().context("a receipt")
}

/// The receipt handles of one to `limit` messages, as JSON.
async fn receive_batch(client: &mut Client, queue: &str, limit: usize) -> anyhow::Result<Vec<String>> {
    let began = Instant::now();
    loop {
        let input = format!(r#"{{"QueueUrl":{queue},"MaxNumberOfMessages":{limit},"WaitTimeSeconds":5}}"#);
        let answer = client.call(Call::json("sqs", "AmazonSQS.ReceiveMessage", input)).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let messages = answer.get("Messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if !messages.is_empty() {
            return Ok(messages.iter().filter_map(|message| Some(message.get("ReceiptHandle")?.to_string())).collect());
        }
        if began.elapsed() > RECEIVE_WAIT_MAX {
            bail!("no message is there to be received");
        }
    }
}

pub async fn delete(client: &mut Client, queue: &str, receipt: &str) -> anyhow::Result<()> {
    let input = format!(r#"{{"QueueUrl":{queue},"ReceiptHandle":{receipt}}}"#);
    client.call(Call::json("sqs", "AmazonSQS.DeleteMessage", input)).await?;
    Ok(())
}

async fn delete_batch(client: &mut Client, queue: &str, receipts: &[String]) -> anyhow::Result<()> {
    let entry = |(id, receipt): (usize, &String)| format!(r#"{{"Id":"{id}","ReceiptHandle":{receipt}}}"#);
    let entries = receipts.iter().enumerate().map(entry).collect::<Vec<_>>().join(",");
    let input = format!(r#"{{"QueueUrl":{queue},"Entries":[{entries}]}}"#);
    let answer = client.call(Call::json("sqs", "AmazonSQS.DeleteMessageBatch", input)).await?;
    all_succeeded(&answer)
}
