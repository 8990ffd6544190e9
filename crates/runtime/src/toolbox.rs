//! What managed runtimes bring along on Lambda and the host has to fetch once: boto3, the AWS SDK for JavaScript, and
//! (beyond Lambda) a compiler for TypeScript handlers. Kept in the cache folder, complete or not at all.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::interpreter::Interpreter;

/// How long a failed installation is not tried again.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// An installation that takes longer has hung.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(600);

/// Clients for the services this cloud has, and the helpers that handlers use with them: 60 MB. Lambda brings the clients
/// of all services; nothing here would answer the others.
const NODE_PACKAGES: [&str; 19] = [
    "client-api-gateway",
    "client-apigatewaymanagementapi",
    "client-cloudwatch",
    "client-cloudwatch-logs",
    "client-cognito-identity-provider",
    "client-dynamodb",
    "client-dynamodb-streams",
    "client-eventbridge",
    "client-iam",
    "client-kinesis",
    "client-lambda",
    "client-s3",
    "client-secrets-manager",
    "client-sfn",
    "client-sns",
    "client-sqs",
    "client-sts",
    "lib-dynamodb",
    "s3-request-presigner",
];

/// The last line of the SDK that runs on Node 18.
const NODE_18_RANGE: &str = "<3.968.0";

/// How far an installation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It was there already.
    Present {
        what: String,
    },
    Installing {
        what: String,
    },
    /// A line of the installer's output.
    Line {
        what: String,
        text: String,
    },
    Installed {
        what: String,
        took: Duration,
    },
    Failed {
        what: String,
        message: String,
    },
}

pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// Something to fetch.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    /// For people: "boto3 for Python 3.11".
    pub what: String,
    /// Its folder below the cache folder.
    folder: String,
    program: PathBuf,
    /// The folder to install into is added as the last argument.
    args: Vec<OsString>,
    /// Put in front of PATH, so that npm runs on the Node it installs for.
    beside: Option<PathBuf>,
}

pub(crate) struct Toolbox {
    cache: PathBuf,
    search_path: OsString,
    /// By the tool's folder.
    attempts: std::sync::Mutex<HashMap<String, Attempt>>,
}

/// When and why an installation failed last, if it did. Locked while installing.
type Attempt = Arc<Mutex<Option<(Instant, String)>>>;

impl Tool {
    pub fn boto3(python: &Interpreter) -> Tool {
        Tool::pip(python, "boto3")
    }

    pub fn debugpy(python: &Interpreter) -> Tool {
        Tool::pip(python, "debugpy")
    }

    fn pip(python: &Interpreter, package: &str) -> Tool {
        let (major, minor, _) = python.version;
        let args =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", package, "--target"];
        Tool {
            what: format!("{package} for Python {major}.{minor}"),
            folder: format!("python/{package}-{major}.{minor}"),
            program: python.program.clone(),
            args: args.map(OsString::from).to_vec(),
            beside: None,
        }
    }

    pub fn aws_sdk(node: &Interpreter) -> Tool {
        let (folder, range) =
            if node.version.0 < 20 { ("node/aws-sdk-18", NODE_18_RANGE) } else { ("node/aws-sdk", "3") };
        let packages = NODE_PACKAGES.map(|package| format!("@aws-sdk/{package}@{range}"));
        Tool::npm(node, "the AWS SDK for JavaScript", folder, packages.to_vec())
    }

    pub fn esbuild(node: &Interpreter) -> Tool {
        Tool::npm(node, "esbuild, which compiles TypeScript handlers", "node/esbuild", vec!["esbuild@0".into()])
    }

    fn npm(node: &Interpreter, what: &str, folder: &str, packages: Vec<String>) -> Tool {
        let options =
            ["install", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--loglevel=error"];
        let args = options.into_iter().map(String::from).chain(packages).chain(["--prefix".into()]);
        Tool {
            what: what.into(),
            folder: folder.into(),
            program: "npm".into(),
            args: args.map(OsString::from).collect(),
            beside: node.program.parent().map(Path::to_path_buf),
        }
    }

    /// The command a person would type.
    fn by_hand(&self, target: &Path) -> String {
        let args: Vec<_> = self.args.iter().map(|arg| arg.to_string_lossy()).collect();
        format!("{} {} {}", self.program.display(), args.join(" "), target.display())
    }
}

impl Toolbox {
    pub fn new(cache: PathBuf, search_path: OsString) -> Toolbox {
        Toolbox { cache, search_path, attempts: Default::default() }
    }

    /// Where the tool is, if it is there.
    pub fn present(&self, tool: &Tool) -> Option<PathBuf> {
        Some(self.cache.join(&tool.folder)).filter(|path| path.is_dir())
    }

    /// Where the tool is; installs it when it is not there. The error says what failed, why, and what to do.
    pub async fn get(&self, tool: &Tool, progress: &OnProgress) -> Result<PathBuf, String> {
        let what = || tool.what.clone();
        if let Some(path) = self.present(tool) {
            progress(Progress::Present { what: what() });
            return Ok(path);
        }
        let attempt = self.attempt(tool);
        let mut failed = attempt.lock().await;
        if let Some((_, message)) = failed.as_ref().filter(|(when, _)| when.elapsed() < RETRY_AFTER) {
            return Err(message.clone());
        }
        let started = Instant::now();
        match self.install(tool, progress).await {
            Ok(path) => {
                progress(Progress::Installed { what: what(), took: started.elapsed() });
                Ok(path)
            }
            Err(why) => {
                let message = self.explain(tool, &why);
                progress(Progress::Failed { what: what(), message: message.clone() });
                *failed = Some((Instant::now(), message.clone()));
                Err(message)
            }
        }
    }

    fn attempt(&self, tool: &Tool) -> Attempt {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.entry(tool.folder.clone()).or_default().clone()
    }

    fn explain(&self, tool: &Tool, why: &str) -> String {
        let by_hand = tool.by_hand(&self.cache.join(&tool.folder));
        format!(
            "{} could not be installed: {why}. Functions that bring their own copy work without it. When this host is offline, install it once while it is not, or by hand: {by_hand}",
            tool.what
        )
    }

    async fn install(&self, tool: &Tool, progress: &OnProgress) -> Result<PathBuf, String> {
        let target = self.cache.join(&tool.folder);
        let _lock = lock(target.with_extension("lock")).await?;
        if target.is_dir() {
            return Ok(target); // Another process was faster.
        }
        progress(Progress::Installing { what: tool.what.clone() });
        let partial = target.with_extension("partial");
        remove(&partial).await?;
        tokio::fs::create_dir_all(&partial).await.map_err(|error| format!("{}: {error}", partial.display()))?;
        let ran = tokio::time::timeout(INSTALL_TIMEOUT, self.run(tool, &partial, progress)).await;
        if let Err(why) = ran.unwrap_or_else(|_| Err("the installer did not end".into())) {
            remove(&partial).await?;
            return Err(why);
        }
        tokio::fs::rename(&partial, &target).await.map_err(|error| format!("{}: {error}", target.display()))?;
        Ok(target)
    }

    async fn run(&self, tool: &Tool, target: &Path, progress: &OnProgress) -> Result<(), String> {
        let mut command = Command::new(&tool.program);
        command.args(&tool.args).arg(target).env("PATH", self.path_with(tool.beside.as_deref()));
        // A container's only user is often root; pip need not warn about that here, where it installs into a folder.
        command.env("PIP_ROOT_USER_ACTION", "ignore");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child =
            command.spawn().map_err(|error| format!("{} does not start: {error}", tool.program.display()))?;
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let tell = |text: &str| progress(Progress::Line { what: tool.what.clone(), text: text.into() });
        let (_, last_error) = tokio::join!(follow(output, &tell), follow(errors, &tell));
        match child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(last_error.unwrap_or_else(|| format!("{} ended with {status}", tool.program.display()))),
            Err(error) => Err(error.to_string()),
        }
    }

    fn path_with(&self, folder: Option<&Path>) -> OsString {
        let folders = folder.map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&self.search_path));
        std::env::join_paths(folders).unwrap_or_else(|_| self.search_path.clone())
    }
}

/// Reports each line; gives the last one that is an error, or else the last one.
async fn follow(stream: Option<impl tokio::io::AsyncRead + Unpin>, tell: &impl Fn(&str)) -> Option<String> {
    let mut lines = BufReader::new(stream?).lines();
    let (mut last, mut error) = (None, None);
    while let Ok(Some(line)) = lines.next_line().await {
        tell(&line);
        if line.to_ascii_lowercase().contains("error") {
            error = Some(line.clone());
        }
        if !line.trim().is_empty() {
            last = Some(line);
        }
    }
    error.or(last)
}

async fn remove(path: &Path) -> Result<(), String> {
    match tokio::fs::remove_dir_all(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", path.display())),
        _ => Ok(()),
    }
}

/// Keeps other servers on this host from installing the same thing into the same cache, until dropped.
async fn lock(path: PathBuf) -> Result<File, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(|error| failed(&error))?;
    }
    let file = File::create(&path).map_err(|error| failed(&error))?;
    let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
    locked.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}
