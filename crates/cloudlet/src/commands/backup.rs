//! `cloudlet backup`.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::cli::Backup;
use crate::client::Client;
use crate::commands::sync_parent;
use crate::output;

pub async fn run(options: Backup) -> anyhow::Result<ExitCode> {
    let client = Client::connect(&options.connection)?;
    let mut unfinished = options.file.clone().into_os_string();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    let written = write(&client, unfinished).await;
    if written.is_err() {
        // What failed is told; half a backup is of no use to anybody.
        let _ = fs::remove_file(unfinished);
    }
    let (bytes, time) = written?;
    let name = options.file.display();
    fs::rename(unfinished, &options.file).with_context(|| format!("{name} cannot be written"))?;
    sync_parent(&options.file).with_context(|| format!("the folder of {name} cannot be synced"))?;
    let megabytes = bytes as f64 / f64::from(1 << 20);
    output::line(format_args!("{name}: everything as of {time}, {megabytes:.1} MiB"));
    output::line(format_args!("To bring it back: cloudlet restore {name} --data DIR"));
    Ok(ExitCode::SUCCESS)
}

/// Writes the whole backup; returns how many bytes it has, and its moment.
async fn write(client: &Client, path: &Path) -> anyhow::Result<(u64, String)> {
    // What an interrupted backup left may be readable for others, or be a link.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("{} cannot be removed", path.display()));
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    let started = client.call("cloudlet", "StartBackup", json!({})).await?;
    let (id, time) = (&started["BackupId"], started["Time"].as_str().unwrap_or_default().to_owned());
    let mut bytes = 0;
    loop {
        let part = client.call("cloudlet", "ReadBackup", json!({"BackupId": id})).await?;
        let Some(content) = part["Bytes"].as_str() else { break };
        let content = STANDARD.decode(content).context("the server's answer cannot be read")?;
        file.write_all(&content).with_context(|| format!("{} cannot be written", path.display()))?;
        bytes += content.len() as u64;
    }
    file.sync_all().with_context(|| format!("{} cannot be written", path.display()))?;
    Ok((bytes, time))
}
