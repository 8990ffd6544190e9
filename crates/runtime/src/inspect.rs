//! A function that is being debugged: it has one instance, which is neither frozen nor taken for hung while somebody
//! looks at it, and in which a debugger listens.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::function::{FunctionSpec, InvokeError};
use crate::interpreter::{Interpreters, Language};
use crate::limits::TIMEOUT_MAX;
use crate::start::Starter;
use crate::toolbox::{OnProgress, Tool, Toolbox};

/// How long an invocation may take that is looked at: nobody sits longer before a breakpoint.
const TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Megabytes that an instance gets for the debugger.
const MEMORY_MB: u32 = 256;

/// How long the last instance's debugger may take to leave its port.
const PORT_WAIT_MAX: Duration = Duration::from_secs(5);
const PORT_POLL: Duration = Duration::from_millis(10);

/// Where the debugger of a function listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspector {
    /// The function's name.
    pub function: String,
    pub debugger: Debugger,
    /// Of this host's loopback address.
    pub port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Debugger {
    /// Node's own, which speaks the Chrome DevTools Protocol.
    Node,
    /// debugpy, which speaks the Debug Adapter Protocol.
    Debugpy,
}

impl Debugger {
    /// The port that tools try first.
    fn usual_port(self) -> u16 {
        match self {
            Debugger::Node => 9_229,
            Debugger::Debugpy => 5_678,
        }
    }
}

impl FunctionSpec {
    /// The same, to be looked at.
    pub(crate) fn inspected(&self) -> FunctionSpec {
        let memory_mb = self.memory_mb.saturating_add(MEMORY_MB);
        FunctionSpec { timeout: TIMEOUT, instances_max: Some(1), memory_mb, ..self.clone() }
    }

    /// Whether it is being looked at: no other function has so much time.
    pub(crate) fn is_inspected(&self) -> bool {
        self.timeout > TIMEOUT_MAX
    }
}

impl Inspector {
    /// Sees to a debugger for a function: `runtime` is Lambda's identifier, and port 0 any free port.
    ///
    /// # Errors
    /// When there is none for the runtime, debugpy cannot be installed, or the port is taken.
    pub(crate) async fn new(
        starter: &Starter,
        function: &str,
        runtime: &str,
        port: Option<u16>,
        progress: &OnProgress,
    ) -> Result<Inspector, InvokeError> {
        let language = Language::parse(runtime)?;
        let debugger = match language {
            Language::Python(_) => Debugger::Debugpy,
            Language::Node(_) => Debugger::Node,
            Language::Provided => {
                return Err(InvokeError::RuntimeMissing(format!(
                    "{function} runs on {runtime}, for which there is no debugger here. Node and Python functions can be inspected."
                )));
            }
        };
        debugpy(&starter.interpreters, &starter.toolbox, language, progress).await?;
        let wanted = port.unwrap_or(debugger.usual_port());
        let port = free(wanted).map_err(|error| taken(function, wanted, &error))?;
        Ok(Inspector { function: function.into(), debugger, port })
    }

    /// What Node is told on its command line.
    pub(crate) fn node_option(&self) -> String {
        format!("--inspect={}:{}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// What our bootstrap for Python is told: the port, and the folder that debugpy is in.
    pub(crate) fn python_mode(&self, debugpy: &Path) -> String {
        format!("inspect:{}:{}", self.port, debugpy.display())
    }

    /// Waits until the debugger of an instance that has been ended is gone.
    pub(crate) async fn wait_for_port(&self) -> Result<(), InvokeError> {
        let deadline = Instant::now() + PORT_WAIT_MAX;
        loop {
            match free(self.port) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= deadline => return Err(taken(&self.function, self.port, &error)),
                Err(_) => tokio::time::sleep(PORT_POLL).await,
            }
        }
    }
}

/// The folder that debugpy is in, for a language that needs it; installed if it is not there.
pub(crate) async fn debugpy(
    interpreters: &Interpreters,
    toolbox: &Toolbox,
    language: Language,
    progress: &OnProgress,
) -> Result<Option<PathBuf>, InvokeError> {
    if !matches!(language, Language::Python(_)) {
        return Ok(None);
    }
    let tool = Tool::debugpy(&interpreters.find(language).await?);
    toolbox.get(&tool, progress).await.map(Some).map_err(InvokeError::RuntimeMissing)
}

fn free(port: u16) -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr()?.port())
}

fn taken(function: &str, port: u16, error: &std::io::Error) -> InvokeError {
    InvokeError::Start(format!(
        "the debugger of {function} cannot listen on port {port} ({error}): name another one, as in --inspect {function}:0"
    ))
}

/// A spec as it is run: that of an inspected function is another one.
pub(crate) fn adapted(spec: &Arc<FunctionSpec>, inspector: Option<&Inspector>) -> Arc<FunctionSpec> {
    match inspector {
        Some(inspector) if inspector.function == spec.name => Arc::new(spec.inspected()),
        _ => spec.clone(),
    }
}
