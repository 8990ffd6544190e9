//! Every key that Serverless Framework v3 knows, and what becomes of it here.
//!
//! Source: the framework's configuration schema,
//! <https://www.serverless.com/framework/docs/providers/aws/guide/serverless.yml>

/// A key of a mapping.
#[derive(Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    pub usage: Usage,
}

#[derive(Clone, Copy)]
pub enum Usage {
    /// It does here what it does on AWS.
    Read,
    /// It steers the framework itself, so there is nothing to lose.
    Silent,
    /// Accepted with a warning that says why it makes no difference.
    Ignored(&'static str),
    /// An error; the text says what to do instead.
    Refused(&'static str),
}

pub const fn read(name: &'static str) -> Key {
    Key { name, usage: Usage::Read }
}

pub const fn silent(name: &'static str) -> Key {
    Key { name, usage: Usage::Silent }
}

pub const fn ignored(name: &'static str, why: &'static str) -> Key {
    Key { name, usage: Usage::Ignored(why) }
}

const fn refused(name: &'static str, instead: &'static str) -> Key {
    Key { name, usage: Usage::Refused(instead) }
}

const NO_BUCKET: &str = "packages go straight to the cloud, without a bucket between";
const NO_NETWORK: &str = "functions run on the server's own network";
const NO_EXECUTION_LOG: &str = "the server's own log tells what goes wrong in WebSocket APIs";
const NO_TRACES: &str = "traces are not recorded yet";
const NO_KMS: &str = "stored values are not encrypted with keys of KMS";
const NO_DOMAIN: &str = "remove it: this kind of event is built in a later version";
const NO_SUCH_BUCKETS: &str = "remove it: buckets have no such configuration here";
const NO_DNS: &str = "there is no Route 53 here: let the name point to this server";
const NO_CERTIFICATES: &str = "there is no ACM here: the server's own certificate is used";
const HOST_ARCHITECTURE: &str = "functions run on the architecture of the server";

pub const SERVICE: &[Key] = &[
    read("service"),
    read("provider"),
    read("functions"),
    read("layers"),
    read("package"),
    read("plugins"),
    read("params"),
    read("custom"),
    read("resources"),
    read("useDotenv"),
    read("configValidationMode"),
    silent("frameworkVersion"),
    silent("variablesResolutionMode"),
    silent("deprecationNotificationMode"),
    silent("disabledDeprecations"),
    silent("unresolvedVariablesNotificationMode"),
    silent("projectDir"),
    silent("org"),
    silent("app"),
    silent("tenant"),
    ignored("console", "it is a service of the framework's makers"),
    ignored("dashboard", "it is a service of the framework's makers"),
    refused(
        "constructs",
        "a site is `custom.cloudlet.site: dist`; write the resources of other Lift constructs under `resources`",
    ),
    refused("stepFunctions", "state machines are built in a later version"),
];

/// Of the plugin `serverless-domain-manager`.
pub const CUSTOM_DOMAIN: &[Key] = &[
    read("domainName"),
    read("basePath"),
    read("stage"),
    read("apiType"),
    read("enabled"),
    read("certificateArn"),
    read("endpointType"),
    read("securityPolicy"),
    silent("autoDomain"),
    silent("autoDomainWaitFor"),
    silent("allowPathMatching"),
    silent("preserveExternalPathMappings"),
    ignored("certificateName", NO_CERTIFICATES),
    ignored("createRoute53Record", NO_DNS),
    ignored("createRoute53IPv6Record", NO_DNS),
    ignored("hostedZoneId", NO_DNS),
    ignored("hostedZonePrivate", NO_DNS),
    ignored("splitHorizonDns", NO_DNS),
    ignored("route53Profile", NO_DNS),
    ignored("route53Region", NO_DNS),
    ignored("route53Params", NO_DNS),
    refused("tlsTruststoreUri", "remove it: mutual TLS is not built"),
    refused("tlsTruststoreVersion", "remove it: mutual TLS is not built"),
];

pub const CLOUDLET: &[Key] = &[read("migrate"), read("site")];

pub const MIGRATE: &[Key] = &[read("name"), read("legacy"), read("hosts"), read("routes")];

pub const MIGRATE_ROUTE: &[Key] = &[
    read("path"),
    read("method"),
    read("function"),
    read("weight"),
    read("sticky"),
    read("header"),
    read("cookie"),
    read("shadow"),
    read("shadowUnsafe"),
];

pub const PROVIDER: &[Key] = &[
    read("name"),
    read("runtime"),
    read("stage"),
    read("region"),
    read("stackName"),
    read("stackTags"),
    read("tags"),
    read("environment"),
    read("memorySize"),
    read("timeout"),
    read("iam"),
    read("iamRoleStatements"),
    read("iamManagedPolicies"),
    read("role"),
    read("layers"),
    read("httpApi"),
    read("apiGateway"),
    read("apiName"),
    read("logRetentionInDays"),
    read("versionFunctions"),
    read("endpointType"),
    silent("lambdaHashingVersion"),
    silent("deploymentMethod"),
    silent("profile"),
    ignored("architecture", HOST_ARCHITECTURE),
    read("runtimeManagement"),
    ignored("deploymentBucket", NO_BUCKET),
    ignored("deploymentPrefix", NO_BUCKET),
    ignored("cfnRole", "changes are made with the credentials of whoever deploys"),
    ignored("disableRollback", "a failed deployment is always rolled back"),
    ignored("rollbackConfiguration", "there are no alarms to watch yet"),
    ignored("stackPolicy", "stacks have no policies"),
    ignored("notificationArns", "stacks notify no one"),
    read("rolePermissionsBoundary"),
    ignored("vpc", NO_NETWORK),
    ignored("vpcEndpointIds", NO_NETWORK),
    ignored("tracing", NO_TRACES),
    read("logs"),
    ignored("logDataProtectionPolicy", "logs are not masked"),
    ignored("kmsKeyArn", NO_KMS),
    ignored("ecr", "there are no container images"),
    ignored("kinesis", "consumers of streams are named after the function and the stream"),
    read("s3"),
    ignored("eventBridge", "it chooses how the framework makes event buses"),
    ignored("websocket", "it chooses how the framework makes WebSocket APIs"),
    read("websocketsApiName"),
    read("websocketsApiRouteSelectionExpression"),
    read("websocketsDescription"),
    ignored("alb", "there are no load balancers"),
    ignored("cloudFront", "there is no CloudFront"),
    refused("stackParameters", "give parameters their values with `params` and `${param:}`"),
    refused("resourcePolicy", "it moved to `provider.apiGateway.resourcePolicy`, which is not supported yet either"),
];

pub const LOGS: &[Key] = &[
    read("restApi"),
    read("httpApi"),
    read("websocket"),
    ignored("frameworkLambda", "there are no functions of the framework's own"),
    ignored("lambda", "functions log text: what they print"),
];

pub const REST_LOGS: &[Key] = &[
    read("accessLogging"),
    read("executionLogging"),
    read("fullExecutionData"),
    read("level"),
    read("format"),
    read("role"),
    silent("roleManagedExternally"),
];

pub const HTTP_LOGS: &[Key] = &[read("format")];

pub const WEBSOCKET_LOGS: &[Key] = &[
    read("accessLogging"),
    read("format"),
    ignored("executionLogging", NO_EXECUTION_LOG),
    ignored("fullExecutionData", NO_EXECUTION_LOG),
    ignored("level", NO_EXECUTION_LOG),
    silent("role"),
    silent("roleManagedExternally"),
];

pub const IAM: &[Key] =
    &[read("role"), ignored("deploymentRole", "changes are made with the credentials of whoever deploys")];

pub const ROLE: &[Key] = &[
    read("name"),
    read("path"),
    read("managedPolicies"),
    read("statements"),
    read("tags"),
    read("permissionBoundary"),
    read("permissionsBoundary"),
];

pub const HTTP_API: &[Key] = &[
    read("id"),
    read("name"),
    read("payload"),
    read("cors"),
    read("disableDefaultEndpoint"),
    read("shouldStartNameWithService"),
    silent("useProviderTags"),
    ignored("metrics", "metrics are not recorded yet"),
    read("authorizers"),
];

pub const HTTP_API_CORS: &[Key] = &[
    read("allowCredentials"),
    read("allowedHeaders"),
    read("allowedMethods"),
    read("allowedOrigins"),
    read("exposedResponseHeaders"),
    read("maxAge"),
];

pub const API_GATEWAY: &[Key] = &[
    read("binaryMediaTypes"),
    read("description"),
    read("stage"),
    read("disableDefaultEndpoint"),
    read("shouldStartNameWithService"),
    read("minimumCompressionSize"),
    ignored("metrics", "metrics are not recorded yet"),
    read("apiKeySourceType"),
    read("apiKeys"),
    read("usagePlan"),
    refused("resourcePolicy", "resource policies of APIs are built in a later version"),
    refused("request", "request schemas are built in a later version"),
    refused("restApiId", "let this service have its own API"),
    refused("restApiResources", "let this service have its own API"),
    refused("restApiRootResourceId", "let this service have its own API"),
    refused("websocketApiId", "let this service have its own API"),
];

pub const USAGE_PLAN: &[Key] = &[read("quota"), read("throttle")];

pub const QUOTA: &[Key] = &[read("limit"), read("offset"), read("period")];

pub const THROTTLE: &[Key] = &[read("burstLimit"), read("rateLimit")];

pub const API_KEY: &[Key] = &[read("name"), read("value"), read("description"), read("customerId"), read("enabled")];

pub const FUNCTION: &[Key] = &[
    read("handler"),
    read("name"),
    read("description"),
    read("runtime"),
    read("timeout"),
    read("memorySize"),
    read("environment"),
    read("role"),
    read("layers"),
    read("events"),
    read("package"),
    read("tags"),
    read("reservedConcurrency"),
    read("provisionedConcurrency"),
    read("snapStart"),
    read("onError"),
    read("destinations"),
    read("maximumEventAge"),
    read("maximumRetryAttempts"),
    read("condition"),
    read("dependsOn"),
    read("disableLogs"),
    read("logRetentionInDays"),
    read("ephemeralStorageSize"),
    read("versionFunction"),
    read("httpApi"),
    read("url"),
    ignored("architecture", HOST_ARCHITECTURE),
    read("runtimeManagement"),
    ignored("tracing", NO_TRACES),
    ignored("vpc", NO_NETWORK),
    ignored("kmsKeyArn", NO_KMS),
    ignored("awsKmsKeyArn", NO_KMS),
    ignored("logDataProtectionPolicy", "logs are not masked"),
    refused("image", "package the function as a zip: container images are not run"),
    refused("fileSystemConfig", "there is no EFS"),
    refused(
        "iamRoleStatements",
        "the plugin serverless-iam-roles-per-function is not run: use `provider.iam.role.statements` or `role`",
    ),
    refused("iamRoleStatementsInherit", "the plugin serverless-iam-roles-per-function is not run"),
];

pub const FUNCTION_HTTP_API: &[Key] = &[read("payload")];

pub const RUNTIME_MANAGEMENT: &[Key] = &[
    read("mode"),
    refused("arn", "functions run on the interpreters that the server's host has: `mode` is auto or onFunctionUpdate"),
];

pub const FUNCTION_URL: &[Key] = &[read("authorizer"), read("cors"), read("invokeMode")];

pub const DESTINATIONS: &[Key] = &[read("onSuccess"), read("onFailure")];

pub const DESTINATION: &[Key] = &[read("type"), read("arn")];

pub const PACKAGE: &[Key] = &[
    read("patterns"),
    read("include"),
    read("exclude"),
    read("individually"),
    read("artifact"),
    silent("path"),
    silent("excludeDevDependencies"),
];

pub const LAYER: &[Key] = &[
    read("path"),
    read("name"),
    read("description"),
    read("package"),
    read("compatibleRuntimes"),
    read("licenseInfo"),
    read("retain"),
    silent("compatibleArchitectures"),
    ignored("allowedAccounts", "there is one account"),
];

pub const WEBSOCKET_EVENT: &[Key] = &[read("route"), read("routeResponseSelectionExpression"), read("authorizer")];

pub const WEBSOCKET_AUTHORIZER: &[Key] = &[read("name"), read("arn"), read("identitySource")];

pub const EVENTS: &[Key] = &[
    read("http"),
    read("httpApi"),
    read("sqs"),
    read("stream"),
    read("schedule"),
    read("websocket"),
    read("s3"),
    read("sns"),
    read("eventBridge"),
    refused("cloudwatchEvent", NO_DOMAIN),
    refused("cloudwatchLog", NO_DOMAIN),
    read("cognitoUserPool"),
    refused("alb", NO_DOMAIN),
    refused("alexaSkill", NO_DOMAIN),
    refused("alexaSmartHome", NO_DOMAIN),
    refused("activemq", NO_DOMAIN),
    refused("rabbitmq", NO_DOMAIN),
    refused("msk", NO_DOMAIN),
    refused("kafka", NO_DOMAIN),
    refused("iot", NO_DOMAIN),
    refused("iotFleetProvisioning", NO_DOMAIN),
    refused("cloudFront", NO_DOMAIN),
];

pub const HTTP_EVENT: &[Key] = &[
    read("path"),
    read("method"),
    read("cors"),
    read("integration"),
    read("operationId"),
    read("request"),
    read("private"),
    read("response"),
    read("authorizer"),
    read("caching"),
    read("async"),
    refused("connectionId", "there are no VPC links: name an endpoint that this machine reaches in `request.uri`"),
    refused("connectionType", "there are no VPC links: name an endpoint that this machine reaches in `request.uri`"),
];

pub const HTTP_REQUEST: &[Key] = &[
    read("parameters"),
    read("template"),
    read("passThrough"),
    read("contentHandling"),
    read("schemas"),
    read("schema"),
    read("uri"),
    read("method"),
];

pub const HTTP_RESPONSE: &[Key] = &[
    read("headers"),
    read("template"),
    read("statusCodes"),
    refused("contentHandling", "set it in a resource of your own: `AWS::ApiGateway::Method`"),
    refused("transferMode", "answers of REST APIs are not streamed: use a function URL"),
];

pub const HTTP_STATUS: &[Key] = &[read("pattern"), read("headers"), read("template")];

pub const HTTP_CORS: &[Key] = &[
    read("origin"),
    read("origins"),
    read("headers"),
    read("methods"),
    read("allowCredentials"),
    read("maxAge"),
    read("cacheControl"),
];

pub const HTTP_AUTHORIZER: &[Key] = &[
    read("name"),
    read("arn"),
    read("type"),
    read("authorizerId"),
    read("resultTtlInSeconds"),
    read("identitySource"),
    read("identityValidationExpression"),
    read("managedExternally"),
    read("scopes"),
    ignored("claims", "functions are told all claims"),
];

pub const HTTP_API_EVENT: &[Key] = &[read("path"), read("method"), read("authorizer")];

pub const HTTP_API_EVENT_AUTHORIZER: &[Key] = &[read("name"), read("id"), read("type"), read("scopes")];

pub const HTTP_API_AUTHORIZER: &[Key] = &[
    read("type"),
    read("name"),
    read("identitySource"),
    read("issuerUrl"),
    read("audience"),
    read("functionName"),
    read("functionArn"),
    read("managedExternally"),
    read("resultTtlInSeconds"),
    read("enableSimpleResponses"),
    read("payloadVersion"),
];

pub const S3_EVENT: &[Key] = &[
    read("bucket"),
    read("event"),
    read("rules"),
    read("existing"),
    ignored("forceDeploy", "what an existing bucket tells is put whenever it changes"),
];

pub const S3_RULE: &[Key] = &[read("prefix"), read("suffix")];

/// A bucket under `provider.s3`: properties of `AWS::S3::Bucket`, with a small letter in front.
pub const S3_BUCKET: &[Key] = &[
    read("name"),
    read("accessControl"),
    read("bucketEncryption"),
    read("bucketName"),
    read("corsConfiguration"),
    read("lifecycleConfiguration"),
    read("loggingConfiguration"),
    read("notificationConfiguration"),
    read("objectLockConfiguration"),
    read("objectLockEnabled"),
    read("ownershipControls"),
    read("publicAccessBlockConfiguration"),
    read("tags"),
    read("versioningConfiguration"),
    read("websiteConfiguration"),
    refused("accelerateConfiguration", NO_SUCH_BUCKETS),
    refused("analyticsConfigurations", NO_SUCH_BUCKETS),
    refused("inventoryConfigurations", NO_SUCH_BUCKETS),
    refused("metricsConfigurations", NO_SUCH_BUCKETS),
    refused("replicationConfiguration", NO_SUCH_BUCKETS),
];

pub const SNS_EVENT: &[Key] = &[
    read("arn"),
    read("topicName"),
    read("displayName"),
    read("filterPolicy"),
    read("filterPolicyScope"),
    read("redrivePolicy"),
    read("kmsMasterKeyId"),
];

pub const USER_POOL_EVENT: &[Key] = &[read("pool"), read("trigger"), read("existing"), silent("forceDeploy")];

pub const SNS_REDRIVE: &[Key] =
    &[read("deadLetterTargetArn"), read("deadLetterTargetRef"), read("deadLetterTargetImport")];

pub const SNS_REDRIVE_IMPORT: &[Key] = &[read("arn"), read("url")];

pub const SQS_EVENT: &[Key] = &[
    read("arn"),
    read("batchSize"),
    read("maximumBatchingWindow"),
    read("functionResponseType"),
    read("enabled"),
    read("filterPatterns"),
    read("maximumConcurrency"),
];

pub const STREAM_EVENT: &[Key] = &[
    read("type"),
    read("arn"),
    read("batchSize"),
    read("startingPosition"),
    read("enabled"),
    read("batchWindow"),
    read("parallelizationFactor"),
    read("maximumRetryAttempts"),
    read("maximumRecordAgeInSeconds"),
    read("bisectBatchOnFunctionError"),
    read("tumblingWindowInSeconds"),
    read("filterPatterns"),
    read("functionResponseType"),
    read("destinations"),
    read("consumer"),
    refused("startingPositionTimestamp", "the framework has it neither: make the mapping in `resources`"),
];

pub const STREAM_DESTINATIONS: &[Key] = &[read("onFailure")];

pub const SCHEDULE_EVENT: &[Key] = &[
    read("rate"),
    read("enabled"),
    read("name"),
    read("description"),
    read("input"),
    read("inputPath"),
    read("inputTransformer"),
    read("method"),
    read("timezone"),
];

pub const EVENT_BRIDGE_EVENT: &[Key] = &[
    read("eventBus"),
    read("pattern"),
    read("schedule"),
    read("enabled"),
    read("name"),
    read("description"),
    read("input"),
    read("inputPath"),
    read("inputTransformer"),
    read("retryPolicy"),
    read("deadLetterQueueArn"),
];

pub const INPUT_TRANSFORMER: &[Key] = &[read("inputPathsMap"), read("inputTemplate")];

pub const RETRY_POLICY: &[Key] = &[read("maximumEventAge"), read("maximumRetryAttempts")];

pub const RESOURCES: &[Key] = &[
    read("Resources"),
    read("Outputs"),
    read("Conditions"),
    read("Mappings"),
    read("Parameters"),
    read("extensions"),
    silent("AWSTemplateFormatVersion"),
    silent("Description"),
    silent("Metadata"),
    refused("Transform", "write the resources out: macros are not run"),
    refused("Rules", "remove it: rules about parameters are not checked"),
];
