"""Extensions in layers, beside functions of each kind: what they are told, and what they do to their function."""

import io
import json
import zipfile

import pytest
from cloudlet import wait_until
from test_lambda import make_role

EXTENSION = """#!/usr/bin/env python3
import json, os, sys, urllib.request
base, name = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension/", os.path.basename(sys.argv[0])
def call(method, path, headers, body=None):
    with urllib.request.urlopen(urllib.request.Request(base + path, body, headers, method=method)) as answer:
        return answer.headers, json.load(answer)
events = json.dumps({"events": ["INVOKE", "SHUTDOWN"]}).encode()
headers, body = call("POST", "register", {"Lambda-Extension-Name": name}, events)
print("extension registered", json.dumps(body), flush=True)
id = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
while True:
    event = call("GET", "event/next", id)[1]
    print("extension told", event["eventType"], event.get("requestId") or event["shutdownReason"], flush=True)
    if event["eventType"] == "SHUTDOWN":
        sys.exit(0)
"""
CRASHING = "#!/bin/sh\nexit 7\n"
PYTHON = "def handler(event, context):\n    return context.aws_request_id\n"
NODE = "exports.handler = async (event, context) => context.awsRequestId;"
BOOTSTRAP = """#!/usr/bin/env python3
import http.client, json, os
api, base = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), "/2018-06-01/runtime/invocation/"
while True:
    api.request("GET", base + "next")
    answer = api.getresponse()
    answer.read()
    id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", base + id + "/response", json.dumps(id))
    api.getresponse().read()
"""
FUNCTIONS = {
    "python3.12": {"index.py": PYTHON},
    "nodejs22.x": {"index.js": NODE},
    "provided.al2023": {"bootstrap": BOOTSTRAP},
}


def package(files):
    """A zip file whose files may all be executed."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, text)
    return content.getvalue()


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "extension-tests")


def deploy(lambda_, role, name, runtime, extension, functions=FUNCTIONS):
    """A function of `runtime` with a layer in which there is an extension."""
    layer = lambda_.publish_layer_version(LayerName=name, Content={"ZipFile": package({"extensions/mine": extension})})
    code = {"ZipFile": package(functions[runtime])}
    layers = [layer["LayerVersionArn"]]
    lambda_.create_function(FunctionName=name, Runtime=runtime, Role=role, Handler="index.handler", Code=code, Layers=layers, Timeout=20)


def said(logs, name, start):
    """Lines of a function's log that begin with `start`, without it."""
    try:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"].removeprefix(start).strip() for event in events if event["message"].startswith(start)]


@pytest.mark.parametrize("runtime", FUNCTIONS)
def test_an_extension_lives_beside_its_function(lambda_, logs, role, unique, runtime):
    deploy(lambda_, role, unique, runtime, EXTENSION)
    answers = [json.load(lambda_.invoke(FunctionName=unique)["Payload"]) for _ in range(2)]
    assert len(set(answers)) == 2, answers
    told = wait_until(lambda: len(told := said(logs, unique, "extension told INVOKE")) == 2 and told)
    assert told == answers
    registered = json.loads(said(logs, unique, "extension registered")[0])
    assert (registered["functionName"], registered["functionVersion"]) == (unique, "$LATEST")
    assert said(logs, unique, "EXTENSION\t") == ["Name: mine\tState: Ready\tEvents: [INVOKE,SHUTDOWN]"]
    # New code: the old instance leaves, and its extension hears of that.
    lambda_.update_function_code(FunctionName=unique, ZipFile=package(FUNCTIONS[runtime] | {"new": "x"}))
    lambda_.invoke(FunctionName=unique)
    wait_until(lambda: "spindown" in said(logs, unique, "extension told SHUTDOWN"), what="the end of the old instance")


@pytest.mark.parametrize("runtime", FUNCTIONS)
def test_an_extension_that_ends_fails_its_function(lambda_, role, unique, runtime):
    deploy(lambda_, role, unique, runtime, CRASHING)
    answer = lambda_.invoke(FunctionName=unique)
    error = json.load(answer["Payload"])
    assert answer["FunctionError"] == "Unhandled"
    assert error["errorType"] == "Extension.Crash"
    assert error["errorMessage"].endswith("Error: exit status 7"), error
