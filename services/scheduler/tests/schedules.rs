//! The Scheduler as its callers see it, on the memory engine and a clock that the test moves. Unless a test starts the
//! outbox, what is sent is looked at where it waits for its targets.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Env, Region, Timestamp};
use kv::{Db, Memory};
use serde_json::{Value, json};
use service::{Caller, Cloud, outbox};
use tokio_util::sync::CancellationToken;

const ACCOUNT: &str = "000000000000";
const ROLE: &str = "arn:aws:iam::000000000000:role/r";
/// 2027-01-15T08:00:00Z
const BEGIN: Timestamp = Timestamp(1_800_000_000_000);
const HOUR: u64 = 3_600;

fn arn(resource: &str) -> String {
    format!("arn:aws:scheduler:us-east-1:{ACCOUNT}:{resource}")
}

fn queue(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

fn queue_url(name: &str) -> String {
    format!("http://localhost:4566/{ACCOUNT}/{name}")
}

struct World {
    cloud: Arc<Cloud>,
    db: Db,
    env: Env,
}

impl World {
    /// With a role that the Scheduler may have, and that may send to the queues whose names begin with `open`.
    async fn new() -> World {
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

    async fn cloud(db: &Db, env: &Env) -> Arc<Cloud> {
        let account = AccountId::new(ACCOUNT);
        let identity = iam::Identity::open(db.clone(), env, account.clone(), Vec::new()).await.unwrap();
        let endpoint = "http://localhost:4566".into();
        Cloud::builder(db.clone(), env.clone(), account, Region::new("us-east-1"), endpoint, identity.clone())
            .service(iam::iam(identity.clone()))
            .service(iam::sts(identity))
            .service(scheduler::service())
            .service(sqs::service())
            .build()
    }

    /// The server ends, and starts again after so many seconds.
    async fn restart(&mut self, seconds: u64) {
        self.env.advance(Duration::from_secs(seconds));
        self.cloud = World::cloud(&self.db, &self.env).await;
        self.seconds(0).await;
    }

    async fn role(&self, name: &str, trust: Value) {
        let document = json!({"Version": "2012-10-17", "Statement": trust}).to_string();
        let input = json!({"RoleName": name, "AssumeRolePolicyDocument": document});
        self.call("iam", "CreateRole", input).await.unwrap();
    }

    async fn call(&self, service: &str, operation: &str, input: Value) -> Result<Value, service::Error> {
        let root = self.cloud.cx(Caller::root(self.cloud.account()), self.cloud.region().clone(), None);
        self.cloud.call(root, service, operation, input).await
    }

    async fn ok(&self, operation: &str, input: Value) -> Value {
        self.call("scheduler", operation, input).await.unwrap()
    }

    /// The code and the text of the refusal.
    async fn refused(&self, operation: &str, input: Value) -> (String, String) {
        let error = self.call("scheduler", operation, input).await.unwrap_err();
        (error.code.into_owned(), error.message)
    }

    async fn create(&self, extra: Value) {
        self.ok("CreateSchedule", schedule(extra)).await;
    }

    /// Moves the clock, and fires what came due.
    async fn seconds(&self, seconds: u64) {
        self.env.advance(Duration::from_secs(seconds));
        service::timers::fire_due(&self.cloud.system()).await.unwrap();
    }

    /// What waits in the lane of a target: how many, at most a million.
    fn waiting(&self, to: &str) -> usize {
        let lanes = outbox::lanes(&self.db.read().unwrap(), 1_000_000).unwrap();
        lanes.iter().find(|lane| lane.to.to_string() == to).map_or(0, |lane| lane.waiting)
    }

    fn sent(&self) -> usize {
        self.waiting(&queue("open"))
    }

    async fn exists(&self, name: &str) -> bool {
        self.call("scheduler", "GetSchedule", json!({"Name": name})).await.is_ok()
    }

    /// The next message of a queue, once the outbox has brought it.
    async fn message(&self, name: &str) -> Value {
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

    async fn queue(&self, name: &str) {
        self.call("sqs", "CreateQueue", json!({"QueueName": name})).await.unwrap();
    }
}

/// The outbox of a world, until the end of a test.
struct Running(CancellationToken);

impl Running {
    fn new(world: &World) -> Running {
        let stop = CancellationToken::new();
        world.cloud.start(&stop);
        Running(stop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A schedule named `s` that sends to the queue `open` once an hour, with what is given in place of that.
fn schedule(extra: Value) -> Value {
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
fn at(seconds: u64) -> String {
    let moment = BEGIN + Duration::from_secs(seconds);
    format!("at({})", moment.iso8601().trim_end_matches(".000Z"))
}

fn told(message: &Value, name: &str) -> String {
    message["MessageAttributes"][name]["StringValue"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_single_moment_fires_once() {
    let world = World::new().await;
    world.create(json!({"ScheduleExpression": at(HOUR)})).await;
    world.create(json!({"Name": "gone", "ScheduleExpression": at(HOUR), "ActionAfterCompletion": "DELETE"})).await;
    world.seconds(HOUR - 1).await;
    assert_eq!(world.sent(), 0);
    world.seconds(1).await;
    assert_eq!(world.sent(), 2);
    world.seconds(48 * HOUR).await;
    assert_eq!(world.sent(), 2);
    assert!(world.exists("s").await && !world.exists("gone").await);

    // Neither another target nor another state makes it fire again; another moment does.
    for state in ["DISABLED", "ENABLED"] {
        let input = json!({"ScheduleExpression": at(HOUR), "State": state, "Target": {"Input": "again"}});
        world.ok("UpdateSchedule", schedule(input)).await;
        world.seconds(HOUR).await;
    }
    assert_eq!(world.sent(), 2);
    world.ok("UpdateSchedule", schedule(json!({"ScheduleExpression": at(2 * HOUR)}))).await;
    world.seconds(0).await;
    assert_eq!(world.sent(), 3, "a moment that is past has come");
    assert_eq!(world.refused("DeleteSchedule", json!({"Name": "gone"})).await.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_rate_begins_at_once_and_a_cron_at_its_time() {
    let world = World::new().await;
    world.create(json!({})).await;
    world
        .create(json!({"Name": "c", "ScheduleExpression": "cron(30 8 * * ? *)", "Target": {"Arn": queue("open-c")}}))
        .await;
    world.seconds(0).await;
    assert_eq!((world.sent(), world.waiting(&queue("open-c"))), (1, 0));
    world.seconds(HOUR / 2).await;
    assert_eq!((world.sent(), world.waiting(&queue("open-c"))), (1, 1));
    world.seconds(HOUR / 2).await;
    assert_eq!((world.sent(), world.waiting(&queue("open-c"))), (2, 1));
    world.ok("UpdateSchedule", schedule(json!({"State": "DISABLED"}))).await;
    world.seconds(HOUR + 1).await;
    world.ok("UpdateSchedule", schedule(json!({}))).await;
    world.seconds(HOUR / 2).await;
    assert_eq!(world.sent(), 2, "what came due while it was disabled is not made up for");
    world.seconds(HOUR / 2).await;
    assert_eq!(world.sent(), 3);
    world.ok("DeleteSchedule", json!({"Name": "s"})).await;
    world.seconds(HOUR).await;
    assert_eq!(world.sent(), 3);
}

#[tokio::test]
async fn starts_and_ends_bound_what_recurs() {
    let world = World::new().await;
    let (start, end) = (BEGIN + Duration::from_secs(2 * HOUR), BEGIN + Duration::from_secs(4 * HOUR));
    let bounds = json!({"StartDate": start.as_secs(), "EndDate": end.as_secs(), "ActionAfterCompletion": "DELETE"});
    world.create(bounds).await;
    let mut counts = Vec::new();
    for _ in 0..6 {
        world.seconds(HOUR).await;
        counts.push(world.sent());
    }
    assert_eq!(counts, [0, 1, 2, 3, 3, 3]);
    assert!(!world.exists("s").await, "it went with its last invocation");
    let late = json!({"StartDate": end.as_secs(), "EndDate": start.as_secs()});
    assert_eq!(
        world.refused("CreateSchedule", schedule(late)).await.1,
        "The StartDate you specify cannot be earlier than 5 minutes ago."
    );
}

#[tokio::test]
async fn a_window_holds_one_moment_that_survives_a_restart() {
    let mut world = World::new().await;
    let window = json!({"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15});
    for n in 0..20 {
        let extra = json!({"Name": format!("w{n}"), "ScheduleExpression": at(HOUR), "FlexibleTimeWindow": window});
        world.create(extra).await;
    }
    world.seconds(HOUR - 1).await;
    assert_eq!(world.sent(), 0);
    let mut counts = Vec::new();
    for minute in 0..16 {
        if minute == 7 {
            world.restart(60).await
        } else {
            world.seconds(60).await
        }
        counts.push(world.sent());
    }
    assert!(counts[3] < 20 && counts[10] > counts[3], "{counts:?}");
    assert_eq!(counts[15], 20);
    let mut forgetful = counts.clone();
    forgetful.dedup();
    assert!(forgetful.len() > 4, "their moments differ: {counts:?}");
}

#[tokio::test]
async fn what_came_due_while_the_server_was_down_is_late_and_not_many() {
    let mut world = World::new().await;
    world.create(json!({"ScheduleExpression": at(HOUR), "Target": {"Arn": queue("open-once")}})).await;
    world
        .create(json!({"Name": "r", "ScheduleExpression": "rate(5 minutes)", "Target": {"Arn": queue("open-rate")}}))
        .await;
    let old = json!({"Name": "o", "ScheduleExpression": "cron(0 9 * * ? *)", "Target": {"Arn": queue("open-old"), "RetryPolicy": {"MaximumEventAgeInSeconds": 3600}}});
    world.create(old).await;
    world.seconds(0).await;
    let counts = |world: &World| ["open-once", "open-rate", "open-old"].map(|name| world.waiting(&queue(name)));
    assert_eq!(counts(&world), [0, 1, 0]);
    world.restart(3 * HOUR + 7).await;
    assert_eq!(counts(&world), [1, 2, 0], "the last one of many, and none that is older than it may be");
    world.seconds(5 * 60).await;
    assert_eq!(counts(&world), [1, 3, 0]);
    world.restart(22 * HOUR).await;
    assert_eq!(counts(&world), [1, 4, 1]);
}

#[tokio::test]
async fn thousands_fire_in_the_same_minute() {
    let world = World::new().await;
    for n in 0..1_500 {
        world
            .create(json!({"Name": format!("n{n}"), "ScheduleExpression": at(HOUR), "ActionAfterCompletion": "DELETE"}))
            .await;
    }
    world.seconds(HOUR).await;
    assert_eq!(world.sent(), 1_500);
    assert_eq!(world.ok("ListSchedules", json!({})).await["Schedules"], json!([]));
}

#[tokio::test]
async fn groups_go_with_all_that_is_in_them() {
    let world = World::new().await;
    assert_eq!(
        world.refused("CreateSchedule", schedule(json!({"GroupName": "g"}))).await.1,
        "Schedule group g does not exist."
    );
    let tags = json!([{"Key": "k", "Value": "v"}]);
    let made = world.ok("CreateScheduleGroup", json!({"Name": "g", "Tags": tags})).await;
    assert_eq!(made["ScheduleGroupArn"], arn("schedule-group/g"));
    assert_eq!(world.ok("ListTagsForResource", json!({"ResourceArn": arn("schedule-group/g")})).await["Tags"], tags);
    let (code, message) = world.refused("CreateScheduleGroup", json!({"Name": "g"})).await;
    assert_eq!((&*code, &*message), ("ConflictException", "Schedule group g already exists."));
    for n in 0..600 {
        world.create(json!({"Name": n.to_string(), "GroupName": "g"})).await;
    }
    world.create(json!({})).await;
    world.ok("DeleteScheduleGroup", json!({"Name": "g"})).await;
    assert_eq!(world.ok("GetScheduleGroup", json!({"Name": "g"})).await["State"], "DELETING");
    assert_eq!(world.refused("CreateSchedule", schedule(json!({"GroupName": "g"}))).await.0, "ConflictException");
    world.seconds(0).await;
    world.seconds(0).await;
    assert_eq!(world.refused("GetScheduleGroup", json!({"Name": "g"})).await.1, "Schedule group g does not exist.");
    assert_eq!(world.ok("ListSchedules", json!({})).await["Schedules"][0]["Name"], "s");
    assert_eq!(world.refused("DeleteScheduleGroup", json!({"Name": "default"})).await.0, "ValidationException");
    let groups = world.ok("ListScheduleGroups", json!({})).await;
    assert_eq!(groups["ScheduleGroups"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn lists_have_pages() {
    let world = World::new().await;
    for group in ["a", "b"] {
        world.ok("CreateScheduleGroup", json!({"Name": group})).await;
        for n in 0..3 {
            let state = if n == 0 { "DISABLED" } else { "ENABLED" };
            world.create(json!({"Name": format!("{group}{n}"), "GroupName": group, "State": state})).await;
        }
    }
    let names = |answer: &Value| -> String {
        answer["Schedules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|schedule| schedule["Name"].as_str().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut pages = Vec::new();
    let mut input = json!({"MaxResults": 2});
    loop {
        let page = world.ok("ListSchedules", input.clone()).await;
        pages.push(names(&page));
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(pages.join(" ").trim(), "a0 a1 a2 b0 b1 b2");
    assert_eq!(names(&world.ok("ListSchedules", json!({"GroupName": "b", "State": "ENABLED"})).await), "b1 b2");
    assert_eq!(names(&world.ok("ListSchedules", json!({"NamePrefix": "a", "MaxResults": 100})).await), "a0 a1 a2");
    assert_eq!(world.refused("ListSchedules", json!({"GroupName": "none"})).await.0, "ResourceNotFoundException");
    assert_eq!(world.refused("ListSchedules", json!({"NextToken": "?"})).await.1, "Invalid NextToken.");
    let first = world.ok("ListScheduleGroups", json!({"MaxResults": 2})).await;
    let rest = world.ok("ListScheduleGroups", json!({"MaxResults": 2, "NextToken": first["NextToken"]})).await;
    let of = |answer: &Value| {
        answer["ScheduleGroups"].as_array().unwrap().iter().map(|group| group["Name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((of(&first), of(&rest)), (vec![json!("default"), json!("a")], vec![json!("b")]));
    assert!(rest.get("NextToken").is_none());
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_the_same_request() {
    let world = World::new().await;
    let create = schedule(json!({"ClientToken": "t1"}));
    for _ in 0..2 {
        assert_eq!(world.ok("CreateSchedule", create.clone()).await["ScheduleArn"], arn("schedule/default/s"));
    }
    let (code, message) = world.refused("CreateSchedule", schedule(json!({"ClientToken": "t2"}))).await;
    assert_eq!((&*code, &*message), ("ConflictException", "Schedule s already exists."));
    let other = schedule(json!({"ClientToken": "t1", "Description": "another"}));
    assert_eq!(world.refused("CreateSchedule", other).await.0, "ConflictException");
    let delete = json!({"Name": "s", "ClientToken": "t3"});
    for _ in 0..2 {
        world.ok("DeleteSchedule", delete.clone()).await;
    }
    assert_eq!(
        world.refused("DeleteSchedule", json!({"Name": "s", "ClientToken": "t4"})).await.0,
        "ResourceNotFoundException"
    );
    world.ok("CreateSchedule", create).await;
    assert!(world.exists("s").await, "what is gone is made again");
    for _ in 0..2 {
        world.ok("CreateScheduleGroup", json!({"Name": "g", "ClientToken": "t5"})).await;
    }
    for _ in 0..2 {
        world.ok("DeleteScheduleGroup", json!({"Name": "g", "ClientToken": "t6"})).await;
    }
    world.seconds(25 * HOUR).await;
    world.ok("CreateScheduleGroup", json!({"Name": "h", "ClientToken": "t5"})).await;
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let world = World::new().await;
    let validation = |message: &str| ("ValidationException".to_owned(), message.to_owned());
    let target = |extra: Value| json!({"Target": extra});
    let json_needed = "The input of the target is not valid JSON.";
    let cases = [
        (json!({"ScheduleExpression": "rate(10 years)"}), "Invalid Schedule Expression rate(10 years)."),
        (json!({"ScheduleExpression": "at(2030-01-01)"}), "Invalid Schedule Expression at(2030-01-01)."),
        (json!({"ScheduleExpressionTimezone": "Mars/Olympus"}), "Invalid Schedule Expression Timezone Mars/Olympus."),
        (json!({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}), "A flexible time window needs MaximumWindowInMinutes."),
        (json!({"StartDate": 1_799_999_000}), "The StartDate you specify cannot be earlier than 5 minutes ago."),
        (
            json!({"StartDate": 1_800_009_000, "EndDate": 1_800_008_000}),
            "The StartDate you specify must come before the EndDate you specify.",
        ),
        (target(json!({"Arn": "queue"})), "Provided Arn is not in correct format."),
        (
            target(json!({"Arn": queue("q.fifo")})),
            "SqsParameters is required for the target arn:aws:sqs:us-east-1:000000000000:q.fifo.",
        ),
        (
            target(json!({"KinesisParameters": {"PartitionKey": "k"}})),
            "KinesisParameters cannot be used with the target arn:aws:sqs:us-east-1:000000000000:open.",
        ),
        (target(json!({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": "[]"})), json_needed),
        (
            target(json!({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:receiveMessage"})),
            "EventBridge Scheduler does not support sqs:receiveMessage: it only reads.",
        ),
        (target(json!({"Arn": "arn:aws:scheduler:::aws-sdk:sqs"})), "Provided Arn is not in correct format."),
        (
            target(json!({"Input": "x".repeat((256 << 10) + 1)})),
            "The input of the target has 262145 bytes, and may have 262144.",
        ),
        (
            json!({"Name": "a/b"}),
            "1 validation error detected: Value 'a/b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [0-9a-zA-Z-_.]+",
        ),
        (
            target(json!({"RetryPolicy": {"MaximumRetryAttempts": 186}})),
            "1 validation error detected: Value '186' at 'target.retryPolicy.maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 185",
        ),
        (
            target(json!({"RoleArn": "arn:aws:iam::000000000000:role/none"})),
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
        ),
    ];
    for (extra, message) in cases {
        assert_eq!(world.refused("CreateSchedule", schedule(extra.clone())).await, validation(message), "{extra}");
    }
    let (_, message) = world.refused("CreateSchedule", json!({"Name": "s"})).await;
    for member in ["scheduleExpression", "target", "flexibleTimeWindow"] {
        assert!(message.contains(&format!("Value null at '{member}'")), "{message}");
    }
    for missing in [
        json!({"Arn": "arn:aws:states:us-east-1:000000000000:stateMachine:m"}),
        json!({"Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c", "EcsParameters": {"TaskDefinitionArn": "t"}}),
        json!({"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", "Input": "{}"}),
        json!({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:fly", "Input": "{}"}),
        json!({"Arn": "arn:aws:sqs:us-east-1:111111111111:q"}),
    ] {
        let (code, message) = world.refused("CreateSchedule", schedule(target(missing.clone()))).await;
        assert_eq!(code, "NotImplemented", "{missing}: {message}");
    }
    let theirs = target(json!({"RoleArn": "arn:aws:iam::111111111111:role/r"}));
    assert_eq!(world.refused("CreateSchedule", schedule(theirs)).await.0, "AccessDeniedException");
    for resource in ["schedule/default/s", "schedule-group/none"] {
        let (code, _) = world.refused("TagResource", json!({"ResourceArn": arn(resource), "Tags": []})).await;
        assert_eq!(code, if resource.contains("none") { "ResourceNotFoundException" } else { "ValidationException" });
    }
    assert_eq!(
        world.refused("GetSchedule", json!({"Name": "s", "GroupName": "none"})).await.1,
        "Schedule group none does not exist."
    );
    assert_eq!(world.refused("UpdateSchedule", schedule(json!({}))).await.1, "Schedule s does not exist.");
}

#[tokio::test]
async fn roles_trust_the_scheduler_for_a_group() {
    let world = World::new().await;
    world.ok("CreateScheduleGroup", json!({"Name": "g"})).await;
    let condition = json!({"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": arn("schedule-group/g")}});
    world.role("g-only", json!({"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": condition})).await;
    world
        .role(
            "other",
            json!({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}),
        )
        .await;
    let of = |role: &str, group: &str| {
        schedule(json!({"GroupName": group, "Target": {"RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/{role}")}}))
    };
    let message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.";
    for (role, group) in [("g-only", "default"), ("other", "g")] {
        assert_eq!(world.refused("CreateSchedule", of(role, group)).await.1, message, "{role} {group}");
    }
    world.ok("CreateSchedule", of("g-only", "g")).await;
}

#[tokio::test]
async fn a_queue_gets_the_input_filled() {
    let world = World::new().await;
    world.queue("open").await;
    let _running = Running::new(&world);
    let input = "<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.attempt-number>";
    world.create(json!({"ScheduleExpression": at(HOUR), "Target": {"Input": input}})).await;
    world.seconds(HOUR + 20).await;
    let body = world.message("open").await["Body"].clone();
    assert_eq!(body, format!("{} 2027-01-15T09:00:00Z 1", arn("schedule/default/s")));
    world.create(json!({"Name": "d", "ScheduleExpression": at(2 * HOUR), "Target": {"Input": null}})).await;
    world.seconds(HOUR).await;
    let body: Value = serde_json::from_str(world.message("open").await["Body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["source"], &body["detail-type"]), (&json!("aws.scheduler"), &json!("Scheduled Event")));
    assert_eq!(
        (&body["resources"][0], &body["time"]),
        (&json!(arn("schedule/default/d")), &json!("2027-01-15T10:00:00Z"))
    );
}

#[tokio::test]
async fn operations_are_called_as_the_role() {
    let world = World::new().await;
    for name in ["open", "open-dead", "closed"] {
        world.queue(name).await;
    }
    let _running = Running::new(&world);
    let send = |name: &str, to: &str| {
        let input = json!({"QueueUrl": queue_url(to), "MessageBody": "<aws.scheduler.execution-id>"}).to_string();
        let retry = json!({"MaximumRetryAttempts": 0});
        json!({"Name": name, "ScheduleExpression": at(HOUR), "Target": {
            "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": input, "RetryPolicy": retry,
            "DeadLetterConfig": {"Arn": queue("open-dead")},
        }})
    };
    world.create(send("allowed", "open")).await;
    world.create(send("denied", "closed")).await;
    world.seconds(HOUR).await;
    let body = world.message("open").await["Body"].clone();
    assert_eq!(body.as_str().unwrap().len(), 16, "{body}");
    let letter = world.message("open-dead").await;
    let payload: Value = serde_json::from_str(letter["Body"].as_str().unwrap()).unwrap();
    assert_eq!(payload["QueueUrl"], queue_url("closed"));
    assert_eq!(payload["MessageBody"], told(&letter, "EXECUTION_ID"));
    assert!(told(&letter, "ERROR_MESSAGE").contains("is not authorized to perform: sqs:SendMessage"), "{letter}");
    let expected = [
        ("EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts"),
        ("IS_PAYLOAD_TRUNCATED", "false"),
        ("RETRY_ATTEMPTS", "0"),
        ("SCHEDULED_TIME", "2027-01-15T09:00:00Z"),
        ("TARGET_ARN", "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"),
    ];
    for (name, value) in expected {
        assert_eq!(told(&letter, name), value);
    }
    assert_eq!(told(&letter, "SCHEDULE_ARN"), arn("schedule/default/denied"));
}

#[tokio::test]
async fn what_fails_is_tried_again_and_says_so() {
    let world = World::new().await;
    world.queue("open-dead").await;
    let _running = Running::new(&world);
    let input = "attempt <aws.scheduler.attempt-number>";
    let target = json!({"Arn": queue("open-later"), "Input": input, "RetryPolicy": {"MaximumRetryAttempts": 2}, "DeadLetterConfig": {"Arn": queue("open-dead")}});
    world.create(json!({"ScheduleExpression": at(HOUR), "Target": target, "ActionAfterCompletion": "DELETE"})).await;
    world.seconds(HOUR).await;
    let to = queue("open-later");
    for attempts in 1..=2 {
        loop {
            let lanes = outbox::lanes(&world.db.read().unwrap(), 10).unwrap();
            if lanes.iter().any(|lane| lane.attempts == attempts && lane.failure.is_some()) {
                break;
            }
            tokio::task::yield_now().await;
        }
        let to = to.parse().unwrap();
        world.db.write(move |tx| outbox::retry_now(tx, &to)).await.unwrap();
    }
    let letter = world.message("open-dead").await;
    assert_eq!((letter["Body"].as_str(), &*told(&letter, "RETRY_ATTEMPTS")), (Some("attempt 3"), "2"));
    assert!(
        told(&letter, "ERROR_CODE").contains("NonExistentQueue")
            || told(&letter, "ERROR_CODE").contains("QueueDoesNotExist")
    );
    assert!(!world.exists("s").await);
}
