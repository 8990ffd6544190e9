"""What REST APIs integrate besides functions that are told the request as it is: templates, other services, endpoints."""

import json
import time

import pytest
from cloudlet import ACCOUNT, REGION, Server, wait_until
from http_endpoint import HttpEndpoint
from rest_method import MOCK, RestApi, template
from test_apigateway import behind_apis, invocations, refused
from test_iam import allow, trust

SOURCE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("[404] no such thing: " + event["fail"])
    if event.get("sleep"):
        import time
        time.sleep(event["sleep"])
    return {"got": event}
"""
ACTIONS = ["dynamodb:*", "sqs:*", "sns:*", "s3:*", "kinesis:*", "events:*", "lambda:*", "ssm:*"]


@pytest.fixture(scope="module")
def role(iam):
    """A role that API Gateway may have, for everything that is tried here."""
    arn = iam.create_role(RoleName="rest-integrations", AssumeRolePolicyDocument=trust(Service="apigateway.amazonaws.com"))["Role"]["Arn"]
    iam.put_role_policy(RoleName="rest-integrations", PolicyName="all", PolicyDocument=allow(ACTIONS))
    return arn


@pytest.fixture(scope="module")
def function(lambda_, iam):
    return behind_apis(lambda_, iam, "behind-templates", SOURCE)


@pytest.fixture
def api(server, unique):
    return RestApi(server, unique)


def service(uri, role, verb="POST", **more):
    return {"type": "AWS", "integrationHttpMethod": verb, "credentials": role, "uri": f"arn:aws:apigateway:{REGION}:{uri}"} | more


def test_templates_make_events_and_answers(api, function):
    request = """
    #set($params = $input.params())
    {"body": $input.json('$'), "fail": "$!input.path('$.fail')",
     "params": {#foreach($kind in $params.keySet())#set($of = $params.get($kind))"$kind": [#foreach($name in $of.keySet())"$name"#if($foreach.hasNext),#end#end]#if($foreach.hasNext),#end#end},
     "id": "$input.params('id')", "stage": "$context.stage", "v": "$stageVariables.v", "ip": "$context.identity.sourceIp"}
    """
    integration = {"type": "AWS", "integrationHttpMethod": "POST", "uri": invocations(function), "requestTemplates": {"application/json": request}}
    responses = {
        "200": template('$input.json(\'$.got\')', responseParameters={"method.response.header.X-Id": "integration.response.body.got.id"}),
        "404": template('{"why": "$util.escapeJavaScript($input.path(\'$.errorMessage\'))"}', selectionPattern=r".*\[404\].*"),
    }
    api.method("POST", "/things/{id}", integration, responses)
    api.deploy(variables={"v": "1"})
    status, headers, body = api.send("POST", "/things/a%20b?q=1", '{"x": "it\'s"}', Content_Type="application/json")
    event = json.loads(body)
    assert (status, headers["x-id"], event["id"], event["body"]) == (200, "a b", "a b", {"x": "it's"})
    assert (event["stage"], event["v"], event["ip"]) == ("dev", "1", "127.0.0.1")
    assert (event["params"]["path"], event["params"]["querystring"]) == (["id"], ["q"])
    assert "Content-Type" in event["params"]["header"]
    assert api.json("POST", "/things/1", '{"fail": "x"}') == (404, {"why": "[404] no such thing: x"})


def test_responses_are_put_in_any_order(api):
    key = api.method("GET", "/order", MOCK)
    api.client.put_integration_response(**key, statusCode="200", responseTemplates={"application/json": '{"ok": 1}'})
    assert api.client.test_invoke_method(**key)["status"] == 500
    api.client.put_method_response(**key, statusCode="200")
    api.deploy()
    assert api.json("GET", "/order") == (200, {"ok": 1})


def test_a_proxy_answers_what_its_siblings_do_not(api):
    api.method("POST", "/test", MOCK, {"200": template("post")})
    api.method("OPTIONS", "/{proxy+}", MOCK, {"200": template("$input.params('proxy')")})
    api.deploy()
    assert [api.send(verb, "/test")[::2] for verb in ("POST", "OPTIONS")] == [(200, b"post"), (200, b"test")]
    assert api.send("GET", "/test")[0] == 403


def test_functions_can_be_called_without_waiting(api, function, lambda_, logs, role):
    header = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    for path, more in [("/own", {}), ("/role", {"credentials": role})]:
        integration = {"type": "AWS", "integrationHttpMethod": "POST", "uri": invocations(function), "requestParameters": header} | more
        api.method("POST", path, integration, {"202": template("{}", selectionPattern="202"), "403": template('{"closed": true}', selectionPattern="403")})
    api.deploy()
    for path in ("/own", "/role"):
        began = time.monotonic()
        assert api.json("POST", path, '{"sleep": 3}') == (202, {}), path
        assert time.monotonic() - began < 2.5
    # A function that lets no API in is not called for one.
    closed = lambda_.get_policy(FunctionName="behind-templates")
    statement = json.loads(closed["Policy"])["Statement"][0]["Sid"]
    lambda_.remove_permission(FunctionName="behind-templates", StatementId=statement)
    try:
        assert api.json("POST", "/own", "{}") == (403, {"closed": True})
    finally:
        source = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:*"
        lambda_.add_permission(FunctionName="behind-templates", StatementId=statement, Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com", SourceArn=source)


def test_tables_are_written_and_read(api, role, dynamodb, unique):
    dynamodb.create_table(
        TableName=unique, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
    )
    put = '{"TableName": "%s", "Item": {"k": {"S": "$input.params(\'id\')"}, "v": {"S": "$util.escapeJavaScript($input.path(\'$.v\'))"}}}' % unique
    get = '{"TableName": "%s", "Key": {"k": {"S": "$input.params(\'id\')"}}}' % unique
    answer = '#set($item = $input.path("$.Item"))#if($item){"v": "$item.v.S"}#else#set($context.responseOverride.status = 404){"none": "$input.params(\'id\')"}#end'
    api.method("PUT", "/items/{id}", service("dynamodb:action/PutItem", role, requestTemplates={"application/json": put}), {"200": template("{}"), "400": template("$input.json('$')", selectionPattern="4..")})
    api.method("GET", "/items/{id}", service("dynamodb:action/GetItem", role, requestTemplates={"application/json": get}), {"200": template(answer)})
    api.deploy()
    assert api.json("PUT", "/items/a", '{"v": "hi \\"you\\""}') == (200, {})
    assert dynamodb.get_item(TableName=unique, Key={"k": {"S": "a"}})["Item"]["v"] == {"S": 'hi "you"'}
    assert api.json("PUT", "/items/b", '{"v": "x"}') == (200, {})
    assert api.json("GET", "/items/b") == (200, {"v": "x"})
    assert api.json("GET", "/items/none") == (404, {"none": "none"})
    dynamodb.delete_table(TableName=unique)
    status, body = api.json("PUT", "/items/a", '{"v": "x"}')
    assert (status, body["__type"].split("#")[-1]) == (400, "ResourceNotFoundException")


def test_queues_topics_streams_and_buses_are_sent_to(api, role, sqs, sns, kinesis, events, unique):
    queue = sqs.create_queue(QueueName=unique)["QueueUrl"]
    form = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
    send = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=b"
    told = template('{"id": "$input.path(\'$.SendMessageResponse.SendMessageResult.MessageId\')"}')
    api.method("POST", "/path", service(f"sqs:path/{ACCOUNT}/{unique}", role, requestTemplates={"application/json": send}, requestParameters=form), {"200": told})
    named = {"integration.request.querystring.QueueUrl": f"'{queue}'", "integration.request.querystring.MessageBody": "method.request.querystring.m"}
    api.method("GET", "/action", service("sqs:action/SendMessage", role, requestParameters=named), {"200": {}})
    api.method("POST", "/own", service("sns:action/ListTopics", role, requestParameters=form), {"200": template("$input.json('$')")})
    target = {"integration.request.header.Content-Type": "'application/x-amz-json-1.0'", "integration.request.header.X-Amz-Target": "'AmazonSQS.SendMessage'"}
    by_json = '{"QueueUrl": "%s", "MessageBody": "$util.escapeJavaScript($input.body)"}' % queue
    api.method("POST", "/json", service(f"sqs:path/{ACCOUNT}/{unique}", role, requestTemplates={"application/json": by_json}, requestParameters=target), {"200": template('{"id": "$input.path(\'$.MessageId\')"}')})
    topic = sns.create_topic(Name=unique)["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    publish = f"Action=Publish&TopicArn=$util.urlEncode('{topic}')&Message=$util.urlEncode($input.path('$.m'))"
    api.method("POST", "/sns", service("sns:path//", role, requestTemplates={"application/json": publish}, requestParameters=form), {"200": template("$input.json('$.PublishResponse.PublishResult.MessageId')")})
    kinesis.create_stream(StreamName=unique, ShardCount=1)
    wait_until(lambda: kinesis.describe_stream_summary(StreamName=unique)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    record = '{"StreamName": "%s", "Data": "$util.base64Encode($input.body)", "PartitionKey": "$context.requestId"}' % unique
    api.method("POST", "/kinesis", service("kinesis:action/PutRecord", role, requestTemplates={"application/json": record}), {"200": template("$input.json('$.ShardId')")})
    events.put_rule(Name=unique, EventPattern=json.dumps({"source": [unique]}))
    events.put_targets(Rule=unique, Targets=[{"Id": "q", "Arn": arn, "InputPath": "$.detail"}])
    put = '#set($context.requestOverride.header.X-Amz-Target = "AWSEvents.PutEvents")#set($context.requestOverride.header.Content-Type = "application/x-amz-json-1.1"){"Entries": [{"Source": "%s", "DetailType": "t", "Detail": "$util.escapeJavaScript($input.body)"}]}' % unique
    api.method("POST", "/events", service("events:action/PutEvents", role, requestTemplates={"application/json": put}), {"200": template("$input.json('$.FailedEntryCount')")})
    api.deploy()

    def received():
        message = wait_until(lambda: sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], WaitTimeSeconds=5).get("Messages"))[0]
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return message

    status, body = api.json("POST", "/path", '{"a": "b&c+d"}')
    message = received()
    assert (status, body) == (200, {"id": message["MessageId"]})
    assert (message["Body"], message["MessageAttributes"]["a"]["StringValue"]) == ('{"a": "b&c+d"}', "b")
    status, body = api.json("GET", "/action?m=hello%20you")
    assert (status, body["SendMessageResponse"]["SendMessageResult"]["MessageId"]) == (200, received()["MessageId"])
    status, body = api.json("POST", "/json", '{"x": 1}')
    message = received()
    assert (status, body["id"], message["Body"]) == (200, message["MessageId"], '{"x": 1}')
    # What a client sends adds to the action, and does not choose it.
    status, body = api.json("POST", "/own", f"Action=DeleteTopic&TopicArn={topic}", Content_Type="application/x-www-form-urlencoded")
    assert (status, list(body)) == (200, ["ListTopicsResponse"])
    status, _ = api.json("POST", "/sns", '{"m": "to all & each"}')
    assert (status, received()["Body"]) == (200, "to all & each")
    assert api.json("POST", "/kinesis", '{"k": 1}') == (200, "shardId-000000000000")
    shard = kinesis.get_shard_iterator(StreamName=unique, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert kinesis.get_records(ShardIterator=shard)["Records"][0]["Data"] == b'{"k": 1}'
    assert api.json("POST", "/events", '{"d": "\\"e\\""}') == (200, 0)
    assert json.loads(received()["Body"]) == {"d": '"e"'}


def test_parameters_are_got_as_by_the_query_protocol(api, role, ssm, unique):
    ssm.put_parameter(Name=unique, Value="v", Type="String")
    named = {"integration.request.querystring.Name": f"'{unique}'"}
    told = template("$input.path('$.GetParameterResponse.GetParameterResult.Parameter.Value')")
    api.method("GET", "/parameter", service("ssm:action/GetParameter", role, requestParameters=named), {"200": told})
    api.deploy()
    assert api.send("GET", "/parameter")[::2] == (200, b"v")


def test_objects_are_put_and_got_with_their_bytes(server, role, s3, unique):
    api = RestApi(server, unique, binaryMediaTypes=["image/png"])
    s3.create_bucket(Bucket=f"{unique}-bucket")
    uri = f"s3:path/{unique}-bucket/{{key}}"
    key = {"integration.request.path.key": "method.request.path.proxy"}
    kind = {"integration.request.header.Content-Type": "method.request.header.Content-Type"}
    api.method("PUT", "/{proxy+}", service(uri, role, "PUT", requestParameters=key | kind), {"200": {"responseParameters": {"method.response.header.ETag": "integration.response.header.ETag"}}})
    got = {"responseParameters": {"method.response.header.Content-Type": "integration.response.header.Content-Type"}}
    api.method("GET", "/{proxy+}", service(uri, role, "GET", requestParameters=key), {"200": got, "404": template('{"none": true}', selectionPattern="404")})
    api.deploy()
    picture = bytes(range(256))
    status, headers, _ = api.send("PUT", "/a/b%20c.png", picture, Content_Type="image/png")
    stored = s3.get_object(Bucket=f"{unique}-bucket", Key="a/b c.png")
    assert (status, headers["etag"], stored["Body"].read(), stored["ContentType"]) == (200, stored["ETag"], picture, "image/png")
    status, headers, body = api.send("GET", "/a/b%20c.png", Accept="image/png")
    assert (status, headers["content-type"], body) == (200, "image/png", picture)
    assert api.json("GET", "/a/none") == (404, {"none": True})
    # What the API does not know for bytes is text: that is how AWS breaks pictures, too.
    api.send("PUT", "/text", b"a\xff", Content_Type="application/octet-stream")
    assert s3.get_object(Bucket=f"{unique}-bucket", Key="text")["Body"].read() == "a\ufffd".encode()


def test_an_integration_may_do_what_its_role_may(server, api, iam, sqs, unique):
    queue = sqs.create_queue(QueueName=unique)["QueueUrl"]
    named = {"integration.request.querystring.QueueUrl": f"'{queue}'", "integration.request.querystring.MessageBody": "'m'"}
    responses = {"200": {}, "403": template('{"denied": true}', selectionPattern="403")}
    for name, principal in [("poor", "apigateway.amazonaws.com"), ("strange", "lambda.amazonaws.com")]:
        role = iam.create_role(RoleName=f"{unique}-{name}", AssumeRolePolicyDocument=trust(Service=principal))["Role"]["Arn"]
        api.method("POST", f"/{name}", service("sqs:action/SendMessage", role, requestParameters=named), responses)
    iam.put_role_policy(RoleName=f"{unique}-strange", PolicyName="p", PolicyDocument=allow("sqs:*"))
    api.deploy()
    assert api.json("POST", "/poor", "{}") == (403, {"denied": True})
    assert api.json("POST", "/strange", "{}") == (403, {"denied": True})
    iam.put_role_policy(RoleName=f"{unique}-poor", PolicyName="p", PolicyDocument=allow("sqs:SendMessage"))
    assert api.json("POST", "/poor", "{}")[0] == 200
    # Whoever may change an API may not give it roles that they may not pass.
    iam.create_user(UserName=unique)
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=allow("apigateway:*"))
    made = iam.create_access_key(UserName=unique)["AccessKey"]
    limited = server.client_as("apigateway", made["AccessKeyId"], made["SecretAccessKey"])
    key = {"restApiId": api.id, "resourceId": api.resource("/poor"), "httpMethod": "POST"}
    role = f"arn:aws:iam::{ACCOUNT}:role/{unique}-strange"
    assert "iam:PassRole" in refused("AccessDeniedException", limited.put_integration, **key, **service("sqs:action/SendMessage", role))
    patch = [{"op": "replace", "path": "/credentials", "value": role}]
    assert "iam:PassRole" in refused("AccessDeniedException", limited.update_integration, **key, patchOperations=patch)
    patch = [{"op": "replace", "path": "/credentials", "value": "${stageVariables.role}"}]
    assert "iam:PassRole" in refused("AccessDeniedException", limited.update_integration, **key, patchOperations=patch)
    patch = [{"op": "replace", "path": "/timeoutInMillis", "value": "1000"}]
    assert limited.update_integration(**key, patchOperations=patch)["timeoutInMillis"] == 1000


@pytest.fixture(scope="module")
def endpoint():
    endpoint = HttpEndpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture(scope="module")
def reaching(tmp_path_factory, endpoint):
    """A server that may reach the endpoint."""
    server = Server(tmp_path_factory.mktemp("reaching"), options=["--allow-loopback", str(endpoint.port)])
    yield server
    assert server.stop(), server.logged()


def test_endpoints_get_what_is_mapped_and_answer_through_templates(reaching, endpoint, unique):
    api = RestApi(reaching, unique)
    url = f"http://127.0.0.1:{endpoint.port}/in/{{where}}?fixed=1"
    mapped = {
        "integration.request.path.where": "method.request.path.id", "integration.request.querystring.q": "method.request.querystring.search",
        "integration.request.header.X-Stage": "context.stage", "integration.request.header.X-Body": "method.request.body.a", "integration.request.header.X-V": "stageVariables.v",
    }
    integration = {"type": "HTTP", "integrationHttpMethod": "PUT", "uri": url, "requestParameters": mapped, "requestTemplates": {"application/json": '{"wrapped": $input.json(\'$\')}'}}
    responses = {
        "200": template('{"was": $input.json(\'$.x\')}', responseParameters={"method.response.header.X-Back": "integration.response.header.X-There"}),
        "502": template('{"bad": true}', selectionPattern="5\\d{2}"),
    }
    api.method("POST", "/{id}", integration, responses)
    api.deploy(variables={"v": "7"})
    endpoint.answer = lambda request: (200, {"X-There": "t"}, '{"x": [1]}')
    status, headers, body = api.send("POST", "/a%2Fb?search=c%20d&other=1", '{"a": "A"}', Content_Type="application/json", X_Mine="no")
    assert (status, json.loads(body), headers["x-back"]) == (200, {"was": [1]}, "t")
    request = endpoint.next_request()
    assert (request.method, request.path) == ("PUT", "/in/a/b?fixed=1&q=c%20d")
    assert json.loads(request.body) == {"wrapped": {"a": "A"}}
    assert [request.headers[name] for name in ("X-Stage", "X-Body", "X-V", "X-Mine")] == ["dev", "A", "7", None]
    assert request.headers["User-Agent"] == f"AmazonAPIGateway_{api.id}"
    endpoint.answer = lambda request: (503, {}, "busy")
    assert api.json("POST", "/x", "{}") == (502, {"bad": True})
    endpoint.received.clear()


def test_proxies_pass_requests_and_answers_on(reaching, endpoint, unique):
    api = RestApi(reaching, unique)
    integration = {
        "type": "HTTP_PROXY", "integrationHttpMethod": "ANY", "uri": f"http://127.0.0.1:{endpoint.port}/base/{{proxy}}",
        "requestParameters": {"integration.request.path.proxy": "method.request.path.proxy", "integration.request.header.X-More": "'more'"},
    }
    api.method("ANY", "/{proxy+}", integration)
    api.deploy()
    endpoint.answer = lambda request: (418, {"X-There": "t", "Content-Type": "text/plain", "Server": "mine"}, "teapot")
    status, headers, body = api.send("PATCH", "/a/b%20c?x=1&x=2", "body", Content_Type="text/plain", X_Mine="yes", Max_Forwards="1")
    assert (status, body, headers["x-there"], headers["content-type"]) == (418, b"teapot", "t", "text/plain")
    assert headers["x-amzn-remapped-server"] == "mine"
    request = endpoint.next_request()
    assert (request.method, request.path, request.body) == ("PATCH", "/base/a/b%20c?x=1&x=2", "body")
    assert [request.headers[name] for name in ("X-Mine", "X-More", "X-Amzn-Apigateway-Api-Id", "Max-Forwards")] == ["yes", "more", api.id, None]
    assert request.headers["Host"] == f"127.0.0.1:{endpoint.port}"


def test_endpoints_that_do_not_answer_have_awss_errors(reaching, endpoint, unique):
    api = RestApi(reaching, unique)
    for path, uri in [("/slow", f"http://127.0.0.1:{endpoint.port}/"), ("/metadata", "http://169.254.169.254/latest/"), ("/own", "http://127.0.0.1:1/"), ("/none", "http://nowhere.invalid/")]:
        api.method("GET", path, {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": uri, "timeoutInMillis": 300 if path == "/slow" else 5000})
    api.deploy()
    endpoint.answer = lambda request: time.sleep(2) or (200, {}, "late")
    assert api.json("GET", "/slow") == (504, {"message": "Endpoint request timed out"})
    assert api.json("GET", "/metadata") == (500, {"message": "Internal server error"})
    assert api.json("GET", "/own") == (500, {"message": "Internal server error"})
    assert api.json("GET", "/none") == (504, {"message": "Network error communicating with endpoint"})
    endpoint.received.clear()


def test_what_a_method_has_is_there_after_a_crash(tmp_path):
    server = Server(tmp_path / "data")
    try:
        api = RestApi(server, "a")
        made = template('{"v": "$context.requestOverride.header.x"}', selectionPattern="2..")
        mock = {"type": "MOCK", "requestTemplates": {"application/json": '#set($context.requestOverride.header.x = "set"){"statusCode": 201}'}}
        key = api.method("GET", "/m", mock, {"201": made})
        api.deploy()
        before = api.client.get_method(**key)
        server.kill()
        server.start()
        client = server.client("apigateway")
        after = client.get_method(**key)
        before.pop("ResponseMetadata"), after.pop("ResponseMetadata")
        assert after == before
        assert api.json("GET", "/m") == (201, {"v": "set"})
    finally:
        assert server.stop(), server.logged()


def test_hostile_templates_end(api):
    for name, text in [
        ("grows", "#set($s = 'xxxxxxxxxxxxxxxx')#foreach($i in [1..100])#set($s = $s + $s)#end$s"),
        ("loops", "#foreach($i in [1..1000])#foreach($j in [1..1000])#foreach($k in [1..1000])x#end#end#end"),
        ("self", "#set($m = {})#set($m.m = $m)$m"),
    ]:
        api.method("GET", f"/{name}", MOCK | {"requestTemplates": {"application/json": text}}, {"200": {}})
    api.deploy()
    for name in ("grows", "loops", "self"):
        began = time.monotonic()
        assert api.json("GET", f"/{name}") == (500, {"message": "Internal server error"}), name
        assert time.monotonic() - began < 20
