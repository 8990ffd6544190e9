//! Runs targets over their corpus and over what chance makes of it. Stable Rust, and no coverage: an input that makes something
//! new come out is kept, and changed further.
//!
//! Each target runs in a process of its own, which leaves the input that it died of.

mod mutate;

use std::collections::HashSet;
use std::io::{Seek as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use fuzz::Target;
use mutate::Mutator;

/// Longer inputs find nothing that shorter ones do not.
const INPUT_BYTES_MAX: usize = 4_096;
/// Inputs that are kept in memory, because something new came of them.
const KEPT_MAX: usize = 8_192;
/// An input that takes longer is as bad as one that panics.
const TIME_MAX: Duration = Duration::from_secs(1);
/// Set for the process that runs one target.
const CHILD: &str = "FUZZ_CHILD";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut names, mut seconds, mut seed) = (Vec::new(), 10, 1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok());
        match argument.as_str() {
            "--seconds" => seconds = number().unwrap_or(seconds),
            "--seed" => seed = number().unwrap_or(seed),
            name if fuzz::find(name).is_some() => names.push(name.to_owned()),
            other => {
                eprintln!("error: there is no target {other}. There are {}", fuzz::names().join(", "));
                return ExitCode::FAILURE;
            }
        }
    }
    if let Some(file) = std::env::var_os(CHILD) {
        return run(&names, Path::new(&file), Duration::from_secs(seconds), seed);
    }
    if names.is_empty() {
        names = fuzz::names().into_iter().map(str::to_owned).collect();
    }
    let failed: Vec<String> = names.into_iter().filter(|name| !apart(name, seconds, seed)).collect();
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {} failed", failed.join(", "));
    ExitCode::FAILURE
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a target in a process of its own, and says whether all went well.
fn apart(name: &str, seconds: u64, seed: u64) -> bool {
    let Ok(running) = tempfile::NamedTempFile::new() else { return false };
    let Ok(program) = std::env::current_exe() else { return false };
    let (seconds, seed) = (seconds.to_string(), seed.to_string());
    let status =
        Command::new(program).args([name, "--seconds", &seconds, "--seed", &seed]).env(CHILD, running.path()).status();
    if status.is_ok_and(|status| status.success()) {
        return true;
    }
    let input = std::fs::read(running.path()).unwrap_or_default();
    let artifacts = folder().join("artifacts").join(name);
    let file = artifacts.join(format!("{:016x}", mutate::hash(&input)));
    let kept = std::fs::create_dir_all(&artifacts).and_then(|()| std::fs::write(&file, &input));
    match kept {
        Ok(()) => eprintln!("{name}: the input is in {}: {:?}", file.display(), String::from_utf8_lossy(&input)),
        Err(error) => eprintln!("{name}: the input cannot be kept ({error}): {:?}", String::from_utf8_lossy(&input)),
    }
    false
}

fn run(names: &[String], running: &Path, time: Duration, seed: u64) -> ExitCode {
    let Some(target) = names.first().and_then(|name| fuzz::find(name)) else { return ExitCode::FAILURE };
    let Ok(mut running) = std::fs::File::create(running) else { return ExitCode::FAILURE };
    let corpus = corpus(target.name);
    let mut mutator = Mutator::new(seed, target.words);
    let (mut kept, mut outcomes) = (Vec::new(), HashSet::new());
    let (began, mut runs) = (Instant::now(), 0_u64);
    let mut next = corpus.into_iter();
    while began.elapsed() < time || next.len() > 0 {
        let input = next.next().unwrap_or_else(|| mutator.change(&kept, INPUT_BYTES_MAX));
        let noted = running.set_len(0).and_then(|()| running.rewind()).and_then(|()| running.write_all(&input));
        if let Err(error) = noted {
            eprintln!("{}: the input cannot be noted: {error}", target.name);
            return ExitCode::FAILURE;
        }
        let Some(outcome) = attempt(target, &input) else { return ExitCode::FAILURE };
        runs += 1;
        if outcomes.insert(outcome) && kept.len() < KEPT_MAX {
            kept.push(input);
        }
    }
    println!("{}: {runs} inputs, {} outcomes", target.name, outcomes.len());
    ExitCode::SUCCESS
}

/// What comes of an input; `None` when it fails.
fn attempt(target: &Target, input: &[u8]) -> Option<String> {
    let began = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let took = began.elapsed();
    if took > TIME_MAX {
        eprintln!("{}: an input took {took:?}", target.name);
        return None;
    }
    // The panic has been printed.
    result.ok()
}

/// The inputs that are kept beside the targets, in an order that stays.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(folder().join("corpus").join(name)).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
    files.sort();
    files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
}
