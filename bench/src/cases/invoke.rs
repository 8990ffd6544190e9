//! Functions invoked through the API: warm, and by an instance that has to be started first.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::Bench;
use crate::cases::Case;
use crate::client::Client;
use crate::functions::{Function, create_role};
use crate::load::{Load, sample};
use crate::report::{Promise, Row, say};
use crate::server::Server;

pub const CASE: Case = Case {
    name: "invoke",
    about: "warm and cold invocations of python, node and compiled functions",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const WARM_P50: Promise = Promise::AtMost(1.0);
const WARM_RATE: Promise = Promise::AtLeast(3_000.0);
const COLD_PYTHON_P50: Promise = Promise::AtMost(3.0);
const COLD_PYTHON_P99: Promise = Promise::AtMost(10.0);
const COLD_NODE_P50: Promise = Promise::AtMost(30.0);
const COLD_PROVIDED_P50: Promise = Promise::AtMost(10.0);

const CLIENTS: usize = 32;
/// Long enough for an instance for every client.
const WARM_UP: Duration = Duration::from_secs(6);
const COLD_STARTS: usize = 50;

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (server, _data) = bench.server().await?;
    let mut client = server.client()?;
    create_role(&mut client).await?;
    let (python, node) = (Function::python(), Function::node());
    let (boto3, provided) = (Function::python_boto3(), Function::provided(&bench.binaries.bootstrap)?);
    for function in [&python, &boto3, &node, &provided] {
        say(format_args!("  preparing {}", function.name));
        function.create(&mut client).await.with_context(|| function.name)?;
        function.invoke(&mut client, 0).await?;
    }
    let mut rows = Vec::new();
    for function in [&python, &node, &provided] {
        rows.push(warm(bench, &server, function, 1).await?);
        rows.push(warm(bench, &server, function, CLIENTS).await?);
    }
    for function in [&python, &boto3, &node, &provided] {
        rows.push(cold(bench, &mut client, function).await?);
    }
    server.stop().await?;
    Ok(rows)
}

async fn warm(bench: &Bench, server: &Server, function: &Function, clients: usize) -> anyhow::Result<Row> {
    let what = format!("{} warm, {clients} client{}", function.name, if clients == 1 { "" } else { "s" });
    say(format_args!("  {what}"));
    let (warm_up, time) = bench.pace();
    let load = Load { clients, warm_up: if clients == 1 { warm_up } else { WARM_UP }, time };
    let worker = |_| async move |client: &mut Client| function.invoke(client, 0).await;
    let speed = load.run(&server.endpoint, worker).await.with_context(|| what.clone())?;
    let row = Row::speed(what, &speed);
    Ok(match (function.name, clients) {
        ("python", 1) => row.promise("p50", WARM_P50),
        ("python", _) => row.promise("", WARM_RATE),
        _ => row,
    })
}

/// Each sample is the first invocation after a change of the environment, which ends the instances there were.
async fn cold(bench: &Bench, client: &mut Client, function: &Function) -> anyhow::Result<Row> {
    let what = format!("{} cold", function.name);
    say(format_args!("  {what}"));
    let starts = sample(bench.samples(COLD_STARTS), async |number| {
        function.configure(client, number + 1).await?;
        let began = Instant::now();
        function.invoke(client, number + 1).await?;
        Ok(began.elapsed())
    });
    let row = Row::latencies(what.clone(), &starts.await.context(what)?);
    Ok(match function.name {
        "python-boto3" => row.promise("p50", COLD_PYTHON_P50).promise("p99", COLD_PYTHON_P99),
        "node" => row.promise("p50", COLD_NODE_P50),
        "provided" => row.promise("p50", COLD_PROVIDED_P50),
        _ => row,
    })
}
