//! Putting, getting and filtering events, and the deliveries of other services.

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};
use service::{Delivery, WireRequest, outbox};
use wire::Protocol;

use super::{NOW, World, messages};

#[tokio::test]
async fn batches_are_checked() {
    let world = World::with_stream().await;
    let refused = async |events: Value| {
        let input = json!({"logGroupName": "g", "logStreamName": "s", "logEvents": events});
        let (code, message) = world.refused("PutLogEvents", input).await;
        assert_eq!(code, "InvalidParameterException");
        message
    };
    let event = |time: u64, text: &str| json!({"timestamp": time, "message": text});
    let unordered = refused(json!([event(NOW, "b"), event(NOW - 1, "a")])).await;
    assert_eq!(unordered, "Log events in a single PutLogEvents request must be in chronological order.");
    let day = 24 * 3_600_000;
    let long = refused(json!([event(NOW - day - 1, "a"), event(NOW, "b")])).await;
    assert!(long.contains("cannot span more than 24 hours"), "{long}");
    let large = refused(json!([event(NOW, &"x".repeat(1_048_576 - 25))])).await;
    assert_eq!(large, "Upload too large: 1048577 bytes exceeds limit of 1048576");
    assert!(refused(json!(vec![event(NOW, "x"); 10_001])).await.contains("less than or equal to 10000"));
    assert!(refused(json!([])).await.contains("greater than or equal to 1"));
    assert!(refused(json!([event(NOW, "")])).await.contains("logEvents.1.member.message"));
}

#[tokio::test]
async fn events_out_of_their_window_are_rejected_alone() {
    let world = World::with_stream().await;
    let (day, hour) = (24 * 3_600_000, 3_600_000);
    let output = world.put("s", &[(NOW - 14 * day - 1, "old"), (NOW - 14 * day, "kept")]).await;
    assert_eq!(output["rejectedLogEventsInfo"], json!({"tooOldLogEventEndIndex": 1}));
    let output = world.put("s", &[(NOW + 2 * hour, "soon"), (NOW + 2 * hour + 1, "new"), (NOW + 3 * hour, "x")]).await;
    assert_eq!(output["rejectedLogEventsInfo"], json!({"tooNewLogEventStartIndex": 1}));
    world.call("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 3})).await;
    let output = world.put("s", &[(NOW - 3 * day - 1, "expired"), (NOW - 3 * day, "edge")]).await;
    assert_eq!(output["rejectedLogEventsInfo"], json!({"expiredLogEventEndIndex": 1}));
    let output = world.put("s", &[(NOW - 20 * day, "a")]).await;
    let both = json!({"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 1});
    assert_eq!(output["rejectedLogEventsInfo"], both);
    assert_eq!(messages(&world.get(json!({})).await), "edge soon");
}

#[tokio::test]
async fn pages_go_both_ways_and_end_with_the_same_token() {
    let world = World::with_stream().await;
    world.put("s", &[(NOW, "1"), (NOW, "2"), (NOW + 1, "3")]).await;
    world.put("s", &[(NOW + 1, "4"), (NOW + 2, "5")]).await;
    let last = world.get(json!({"limit": 2})).await;
    assert_eq!(messages(&last), "4 5");
    let back = world.get(json!({"limit": 2, "nextToken": last["nextBackwardToken"]})).await;
    assert_eq!(messages(&back), "2 3");
    let first = world.get(json!({"limit": 2, "nextToken": back["nextBackwardToken"]})).await;
    assert_eq!(messages(&first), "1");
    let none = world.get(json!({"nextToken": first["nextBackwardToken"]})).await;
    assert_eq!((messages(&none).as_str(), &none["nextBackwardToken"]), ("", &first["nextBackwardToken"]));
    let again = world.get(json!({"nextToken": none["nextForwardToken"], "limit": 1})).await;
    assert_eq!(messages(&again), "1");

    let head = world.get(json!({"startFromHead": true, "limit": 4})).await;
    assert_eq!(messages(&head), "1 2 3 4");
    let rest = world.get(json!({"nextToken": head["nextForwardToken"]})).await;
    let end = world.get(json!({"nextToken": rest["nextForwardToken"]})).await;
    assert_eq!((messages(&rest), messages(&end)), ("5".into(), String::new()));
    assert_eq!(end["nextForwardToken"], rest["nextForwardToken"]);
    world.put("s", &[(NOW + 9, "6")]).await;
    assert_eq!(messages(&world.get(json!({"nextToken": end["nextForwardToken"]})).await), "6");
    let range = json!({"startTime": NOW + 1, "endTime": NOW + 2});
    assert_eq!(messages(&world.get(range).await), "3 4");
    assert_eq!(
        world.refused("GetLogEvents", json!({"logGroupName": "g", "logStreamName": "s", "nextToken": "x"})).await.0,
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn filters_over_streams_in_order_of_time() {
    let world = World::with_stream().await;
    world.call("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "t"})).await;
    world.put("s", &[(NOW, "ERROR a"), (NOW + 3, "INFO b")]).await;
    world.put("t", &[(NOW + 1, "ERROR c"), (NOW + 4, r#"{"level":"ERROR","ms":12}"#)]).await;
    assert_eq!(messages(&world.filter(json!({"filterPattern": "ERROR -level"})).await), "ERROR a ERROR c");
    let found = world.filter(json!({"filterPattern": "{ $.ms > 10 }"})).await;
    assert_eq!(found["events"][0]["logStreamName"], "t");
    assert_eq!(found["events"][0]["eventId"].as_str().unwrap().len(), 56);
    assert_eq!(messages(&world.filter(json!({"logStreamNames": ["s"]})).await), "ERROR a INFO b");
    assert_eq!(messages(&world.filter(json!({"logStreamNamePrefix": "t", "endTime": NOW + 1})).await), "ERROR c");
    let mut input = json!({"limit": 1});
    let mut pages = Vec::new();
    loop {
        let page = world.filter(input.clone()).await;
        pages.push(messages(&page));
        match page.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(pages, ["ERROR a", "ERROR c", "INFO b", r#"{"level":"ERROR","ms":12}"#]);
    let unknown = json!({"logGroupName": "g", "logStreamNames": ["x"]});
    assert_eq!(world.refused("FilterLogEvents", unknown).await.1, "The specified log stream does not exist.");
    let wrong = json!({"logGroupName": "g", "filterPattern": "{ $.a"});
    assert_eq!(world.refused("FilterLogEvents", wrong).await.0, "InvalidParameterException");
}

#[tokio::test]
async fn a_search_through_much_pauses_and_goes_on() {
    let world = World::with_stream().await;
    let line = "x".repeat(500_000);
    for time in 0..40 {
        world.put("s", &[(NOW + time, &line), (NOW + time, &line)]).await;
    }
    world.put("s", &[(NOW + 40, "needle")]).await;
    let first = world.filter(json!({"filterPattern": "needle"})).await;
    assert_eq!(messages(&first), "");
    let mut page = first;
    let mut rounds = 0;
    while let Some(token) = page.get("nextToken") {
        page = world.filter(json!({"filterPattern": "needle", "nextToken": token})).await;
        rounds += 1;
    }
    assert_eq!((messages(&page).as_str(), rounds), ("needle", 2));
}

#[tokio::test]
async fn events_of_a_deleted_stream_are_gone() {
    let world = World::with_stream().await;
    world.put("s", &[(NOW, "old")]).await;
    world.call("DeleteLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    assert_eq!(world.filter(json!({})).await["events"], json!([]));
    world.call("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    world.put("s", &[(NOW, "new")]).await;
    service::timers::fire_due(&world.cloud.system()).await.unwrap();
    assert_eq!(messages(&world.filter(json!({})).await), "new");
    assert_eq!(crate::keys::CHUNKS.scan(&world.cloud.db().read().unwrap(), kv::Order::Forward).unwrap().count(), 1);
}

fn lines(stream: &str, count: u64) -> Bytes {
    let events: Vec<_> = (0..count).map(|i| json!({"timestamp": NOW + i, "message": format!("line {i}")})).collect();
    json!({"logGroup": "/aws/lambda/f", "logStream": stream, "events": events}).to_string().into()
}

#[tokio::test]
async fn deliveries_make_what_is_missing() {
    let world = World::new();
    let cx = world.cloud.system();
    let to = cx.arn("logs", "log-group:/aws/lambda/f:*");
    let heard = world.cloud.db().watch(&crate::channel("us-east-1", "/aws/lambda/f"));
    cx.invoke(to.clone(), lines("2026/11/24/[$LATEST]abc", 2)).await.unwrap();
    let (context, stop) = (cx.clone(), tokio_util::sync::CancellationToken::new());
    let delivery = Delivery::new(&cx, cx.arn("lambda", "function:f"), to, lines("other", 1));
    cx.db().write(move |tx| outbox::send(tx, &context, delivery.clone(), None)).await.unwrap();
    let _running = world.cloud.start(&stop, &stop);
    let mut heard = heard;
    loop {
        heard.changed().await;
        let found = world.call("FilterLogEvents", json!({"logGroupName": "/aws/lambda/f"})).await;
        if messages(&found) == "line 0 line 0 line 1" {
            break;
        }
    }
    stop.cancel();
    let bad = cx.invoke(cx.arn("logs", "log-group:g"), Bytes::from_static(b"{}")).await.unwrap_err();
    assert_eq!(bad.code, "InvalidParameterException");
}

#[tokio::test]
async fn services_deliver_to_groups_of_their_own_and_roles_where_they_may() {
    let world = World::new();
    let cx = world.cloud.system();
    let (context, stop) = (cx.clone(), tokio_util::sync::CancellationToken::new());
    let to = |group: &str| cx.arn("logs", format!("log-group:{group}"));
    let rule = cx.arn("events", "rule/r");
    let to_others = Delivery::new(&cx, rule.clone(), to("/aws/lambda/billing"), lines("s", 1));
    let role = Some("arn:aws:iam::000000000000:role/nobody".parse().unwrap());
    let as_nobody = Delivery { role, ..Delivery::new(&cx, rule.clone(), to("/aws/events/role"), lines("s", 1)) };
    let to_own = Delivery::new(&cx, rule, to("/aws/events/own"), lines("s", 1));
    let all = [to_others, as_nobody, to_own];
    cx.db()
        .write(move |tx| all.iter().try_for_each(|one| outbox::send(tx, &context, one.clone(), None)))
        .await
        .unwrap();
    let _running = world.cloud.start(&stop, &stop);
    while outbox::waiting(&cx, 1).unwrap() > 0 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    let groups = world.call("DescribeLogGroups", json!({})).await;
    let names: Vec<&str> =
        groups["logGroups"].as_array().unwrap().iter().map(|g| g["logGroupName"].as_str().unwrap()).collect();
    assert_eq!(names, ["/aws/events/own"]);
}

#[tokio::test]
async fn a_delivery_of_any_size_is_kept_whole() {
    let world = World::new();
    let cx = world.cloud.system();
    let long = "ä".repeat(1_500_000);
    let event =
        json!({"logStream": "s", "events": [{"timestamp": NOW, "message": long}, {"timestamp": NOW, "message": ""}]});
    cx.invoke(cx.arn("logs", "log-group:g"), event.to_string().into()).await.unwrap();
    let (mut text, mut input) = (String::new(), json!({"startFromHead": true}));
    loop {
        let page = world.get(input).await;
        if messages(&page).is_empty() {
            break;
        }
        text += &messages(&page);
        input = json!({"nextToken": page["nextForwardToken"]});
    }
    assert!(text == long, "{} of {} bytes came back", text.len(), long.len());
}

#[tokio::test]
async fn the_wire_carries_the_same_members() {
    let world = World::with_stream().await;
    world.put("s", &[(NOW, "a")]).await;
    let operation = world.cloud.service("logs").unwrap().operation("GetLogEvents").unwrap();
    let request = WireRequest {
        protocol: Protocol::Json11,
        labels: Vec::new(),
        path: "/".into(),
        query: String::new(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(
            br#"{"logGroupName":"g","logGroupIdentifier":null,"logStreamName":"s","limit":1,"startTime":5,"x":1}"#,
        ),
        params: None,
        upload: None,
    };
    let response = operation.serve(world.cloud.system(), request).await;
    assert_eq!(response.status(), 200, "{:?}", response.body());
    let body: Value = serde_json::from_slice(&response.into_body().collect().await.unwrap()).unwrap();
    assert_eq!(body["events"], json!([{"timestamp": NOW, "message": "a", "ingestionTime": NOW}]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Batches that overlap are read back in order of time, whichever way and in whatever pages.
    #[test]
    fn reading_is_sorting(batches in proptest::collection::vec((0..300_000u64, proptest::collection::vec(0..90_000u64, 1..6)), 1..8), limit in 1..7) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::with_stream().await;
            let mut all = Vec::new();
            for (number, (start, offsets)) in batches.iter().enumerate() {
                let mut times: Vec<_> = offsets.iter().map(|offset| NOW + start + offset).collect();
                times.sort_unstable();
                let texts: Vec<_> = times.iter().map(|_| format!("b{number}")).collect();
                let events: Vec<_> = times.iter().copied().zip(texts.iter().map(String::as_str)).collect();
                world.put("s", &events).await;
                all.extend(times);
            }
            all.sort_unstable();
            let times = |page: &Value| page["events"].as_array().unwrap().iter().map(|e| e["timestamp"].as_u64().unwrap()).collect::<Vec<_>>();

            let (mut forward, mut input) = (Vec::new(), json!({"startFromHead": true, "limit": limit}));
            loop {
                let page = world.get(input).await;
                if times(&page).is_empty() { break }
                forward.extend(times(&page));
                input = json!({"nextToken": page["nextForwardToken"], "limit": limit});
            }
            assert_eq!(forward, all);

            let (mut backward, mut input) = (Vec::new(), json!({"limit": limit}));
            loop {
                let page = world.get(input).await;
                if times(&page).is_empty() { break }
                backward.extend(times(&page).into_iter().rev());
                input = json!({"nextToken": page["nextBackwardToken"], "limit": limit});
            }
            backward.reverse();
            assert_eq!(backward, all);

            let from = all[all.len() / 2];
            let found = world.filter(json!({"startTime": from})).await;
            let expected: Vec<_> = all.iter().copied().filter(|time| *time >= from).collect();
            assert_eq!(times(&found), expected);
        });
    }
}
