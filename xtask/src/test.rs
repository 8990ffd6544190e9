//! `cargo xtask test`: unit tests, then the binary as its users drive it. What that needs is installed below the
//! target folder, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::command::{cargo, root, run, say, target};

/// Everything: unit tests, then the binary that was compiled for them. Another would be compiled anew from its lowest
/// dependency on, because tests turn on features of some.
pub fn all() -> anyhow::Result<()> {
    unit(&[])?;
    drive(&[])
}

/// `cargo test` for every package.
pub fn unit(arguments: &[String]) -> anyhow::Result<()> {
    run(cargo().args(["test", "--workspace", "--quiet"]).args(arguments))
}

/// The binary as its users drive it. `arguments` go to pytest; with any, only pytest runs.
pub fn black_box(arguments: &[String]) -> anyhow::Result<()> {
    run(cargo().args(["build", "--package", "cloudlet"]))?;
    drive(arguments)
}

/// The binary that there is with boto3, then with aws-sdk.
fn drive(arguments: &[String]) -> anyhow::Result<()> {
    let binary = target().join("debug/cloudlet");
    let python = python()?;
    // Tests wait more than they work; those of one file share servers, and so a process.
    let all = ["--numprocesses=3", "--dist=loadfile"];
    let whole = if arguments.is_empty() { &all[..] } else { &[] };
    run(Command::new(&python)
        .args(["-m", "pytest"])
        .args(whole)
        .args(arguments)
        .current_dir(root().join("tests/python"))
        .env("CLOUDLET_BIN", &binary))?;
    if !arguments.is_empty() {
        return Ok(());
    }
    let node = node()?;
    run(Command::new("node").args(["--test", "--test-reporter=spec"]).current_dir(&node).env("CLOUDLET_BIN", &binary))
}

/// The engine on simulated disks, from `seeds` seeds.
pub fn simulate(seeds: &str) -> anyhow::Result<()> {
    let seeds: u64 = seeds.parse().with_context(|| format!("{seeds} is not a number of seeds"))?;
    run(cargo()
        .args(["test", "--release", "--package", "kv-local", "--lib", "sim::", "--", "--nocapture"])
        .env("SIM_SEEDS", seeds.to_string()))
}

/// The virtual environment's interpreter, with what the tests import installed.
fn python() -> anyhow::Result<PathBuf> {
    let (environment, requirements) = (target().join("tests/python"), root().join("tests/python/requirements.txt"));
    let python = environment.join("bin/python");
    once(&environment, &[&requirements], || {
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        run(Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements))
    })?;
    Ok(python)
}

/// A copy of the Node tests in a folder below that where their packages are installed: there Node finds them.
fn node() -> anyhow::Result<PathBuf> {
    let (source, environment) = (root().join("tests/node"), target().join("tests/node"));
    once(&environment, &[&source.join("package.json")], || {
        fs::copy(source.join("package.json"), environment.join("package.json"))?;
        run(Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(&environment))
    })?;
    let tests = environment.join("tests");
    if tests.exists() {
        fs::remove_dir_all(&tests)?;
    }
    copy_folder(&source, &tests)?;
    Ok(tests)
}

/// Copies a folder with all that is in it.
fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &copy)?;
        } else {
            fs::copy(entry.path(), copy)?;
        }
    }
    Ok(())
}

/// Does `install` unless it has been done for the same `inputs`.
fn once(folder: &Path, inputs: &[&Path], install: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut wanted = String::new();
    for input in inputs {
        wanted += &fs::read_to_string(input).with_context(|| format!("{} cannot be read", input.display()))?;
    }
    let marker = folder.join(".installed");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say(format_args!("installing what the tests need into {}", folder.display()));
    fs::create_dir_all(folder)?;
    install()?;
    Ok(fs::write(marker, wanted)?)
}
