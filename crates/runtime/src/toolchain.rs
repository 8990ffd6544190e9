//! What runs a function: the interpreter, the SDK that its runtime brings along, and what is made of its code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::compiled::Place;
use crate::function::{FunctionSpec, InvokeError};
use crate::inspect;
use crate::interpreter::{Interpreter, Language};
use crate::sdk_use;
use crate::start::Starter;
use crate::supervisor::{self, Extension};
use crate::toolbox::{OnProgress, Progress, Tool};
use crate::view::{Needs, View};

/// What runs a function and what it brings along.
pub(crate) struct Toolchain {
    pub(crate) language: Language,
    pub(crate) interpreter: Option<Interpreter>,
    pub(crate) sdk: Option<PathBuf>,
    pub(crate) esbuild: Option<PathBuf>,
    /// Where what Node compiles the code to is kept.
    pub(crate) compiled: Option<Place>,
    /// Processes of the function's layers that run beside it.
    pub(crate) extensions: Vec<Extension>,
    /// Whether a debugger listens in its instances, and Python's, which is brought along.
    pub(crate) inspected: bool,
    pub(crate) debugpy: Option<PathBuf>,
    pub(crate) view: View,
    /// Lines for the function's log.
    pub(crate) notes: Vec<String>,
}

impl Toolchain {
    pub fn is_isolated(&self) -> bool {
        matches!(self.view, View::Isolated(_))
    }

    /// Node's program, if that runs the function.
    pub fn node(&self) -> Option<&Path> {
        let interpreter = self.interpreter.as_ref().filter(|_| matches!(self.language, Language::Node(_)));
        interpreter.map(|interpreter| interpreter.program.as_path())
    }

    /// A runtime, and the version of the interpreter that runs it.
    pub fn version_of(&self, runtime: &str) -> String {
        let version = self.interpreter.as_ref().map(|found| format!(" ({})", found.version_text())).unwrap_or_default();
        format!("{runtime}{version}")
    }
}

impl Starter {
    pub(crate) async fn toolchain(&self, spec: &FunctionSpec) -> Result<Toolchain, InvokeError> {
        let language = Language::parse(&spec.runtime)?;
        if !spec.code.is_dir() {
            let message =
                format!("The code of {} is not at {}. Deploy the function again.", spec.name, spec.code.display());
            return Err(InvokeError::CodeMissing(message));
        }
        let (interpreter, sdk, esbuild, debugpy, compiled, notes) = (None, None, None, None, None, Vec::new());
        let (extensions, inspected, view) = (supervisor::extensions(spec), spec.is_inspected(), View::Whole);
        let mut toolchain =
            Toolchain { language, interpreter, sdk, esbuild, compiled, extensions, inspected, debugpy, view, notes };
        if language == Language::Provided {
            toolchain.view = self.view(spec, &toolchain);
            return Ok(toolchain);
        }
        let interpreter = self.interpreters.find(language).await?;
        toolchain.notes.extend(interpreter.note.clone());
        match self.sdk(spec, language, &interpreter).await {
            Ok(sdk) => toolchain.sdk = sdk,
            Err(message) => toolchain.notes.push(message),
        }
        if matches!(language, Language::Node(_)) && is_typescript(spec) {
            match self.toolbox.get(&Tool::esbuild(&interpreter), &quietly()).await {
                Ok(folder) => toolchain.esbuild = Some(folder),
                Err(message) => toolchain.notes.push(message),
            }
        }
        if inspected {
            toolchain.debugpy = inspect::debugpy(&self.interpreters, &self.toolbox, language, &quietly()).await?;
        } else if matches!(language, Language::Node(_)) {
            toolchain.compiled = self.place_of_compiled(spec, &interpreter, toolchain.sdk.as_deref());
        }
        toolchain.interpreter = Some(interpreter);
        toolchain.view = self.view(spec, &toolchain);
        Ok(toolchain)
    }

    /// `None` where there is no room on the disk: the function starts without.
    fn place_of_compiled(&self, spec: &FunctionSpec, interpreter: &Interpreter, sdk: Option<&Path>) -> Option<Place> {
        // With the names that files have, which differ in isolation.
        let compiler = format!("{:?} {:?} {sdk:?} {}", interpreter.program, interpreter.version, self.isolate);
        let place = self.compiled.place(spec, &compiler);
        place.inspect_err(|error| tracing::warn!(%error, "what a function is compiled to cannot be kept")).ok()
    }

    /// The SDK's folder. One that is not installed yet is waited for only when the function uses it.
    async fn sdk(
        &self,
        spec: &FunctionSpec,
        language: Language,
        interpreter: &Interpreter,
    ) -> Result<Option<PathBuf>, String> {
        let (tool, signs) = match language {
            Language::Python(_) => (Tool::boto3(interpreter), &sdk_use::PYTHON),
            _ => (Tool::aws_sdk(interpreter), &sdk_use::NODE),
        };
        if let Some(present) = self.toolbox.present(&tool) {
            return Ok(Some(present));
        }
        let folders: Vec<PathBuf> = std::iter::once(&spec.code).chain(&spec.layers).cloned().collect();
        let needed = tokio::task::spawn_blocking(move || sdk_use::needs_sdk(&folders, signs)).await;
        match needed {
            Ok(false) => Ok(None),
            _ => self.toolbox.get(&tool, &quietly()).await.map(Some),
        }
    }

    /// Finds the interpreter of a runtime, and installs what the runtime brings along.
    pub async fn prepare(&self, runtime: &str, progress: &OnProgress) -> Result<(), InvokeError> {
        let language = Language::parse(runtime)?;
        if language == Language::Provided {
            return Ok(());
        }
        let interpreter = self.interpreters.find(language).await?;
        let tool = match language {
            Language::Python(_) => Tool::boto3(&interpreter),
            _ => Tool::aws_sdk(&interpreter),
        };
        self.toolbox.get(&tool, progress).await.map(drop).map_err(InvokeError::RuntimeMissing)
    }

    fn view(&self, spec: &FunctionSpec, toolchain: &Toolchain) -> View {
        if !self.isolate {
            return View::Whole;
        }
        let tools = [&toolchain.sdk, &toolchain.esbuild, &toolchain.debugpy];
        let tools = tools.into_iter().flatten().map(PathBuf::as_path).collect();
        let compiled = toolchain.compiled.as_ref().map(|place| place.folder.as_path());
        let interpreter = toolchain.interpreter.as_ref().map(|found| found.program.as_path());
        let (code, layers) = (Some(spec.code.as_path()), spec.layers.as_slice());
        View::isolated(&Needs { code, layers, interpreter, runtime_dir: &self.runtime_dir, tools, compiled })
    }
}

/// Whether the handler's file is TypeScript.
fn is_typescript(spec: &FunctionSpec) -> bool {
    let file = spec.handler.rsplit_once('/').map_or(spec.handler.as_str(), |(_, base)| base);
    let stem = file.split('.').next().unwrap_or_default();
    let folder = spec.handler.strip_suffix(file).unwrap_or_default();
    let exists = |extension: &&str| spec.code.join(format!("{folder}{stem}.{extension}")).is_file();
    !["js", "mjs", "cjs"].iter().any(exists) && ["ts", "mts", "cts"].iter().any(exists)
}

/// Progress for the server's own log, when an invocation has to wait for an installation.
fn quietly() -> OnProgress {
    Arc::new(|progress| match progress {
        Progress::Installing { what } => tracing::info!("installing {what}"),
        Progress::Installed { what, took } => tracing::info!("installed {what} in {:.1} s", took.as_secs_f64()),
        Progress::Failed { message, .. } => tracing::warn!("{message}"),
        Progress::Present { .. } | Progress::Line { .. } => {}
    })
}
