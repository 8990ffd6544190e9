"""API destinations through boto3: what a real HTTP endpoint gets of events, and what becomes of those that it refuses."""

import base64
import json
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until
from http_endpoint import HttpEndpoint
from test_eventbridge import messages, put, queue_of

SECRET = "hush-hush"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server that reaches two endpoints, and its clients."""
    world = World()
    world.endpoint, world.other = HttpEndpoint(), HttpEndpoint()
    options = [option for endpoint in (world.endpoint, world.other) for option in ("--allow-loopback", endpoint.port)]
    world.server = Server(tmp_path_factory.mktemp("destinations") / "data", options=options)
    world.events, world.sqs, iam = (world.server.client(name) for name in ("events", "sqs", "iam"))
    world.role = role(iam, "sends", f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/*")
    world.powerless = role(iam, "powerless", f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/none/*")
    yield world
    assert world.server.stop(), world.server.logged()
    assert SECRET not in world.server.logged()


@pytest.fixture(autouse=True)
def quiet(world):
    for endpoint in (world.endpoint, world.other):
        endpoint.answer, endpoint.received[:] = (lambda request: (200, {}, "")), []


def role(iam, name, resource):
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": resource}
    document = lambda statement: json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(may))
    return arn


class World:
    def connection(self, name, kind, **parameters):
        return self.events.create_connection(Name=name, AuthorizationType=kind, AuthParameters=parameters)["ConnectionArn"]

    def basic(self, name, **more):
        return self.connection(name, "BASIC", BasicAuthParameters={"Username": "u", "Password": SECRET}, **more)

    def destination(self, name, connection, url=None, method="POST", **more):
        made = self.events.create_api_destination(
            Name=name, ConnectionArn=connection, InvocationEndpoint=url or self.endpoint.url, HttpMethod=method, **more
        )
        assert made["ApiDestinationState"] in ("ACTIVE", "INACTIVE")
        return made["ApiDestinationArn"]

    def rule(self, name, target, **settings):
        arn = self.events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
        self.events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": target, "RoleArn": self.role, **settings}])
        return arn

    def state(self, connection):
        return self.events.describe_connection(Name=connection)["ConnectionState"]


def test_a_request_is_as_its_target_and_its_connection_say(world, unique):
    parameter = lambda key, value: {"Key": key, "Value": value, "IsValueSecret": True}
    http = {
        "HeaderParameters": [parameter("X-Both", "connection"), parameter("User-Agent", "me")],
        "QueryStringParameters": [parameter("both", "connection"), parameter("key", SECRET)],
        "BodyParameters": [parameter("added", SECRET)],
    }
    connection = world.basic(unique, InvocationHttpParameters=http)
    destination = world.destination(unique, connection, f"http://127.0.0.1:{world.endpoint.port}/orders/*/items/*?fix=1", "PUT")
    world.rule(unique, destination, InputPath="$.detail", HttpParameters={
        "PathParameterValues": ["$.detail.order", "a b/c"],
        "HeaderParameters": {"X-Id": "$.id", "X-Both": "target", "X-Own": "own"},
        "QueryStringParameters": {"n": "$.detail.n", "both": "target", "none": "$.detail.none"},
    })
    event_id = put(world.events, unique, {"order": "o/1", "n": 7})
    request = world.endpoint.next_request()
    assert request.method == "PUT"
    address = urlsplit(request.path)
    assert address.path == "/orders/o%2F1/items/a%20b%2Fc"
    assert parse_qs(address.query, keep_blank_values=True) == {"fix": ["1"], "n": ["7"], "both": ["connection"], "key": [SECRET], "none": [""]}
    headers = {name: request.headers[name] for name in ("X-Id", "X-Both", "X-Own", "User-Agent", "Content-Type", "Range", "Accept-Encoding", "Connection")}
    assert headers == {
        "X-Id": event_id, "X-Both": "connection", "X-Own": "own", "User-Agent": "Amazon/EventBridge/ApiDestinations",
        "Content-Type": "application/json; charset=utf-8", "Range": "bytes=0-1048575", "Accept-Encoding": "gzip,deflate", "Connection": "close",
    }
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(f"u:{SECRET}".encode()).decode()
    assert json.loads(request.body) == {"order": "o/1", "n": 7, "added": SECRET}
    assert SECRET not in str(world.events.describe_connection(Name=unique))


def test_a_key_is_in_its_header(world, unique):
    connection = world.connection(unique, "API_KEY", ApiKeyAuthParameters={"ApiKeyName": "x-key", "ApiKeyValue": SECRET})
    world.rule(unique, world.destination(unique, connection))
    event_id = put(world.events, unique, {"n": 1})
    request = world.endpoint.next_request()
    assert (request.headers["x-key"], request.headers["Authorization"]) == (SECRET, None)
    assert json.loads(request.body)["id"] == event_id


class Issuer:
    """Gives tokens, and takes the last one only."""

    def __init__(self, seconds=3600):
        self.given, self.judged, self.asked, self.seconds = 0, 0, [], seconds

    def __call__(self, request):
        if urlsplit(request.path).path == "/token":
            self.asked.append(request)
            self.given += 1
            return 200, {"Content-Type": "application/json"}, json.dumps({"access_token": f"t{self.given}", "token_type": "bearer", "expires_in": self.seconds})
        status = 200 if request.headers["Authorization"] == f"Bearer t{self.given}" else 401
        self.judged += 1
        return status, {}, ""


def oauth(world, name, endpoint):
    body = [{"Key": "audience", "Value": "all", "IsValueSecret": False}]
    parameters = {
        "ClientParameters": {"ClientID": "me", "ClientSecret": SECRET}, "AuthorizationEndpoint": f"http://127.0.0.1:{endpoint.port}/token",
        "HttpMethod": "POST", "OAuthHttpParameters": {"BodyParameters": body},
    }
    return world.connection(name, "OAUTH_CLIENT_CREDENTIALS", OAuthParameters=parameters)


def sent(endpoint):
    return [request for request in endpoint.received if urlsplit(request.path).path == "/hook"]


def test_a_token_is_asked_for_once_and_again_when_it_is_refused(world, unique):
    issuer = world.endpoint.answer = Issuer()
    connection = oauth(world, unique, world.endpoint)
    assert wait_until(lambda: world.state(unique) == "AUTHORIZED", what="the connection is authorized")
    assert parse_qs(issuer.asked[0].body) == {"grant_type": ["client_credentials"], "client_id": ["me"], "client_secret": [SECRET], "audience": ["all"]}
    assert issuer.asked[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    world.rule(unique, world.destination(unique, connection))
    for n in range(3):
        put(world.events, unique, {"n": n})
    wait_until(lambda: issuer.judged == 3, what="three requests")
    assert {request.headers["Authorization"] for request in sent(world.endpoint)} == {"Bearer t1"} and issuer.given == 1
    issuer.given = 5  # Whatever was given before is not taken any more.
    put(world.events, unique, {"n": 3})
    wait_until(lambda: len(sent(world.endpoint)) == 5, what="the request with another token")
    assert [request.headers["Authorization"] for request in sent(world.endpoint)[3:]] == ["Bearer t1", "Bearer t6"]
    described = world.events.describe_connection(Name=unique)
    assert described["ConnectionState"] == "AUTHORIZED" and SECRET not in str(described) and "t6" not in str(described["AuthParameters"])


def test_a_token_that_is_about_to_end_is_not_used(world, unique):
    issuer = world.endpoint.answer = Issuer(seconds=59)
    connection = oauth(world, unique, world.endpoint)
    wait_until(lambda: world.state(unique) == "AUTHORIZED")
    world.rule(unique, world.destination(unique, connection))
    put(world.events, unique, {"n": 1})
    wait_until(lambda: sent(world.endpoint))
    assert issuer.given == 2


def test_a_connection_that_gets_no_token_is_deauthorized_with_the_reason(world, unique):
    world.endpoint.answer = lambda request: (403, {}, SECRET)
    connection = oauth(world, unique, world.endpoint)
    wait_until(lambda: world.state(unique) == "DEAUTHORIZED", what="the connection is refused")
    assert "the authorization endpoint answered 403" in world.events.describe_connection(Name=unique)["StateReason"]
    destination = world.destination(unique, connection)
    assert world.events.describe_api_destination(Name=unique)["ApiDestinationState"] == "INACTIVE"
    # Its endpoint may give one later: the next event asks.
    world.endpoint.answer = Issuer()
    world.rule(unique, destination)
    put(world.events, unique, {"n": 1})
    wait_until(lambda: sent(world.endpoint))
    # That is noted when the endpoint's answer is there.
    wait_until(lambda: world.state(unique) == "AUTHORIZED", what="the connection is authorized")


def test_a_key_that_is_refused_deauthorizes_its_connection_and_that_is_told(world, unique):
    url, queue = queue_of(world.sqs, unique)
    told = {"source": ["aws.events"], "detail": {"ConnectionName": [unique]}, "detail-type": ["Connection Deauthorized", "Connection Authorized"]}
    world.events.put_rule(Name=f"{unique}-told", EventPattern=json.dumps(told))
    world.events.put_targets(Rule=f"{unique}-told", Targets=[{"Id": "q", "Arn": queue}])
    answers = iter([(401, {}, ""), (200, {}, "")])
    world.endpoint.answer = lambda request: next(answers)
    connection = world.basic(unique)
    world.rule(unique, world.destination(unique, connection))
    put(world.events, unique, {"n": 1})
    wait_until(lambda: len(world.endpoint.received) == 2, what="the second attempt")
    made, refused, again = (json.loads(message["Body"]) for message in messages(world.sqs, url, 3))
    assert [event["detail-type"] for event in (made, refused, again)] == ["Connection Authorized", "Connection Deauthorized", "Connection Authorized"]
    assert (refused["resources"], refused["account"]) == ([connection], ACCOUNT)
    assert refused["detail"]["StateReason"].endswith("API destination returned HTTP status 401.")
    assert world.state(unique) == "AUTHORIZED"


def test_what_may_pass_is_tried_again(world, unique):
    answers = iter([(503, {}, ""), (429, {"Retry-After": "2"}, ""), (200, {}, "")])
    world.endpoint.answer = lambda request: next(answers)
    world.rule(unique, world.destination(unique, world.basic(unique)))
    put(world.events, unique, {"n": 1})
    wait_until(lambda: len(world.endpoint.received) == 3, what="the third attempt")
    _, second, third = (request.at for request in world.endpoint.received)
    assert third - second >= 2, "as long as the endpoint asks for"


@pytest.mark.parametrize("answer, message, condition", [
    ((404, {}, SECRET), "API destination returned HTTP status 404.", None),
    ((302, {"Location": "http://127.0.0.1/"}, ""), "API destination returned HTTP status 302.", None),
    ((503, {"Retry-After": "-1"}, ""), "API destination returned HTTP status 503.", None),
    ((500, {}, ""), "API destination returned HTTP status 500.", "MaximumRetryAttempts"),
])
def test_what_is_refused_ends_in_the_dead_letter_queue(world, unique, answer, message, condition):
    url, dead = queue_of(world.sqs, unique)
    world.endpoint.answer = lambda request: answer
    destination = world.destination(unique, world.basic(unique))
    rule = world.rule(unique, destination, DeadLetterConfig={"Arn": dead}, RetryPolicy={"MaximumRetryAttempts": 1 if condition else 5})
    event_id = put(world.events, unique, {"n": 1})
    (letter,) = messages(world.sqs, url)
    told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    expected = {"RULE_ARN": rule, "TARGET_ARN": destination, "ERROR_CODE": "SDK_CLIENT_ERROR", "ERROR_MESSAGE": f"Unable to invoke ApiDestination endpoint: {message}"}
    if condition:
        expected |= {"EXHAUSTED_RETRY_CONDITION": condition, "RETRY_ATTEMPTS": "1"}
    assert told == expected
    assert json.loads(letter["Body"])["id"] == event_id
    assert len(world.endpoint.received) == (2 if condition else 1)


def test_an_endpoint_has_five_seconds_to_answer(world, unique):
    url, dead = queue_of(world.sqs, unique)
    world.endpoint.answer = lambda request: time.sleep(6) or (200, {}, "")
    world.rule(unique, world.destination(unique, world.basic(unique)), DeadLetterConfig={"Arn": dead}, RetryPolicy={"MaximumRetryAttempts": 0})
    began = time.monotonic()
    put(world.events, unique, {"n": 1})
    (letter,) = messages(world.sqs, url)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "TIMEOUT"
    assert time.monotonic() - began >= 5


def test_a_rate_is_kept_to_and_holds_up_nobody_else(world, unique):
    connection = world.basic(unique)
    slow = world.destination(f"{unique}-slow", connection, InvocationRateLimitPerSecond=4)
    fast = world.destination(f"{unique}-fast", connection, world.other.url)
    world.rule(unique, slow)
    world.events.put_targets(Rule=unique, Targets=[{"Id": "fast", "Arn": fast, "RoleArn": world.role}])
    entry = {"Source": unique, "DetailType": "t", "Detail": "{}"}
    assert world.events.put_events(Entries=[entry] * 5)["FailedEntryCount"] == 0
    wait_until(lambda: len(world.endpoint.received) == 5 and len(world.other.received) == 5, what="all requests")
    ends = lambda endpoint: endpoint.received[-1].at
    assert ends(world.endpoint) - world.endpoint.received[0].at >= 0.95 and ends(world.other) < ends(world.endpoint)


def test_who_may_send_where(world, unique):
    url, dead = queue_of(world.sqs, unique)
    destination = world.destination(unique, world.basic(unique))
    world.events.put_rule(Name=unique, EventPattern=json.dumps({"source": [unique]}))
    with pytest.raises(ClientError, match="RoleArn is required for target"):
        world.events.put_targets(Rule=unique, Targets=[{"Id": "t", "Arn": destination}])
    letter_of = lambda: messages(world.sqs, url)[0]["MessageAttributes"]
    world.rule(unique, destination, RoleArn=world.powerless, DeadLetterConfig={"Arn": dead})
    put(world.events, unique, {"n": 1})
    assert letter_of()["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    # Neither what is not there, nor what only the server itself may reach.
    world.rule(unique, f"{destination[:-1]}x", DeadLetterConfig={"Arn": dead})
    put(world.events, unique, {"n": 2})
    assert letter_of()["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"
    world.events.update_api_destination(Name=unique, InvocationEndpoint="http://127.0.0.1:1/")
    world.rule(unique, destination, DeadLetterConfig={"Arn": dead})
    put(world.events, unique, {"n": 3})
    told = letter_of()
    assert told["ERROR_CODE"]["StringValue"] == "SDK_CLIENT_ERROR" and "is not given free" in told["ERROR_MESSAGE"]["StringValue"]
    assert world.endpoint.received == []


def test_a_role_that_trusts_eventbridge_no_more_is_not_used(world, unique):
    url, dead = queue_of(world.sqs, unique)
    iam, destination = world.server.client("iam"), world.destination(unique, world.basic(unique))
    passed = role(iam, unique, destination)
    rule = world.rule(unique, destination, RoleArn=passed, DeadLetterConfig={"Arn": dead})

    def trust(of):
        statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": {"ArnEquals": {"aws:SourceArn": of}}}
        iam.update_assume_role_policy(RoleName=unique, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    trust(f"{rule}-other")
    put(world.events, unique, {"n": 1})
    told = messages(world.sqs, url)[0]["MessageAttributes"]
    assert told["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS" and "sts:AssumeRole" in told["ERROR_MESSAGE"]["StringValue"]
    trust(rule)
    put(world.events, unique, {"n": 2})
    assert json.loads(world.endpoint.next_request().body)["detail"] == {"n": 2}


def test_a_deauthorized_connection_keeps_no_secret_and_sends_nothing(world, unique):
    connection = world.basic(unique)
    url, dead = queue_of(world.sqs, unique)
    world.rule(unique, world.destination(unique, connection), DeadLetterConfig={"Arn": dead}, RetryPolicy={"MaximumRetryAttempts": 0})
    world.events.deauthorize_connection(Name=unique)
    assert world.state(unique) == "DEAUTHORIZED"
    put(world.events, unique, {"n": 1})
    (letter,) = messages(world.sqs, url)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    with pytest.raises(ClientError, match="BasicAuthParameters.Password"):
        world.events.update_connection(Name=unique, AuthorizationType="BASIC")
    world.events.update_connection(Name=unique, AuthorizationType="BASIC", AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "p"}})
    put(world.events, unique, {"n": 2})
    assert json.loads(world.endpoint.next_request().body)["detail"] == {"n": 2}


PROJECT = """
service: {name}
provider: {{ name: aws }}
resources:
  Resources:
    Policy:
      Type: AWS::Events::EventBusPolicy
      Properties:
        StatementId: {name}
        Statement: {{ Effect: Allow, Principal: {{ AWS: "111111111111" }}, Action: events:PutEvents, Resource: "*" }}
    Connection:
      Type: AWS::Events::Connection
      Properties:
        AuthorizationType: API_KEY
        AuthParameters: {{ ApiKeyAuthParameters: {{ ApiKeyName: x-key, ApiKeyValue: hush-hush }} }}
    Destination:
      Type: AWS::Events::ApiDestination
      Properties: {{ ConnectionArn: !GetAtt Connection.Arn, InvocationEndpoint: "{url}", HttpMethod: POST }}
    Rule:
      Type: AWS::Events::Rule
      Properties:
        EventPattern: {{ source: [{name}] }}
        Targets: [{{ Id: t, Arn: !GetAtt Destination.Arn, RoleArn: "{role}" }}]
"""


def test_a_project_has_destinations_connections_and_policies(world, tmp_path, unique):
    (tmp_path / "serverless.yml").write_text(PROJECT.format(name=unique, url=world.endpoint.url, role=world.role))
    world.server.run("deploy", tmp_path)
    put(world.events, unique, {"n": 1})
    assert world.endpoint.next_request().headers["x-key"] == SECRET
    sids = lambda: [statement["Sid"] for statement in json.loads(world.events.describe_event_bus()["Policy"])["Statement"]]
    assert sids() == [unique]
    world.server.run("remove", tmp_path)
    assert "Policy" not in world.events.describe_event_bus()
    assert world.events.list_connections(NamePrefix=unique)["Connections"] == []
