"""The Telemetry API and the Logs API: what an extension is told of its own instance, and of no other."""

import concurrent.futures
import json

import pytest
from cloudlet import wait_until
from test_lambda import make_role
from test_lambda_extensions import BOOTSTRAP, deploy, said

# Subscribes as its layer's settings say, and keeps what it is told in /tmp, where the function finds it.
EXTENSION = """#!/usr/bin/env python3
import json, os, socketserver, sys, threading, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
api, name = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"], os.path.basename(sys.argv[0])
settings = json.loads('''SETTINGS''')
def call(method, path, headers, body=None):
    request = urllib.request.Request(api + path, body and json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)
def keep(file, lines):
    with open("/tmp/" + file, "a") as kept:
        kept.writelines(json.dumps(line) + "\\n" for line in lines)
class Http(BaseHTTPRequestHandler):
    def do_POST(self):
        keep("told", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            keep("told", [json.loads(line)])
kind = settings["body"]["destination"]["protocol"]
server = HTTPServer(("sandbox.localdomain", 4243), Http) if kind == "HTTP" else socketserver.TCPServer(("sandbox.localdomain", 4243), Tcp)
threading.Thread(target=server.serve_forever, daemon=True).start()
headers = call("POST", "/2020-01-01/extension/register", {"Lambda-Extension-Name": name}, {"events": ["INVOKE"]})[1]
id = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}
def subscribe(path, **changes):
    status, _, body = call("PUT", path, id, settings["body"] | changes)
    keep("answers", [[status, body]])
subscribe(settings["path"])
subscribe(settings["path"])
subscribe(settings["other"], schemaVersion=settings["version"])
subscribe(settings["path"], types=["everything"])
subscribe(settings["path"], destination={"protocol": "HTTP", "URI": "http://127.0.0.1:80"})
print("the extension speaks", flush=True)
while True:
    call("GET", "/2020-01-01/extension/event/next", id)
    subscribe(settings["path"])
"""
PYTHON = """
import json, time
def read(name):
    try:
        with open("/tmp/" + name) as lines:
            return [json.loads(line) for line in lines]
    except FileNotFoundError:
        return []
def handler(event, context):
    print("the function speaks")
    time.sleep(event.get("sleep", 0))
    return {"id": context.aws_request_id, "answers": read("answers"), "told": read("told")}
"""
NODE = """
const fs = require("fs");
const read = (name) => fs.existsSync("/tmp/" + name) ? fs.readFileSync("/tmp/" + name, "utf8").trim().split("\\n").map(JSON.parse) : [];
exports.handler = async (event, context) => {
  process.stdout.write("the function speaks\\n");
  return {id: context.awsRequestId, answers: read("answers"), told: read("told")};
};
"""
OWN = BOOTSTRAP.replace("import http.client, json, os", "import http.client, json, os" + PYTHON).replace(
    "json.dumps(id)", 'json.dumps(handler({}, type("Context", (), {"aws_request_id": id})))'
).replace('print("the function speaks")', 'print("the function speaks", flush=True)')
CODE = {
    "python3.12": {"index.py": PYTHON},
    "nodejs22.x": {"index.js": NODE},
    "provided.al2023": {"bootstrap": OWN},
}
TELEMETRY, LOGS = "/2022-07-01/telemetry", "/2020-08-15/logs"
HTTP = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243/events"}
TCP = {"protocol": "TCP", "port": 4243}


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "telemetry-tests")


def extension(path, version, destination):
    """An extension that subscribes to everything, by one API and then by the other."""
    buffering = {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25}
    body = {"schemaVersion": version, "types": ["platform", "function", "extension"], "buffering": buffering, "destination": destination}
    other, others_version = (LOGS, "2021-03-18") if path == TELEMETRY else (TELEMETRY, "2022-12-13")
    return EXTENSION.replace("SETTINGS", json.dumps({"path": path, "body": body, "other": other, "version": others_version}))


def invoke(lambda_, name, **event):
    answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(event))
    body = json.load(answer["Payload"])
    assert "FunctionError" not in answer, body
    return body


def told_of_first(lambda_, name):
    """Invokes until the extension was told all about the first invocation."""
    first = invoke(lambda_, name)["id"]

    def told():
        answer = invoke(lambda_, name)
        is_told = any(event["type"] == "platform.report" and event["record"]["requestId"] == first for event in answer["told"])
        return is_told and answer

    return first, wait_until(told, what="what the extension is told")


def of(told, kind):
    return [event["record"] for event in told if event["type"] == kind]


@pytest.mark.parametrize("runtime", CODE)
def test_an_extension_is_told_what_happens(lambda_, logs, role, unique, runtime):
    deploy(lambda_, role, unique, runtime, extension(TELEMETRY, "2022-12-13", HTTP), CODE)
    first, answer = told_of_first(lambda_, unique)
    told = answer["told"]
    start = of(told, "platform.initStart")[0]
    assert (start["functionName"], start["functionVersion"]) == (unique, "$LATEST")
    assert (start["initializationType"], start["phase"]) == ("on-demand", "init")
    subscribed = {"name": "mine", "state": "Subscribed", "types": ["platform", "function", "extension"]}
    assert of(told, "platform.telemetrySubscription") == [subscribed]
    assert of(told, "platform.extension") == [{"name": "mine", "state": "Ready", "events": ["INVOKE"]}]
    assert of(told, "platform.initRuntimeDone")[0]["status"] == "success"
    assert of(told, "platform.initReport")[0]["metrics"]["durationMs"] > 0
    assert of(told, "platform.start")[0] == {"requestId": first, "version": "$LATEST"}
    done, report = of(told, "platform.runtimeDone")[0], of(told, "platform.report")[0]
    assert (done["requestId"], done["status"]) == (report["requestId"], report["status"]) == (first, "success")
    assert done["metrics"]["producedBytes"] > 0 and report["metrics"]["memorySizeMB"] == 128
    assert report["metrics"]["initDurationMs"] > 0 and report["metrics"]["billedDurationMs"] > 0
    assert of(told, "function")[0] == "the function speaks"
    assert of(told, "extension") == ["the extension speaks"]
    kinds = [event["type"] for event in told]
    assert kinds.index("platform.initStart") < kinds.index("platform.start") < kinds.index("platform.runtimeDone")
    assert not {"platform.end", "platform.fault", "platform.logsSubscription"} & set(kinds)
    wait_until(lambda: said(logs, unique, "TELEMETRY\t") == ["Name: mine\tState: Subscribed\tTypes: [Platform, Function, Extension]"])


def test_what_is_wrong_with_a_subscription_is_said(lambda_, role, unique):
    deploy(lambda_, role, unique, "python3.12", extension(TELEMETRY, "2022-07-01", HTTP), CODE)
    _, answer = told_of_first(lambda_, unique)
    accepted, again, other, types, place, late = answer["answers"][:6]
    assert accepted == again == [200, "OK"]
    assert other[0] == 400 and "Telemetry API" in other[1]["errorMessage"]
    assert types[0] == 400 and "everything" in types[1]["errorMessage"]
    assert place[0] == 400 and "sandbox.localdomain" in place[1]["errorMessage"]
    assert late == [403, {"errorType": "Telemetry.SubscriptionClosed", "errorMessage": "Telemetry API subscription is closed already"}]


def test_the_older_api_tells_over_tcp_too(lambda_, logs, role, unique):
    deploy(lambda_, role, unique, "python3.12", extension(LOGS, "2021-03-18", TCP), CODE)
    first, answer = told_of_first(lambda_, unique)
    told = answer["told"]
    assert of(told, "platform.logsSubscription")[0]["name"] == "mine"
    assert of(told, "platform.runtimeDone")[0] == {"requestId": first, "status": "success"} | {
        "metrics": of(told, "platform.runtimeDone")[0]["metrics"]
    }
    assert of(told, "platform.end")[0] == {"requestId": first}
    assert of(told, "function")[0] == "the function speaks"
    assert not {"platform.initStart", "platform.initReport", "platform.telemetrySubscription"} & {event["type"] for event in told}
    assert answer["answers"][-1][1]["errorType"] == "Logs.SubscriptionClosed"
    wait_until(lambda: said(logs, unique, "LOGS\t") == ["Name: mine\tState: Subscribed\tTypes: [Platform, Function, Extension]"])


def test_instances_that_serve_one_port_are_told_of_themselves_alone(lambda_, role, unique):
    deploy(lambda_, role, unique, "python3.12", extension(TELEMETRY, "2022-12-13", HTTP), CODE)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: invoke(lambda_, unique, sleep=3), range(3)))
        assert len({answer["id"] for answer in answers}) == 3
        # Each of the three instances knows the invocations that it has run.
        later = list(pool.map(lambda _: invoke(lambda_, unique, sleep=3), range(3)))
    starts = [{record["requestId"] for record in of(answer["told"], "platform.start")} for answer in later]
    firsts = {answer["id"] for answer in answers}
    assert sorted(len(start & firsts) for start in starts) == [1, 1, 1], starts
    assert len(set.union(*starts) & firsts) == 3


def test_logs_in_json_are_told_as_objects(lambda_, role, unique):
    code = PYTHON.replace('print("the function speaks")', 'logging.getLogger().warning("the function speaks")').replace(
        "import json", "import logging, json"
    )
    files = CODE | {"python3.12": {"index.py": code}}
    deploy(lambda_, role, unique, "python3.12", extension(TELEMETRY, "2022-12-13", HTTP), files)
    lambda_.update_function_configuration(FunctionName=unique, LoggingConfig={"LogFormat": "JSON"})
    first, answer = told_of_first(lambda_, unique)
    line = of(answer["told"], "function")[0]
    assert (line["message"], line["level"], line["requestId"]) == ("the function speaks", "WARNING", first)
