"""What somebody tries who has the network, and perhaps the keys of a user who may do little."""

import http.client
import io
import json
import urllib.parse
import zipfile

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION
from test_iam import allow, key_of, refused, trust
from test_protocols import fetch, presigned, sign
from test_signatures import send_as


@pytest.fixture
def restricted(server, iam, unique):
    """Makes a user who may do what is given, and returns the user's keys."""

    def make(*statements):
        iam.create_user(UserName=unique)
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps(document))
        return key_of(server, iam, unique)

    return make


def exchange(server, method, path, headers, body=b""):
    """Sends exactly these headers, duplicates and all; returns the status and the text of the answer."""
    url = urllib.parse.urlsplit(server.endpoint)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    return response.status, response.read().decode()


def test_a_presigned_url_is_good_for_its_own_call_alone(server):
    url = presigned(server, "sqs", "GET", {"Action": "ListQueues", "Version": "2012-11-05"})
    assert fetch(url)[0] == 200
    for headers in [{"X-Amz-Target": "AmazonSQS.ListQueues"}, {"X-Amz-Target": "DynamoDB_20120810.ListTables"}]:
        status, text = fetch(url, headers)
        assert status in (400, 403) and "ignature" in text, text
    for changed in [url + "&QueueNamePrefix=x", url.replace("Action=ListQueues", "Action=ListQueues&Action=CreateQueue"), url.replace("ListQueues", "listqueues"), url.replace("/?", "//x?")]:
        assert fetch(changed)[0] in (400, 403), changed


def test_a_signature_holds_for_one_path(server):
    """Signatures are over the resolved path: another way to write it must not reach another operation."""
    path = "/2015-03-31/functions/f"
    headers = sign(server, "lambda", "DELETE", path, {}, b"")
    host = ("Host", urllib.parse.urlsplit(server.endpoint).netloc)
    assert exchange(server, "DELETE", path, [host, *headers.items()])[0] == 404, "there is no such function"
    for other in ["/2015-03-31/functions/f/policy/..", "/2015-03-31/functions/x/../f", "/2015-03-31/./functions/f", "/2015-03-31/functions/%66", "/2015-03-31/functions/F"]:
        status, text = exchange(server, "DELETE", other, [host, *headers.items()])
        assert status in (403, 404) and "ResourceNotFound" not in text, (other, text)


def test_headers_that_come_twice(server):
    target = ("X-Amz-Target", "DynamoDB_20120810.ListTables")
    headers = sign(server, "dynamodb", "POST", "/", {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target[1]}, b"{}")
    host = ("Host", urllib.parse.urlsplit(server.endpoint).netloc)
    base = [host, *headers.items(), ("Content-Length", "2")]
    assert exchange(server, "POST", "/", base, b"{}")[0] == 200
    for more in [host, ("Host", "evil.example"), target, ("X-Amz-Target", "DynamoDB_20120810.DescribeLimits"), ("Authorization", headers["Authorization"]), ("X-Amz-Date", headers["X-Amz-Date"]), ("Content-Length", "3")]:
        for order in ([*base, more], [more, *base]):
            status, text = exchange(server, "POST", "/", order, b"{}")
            assert status in (400, 403), (more, text)


def test_large_bodies_of_strangers_are_not_kept(server):
    """Whoever shows no access key that exists is told so before the body has filled any memory."""
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.PutItem"}
    host = ("Host", urllib.parse.urlsplit(server.endpoint).netloc)
    size = ("Content-Length", str(8 << 20))
    status, text = exchange(server, "POST", "/", [host, *headers.items(), size, ("Expect", "100-continue")])
    assert status == 400 and "MissingAuthenticationToken" in text
    form = [host, ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", str(1 << 20))]
    status, text = exchange(server, "POST", "/", form, b"&" * (1 << 20))
    assert status == 403 and "MissingAuthenticationToken" in text


def test_a_form_of_very_many_parameters(server):
    body = b"Action=ListUsers&Version=2010-05-08" + b"&" * 1_000_000
    headers = sign(server, "iam", "POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, body)
    host = ("Host", urllib.parse.urlsplit(server.endpoint).netloc)
    status, text = exchange(server, "POST", "/", [host, *headers.items(), ("Content-Length", str(len(body)))], body)
    assert status == 400 and "at most 10000 parameters" in text


def test_a_function_cannot_be_given_a_role_that_its_maker_may_not_pass(server, iam, unique, restricted):
    admin = iam.create_role(RoleName=f"{unique}-admin", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))["Role"]["Arn"]
    weak = iam.create_role(RoleName=f"{unique}-weak", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))["Role"]["Arn"]
    iam.put_role_policy(RoleName=f"{unique}-admin", PolicyName="p", PolicyDocument=allow("*"))
    keys = restricted({"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}, {"Effect": "Allow", "Action": "iam:PassRole", "Resource": weak})
    client = server.client_as("lambda", *keys)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): return event")
    function = {"FunctionName": unique, "Runtime": "python3.12", "Handler": "main.handler", "Code": {"ZipFile": packed.getvalue()}}
    assert "iam:PassRole" in refused("AccessDeniedException", client.create_function, Role=admin, **function)
    client.create_function(Role=weak, **function)
    assert "iam:PassRole" in refused("AccessDeniedException", client.update_function_configuration, FunctionName=unique, Role=admin)
    # Nor may the role be assumed by hand: it trusts Lambda alone.
    iam.put_user_policy(UserName=unique, PolicyName="assume", PolicyDocument=allow("sts:AssumeRole"))
    refused("AccessDenied", server.client_as("sts", *keys).assume_role, RoleArn=admin, RoleSessionName="work")
    client.delete_function(FunctionName=unique)


def test_moving_messages_is_sending_them(server, sqs, unique, restricted):
    urls = {name: sqs.create_queue(QueueName=f"{unique}-{name}")["QueueUrl"] for name in ("source", "dead", "private")}
    arns = {name: f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}-{name}" for name in urls}
    policy = json.dumps({"deadLetterTargetArn": arns["dead"], "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=urls["source"], Attributes={"RedrivePolicy": policy})
    keys = restricted(
        {"Effect": "Allow", "Action": "sqs:*MessageMoveTask*", "Resource": "*"},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arns["source"]},
        {"Effect": "Deny", "Action": "sqs:*", "Resource": arns["private"]},
    )
    client = server.client_as("sqs", *keys)
    assert "sqs:SendMessage" in refused("AccessDenied", client.start_message_move_task, SourceArn=arns["dead"], DestinationArn=arns["private"])
    refused("AccessDenied", client.list_message_move_tasks, SourceArn=arns["private"])
    # Other ways to write an ARN are not ways around what policies say of it.
    for written in [arns["private"].replace(":aws:", ":aws-cn:"), arns["private"].replace(ACCOUNT, "111111111111"), arns["private"].replace(REGION, "eu-west-1")]:
        refused("InvalidParameterValue", client.list_message_move_tasks, SourceArn=written)
    client.start_message_move_task(SourceArn=arns["dead"], DestinationArn=arns["source"])


def test_denials_hold_however_a_queue_is_named(server, sqs, unique, restricted):
    url = sqs.create_queue(QueueName=unique)["QueueUrl"]
    allowed = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    client = server.client_as("sqs", *restricted(allowed, {"Effect": "Deny", "Action": "sqs:*", "Resource": f"arn:aws:sqs:*:{ACCOUNT}:{unique}"}))
    for name in [url, url + "/", f"/{ACCOUNT}/{unique}", f"http://evil.example/{ACCOUNT}/{unique}", unique, f"//{ACCOUNT}/{unique}//"]:
        refused("AccessDenied", client.send_message, QueueUrl=name, MessageBody="x")
    for name in [f"{url}%00", f"{url}?", url.replace(unique, unique.upper()), f"{url}\x00", f" {url}", f"{url} "]:
        with pytest.raises(ClientError):
            client.send_message(QueueUrl=name, MessageBody="x")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_receipt_opens_its_own_queue_alone(sqs, unique):
    urls = [sqs.create_queue(QueueName=f"{unique}-{number}")["QueueUrl"] for number in range(2)]
    sqs.send_message(QueueUrl=urls[0], MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=urls[0], VisibilityTimeout=0)["Messages"]
    for operation in [sqs.delete_message, lambda **call: sqs.change_message_visibility(VisibilityTimeout=60, **call)]:
        with pytest.raises(ClientError):
            operation(QueueUrl=urls[1], ReceiptHandle=message["ReceiptHandle"])
    assert sqs.receive_message(QueueUrl=urls[0])["Messages"]


def test_the_servers_own_api_is_no_way_around_policies(server, restricted):
    keys = restricted({"Effect": "Allow", "Action": "cloudlet:Call", "Resource": "*"})
    for service, operation, values in [("iam", "CreateUser", {"UserName": "evil"}), ("sqs", "ListQueues", {}), ("cloudlet", "GetStatus", {}), ("cloudlet", "Call", {})]:
        body = json.dumps({"Service": service, "Operation": operation, "Input": values}).encode()
        status, answer = send_as(server, keys, "cloudlet", "Cloudlet_20261101.Call", body)
        assert status in (400, 403), (operation, answer)


def test_a_session_of_a_user_may_no_more_than_the_user(server, iam, unique, restricted):
    keys = restricted({"Effect": "Allow", "Action": "iam:*", "Resource": f"arn:aws:iam::{ACCOUNT}:user/{unique}-*"})
    iam.create_user(UserName=f"{unique}-child")
    credentials = server.client_as("sts", *keys).get_session_token()["Credentials"]
    client = server.client_as("iam", credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    client.create_access_key(UserName=f"{unique}-child")
    for name in [unique, unique.upper(), "root"]:
        with pytest.raises(ClientError) as caught:
            client.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=allow("*"))
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
