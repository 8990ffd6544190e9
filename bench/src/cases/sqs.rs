//! Messages through a queue: sent, received and deleted, each step durable before the next.

use std::time::Instant;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::Bench;
use crate::cases::Case;
use crate::client::{Call, Client, Endpoint};
use crate::load::{Load, Speed};
use crate::report::{Promise, Row, say};
use crate::rivals::{self, MOTO};

pub const CASE: Case = Case {
    name: "sqs",
    about: "messages sent, received and deleted, at 1 and at 32 clients",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const MESSAGES: Promise = Promise::AtLeast(5_000.0);

const CLIENTS: usize = 32;
const BODY_BYTES: usize = 256;
/// Every client has sent a message before it receives one, so there always is one to be had.
const RECEIVE_WAIT_MAX: std::time::Duration = std::time::Duration::from_secs(10);

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (server, _data) = bench.server().await?;
    let mut rows = Vec::new();
    for (clients, speed) in measure(bench, &server.endpoint).await? {
        let what = format!("send, receive, delete, {clients} client{}", if clients == 1 { "" } else { "s" });
        let row = Row::speed(what, &speed);
        rows.push(if clients == CLIENTS { row.promise("", MESSAGES) } else { row });
    }
    for rival in rivals::start(bench, &[MOTO]).await {
        say(format_args!("  the same on {}", rival.name));
        match measure(bench, &rival.endpoint).await {
            Ok(speeds) => rows.iter_mut().zip(&speeds).for_each(|(row, (_, speed))| row.rival(&rival.name, speed)),
            Err(error) => bench.note(format!("{} is not compared with in sqs: {error:#}", rival.name)),
        }
    }
    server.stop().await?;
    Ok(rows)
}

/// Each number of clients, and the speed that it comes to.
async fn measure(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Vec<(usize, Speed)>> {
    let queue = create_queue(&mut Client::new(endpoint)?, "bench").await?;
    let body = "m".repeat(BODY_BYTES);
    let mut speeds = Vec::new();
    for clients in [CLIENTS, 1] {
        let worker = |_| {
            let (queue, body) = (queue.as_str(), body.as_str());
            async move |client: &mut Client| {
                send(client, queue, body).await?;
                let receipt = receive(client, queue).await?;
                delete(client, queue, &receipt).await
            }
        };
        speeds.push((clients, Load::new(clients, bench.pace()).run(endpoint, worker).await?));
    }
    Ok(speeds)
}

/// The new queue's URL, as JSON.
pub async fn create_queue(client: &mut Client, name: &str) -> anyhow::Result<String> {
    let input = format!(r#"{{"QueueName":"{name}"}}"#);
    let answer = client.call(Call::json("sqs", "AmazonSQS.CreateQueue", input)).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    Ok(answer.get("QueueUrl").context("a queue without a URL")?.to_string())
}

/// `queue` is a URL as JSON, `body` needs no escapes in JSON.
pub async fn send(client: &mut Client, queue: &str, body: &str) -> anyhow::Result<()> {
    let input = format!(r#"{{"QueueUrl":{queue},"MessageBody":"{body}"}}"#);
    client.call(Call::json("sqs", "AmazonSQS.SendMessage", input)).await?;
    Ok(())
}

/// The receipt handle of one message, as JSON.
async fn receive(client: &mut Client, queue: &str) -> anyhow::Result<String> {
    let began = Instant::now();
    loop {
        let input = format!(r#"{{"QueueUrl":{queue}}}"#);
        let answer = client.call(Call::json("sqs", "AmazonSQS.ReceiveMessage", input)).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        if let Some(receipt) = answer.pointer("/Messages/0/ReceiptHandle") {
            return Ok(receipt.to_string());
        }
        if began.elapsed() > RECEIVE_WAIT_MAX {
            bail!("no message is there to be received");
        }
    }
}

async fn delete(client: &mut Client, queue: &str, receipt: &str) -> anyhow::Result<()> {
    let input = format!(r#"{{"QueueUrl":{queue},"ReceiptHandle":{receipt}}}"#);
    client.call(Call::json("sqs", "AmazonSQS.DeleteMessage", input)).await?;
    Ok(())
}
