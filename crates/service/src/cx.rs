//! The context of one request: who calls, when, and the way to everything else.

use std::sync::Arc;

use base::{AccountId, Arn, Env, Region, Timestamp};
use bytes::Bytes;
use kv::Db;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::service::Refusal;
use crate::{Caller, CallerKind, Cloud, Error, Invoked, Permission};

/// The context of a request. Cheap to clone. The time in it is fixed, so that a transaction which runs again sees
/// the same; identifiers are made from [`Cx::env`] before a transaction, never inside.
#[derive(Clone)]
pub struct Cx {
    cloud: Arc<Cloud>,
    request: Arc<Request>,
}

#[derive(Clone)]
struct Request {
    now: Timestamp,
    id: String,
    caller: Caller,
    region: Region,
    /// `http://host:port`, as the client wrote it.
    endpoint: Option<String>,
    /// The value of `X-Amzn-Trace-Id`, as the client sent it.
    trace: Option<String>,
}

impl Cx {
    pub(crate) fn new(cloud: Arc<Cloud>, caller: Caller, region: Region, endpoint: Option<String>) -> Cx {
        let env = cloud.env();
        let request = Request { now: env.now(), id: env.uuid(), caller, region, endpoint, trace: None };
        Cx { cloud, request: Arc::new(request) }
    }

    /// The moment the request began.
    pub fn now(&self) -> Timestamp {
        self.request.now
    }

    pub fn request_id(&self) -> &str {
        &self.request.id
    }

    pub fn caller(&self) -> &Caller {
        &self.request.caller
    }

    pub fn region(&self) -> &Region {
        &self.request.region
    }

    /// The caller's account: the owner of whatever the request makes.
    pub fn account(&self) -> &AccountId {
        &self.request.caller.account
    }

    /// The base URL under which this client sees the server, for URLs in answers.
    pub fn endpoint(&self) -> &str {
        self.request.endpoint.as_deref().unwrap_or_else(|| self.cloud.endpoint())
    }

    pub fn env(&self) -> &Env {
        self.cloud.env()
    }

    pub fn db(&self) -> &Db {
        self.cloud.db()
    }

    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// An ARN in the request's region and account.
    pub fn arn(&self, service: &str, resource: impl Into<String>) -> Arn {
        Arn::new(service, self.region(), self.account(), resource)
    }

    /// The same server as seen by another caller, at the time it is now.
    pub fn with_caller(&self, caller: Caller) -> Cx {
        Cx::new(self.cloud.clone(), caller, self.region().clone(), self.request.endpoint.clone())
    }

    /// The trace that the request is part of, if it says so.
    pub fn trace(&self) -> Option<&str> {
        self.request.trace.as_deref()
    }

    /// The same request as a part of this trace.
    pub fn traced(&self, trace: Option<String>) -> Cx {
        Cx { cloud: self.cloud.clone(), request: Arc::new(Request { trace, ..(*self.request).clone() }) }
    }

    /// A fresh request (new time, new id) of the same caller: what a background loop makes for each round.
    pub fn renew(&self) -> Cx {
        self.with_caller(self.caller().clone())
    }

    /// Asks the caller's policies.
    ///
    /// # Errors
    /// A refusal that names the missing action, the resource, and the statement that would allow it.
    pub fn authorize(&self, permission: &Permission) -> Result<(), Error> {
        let service = permission.action.split(':').next().unwrap_or_default();
        let refusal = self.cloud.service(service).map_or(Refusal::JSON, |service| service.api.refusal());
        self.authorize_for(permission, refusal)
    }

    /// The same for an operation of a service that refuses like this, whatever service the action is of.
    pub(crate) fn authorize_for(&self, permission: &Permission, refusal: Refusal) -> Result<(), Error> {
        if matches!(self.caller().kind, CallerKind::Root | CallerKind::System) {
            return Ok(());
        }
        let mut permission = permission.clone();
        permission.context.push(("aws:RequestedRegion".into(), vec![self.region().to_string()]));
        self.cloud
            .access()
            .authorize(self.caller(), &permission, self.now())
            .map_err(|denial| Error::new(refusal.status, refusal.code, denial.message))
    }

    /// Calls another service's operation, as this request's caller.
    pub async fn call<O: DeserializeOwned>(
        &self,
        service: &str,
        operation: &str,
        input: impl Serialize,
    ) -> Result<O, Error> {
        let input = serde_json::to_value(input).map_err(Error::internal)?;
        let output = self.cloud.call(self.clone(), service, operation, input).await?;
        serde_json::from_value(output).map_err(Error::internal)
    }

    /// How much of a resource is in use now; `None` where there is nothing to use.
    ///
    /// # Errors
    /// When its service has no such metric, or cannot read what it is about.
    pub fn measure(&self, of: &Arn, metric: &str) -> Result<Option<f64>, Error> {
        match self.cloud.target(&of.service) {
            Some(target) => target.measure(self, of, metric),
            None => Err(Error::not_implemented(format_args!("measuring {metric} of {of}"))),
        }
    }

    /// Sends `event` to a resource and waits for its answer.
    pub async fn invoke(&self, to: Arn, event: Bytes) -> Result<Invoked, Error> {
        let Some(target) = self.cloud.target(&to.service) else {
            return Err(Error::not_implemented(format_args!("invoking {to}")));
        };
        target.invoke(self.clone(), to, event).await
    }
}
