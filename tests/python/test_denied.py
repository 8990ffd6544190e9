"""A caller who may only read one table is refused everything else: every operation that exists, by name.

The operations come from the binary, their inputs from the official models: a new operation is tested as soon as it
exists. What needs no permission, or more than its model tells to reach the decision, has an entry here.
"""

import datetime
import json

import botocore.session
import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION
from test_follow import Page, address
from test_models import OPERATIONS
from test_signatures import send_as

# On AWS these need no permission: whoever has valid credentials may ask who they are, and a token of a provider is asked in their place.
FREE = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken"), ("sts", "AssumeRoleWithWebIdentity")}



def is_open(model, operation):
    """Whether it is for those who have no access key, and signed by nobody: users of pools, and whom a provider vouches for."""
    return model in ("cognito-idp", "cognito-identity") and "smithy.api#noAuth" in (botocore.session.get_session().get_service_model(model).operation_model(operation).auth or ())


TO = {"ToAddresses": ["b@example.com"]}

# Inputs that the models alone do not give: members that are optional there but decide what permission is for.
INPUTS = {
    ("dynamodb", "TransactWriteItems"): {"TransactItems": [{"Put": {"TableName": "other", "Item": {"k": {"S": "x"}}}}]},
    ("dynamodb", "TransactGetItems"): {"TransactItems": [{"Get": {"TableName": "other", "Key": {"k": {"S": "x"}}}}]},
    ("ses", "SendEmail"): {"Source": "a@example.com", "Destination": TO, "Message": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
    ("ses", "SendRawEmail"): {"RawMessage": {"Data": b"From: a@example.com\nTo: b@example.com\n\nx"}},
    ("ses", "SendTemplatedEmail"): {"Source": "a@example.com", "Destination": TO, "Template": "x", "TemplateData": "{}"},
    ("ses", "SendBulkTemplatedEmail"): {"Source": "a@example.com", "Template": "x", "DefaultTemplateData": "{}", "Destinations": [{"Destination": TO}]},
    ("sesv2", "SendEmail"): {"FromEmailAddress": "a@example.com", "Destination": TO, "Content": {"Raw": {"Data": b"\n"}}},
    ("sesv2", "SendBulkEmail"): {
        "FromEmailAddress": "a@example.com",
        "DefaultContent": {"Template": {"TemplateName": "x"}},
        "BulkEmailEntries": [{"Destination": TO}],
    },
    ("s3", "CopyObject"): {"Bucket": "xxxxxxxx", "Key": "xxxxxxxx", "CopySource": "xxxxxxxx/xxxxxxxx"},
    ("s3", "UploadPartCopy"): {"Bucket": "xxxxxxxx", "Key": "xxxxxxxx", "CopySource": "xxxxxxxx/xxxxxxxx", "PartNumber": 1, "UploadId": "x"},
    ("cloudlet", "Call"): {"Service": "sqs", "Operation": "ListQueues", "Input": {}},
    ("cloudlet", "GetStatus"): {},
    ("cloudlet", "GetEvents"): {},
    ("cloudlet", "RedriveEvents"): {"Resource": "arn:aws:sqs:us-east-1:000000000000:x"},
    ("cloudlet", "GetExecutions"): {"FunctionName": "x"},
    ("cloudlet", "ListDenials"): {},
    ("cloudlet", "SuggestPolicy"): {"Principal": "arn:aws:iam::000000000000:role/x"},
    ("cloudlet", "ListMail"): {},
    ("cloudlet", "GetMail"): {"MailId": "x"},
    ("cloudlet", "GetStack"): {"Name": "x"},
    ("cloudlet", "PutStack"): {"Name": "x", "State": {}},
    ("cloudlet", "DeleteStack"): {"Name": "x"},
    ("cloudlet", "ListStacks"): {},
    ("cloudlet", "GetPackage"): {"Sha256": "0" * 64},
    ("cloudlet", "PutPackage"): {"Sha256": "0" * 64, "Bytes": ""},
    ("cloudlet", "DeletePackage"): {"Sha256": "0" * 64},
    ("cloudlet", "StartBackup"): {},
    ("cloudlet", "ReadBackup"): {"BackupId": "x"},
    ("cloudlet", "Scrub"): {},
    ("cloudlet-migrate", "PutMigration"): {"Name": "x", "Legacy": "http://10.0.0.7"},
    ("cloudlet-migrate", "GetMigration"): {"Name": "x"},
    ("cloudlet-migrate", "ListMigrations"): {},
    ("cloudlet-migrate", "DeleteMigration"): {"Name": "x"},
    ("cloudlet-migrate", "ShiftTraffic"): {"Name": "x", "Weight": 10},
    ("cloudlet-migrate", "ShadowTraffic"): {"Name": "x", "Share": 10},
    ("cloudlet-migrate", "ReturnTraffic"): {"Name": "x"},
}

# Of our own APIs: the part of `X-Amz-Target` before the dot.
OWN = {"cloudlet": "Cloudlet_20261101", "cloudlet-migrate": "CloudletMigrate_20261130"}

TABLE = "allowed"


def sample(shape, name=""):
    """The smallest value of a shape: required members, one element, allowed words."""
    if shape.type_name == "structure":
        members = list(shape.members)[:1] if getattr(shape, "is_tagged_union", False) else shape.required_members
        if shape.name == "AttributeValue":
            members = ["S"]
        return {member: sample(shape.members[member], member) for member in members}
    if shape.type_name == "list":
        return [sample(shape.member, name)]
    if shape.type_name == "map":
        return {sample(shape.key, "key"): sample(shape.value, "value")}
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else text(shape, name)
    if shape.type_name in ("integer", "long", "float", "double"):
        return max(int(shape.metadata.get("min", 1)), 1)
    return {"boolean": False, "blob": b"x", "timestamp": datetime.datetime(2026, 1, 1)}[shape.type_name]


def text(shape, name):
    if "arn" in name.lower():
        return f"arn:aws:iam::{ACCOUNT}:role/xxxxxxxx"
    if "Url" in name:
        return f"http://localhost:4566/{ACCOUNT}/xxxxxxxx"
    return "x" * max(int(shape.metadata.get("min", 8)), 8)


@pytest.fixture(scope="module")
def restricted(server, iam, dynamodb):
    """The credentials of a user who may read one table."""
    schema = {"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}]}
    dynamodb.create_table(TableName=TABLE, BillingMode="PAY_PER_REQUEST", **schema)
    iam.create_user(UserName="restricted")
    statement = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="restricted", PolicyName="one-table", PolicyDocument=document)
    key = iam.create_access_key(UserName="restricted")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def attempt(server, credentials, model, operation):
    """Tries an operation, and returns the error's code and message; none when it succeeds."""
    if model in OWN:
        return own_api(server, credentials, model, operation)
    if model == "cloudlet-dynamodb":
        return followed(server, credentials)
    official = botocore.session.get_session().get_service_model(model).operation_model(operation)
    values = INPUTS.get((model, operation)) or (sample(official.input_shape) if official.input_shape else {})
    client = server.client_as(model, *credentials)
    try:
        answer = client._make_api_call(operation, values)
    except ClientError as error:
        told = error.response["Error"]
        if (model, told["Code"]) == ("s3", "403"):
            # An answer to HEAD has no body that could say more.
            return "AccessDenied", "not authorized to perform"
        return told["Code"], told["Message"]
    if operation == "BatchExecuteStatement":
        # Each of its statements is refused by itself.
        return answer["Responses"][0]["Error"]["Code"], answer["Responses"][0]["Error"]["Message"]
    # S3 deletes some of many.
    errors = answer.get("Errors") if model == "s3" else None
    return (errors[0]["Code"], errors[0]["Message"]) if errors else None


def own_api(server, credentials, model, operation):
    body = json.dumps(INPUTS[model, operation]).encode()
    status, answer = send_as(server, credentials, model, f"{OWN[model]}.{operation}", body)
    return None if status == 200 else (answer["__type"].rsplit("#")[-1], answer["message"])


def followed(server, credentials):
    query = {"TableName": "other", "KeyConditionExpression": "k = :k", "ExpressionAttributeValues": {":k": {"S": "x"}}}
    page = Page(address(server, query, credentials))
    return page.response.getheader("x-amzn-errortype"), page.refusal()[1]


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row['Model']}.{row['Operation']}")
def test_everything_else_is_refused(server, restricted, row):
    model, operation = row["Model"], row["Operation"]
    refusal = attempt(server, restricted, model, operation)
    if (model, operation) in FREE or is_open(model, operation):
        assert refusal is None or "AccessDenied" not in refusal[0]
        return
    assert refusal, f"{model}.{operation} was allowed"
    code, message = refusal
    assert code in ("AccessDenied", "AccessDeniedException", "AuthorizationError"), refusal
    assert "not authorized to perform" in message


def test_what_is_allowed_works(server, restricted):
    allowed = server.client_as("dynamodb", *restricted)
    assert "Item" not in allowed.get_item(TableName=TABLE, Key={"k": {"S": "x"}})
    with pytest.raises(ClientError) as caught:
        allowed.get_item(TableName="other", Key={"k": {"S": "x"}})
    message = caught.value.response["Error"]["Message"]
    assert "dynamodb:GetItem" in message and "table/other" in message


def test_a_deny_wins_and_takes_effect_at_once(server, iam, restricted):
    allowed = server.client_as("dynamodb", *restricted)
    deny = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    iam.put_user_policy(UserName="restricted", PolicyName="deny", PolicyDocument=deny)
    with pytest.raises(ClientError) as caught:
        allowed.get_item(TableName=TABLE, Key={"k": {"S": "x"}})
    assert "explicit deny" in caught.value.response["Error"]["Message"]
    iam.delete_user_policy(UserName="restricted", PolicyName="deny")
    allowed.get_item(TableName=TABLE, Key={"k": {"S": "x"}})
