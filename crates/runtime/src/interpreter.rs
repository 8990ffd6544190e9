//! Which program runs a managed runtime: the asked-for version where the host has it, else the nearest one, said aloud.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::function::InvokeError;

/// The oldest versions our bootstraps run on.
const PYTHON_MINOR_MIN: u32 = 9;
const NODE_MAJOR_MIN: u32 = 18;

/// How long a program may take to tell its version.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// What runs a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    /// Python 3 and this minor version.
    Python(u32),
    /// Node and this major version.
    Node(u32),
    /// The function's own `bootstrap` program.
    Provided,
}

/// A program found on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interpreter {
    pub program: PathBuf,
    /// Such as 3.11.7 or 20.20.2.
    pub version: (u32, u32, u32),
    /// Set when it is not the version that was asked for.
    pub note: Option<String>,
}

/// The programs of this host, each looked up once.
pub(crate) struct Interpreters {
    search_path: OsString,
    found: Mutex<HashMap<Language, Interpreter>>,
}

impl Language {
    /// # Errors
    /// [`InvokeError::RuntimeMissing`] for a runtime that this server does not know.
    pub fn parse(runtime: &str) -> Result<Language, InvokeError> {
        let python = runtime.strip_prefix("python3.").and_then(|minor| minor.parse().ok()).map(Language::Python);
        let node = runtime.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x"));
        let node = node.and_then(|major| major.parse().ok()).map(Language::Node);
        let provided = matches!(runtime, "provided" | "provided.al2" | "provided.al2023").then_some(Language::Provided);
        python.or(node).or(provided).ok_or_else(|| {
            InvokeError::RuntimeMissing(format!(
                "The runtime {runtime} is not supported. Supported are python3.9 and later, nodejs18.x and later, and provided.al2023 with a program of your own named bootstrap."
            ))
        })
    }

    fn wanted(self) -> u32 {
        match self {
            Language::Python(minor) => minor,
            Language::Node(major) => major,
            Language::Provided => 0,
        }
    }

    /// The part of a version that names a runtime.
    fn feature(self, version: (u32, u32, u32)) -> u32 {
        if matches!(self, Language::Python(_)) { version.1 } else { version.0 }
    }

    fn is_usable(self, version: (u32, u32, u32)) -> bool {
        match self {
            Language::Python(_) => version.0 == 3 && version.1 >= PYTHON_MINOR_MIN,
            _ => version.0 >= NODE_MAJOR_MIN,
        }
    }

    fn name(self) -> &'static str {
        if matches!(self, Language::Python(_)) { "Python" } else { "Node.js" }
    }
}

impl Interpreter {
    pub fn version_text(&self) -> String {
        let (major, minor, patch) = self.version;
        format!("{major}.{minor}.{patch}")
    }
}

impl Interpreters {
    /// `search_path` has the form of the PATH variable.
    pub fn new(search_path: OsString) -> Interpreters {
        Interpreters { search_path, found: Mutex::new(HashMap::new()) }
    }

    pub async fn find(&self, language: Language) -> Result<Interpreter, InvokeError> {
        // Held while looking, so that a burst of starts looks once. What is missing is looked for again: it may get installed.
        let mut found = self.found.lock().await;
        if let Some(interpreter) = found.get(&language) {
            return Ok(interpreter.clone());
        }
        let interpreter = self.search(language).await?;
        if let Some(note) = &interpreter.note {
            tracing::warn!("{note}");
        }
        found.insert(language, interpreter.clone());
        Ok(interpreter)
    }

    /// What was found so far and is not what was asked for.
    pub async fn notes(&self) -> Vec<String> {
        self.found.lock().await.values().filter_map(|interpreter| interpreter.note.clone()).collect()
    }

    async fn search(&self, language: Language) -> Result<Interpreter, InvokeError> {
        let wanted = language.wanted();
        let mut best: Option<Interpreter> = None;
        for program in candidates(language, &self.folders()) {
            let Some(candidate) = probe(language, &program).await else { continue };
            let distance = |found: &Interpreter| {
                let feature = language.feature(found.version);
                // Of two that are equally far, the newer.
                (feature.abs_diff(wanted), std::cmp::Reverse(found.version))
            };
            if best.as_ref().is_none_or(|best| distance(&candidate) < distance(best)) {
                best = Some(candidate);
            }
            if best.as_ref().is_some_and(|best| language.feature(best.version) == wanted) {
                break;
            }
        }
        best.map(|found| with_note(language, found)).ok_or_else(|| missing(language))
    }

    /// The folders of PATH, then those where version managers that are on PATH keep their other versions.
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> =
            std::env::split_paths(&self.search_path).filter(|path| path.is_absolute()).collect();
        let managed: Vec<PathBuf> = folders.iter().flat_map(|folder| versions_beside(folder)).collect();
        folders.extend(managed);
        folders
    }
}

/// `~/.pyenv/versions/*/bin` for a folder inside `~/.pyenv`; the same for nvm.
fn versions_beside(folder: &Path) -> Vec<PathBuf> {
    let managers = [(".pyenv", "versions"), (".nvm", "versions/node")];
    let root = |name: &str| folder.ancestors().find(|path| path.file_name().is_some_and(|last| last == name));
    let versions = managers.iter().filter_map(|(name, versions)| Some(root(name)?.join(versions)));
    let mut bins: Vec<PathBuf> = versions
        .filter_map(|versions| std::fs::read_dir(versions).ok())
        .flat_map(|versions| versions.filter_map(|version| Some(version.ok()?.path().join("bin"))))
        .collect();
    bins.sort();
    bins
}

/// Programs to ask, the asked-for version's own name first.
fn candidates(language: Language, folders: &[PathBuf]) -> Vec<PathBuf> {
    let names: Vec<String> = match language {
        Language::Python(minor) => vec![format!("python3.{minor}"), "python3".into(), "python".into()],
        _ => vec!["node".into(), "nodejs".into()],
    };
    let all = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.filter(|program| program.is_file()).collect()
}

/// Asks a program for its version and its real path: what is on PATH may be a version manager's script.
async fn probe(language: Language, program: &Path) -> Option<Interpreter> {
    let script: [&str; 2] = match language {
        Language::Python(_) => {
            ["-c", "import sys; print('.'.join(map(str, sys.version_info[:3]))); print(sys.executable)"]
        }
        _ => ["-p", "process.versions.node + '\\n' + process.execPath"],
    };
    let mut command = tokio::process::Command::new(program);
    command.args(script).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PROBE_TIMEOUT, command.output()).await.ok()?.ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let mut lines = text.lines();
    let version = parse_version(lines.next()?).filter(|version| language.is_usable(*version))?;
    Some(Interpreter { program: lines.next()?.into(), version, note: None })
}

fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.trim().splitn(3, '.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

fn with_note(language: Language, mut found: Interpreter) -> Interpreter {
    if language.feature(found.version) != language.wanted() {
        let (name, program) = (language.name(), found.program.display());
        let wanted = version_name(language);
        let version = found.version_text();
        found.note =
            Some(format!("{name} {wanted} is not on this host: its functions run on {name} {version} ({program})."));
    }
    found
}

fn version_name(language: Language) -> String {
    match language {
        Language::Python(minor) => format!("3.{minor}"),
        other => other.wanted().to_string(),
    }
}

fn missing(language: Language) -> InvokeError {
    let (name, wanted) = (language.name(), version_name(language));
    let oldest = if language.name() == "Python" { format!("3.{PYTHON_MINOR_MIN}") } else { NODE_MAJOR_MIN.to_string() };
    InvokeError::RuntimeMissing(format!(
        "No {name} to run this function was found on the server's PATH. Install {name} {wanted} ({oldest} or later also works) and invoke again."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_lambdas() {
        assert_eq!(Language::parse("python3.12"), Ok(Language::Python(12)));
        assert_eq!(Language::parse("nodejs22.x"), Ok(Language::Node(22)));
        assert_eq!(Language::parse("provided.al2023"), Ok(Language::Provided));
        for unknown in ["", "python2.7", "python3.", "nodejs", "nodejs.x", "java21", "provided.al9"] {
            assert!(Language::parse(unknown).is_err(), "{unknown}");
        }
    }

    /// A folder with programs that answer as the named versions of Python do.
    fn host(programs: &[(&str, &str)]) -> tempfile::TempDir {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        for (name, version) in programs {
            let path = dir.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\necho {version}\necho /real/{name}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        dir
    }

    async fn find(programs: &[(&str, &str)]) -> Result<Interpreter, InvokeError> {
        let dir = host(programs);
        Interpreters::new(dir.path().into()).find(Language::Python(12)).await
    }

    #[tokio::test]
    async fn the_asked_for_version_wins() {
        let found = find(&[("python3", "3.11.7"), ("python3.12", "3.12.1")]).await.unwrap();
        assert_eq!((found.version_text().as_str(), found.note), ("3.12.1", None));
    }

    #[tokio::test]
    async fn another_version_is_used_and_named() {
        let found = find(&[("python3", "3.11.7"), ("python", "2.7.18")]).await.unwrap();
        assert_eq!(found.program, PathBuf::from("/real/python3"));
        assert_eq!(
            found.note.unwrap(),
            "Python 3.12 is not on this host: its functions run on Python 3.11.7 (/real/python3)."
        );
    }

    #[tokio::test]
    async fn none_says_what_to_install() {
        for programs in [&[][..], &[("python3", "3.8.1")]] {
            let Err(InvokeError::RuntimeMissing(message)) = find(programs).await else { panic!("found one") };
            assert!(message.contains("Install Python 3.12 (3.9 or later also works)"), "{message}");
        }
    }
}
