//! When schedules fire.

use std::time::Duration;

use serde_json::json;

use crate::world::*;

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
