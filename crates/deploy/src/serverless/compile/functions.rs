//! Functions with their log groups and versions, and layers.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Compiler, attribute, invoked, tag_list, without_nulls};
use crate::serverless::config::{Destination, Function, HttpApiCors};
use crate::serverless::naming;

impl Compiler<'_> {
    pub(super) fn functions(&mut self) {
        for function in &self.service.functions {
            if !function.disable_logs {
                self.log_group(function);
            }
            self.function(function);
            self.event_invoke_config(function);
            self.url(function);
        }
    }

    fn log_group(&mut self, function: &Function) {
        let properties = without_nulls(json!({
            "LogGroupName": naming::log_group_name(&function.name),
            "RetentionInDays": function.log_retention,
        }));
        let resource = json!({"Type": "AWS::Logs::LogGroup", "Properties": properties});
        self.add(&naming::log_group(&function.key), resource, &function.at);
    }

    fn function(&mut self, function: &Function) {
        let environment = (!function.environment.is_empty()).then(|| json!({"Variables": function.environment}));
        let properties = without_nulls(json!({
            "Code": {"Package": self.hashes.functions.get(&function.key)},
            "Handler": function.handler,
            "Runtime": function.runtime,
            "FunctionName": function.name,
            "MemorySize": function.memory_size,
            "Timeout": function.timeout,
            "Description": function.description,
            "Tags": (!function.tags.is_empty()).then(|| tag_list(&function.tags)),
            "EphemeralStorage": function.ephemeral_storage.map(|size| json!({"Size": size})),
            "DeadLetterConfig": function.on_error.as_ref().map(|arn| json!({"TargetArn": arn})),
            "Environment": environment,
            "Role": self.role_of(function),
            "ReservedConcurrentExecutions": function.reserved_concurrency,
            "SnapStart": function.snap_start.then(|| json!({"ApplyOn": "PublishedVersions"})),
            "RuntimeManagementConfig": function.update_runtime_on.map(|when| json!({"UpdateRuntimeOn": when})),
            "Layers": function.layers,
        }));
        let mut depends_on = function.depends_on.clone();
        if !function.disable_logs {
            depends_on.insert(0, naming::log_group(&function.key));
        }
        let resource = without_nulls(json!({
            "Type": "AWS::Lambda::Function",
            "Properties": properties,
            "Condition": function.condition,
            "DependsOn": (!depends_on.is_empty()).then_some(depends_on),
        }));
        let id = naming::function(&function.key);
        for (name, at) in &function.environment_at {
            self.template.origins.insert(format!("Resources/{id}/Properties/Environment/Variables/{name}"), at.clone());
        }
        self.add(&id, resource, &function.at);
        if let Some(arn) = &function.on_error
            && self.made_role_of(function).is_some()
        {
            let statement = json!({"Effect": "Allow", "Action": ["sqs:SendMessage", "sns:Publish"], "Resource": [arn]});
            self.allow(statement);
        }
    }

    fn event_invoke_config(&mut self, function: &Function) {
        let success =
            function.on_success_destination.as_ref().map(|destination| self.destination(function, destination));
        let failure =
            function.on_failure_destination.as_ref().map(|destination| self.destination(function, destination));
        if success.is_none()
            && failure.is_none()
            && function.maximum_event_age.is_none()
            && function.maximum_retry_attempts.is_none()
        {
            return;
        }
        let destinations = without_nulls(json!({
            "OnSuccess": success.map(|arn| json!({"Destination": arn})),
            "OnFailure": failure.map(|arn| json!({"Destination": arn})),
        }));
        let properties = without_nulls(json!({
            "FunctionName": {"Ref": naming::function(&function.key)},
            "Qualifier": function.alias().unwrap_or("$LATEST"),
            "DestinationConfig": destinations,
            "MaximumEventAgeInSeconds": function.maximum_event_age,
            "MaximumRetryAttempts": function.maximum_retry_attempts,
        }));
        let resource = json!({
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": properties,
            "DependsOn": function.alias().map(|alias| naming::alias(&function.key, alias)),
        });
        let resource = without_nulls(resource);
        self.add(&naming::event_invoke_config(&function.key), resource, &function.at);
    }

    /// The function's URL, and everybody's permission to use one that nobody has to sign for.
    fn url(&mut self, function: &Function) {
        let Some(url) = &function.url else { return };
        let kind = if url.signed { "AWS_IAM" } else { "NONE" };
        let arn = attribute(&naming::function(&function.key), "Arn");
        let properties = without_nulls(json!({
            "TargetFunctionArn": arn,
            "Qualifier": function.alias(),
            "AuthType": kind,
            "Cors": url.cors.as_ref().map(url_cors),
            "InvokeMode": url.invoke_mode,
        }));
        let id = naming::url(&function.key);
        let depends_on = function.alias().map(|alias| naming::alias(&function.key, alias));
        let resource = json!({"Type": "AWS::Lambda::Url", "Properties": properties, "DependsOn": depends_on});
        self.add(&id, without_nulls(resource), &function.at);
        let output = json!({"Description": "Lambda Function URL", "Value": attribute(&id, "FunctionUrl")});
        self.template.outputs.insert(id, output);
        if url.signed {
            return;
        }
        let properties = json!({
            "FunctionName": invoked(function),
            "Action": "lambda:InvokeFunctionUrl",
            "Principal": "*",
            "FunctionUrlAuthType": kind,
        });
        let permission = json!({"Type": "AWS::Lambda::Permission", "Properties": properties});
        self.add(&naming::url_permission(&function.key), permission, &function.at);
        // The framework's version 3 is older than this rule, and makes URLs that nobody may use.
        let properties = json!({
            "FunctionName": invoked(function),
            "Action": "lambda:InvokeFunction",
            "Principal": "*",
            "InvokedViaFunctionUrl": true,
        });
        let permission = json!({"Type": "AWS::Lambda::Permission", "Properties": properties});
        self.add(&naming::url_invocation(&function.key), permission, &function.at);
    }

    /// A destination's ARN; the made role is allowed to send to it.
    pub(super) fn destination(&mut self, function: &Function, destination: &Destination) -> Value {
        let (kind, arn) = match destination {
            Destination::Typed { kind, arn } => (kind.clone(), arn.clone()),
            Destination::Arn(arn) => {
                let service = arn.as_str().and_then(|arn| arn.split(':').nth(2)).unwrap_or("lambda");
                let kind = match service {
                    "sqs" | "sns" => service,
                    "events" => "eventBus",
                    _ => "function",
                };
                (kind.to_string(), arn.clone())
            }
            Destination::Function(key) => {
                if self.service.functions.iter().all(|other| other.key != *key) {
                    self.diagnostics
                        .error(&function.at, format!("`{key}` is not a function of this service, nor an ARN"));
                }
                ("function".into(), attribute(&naming::function(key), "Arn"))
            }
        };
        let action = match kind.as_str() {
            "sqs" => "sqs:SendMessage",
            "sns" => "sns:Publish",
            "eventBus" => "events:PutEvents",
            _ => "lambda:InvokeFunction",
        };
        if self.made_role_of(function).is_some() {
            // Another function's own ARN would make a cycle: its role would need the function that needs the role.
            let resource = match destination {
                Destination::Function(key) => self.function_arn_by_name(key),
                _ => arn.clone(),
            };
            let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
            self.allow(statement);
        }
        arn
    }

    fn function_arn_by_name(&self, key: &str) -> Value {
        let name =
            self.service.functions.iter().find(|function| function.key == key).map_or(key, |function| &function.name);
        json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{name}")})
    }

    /// A version for each function that wants one. Its logical id changes with the function's code and configuration,
    /// because a version is made once and never updated; earlier versions stay.
    pub(super) fn versions(&mut self) {
        for function in &self.service.functions {
            let alias = function.alias();
            if alias.is_none() && !function.version.unwrap_or(self.service.provider.version_functions) {
                continue;
            }
            let id = naming::function(&function.key);
            let Some(Value::Object(mut properties)) =
                self.template.resources.get(&id).and_then(|resource| resource.get("Properties")).cloned()
            else {
                continue;
            };
            for unversioned in ["ReservedConcurrentExecutions", "Tags"] {
                properties.remove(unversioned);
            }
            let layers: Vec<_> = self.hashes.layers.values().collect();
            let digest = digest(&[&Value::Object(properties), &json!(layers)]);
            let version = naming::version(&function.key, &digest);
            let properties = without_nulls(json!({"FunctionName": {"Ref": id}, "Description": function.description}));
            let resource = without_nulls(json!({
                "Type": "AWS::Lambda::Version",
                "DeletionPolicy": "Retain",
                "Properties": properties,
                "Condition": function.condition,
            }));
            self.add(&version, resource, &function.at);
            if let Some(alias) = alias {
                self.alias(function, alias, &version);
            }
            let output = without_nulls(json!({
                "Description": "Current Lambda function version",
                "Value": {"Ref": version},
                "Condition": function.condition,
            }));
            self.template.outputs.insert(naming::version_output(&function.key), output);
        }
    }

    /// The alias that triggers call.
    fn alias(&mut self, function: &Function, name: &str, version: &str) {
        let ready = function.provisioned_concurrency;
        let properties = without_nulls(json!({
            "FunctionName": {"Ref": naming::function(&function.key)},
            "FunctionVersion": attribute(version, "Version"),
            "Name": name,
            "ProvisionedConcurrencyConfig": ready.map(|ready| json!({"ProvisionedConcurrentExecutions": ready})),
        }));
        let resource = without_nulls(json!({
            "Type": "AWS::Lambda::Alias",
            "Properties": properties,
            "Condition": function.condition,
        }));
        self.add(&naming::alias(&function.key, name), resource, &function.at);
    }

    pub(super) fn layers(&mut self) {
        for layer in &self.service.layers {
            let hash = self.hashes.layers.get(&layer.key);
            let properties = without_nulls(json!({
                "Content": {"Package": hash},
                "LayerName": layer.name,
                "Description": layer.description,
                "LicenseInfo": layer.license,
                "CompatibleRuntimes": layer.compatible_runtimes,
            }));
            let mut resource = json!({"Type": "AWS::Lambda::LayerVersion", "Properties": properties});
            let mut id = naming::layer(&layer.key);
            if layer.retain {
                id = format!("{id}{}", digest(&[&resource]));
                resource["DeletionPolicy"] = json!("Retain");
            }
            self.add(&id, resource, &layer.at);
            let output = json!({"Description": "Current Lambda layer version", "Value": {"Ref": id}});
            self.template.outputs.insert(format!("{}QualifiedArn", naming::layer(&layer.key)), output);
        }
    }
}

/// A short text, fit for a logical id, that stands for these values.
pub fn digest(values: &[&Value]) -> String {
    let mut hash = Sha256::new();
    for value in values {
        hash.update(value.to_string());
    }
    hex::encode(hash.finalize()).chars().take(32).collect()
}

/// The rules of a function URL, with the framework's defaults.
/// Source: <https://www.serverless.com/framework/docs/providers/aws/guide/functions#cors>
fn url_cors(cors: &HttpApiCors) -> Value {
    const HEADERS: [&str; 5] = ["Content-Type", "X-Amz-Date", "Authorization", "X-Api-Key", "X-Amz-Security-Token"];
    let or =
        |list: &Option<Vec<String>>, default: &[&str]| list.as_ref().map_or_else(|| json!(default), |list| json!(list));
    without_nulls(json!({
        "AllowOrigins": or(&cors.origins, &["*"]),
        "AllowHeaders": or(&cors.headers, &HEADERS),
        "AllowMethods": or(&cors.methods, &["*"]),
        "ExposeHeaders": cors.exposed_headers,
        "AllowCredentials": cors.credentials.then_some(true),
        "MaxAge": cors.max_age,
    }))
}
