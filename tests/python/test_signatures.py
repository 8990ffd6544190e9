"""Who may not come in: every way in which a signature can be wrong, with the error AWS gives."""

import datetime
import json
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cloudlet import REGION


def code(caught):
    return caught.value.response["Error"]["Code"]


def test_an_unknown_key(server):
    with pytest.raises(ClientError) as caught:
        server.client_as("dynamodb", "AKIAUNKNOWNUNKNOWN00", "x").list_tables()
    assert code(caught) == "UnrecognizedClientException"
    with pytest.raises(ClientError) as caught:
        server.client_as("sts", "AKIAUNKNOWNUNKNOWN00", "x").get_caller_identity()
    assert code(caught) == "InvalidClientTokenId"


def test_a_wrong_secret(server):
    key = server.root["AWS_ACCESS_KEY_ID"]
    with pytest.raises(ClientError) as caught:
        server.client_as("dynamodb", key, "wrong").list_tables()
    assert code(caught) == "InvalidSignatureException"
    with pytest.raises(ClientError) as caught:
        server.client_as("iam", key, "wrong").list_users()
    assert code(caught) == "SignatureDoesNotMatch"


def test_a_made_up_session_token(server, iam, unique):
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    with pytest.raises(ClientError) as caught:
        server.client_as("sqs", key["AccessKeyId"], key["SecretAccessKey"], token="made-up").list_queues()
    assert code(caught) in ("UnrecognizedClientException", "InvalidClientTokenId")


def signed(server, body=b"{}", at=None, target="DynamoDB_20120810.ListTables"):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}
    request = AWSRequest("POST", server.endpoint + "/", data=body, headers=headers)
    credentials = Credentials(server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"])
    auth = SigV4Auth(credentials, "dynamodb", REGION)
    if at:
        # botocore takes the time from the clock: sign anew with another one.
        request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        canonical = auth.canonical_request(request)
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        auth._inject_signature_to_request(request, signature)
    else:
        auth.add_auth(request)
    return dict(request.headers)


def send(server, headers, body=b"{}"):
    try:
        with urllib.request.urlopen(urllib.request.Request(server.endpoint + "/", data=body, headers=headers)) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def send_as(server, credentials, service, target, body):
    """A JSON request signed with an access key's id and secret."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    request = AWSRequest("POST", server.endpoint + "/", data=body, headers=headers)
    SigV4Auth(Credentials(*credentials), service, REGION).add_auth(request)
    return send(server, dict(request.headers), body)


def test_a_good_one_passes(server):
    assert send(server, signed(server))[0] == 200


def test_none_at_all(server):
    status, answer = send(server, {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.ListTables"})
    assert status in (400, 403) and answer["__type"].endswith("MissingAuthenticationTokenException")


def test_a_tampered_body(server):
    status, answer = send(server, signed(server), b'{"Limit": 1}')
    assert status == 400 and answer["__type"].endswith("InvalidSignatureException")


def test_a_tampered_header(server):
    headers = signed(server)
    headers["X-Amz-Target"] = "DynamoDB_20120810.DescribeLimits"
    status, answer = send(server, headers)
    assert status == 400 and answer["__type"].endswith("InvalidSignatureException")


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_off(server, minutes):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    status, answer = send(server, signed(server, at=at))
    assert status == 400 and answer["__type"].endswith("InvalidSignatureException")
    assert "Signature" in answer["message"]


def test_half_a_header(server):
    headers = signed(server)
    headers["Authorization"] = headers["Authorization"].split("Signature=")[0]
    status, answer = send(server, headers)
    assert status in (400, 403) and answer["__type"].endswith("IncompleteSignatureException")
