//! EventBridge as its callers see it, on the memory engine and a clock that the test moves. What is sent is looked at
//! where it waits for its targets.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::Timestamp;
use kv::Tx;
use outbound::{Loopback, Outbound, Reach};
use serde_json::{Value, json};
use service::{
    Access, Api, Caller, Credential, CredentialError, Cx, Denial, Error, Permission, Service, outbox, write,
};
use testkit::TestCloud;
use tokio_util::sync::CancellationToken;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";
const QUEUE_URL: &str = "http://localhost:4566/000000000000/q";

/// With AWS's quotas, and whatever a test listens on within reach.
fn bridge() -> Service {
    let outbound = Outbound::new(Reach { loopback: Loopback::All });
    events::service(events::Options { outbound, throttle: true })
}

struct World(TestCloud);

impl World {
    fn new() -> World {
        World(TestCloud::new([bridge(), sqs::service()]))
    }

    /// With a rule on the default bus that sends to a queue.
    async fn with_rule(rule: Value, target: Value) -> World {
        let world = World::new();
        world.put_rule(rule, target).await;
        world
    }

    async fn put_rule(&self, mut rule: Value, mut target: Value) {
        if rule.get("Name").is_none() {
            rule["Name"] = json!("r");
        }
        let (name, bus) = (rule["Name"].clone(), rule["EventBusName"].clone());
        self.ok("PutRule", rule).await;
        target["Id"] = json!("t");
        target["Arn"] = target.get("Arn").cloned().unwrap_or(json!(QUEUE));
        let mut input = json!({"Rule": name, "Targets": [target]});
        if !bus.is_null() {
            input["EventBusName"] = bus;
        }
        self.ok("PutTargets", input).await;
    }

    async fn ok(&self, operation: &str, input: Value) -> Value {
        self.0.call("events", operation, input).await.unwrap()
    }

    /// The code and the text of the refusal.
    async fn refused(&self, operation: &str, input: Value) -> (String, String) {
        let error = self.0.call("events", operation, input).await.unwrap_err();
        (error.code.into_owned(), error.message)
    }

    async fn put(&self, detail: Value) -> Value {
        let entry = json!({"Source": "app", "DetailType": "t", "Detail": detail.to_string()});
        self.ok("PutEvents", json!({"Entries": [entry]})).await
    }

    /// How many deliveries wait for a target.
    fn waiting(&self, to: &str) -> usize {
        let lanes = outbox::lanes(&self.0.root().db().read().unwrap(), 100).unwrap();
        lanes.iter().find(|lane| lane.to.to_string() == to).map_or(0, |lane| lane.waiting)
    }

    async fn minutes(&self, minutes: u64) {
        self.0.advance(Duration::from_secs(60 * minutes)).await;
    }
}

/// A service that tells of what it does, and how often it had to say what that was.
fn photos() -> (Service, Arc<AtomicUsize>) {
    async fn develop(said: Arc<AtomicUsize>, cx: Cx, input: Value) -> Result<Value, Error> {
        let context = cx.clone();
        let write = move |tx: &mut Tx| {
            let detail = || {
                said.fetch_add(1, Ordering::Relaxed);
                input.clone()
            };
            events::emit(tx, &context, "aws.photos", "Photo Developed", &["arn:aws:photos:::p".into()], detail)
        };
        cx.db().write(write).await?;
        Ok(json!({}))
    }
    use service::events;
    let said = Arc::<AtomicUsize>::default();
    (Service::builder(Api::named("photos"), said.clone()).operation(write("Develop", develop)).build(), said)
}

#[tokio::test]
async fn services_tell_of_themselves_where_somebody_waits_for_it() {
    let (photos, said) = photos();
    let services = [bridge(), sqs::service(), photos];
    let world = World(TestCloud::with_access(services, Arc::new(Everybody)));
    world.0.call("sqs", "CreateQueue", json!({"QueueName": "q"})).await.unwrap();
    let develop = async |n: u32| world.0.call("photos", "Develop", json!({"n": n})).await.unwrap();
    develop(1).await;
    world.put_rule(json!({"Name": "other", "EventPattern": r#"{"source":["aws.s3"]}"#}), json!({})).await;
    world.put_rule(json!({"Name": "kind", "EventPattern": r#"{"detail-type":["Photo Lost"]}"#}), json!({})).await;
    develop(2).await;
    assert_eq!(said.load(Ordering::Relaxed), 0, "nobody waits for it");
    world.put_rule(json!({"EventPattern": r#"{"source":["aws.photos"],"detail":{"n":[4]}}"#}), json!({})).await;
    develop(3).await;
    develop(4).await;
    assert_eq!(said.load(Ordering::Relaxed), 2);
    let stop = CancellationToken::new();
    let workers = world.0.cloud.start(&stop, &stop);
    while !outbox::lanes(&world.0.root().db().read().unwrap(), 100).unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let received = world.0.call("sqs", "ReceiveMessage", json!({"QueueUrl": QUEUE_URL})).await.unwrap();
    let event: Value = serde_json::from_str(received["Messages"][0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!(event["detail"], json!({"n": 4}));
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("aws.photos"), &json!("Photo Developed")));
    assert_eq!((&event["account"], &event["region"]), (&json!("000000000000"), &json!("us-east-1")));
    assert_eq!(event["resources"], json!(["arn:aws:photos:::p"]));
    assert_eq!(event["id"].as_str().unwrap().len(), 36);
    stop.cancel();
    workers.wait().await;
}

fn validation(message: &str) -> (String, String) {
    ("ValidationException".into(), message.into())
}

#[tokio::test]
async fn events_reach_the_rules_that_match_them() {
    let world = World::with_rule(json!({"EventPattern": r#"{"detail":{"n":[1]}}"#}), json!({})).await;
    world.put(json!({"n": 1})).await;
    world.put(json!({"n": 2})).await;
    assert_eq!(world.waiting(QUEUE), 1);
    world.ok("DisableRule", json!({"Name": "r"})).await;
    world.put(json!({"n": 1})).await;
    assert_eq!(world.waiting(QUEUE), 1);
    world.ok("EnableRule", json!({"Name": "r"})).await;
    world.put(json!({"n": 1})).await;
    assert_eq!(world.waiting(QUEUE), 2);
    world.ok("PutRule", json!({"Name": "r", "EventPattern": r#"{"detail":{"n":[2]}}"#})).await;
    world.put(json!({"n": 2})).await;
    assert_eq!(world.waiting(QUEUE), 3, "targets stay when a rule changes");
    world.ok("RemoveTargets", json!({"Rule": "r", "Ids": ["t"]})).await;
    world.put(json!({"n": 2})).await;
    assert_eq!(world.waiting(QUEUE), 3);
}

#[tokio::test]
async fn entries_fail_one_by_one() {
    let world = World::new();
    let entry =
        |source: &str, kind: &str, detail: &str| json!({"Source": source, "DetailType": kind, "Detail": detail});
    let entries = [
        entry("app", "t", "{}"),
        entry("", "t", "{}"),
        entry("app", "", "{}"),
        json!({"Source": "app", "DetailType": "t"}),
        entry("app", "t", "[]"),
        entry("aws.s3", "t", "{}"),
    ];
    let answer = world.ok("PutEvents", json!({"Entries": entries})).await;
    assert_eq!(answer["FailedEntryCount"], 5);
    let codes: Vec<&Value> = answer["Entries"].as_array().unwrap().iter().map(|entry| &entry["ErrorCode"]).collect();
    let refused = "InvalidArgument";
    assert_eq!(
        codes,
        [
            &json!(null),
            &json!(refused),
            &json!(refused),
            &json!(refused),
            &json!("MalformedDetail"),
            &json!("NotAuthorizedForSourceException")
        ]
    );
    let large = entry("app", "t", &json!({"a": "x".repeat(256 << 10)}).to_string());
    assert_eq!(
        world.refused("PutEvents", json!({"Entries": [large]})).await,
        validation("Total size of the entries in the request is over the limit.")
    );
    let (_, message) = world.refused("PutEvents", json!({"Entries": vec![entry("a", "t", "{}"); 11]})).await;
    assert!(
        message
            .ends_with("at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10")
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_the_words_of_aws() {
    let world = World::with_rule(json!({"EventPattern": r#"{"source":["app"]}"#}), json!({})).await;
    let rule = |extra: Value| {
        let mut input = json!({"Name": "x", "EventPattern": r#"{"source":["app"]}"#});
        input.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap());
        input
    };
    let target = |extra: Value| {
        let mut target = json!({"Id": "x", "Arn": QUEUE});
        target.as_object_mut().unwrap().extend(extra.as_object().cloned().unwrap());
        json!({"Rule": "r", "Targets": [target]})
    };
    let cases = [
        ("DeleteRule", json!({"Name": "r"}), "Rule can't be deleted since it has targets."),
        ("DeleteEventBus", json!({"Name": "default"}), "Cannot delete event bus default."),
        ("PutRule", json!({"Name": "x"}), "Parameter(s) EventPattern or ScheduleExpression must be specified."),
        (
            "PutRule",
            rule(json!({"ScheduleExpression": "rate(1 minutes)"})),
            "Parameter ScheduleExpression is not valid.",
        ),
        ("PutTargets", target(json!({"Input": "{"})), "JSON syntax error in input for target x"),
        (
            "PutTargets",
            target(json!({"Input": "{}", "InputPath": "$.detail"})),
            "Only one of Input, InputPath, or InputTransformer must be provided for target x.",
        ),
        (
            "PutTargets",
            target(json!({"InputTransformer": {"InputTemplate": "\"<other>\""}})),
            "InputTemplate for target x contains invalid placeholder other.",
        ),
        (
            "PutTargets",
            target(json!({"Arn": "arn:aws:sqs:us-east-1:000000000000:q.fifo"})),
            "Parameter(s) SqsParameters must be specified for target: x.",
        ),
        (
            "PutTargets",
            target(json!({"Id": "!"})),
            "1 validation error detected: Value '!' at 'targets.1.member.id' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+",
        ),
        (
            "UpdateArchive",
            json!({"ArchiveName": "a"}),
            "At least one of EventPattern, RetentionDays or Description must be provided.",
        ),
    ];
    for (operation, input, message) in cases {
        assert_eq!(world.refused(operation, input).await, validation(message));
    }
    let (code, message) = world.refused("PutRule", rule(json!({"EventPattern": "{}"}))).await;
    assert_eq!(code, "InvalidEventPatternException");
    assert_eq!(message, "Event pattern is not valid. Reason: Empty objects are not allowed");
    let (code, _) =
        world.refused("PutTargets", target(json!({"Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c"}))).await;
    assert_eq!(code, "NotImplemented");
    let many: Vec<Value> = (0..5).map(|n| json!({"Id": n.to_string(), "Arn": QUEUE})).collect();
    let (code, message) = world.refused("PutTargets", json!({"Rule": "r", "Targets": many})).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    );
    let (code, message) = world.refused("DescribeRule", json!({"Name": "none"})).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ResourceNotFoundException", "Rule none does not exist on EventBus default.")
    );
}

#[tokio::test]
async fn schedules_fire_and_pass_over_what_is_long_past() {
    let world = World::with_rule(json!({"ScheduleExpression": "rate(5 minutes)"}), json!({})).await;
    world.minutes(4).await;
    assert_eq!(world.waiting(QUEUE), 0);
    world.minutes(1).await;
    assert_eq!(world.waiting(QUEUE), 1);
    world.minutes(5).await;
    assert_eq!(world.waiting(QUEUE), 2);
    world.minutes(27).await;
    assert_eq!(world.waiting(QUEUE), 2, "what came due while nobody could see to it waits for its next time");
    world.minutes(3).await;
    assert_eq!(world.waiting(QUEUE), 3);
    world.ok("DisableRule", json!({"Name": "r"})).await;
    world.minutes(5).await;
    assert_eq!(world.waiting(QUEUE), 3);
    world.ok("PutRule", json!({"Name": "r", "ScheduleExpression": "cron(0 12 * * ? *)"})).await;
    world.minutes(24 * 60 - 1).await;
    let before = world.waiting(QUEUE);
    world.minutes(1).await;
    assert!(world.waiting(QUEUE) - before <= 1);
}

#[tokio::test]
async fn archives_keep_events_and_replays_send_them_again() {
    let world = World::with_rule(json!({"EventPattern": r#"{"detail":{"n":[{"numeric":[">",0]}]}}"#}), json!({})).await;
    let bus = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    let archive = json!({"ArchiveName": "a", "EventSourceArn": bus, "EventPattern": r#"{"source":["app"]}"#});
    world.ok("CreateArchive", archive).await;
    for n in 0..250 {
        world.put(json!({"n": n})).await;
    }
    let described = world.ok("DescribeArchive", json!({"ArchiveName": "a"})).await;
    assert_eq!((&described["EventCount"], &described["State"]), (&json!(250), &json!("ENABLED")));
    assert_eq!(world.waiting(QUEUE), 100, "counted up to a hundred");
    let rules = world.ok("ListRules", json!({})).await;
    assert_eq!(rules["Rules"][0]["ManagedBy"], "prod.vhs.events.aws.internal");
    assert_eq!(world.refused("DeleteRule", json!({"Name": "Events-Archive-a"})).await.0, "ManagedRuleException");

    // Only the rule that it names gets them, and the archive does not keep them again.
    let filter = json!({"EventPattern": r#"{"replay-name":["p"]}"#, "Name": "again"});
    let other = "arn:aws:sqs:us-east-1:000000000000:other";
    world.put_rule(filter, json!({"Arn": other})).await;
    let now = world.0.root().now().as_secs();
    let replay = json!({
        "ReplayName": "p", "EventSourceArn": "arn:aws:events:us-east-1:000000000000:archive/a",
        "EventStartTime": now - 60, "EventEndTime": now + 60,
        "Destination": {"Arn": bus, "FilterArns": ["arn:aws:events:us-east-1:000000000000:rule/again"]},
    });
    assert_eq!(world.ok("StartReplay", replay.clone()).await["State"], "STARTING");
    assert_eq!(world.refused("StartReplay", replay).await.0, "ResourceAlreadyExistsException");
    for _ in 0..3 {
        world.0.advance(Duration::from_secs(1)).await;
    }
    let described = world.ok("DescribeReplay", json!({"ReplayName": "p"})).await;
    assert_eq!(described["State"], "COMPLETED");
    let lanes = outbox::lanes(&world.0.root().db().read().unwrap(), 1_000).unwrap();
    let count = |to: &str| lanes.iter().find(|lane| lane.to.to_string() == to).map_or(0, |lane| lane.waiting);
    assert_eq!((count(QUEUE), count(other)), (249, 250));
    assert_eq!(world.ok("DescribeArchive", json!({"ArchiveName": "a"})).await["EventCount"], 250);
    world.ok("DeleteArchive", json!({"ArchiveName": "a"})).await;
    assert_eq!(world.ok("ListRules", json!({})).await["Rules"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn policies_are_put_together_from_statements() {
    let world = World::new();
    let put = |sid: &str| json!({"Action": "events:PutEvents", "Principal": "111111111111", "StatementId": sid});
    world.ok("PutPermission", put("a")).await;
    world.ok("PutPermission", put("b")).await;
    world.ok("RemovePermission", json!({"StatementId": "a"})).await;
    let policy = world.ok("DescribeEventBus", json!({})).await["Policy"].as_str().unwrap().to_owned();
    let policy: Value = serde_json::from_str(&policy).unwrap();
    assert_eq!(policy["Statement"][0]["Principal"]["AWS"], "arn:aws:iam::111111111111:root");
    assert_eq!((policy["Statement"].as_array().unwrap().len(), &policy["Statement"][0]["Sid"]), (1, &json!("b")));
    world.ok("RemovePermission", json!({"RemoveAllPermissions": true})).await;
    assert!(world.ok("DescribeEventBus", json!({})).await.get("Policy").is_none());
    assert_eq!(world.refused("RemovePermission", json!({"StatementId": "b"})).await.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn buses_of_other_accounts_and_regions_are_none_of_this_ones() {
    let world = World::with_rule(json!({"EventPattern": r#"{"source":["app"]}"#}), json!({})).await;
    for place in ["us-east-1:111111111111", "eu-west-1:000000000000"] {
        let (bus, rule) =
            (format!("arn:aws:events:{place}:event-bus/default"), format!("arn:aws:events:{place}:rule/r"));
        let pattern = r#"{"source":["app"]}"#;
        let target = json!({"Id": "x", "Arn": QUEUE});
        let replay = json!({
            "ReplayName": "p", "EventSourceArn": format!("arn:aws:events:{place}:archive/a"), "EventStartTime": 1,
            "EventEndTime": 2, "Destination": {"Arn": bus},
        });
        for (operation, input) in [
            ("DescribeRule", json!({"Name": "r", "EventBusName": bus})),
            ("PutRule", json!({"Name": "x", "EventBusName": bus, "EventPattern": pattern})),
            ("PutTargets", json!({"Rule": "r", "EventBusName": bus, "Targets": [target]})),
            ("TagResource", json!({"ResourceARN": rule, "Tags": [{"Key": "k", "Value": "v"}]})),
            ("ListTagsForResource", json!({"ResourceARN": bus})),
            ("StartReplay", replay),
        ] {
            let (code, message) = world.refused(operation, input).await;
            assert_eq!(code, "ValidationException", "{operation}");
            assert!(message.ends_with("Provided Arn is not in correct format."), "{operation}: {message}");
        }
        let archive = json!({"ArchiveName": "a", "EventSourceArn": bus});
        assert_eq!(world.refused("CreateArchive", archive).await.0, "ResourceNotFoundException");
    }
    world.ok("DeleteEventBus", json!({"Name": "none"})).await;
    let theirs = json!({"Id": "x", "Arn": "arn:aws:events:us-east-1:111111111111:event-bus/b"});
    assert_eq!(world.refused("PutTargets", json!({"Rule": "r", "Targets": [theirs]})).await.0, "NotImplemented");
}

#[tokio::test]
async fn roles_are_of_this_account() {
    let world = World::with_rule(json!({"EventPattern": r#"{"source":["app"]}"#}), json!({})).await;
    let role = "arn:aws:iam::111111111111:role/r";
    let target = json!({"Id": "x", "Arn": QUEUE, "RoleArn": role});
    for (operation, input) in [
        ("PutTargets", json!({"Rule": "r", "Targets": [target]})),
        ("PutRule", json!({"Name": "x", "ScheduleExpression": "rate(1 hour)", "RoleArn": role})),
    ] {
        assert_eq!(world.refused(operation, input).await.0, "AccessDeniedException");
    }
}

#[tokio::test]
async fn events_for_buses_are_not_written_by_rules() {
    let world = World::with_rule(json!({"EventPattern": r#"{"source":["app"]}"#}), json!({})).await;
    let bus = world.ok("CreateEventBus", json!({"Name": "b"})).await["EventBusArn"].clone();
    let forged = r#"{"id":"i","source":"aws.s3","detail-type":"t","detail":{}}"#;
    for input in [
        json!({"Input": forged}),
        json!({"InputPath": "$.detail"}),
        json!({"InputTransformer": {"InputTemplate": forged}}),
    ] {
        let mut target = input;
        (target["Id"], target["Arn"]) = (json!("x"), bus.clone());
        let (code, message) = world.refused("PutTargets", json!({"Rule": "r", "Targets": [target]})).await;
        assert_eq!(code, "ValidationException");
        assert!(message.contains("it is an event bus"), "{message}");
    }
}

#[tokio::test]
async fn what_a_bus_holds_is_limited_and_whole() {
    let world = World::new();
    let rule = |name: String| json!({"Name": name, "EventPattern": r#"{"source":["app"]}"#});
    for n in 0..300 {
        world.ok("PutRule", rule(format!("r{n}"))).await;
    }
    assert_eq!(world.refused("PutRule", rule("more".into())).await.0, "LimitExceededException");
    world.ok("PutRule", rule("r0".into())).await;
    world.ok("DeleteRule", json!({"Name": "r0"})).await;
    world.ok("PutRule", rule("Events-Archive-a".into())).await;
    let bus = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    let archive = json!({"ArchiveName": "a", "EventSourceArn": bus});
    assert_eq!(world.refused("CreateArchive", archive).await.0, "ResourceAlreadyExistsException");
    let policy = json!({"Policy": r#"{"Statement":[{"Effect":"Perhaps"}]}"#});
    assert_eq!(world.refused("PutPermission", policy).await.0, "ValidationException");
    assert!(world.ok("DescribeEventBus", json!({})).await.get("Policy").is_none());
}

/// Lets every rule send.
struct Everybody;

impl Access for Everybody {
    fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        Err(CredentialError::Unknown)
    }

    fn authorize(&self, _: &Caller, _: &Permission, _: Timestamp) -> Result<(), Denial> {
        Ok(())
    }
}

#[tokio::test]
async fn buses_in_a_ring_end() {
    let world = World(TestCloud::with_access([bridge()], Arc::new(Everybody)));
    for (name, other) in [("a", "b"), ("b", "a")] {
        let bus = world.ok("CreateEventBus", json!({"Name": name})).await["EventBusArn"].clone();
        world.ok("CreateArchive", json!({"ArchiveName": name, "EventSourceArn": bus})).await;
        let rule = json!({"EventBusName": name, "EventPattern": r#"{"source":["app"]}"#});
        let arn = format!("arn:aws:events:us-east-1:000000000000:event-bus/{other}");
        world.put_rule(rule, json!({"Arn": arn})).await;
    }
    let stop = CancellationToken::new();
    let workers = world.0.cloud.start(&stop, &stop);
    let entry = json!({"Source": "app", "DetailType": "t", "Detail": "{}", "EventBusName": "a"});
    world.ok("PutEvents", json!({"Entries": [entry]})).await;
    while !outbox::lanes(&world.0.root().db().read().unwrap(), 100).unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    for name in ["a", "b"] {
        assert_eq!(world.ok("DescribeArchive", json!({"ArchiveName": name})).await["EventCount"], 1, "{name}");
    }
    stop.cancel();
    workers.wait().await;
}

#[tokio::test]
async fn what_is_too_much_at_once_is_refused_or_takes_more_steps() {
    let world = World::new();
    let bus = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    world.ok("CreateArchive", json!({"ArchiveName": "a", "EventSourceArn": bus})).await;
    let large = "x".repeat(200 << 10);
    for n in 0..3 {
        world.put(json!({"n": n, "large": large})).await;
    }
    let targets: Vec<Value> = (0..5).map(|n| json!({"Id": n.to_string(), "Arn": QUEUE})).collect();
    for n in 0..10 {
        world.ok("PutRule", json!({"Name": n.to_string(), "EventPattern": r#"{"source":["app"]}"#})).await;
        world.ok("PutTargets", json!({"Rule": n.to_string(), "Targets": targets})).await;
    }
    let replay = |name: &str| {
        let now = world.0.root().now().as_secs();
        json!({
            "ReplayName": name, "EventSourceArn": "arn:aws:events:us-east-1:000000000000:archive/a",
            "EventStartTime": now - 60, "EventEndTime": now + 60, "Destination": {"Arn": bus},
        })
    };
    world.ok("StartReplay", replay("p")).await;
    let state = async |name: &str| world.ok("DescribeReplay", json!({"ReplayName": name})).await["State"].clone();
    for expected in ["RUNNING", "RUNNING", "COMPLETED"] {
        world.0.advance(Duration::from_secs(1)).await;
        assert_eq!(state("p").await, expected, "an event of 200 KiB for 50 targets is a step");
    }
    let sent = outbox::lanes(&world.0.root().db().read().unwrap(), 1_000).unwrap();
    assert_eq!(sent.iter().map(|lane| lane.waiting).sum::<usize>(), 150);
    world.ok("StartReplay", replay("q")).await;
    world.ok("CancelReplay", json!({"ReplayName": "q"})).await;
    assert_eq!(state("q").await, "CANCELLED");

    for n in 10..20 {
        world.ok("PutRule", json!({"Name": n.to_string(), "EventPattern": r#"{"source":["app"]}"#})).await;
        world.ok("PutTargets", json!({"Rule": n.to_string(), "Targets": targets})).await;
    }
    let entry = json!({"Source": "app", "DetailType": "t", "Detail": json!({"large": large}).to_string()});
    assert_eq!(world.refused("PutEvents", json!({"Entries": [entry]})).await.0, "ThrottlingException");
    world.ok("StartReplay", replay("r")).await;
    for _ in 0..3 {
        world.0.advance(Duration::from_secs(1)).await;
    }
    assert_eq!(state("r").await, "COMPLETED", "what cannot be sent holds up nothing");
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(126), "]".repeat(126));
    let entry = json!({"Source": "app", "DetailType": "t", "Detail": deep});
    assert_eq!(world.ok("PutEvents", json!({"Entries": [entry]})).await["Entries"][0]["ErrorCode"], "MalformedDetail");
}

#[tokio::test]
async fn connections_never_show_their_secrets() {
    let world = World::new();
    let auth = json!({"BasicAuthParameters": {"Username": "u", "Password": "hush"}, "InvocationHttpParameters": {"HeaderParameters": [{"Key": "k", "Value": "hush", "IsValueSecret": true}]}});
    let made =
        world.ok("CreateConnection", json!({"Name": "c", "AuthorizationType": "BASIC", "AuthParameters": auth})).await;
    assert_eq!(made["ConnectionState"], "AUTHORIZED");
    let described = world.ok("DescribeConnection", json!({"Name": "c"})).await;
    assert_eq!(described["AuthParameters"]["BasicAuthParameters"], json!({"Username": "u"}));
    assert!(!described.to_string().contains("hush"));
    let destination = json!({"Name": "d", "ConnectionArn": made["ConnectionArn"], "InvocationEndpoint": "https://example.com/", "HttpMethod": "POST"});
    assert_eq!(world.ok("CreateApiDestination", destination).await["ApiDestinationState"], "ACTIVE");
    assert_eq!(world.refused("DeleteConnection", json!({"Name": "c"})).await.0, "ValidationException");
    assert_eq!(world.ok("DeauthorizeConnection", json!({"Name": "c"})).await["ConnectionState"], "DEAUTHORIZING");
    assert_eq!(world.ok("DescribeApiDestination", json!({"Name": "d"})).await["ApiDestinationState"], "INACTIVE");
    world.ok("DeleteApiDestination", json!({"Name": "d"})).await;
    world.ok("DeleteConnection", json!({"Name": "c"})).await;
    let (code, message) = world.refused("DescribeConnection", json!({"Name": "c"})).await;
    assert_eq!(code, "ResourceNotFoundException");
    assert_eq!(message, "Failed to describe the connection(s). Connection 'c' does not exist.");
}

#[tokio::test]
async fn connections_tell_in_what_state_they_are() {
    let pattern = r#"{"source":["aws.events"],"detail-type":[{"prefix":"Connection "}]}"#;
    let world = World::with_rule(json!({"EventPattern": pattern}), json!({})).await;
    let told = || world.waiting("arn:aws:events:us-east-1:000000000000:event-bus/default");
    let key = json!({"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}});
    let connection = json!({"Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": key});
    world.ok("CreateConnection", connection).await;
    assert_eq!(told(), 2, "Creation Started, Authorized");
    world.ok("UpdateConnection", json!({"Name": "c", "Description": "d"})).await;
    assert_eq!(told(), 4, "Update Started, Authorized");
    world.ok("DeauthorizeConnection", json!({"Name": "c"})).await;
    assert_eq!(told(), 6, "Deauthorization Started, Deauthorized");
    world.ok("DeleteConnection", json!({"Name": "c"})).await;
    assert_eq!(told(), 7, "Deletion Started");
}
