//! A cloud with Lambda, queues and tables, where every role may do everything unless its name says otherwise.

use std::io::{Cursor, Write};
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blob::Blobs;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service::{
    Access, Api, Caller, CallerKind, Cloud, Credential, CredentialError, Cx, Denial, Error, Permission, Service, read,
};
use tempfile::TempDir;
use testkit::TestCloud;
use tokio_util::sync::CancellationToken;
use wire::DateTime;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub const ROLE: &str = "arn:aws:iam::000000000000:role/f";
pub const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

pub struct World {
    cloud: TestCloud,
    lambda: Arc<lambda::Lambda>,
    stop: CancellationToken,
    _dir: TempDir,
}

impl World {
    pub async fn new() -> World {
        World::with(|_| {}).await
    }

    /// With another configuration of the runtime.
    pub async fn with(change: impl FnOnce(&mut runtime::Config)) -> World {
        let dir = tempfile::tempdir().unwrap();
        let mut runtime = runtime::Config::new(dir.path().join("cache"), dir.path().join("run"));
        change(&mut runtime);
        let config = lambda::Config {
            runtime,
            blobs: Blobs::open(dir.path().join("packages")).await.unwrap(),
            code_dir: dir.path().join("code"),
        };
        let env = base::Env::simulated(7, Timestamp::from_secs(1_800_000_000));
        let lambda = lambda::Lambda::open(config, &env).unwrap();
        let [tables, streams, _] = dynamodb::services(dynamodb::Options::default());
        let kinesis = kinesis::service(kinesis::Options::default());
        let services = [lambda::service(lambda.clone()), sqs::service(), tables, streams, kinesis, sts()];
        let cloud = TestCloud::with_access(services, Arc::new(Roles));
        World { cloud, lambda, stop: CancellationToken::new(), _dir: dir }
    }

    /// With background work: events, pollers, log lines.
    pub async fn running() -> World {
        let world = World::new().await;
        world.cloud.cloud.start(&world.stop, &world.stop);
        world
    }

    /// Whether there is a process that instances of the function are forked from.
    pub async fn is_ready(&self, version: &str) -> bool {
        let status = self.lambda.runtime().status().await;
        status.functions.iter().any(|function| function.spec.version == version && function.zygote.is_some())
    }

    /// A path that nobody else uses.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self._dir.path().join(name)
    }

    /// Instances of a version of the function that there are.
    pub async fn instances(&self, version: &str) -> usize {
        let status = self.lambda.runtime().status().await;
        let of_version = status.functions.iter().filter(|function| function.spec.version == version);
        of_version.map(|function| function.instances.len()).sum()
    }

    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud.cloud
    }

    pub async fn try_call(&self, operation: &str, input: Value) -> Result<Value, Error> {
        self.cloud.call("lambda", operation, input).await
    }

    pub async fn call(&self, operation: &str, input: Value) -> Value {
        self.try_call(operation, input).await.unwrap()
    }

    /// Code and message of the refusal.
    pub async fn refused(&self, operation: &str, input: Value) -> String {
        self.try_call(operation, input).await.unwrap_err().to_string()
    }

    pub async fn sqs(&self, operation: &str, input: Value) -> Value {
        self.cloud.call("sqs", operation, input).await.unwrap()
    }

    pub async fn dynamodb(&self, operation: &str, input: Value) -> Value {
        self.cloud.call("dynamodb", operation, input).await.unwrap()
    }

    pub async fn kinesis(&self, operation: &str, input: Value) -> Value {
        self.cloud.call("kinesis", operation, input).await.unwrap()
    }

    /// Makes the function `f` of Python source with a `handler`; `more` are members that differ.
    pub async fn function(&self, source: &str, more: Value) -> Value {
        self.call("CreateFunction", function(source, more)).await
    }

    pub async fn invoke(&self, input: Value) -> (Value, Value) {
        let answer = self.call("Invoke", input).await;
        let payload = STANDARD.decode(answer["Payload"].as_str().unwrap()).unwrap();
        (serde_json::from_slice(&payload).unwrap(), answer)
    }

    pub async fn queue(&self, name: &str) -> String {
        let queue = self.sqs("CreateQueue", json!({"QueueName": name})).await;
        queue["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Waits, on the real clock, until a message is there.
    pub async fn message(&self, url: &str) -> Value {
        self.until(async || {
            let input = json!({"QueueUrl": url, "MessageAttributeNames": ["All"]});
            self.sqs("ReceiveMessage", input).await["Messages"].get(0).cloned()
        })
        .await
    }

    /// Polls until there is something.
    pub async fn until<T>(&self, poll: impl AsyncFn() -> Option<T>) -> T {
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(found) = poll().await {
                return found;
            }
            assert!(std::time::Instant::now() < deadline, "it did not happen within 30 s");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Moves the clock, and lets the outbox look at it.
    pub async fn advance(&self, seconds: u64) {
        self.cloud.advance(Duration::from_secs(seconds)).await;
        let wake = |tx: &mut kv::Tx| {
            tx.wake(b"service/outbox");
            Ok::<_, kv::Error>(())
        };
        self.cloud().db().write(wake).await.unwrap();
    }

    /// Whether the outbox holds one delivery, which is not due yet.
    pub fn waits_for_later(&self) -> bool {
        let lanes = service::outbox::lanes(&self.cloud().db().read().unwrap(), 2).unwrap();
        matches!(&lanes[..], [lane] if lane.waiting == 1 && lane.due > self.cloud.env.now())
    }

    /// Somebody whom only resource policies can allow something.
    pub async fn call_as_stranger(&self, operation: &str, input: Value) -> Result<Value, Error> {
        let cx = self.cloud().cx(stranger(), self.cloud().region().clone(), None);
        self.cloud().call(cx, "lambda", operation, input).await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The user whom only resource policies can allow something.
fn stranger() -> Caller {
    let arn = "arn:aws:iam::000000000000:user/stranger".parse().unwrap();
    let kind = CallerKind::User { name: "stranger".into() };
    Caller { arn, account: AccountId::new("000000000000"), user_id: "AIDA".into(), kind, session: None }
}

/// The input that makes the function `f`.
pub fn function(source: &str, more: Value) -> Value {
    let mut input = json!({
        "FunctionName": "f", "Runtime": "python3.12", "Handler": "index.handler", "Role": ROLE,
        "Code": {"ZipFile": package(&[("index.py", source)])},
    });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

/// A zip file in base64.
pub fn package(files: &[(&str, &str)]) -> String {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default().unix_permissions(0o644)).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    STANDARD.encode(zip.finish().unwrap().into_inner())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeInput {
    role_arn: String,
    role_session_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Assumed {
    credentials: AssumedCredentials,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: DateTime,
}

async fn assume(_: Arc<()>, cx: Cx, input: AssumeInput) -> Result<Assumed, Error> {
    if input.role_session_name.len() < 2 {
        return Err(Error::new(400, "ValidationError", "a session's name has two characters at least"));
    }
    if cx.caller().user_id != "lambda.amazonaws.com" || input.role_arn.ends_with("/untrusting") {
        return Err(Error::new(403, "AccessDenied", "no"));
    }
    let expiration = (cx.now() + Duration::from_secs(3_600)).into();
    let text = |text: &str| text.to_owned();
    Ok(Assumed {
        credentials: AssumedCredentials {
            access_key_id: text("ASIA"),
            secret_access_key: text("secret"),
            session_token: text("token"),
            expiration,
        },
    })
}

fn sts() -> Service {
    Service::builder(Api::named("sts"), Arc::new(())).operation(read("AssumeRole", assume)).build()
}

/// Sessions may do everything; users and those of the role `powerless`, what a resource policy says.
struct Roles;

impl Access for Roles {
    fn credential(&self, key: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        match key {
            "AKIASTRANGER" => Ok(Credential { secret: "secret".into(), caller: stranger(), expires: None }),
            _ => Err(CredentialError::Unknown),
        }
    }

    fn authorize(&self, caller: &Caller, permission: &Permission, _: Timestamp) -> Result<(), Denial> {
        let allowed = match &caller.kind {
            CallerKind::Session { role, .. } => {
                let names = |policy: &String| policy.contains(&role.to_string());
                !role.resource.ends_with("/powerless") || permission.resource_policy.as_ref().is_some_and(names)
            }
            // The function's policy names both the service and what it acts for.
            CallerKind::System => permission.resource_policy.as_ref().is_some_and(|policy| {
                let mut named = permission.context.iter().filter(|(key, _)| key == "aws:SourceArn");
                policy.contains(&caller.user_id) && named.any(|(_, arns)| arns.iter().all(|arn| policy.contains(arn)))
            }),
            _ => permission.resource_policy.as_ref().is_some_and(|policy| policy.contains("user/stranger")),
        };
        if allowed { Ok(()) } else { Err(Denial { message: format!("may not {}", permission.action) }) }
    }
}
