//! Objects of three sizes put and got, pages of a large bucket, memory while a large object passes by; and at which size an
//! object is better a file than a row of the store.

mod bound;

use std::cell::Cell;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use bytes::Bytes;
use http::Method;
use tokio::time::sleep;

use crate::Bench;
use crate::cases::Case;
use crate::client::{Call, Client, Endpoint};
use crate::load::{Latencies, Load, Speed, sample, share};
use crate::report::{Figure, Row, Unit, say};
use crate::rivals::{self, MINISTACK, MOTO};
use crate::server::Server;

pub const CASE: Case = Case {
    name: "s3",
    about: "objects of 4 KiB, 1 MiB and 1 GiB put and got, pages of a large bucket, and where small objects are kept best",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const BUCKET: &str = "bench";
const CLIENTS: [usize; 2] = [1, 32];
const SMALL: usize = 4 << 10;
const MEDIUM: usize = 1 << 20;
/// Pieces of 1 MiB that a large object has.
const LARGE_PIECES: usize = 1 << 10;
/// The same in a quick run.
const LARGE_PIECES_QUICK: usize = 1 << 5;
/// Large objects that a single client sends, and gets.
const LARGE_ROUNDS: usize = 2;
/// Objects that clients get.
const KEYS: usize = 64;
const PAGE: usize = 1_000;
const PAGES: usize = 200;
/// Keys of the large bucket in a quick run.
const LISTED_QUICK: usize = 10_000;
const MEMORY_POLL: Duration = Duration::from_millis(20);

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (server, data) = bench.server().await?;
    let endpoint = &server.endpoint;
    let mut rows = Vec::new();
    for (what, bytes, speed) in measure(bench, endpoint).await? {
        rows.push(Row::new(what, figures(&speed, bytes)));
    }
    for rival in rivals::start(bench, &[MINISTACK, MOTO]).await {
        say(format_args!("  the same on {}", rival.name));
        match measure(bench, &rival.endpoint).await {
            Ok(all) => rows
                .iter_mut()
                .zip(all)
                .for_each(|(row, (_, bytes, speed))| row.rival_figures(&rival.name, figures(&speed, bytes))),
            Err(error) => bench.note(format!("{} is not compared with in s3: {error:#}", rival.name)),
        }
    }
    for bytes in [SMALL, MEDIUM] {
        let copies = copies(data.path(), bytes, 1, bench.samples(100))?;
        rows.push(Row::new(format!("limit: cp of {} with fsync", size(bytes)), figures(&copies, bytes)));
    }
    rows.extend(large(bench, &server, data.path()).await?);
    rows.push(list(bench, endpoint).await?);
    server.stop().await?;
    rows.extend(bound::measure(bench).await?);
    Ok(rows)
}

/// Bytes and requests a second, and latencies.
fn figures(speed: &Speed, bytes: usize) -> Vec<Figure> {
    vec![
        Figure::new("", speed.rate, Unit::PerSecond),
        Figure::new("", speed.rate * bytes as f64 / MEDIUM as f64, Unit::MiBPerSecond),
        Figure::new("p50", speed.latencies.millis(0.5), Unit::Milliseconds),
        Figure::new("p99", speed.latencies.millis(0.99), Unit::Milliseconds),
    ]
}

fn size(bytes: usize) -> String {
    match bytes {
        0..MEDIUM => format!("{} KiB", bytes >> 10),
        bytes if bytes.is_multiple_of(1 << 30) => format!("{} GiB", bytes >> 30),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// Objects that fit a request: each is put with bytes of its own, for the same ones are kept once.
async fn measure(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Vec<(String, usize, Speed)>> {
    let mut client = Client::new(endpoint)?;
    client.call(Call::rest("s3", Method::PUT, &format!("/{BUCKET}"), "")).await?;
    let mut all = Vec::new();
    for bytes in [SMALL, MEDIUM] {
        for clients in CLIENTS {
            let load = Load::new(clients, bench.pace());
            let named = |verb: &str| format!("{verb} {}, {clients} {}", size(bytes), plural(clients));
            let putter = |number: usize| {
                let mut count = 0_usize;
                async move |client: &mut Client| {
                    count += 1;
                    put(client, &key(bytes, number, count), piece(bytes, (clients, number, count))).await
                }
            };
            say(format_args!("  {}", named("PUT")));
            all.push((named("PUT"), bytes, load.run(endpoint, putter).await?));
            let getter = |number: usize| {
                let mut count = 0_usize;
                async move |client: &mut Client| {
                    // What the clients have put, all over.
                    count += 1;
                    let path = format!("/{BUCKET}/{}", key(bytes, number, count % KEYS + 1));
                    match client.call(Call::rest("s3", Method::GET, &path, "")).await?.len() {
                        length if length == bytes => Ok(()),
                        length => bail!("an object of {bytes} bytes has {length}"),
                    }
                }
            };
            share(endpoint, clients, 0..clients * KEYS, || {
                async move |client: &mut Client, at: usize| {
                    let (number, count) = (at / KEYS, at % KEYS + 1);
                    put(client, &key(bytes, number, count), piece(bytes, (clients, number, count))).await
                }
            })
            .await?;
            say(format_args!("  {}", named("GET")));
            all.push((named("GET"), bytes, load.run(endpoint, getter).await?));
        }
    }
    Ok(all)
}

fn plural(clients: usize) -> &'static str {
    if clients == 1 { "client" } else { "clients" }
}

fn key(bytes: usize, number: usize, count: usize) -> String {
    format!("{bytes}/{number}/{count}")
}

/// Bytes that no other object has.
fn piece(bytes: usize, number: (usize, usize, usize)) -> Bytes {
    let mut piece = format!("{number:?} ").into_bytes();
    piece.resize(bytes, 0x5a);
    piece.into()
}

async fn put(client: &mut Client, key: &str, body: Bytes) -> anyhow::Result<()> {
    client.call(Call::rest("s3", Method::PUT, &format!("/{BUCKET}/{key}"), body)).await.map(drop)
}

/// The same for files, as `cp` makes them: written, synced, named, and the name synced.
fn copies(folder: &Path, bytes: usize, pieces: usize, samples: usize) -> anyhow::Result<Speed> {
    let (piece, mut latencies) = (vec![0x5a; bytes], Latencies::new()?);
    let (from, to) = (folder.join("copy.tmp"), folder.join("copy"));
    let all = Instant::now();
    for _ in 0..samples {
        let began = Instant::now();
        let mut file = File::create(&from)?;
        for _ in 0..pieces {
            file.write_all(&piece)?;
        }
        file.sync_all()?;
        fs::rename(&from, &to)?;
        File::open(folder)?.sync_all()?;
        latencies.record(began.elapsed());
    }
    let rate = samples as f64 / all.elapsed().as_secs_f64();
    fs::remove_file(to)?;
    Ok(Speed { rate, latencies })
}

/// Objects that nobody has in memory as a whole, and the most memory that the server had meanwhile.
async fn large(bench: &Bench, server: &Server, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let pieces = if bench.options.quick { LARGE_PIECES_QUICK } else { LARGE_PIECES };
    let bytes = pieces * MEDIUM;
    let mut rows = Vec::new();
    let copied = copies(folder, MEDIUM, pieces, LARGE_ROUNDS)?;
    rows.push(Row::new(format!("limit: cp of {} with fsync", size(bytes)), figures(&copied, bytes)));
    for clients in CLIENTS {
        for verb in [Method::PUT, Method::GET] {
            let what = format!("{verb} {}, {clients} {}", size(bytes), plural(clients));
            say(format_args!("  {what}"));
            // Of each client one at least: their bytes are as many at the same time on the disk.
            let objects = clients.max(LARGE_ROUNDS);
            let (began, most, verb) = (Instant::now(), Cell::new(0.0), &verb);
            let work = share(&server.endpoint, clients, 0..objects, || {
                async move |client: &mut Client, at: usize| pass(client, verb, pieces, (clients, at)).await
            });
            tokio::select! {
                done = work => done?,
                error = watch(server, &most) => return Err(error),
            }
            let rate = objects as f64 / began.elapsed().as_secs_f64();
            rows.push(Row::new(
                what,
                vec![
                    Figure::new("", rate * pieces as f64, Unit::MiBPerSecond),
                    Figure::new("resident at most", most.get(), Unit::MiB),
                ],
            ));
        }
    }
    Ok(rows)
}

/// Notes the most memory that the server has, until it cannot be told.
async fn watch(server: &Server, most: &Cell<f64>) -> anyhow::Error {
    loop {
        match server.memory() {
            Ok(memory) => most.set(memory.resident.max(most.get())),
            Err(error) => return error,
        }
        sleep(MEMORY_POLL).await;
    }
}

/// A large object sent, or got.
async fn pass(client: &mut Client, verb: &Method, pieces: usize, (clients, at): (usize, usize)) -> anyhow::Result<()> {
    let path = format!("/{BUCKET}/large/{}", at % clients);
    if *verb == Method::PUT {
        let body = piece(MEDIUM, (clients, at, pieces));
        return client.call(Call::rest("s3", Method::PUT, &path, body).repeated(pieces)).await.map(drop);
    }
    match client.drain(Call::rest("s3", Method::GET, &path, "")).await? {
        bytes if bytes == pieces * MEDIUM => Ok(()),
        bytes => bail!("an object of {} bytes has {bytes}", pieces * MEDIUM),
    }
}

/// Pages from anywhere in a large bucket.
async fn list(bench: &Bench, endpoint: &Endpoint) -> anyhow::Result<Row> {
    let keys = if bench.options.quick { LISTED_QUICK } else { bench.options.items };
    say(format_args!("  a bucket of {keys} keys"));
    let [_, clients] = CLIENTS;
    share(endpoint, clients, 0..keys, || {
        async move |client: &mut Client, at: usize| {
            put(client, &format!("listed/{at:08}"), Bytes::from_static(b"x")).await
        }
    })
    .await?;
    let mut client = Client::new(endpoint)?;
    let latencies = sample(bench.samples(PAGES), async |number| {
        // Places that are far from each other.
        let after = number.wrapping_mul(7_919) % keys.saturating_sub(PAGE).max(1);
        let path = format!("/{BUCKET}?list-type=2&max-keys={PAGE}&prefix=listed%2F&start-after=listed%2F{after:08}");
        let began = Instant::now();
        let page = client.call(Call::rest("s3", Method::GET, &path, "")).await?;
        let took = began.elapsed();
        let found = String::from_utf8_lossy(&page).matches("<Key>").count();
        if found == PAGE.min(keys - after - 1) { Ok(took) } else { bail!("a page has {found} keys") }
    });
    Ok(Row::latencies(format!("a page of {PAGE} of {keys} keys"), &latencies.await?))
}
