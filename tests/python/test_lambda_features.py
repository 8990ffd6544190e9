"""Lambda through boto3: SnapStart, runtimes, recursion, InvokeAsync, and shared layers."""

import base64
import json

import pytest
from cloudlet import wait_until
from test_lambda import arn, create, make_role, package, queue, receive, refused


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "lambda-feature-tests")


def test_snap_start_is_on_for_published_versions(lambda_, role, unique):
    create(lambda_, role, unique, SnapStart={"ApplyOn": "PublishedVersions"})
    version = lambda_.publish_version(FunctionName=unique)
    assert version["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    assert lambda_.get_function_configuration(FunctionName=unique)["SnapStart"]["OptimizationStatus"] == "Off"
    assert lambda_.invoke(FunctionName=unique, Qualifier="1", Payload=b"{}")["StatusCode"] == 200


def test_runtime_and_recursion_settings_are_kept(lambda_, role, unique):
    create(lambda_, role, unique)
    made = lambda_.put_runtime_management_config(FunctionName=unique, UpdateRuntimeOn="FunctionUpdate")
    assert made["FunctionArn"] == arn(unique) + ":$LATEST"
    assert lambda_.get_runtime_management_config(FunctionName=unique)["UpdateRuntimeOn"] == "FunctionUpdate"
    assert lambda_.get_function_recursion_config(FunctionName=unique)["RecursiveLoop"] == "Terminate"
    lambda_.put_function_recursion_config(FunctionName=unique, RecursiveLoop="Allow")
    assert lambda_.get_function_recursion_config(FunctionName=unique)["RecursiveLoop"] == "Allow"


def test_the_operation_of_2014_invokes_too(lambda_, sqs, role, unique):
    create(lambda_, role, unique)
    url, target = queue(sqs, unique)
    lambda_.put_function_event_invoke_config(FunctionName=unique, DestinationConfig={"OnSuccess": {"Destination": target}})
    assert lambda_.invoke_async(FunctionName=unique, InvokeArgs=b'{"n": 1}')["Status"] == 202
    assert json.loads(receive(sqs, url)["Body"])["requestPayload"] == {"n": 1}


def test_a_layer_version_is_shared_by_its_policy(lambda_, server, iam, unique):
    layer = dict(LayerName=unique, VersionNumber=1)
    content = {"ZipFile": package(x__py="")}
    version = lambda_.publish_layer_version(LayerName=unique, Content=content)["LayerVersionArn"]
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    stranger = server.client_as("lambda", key["AccessKeyId"], key["SecretAccessKey"])
    error = refused("AccessDeniedException", stranger.get_layer_version_by_arn, Arn=version)
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
    lambda_.add_layer_version_permission(**layer, StatementId="all", Action="lambda:GetLayerVersion", Principal="*")
    assert stranger.get_layer_version(**layer)["Version"] == 1
    assert json.loads(lambda_.get_layer_version_policy(**layer)["Policy"])["Statement"][0]["Resource"] == version
    lambda_.remove_layer_version_permission(**layer, StatementId="all")
    refused("ResourceNotFoundException", lambda_.get_layer_version_policy, **layer)
    refused("AccessDeniedException", stranger.get_layer_version, **layer)


def test_a_resource_policy_is_put_whole_and_holds(lambda_, server, iam, role, unique):
    create(lambda_, role, unique)
    function = {"ResourceArn": arn(unique)}
    refused("ResourceNotFoundException", lambda_.get_resource_policy, **function)
    lambda_.add_permission(FunctionName=unique, StatementId="old", Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
    added = lambda_.get_resource_policy(**function)
    assert added == lambda_.get_policy(FunctionName=unique) | {"ResponseMetadata": added["ResponseMetadata"]}
    iam.create_user(UserName=unique)
    user = iam.get_user(UserName=unique)["User"]["Arn"]
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    guest = server.client_as("lambda", key["AccessKeyId"], key["SecretAccessKey"])
    refused("AccessDeniedException", guest.invoke, FunctionName=unique)
    statement = {"Sid": "guest", "Effect": "Allow", "Principal": {"AWS": user}, "Action": "lambda:InvokeFunction", "Resource": arn(unique)}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    other = "00000000-0000-0000-0000-000000000000"
    refused("PreconditionFailedException", lambda_.put_resource_policy, **function, Policy=policy, RevisionId=other)
    put = lambda_.put_resource_policy(**function, Policy=policy, RevisionId=added["RevisionId"])
    assert json.loads(put["Policy"])["Statement"] == [statement]
    assert guest.invoke(FunctionName=unique)["StatusCode"] == 200
    refused("InvalidParameterValueException", lambda_.put_resource_policy, **function, Policy="{}")
    refused("ResourceNotFoundException", lambda_.put_resource_policy, ResourceArn=arn(unique) + ":7", Policy=policy)
    lambda_.delete_resource_policy(**function, RevisionId=put["RevisionId"])
    refused("AccessDeniedException", guest.invoke, FunctionName=unique)
    refused("ResourceNotFoundException", lambda_.delete_resource_policy, **function)


def test_a_function_has_no_code_signing(lambda_, role, unique):
    create(lambda_, role, unique)
    assert "CodeSigningConfigArn" not in lambda_.get_function_code_signing_config(FunctionName=unique)


def test_logs_in_json(lambda_, role, unique):
    source = "import logging\ndef handler(event, context):\n    logging.getLogger().error('hello log')\n    logging.info('too low')"
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    made = create(lambda_, role, unique, Code={"ZipFile": package(index__py=source)}, LoggingConfig=logging)
    assert made["LoggingConfig"]["SystemLogLevel"] == "INFO"
    answer = lambda_.invoke(FunctionName=unique, Payload=b"{}", LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    records = [json.loads(line) for line in lines if not line.startswith("[cloudlet]")]
    assert [record["message"] for record in records if "message" in record] == ["hello log"]
    assert records[-1]["type"] == "platform.report" and records[-1]["record"]["status"] == "success"


def test_provisioned_concurrency_is_ready_and_reported(lambda_, role, unique):
    source = "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']"
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=source)}, Publish=True)
    version = dict(FunctionName=unique, Qualifier="1")
    assert lambda_.put_provisioned_concurrency_config(**version, ProvisionedConcurrentExecutions=2)["Status"] == "IN_PROGRESS"
    state = lambda: lambda_.get_provisioned_concurrency_config(**version)
    wait_until(lambda: state()["Status"] == "READY")
    assert state()["AvailableProvisionedConcurrentExecutions"] == 2
    assert json.loads(lambda_.invoke(**version)["Payload"].read()) == "provisioned-concurrency"
    listed = lambda_.list_provisioned_concurrency_configs(FunctionName=unique)["ProvisionedConcurrencyConfigs"]
    assert [config["FunctionArn"] for config in listed] == [arn(unique) + ":1"]
    lambda_.delete_provisioned_concurrency_config(**version)
    refused("ProvisionedConcurrencyConfigNotFoundException", lambda_.get_provisioned_concurrency_config, **version)
    latest = version | {"Qualifier": "$LATEST", "ProvisionedConcurrentExecutions": 1}
    refused("InvalidParameterValueException", lambda_.put_provisioned_concurrency_config, **latest)
