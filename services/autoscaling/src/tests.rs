//! Schedules and policies, with functions that only count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::Arn;
use serde_json::{Value, json};
use service::{Api, Cx, Error, Service, Target, outbox, read, write};
use testkit::TestCloud;

use crate::tracking::Meter;
use crate::workers;

/// Functions that have the capacity that they are given, and are used as much as a test says.
#[derive(Default)]
struct Functions {
    capacity: Mutex<u32>,
    used: Mutex<f64>,
    refuses: Mutex<bool>,
}

struct Measured(Arc<Functions>);

impl Target for Measured {
    fn measure(&self, _: &Cx, of: &Arn, metric: &str) -> Result<Option<f64>, Error> {
        assert_eq!((of.resource.as_str(), metric), ("function:f:live", "ProvisionedConcurrencyUtilization"));
        Ok(Some(*self.0.used.lock().unwrap()))
    }
}

fn answer(capacity: u32) -> Value {
    json!({"RequestedProvisionedConcurrentExecutions": capacity})
}

async fn get(functions: Arc<Functions>, _: Cx, input: Value) -> Result<Value, Error> {
    if input["FunctionName"] != "f" || input["Qualifier"] != "live" {
        return Err(Error::new(404, "ResourceNotFoundException", "Function not found"));
    }
    match *functions.capacity.lock().unwrap() {
        0 => Err(Error::new(
            404,
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found",
        )),
        capacity => Ok(answer(capacity)),
    }
}

async fn put(functions: Arc<Functions>, _: Cx, input: Value) -> Result<Value, Error> {
    if *functions.refuses.lock().unwrap() {
        return Err(Error::new(400, "InvalidParameterValueException", "too many"));
    }
    let capacity = u32::try_from(input["ProvisionedConcurrentExecutions"].as_u64().unwrap()).unwrap();
    *functions.capacity.lock().unwrap() = capacity;
    Ok(answer(capacity))
}

async fn delete(functions: Arc<Functions>, _: Cx, _: Value) -> Result<Value, Error> {
    *functions.capacity.lock().unwrap() = 0;
    Ok(json!({}))
}

fn lambda(functions: &Arc<Functions>) -> Service {
    Service::builder(Api::named("lambda"), functions.clone())
        .operation(read("GetProvisionedConcurrencyConfig", get))
        .operation(write("PutProvisionedConcurrencyConfig", put))
        .operation(write("DeleteProvisionedConcurrencyConfig", delete))
        .target(Measured(functions.clone()))
        .build()
}

struct World {
    cloud: TestCloud,
    functions: Arc<Functions>,
    meters: HashMap<String, Meter>,
}

impl World {
    fn new() -> World {
        let functions = Arc::<Functions>::default();
        let cloud = TestCloud::new([crate::service(), lambda(&functions), events::service(events::Options::default())]);
        World { cloud, functions, meters: HashMap::new() }
    }

    /// A world in which `function:f:live` may have from one to ten.
    async fn registered() -> World {
        let world = World::new();
        world.call("RegisterScalableTarget", json!({"MinCapacity": 1, "MaxCapacity": 10})).await.unwrap();
        world
    }

    /// Calls with what identifies the function, unless the input says it.
    async fn call(&self, operation: &str, input: Value) -> Result<Value, Error> {
        let mut whole = json!({
            "ServiceNamespace": "lambda",
            "ResourceId": "function:f:live",
            "ScalableDimension": "lambda:function:ProvisionedConcurrency",
        });
        whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        self.cloud.call("application-autoscaling", operation, whole).await
    }

    async fn refused(&self, operation: &str, input: Value) -> (String, String) {
        let error = self.call(operation, input).await.unwrap_err();
        (error.code.to_string(), error.message)
    }

    async fn advance(&mut self, by: Duration) {
        self.cloud.advance(by).await;
        workers::step(&self.cloud.cloud.system(), &mut self.meters).await.unwrap();
    }

    fn capacity(&self) -> u32 {
        *self.functions.capacity.lock().unwrap()
    }

    async fn activities(&self) -> Vec<(String, String)> {
        let answer = self.call("DescribeScalingActivities", json!({})).await.unwrap();
        let activities = answer["ScalingActivities"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        activities.map(|activity| (text(&activity["StatusCode"]), text(&activity["Cause"]))).collect()
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn targets_have_bounds_and_keep_what_is_not_said() {
    let world = World::registered().await;
    let changed = world.call("RegisterScalableTarget", json!({"MaxCapacity": 5})).await.unwrap();
    let found = world.call("DescribeScalableTargets", json!({"ResourceIds": ["function:f:live"]})).await.unwrap();
    let target = &found["ScalableTargets"][0];
    assert_eq!((&target["MinCapacity"], &target["MaxCapacity"]), (&json!(1), &json!(5)));
    assert_eq!(target["ScalableTargetARN"], changed["ScalableTargetARN"]);
    assert_eq!(world.refused("RegisterScalableTarget", json!({"MaxCapacity": 0})).await.0, "ValidationException");
    world.call("DeregisterScalableTarget", json!({})).await.unwrap();
    assert_eq!(world.refused("DeregisterScalableTarget", json!({})).await.0, "ObjectNotFoundException");
}

#[tokio::test]
async fn only_what_is_there_can_be_scaled() {
    let world = World::new();
    let both = |id: &str| json!({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": id});
    let missing = world.refused("RegisterScalableTarget", both("function:other:live")).await;
    assert_eq!(missing.1, "Lambda function or alias does not exist: function:other:live");
    for id in ["f", "function:f", "function:f:$LATEST", "function:f:a:b", "table/t"] {
        assert_eq!(world.refused("RegisterScalableTarget", both(id)).await.0, "ValidationException", "{id}");
    }
    let clusters = json!({"ServiceNamespace": "ecs", "ResourceId": "service/c/s"});
    assert_eq!(world.refused("RegisterScalableTarget", clusters).await.0, "NotImplemented");
    let index = |id: &str, dimension: &str| json!({"ServiceNamespace": "dynamodb", "ResourceId": id, "ScalableDimension": dimension});
    for (id, dimension) in
        [("table/t/index/i", "dynamodb:table:ReadCapacityUnits"), ("table/t", "dynamodb:index:ReadCapacityUnits")]
    {
        let other = world.refused("RegisterScalableTarget", index(id, dimension)).await;
        assert_eq!(other.1, "Unsupported service namespace, resource type or scalable dimension");
    }
    let unknown = world.refused("DescribeScalableTargets", json!({"ServiceNamespace": "moon"})).await;
    assert!(unknown.1.contains("Member must satisfy enum value set"), "{unknown:?}");
}

#[tokio::test]
async fn a_scheduled_action_brings_the_capacity_within_its_bounds() {
    let mut world = World::registered().await;
    let action = |name: &str, schedule: &str, min: u32, max: u32| json!({"ScheduledActionName": name, "Schedule": schedule, "ScalableTargetAction": {"MinCapacity": min, "MaxCapacity": max}});
    // The clock begins at 2027-01-15T08:00:00Z.
    world.call("PutScheduledAction", action("up", "cron(30 8 * * ? *)", 4, 8)).await.unwrap();
    world.call("PutScheduledAction", action("down", "at(2027-01-15T08:45:00)", 0, 0)).await.unwrap();
    world.advance(29 * MINUTE).await;
    assert_eq!(world.capacity(), 0);
    world.advance(MINUTE).await;
    assert_eq!(world.capacity(), 4);
    world.advance(15 * MINUTE).await;
    assert_eq!(world.capacity(), 0);
    world.advance(24 * 60 * MINUTE).await;
    assert_eq!(world.capacity(), 4);
    let causes: Vec<String> = world.activities().await.into_iter().map(|(_, cause)| cause).collect();
    assert_eq!(causes.iter().filter(|cause| *cause == "scheduled action name up was triggered").count(), 4);
    world.call("DeleteScheduledAction", json!({"ScheduledActionName": "up"})).await.unwrap();
    *world.functions.capacity.lock().unwrap() = 0;
    world.advance(48 * 60 * MINUTE).await;
    assert_eq!(world.capacity(), 0);
}

#[tokio::test]
async fn schedules_are_checked_and_may_rest() {
    let mut world = World::registered().await;
    let put = |schedule: &str| json!({"ScheduledActionName": "a", "Schedule": schedule, "ScalableTargetAction": {"MinCapacity": 3}});
    assert!(world.refused("PutScheduledAction", put("cron(1 2 3)")).await.1.starts_with("Invalid schedule"));
    let mut zoned = put("rate(1 hour)");
    zoned["Timezone"] = json!("Mars/Olympus");
    assert_eq!(world.refused("PutScheduledAction", zoned).await.1, "Invalid timezone: Mars/Olympus");
    world.call("RegisterScalableTarget", json!({"SuspendedState": {"ScheduledScalingSuspended": true}})).await.unwrap();
    world.call("PutScheduledAction", put("rate(1 hour)")).await.unwrap();
    world.advance(60 * MINUTE).await;
    assert_eq!(world.capacity(), 0);
    world
        .call("RegisterScalableTarget", json!({"SuspendedState": {"ScheduledScalingSuspended": false}}))
        .await
        .unwrap();
    world.advance(60 * MINUTE).await;
    assert_eq!(world.capacity(), 3);
}

#[tokio::test]
async fn a_policy_follows_the_use_within_the_bounds() {
    let mut world = World::registered().await;
    let policy = json!({"PolicyName": "p", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 0.5, "PredefinedMetricSpecification": {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}}});
    world.call("PutScalingPolicy", policy).await.unwrap();
    world.advance(MINUTE).await;
    assert_eq!(world.capacity(), 1, "the least that there may be");
    *world.functions.used.lock().unwrap() = 1.0;
    for _ in 0..4 {
        world.advance(MINUTE).await;
    }
    assert_eq!(world.capacity(), 2);
    for _ in 0..30 {
        world.advance(MINUTE).await;
    }
    assert_eq!(world.capacity(), 10, "the most that there may be");
    *world.functions.used.lock().unwrap() = 0.1;
    for _ in 0..20 {
        world.advance(MINUTE).await;
    }
    assert_eq!(world.capacity(), 2);
    world.call("DeleteScalingPolicy", json!({"PolicyName": "p"})).await.unwrap();
    *world.functions.used.lock().unwrap() = 1.0;
    for _ in 0..5 {
        world.advance(MINUTE).await;
    }
    assert_eq!(world.capacity(), 2);
}

#[tokio::test]
async fn who_waits_for_it_hears_that_a_capacity_is_at_its_maximum() {
    let mut world = World::registered().await;
    let action = |name: &str, min: u32| json!({"ScheduledActionName": name, "Schedule": "rate(1 minute)", "ScalableTargetAction": {"MinCapacity": min}});
    world.call("PutScheduledAction", action("a", 10)).await.unwrap();
    world.advance(MINUTE).await;
    let told = |world: &World| outbox::lanes(&world.cloud.root().db().read().unwrap(), 10).unwrap();
    assert_eq!(told(&world), [], "nobody waits for it");
    let pattern = json!({"Name": "r", "EventPattern": r#"{"source":["aws.application-autoscaling"]}"#});
    world.cloud.call("events", "PutRule", pattern).await.unwrap();
    for capacity in [3, 2] {
        *world.functions.capacity.lock().unwrap() = capacity;
        world.advance(MINUTE).await;
    }
    let [bus] = told(&world).try_into().unwrap();
    assert_eq!((bus.to.resource.as_str(), bus.waiting), ("event-bus/default", 2));
    world.call("PutScheduledAction", action("a", 4)).await.unwrap();
    *world.functions.capacity.lock().unwrap() = 2;
    world.advance(MINUTE).await;
    assert_eq!((world.capacity(), told(&world)[0].waiting), (4, 2), "there is more to be had");
}

#[tokio::test]
async fn what_fails_is_told() {
    let mut world = World::registered().await;
    *world.functions.refuses.lock().unwrap() = true;
    let action =
        json!({"ScheduledActionName": "a", "Schedule": "rate(1 minute)", "ScalableTargetAction": {"MinCapacity": 3}});
    world.call("PutScheduledAction", action).await.unwrap();
    world.advance(MINUTE).await;
    assert!(world.activities().await.iter().any(|(status, _)| status == "Failed"));
}

#[tokio::test]
async fn lists_have_pages_and_targets_have_tags() {
    let world = World::registered().await;
    for name in ["a", "b", "c"] {
        let action =
            json!({"ScheduledActionName": name, "Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 1}});
        world.call("PutScheduledAction", action).await.unwrap();
    }
    let first = world.call("DescribeScheduledActions", json!({"MaxResults": 2})).await.unwrap();
    assert_eq!(first["ScheduledActions"].as_array().unwrap().len(), 2);
    let rest = json!({"MaxResults": 2, "NextToken": first["NextToken"]});
    let rest = world.call("DescribeScheduledActions", rest).await.unwrap();
    assert_eq!((&rest["ScheduledActions"][0]["ScheduledActionName"], &rest["NextToken"]), (&json!("c"), &Value::Null));
    let wrong = world.refused("DescribeScheduledActions", json!({"NextToken": "x"})).await;
    assert_eq!(wrong.0, "InvalidNextTokenException");
    let found = world.call("DescribeScalableTargets", json!({})).await.unwrap();
    let arn = &found["ScalableTargets"][0]["ScalableTargetARN"];
    world.call("TagResource", json!({"ResourceARN": arn, "Tags": {"a": "1", "b": "2"}})).await.unwrap();
    world.call("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["a"]})).await.unwrap();
    let tags = world.call("ListTagsForResource", json!({"ResourceARN": arn})).await.unwrap();
    assert_eq!(tags["Tags"], json!({"b": "2"}));
    let nowhere = world.refused("ListTagsForResource", json!({"ResourceARN": "arn:none"})).await;
    assert_eq!(nowhere.0, "ResourceNotFoundException");
}
