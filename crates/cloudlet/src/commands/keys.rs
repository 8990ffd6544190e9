//! `cloudlet keys`.

use std::process::ExitCode;

use base::Env;
use kv::Db;
use kv_local::Local;

use crate::cli::{Keys, Rotate};
use crate::{master, output, restoring};

pub async fn run(command: Keys) -> anyhow::Result<ExitCode> {
    let Keys::Rotate(Rotate { data, master_key_file }) = command;
    restoring::refuse_unfinished(&data)?;
    let db = Db::open(Local::open(&data, &kv_local::Options::default())?);
    let rotated = master::rotate(&db, &data, master_key_file.as_deref(), &Env::real()).await;
    db.close();
    let fingerprint = rotated?;
    output::line(format_args!(
        "The master key is a new one now: {fingerprint}. What is written from now on has a new key below it."
    ));
    output::note(
        "Copies that were made before have the old one. Make a backup now; an archive has the new one from its next whole copy on.",
    );
    Ok(ExitCode::SUCCESS)
}
