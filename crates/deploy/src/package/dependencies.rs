//! What functions import: `requirements.txt` installed with pip, `node_modules` made by npm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{PackageError, PackageOptions, Result, io};
use crate::progress::{Listener, Progress};
use crate::project::Project;

const PYTHON_PLUGIN: &str = "serverless-python-requirements";

/// Sees to the dependencies. Answers the folder of installed Python packages for each runtime that has one.
pub async fn prepare(
    project: &Project,
    options: &PackageOptions,
    listener: Listener<'_>,
) -> Result<BTreeMap<String, PathBuf>> {
    let runtimes: BTreeSet<&str> = project.service.functions.iter().map(|function| function.runtime.as_str()).collect();
    if runtimes.iter().any(|runtime| runtime.starts_with("nodejs")) {
        node_modules(&project.folder, options, listener).await?;
    }
    let mut installed = BTreeMap::new();
    let Some(requirements) = requirements(project)? else { return Ok(installed) };
    for runtime in runtimes.into_iter().filter(|runtime| runtime.starts_with("python")) {
        let folder = install_requirements(project, runtime, &requirements, options, listener).await?;
        installed.insert(runtime.to_string(), folder);
    }
    Ok(installed)
}

/// The text of the requirements to install, where the service uses the plugin for them and has any.
fn requirements(project: &Project) -> Result<Option<String>> {
    let service = &project.service;
    let settings = service.custom.get("pythonRequirements");
    if settings.is_none() && !service.plugins.iter().any(|plugin| plugin == PYTHON_PLUGIN) {
        return Ok(None);
    }
    let setting = |name: &str| settings.and_then(|settings| settings.get(name));
    for unsupported in ["layer", "zip"] {
        if setting(unsupported).is_some_and(|value| !matches!(value, Value::Bool(false) | Value::Null)) {
            let message = format!(
                "`custom.pythonRequirements.{unsupported}` is not supported yet: requirements go into the package itself"
            );
            return Err(PackageError::Unsupported(message));
        }
    }
    let path = project.folder.join(setting("fileName").and_then(Value::as_str).unwrap_or("requirements.txt"));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(&path, error)),
    };
    let left_out: Vec<&str> =
        setting("noDeploy").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let kept =
        text.lines().filter(|line| !left_out.contains(&requirement_name(line)) && !requirement_name(line).is_empty());
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    Ok((!kept.is_empty()).then_some(kept))
}

/// The package's name at the start of a line, empty for comments.
fn requirement_name(line: &str) -> &str {
    let line = line.trim();
    line.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':'))).next().unwrap_or("")
}

/// Installs once for each runtime and text of requirements, into the cache. A folder that is there is complete,
/// because it gets its name last.
async fn install_requirements(
    project: &Project,
    runtime: &str,
    requirements: &str,
    options: &PackageOptions,
    listener: Listener<'_>,
) -> Result<PathBuf> {
    let key = hex::encode(Sha256::digest(format!("{runtime}\0{requirements}")));
    let folder = options.cache.join("requirements").join(key.get(..32).unwrap_or(&key));
    if folder.is_dir() {
        return Ok(folder);
    }
    listener(Progress::Note(format!("installing the Python requirements for {runtime}")));
    let unfinished = folder.with_extension(format!("{}.new", std::process::id()));
    std::fs::create_dir_all(&unfinished).map_err(|error| io(&unfinished, error))?;
    let list = unfinished.with_extension("txt");
    std::fs::write(&list, requirements).map_err(|error| io(&list, error))?;
    let python = if is_there(runtime) { runtime } else { "python3" };
    let mut command = Command::new(python);
    command.current_dir(&project.folder).args([
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
        "--target",
    ]);
    command.arg(&unfinished).arg("--requirement").arg(&list);
    let result = run(command, "pip install").await;
    std::fs::remove_file(&list).map_err(|error| io(&list, error))?;
    if let Err(error) = result {
        std::fs::remove_dir_all(&unfinished).map_err(|error| io(&unfinished, error))?;
        return Err(error);
    }
    match std::fs::rename(&unfinished, &folder) {
        Ok(()) => Ok(folder),
        // Another run has just finished the same.
        Err(_) if folder.is_dir() => Ok(folder),
        Err(error) => Err(io(&folder, error)),
    }
}

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

async fn node_modules(folder: &Path, options: &PackageOptions, listener: Listener<'_>) -> Result<()> {
    let manifest = folder.join("package.json");
    let Ok(text) = std::fs::read_to_string(&manifest) else { return Ok(()) };
    let manifest: Value = serde_json::from_str(&text)
        .map_err(|error| PackageError::Dependencies(format!("package.json is not JSON: {error}")))?;
    let needed = manifest.get("dependencies").and_then(Value::as_object).is_some_and(|needed| !needed.is_empty());
    if !needed || folder.join("node_modules").is_dir() {
        return Ok(());
    }
    if !options.npm_install {
        return Err(PackageError::Dependencies(
            "package.json has dependencies, and there is no node_modules: run `npm install`".into(),
        ));
    }
    listener(Progress::Note("running npm install".into()));
    let mut command = Command::new("npm");
    command.current_dir(folder).args(["install", "--no-audit", "--no-fund", "--loglevel=error"]);
    run(command, "npm install").await
}

/// Runs a program to its end; its last words are the error when it fails.
async fn run(mut command: Command, what: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output =
        output.map_err(|error| PackageError::Dependencies(format!("`{what}` could not be started: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).collect();
    let last: Vec<&str> = lines.iter().skip(lines.len().saturating_sub(8)).copied().collect();
    Err(PackageError::Dependencies(format!("`{what}` failed ({}):\n  {}", output.status, last.join("\n  "))))
}

/// Patterns that take out the packages that package-lock.json marks as for development only.
pub fn dev_patterns(project: &Project) -> Vec<String> {
    let lock = std::fs::read_to_string(project.folder.join("package-lock.json")).unwrap_or_default();
    let lock: Value = serde_json::from_str(&lock).unwrap_or_default();
    let packages = lock.get("packages").and_then(Value::as_object).into_iter().flatten();
    let dev = packages
        .filter(|(path, package)| path.starts_with("node_modules/") && package.get("dev") == Some(&Value::Bool(true)));
    let escaped = dev.map(|(path, _)| format!("!{}/**", globset::escape(path)));
    let tools = [
        "!node_modules/.bin/**".to_string(),
        "!node_modules/.cache/**".into(),
        "!node_modules/.package-lock.json".into(),
    ];
    escaped.chain(tools).collect()
}
