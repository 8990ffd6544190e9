//! The settings of a function, between their form on the wire and the stored one.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use serde::{Deserialize, Serialize};

use super::package::CodeInput;
use crate::constraints::Constraints;
use crate::error::Error;
use crate::limits;
use crate::name::{FunctionRef, Qualifier};
use crate::types::{Function, JsonLogs, Settings, Version};

const ROLE_PATTERN: &str = "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+";
const HANDLER_PATTERN: &str = "[^\\s]+";
const LOG_GROUP_PATTERN: &str = "[\\.\\-_/#A-Za-z0-9]+";
pub const ARCHITECTURES: [&str; 2] = ["x86_64", "arm64"];
/// Families of managed runtimes that AWS has and this server does not.
const OTHER_RUNTIMES: [&str; 4] = ["java", "dotnet", "ruby", "go1"];
/// Environment variables that the runtime sets itself.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const RESERVED_VARIABLES: [&str; 17] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_RUNTIME_DIR",
];

/// CreateFunction's input, and UpdateFunctionConfiguration's, which has a part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SettingsInput {
    pub function_name: String,
    pub runtime: Option<String>,
    pub role: Option<String>,
    pub handler: Option<String>,
    pub description: Option<String>,
    pub timeout: Option<i64>,
    pub memory_size: Option<i64>,
    pub environment: Option<Environment>,
    pub layers: Option<Vec<String>>,
    pub dead_letter_config: Option<DeadLetterConfig>,
    pub tracing_config: Option<TracingConfig>,
    pub ephemeral_storage: Option<EphemeralStorage>,
    pub logging_config: Option<LoggingConfig>,
    pub architectures: Option<Vec<String>>,
    pub snap_start: Option<SnapStart>,
    pub vpc_config: Option<VpcConfig>,
    #[serde(rename = "KMSKeyArn")]
    pub kms_key_arn: Option<String>,
    pub file_system_configs: Vec<serde_json::Value>,
    pub image_config: Option<serde_json::Value>,
    pub code_signing_config_arn: Option<String>,
    pub durable_config: Option<serde_json::Value>,
    pub tenancy_config: Option<serde_json::Value>,
    pub capacity_provider_config: Option<serde_json::Value>,
    /// Only to update.
    pub revision_id: Option<String>,
    /// Only to create, like all that follow.
    pub code: Option<CodeInput>,
    pub package_type: Option<String>,
    pub publish: bool,
    pub tags: BTreeMap<String, String>,
}

pub fn images() -> Error {
    Error::NotImplemented("PackageType Image (container images)".into())
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Environment {
    pub variables: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_arn: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TracingConfig {
    pub mode: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EphemeralStorage {
    pub size: Option<i64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LoggingConfig {
    pub log_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_log_level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_log_level: Option<String>,
    pub log_group: Option<String>,
}

const APPLICATION_LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const SYSTEM_LEVELS: [&str; 3] = ["DEBUG", "INFO", "WARN"];
const LEVEL_DEFAULT: &str = "INFO";

impl LoggingConfig {
    /// The levels after this request; `before` has those that it does not state.
    fn json_logs(&self, before: Option<&JsonLogs>) -> Result<Option<JsonLogs>, Error> {
        let json = match self.log_format.as_deref() {
            Some(format) => format == "JSON",
            None => before.is_some(),
        };
        let levels = (&self.application_log_level, &self.system_log_level);
        if !json {
            return match levels {
                (None, None) => Ok(None),
                _ => Err(Error::invalid("Log levels can only be set when LogFormat is JSON.")),
            };
        }
        let level = |stated: &Option<String>, before: Option<&String>| {
            stated.as_ref().or(before).cloned().unwrap_or_else(|| LEVEL_DEFAULT.into())
        };
        Ok(Some(JsonLogs {
            application_level: level(levels.0, before.map(|logs| &logs.application_level)),
            system_level: level(levels.1, before.map(|logs| &logs.system_level)),
        }))
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SnapStart {
    pub apply_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimization_status: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VpcConfig {
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LayerOutput {
    pub arn: String,
    pub code_size: u64,
}

impl SettingsInput {
    /// What this server does not do is refused, rather than kept and not done.
    pub fn check_supported(&self) -> Result<(), Error> {
        let in_vpc = |vpc: &VpcConfig| !vpc.subnet_ids.is_empty() || !vpc.security_group_ids.is_empty();
        let unsupported = [
            (self.image_config.is_some(), "ImageConfig (container images)"),
            (self.vpc_config.as_ref().is_some_and(in_vpc), "VpcConfig"),
            (self.kms_key_arn.as_deref().is_some_and(|key| !key.is_empty()), "KMSKeyArn"),
            (!self.file_system_configs.is_empty(), "FileSystemConfigs"),
            (self.code_signing_config_arn.is_some(), "CodeSigningConfigArn"),
            (self.durable_config.is_some(), "DurableConfig"),
            (self.tenancy_config.is_some(), "TenancyConfig"),
            (self.capacity_provider_config.is_some(), "CapacityProviderConfig"),
        ];
        match unsupported.iter().find(|(asked, _)| *asked) {
            Some((_, what)) => Err(Error::NotImplemented((*what).into())),
            None => Ok(()),
        }
    }

    /// The constraints of the API's model.
    pub fn check_constraints(&self, mut constraints: Constraints) -> Result<(), Error> {
        let no_space = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
        constraints.pattern(self.role.as_deref(), "role", ROLE_PATTERN, |role| role_arn(role).is_some());
        constraints.length(self.handler.as_deref(), "handler", limits::HANDLER_CHARACTERS_MAX);
        constraints.pattern(self.handler.as_deref(), "handler", HANDLER_PATTERN, no_space);
        constraints.length(self.description.as_deref(), "description", limits::DESCRIPTION_CHARACTERS_MAX);
        constraints.range(self.timeout, "timeout", &limits::TIMEOUT_SECONDS_RANGE);
        constraints.range(self.memory_size, "memorySize", &limits::MEMORY_MB_RANGE);
        let storage = self.ephemeral_storage.as_ref().and_then(|storage| storage.size);
        constraints.range(storage, "ephemeralStorage.size", &limits::EPHEMERAL_STORAGE_MB_RANGE);
        for architecture in self.architectures.iter().flatten() {
            constraints.one_of(Some(architecture), "architectures", &ARCHITECTURES);
        }
        let mode = self.tracing_config.as_ref().and_then(|tracing| tracing.mode.as_deref());
        constraints.one_of(mode, "tracingConfig.mode", &["Active", "PassThrough"]);
        let apply_on = self.snap_start.as_ref().and_then(|snap_start| snap_start.apply_on.as_deref());
        constraints.one_of(apply_on, "snapStart.applyOn", &["PublishedVersions", "None"]);
        if let Some(logging) = &self.logging_config {
            constraints.one_of(logging.log_format.as_deref(), "loggingConfig.logFormat", &["JSON", "Text"]);
            let level = logging.application_log_level.as_deref();
            constraints.one_of(level, "loggingConfig.applicationLogLevel", &APPLICATION_LEVELS);
            constraints.one_of(logging.system_log_level.as_deref(), "loggingConfig.systemLogLevel", &SYSTEM_LEVELS);
        }
        let group = self.logging_config.as_ref().and_then(|logging| logging.log_group.as_deref());
        constraints.pattern(group, "loggingConfig.logGroup", LOG_GROUP_PATTERN, is_log_group);
        for name in self.environment.iter().flat_map(|environment| environment.variables.keys()) {
            constraints.pattern(Some(name), "environment.variables", "[a-zA-Z]([a-zA-Z0-9_])+", is_variable);
        }
        Ok(constraints.check()?)
    }

    /// The settings in force after this request; `base` has what it does not state.
    pub fn apply(&self, base: &Settings) -> Result<Settings, Error> {
        let mut settings = base.clone();
        if let Some(runtime) = &self.runtime {
            settings.runtime = check_runtime(runtime)?;
        }
        if let Some(handler) = &self.handler {
            settings.handler = handler.clone();
        }
        if let Some(role) = self.role.as_deref().and_then(role_arn) {
            settings.role = role;
        }
        if let Some(environment) = &self.environment {
            settings.environment = check_environment(&environment.variables)?;
        }
        if let Some(config) = &self.dead_letter_config {
            settings.dead_letter = config.target_arn.as_deref().map_or(Ok(None), dead_letter)?;
        }
        if let Some(tracing) = &self.tracing_config {
            settings.tracing = tracing.mode.as_deref() == Some("Active");
        }
        if let Some(logging) = &self.logging_config {
            settings.json_logs = logging.json_logs(settings.json_logs.as_ref())?;
            settings.log_group = logging.log_group.clone();
        }
        if let Some(snap_start) = &self.snap_start {
            settings.snap_start = snap_start.apply_on.as_deref() == Some("PublishedVersions");
        }
        check_snap_start(&settings)?;
        if let Some(architecture) = self.architectures.iter().flatten().next() {
            settings.architecture = architecture.clone();
        }
        let number =
            |value: Option<i64>, before: u32| value.and_then(|value| u32::try_from(value).ok()).unwrap_or(before);
        settings.timeout_seconds = number(self.timeout, settings.timeout_seconds);
        settings.memory_mb = number(self.memory_size, settings.memory_mb);
        let storage = self.ephemeral_storage.as_ref().and_then(|storage| storage.size);
        settings.ephemeral_storage_mb = number(storage, settings.ephemeral_storage_mb);
        Ok(settings)
    }

    /// The settings of a new function.
    pub fn create(&self) -> Result<Settings, Error> {
        let (Some(runtime), Some(handler)) = (&self.runtime, &self.handler) else {
            return Err(Error::invalid(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            ));
        };
        let role = self.role.as_deref().and_then(role_arn);
        let role = role.ok_or_else(|| Error::invalid("The role defined for the function is not an ARN."))?;
        self.apply(&Settings::new(runtime.clone(), handler.clone(), role))
    }
}

/// The ARN of a role, and of nothing else.
pub fn role_arn(text: &str) -> Option<Arn> {
    let arn: Arn = text.parse().ok()?;
    let name = arn.resource.strip_prefix("role/")?;
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&byte);
    let account = arn.account.len() == 12 && arn.account.bytes().all(|byte| byte.is_ascii_digit());
    (arn.service == "iam" && arn.region.is_empty() && account && !name.is_empty() && name.bytes().all(valid))
        .then_some(arn)
}

fn is_log_group(text: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte);
    (1..=512).contains(&text.len()) && text.bytes().all(valid)
}

fn is_variable(name: &str) -> bool {
    name.len() >= 2
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Any version of the runtimes that this server has: which ones the host can run shows at the first invocation.
pub fn check_runtime(runtime: &str) -> Result<String, Error> {
    let minor = |version: &str| version.parse::<u8>().is_ok();
    let python = runtime.strip_prefix("python3.").is_some_and(minor);
    let node = runtime.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x")).is_some_and(minor);
    if python || node || ["provided", "provided.al2", "provided.al2023"].contains(&runtime) {
        return Ok(runtime.to_owned());
    }
    if OTHER_RUNTIMES.iter().any(|family| runtime.starts_with(family)) {
        return Err(Error::invalid(format!(
            "The runtime {runtime} is not implemented by Cloudlet, which runs python3.x, nodejsN.x and provided (any compiled language)."
        )));
    }
    Err(Error::invalid(format!(
        "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [python3.x, nodejsN.x, provided, provided.al2, provided.al2023] or be a valid ARN"
    )))
}

/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes>
fn check_snap_start(settings: &Settings) -> Result<(), Error> {
    let minor = settings.runtime.strip_prefix("python3.").and_then(|minor| minor.parse::<u8>().ok());
    if settings.snap_start && minor.is_none_or(|minor| minor < 12) {
        return Err(Error::invalid(format!("{} is not supported for SnapStart enabled functions.", settings.runtime)));
    }
    Ok(())
}

fn check_environment(variables: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
    let reserved: Vec<&str> =
        variables.keys().map(String::as_str).filter(|name| RESERVED_VARIABLES.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(Error::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    let measured = serde_json::to_string(variables).map_err(|error| Error::Internal(error.to_string()))?;
    if measured.len() > limits::ENVIRONMENT_BYTES_MAX {
        return Err(Error::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {measured}"
        )));
    }
    Ok(variables.clone())
}

/// An empty ARN removes the queue or topic.
fn dead_letter(arn: &str) -> Result<Option<Arn>, Error> {
    if arn.is_empty() {
        return Ok(None);
    }
    match arn.parse::<Arn>() {
        Ok(arn) if matches!(arn.service.as_str(), "sqs" | "sns") => Ok(Some(arn)),
        _ => Err(Error::invalid("The provided DLQ ARN is not an ARN of a queue or a topic.")),
    }
}

/// A version of a function as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Configuration {
    pub function_name: String,
    pub function_arn: String,
    pub runtime: String,
    pub role: String,
    pub handler: String,
    pub code_size: u64,
    pub description: String,
    pub timeout: u32,
    pub memory_size: u32,
    pub last_modified: String,
    pub code_sha256: String,
    pub version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    pub tracing_config: TracingConfig,
    pub revision_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerOutput>,
    pub state: &'static str,
    pub last_update_status: &'static str,
    pub package_type: &'static str,
    pub architectures: Vec<String>,
    pub ephemeral_storage: EphemeralStorage,
    pub snap_start: SnapStart,
    pub logging_config: LoggingConfig,
}

impl Configuration {
    /// `arn` is the one that the request is about: with the qualifier that it used.
    pub fn new(function: &Function, version: Version, arn: &Arn) -> Configuration {
        let optimized = version.number > 0 && version.settings.snap_start;
        let Version { settings, .. } = version;
        let layers = version.layers.iter();
        Configuration {
            function_name: function.name.clone(),
            function_arn: arn.to_string(),
            runtime: settings.runtime,
            role: settings.role.to_string(),
            handler: settings.handler,
            code_size: version.code.bytes,
            description: version.description,
            timeout: settings.timeout_seconds,
            memory_size: settings.memory_mb,
            last_modified: timestamp(version.modified),
            code_sha256: version.code.sha256(),
            version: version_name(version.number),
            dead_letter_config: settings.dead_letter.map(|arn| DeadLetterConfig { target_arn: Some(arn.to_string()) }),
            environment: (!settings.environment.is_empty()).then_some(Environment { variables: settings.environment }),
            tracing_config: TracingConfig {
                mode: Some(if settings.tracing { "Active" } else { "PassThrough" }.into()),
            },
            revision_id: version.revision,
            layers: layers
                .map(|layer| LayerOutput { arn: layer.arn.to_string(), code_size: layer.code.bytes })
                .collect(),
            state: "Active",
            last_update_status: "Successful",
            package_type: "Zip",
            architectures: vec![settings.architecture],
            ephemeral_storage: EphemeralStorage { size: Some(settings.ephemeral_storage_mb.into()) },
            snap_start: SnapStart {
                apply_on: Some(if settings.snap_start { "PublishedVersions" } else { "None" }.into()),
                optimization_status: Some(if optimized { "On" } else { "Off" }.into()),
            },
            logging_config: LoggingConfig {
                log_format: Some(if settings.json_logs.is_some() { "JSON" } else { "Text" }.into()),
                application_log_level: settings.json_logs.as_ref().map(|logs| logs.application_level.clone()),
                system_log_level: settings.json_logs.map(|logs| logs.system_level),
                log_group: Some(settings.log_group.unwrap_or_else(|| default_log_group(&function.name))),
            },
        }
    }

    /// A published version or `$LATEST` under its own ARN, as lists and PublishVersion show it.
    pub fn of_version(function: &Function, version: Version) -> Configuration {
        let qualifier = if version.number == 0 { Qualifier::Latest } else { Qualifier::Version(version.number) };
        let arn = Arn { resource: format!("{}:{qualifier}", function.arn.resource), ..function.arn.clone() };
        Configuration::new(function, version, &arn)
    }

    pub fn of_reference(function: &Function, version: Version, reference: &FunctionRef) -> Configuration {
        Configuration::new(function, version, &reference.qualified_arn())
    }
}

/// `$LATEST`, or the number.
pub fn version_name(number: u64) -> String {
    if number == 0 { "$LATEST".into() } else { number.to_string() }
}

pub fn default_log_group(name: &str) -> String {
    format!("/aws/lambda/{name}")
}

/// As Lambda writes moments: `2026-11-24T18:08:13.000+0000`.
pub fn timestamp(moment: Timestamp) -> String {
    moment.utc().strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}
