//! `cloudlet restore`.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use archive::Restored;
use kv_local::Local;

use crate::cli::Restore;
use crate::commands::sync_parent;
use crate::output;

pub async fn run(options: Restore) -> anyhow::Result<ExitCode> {
    let data = &options.data;
    if fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some()) || data.is_file() {
        bail!("{} is not empty: name a folder that is not there yet", data.display());
    }
    // The folder gets its name when everything is in it: no server can start on half of it.
    let Some(name) = data.file_name() else {
        bail!("{} has no name of its own: name a folder that is not there yet", data.display());
    };
    let mut name = name.to_owned();
    name.push(".unfinished");
    let unfinished = &data.with_file_name(name);
    if unfinished.exists() {
        fs::remove_dir_all(unfinished).with_context(|| format!("{} cannot be removed", unfinished.display()))?;
    }
    let restored = restore(&options, unfinished).await;
    if restored.is_err() {
        // What failed is told.
        let _ = fs::remove_dir_all(unfinished);
    }
    let Restored { moment, rows, batches, blobs } = restored?;
    fs::rename(unfinished, data).with_context(|| format!("{} cannot be made", data.display()))?;
    sync_parent(data).with_context(|| format!("the folder of {} cannot be synced", data.display()))?;
    output::line(format_args!(
        "{}: everything as of {}: {rows} rows, {batches} later commits, {blobs} packages of code",
        data.display(),
        moment.iso8601()
    ));
    output::line(format_args!("To start a server on it: cloudlet serve --data {}", data.display()));
    Ok(ExitCode::SUCCESS)
}

async fn restore(options: &Restore, data: &Path) -> anyhow::Result<Restored> {
    let local = Local::open(data, &kv_local::Options::default())?;
    if let Some(place) = &options.archive {
        let target = archive::open(place)?;
        let plan = archive::find(&*target, place, options.at, options.history.as_deref())?;
        return Ok(archive::from_archive(&*target, &plan, &local, data).await?);
    }
    let file = options.file.as_deref().context("a backup is needed, or --archive")?;
    let name = file.display().to_string();
    let source = File::open(file).with_context(|| format!("{name} cannot be read"))?;
    Ok(archive::from_backup(BufReader::new(source), &name, &local, data).await?)
}
