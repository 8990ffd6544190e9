//! Following a query: who may, for how long, and what is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::{Arn, Timestamp};
use futures_util::StreamExt;
use http::Response;
use serde_json::{Value, json};
use service::{
    Access, Body, Caller, CallerKind, Credential, CredentialError, Cx, Denial, Event, Events, Permission, WireRequest,
};
use testkit::TestCloud;
use wire::Protocol;

use crate::fixture::{Fixture, on_table};

const FOLLOWERS_MAX: usize = 4096;
const CALLER_FOLLOWERS_MAX: usize = 1024;

async fn follow(fixture: &Fixture, cx: Cx, query: Value) -> Response<Body> {
    let services = fixture.0.cloud.services();
    let operation = services.iter().find_map(|service| service.operation("FollowQuery")).unwrap();
    let query: String = on_table(query).to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
    let request = WireRequest {
        protocol: Protocol::RestJson,
        labels: Vec::new(),
        path: String::new(),
        query: format!("query={query}"),
        headers: Default::default(),
        body: Default::default(),
        params: None,
        upload: None,
    };
    operation.serve(cx, request).await
}

fn in_partition(attribute: &str) -> Value {
    json!({
        "KeyConditionExpression": format!("{attribute} = :k"),
        "ExpressionAttributeValues": {":k": {"S": "a"}},
    })
}

fn user(fixture: &Fixture, name: &str) -> Cx {
    let cloud = &fixture.0.cloud;
    let root = Caller::root(cloud.account());
    let arn = Arn::global("iam", cloud.account(), format!("user/{name}"));
    let caller = Caller { arn, kind: CallerKind::User { name: name.into() }, ..root };
    cloud.cx(caller, cloud.region().clone(), None)
}

/// What is told next.
async fn told(events: &mut Events) -> Value {
    match events.next().await {
        Some(Event::Message(message)) => serde_json::from_str(&message).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// An identity service that allows all or nothing.
#[derive(Default)]
struct Switch(AtomicBool);

impl Access for Switch {
    fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        Err(CredentialError::Unknown)
    }

    fn authorize(&self, _: &Caller, _: &Permission, _: Timestamp) -> Result<(), Denial> {
        if self.0.load(Ordering::Relaxed) { Ok(()) } else { Err(Denial { message: "not now".into() }) }
    }
}

async fn allowing() -> (Fixture, Arc<Switch>) {
    let switch = Arc::new(Switch(AtomicBool::new(true)));
    let services = dynamodb::services(dynamodb::Options::default());
    let fixture = Fixture(TestCloud::with_access(services, switch.clone()));
    fixture
        .create_with(json!({
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        }))
        .await;
    (fixture, switch)
}

#[tokio::test]
async fn followers_are_limited_and_leave_nothing_behind() {
    let (fixture, _) = allowing().await;
    let mut following = Vec::new();
    for number in 0..FOLLOWERS_MAX {
        let caller = user(&fixture, &format!("u{}", number / CALLER_FOLLOWERS_MAX));
        let response = follow(&fixture, caller, in_partition("pk")).await;
        assert_eq!(response.status(), 200);
        following.push(response);
    }
    for (who, limit) in [("u3", "1024"), ("other", "4096")] {
        let refused = follow(&fixture, user(&fixture, who), in_partition("pk")).await;
        assert_eq!(refused.status(), 400);
        let why = refused.into_body().collect().await.unwrap();
        assert!(String::from_utf8_lossy(&why).contains(limit), "{why:?}");
    }
    drop(following.pop());
    assert_eq!(follow(&fixture, user(&fixture, "u3"), in_partition("pk")).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_any_more_is_not_kept() {
    let (fixture, switch) = allowing().await;
    let response = follow(&fixture, user(&fixture, "u"), in_partition("pk")).await;
    let mut events = response.into_body().into_events().unwrap();
    assert_eq!(told(&mut events).await["Type"], "Result");
    assert_eq!(events.next().await, Some(Event::Pulse));
    switch.0.store(false, Ordering::Relaxed);
    // Nothing has changed: the next pulse asks.
    assert_eq!(told(&mut events).await["Code"], "AccessDeniedException");
    assert_eq!(events.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn following_ends_with_the_credentials() {
    let (fixture, _) = allowing().await;
    let env = fixture.0.cloud.env();
    let life = Duration::from_secs(20);
    let session = user(&fixture, "u").expiring(Some(env.now() + life));
    let response = follow(&fixture, session, in_partition("pk")).await;
    let mut events = response.into_body().into_events().unwrap();
    assert_eq!(told(&mut events).await["Type"], "Result");
    assert_eq!(events.next().await, Some(Event::Pulse));
    env.advance(life);
    assert_eq!(told(&mut events).await["Code"], "ExpiredTokenException");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn what_a_local_index_does_not_hold_is_followed_too() {
    let fixture = Fixture::new();
    fixture
        .create_with(json!({
            "AttributeDefinitions": (["pk", "sk", "lk"].map(|name| json!({"AttributeName": name, "AttributeType": "S"}))),
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "LocalSecondaryIndexes": [{
                "IndexName": "local",
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "lk", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }],
        }))
        .await;
    let item = |more: &str| json!({"pk": {"S": "a"}, "sk": {"S": "s"}, "lk": {"S": "l"}, "more": {"S": more}});
    fixture.put(item("one")).await;
    let mut query = in_partition("pk");
    query["IndexName"] = json!("local");
    query["Select"] = json!("ALL_ATTRIBUTES");
    let mut events = follow(&fixture, fixture.0.root(), query).await.into_body().into_events().unwrap();
    assert_eq!(told(&mut events).await["Items"], json!([item("one")]));
    fixture.put(item("two")).await;
    assert_eq!(told(&mut events).await["Changes"][0]["Item"], item("two"));
}

#[tokio::test]
async fn an_index_of_the_same_name_is_another_one() {
    let fixture = Fixture::with_table().await;
    let create = json!({
        "IndexName": "global",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    });
    let make = async || {
        let definitions = json!([{"AttributeName": "g", "AttributeType": "S"}]);
        let update = json!({"AttributeDefinitions": definitions, "GlobalSecondaryIndexUpdates": [{"Create": create}]});
        fixture.call("UpdateTable", on_table(update)).await;
        for _ in 0..3 {
            fixture.0.advance(Duration::from_secs(1)).await;
        }
    };
    make().await;
    let mut query = in_partition("g");
    query["IndexName"] = json!("global");
    let mut events = follow(&fixture, fixture.0.root(), query.clone()).await.into_body().into_events().unwrap();
    assert_eq!(told(&mut events).await["Count"], 0);
    // All of it before the follower looks.
    let delete = json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "global"}}]});
    fixture.call("UpdateTable", on_table(delete)).await;
    make().await;
    assert_eq!(fixture.query(query).await["Count"], 0);
    assert_eq!(told(&mut events).await["Code"], "ResourceNotFoundException");
    assert_eq!(events.next().await, None);
}
