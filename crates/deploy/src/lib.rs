//! Deploying a project: its configuration is compiled to a CloudFormation template, planned against what is there, and
//! applied through the operations that any client would call.
//!
//! ```text
//! serverless.yml -> Project -> Template -> Plan -> apply -> Outcome
//!                      \-> Packager -> zips, by their hashes
//! ```

mod apply;
mod cloud;
mod diagnostic;
mod dotenv;
mod error;
mod graph;
mod intrinsics;
mod live;
mod outcome;
mod package;
mod plan;
mod progress;
mod project;
mod references;
mod resources;
mod serverless;
mod state;
mod suggest;
mod template;
mod variables;
mod yaml;

pub use apply::{apply, remove};
pub use cloud::{CallError, Cloud};
pub use diagnostic::{At, Diagnostic, File, Severity};
pub use error::{DeployError, Rollback};
pub use live::{LIVE, Shift, align, point, shift, through_aliases};
pub use outcome::{DeployedFunction, Endpoint, Outcome, outcome};
pub use package::{Built, PackageError, PackageOptions, Packager};
pub use plan::{Action, Plan, Step, plan};
pub use progress::{Listener, Progress};
pub use project::{Options, Project, Wanted};
pub use references::look_up_all;
pub use resources::Packages;
pub use serverless::{PackageHashes, config};
pub use state::{Deployed, Stack, Status, load_all as load_stacks, outputs as stack_outputs};
pub use template::Template;
pub use variables::Looked;
