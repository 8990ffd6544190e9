"""Function URLs and streamed answers: boto3 makes them, and plain HTTP and boto3 read them."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from cloudlet import REGION
from test_lambda import arn, create, make_role, package, refused

HANDLER = """
def handler(event, context):
    return {"statusCode": 201, "headers": {"x-made": "yes"}, "body": event["rawPath"] + " " + event["requestContext"]["http"]["method"]}
"""
# Waits between its pieces until the next request has come: only a client that gets the first piece at once sees the end.
STREAMS = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.requestContext) stream = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: { 'content-type': 'text/plain' } });
  stream.write('first ');
  await new Promise((done) => setTimeout(done, 300));
  if (event.fail) throw new RangeError('told to');
  stream.write('last');
  stream.end();
});
"""


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "lambda-url-tests")


def streaming(lambda_, role, name):
    return create(lambda_, role, name, Runtime="nodejs22.x", Code={"ZipFile": package(index__js=STREAMS)})


def open_to_all(lambda_, name, **more):
    """Both permissions that a URL's users need."""
    use = dict(StatementId="all", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
    lambda_.add_permission(FunctionName=name, **(use | more))
    invoke = dict(StatementId="invoke", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True)
    lambda_.add_permission(FunctionName=name, **(invoke | {key: more[key] for key in more if key != "FunctionUrlAuthType"}))


def get(url, headers={}):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_a_function_url_from_its_making_to_its_end(lambda_, role, unique):
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=HANDLER)})
    made = lambda_.create_function_url_config(FunctionName=unique, AuthType="NONE", Cors={"AllowOrigins": ["https://a.example"]})
    url = made["FunctionUrl"]
    assert (made["FunctionArn"], made["AuthType"], made["InvokeMode"]) == (arn(unique), "NONE", "BUFFERED")
    assert get(url)[0] == 403
    open_to_all(lambda_, unique)
    status, headers, body = get(url + "a/b", {"origin": "https://a.example"})
    assert (status, headers["x-made"], body) == (201, "yes", "/a/b GET")
    assert headers["access-control-allow-origin"] == "https://a.example"
    host = f"{urllib.parse.urlsplit(url).path.split('/')[3]}.lambda-url.{REGION}.localhost"
    assert get("http://" + urllib.parse.urlsplit(url).netloc + "/c", {"host": host})[2] == "/c GET"
    updated = lambda_.update_function_url_config(FunctionName=unique, AuthType="AWS_IAM")
    assert (updated["FunctionUrl"], updated["AuthType"]) == (url, "AWS_IAM")
    assert lambda_.get_function_url_config(FunctionName=unique)["AuthType"] == "AWS_IAM"
    listed = lambda_.list_function_url_configs(FunctionName=unique)["FunctionUrlConfigs"]
    assert [config["FunctionUrl"] for config in listed] == [url]
    refused("ResourceConflictException", lambda_.create_function_url_config, FunctionName=unique, AuthType="NONE")
    lambda_.delete_function_url_config(FunctionName=unique)
    refused("ResourceNotFoundException", lambda_.get_function_url_config, FunctionName=unique)
    assert get(url)[0] == 404


def test_a_signed_url_takes_signed_requests(lambda_, iam, server, role, unique):
    create(lambda_, role, unique, Code={"ZipFile": package(index__py=HANDLER)})
    url = lambda_.create_function_url_config(FunctionName=unique, AuthType="AWS_IAM")["FunctionUrl"]
    user = iam.create_user(UserName=unique)["User"]["Arn"]
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    from botocore.credentials import Credentials

    def signed(path):
        request = AWSRequest("GET", url + path)
        SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "lambda", REGION).add_auth(request)
        return get(url + path, dict(request.headers))

    assert get(url)[0] == 403
    assert signed("x")[0] == 403
    open_to_all(lambda_, unique, Principal=user, FunctionUrlAuthType="AWS_IAM")
    assert signed("x")[::2] == (201, "/x GET")


def test_a_streaming_url_sends_the_first_bytes_before_the_last_are_made(lambda_, role, unique):
    streaming(lambda_, role, unique)
    url = lambda_.create_function_url_config(FunctionName=unique, AuthType="NONE", InvokeMode="RESPONSE_STREAM")["FunctionUrl"]
    open_to_all(lambda_, unique)
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    connection.request("GET", parts.path)
    response = connection.getresponse()
    assert (response.status, response.headers["content-type"], response.headers["transfer-encoding"]) == (200, "text/plain", "chunked")
    assert response.read1() == b"first "
    assert response.read() == b"last"


def test_a_client_that_leaves_early_disturbs_nobody(lambda_, role, unique):
    streaming(lambda_, role, unique)
    url = urllib.parse.urlsplit(lambda_.create_function_url_config(FunctionName=unique, AuthType="NONE", InvokeMode="RESPONSE_STREAM")["FunctionUrl"])
    open_to_all(lambda_, unique)
    for _ in range(3):
        connection = http.client.HTTPConnection(url.netloc, timeout=20)
        connection.request("GET", url.path)
        assert connection.getresponse().read1() == b"first "
        connection.close()
    answer = lambda_.invoke(FunctionName=unique, Payload=b"{}")
    assert answer["Payload"].read() == b"first last"


def test_events_of_a_streamed_invocation(lambda_, role, unique):
    streaming(lambda_, role, unique)
    answer = lambda_.invoke_with_response_stream(FunctionName=unique, Payload=b"{}", LogType="Tail")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    events = list(answer["EventStream"])
    assert [event["PayloadChunk"]["Payload"] for event in events[:-1]] == [b"first ", b"last"]
    assert "LogResult" in events[-1]["InvokeComplete"]
    failed = list(lambda_.invoke_with_response_stream(FunctionName=unique, Payload=b'{"fail":1}')["EventStream"])
    assert failed[0]["PayloadChunk"]["Payload"] == b"first "
    assert json.loads(failed[-1]["InvokeComplete"]["ErrorDetails"])["errorType"] == "RangeError"
    refused("ResourceNotFoundException", lambda_.invoke_with_response_stream, FunctionName="missing")
