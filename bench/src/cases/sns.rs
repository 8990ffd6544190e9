//! Messages through a topic: published to 1, 10 and 100 queues, and from the publisher to the end.

use std::time::Instant;

use anyhow::Context as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::sqs;
use crate::Bench;
use crate::arrivals::Arrivals;
use crate::cases::Case;
use crate::client::{Call, Client, Endpoint};
use crate::load::{Latencies, Load, Speed, sample};
use crate::report::{Figure, Row, Unit, say};
use crate::rivals::{self, MINISTACK, MOTO};

pub const CASE: Case = Case {
    name: "sns",
    about: "messages published to topics with 1, 10 and 100 queues, and the time until they are there",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const CLIENTS: usize = 32;
const BODY_BYTES: usize = 256;
const SUBSCRIBERS: [usize; 3] = [1, 10, 100];
const TRIPS: usize = 200;

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut arrivals = Arrivals::listen().await?;
    let (server, _data) = bench.server_reaching(arrivals.port).await?;
    let mut rows = Vec::new();
    for measured in measure(bench, &server.endpoint).await? {
        let Measured { what, speed, delivered } = measured;
        rows.push(Row::speed(what.clone(), &speed));
        rows.push(Row::single(format!("{what}: in the queues"), delivered, Unit::PerSecond));
    }
    rows.push(trips(bench, &server.endpoint).await?);
    let what = "publish until a function has it, 1 client";
    say(format_args!("  {what}"));
    let mut to_function = Row::latencies(what, &trips_to_function(bench, &server.endpoint, &mut arrivals).await?);
    for rival in rivals::start(bench, &[MINISTACK, MOTO]).await {
        say(format_args!("  the same on {}", rival.name));
        match measure(bench, &rival.endpoint).await {
            Ok(all) => {
                for (rows, measured) in rows.chunks_mut(2).zip(&all) {
                    if let [publishing, delivering] = rows {
                        publishing.rival(&rival.name, &measured.speed);
                        let figure = Figure::new("", measured.delivered, Unit::PerSecond);
                        delivering.rival_figures(&rival.name, vec![figure]);
                    }
                }
            }
            Err(error) => bench.note(format!("{} is not compared with in sns: {error:#}", rival.name)),
        }
        // The other runs functions in containers.
        if rival.name.starts_with(MINISTACK.name) {
            match trips_to_function(bench, &rival.endpoint, &mut arrivals).await {
                Ok(latencies) => to_function.rival_latencies(&rival.name, &latencies),
                Err(error) => bench.note(format!("functions of {} do not hear of messages: {error:#}", rival.name)),
            }
        }
        rival.stop().await;
    }
    rows.push(to_function);
    server.stop().await?;
    Ok(rows)
}

struct Measured {
    what: String,
    speed: Speed,
    /// Messages that arrived in queues per second, from the first that was published to the last that arrived.
    delivered: f64,
}

async fn measure(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    for subscribers in SUBSCRIBERS {
        let what =
            format!("publish, {CLIENTS} clients, {subscribers} queue{}", if subscribers == 1 { "" } else { "s" });
        say(format_args!("  {what}"));
        let mut client = Client::new(endpoint)?;
        let topic = create_topic(&mut client, &format!("topic{subscribers}")).await?;
        let mut queues = Vec::new();
        for number in 0..subscribers {
            queues.push(subscribed_queue(&mut client, &topic, &format!("q{subscribers}-{number}")).await?);
        }
        let (body, published) = ("m".repeat(BODY_BYTES), std::cell::Cell::new(0_usize));
        let began = Instant::now();
        let worker = |_| {
            let (topic, body, published) = (topic.as_str(), body.as_str(), &published);
            async move |client: &mut Client| {
                publish(client, topic, body).await?;
                published.set(published.get() + 1);
                Ok(())
            }
        };
        let speed = Load::new(CLIENTS, bench.pace()).run(endpoint, worker).await?;
        let last = queues.last().context("a queue")?;
        sqs::arrived(&mut client, last, published.get(), began).await?;
        let delivered = (published.get() * subscribers) as f64 / began.elapsed().as_secs_f64();
        all.push(Measured { what, speed, delivered });
    }
    Ok(all)
}

/// From the publisher to a receiver that waits.
async fn trips(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Row> {
    let what = "publish and receive, 1 client, 1 queue";
    say(format_args!("  {what}"));
    let mut client = Client::new(endpoint)?;
    let topic = create_topic(&mut client, "trips").await?;
    let queue = subscribed_queue(&mut client, &topic, "trips").await?;
    let trips = sample(bench.samples(TRIPS), async |_| {
        let began = Instant::now();
        publish(&mut client, &topic, "m").await?;
        let receipt = sqs::receive(&mut client, &queue).await?;
        let took = began.elapsed();
        sqs::delete(&mut client, &queue, &receipt).await?;
        Ok(took)
    });
    Ok(Row::latencies(what, &trips.await?))
}

/// From the publisher to a function that is warm.
async fn trips_to_function(bench: &Bench, endpoint: &Endpoint, arrivals: &mut Arrivals) -> anyhow::Result<Latencies> {
    let mut client = Client::new(endpoint)?;
    let function = arrivals.function(&mut client, "sns.amazonaws.com").await?;
    let topic = create_topic(&mut client, "function").await?;
    subscribe(&mut client, &topic, "lambda", &function.arn()).await?;
    let send = async |client: &mut Client, number: usize| publish(client, &topic, &number.to_string()).await;
    arrivals.latencies(&mut client, bench.samples(TRIPS), send).await
}

fn form(pairs: &[(&str, &str)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    std::iter::once("Version=2010-03-31".to_owned()).chain(pairs).collect::<Vec<_>>().join("&")
}

async fn create_topic(client: &mut Client, name: &str) -> anyhow::Result<String> {
    let answer = client.call(Call::query("sns", form(&[("Action", "CreateTopic"), ("Name", name)]))).await?;
    let text = std::str::from_utf8(&answer)?;
    let arn = text.split_once("<TopicArn>").and_then(|(_, rest)| rest.split_once("</TopicArn>"));
    Ok(arn.context("a topic without an ARN")?.0.to_owned())
}

/// The URL, as JSON, of a new queue that the topic sends to, without an envelope.
async fn subscribed_queue(client: &mut Client, topic: &str, name: &str) -> anyhow::Result<String> {
    let queue = sqs::create_queue(client, name).await?;
    let arn = sqs::allow(client, &queue, "sns.amazonaws.com").await?;
    subscribe(client, topic, "sqs", &arn).await?;
    Ok(queue)
}

async fn subscribe(client: &mut Client, topic: &str, protocol: &str, endpoint: &str) -> anyhow::Result<()> {
    let what = [("Action", "Subscribe"), ("TopicArn", topic), ("Protocol", protocol), ("Endpoint", endpoint)];
    client.call(Call::query("sns", form(&what))).await?;
    Ok(())
}

async fn publish(client: &mut Client, topic: &str, body: &str) -> anyhow::Result<()> {
    client.call(Call::query("sns", form(&[("Action", "Publish"), ("TopicArn", topic), ("Message", body)]))).await?;
    Ok(())
}
