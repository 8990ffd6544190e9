//! Builds what is measured, in the profile that the bench itself was built in.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::report::say;

pub struct Binaries {
    /// The server and command line.
    pub cloudlet: PathBuf,
    /// A compiled function: see `bin/bootstrap.rs`.
    pub bootstrap: PathBuf,
    /// A storage engine at work: see `bin/engine`.
    pub engine: PathBuf,
}

pub const PROFILE: &str = if cfg!(debug_assertions) { "debug" } else { "release" };

/// The workspace's root.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// The target folder: this program lies in its folder of the profile.
pub fn target() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("where this program lies is not known")?;
    program.ancestors().nth(2).map(Path::to_owned).context("this program does not lie in a target folder")
}

/// `with_server` tells whether a case needs `cloudlet`, which takes long to build.
///
/// # Errors
/// When something does not build, or `cloudlet` is given and not there.
pub fn build(cloudlet: Option<&Path>, with_server: bool) -> anyhow::Result<Binaries> {
    let folder = target()?.join(PROFILE);
    let cloudlet = match cloudlet {
        Some(given) => given.canonicalize().with_context(|| format!("{} is not there", given.display()))?,
        None => {
            if with_server {
                cargo(&["--package", "cloudlet"])?;
            }
            folder.join("cloudlet")
        }
    };
    cargo(&["--package", "bench", "--bin", "bootstrap", "--bin", "engine"])?;
    Ok(Binaries { cloudlet, bootstrap: folder.join("bootstrap"), engine: folder.join("engine") })
}

fn cargo(what: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg("build").args(what).current_dir(root());
    if PROFILE == "release" {
        command.arg("--release");
    }
    say(format_args!("building {} ({PROFILE})", what.last().unwrap_or(&"")));
    let status = command.status().context("cargo cannot be started")?;
    if !status.success() {
        bail!("{} does not build", what.join(" "));
    }
    Ok(())
}
