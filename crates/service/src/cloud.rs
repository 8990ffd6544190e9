//! All services together, found by name.

use std::collections::HashMap;
use std::sync::Arc;

use base::{AccountId, Env, Region};
use kv::Db;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{
    Access, Body, Caller, Certificate, Certificates, Cx, Error, Front, Sender, Service, Target, Upload, UserPools,
    Worker, hosts, outbox, timers,
};

/// The server's inside: its store, its clock and its services. The network comes on top (the gateway, which finds
/// services here and knows none by name).
pub struct Cloud {
    db: Db,
    env: Env,
    account: AccountId,
    region: Region,
    endpoint: String,
    public_url: Option<String>,
    access: Arc<dyn Access>,
    certificates: Option<Arc<dyn Certificates>>,
    services: Vec<Service>,
    by_name: HashMap<&'static str, usize>,
    stopping: CancellationToken,
}

pub struct CloudBuilder {
    cloud: Cloud,
}

impl Cloud {
    /// `endpoint` is the base URL for answers to clients that did not say how they see the server.
    pub fn builder(
        db: Db,
        env: Env,
        account: AccountId,
        region: Region,
        endpoint: String,
        access: Arc<dyn Access>,
    ) -> CloudBuilder {
        let (services, by_name, stopping) = (Vec::new(), HashMap::new(), CancellationToken::new());
        let (public_url, certificates) = (None, None);
        CloudBuilder {
            cloud: Cloud {
                db,
                env,
                account,
                region,
                endpoint,
                public_url,
                access,
                certificates,
                services,
                by_name,
                stopping,
            },
        }
    }

    pub fn db(&self) -> &Db {
        &self.db
    }

    pub fn env(&self) -> &Env {
        &self.env
    }

    pub fn account(&self) -> &AccountId {
        &self.account
    }

    pub fn region(&self) -> &Region {
        &self.region
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The URL under which others reach the server: the endpoint, unless they reach it otherwise.
    pub fn public_url(&self) -> &str {
        self.public_url.as_deref().unwrap_or(&self.endpoint)
    }

    pub fn access(&self) -> &dyn Access {
        &*self.access
    }

    /// The names of hosts that owners have chosen for what is theirs, but for those that are the server's own by now.
    pub fn chosen_hosts(&self) -> Vec<String> {
        let all = self.services.iter().filter_map(|service| service.hosts.as_ref()).flat_map(|hosts| hosts());
        let own = hosts::Own::new([self.endpoint(), self.public_url()]);
        all.filter(|host| own.leaves(host)).collect()
    }

    /// How it stands with the certificate for a host; `None` where others speak TLS for this server, and know of them.
    pub fn certificate(&self, host: &str) -> Option<Certificate> {
        self.certificates.as_ref().map(|certificates| certificates.of(host))
    }

    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// By the name of its API ([`crate::Api::name`]); where two APIs share a name, the first.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.by_name.get(name).map(|index| &self.services[*index])
    }

    pub(crate) fn target(&self, name: &str) -> Option<&Arc<dyn Target>> {
        self.services.iter().filter(|service| service.api.name == name).find_map(|service| service.target.as_ref())
    }

    pub(crate) fn sender(&self, name: &str) -> Option<&Arc<dyn Sender>> {
        self.services.iter().filter(|service| service.api.name == name).find_map(|service| service.sender.as_ref())
    }

    /// The service that keeps user pools, where there is one.
    pub fn user_pools(&self) -> Option<&Arc<dyn UserPools>> {
        self.services.iter().find_map(|service| service.user_pools.as_ref())
    }

    /// The service of this name, where it signs tokens that others let their owners in with.
    pub fn issuer(&self, service: &str) -> Option<&Arc<dyn UserPools>> {
        self.service(service)?.user_pools.as_ref()
    }

    pub fn front(&self, head: &http::request::Parts) -> Option<Arc<dyn Front>> {
        self.services.iter().flat_map(|service| &service.fronts).find(|front| front.matches(head)).cloned()
    }

    /// The front that takes a request's body as it comes.
    pub fn streaming_front(&self, head: &http::request::Parts) -> Option<Arc<dyn Front<Upload>>> {
        self.services.iter().flat_map(|service| &service.streaming_fronts).find(|front| front.matches(head)).cloned()
    }

    /// The context of a new request.
    pub fn cx(self: &Arc<Self>, caller: Caller, region: Region, endpoint: Option<String>) -> Cx {
        Cx::new(self.clone(), caller, region, endpoint)
    }

    /// The context of the server's own work.
    pub fn system(self: &Arc<Self>) -> Cx {
        self.cx(Caller::system(&self.account), self.region.clone(), None)
    }

    /// Calls an operation by name, as `cx`'s caller. `service` is an API's name, or its model's where several APIs
    /// share a name (`apigatewayv2`).
    pub async fn call(&self, cx: Cx, service: &str, operation: &str, input: Value) -> Result<Value, Error> {
        self.send(cx, service, operation, input, None).await
    }

    /// The same for operations that take a body.
    pub async fn send(
        &self,
        cx: Cx,
        service: &str,
        operation: &str,
        input: Value,
        body: Option<Upload>,
    ) -> Result<Value, Error> {
        let (output, body) = self.exchange(cx, service, operation, input, body).await?;
        if body.size() != Some(0) {
            return Err(Error::not_implemented(format_args!(
                "the stream of {service}:{operation} for a caller of JSON"
            )));
        }
        Ok(output)
    }

    /// The same for operations that answer with a body, too: bytes that pass by and are never there as a whole.
    pub async fn exchange(
        &self,
        cx: Cx,
        service: &str,
        operation: &str,
        input: Value,
        body: Option<Upload>,
    ) -> Result<(Value, Body), Error> {
        let of_service = |candidate: &&Service| candidate.api.model == service || candidate.api.name == service;
        match self.services.iter().filter(of_service).find_map(|service| service.operation(operation)) {
            Some(operation) => operation.call(cx, input, body).await,
            None => Err(Error::not_implemented(format_args!("{service}:{operation}"))),
        }
    }

    /// Returns when the server is about to end, and with it every answer that would otherwise last.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Starts the background work of all services. It ends, in good order, after `stop` is cancelled; what has to do with requests
    /// that are under way then, after `drained` is. The tracker tells when.
    pub fn start(self: &Arc<Self>, stop: &CancellationToken, drained: &CancellationToken) -> TaskTracker {
        let tasks = TaskTracker::new();
        let own = [
            Worker::new("timers", |cx, stop| Box::pin(timers::run(cx, stop))),
            Worker::new("outbox", |cx, stop| Box::pin(outbox::run(cx, stop))),
        ];
        for worker in own.iter().chain(self.services.iter().flat_map(|service| &service.workers)) {
            tracing::debug!(worker = worker.name, "starting");
            let end = if worker.is_late { drained } else { stop };
            tasks.spawn(worker.run(self.system(), end.clone()));
        }
        let (stop, stopping) = (stop.clone(), self.stopping.clone());
        tasks.spawn(async move {
            stop.cancelled().await;
            stopping.cancel();
        });
        tasks.close();
        tasks
    }
}

impl CloudBuilder {
    /// How others reach the server.
    pub fn public_url(mut self, url: String) -> CloudBuilder {
        self.cloud.public_url = Some(url);
        self
    }

    /// Who speaks TLS for the server.
    pub fn certificates(mut self, certificates: Arc<dyn Certificates>) -> CloudBuilder {
        self.cloud.certificates = Some(certificates);
        self
    }

    pub fn service(mut self, service: Service) -> CloudBuilder {
        self.cloud.by_name.entry(service.api.name).or_insert(self.cloud.services.len());
        self.cloud.services.push(service);
        self
    }

    pub fn build(self) -> Arc<Cloud> {
        Arc::new(self.cloud)
    }
}
