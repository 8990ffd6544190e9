"""Kinesis streams as destinations of DynamoDB tables: by boto3, by a stack, for callers without permission, and after kill -9."""

import json

import pytest
from cloudlet import REGION, Server, wait_until
from test_kinesis import make, read, shards

SCHEMA = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def destination(dynamodb, table):
    found = dynamodb.describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"]
    return found[0] if found else {}


def becomes(dynamodb, table, status):
    wait_until(lambda: destination(dynamodb, table)["DestinationStatus"] == status, what=f"the destination being {status}")


def changes(kinesis, stream):
    return [json.loads(record["Data"]) for shard in shards(kinesis, stream) for record in read(kinesis, stream, shard["ShardId"])[0]]


def test_a_destination_comes_changes_and_goes(dynamodb, kinesis, unique):
    dynamodb.create_table(TableName=unique, **SCHEMA)
    stream = dict(TableName=unique, StreamArn=make(kinesis, unique))
    answer = dynamodb.enable_kinesis_streaming_destination(**stream)
    assert (answer["DestinationStatus"], answer["TableName"]) == ("ENABLING", unique)
    becomes(dynamodb, unique, "ACTIVE")
    configuration = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}
    answer = dynamodb.update_kinesis_streaming_destination(**stream, UpdateKinesisStreamingConfiguration=configuration)
    assert answer["DestinationStatus"] == "UPDATING"
    becomes(dynamodb, unique, "ACTIVE")
    assert destination(dynamodb, unique)["ApproximateCreationDateTimePrecision"] == "MICROSECOND"
    dynamodb.put_item(TableName=unique, Item={"pk": {"S": "a"}, "bytes": {"B": b"\x00\xff"}})
    dynamodb.delete_item(TableName=unique, Key={"pk": {"S": "a"}})
    wait_until(lambda: len(changes(kinesis, unique)) == 2, what="both changes in the stream")
    inserted, removed = changes(kinesis, unique)
    assert inserted["dynamodb"]["NewImage"] == removed["dynamodb"]["OldImage"] == {"pk": {"S": "a"}, "bytes": {"B": "AP8="}}
    assert (inserted["awsRegion"], inserted["tableName"], inserted["eventSource"]) == (REGION, unique, "aws:dynamodb")
    assert dynamodb.disable_kinesis_streaming_destination(**stream)["DestinationStatus"] == "DISABLING"
    becomes(dynamodb, unique, "DISABLED")


def test_a_caller_must_be_allowed_to_use_the_stream(server, iam, dynamodb, kinesis, unique):
    dynamodb.create_table(TableName=unique, **SCHEMA)
    arn = make(kinesis, unique)
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    caller = server.client_as("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])

    def may(*actions):
        statement = {"Effect": "Allow", "Action": ["dynamodb:*", *actions], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=document)
        caller.enable_kinesis_streaming_destination(TableName=unique, StreamArn=arn)

    for actions in [(), ("kinesis:DescribeStream",), ("kinesis:PutRecords",)]:
        may(*actions)
        becomes(dynamodb, unique, "ENABLE_FAILED")
        assert destination(dynamodb, unique)["DestinationStatusDescription"] == "User does not have a permission to use kinesis stream"
    may("kinesis:DescribeStream", "kinesis:PutRecords")
    becomes(dynamodb, unique, "ACTIVE")


def test_changes_that_were_answered_survive_a_crash():
    server = Server()
    dynamodb = server.client("dynamodb")
    dynamodb.create_table(TableName="sent", **SCHEMA)
    dynamodb.enable_kinesis_streaming_destination(TableName="sent", StreamArn=make(server.client("kinesis"), "s"))
    becomes(dynamodb, "sent", "ACTIVE")
    for number in range(50):
        dynamodb.put_item(TableName="sent", Item={"pk": {"S": str(number)}})
    server.kill()
    server.start()
    kinesis = server.client("kinesis")
    wait_until(lambda: len(changes(kinesis, "s")) >= 50, what="all changes in the stream")
    assert [change["dynamodb"]["Keys"]["pk"]["S"] for change in changes(kinesis, "s")] == [str(number) for number in range(50)]
    assert server.stop(), server.logged()


def test_a_stack_says_where_changes_are_sent(server, dynamodb, kinesis, unique, tmp_path):
    def deploy(**specification):
        streams = {name: {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": f"{unique}-{name}", "ShardCount": 1}} for name in ("One", "Two")}
        properties = {"TableName": unique, **SCHEMA}
        if specification:
            properties["KinesisStreamSpecification"] = specification
        resources = {**streams, "Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties}}
        project = {"service": unique, "provider": {"name": "aws"}, "resources": {"Resources": resources}}
        (tmp_path / "serverless.yml").write_text(json.dumps(project))
        server.run("deploy", tmp_path)
        found = destination(dynamodb, unique)
        return found["StreamArn"].split("/")[-1], found["DestinationStatus"], found.get("ApproximateCreationDateTimePrecision")

    one, two = ({"Fn::GetAtt": [name, "Arn"]} for name in ("One", "Two"))
    assert deploy(StreamArn=one) == (f"{unique}-One", "ACTIVE", None)
    assert deploy(StreamArn=one, ApproximateCreationDateTimePrecision="MICROSECOND") == (f"{unique}-One", "ACTIVE", "MICROSECOND")
    assert deploy(StreamArn=two) == (f"{unique}-Two", "ACTIVE", None)
    assert deploy() == (f"{unique}-Two", "DISABLED", None)
    server.run("remove", tmp_path)
