//! `cloudlet repair`.

use std::process::ExitCode;

use anyhow::bail;
use kv_local::{Damage, Error, Local, Loss, Options};

use crate::cli::Repair;
use crate::{output, restoring};

/// Each round gives up less than the one before: more than this would be a circle.
const ROUNDS_MAX: usize = 1000;

pub fn run(options: &Repair) -> anyhow::Result<ExitCode> {
    let data = &options.data;
    if !data.is_dir() {
        bail!("{} is not there", data.display());
    }
    restoring::refuse_unfinished(data)?;
    for round in 0..ROUNDS_MAX {
        let damage = match Local::open(data, &Options::default()) {
            Ok(_) if round == 0 => {
                output::line(format_args!("{} can be opened: there is nothing to mend", data.display()));
                return Ok(ExitCode::SUCCESS);
            }
            Ok(_) => {
                output::line(format_args!("{} can be opened again", data.display()));
                return Ok(ExitCode::SUCCESS);
            }
            Err(Error::Damaged { damage, .. }) => damage,
            Err(other) => return Err(other.into()),
        };
        output::line(format_args!("{damage}"));
        tell(&damage, &kv_local::loss(data, &damage)?);
        if !options.accept_loss {
            bail!(
                "nothing was changed. A backup or an archive may have what is missing; to go on without it: \
                 cloudlet repair --data {} --accept-loss",
                data.display()
            );
        }
        kv_local::repair(data, &damage, &Options::default())?;
    }
    bail!("{} is still damaged after {ROUNDS_MAX} repairs: restore a backup", data.display())
}

fn tell(damage: &Damage, loss: &Loss) {
    output::line(format_args!(
        "lost is batch {} and everything after it; of that, {} batches can still be read",
        damage.sequence, loss.readable
    ));
    if let Some(last) = loss.last {
        output::line(format_args!("the last of them was committed at {}", last.iso8601()));
    }
    match loss.kept_until {
        Some(kept) => output::line(format_args!("what is left ends at {}", kept.iso8601())),
        None => output::line("what is left is what had been moved to the tree before"),
    }
}
