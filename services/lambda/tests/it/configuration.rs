//! Functions, versions, aliases, layers, policies and tags as configuration: nothing runs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::world::{ARN, World, function, package};

const F: &str = "def handler(event, context): return event";

#[tokio::test]
async fn a_function_is_made_changed_listed_and_deleted() {
    let world = World::new().await;
    let created = world
        .function(F, json!({"Environment": {"Variables": {"STAGE": "dev"}}, "Tags": {"team": "a"}, "MemorySize": 256}))
        .await;
    assert_eq!((&created["FunctionArn"], &created["Version"]), (&json!(ARN), &json!("$LATEST")));
    assert_eq!(
        (&created["Timeout"], &created["MemorySize"], &created["State"]),
        (&json!(3), &json!(256), &json!("Active"))
    );
    assert_eq!(created["LastModified"], "2027-01-15T08:00:00.000+0000");
    assert_eq!(
        world.refused("CreateFunction", function(F, json!({}))).await,
        "ResourceConflictException: Function already exist: f"
    );

    let got = world.call("GetFunction", json!({"FunctionName": "f"})).await;
    assert_eq!((&got["Configuration"], &got["Tags"]), (&created, &json!({"team": "a"})));
    assert!(got["Code"]["Location"].as_str().unwrap().starts_with("http://localhost:4566/_cloudlet/lambda/code/"));

    let stale = json!({"FunctionName": "f", "Timeout": 7, "RevisionId": "no"});
    assert!(world.refused("UpdateFunctionConfiguration", stale).await.starts_with("PreconditionFailedException"));
    let change = json!({"FunctionName": ARN, "Timeout": 7, "RevisionId": created["RevisionId"]});
    let changed = world.call("UpdateFunctionConfiguration", change).await;
    assert_eq!((&changed["Timeout"], &changed["Environment"]), (&json!(7), &created["Environment"]));
    assert_ne!(changed["RevisionId"], created["RevisionId"]);

    let code = json!({"FunctionName": "f", "ZipFile": package(&[("index.py", "x = 1")])});
    let mut dry = code.clone();
    dry["DryRun"] = true.into();
    let tried = world.call("UpdateFunctionCode", dry).await;
    assert_eq!(world.call("GetFunctionConfiguration", json!({"FunctionName": "f"})).await, changed);
    let updated = world.call("UpdateFunctionCode", code).await;
    assert_eq!(updated["CodeSha256"], tried["CodeSha256"]);
    assert_ne!(updated["CodeSha256"], created["CodeSha256"]);

    world.call("CreateFunction", function(F, json!({"FunctionName": "g"}))).await;
    let page = world.call("ListFunctions", json!({"MaxItems": 1})).await;
    assert_eq!(page["Functions"][0]["FunctionName"], "f");
    let next = world.call("ListFunctions", json!({"MaxItems": 1, "Marker": page["NextMarker"]})).await;
    assert_eq!((&next["Functions"][0]["FunctionName"], &next["NextMarker"]), (&json!("g"), &Value::Null));

    world.call("DeleteFunction", json!({"FunctionName": "f"})).await;
    let gone = format!("ResourceNotFoundException: Function not found: {ARN}");
    for operation in
        ["GetFunction", "GetFunctionConfiguration", "DeleteFunction", "PublishVersion", "Invoke", "ListAliases"]
    {
        assert_eq!(world.refused(operation, json!({"FunctionName": "f"})).await, gone, "{operation}");
    }
}

#[tokio::test]
async fn versions_are_published_when_something_changed() {
    let world = World::new().await;
    let created = world.function(F, json!({"Publish": true})).await;
    assert_eq!((&created["Version"], &created["FunctionArn"]), (&json!("1"), &json!(format!("{ARN}:1"))));
    let again = world.call("PublishVersion", json!({"FunctionName": "f", "Description": "again"})).await;
    assert_eq!(again, created);
    world.call("UpdateFunctionConfiguration", json!({"FunctionName": "f", "Timeout": 9})).await;
    let wrong = json!({"FunctionName": "f", "CodeSha256": "x"});
    assert!(
        world
            .refused("PublishVersion", wrong)
            .await
            .starts_with("InvalidParameterValueException: CodeSHA256 (x) is different")
    );
    let second = world.call("PublishVersion", json!({"FunctionName": "f", "Description": "two"})).await;
    assert_eq!(
        (&second["Version"], &second["Description"], &second["Timeout"]),
        (&json!("2"), &json!("two"), &json!(9))
    );
    let one = world.call("GetFunctionConfiguration", json!({"FunctionName": "f", "Qualifier": "1"})).await;
    assert_eq!(one["Timeout"], 3);

    let listed = world.call("ListVersionsByFunction", json!({"FunctionName": "f"})).await;
    let names: Vec<&Value> = listed["Versions"].as_array().unwrap().iter().map(|version| &version["Version"]).collect();
    assert_eq!(names, ["$LATEST", "1", "2"]);
    let all = world.call("ListFunctions", json!({"FunctionVersion": "ALL", "MaxItems": 2})).await;
    let rest = world.call("ListFunctions", json!({"FunctionVersion": "ALL", "Marker": all["NextMarker"]})).await;
    assert_eq!((all["Functions"].as_array().unwrap().len(), &rest["Functions"][0]["Version"]), (2, &json!("2")));

    world.call("CreateAlias", json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "1"})).await;
    assert_eq!(
        world.refused("DeleteFunction", json!({"FunctionName": "f", "Qualifier": "1"})).await,
        "ResourceConflictException: Unable to delete version because the following aliases reference it: [live]"
    );
    world.call("DeleteFunction", json!({"FunctionName": "f:2"})).await;
    world.call("DeleteFunction", json!({"FunctionName": "f", "Qualifier": "99"})).await;
    assert!(
        world
            .refused("DeleteFunction", json!({"FunctionName": "f:$LATEST"}))
            .await
            .contains("cannot be deleted without")
    );
    let third = world.call("PublishVersion", json!({"FunctionName": "f"})).await;
    assert_eq!(third["Version"], "3", "a number is never given twice");
}

#[tokio::test]
async fn aliases_point_to_versions_and_split_traffic() {
    let world = World::new().await;
    world.function(F, json!({"Publish": true})).await;
    let alias = |more: Value| {
        let mut input = json!({"FunctionName": "f", "Name": "live", "FunctionVersion": "1"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    assert_eq!(
        world.refused("CreateAlias", alias(json!({"FunctionVersion": "2"}))).await,
        format!("ResourceNotFoundException: Function not found: {ARN}:2")
    );
    assert!(world.refused("CreateAlias", alias(json!({"Name": "12"}))).await.contains("at 'name' failed to satisfy"));
    let created = world.call("CreateAlias", alias(json!({}))).await;
    assert_eq!(created["AliasArn"], format!("{ARN}:live"));
    assert!(
        world
            .refused("CreateAlias", alias(json!({})))
            .await
            .starts_with("ResourceConflictException: Alias already exists")
    );

    let split = |weights: Value| json!({"FunctionName": "f", "Name": "live", "RoutingConfig": {"AdditionalVersionWeights": weights}});
    world.call("UpdateFunctionConfiguration", json!({"FunctionName": "f", "Timeout": 9})).await;
    world.call("PublishVersion", json!({"FunctionName": "f"})).await;
    assert!(world.refused("UpdateAlias", split(json!({"1": 0.5}))).await.contains("already included in routing"));
    assert!(world.refused("UpdateAlias", split(json!({"2": 1.5}))).await.contains("less than or equal to 1.0"));
    let updated = world.call("UpdateAlias", split(json!({"2": 0.25}))).await;
    assert_eq!(updated["RoutingConfig"], json!({"AdditionalVersionWeights": {"2": 0.25}}));
    assert_eq!(world.call("GetAlias", json!({"FunctionName": "f", "Name": "live"})).await, updated);
    let of_two = world.call("ListAliases", json!({"FunctionName": "f", "FunctionVersion": "2"})).await;
    assert_eq!(of_two["Aliases"].as_array().unwrap().len(), 1);
    world.call("DeleteAlias", json!({"FunctionName": "f", "Name": "live"})).await;
    world.call("DeleteAlias", json!({"FunctionName": "f", "Name": "live"})).await;
    assert_eq!(
        world.refused("GetAlias", json!({"FunctionName": "f", "Name": "live"})).await,
        format!("ResourceNotFoundException: Cannot find alias arn: {ARN}:live")
    );
}

#[tokio::test]
async fn what_is_wrong_is_refused_in_lambdas_words() {
    let world = World::new().await;
    let cases = [
        (
            json!({"FunctionName": "a b"}),
            "ValidationException: 1 validation error detected: Value 'a b' at 'functionName'",
        ),
        (
            json!({"FunctionName": "f".repeat(65)}),
            "InvalidParameterValueException: 1 validation error detected: Value 'ffff",
        ),
        (
            json!({"Timeout": 0}),
            "ValidationException: 1 validation error detected: Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (json!({"MemorySize": 64, "Handler": "a b"}), "ValidationException: 2 validation errors detected: "),
        (
            json!({"Role": "me"}),
            "ValidationException: 1 validation error detected: Value 'me' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:",
        ),
        (json!({"Role": null}), "ValidationException: 1 validation error detected: Value null at 'role'"),
        (
            json!({"Role": "arn:aws:iam::000000000000:role/untrusting"}),
            "InvalidParameterValueException: The role defined for the function cannot be assumed by Lambda.",
        ),
        (
            json!({"Runtime": "java21"}),
            "InvalidParameterValueException: The runtime java21 is not implemented by Cloudlet",
        ),
        (
            json!({"Runtime": "cobol"}),
            "InvalidParameterValueException: Value cobol at 'runtime' failed to satisfy constraint",
        ),
        (json!({"Runtime": null}), "InvalidParameterValueException: Runtime and Handler are mandatory"),
        (
            json!({"Code": {"ZipFile": STANDARD.encode("nonsense")}}),
            "InvalidParameterValueException: Could not unzip uploaded file.",
        ),
        (
            json!({"Code": {"S3Bucket": "b"}}),
            "InvalidParameterValueException: Please provide a source for function code.",
        ),
        (json!({"PackageType": "Image", "Code": {"ImageUri": "x"}}), "NotImplemented: PackageType Image"),
        (json!({"VpcConfig": {"SubnetIds": ["s"], "SecurityGroupIds": []}}), "NotImplemented: VpcConfig"),
        (
            json!({"Environment": {"Variables": {"AWS_REGION": "x"}}}),
            "InvalidParameterValueException: Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys",
        ),
        (
            json!({"Environment": {"Variables": {"BIG": "x".repeat(5_000)}}}),
            "InvalidParameterValueException: Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit.",
        ),
        (
            json!({"Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:l:1"]}),
            "InvalidParameterValueException: Layer version arn:aws:lambda:us-east-1:000000000000:layer:l:1 does not exist.",
        ),
        (json!({"Tags": {"aws:x": "y"}}), "InvalidParameterValueException: The tag key 'aws:x'"),
    ];
    for (more, expected) in cases {
        let refused = world.refused("CreateFunction", function(F, more.clone())).await;
        assert!(refused.starts_with(expected), "{more}: {refused}");
    }
}

#[tokio::test]
async fn layers_are_numbered_shared_and_kept_by_who_uses_them() {
    let world = World::new().await;
    let publish = |runtimes: Value| json!({"LayerName": "l", "Content": {"ZipFile": package(&[("python/x.py", "x = 1")])}, "CompatibleRuntimes": runtimes});
    let first = world.call("PublishLayerVersion", publish(json!(["python3.12"]))).await;
    let arn = first["LayerVersionArn"].as_str().unwrap();
    assert_eq!((arn, &first["Version"]), ("arn:aws:lambda:us-east-1:000000000000:layer:l:1", &json!(1)));
    world.call("PublishLayerVersion", publish(json!(["nodejs20.x"]))).await;
    let by_arn = world.call("GetLayerVersionByArn", json!({"Arn": arn})).await;
    assert_eq!(by_arn, world.call("GetLayerVersion", json!({"LayerName": "l", "VersionNumber": 1})).await);
    let for_python = json!({"CompatibleRuntime": "python3.12"});
    let layers = world.call("ListLayers", for_python).await;
    assert_eq!(layers["Layers"][0]["LatestMatchingVersion"]["Version"], 1);
    let versions = world.call("ListLayerVersions", json!({"LayerName": "l"})).await;
    assert_eq!(versions["LayerVersions"][0]["Version"], 2);

    let created = world.function(F, json!({"Layers": [arn]})).await;
    assert_eq!(created["Layers"][0]["Arn"], arn);
    world.call("DeleteLayerVersion", json!({"LayerName": "l", "VersionNumber": 1})).await;
    assert!(world.refused("GetLayerVersionByArn", json!({"Arn": arn})).await.starts_with("ResourceNotFoundException"));
    let kept = world.call("GetFunctionConfiguration", json!({"FunctionName": "f"})).await;
    assert_eq!(kept["Layers"], created["Layers"]);
    world.call("DeleteLayerVersion", json!({"LayerName": "l", "VersionNumber": 2})).await;
    assert_eq!(world.call("PublishLayerVersion", publish(json!([]))).await["Version"], 3);
}

#[tokio::test]
async fn a_resource_policy_lets_a_stranger_invoke() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    let dry_run = json!({"FunctionName": "f", "InvocationType": "DryRun"});
    assert_eq!(world.call_as_stranger("Invoke", dry_run.clone()).await.unwrap_err().code, "AccessDeniedException");
    let statement = json!({"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunction",
        "Principal": "arn:aws:iam::000000000000:user/stranger", "SourceAccount": "000000000000"});
    let added = world.call("AddPermission", statement.clone()).await;
    let added: Value = serde_json::from_str(added["Statement"].as_str().unwrap()).unwrap();
    assert_eq!(added["Condition"], json!({"StringEquals": {"AWS:SourceAccount": "000000000000"}}));
    assert!(
        world.refused("AddPermission", statement).await.starts_with("ResourceConflictException: The statement id (s)")
    );
    world.call_as_stranger("Invoke", dry_run.clone()).await.unwrap();
    let policy = world.call("GetPolicy", json!({"FunctionName": "f"})).await;
    let document: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    assert_eq!(document["Statement"], json!([added]));
    world.call("RemovePermission", json!({"FunctionName": "f", "StatementId": "s"})).await;
    assert_eq!(world.call_as_stranger("Invoke", dry_run).await.unwrap_err().code, "AccessDeniedException");
    assert!(world.refused("GetPolicy", json!({"FunctionName": "f"})).await.starts_with("ResourceNotFoundException"));
}

#[tokio::test]
async fn tags_concurrency_and_account_settings_are_kept() {
    let world = World::new().await;
    world.function(F, json!({})).await;
    world.call("TagResource", json!({"Resource": ARN, "Tags": {"a": "1", "b": "2"}})).await;
    world.call("UntagResource", json!({"Resource": ARN, "TagKeys": ["a"]})).await;
    assert_eq!(world.call("ListTags", json!({"Resource": ARN})).await, json!({"Tags": {"b": "2"}}));
    let put = |executions: i64| json!({"FunctionName": "f", "ReservedConcurrentExecutions": executions});
    assert!(world.refused("PutFunctionConcurrency", put(901)).await.contains("below its minimum value of [100]"));
    world.call("PutFunctionConcurrency", put(900)).await;
    assert_eq!(
        world.call("GetFunctionConcurrency", json!({"FunctionName": "f"})).await["ReservedConcurrentExecutions"],
        900
    );
    let account = world.call("GetAccountSettings", json!({})).await;
    assert_eq!(
        (&account["AccountLimit"]["UnreservedConcurrentExecutions"], &account["AccountUsage"]["FunctionCount"]),
        (&json!(100), &json!(1))
    );
    world.call("DeleteFunctionConcurrency", json!({"FunctionName": "f"})).await;
    assert_eq!(world.call("GetFunctionConcurrency", json!({"FunctionName": "f"})).await, json!({}));
}
