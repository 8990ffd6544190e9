//! Resource types: how each is created, updated and deleted through the operations a client would call.

mod api_domains;
mod apigateway;
mod apigatewayv2;
mod apigatewayv2_websocket;
mod check;
mod cloudfront;
mod cognito;
mod destination;
mod dynamodb;
mod events;
mod iam;
mod kinesis;
mod kms;
mod lambda;
mod logs;
mod migrate;
mod pipes;
mod s3;
mod scheduler;
mod secretsmanager;
mod ses;
pub mod shape;
mod sign_in;
mod site;
mod sns;
mod sqs;
mod ssm;
mod tags;

use std::collections::BTreeMap;

use async_trait::async_trait;
use base::Env;
use serde_json::{Map, Value};

use crate::cloud::{CallError, Cloud};
use crate::references;
use crate::state::Deployed;
pub use check::{check, depends_on};
use shape::Property;

/// A resource's properties by name.
pub type Properties = Map<String, Value>;

/// What a resource has become: its physical id, which `Ref` answers, and what `Fn::GetAtt` answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    pub physical_id: String,
    pub attributes: Map<String, Value>,
}

impl Made {
    pub fn new<const N: usize>(physical_id: impl Into<String>, attributes: [(&str, Value); N]) -> Made {
        let attributes = attributes.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        Made { physical_id: physical_id.into(), attributes }
    }
}

/// A resource that could not be made as wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    #[error("{operation} failed: {error}")]
    Call { operation: String, error: CallError },
    #[error("{0}")]
    Unfit(String),
}

impl ResourceError {
    pub fn is_absent(&self) -> bool {
        matches!(self, ResourceError::Call { error, .. } if error.is_absent())
    }

    fn has_code(&self, code: &str) -> bool {
        matches!(self, ResourceError::Call { error, .. } if error.code == code)
    }
}

type Result<T> = std::result::Result<T, ResourceError>;

/// One resource type.
#[async_trait]
pub trait Resource: Send + Sync {
    /// `AWS::SQS::Queue`.
    fn kind(&self) -> &'static str;

    fn properties(&self) -> &'static [Property];

    /// What `Fn::GetAtt` can ask for.
    fn attributes(&self) -> &'static [&'static str] {
        &[]
    }

    /// The property that is the resource's name in the account. Two cannot have the same, so a replacement needs another.
    fn name(&self) -> Option<&'static str> {
        None
    }

    async fn create(&self, cx: &Cx<'_>, wanted: &Properties) -> Result<Made>;

    /// Changes `old` in place. Only called when no property that replaces has changed; types whose every property
    /// replaces are never updated.
    async fn update(&self, _cx: &Cx<'_>, old: &Deployed, _wanted: &Properties) -> Result<Made> {
        Ok(Made { physical_id: old.physical_id.clone(), attributes: old.attributes.clone() })
    }

    /// What is not there any more counts as deleted: the caller sees to that.
    async fn delete(&self, cx: &Cx<'_>, old: &Deployed) -> Result<()>;
}

/// The resource types there are.
pub const RESOURCES: &[&dyn Resource] = &[
    &apigateway::Account,
    &apigateway::ApiKey,
    &apigateway::Authorizer,
    &apigateway::Deployment,
    &apigateway::DocumentationPart,
    &apigateway::DocumentationVersion,
    &apigateway::GatewayResponse,
    &apigateway::Method,
    &apigateway::Model,
    &apigateway::PathResource,
    &apigateway::RequestValidator,
    &apigateway::RestApi,
    &apigateway::Stage,
    &apigateway::StageSettings,
    &apigateway::UsagePlan,
    &apigateway::UsagePlanKey,
    &apigatewayv2::Api,
    &apigatewayv2::Authorizer,
    &apigatewayv2::Integration,
    &apigatewayv2::Route,
    &apigatewayv2::Stage,
    &apigatewayv2_websocket::Deployment,
    &apigatewayv2_websocket::IntegrationResponse,
    &apigatewayv2_websocket::RouteResponse,
    &api_domains::ApiDomain,
    &api_domains::ApiMapping,
    &api_domains::BasePathMapping,
    &api_domains::HttpDomainName,
    &api_domains::RestDomainName,
    &cloudfront::CACHE_POLICY,
    &cloudfront::Distribution,
    &cloudfront::KEY_GROUP,
    &cloudfront::ORIGIN_ACCESS_CONTROL,
    &cloudfront::ORIGIN_ACCESS_IDENTITY,
    &cloudfront::ORIGIN_REQUEST_POLICY,
    &cloudfront::PUBLIC_KEY,
    &cloudfront::RESPONSE_HEADERS_POLICY,
    &cognito::UserPool,
    &cognito::UserPoolClient,
    &cognito::UserPoolGroup,
    &cognito::UserPoolUser,
    &cognito::UserPoolUserToGroupAttachment,
    &sign_in::IdentityPool,
    &sign_in::IdentityPoolRoleAttachment,
    &sign_in::OidcProvider,
    &sign_in::UserPoolDomain,
    &sign_in::UserPoolIdentityProvider,
    &sign_in::UserPoolResourceServer,
    &dynamodb::Table,
    &events::ApiDestination,
    &events::Archive,
    &events::Connection,
    &events::EventBus,
    &events::EventBusPolicy,
    &events::Rule,
    &iam::AccessKey,
    &iam::Group,
    &iam::InstanceProfile,
    &iam::ManagedPolicy,
    &iam::Policy,
    &iam::Role,
    &iam::User,
    &kinesis::ResourcePolicy,
    &kinesis::Stream,
    &kinesis::StreamConsumer,
    &kms::Alias,
    &kms::Key,
    &lambda::Alias,
    &lambda::EventInvokeConfig,
    &lambda::EventSourceMapping,
    &lambda::Function,
    &lambda::LayerVersion,
    &lambda::Permission,
    &lambda::Url,
    &lambda::Version,
    &logs::LogGroup,
    &migrate::Migration,
    &pipes::Pipe,
    &s3::Bucket,
    &s3::BucketPolicy,
    &s3::ExistingBucket,
    &scheduler::Schedule,
    &scheduler::ScheduleGroup,
    &secretsmanager::ResourcePolicy,
    &secretsmanager::RotationSchedule,
    &secretsmanager::Secret,
    &ses::ConfigurationSet,
    &ses::EmailIdentity,
    &ses::Template,
    &site::Site,
    &sns::Subscription,
    &sns::Topic,
    &sns::TopicPolicy,
    &sqs::Queue,
    &sqs::QueuePolicy,
    &ssm::Parameter,
];

/// The type of this name.
pub fn find(kind: &str) -> Option<&'static dyn Resource> {
    RESOURCES.iter().find(|resource| resource.kind() == kind).copied()
}

/// Packages at hand, by SHA-256 in hexadecimal.
#[derive(Clone, Debug, Default)]
pub struct Packages(pub BTreeMap<String, Vec<u8>>);

/// What a resource works with.
pub struct Cx<'a> {
    pub cloud: &'a dyn Cloud,
    pub env: &'a Env,
    pub stack: &'a str,
    pub logical_id: &'a str,
    pub packages: &'a Packages,
    /// The share of the traffic, from 0 to 1, that a new version behind an alias begins with; all of it, if none.
    pub first_weight: Option<f64>,
}

/// Letters of generated names.
const NAME_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const NAME_RANDOM: usize = 12;

impl Cx<'_> {
    pub async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value> {
        let result = self.cloud.call(service, operation, input).await;
        result.map_err(|error| ResourceError::Call { operation: format!("{service}:{operation}"), error })
    }

    pub async fn send(&self, service: &str, operation: &str, input: Value, body: &[u8]) -> Result<Value> {
        let result = self.cloud.send(service, operation, input, body).await;
        result.map_err(|error| ResourceError::Call { operation: format!("{service}:{operation}"), error })
    }

    /// A name as CloudFormation makes them, `stack-LogicalId-RANDOM`, of at most `length` characters.
    pub fn generated_name(&self, length: usize) -> String {
        let random = self.env.random_text(NAME_ALPHABET, NAME_RANDOM);
        let room = length.saturating_sub(NAME_RANDOM + 1);
        let id_room = room.saturating_sub(self.stack.len() + 1).max(room / 2);
        let id: String = self.logical_id.chars().take(id_room).collect();
        let stack: String = self.stack.chars().take(room.saturating_sub(id.len() + 1)).collect();
        format!("{stack}-{id}-{random}")
    }

    /// The property that names the resource, or a generated name.
    pub fn name_or_generated(&self, wanted: &Properties, property: &str, length: usize) -> String {
        wanted.get(property).and_then(Value::as_str).map_or_else(|| self.generated_name(length), str::to_string)
    }

    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.cloud.region(), self.cloud.account())
    }

    pub async fn package(&self, sha256: &str) -> Result<Vec<u8>> {
        if let Some(bytes) = self.packages.0.get(sha256) {
            return Ok(bytes.clone());
        }
        let operation = || "loading the package".to_string();
        let loaded = self
            .cloud
            .load_package(sha256)
            .await
            .map_err(|error| ResourceError::Call { operation: operation(), error })?;
        loaded.ok_or_else(|| ResourceError::Unfit(format!("the package {sha256} is not kept any more")))
    }
}

/// Makes a resource, whose properties may have references to secrets and parameters.
pub async fn create(resource: &dyn Resource, cx: &Cx<'_>, wanted: &Properties) -> Result<Made> {
    let resolved = references::resolve(cx.cloud, wanted).await.map_err(ResourceError::Unfit)?;
    resource.create(cx, &resolved).await
}

/// Changes one: see [`create`].
pub async fn update(resource: &dyn Resource, cx: &Cx<'_>, old: &Deployed, wanted: &Properties) -> Result<Made> {
    let resolved = references::resolve(cx.cloud, wanted).await.map_err(ResourceError::Unfit)?;
    resource.update(cx, old, &resolved).await
}

/// A text member of an answer or of properties.
fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value.get(name).and_then(Value::as_str).ok_or_else(|| ResourceError::Unfit(format!("the answer has no `{name}`")))
}

/// A text property that is there by its shape.
fn text_of<'a>(properties: &'a Properties, name: &str) -> Result<&'a str> {
    properties.get(name).and_then(Value::as_str).ok_or_else(|| ResourceError::Unfit(format!("`{name}` is missing")))
}

/// The named properties that are set.
fn only(properties: &Properties, names: &[&str]) -> Value {
    let set = names.iter().filter_map(|name| properties.get(*name).map(|value| (name.to_string(), value.clone())));
    Value::Object(set.collect())
}

/// All properties but the named.
fn without(properties: &Properties, names: &[&str]) -> Value {
    let kept = properties.iter().filter(|(name, _)| !names.contains(&name.as_str()));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A member's name as the services with lower-case members have it: `RestApiId` is `restApiId`.
fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Members renamed by [`lower_first`], at the top only.
fn lower_members(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.into_iter().map(|(name, value)| (lower_first(&name), value)).collect()),
        other => other,
    }
}

/// After a creation of several calls: where a later one failed, `deletion` takes the half-made thing away, because
/// nobody would know of it.
async fn or_delete<T>(result: Result<T>, deletion: impl Future<Output = Result<Value>>) -> Result<T> {
    let error = match result {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    match deleted(deletion.await) {
        Ok(()) => Err(error),
        Err(second) => Err(ResourceError::Unfit(format!("{error}; and taking it back failed: {second}"))),
    }
}

/// An absent thing is deleted already.
fn deleted(result: Result<Value>) -> Result<()> {
    match result {
        Err(error) if !error.is_absent() => Err(error),
        _ => Ok(()),
    }
}
