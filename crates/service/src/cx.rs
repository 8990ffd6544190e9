//! The context of one request: who calls, when, and the way to everything else.

use std::sync::Arc;

use base::{AccountId, Arn, Env, Region, Timestamp};
use bytes::Bytes;
use kv::Db;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::service::Refusal;
use crate::{Body, Caller, CallerKind, Cloud, Delivery, Error, Invoked, Outcome, Peer, Permission, Prepared, Upload};

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
    /// When the credentials end that it was signed with.
    expires: Option<Timestamp>,
    /// See [`Cx::acting_for`].
    asked: bool,
    /// See [`Cx::through`].
    via: Option<&'static str>,
    /// See [`Cx::from_peer`].
    peer: Option<Arc<Peer>>,
    /// See [`Cx::telling_of`].
    undelivered: Option<Arc<Delivery>>,
    /// See [`Cx::prepared`].
    prepared: Option<Prepared>,
}

impl Cx {
    pub(crate) fn new(cloud: Arc<Cloud>, caller: Caller, region: Region, endpoint: Option<String>) -> Cx {
        let env = cloud.env();
        let (now, id) = (env.now(), env.uuid());
        let (trace, expires, asked, via, peer, undelivered, prepared) = (None, None, false, None, None, None, None);
        let request =
            Request { now, id, caller, region, endpoint, trace, expires, asked, via, peer, undelivered, prepared };
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

    /// The same request as one to another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Cx {
        let region = Region::new(region);
        Cx { cloud: self.cloud.clone(), request: Arc::new(Request { region, ..(*self.request).clone() }) }
    }

    /// A fresh request in which a delivery is brought to its target, with the sender as its caller.
    pub(crate) fn delivering(&self, delivery: &Delivery) -> Cx {
        // Buckets' ARNs have no account and no region: they are this cloud's.
        let or = |own: &str, else_: &str| if own.is_empty() { else_.to_owned() } else { own.to_owned() };
        let account = AccountId::new(or(&delivery.from.account, self.cloud.account().as_str()));
        let principal = format!("{}.amazonaws.com", delivery.from.service);
        let caller = match &delivery.role {
            Some(role) => {
                let sender = self.cloud.sender(&delivery.from.service);
                let source = sender.map_or_else(|| delivery.from.clone(), |sender| sender.acts_for(delivery));
                Caller::assumed(role, session_name(&delivery.from), &principal, source)
            }
            None => Caller { arn: delivery.from.clone(), ..Caller::service(&account, &principal) },
        };
        Cx::new(self.cloud.clone(), caller, Region::new(delivery.to.region.as_str()), None)
            .traced(delivery.trace.clone())
    }

    /// The trace that the request is part of, if it says so.
    pub fn trace(&self) -> Option<&str> {
        self.request.trace.as_deref()
    }

    /// The same request as a part of this trace.
    pub fn traced(&self, trace: Option<String>) -> Cx {
        Cx { cloud: self.cloud.clone(), request: Arc::new(Request { trace, ..(*self.request).clone() }) }
    }

    /// When the caller's credentials end, where they do: whoever lasts longer than a request must look.
    pub fn expires(&self) -> Option<Timestamp> {
        self.request.expires
    }

    /// The same request, signed with credentials that end then.
    pub fn expiring(&self, expires: Option<Timestamp>) -> Cx {
        Cx { cloud: self.cloud.clone(), request: Arc::new(Request { expires, ..(*self.request).clone() }) }
    }

    /// The same request as it came from this client: policies may ask for its address.
    #[must_use]
    pub fn from_peer(&self, peer: Peer) -> Cx {
        let peer = Some(Arc::new(peer));
        Cx { cloud: self.cloud.clone(), request: Arc::new(Request { peer, ..(*self.request).clone() }) }
    }

    /// The service through which the caller asks: see [`Cx::through`].
    pub fn via(&self) -> Option<&'static str> {
        self.request.via
    }

    /// The same request as one of `service`'s, which does something for its caller: policies may ask for it as
    /// `kms:ViaService`.
    #[must_use]
    pub fn through(&self, service: &'static str) -> Cx {
        let via = Some(service);
        Cx { cloud: self.cloud.clone(), request: Arc::new(Request { via, ..(*self.request).clone() }) }
    }

    /// The same request, whose messages tell of this delivery, which did not arrive: letters for a dead-letter queue. The
    /// queue keeps it with them, so that it can be sent again.
    #[must_use]
    pub fn telling_of(&self, delivery: Delivery) -> Cx {
        let undelivered = Some(Arc::new(delivery));
        Cx { cloud: self.cloud.clone(), request: Arc::new(Request { undelivered, ..(*self.request).clone() }) }
    }

    /// The same request, for which the target of a delivery has made something ready.
    pub(crate) fn with_prepared(&self, prepared: Option<Prepared>) -> Cx {
        Cx { cloud: self.cloud.clone(), request: Arc::new(Request { prepared, ..(*self.request).clone() }) }
    }

    /// What the target of the delivery that is accepted here has made ready for it.
    pub fn prepared<T: 'static>(&self) -> Option<&T> {
        self.request.prepared.as_ref()?.downcast_ref()
    }

    /// What a letter with this body keeps of the delivery that it tells of; nothing where both together are too much for
    /// one row of the store.
    ///
    /// # Errors
    /// When the delivery cannot be written down.
    pub fn undelivered(&self, body: &[u8]) -> Result<Option<Bytes>, kv::Error> {
        self.request.undelivered.as_ref().map_or(Ok(None), |delivery| delivery.beside(body))
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
        self.authorize_for(permission, self.refusal_of(permission))
    }

    /// How the service that the action belongs to refuses.
    fn refusal_of(&self, permission: &Permission) -> Refusal {
        let service = permission.action.split(':').next().unwrap_or_default();
        self.cloud.service(service).map_or(Refusal::JSON, |service| service.api.refusal())
    }

    /// The same for an operation of a service that refuses like this, whatever service the action is of.
    pub(crate) fn authorize_for(&self, permission: &Permission, refusal: Refusal) -> Result<(), Error> {
        if matches!(self.caller().kind, CallerKind::Root | CallerKind::System) && !self.request.asked {
            return Ok(());
        }
        let mut permission = permission.clone();
        if self.request.asked {
            permission.context.extend(self.source());
        }
        permission.context.push(("aws:RequestedRegion".into(), vec![self.region().to_string()]));
        permission.context.extend(self.way_in());
        self.ask(&permission, refusal)
    }

    /// What policies may ask about the way that the request came. What a service does for its caller comes from the service,
    /// and so from no address of a client's.
    pub fn way_in(&self) -> Vec<(String, Vec<String>)> {
        let mut context = vec![("aws:ViaAWSService".to_owned(), vec![self.via().is_some().to_string()])];
        match (self.via(), &self.request.peer) {
            (Some(service), _) => {
                let service = format!("{service}.amazonaws.com");
                let keys = ["aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast"];
                context.extend(keys.map(|key| (key.to_owned(), vec![service.clone()])));
            }
            (None, Some(peer)) => context.extend(peer.context()),
            (None, None) => {}
        }
        context
    }

    fn ask(&self, permission: &Permission, refusal: Refusal) -> Result<(), Error> {
        let decision = self.cloud.access().authorize(self.caller(), permission, self.now());
        decision.map_err(|denial| Error::new(refusal.status, refusal.code, denial.message))
    }

    /// The resource that a service acts for.
    fn source(&self) -> [(String, Vec<String>); 2] {
        let caller = self.caller();
        let source = [("aws:SourceArn", caller.arn.to_string()), ("aws:SourceAccount", caller.account.to_string())];
        source.map(|(key, value)| (key.to_owned(), vec![value]))
    }

    /// Asks whether a delivery, or a call from inside, may do this: a service that acts for one of its resources needs
    /// the target's own policy to allow it, a role's session the role's or the target's; the server's own work needs
    /// nothing.
    ///
    /// # Errors
    /// A refusal, as of [`Cx::authorize`].
    pub fn authorize_delivery(&self, permission: Permission) -> Result<(), Error> {
        let caller = self.caller();
        if caller.as_service().is_none() {
            return self.authorize(&permission);
        }
        let mut permission = permission;
        permission.context.extend(self.source());
        self.ask(&permission, self.refusal_of(&permission))
    }

    /// A fresh request of the service `principal`, which acts for one of its resources and on behalf of nobody with a name: what
    /// it may do, the policies of what it reaches have to say.
    #[must_use]
    pub fn acting_for(&self, resource: &Arn, principal: &str) -> Cx {
        // Buckets' ARNs have no account: they are this cloud's.
        let account = Some(resource.account.as_str()).filter(|account| !account.is_empty());
        let account = AccountId::new(account.unwrap_or(self.cloud.account().as_str()));
        let acting = self.with_caller(Caller { arn: resource.clone(), ..Caller::service(&account, principal) });
        Cx { request: Arc::new(Request { asked: true, ..(*acting.request).clone() }), ..acting }
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

    /// The same for an operation that takes a body, or answers with one: see [`crate::objects`] for those of S3.
    pub async fn exchange<O: DeserializeOwned>(
        &self,
        service: &str,
        operation: &str,
        input: impl Serialize,
        body: Option<Upload>,
    ) -> Result<(O, Body), Error> {
        let input = serde_json::to_value(input).map_err(Error::internal)?;
        let (output, body) = self.cloud.exchange(self.clone(), service, operation, input, body).await?;
        Ok((serde_json::from_value(output).map_err(Error::internal)?, body))
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

    /// Brings a delivery to its target now, for a sender that keeps the event itself until it is taken: others send through
    /// the [outbox](crate::outbox).
    pub async fn deliver(&self, delivery: Delivery) -> Outcome {
        match self.cloud.target(&delivery.to.service) {
            Some(target) => target.deliver(self.delivering(&delivery), delivery).await,
            None => Outcome::Failed((&Error::not_implemented(format_args!("delivery to {}", delivery.to))).into()),
        }
    }

    /// Whether a delivery's target is there, and lets the sender in.
    ///
    /// # Errors
    /// Why not, as the delivery would fail.
    pub fn admits(&self, delivery: &Delivery) -> Result<(), Error> {
        match self.cloud.target(&delivery.to.service) {
            Some(target) => target.admits(&self.delivering(delivery), &delivery.to),
            None => Err(Error::not_implemented(format_args!("delivery to {}", delivery.to))),
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

/// The name of a role's session that delivers for a resource: the resource's own.
fn session_name(of: &Arn) -> &str {
    of.resource.rsplit(['/', ':']).next().unwrap_or_default()
}
