"""Parameter Store: parameters, their versions and labels, secure strings, and secrets as parameters."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from cloudlet import ACCOUNT, REGION, wait_until
from test_kms import refused


def test_a_parameter_has_versions(ssm, unique):
    name = f"/{unique}/a"
    assert ssm.put_parameter(Name=name, Value="one", Type="String", Description="d", Tags=[{"Key": "k", "Value": "v"}])["Version"] == 1
    refused(ssm.put_parameter, "ParameterAlreadyExists", Name=name, Value="two", Type="String")
    assert ssm.put_parameter(Name=name, Value="two", Overwrite=True)["Version"] == 2
    told = ssm.get_parameter(Name=name)["Parameter"]
    arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}"
    assert (told["Value"], told["Version"], told["ARN"], told["Type"], told["DataType"]) == ("two", 2, arn, "String", "text")
    assert ssm.get_parameter(Name=arn)["Parameter"]["Name"] == name
    assert ssm.get_parameter(Name=f"{name}:1")["Parameter"]["Value"] == "one"
    assert ssm.label_parameter_version(Name=name, ParameterVersion=1, Labels=["first", "1bad"])["InvalidLabels"] == ["1bad"]
    refused(ssm.label_parameter_version, "ValidationException", Name=name, Labels=["l" * 101])
    labelled = ssm.get_parameter(Name=f"{name}:first")["Parameter"]
    assert (labelled["Value"], labelled["Selector"]) == ("one", ":first")
    ssm.label_parameter_version(Name=name, Labels=["first"])
    history = ssm.get_parameter_history(Name=name)["Parameters"]
    assert [(version["Value"], version["Labels"], version["Description"]) for version in history] == [("one", [], "d"), ("two", ["first"], "d")]
    assert ssm.unlabel_parameter_version(Name=name, ParameterVersion=2, Labels=["first", "none"]) | {"ResponseMetadata": 0} == {"RemovedLabels": ["first"], "InvalidLabels": ["none"], "ResponseMetadata": 0}
    refused(ssm.get_parameter, "ParameterVersionNotFound", Name=f"{name}:first")
    refused(ssm.get_parameter, "ParameterVersionNotFound", Name=f"{name}:3")
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=[{"Key": "l", "Value": "w"}])
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=name, TagKeys=["k"])
    assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"] == [{"Key": "l", "Value": "w"}]
    refused(ssm.list_tags_for_resource, "InvalidResourceId", ResourceType="Parameter", ResourceId="/none")
    ssm.delete_parameter(Name=name)
    refused(ssm.get_parameter, "ParameterNotFound", Name=name)
    assert ssm.put_parameter(Name=name, Value="new", Type="String")["Version"] == 1


def test_a_hundred_versions_are_kept(ssm, unique):
    ssm.put_parameter(Name=unique, Value="1", Type="String")
    ssm.label_parameter_version(Name=unique, ParameterVersion=1, Labels=["kept"])
    for number in range(2, 101):
        ssm.put_parameter(Name=unique, Value=str(number), Overwrite=True)
    refused(ssm.put_parameter, "ParameterMaxVersionLimitExceeded", Name=unique, Value="101", Overwrite=True)
    ssm.unlabel_parameter_version(Name=unique, ParameterVersion=1, Labels=["kept"])
    ssm.put_parameter(Name=unique, Value="101", Overwrite=True)
    pages = ssm.get_paginator("get_parameter_history").paginate(Name=unique, PaginationConfig={"PageSize": 30})
    assert [int(version["Value"]) for page in pages for version in page["Parameters"]] == list(range(2, 102))


def test_secure_strings(ssm, kms, server, iam, unique):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    for name, more in [(unique, {}), (f"{unique}-own", {"KeyId": key})]:
        ssm.put_parameter(Name=name, Value="secret", Type="SecureString", **more)
        assert "secret" not in ssm.get_parameter(Name=name)["Parameter"]["Value"]
        assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "secret"
    [described] = ssm.describe_parameters(ParameterFilters=[{"Key": "KeyId", "Values": [key]}])["Parameters"]
    assert (described["Name"], described["KeyId"]) == (f"{unique}-own", key)
    refused(ssm.put_parameter, "InvalidKeyId", Name=f"{unique}-x", Value="x", Type="SecureString", KeyId="nonsense")
    refused(ssm.put_parameter, "HierarchyTypeMismatchException", Name=unique, Value="x", Type="String", Overwrite=True)
    # Who may read the parameter also has to be let use its key, where that is not the service's own.
    iam.create_user(UserName=unique)
    allow = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    access = iam.create_access_key(UserName=unique)["AccessKey"]
    client = server.client_as("ssm", access["AccessKeyId"], access["SecretAccessKey"])
    assert client.get_parameter(Name=unique, WithDecryption=True)["Parameter"]["Value"] == "secret"
    assert "kms:Decrypt" in refused(client.get_parameter, "AccessDeniedException", Name=f"{unique}-own", WithDecryption=True)
    kms.disable_key(KeyId=key)
    refused(ssm.get_parameter, "InvalidKeyId", Name=f"{unique}-own", WithDecryption=True)


def test_paths_and_lists(ssm, unique):
    names = [f"/{unique}/{rest}" for rest in ["a", "b", "c/d", "c/e/f"]]
    for number, name in enumerate(names):
        ssm.put_parameter(Name=name, Value=str(number), Type="StringList" if number == 1 else "String", Tags=[{"Key": unique, "Value": str(number)}])

    def by_path(**arguments):
        pages = ssm.get_paginator("get_parameters_by_path").paginate(PaginationConfig={"PageSize": 2}, **arguments)
        return [parameter["Name"] for page in pages for parameter in page["Parameters"]]

    assert by_path(Path=f"/{unique}") == names[:2]
    assert by_path(Path=f"/{unique}/", Recursive=True) == names
    assert by_path(Path=f"/{unique}", Recursive=True, ParameterFilters=[{"Key": "Type", "Values": ["StringList"]}]) == [names[1]]
    # The root has what has no slash, too.
    ssm.put_parameter(Name=unique, Value="plain", Type="String")
    assert unique in by_path(Path="/") and not set(names) & set(by_path(Path="/"))
    assert {unique, *names} <= set(by_path(Path="/", Recursive=True))
    ssm.label_parameter_version(Name=names[3], Labels=["live"])
    assert by_path(Path=f"/{unique}", Recursive=True, ParameterFilters=[{"Key": "Label", "Values": ["live"]}]) == [names[3]]
    refused(ssm.get_parameters_by_path, "ValidationException", Path="nonsense")

    def described(*filters):
        pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=list(filters), PaginationConfig={"PageSize": 2})
        return [parameter["Name"] for page in pages for parameter in page["Parameters"]]

    assert described({"Key": "Path", "Option": "Recursive", "Values": [f"/{unique}"]}) == names
    assert unique in described({"Key": "Path", "Option": "OneLevel", "Values": ["/"]})
    assert described({"Key": "Name", "Option": "BeginsWith", "Values": [f"/{unique}/c"]}) == names[2:]
    assert described({"Key": "Name", "Values": [names[0], names[2]]}) == [names[0], names[2]]
    assert described({"Key": f"tag:{unique}", "Values": ["2", "3"]}) == names[2:]
    refused(ssm.describe_parameters, "InvalidFilterKey", ParameterFilters=[{"Key": "Nonsense", "Values": ["x"]}])
    assert described({"Key": f"tag:{unique}", "Option": "BeginsWith", "Values": ["2", "3"]}, {"Key": "Type", "Option": "BeginsWith", "Values": ["Str"]}) == names[2:]
    assert by_path(Path=f"/{unique}", ParameterFilters=[{"Key": "Type", "Option": "BeginsWith", "Values": ["StringL"]}]) == [names[1]]
    refused(ssm.describe_parameters, "InvalidFilterOption", ParameterFilters=[{"Key": "Type", "Option": "Contains", "Values": ["x"]}])
    refused(ssm.describe_parameters, "ValidationException", ParameterFilters=[{"Key": "Path", "Values": ["//"]}])
    many = ssm.get_parameters(Names=[names[0], "/none", f"{names[1]}:1"])
    assert [parameter["Name"] for parameter in many["Parameters"]] == names[:2] and many["InvalidParameters"] == ["/none"]
    gone = ssm.delete_parameters(Names=[*names, "/none"])
    assert (gone["DeletedParameters"], gone["InvalidParameters"]) == (names, ["/none"])
    refused(ssm.get_parameters, "ValidationException", Names=["x"] * 11)


def test_secrets_are_parameters(ssm, secretsmanager, unique):
    secretsmanager.create_secret(Name=unique, SecretString="one")
    secretsmanager.put_secret_value(SecretId=unique, SecretString="two")
    path = f"/aws/reference/secretsmanager/{unique}"
    told = ssm.get_parameter(Name=path, WithDecryption=True)["Parameter"]
    assert (told["Name"], told["Value"], told["Type"]) == (path, "two", "SecureString")
    assert json.loads(told["SourceResult"])["name"] == unique
    assert ssm.get_parameter(Name=f"{path}:AWSPREVIOUS", WithDecryption=True)["Parameter"]["Value"] == "one"
    refused(ssm.get_parameter, "ValidationException", Name=path)
    assert "not found" in refused(ssm.get_parameter, "ParameterNotFound", Name="/aws/reference/secretsmanager/none", WithDecryption=True)


def test_tiers_patterns_and_policies(ssm, sqs, events, unique):
    assert ssm.put_parameter(Name=unique, Value="x" * 4096, Type="String")["Tier"] == "Standard"
    refused(ssm.put_parameter, "ValidationException", Name=unique, Value="x" * 4097, Overwrite=True)
    assert ssm.put_parameter(Name=unique, Value="x" * 8192, Overwrite=True, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    refused(ssm.put_parameter, "ValidationException", Name=unique, Value="x", Overwrite=True, Tier="Standard")
    refused(ssm.put_parameter, "ParameterPatternMismatchException", Name=f"{unique}-p", Value="12a", Type="String", AllowedPattern="\\d+")
    refused(ssm.put_parameter, "InvalidAllowedPatternException", Name=f"{unique}-p", Value="12", Type="String", AllowedPattern="(")
    ssm.put_parameter(Name=f"{unique}-p", Value="12", Type="String", AllowedPattern="\\d+")
    # One that expires soon is told of, and is gone.
    url = sqs.create_queue(QueueName=unique)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    events.put_rule(Name=unique, EventPattern=json.dumps({"source": ["aws.ssm"]}))
    events.put_targets(Rule=unique, Targets=[{"Id": "q", "Arn": queue}])
    soon = (datetime.now(timezone.utc) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    expiration = json.dumps([{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": soon}}])
    name = f"/{unique}/expiring"
    refused(ssm.put_parameter, "ValidationException", Name=name, Value="x", Type="String", Policies=expiration)
    ssm.put_parameter(Name=name, Value="x", Type="String", Tier="Advanced", Policies=expiration)
    [described] = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    assert [policy["PolicyType"] for policy in described["Policies"]] == ["Expiration"]
    wait_until(lambda: not ssm.get_parameters(Names=[name])["Parameters"], what="the expiration")
    told = []

    def operations():
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            event = json.loads(message["Body"])
            if name in event["resources"][0]:
                told.append(event["detail"].get("operation") or event["detail"]["policy-type"])
        return set(told) >= {"Create", "Expiration", "Delete"}

    wait_until(operations, what="the events")
    events.remove_targets(Rule=unique, Ids=["q"])
    events.delete_rule(Name=unique)


@pytest.mark.parametrize("arguments, code", [
    ({"Name": "a/b"}, "ValidationException"),
    ({"Name": "/a//b"}, "ValidationException"),
    ({"Name": "ssm-x"}, "ValidationException"),
    ({"Name": "/aws/x"}, "AccessDeniedException"),
    ({"Name": "/x" * 16}, "HierarchyLevelLimitExceededException"),
    ({"Type": None}, "ValidationException"),
    ({"Type": "Nonsense"}, "ValidationException"),
    ({"Value": ""}, "ValidationException"),
    ({"DataType": "aws:ec2:image"}, "NotImplemented"),
    ({"Tags": [{"Key": "a", "Value": "b"}], "Overwrite": True}, "ValidationException"),
])
def test_parameters_that_cannot_be(ssm, arguments, code):
    values = {"Name": "x", "Value": "x", "Type": "String"} | arguments
    refused(ssm.put_parameter, code, **{name: value for name, value in values.items() if value is not None})


def test_the_rest_of_systems_manager_is_refused_by_name(ssm):
    assert "DescribeInstanceInformation" in refused(ssm.describe_instance_information, "NotImplemented")
