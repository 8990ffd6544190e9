//! Deploying: a project of ten functions for the first time, and a change of code, by the command line and by API.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::process::Command;
use walkdir::WalkDir;

use crate::cases::Case;
use crate::functions::{Function, create_role};
use crate::load::sample;
use crate::report::{Promise, Row, say};
use crate::server::Server;
use crate::{Bench, build};

pub const CASE: Case = Case {
    name: "deploy",
    about: "a first deploy of ten functions, and deploys of a change of code",
    needs_server: true,
    run: |bench| Box::pin(run(bench)),
};

const FIRST: Promise = Promise::AtMost(1_000.0);
const AGAIN: Promise = Promise::AtMost(200.0);

const FIRST_DEPLOYS: usize = 10;
const CHANGES: usize = 20;
const FUNCTIONS: usize = 10;
/// The file of the blog that is changed.
const CHANGED: &str = "posts/handler.js";

async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let (server, data) = bench.server().await?;
    let cloud = Cloud { bench, server: &server, data: data.path() };
    let rows = vec![
        cloud.first().await?.promise("p50", FIRST),
        cloud.again().await?.promise("p50", AGAIN),
        cloud.update().await?.promise("p50", AGAIN),
    ];
    server.stop().await?;
    Ok(rows)
}

struct Cloud<'a> {
    bench: &'a Bench,
    server: &'a Server,
    data: &'a Path,
}

impl Cloud<'_> {
    /// Ten functions and their routes, a project of its own each time.
    async fn first(&self) -> anyhow::Result<Row> {
        let what = format!("first `cloudlet deploy`, {FUNCTIONS} functions");
        say(format_args!("  {what}"));
        let deploys = sample(self.bench.samples(FIRST_DEPLOYS), async |number| {
            let project = self.bench.data_folder()?;
            write_project(project.path(), number)?;
            self.deploy(project.path()).await
        });
        Ok(Row::latencies(what, &deploys.await?))
    }

    /// One changed file in a project that is deployed.
    async fn again(&self) -> anyhow::Result<Row> {
        let what = "`cloudlet deploy`, one file of examples/blog changed";
        say(format_args!("  {what}"));
        let project = self.bench.data_folder()?;
        copy(&build::root().join("examples/blog"), project.path())?;
        let changed = project.path().join(CHANGED);
        let code = fs::read_to_string(&changed).with_context(|| format!("{CHANGED} is not in the blog"))?;
        self.deploy(project.path()).await?;
        let deploys = sample(self.bench.samples(CHANGES), async |number| {
            fs::write(&changed, format!("{code}// Change {number}.\n"))?;
            self.deploy(project.path()).await
        });
        Ok(Row::latencies(what, &deploys.await?))
    }

    /// UpdateFunctionCode, until the function is ready again.
    async fn update(&self) -> anyhow::Result<Row> {
        let what = "UpdateFunctionCode, one function";
        say(format_args!("  {what}"));
        let (function, mut client) = (Function::node(), self.server.client()?);
        create_role(&mut client).await?;
        function.create(&mut client).await?;
        let updates = sample(self.bench.samples(CHANGES), async |number| {
            let began = Instant::now();
            function.update(&mut client, number).await?;
            Ok(began.elapsed())
        });
        Ok(Row::latencies(what, &updates.await?))
    }

    /// From the start of the command to its end.
    async fn deploy(&self, project: &Path) -> anyhow::Result<Duration> {
        let mut command = Command::new(&self.bench.binaries.cloudlet);
        command.arg("deploy").arg(project).arg("--data").arg(self.data);
        command.args(["--endpoint", &format!("http://{}", self.server.endpoint.address)]).kill_on_drop(true);
        let began = Instant::now();
        let output = command.output().await.context("the command line cannot be started")?;
        let took = began.elapsed();
        if !output.status.success() {
            bail!("a deploy failed: {:.1000}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(took)
    }
}

fn write_project(folder: &Path, number: usize) -> anyhow::Result<()> {
    let mut description = format!("service: ten{number}\nprovider:\n  name: aws\n  runtime: python3.12\nfunctions:\n");
    for function in 0..FUNCTIONS {
        write!(description, "  function{function}:\n    handler: handler.main\n")?;
        write!(description, "    events:\n      - httpApi: GET /{function}\n")?;
    }
    fs::write(folder.join("serverless.yml"), description)?;
    Ok(fs::write(folder.join("handler.py"), "def main(event, context):\n    return 'hello'\n")?)
}

/// Copies the files below `from`, but none that a tool has left there under a name with a leading dot.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let visible =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".");
    for entry in WalkDir::new(from).into_iter().filter_entry(visible) {
        let entry = entry?;
        let path = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(&path)?;
        } else {
            fs::copy(entry.path(), &path)?;
        }
    }
    Ok(())
}
