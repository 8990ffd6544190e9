//! `cloudlet backup`.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use archive::Target;
use base::private::sync_parent;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::cli::Backup;
use crate::client::Client;
use crate::commands::{INCOMPLETE, tell_lost};
use crate::output;
use crate::progress::Progress;

pub async fn run(options: Backup) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let name = &options.file;
    let Written { bytes, time, broken } = match archive::open_object(name)? {
        Some((bucket, object)) => to_bucket(&client, bucket, object).await?,
        None => to_file(&client, Path::new(name)).await?,
    };
    let megabytes = bytes as f64 / f64::from(1 << 20);
    output::line(format_args!("{name}: everything as of {time}, {megabytes:.1} MiB"));
    output::line(format_args!("To bring it back: cloudlet restore {name} --data DIR"));
    Ok(told_of(&broken))
}

async fn to_file(client: &Client, file: &Path) -> anyhow::Result<Written> {
    let mut unfinished = file.to_owned().into_os_string();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    let written = write(client, unfinished).await;
    if written.is_err() {
        // What failed is told; half a backup is of no use to anybody.
        let _ = fs::remove_file(unfinished);
    }
    let name = file.display();
    let written = written?;
    fs::rename(unfinished, file).with_context(|| format!("{name} cannot be written"))?;
    sync_parent(file).with_context(|| format!("the folder of {name} cannot be synced"))?;
    Ok(written)
}

/// Parts of a backup on their way: more would only wait in memory.
const PARTS_WAITING: usize = 2;

async fn to_bucket(client: &Client, bucket: Arc<dyn Target>, object: String) -> anyhow::Result<Written> {
    let (sender, parts) = mpsc::channel(PARTS_WAITING);
    let put = tokio::task::spawn_blocking(move || bucket.put(&object, &mut Parts { parts, part: Bytes::new() }));
    let failed = sender.clone();
    let written = copy(client, async |part| {
        // When nobody takes it any more, why is what the upload says.
        let taken = sender.send(Ok(part)).await;
        taken.map_err(|_| io::Error::from(ErrorKind::BrokenPipe))
    })
    .await;
    drop(sender);
    if let Err(error) = &written {
        // Without this, half a backup would be put there as if it were whole. Where nobody takes it, the upload failed before.
        let _ = failed.send(Err(io::Error::other(format!("{error:#}")))).await;
    }
    drop(failed);
    put.await.context("the upload did not end well")??;
    written
}

/// What comes in parts, read by the thread that puts it into a bucket.
struct Parts {
    parts: mpsc::Receiver<io::Result<Bytes>>,
    part: Bytes,
}

impl Read for Parts {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.parts.blocking_recv() {
                Some(part) => self.part = part?,
                None => return Ok(0),
            }
        }
        (&mut self.part).reader().read(out)
    }
}

struct Written {
    bytes: u64,
    /// The moment of the backup.
    time: String,
    broken: Vec<Value>,
}

/// Tells what is damaged on the server; returns the exit status that says so.
fn told_of(broken: &[Value]) -> ExitCode {
    for damage in broken {
        let text = |name: &str| damage[name].as_str().unwrap_or_default();
        let users = damage["Users"].as_array().into_iter().flatten().filter_map(Value::as_str);
        tell_lost(text("Folder"), text("Id"), text("Reason"), &users.map(str::to_owned).collect::<Vec<_>>());
    }
    if broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    output::note(
        "The server's disk is damaged. Everything else is in the backup; deploy again what needs what is lost.",
    );
    ExitCode::from(INCOMPLETE)
}

/// Writes the whole backup.
async fn write(client: &Client, path: &Path) -> anyhow::Result<Written> {
    // What an interrupted backup left may be readable for others, or be a link.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
    }
    let cannot = || format!("{} cannot be written", path.display());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(cannot)?;
    let written = copy(client, async |part| file.write_all(&part)).await.with_context(cannot)?;
    file.sync_all().with_context(cannot)?;
    Ok(written)
}

/// Gives the parts of a new backup to `take`, one after the other.
async fn copy(client: &Client, mut take: impl AsyncFnMut(Bytes) -> io::Result<()>) -> anyhow::Result<Written> {
    let started = client.call("cloudlet", "StartBackup", json!({})).await?;
    let (id, time) = (&started["BackupId"], started["Time"].as_str().unwrap_or_default().to_owned());
    let bytes = Arc::new(AtomicU64::new(0));
    let progress = Progress::start("copied", Arc::clone(&bytes), None);
    let broken = loop {
        let mut part = client.call("cloudlet", "ReadBackup", json!({"BackupId": id})).await?;
        let Some(content) = part["Bytes"].as_str() else { break part["Broken"].take() };
        let content = STANDARD.decode(content).context("the server's answer cannot be read")?;
        bytes.fetch_add(content.len() as u64, Ordering::Relaxed);
        take(content.into()).await?;
    };
    drop(progress);
    let broken = if let Value::Array(broken) = broken { broken } else { Vec::new() };
    Ok(Written { bytes: bytes.load(Ordering::Relaxed), time, broken })
}
