//! The storage engine without a server around it, beside the plain tree that it stands in front of, in the same run.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::Bench;
use crate::cases::Case;
use crate::report::{Figure, Promise, Row, Unit, say};
use crate::{Options, machine};

pub const CASE: Case = Case {
    name: "engine",
    about: "durable commits and a queue: the log, and beside it the tree alone",
    needs_server: false,
    run: |bench| Box::pin(run(bench)),
};

/// Of read-modify-writes with 32 clients.
const COMMITS: Promise = Promise::AtLeast(15_000.0);
const COMMIT_P999: Promise = Promise::AtMost(50.0);
const OPEN: Promise = Promise::AtMost(2_000.0);

const SMALL_ROWS: usize = 10_000;
const HUGE_ROWS: usize = 10_000_000;
const QUEUE: usize = 1_000_000;

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let limit = machine::fdatasync(&bench.folder)?;
    let mut all = vec![Row::speed("the device's limit: writes of 4 KiB, each synced", &limit)];
    for rows in sizes(&bench.options) {
        let queue = if rows == bench.options.items { QUEUE } else { QUEUE / 50 };
        let [mut measured, tree] =
            [measure(bench, "log", rows, queue).await?, measure(bench, "tree", rows, queue).await?];
        promise(&mut measured);
        set_beside(&mut measured, &tree);
        all.extend(measured);
    }
    Ok(all)
}

/// How many rows a store has, one after the other.
pub fn sizes(options: &Options) -> impl Iterator<Item = usize> + use<> {
    let large = [(!options.quick).then_some(options.items), options.long.then_some(HUGE_ROWS)];
    std::iter::once(SMALL_ROWS).chain(large.into_iter().flatten())
}

/// What one engine comes to.
async fn measure(bench: &Bench, engine: &str, rows: usize, queue: usize) -> anyhow::Result<Vec<Row>> {
    say(format_args!("  {engine}, {rows} rows"));
    let told = at_work(bench, engine, rows, &[queue.to_string()]).await?;
    Ok(told.into_iter().map(|(_, row)| row).collect())
}

/// What `bin/engine` tells when it does `what` with so many rows: each engine's name, and a row.
pub async fn at_work(bench: &Bench, what: &str, rows: usize, more: &[String]) -> anyhow::Result<Vec<(String, Row)>> {
    let folder = bench.data_folder()?;
    let store: &Path = &folder.path().join("store");
    let millis = bench.pace().1.as_millis();
    let output = Command::new(&bench.binaries.engine)
        .arg(what)
        .arg(store)
        .args([rows.to_string(), millis.to_string()])
        .args(more)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .context("the engine cannot be started")?;
    if !output.status.success() {
        bail!("{what} with {rows} rows did not come to an end: {}", output.status);
    }
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| row(line, rows)).collect()
}

/// The engine and the row that a line says.
fn row(line: &str, rows: usize) -> anyhow::Result<(String, Row)> {
    let said: Value = serde_json::from_str(line)?;
    let engine = said["engine"].as_str().context("a row without an engine")?;
    let what = said["what"].as_str().context("a row without a name")?;
    let figures = said["figures"].as_array().context("a row without figures")?;
    let figures: anyhow::Result<Vec<Figure>> = figures.iter().map(figure).collect();
    Ok((engine.to_owned(), Row::new(format!("{what}, {rows} rows"), figures?)))
}

const NAMES: [&str; 6] = ["", "p50", "p99", "p99.9", "longest", "bytes written for each"];

fn figure(said: &Value) -> anyhow::Result<Figure> {
    let name = NAMES.into_iter().find(|name| said[0] == *name).context("an unknown figure")?;
    let unit = match said[2].as_str() {
        Some("/s") => Unit::PerSecond,
        Some("ms") => Unit::Milliseconds,
        Some("MiB") => Unit::MiB,
        Some("times") => Unit::Times,
        other => bail!("an unknown unit: {other:?}"),
    };
    Ok(Figure::new(name, said[1].as_f64().context("a figure without a value")?, unit))
}

/// Puts the tree's figures beside the log's.
pub fn set_beside(log: &mut [Row], tree: &[Row]) {
    for row in log {
        let same = tree.iter().filter(|other| other.what == row.what);
        row.rivals.extend(same.map(|same| ("tree".to_owned(), same.figures.clone())));
    }
}

fn promise(log: &mut [Row]) {
    for row in log {
        let own = std::mem::replace(row, Row::new("", Vec::new()));
        *row = match own.what.split(", ").take(2).collect::<Vec<_>>()[..] {
            ["read-modify-write", "32 clients"] => own.promise("", COMMITS).promise("p99.9", COMMIT_P999),
            ["open again", ..] => own.promise("", OPEN),
            _ => own,
        };
    }
}
