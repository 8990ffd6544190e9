//! The operations on items of 1 KiB, in a small table and in large ones, with and without indexes and a stream.

mod operation;
mod table;

use std::time::Instant;

use anyhow::Context as _;

pub use self::table::{Extras, create, put_named};

use self::operation::Operation;
use self::table::{BATCH, Content, batch, load, write};
use crate::Bench;
use crate::cases::Case;
use crate::client::{Client, Endpoint};
use crate::load::{Latencies, Load, Speed};
use crate::machine::{disk_free, disk_used, memory};
use crate::report::{Figure, Promise, Row, Unit, say};
use crate::rivals::{self, DYNALITE, MINISTACK};

pub const CASE: Case = Case {
    name: "dynamodb",
    about: "operations on items of 1 KiB, at 1 and at 32 clients, in small and large tables, with and without indexes",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const PUT: Promise = Promise::AtLeast(15_000.0);
const GET: Promise = Promise::AtLeast(25_000.0);
/// The large table's rate of the small one's, and the last batches' of the first ones'.
const SAME: Promise = Promise::AtLeast(80.0);

const CLIENTS: usize = 32;
/// What 400 batches write.
const SMALL: usize = 400 * BATCH;
const LONG: usize = 10_000_000;

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = vec![batches_in_a_row(bench).await?];
    for extras in [Extras::Nothing, Extras::IndexesAndStream] {
        rows.extend(grow(bench, extras).await?);
    }
    Ok(rows)
}

/// The sizes of the table at which it is measured, as far as there is room.
fn sizes(bench: &Bench, extras: Extras) -> anyhow::Result<Vec<usize>> {
    let large = [(true, bench.options.items), (bench.options.long, LONG)];
    let large = large.iter().filter(|(wanted, items)| *wanted && !bench.options.quick && *items > SMALL);
    let sizes: Vec<usize> = [SMALL].into_iter().chain(large.map(|(_, items)| *items)).collect();
    let free = disk_free(&bench.folder)?;
    let (fitting, large): (Vec<_>, Vec<_>) = sizes.into_iter().partition(|items| needed(*items, extras) < free);
    for items in large {
        let (items, extras, needed) = (short(items), extras.suffix(), needed(items, extras) / 1_024.0);
        bench.note(format!("{items} items{extras} are not measured: that needs {needed:.0} GiB of disk"));
    }
    Ok(fitting)
}

/// What a table takes of the disk at most, in MiB; a stream keeps all that was written.
fn needed(items: usize, extras: Extras) -> f64 {
    let own = items as f64 / 1_024.0;
    own * if extras == Extras::Nothing { 4.0 } else { 14.0 }
}

/// Whether a table that grows is slower for it: 400 batches, one after the other.
async fn batches_in_a_row(bench: &Bench) -> anyhow::Result<Row> {
    const COMPARED: usize = 100;
    say("  400 batches in a row");
    let (server, _data) = bench.server().await?;
    let (mut client, content) = (server.client()?, Content::of(0));
    create(&mut client, Extras::Nothing).await?;
    let (mut first, mut last) = (Latencies::new()?, Latencies::new()?);
    let batches = SMALL / BATCH;
    for number in 0..batches {
        let items = batch(&content, number * BATCH..(number + 1) * BATCH);
        let began = Instant::now();
        write(&mut client, items).await?;
        match number {
            _ if number < COMPARED => first.record(began.elapsed()),
            _ if number >= batches - COMPARED => last.record(began.elapsed()),
            _ => {}
        }
    }
    server.stop().await?;
    let (first, last) = (first.millis(0.5), last.millis(0.5));
    let figures = vec![
        Figure::new("", 100.0 * first / last, Unit::Percent),
        Figure::new("first p50", first, Unit::Milliseconds),
        Figure::new("last p50", last, Unit::Milliseconds),
    ];
    Ok(Row::new("400 batches of 25, rate of the last 100 of the first 100's", figures).promise("", SAME))
}

/// Lets a table grow, and measures it at each size; the smallest one beside the rivals.
async fn grow(bench: &Bench, extras: Extras) -> anyhow::Result<Vec<Row>> {
    let (server, data) = bench.server().await?;
    create(&mut server.client()?, extras).await?;
    let (mut rows, mut small, mut loaded) = (Vec::new(), None, 0);
    for items in sizes(bench, extras)? {
        rows.push(fill(&server.endpoint, loaded..items, extras).await?);
        loaded = items;
        let mut measured = measure(bench, &server.endpoint, items, extras).await?;
        let mut footprint = footprint(items, extras, server.memory()?.resident, disk_used(data.path())?);
        if items == SMALL {
            compare(bench, &mut measured, &mut footprint, extras).await;
        }
        let puts = measured.first().map_or(0.0, |put| put.rate);
        rows.extend(measured.into_iter().map(|measured| measured.row));
        rows.push(footprint);
        match small {
            None => small = Some(puts),
            Some(small) => {
                let what = format!("PutItem, {} of {}{}", short(items), short(SMALL), extras.suffix());
                let row = Row::single(what, 100.0 * puts / small, Unit::Percent);
                rows.push(if extras == Extras::Nothing { row.promise("", SAME) } else { row });
            }
        }
    }
    server.stop().await?;
    Ok(rows)
}

/// Writes items, and tells how many a second.
async fn fill(endpoint: &Endpoint, numbers: std::ops::Range<usize>, extras: Extras) -> anyhow::Result<Row> {
    let what = format!("loading, from {} to {}{}", short(numbers.start), short(numbers.end), extras.suffix());
    say(format_args!("  {what}"));
    let (count, began) = (numbers.len(), Instant::now());
    load(endpoint, CLIENTS, numbers).await?;
    Ok(Row::single(what, count as f64 / began.elapsed().as_secs_f64(), Unit::PerSecond))
}

fn footprint(items: usize, extras: Extras, memory: f64, disk: f64) -> Row {
    let own = items as f64 / 1_024.0;
    let figures = vec![
        Figure::new("memory", memory, Unit::MiB),
        Figure::new("disk", disk, Unit::MiB),
        Figure::new("of the items", disk / own, Unit::Times),
    ];
    Row::new(format!("{} items of 1 KiB{}", short(items), extras.suffix()), figures)
}

struct Measured {
    operation: Operation,
    clients: usize,
    row: Row,
    rate: f64,
}

/// Every operation; PutItem with all clients first.
async fn measure(bench: &Bench, endpoint: &Endpoint, items: usize, extras: Extras) -> anyhow::Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for clients in [CLIENTS, 1] {
        for operation in Operation::ALL {
            let plural = if clients == 1 { "" } else { "s" };
            let name = operation.name();
            let what = format!("{name}, {clients} client{plural}, {}{}", short(items), extras.suffix());
            say(format_args!("  {what}"));
            let speed = speed(bench, endpoint, operation, clients, items).await.with_context(|| what.clone())?;
            let row = Row::speed(what, &speed);
            let row = match operation {
                _ if clients == 1 || extras != Extras::Nothing => row,
                Operation::Put => row.promise("", PUT),
                Operation::Get => row.promise("", GET),
                _ => row,
            };
            measured.push(Measured { operation, clients, row, rate: speed.rate });
        }
    }
    Ok(measured)
}

/// Adds what rivals come to with the same work; what one cannot do is noted.
async fn compare(bench: &Bench, measured: &mut [Measured], footprint: &mut Row, extras: Extras) {
    for rival in rivals::start(bench, &[DYNALITE, MINISTACK]).await {
        say(format_args!("  the same on {}", rival.name));
        let prepared = async {
            create(&mut Client::new(&rival.endpoint)?, extras).await?;
            load(&rival.endpoint, CLIENTS, 0..SMALL).await
        };
        if let Err(error) = prepared.await {
            bench.note(format!("{} is not compared with in dynamodb{}: {error:#}", rival.name, extras.suffix()));
            continue;
        }
        for Measured { operation, clients, row, .. } in measured.iter_mut() {
            match speed(bench, &rival.endpoint, *operation, *clients, SMALL).await {
                Ok(speed) => row.rival(&rival.name, &speed),
                Err(error) => bench.note(format!("{} cannot do {}: {error:#}", rival.name, row.what)),
            }
        }
        if let Some(memory) = rival.id().and_then(|process| memory(process).ok()) {
            footprint.rival_figures(&rival.name, vec![Figure::new("memory", memory.resident, Unit::MiB)]);
        }
        rival.stop().await;
    }
}

async fn speed(
    bench: &Bench,
    endpoint: &Endpoint,
    operation: Operation,
    clients: usize,
    items: usize,
) -> anyhow::Result<Speed> {
    let worker = |client: usize| {
        let content = Content::of(client);
        async move |client: &mut Client| operation.call(client, &content, items).await
    };
    Load::new(clients, bench.pace()).run(endpoint, worker).await
}

/// `0`, `10k`, `1M`.
fn short(items: usize) -> String {
    match items {
        0 => "0".into(),
        _ if items.is_multiple_of(1_000_000) => format!("{}M", items / 1_000_000),
        _ if items.is_multiple_of(1_000) => format!("{}k", items / 1_000),
        _ => items.to_string(),
    }
}
