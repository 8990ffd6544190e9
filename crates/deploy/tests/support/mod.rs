//! A cloud in memory: it keeps what it is given, records every call, and fails where it is told to.

#![allow(dead_code, reason = "each test binary uses its own part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "this is a part of tests")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use deploy::{CallError, Cloud};
use serde_json::{Map, Value, json};

#[derive(Default)]
pub struct FakeCloud {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Everything there is: `sqs/queue-name` and so on.
    world: BTreeMap<String, Value>,
    stacks: BTreeMap<String, Value>,
    packages: BTreeMap<String, Vec<u8>>,
    calls: Vec<String>,
    /// The calls from now on until one fails.
    fail_at: Option<usize>,
    fail_on: Option<(String, String)>,
    ids: usize,
}

type Answer = Result<Value, CallError>;

impl FakeCloud {
    pub fn world(&self) -> BTreeMap<String, Value> {
        self.inner.lock().unwrap().world.clone()
    }

    pub fn packages(&self) -> Vec<String> {
        self.inner.lock().unwrap().packages.keys().cloned().collect()
    }

    pub fn stack(&self, name: &str) -> Option<Value> {
        self.inner.lock().unwrap().stacks.get(name).cloned()
    }

    /// The calls since the last time, as `service:Operation name`.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().unwrap().calls)
    }

    /// The `calls`th call from now fails, once.
    pub fn fail_after(&self, calls: usize) {
        self.inner.lock().unwrap().fail_at = Some(calls);
    }

    pub fn never_fail(&self) {
        let mut inner = self.inner.lock().unwrap();
        (inner.fail_at, inner.fail_on) = (None, None);
    }

    /// Calls of `operation` about what contains `name` fail.
    pub fn fail_on(&self, operation: &str, name: &str) {
        self.inner.lock().unwrap().fail_on = Some((operation.into(), name.into()));
    }

    /// Somebody else deletes something.
    pub fn lose(&self, key: &str) {
        self.inner.lock().unwrap().world.remove(key).expect("it was there");
    }
}

#[async_trait]
impl Cloud for FakeCloud {
    async fn call(&self, service: &str, operation: &str, input: Value) -> Answer {
        self.inner.lock().unwrap().call(service, operation, &input)
    }

    async fn send(&self, service: &str, operation: &str, input: Value, _: &[u8]) -> Answer {
        self.inner.lock().unwrap().call(service, operation, &input)
    }

    fn account(&self) -> &str {
        "000000000000"
    }

    fn region(&self) -> &str {
        "us-east-1"
    }

    fn endpoint(&self) -> &str {
        "http://127.0.0.1:4566"
    }

    async fn load_stack(&self, name: &str) -> Result<Option<Value>, CallError> {
        Ok(self.stack(name))
    }

    async fn save_stack(&self, name: &str, state: &Value) -> Result<(), CallError> {
        self.inner.lock().unwrap().stacks.insert(name.into(), state.clone());
        Ok(())
    }

    async fn delete_stack(&self, name: &str) -> Result<(), CallError> {
        self.inner.lock().unwrap().stacks.remove(name);
        Ok(())
    }

    async fn list_stacks(&self) -> Result<Vec<String>, CallError> {
        Ok(self.inner.lock().unwrap().stacks.keys().cloned().collect())
    }

    async fn load_package(&self, sha256: &str) -> Result<Option<Vec<u8>>, CallError> {
        Ok(self.inner.lock().unwrap().packages.get(sha256).cloned())
    }

    async fn save_package(&self, sha256: &str, bytes: &[u8]) -> Result<(), CallError> {
        self.inner.lock().unwrap().packages.insert(sha256.into(), bytes.to_vec());
        Ok(())
    }

    async fn delete_package(&self, sha256: &str) -> Result<(), CallError> {
        self.inner.lock().unwrap().packages.remove(sha256);
        Ok(())
    }
}

fn absent(what: &str) -> CallError {
    CallError::new("ResourceNotFoundException", format!("{what} does not exist"), 404)
}

fn text<'a>(input: &'a Value, member: &str) -> &'a str {
    input.get(member).and_then(Value::as_str).unwrap_or_else(|| panic!("{member} is missing in {input}"))
}

/// The member that names what an operation is about.
const NAMES: &[&str] = &[
    "QueueName",
    "QueueUrl",
    "TableName",
    "logGroupName",
    "UUID",
    "StatementId",
    "PolicyName",
    "PolicyArn",
    "RoleName",
    "UserName",
    "FunctionName",
    "LayerName",
    "Name",
    "routeId",
    "routeKey",
    "integrationId",
    "deploymentId",
    "stageName",
    "apiId",
    "pathPart",
    "resourceId",
    "restApiId",
    "name",
    "Rule",
    "ArchiveName",
];

impl Inner {
    fn call(&mut self, service: &str, operation: &str, input: &Value) -> Answer {
        let about = NAMES
            .iter()
            .find_map(|name| input.get(*name))
            .map(|name| name.as_str().unwrap_or_default().to_string())
            .unwrap_or_default();
        self.calls.push(format!("{service}:{operation} {about}"));
        if let Some(left) = self.fail_at {
            self.fail_at = left.checked_sub(1);
            if left == 0 {
                return Err(CallError::new("InternalFailure", "told to fail", 500));
            }
        }
        if self.fail_on.as_ref().is_some_and(|(failing, name)| failing == operation && about.contains(name.as_str())) {
            return Err(CallError::new("InternalFailure", "told to fail", 500));
        }
        match service {
            "sqs" => self.sqs(operation, input),
            "dynamodb" => self.dynamodb(operation, input),
            "iam" => self.iam(operation, input),
            "events" => self.events(operation, input),
            "logs" => self.logs(operation, input),
            "lambda" => self.lambda(operation, input),
            "apigatewayv2" => self.api_v2(operation, input),
            "apigateway" => self.api(operation, input),
            _ => panic!("{service}:{operation} is not known"),
        }
    }

    fn events(&mut self, operation: &str, input: &Value) -> Answer {
        let arn = |kind: &str, name: &str| json!(format!("arn:aws:events:us-east-1:000000000000:{kind}/{name}"));
        match operation {
            "PutRule" => Ok(json!({"RuleArn": arn("rule", text(input, "Name"))})),
            "CreateEventBus" => Ok(json!({"EventBusArn": arn("event-bus", text(input, "Name"))})),
            "CreateArchive" => Ok(json!({"ArchiveArn": arn("archive", text(input, "ArchiveName"))})),
            _ => Ok(json!({})),
        }
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("id{}", self.ids)
    }

    fn create(&mut self, key: String, value: Value) -> Result<(), CallError> {
        if self.world.contains_key(&key) {
            return Err(CallError::new("ResourceAlreadyExistsException", format!("{key} is there"), 400));
        }
        self.world.insert(key, value);
        Ok(())
    }

    fn get(&mut self, key: &str) -> Result<&mut Value, CallError> {
        self.world.get_mut(key).ok_or_else(|| absent(key))
    }

    fn remove(&mut self, key: &str) -> Answer {
        self.world.remove(key).ok_or_else(|| absent(key))
    }

    /// Lays members over a stored value's.
    fn merge(&mut self, key: &str, member: &str, values: &Value) -> Answer {
        let stored = self.get(key)?;
        let target = stored.as_object_mut().unwrap().entry(member).or_insert_with(|| json!({}));
        for (name, value) in values.as_object().unwrap() {
            target[name] = value.clone();
        }
        Ok(json!({}))
    }

    fn unset(&mut self, key: &str, member: &str, names: &Value) -> Answer {
        let stored = self.get(key)?[member].as_object_mut().unwrap();
        for name in names.as_array().unwrap() {
            stored.remove(name.as_str().unwrap());
        }
        Ok(json!({}))
    }

    fn sqs(&mut self, operation: &str, input: &Value) -> Answer {
        let key = |url: &str| format!("sqs/{}", url.rsplit('/').next().unwrap());
        match operation {
            "CreateQueue" => {
                let name = text(input, "QueueName");
                let mut attributes = input["Attributes"].as_object().unwrap().clone();
                attributes.retain(|name, value| name != "DelaySeconds" || value != "0");
                self.create(key(name), json!({"Attributes": attributes, "Tags": input["tags"]}))?;
                Ok(json!({"QueueUrl": format!("http://127.0.0.1:4566/000000000000/{name}")}))
            }
            "SetQueueAttributes" => {
                let key = key(text(input, "QueueUrl"));
                self.merge(&key, "Attributes", &input["Attributes"])?;
                // No delay is no delay, said or not.
                self.get(&key)?["Attributes"]
                    .as_object_mut()
                    .unwrap()
                    .retain(|name, value| name != "DelaySeconds" || value != "0");
                Ok(json!({}))
            }
            "TagQueue" => self.merge(&key(text(input, "QueueUrl")), "Tags", &input["Tags"]),
            "UntagQueue" => self.unset(&key(text(input, "QueueUrl")), "Tags", &input["TagKeys"]),
            "DeleteQueue" => {
                let (url, key) = (text(input, "QueueUrl"), key(text(input, "QueueUrl")));
                // Stricter than AWS: what others name cannot go, so that a wrong order is an error.
                let naming =
                    |queue: &Value| queue["Tags"].as_object().is_some_and(|tags| tags.values().any(|tag| tag == url));
                if let Some((other, _)) = self.world.iter().find(|(other, queue)| **other != key && naming(queue)) {
                    return Err(CallError::new("InUse", format!("{other} names {url}"), 400));
                }
                self.remove(&key)
            }
            _ => panic!("sqs:{operation}"),
        }
    }

    fn dynamodb(&mut self, operation: &str, input: &Value) -> Answer {
        let key = format!("dynamodb/{}", text(input, "TableName"));
        match operation {
            "CreateTable" => self.create(key, input.clone()).map(|()| json!({})),
            "DescribeTable" => {
                let name = text(input, "TableName");
                let arn = format!("arn:aws:dynamodb:us-east-1:000000000000:table/{name}");
                self.get(&key)?;
                Ok(json!({"Table": {"TableStatus": "ACTIVE", "TableArn": arn}}))
            }
            "UpdateTable" => self.merge(&key, "Updated", input),
            "UpdateTimeToLive" => self.merge(&key, "TimeToLive", &input["TimeToLiveSpecification"]),
            "UpdateContinuousBackups" => self.merge(&key, "Recovery", &input["PointInTimeRecoverySpecification"]),
            "DeleteTable" => self.remove(&key),
            _ => panic!("dynamodb:{operation}"),
        }
    }

    fn iam(&mut self, operation: &str, input: &Value) -> Answer {
        let owner = || match input.get("RoleName") {
            Some(name) => format!("iam/role/{}", name.as_str().unwrap()),
            None => format!("iam/user/{}", text(input, "UserName")),
        };
        match operation {
            "CreateRole" | "CreateUser" => {
                self.create(owner(), json!({"Made": input, "Policies": {}, "Attached": {}}))?;
                let kind = operation.trim_start_matches("Create");
                let name = input.get("RoleName").or(input.get("UserName")).unwrap().as_str().unwrap();
                Ok(
                    json!({kind: {"Arn": format!("arn:aws:iam::000000000000:{}/{name}", kind.to_lowercase()), "RoleId": "AROA"}}),
                )
            }
            "UpdateAssumeRolePolicy" => {
                self.merge(&owner(), "Made", &json!({"AssumeRolePolicyDocument": input["PolicyDocument"]}))
            }
            "UpdateRole" => self.merge(&owner(), "Made", input),
            "PutRolePolicy" | "PutUserPolicy" => {
                self.merge(&owner(), "Policies", &json!({text(input, "PolicyName"): input["PolicyDocument"]}))
            }
            "DeleteRolePolicy" | "DeleteUserPolicy" => self.unset(&owner(), "Policies", &json!([input["PolicyName"]])),
            "AttachRolePolicy" | "AttachUserPolicy" => {
                self.merge(&owner(), "Attached", &json!({text(input, "PolicyArn"): true}))
            }
            "DetachRolePolicy" | "DetachUserPolicy" => self.unset(&owner(), "Attached", &json!([input["PolicyArn"]])),
            "DeleteRole" | "DeleteUser" => {
                let stored = self.get(&owner())?;
                let left =
                    stored["Policies"].as_object().unwrap().len() + stored["Attached"].as_object().unwrap().len();
                if left > 0 {
                    return Err(CallError::new(
                        "DeleteConflict",
                        "Cannot delete entity, must delete policies first.",
                        409,
                    ));
                }
                self.remove(&owner())
            }
            _ => panic!("iam:{operation}"),
        }
    }

    fn logs(&mut self, operation: &str, input: &Value) -> Answer {
        let key = || format!("logs/{}", text(input, "logGroupName"));
        match operation {
            "CreateLogGroup" => self.create(key(), json!({})).map(|()| json!({})),
            "PutRetentionPolicy" => self.merge(&key(), "Retention", &json!({"days": input["retentionInDays"]})),
            "DeleteRetentionPolicy" => self.unset(&key(), "Retention", &json!(["days"])),
            "DeleteLogGroup" => self.remove(&key()),
            _ => panic!("logs:{operation}"),
        }
    }

    fn lambda(&mut self, operation: &str, input: &Value) -> Answer {
        let plain = |name: &str| name.split(":function:").last().unwrap().split(':').next().unwrap().to_string();
        let key = |name: &str| format!("lambda/{}", plain(name));
        let arn = |name: &str| format!("arn:aws:lambda:us-east-1:000000000000:function:{}", plain(name));
        match operation {
            "CreateFunction" => {
                let name = text(input, "FunctionName");
                let (mut configuration, code) = (input.clone(), input["Code"]["ZipFile"].clone());
                configuration.as_object_mut().unwrap().remove("Code");
                self.create(
                    key(name),
                    json!({"Configuration": configuration, "Code": {"zip": code}, "Permissions": {}, "Versions": {}}),
                )?;
                Ok(json!({"FunctionName": name, "FunctionArn": arn(name)}))
            }
            "UpdateFunctionConfiguration" => self.merge(&key(text(input, "FunctionName")), "Configuration", input),
            "UpdateFunctionCode" => {
                self.merge(&key(text(input, "FunctionName")), "Code", &json!({"zip": input["ZipFile"]}))
            }
            "PutFunctionConcurrency" => self.merge(&key(text(input, "FunctionName")), "Concurrency", input),
            "DeleteFunction" => match input.get("Qualifier") {
                Some(version) => self.unset(&key(text(input, "FunctionName")), "Versions", &json!([version])),
                None => self.remove(&key(text(input, "FunctionName"))),
            },
            "PublishVersion" => {
                let name = text(input, "FunctionName");
                let version = (self.get(&key(name))?["Versions"].as_object().unwrap().len() + 1).to_string();
                self.merge(&key(name), "Versions", &json!({version.clone(): true}))?;
                Ok(json!({"FunctionArn": format!("{}:{version}", arn(name)), "Version": version}))
            }
            "AddPermission" => self.merge(
                &key(text(input, "FunctionName")),
                "Permissions",
                &json!({text(input, "StatementId"): input}),
            ),
            "RemovePermission" => {
                self.unset(&key(text(input, "FunctionName")), "Permissions", &json!([input["StatementId"]]))
            }
            "PutFunctionEventInvokeConfig" => self.merge(&key(text(input, "FunctionName")), "EventInvoke", input),
            "DeleteFunctionEventInvokeConfig" => Ok(json!({})),
            "CreateFunctionUrlConfig" | "UpdateFunctionUrlConfig" => {
                let name = text(input, "FunctionName");
                self.merge(&key(name), "Url", input)?;
                let url = format!("http://127.0.0.1:4566/_aws/lambda-url/{}/", plain(name));
                Ok(json!({"FunctionArn": arn(name), "FunctionUrl": url}))
            }
            "DeleteFunctionUrlConfig" => self.unset(
                &key(text(input, "FunctionName")),
                "Url",
                &json!(["FunctionName", "Qualifier", "AuthType", "InvokeMode", "Cors"]),
            ),
            "CreateEventSourceMapping" => {
                let id = self.id();
                self.create(format!("lambda/mapping/{id}"), input.clone())?;
                Ok(json!({"UUID": id}))
            }
            "UpdateEventSourceMapping" => {
                let id = text(input, "UUID");
                self.merge(&format!("lambda/mapping/{id}"), "Updated", input)?;
                Ok(json!({"UUID": id}))
            }
            "DeleteEventSourceMapping" => self.remove(&format!("lambda/mapping/{}", text(input, "UUID"))),
            "PublishLayerVersion" => {
                let (name, id) = (text(input, "LayerName"), self.id());
                let number = id.trim_start_matches("id");
                let arn = format!("arn:aws:lambda:us-east-1:000000000000:layer:{name}:{number}");
                self.create(format!("lambda/layer/{name}/{number}"), json!({}))?;
                Ok(json!({"LayerVersionArn": arn}))
            }
            "DeleteLayerVersion" => {
                let name = text(input, "LayerName").rsplit(':').next().unwrap().to_string();
                self.remove(&format!("lambda/layer/{name}/{}", input["VersionNumber"]))
            }
            _ => panic!("lambda:{operation}"),
        }
    }

    fn api_v2(&mut self, operation: &str, input: &Value) -> Answer {
        let (verb, kind) = ["Create", "Update", "Delete"]
            .iter()
            .find_map(|verb| Some((*verb, operation.strip_prefix(verb)?)))
            .unwrap();
        let (first, rest) = kind.split_at(1);
        let member = if kind == "Stage" { "stageName".into() } else { format!("{}{rest}Id", first.to_lowercase()) };
        let id = match (verb, input.get(&member)) {
            (_, Some(id)) if verb != "Create" || kind == "Stage" => id.as_str().unwrap().to_string(),
            _ => self.id(),
        };
        let key = format!("apigatewayv2/{kind}/{id}");
        match verb {
            "Create" => {
                self.create(key, json!({"Made": input}))?;
                Ok(json!({member: id, "apiEndpoint": format!("http://127.0.0.1:4566/_aws/execute-api/{id}")}))
            }
            "Update" => self.merge(&key, "Made", input),
            _ => self.remove(&key),
        }
    }

    fn api(&mut self, operation: &str, input: &Value) -> Answer {
        let method = || format!("apigateway/method/{}/{}", text(input, "resourceId"), text(input, "httpMethod"));
        let stage = || format!("apigateway/stage/{}", text(input, "stageName"));
        let part = |member: &str| format!("apigateway/part/{}", text(input, member));
        let plan_key = || format!("apigateway/plan/{}/{}", text(input, "usagePlanId"), text(input, "keyId"));
        match operation {
            "CreateRestApi" => {
                let id = self.id();
                self.create(format!("apigateway/api/{id}"), input.clone())?;
                Ok(json!({"id": id, "rootResourceId": "root"}))
            }
            "DeleteRestApi" => self.remove(&format!("apigateway/api/{}", text(input, "restApiId"))),
            "CreateResource" => {
                let id = self.id();
                self.create(format!("apigateway/resource/{id}"), input.clone())?;
                Ok(json!({"id": id}))
            }
            "DeleteResource" => self.remove(&format!("apigateway/resource/{}", text(input, "resourceId"))),
            "CreateAuthorizer" | "CreateApiKey" | "CreateUsagePlan" => {
                let id = self.id();
                self.create(format!("apigateway/part/{id}"), json!({"Made": input}))?;
                Ok(json!({"id": id}))
            }
            "UpdateAuthorizer" => self.merge(&part("authorizerId"), operation, input),
            "DeleteAuthorizer" => self.remove(&part("authorizerId")),
            "UpdateApiKey" => self.merge(&part("apiKey"), operation, input),
            "DeleteApiKey" => self.remove(&part("apiKey")),
            "UpdateUsagePlan" => self.merge(&part("usagePlanId"), operation, input),
            "DeleteUsagePlan" => self.remove(&part("usagePlanId")),
            "CreateUsagePlanKey" => self.create(plan_key(), json!({})).map(|()| json!({})),
            "DeleteUsagePlanKey" => self.remove(&plan_key()),
            "PutMethod" => self.create(method(), json!({"Made": input})).map(|()| json!({})),
            "PutMethodResponse" | "PutIntegration" | "PutIntegrationResponse" => {
                self.merge(&method(), operation, input)
            }
            "DeleteMethod" => self.remove(&method()),
            "CreateDeployment" => {
                let id = self.id();
                self.create(format!("apigateway/deployment/{id}"), json!({}))?;
                self.world.insert(stage(), json!({"deploymentId": id}));
                Ok(json!({"id": id}))
            }
            "GetDeployment" => self.get(&format!("apigateway/deployment/{}", text(input, "deploymentId"))).cloned(),
            "GetStage" => self.get(&stage()).cloned(),
            "UpdateStage" => {
                let id = input["patchOperations"][0]["value"].as_str().unwrap();
                self.get(&format!("apigateway/deployment/{id}"))?;
                *self.get(&stage())? = json!({"deploymentId": id});
                Ok(json!({}))
            }
            "DeleteStage" => self.remove(&stage()),
            "DeleteDeployment" => {
                let id = text(input, "deploymentId");
                if self
                    .world
                    .iter()
                    .any(|(key, value)| key.starts_with("apigateway/stage/") && value["deploymentId"] == json!(id))
                {
                    return Err(CallError::new(
                        "BadRequestException",
                        "Active stages pointing to this deployment must be moved or deleted",
                        400,
                    ));
                }
                self.remove(&format!("apigateway/deployment/{id}"))
            }
            _ => panic!("apigateway:{operation}"),
        }
    }
}

/// A template of queues: each with properties of its own.
pub fn template(resources: Value) -> deploy::Template {
    deploy::Template::from_json(&json!({"Resources": resources})).unwrap()
}

/// Plans and applies a template as the stack `test`.
pub async fn deploy(cloud: &FakeCloud, template: deploy::Template) -> Result<deploy::Outcome, deploy::DeployError> {
    deploy_as(cloud, "test", template).await
}

pub async fn deploy_as(
    cloud: &FakeCloud,
    stack: &str,
    template: deploy::Template,
) -> Result<deploy::Outcome, deploy::DeployError> {
    let plan = deploy::plan(template, stack, BTreeMap::new(), cloud).await?;
    let seed = cloud.inner.lock().unwrap().calls.len() as u64 + 1;
    let env = base::Env::simulated(seed, base::Timestamp(0));
    deploy::apply(plan, &deploy::Packages::default(), cloud, &env, &mut |_| {}).await
}

/// Runs a future to its end on this thread.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Members of an object as a map.
pub fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Compares with the file's content; `UPDATE_EXPECTED` in the environment writes it instead.
pub fn expect(path: &std::path::Path, found: &str) {
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(path, found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}\n{found}", path.display()));
    assert!(expected == found, "{} differs; found:\n{found}", path.display());
}
