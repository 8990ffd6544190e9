//! What Lambda says when it refuses something, word for word. Source: answers of AWS, as recorded by others who test against it.

use serde_json::{Value, json};

use crate::world::{ARN, World};

const F: &str = "def handler(event, context): return event";

const INVALID: &str = "InvalidParameterValueException";
const NOT_FOUND: &str = "ResourceNotFoundException";
const NONE: &str = "arn:aws:lambda:us-east-1:000000000000:function:none";
const WEIGHTS: &str =
    "ValidationException: 1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights'";
const LATEST_WEIGHT: &str = "ValidationException: 1 validation error detected: Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights'";

#[tokio::test]
async fn refusals_are_lambdas_own() {
    let world = World::new().await;
    world.function(F, json!({"Publish": true})).await;
    world.call("CreateAlias", json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "1"})).await;
    let alias = |more: Value| {
        let mut input = json!({"FunctionName": "f", "Name": "new", "FunctionVersion": "1"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let routed = |weights: Value| alias(json!({"RoutingConfig": {"AdditionalVersionWeights": weights}}));
    let told = |arn: &str| json!({"FunctionName": "f", "DestinationConfig": {"OnFailure": {"Destination": arn}}});
    let permission = json!({"FunctionName": "f", "Qualifier": "$LATEST", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"});
    let cases = [
        ("GetFunctionUrlConfig", json!({"FunctionName": "none"}), NOT_FOUND, "The resource you requested does not exist.".into()),
        ("DeleteFunctionEventInvokeConfig", json!({"FunctionName": "none"}), NOT_FOUND, format!("The function {NONE}:$LATEST doesn't have an EventInvokeConfig")),
        ("PutFunctionEventInvokeConfig", json!({"FunctionName": "none", "MaximumRetryAttempts": 1}), NOT_FOUND, "The function doesn't exist.".into()),
        ("PutFunctionEventInvokeConfig", told(ARN), INVALID, "You can't specify the function as a destination for itself.".into()),
        ("PutFunctionEventInvokeConfig", told(NONE), INVALID, format!("The destination ARN {NONE} is invalid.")),
        ("PutFunctionConcurrency", json!({"FunctionName": "none", "ReservedConcurrentExecutions": 1}), NOT_FOUND, format!("Function not found: {NONE}:$LATEST")),
        ("CreateAlias", alias(json!({"FunctionName": "none"})), NOT_FOUND, format!("Function not found: {NONE}:1")),
        ("UpdateAlias", alias(json!({})), NOT_FOUND, format!("Alias not found: {ARN}:new")),
        ("GetAlias", json!({"FunctionName": "f", "Name": "new"}), NOT_FOUND, format!("Cannot find alias arn: {ARN}:new")),
        ("GetProvisionedConcurrencyConfig", json!({"FunctionName": "none", "Qualifier": "new"}), NOT_FOUND, format!("Cannot find alias arn: {NONE}:new")),
        ("GetProvisionedConcurrencyConfig", json!({"FunctionName": "f", "Qualifier": "$LATEST"}), INVALID, "The function resource provided must be an alias or a published version.".into()),
        ("TagResource", json!({"Resource": ARN, "Tags": {}}), INVALID, "An error occurred and the request cannot be processed.".into()),
        ("TagResource", json!({"Resource": format!("{ARN}:live"), "Tags": {"a": "b"}}), INVALID, "Tags on function aliases and versions are not supported. Please specify a function ARN.".into()),
        ("UntagResource", json!({"Resource": ARN, "TagKeys": []}), "ValidationException", "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null".into()),
        ("AddPermission", permission, INVALID, "We currently do not support adding policies for $LATEST.".into()),
        ("CreateEventSourceMapping", json!({"FunctionName": "f"}), INVALID, "Unrecognized event source.".into()),
    ];
    for (operation, input, code, message) in cases {
        assert_eq!(world.refused(operation, input.clone()).await, format!("{code}: {message}"), "{operation} {input}");
    }
    for (weights, expected) in [(json!({"2": 2.0}), WEIGHTS), (json!({"$LATEST": 0.5}), LATEST_WEIGHT)] {
        let refused = world.refused("CreateAlias", routed(weights)).await;
        assert!(refused.starts_with(expected), "{refused}");
    }
}

#[tokio::test]
async fn functions_of_another_account_are_not_this_ones() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    let other = ARN.replace("000000000000", "123456789012");
    for operation in ["GetFunction", "DeleteFunction", "PublishVersion", "Invoke"] {
        let refused = world.refused(operation, json!({"FunctionName": other})).await;
        assert!(refused.starts_with("AccessDeniedException: 123456789012 is not an account"), "{operation}: {refused}");
    }
}
