//! Reads of the storage engine without a server around it, and of the plain tree that it stands in front of, in turns.

use crate::Bench;
use crate::cases::{Case, engine};
use crate::report::{Promise, Row, Unit, say};

pub const CASE: Case = Case {
    name: "reads",
    about: "point reads and scans of the engine, in turns with the tree alone: cold, hot, and while others write",
    needs_server: false,
    run: |bench| Box::pin(run(bench)),
};

/// Of the tree's rate.
const READS: Promise = Promise::AtLeast(80.0);

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut all = Vec::new();
    for rows in engine::sizes(&bench.options) {
        say(format_args!("  {rows} rows"));
        let told = engine::at_work(bench, "reads", rows, &[]).await?;
        let (log, tree): (Vec<_>, Vec<_>) = told.into_iter().partition(|(engine, _)| engine == "log");
        let [mut log, tree] = [log, tree].map(|told| told.into_iter().map(|(_, row)| row).collect::<Vec<_>>());
        engine::set_beside(&mut log, &tree);
        let shares: Vec<Row> = log.iter().filter_map(share).collect();
        all.extend(log);
        all.extend(shares);
    }
    Ok(all)
}

/// The rate of reads as a share of the tree's.
fn share(row: &Row) -> Option<Row> {
    if !row.what.starts_with("point reads") && !row.what.starts_with("scans") {
        return None;
    }
    let ([own, ..], [(_, tree)]) = (&row.figures[..], &row.rivals[..]) else { return None };
    let percent = own.value / tree.first()?.value * 100.0;
    Some(Row::single(format!("of the tree's rate: {}", row.what), percent, Unit::Percent).promise("", READS))
}
