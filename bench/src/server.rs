//! A `cloudlet serve` of our own, on a free port.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use auth::sigv4::Credentials;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::client::{Client, Endpoint};
use crate::machine::{Memory, memory};

const START_WAIT_MAX: Duration = Duration::from_secs(60);
const STOP_WAIT_MAX: Duration = Duration::from_secs(20);

/// Killed when dropped.
pub struct Server {
    pub endpoint: Endpoint,
    process: Child,
    /// Kept open: a server need not know what to do when nobody listens to it.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts `binary` on the folder `data`; it answers when this returns. Its log goes to a file beside the data.
    pub async fn start(binary: &Path, data: &Path) -> anyhow::Result<Server> {
        Server::start_reaching(binary, data, None).await
    }

    /// The same for one whose functions reach this port of the loopback address too.
    pub async fn start_reaching(binary: &Path, data: &Path, port: Option<u16>) -> anyhow::Result<Server> {
        let log = File::options().create(true).append(true).open(data.join("server.log"))?;
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        if let Some(port) = port {
            command.args(["--allow-loopback", &port.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut process = command.spawn().with_context(|| format!("{} cannot be started", binary.display()))?;
        let output = process.stdout.take().context("the server has no output")?;
        let mut output = BufReader::new(output).lines();
        let first = timeout(START_WAIT_MAX, output.next_line()).await.context("the server is not ready in time")??;
        let Some(first) = first else { bail!("the server ended at once:\n{}", log_tail(data)) };
        let address = first.rsplit_once("http://").with_context(|| format!("no address in: {first}"))?.1;
        let address = address.trim_end_matches('/').parse().with_context(|| format!("no address in: {first}"))?;
        Ok(Server { endpoint: Endpoint { address, credentials: credentials(data)? }, process, _output: output })
    }

    pub fn client(&self) -> anyhow::Result<Client> {
        Client::new(&self.endpoint)
    }

    /// Ends it as an operator would: running requests finish.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(id.context("the server has ended by itself")?, Signal::TERM)?;
        let status = timeout(STOP_WAIT_MAX, self.process.wait()).await.context("the server does not stop")??;
        if status.success() { Ok(()) } else { bail!("the server ended with {status}") }
    }

    /// `kill -9`.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("the server had ended by itself, with {status}");
        }
        Ok(self.process.kill().await?)
    }

    /// Its process.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    pub fn memory(&self) -> anyhow::Result<Memory> {
        memory(self.id().context("the server has ended by itself")?)
    }
}

fn credentials(data: &Path) -> anyhow::Result<Credentials> {
    let text = fs::read_to_string(data.join("root-credentials")).context("the server has made no credentials")?;
    let value = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(str::to_owned).with_context(|| format!("no {name} in the server's credentials"))
    };
    let (access_key_id, secret) = (value("AWS_ACCESS_KEY_ID")?, value("AWS_SECRET_ACCESS_KEY")?);
    Ok(Credentials { access_key_id, secret, session_token: None })
}

fn log_tail(data: &Path) -> String {
    let log = fs::read_to_string(data.join("server.log")).unwrap_or_default();
    let from = log.lines().count().saturating_sub(5);
    log.lines().skip(from).collect::<Vec<_>>().join("\n")
}
