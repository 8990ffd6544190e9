//! Events past their retention are out of sight at once, and out of the store soon.

use std::time::Duration;

use serde_json::json;
use service::timers;

use super::{NOW, World, messages};
use crate::keys::{BY_TIME, CHUNKS};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn stored(world: &World) -> (usize, usize) {
    let read = world.cloud.db().read().unwrap();
    let forward = kv::Order::Forward;
    (CHUNKS.scan(&read, forward).unwrap().count(), BY_TIME.scan(&read, forward).unwrap().count())
}

#[tokio::test]
async fn events_expire() {
    let world = World::with_stream().await;
    world.call("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 1})).await;
    for minute in 0..crate::limits::REMOVED_PER_TRANSACTION as u64 + 100 {
        world.put("s", &[(NOW + minute, "old")]).await;
    }
    world.env.advance(DAY / 2);
    let later = NOW + u64::try_from((DAY / 2).as_millis()).unwrap();
    world.put("s", &[(later, "young")]).await;
    world.env.advance(DAY / 2 + Duration::from_secs(10));
    assert_eq!(messages(&world.get(json!({})).await), "young");
    assert_eq!(messages(&world.filter(json!({})).await), "young");
    world.env.advance(DAY / 4);
    for _ in 0..4 {
        timers::fire_due(&world.cloud.system()).await.unwrap();
    }
    assert_eq!(stored(&world), (1, 1));
    world.env.advance(DAY);
    timers::fire_due(&world.cloud.system()).await.unwrap();
    assert_eq!(stored(&world), (0, 0));
    assert!(timers::fire_due(&world.cloud.system()).await.unwrap().is_some(), "the next look is planned");
}

#[tokio::test]
async fn without_a_policy_nothing_expires() {
    let world = World::with_stream().await;
    world.put("s", &[(NOW, "kept")]).await;
    for days in [7, 14] {
        world.call("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": days})).await;
    }
    let group = &world.call("DescribeLogGroups", json!({})).await["logGroups"][0];
    assert_eq!(group["retentionInDays"], 14);
    world.call("DeleteRetentionPolicy", json!({"logGroupName": "g"})).await;
    world.env.advance(DAY * 400);
    assert_eq!(timers::fire_due(&world.cloud.system()).await.unwrap(), None, "no timer is left behind");
    assert_eq!(messages(&world.get(json!({})).await), "kept");
    let odd = json!({"logGroupName": "g", "retentionInDays": 2});
    assert_eq!(world.refused("PutRetentionPolicy", odd).await.0, "InvalidParameterException");
}
