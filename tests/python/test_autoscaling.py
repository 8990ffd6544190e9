"""Application Auto Scaling through boto3: functions' provisioned concurrency and tables' throughput, by schedule and by use."""

import datetime
import json

import pytest
from cloudlet import ACCOUNT, REGION, wait_until
from test_lambda import make_role, package, refused

LAMBDA = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency"}
SLOW = "import time\ndef handler(event, context):\n    time.sleep(event)\n"
UTILIZATION = {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "autoscaling-tests")


@pytest.fixture
def target(lambda_, autoscaling, role, unique):
    """What identifies a function's alias that may have one to three instances ready."""
    code = {"ZipFile": package(index__py=SLOW)}
    lambda_.create_function(FunctionName=unique, Runtime="python3.12", Role=role, Handler="index.handler", Code=code, Timeout=20)
    version = lambda_.publish_version(FunctionName=unique)["Version"]
    lambda_.create_alias(FunctionName=unique, Name="live", FunctionVersion=version)
    target = {**LAMBDA, "ResourceId": f"function:{unique}:live"}
    autoscaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    yield target
    autoscaling.deregister_scalable_target(**target)


def ready(lambda_, target):
    """How many instances are ready; zero when none are kept."""
    _, name, alias = target["ResourceId"].split(":")
    try:
        config = lambda_.get_provisioned_concurrency_config(FunctionName=name, Qualifier=alias)
    except lambda_.exceptions.ProvisionedConcurrencyConfigNotFoundException:
        return 0
    return config["AvailableProvisionedConcurrentExecutions"]


def test_a_target_has_bounds_and_tags(autoscaling, target):
    [found] = autoscaling.describe_scalable_targets(ServiceNamespace="lambda", ResourceIds=[target["ResourceId"]])["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (1, 3)
    assert found["CreationTime"].year >= 2026
    arn = found["ScalableTargetARN"]
    assert arn.startswith(f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/")
    autoscaling.tag_resource(ResourceARN=arn, Tags={"a": "1", "b": "2"})
    autoscaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert autoscaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2"}
    refused("ValidationException", autoscaling.register_scalable_target, **target, MinCapacity=4, MaxCapacity=3)
    missing = target | {"ResourceId": "function:nobody:live"}
    refused("ObjectNotFoundException", autoscaling.deregister_scalable_target, **missing)
    clusters = {"ServiceNamespace": "ecs", "ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount"}
    refused("NotImplemented", autoscaling.register_scalable_target, **clusters, MinCapacity=1, MaxCapacity=2)


def test_a_scheduled_action_changes_what_is_ready(lambda_, autoscaling, target):
    # One that runs in a moment, in a time zone of its own.
    zone = datetime.timezone(datetime.timedelta(hours=9))
    at = (datetime.datetime.now(zone) + datetime.timedelta(seconds=4)).strftime("%Y-%m-%dT%H:%M:%S")
    action = {"ScheduledActionName": "up", "Schedule": f"at({at})", "Timezone": "Asia/Tokyo", "ScalableTargetAction": {"MinCapacity": 2}}
    autoscaling.put_scheduled_action(**target, **action)
    wait_until(lambda: ready(lambda_, target) == 2, what="two instances that are ready")
    [found] = autoscaling.describe_scheduled_actions(ServiceNamespace="lambda", ResourceId=target["ResourceId"])["ScheduledActions"]
    assert (found["Schedule"], found["Timezone"]) == (action["Schedule"], "Asia/Tokyo")
    activities = autoscaling.describe_scaling_activities(ServiceNamespace="lambda", ResourceId=target["ResourceId"])["ScalingActivities"]
    assert {activity["Cause"] for activity in activities} == {"scheduled action name up was triggered"}
    assert {activity["StatusCode"] for activity in activities} == {"Successful"}
    autoscaling.delete_scheduled_action(**target, ScheduledActionName="up")
    refused("ObjectNotFoundException", autoscaling.delete_scheduled_action, **target, ScheduledActionName="up")
    refused("ValidationException", autoscaling.put_scheduled_action, **target, **action | {"Schedule": "cron(1 2)"})


def test_a_policy_keeps_the_least_that_there_may_be(lambda_, autoscaling, target):
    tracking = {"TargetValue": 0.7, "PredefinedMetricSpecification": UTILIZATION}
    policy = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": tracking}
    arn = autoscaling.put_scaling_policy(**target, **policy)["PolicyARN"]
    wait_until(lambda: ready(lambda_, target) == 1, what="an instance that is ready")
    [found] = autoscaling.describe_scaling_policies(ServiceNamespace="lambda", PolicyNames=["p"])["ScalingPolicies"]
    assert (found["PolicyARN"], found["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]) == (arn, 0.7)
    steps = {"PolicyName": "q", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {}}
    refused("NotImplemented", autoscaling.put_scaling_policy, **target, **steps)
    autoscaling.delete_scaling_policy(**target, PolicyName="p")
    refused("ObjectNotFoundException", autoscaling.delete_scaling_policy, **target, PolicyName="p")


def test_who_may_not_change_a_function_may_not_have_it_scaled(server, iam, target, unique):
    iam.create_user(UserName=unique)
    statement = {"Effect": "Allow", "Action": "application-autoscaling:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    client = server.client_as("application-autoscaling", key["AccessKeyId"], key["SecretAccessKey"])
    error = refused("AccessDeniedException", client.register_scalable_target, **target, MinCapacity=1, MaxCapacity=9)
    assert "lambda:GetProvisionedConcurrencyConfig" in error["Error"]["Message"]


@pytest.fixture
def table(dynamodb, unique):
    """A provisioned table with an index, of two units each."""
    units = {"ReadCapacityUnits": 2, "WriteCapacityUnits": 2}
    key = [{"AttributeName": "k", "KeyType": "HASH"}]
    dynamodb.create_table(
        TableName=unique,
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=key,
        ProvisionedThroughput=units,
        GlobalSecondaryIndexes=[{"IndexName": "idx", "KeySchema": key, "Projection": {"ProjectionType": "ALL"}, "ProvisionedThroughput": units}],
    )
    return unique


def provisioned(dynamodb, table, index=False):
    """Read and write units of a table or of its index."""
    found = dynamodb.describe_table(TableName=table)["Table"]
    units = (found["GlobalSecondaryIndexes"][0] if index else found)["ProvisionedThroughput"]
    return units["ReadCapacityUnits"], units["WriteCapacityUnits"]


def test_tables_and_indexes_are_scaled_by_schedule(dynamodb, autoscaling, table):
    whole = {"ServiceNamespace": "dynamodb", "ResourceId": f"table/{table}", "ScalableDimension": "dynamodb:table:WriteCapacityUnits"}
    index = {"ServiceNamespace": "dynamodb", "ResourceId": f"table/{table}/index/idx", "ScalableDimension": "dynamodb:index:ReadCapacityUnits"}
    for target, least in ((whole, 5), (index, 7)):
        autoscaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=9)
        at = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
        autoscaling.put_scheduled_action(**target, ScheduledActionName="up", Schedule=f"at({at})", ScalableTargetAction={"MinCapacity": least})
    wait_until(lambda: provisioned(dynamodb, table) == (2, 5), what="the table's units")
    wait_until(lambda: provisioned(dynamodb, table, index=True) == (7, 2), what="the index's units")
    missing = whole | {"ResourceId": "table/nothing"}
    error = refused("ValidationException", autoscaling.register_scalable_target, **missing, MinCapacity=1, MaxCapacity=2)
    assert error["Error"]["Message"] == "DynamoDB table does not exist: table/nothing"
    no_index = index | {"ResourceId": f"table/{table}/index/nothing"}
    refused("ValidationException", autoscaling.register_scalable_target, **no_index, MinCapacity=1, MaxCapacity=2)
    found = autoscaling.describe_scalable_targets(ServiceNamespace="dynamodb", ResourceIds=[whole["ResourceId"]])["ScalableTargets"]
    assert [each["RoleARN"].rsplit("_", 1)[1] for each in found] == ["DynamoDBTable"]


def test_policies_of_tables_aim_at_percentages_and_keep_bounds(dynamodb, autoscaling, table):
    target = {"ServiceNamespace": "dynamodb", "ResourceId": f"table/{table}", "ScalableDimension": "dynamodb:table:ReadCapacityUnits"}
    autoscaling.register_scalable_target(**target, MinCapacity=4, MaxCapacity=9)

    def policy(value, metric="DynamoDBReadCapacityUtilization"):
        tracking = {"TargetValue": value, "PredefinedMetricSpecification": {"PredefinedMetricType": metric}}
        return {**target, "PolicyName": "p", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": tracking}

    refused("ValidationException", autoscaling.put_scaling_policy, **policy(0.7))
    refused("ValidationException", autoscaling.put_scaling_policy, **policy(70.0, "DynamoDBWriteCapacityUtilization"))
    autoscaling.put_scaling_policy(**policy(70.0))
    wait_until(lambda: provisioned(dynamodb, table) == (4, 2), what="the least that there may be")
    autoscaling.delete_scaling_policy(**target, PolicyName="p")
    dynamodb.update_table(TableName=table, BillingMode="PAY_PER_REQUEST")
    autoscaling.put_scaling_policy(**policy(70.0))
    activities = lambda: len(autoscaling.describe_scaling_activities(ServiceNamespace="dynamodb", ResourceId=target["ResourceId"])["ScalingActivities"])
    before = activities()
    dynamodb.update_table(TableName=table, BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
                          GlobalSecondaryIndexUpdates=[{"Update": {"IndexName": "idx", "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}}])
    wait_until(lambda: provisioned(dynamodb, table) == (4, 1), what="the least, once there is something to scale")
    assert activities() == before + 1, "on demand, there was nothing to do"
