"""Attacks by kind, in tables: what docs/security.md names, and other tests do not show already."""

import datetime
import http.client
import io
import json
import os
import re
import time
import urllib.parse
import zipfile
from pathlib import Path

import cdn
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until
from cognito_users import Pool
from http_endpoint import HttpEndpoint
from test_apigateway import SOURCE, behind_apis, invocations, send
from test_attacks import exchange, restricted  # noqa: F401
from test_authorizers import signed
from test_iam import trust

ROOT = Path(__file__).parents[2]
TREE = "crates services tests".split()


def root_of(server):
    return Credentials(server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"])


def host_of(server):
    return urllib.parse.urlsplit(server.endpoint).netloc


# Signatures: stripped, and used again for something else.


def a_call(server, service="sqs", target="AmazonSQS.ListQueues", body=b"{}"):
    """The headers of a signed call, by name in lower case."""
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target, "X-Own": "1"}
    request = AWSRequest("POST", server.endpoint + "/", data=body, headers=headers)
    SigV4Auth(root_of(server), service, REGION).add_auth(request)
    return {"host": host_of(server)} | {name.lower(): value for name, value in request.headers.items()}


def say(server, headers, method="POST", path="/", body=b"{}"):
    return exchange(server, method, path, [*headers.items(), ("content-length", str(len(body)))], body)


def test_a_call_without_part_of_its_signature_is_refused(server):
    whole = a_call(server)
    assert say(server, whole)[0] == 200
    authorization = whole["authorization"]
    cut = {
        "no signature": authorization.split(", Signature=")[0],
        "an empty one": re.sub("Signature=.*", "Signature=", authorization),
        "half of it": authorization[:-32],
        "another case": authorization.replace("Signature=", "signature="),
        "no credential": re.sub("Credential=[^,]*, ", "", authorization),
        "no list of headers": re.sub("SignedHeaders=[^,]*, ", "", authorization),
        "a shorter list": authorization.replace(";x-own", ""),
        "nothing signed": re.sub("SignedHeaders=[^,]*", "SignedHeaders=", authorization),
        "the host is not signed": authorization.replace("host;", ""),
        "another algorithm": authorization.replace("HMAC-SHA256", "HMAC-SHA1"),
        "no algorithm": authorization.removeprefix("AWS4-HMAC-SHA256 "),
        "basic": "Basic cm9vdDpyb290",
        "empty": "",
    }
    for what, changed in cut.items():
        status, text = say(server, whole | {"authorization": changed})
        assert status in (400, 403) and "QueueUrls" not in text, (what, text)
    for name in ("authorization", "x-amz-date", "x-own", "x-amz-target"):
        status, text = say(server, {key: value for key, value in whole.items() if key != name})
        assert status in (400, 403, 404), (name, text)


def test_a_signed_call_is_good_for_nothing_else(server):
    whole = a_call(server)
    scope = whole["authorization"].split("Credential=")[1].split(",")[0]
    for what, changes, call in [
        ("another operation", {"x-amz-target": "AmazonSQS.CreateQueue"}, {}),
        ("another service", {"x-amz-target": "DynamoDB_20120810.ListTables"}, {}),
        ("another service's scope", {"x-amz-target": "DynamoDB_20120810.ListTables", "authorization": whole["authorization"].replace("/sqs/", "/dynamodb/")}, {}),
        ("another region", {"authorization": whole["authorization"].replace(REGION, "eu-west-1")}, {}),
        ("another day", {"authorization": whole["authorization"].replace(scope.split("/")[1], "20200101")}, {}),
        ("another host", {"host": "sqs.us-east-1.localhost"}, {}),
        ("another key", {"authorization": whole["authorization"].replace(scope.split("/")[0], "AKIAOTHEROTHEROTHER0")}, {}),
        ("another header's value", {"x-own": "2"}, {}),
        ("another body", {}, {"body": b'{"MaxResults":1}'}),
        ("another method", {}, {"method": "PUT"}),
        ("another path", {}, {"path": "/x"}),
        ("a query", {}, {"path": "/?Action=ListQueues"}),
        ("another time", {"x-amz-date": re.sub(r"T\d", "T0", whole["x-amz-date"])[:-2] + "1Z"}, {}),
    ]:
        status, text = say(server, whole | changes, **call)
        assert status in (400, 403, 404) and "QueueUrls" not in text, (what, status, text)


def get(server, url, **headers):
    parts = urllib.parse.urlsplit(url)
    return exchange(server, "GET", f"{parts.path}?{parts.query}", [("host", parts.netloc), *headers.items()])


@pytest.fixture
def secret(s3, unique):
    s3.create_bucket(Bucket=unique)
    s3.put_object(Bucket=unique, Key="private/secret", Body=b"the secret")
    return unique


def test_a_presigned_url_without_part_of_its_signature_opens_nothing(server, secret):
    url = server.client("s3", signature_version="s3v4").generate_presigned_url("get_object", Params={"Bucket": secret, "Key": "private/secret"}, ExpiresIn=60)
    assert "the secret" in get(server, url)[1]
    bare, query = url.split("?")
    pairs = urllib.parse.parse_qsl(query)
    for name, value in pairs:
        for changed in ([pair for pair in pairs if pair[0] != name], [(key, "" if key == name else other) for key, other in pairs], [*pairs, (name, value)]):
            status, text = get(server, f"{bare}?{urllib.parse.urlencode(changed)}")
            assert status in (400, 403) and "the secret" not in text, (name, text)
    for changed in [bare, bare + "?", url.replace("X-Amz-Signature", "x-amz-signature"), url.replace("Expires=60", "Expires=6000"), url.replace("private/secret", "private%2Fsecret?")]:
        status, text = get(server, changed)
        assert status in (400, 403) and "the secret" not in text, (changed, text)


def test_a_presigned_url_has_an_end(server, secret):
    def url(expires, at=None):
        request = AWSRequest("GET", f"{server.endpoint}/{secret}/private/secret")
        auth = S3SigV4QueryAuth(root_of(server), "s3", REGION, expires=expires)
        if at:
            # botocore takes the time from the clock: sign anew with another one.
            stamp = at.strftime("%Y%m%dT%H%M%SZ")
            request.context["timestamp"] = stamp
            auth._modify_request_before_signing(request)
            canonical = auth.canonical_request(request)
            signature = auth.signature(auth.string_to_sign(request, canonical), request)
            auth._inject_signature_to_request(request, signature)
        else:
            auth.add_auth(request)
        return request.url

    now = datetime.datetime.now(datetime.timezone.utc)
    minutes = lambda number: now + datetime.timedelta(minutes=number)
    assert "the secret" in get(server, url(60))[1] and "the secret" in get(server, url(600, minutes(-5)))[1]
    for expires, at in [(60, minutes(-2)), (604_800, minutes(-60 * 24 * 8)), (60, minutes(60)), (604_801, None), (-1, None), ("x", None)]:
        status, text = get(server, url(expires, at))
        assert status in (400, 403) and "the secret" not in text, (expires, at, text)


# Deputies: who acts for others, acts for those alone that it was told to.


@pytest.fixture
def queue(sqs, unique):
    url = sqs.create_queue(QueueName=unique)["QueueUrl"]
    return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique}"


def only_from(sqs, queue, service, source, **more):
    url, arn = queue
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": source}} | more}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})


def bodies(sqs, url):
    return [message["Body"] for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]


def test_a_topic_sends_to_queues_that_are_not_anothers(sqs, sns, queue, unique):
    named, other = (sns.create_topic(Name=f"{unique}-{name}")["TopicArn"] for name in ("named", "other"))
    only_from(sqs, queue, "sns.amazonaws.com", named)
    for topic in (other, named):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue[1], Attributes={"RawMessageDelivery": "true"})
        sns.publish(TopicArn=topic, Message=topic)
    got = []
    wait_until(lambda: got.extend(bodies(sqs, queue[0])) or got, what="the message of the topic that is named")
    assert got == [named] and bodies(sqs, queue[0]) == []


def test_a_rule_sends_to_queues_that_are_not_anothers(sqs, events, queue, unique):
    arns = [events.put_rule(Name=f"{unique}-{name}", EventPattern=json.dumps({"source": [unique]}))["RuleArn"] for name in ("named", "other")]
    only_from(sqs, queue, "events.amazonaws.com", arns[0])
    for name, text in [("other", "other"), ("named", "named")]:
        events.put_targets(Rule=f"{unique}-{name}", Targets=[{"Id": "q", "Arn": queue[1], "Input": json.dumps(text)}])
    events.put_events(Entries=[{"Source": unique, "DetailType": "t", "Detail": "{}"}])
    got = []
    wait_until(lambda: got.extend(bodies(sqs, queue[0])) or got, what="the event of the rule that is named")
    assert got == ['"named"'] and bodies(sqs, queue[0]) == []


def test_a_bucket_notifies_queues_that_are_not_anothers(sqs, s3, queue, unique):
    for name in ("named", "other"):
        s3.create_bucket(Bucket=f"{unique}-{name}")
    only_from(sqs, queue, "s3.amazonaws.com", f"arn:aws:s3:::{unique}-named")
    wanted = {"QueueConfigurations": [{"QueueArn": queue[1], "Events": ["s3:ObjectCreated:*"]}]}
    with pytest.raises(ClientError):
        s3.put_bucket_notification_configuration(Bucket=f"{unique}-other", NotificationConfiguration=wanted)
    s3.put_bucket_notification_configuration(Bucket=f"{unique}-named", NotificationConfiguration=wanted)
    wait_until(lambda: any("s3:TestEvent" in body for body in bodies(sqs, queue[0])), what="the test of the bucket that is named")
    only_from(sqs, queue, "s3.amazonaws.com", f"arn:aws:s3:::{unique}-named", StringEquals={"aws:SourceAccount": "111111111111"})
    s3.put_object(Bucket=f"{unique}-named", Key="k", Body=b"")
    assert bodies(sqs, queue[0]) == [] == bodies(sqs, queue[0]), "another account's"


@pytest.fixture(scope="module")
def function(lambda_, iam):
    """A function that nobody may invoke yet."""
    role = iam.create_role(RoleName="of-no-deputy", AssumeRolePolicyDocument=trust(Service="lambda.amazonaws.com"))["Role"]["Arn"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", SOURCE)
    return lambda_.create_function(FunctionName="of-no-deputy", Runtime="python3.12", Handler="app.handler", Role=role, Timeout=20, Code={"ZipFile": package.getvalue()})["FunctionArn"]


def an_api(apis, function, *routes, **authorization):
    api = apis.create_api(Name="security", ProtocolType="HTTP")["ApiId"]
    integration = apis.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0")["IntegrationId"]
    for route in routes:
        apis.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration}", **authorization)
    apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    return api


def test_an_api_invokes_functions_that_name_it(server, http_apis, lambda_, function, unique):
    named, other = (an_api(http_apis, function, "GET /a", "GET /b") for _ in range(2))
    source = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{named}/*/GET/a"
    lambda_.add_permission(FunctionName="of-no-deputy", StatementId=unique, Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com", SourceArn=source)
    status = lambda api, path: send(server, "GET", f"/_aws/execute-api/{api}{path}")[0]
    assert status(named, "/a") == 200
    assert (status(named, "/b"), status(other, "/a")) == (500, 500)
    lambda_.remove_permission(FunctionName="of-no-deputy", StatementId=unique)
    assert status(named, "/a") == 500


def test_a_session_of_a_role_cannot_go_on_to_what_trusts_another(server, iam, sts, unique, restricted):  # noqa: F811
    keys = restricted({"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    first = iam.create_role(RoleName=f"{unique}-first", AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{ACCOUNT}:user/{unique}"))["Role"]["Arn"]
    iam.put_role_policy(RoleName=f"{unique}-first", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}))
    admin = iam.create_role(RoleName=f"{unique}-admin", AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{ACCOUNT}:user/{unique}"))["Role"]["Arn"]
    made = server.client_as("sts", *keys).assume_role(RoleArn=first, RoleSessionName="first")["Credentials"]
    session = server.client_as("sts", made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    for arn in (admin, f"arn:aws:iam::111111111111:role/{unique}-admin", admin.upper(), admin.replace("role/", "role//")):
        with pytest.raises(ClientError):
            session.assume_role(RoleArn=arn, RoleSessionName="next")
    for token in (None, made["SessionToken"][:-4] + "AAAA", "", keys[1]):
        with pytest.raises(ClientError):
            server.client_as("sts", made["AccessKeyId"], made["SecretAccessKey"], token).get_caller_identity()
    with pytest.raises(ClientError):
        server.client_as("sts", keys[0], keys[1], made["SessionToken"]).get_caller_identity()


# Names, written in other ways.


def things(server, unique):
    """For each kind: its ARN, how it is read, its name in all the ways that mean it, and in ways that do not."""
    client = server.client
    table = client("dynamodb").create_table(TableName=unique, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])["TableDescription"]["TableArn"]
    key = client("kms").create_key()["KeyMetadata"]
    client("kms").create_alias(AliasName=f"alias/{unique}", TargetKeyId=key["KeyId"])
    secret = client("secretsmanager").create_secret(Name=f"{unique}/s", SecretString="x")["ARN"]
    client("ssm").put_parameter(Name=f"/{unique}/p", Value="x", Type="String")
    parameter = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{unique}/p"
    topic = client("sns").create_topic(Name=unique)["TopicArn"]
    stream = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{unique}"
    client("kinesis").create_stream(StreamName=unique, ShardCount=1)
    client("s3").create_bucket(Bucket=unique)
    client("s3").put_object(Bucket=unique, Key="secret/x", Body=b"x")
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:of-no-deputy"
    client("iam").create_user(UserName=f"{unique}-Other")
    return {
        "dynamodb": (table, "describe_table", "TableName", [unique, table], [unique.upper(), f"{unique} ", f"{unique}%00", table.upper()]),
        "kms": (key["Arn"], "describe_key", "KeyId", [key["KeyId"], key["Arn"], f"alias/{unique}", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/{unique}"], [key["KeyId"].upper(), f"ALIAS/{unique}", f"alias/{unique} "]),
        "secretsmanager": (secret, "get_secret_value", "SecretId", [f"{unique}/s", secret, secret[:-7]], [f"{unique}/S", f"/{unique}/s", f"{unique}//s", secret.upper()]),
        "ssm": (parameter, "get_parameter", "Name", [f"/{unique}/p", parameter, f"/{unique}/p:1"], [f"//{unique}/p", f"{unique}/p", f"/{unique}//p", f"/{unique.upper()}/p", f"/{unique}/p/"]),
        "sns": (topic, "get_topic_attributes", "TopicArn", [topic], [topic.upper(), f"{topic} ", topic.replace(REGION, "eu-west-1")]),
        "kinesis": (stream, "describe_stream_summary", "StreamName", [unique], [unique.upper(), f"{unique} "]),
        "lambda": (function, "get_function", "FunctionName", ["of-no-deputy", function, f"{ACCOUNT}:function:of-no-deputy"], ["OF-NO-DEPUTY", f"function:{function}", function.upper()]),
        "iam": (f"arn:aws:iam::{ACCOUNT}:user/{unique}-Other", "get_user", "UserName", [f"{unique}-Other"], [f"{unique.upper()}-OTHER", f"{unique}-other", f"/{unique}-Other", f"{unique}-Other/"]),
    }


def test_denials_hold_however_a_thing_is_named(server, iam, unique, restricted, function):  # noqa: F811
    all_of = things(server, unique)
    deny = {"Effect": "Deny", "Action": "*", "Resource": [arn for arn, *_ in all_of.values()] + [f"arn:aws:s3:::{unique}/secret/*"]}
    keys = restricted({"Effect": "Allow", "Action": "*", "Resource": "*"}, deny)
    for service, (arn, operation, member, same, others) in all_of.items():
        own, denied = server.client(service), server.client_as(service, *keys)
        for name in same:
            getattr(own, operation)(**{member: name})
            with pytest.raises(ClientError) as caught:
                getattr(denied, operation)(**{member: name})
            assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"), (service, name, caught.value)
        for name in others:
            with pytest.raises(ClientError):
                getattr(denied, operation)(**{member: name})
    # Objects, by what was signed.
    credentials = Credentials(*keys)

    def read(path, host=None):
        request = AWSRequest("GET", f"http://{host or host_of(server)}{path}")
        S3SigV4Auth(credentials, "s3", REGION).add_auth(request)
        return exchange(server, "GET", path, [("host", host or host_of(server)), *request.headers.items()])

    server.client("s3").put_object(Bucket=unique, Key="open", Body=b"open")
    assert read(f"/{unique}/open") == (200, "open")
    own = f"{unique}.s3.localhost"
    ways = [f"/{unique}/secret/x", f"/{unique}/secret%2Fx", f"/{unique}/secret%2fx", f"/{unique}/%73ecret/x", f"/{unique}//secret/x", f"/{unique}/./secret/x", f"/{unique}/a/../secret/x", f"/{unique}/secret//x",
            f"/{unique}/secret/x/", f"/{unique}/Secret/x", f"/{unique}/secret/x%00", f"/{unique}/secret/x?versionId=null", f"//{unique}/secret/x", f"/{unique.upper()}/secret/x"]
    for path in ways:
        status, text = read(path)
        # A path that begins with two slashes names no bucket: that is the list of them.
        assert status in (400, 403, 404) or path.startswith("//") and "<ListAllMyBucketsResult" in text, (path, status, text)
    for host in (own, own.upper(), f"{own}.", f"{own}:80", f"{unique}.s3.us-east-1.localhost.localstack.cloud"):
        status, text = read("/secret/x", host)
        assert status in (400, 403, 404), (host, status, text)


def test_denials_hold_however_a_path_is_written(server, http_apis, rest_apis, lambda_, function, iam, unique):
    """A route that a policy denies is not reached by another way to write its path; what other ways reach, is what they say."""
    permit = {"FunctionName": "of-no-deputy", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    lambda_.add_permission(StatementId=unique, SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:*", **permit)
    http = an_api(http_apis, function, "GET /admin/{id}", "GET /{proxy+}", AuthorizationType="AWS_IAM")
    rest = rest_apis.create_rest_api(name=unique)
    root = {"restApiId": rest["id"]}
    admin = rest_apis.create_resource(**root, parentId=rest["rootResourceId"], pathPart="admin")["id"]
    for parent, part in [(admin, "{id}"), (rest["rootResourceId"], "{proxy+}")]:
        resource = rest_apis.create_resource(**root, parentId=parent, pathPart=part)["id"]
        rest_apis.put_method(**root, resourceId=resource, httpMethod="GET", authorizationType="AWS_IAM")
        rest_apis.put_integration(**root, resourceId=resource, httpMethod="GET", type="AWS_PROXY", integrationHttpMethod="POST", uri=invocations(function))
    rest_apis.create_deployment(**root, stageName="dev")
    iam.create_user(UserName=unique)
    deny = {"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:*/*/GET/admin/*"}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, deny]}))
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    keys = key["AccessKeyId"], key["SecretAccessKey"]
    ways = ["/admin/1", "/admin%2F1", "/admin%2f1", "/%61dmin/1", "/ADMIN/1", "//admin/1", "/admin//1", "/./admin/1", "/x/../admin/1", "/admin/1/", "/admin/%31", "/admin;x/1", "/admin/1?x=1", "/admin/1%00", "/%2e/admin/1", "/admin%252F1"]
    for base, path_of, route_of in [
        (f"/_aws/execute-api/{http}", lambda event: event["rawPath"], lambda event: event["routeKey"]),
        (f"/_aws/execute-api/{rest['id']}/dev", lambda event: event["path"], lambda event: event["resource"]),
    ]:
        reached = 0
        for way in ["/open", *ways]:
            status, _, body = signed(server, keys, "GET", base + way)
            if status != 200:
                assert status in (400, 403, 404), (way, status, body)
                continue
            reached += 1
            event = json.loads(body)
            assert "admin" not in route_of(event), (way, event)
        assert reached >= 1, "what is open is reached"
    lambda_.remove_permission(FunctionName="of-no-deputy", StatementId=unique)


# Headers and requests within others.


def test_nothing_is_smuggled_to_a_backend(tmp_path):
    """What one client sends is one request to a backend, with no header of its making that looks like the server's."""
    backend = HttpEndpoint()
    server = Server(tmp_path / "data", options=["--allow-loopback", backend.port])
    try:
        apis = server.client("apigatewayv2")
        api = apis.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
        integration = apis.create_integration(ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="ANY", IntegrationUri=f"http://127.0.0.1:{backend.port}/base/{{proxy}}", PayloadFormatVersion="1.0")["IntegrationId"]
        apis.create_route(ApiId=api, RouteKey="ANY /{proxy+}", Target=f"integrations/{integration}")
        apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
        base = f"/_aws/execute-api/{api}"
        host = ("host", host_of(server))
        hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
        for path, headers, body in [
            ("/a%0d%0aX-Evil:%201", [], b""),
            ("/a%20HTTP/1.1%0d%0a%0d%0aGET%20/hidden", [], b""),
            ("/a?q=%0d%0aX-Evil:%201", [], b""),
            ("/a", [("x-value", "1%0d%0aX-Evil: 1")], b""),
            ("/a", [("connection", "x-amzn-trace-id, forwarded, x-forwarded-for, via")], b""),
            ("/a", [("transfer-encoding", "chunked")], f"{len(hidden):x}\r\n{hidden}\r\n0\r\n\r\n".encode()),
            ("/a", [("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")], b""),
        ]:
            sized = [] if ("transfer-encoding", "chunked") in headers else [("content-length", str(len(body)))]
            exchange(server, "POST", base + path, [host, *headers, *sized], body)
        for request in backend.received:
            assert request.path.startswith("/base/a") and "hidden" not in request.path.split("%")[0], request
            assert request.headers["x-evil"] is None and request.headers["x-forwarded-host"] is None, request
            assert request.headers["x-forwarded-for"].endswith("127.0.0.1") and request.headers["x-amzn-trace-id"], request
        assert len(backend.received) <= 7 and backend.received[0].method == "POST"
        assert any(request.body == hidden for request in backend.received), "it is a body, and nothing else"
    finally:
        backend.close()
        assert server.stop(), server.logged()


FORWARDED = """
import json, os, urllib.request

def handler(event, context):
    if event["rawPath"] == "/from":
        return {"from": event["requestContext"]["http"]["sourceIp"], "scheme": event["headers"]["x-forwarded-proto"]}
    url = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{event['requestContext']['apiId']}/from"
    request = urllib.request.Request(url, headers={"X-Forwarded-For": "192.0.2.8", "X-Forwarded-Proto": "https"})
    return json.load(urllib.request.urlopen(request))
"""


def test_a_function_is_not_taken_for_a_proxy(tmp_path):
    """Both come from this machine: who has made the connection's other end tells them apart."""
    server = Server(tmp_path / "data", options=["--trusted-proxy", "127.0.0.1"])
    lambda_, apis = server.client("lambda"), server.client("apigatewayv2")
    arn = behind_apis(lambda_, server.client("iam"), "forwarded", FORWARDED)
    api = an_api(apis, arn, "GET /{proxy+}")
    ask = lambda path, **headers: json.loads(send(server, "GET", f"/_aws/execute-api/{api}{path}", **headers)[2])
    # A proxy has a user that is not the server's, nor a function's: here, only a server of root's can tell that this test is none.
    here = {"from": "192.0.2.7", "scheme": "https"} if os.geteuid() == 0 else {"from": "127.0.0.1", "scheme": "http"}
    assert ask("/from", X_Forwarded_For="192.0.2.7", X_Forwarded_Proto="https") == here
    assert ask("/ask") == {"from": "127.0.0.1", "scheme": "http"}
    assert server.stop(), server.logged()


def test_no_header_of_an_answer_is_a_clients(server, s3, secret):
    for value in ["x\r\nSet-Cookie: a=b", "x\nSet-Cookie: a=b", "x\r\n\r\n<script>", "\x00"]:
        for name in ["response-content-disposition", "response-content-type", "response-cache-control", "response-content-language"]:
            url = s3.generate_presigned_url("get_object", Params={"Bucket": secret, "Key": "private/secret"})
            request = AWSRequest("GET", f"{server.endpoint}/{secret}/private/secret", params={name: value})
            S3SigV4QueryAuth(root_of(server), "s3", REGION).add_auth(request)
            target = request.prepare().url
            connection = http.client.HTTPConnection(host_of(server), timeout=30)
            parts = urllib.parse.urlsplit(target)
            connection.request("GET", f"{parts.path}?{parts.query}")
            answer = connection.getresponse()
            assert answer.getheader("set-cookie") is None and b"<script>" not in answer.read()[:50], (name, value, url)
            connection.close()


# Redirects.


def test_redirects_stay_on_the_host_that_was_asked(server, s3, cloudfront, unique):
    s3.create_bucket(Bucket=unique)
    s3.delete_public_access_block(Bucket=unique)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{unique}/*"}
    s3.put_bucket_policy(Bucket=unique, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    s3.put_bucket_website(Bucket=unique, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    # Somebody may upload below names of their choosing.
    for key in ["docs/index.html", "/evil.example/index.html", "//evil.example/index.html", "\\evil.example/index.html"]:
        s3.put_object(Bucket=unique, Key=key, Body=b"x")
    distribution = cdn.made(cloudfront, cdn.config(cdn.http_server(80), default=cdn.behavior() | {"ViewerProtocolPolicy": "redirect-to-https"}))
    website = f"{unique}.s3-website.localhost"
    for host, path in [
        *((website, path) for path in ["/docs", "//evil.example", "///evil.example", "/%2Fevil.example", "/\\evil.example", "/%5Cevil.example", "/.//evil.example"]),
        *((distribution["DomainName"], path) for path in ["/a", "//evil.example/", "/%2f%2fevil.example", "/\\evil.example", "/@evil.example", "/%0d%0aLocation:%20http://evil.example"]),
    ]:
        connection = http.client.HTTPConnection(host_of(server), timeout=30)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("host", host)
        connection.putheader("x-forwarded-proto", "http")
        connection.endheaders()
        answer = connection.getresponse()
        location = answer.getheader("location")
        connection.close()
        if location is None:
            assert 400 <= answer.status < 500, (host, path, answer.status)
            continue
        led = urllib.parse.urlsplit(urllib.parse.urljoin(f"http://{host}/", location.replace("\\", "/")))
        assert led.netloc == host, (host, path, location)


# What takes time tells nothing.


def test_signing_in_takes_as_long_for_nobody_as_for_somebody(server, cognito, unique):
    pool = Pool(server, cognito, unique, client={"PreventUserExistenceErrors": "ENABLED"})

    def took(name):
        began = time.perf_counter()
        with pytest.raises(ClientError):
            pool.begin(name, "Wrong-Passw0rd")
        return time.perf_counter() - began

    known, unknown = [], []
    for number in range(12):
        pool.add(f"user-{number}")
        # One after the other, so that a busy machine slows both.
        known.append(took(f"user-{number}"))
        unknown.append(took(f"nobody-{number}"))
    # What others do on this machine only makes it longer.
    known, unknown = min(known), min(unknown)
    assert 0.5 < unknown / known < 2, (known, unknown)


# Things that are called secrets, and compared as anything is: with a reason each.
COMPARED = {
    "crates/auth/src/policy/pattern.rs": "tokens of a pattern",
    "crates/gateway/src/signing_keys.rs": "two secrets that the server has itself",
    "services/cognito/src/ops/mfa.rs": "a sealed one with what it was sealed to",
    "services/cognito/src/session.rs": "salts of the server's own",
    "services/iam/src/model/login.rs": "a new password with what it may not be",
    "services/iam/src/ops/login.rs": "two hashes that the server has itself",
    "services/scheduler/src/ops/group.rs": "tokens of pages",
}
SECRETS = r"\w*(?:secret|signature|mac|token|verifier|password|proof|seal)\b"
COMPARISON = re.compile(rf"{SECRETS}(?:\.as_\w+\(\))?\s*[!=]=\s|[!=]=\s*[*&]*(?:\w+\.)*{SECRETS}(?!\()")


def test_secrets_are_compared_in_constant_time():
    found = {}
    for path in sorted(path for folder in ("crates", "services") for path in (ROOT / folder).glob("*/src/**/*.rs")):
        if "tests" not in path.parts:
            lines = path.read_text().split("#[cfg(test)]")[0].splitlines()
            compared = [line.strip() for line in lines if COMPARISON.search(line) and not line.strip().startswith("//")]
            if compared:
                found[str(path.relative_to(ROOT))] = compared
    assert {path: lines for path, lines in found.items() if path not in COMPARED} == {}
    assert COMPARED.keys() <= found.keys(), "what is not there any more needs no reason"
    for path in ["crates/auth/src/sigv4/key.rs", "crates/auth/src/sigv4/chunks.rs", "crates/auth/src/sigv2.rs", "crates/auth/src/totp.rs", "crates/auth/src/password.rs", "services/iam/src/token.rs", "services/kms/src/ops/mac.rs",
                 *(f"services/cognito/src/{file}.rs" for file in ("model/code", "ops/auth", "hosted/visit", "hosted/token", "hosted/federation", "sign_in/srp", "sign_in/factors"))]:
        assert "ct_eq" in (ROOT / path).read_text(), path


# The table of all this.


def test_the_document_names_tests_that_there_are():
    text = (ROOT / "docs" / "security.md").read_text()
    sources = "\n".join(path.read_text() for folder in TREE for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".rs", ".mjs") and "node_modules" not in path.parts)
    named = set(re.findall(r"`((?:[a-z0-9]+_){2,}[a-z0-9_]+)`", text))
    assert len(named) > 40
    missing = sorted(name for name in named if not re.search(rf"fn {name}\b|def {name}\b", sources))
    assert missing == []
    files = set(re.findall(r"`((?:tests|crates|services)/[\w/.-]+)`", text))
    assert files and [file for file in sorted(files) if not (ROOT / file).exists()] == []
