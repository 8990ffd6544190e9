//! The storage engine without a server around it, beside the plain tree that it stands in front of, in the same run.

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
    about: "durable commits, reads, scans and a queue: the log, and beside it the tree alone",
    needs_server: false,
    run: |bench| Box::pin(run(bench)),
};

/// Of read-modify-writes with 32 clients.
const COMMITS: Promise = Promise::AtLeast(15_000.0);
const COMMIT_P999: Promise = Promise::AtMost(50.0);
/// Of the tree's rate of hot point reads, and of hot scans.
const READS: Promise = Promise::AtLeast(80.0);
const OPEN: Promise = Promise::AtMost(2_000.0);

const SMALL_ROWS: usize = 10_000;
const HUGE_ROWS: usize = 10_000_000;
const QUEUE: usize = 1_000_000;

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let Options { quick, long, items, .. } = bench.options;
    let limit = machine::fdatasync(&bench.folder)?;
    let mut all = vec![Row::speed("the device's limit: writes of 4 KiB, each synced", &limit)];
    let large = [(!quick).then_some(items), long.then_some(HUGE_ROWS)];
    for rows in std::iter::once(SMALL_ROWS).chain(large.into_iter().flatten()) {
        let queue = if rows == items { QUEUE } else { QUEUE / 50 };
        let mut measured = measure(bench, "log", rows, queue).await?;
        let tree = measure(bench, "tree", rows, queue).await?;
        compare(&mut measured, &tree, rows);
        all.extend(measured);
    }
    Ok(all)
}

/// What one engine comes to.
async fn measure(bench: &Bench, engine: &str, rows: usize, queue: usize) -> anyhow::Result<Vec<Row>> {
    say(format_args!("  {engine}, {rows} rows"));
    let folder = bench.data_folder()?;
    let millis = bench.pace().1.as_millis();
    let output = Command::new(&bench.binaries.engine)
        .arg(engine)
        .arg(folder.path().join("store"))
        .args([rows.to_string(), millis.to_string(), queue.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .context("the engine cannot be started")?;
    if !output.status.success() {
        bail!("{engine} with {rows} rows did not come to an end: {}", output.status);
    }
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| row(line, rows)).collect()
}

/// The row that a line of the engine's says.
fn row(line: &str, rows: usize) -> anyhow::Result<Row> {
    let said: Value = serde_json::from_str(line)?;
    let what = said["what"].as_str().context("a row without a name")?;
    let figures = said["figures"].as_array().context("a row without figures")?;
    let figures: anyhow::Result<Vec<Figure>> = figures.iter().map(figure).collect();
    Ok(Row::new(format!("{what}, {rows} rows"), figures?))
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

/// Puts the tree's figures beside the log's, and the promises.
fn compare(log: &mut Vec<Row>, tree: &[Row], rows: usize) {
    let mut shares = Vec::new();
    for row in log.iter_mut() {
        let Some(same) = tree.iter().find(|other| other.what == row.what) else { continue };
        row.rivals.push(("tree".into(), same.figures.clone()));
        for (name, share) in [
            ("point reads, hot", "point reads, hot: of the tree's"),
            ("point reads, during", "point reads, during writes: of the tree's"),
            ("scans of 100 rows, hot", "scans, hot: of the tree's"),
            ("scans of 100 rows, during", "scans, during writes: of the tree's"),
        ] {
            if let (true, [own, ..], [other, ..]) = (row.what.starts_with(name), &row.figures[..], &same.figures[..]) {
                let percent = own.value / other.value * 100.0;
                shares.push(Row::single(format!("{share}, {rows} rows"), percent, Unit::Percent).promise("", READS));
            }
        }
    }
    for row in log.iter_mut() {
        let own = std::mem::replace(row, Row::new("", Vec::new()));
        *row = match own.what.split(", ").take(2).collect::<Vec<_>>()[..] {
            ["read-modify-write", "32 clients"] => own.promise("", COMMITS).promise("p99.9", COMMIT_P999),
            ["open again", ..] => own.promise("", OPEN),
            _ => own,
        };
    }
    log.extend(shares);
}
