//! Groups and streams: making, listing, tagging, removing.

use serde_json::{Value, json};

use super::{NOW, World};

fn names(output: &Value, list: &str, name: &str) -> Vec<String> {
    let of = |entry: &Value| entry[name].as_str().unwrap().to_owned();
    output[list].as_array().unwrap().iter().map(of).collect()
}

#[tokio::test]
async fn groups_are_described_by_name_in_pages() {
    let world = World::new();
    for name in ["/aws/lambda/b", "/aws/lambda/a", "other"] {
        world.call("CreateLogGroup", json!({"logGroupName": name, "tags": {"k": "v"}})).await;
    }
    let all = world.call("DescribeLogGroups", json!({})).await;
    assert_eq!(names(&all, "logGroups", "logGroupName"), ["/aws/lambda/a", "/aws/lambda/b", "other"]);
    let expected = json!({
        "logGroupName": "/aws/lambda/a", "creationTime": NOW, "metricFilterCount": 0, "storedBytes": 0,
        "arn": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/a:*",
        "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/a",
        "logGroupClass": "STANDARD", "deletionProtectionEnabled": false,
    });
    assert_eq!(all["logGroups"][0], expected);
    let page = world.call("DescribeLogGroups", json!({"limit": 1, "logGroupNamePrefix": "/aws"})).await;
    let next = json!({"limit": 1, "logGroupNamePrefix": "/aws", "nextToken": page["nextToken"]});
    let page = world.call("DescribeLogGroups", next).await;
    assert_eq!(names(&page, "logGroups", "logGroupName"), ["/aws/lambda/b"]);
    assert_eq!(page.get("nextToken"), None);
    let found = world.call("DescribeLogGroups", json!({"logGroupNamePattern": "the"})).await;
    assert_eq!(names(&found, "logGroups", "logGroupName"), ["other"]);
    let both = json!({"logGroupNamePattern": "a", "logGroupNamePrefix": "a"});
    assert_eq!(world.refused("DescribeLogGroups", both).await.0, "InvalidParameterException");
}

#[tokio::test]
async fn names_are_checked_and_unique() {
    let world = World::with_stream().await;
    let (code, message) = world.refused("CreateLogGroup", json!({"logGroupName": "g"})).await;
    assert_eq!((&*code, &*message), ("ResourceAlreadyExistsException", "The specified log group already exists"));
    let stream = json!({"logGroupName": "g", "logStreamName": "s"});
    assert_eq!(world.refused("CreateLogStream", stream).await.1, "The specified log stream already exists");
    for name in ["", "a b", "ä", &"x".repeat(513)] {
        let (code, message) = world.refused("CreateLogGroup", json!({"logGroupName": name})).await;
        assert_eq!(code, "InvalidParameterException");
        assert!(message.starts_with("1 validation error detected: Value '"), "{message}");
    }
    for name in ["", "a:b", "a*"] {
        let stream = json!({"logGroupName": "g", "logStreamName": name});
        assert_eq!(world.refused("CreateLogStream", stream).await.0, "InvalidParameterException");
    }
    let kms = world.refused("CreateLogGroup", json!({"logGroupName": "k", "kmsKeyId": "arn"})).await;
    assert_eq!(kms.0, "NotImplemented");
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let world = World::new();
    world.call("CreateLogGroup", json!({"logGroupName": "g"})).await;
    let group = (String::from("ResourceNotFoundException"), String::from("The specified log group does not exist."));
    let stream = (group.0.clone(), String::from("The specified log stream does not exist."));
    for operation in ["DeleteLogGroup", "DescribeLogStreams", "FilterLogEvents", "DeleteRetentionPolicy"] {
        assert_eq!(world.refused(operation, json!({"logGroupName": "x"})).await, group);
    }
    for operation in ["DeleteLogStream", "GetLogEvents"] {
        assert_eq!(world.refused(operation, json!({"logGroupName": "x", "logStreamName": "s"})).await, group);
        assert_eq!(world.refused(operation, json!({"logGroupName": "g", "logStreamName": "s"})).await, stream);
    }
    let elsewhere = json!({"logGroupIdentifier": "arn:aws:logs:us-east-1:111111111111:log-group:g"});
    assert_eq!(world.refused("FilterLogEvents", elsewhere).await, group);
}

#[tokio::test]
async fn streams_are_listed_by_name_and_by_their_last_event() {
    let world = World::with_stream().await;
    for name in ["a", "b"] {
        world.call("CreateLogStream", json!({"logGroupName": "g", "logStreamName": name})).await;
    }
    world.put("a", &[(NOW - 5, "x"), (NOW - 1, "y")]).await;
    world.put("b", &[(NOW - 2, "x")]).await;
    let list = async |mut input: Value| {
        input["logGroupName"] = json!("g");
        let page = world.call("DescribeLogStreams", input).await;
        (names(&page, "logStreams", "logStreamName").join(" "), page)
    };
    assert_eq!(list(json!({})).await.0, "a b s");
    assert_eq!(list(json!({"descending": true})).await.0, "s b a");
    assert_eq!(list(json!({"logStreamNamePrefix": "b"})).await.0, "b");
    assert_eq!(list(json!({"orderBy": "LastEventTime", "descending": true})).await.0, "a b s");
    for (order, pages) in [("LastEventTime", ["s b", "a"]), ("LogStreamName", ["a b", "s"])] {
        let (first, page) = list(json!({"orderBy": order, "limit": 2})).await;
        let next = json!({"orderBy": order, "limit": 2, "nextToken": page["nextToken"]});
        assert_eq!([first, list(next).await.0], pages);
    }
    let (_, page) = list(json!({"logStreamNamePrefix": "a"})).await;
    let expected = json!({
        "logStreamName": "a", "creationTime": NOW, "firstEventTimestamp": NOW - 5, "lastEventTimestamp": NOW - 1,
        "lastIngestionTime": NOW, "uploadSequenceToken": format!("{:056}", 1), "storedBytes": 0,
        "arn": "arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:a",
    });
    assert_eq!(page["logStreams"][0], expected);
    let bytes = world.call("DescribeLogGroups", json!({})).await["logGroups"][0]["storedBytes"].clone();
    assert_eq!(bytes, json!(3 * 27));
    let refused = json!({"logGroupName": "g", "orderBy": "LastEventTime", "logStreamNamePrefix": "a"});
    assert_eq!(world.refused("DescribeLogStreams", refused).await.0, "InvalidParameterException");
}

#[tokio::test]
async fn a_group_made_again_is_empty() {
    let world = World::with_stream().await;
    world.put("s", &[(NOW, "old")]).await;
    let protect = |on: bool| json!({"logGroupIdentifier": "g", "deletionProtectionEnabled": on});
    world.call("PutLogGroupDeletionProtection", protect(true)).await;
    assert_eq!(world.refused("DeleteLogGroup", json!({"logGroupName": "g"})).await.0, "ValidationException");
    world.call("PutLogGroupDeletionProtection", protect(false)).await;
    world.call("DeleteLogGroup", json!({"logGroupName": "g"})).await;
    world.call("CreateLogGroup", json!({"logGroupName": "g"})).await;
    assert_eq!(world.filter(json!({})).await["events"], json!([]));
}

#[tokio::test]
async fn tags_in_both_families() {
    let world = World::with_stream().await;
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g";
    world.call("TagResource", json!({"resourceArn": arn, "tags": {"a": "1", "b": "2"}})).await;
    world.call("TagLogGroup", json!({"logGroupName": "g", "tags": {"c": "3"}})).await;
    world.call("UntagResource", json!({"resourceArn": format!("{arn}:*"), "tagKeys": ["a"]})).await;
    world.call("UntagLogGroup", json!({"logGroupName": "g", "tags": ["b", "absent"]})).await;
    let both = [
        world.call("ListTagsForResource", json!({"resourceArn": arn})).await,
        world.call("ListTagsLogGroup", json!({"logGroupName": "g"})).await,
    ];
    assert_eq!(both, [json!({"tags": {"c": "3"}}), json!({"tags": {"c": "3"}})]);
    let many: Value = (0..50).map(|i| (i.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    let refused = world.refused("TagResource", json!({"resourceArn": arn, "tags": many})).await;
    assert_eq!(refused.0, "TooManyTagsException");
    assert_eq!(world.refused("ListTagsForResource", json!({"resourceArn": "x"})).await.0, "InvalidParameterException");
}
