"""Secrets Manager: versions and their labels, who may read them, and rotations by functions, also over a crash."""

import json
import uuid

import pytest
from cloudlet import ACCOUNT, REGION, Server, wait_until
from test_kms import refused
from test_lambda import create, make_role, package
from test_signatures import send_as

ROTATION = """
import boto3, json, os
def handler(event, context):
    secrets = boto3.client("secretsmanager", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    secret, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    stages = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
    assert token in stages, stages
    if step == "createSecret":
        current = secrets.get_secret_value(SecretId=secret)["SecretString"]
        secrets.put_secret_value(SecretId=secret, ClientRequestToken=token, SecretString=current + "+", VersionStages=["AWSPENDING"])
    if step == "testSecret" and os.environ.get("FAIL"):
        raise RuntimeError("told to")
    if step == "finishSecret":
        current = next(version for version, labels in stages.items() if "AWSCURRENT" in labels)
        secrets.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current)
        secrets.update_secret_version_stage(SecretId=secret, VersionStage="AWSPENDING", RemoveFromVersionId=token)
"""


def rotating(server, name, allowed=True, environment=None):
    """The ARN of a function that rotates secrets by one more +."""
    lambda_, iam = server.client("lambda"), server.client("iam")
    role = make_role(iam, f"{name}-role")
    allow = {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}
    iam.put_role_policy(RoleName=f"{name}-role", PolicyName="s", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    made = create(lambda_, role, name, Code={"ZipFile": package(index__py=ROTATION)}, Environment={"Variables": environment or {}})
    if allowed:
        lambda_.add_permission(FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal="secretsmanager.amazonaws.com")
    return made["FunctionArn"]


def test_versions_and_their_labels(secretsmanager, unique):
    made = secretsmanager.create_secret(Name=unique, SecretString="one", Description="d", Tags=[{"Key": "a", "Value": "1"}])
    assert made["ARN"].startswith(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{unique}-") and len(made["ARN"]) == len(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{unique}-") + 6
    first = made["VersionId"]
    for named in (unique, made["ARN"], made["ARN"][:-7]):
        told = secretsmanager.get_secret_value(SecretId=named)
        assert (told["SecretString"], told["VersionId"], told["VersionStages"]) == ("one", first, ["AWSCURRENT"])
    second = secretsmanager.put_secret_value(SecretId=unique, SecretBinary=b"\x00two")["VersionId"]
    told = secretsmanager.get_secret_value(SecretId=unique)
    assert told["SecretBinary"] == b"\x00two" and "SecretString" not in told
    assert secretsmanager.get_secret_value(SecretId=unique, VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    third = secretsmanager.put_secret_value(SecretId=unique, SecretString="three", VersionStages=["mine"])["VersionId"]
    assert secretsmanager.describe_secret(SecretId=unique)["VersionIdsToStages"] == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"], third: ["mine"]}
    message = refused(secretsmanager.update_secret_version_stage, "InvalidParameterException", SecretId=unique, VersionStage="AWSCURRENT", MoveToVersionId=third)
    assert f"currently attached to version {second}" in message
    secretsmanager.update_secret_version_stage(SecretId=unique, VersionStage="AWSCURRENT", MoveToVersionId=third, RemoveFromVersionId=second)
    assert secretsmanager.describe_secret(SecretId=unique)["VersionIdsToStages"] == {second: ["AWSPREVIOUS"], third: ["mine", "AWSCURRENT"]}
    assert {version["VersionId"] for version in secretsmanager.list_secret_version_ids(SecretId=unique)["Versions"]} == {second, third}
    every = secretsmanager.list_secret_version_ids(SecretId=unique, IncludeDeprecated=True)
    assert {version["VersionId"] for version in every["Versions"]} == {first, second, third}
    assert secretsmanager.get_secret_value(SecretId=unique, VersionId=first)["SecretString"] == "one"
    refused(secretsmanager.update_secret_version_stage, "InvalidParameterException", SecretId=unique, VersionStage="AWSCURRENT", RemoveFromVersionId=third)
    assert "staging label: none" in refused(secretsmanager.get_secret_value, "ResourceNotFoundException", SecretId=unique, VersionStage="none")
    refused(secretsmanager.get_secret_value, "InvalidRequestException", SecretId=unique, VersionId=second, VersionStage="AWSCURRENT")


def test_a_repeated_request_makes_no_second_version(secretsmanager, unique):
    token = str(uuid.uuid4())
    for _ in range(2):
        assert secretsmanager.create_secret(Name=unique, SecretString="one", ClientRequestToken=token)["VersionId"] == token
    refused(secretsmanager.create_secret, "ResourceExistsException", Name=unique, SecretString="other", ClientRequestToken=token)
    token = str(uuid.uuid4())
    for _ in range(2):
        assert secretsmanager.put_secret_value(SecretId=unique, SecretString="two", ClientRequestToken=token)["VersionId"] == token
    refused(secretsmanager.put_secret_value, "ResourceExistsException", SecretId=unique, SecretString="other", ClientRequestToken=token)
    refused(secretsmanager.put_secret_value, "InvalidParameterException", SecretId=unique, SecretString="x", ClientRequestToken="short")


@pytest.mark.parametrize("operation, code", [("CreateSecret", "InvalidRequestException"), ("UpdateSecret", "InvalidRequestException"), ("PutSecretValue", "InvalidRequestException"), ("RotateSecret", "InvalidParameterException")])
def test_who_sends_requests_without_an_sdk_sends_a_token(server, unique, operation, code):
    body = json.dumps({"Name" if operation == "CreateSecret" else "SecretId": unique, "SecretString": "x"}).encode()
    root = server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"]
    status, answer = send_as(server, root, "secretsmanager", f"secretsmanager.{operation}", body)
    assert (status, answer["__type"]) == (400, code) and answer["Message"].startswith("You must provide a ClientRequestToken value.")


def test_each_version_has_the_day_on_which_it_was_read(secretsmanager, unique):
    first = secretsmanager.create_secret(Name=unique, SecretString="one")["VersionId"]
    second = secretsmanager.put_secret_value(SecretId=unique, SecretString="two")["VersionId"]
    assert "LastAccessedDate" not in secretsmanager.describe_secret(SecretId=unique)
    secretsmanager.get_secret_value(SecretId=unique, VersionId=first)
    read = {version["VersionId"]: version.get("LastAccessedDate") for version in secretsmanager.list_secret_version_ids(SecretId=unique)["Versions"]}
    assert read[first] == secretsmanager.describe_secret(SecretId=unique)["LastAccessedDate"] and read[second] is None
    secretsmanager.get_secret_value(SecretId=unique)
    assert all("LastAccessedDate" in version for version in secretsmanager.list_secret_version_ids(SecretId=unique)["Versions"])


def test_a_label_of_a_rotation_ends_with_the_next_value(secretsmanager, unique):
    first = secretsmanager.create_secret(Name=unique, SecretString="one")["VersionId"]
    second = secretsmanager.put_secret_value(SecretId=unique, SecretString="two", VersionStages=["AWSPENDING"])["VersionId"]
    secretsmanager.update_secret_version_stage(SecretId=unique, VersionStage="AWSCURRENT", MoveToVersionId=second, RemoveFromVersionId=first)
    third = secretsmanager.put_secret_value(SecretId=unique, SecretString="three")["VersionId"]
    assert secretsmanager.describe_secret(SecretId=unique)["VersionIdsToStages"] == {second: ["AWSPREVIOUS"], third: ["AWSCURRENT"]}


def test_tags_that_are_gone_leave_an_empty_list(secretsmanager, unique):
    secretsmanager.create_secret(Name=unique)
    assert "Tags" not in secretsmanager.describe_secret(SecretId=unique)
    secretsmanager.tag_resource(SecretId=unique, Tags=[{"Key": "a", "Value": "1"}])
    secretsmanager.untag_resource(SecretId=unique, TagKeys=["a"])
    assert secretsmanager.describe_secret(SecretId=unique)["Tags"] == []


def test_a_secret_is_changed_deleted_and_restored(secretsmanager, kms, unique):
    secretsmanager.create_secret(Name=unique, SecretString="one")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    secretsmanager.update_secret(SecretId=unique, Description="new", KmsKeyId=key)
    told = secretsmanager.describe_secret(SecretId=unique)
    assert (told["Description"], told["KmsKeyId"]) == ("new", key)
    assert secretsmanager.get_secret_value(SecretId=unique)["SecretString"] == "one"
    # What was encrypted again is under the new key.
    kms.disable_key(KeyId=key)
    refused(secretsmanager.get_secret_value, "DecryptionFailure", SecretId=unique)
    kms.enable_key(KeyId=key)
    secretsmanager.update_secret(SecretId=unique, SecretString="two")
    assert secretsmanager.get_secret_value(SecretId=unique)["SecretString"] == "two"
    deleted = secretsmanager.delete_secret(SecretId=unique, RecoveryWindowInDays=7)
    assert deleted["DeletionDate"] == secretsmanager.describe_secret(SecretId=unique)["DeletedDate"]
    for call in (secretsmanager.get_secret_value, secretsmanager.put_secret_value, secretsmanager.delete_secret):
        refused(call, "InvalidRequestException", SecretId=unique, **({"SecretString": "x"} if call == secretsmanager.put_secret_value else {}))
    assert "scheduled for deletion" in refused(secretsmanager.create_secret, "InvalidRequestException", Name=unique)
    secretsmanager.restore_secret(SecretId=unique)
    assert secretsmanager.get_secret_value(SecretId=unique)["SecretString"] == "two"
    secretsmanager.delete_secret(SecretId=unique, ForceDeleteWithoutRecovery=True)
    refused(secretsmanager.describe_secret, "ResourceNotFoundException", SecretId=unique)
    secretsmanager.delete_secret(SecretId=unique, ForceDeleteWithoutRecovery=True)
    secretsmanager.create_secret(Name=unique)
    refused(secretsmanager.get_secret_value, "ResourceNotFoundException", SecretId=unique)


def test_lists_and_batches(secretsmanager, unique):
    for number in range(3):
        secretsmanager.create_secret(Name=f"{unique}/{number}", SecretString=str(number), Description=f"the {unique} database", Tags=[{"Key": unique, "Value": str(number)}])

    def names(**arguments):
        pages = secretsmanager.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 2}, **arguments)
        return [secret["Name"] for page in pages for secret in page["SecretList"]]

    whole = [f"{unique}/{number}" for number in range(3)]
    assert names(Filters=[{"Key": "name", "Values": [unique]}], SortBy="name", SortOrder="asc") == whole
    assert names(Filters=[{"Key": "tag-key", "Values": [unique]}], SortBy="name", SortOrder="desc") == whole[::-1]
    assert names(Filters=[{"Key": "tag-key", "Values": [unique]}, {"Key": "tag-value", "Values": ["1"]}]) == [whole[1]]
    # Those that were made first come first, where nothing is said.
    assert names(Filters=[{"Key": "description", "Values": ["data"]}, {"Key": "name", "Values": [unique]}]) == whole
    assert sorted(names(Filters=[{"Key": "name", "Values": [unique]}, {"Key": "tag-value", "Values": ["!1"]}])) == [whole[0], whole[2]]
    refused(secretsmanager.list_secrets, "ValidationException", Filters=[{"Key": "nonsense", "Values": ["x"]}])
    batch = secretsmanager.batch_get_secret_value(SecretIdList=[*whole, f"{unique}/none"])
    assert sorted(value["SecretString"] for value in batch["SecretValues"]) == ["0", "1", "2"]
    assert [error["ErrorCode"] for error in batch["Errors"]] == ["ResourceNotFoundException"]
    filtered = {"Filters": [{"Key": "name", "Values": [unique]}], "MaxResults": 2}
    first = secretsmanager.batch_get_secret_value(**filtered)
    rest = secretsmanager.batch_get_secret_value(**filtered, NextToken=first["NextToken"])
    assert sorted(value["SecretString"] for page in [first, rest] for value in page["SecretValues"]) == ["0", "1", "2"]
    assert (len(first["SecretValues"]), rest.get("NextToken")) == (2, None)
    refused(secretsmanager.batch_get_secret_value, "InvalidParameterException")
    secretsmanager.tag_resource(SecretId=whole[0], Tags=[{"Key": "x", "Value": "y"}])
    secretsmanager.untag_resource(SecretId=whole[0], TagKeys=[unique])
    assert secretsmanager.describe_secret(SecretId=whole[0])["Tags"] == [{"Key": "x", "Value": "y"}]


def test_a_secret_s_own_policy_lets_in(server, iam, secretsmanager, unique):
    arn = iam.create_user(UserName=unique)["User"]["Arn"]
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    client = server.client_as("secretsmanager", key["AccessKeyId"], key["SecretAccessKey"])
    secretsmanager.create_secret(Name=unique, SecretString="one")
    refused(client.get_secret_value, "AccessDeniedException", SecretId=unique)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "secretsmanager:GetSecretValue", "Resource": "*", "Condition": {"StringEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}}]})
    secretsmanager.put_resource_policy(SecretId=unique, ResourcePolicy=policy, BlockPublicPolicy=True)
    assert json.loads(secretsmanager.get_resource_policy(SecretId=unique)["ResourcePolicy"]) == json.loads(policy)
    # The service's own key needs no policy of the caller's.
    assert client.get_secret_value(SecretId=unique)["SecretString"] == "one"
    refused(client.get_secret_value, "AccessDeniedException", SecretId=unique, VersionStage="AWSPREVIOUS")
    batch = {"Effect": "Allow", "Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": batch}))
    other = f"{unique}-other"
    secretsmanager.create_secret(Name=other, SecretString="two")
    told = client.batch_get_secret_value(SecretIdList=[unique, other])
    assert [value["SecretString"] for value in told["SecretValues"]] == ["one"]
    assert [error["ErrorCode"] for error in told["Errors"]] == ["AccessDeniedException"]
    secretsmanager.delete_resource_policy(SecretId=unique)
    refused(client.get_secret_value, "AccessDeniedException", SecretId=unique)
    public = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
    refused(secretsmanager.put_resource_policy, "PublicPolicyException", SecretId=unique, ResourcePolicy=public, BlockPublicPolicy=True)
    refused(secretsmanager.put_resource_policy, "MalformedPolicyDocumentException", SecretId=unique, ResourcePolicy="{}")
    assert secretsmanager.validate_resource_policy(ResourcePolicy=policy)["PolicyValidationPassed"]
    assert not secretsmanager.validate_resource_policy(ResourcePolicy=public)["PolicyValidationPassed"]


def test_random_passwords(secretsmanager):
    def password(**arguments):
        return secretsmanager.get_random_password(**arguments)["RandomPassword"]

    made = password()
    assert len(made) == 32 and any(c.islower() for c in made) and any(c.isupper() for c in made) and any(c.isdigit() for c in made)
    assert made != password()
    assert set(password(PasswordLength=500, ExcludePunctuation=True, ExcludeUppercase=True, ExcludeNumbers=True, ExcludeCharacters="abc")) == set("defghijklmnopqrstuvwxyz")
    assert " " in password(PasswordLength=4096, IncludeSpace=True)
    refused(secretsmanager.get_random_password, "InvalidParameterException", PasswordLength=3)
    refused(secretsmanager.get_random_password, "ValidationException", PasswordLength=0)


def test_a_function_rotates_a_secret(server, secretsmanager, unique):
    secretsmanager.create_secret(Name=unique, SecretString="v")
    refused(secretsmanager.rotate_secret, "InvalidRequestException", SecretId=unique)
    unheard = rotating(server, f"{unique}-unheard", allowed=False)
    assert "secretsmanager.amazonaws.com" in refused(secretsmanager.rotate_secret, "AccessDeniedException", SecretId=unique, RotationLambdaARN=unheard)
    function = rotating(server, unique)
    before = secretsmanager.describe_secret(SecretId=unique)["VersionIdsToStages"]
    version = secretsmanager.rotate_secret(SecretId=unique, RotationLambdaARN=function, RotationRules={"ScheduleExpression": "rate(10 days)", "Duration": "2h"})["VersionId"]
    wait_until(lambda: "LastRotatedDate" in secretsmanager.describe_secret(SecretId=unique), what="the rotation")
    told = secretsmanager.describe_secret(SecretId=unique)
    assert secretsmanager.get_secret_value(SecretId=unique)["SecretString"] == "v+"
    assert told["VersionIdsToStages"] == {version: ["AWSCURRENT"], next(iter(before)): ["AWSPREVIOUS"]}
    assert told["RotationEnabled"] and told["RotationRules"] == {"ScheduleExpression": "rate(10 days)", "Duration": "2h"}
    days = (told["NextRotationDate"] - told["LastRotatedDate"]).total_seconds() / 86_400
    assert 9.9 < days < 10.1
    secretsmanager.rotate_secret(SecretId=unique)
    wait_until(lambda: secretsmanager.get_secret_value(SecretId=unique)["SecretString"] == "v++")
    secretsmanager.cancel_rotate_secret(SecretId=unique)
    assert secretsmanager.describe_secret(SecretId=unique)["RotationEnabled"] is False
    refused(secretsmanager.rotate_secret, "InvalidParameterException", SecretId=unique, RotationRules={"AutomaticallyAfterDays": 1, "ScheduleExpression": "rate(1 day)"})


def test_a_rotation_goes_on_where_it_was_after_a_crash(tmp_path):
    server = Server(tmp_path / "data")
    try:
        secrets = server.client("secretsmanager")
        secrets.create_secret(Name="s", SecretString="v")
        function = rotating(server, "rotate", environment={"FAIL": "1"})
        secrets.rotate_secret(SecretId="s", RotationLambdaARN=function)
        pending = lambda: any("AWSPENDING" in labels for labels in secrets.describe_secret(SecretId="s")["VersionIdsToStages"].values())
        wait_until(pending, what="the first step")
        server.kill()
        server.start()
        secrets = server.client("secretsmanager")
        server.client("lambda").update_function_configuration(FunctionName="rotate", Environment={"Variables": {}})
        wait_until(lambda: secrets.get_secret_value(SecretId="s")["SecretString"] == "v+", seconds=60, what="the rest of the rotation")
    finally:
        server.kill()


@pytest.mark.parametrize("arguments, code", [
    ({"Name": "a b"}, "ValidationException"),
    ({"Name": ""}, "ValidationException"),
    ({"Name": "x", "SecretString": "x", "SecretBinary": b"x"}, "InvalidParameterException"),
    ({"Name": "x", "SecretString": "x" * 65_537}, "ValidationException"),
    ({"Name": "x", "SecretString": "x", "KmsKeyId": "nonsense"}, "EncryptionFailure"),
    ({"Name": "x", "AddReplicaRegions": [{"Region": "eu-west-1"}]}, "NotImplemented"),
    ({"Name": "x", "Tags": [{"Key": "aws:x", "Value": ""}]}, "InvalidParameterException"),
])
def test_secrets_that_cannot_be(secretsmanager, arguments, code):
    message = refused(secretsmanager.create_secret, code, **arguments)
    assert "x" * 100 not in message


def test_recovery_windows_that_cannot_be(secretsmanager, unique):
    secretsmanager.create_secret(Name=unique)
    refused(secretsmanager.delete_secret, "InvalidParameterException", SecretId=unique, RecoveryWindowInDays=6)
    refused(secretsmanager.delete_secret, "InvalidParameterException", SecretId=unique, RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)
