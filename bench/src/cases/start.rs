//! From nothing to the first answered request, and the memory of a server that has nothing to do.

use std::time::{Duration, Instant};

use crate::Bench;
use crate::cases::Case;
use crate::client::Call;
use crate::load::Latencies;
use crate::report::{Figure, Promise, Row, Unit};
use crate::server::Server;

pub const CASE: Case = Case {
    name: "start",
    about: "an empty server's start to its first answered request, and its memory",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const START: Promise = Promise::AtMost(100.0);
const MEMORY: Promise = Promise::AtMost(40.0);

const RUNS: usize = 21;
/// After this long, what starting took has been given back.
const SETTLE: Duration = Duration::from_secs(3);

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut starts = Latencies::new()?;
    for _ in 0..bench.samples(RUNS) {
        let data = bench.data_folder()?;
        let began = Instant::now();
        let server = Server::start(&bench.binaries.cloudlet, data.path()).await?;
        server.client()?.call(Call::json("sqs", "AmazonSQS.ListQueues", "{}")).await?;
        starts.record(began.elapsed());
        server.stop().await?;
    }
    let (server, _data) = bench.server().await?;
    server.client()?.call(Call::json("sqs", "AmazonSQS.ListQueues", "{}")).await?;
    tokio::time::sleep(SETTLE).await;
    let memory = server.memory()?;
    server.stop().await?;
    let memory = vec![
        Figure::new("resident", memory.resident, Unit::MiB),
        Figure::new("proportional", memory.proportional, Unit::MiB),
    ];
    Ok(vec![
        Row::latencies("empty start to first answer", &starts).promise("p50", START),
        Row::new("idle memory", memory).promise("resident", MEMORY),
    ])
}
