//! Stacks created, changed, rolled back and removed, on a cloud in memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use deploy::{Action, DeployError, Rollback, Template};
use serde_json::{Value, json};
use support::{FakeCloud, deploy, deploy_as, run, template};

fn queue(properties: Value) -> Value {
    json!({"Type": "AWS::SQS::Queue", "Properties": properties})
}

fn actions(cloud: &FakeCloud, template: Template) -> Vec<(String, Action)> {
    let plan = run(deploy::plan(template, "test", BTreeMap::new(), cloud)).unwrap();
    plan.steps.into_iter().map(|step| (step.logical_id, step.action)).collect()
}

#[test]
fn makes_what_is_needed_first_and_deletes_it_last() {
    let cloud = FakeCloud::default();
    let stack = template(json!({
        "Main": queue(json!({"QueueName": "main", "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3}})),
        "Dead": queue(json!({"QueueName": "dead"})),
        "Other": {"Type": "AWS::SQS::Queue", "DependsOn": "Main", "Properties": {"QueueName": "other"}},
    }));
    run(deploy(&cloud, stack.clone())).unwrap();
    assert_eq!(cloud.take_calls(), ["sqs:CreateQueue dead", "sqs:CreateQueue main", "sqs:CreateQueue other"]);
    let redrive = cloud.world()["sqs/main"]["Attributes"]["RedrivePolicy"].clone();
    assert!(redrive.as_str().unwrap().contains("arn:aws:sqs:us-east-1:000000000000:dead"));

    run(deploy(&cloud, stack)).unwrap();
    assert!(cloud.take_calls().is_empty(), "nothing changed, so nothing is called");

    run(deploy::remove("test", &cloud, &base::Env::real(), &mut |_| {})).unwrap();
    let urls =
        ["other", "main", "dead"].map(|name| format!("sqs:DeleteQueue http://127.0.0.1:4566/000000000000/{name}"));
    assert_eq!(cloud.take_calls(), urls);
    assert!(cloud.world().is_empty() && cloud.stack("test").is_none());
}

#[test]
fn updates_in_place_and_replaces_what_cannot_be_updated() {
    let cloud = FakeCloud::default();
    run(deploy(&cloud, template(json!({"Q": queue(json!({"VisibilityTimeout": "40"})), "Gone": queue(json!({}))}))))
        .unwrap();
    let old: Vec<String> = cloud.world().into_keys().collect();
    assert!(old.iter().all(|key| key.starts_with("sqs/test-")), "{old:?}");

    let changed = template(json!({"Q": queue(json!({"VisibilityTimeout": 50}))}));
    let expected =
        [("Q".to_string(), Action::Update(vec!["VisibilityTimeout".into()])), ("Gone".to_string(), Action::Delete)];
    assert_eq!(actions(&cloud, changed.clone()), expected);
    run(deploy(&cloud, changed)).unwrap();
    assert_eq!(cloud.world().len(), 1);
    let attributes = cloud.world().into_values().next().unwrap()["Attributes"].clone();
    assert_eq!(attributes, json!({"VisibilityTimeout": "50"}));

    let fifo = template(json!({"Q": queue(json!({"FifoQueue": true}))}));
    assert_eq!(actions(&cloud, fifo.clone()), [("Q".to_string(), Action::Replace(vec!["FifoQueue".into()]))]);
    cloud.take_calls();
    run(deploy(&cloud, fifo)).unwrap();
    let calls = cloud.take_calls();
    assert!(calls[0].starts_with("sqs:CreateQueue") && calls[0].ends_with(".fifo"), "{calls:?}");
    assert!(
        calls[1].starts_with("sqs:DeleteQueue") && calls.len() == 2,
        "the old one goes when the new one is there: {calls:?}"
    );
}

#[test]
fn a_replacement_needs_another_name() {
    let cloud = FakeCloud::default();
    run(deploy(&cloud, template(json!({"Q": queue(json!({"QueueName": "q.fifo", "FifoQueue": true}))})))).unwrap();
    let error = run(deploy(&cloud, template(json!({"Q": queue(json!({"QueueName": "q.fifo"}))})))).unwrap_err();
    assert!(error.to_string().contains("change `QueueName` too"), "{error}");
}

#[test]
fn a_failed_deployment_leaves_everything_as_it_was() {
    let cloud = FakeCloud::default();
    let before = template(
        json!({"A": queue(json!({"QueueName": "a", "DelaySeconds": 1})), "B": queue(json!({"QueueName": "b"}))}),
    );
    run(deploy(&cloud, before.clone())).unwrap();
    let (world, state) = (cloud.world(), cloud.stack("test").unwrap());

    cloud.fail_on("CreateQueue", "new");
    let after = template(json!({
        "A": queue(json!({"QueueName": "a", "DelaySeconds": 2, "Tags": [{"Key": "k", "Value": "v"}]})),
        "B": queue(json!({"QueueName": "b2"})),
        "C": queue(json!({"QueueName": "new"})),
    }));
    let error = run(deploy(&cloud, after.clone())).unwrap_err();
    let DeployError::Resource { logical_id, rollback, .. } = &error else { panic!("{error}") };
    assert_eq!((logical_id.as_str(), rollback), ("C", &Rollback::Done));
    assert!(
        error
            .to_string()
            .contains("creating C (AWS::SQS::Queue) failed: sqs:CreateQueue failed: InternalFailure: told to fail"),
        "{error}"
    );
    assert_eq!(cloud.world(), world);
    let rolled_back = cloud.stack("test").unwrap();
    assert_eq!((&rolled_back["status"], &rolled_back["resources"]), (&json!("ROLLED_BACK"), &state["resources"]));

    cloud.never_fail();
    run(deploy(&cloud, after)).unwrap();
    assert_eq!(cloud.world().into_keys().collect::<Vec<_>>(), ["sqs/a", "sqs/b2", "sqs/new"]);
}

#[test]
fn a_first_deployment_that_fails_leaves_no_stack() {
    let cloud = FakeCloud::default();
    cloud.fail_on("CreateQueue", "b");
    let stack = template(
        json!({"A": queue(json!({"QueueName": "a"})), "B": {"Type": "AWS::SQS::Queue", "DependsOn": ["A"], "Properties": {"QueueName": "b"}}}),
    );
    run(deploy(&cloud, stack)).unwrap_err();
    assert!(cloud.world().is_empty() && cloud.stack("test").is_none());
}

#[test]
fn what_was_deleted_behind_its_back_is_made_again() {
    let cloud = FakeCloud::default();
    run(deploy(&cloud, template(json!({"Q": queue(json!({"QueueName": "q", "DelaySeconds": 1}))})))).unwrap();
    cloud.lose("sqs/q");
    run(deploy(&cloud, template(json!({"Q": queue(json!({"QueueName": "q", "DelaySeconds": 2}))})))).unwrap();
    assert_eq!(cloud.world()["sqs/q"]["Attributes"], json!({"DelaySeconds": "2"}));
    cloud.lose("sqs/q");
    run(deploy::remove("test", &cloud, &base::Env::real(), &mut |_| {})).unwrap();
}

#[test]
fn what_cannot_be_deleted_now_is_deleted_by_the_next_deployment() {
    let cloud = FakeCloud::default();
    run(deploy(
        &cloud,
        template(json!({"A": queue(json!({"QueueName": "a"})), "B": queue(json!({"QueueName": "b"}))})),
    ))
    .unwrap();
    cloud.fail_on("DeleteQueue", "b");
    let stack = template(json!({"A": queue(json!({"QueueName": "a"}))}));
    run(deploy(&cloud, stack.clone())).unwrap();
    assert!(cloud.world().contains_key("sqs/b"));
    cloud.never_fail();
    run(deploy(&cloud, stack)).unwrap();
    assert!(!cloud.world().contains_key("sqs/b"));
}

#[test]
fn retained_resources_stay() {
    let cloud = FakeCloud::default();
    let mut kept = queue(json!({"QueueName": "kept"}));
    kept["DeletionPolicy"] = json!("Retain");
    run(deploy(&cloud, template(json!({"Kept": kept, "A": queue(json!({"QueueName": "a"}))})))).unwrap();
    let stack = template(json!({"A": queue(json!({"QueueName": "a"}))}));
    assert_eq!(actions(&cloud, stack.clone()).last().unwrap(), &("Kept".to_string(), Action::Retain));
    run(deploy(&cloud, stack)).unwrap();
    run(deploy::remove("test", &cloud, &base::Env::real(), &mut |_| {})).unwrap();
    assert_eq!(cloud.world().into_keys().collect::<Vec<_>>(), ["sqs/kept"]);
}

#[test]
fn exports_are_read_by_other_stacks_and_held_while_they_are_used() {
    let cloud = FakeCloud::default();
    let exporting = |name: &str| {
        Template::from_json(&json!({
            "Resources": {"Q": queue(json!({"QueueName": name}))},
            "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Q", "Arn"]}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-arn"}}}},
        }))
        .unwrap()
    };
    let outcome = run(deploy_as(&cloud, "one", exporting("q"))).unwrap();
    assert_eq!(outcome.outputs["Arn"], "arn:aws:sqs:us-east-1:000000000000:q");
    let user =
        queue(json!({"QueueName": "user", "RedrivePolicy": {"deadLetterTargetArn": {"Fn::ImportValue": "one-arn"}}}));
    run(deploy_as(&cloud, "two", template(json!({"User": user})))).unwrap();

    let error = run(deploy::remove("one", &cloud, &base::Env::real(), &mut |_| {})).unwrap_err();
    assert!(error.to_string().contains("used by stack two"), "{error}");
    let error = run(deploy_as(&cloud, "one", template(json!({"Q": queue(json!({"QueueName": "q"}))})))).unwrap_err();
    assert!(error.to_string().contains("is used by the stack two"), "{error}");
    let error = run(deploy_as(&cloud, "one", exporting("other"))).unwrap_err();
    assert!(error.to_string().contains("would change"), "{error}");
    assert!(cloud.world().contains_key("sqs/q") && !cloud.world().contains_key("sqs/other"));

    run(deploy::remove("two", &cloud, &base::Env::real(), &mut |_| {})).unwrap();
    run(deploy::remove("one", &cloud, &base::Env::real(), &mut |_| {})).unwrap();
    assert!(cloud.world().is_empty());
}

#[test]
fn conditions_parameters_and_mappings_decide_what_is_there() {
    let cloud = FakeCloud::default();
    let stack = Template::from_json(&json!({
        "Parameters": {"Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]}},
        "Mappings": {"Delay": {"dev": {"seconds": 1}, "prod": {"seconds": 9}}},
        "Conditions": {
            "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
            "IsDev": {"Fn::Not": [{"Condition": "IsProd"}]},
        },
        "Resources": {
            "Q": queue(json!({
                "QueueName": {"Fn::Sub": ["${Stage}-${Name}", {"Name": {"Fn::Select": [1, {"Fn::Split": ["-", "a-b"]}]}}]},
                "DelaySeconds": {"Fn::FindInMap": ["Delay", {"Ref": "Stage"}, "seconds"]},
                "VisibilityTimeout": {"Fn::If": ["IsDev", {"Ref": "AWS::NoValue"}, 60]},
            })),
            "ProdOnly": {"Type": "AWS::SQS::Queue", "Condition": "IsProd"},
        },
        "Outputs": {"Prod": {"Condition": "IsProd", "Value": {"Ref": "ProdOnly"}}},
    }))
    .unwrap();
    run(deploy(&cloud, stack.clone())).unwrap();
    assert_eq!(
        cloud.world(),
        BTreeMap::from([("sqs/dev-b".into(), json!({"Attributes": {"DelaySeconds": "1"}, "Tags": {}}))])
    );
    let given = BTreeMap::from([("Stage".to_string(), "staging".to_string())]);
    let error = run(deploy::plan(stack, "test", given, &cloud)).unwrap_err();
    assert!(error.to_string().contains("cannot be `staging`"), "{error}");
}

#[test]
fn what_is_wrong_is_said_before_anything_is_made() {
    let cloud = FakeCloud::default();
    for (resources, expected) in [
        (
            json!({"A": queue(json!({"QueueName": {"Ref": "B"}})), "B": queue(json!({"QueueName": {"Fn::Sub": "x-${A}"}}))}),
            "in a circle: A -> B -> A",
        ),
        (json!({"A": {"Type": "AWS::SQS::Quue"}}), "did you mean `AWS::SQS::Queue`?"),
        (json!({"A": {"Type": "AWS::EC2::Instance"}}), "supported: AWS::ApiGateway::Account, AWS::ApiGateway::ApiKey"),
        (json!({"A": queue(json!({"VisibiltyTimeout": 5}))}), "did you mean `VisibilityTimeout`?"),
        (json!({"A": queue(json!({"VisibilityTimeout": "soon"}))}), "a whole number is expected, not `soon`"),
        (json!({"A": queue(json!({"QueueName": {"Ref": "Nothing"}}))}), "there is no resource or parameter `Nothing`"),
        (json!({"A": queue(json!({"QueueName": {"Fn::GetAtt": ["A", "Nome"]}}))}), "has no attribute `Nome`"),
        (json!({"A": queue(json!({"QueueName": {"Fn::ImportValue": "x"}}))}), "no stack exports `x`"),
        (json!({"A": queue(json!({"QueueName": {"Fn::GetAZs": ""}}))}), "no availability zones"),
        (json!({"A": {"Type": "AWS::SQS::Queue", "DependsOn": "B"}}), "`DependsOn` names `B`"),
        (json!({}), "nothing to deploy"),
    ] {
        let error = run(deploy(&cloud, template(resources))).unwrap_err();
        assert!(
            matches!(error, DeployError::Project(_)) && error.to_string().contains(expected),
            "{expected}: {error}"
        );
    }
    assert!(cloud.take_calls().is_empty());
}
