//! `cargo xtask tidy`: what prose cannot keep true. Exceptions are listed here, and only shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use walkdir::WalkDir;

use crate::command::{root, say};

/// The layers, lowest first: a package may depend on packages of lower layers only. See ARCHITECTURE.md.
const LAYERS: &[&[&str]] = &[
    &["base"],
    &["kv", "blob", "wire", "auth", "jwt", "sandbox", "pattern", "template", "outbound", "schedule", "vtl", "webauthn"],
    &["kv-local", "archive", "service", "runtime", "media", "oidc", "tls"],
    &["proxy", "mail", "sources", "vault"],
    &["SERVICES", "gateway", "deploy", "console"],
    &["cloudlet"],
    &["bench"],
];
/// May use anything below the binary, and only tests may use it.
const TEST_ONLY: &str = "testkit";
/// What belongs to each service's folder. A name without a dot is a file or a folder.
const SERVICE_FILES: &[&str] =
    &["README.md", "src/lib.rs", "src/keys.rs", "src/types", "src/model", "src/ops", "src/error.rs", "src/limits.rs"];
/// A file that is longer is probably two.
const LINES_MAX: usize = 600;
/// Files that are longer, for now, and by how much at most.
const LONGER: &[(&str, usize)] = &[];

/// Runs every check, and reports all that is wrong at once.
pub fn run() -> anyhow::Result<()> {
    let packages = packages()?;
    let mut wrong = Vec::new();
    wrong.extend(layers(&packages)?);
    wrong.extend(service_files(&packages));
    wrong.extend(architecture(&packages)?);
    wrong.extend(sources()?);
    wrong.extend(specification()?);
    for problem in &wrong {
        say(problem);
    }
    if wrong.is_empty() {
        say("tidy");
        return Ok(());
    }
    bail!("{} things are not tidy", wrong.len())
}

/// Package name -> folder.
fn packages() -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut packages = BTreeMap::new();
    for parent in ["crates", "services"] {
        for entry in fs::read_dir(root().join(parent))? {
            let folder = entry?.path();
            if folder.join("Cargo.toml").is_file() {
                packages.insert(folder.file_name().unwrap_or_default().to_string_lossy().into_owned(), folder);
            }
        }
    }
    Ok(packages)
}

fn is_service(folder: &Path) -> bool {
    folder.parent().is_some_and(|parent| parent.ends_with("services"))
}

/// Imports only go down.
fn layers(packages: &BTreeMap<String, PathBuf>) -> anyhow::Result<Vec<String>> {
    let layer = |name: &str| {
        let name = if packages.get(name).is_some_and(|folder| is_service(folder)) { "SERVICES" } else { name };
        LAYERS.iter().position(|layer| layer.contains(&name))
    };
    let mut wrong = Vec::new();
    for (name, folder) in packages.iter().filter(|(name, _)| *name != TEST_ONLY) {
        let Some(own) = layer(name) else {
            wrong.push(format!("{name} has no place in the layers: see LAYERS in xtask/src/tidy.rs"));
            continue;
        };
        for used in dependencies(&folder.join("Cargo.toml"), packages)? {
            if used == TEST_ONLY || layer(&used).is_none_or(|used| used >= own) {
                wrong.push(format!("{name} must not depend on {used}: imports only go down"));
            }
        }
    }
    Ok(wrong)
}

/// The workspace's packages under `[dependencies]`; tests may import what they like.
fn dependencies(manifest: &Path, packages: &BTreeMap<String, PathBuf>) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(manifest)?;
    let section =
        text.lines().skip_while(|line| *line != "[dependencies]").skip(1).take_while(|line| !line.starts_with('['));
    let names = section.filter_map(|line| line.split(['.', ' ', '=']).next()).map(str::to_owned);
    Ok(names.filter(|name| packages.contains_key(name)).collect())
}

/// Every service has the same files.
fn service_files(packages: &BTreeMap<String, PathBuf>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, folder) in packages.iter().filter(|(_, folder)| is_service(folder)) {
        let missing = SERVICE_FILES
            .iter()
            .filter(|file| !folder.join(file).exists() && !folder.join(format!("{file}.rs")).exists());
        wrong.extend(missing.map(|file| format!("{name} has no {file}, which every service has")));
    }
    wrong
}

/// ARCHITECTURE.md names every package.
fn architecture(packages: &BTreeMap<String, PathBuf>) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).context("ARCHITECTURE.md cannot be read")?;
    let missing = packages.keys().filter(|name| !text.contains(&format!("`{name}`")));
    Ok(missing.map(|name| format!("ARCHITECTURE.md does not name `{name}`")).collect())
}

/// What SPECIFICATION.md names as showing a promise is there: test files, and tests by their names.
fn specification() -> anyhow::Result<Vec<String>> {
    let (mut files, mut code) = (BTreeSet::new(), String::new());
    for folder in ["crates", "services", "tests", "bench"] {
        for entry in
            WalkDir::new(root().join(folder)).into_iter().filter_entry(|entry| entry.file_name() != "node_modules")
        {
            let path = entry?.into_path();
            if path.extension().is_some_and(|extension| extension == "rs" || extension == "py") {
                files.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
                code.push_str(&fs::read_to_string(&path)?);
            }
        }
    }
    let text = fs::read_to_string(root().join("SPECIFICATION.md")).context("SPECIFICATION.md cannot be read")?;
    // What is between backquotes.
    let named = text.split('`').skip(1).step_by(2);
    let missing = named.filter(|name| match name.rsplit('/').next() {
        Some(file) if (file.ends_with(".rs") || file.ends_with(".py")) && !file.contains(' ') => !files.contains(file),
        _ => is_test(name) && ![format!("fn {name}("), format!("def {name}(")].iter().any(|test| code.contains(test)),
    });
    Ok(missing.map(|name| format!("SPECIFICATION.md names `{name}`, which is not there")).collect())
}

/// Whether it looks like the name of a test: a sentence.
fn is_test(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    plain && name.matches('_').count() >= 3 && !name.starts_with("cloudlet_")
}

/// Sources say what they are for, and are short enough to hold in the head.
fn sources() -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for folder in ["crates", "services", "xtask", "fuzz/src", "fuzz/fuzz_targets"] {
        for entry in WalkDir::new(root().join(folder)) {
            let path = entry?.into_path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                wrong.extend(source(&path)?);
            }
        }
    }
    Ok(wrong)
}

fn source(path: &Path) -> anyhow::Result<Vec<String>> {
    let (name, text) = (path.strip_prefix(root())?.to_string_lossy().into_owned(), fs::read_to_string(path)?);
    let mut wrong = Vec::new();
    if !text.starts_with("//!") {
        wrong.push(format!("{name} does not begin by saying what it is for (//!)"));
    }
    let max = LONGER.iter().find(|(longer, _)| *longer == name).map_or(LINES_MAX, |(_, max)| *max);
    let lines = text.lines().count();
    if lines > max {
        wrong.push(format!("{name} has {lines} lines, of at most {max}: split it"));
    }
    Ok(wrong)
}
