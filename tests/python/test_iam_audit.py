"""`--iam audit`, `cloudlet iam denied` and `cloudlet iam suggest`: what policies deny, and the least one that is needed."""

import json
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from botocore import UNSIGNED
from cloudlet import ACCOUNT, REGION, Server
from test_iam import allow, key_of, refused, trust, user  # noqa: F401: fixtures, too
from test_identity_pools import Identities

TABLE = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [{"IndexName": "by-k", "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}],
}


@pytest.fixture(scope="module")
def lenient():
    server = Server(options=["--iam", "audit"])
    yield server
    assert server.stop(), server.logged()


def metric(server, name):
    text = urllib.request.urlopen(f"{server.endpoint}/_cloudlet/metrics").read().decode()
    [line] = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])


def test_what_policies_deny_goes_through_and_is_told(lenient):
    iam = lenient.client("iam")
    iam.create_user(UserName="ann")
    key = key_of(lenient, iam, "ann")
    sqs = lenient.client_as("sqs", *key)
    for _ in range(3):
        sqs.create_queue(QueueName="orders")
    iam.put_user_policy(UserName="ann", PolicyName="no", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "No", "Effect": "Deny", "Action": "sqs:ListQueues", "Resource": "*"}]}))
    sqs.list_queues()
    answer = json.loads(lenient.run("iam", "denied", "ann", "--json").stdout)
    assert answer["Mode"] == "audit"
    found = {denial["Action"]: denial for denial in answer["Denials"]}
    created = found["sqs:CreateQueue"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
    assert (created["Principal"], created["Resource"], created["Count"]) == (f"arn:aws:iam::{ACCOUNT}:user/ann", queue, 3)
    assert created["Statement"] == {"Effect": "Allow", "Action": "sqs:CreateQueue", "Resource": queue}
    assert "'No'" in found["sqs:ListQueues"]["Reason"] and "Statement" not in found["sqs:ListQueues"]
    shown = lenient.run("iam", "denied").stdout
    assert f"sqs:CreateQueue on {queue}: 3 times" in shown and json.dumps(created["Statement"], separators=(",", ":")) in shown
    assert metric(lenient, "cloudlet_iam_let_through") >= 4
    assert "sqs:CreateQueue" in lenient.logged() and "--iam audit" in lenient.logged()
    # What is statement by statement copied from there is enough.
    iam.delete_user_policy(UserName="ann", PolicyName="no")
    statements = [denial["Statement"] for denial in answer["Denials"] if "Statement" in denial]
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    before = metric(lenient, "cloudlet_iam_denied")
    sqs.create_queue(QueueName="orders")
    assert metric(lenient, "cloudlet_iam_denied") == before


def test_who_is_not_known_is_not_let_in(lenient):
    iam, s3 = lenient.client("iam"), lenient.client("s3")
    iam.create_user(UserName="bob")
    key, secret = key_of(lenient, iam, "bob")
    refused("InvalidSignatureException", lenient.client_as("sqs", key, secret[::-1]).list_queues)
    refused("UnrecognizedClientException", lenient.client_as("sqs", "AKIANOBODYNOBODYNOBO", secret).list_queues)
    s3.create_bucket(Bucket="private")
    s3.put_object(Bucket="private", Key="k", Body=b"x")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{lenient.endpoint}/private/k")
    assert caught.value.code == 403
    iam.update_access_key(UserName="bob", AccessKeyId=key, Status="Inactive")
    refused("UnrecognizedClientException", lenient.client_as("sqs", key, secret).list_queues)


def test_guests_of_identity_pools_are_not_let_through(lenient):
    pool = Identities(lenient, lenient.client("cognito-identity"), lenient.client("iam"), "guests")
    anybody = lenient.client("cognito-identity", signature_version=UNSIGNED)
    guest = anybody.get_id(IdentityPoolId=pool.id)["IdentityId"]
    keys = anybody.get_credentials_for_identity(IdentityId=guest)["Credentials"]
    as_guest = lambda service: lenient.client_as(service, keys["AccessKeyId"], keys["SecretKey"], keys["SessionToken"])
    # The role's policy is about queues alone.
    as_guest("sqs").list_queues()
    refused("AccessDenied", as_guest("s3").list_buckets)
    refused("AccessDenied", as_guest("iam").list_users)


def test_what_is_for_good_and_who_becomes_a_role_is_not_let_through(lenient):
    iam, s3, kms = lenient.client("iam"), lenient.client("s3"), lenient.client("kms")
    iam.create_user(UserName="eve")
    key = key_of(lenient, iam, "eve")
    s3.create_bucket(Bucket="locking", ObjectLockEnabledForBucket=True)
    until = datetime.now(timezone.utc) + timedelta(days=1)
    version = s3.put_object(Bucket="locking", Key="k", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)["VersionId"]
    eve = lenient.client_as("s3", *key)
    refused("AccessDenied", eve.delete_object, Bucket="locking", Key="k", VersionId=version, BypassGovernanceRetention=True)
    assert eve.get_object(Bucket="locking", Key="k", VersionId=version)["Body"].read() == b"x"
    id = kms.create_key()["KeyMetadata"]["KeyId"]
    others = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/other"}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [others]})
    refused("MalformedPolicyDocumentException", lenient.client_as("kms", *key).put_key_policy, KeyId=id, PolicyName="default", Policy=policy)
    role = iam.create_role(RoleName="functions", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))["Role"]["Arn"]
    refused("AccessDenied", lenient.client_as("sts", *key).assume_role, RoleArn=role, RoleSessionName="session")


def test_refusals_are_counted_where_policies_are_enforced(server, iam, user):
    sqs = server.client_as("sqs", *key_of(server, iam, user))
    for number in range(40):
        refused("AccessDenied", sqs.create_queue, QueueName=f"{user}-{number}")
    answer = json.loads(server.run("iam", "denied", user, "--json").stdout)
    assert answer["Mode"] == "enforce"
    # Many are put together.
    assert sum(denial["Count"] for denial in answer["Denials"]) == 40 and len(answer["Denials"]) <= 24
    assert any(denial["Resource"].endswith("*") for denial in answer["Denials"])
    assert "policies denied nothing" in server.run("iam", "denied", "nobody-at-all").stdout


def test_the_least_policy_of_a_function(server, iam, lambda_, dynamodb, s3, unique):
    from test_lambda import package

    dynamodb.create_table(TableName=unique, **TABLE)
    s3.create_bucket(Bucket=f"{unique}-bucket")
    code = """
import boto3, os
db, s3 = boto3.client("dynamodb"), boto3.client("s3")
def handler(event, context):
    name = os.environ["NAME"]
    db.put_item(TableName=name, Item={"k": {"S": "a"}})
    db.query(TableName=name, IndexName="by-k", KeyConditionExpression="k = :k", ExpressionAttributeValues={":k": {"S": "a"}})
    for number in range(6):
        s3.put_object(Bucket=f"{name}-bucket", Key=f"in/{number}", Body=b"x")
"""
    role = iam.create_role(RoleName=f"{unique}-role", Path="/app/", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))["Role"]["Arn"]
    wide = allow(["dynamodb:*", "s3:PutObject", "sns:Publish"])
    iam.put_role_policy(RoleName=f"{unique}-role", PolicyName="wide", PolicyDocument=wide)
    lambda_.create_function(FunctionName=unique, Role=role, Runtime="python3.13", Handler="index.handler", Code={"ZipFile": package(index__py=code)}, Environment={"Variables": {"NAME": unique}}, Timeout=60)
    lambda_.get_waiter("function_active_v2").wait(FunctionName=unique)
    assert "called nothing yet" in server.run("iam", "suggest", unique, check=False).stderr
    answer = lambda_.invoke(FunctionName=unique)
    assert "FunctionError" not in answer, answer["Payload"].read()
    done = server.run("iam", "suggest", unique)
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{unique}"
    policy = json.loads(done.stdout)
    # Printing to the log is the runtime's.
    statements = [statement for statement in policy["Statement"] if "logs:" not in str(statement["Action"])]
    assert statements == [
        {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": table},
        {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": f"{table}/index/*"},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{unique}-bucket/in/*"},
    ]
    assert "sns:Publish" in done.stderr and "dynamodb:*" not in done.stderr.split("did not")[1]
    yaml = server.run("iam", "suggest", role, "--format", "serverless").stdout
    assert yaml.startswith("provider:\n  iam:\n    role:\n      statements:\n        - Effect: Allow\n") and f'Resource: "{table}"' in yaml
    # It is enough, and nothing more is allowed.
    iam.put_role_policy(RoleName=f"{unique}-role", PolicyName="wide", PolicyDocument=json.dumps(policy))
    answer = lambda_.invoke(FunctionName=unique)
    assert "FunctionError" not in answer, answer["Payload"].read()
    assert "sns:Publish" not in server.run("iam", "suggest", unique).stderr
    assert server.run("iam", "suggest", f"{unique}-none", check=False).returncode == 1


def test_a_namesake_begins_anew(server, iam, unique):
    for expected in [1, 1]:
        iam.create_user(UserName=unique)
        iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=allow("sqs:ListQueues"))
        key = key_of(server, iam, unique)
        server.client_as("sqs", *key).list_queues()
        assert f": {expected} calls" in server.run("iam", "suggest", unique).stderr
        iam.delete_access_key(UserName=unique, AccessKeyId=key[0])
        iam.delete_user_policy(UserName=unique, PolicyName="p")
        iam.delete_user(UserName=unique)


def test_what_was_denied_is_there_after_a_crash():
    victim = Server(options=["--iam", "audit"])
    try:
        iam = victim.client("iam")
        iam.create_user(UserName="ann")
        victim.client_as("sqs", *key_of(victim, iam, "ann")).list_queues()
        victim.stop()
        victim.start()
        [denial] = json.loads(victim.run("iam", "denied", "--json").stdout)["Denials"]
        assert (denial["Action"], denial["Count"]) == ("sqs:ListQueues", 1)
    finally:
        victim.kill()
