//! What all tests start from.

use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Env, Region, Timestamp};
use kv::{Db, Memory};
use serde_json::{Value, json};
use service::{Caller, Cloud, outbox};
use tokio_util::sync::CancellationToken;

pub const ACCOUNT: &str = "000000000000";
pub const ROLE: &str = "arn:aws:iam::000000000000:role/r";
/// 2027-01-15T08:00:00Z
pub const BEGIN: Timestamp = Timestamp(1_800_000_000_000);
pub const HOUR: u64 = 3_600;

pub fn arn(resource: &str) -> String {
    format!("arn:aws:scheduler:us-east-1:{ACCOUNT}:{resource}")
}

pub fn queue(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

pub fn queue_url(name: &str) -> String {
    format!("http://localhost:4566/{ACCOUNT}/{name}")
}

pub struct World {
    pub cloud: Arc<Cloud>,
    pub db: Db,
    pub env: Env,
}

impl World {
    /// With a role that the Scheduler may have, and that may send to the queues whose names begin with `open`.
    pub async fn new() -> World {
        let (db, env) = (Db::open(Memory::new()), Env::simulated(1, BEGIN));
        let world = World { cloud: World::cloud(&db, &env).await, db, env };
        let trust =
            json!({"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"});
        world.role("r", trust).await;
        let statement = json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue("open*")});
        let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        let input = json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": policy});
        world.call("iam", "PutRolePolicy", input).await.unwrap();
        world
    }

    pub async fn cloud(db: &Db, env: &Env) -> Arc<Cloud> {
        let account = AccountId::new(ACCOUNT);
        let identity =
            iam::Identity::open(db.clone(), env, iam::Config::new(account.clone(), Vec::new())).await.unwrap();
        let endpoint = "http://localhost:4566".into();
        Cloud::builder(db.clone(), env.clone(), account, Region::new("us-east-1"), endpoint, identity.clone())
            .service(iam::iam(identity.clone()))
            .service(iam::sts(identity))
            .service(scheduler::service())
            .service(sqs::service())
            .build()
    }

    /// The server ends, and starts again after so many seconds.
    pub async fn restart(&mut self, seconds: u64) {
        self.env.advance(Duration::from_secs(seconds));
        self.cloud = World::cloud(&self.db, &self.env).await;
        self.seconds(0).await;
    }

    pub async fn role(&self, name: &str, trust: Value) {
        let document = json!({"Version": "2012-10-17", "Statement": trust}).to_string();
        let input = json!({"RoleName": name, "AssumeRolePolicyDocument": document});
        self.call("iam", "CreateRole", input).await.unwrap();
    }

    pub async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, service::Error> {
        let root = self.cloud.cx(Caller::root(self.cloud.account()), self.cloud.region().clone(), None);
        self.cloud.call(root, service, operation, input).await
    }

    pub async fn ok(&self, operation: &str, input: Value) -> Value {
        self.call("scheduler", operation, input).await.unwrap()
    }

    /// The code and the text of the refusal.
    pub async fn refused(&self, operation: &str, input: Value) -> (String, String) {
        let error = self.call("scheduler", operation, input).await.unwrap_err();
        (error.code.into_owned(), error.message)
    }

    pub async fn create(&self, extra: Value) {
        self.ok("CreateSchedule", schedule(extra)).await;
    }

    /// Moves the clock, and fires what came due.
    pub async fn seconds(&self, seconds: u64) {
        self.env.advance(Duration::from_secs(seconds));
        service::timers::fire_due(&self.cloud.system()).await.unwrap();
    }

    /// What waits in the lane of a target: how many, at most a million.
    pub fn waiting(&self, to: &str) -> usize {
        let lanes = outbox::lanes(&self.db.read().unwrap(), 1_000_000).unwrap();
        lanes.iter().find(|lane| lane.to.to_string() == to).map_or(0, |lane| lane.waiting)
    }

    pub fn sent(&self) -> usize {
        self.waiting(&queue("open"))
    }

    pub async fn exists(&self, name: &str) -> bool {
        self.call("scheduler", "GetSchedule", json!({"Name": name})).await.is_ok()
    }

    /// The next message of a queue, once the outbox has brought it.
    pub async fn message(&self, name: &str) -> Value {
        loop {
            let input =
                json!({"QueueUrl": queue_url(name), "MessageAttributeNames": ["All"], "VisibilityTimeout": 40_000});
            let answer = self.call("sqs", "ReceiveMessage", input).await.unwrap();
            if let Some(message) = answer["Messages"].get(0) {
                return message.clone();
            }
            tokio::task::yield_now().await;
        }
    }

    pub async fn queue(&self, name: &str) {
        self.call("sqs", "CreateQueue", json!({"QueueName": name})).await.unwrap();
    }
}

/// The outbox of a world, until the end of a test.
pub struct Running(CancellationToken);

impl Running {
    pub fn new(world: &World) -> Running {
        let stop = CancellationToken::new();
        world.cloud.start(&stop, &stop);
        Running(stop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A schedule named `s` that sends to the queue `open` once an hour, with what is given in place of that.
pub fn schedule(extra: Value) -> Value {
    let mut input = json!({
        "Name": "s",
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": queue("open"), "RoleArn": ROLE, "Input": "hello"},
    });
    for (name, value) in extra.as_object().unwrap() {
        match input[name].as_object_mut().zip(value.as_object()) {
            Some((members, more)) => members.extend(more.clone()),
            None => input[name] = value.clone(),
        }
    }
    input
}

/// `at(...)` so many seconds after the beginning.
pub fn at(seconds: u64) -> String {
    let moment = BEGIN + Duration::from_secs(seconds);
    format!("at({})", moment.iso8601().trim_end_matches(".000Z"))
}

pub fn told(message: &Value, name: &str) -> String {
    message["MessageAttributes"][name]["StringValue"].as_str().unwrap_or_default().to_owned()
}
