//! Why a deployment did not come about.

use crate::cloud::CallError;
use crate::diagnostic::Diagnostic;

/// A deployment that failed. What was changed has been taken back, unless the error says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The project or its template is wrong; nothing was changed.
    #[error("{}", render(.0))]
    Project(Vec<Diagnostic>),
    /// A resource could not be made, changed or deleted.
    #[error("{action} {logical_id} ({kind}) failed: {cause}{}", rolled_back(.rollback))]
    Resource { action: &'static str, logical_id: String, kind: String, cause: String, rollback: Rollback },
    /// Other stacks use what this one exports.
    #[error("the export `{export}` of stack {stack} is used by stack {used_by}: change or remove that one first")]
    ExportInUse { stack: String, export: String, used_by: String },
    #[error("the stored state of stack {stack} cannot be read: {why}")]
    State { stack: String, why: String },
    #[error("there is no stack {0}")]
    NoStack(String),
    /// A canary would change the address of a function's URL.
    #[error(
        "the URL `{0}` calls the function itself: behind an alias, which --canary needs, it would get another address. Take it out of the project for one deployment, or deploy without --canary"
    )]
    UrlOfLatest(String),
    #[error("{what} failed: {error}")]
    Call { what: String, error: CallError },
    #[error("packaging failed: {0}")]
    Package(#[from] crate::package::PackageError),
}

/// What became of the changes made before a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollback {
    /// There were none, or they stay because the operation is a removal.
    Nothing,
    Done,
    /// These could not be taken back: each with its reason.
    Failed(Vec<String>),
}

impl DeployError {
    pub(crate) fn call(what: &str, error: CallError) -> DeployError {
        DeployError::Call { what: what.into(), error }
    }
}

fn render(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n")
}

fn rolled_back(rollback: &Rollback) -> String {
    match rollback {
        Rollback::Nothing => String::new(),
        Rollback::Done => "\nevery change was taken back".into(),
        Rollback::Failed(reasons) => format!("\ntaking the changes back failed too:\n  {}", reasons.join("\n  ")),
    }
}
