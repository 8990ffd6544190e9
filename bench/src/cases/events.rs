//! Events through a bus with 10, 1,000 and 10,000 rules, and from the publisher to a function.

use std::cell::Cell;
use std::time::Instant;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::sqs;
use crate::Bench;
use crate::arrivals::Arrivals;
use crate::cases::Case;
use crate::client::{Call, Client, Endpoint};
use crate::load::{Latencies, Load, Speed, share};
use crate::report::{Figure, Row, Unit, say};
use crate::rivals::{self, MINISTACK};

pub const CASE: Case = Case {
    name: "events",
    about: "events through buses with 10, 1,000 and 10,000 rules, and the time until a function has one",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const CLIENTS: usize = 32;
const RULES: [usize; 3] = [10, 1_000, 10_000];
/// In a quick run.
const FEWER_RULES: [usize; 3] = [10, 100, 1_000];
const BODY_BYTES: usize = 256;
const TRIPS: usize = 200;

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut arrivals = Arrivals::listen().await?;
    let (server, _data) = bench.server_reaching(arrivals.port).await?;
    let mut rows = Vec::new();
    for Measured { what, speed, delivered } in measure(bench, &server.endpoint).await? {
        rows.push(Row::speed(what.clone(), &speed));
        rows.push(Row::single(format!("{what}: in the queue"), delivered, Unit::PerSecond));
    }
    let what = "PutEvents until a function has it, 1 client";
    say(format_args!("  {what}"));
    rows.push(Row::latencies(what, &trips(bench, &server.endpoint, &mut arrivals).await?));
    for rival in rivals::start(bench, &[MINISTACK]).await {
        say(format_args!("  the same on {}", rival.name));
        if let Err(error) = compare(bench, &rival.name, &rival.endpoint, &mut arrivals, &mut rows).await {
            bench.note(format!("{} is not compared with in events: {error:#}", rival.name));
        }
        rival.stop().await;
    }
    server.stop().await?;
    Ok(rows)
}

async fn compare(
    bench: &Bench,
    name: &str,
    endpoint: &Endpoint,
    arrivals: &mut Arrivals,
    rows: &mut [Row],
) -> anyhow::Result<()> {
    let (last, rows) = rows.split_last_mut().context("rows")?;
    last.rival_latencies(name, &trips(bench, endpoint, arrivals).await?);
    for (rows, measured) in rows.chunks_mut(2).zip(&measure(bench, endpoint).await?) {
        if let [putting, delivering] = rows {
            putting.rival(name, &measured.speed);
            delivering.rival_figures(name, vec![Figure::new("", measured.delivered, Unit::PerSecond)]);
        }
    }
    Ok(())
}

struct Measured {
    what: String,
    speed: Speed,
    /// Events that arrived in the queue per second, from the first that was put to the last that arrived.
    delivered: f64,
}

async fn measure(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    for rules in if bench.options.quick { FEWER_RULES } else { RULES } {
        let what = format!("PutEvents, {CLIENTS} clients, {rules} rules");
        say(format_args!("  {what}"));
        let (bus, queue) = bus_with_rules(endpoint, rules).await?;
        let (body, put) = ("m".repeat(BODY_BYTES), Cell::new(0_usize));
        let began = Instant::now();
        let worker = |number: usize| {
            let (bus, body, put) = (bus.as_str(), body.as_str(), &put);
            let mut count = number;
            async move |client: &mut Client| {
                // Each event is for one rule, and the rules take turns.
                count += CLIENTS;
                put_event(client, bus, &json!({"kind": format!("k{}", count % rules), "body": body})).await?;
                put.set(put.get() + 1);
                Ok(())
            }
        };
        let speed = Load::new(CLIENTS, bench.pace()).run(endpoint, worker).await?;
        let mut client = Client::new(endpoint)?;
        sqs::arrived(&mut client, &queue, put.get(), began).await?;
        all.push(Measured { what, speed, delivered: put.get() as f64 / began.elapsed().as_secs_f64() });
    }
    Ok(all)
}

/// A new bus with so many rules, each for events of one kind, which all send to the queue whose URL, as JSON, is returned.
async fn bus_with_rules(endpoint: &Endpoint, rules: usize) -> anyhow::Result<(String, String)> {
    let (bus, mut client) = (format!("bus{rules}"), Client::new(endpoint)?);
    call(&mut client, "AWSEvents.CreateEventBus", &json!({"Name": bus})).await?;
    let queue = sqs::create_queue(&mut client, &format!("events{rules}")).await?;
    let arn = sqs::allow(&mut client, &queue, "events.amazonaws.com").await?;
    let worker = || {
        let (bus, arn) = (bus.as_str(), arn.as_str());
        async move |client: &mut Client, number| {
            let pattern = json!({"source": ["bench"], "detail": {"kind": [format!("k{number}")]}}).to_string();
            let name = format!("r{number}");
            let rule = json!({"Name": name, "EventBusName": bus, "EventPattern": pattern});
            call(client, "AWSEvents.PutRule", &rule).await?;
            let targets = json!({"Rule": name, "EventBusName": bus, "Targets": [{"Id": "t", "Arn": arn}]});
            call(client, "AWSEvents.PutTargets", &targets).await.map(drop)
        }
    };
    share(endpoint, CLIENTS, 0..rules, worker).await?;
    Ok((bus, queue))
}

/// From the publisher to a function that is warm.
async fn trips(bench: &Bench, endpoint: &Endpoint, arrivals: &mut Arrivals) -> anyhow::Result<Latencies> {
    let mut client = Client::new(endpoint)?;
    let function = arrivals.function(&mut client, "events.amazonaws.com").await?;
    call(&mut client, "AWSEvents.CreateEventBus", &json!({"Name": "trips"})).await?;
    let rule = json!({"Name": "trips", "EventBusName": "trips", "EventPattern": r#"{"source":["bench"]}"#});
    call(&mut client, "AWSEvents.PutRule", &rule).await?;
    let target = json!({"Id": "t", "Arn": function.arn()});
    call(&mut client, "AWSEvents.PutTargets", &json!({"Rule": "trips", "EventBusName": "trips", "Targets": [target]}))
        .await?;
    let publish = async |client: &mut Client, number| put_event(client, "trips", &json!({"number": number})).await;
    arrivals.latencies(&mut client, bench.samples(TRIPS), publish).await
}

async fn put_event(client: &mut Client, bus: &str, detail: &Value) -> anyhow::Result<()> {
    let entry = json!({"EventBusName": bus, "Source": "bench", "DetailType": "measured", "Detail": detail.to_string()});
    let answer = call(client, "AWSEvents.PutEvents", &json!({"Entries": [entry]})).await?;
    match answer.get("FailedEntryCount").and_then(Value::as_u64) {
        Some(0) => Ok(()),
        _ => bail!("an event failed: {answer}"),
    }
}

async fn call(client: &mut Client, target: &'static str, input: &Value) -> anyhow::Result<Value> {
    let content_type = "application/x-amz-json-1.1";
    let answer = client.call(Call { content_type, ..Call::json("events", target, input.to_string()) }).await?;
    Ok(if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer)? })
}
