//! Other servers that answer the same requests, installed from their registries into the target folder. They keep
//! their data in memory: what they are asked to write is not durable.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use auth::sigv4::Credentials;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::Bench;
use crate::client::Endpoint;
use crate::report::say;

const START_WAIT_MAX: Duration = Duration::from_secs(60);
const INSTALL_WAIT_MAX: Duration = Duration::from_secs(600);
const STOP_WAIT_MAX: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// A program to compare with.
#[derive(Clone, Copy)]
pub struct Rival {
    pub name: &'static str,
    version: &'static str,
    installer: Installer,
    /// Its name in the installed packages' folder of programs.
    program: &'static str,
    /// What else is installed: parts of the package in brackets, or other packages.
    extras: &'static [&'static str],
    /// How it is told its port.
    port: Port,
}

#[derive(Clone, Copy)]
enum Installer {
    Npm,
    Pip,
}

#[derive(Clone, Copy)]
enum Port {
    /// After these.
    Arguments(&'static [&'static str]),
    /// In this variable.
    Variable(&'static str),
}

/// Emulates DynamoDB, in Node.
pub const DYNALITE: Rival = Rival {
    name: "dynalite",
    version: "4.0.0",
    installer: Installer::Npm,
    program: "dynalite",
    extras: &[],
    port: Port::Arguments(&["--createTableMs", "0", "--port"]),
};
/// Emulates Kinesis, in Node.
pub const KINESALITE: Rival = Rival {
    name: "kinesalite",
    version: "3.3.3",
    installer: Installer::Npm,
    program: "kinesalite",
    extras: &[],
    port: Port::Arguments(&["--createStreamMs", "0", "--port"]),
};
/// Emulates many services, in Python.
pub const MOTO: Rival = Rival {
    name: "moto",
    version: "5.2.5",
    installer: Installer::Pip,
    program: "moto_server",
    extras: &["[server]"],
    port: Port::Arguments(&["-H", "127.0.0.1", "-p"]),
};
/// Emulates many services, in Python; runs functions in processes that it uses again.
pub const MINISTACK: Rival = Rival {
    name: "ministack",
    version: "1.5.33",
    installer: Installer::Pip,
    program: "ministack",
    // What functions import is the host's business there.
    extras: &["boto3"],
    port: Port::Variable("GATEWAY_PORT"),
};

/// A library to compare with, which a few lines of its own language use: they are told a file, how many work at once and for how many
/// seconds, and print how many thumbnails that were in a second.
#[derive(Clone, Copy)]
pub struct Library {
    rival: Rival,
    lines: &'static str,
}

/// Images in Node, by libvips.
pub const SHARP: Library = Library {
    rival: Rival {
        name: "sharp",
        version: "0.35.5",
        installer: Installer::Npm,
        program: "semver",
        extras: &[],
        port: Port::Arguments(&[]),
    },
    lines: "
const sharp = require('sharp'), [file, clients, seconds] = process.argv.slice(1);
const bytes = require('fs').readFileSync(file), until = Date.now() + seconds * 1000;
let made = 0;
const client = async () => { while (Date.now() < until) { await sharp(bytes).resize(400).jpeg({ quality: 75 }).toBuffer(); made++; } };
Promise.all(Array.from({ length: Number(clients) }, client)).then(() => console.log(made / seconds));
",
};
/// Images in Python, by libjpeg-turbo; one process for each processor.
pub const PILLOW: Library = Library {
    rival: Rival {
        name: "pillow",
        version: "13.0.0",
        installer: Installer::Pip,
        program: "python",
        extras: &[],
        port: Port::Arguments(&[]),
    },
    lines: "
import io, multiprocessing, os, sys, time
from PIL import Image
file, clients, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
data = open(file, 'rb').read()
def client(_):
    made, until = 0, time.time() + seconds
    while time.time() < until:
        image = Image.open(io.BytesIO(data))
        image.thumbnail((400, 300), Image.Resampling.LANCZOS)
        image.save(io.BytesIO(), 'JPEG', quality=75)
        made += 1
    return made
with multiprocessing.get_context('fork').Pool(min(clients, os.cpu_count())) as pool:
    print(sum(pool.map(client, range(min(clients, os.cpu_count())), 1)) / seconds)
",
};

impl Library {
    /// Its name with its version.
    pub fn title(&self) -> String {
        format!("{} {}", self.rival.name, self.rival.version)
    }

    /// Thumbnails in a second.
    pub async fn rate(&self, folder: &Path, file: &Path, clients: usize, time: Duration) -> anyhow::Result<f64> {
        let place = folder.join(format!("rival-{}-{}", self.rival.name, self.rival.version));
        let program = self.rival.install(&place).await?;
        let mut command = match self.rival.installer {
            Installer::Npm => {
                let mut node = Command::new("node");
                node.env("NODE_PATH", place.join("node_modules")).arg("-e");
                node
            }
            Installer::Pip => {
                let mut python = Command::new(program);
                python.arg("-c");
                python
            }
        };
        command.arg(self.lines).arg(file).args([clients.to_string(), time.as_secs_f64().to_string()]);
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.context("it cannot be started")?;
        let said = String::from_utf8_lossy(&output.stdout);
        said.trim().parse().with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A rival that runs. Killed when dropped.
pub struct Running {
    /// With its version.
    pub name: String,
    pub endpoint: Endpoint,
    process: Child,
}

impl Running {
    /// Its process.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Ends it in good order, so that it ends the processes it has started.
    pub async fn stop(mut self) {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if id.is_some_and(|id| kill_process(id, Signal::TERM).is_ok()) {
            let _ = timeout(STOP_WAIT_MAX, self.process.wait()).await;
        }
    }
}

/// Starts those that can be; the report says of each other one why it is missing.
pub async fn start(bench: &Bench, rivals: &[Rival]) -> Vec<Running> {
    let mut running = Vec::new();
    for rival in rivals.iter().filter(|_| !bench.options.no_rivals) {
        match rival.start(&bench.folder).await {
            Ok(rival) => running.push(rival),
            Err(error) => bench.note(format!("{} is not compared with: {error:#}", rival.name)),
        }
    }
    running
}

impl Rival {
    async fn start(&self, folder: &Path) -> anyhow::Result<Running> {
        let program = self.install(&folder.join(format!("rival-{}-{}", self.name, self.version))).await?;
        let address = free_address()?;
        let mut command = Command::new(&program);
        let port = address.port().to_string();
        match self.port {
            Port::Arguments(arguments) => command.args(arguments).arg(port),
            Port::Variable(name) => command.env(name, port),
        };
        // Programs that it starts are those that were installed with it.
        let beside = program.parent().map(Path::to_path_buf);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env("PATH", std::env::join_paths(beside.into_iter().chain(std::env::split_paths(&path)))?);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command.spawn().context("it cannot be started")?;
        let answers = async {
            while TcpStream::connect(address).await.is_err() {
                if let Some(status) = process.try_wait()? {
                    bail!("it ended at once, with {status}");
                }
                sleep(POLL).await;
            }
            anyhow::Ok(())
        };
        timeout(START_WAIT_MAX, answers).await.context("it does not start")??;
        let credentials = Credentials { access_key_id: "rival".into(), secret: "rival".into(), session_token: None };
        let name = format!("{} {}", self.name, self.version);
        Ok(Running { name, endpoint: Endpoint { address, credentials }, process })
    }

    /// Its program, installed if it is not there.
    async fn install(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let (program, complete) = (self.program(folder), folder.join(".complete"));
        if complete.is_file() {
            return Ok(program);
        }
        say(format_args!("  installing {} {}", self.name, self.version));
        fs::create_dir_all(folder)?;
        match self.installer {
            Installer::Npm => {
                let package = format!("{}@{}", self.name, self.version);
                let options = ["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"];
                run(Command::new("npm").args(options).arg(folder).arg(package)).await?;
            }
            Installer::Pip => {
                run(Command::new("python3").args(["-m", "venv"]).arg(folder)).await?;
                let (parts, others): (Vec<&str>, Vec<&str>) =
                    self.extras.iter().partition(|extra| extra.starts_with('['));
                let package = format!("{}{}=={}", self.name, parts.concat(), self.version);
                let options = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
                run(Command::new(folder.join("bin/python")).args(options).arg(package).args(others)).await?;
            }
        }
        fs::write(complete, "")?;
        Ok(program)
    }

    fn program(&self, folder: &Path) -> PathBuf {
        match self.installer {
            Installer::Npm => folder.join("node_modules/.bin").join(self.program),
            Installer::Pip => folder.join("bin").join(self.program),
        }
    }
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(INSTALL_WAIT_MAX, command.output()).await.context("installing it takes too long")?;
    let output = output.context("what installs it cannot be started")?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("it cannot be installed: {}", error.lines().last().unwrap_or("no reason is given"));
    }
    Ok(())
}

/// A port that was free a moment ago: neither rival tells which one it took by itself.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
