//! AWS Lambda: functions, their versions and aliases, layers, asynchronous events, and queues and streams as event
//! sources.

mod archive;
mod bindings;
mod code;
mod constraints;
mod downloads;
mod error;
mod event_sources;
mod executions;
mod host;
mod invoke;
mod keys;
mod limits;
mod logs;
mod model;
mod name;
mod not_implemented;
mod ops;
mod provisioning;
mod roles;
mod spec;
mod target;
mod types;
mod url;
mod warming;
mod workers;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base::{Env, Region};
use blob::Blobs;
use runtime::Runtime;
use service::{Api, Service, read, write};

pub use code::named_code;
pub use error::Error;
pub use executions::Count;

use code::CodeStore;
use downloads::{DownloadFront, Downloads};
use executions::Executions;
use host::Host;
use invoke::Concurrency;
use logs::LogBuffer;
use name::function_resource as function;
use ops::layer::{layer_resource, version_resource};
use ops::mapping::mapping_resource;
use ops::{account, alias, concurrency, event_config, layer, layer_permission, mapping, permission};
use ops::{provisioned, resource_policy, runtime_management, tag, version, with_pass_role};
use roles::Roles;
use sources::{LetterSender, Results};
use spec::Specs;
use target::FunctionTarget;
use url::FunctionUrls;

/// The name that trust policies know Lambda by.
const PRINCIPAL: &str = "lambda.amazonaws.com";

/// What Lambda needs besides the store.
pub struct Config {
    pub runtime: runtime::Config,
    /// Deployment packages. Lambda's alone: it removes what no function refers to.
    pub blobs: Blobs,
    /// Where packages are unpacked: a folder of the server's own, on the same disk for all of it.
    pub code_dir: PathBuf,
}

/// The service's state in memory. All of it can be made again from the store.
pub struct Lambda {
    runtime: Runtime,
    code: CodeStore,
    specs: Specs,
    roles: Arc<Roles>,
    host: Arc<Host>,
    logs: Arc<LogBuffer>,
    concurrency: Concurrency,
    executions: Executions,
    downloads: Downloads,
    /// What the pollers of event sources have to say.
    sources: Arc<Results>,
    /// Instances that may be kept ready by provisioned concurrency.
    provisioned_max: usize,
}

impl Lambda {
    /// Opens the folders. Call within a tokio runtime.
    ///
    /// # Errors
    /// When a folder cannot be made or written.
    pub fn open(config: Config, env: &Env) -> io::Result<Arc<Lambda>> {
        let (roles, logs) = (Arc::<Roles>::default(), Arc::<LogBuffer>::default());
        let provisioned_max = limits::provisioned_max(config.runtime.instances_max);
        let host = Arc::new(Host::new(roles.clone(), logs.clone()));
        Ok(Arc::new(Lambda {
            runtime: Runtime::new(config.runtime, env.clone(), host.clone())?,
            code: CodeStore::open(config.blobs, config.code_dir)?,
            specs: Specs::default(),
            roles,
            host,
            logs,
            concurrency: Concurrency::default(),
            executions: Executions::default(),
            downloads: Downloads::new(env),
            sources: Arc::default(),
            provisioned_max,
        }))
    }

    /// The instances of functions, to look at and to prepare.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// What has become of a function's executions since the server started, by version.
    pub fn executions(&self, region: &Region, function: &str) -> BTreeMap<String, Count> {
        self.executions.of(region.as_str(), function)
    }

    /// Where the code of functions is kept.
    pub fn blobs(&self) -> &Blobs {
        &self.code.blobs
    }

    /// Lets the instances of a version go that has changed or is gone.
    fn retire(&self, key: &str) {
        self.runtime.retire(key);
        self.specs.forget(key);
    }
}

const API: Api = Api {
    namespace: "com.amazonaws.lambda",
    not_implemented: not_implemented::NOT_IMPLEMENTED,
    not_implemented_paths: not_implemented::PATHS,
    body_bytes_max: limits::REQUEST_BYTES_MAX,
    message_key: "Message",
    ..Api::named("lambda")
};

#[rustfmt::skip] // A table: one line an operation.
pub fn service(lambda: Arc<Lambda>) -> Service {
    Service::builder(API, lambda.clone())
        .operation(write("CreateFunction", ops::function::create).permissions(|_, cx, i| Ok(with_pass_role(cx, "lambda:CreateFunction", &i.function_name, i.role.as_deref()))).rest(&bindings::CREATE_FUNCTION))
        .operation(read("GetFunction", ops::function::get).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::GET_FUNCTION))
        .operation(read("GetFunctionConfiguration", ops::function::get_configuration).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::GET_FUNCTION_CONFIGURATION))
        .operation(write("UpdateFunctionCode", ops::function::update_code).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::UPDATE_FUNCTION_CODE))
        .operation(write("UpdateFunctionConfiguration", ops::function::update_configuration).permissions(|_, cx, i| Ok(with_pass_role(cx, "lambda:UpdateFunctionConfiguration", &i.function_name, i.role.as_deref()))).rest(&bindings::UPDATE_FUNCTION_CONFIGURATION))
        .operation(write("DeleteFunction", ops::function::delete).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::DELETE_FUNCTION))
        .operation(read("ListFunctions", ops::function::list).rest(&bindings::LIST_FUNCTIONS))
        .operation(write("PublishVersion", version::publish).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::PUBLISH_VERSION))
        .operation(read("ListVersionsByFunction", version::list).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::LIST_VERSIONS_BY_FUNCTION))
        .operation(write("CreateAlias", alias::create).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::CREATE_ALIAS))
        .operation(read("GetAlias", alias::get).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::GET_ALIAS))
        .operation(write("UpdateAlias", alias::update).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::UPDATE_ALIAS))
        .operation(write("DeleteAlias", alias::delete).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::DELETE_ALIAS))
        .operation(read("ListAliases", alias::list).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::LIST_ALIASES))
        .operation(write("Invoke", ops::invoke::invoke).action("lambda:InvokeFunction").permissions(|_, cx, i| ops::invoke::permissions(cx, i)).rest(&bindings::INVOKE))
        .operation(write("InvokeWithResponseStream", ops::invoke_stream::invoke).action("lambda:InvokeFunction").permissions(|_, cx, i| ops::invoke::permissions(cx, i)).rest(&bindings::INVOKE_WITH_RESPONSE_STREAM))
        .operation(write("InvokeAsync", ops::invoke::invoke_async).permissions(|_, cx, i| ops::invoke::async_permissions(cx, i)).rest(&bindings::INVOKE_ASYNC))
        .operation(write("CreateFunctionUrlConfig", ops::url::create).permissions(|_, cx, i| Ok(ops::url::permissions(cx, "lambda:CreateFunctionUrlConfig", i))).rest(&bindings::CREATE_FUNCTION_URL_CONFIG))
        .operation(read("GetFunctionUrlConfig", ops::url::get).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::GET_FUNCTION_URL_CONFIG))
        .operation(write("UpdateFunctionUrlConfig", ops::url::update).permissions(|_, cx, i| Ok(ops::url::permissions(cx, "lambda:UpdateFunctionUrlConfig", i))).rest(&bindings::UPDATE_FUNCTION_URL_CONFIG))
        .operation(write("DeleteFunctionUrlConfig", ops::url::delete).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::DELETE_FUNCTION_URL_CONFIG))
        .operation(read("ListFunctionUrlConfigs", ops::url::list).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::LIST_FUNCTION_URL_CONFIGS))
        .operation(write("AddPermission", permission::add).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::ADD_PERMISSION))
        .operation(write("RemovePermission", permission::remove).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::REMOVE_PERMISSION))
        .operation(read("GetPolicy", permission::get).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::GET_POLICY))
        .operation(write("PutResourcePolicy", resource_policy::put).resource(|_, i| i.resource_arn.clone()).rest(&bindings::PUT_RESOURCE_POLICY))
        .operation(read("GetResourcePolicy", resource_policy::get).resource(|_, i| i.resource_arn.clone()).rest(&bindings::GET_RESOURCE_POLICY))
        .operation(write("DeleteResourcePolicy", resource_policy::delete).resource(|_, i| i.resource_arn.clone()).rest(&bindings::DELETE_RESOURCE_POLICY))
        .operation(read("GetFunctionCodeSigningConfig", ops::function::get_code_signing).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::GET_FUNCTION_CODE_SIGNING_CONFIG))
        .operation(write("PutFunctionConcurrency", concurrency::put).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::PUT_FUNCTION_CONCURRENCY))
        .operation(read("GetFunctionConcurrency", concurrency::get).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::GET_FUNCTION_CONCURRENCY))
        .operation(write("DeleteFunctionConcurrency", concurrency::delete).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::DELETE_FUNCTION_CONCURRENCY))
        .operation(write("PutProvisionedConcurrencyConfig", provisioned::put).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::PUT_PROVISIONED_CONCURRENCY_CONFIG))
        .operation(read("GetProvisionedConcurrencyConfig", provisioned::get).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::GET_PROVISIONED_CONCURRENCY_CONFIG))
        .operation(write("DeleteProvisionedConcurrencyConfig", provisioned::delete).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::DELETE_PROVISIONED_CONCURRENCY_CONFIG))
        .operation(read("ListProvisionedConcurrencyConfigs", provisioned::list).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::LIST_PROVISIONED_CONCURRENCY_CONFIGS))
        .operation(write("PutRuntimeManagementConfig", runtime_management::put).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::PUT_RUNTIME_MANAGEMENT_CONFIG))
        .operation(read("GetRuntimeManagementConfig", runtime_management::get).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::GET_RUNTIME_MANAGEMENT_CONFIG))
        .operation(write("PutFunctionRecursionConfig", runtime_management::put_recursion).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::PUT_FUNCTION_RECURSION_CONFIG))
        .operation(read("GetFunctionRecursionConfig", runtime_management::get_recursion).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::GET_FUNCTION_RECURSION_CONFIG))
        .operation(write("PutFunctionEventInvokeConfig", event_config::put).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::PUT_FUNCTION_EVENT_INVOKE_CONFIG))
        .operation(write("UpdateFunctionEventInvokeConfig", event_config::update).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::UPDATE_FUNCTION_EVENT_INVOKE_CONFIG))
        .operation(read("GetFunctionEventInvokeConfig", event_config::get).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::GET_FUNCTION_EVENT_INVOKE_CONFIG))
        .operation(write("DeleteFunctionEventInvokeConfig", event_config::delete).resource(|cx, i| function(cx, &i.function_name, i.qualifier.as_deref())).rest(&bindings::DELETE_FUNCTION_EVENT_INVOKE_CONFIG))
        .operation(read("ListFunctionEventInvokeConfigs", event_config::list).resource(|cx, i| function(cx, &i.function_name, None)).rest(&bindings::LIST_FUNCTION_EVENT_INVOKE_CONFIGS))
        .operation(write("PublishLayerVersion", layer::publish).resource(|cx, i| layer_resource(cx, &i.layer_name)).rest(&bindings::PUBLISH_LAYER_VERSION))
        .operation(read("GetLayerVersion", layer::get).permissions(|_, cx, i| layer_permission::read_permissions(cx, version_resource(cx, i))).rest(&bindings::GET_LAYER_VERSION))
        .operation(read("GetLayerVersionByArn", layer::get_by_arn).action("lambda:GetLayerVersion").permissions(|_, cx, i| layer_permission::read_permissions(cx, i.arn.clone())).rest(&bindings::GET_LAYER_VERSION_BY_ARN))
        .operation(write("AddLayerVersionPermission", layer_permission::add).resource(layer_permission::resource).rest(&bindings::ADD_LAYER_VERSION_PERMISSION))
        .operation(write("RemoveLayerVersionPermission", layer_permission::remove).resource(layer_permission::resource).rest(&bindings::REMOVE_LAYER_VERSION_PERMISSION))
        .operation(read("GetLayerVersionPolicy", layer_permission::get).resource(version_resource).rest(&bindings::GET_LAYER_VERSION_POLICY))
        .operation(read("ListLayers", layer::list).rest(&bindings::LIST_LAYERS))
        .operation(read("ListLayerVersions", layer::list_versions).rest(&bindings::LIST_LAYER_VERSIONS))
        .operation(write("DeleteLayerVersion", layer::delete).resource(version_resource).rest(&bindings::DELETE_LAYER_VERSION))
        .operation(write("CreateEventSourceMapping", mapping::create).rest(&bindings::CREATE_EVENT_SOURCE_MAPPING))
        .operation(read("GetEventSourceMapping", mapping::get).resource(|cx, i| mapping_resource(cx, &i.uuid)).rest(&bindings::GET_EVENT_SOURCE_MAPPING))
        .operation(write("UpdateEventSourceMapping", mapping::update).resource(|cx, i| mapping_resource(cx, &i.uuid)).rest(&bindings::UPDATE_EVENT_SOURCE_MAPPING))
        .operation(write("DeleteEventSourceMapping", mapping::delete).resource(|cx, i| mapping_resource(cx, &i.uuid)).rest(&bindings::DELETE_EVENT_SOURCE_MAPPING))
        .operation(read("ListEventSourceMappings", mapping::list).rest(&bindings::LIST_EVENT_SOURCE_MAPPINGS))
        .operation(write("TagResource", tag::tag).resource(|_, i| i.resource.clone()).rest(&bindings::TAG_RESOURCE))
        .operation(write("UntagResource", tag::untag).resource(|_, i| i.resource.clone()).rest(&bindings::UNTAG_RESOURCE))
        .operation(read("ListTags", tag::list).resource(|_, i| i.resource.clone()).rest(&bindings::LIST_TAGS))
        .operation(read("GetAccountSettings", account::settings).rest(&bindings::GET_ACCOUNT_SETTINGS))
        .target(FunctionTarget(lambda.clone()))
        .sender(LetterSender)
        .front(DownloadFront(lambda.clone()))
        .front(FunctionUrls(lambda))
        .late_worker("lambda logs", logs::run)
        .worker("lambda event sources", event_sources::run)
        .worker("lambda provisioned concurrency", provisioning::run)
        .worker("lambda code", workers::sweep)
        .build()
}
