//! A service as a value: its API, its operations, and what it does in the background.

use std::collections::HashMap;
use std::sync::Arc;

use wire::Protocol;
use wire::query::Names;

use crate::witness::{Watch, Witness};
use crate::{Cloud, Front, Operation, OperationBuilder, Sender, Target, Upload, UserPools, Worker, timers};

/// How an API looks from outside: facts from its official service model.
pub struct Api {
    /// The name in ARNs, IAM actions and credential scopes: `sqs`.
    pub name: &'static str,
    /// The folder of its model in botocore, which the tests compare with: `sqs`, `apigatewayv2`.
    pub model: &'static str,
    /// The name that errors and CBOR paths use: `AmazonSQS`.
    pub namespace: &'static str,
    /// Codes that are not in its model, with the namespace that they come from: AWS's own front answers them.
    pub foreign: &'static [(&'static str, &'static str)],
    /// For JSON protocols: which one, and the part of `X-Amz-Target` before the dot.
    pub json: Option<(Protocol, &'static str)>,
    /// For the Query protocol.
    pub query: Option<QueryApi>,
    /// For REST-XML.
    pub xml: Option<XmlApi>,
    /// Operations the official model has and this service does not: each answers an error that names it.
    pub not_implemented: &'static [&'static str],
    /// For REST protocols, where these would be: a path tells them from what does not exist.
    pub not_implemented_paths: &'static [(&'static str, wire::rest::Binding)],
    /// The code of a refusal: most services say `AccessDeniedException`.
    pub access_denied: &'static str,
    /// The largest request body that any of its operations takes, in bytes; the gateway refuses more unread.
    pub body_bytes_max: usize,
    /// The member of errors that carries the message: `message`, or `Message` where the model spells it so.
    pub message_key: &'static str,
    /// Whether each answer carries the CRC-32 of its body, `x-amz-crc32`, as DynamoDB's do.
    pub checksum: bool,
}

impl Api {
    /// An API with only a name; the other fields are set with struct-update syntax.
    pub const fn named(name: &'static str) -> Api {
        Api {
            name,
            model: name,
            namespace: name,
            foreign: &[],
            json: None,
            query: None,
            xml: None,
            not_implemented: &[],
            not_implemented_paths: &[],
            access_denied: "AccessDeniedException",
            body_bytes_max: 16 << 20,
            message_key: "message",
            checksum: false,
        }
    }
}

impl Api {
    /// How its operations that paths name are called.
    pub fn rest_protocol(&self) -> Protocol {
        if self.xml.is_some() { Protocol::RestXml } else { Protocol::RestJson }
    }

    pub(crate) fn refusal(&self) -> Refusal {
        let code = self.access_denied;
        // The JSON protocols answer their `AccessDeniedException` with 400, all others a refusal with 403.
        let is_json = self.json.is_some() && code == Refusal::JSON.code;
        Refusal { status: if is_json { 400 } else { 403 }, code }
    }
}

/// How a service says that something is not permitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub status: u16,
    pub code: &'static str,
}

impl Refusal {
    pub const JSON: Refusal = Refusal { status: 400, code: "AccessDeniedException" };
}

pub struct QueryApi {
    /// The `Version` parameter: `2012-11-05`.
    pub version: &'static str,
    pub xmlns: &'static str,
    /// How members are named on the wire where that differs from the model's names, for every operation.
    pub names: &'static Names,
    /// The member that the request's path stands for when no parameter gives it: clients of SQS post to a queue's URL.
    pub path_member: Option<&'static str>,
}

pub struct XmlApi {
    pub xmlns: &'static str,
    /// What elements of lists are called, for every operation.
    pub names: &'static Names,
    /// Where paths are buckets and keys: the part of a host's name before which a bucket's stands, `s3`, as in
    /// `photos.s3.localhost`.
    pub host_label: Option<&'static str>,
}

/// Names of hosts.
type Hosts = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// A service, ready to be put into a [`crate::Cloud`].
pub struct Service {
    pub api: Api,
    operations: Vec<Operation>,
    by_name: HashMap<&'static str, usize>,
    pub(crate) target: Option<Arc<dyn Target>>,
    pub(crate) sender: Option<Arc<dyn Sender>>,
    pub(crate) timers: Option<timers::Handler>,
    pub(crate) fronts: Vec<Arc<dyn Front>>,
    pub(crate) streaming_fronts: Vec<Arc<dyn Front<Upload>>>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) user_pools: Option<Arc<dyn UserPools>>,
    pub(crate) hosts: Option<Hosts>,
    cors: Option<crate::cors::Asked>,
    watch: Option<Watch>,
}

impl Service {
    /// Starts a service whose operations share `state`.
    pub fn builder<S: Send + Sync + 'static>(api: Api, state: Arc<S>) -> ServiceBuilder<S> {
        let service = Service {
            api,
            operations: Vec::new(),
            by_name: HashMap::new(),
            target: None,
            sender: None,
            timers: None,
            fronts: Vec::new(),
            streaming_fronts: Vec::new(),
            workers: Vec::new(),
            user_pools: None,
            hosts: None,
            cors: None,
            watch: None,
        };
        ServiceBuilder { service, state }
    }

    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.by_name.get(name).map(|index| &self.operations[*index])
    }

    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// What a page may do with a bucket; `None` where it may not.
    pub fn cors(&self, cx: &crate::Cx, bucket: &str, asked: &crate::Cors<'_>) -> Option<crate::CorsAnswer> {
        self.cors.as_ref().and_then(|cors| cors(cx, bucket, asked))
    }

    /// Who wants to know what becomes of a request with this head, to one of its buckets.
    pub fn witness(
        &self,
        cloud: &Cloud,
        head: &http::request::Parts,
        of: &wire::rest_xml::Target<'_>,
    ) -> Option<Witness> {
        self.watch.as_ref().and_then(|watch| watch(cloud, head, of))
    }
}

pub struct ServiceBuilder<S> {
    service: Service,
    state: Arc<S>,
}

impl<S: Send + Sync + 'static> ServiceBuilder<S> {
    pub fn operation<I: crate::Input + Send + 'static>(mut self, operation: OperationBuilder<S, I>) -> Self {
        let operation = operation.build(&self.service.api, self.state.clone());
        self.service.by_name.insert(operation.name, self.service.operations.len());
        self.service.operations.push(operation);
        self
    }

    /// Accepts deliveries to ARNs of this service.
    pub fn target(mut self, target: impl Target + 'static) -> Self {
        self.service.target = Some(Arc::new(target));
        self
    }

    /// Decides on deliveries from ARNs of this service that fail.
    pub fn sender(mut self, sender: impl Sender + 'static) -> Self {
        self.service.sender = Some(Arc::new(sender));
        self
    }

    /// Handles the timers this service has set, each in the transaction that removes it.
    pub fn timers(mut self, fire: fn(&S, &crate::Cx, &mut kv::Tx, &timers::Timer) -> Result<(), crate::Error>) -> Self {
        let state = self.state.clone();
        self.service.timers = Some(Arc::new(move |cx, tx, timer| fire(&state, cx, tx, timer)));
        self
    }

    pub fn front(mut self, front: impl Front + 'static) -> Self {
        self.service.fronts.push(Arc::new(front));
        self
    }

    /// A front that takes bodies as they come, however long they are. Asked before all others.
    pub fn streaming_front(mut self, front: impl Front<Upload> + 'static) -> Self {
        self.service.streaming_fronts.push(Arc::new(front));
        self
    }

    /// Keeps user pools, whose users other services let in.
    pub fn user_pools(mut self, pools: impl UserPools + 'static) -> Self {
        self.service.user_pools = Some(Arc::new(pools));
        self
    }

    /// Says which names of hosts its owners have chosen, for which there are to be certificates. Asked again and again: it must be cheap.
    pub fn hosts(mut self, hosts: fn(&S) -> Vec<String>) -> Self {
        let state = self.state.clone();
        self.service.hosts = Some(Arc::new(move || hosts(&state)));
        self
    }

    /// Says what pages of other origins may do with its buckets.
    pub fn cors(mut self, allowed: fn(&S, &crate::Cx, &str, &crate::Cors<'_>) -> Option<crate::CorsAnswer>) -> Self {
        let state = self.state.clone();
        self.service.cors = Some(Arc::new(move |cx, bucket, asked| allowed(&state, cx, bucket, asked)));
        self
    }

    /// Says whether it wants to know what becomes of a request to one of its buckets. Asked for each: it must be cheap.
    pub fn watch(
        mut self,
        watch: fn(&S, &Cloud, &http::request::Parts, &wire::rest_xml::Target<'_>) -> Option<Witness>,
    ) -> Self {
        let state = self.state.clone();
        self.service.watch = Some(Arc::new(move |cloud, head, of| watch(&state, cloud, head, of)));
        self
    }

    /// Runs with the server, from its start to when it takes no more requests.
    pub fn worker<F>(
        mut self,
        name: &'static str,
        run: fn(Arc<S>, crate::Cx, tokio_util::sync::CancellationToken) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let state = self.state.clone();
        self.service.workers.push(Worker::new(name, move |cx, stop| Box::pin(run(state.clone(), cx, stop))));
        self
    }

    /// The same for what has to do with requests that are under way then: it is stopped once they are answered.
    pub fn late_worker<F>(
        mut self,
        name: &'static str,
        run: fn(Arc<S>, crate::Cx, tokio_util::sync::CancellationToken) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self = self.worker(name, run);
        self.service.workers.last_mut().into_iter().for_each(Worker::stop_late);
        self
    }

    pub fn build(self) -> Service {
        self.service
    }
}
