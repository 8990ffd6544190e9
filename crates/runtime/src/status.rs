//! What runs now: for `cloudlet status`, and for whoever asks a server how it is.

use std::sync::Arc;

use crate::function::FunctionSpec;
use crate::manager::Runtime;

/// What runs now.
#[derive(Clone, Debug)]
pub struct Status {
    pub functions: Vec<FunctionStatus>,
    /// Processes that were started ahead and have no function yet.
    pub prebooted: Vec<InstanceStatus>,
    /// What an operator should know, such as an interpreter that stands in for another version.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct FunctionStatus {
    pub spec: Arc<FunctionSpec>,
    pub instances: Vec<InstanceStatus>,
    /// The process that instances are forked from, if there is one.
    pub zygote: Option<InstanceStatus>,
    /// Forks of it that wait to be an instance.
    pub spares: Vec<InstanceStatus>,
    pub starting: usize,
    /// Requests without an instance yet.
    pub waiting: usize,
}

#[derive(Clone, Debug)]
pub struct InstanceStatus {
    pub pid: u32,
    pub busy: bool,
    /// Its own memory and its part of what it shares with others; zero when the process has just ended.
    pub memory_bytes: u64,
}

impl InstanceStatus {
    fn new(pid: u32, busy: bool) -> InstanceStatus {
        let shared = sandbox::proportional_bytes(pid);
        InstanceStatus { pid, busy, memory_bytes: shared.unwrap_or_else(|| sandbox::resident_bytes(pid)) }
    }
}

impl Runtime {
    pub async fn status(&self) -> Status {
        let pools = self.0.state().pools.status();
        let mut notes = self.0.starter.interpreters.notes().await;
        notes.extend(self.0.starter.fork_note());
        notes.extend(self.0.starter.zygotes.notes());
        let mut zygotes = self.0.starter.zygotes.status();
        let idle = |pids: &[u32]| pids.iter().map(|pid| InstanceStatus::new(*pid, false)).collect::<Vec<_>>();
        let functions = pools.into_iter().map(|pool| {
            let mut instances: Vec<_> = pool.busy.iter().map(|pid| InstanceStatus::new(*pid, true)).collect();
            instances.extend(idle(&pool.idle));
            let zygote = zygotes.extract_if(.., |(spec, ..)| spec.key == pool.spec.key).next();
            let spares = zygote.as_ref().map(|(.., spares)| idle(spares)).unwrap_or_default();
            let zygote = zygote.map(|(_, pid, _)| InstanceStatus::new(pid, false));
            let (starting, waiting) = (pool.starting, pool.waiting);
            FunctionStatus { spec: pool.spec, instances, zygote, spares, starting, waiting }
        });
        let mut functions: Vec<FunctionStatus> = functions.collect();
        functions.extend(zygotes.into_iter().map(|(spec, pid, spares)| {
            let (zygote, spares) = (Some(InstanceStatus::new(pid, false)), idle(&spares));
            FunctionStatus { spec, instances: Vec::new(), zygote, spares, starting: 0, waiting: 0 }
        }));
        let prebooted = idle(&self.0.starter.prebooted.pids());
        Status { functions, prebooted, notes }
    }
}
