//! A service as it was configured: what `serverless.yml` says, typed, with its variables resolved.

use serde_json::{Map, Value as Json};

use super::api_cache::{Caching, StageCache};
use super::api_logs::ApiLogs;
use super::custom_domain::CustomDomain;
use super::integration::{HttpIntegration, HttpSchema};
use super::naming;
use crate::diagnostic::At;
use crate::yaml::Node;

/// A value that may be an intrinsic function.
pub type Value = Json;

#[derive(Clone, Debug)]
pub struct Service {
    pub name: String,
    pub stage: String,
    pub region: String,
    pub provider: Provider,
    pub functions: Vec<Function>,
    pub layers: Vec<Layer>,
    pub package: Package,
    pub plugins: Vec<String>,
    pub site: Option<Site>,
    pub custom_domains: Vec<CustomDomain>,
    pub cache: Option<StageCache>,
    pub migrate: Option<Migrate>,
    /// Free: read by plugins and variables.
    pub custom: Map<String, Json>,
    /// The mappings under `resources`, in order; later ones are merged over earlier ones.
    pub resources: Vec<Node>,
}

impl Service {
    pub fn stack_name(&self) -> String {
        self.provider.stack_name.clone().unwrap_or_else(|| format!("{}-{}", self.name, self.stage))
    }
}

/// `custom.cloudlet.site`: files that a distribution gives out.
#[derive(Clone, Debug)]
pub struct Site {
    /// Their folder, below the project's.
    pub path: String,
    pub at: At,
}

/// `custom.cloudlet.migrate`: requests that a legacy backend and functions share.
#[derive(Clone, Debug)]
pub struct Migrate {
    /// The stack's, where there is none.
    pub name: Option<String>,
    /// The backend's URL.
    pub legacy: String,
    pub hosts: Vec<String>,
    pub routes: Vec<MigrateRoute>,
    pub at: At,
}

#[derive(Clone, Debug)]
pub struct MigrateRoute {
    pub path: String,
    /// Every method, where there is none.
    pub method: Option<String>,
    /// The function's key.
    pub function: String,
    /// In percent, as shares are.
    pub weight: f64,
    pub sticky: bool,
    pub header: Option<MigrateCondition>,
    pub cookie: Option<MigrateCondition>,
    pub shadow: f64,
    pub shadow_unsafe: bool,
    pub at: At,
}

/// A header or cookie by its name, and its value where that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateCondition {
    pub name: String,
    pub value: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Provider {
    pub runtime: Option<String>,
    pub stack_name: Option<String>,
    pub tags: Map<String, Json>,
    pub stack_tags: Map<String, Json>,
    pub environment: Map<String, Json>,
    /// Where each variable was written.
    pub environment_at: Vec<(String, At)>,
    pub memory_size: Option<i64>,
    pub timeout: Option<i64>,
    /// An execution role that exists already.
    pub role: Option<Value>,
    /// The execution role to make, where there is no `role`.
    pub new_role: NewRole,
    pub layers: Option<Vec<Value>>,
    pub log_retention: Option<i64>,
    pub update_runtime_on: Option<&'static str>,
    pub version_functions: bool,
    pub http_api: HttpApi,
    pub rest_api: RestApi,
    pub websockets: Websockets,
    pub api_logs: ApiLogs,
    /// Buckets that `s3` events make, by the names that the events call them.
    pub buckets: Vec<ProviderBucket>,
}

#[derive(Clone, Debug)]
pub struct ProviderBucket {
    pub key: String,
    pub name: Option<String>,
    /// Of `AWS::S3::Bucket`, by their names there.
    pub properties: Map<String, Json>,
}

#[derive(Clone, Debug, Default)]
pub struct NewRole {
    pub name: Option<String>,
    pub path: Option<String>,
    pub statements: Vec<Json>,
    /// Where each statement was written.
    pub statements_at: Vec<At>,
    pub managed_policies: Vec<Value>,
    /// The policy that bounds it.
    pub boundary: Option<Json>,
    pub tags: Map<String, Json>,
}

#[derive(Clone, Debug, Default)]
pub struct HttpApi {
    /// An API that exists already, to add routes to.
    pub id: Option<Value>,
    pub name: Option<String>,
    pub name_starts_with_service: bool,
    pub payload: Option<String>,
    pub disable_default_endpoint: Option<bool>,
    pub cors: Option<HttpApiCors>,
    pub authorizers: Vec<HttpApiAuthorizer>,
}

/// One of `provider.httpApi.authorizers`.
#[derive(Clone, Debug)]
pub struct HttpApiAuthorizer {
    /// What events call it.
    pub key: String,
    pub name: String,
    pub at: At,
    pub identity_sources: Vec<String>,
    pub kind: HttpApiAuthorizerKind,
}

#[derive(Clone, Debug)]
pub enum HttpApiAuthorizerKind {
    Jwt {
        issuer: Value,
        audience: Vec<Value>,
    },
    Request {
        function: AuthorizerFunction,
        ttl: Option<i64>,
        simple: Option<bool>,
        payload: String,
        managed_externally: bool,
    },
}

/// What decides on requests: a function of this service by its key, or whatever has this ARN.
#[derive(Clone, Debug)]
pub enum AuthorizerFunction {
    Key(String),
    Arn(Value),
}

/// What is `None` takes the framework's default.
#[derive(Clone, Debug, Default)]
pub struct HttpApiCors {
    pub origins: Option<Vec<String>>,
    pub headers: Option<Vec<String>>,
    pub methods: Option<Vec<String>>,
    pub exposed_headers: Option<Vec<String>>,
    pub credentials: bool,
    pub max_age: Option<i64>,
}

/// The WebSocket API that `websocket` events make.
#[derive(Clone, Debug, Default)]
pub struct Websockets {
    pub name: Option<String>,
    pub route_selection: String,
    pub description: String,
}

#[derive(Clone, Debug, Default)]
pub struct RestApi {
    pub name: Option<String>,
    pub name_starts_with_service: bool,
    pub stage: Option<String>,
    pub description: Option<String>,
    pub binary_media_types: Vec<String>,
    pub disable_default_endpoint: Option<bool>,
    pub minimum_compression_size: Option<i64>,
    pub endpoint_type: Option<String>,
    /// `HEADER` or `AUTHORIZER`.
    pub api_key_source: Option<String>,
    pub usage_plans: Vec<UsagePlan>,
    pub api_keys: Vec<ApiKey>,
}

/// How much API keys may be used. What is set is of `AWS::ApiGateway::UsagePlan`, by the names there.
#[derive(Clone, Debug)]
pub struct UsagePlan {
    /// `default` for the one of a service that names none.
    pub name: String,
    pub quota: Option<Json>,
    pub throttle: Option<Json>,
}

#[derive(Clone, Debug)]
pub struct ApiKey {
    /// The plan by name that it is of.
    pub plan: Option<String>,
    /// Its place among those of its plan, from 1.
    pub number: usize,
    pub name: Option<Value>,
    pub value: Option<Value>,
    pub description: Option<Value>,
    pub customer: Option<Value>,
    pub enabled: Option<bool>,
    pub at: At,
}

#[derive(Clone, Debug)]
pub struct Function {
    /// Its name in the configuration.
    pub key: String,
    pub at: At,
    /// Its name on AWS.
    pub name: String,
    pub handler: String,
    pub runtime: String,
    pub description: Option<String>,
    /// Seconds.
    pub timeout: i64,
    /// MiB.
    pub memory_size: i64,
    pub environment: Map<String, Json>,
    /// Where each variable was written.
    pub environment_at: Vec<(String, At)>,
    pub role: Option<Value>,
    pub layers: Option<Vec<Value>>,
    pub tags: Map<String, Json>,
    pub reserved_concurrency: Option<i64>,
    /// Instances that its alias has ready.
    pub provisioned_concurrency: Option<i64>,
    pub snap_start: bool,
    /// When it changes to another interpreter, in Lambda's words.
    pub update_runtime_on: Option<&'static str>,
    /// Where events go that failed too often: the ARN of a queue or topic.
    pub on_error: Option<Value>,
    pub on_success_destination: Option<Destination>,
    pub on_failure_destination: Option<Destination>,
    /// Seconds.
    pub maximum_event_age: Option<i64>,
    pub maximum_retry_attempts: Option<i64>,
    pub condition: Option<String>,
    pub depends_on: Vec<String>,
    pub disable_logs: bool,
    pub log_retention: Option<i64>,
    /// MiB.
    pub ephemeral_storage: Option<i64>,
    pub version: Option<bool>,
    pub http_api_payload: Option<String>,
    pub url: Option<FunctionUrl>,
    pub package: Package,
    pub events: Vec<Event>,
}

impl Function {
    /// The alias that its triggers call, where they do not call the function itself.
    pub fn alias(&self) -> Option<&'static str> {
        let snap_start = self.snap_start.then_some(naming::SNAP_START);
        self.provisioned_concurrency.map(|_| naming::PROVISIONED).or(snap_start)
    }
}

/// An address of the function's own.
#[derive(Clone, Debug, Default)]
pub struct FunctionUrl {
    /// Whether its users sign their requests, as for AWS's own APIs.
    pub signed: bool,
    pub cors: Option<HttpApiCors>,
    /// `BUFFERED` or `RESPONSE_STREAM`.
    pub invoke_mode: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Destination {
    /// A function of this service, by its key.
    Function(String),
    Arn(Value),
    /// An ARN with the kind of thing it names: `function`, `sqs`, `sns` or `eventBus`.
    Typed {
        kind: String,
        arn: Value,
    },
}

#[derive(Clone, Debug)]
pub struct Event {
    pub at: At,
    pub source: EventSource,
}

#[derive(Clone, Debug)]
pub enum EventSource {
    Http(Box<Http>),
    /// `method` is upper case, `ANY` for `*`; `path` is `*` for the default route.
    HttpApi {
        method: String,
        path: String,
        authorizer: Option<RouteAuthorizer>,
    },
    WebSocket(WebSocket),
    Sqs(Sqs),
    S3(S3),
    Sns(Sns),
    UserPool(UserPoolTrigger),
    Stream(Stream),
    Schedule(Schedule),
    EventBridge(EventBridge),
}

/// A route of a WebSocket API.
#[derive(Clone, Debug)]
pub struct WebSocket {
    pub route: String,
    /// Whether its client is told what the function answers.
    pub answers: bool,
    pub authorizer: Option<WebSocketAuthorizer>,
}

#[derive(Clone, Debug)]
pub enum WebSocketAuthorizer {
    Iam,
    /// One that is made for an event.
    Own {
        name: String,
        function: AuthorizerFunction,
        identity_sources: Vec<String>,
    },
}

#[derive(Clone, Debug)]
pub struct Http {
    /// Lower case, `any` for every method.
    pub method: String,
    /// Without a slash at either end.
    pub path: String,
    pub cors: Option<HttpCors>,
    pub authorizer: Option<MethodAuthorizer>,
    /// Whether it needs an API key.
    pub private: bool,
    pub operation: Option<String>,
    /// `method.request.…` names, and whether each is required.
    pub parameters: Map<String, Json>,
    /// `None` for a function that is told the request as it is.
    pub integration: Option<HttpIntegration>,
    pub schemas: Vec<HttpSchema>,
    pub caching: Option<Caching>,
}

/// `authorizer` of an `httpApi` event.
#[derive(Clone, Debug)]
pub enum RouteAuthorizer {
    Iam,
    Named {
        name: String,
        scopes: Vec<String>,
    },
    /// One that is made elsewhere, of an API that is; `kind` is its authorization type.
    Existing {
        kind: &'static str,
        id: Value,
        scopes: Vec<String>,
    },
}

/// `authorizer` of an `http` event.
#[derive(Clone, Debug)]
pub enum MethodAuthorizer {
    Iam,
    /// One that is made elsewhere; `kind` is its authorization type.
    Existing {
        kind: String,
        id: Value,
        scopes: Vec<String>,
    },
    Own(Box<OwnAuthorizer>),
}

/// An authorizer that is made for an event.
#[derive(Clone, Debug)]
pub struct OwnAuthorizer {
    pub name: String,
    /// Or a user pool.
    pub function: AuthorizerFunction,
    /// `TOKEN`, `REQUEST` or `COGNITO_USER_POOLS`.
    pub kind: String,
    /// Seconds.
    pub ttl: i64,
    pub identity_source: Option<String>,
    pub validation: Option<String>,
    pub scopes: Vec<String>,
    /// Whether somebody else lets the API invoke the function.
    pub managed_externally: bool,
}

#[derive(Clone, Debug, Default)]
pub struct HttpCors {
    pub origin: Option<String>,
    /// Others that are answered with themselves.
    pub more_origins: Vec<String>,
    pub headers: Vec<String>,
    pub methods: Vec<String>,
    pub credentials: bool,
    pub max_age: Option<i64>,
    pub cache_control: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Sqs {
    pub arn: Value,
    pub batch_size: i64,
    /// Seconds.
    pub batching_window: Option<i64>,
    pub report_batch_item_failures: bool,
    pub enabled: bool,
    pub filter_patterns: Vec<Json>,
    pub maximum_concurrency: Option<i64>,
}

/// A bucket that tells the function what becomes of its objects.
#[derive(Clone, Debug)]
pub struct S3 {
    pub bucket: EventBucket,
    /// `s3:ObjectCreated:*`.
    pub event: String,
    /// Of keys: `Name` (`prefix` or `suffix`) and `Value` each.
    pub rules: Vec<Json>,
}

#[derive(Clone, Debug)]
pub enum EventBucket {
    /// By its name, or its key under `provider.s3`: the service makes it.
    Made(String),
    /// By the name, or the intrinsic function that gives it, of one that is there.
    Existing(Value),
}

/// A topic that the function subscribes to.
#[derive(Clone, Debug, Default)]
pub struct Sns {
    pub topic_name: String,
    /// Of a topic that is there; without one, the topic is made.
    pub arn: Option<Value>,
    pub display_name: Option<String>,
    pub kms_master_key: Option<Json>,
    pub filter_policy: Option<Json>,
    pub filter_policy_scope: Option<String>,
    pub redrive: Option<SnsRedrive>,
}

/// What a pool asks the function, or tells it.
#[derive(Clone, Debug)]
pub struct UserPoolTrigger {
    /// The pool's name.
    pub pool: String,
    /// `PreSignUp`.
    pub trigger: String,
}

/// The dead-letter queue of a subscription: its ARN, and its URL where its policy is to let the topic send.
#[derive(Clone, Debug)]
pub struct SnsRedrive {
    pub arn: Value,
    pub url: Option<Value>,
}

/// A stream of Kinesis, or of a table.
#[derive(Clone, Debug)]
pub struct Stream {
    pub arn: Value,
    pub of_table: bool,
    /// Of Kinesis: who reads it, where that is not everybody together.
    pub consumer: Option<StreamConsumer>,
    pub batch_size: i64,
    pub starting_position: String,
    pub enabled: bool,
    /// Seconds.
    pub batch_window: Option<i64>,
    pub parallelization_factor: i64,
    pub maximum_retry_attempts: Option<i64>,
    pub maximum_record_age: Option<i64>,
    pub bisect: Option<bool>,
    pub tumbling_window: Option<i64>,
    pub report_batch_item_failures: bool,
    pub filter_patterns: Vec<Json>,
    pub on_failure: Option<Destination>,
}

#[derive(Clone, Debug)]
pub enum StreamConsumer {
    /// One of the function's own.
    Own,
    /// The one of this ARN.
    Given(Value),
}

#[derive(Clone, Debug)]
pub struct Schedule {
    pub expressions: Vec<Value>,
    pub enabled: bool,
    pub name: Option<String>,
    pub description: Option<String>,
    pub input: Option<String>,
    pub input_path: Option<String>,
    pub input_transformer: Option<Json>,
    /// Where it is one of EventBridge Scheduler's, and not a rule of the event bus.
    pub scheduler: Option<Scheduler>,
}

/// What a schedule of EventBridge Scheduler has besides.
#[derive(Clone, Debug)]
pub struct Scheduler {
    pub timezone: Option<String>,
}

/// A rule of an event bus.
#[derive(Clone, Debug)]
pub struct EventBridge {
    /// Its place among the function's events, from 1: the framework counts events of every kind.
    pub number: usize,
    /// `None` is the default bus.
    pub bus: Option<Bus>,
    pub pattern: Option<Json>,
    pub schedule: Option<String>,
    pub enabled: bool,
    pub name: Option<String>,
    pub description: Option<String>,
    pub input: Option<String>,
    pub input_path: Option<String>,
    pub input_transformer: Option<Json>,
    /// In the words of `AWS::Events::Rule`.
    pub retry_policy: Option<Json>,
    pub dead_letter_queue: Option<Value>,
}

#[derive(Clone, Debug)]
pub enum Bus {
    /// By its name: the service makes it.
    Made(String),
    /// By the name, or the intrinsic function that gives it, of one that is there.
    Given(Value),
}

#[derive(Clone, Debug, Default)]
pub struct Package {
    /// `!` in front takes out what earlier patterns put in.
    pub patterns: Vec<String>,
    pub individually: Option<bool>,
    /// A zip that was made already.
    pub artifact: Option<String>,
    pub at: Option<At>,
}

#[derive(Clone, Debug)]
pub struct Layer {
    /// Its name in the configuration.
    pub key: String,
    pub at: At,
    pub name: String,
    /// The folder it is made of.
    pub path: String,
    pub description: Option<String>,
    pub compatible_runtimes: Option<Vec<String>>,
    pub license: Option<String>,
    pub retain: bool,
    pub package: Package,
}
