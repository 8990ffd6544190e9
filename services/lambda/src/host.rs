//! What the function runtime asks of the server: credentials of roles, and a place for log lines.

use std::sync::{Arc, OnceLock, Weak};

use base::{AccountId, Region};
use futures_util::future::BoxFuture;
use runtime::{Credentials, FunctionSpec, LogLine};
use service::{Caller, Cloud, Cx};

use crate::logs::LogBuffer;
use crate::roles::Roles;

/// The way from the runtime back to the cloud, which is made after it.
pub struct Host {
    cloud: OnceLock<Weak<Cloud>>,
    roles: Arc<Roles>,
    logs: Arc<LogBuffer>,
}

impl Host {
    pub fn new(roles: Arc<Roles>, logs: Arc<LogBuffer>) -> Host {
        Host { cloud: OnceLock::new(), roles, logs }
    }

    /// Tells which cloud this is part of. Weakly: the cloud holds the service that holds this.
    pub fn connect(&self, cx: &Cx) {
        self.cloud.get_or_init(|| Arc::downgrade(cx.cloud()));
    }

    async fn role_credentials(&self, spec: &FunctionSpec) -> Result<Credentials, String> {
        let cloud = self.cloud.get().and_then(Weak::upgrade).ok_or("the server is shutting down")?;
        let account = AccountId::new(spec.account.as_str());
        let cx = cloud.cx(Caller::system(&account), Region::new(spec.region.as_str()), None);
        let role = spec.role.parse().map_err(|error: base::ArnError| error.to_string())?;
        self.roles.credentials(&cx, &role, &spec.name).await.map_err(|error| error.message)
    }
}

impl runtime::Host for Host {
    fn credentials<'a>(&'a self, spec: &'a FunctionSpec) -> BoxFuture<'a, Result<Credentials, String>> {
        Box::pin(self.role_credentials(spec))
    }

    fn log(&self, spec: &FunctionSpec, stream: &str, lines: Vec<LogLine>) {
        self.logs.push(spec, stream, lines);
    }
}
