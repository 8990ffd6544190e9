//! What callers are told.

use serde_json::{Value, json};

use crate::world::*;

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
        (target(json!({"Arn": format!("{}ä", queue("q"))})), "Provided Arn is not in correct format."),
        (
            target(json!({"Input": "<aws.scheduler.schedule-arn>".repeat(5_000)})),
            "The input of the target has 295000 bytes, and may have 262144.",
        ),
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
