//! Function instances: processes that run the user's code, reused while warm, as many as requests need at once.

mod api;
mod channel;
mod compiled;
mod environment;
mod extensions;
mod extensions_api;
mod forks;
mod frames;
mod function;
mod instance;
mod interpreter;
pub mod limits;
mod manager;
mod memory;
mod output;
mod peer;
mod pools;
mod process;
mod records;
mod report;
mod runtime_api;
mod sdk_use;
mod sink;
mod start;
mod supervisor;
mod toolbox;
mod view;
mod zygote;
mod zygote_wire;
mod zygotes;

pub use function::{Credentials, FunctionSpec, Host, Invocation, InvokeError, JsonLogs, LogLine, Outcome, SystemLevel};
pub use manager::{Config, FunctionStatus, InstanceStatus, Runtime, Status};
pub use pools::Provisioned;
pub use sink::Part;
pub use toolbox::{OnProgress, Progress};
