//! Functions under load: cold starts in a row and at once, warm calls, what an idle instance takes, and how many there
//! can be; the same on another local runner.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::{join_all, try_join_all};
use tokio::process::Command;

use crate::Bench;
use crate::cases::Case;
use crate::client::{Client, Endpoint};
use crate::functions::{Function, create_role};
use crate::load::{Latencies, Speed, share};
use crate::report::{Figure, Promise, Row, Unit, say};
use crate::rivals::{self, MINISTACK, Running};

pub const CASE: Case = Case {
    name: "scale",
    about: "functions under load: cold starts in a row and at once, warm calls, memory, how many at once",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const COLD_PYTHON_P50: Promise = Promise::AtMost(3.0);
const COLD_PYTHON_P99: Promise = Promise::AtMost(10.0);
const COLD_NODE_P50: Promise = Promise::AtMost(30.0);
const COLD_PROVIDED_P50: Promise = Promise::AtMost(10.0);
const WARM_RATE: Promise = Promise::AtLeast(3_000.0);

const CLIENTS: usize = 32;
/// Longer than it takes to start them all, so that none serves two of them.
const HOLD: Duration = Duration::from_secs(3);
/// After this long, idle instances are frozen, and what has ended is gone.
const SETTLE: Duration = Duration::from_secs(1);
/// For each kind of process that is started bare.
const BARE_STARTS: usize = 20;

/// How much is asked of a server: what is not done in its time is left out, and the row says so.
struct Plan {
    in_a_row: usize,
    in_a_row_time: Duration,
    at_once: usize,
    calls: usize,
    calls_time: Duration,
}

/// What one server comes to with one function.
struct Measured {
    in_a_row: Latencies,
    at_once: Option<AtOnce>,
    warm: Option<Speed>,
}

/// Invocations that begin together, each holding its instance.
struct AtOnce {
    all: Duration,
    /// Without the time that they were held for.
    latencies: Latencies,
    instances: usize,
    throttled: usize,
    /// MiB that an instance takes when it is idle again.
    memory: f64,
}

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let functions = functions(bench)?;
    let (server, _data) = bench.server().await?;
    let plan = plan(bench.options.quick, false);
    let mut rows = bare(bench).await?;
    let server_id = server.id().context("the server has ended")?;
    let mut measured = Vec::new();
    create_role(&mut server.client()?).await?;
    for function in &functions {
        measured.push(measure(&server.endpoint, server_id, function, &plan).await.context(function.name)?);
    }
    let most = most(bench, &server.endpoint, server_id, functions.first().context("no function")?).await?;
    server.stop().await?;
    let mut theirs = Vec::new();
    for rival in rivals::start(bench, &[MINISTACK]).await {
        theirs = compare(bench, &rival, &functions).await;
        rival.stop().await;
    }
    for (function, ours) in functions.iter().zip(measured) {
        let theirs = theirs.iter().find(|(name, _)| *name == function.name).map(|(_, measured)| measured);
        rows.extend(rows_of(function.name, &ours, theirs));
    }
    rows.push(most);
    Ok(rows)
}

fn functions(bench: &Bench) -> anyhow::Result<Vec<Function>> {
    let provided = Function::provided(&bench.binaries.bootstrap)?;
    Ok(vec![Function::python(), Function::python_boto3(), Function::node(), provided])
}

/// A rival gets less time: it shows as well in a hundred starts what it is like.
fn plan(quick: bool, rival: bool) -> Plan {
    let seconds = |usual, quickly| Duration::from_secs(if quick { quickly } else { usual });
    let (in_a_row_time, calls_time) =
        if rival { (seconds(6, 2), seconds(5, 2)) } else { (seconds(15, 3), seconds(10, 2)) };
    let (in_a_row, at_once, calls) = if quick { (100, 20, 2_000) } else { (1_000, 200, 10_000) };
    Plan { in_a_row, in_a_row_time, at_once, calls, calls_time }
}

/// The rival's measurements, by function; why one is missing is noted.
async fn compare(bench: &Bench, rival: &Running, functions: &[Function]) -> Vec<(&'static str, Measured)> {
    let mut all = Vec::new();
    let Some(id) = rival.id() else { return all };
    say(format_args!("  the same on {}", rival.name));
    bench.note(format!(
        "{} runs functions as plain processes of its own user: they are not isolated, limited or frozen, and nothing is durable",
        rival.name
    ));
    for function in functions {
        match measure(&rival.endpoint, id, function, &plan(bench.options.quick, true)).await {
            Ok(measured) => all.push((function.name, measured)),
            Err(error) => bench.note(format!("{} is not compared with for {}: {error:#}", rival.name, function.name)),
        }
    }
    all
}

async fn measure(endpoint: &Endpoint, server: u32, function: &Function, plan: &Plan) -> anyhow::Result<Measured> {
    let mut client = Client::new(endpoint)?;
    say(format_args!("  {}", function.name));
    function.create(&mut client).await?;
    function.invoke(&mut client, 0).await?;
    let in_a_row = in_a_row(&mut client, function, plan).await?;
    // With the import in it, 200 at once measure the import 200 times over, wherever it is not shared.
    let is_plain = function.name != "python-boto3" || in_a_row.millis(0.5) < HOLD.as_millis() as f64 / 100.0;
    function.end(&mut client).await?;
    let at_once = if is_plain { Some(at_once(endpoint, server, function, plan.at_once).await?) } else { None };
    // Ends all instances.
    function.configure(&mut client, 1).await?;
    let warm = if is_plain { Some(warm(endpoint, function, plan).await?) } else { None };
    function.configure(&mut client, 2).await?;
    tokio::time::sleep(SETTLE).await;
    Ok(Measured { in_a_row, at_once, warm })
}

/// Each invocation finds that the only instance there was has ended.
async fn in_a_row(client: &mut Client, function: &Function, plan: &Plan) -> anyhow::Result<Latencies> {
    let mut latencies = Latencies::new()?;
    let until = Instant::now() + plan.in_a_row_time;
    for _ in 0..plan.in_a_row {
        function.end(client).await?;
        let began = Instant::now();
        function.invoke(client, 0).await?;
        latencies.record(began.elapsed());
        if Instant::now() >= until {
            break;
        }
    }
    Ok(latencies)
}

async fn at_once(endpoint: &Endpoint, server: u32, function: &Function, count: usize) -> anyhow::Result<AtOnce> {
    tokio::time::sleep(SETTLE).await;
    let before = memory_below(server)?;
    let (latencies, instances) = (RefCell::new(Latencies::new()?), RefCell::new(BTreeSet::new()));
    let mut clients: Vec<Client> = (0..count).map(|_| Client::new(endpoint)).collect::<anyhow::Result<_>>()?;
    let began = Instant::now();
    let calls = clients.iter_mut().map(|client| async {
        let answer = function.hold(client, HOLD).await;
        let took = began.elapsed().saturating_sub(HOLD);
        match answer {
            Ok(instance) => {
                instances.borrow_mut().insert(instance);
                latencies.borrow_mut().record(took);
                Ok(false)
            }
            Err(error) if error.to_string().starts_with("status 429") => Ok(true),
            Err(error) => Err(error),
        }
    });
    let throttled = join_all(calls).await.into_iter().collect::<anyhow::Result<Vec<bool>>>()?;
    let all = began.elapsed().saturating_sub(HOLD);
    tokio::time::sleep(SETTLE).await;
    let (latencies, instances) = (latencies.into_inner(), instances.into_inner().len());
    let memory = (memory_below(server)? - before).max(0.0) / instances.max(1) as f64;
    Ok(AtOnce {
        all,
        latencies,
        instances,
        throttled: throttled.iter().filter(|throttled| **throttled).count(),
        memory,
    })
}

async fn warm(endpoint: &Endpoint, function: &Function, plan: &Plan) -> anyhow::Result<Speed> {
    let prepare = || async |client: &mut Client, _: usize| function.invoke(client, 1).await;
    share(endpoint, CLIENTS, 0..CLIENTS * 4, prepare).await?;
    let (latencies, rest) = (RefCell::new(Latencies::new()?), RefCell::new(0..plan.calls));
    let began = Instant::now();
    let clients = (0..CLIENTS).map(|_| async {
        let mut client = Client::new(endpoint)?;
        while began.elapsed() < plan.calls_time && rest.borrow_mut().next().is_some() {
            let call = Instant::now();
            function.invoke(&mut client, 1).await?;
            latencies.borrow_mut().record(call.elapsed());
        }
        anyhow::Ok(())
    });
    try_join_all(clients).await?;
    let latencies = latencies.into_inner();
    Ok(Speed { rate: latencies.count() as f64 / began.elapsed().as_secs_f64(), latencies })
}

/// As many instances of one function as the server starts when more are asked for.
async fn most(bench: &Bench, endpoint: &Endpoint, server: u32, function: &Function) -> anyhow::Result<Row> {
    let count = if bench.options.quick { 50 } else { 500 };
    let what = format!("instances at once, {}, of {count} asked for", function.name);
    say(format_args!("  {what}"));
    function.end(&mut Client::new(endpoint)?).await?;
    let AtOnce { instances, throttled, all, .. } = at_once(endpoint, server, function, count).await?;
    let figures = vec![
        Figure::new("", instances as f64, Unit::Count),
        Figure::new("throttled", throttled as f64, Unit::Count),
        Figure::new("all in", millis(all), Unit::Milliseconds),
    ];
    Ok(Row::new(what, figures))
}

fn rows_of(name: &str, ours: &Measured, theirs: Option<&Measured>) -> Vec<Row> {
    let with = |mut row: Row, theirs: Option<Vec<Figure>>| {
        if let Some(theirs) = theirs {
            row.rival_figures(MINISTACK.name, theirs);
        }
        row
    };
    let mut rows = Vec::new();
    let what = format!("{name} cold, {} in a row", ours.in_a_row.count());
    let row = Row::new(what, latencies(&ours.in_a_row));
    let row = match name {
        "python" | "python-boto3" => row.promise("p50", COLD_PYTHON_P50).promise("p99", COLD_PYTHON_P99),
        "node" => row.promise("p50", COLD_NODE_P50),
        _ => row.promise("p50", COLD_PROVIDED_P50),
    };
    rows.push(with(row, theirs.map(|theirs| latencies(&theirs.in_a_row))));
    let their_at_once = theirs.and_then(|theirs| theirs.at_once.as_ref());
    if let Some(at_once) = &ours.at_once {
        let what = format!("{name} cold, {} at once", at_once.latencies.count() as usize + at_once.throttled);
        rows.push(with(Row::new(what, at_once_figures(at_once)), their_at_once.map(at_once_figures)));
        let memory = |at_once: &AtOnce| vec![Figure::new("", at_once.memory, Unit::MiB)];
        let what = format!("{name}, memory of an idle instance");
        rows.push(with(Row::new(what, memory(at_once)), their_at_once.map(memory)));
    }
    if let Some(warm) = &ours.warm {
        let row = Row::new(format!("{name} warm, {} calls, {CLIENTS} clients", warm.latencies.count()), speed(warm));
        let row = if name == "python" { row.promise("", WARM_RATE) } else { row };
        rows.push(with(row, theirs.and_then(|theirs| theirs.warm.as_ref()).map(speed)));
    }
    rows
}

fn latencies(latencies: &Latencies) -> Vec<Figure> {
    let figure = |name, quantile| Figure::new(name, latencies.millis(quantile), Unit::Milliseconds);
    vec![figure("p50", 0.5), figure("p99", 0.99), figure("max", 1.0)]
}

fn speed(speed: &Speed) -> Vec<Figure> {
    [vec![Figure::new("", speed.rate, Unit::PerSecond)], latencies(&speed.latencies)].concat()
}

fn at_once_figures(at_once: &AtOnce) -> Vec<Figure> {
    let all = Figure::new("all in", millis(at_once.all), Unit::Milliseconds);
    let instances = Figure::new("instances", at_once.instances as f64, Unit::Count);
    [vec![all, instances], latencies(&at_once.latencies)].concat()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What starting a process alone takes: no cold start that has a process of its own can be faster.
async fn bare(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    // What is found first may be a script that chooses a version.
    let python = printed("python3", &["-c", "import sys; print(sys.executable)"]).await?;
    let node = printed("node", &["-p", "process.execPath"]).await?;
    let programs: [(&str, &str, &[&str]); 3] =
        [("python3", &python, &["-S", "-c", ""]), ("node", &node, &["-e", ""]), ("true", "true", &[])];
    let mut rows = Vec::new();
    for (name, program, arguments) in programs {
        let mut starts = Latencies::new()?;
        for _ in 0..bench.samples(BARE_STARTS) {
            let began = Instant::now();
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().await.with_context(|| format!("{program} cannot be started"))?;
            starts.record(began.elapsed());
        }
        rows.push(Row::new(format!("the limit: a bare process of {name}"), latencies(&starts)));
    }
    Ok(rows)
}

async fn printed(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().await;
    let output = output.with_context(|| format!("{program} cannot be started"))?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// MiB of all processes below one, shared pages divided among those who share them.
fn memory_below(process: u32) -> anyhow::Result<f64> {
    let mut parents: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(parent) = parent(id) {
            parents.entry(parent).or_default().push(id);
        }
    }
    let (mut total, mut waiting) = (0.0, parents.remove(&process).unwrap_or_default());
    while let Some(id) = waiting.pop() {
        total += proportional(id).unwrap_or_default();
        waiting.extend(parents.remove(&id).unwrap_or_default());
    }
    Ok(total)
}

fn parent(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // After the name, which may have anything in it: the state, and the parent.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn proportional(id: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
}
