"""Functions that misbehave: each gets Lambda's own error, the log has the truth, and nobody else notices."""

import base64
import io
import json
import re
import socket
import zipfile

import pytest
from cloudlet import Server
from test_lambda import make_role

NEIGHBOUR = "def handler(event, context): return event"

# What the handler does; what the caller is told; what the log says of it.
PYTHON = {
    "missing": ("", r"Handler 'handler' missing", "Runtime.HandlerNotFound"),
    "import": ("raise ValueError('at import')", r"at import", "ValueError"),
    "not-json": ("def handler(e, c): return {1, 2}", r"[Ss]et is not JSON serializable", "Runtime.MarshalError"),
    "large": ("def handler(e, c): return 'x' * (6 * 1024 * 1024 + 101)", r"exceeded maximum allowed payload size", "Function.ResponseSizeTooLarge"),
    "timeout": ("import time\ndef handler(e, c): time.sleep(60)", r"Task timed out after 1.00 seconds", "Task timed out after 1.00 seconds"),
    "exit": ("import sys\ndef handler(e, c): sys.exit(3)", r"Runtime exited with error: exit status 3", "Runtime.ExitError"),
    "quit": ("import os\ndef handler(e, c): os._exit(0)", r"Runtime exited without providing a reason", "Runtime.ExitError"),
    "segfault": ("import os\ndef handler(e, c): os.kill(os.getpid(), 11)", r"signal: segmentation fault", "Runtime.ExitError"),
    "memory": ("import time\ndef handler(e, c):\n  x = bytearray(b'x') * (300 << 20)\n  time.sleep(5)", r"signal: killed", "Runtime.ExitError"),
}

SLEEP = "await new Promise((done) => setTimeout(done, 60000))"
NODE = {
    "missing": ("", r"index.handler is undefined or not exported", "Runtime.HandlerNotFound"),
    "import": ("throw new TypeError('at import')", r"at import", "TypeError"),
    "not-json": ("exports.handler = async () => 1n", r"Unable to marshal response: .*BigInt", "Runtime.MarshalError"),
    "large": ("exports.handler = async () => 'x'.repeat(6 * 1024 * 1024 + 101)", r"exceeded maximum allowed payload size", "Function.ResponseSizeTooLarge"),
    "timeout": ("exports.handler = async () => { %s }" % SLEEP, r"Task timed out after 1.00 seconds", "Task timed out after 1.00 seconds"),
    "exit": ("exports.handler = async () => process.exit(3)", r"Runtime exited with error: exit status 3", "Runtime.ExitError"),
    "quit": ("exports.handler = async () => process.exit(0)", r"Runtime exited without providing a reason", "Runtime.ExitError"),
    "segfault": ("exports.handler = async () => { process.kill(process.pid, 'SIGSEGV'); %s }" % SLEEP, r"signal: segmentation fault", "Runtime.ExitError"),
    "memory": ("exports.handler = async () => { globalThis.kept = Buffer.alloc(300 << 20, 1); %s }" % SLEEP, r"signal: killed", "Runtime.ExitError"),
}

# A runtime of a function's own; `{init}` and `{handler}` misbehave.
BOOTSTRAP = """#!/usr/bin/env python3
import http.client, os, signal, sys, time
{init}
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None):
    api.request(method, "/2018-06-01/runtime/invocation/" + path, body)
    response = api.getresponse()
    return response.headers, response.read()
while True:
    headers, event = call("GET", "next")
    answer = "null"
{handler}
    call("POST", headers["Lambda-Runtime-Aws-Request-Id"] + "/response", answer)
"""


def provided(handler="pass", init=""):
    return BOOTSTRAP.format(init=init, handler="\n".join(f"    {line}" for line in handler.split("\n")))


PROVIDED = {
    "missing": (None, r"Couldn't find valid bootstrap", "Runtime.InvalidEntrypoint"),
    "import": (provided(init="sys.exit('at start')"), r"Runtime exited with error: exit status 1", "at start"),
    "large": (provided("answer = 'x' * (6 * 1024 * 1024 + 101)"), r"exceeded maximum allowed payload size", "Function.ResponseSizeTooLarge"),
    "timeout": (provided("time.sleep(60)"), r"Task timed out after 1.00 seconds", "Task timed out after 1.00 seconds"),
    "exit": (provided("sys.exit(3)"), r"Runtime exited with error: exit status 3", "Runtime.ExitError"),
    "quit": (provided("os._exit(0)"), r"Runtime exited without providing a reason", "Runtime.ExitError"),
    "segfault": (provided("os.kill(os.getpid(), 11)"), r"signal: segmentation fault", "Runtime.ExitError"),
    "memory": (provided("x = bytearray(b'x') * (300 << 20)\ntime.sleep(5)"), r"signal: killed", "Runtime.ExitError"),
}

RUNTIMES = {"python3.12": PYTHON, "nodejs22.x": NODE, "provided.al2023": PROVIDED}
CASES = [(runtime, case) for runtime, cases in RUNTIMES.items() for case in cases]

PRINTS = {
    "python3.12": "def handler(e, c):\n  for i in range(100): print('x' * (1 << 20))\n  return 1",
    "nodejs22.x": "exports.handler = async () => { for (let i = 0; i < 100; i++) console.log('x'.repeat(1 << 20)); return 1 }",
    "provided.al2023": provided("for i in range(100): print('x' * (1 << 20), flush=True)\nanswer = '1'"),
}

# Each tells what became of the last byte.
WRITES = {
    "python3.12": "def handler(e, c):\n  with open('/tmp/f', 'wb', 0) as f:\n    for i in range(512): f.write(bytes(1 << 20))\n    try: f.write(b'x')\n    except OSError as error: return str(error)",
    "nodejs22.x": "const fs = require('fs')\nexports.handler = async () => { for (let i = 0; i < 512; i++) fs.appendFileSync('/tmp/f', Buffer.alloc(1 << 20)); try { fs.appendFileSync('/tmp/f', 'x') } catch (error) { return error.message } }",
    "provided.al2023": provided("with open('/tmp/f', 'wb', 0) as f:\n  for i in range(512): f.write(bytes(1 << 20))\n  try: f.write(b'x')\n  except OSError as error: answer = f'\"{error}\"'"),
}

FORKS = {
    "python3.12": "import os, time\ndef handler(e, c):\n  if os.fork() == 0:\n    time.sleep(1000)\n    os._exit(0)\n  return 'left'",
    "nodejs22.x": "exports.handler = async () => { require('child_process').spawn('sleep', ['1000'], { detached: true, stdio: 'inherit' }).unref(); return 'left' }",
    "provided.al2023": provided("if os.fork() == 0:\n  time.sleep(1000)\n  os._exit(0)\nanswer = '\"left\"'"),
}


@pytest.fixture(scope="module")
def role(iam):
    return make_role(iam, "misbehaving")


def packed(runtime, source):
    """The package of a function; a runtime of its own is executable, and may be missing."""
    file = {"python": "index.py", "nodejs": "index.js"}.get(re.match("[a-z]+", runtime).group(), "bootstrap")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        info = zipfile.ZipInfo(file if source is not None else "readme")
        info.external_attr = 0o755 << 16
        archive.writestr(info, source or "")
    return content.getvalue()


def make(lambda_, role, name, source, runtime="python3.12", **options):
    name = name.replace(".", "-")
    lambda_.create_function(FunctionName=name, Runtime=runtime, Handler="index.handler", Role=role, Code={"ZipFile": packed(runtime, source)}, **options)
    return name


@pytest.fixture(scope="module")
def neighbour(lambda_, role):
    return make(lambda_, role, "misbehaving-neighbour", NEIGHBOUR)


def invoke(lambda_, name, event=None):
    answer = lambda_.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
    return answer.get("FunctionError"), json.loads(answer["Payload"].read()), base64.b64decode(answer["LogResult"]).decode()


@pytest.mark.parametrize("runtime, case", CASES)
def test_errors_are_the_callers_and_nobody_elses(lambda_, role, neighbour, runtime, case):
    source, message, logged = RUNTIMES[runtime][case]
    name = make(lambda_, role, f"misbehaving-{runtime}-{case}", source, runtime, Timeout=1)
    for _ in range(2):
        failed, error, log = invoke(lambda_, name)
        assert failed == "Unhandled" and re.search(message, error["errorMessage"]), (error, log)
        assert logged in log and "REPORT RequestId:" in log, log
    assert invoke(lambda_, neighbour, "still here")[:2] == (None, "still here")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_floods_are_cut(lambda_, role, neighbour, runtime):
    prints = make(lambda_, role, f"misbehaving-prints-{runtime}", PRINTS[runtime], runtime, Timeout=60)
    failed, value, log = invoke(lambda_, prints)
    assert (failed, value) == (None, 1) and "are not in the log" in log
    writes = make(lambda_, role, f"misbehaving-writes-{runtime}", WRITES[runtime], runtime, Timeout=60)
    failed, error, log = invoke(lambda_, writes)
    assert failed is None and "no space left on device" in error.lower(), (error, log)
    assert invoke(lambda_, neighbour, 1)[:2] == (None, 1)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_is_left_behind_does_not_hold_the_answer_up(lambda_, role, runtime):
    name = make(lambda_, role, f"misbehaving-forks-{runtime}", FORKS[runtime], runtime)
    assert [invoke(lambda_, name)[:2] for _ in range(2)] == [(None, "left")] * 2


def test_services_of_the_host_are_reached_only_when_allowed(tmp_path):
    source = "import socket\ndef handler(e, c):\n  try: socket.create_connection(('127.0.0.1', e), 5).close()\n  except OSError as error: return error.errno\n  return 'reached'"
    with socket.create_server(("127.0.0.1", 0)) as database, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [listener.getsockname()[1] for listener in (database, other)]
        server = Server(tmp_path / "data", options=["--allow-loopback", str(ports[0])])
        name = make(server.client("lambda"), make_role(server.client("iam"), "network"), "reaches", source)
        assert [invoke(server.client("lambda"), name, port)[1] for port in ports] == ["reached", 1]
        assert server.stop(), server.logged()
