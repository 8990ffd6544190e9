//! `cloudlet restore`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, bail};
use archive::{Broken, Patient, Restored, Target};
use kv::Db;
use kv_local::Local;

use crate::cli::Restore;
use crate::commands::{INCOMPLETE, tell_lost};
use crate::control::Named;
use crate::master;
use crate::output;
use crate::progress::{Counted, Progress};
use crate::restoring::Restoring;

pub async fn run(options: Restore) -> anyhow::Result<ExitCode> {
    let data = &options.data;
    // The folder gets its name when everything is in it: no server can start on half of it.
    let restoring = Restoring::begin(data)?;
    let (restored, lost, sealed) = restore(&options, restoring.folder()).await?;
    restoring.finish()?;
    let Restored { moment, rows, batches, blobs, .. } = restored;
    output::line(format_args!(
        "{}: everything as of {}: {rows} rows, {batches} later commits, {blobs} packages of code",
        data.display(),
        moment.iso8601()
    ));
    if let Some(sealed) = sealed {
        output::note(format_args!(
            "warning: the copy has not the master key that is needed with it: {sealed}. Start with --master-key-file FILE, or with \
             {} set",
            master::VARIABLE
        ));
    }
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

/// How long a target may be away in the middle of a restore.
const PATIENCE: Duration = Duration::from_secs(60);

/// What did not come back, and what needs it.
type Lost = Vec<(Broken, Vec<String>)>;

async fn restore(options: &Restore, data: &Path) -> anyhow::Result<(Restored, Lost, Option<String>)> {
    let local = Local::open(data, &kv_local::Options::default())?;
    let bytes = Arc::new(AtomicU64::new(0));
    let target = options.archive.as_deref().map(archive::open).transpose()?;
    let target = target.map(|target| Patient::new(target, PATIENCE, Arc::clone(&bytes)));
    let (mut restored, progress) = match (&target, &options.archive, &options.file) {
        (Some(target), Some(place), _) => {
            let plan = archive::find(target, place, options.at, options.history.as_deref())?;
            let progress = Progress::start("read", bytes, None);
            (archive::from_archive(target, &plan, &local, data).await?, progress)
        }
        (_, _, Some(file)) => {
            let (source, length) = open(file, &bytes).with_context(|| format!("{file} cannot be read"))?;
            let progress = Progress::start("read", bytes, length);
            (archive::from_backup(BufReader::new(source), file, &local, data).await?, progress)
        }
        _ => bail!("a backup is needed, or --archive"),
    };
    let db = Db::open(local);
    let named = Named::find(&db)?;
    let sealed = master::lacking(&db, data)?;
    db.close();
    let (fetched, missing) = fetch(target.as_ref(), &named, data).await?;
    drop(progress);
    restored.blobs += fetched;
    let lost = missing.into_iter().map(|missing| {
        // What was wrong with it says more than that it is not there.
        let known = restored.broken.iter().find(|broken| (&broken.folder, broken.id) == (&missing.folder, missing.id));
        let users = named.users(&missing).to_vec();
        (known.cloned().unwrap_or(missing), users)
    });
    let lost = lost.collect();
    Ok((restored, lost, sealed))
}

async fn fetch(target: Option<&Patient>, named: &Named, data: &Path) -> archive::Result<(u64, Vec<Broken>)> {
    let target = target.map(|target| target as &dyn Target);
    archive::missing_blobs(target, &named.blobs(), data).await
}

/// A backup, and how long it is, where that is known. What is read of it counts into `bytes`.
fn open(name: &str, bytes: &Arc<AtomicU64>) -> anyhow::Result<(Box<dyn Read + Send>, Option<u64>)> {
    if let Some((bucket, name)) = archive::open_object(name)? {
        return Ok((Patient::new(bucket, PATIENCE, Arc::clone(bytes)).get(&name)?, None));
    }
    let source = File::open(name)?;
    let length = source.metadata()?.len();
    Ok((Box::new(Counted { source, bytes: Arc::clone(bytes) }), Some(length)))
}
