//! `cloudlet restore`.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use archive::{Broken, Restored};
use kv::Db;
use kv_local::Local;

use crate::cli::Restore;
use crate::commands::{INCOMPLETE, sync_parent, tell_lost};
use crate::control::Named;
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
    let (restored, lost) = restored?;
    fs::rename(unfinished, data).with_context(|| format!("{} cannot be made", data.display()))?;
    sync_parent(data).with_context(|| format!("the folder of {} cannot be synced", data.display()))?;
    let Restored { moment, rows, batches, blobs, .. } = restored;
    output::line(format_args!(
        "{}: everything as of {}: {rows} rows, {batches} later commits, {blobs} packages of code",
        data.display(),
        moment.iso8601()
    ));
    output::line(format_args!("To start a server on it: cloudlet serve --data {}", data.display()));
    for (broken, users) in &lost {
        tell_lost(&broken.folder, &broken.id.to_string(), &broken.reason, users);
    }
    if lost.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    output::note("Everything else is there. Deploy again what needs what is lost, or restore another copy or moment.");
    Ok(ExitCode::from(INCOMPLETE))
}

/// What did not come back, and what needs it.
type Lost = Vec<(Broken, Vec<String>)>;

async fn restore(options: &Restore, data: &Path) -> anyhow::Result<(Restored, Lost)> {
    let local = Local::open(data, &kv_local::Options::default())?;
    let target = options.archive.as_deref().map(archive::open).transpose()?;
    let mut restored = match (&target, &options.archive, &options.file) {
        (Some(target), Some(place), _) => {
            let plan = archive::find(&**target, place, options.at, options.history.as_deref())?;
            archive::from_archive(&**target, &plan, &local, data).await?
        }
        (_, _, Some(file)) => {
            let cannot = || format!("{file} cannot be read");
            let source: Box<dyn Read + Send> = match archive::open_object(file)? {
                Some((bucket, name)) => bucket.get(&name).with_context(cannot)?,
                None => Box::new(File::open(file).with_context(cannot)?),
            };
            archive::from_backup(BufReader::new(source), file, &local, data).await?
        }
        _ => bail!("a backup is needed, or --archive"),
    };
    let db = Db::open(local);
    let named = Named::find(&db)?;
    db.close();
    let (fetched, missing) = archive::missing_blobs(target.as_deref(), &named.blobs(), data).await?;
    restored.blobs += fetched;
    let lost = missing.into_iter().map(|missing| {
        // What was wrong with it says more than that it is not there.
        let known = restored.broken.iter().find(|broken| (&broken.folder, broken.id) == (&missing.folder, missing.id));
        let users = named.users(&missing).to_vec();
        (known.cloned().unwrap_or(missing), users)
    });
    let lost = lost.collect();
    Ok((restored, lost))
}
