//! Many requests at once, and what is ready before the first.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::World;

/// Answers when the file is there.
fn waits_for(file: &Path) -> String {
    format!(
        "import os, time\ndef handler(event, context):\n  while not os.path.exists({file:?}): time.sleep(0.01)\n  return os.getpid()"
    )
}

/// Invokes so many times at once, and lets the function answer when so many were refused. Gives the answers, and the
/// reasons of those that were refused.
async fn burst(world: &World, requests: usize, refused: usize) -> (usize, Vec<Value>) {
    let (go, over) = (world.path("go"), AtomicUsize::new(0));
    let calls = join_all((0..requests).map(|_| async {
        let answer = world.try_call("Invoke", json!({"FunctionName": "f"})).await;
        if answer.is_err() {
            over.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }));
    let release =
        world.until(async || (over.load(Ordering::Relaxed) >= refused).then(|| std::fs::write(&go, "").unwrap()));
    let (answers, ()) = tokio::join!(calls, release);
    let mut reasons = Vec::new();
    for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!((error.status, &*error.code, &*error.message), (429, "TooManyRequestsException", "Rate Exceeded."));
        reasons.push(error.members["Reason"].clone());
    }
    (requests - reasons.len(), reasons)
}

#[tokio::test]
async fn what_is_over_the_reservation_is_refused() {
    let world = World::new().await;
    world.function(&waits_for(&world.path("go")), json!({"Timeout": 60})).await;
    world.call("PutFunctionConcurrency", json!({"FunctionName": "f", "ReservedConcurrentExecutions": 5})).await;
    let (answered, reasons) = burst(&world, 50, 45).await;
    assert_eq!((answered, reasons.len()), (5, 45));
    assert!(reasons.iter().all(|reason| reason == "ReservedFunctionConcurrentInvocationLimitExceeded"), "{reasons:?}");
    // And it has room again.
    world.invoke(json!({"FunctionName": "f"})).await;
}

#[tokio::test]
async fn what_is_over_the_servers_limit_is_refused() {
    let world =
        World::with(|runtime| (runtime.instances_max, runtime.queue_timeout) = (4, Duration::from_millis(50))).await;
    world.function(&waits_for(&world.path("go")), json!({"Timeout": 60})).await;
    let (answered, reasons) = burst(&world, 10, 6).await;
    assert_eq!((answered, reasons.len()), (4, 6));
    assert!(reasons.iter().all(|reason| reason == "ConcurrentInvocationLimitExceeded"), "{reasons:?}");
}

#[tokio::test]
async fn a_function_is_ready_before_its_first_request_and_after_each_change() {
    let world = World::new().await;
    world.function("def handler(event, context): return 1", json!({})).await;
    let ready = async || world.until(async || world.is_ready("$LATEST").await.then_some(())).await;
    ready().await;
    assert_eq!(world.instances("$LATEST").await, 0);
    let changed = json!({"FunctionName": "f", "Environment": {"Variables": {"NEW": "1"}}});
    world.call("UpdateFunctionConfiguration", changed).await;
    ready().await;
    let snap_start = json!({"FunctionName": "f", "SnapStart": {"ApplyOn": "PublishedVersions"}});
    world.call("UpdateFunctionConfiguration", snap_start).await;
    world.call("PublishVersion", json!({"FunctionName": "f"})).await;
    world.until(async || world.is_ready("1").await.then_some(())).await;
}
